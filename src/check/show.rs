//! Checked rules as text, for people and tests.
//!
//! In: variants. Out: the language's own form, with overloads and without choices; `=%x` is a value met before.
//! Invariant: two variants that print alike bind, look at and build the same.

use std::fmt::{self, Display, Formatter, Write};

use super::rule::{
    Apply, AttributeMatch, Binary, Build, BuildOperand, Constraint, DimPattern, Expr, Let, Pattern,
    Rest, Slot, SlotInfo, Variant,
};
use crate::graph::text::{LiteralText, TypeText};

impl Display for Variant {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (index, root) in self.roots.iter().enumerate() {
            let indent = if index == 0 { "" } else { "and " };
            write!(f, "{indent}")?;
            self.pattern(f, &root.pattern)?;
            if let Some(build) = &root.replacement {
                f.write_str("\n  => ")?;
                self.build(f, build)?;
            }
            f.write_char('\n')?;
        }
        for named in &self.lets {
            write!(f, "  let {} = ", named.name)?;
            self.expr(f, &named.value)?;
            f.write_char('\n')?;
        }
        for guard in &self.guards {
            f.write_str("  where ")?;
            self.expr(f, &guard.condition)?;
            writeln!(f, " else reason {}", guard.reason)?;
        }
        for slot in &self.erased {
            f.write_str("  erase ")?;
            self.slot(f, *slot)?;
            f.write_char('\n')?;
        }
        for effect in &self.effects {
            f.write_str("  and do ")?;
            self.build(f, effect)?;
            f.write_char('\n')?;
        }
        Ok(())
    }
}

/// An expression over these slots and lets as text, a comparison without brackets around it.
pub fn expr_text(expr: &Expr, slots: &[SlotInfo], lets: &[Let]) -> String {
    struct Text<'a>(&'a Variant, &'a Expr);
    impl Display for Text<'_> {
        fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
            self.0.expr(f, self.1)
        }
    }
    let variant = Variant {
        slots: slots.to_vec(),
        roots: Vec::new(),
        guards: Vec::new(),
        lets: lets.to_vec(),
        erased: Vec::new(),
        effects: Vec::new(),
    };
    let text = Text(&variant, expr).to_string();
    match (
        expr,
        text.strip_prefix('(').and_then(|t| t.strip_suffix(')')),
    ) {
        (Expr::Binary(..), Some(inner)) => inner.to_owned(),
        _ => text,
    }
}

impl Variant {
    fn slot(&self, f: &mut Formatter<'_>, slot: Slot) -> fmt::Result {
        match self.slots.get(slot.0 as usize) {
            Some(info) => write!(f, "{}", info.name),
            None => write!(f, "{slot:?}"),
        }
    }

    fn pattern(&self, f: &mut Formatter<'_>, pattern: &Pattern) -> fmt::Result {
        match pattern {
            Pattern::Any => f.write_char('_'),
            Pattern::Literal(literal) => write!(f, "{}", LiteralText(literal)),
            Pattern::Bare(slot) | Pattern::Value(slot, None) => self.slot(f, *slot),
            Pattern::Value(slot, Some(constraint)) => {
                self.slot(f, *slot)?;
                self.constraint(f, constraint)
            }
            Pattern::Again(slot) => {
                f.write_char('=')?;
                self.slot(f, *slot)
            }
            Pattern::Project { index, of, slot } => {
                self.slot(f, *slot)?;
                write!(f, " (result {index} of ")?;
                self.pattern(f, of)?;
                f.write_char(')')
            }
            Pattern::Chain {
                op,
                may_be_empty,
                collect,
                slot: _,
                inner,
            } => {
                write!(f, "{op}{}", if *may_be_empty { "*" } else { "+" })?;
                if let Some((name, slot)) = collect {
                    write!(f, "[{name} = ")?;
                    self.slot(f, *slot)?;
                    f.write_str("...]")?;
                }
                f.write_char('(')?;
                self.pattern(f, inner)?;
                f.write_char(')')
            }
            Pattern::Apply(apply) => self.apply(f, apply),
        }
    }

