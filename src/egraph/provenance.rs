//! Which application of which rule made a node: one number for each node, one entry for each application.
//!
//! In: applications as the engine makes them. Out: the origin of every node, and through the classes an application had bound, what
//! that rested on in turn.
//! Invariant: application 0 is the import; everything an application bound existed before it, so every walk along origins ends there.

use crate::graph::Name;

use super::binding::Bound;
use super::language::Class;

/// An application of a rule. Number 0 stands for the import, which no rule made.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct ApplicationId(pub u32);

impl ApplicationId {
    /// The import.
    pub const IMPORT: ApplicationId = ApplicationId(0);
}

/// One application: a rule matched, and what it built became equal to what it had matched.
#[derive(Clone, Debug)]
pub struct Application {
    /// Full name of the rule.
    pub rule: Name,
    /// Index of the instance among the rule's.
    pub instance: u32,
    /// Index of the variant among the instance's.
    pub variant: u32,
    /// The class of each root, as it was then.
    pub roots: Box<[Class]>,
    /// What the slots held, as it was then; lists lie behind.
    pub bound: Box<[Bound]>,
}

/// All applications so far, and the origin of each node by the number egg gave it.
#[derive(Clone, Debug, Default)]
pub(super) struct Provenance {
    applications: Vec<Application>,
    origins: Vec<ApplicationId>,
    pub(super) current: ApplicationId,
    /// Pairs merged since the last rebuild, to name the rule behind a disagreement that shows up only there.
    pub(super) merged: Vec<(Class, Class, ApplicationId)>,
}

impl Provenance {
    /// Opens an application: what is added from here on is its work.
    pub(super) fn begin(&mut self, application: Application) -> ApplicationId {
        self.applications.push(application);
        self.current =
            ApplicationId(u32::try_from(self.applications.len()).expect("fewer than four billion"));
        self.current
    }

    /// Forgets the application opened last, which changed nothing.
    pub(super) fn cancel(&mut self) {
        self.applications.pop();
        self.current = ApplicationId::IMPORT;
    }

    /// Closes the application.
    pub(super) fn end(&mut self) {
        self.current = ApplicationId::IMPORT;
    }

    pub(super) fn get(&self, id: ApplicationId) -> Option<&Application> {
        self.applications.get((id.0 as usize).checked_sub(1)?)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (ApplicationId, &Application)> {
        (1..).map(ApplicationId).zip(&self.applications)
    }

    /// Notes the origin of the node that egg numbers next.
    pub(super) fn made(&mut self, class: Class) {
        debug_assert_eq!(usize::from(class), self.origins.len());
        self.origins.push(self.current);
    }

    /// The application that made the node with this number.
    pub(super) fn origin(&self, number: usize) -> ApplicationId {
        self.origins[number]
    }
}
