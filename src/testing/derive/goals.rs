//! What there is to show of a rule: that it matches, in each of its ways, and that it does not where one thing is different.
//!
//! In: an instance of a rule. Out: graphs with what is to be expected of them, or why there is none.
//! Invariant: goals come in the order of the rule's text: matches, guards, names, constants, optional nodes.

use std::collections::BTreeSet;

use crate::check::rule::{Pattern, Rest, SlotKind};
use crate::graph::text::LiteralText;
use crate::graph::{DType, Literal};
use crate::ops::{Schema, torch_dtype, torch_dtype_code};
use crate::source::Span;
use crate::testing::written::{Trees, choices};

use super::bench::Bench;
use super::contents::{Kind, Options, Plain, is_const};
use super::draft::Draft;
use super::search::Search;
use super::sketch::{Part, PartId, Sizes, Sketch, Twist};

/// Something to show.
#[derive(Clone, Debug)]
pub(super) struct Goal {
    /// The name of its test.
    pub(super) name: String,
    /// The graph and its expectations, or why there is none.
    pub(super) found: Result<(String, Vec<String>), String>,
}

/// A variant that matches.
struct Matched {
    variant: u32,
    sizes: Sizes,
    draft: Draft,
    hidden: BTreeSet<PartId>,
    text: String,
}

/// All there is to show of an instance. `label`: its full name, with which contents are drawn.
pub(super) fn goals(bench: &Bench<'_>, trees: &Trees, label: &str) -> Vec<Goal> {
    let goals = Goals {
        bench,
        label,
        spans: bench
            .set()
            .variants()
            .iter()
            .map(|variant| {
                let mut spans = Vec::new();
                variant
                    .patterns
                    .iter()
                    .for_each(|pattern| operators(pattern, &mut spans));
                spans
            })
            .collect(),
    };
    goals.all(trees)
}

struct Goals<'a> {
    bench: &'a Bench<'a>,
    label: &'a str,
    /// Where the operators of each variant are written.
    spans: Vec<Vec<Span>>,
}

