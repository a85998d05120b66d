//! Rules as they are written: trees behind checked rules, and walks over their terms.
//!
//! In: a library with its texts. Out: the tree of a rule, its terms one by one.
//! Invariant: what is found stands in the text that was checked, so its spans point there.

use crate::pipeline::library::Loaded;
use crate::source::SourceId;
use crate::syntax::ast::{
    AttrKind, Expr, ExprKind, File, ItemKind, OperandKind, Repeat, Rule, Statement, Statements,
    Term, TermKind,
};
use crate::syntax::parse;

/// The trees of all rule files.
pub(super) struct Trees {
    files: Vec<(String, File)>,
}

impl Trees {
    /// Reads the texts again.
    pub(super) fn of(loaded: &Loaded) -> Trees {
        let modules = loaded.library.modules.iter();
        let files = modules.map(|module| {
            let text = loaded.sources.file(module.source);
            let (file, _) = parse(module.source, text.map_or("", |file| file.text()));
            (module.name.to_string(), file)
        });
        Trees {
            files: files.collect(),
        }
    }

    /// The rule with this full name, and the text it stands in.
    pub(super) fn rule(&self, name: &str) -> Option<(SourceId, &Rule)> {
        let (module, own) = name.rsplit_once('.')?;
        let (_, file) = self.files.iter().find(|(name, _)| name == module)?;
        let found = file.items.iter().find_map(|item| match &item.kind {
            ItemKind::Rule(rule) if rule.name.text == own => Some(rule),
            _ => None,
        });
        found.map(|rule| (file.source, rule))
    }
}

/// A side of a rule, as statements or as a term.
#[derive(Clone, Copy)]
pub(super) enum Side<'a> {
    /// A block.
    Block(&'a Statements),
    /// One side of a one-line rule.
    Term(&'a Term),
}

/// What a rule matches.
pub(super) fn pattern(rule: &Rule) -> Option<Side<'_>> {
    match &rule.equation {
        Some(equation) => Some(Side::Term(&equation.left)),
        None => rule.matches().next().map(Side::Block),
    }
}

/// What a rule writes.
pub(super) fn replacement(rule: &Rule) -> Option<Side<'_>> {
    match &rule.equation {
        Some(equation) => Some(Side::Term(&equation.right)),
        None => rule.rewrites().next().map(Side::Block),
    }
}

/// All terms of a side, outer before inner.
pub(super) fn terms<'a>(side: Side<'a>) -> Vec<&'a Term> {
    let mut found = Vec::new();
    match side {
        Side::Term(term) => term_and_below(term, &mut found),
        Side::Block(block) => block
            .statements
            .iter()
            .for_each(|s| of_statement(s, &mut found)),
    }
    found
}

fn of_statement<'a>(statement: &'a Statement, found: &mut Vec<&'a Term>) {
    term_and_below(&statement.term, found);
    for block in &statement.blocks {
        block.statements.iter().for_each(|s| of_statement(s, found));
    }
}

fn term_and_below<'a>(term: &'a Term, found: &mut Vec<&'a Term>) {
    found.push(term);
    if let TermKind::Expr(expr) = &term.kind {
        below(expr, found);
    }
}

fn below<'a>(expr: &'a Expr, found: &mut Vec<&'a Term>) {
    match &expr.kind {
        ExprKind::Op(call) => {
            for attr in &call.attrs {
                if let AttrKind::Is { value, .. } = &attr.kind {
                    term_and_below(value, found);
                }
            }
            for operand in &call.operands {
                if let OperandKind::Term { term, .. } = &operand.kind {
                    term_and_below(term, found);
                }
            }
        }
        ExprKind::List(items) => items
            .iter()
            .for_each(|item| term_and_below(&item.term, found)),
        ExprKind::Tuple(items) => items.iter().for_each(|item| term_and_below(item, found)),
        ExprKind::Alternatives(branches) => {
            branches
                .iter()
                .for_each(|branch| term_and_below(&branch.term, found));
        }
        ExprKind::Unary(_, inner) => below(inner, found),
        ExprKind::If(conditional) => {
            below(&conditional.yes, found);
            below(&conditional.no, found);
        }
        _ => {}
    }
}

/// Where a pattern may match in one way or another.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    /// The op that may be absent, or the branches there are.
    pub(super) ways: Vec<crate::source::Span>,
    /// Whether none of them may be there.
    pub(super) optional: bool,
    /// Whether it is a chain, of any number of links.
    pub(super) chain: bool,
}

/// The choices of a rule's pattern.
pub(super) fn choices(rule: &Rule) -> Vec<Choice> {
    let Some(side) = pattern(rule) else {
        return Vec::new();
    };
    let all = terms(side).into_iter();
    all.filter_map(|term| match &term.kind {
        TermKind::Expr(Expr {
            kind: ExprKind::Op(call),
            ..
        }) if matches!(call.repeat, Some(Repeat::Optional | Repeat::Any)) => Some(Choice {
            ways: vec![call.op.span],
            optional: true,
            chain: call.repeat == Some(Repeat::Any),
        }),
        TermKind::Expr(Expr {
            kind: ExprKind::Alternatives(branches),
            ..
        }) if branches.len() > 1 => Some(Choice {
            ways: branches.iter().map(|branch| branch.span).collect(),
            optional: false,
            chain: false,
        }),
        _ => None,
    })
    .collect()
}
