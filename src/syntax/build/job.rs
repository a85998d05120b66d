//! Pipelines and tests.
//!
//! In: pairs of `pipeline` and `test`. Out: their trees.
//!
//! Invariant: steps and expectations keep their order.
#![deny(clippy::unwrap_used, clippy::indexing_slicing)]

use super::super::ast::{
    Binding, Comparison, Expect, ExpectKind, Given, Pipeline, Setting, Step, StepIf, Test,
};
use super::super::grammar::Rule;
use super::{Builder, Cursor};
use pest::iterators::Pair;

impl Builder<'_> {
    pub(super) fn pipeline(&self, pair: Pair<'_, Rule>) -> Pipeline {
        let span = self.span(&pair);
        let mut inner = Cursor::new(pair);
        let name = self.name(&inner.expect(Rule::ident));
        let settings = inner.all(Rule::setting, |setting| {
            let span = self.span(&setting);
            let mut inner = Cursor::new(setting);
            let name = self.name(&inner.expect(Rule::ident));
            Setting {
                name,
                default: inner.take(Rule::expr).map(|default| self.expr(default)),
                span,
            }
        });
        Pipeline {
            name,
            settings,
            steps: self.steps(inner.expect(Rule::steps)),
            span,
        }
    }

    fn steps(&self, pair: Pair<'_, Rule>) -> Vec<Step> {
        Cursor::new(pair).all(Rule::step, |step| {
            let Some(step) = step.into_inner().next() else {
                unreachable!("the grammar has no empty step")
            };
            let span = self.span(&step);
            match step.as_rule() {
                Rule::let_ => Step::Let(self.let_(step)),
                Rule::step_if => {
                    let mut inner = Cursor::new(step);
                    let condition = self.expr(inner.expect(Rule::expr));
                    Step::If(StepIf {
                        condition,
                        steps: self.steps(inner.expect(Rule::steps)),
                        span,
                    })
                }
                _ => Step::Call(self.call(step)),
            }
        })
    }

    pub(super) fn test(&self, pair: Pair<'_, Rule>) -> Test {
        let span = self.span(&pair);
        let mut inner = Cursor::new(pair);
        let name = self.text(&inner.expect(Rule::string));
        let of = inner.take(Rule::path).map(|of| self.path(&of));
        let instance = match inner.take(Rule::instance) {
            Some(instance) => Cursor::new(instance).all(Rule::binding, |binding| {
                let span = self.span(&binding);
                let mut inner = Cursor::new(binding);
                let name = self.name(&inner.expect(Rule::ident));
                Binding {
                    name,
                    value: self.expr(inner.expect(Rule::expr)),
                    span,
                }
            }),
            None => vec![],
        };
        let given = {
            let mut inner = Cursor::new(inner.expect(Rule::given));
            match inner.take(Rule::graph) {
                Some(graph) => Given::Graph(self.graph(graph)),
                None => Given::File(self.text(&inner.expect(Rule::string))),
            }
        };
        Test {
            name,
            of,
            instance,
            given,
            expects: inner.all(Rule::expect, |expect| self.expect(expect)),
            span,
        }
    }

    fn expect(&self, pair: Pair<'_, Rule>) -> Expect {
        let span = self.span(&pair);
        let mut inner = Cursor::new(pair);
        let Some(first) = inner.next() else {
            unreachable!("the grammar has no empty expectation")
        };
        let kind = match first.as_rule() {
            Rule::graph => ExpectKind::Graph(self.graph(first)),
            Rule::no => {
                ExpectKind::NoMatch(inner.take(Rule::string).map(|reason| self.text(&reason)))
            }
            Rule::applied => {
                let comparison = match inner.expect(Rule::compare).as_str().trim_end() {
                    ">=" => Comparison::AtLeast,
                    "<=" => Comparison::AtMost,
                    _ => Comparison::Equal,
                };
                ExpectKind::Applied(comparison, self.integer(&inner.expect(Rule::integer)))
            }
            Rule::snapshot => ExpectKind::Snapshot,
            Rule::equal => ExpectKind::Equal,
            _ => ExpectKind::Error(self.text(&inner.expect(Rule::string))),
        };
        Expect { kind, span }
    }
}