impl Goals<'_> {
    fn all(&self, trees: &Trees) -> Vec<Goal> {
        let mut found = Vec::new();
        let Some(smallest) = self.matching(&|_, _| true) else {
            let why = "no graph was found for which all guards hold".to_owned();
            return vec![Goal {
                name: "smallest match".into(),
                found: Err(why),
            }];
        };
        found.push(self.shown("smallest match".into(), &smallest));
        let tree = trees
            .rule(self.bench.rule.name.as_str())
            .map(|(_, tree)| tree);
        let choices = tree.map(choices).unwrap_or_default();
        let has = |variant: u32, way: &Span, optional: bool| {
            self.spans[variant as usize]
                .iter()
                .any(|span| match optional {
                    true => span.start == way.start,
                    false => way.start <= span.start && span.end <= way.end,
                })
        };
        for choice in &choices {
            for way in &choice.ways {
                if has(smallest.variant, way, choice.optional) {
                    continue;
                }
                let name = format!("with {}", self.operator(way));
                // A chain is no operator of a variant: it has links, or none.
                let is_chain = (0..)
                    .zip(&self.spans)
                    .all(|(variant, _)| !has(variant, way, choice.optional));
                let matched = self.matching(&|variant, sizes| match is_chain {
                    true => sizes.links > 0,
                    false => has(variant, way, choice.optional),
                });
                found.push(match matched {
                    Some(matched) => self.shown(name, &matched),
                    None => Goal {
                        name,
                        found: Err("no graph was found for which all guards hold".into()),
                    },
                });
            }
        }
        self.guards(&smallest, &mut found);
        self.constants(&smallest, &mut found);
        self.names(&smallest, &mut found);
        for choice in choices.iter().filter(|choice| choice.optional) {
            for way in &choice.ways {
                let with = self
                    .order()
                    .into_iter()
                    .find(|&variant| has(variant, way, true));
                if let Some(variant) = with {
                    found.push(self.other_operator(way, variant));
                }
            }
        }
        let mut taken = BTreeSet::new();
        for goal in &mut found {
            let mut numbered = std::iter::once(goal.name.clone())
                .chain((2..).map(|n| format!("{} {n}", goal.name)));
            let free = numbered.find(|name| taken.insert(name.clone()));
            goal.name = free.unwrap_or_else(|| unreachable!("numbers do not end"));
        }
        found
    }

    /// The operator that is written at a place.
    fn operator(&self, way: &Span) -> String {
        let text = self.bench.loaded().sources.text(*way);
        let start = text.find("::").map_or(0, |at| {
            text[..at]
                .rfind(|c: char| !c.is_alphanumeric() && c != '_')
                .map_or(0, |at| at + 1)
        });
        let name = text.get(start..).unwrap_or(text);
        let end = name.find(['(', '?', '[', '*', '+']).unwrap_or(name.len());
        name.get(..end).unwrap_or(name).to_owned()
    }

    /// The variants, small ones first.
    fn order(&self) -> Vec<u32> {
        let mut order: Vec<u32> = (0..).take(self.spans.len()).collect();
        order.sort_by_key(|&variant| self.spans[variant as usize].len());
        order
    }

    /// The sizes that make a difference to a variant.
    fn sizes(&self, variant: u32) -> impl Iterator<Item = Sizes> + use<> {
        let patterns = &self.bench.set().variant(variant).patterns;
        let links = patterns.iter().any(|pattern| is_open(pattern, true));
        let each = patterns.iter().any(|pattern| is_open(pattern, false));
        let fits = move |sizes: &Sizes| (links || sizes.links == 0) && (each || sizes.each == 1);
        Sizes::ALL.into_iter().filter(fits)
    }

    fn matching(&self, wanted: &dyn Fn(u32, Sizes) -> bool) -> Option<Matched> {
        let order = self.order();
        let of = |variant: u32| self.sizes(variant).map(move |sizes| (variant, sizes));
        let mut all: Vec<(u32, Sizes)> = order.into_iter().flat_map(of).collect();
        all.sort_by_key(|(_, sizes)| Sizes::ALL.iter().position(|one| one == sizes));
        let mut wanted = all
            .into_iter()
            .filter(|(variant, sizes)| wanted(*variant, *sizes));
        wanted.find_map(|(variant, sizes)| self.matched(variant, sizes, None))
    }

    fn draft(
        &self,
        variant: u32,
        sizes: Sizes,
        twist: Option<&Twist>,
    ) -> Option<(Draft, BTreeSet<PartId>)> {
        let compiled = self.bench.set().variant(variant);
        let sketch = Sketch::new(&self.bench.loaded().catalogue, compiled, sizes, twist)?;
        let erased = compiled
            .erased
            .iter()
            .filter_map(|slot| sketch.slots.get(slot))
            .flatten();
        let hidden = erased.copied().collect();
        Some((Draft::new(sketch, compiled), hidden))
    }

    fn matched(&self, variant: u32, sizes: Sizes, twist: Option<&Twist>) -> Option<Matched> {
        let (draft, hidden) = self.draft(variant, sizes, twist)?;
        let search = Search {
            bench: self.bench,
            variant,
            hidden,
        };
        let draft = search.matched(draft)?;
        // Where the engine computes the result before the rule can take its place, less is said.
        let ways = [(true, false), (false, true), (true, true)];
        let vaguer = ways
            .iter()
            .filter_map(|(sizes, literals)| draft.vaguer(*sizes, *literals));
        let all = std::iter::once(draft.clone()).chain(vaguer);
        let acts = |draft: &Draft| {
            let text = draft.text(&search.hidden);
            let looked = self.bench.look(&text);
            looked.is_ok_and(|looked| looked.matches(variant))
                && self.bench.is_left_alone(&text, "") == Ok(false)
        };
        let draft = all.into_iter().find(acts).unwrap_or(draft);
        let text = draft.text(&search.hidden);
        Some(Matched {
            variant,
            sizes,
            draft,
            hidden: search.hidden,
            text,
        })
    }

    /// A graph that matches.
    fn shown(&self, name: String, matched: &Matched) -> Goal {
        let purpose = format!("{}: {name}", self.label);
        let found = self.bench.expectations(&matched.text, &purpose);
        Goal {
            name,
            found: found.map(|expects| (self.bench.plain(&matched.text), expects)),
        }
    }

    /// A graph that does not.
    fn missed(&self, name: String, draft: Option<(Draft, &BTreeSet<PartId>)>, why: &str) -> Goal {
        let Some((draft, hidden)) = draft else {
            return Goal {
                name,
                found: Err(why.to_owned()),
            };
        };
        let text = draft.text(hidden);
        let purpose = format!("{}: {name}", self.label);
        let found = match self.bench.is_left_alone(&text, &purpose) {
            Ok(true) => Ok((self.bench.plain(&text), vec!["expect no match".to_owned()])),
            Ok(false) => Err("the rule matches nevertheless".to_owned()),
            Err(error) => Err(error),
        };
        Goal { name, found }
    }

    fn guards(&self, smallest: &Matched, found: &mut Vec<Goal>) {
        let rule = self.bench.rule;
        for (reason, written) in rule.reasons.iter().enumerate() {
            let asks = |variant: u32| {
                let variant = self.bench.set().variant(variant);
                variant.guards.iter().any(|guard| guard.reason == reason)
            };
            let name = format!("refused: {}", written.text);
            let order = [smallest.variant].into_iter().chain(self.order());
            let mut asking = order.filter(|&variant| asks(variant)).peekable();
            if asking.peek().is_none() {
                // The checker decided it for this instance.
                continue;
            }
            let tried =
                asking.flat_map(|variant| self.sizes(variant).map(move |sizes| (variant, sizes)));
            let graph = tried
                .take(24)
                .find_map(|(variant, sizes)| self.refused(variant, sizes, reason));
            let expect = format!(
                "expect no match because {}",
                LiteralText(&Literal::str(&written.text))
            );
            found.push(match graph {
                Some(text) => Goal {
                    name,
                    found: Ok((self.bench.plain(&text), vec![expect])),
                },
                None => Goal {
                    name,
                    found: Err("no graph was found for which this guard alone is false".into()),
                },
            });
        }
    }

    fn refused(&self, variant: u32, sizes: Sizes, reason: usize) -> Option<String> {
        let (plain, hidden) = self.draft(variant, sizes, None)?;
        let search = Search {
            bench: self.bench,
            variant,
            hidden,
        };
        // Other guards may not hold where this one is asked with fewer elements.
        let draft = search.matched(plain.clone()).unwrap_or(plain);
        let refused = search.refused(&draft, reason)?;
        Some(refused.text(&search.hidden))
    }

    /// Each literal of the pattern, another one in its place.
    fn constants(&self, smallest: &Matched, found: &mut Vec<Goal>) {
        // What is a literal in some variants only is a name, of which these take one value.
        let mut done: Vec<Span> = Vec::new();
        let patterns = self
            .bench
            .set()
            .variants()
            .iter()
            .flat_map(|variant| &variant.patterns);
        patterns.for_each(|pattern| not_literals(pattern, &mut done));
        for variant in [smallest.variant].into_iter().chain(self.order()) {
            let Some((plain, _)) = self.draft(variant, smallest.sizes, None) else {
                continue;
            };
            let new: Vec<_> = plain
                .sketch
                .constants
                .iter()
                .filter(|one| !done.contains(&one.span))
                .cloned()
                .collect();
            if new.is_empty() {
                continue;
            }
            let Some(matched) = self.matched(variant, smallest.sizes, None) else {
                continue;
            };
            for constant in new {
                done.push(constant.span);
                let Part::Literal { literal, dtype } =
                    matched.draft.sketch.get(constant.part).clone()
                else {
                    continue;
                };
                let mut others = others(&literal, dtype).into_iter();
                let (mut words, mut graph) = (String::new(), None);
                for other in others.by_ref() {
                    let mut draft = matched.draft.clone();
                    words = format!(
                        "{} for {} in {}",
                        text(&other, dtype),
                        text(&literal, dtype),
                        Schema::split(constant.op.as_str()).0
                    );
                    draft.sketch.parts[constant.part.0] = Part::Literal {
                        literal: other,
                        dtype,
                    };
                    let looked = self.bench.look(&draft.text(&matched.hidden));
                    if looked.is_ok_and(|looked| !looked.matches_at_all()) {
                        graph = Some(draft);
                        break;
                    }
                }
                let why =
                    "no other constant was found that the operator takes and the rule does not";
                found.push(self.missed(words, graph.map(|graph| (graph, &matched.hidden)), why));
            }
        }
    }

    /// Each value that must be known, computed; each name that is written twice, two values.
    fn names(&self, smallest: &Matched, found: &mut Vec<Goal>) {
        let variant = self.bench.set().variant(smallest.variant);
        for (slot, parts) in &smallest.draft.sketch.slots {
            let is_value = variant
                .slots
                .get(slot.0 as usize)
                .is_some_and(|info| info.kind == SlotKind::Value);
            let &[part] = parts.as_slice() else {
                continue;
            };
            let Part::Open(open) = smallest.draft.sketch.get(part) else {
                continue;
            };
            if !is_value || open.name.is_empty() || !is_const(&open.constraints) {
                continue;
            }
            let mut draft = smallest.draft.clone();
            draft.set_kind(part, Kind::Input);
            for coordinate in draft.coordinates.iter_mut().filter(|one| one.part == part) {
                if let Options::Plain(all) = &mut coordinate.options {
                    *all = vec![Plain::Input(open.ty.clone())];
                    coordinate.chosen = 0;
                }
            }
            let name = format!("%{} is computed", open.name);
            let why = "";
            found.push(self.missed(name, Some((draft, &smallest.hidden)), why));
        }
        for slot in smallest.draft.sketch.again.clone() {
            let name = variant
                .slots
                .get(slot.0 as usize)
                .map_or("", |info| info.name.as_str());
            let name = format!("two values for {name}");
            let twist = Twist::Apart(slot);
            let drafted = self.draft(smallest.variant, smallest.sizes, Some(&twist));
            let Some((mut draft, hidden)) = drafted else {
                continue;
            };
            draft.follow(&smallest.draft);
            let search = self.search(smallest.variant, hidden);
            let graph = search.missed(&draft, &draft.of(draft.sketch.twin));
            let why = "no two values were found that the operators take";
            found.push(self.missed(name, graph.map(|graph| (graph, &search.hidden)), why));
        }
    }

    /// Another operator where one may be absent.
    fn other_operator(&self, way: &Span, variant: u32) -> Goal {
        let name = format!("another operator than {}", self.operator(way));
        let why = "no operator was found that may stand there and does not match";
        let mut own = self.spans[variant as usize].iter();
        let span = own.find(|span| span.start == way.start).copied();
        let drafted = span.and_then(|span| {
            let matched = self.matched(variant, Sizes::ALL[0], None)?;
            let twist = Twist::Operator(span);
            let (mut draft, hidden) = self.draft(variant, Sizes::ALL[0], Some(&twist))?;
            draft.follow(&matched.draft);
            let search = self.search(variant, hidden);
            Some((search.missed(&draft, &[])?, search.hidden))
        });
        let graph = drafted.as_ref();
        self.missed(
            name,
            graph.map(|(draft, hidden)| (draft.clone(), hidden)),
            why,
        )
    }

    fn search(&self, variant: u32, hidden: BTreeSet<PartId>) -> Search<'_> {
        Search {
            bench: self.bench,
            variant,
            hidden,
        }
    }
}