    fn apply(&self, f: &mut Formatter<'_>, apply: &Apply) -> fmt::Result {
        write!(f, "{}", apply.op)?;
        for attribute in &apply.attributes {
            write!(f, "[{} = ", attribute.name)?;
            match &attribute.value {
                AttributeMatch::Equal(literal) => write!(f, "{}", LiteralText(literal))?,
                AttributeMatch::Bind(slot) | AttributeMatch::Others { slot, .. } => {
                    self.slot(f, *slot)?;
                }
            }
            f.write_char(']')?;
        }
        f.write_char('(')?;
        for (index, operand) in apply.operands.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { ", " })?;
            self.pattern(f, operand)?;
        }
        let comma = if apply.operands.is_empty() { "" } else { ", " };
        match &apply.rest {
            None => {}
            Some(Rest::Ignored) => write!(f, "{comma}..")?,
            Some(Rest::Each { pattern, .. }) => {
                f.write_str(comma)?;
                self.pattern(f, pattern)?;
                f.write_str("...")?;
            }
        }
        f.write_char(')')
    }

    fn constraint(&self, f: &mut Formatter<'_>, constraint: &Constraint) -> fmt::Result {
        f.write_char(':')?;
        if constraint.constant {
            f.write_str(" const")?;
        }
        if let Some(ty) = &constraint.ty {
            write!(f, " {}", TypeText(ty))?;
        }
        let dtypes: Vec<&str> = constraint.dtypes.iter().map(|dtype| dtype.name()).collect();
        if dtypes.is_empty() && constraint.dims.is_none() {
            return Ok(());
        }
        write!(f, "<{}", dtypes.join(" | "))?;
        if let Some(dims) = &constraint.dims {
            f.write_str(if dtypes.is_empty() { "[" } else { ", [" })?;
            for (index, dim) in dims.iter().enumerate() {
                f.write_str(if index == 0 { "" } else { ", " })?;
                match dim {
                    DimPattern::Any => f.write_char('_')?,
                    DimPattern::Rest => f.write_str("..")?,
                    DimPattern::Equal(n) => write!(f, "{n}")?,
                    DimPattern::Bind(slot) => self.slot(f, *slot)?,
                }
            }
            f.write_char(']')?;
        }
        f.write_char('>')
    }

    fn build(&self, f: &mut Formatter<'_>, build: &Build) -> fmt::Result {
        match build {
            Build::Slot(slot) => self.slot(f, *slot),
            Build::Expr(expr) => self.expr(f, expr),
            Build::If(condition, yes, no) => {
                f.write_str("if ")?;
                self.expr(f, condition)?;
                f.write_str(" then ")?;
                self.build(f, yes)?;
                f.write_str(" else ")?;
                self.build(f, no)
            }
            Build::Apply {
                op,
                operands,
                attributes,
                results,
                index,
                node: _,
            } => {
                if *results > 1 {
                    write!(f, "result {index} of ")?;
                }
                write!(f, "{op}")?;
                for (name, value) in attributes {
                    write!(f, "[{name} = ")?;
                    self.expr(f, value)?;
                    f.write_char(']')?;
                }
                f.write_char('(')?;
                for (position, operand) in operands.iter().enumerate() {
                    f.write_str(if position == 0 { "" } else { ", " })?;
                    match operand {
                        BuildOperand::One(one) => self.build(f, one)?,
                        BuildOperand::Each { each, .. } => {
                            self.build(f, each)?;
                            f.write_str("...")?;
                        }
                    }
                }
                f.write_char(')')
            }
        }
    }

    fn exprs(&self, f: &mut Formatter<'_>, exprs: &[Expr]) -> fmt::Result {
        for (index, expr) in exprs.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { ", " })?;
            self.expr(f, expr)?;
        }
        Ok(())
    }

    fn expr(&self, f: &mut Formatter<'_>, expr: &Expr) -> fmt::Result {
        match expr {
            Expr::Literal(literal) => write!(f, "{}", LiteralText(literal)),
            Expr::Slot(slot) => self.slot(f, *slot),
            Expr::Let(index) => match self.lets.get(*index as usize) {
                Some(named) => write!(f, "{}", named.name),
                None => write!(f, "let {index}"),
            },
            Expr::Element(index) => write!(f, "element {index}"),
            Expr::Setting(name) => write!(f, "{name}"),
            Expr::List(items) => {
                f.write_char('[')?;
                self.exprs(f, items)?;
                f.write_char(']')
            }
            Expr::Tuple(items) => {
                f.write_char('(')?;
                self.exprs(f, items)?;
                f.write_str(if items.len() == 1 { ",)" } else { ")" })
            }
            Expr::Comprehension {
                element,
                over,
                condition,
            } => {
                f.write_char('[')?;
                self.expr(f, element)?;
                f.write_str(" for each of ")?;
                self.expr(f, over)?;
                if let Some(condition) = condition {
                    f.write_str(" if ")?;
                    self.expr(f, condition)?;
                }
                f.write_char(']')
            }
            Expr::If(condition, yes, no) => {
                f.write_str("(if ")?;
                self.expr(f, condition)?;
                f.write_str(" then ")?;
                self.expr(f, yes)?;
                f.write_str(" else ")?;
                self.expr(f, no)?;
                f.write_char(')')
            }
            Expr::Not(inner) => {
                f.write_str("not ")?;
                self.expr(f, inner)
            }
            Expr::Negate(inner) => {
                f.write_char('-')?;
                self.expr(f, inner)
            }
            Expr::Binary(op, left, right) => {
                f.write_char('(')?;
                self.expr(f, left)?;
                write!(f, " {} ", operator(*op))?;
                self.expr(f, right)?;
                f.write_char(')')
            }
            Expr::Index(base, index) => {
                self.expr(f, base)?;
                f.write_char('[')?;
                self.expr(f, index)?;
                f.write_char(']')
            }
            Expr::Slice(base, from, to) => {
                self.expr(f, base)?;
                f.write_char('[')?;
                from.iter().try_for_each(|from| self.expr(f, from))?;
                f.write_char(':')?;
                to.iter().try_for_each(|to| self.expr(f, to))?;
                f.write_char(']')
            }
            Expr::Call(function, arguments) => {
                write!(f, "{}(", function.name())?;
                self.exprs(f, arguments)?;
                f.write_char(')')
            }
        }
    }
}

fn operator(op: Binary) -> &'static str {
    match op {
        Binary::Or => "or",
        Binary::And => "and",
        Binary::Eq => "==",
        Binary::Ne => "!=",
        Binary::Lt => "<",
        Binary::Le => "<=",
        Binary::Gt => ">",
        Binary::Ge => ">=",
        Binary::In => "in",
        Binary::NotIn => "not in",
        Binary::Add => "+",
        Binary::Sub => "-",
        Binary::Mul => "*",
        Binary::Div => "/",
    }
}
