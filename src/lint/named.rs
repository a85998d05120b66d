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
    /// Pairs of rules that stand in one step, or in one module: smaller index first.
    together: BTreeSet<(usize, usize)>,
}

impl<'a> Rules<'a> {
    pub(super) fn new(
        library: &'a Library,
        sources: &'a Sources,
        about: &'a dyn Fn(SourceId) -> bool,
    ) -> Rules<'a> {
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for module in &library.modules {
            let equalities = module.rules.clone();
            groups.push(
                equalities
                    .filter(|&at| library.rules[at].is_equality())
                    .collect(),
            );
        }
        let index = |name: &Name| library.rules.iter().position(|rule| rule.name == *name);
        let mut named: Vec<&[Name]> = Vec::new();
        for pipeline in &library.pipelines {
            steps(&pipeline.steps, &mut named);
        }
        groups.extend(
            named
                .iter()
                .map(|names| names.iter().filter_map(index).collect()),
        );
        let mut together = BTreeSet::new();
        for group in groups {
            for (at, &a) in group.iter().enumerate() {
                for &b in &group[at + 1..] {
                    let of = |at: usize| about(library.rules[at].span.source);
                    if a != b && (of(a) || of(b)) {
                        together.insert((a.min(b), a.max(b)));
                    }
                }
            }
        }
        Rules {
            library,
            sources,
            about,
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
