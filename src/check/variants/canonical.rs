//! Variants that mean the same, told by a text that is equal if they do.
//!
//! In: a variant. Out: its text, without names and places, slots numbered as they are met, guards and commutative operands sorted.
//! Invariant: equal texts mean equal matches with equal results; different ones may still mean the same, which only costs time.

use std::fmt::Write;

use rustc_hash::FxHashMap;

use crate::check::rule::{
    AttributeMatch, Binary, Build, BuildOperand, Constraint, DimPattern, Expr, Function, Pattern,
    Rest, Slot, Variant,
};
use crate::graph::Literal;
use crate::ops::Catalogue;

/// The text of a variant.
pub(super) fn text(catalogue: &Catalogue, variant: &Variant) -> String {
    let mut conditions = Vec::new();
    for guard in &variant.guards {
        parts(&guard.condition, &mut conditions);
    }
    let mut writer = Writer {
        catalogue,
        numbers: FxHashMap::default(),
        literals: FxHashMap::default(),
        out: String::new(),
    };
    // A bare name that a guard compares with a literal is that literal.
    conditions.retain(|condition| match condition {
        Expr::Binary(Binary::Eq, a, b) => match (&**a, &**b) {
            (Expr::Slot(slot), Expr::Literal(literal))
            | (Expr::Literal(literal), Expr::Slot(slot)) => {
                writer.literals.insert(*slot, literal.clone()).is_some()
            }
            _ => true,
        },
        _ => true,
    });
    for root in &variant.roots {
        writer.pattern(&root.pattern);
        writer.out.push(';');
    }
    let lets: Vec<String> = variant
        .lets
        .iter()
        .map(|l| writer.aside(&l.value))
        .collect();
    let mut guards: Vec<String> = conditions.iter().map(|c| writer.aside(c)).collect();
    guards.sort();
    guards.dedup();
    let _ = write!(writer.out, "{lets:?}{guards:?}");
    for root in &variant.roots {
        match &root.replacement {
            Some(build) => writer.build(build),
            None => writer.out.push('-'),
        }
    }
    for slot in &variant.erased {
        writer.out.push('x');
        writer.slot(*slot);
    }
    for effect in &variant.effects {
        writer.out.push('!');
        writer.build(effect);
    }
    writer.out
}

/// A condition as the conditions that must all hold.
fn parts(condition: &Expr, into: &mut Vec<Expr>) {
    match condition {
        Expr::Binary(Binary::And, a, b) => {
            parts(a, into);
            parts(b, into);
        }
        Expr::Call(Function::All, arguments) => match arguments.as_slice() {
            [Expr::List(items)] => items.iter().for_each(|item| parts(item, into)),
            _ => into.push(condition.clone()),
        },
        Expr::Binary(Binary::Eq, a, b) => match (items(a), items(b)) {
            (Some(a), Some(b)) if a.len() == b.len() => {
                for (a, b) in a.into_iter().zip(b) {
                    parts(&Expr::Binary(Binary::Eq, Box::new(a), Box::new(b)), into);
                }
            }
            _ => into.push(condition.clone()),
        },
        _ => into.push(condition.clone()),
    }
}

fn items(expr: &Expr) -> Option<Vec<Expr>> {
    match expr {
        Expr::List(items) | Expr::Tuple(items) => Some(items.clone()),
        Expr::Literal(literal) => {
            let items = literal.items()?;
            Some(items.iter().cloned().map(Expr::Literal).collect())
        }
        _ => None,
    }
}

struct Writer<'c> {
    catalogue: &'c Catalogue,
    numbers: FxHashMap<Slot, usize>,
    literals: FxHashMap<Slot, Literal>,
    out: String,
}

