//! Where diagnostics gather.
//!
//! In: diagnostics, found in any order and often more than once, as instances and variants repeat them. Out: each once.
//! Invariant: of two with the same code at the same place, the first stays; who comes later only adds its instance to it.

use std::cell::RefCell;

use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;

/// Somebody has told already why something does not compile. Nobody needs to tell it again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Stop;

/// The outcome of a step whose reason to stop is in the sink.
pub(super) type Checked<T> = Result<T, Stop>;

#[derive(Debug, Default)]
pub(super) struct Sink {
    told: RefCell<Vec<Told>>,
}

#[derive(Debug)]
struct Told {
    diagnostic: Diagnostic,
    /// Instances of the rule in which it was found; empty outside of families.
    instances: Vec<String>,
}

impl Sink {
    pub(super) fn tell(&self, diagnostic: Diagnostic) {
        self.tell_of(diagnostic, None);
    }

    /// Tells what is wrong and stops.
    pub(super) fn stop<T>(&self, diagnostic: Diagnostic) -> Checked<T> {
        self.tell(diagnostic);
        Err(Stop)
    }

    /// Tells what is wrong in one instance of a family.
    pub(super) fn tell_of(&self, diagnostic: Diagnostic, instance: Option<&str>) {
        let mut told = self.told.borrow_mut();
        let key = |diagnostic: &Diagnostic| -> (Code, Option<Span>) {
            (diagnostic.code, diagnostic.span())
        };
        let known = told
            .iter_mut()
            .rev()
            .find(|known| key(&known.diagnostic) == key(&diagnostic));
        let entry = match known {
            Some(known) => known,
            None => {
                told.push(Told {
                    diagnostic,
                    instances: vec![],
                });
                told.last_mut()
                    .unwrap_or_else(|| unreachable!("it was pushed just now"))
            }
        };
        if let Some(instance) = instance
            && !entry.instances.iter().any(|known| known == instance)
        {
            entry.instances.push(instance.to_owned());
        }
    }

    /// Whether something was told that is more than a warning.
    pub(super) fn has_errors(&self) -> bool {
        self.told
            .borrow()
            .iter()
            .any(|told| told.diagnostic.is_error())
    }

    /// All of them, in the order of files and places.
    pub(super) fn finish(self) -> Vec<Diagnostic> {
        let mut diagnostics: Vec<Diagnostic> = self
            .told
            .into_inner()
            .into_iter()
            .map(|told| match told.instances.as_slice() {
                [] => told.diagnostic,
                [one] => told.diagnostic.note(format!("in {one}")),
                [one, others @ ..] => {
                    let n = others.len();
                    let note = format!("in {one} and {n} more of its family");
                    told.diagnostic.note(note)
                }
            })
            .collect();
        diagnostics.sort_by_key(|diagnostic| diagnostic.span());
        diagnostics
    }
}