/// Whether a pattern has a chain that may be empty (`links`), or a list whose elements it names.
fn is_open(pattern: &Pattern, links: bool) -> bool {
    match pattern {
        Pattern::Apply(apply) => {
            let rest = match &apply.rest {
                Some(Rest::Each { pattern, .. }) => !links || is_open(pattern, links),
                _ => false,
            };
            rest || apply.operands.iter().any(|operand| is_open(operand, links))
        }
        Pattern::Project { of, .. } => is_open(of, links),
        Pattern::Chain {
            may_be_empty,
            inner,
            ..
        } => (links && *may_be_empty) || is_open(inner, links),
        _ => false,
    }
}

/// Where operands are written that are no literals.
fn not_literals(pattern: &Pattern, found: &mut Vec<Span>) {
    match pattern {
        Pattern::Apply(apply) => {
            for (at, operand) in apply.operands.iter().enumerate() {
                match operand {
                    Pattern::Literal(_) => {}
                    _ => found.push(apply.operand_span(at)),
                }
                not_literals(operand, found);
            }
            if let Some(Rest::Each { pattern, .. }) = &apply.rest {
                not_literals(pattern, found);
            }
        }
        Pattern::Project { of, .. } => not_literals(of, found),
        Pattern::Chain { inner, .. } => not_literals(inner, found),
        _ => {}
    }
}