impl Writer<'_> {
    fn slot(&mut self, slot: Slot) {
        if let Some(literal) = self.literals.get(&slot) {
            let literal = literal.clone();
            return self.literal(&literal);
        }
        let next = self.numbers.len();
        let number = *self.numbers.entry(slot).or_insert(next);
        let _ = write!(self.out, "#{number}");
    }

    fn literal(&mut self, literal: &Literal) {
        match literal {
            // `1` and `1.0` match the same.
            Literal::Float(x) if x.fract() == 0.0 && x.abs() < 1e15 => {
                let _ = write!(self.out, "{}", *x as i64);
            }
            Literal::Int(n) => {
                let _ = write!(self.out, "{n}");
            }
            other => {
                let _ = write!(self.out, "{other:?}");
            }
        }
    }

    fn pattern(&mut self, pattern: &Pattern) {
        match pattern {
            Pattern::Any => self.out.push('_'),
            Pattern::Literal(literal) => self.literal(literal),
            Pattern::Bare(slot) => {
                if !self.literals.contains_key(slot) {
                    self.out.push('b');
                }
                self.slot(*slot);
            }
            Pattern::Value(slot, constraint) => {
                self.out.push('v');
                self.slot(*slot);
                constraint.iter().for_each(|c| self.constraint(c));
            }
            Pattern::Again(slot) => {
                self.out.push('=');
                self.slot(*slot);
            }
            Pattern::Project { index, of, slot } => {
                let _ = write!(self.out, "{index}of");
                self.slot(*slot);
                self.pattern(of);
            }
            Pattern::Chain {
                op,
                may_be_empty,
                collect,
                slot,
                inner,
            } => {
                let _ = write!(self.out, "{op}{may_be_empty}");
                self.slot(*slot);
                if let Some((name, slot)) = collect {
                    let _ = write!(self.out, "{name}");
                    self.slot(*slot);
                }
                self.pattern(inner);
            }
            Pattern::Apply(apply) => {
                let _ = write!(self.out, "{}", apply.op);
                self.slot(apply.slot);
                self.out.push('(');
                for operand in &apply.operands {
                    self.pattern(operand);
                    self.out.push(',');
                }
                match &apply.rest {
                    None => {}
                    Some(Rest::Ignored) => self.out.push_str(".."),
                    Some(Rest::Each { pattern, collect }) => {
                        self.pattern(pattern);
                        for (element, list) in collect {
                            self.slot(*element);
                            self.slot(*list);
                        }
                    }
                }
                for attribute in &apply.attributes {
                    let _ = write!(self.out, "[{}", attribute.name);
                    match &attribute.value {
                        AttributeMatch::Equal(literal) => self.literal(literal),
                        AttributeMatch::Bind(slot) => self.slot(*slot),
                        AttributeMatch::Others { slot, without } => {
                            let _ = write!(self.out, "{without:?}");
                            self.slot(*slot);
                        }
                    }
                }
                self.out.push(')');
            }
        }
    }

    fn constraint(&mut self, constraint: &Constraint) {
        let Constraint {
            constant,
            ty,
            dtypes,
            dims,
            span: _,
        } = constraint;
        let _ = write!(self.out, ":{constant}{ty:?}{dtypes:?}");
        for dim in dims.iter().flatten() {
            match dim {
                DimPattern::Bind(slot) => self.slot(*slot),
                other => {
                    let _ = write!(self.out, "{other:?}");
                }
            }
        }
    }

    /// The text of an expression alone.
    fn aside(&mut self, expr: &Expr) -> String {
        let before = std::mem::take(&mut self.out);
        self.expr(expr);
        std::mem::replace(&mut self.out, before)
    }

    fn exprs(&mut self, exprs: &[Expr]) {
        for expr in exprs {
            self.expr(expr);
            self.out.push(',');
        }
    }

    fn expr(&mut self, expr: &Expr) {
        match expr {
            Expr::Literal(literal) => self.literal(literal),
            Expr::Slot(slot) => self.slot(*slot),
            Expr::Let(_) | Expr::Element(_) | Expr::Setting(_) => {
                let _ = write!(self.out, "{expr:?}");
            }
            Expr::List(items) | Expr::Tuple(items) => {
                self.out.push('[');
                self.exprs(items);
                self.out.push(']');
            }
            Expr::Comprehension {
                element,
                over,
                condition,
            } => {
                self.out.push_str("for");
                self.expr(element);
                self.expr(over);
                condition.iter().for_each(|c| self.expr(c));
            }
            Expr::If(a, b, c) => {
                self.out.push_str("if");
                [a, b, c].into_iter().for_each(|e| self.expr(e));
            }
            Expr::Not(a) => {
                self.out.push('!');
                self.expr(a);
            }
            Expr::Negate(a) => {
                self.out.push('-');
                self.expr(a);
            }
            Expr::Binary(op, a, b) => {
                let _ = write!(self.out, "{op:?}(");
                self.expr(a);
                self.out.push(',');
                self.expr(b);
                self.out.push(')');
            }
            Expr::Index(a, b) => {
                self.out.push('@');
                self.expr(a);
                self.expr(b);
            }
            Expr::Slice(a, b, c) => {
                self.out.push('/');
                self.expr(a);
                for bound in [b, c] {
                    self.out.push(':');
                    bound.iter().for_each(|b| self.expr(b));
                }
            }
            Expr::Call(function, arguments) => {
                let _ = write!(self.out, "{}(", function.name());
                self.exprs(arguments);
                self.out.push(')');
            }
        }
    }

    fn build(&mut self, build: &Build) {
        match build {
            Build::Slot(slot) => self.slot(*slot),
            Build::Expr(expr) => self.expr(expr),
            Build::If(condition, yes, no) => {
                self.out.push_str("if");
                self.expr(condition);
                self.build(yes);
                self.build(no);
            }
            Build::Apply {
                op,
                operands,
                attributes,
                results,
                index,
                node: _,
            } => {
                let _ = write!(self.out, "{op}.{index}/{results}(");
                let mut texts: Vec<String> = Vec::with_capacity(operands.len());
                for operand in operands {
                    let before = std::mem::take(&mut self.out);
                    self.operand(operand);
                    texts.push(std::mem::replace(&mut self.out, before));
                }
                if let Some(commutes) = self.catalogue.commutative(op.as_str()) {
                    let holds = commutes.condition.as_ref().is_none_or(|(at, literal)| {
                        matches!(operands.get(*at), Some(BuildOperand::One(Build::Expr(Expr::Literal(l)))) if l.same_value(literal))
                    });
                    let (a, b) = commutes.operands;
                    if holds && a < texts.len() && b < texts.len() && texts[b] < texts[a] {
                        texts.swap(a, b);
                    }
                }
                self.out.push_str(&texts.join(","));
                for (name, value) in attributes {
                    let _ = write!(self.out, "[{name}");
                    self.expr(value);
                }
                self.out.push(')');
            }
        }
    }

    fn operand(&mut self, operand: &BuildOperand) {
        match operand {
            BuildOperand::One(build) => self.build(build),
            BuildOperand::Each { each, over } => {
                self.build(each);
                for (element, list) in over {
                    self.slot(*element);
                    self.slot(*list);
                }
            }
        }
    }
}
