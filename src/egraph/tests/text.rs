//! Rules and graphs as terms, for tests: `(aten::relu ?x)`.
//!
//! `?x` is a value, `!x` a literal, `_` anything, a number a literal; `(name= TERM)` names a node, `&name` is that node or value again;
//! `(op:2 ...)` has two results and `(#1 TERM)` is the second of them; `..` ignores further operands, `TERM...` is each of them, and the
//! names in it become lists; `(op+ TERM)` is a chain.

use std::sync::Arc;

use crate::check::rule::{
    Apply, Binary, Build, BuildOperand, Expr, Function, Guard, Instance, Numerics, Pattern, Reason,
    Rest, Root, Rule, Slot, SlotInfo, SlotKind, Variant,
};
use crate::egraph::{AttributesId, Class, EGraph, LeafId};
use crate::graph::{ConstantStore, DType, Facts, Literal, Name};
use crate::source::{SourceId, Span};

/// A term as read.
#[derive(Clone, Debug)]
pub(super) enum Term {
    Word(String),
    List(Vec<Term>),
    Each(Box<Term>),
}

pub(super) fn read(text: &str) -> Term {
    let spaced = text
        .replace('(', " ( ")
        .replace(')', " ) ")
        .replace("...", " ... ");
    let tokens: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    let term = read_term(&tokens, &mut at);
    assert_eq!(at, tokens.len(), "one term: {text}");
    term
}

fn read_term(tokens: &[&str], at: &mut usize) -> Term {
    let token = tokens[*at];
    *at += 1;
    let term = if token == "(" {
        let mut items = Vec::new();
        while tokens[*at] != ")" {
            items.push(read_term(tokens, at));
        }
        *at += 1;
        Term::List(items)
    } else {
        Term::Word(token.to_owned())
    };
    if tokens.get(*at) == Some(&"...") {
        *at += 1;
        return Term::Each(Box::new(term));
    }
    term
}

/// `op` or `op:results`.
fn operator(word: &str) -> (Name, u32) {
    match word.rsplit_once(':') {
        Some((op, results)) if !op.ends_with(':') => match results.parse() {
            Ok(results) => (Name::new(op), results),
            Err(_) => (Name::new(word), 1),
        },
        _ => (Name::new(word), 1),
    }
}

fn span() -> Span {
    Span::at(SourceId::new(0), 0)
}

/// Reads patterns and replacements into a variant.
#[derive(Default)]
pub(super) struct Reader {
    pub(super) slots: Vec<SlotInfo>,
    names: Vec<(String, Slot)>,
    /// Element slots and the list slots behind them.
    lists: Vec<(Slot, Slot)>,
}

impl Reader {
    fn new_slot(&mut self, name: &str, kind: SlotKind) -> Slot {
        let slot = Slot(self.slots.len() as u32);
        self.slots.push(SlotInfo {
            name: Name::new(name),
            kind,
            span: span(),
        });
        slot
    }

    pub(super) fn named(&mut self, name: &str, kind: SlotKind) -> Slot {
        if let Some((_, slot)) = self.names.iter().find(|(known, _)| known == name) {
            return *slot;
        }
        let slot = self.new_slot(name, kind);
        self.names.push((name.to_owned(), slot));
        slot
    }

    pub(super) fn pattern(&mut self, term: &Term) -> Pattern {
        match term {
            Term::Word(word) => self.word(word),
            Term::Each(_) => panic!("elements stand among operands"),
            Term::List(items) => self.list(items),
        }
    }

    fn word(&mut self, word: &str) -> Pattern {
        if word == "_" {
            return Pattern::Any;
        }
        if let Some(name) = word.strip_prefix('&') {
            return Pattern::Again(self.named(name, SlotKind::Value));
        }
        if word.starts_with('?') {
            return Pattern::Value(self.named(word, SlotKind::Value), None);
        }
        if word.starts_with('!') {
            return Pattern::Bare(self.named(word, SlotKind::Literal { dtype: false }));
        }
        Pattern::Literal(literal(word))
    }

    fn list(&mut self, items: &[Term]) -> Pattern {
        let Term::Word(head) = &items[0] else {
            panic!("a term begins with an operator");
        };
        if let Some(name) = head.strip_suffix('=') {
            let pattern = self.pattern(&items[1]);
            let slot = self.named(name, SlotKind::Value);
            return match pattern {
                Pattern::Apply(mut apply) => {
                    apply.slot = slot;
                    Pattern::Apply(apply)
                }
                _ => panic!("only operators are named"),
            };
        }
        if let Some(index) = head.strip_prefix('#') {
            return Pattern::Project {
                index: index.parse().unwrap(),
                of: Box::new(self.pattern(&items[1])),
                slot: self.new_slot("result", SlotKind::Value),
            };
        }
        if let Some(op) = head.strip_suffix('+') {
            return Pattern::Chain {
                op: Name::new(op),
                may_be_empty: false,
                collect: None,
                slot: self.new_slot("chain", SlotKind::Value),
                inner: Box::new(self.pattern(&items[1])),
            };
        }
        let (op, results) = operator(head);
        let slot = self.new_slot("node", SlotKind::Value);
        let mut operands = Vec::new();
        let mut rest = None;
        for item in &items[1..] {
            match item {
                Term::Word(word) if word == ".." => rest = Some(Rest::Ignored),
                Term::Each(each) => rest = Some(self.each(each)),
                _ => operands.push(self.pattern(item)),
            }
        }
        Pattern::Apply(Box::new(Apply {
            op,
            slot,
            operands,
            rest,
            attributes: Vec::new(),
            results,
            span: span(),
            operand_spans: Vec::new(),
        }))
    }