fn operators(pattern: &Pattern, found: &mut Vec<Span>) {
    match pattern {
        Pattern::Apply(apply) => {
            found.push(apply.span);
            apply
                .operands
                .iter()
                .for_each(|operand| operators(operand, found));
            if let Some(Rest::Each { pattern, .. }) = &apply.rest {
                operators(pattern, found);
            }
        }
        Pattern::Project { of, .. } => operators(of, found),
        Pattern::Chain { inner, .. } => operators(inner, found),
        _ => {}
    }
}

/// Literals of the same type, and what else may stand there.
fn others(literal: &Literal, dtype: bool) -> Vec<Literal> {
    match literal {
        Literal::Int(code) if dtype => {
            let all = [DType::QI8, DType::QU8, DType::F32, DType::I64].map(torch_dtype_code);
            all.into_iter()
                .filter(|one| one != code)
                .map(Literal::Int)
                .collect()
        }
        Literal::DType(own) => {
            let all = [DType::QI8, DType::QU8, DType::F32, DType::I64];
            all.into_iter()
                .filter(|one| one != own)
                .map(|one| Literal::Int(torch_dtype_code(one)))
                .collect()
        }
        Literal::Bool(truth) => vec![Literal::Bool(!truth)],
        Literal::Int(n) => vec![
            Literal::Int(n.checked_add(1).unwrap_or(0)),
            Literal::Int(2),
            Literal::Int(0),
        ],
        Literal::Float(x) => vec![
            Literal::Float(x * 2.0),
            Literal::Float(1.0),
            Literal::Float(0.25),
        ],
        Literal::Str(text) => ["none", "mean", "sum", "other"]
            .into_iter()
            .filter(|other| **other != **text)
            .map(Literal::str)
            .collect(),
        Literal::None => vec![
            Literal::Int(1),
            Literal::Float(0.5),
            Literal::Bool(true),
            Literal::ints([1]),
            Literal::ints([1, 1]),
            Literal::str("cpu"),
        ],
        Literal::List(items) => {
            let one_off = |item: &Literal| others(item, false).into_iter().next();
            let all: Option<Vec<Literal>> = items.iter().map(one_off).collect();
            let more = items.iter().cloned().chain(items.first().cloned());
            all.map(Literal::list)
                .into_iter()
                .chain([Literal::list(more)])
                .collect()
        }
        _ => Vec::new(),
    }
}

fn text(literal: &Literal, dtype: bool) -> String {
    match literal {
        Literal::Int(code) if dtype => {
            torch_dtype(*code).map_or_else(|| code.to_string(), |dtype| dtype.to_string())
        }
        other => LiteralText(other).to_string(),
    }
}
