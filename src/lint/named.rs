//! The rules of a library with where their names stand and which act together.
//!
//! In: a library and its texts. Out: [`Rules`].

use std::collections::BTreeSet;

use crate::check::Library;
use crate::check::pipeline::Step;
use crate::check::rule::Rule;
use crate::graph::Name;
use crate::source::{SourceId, Sources, Span};

/// The rules of a library.
pub(super) struct Rules<'a> {
    pub(super) library: &'a Library,
    sources: &'a Sources,
    /// The files that are asked about.
    about: &'a dyn Fn(SourceId) -> bool,
    /// Rules that stand in one step; or in one module, with those that no step names.
    groups: Vec<Vec<usize>>,
    /// Pairs of such: smaller index first.
    together: BTreeSet<(usize, usize)>,
}

impl<'a> Rules<'a> {
    pub(super) fn new(
        library: &'a Library,
        sources: &'a Sources,
        about: &'a dyn Fn(SourceId) -> bool,
    ) -> Rules<'a> {
        let index = |name: &Name| library.rules.iter().position(|rule| rule.name == *name);
        let mut named: Vec<&[Name]> = Vec::new();
        for pipeline in &library.pipelines {
            steps(&pipeline.steps, &mut named);
        }
        let mut groups: Vec<Vec<usize>> = named
            .iter()
            .map(|names| names.iter().filter_map(index).collect())
            .collect();
        let in_steps: BTreeSet<usize> = groups.iter().flatten().copied().collect();
        let of_steps = groups.len();
        for module in &library.modules {
            let equalities = module.rules.clone();
            groups.push(
                equalities
                    .filter(|&at| library.rules[at].is_equality())
                    .collect(),
            );
        }
        let mut together = BTreeSet::new();
        for (number, group) in groups.iter().enumerate() {
            // Rules of a module that steps name act together where a step names both.
            let is_settled =
                |a, b| number >= of_steps && in_steps.contains(a) && in_steps.contains(b);
            for (at, a) in group.iter().enumerate() {
                for b in &group[at + 1..] {
                    let of = |at: usize| about(library.rules[at].span.source);
                    if a != b && (of(*a) || of(*b)) && !is_settled(a, b) {
                        together.insert((*a.min(b), *a.max(b)));
                    }
                }
            }
        }
        Rules {
            library,
            sources,
            about,
            groups,
            together,
        }
    }

    pub(super) fn all(&self) -> &'a [Rule] {
        &self.library.rules
    }

    /// The rules of the files that are asked about.
    pub(super) fn asked(&self) -> impl Iterator<Item = &'a Rule> + '_ {
        let rules = self.library.rules.iter();
        rules.filter(|rule| (self.about)(rule.span.source))
    }

    /// Pairs of rules that act together, one of them asked about, in order.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.together.iter().copied()
    }

    /// The equalities of each step or module that has both rules.
    pub(super) fn acting_with(&self, a: usize, b: usize) -> Vec<&'a Rule> {
        let groups = self.groups.iter();
        let groups = groups.filter(|group| group.contains(&a) && group.contains(&b));
        let all: BTreeSet<usize> = groups.flatten().copied().collect();
        let rules = all.into_iter().map(|at| &self.library.rules[at]);
        rules.filter(|rule| rule.is_equality()).collect()
    }

    /// The place of a rule's name.
    pub(super) fn name_span(&self, rule: &Rule) -> Span {
        let text = self
            .sources
            .file(rule.span.source)
            .map_or("", |file| file.text());
        let item = text.get(rule.span.range()).unwrap_or_default();
        let short = rule.name.as_str().rsplit('.').next().unwrap_or_default();
        let wanted = format!("rule {short}");
        let mut offset = 0;
        for line in item.split_inclusive('\n') {
            if line.starts_with(&wanted) {
                let start = rule.span.start as usize + offset + "rule ".len();
                return Span::new(rule.span.source, start, start + short.len());
            }
            offset += line.len();
        }
        rule.span
    }
}

/// The rules named by steps that use them.
fn steps<'p>(steps_of: &'p [Step], into: &mut Vec<&'p [Name]>) {
    for step in steps_of {
        match step {
            Step::Apply { rules, .. } | Step::Saturate { rules, .. } => into.push(rules),
            Step::If(_, inner) => steps(inner, into),
            _ => {}
        }
    }
}