    fn each(&mut self, term: &Term) -> Rest {
        let known = self.names.len();
        let pattern = self.pattern(term);
        let inside: Vec<(String, Slot)> = self.names[known..].to_vec();
        let collect = inside
            .into_iter()
            .map(|(name, element)| {
                let kind = match self.slots[element.0 as usize].kind {
                    SlotKind::Value => SlotKind::Values,
                    _ => SlotKind::Literals,
                };
                (element, self.new_slot(&name, kind))
            })
            .collect::<Vec<_>>();
        self.lists.extend(&collect);
        Rest::Each { pattern, collect }
    }

    pub(super) fn build(&mut self, term: &Term) -> Build {
        match term {
            Term::Word(word) if word.starts_with(['?', '!']) => {
                Build::Slot(self.named(word, SlotKind::Value))
            }
            Term::Word(word) => match word.strip_prefix('&') {
                Some(name) => Build::Slot(self.named(name, SlotKind::Value)),
                None => Build::Expr(Expr::Literal(literal(word))),
            },
            Term::Each(_) => panic!("elements stand among operands"),
            Term::List(items) => self.build_list(items, 0),
        }
    }

    fn build_list(&mut self, items: &[Term], index: u32) -> Build {
        let Term::Word(head) = &items[0] else {
            panic!("a term begins with an operator");
        };
        if let Some(index) = head.strip_prefix('#') {
            let Term::List(of) = &items[1] else {
                panic!("a result of an operator");
            };
            return self.build_list(of, index.parse().unwrap());
        }
        let (op, results) = operator(head);
        let operands = items[1..]
            .iter()
            .map(|item| match item {
                Term::Each(each) => BuildOperand::Each {
                    each: self.build(each),
                    over: self.lists.clone(),
                },
                _ => BuildOperand::One(self.build(item)),
            })
            .collect();
        let node = self.new_slot("built", SlotKind::Value).0;
        Build::Apply {
            op,
            operands,
            attributes: Vec::new(),
            results,
            index,
            node,
        }
    }
}

fn literal(word: &str) -> Literal {
    if let Ok(n) = word.parse() {
        return Literal::Int(n);
    }
    if let Ok(x) = word.parse() {
        return Literal::Float(x);
    }
    match word {
        "none" => Literal::None,
        "true" => Literal::Bool(true),
        "false" => Literal::Bool(false),
        _ => Literal::str(word),
    }
}

/// A variant from `PATTERN => REPLACEMENT`, several roots divided by `;`. A root without `=>` is matched only.
pub(super) fn variant(text: &str) -> Variant {
    let mut reader = Reader::default();
    let roots = text
        .split(';')
        .map(|root| match root.split_once("=>") {
            Some((left, right)) => (read(left), Some(read(right))),
            None => (read(root), None),
        })
        .collect::<Vec<_>>();
    let patterns: Vec<Pattern> = roots.iter().map(|(left, _)| reader.pattern(left)).collect();
    let replacements: Vec<Option<Build>> = roots
        .iter()
        .map(|(_, right)| right.as_ref().map(|right| reader.build(right)))
        .collect();
    Variant {
        slots: reader.slots,
        roots: patterns
            .into_iter()
            .zip(replacements)
            .map(|(pattern, replacement)| Root {
                pattern,
                replacement,
            })
            .collect(),
        guards: Vec::new(),
        lets: Vec::new(),
        erased: Vec::new(),
        effects: Vec::new(),
    }
}

/// The guard `dtype(NAME) == quint8`, if the variant has the name.
pub(super) fn quint8_guard(variant: &Variant, name: &str) -> Option<Guard> {
    let at = variant.slots.iter().position(|slot| slot.name == name)?;
    let dtype = Expr::Call(Function::DType, vec![Expr::Slot(Slot(at as u32))]);
    let quint8 = Expr::Literal(Literal::DType(DType::QU8));
    Some(Guard {
        condition: Expr::Binary(Binary::Eq, Box::new(dtype), Box::new(quint8)),
        reason: 0,
    })
}

/// A rule of one variant.
pub(super) fn rule(name: &str, text: &str) -> Rule {
    rule_of(name, variant(text))
}

pub(super) fn rule_of(name: &str, variant: Variant) -> Rule {
    let reasons = variant.guards.iter().map(|_: &Guard| Reason {
        text: Arc::from("the guard says no"),
        span: span(),
    });
    Rule {
        name: Name::new(name),
        span: span(),
        doc: String::new(),
        numerics: Numerics::Exact,
        reasons: reasons.collect(),
        instances: vec![Instance {
            label: name.into(),
            parameters: Vec::new(),
            variants: vec![variant],
            removed_by: Vec::new(),
        }],
        effects: false,
    }
}

/// Adds a term to a graph; words are leaves by name, numbers literals.
pub(super) fn add(graph: &mut EGraph, text: &str) -> Class {
    add_term(graph, &read(text))
}

fn add_term(graph: &mut EGraph, term: &Term) -> Class {
    match term {
        Term::Each(_) => panic!("graphs have no lists of terms"),
        Term::Word(word) => match literal(word) {
            Literal::Str(_) => graph.add_leaf(LeafId(Name::new(word).id()), Facts::default()),
            number => graph.add_literal(&number),
        },
        Term::List(items) => {
            let Term::Word(head) = &items[0] else {
                panic!("a term begins with an operator");
            };
            if let Some(index) = head.strip_prefix('#') {
                let of = add_term(graph, &items[1]);
                return graph.add_projection(of, index.parse().unwrap());
            }
            let (op, results) = operator(head);
            let operands: Vec<Class> = items[1..]
                .iter()
                .map(|item| add_term(graph, item))
                .collect();
            graph.add_op(op, &operands, AttributesId::default(), results)
        }
    }
}

pub(super) fn graph() -> EGraph {
    EGraph::new(ConstantStore::default())
}
