//! What ends an attempt to match, and values in words.
//!
//! In: classes and bounds. Out: [`Miss`], and texts for messages.
//! Invariant: a text depends on what is known of a value, not on how the e-graph was built.

use std::fmt;
use std::sync::Arc;

use crate::check::rule::{Constraint, DimPattern, SlotInfo};
use crate::graph::text::{LiteralText, TypeText};
use crate::graph::{DType, Literal, Name};

use super::binding::Bound;
use super::classes::EGraph;
use super::guard_text::GuardPart;
use super::language::{Class, NodeKind};

/// What ended an attempt to match.
#[derive(Clone, PartialEq, Debug)]
pub enum Miss {
    /// A guard: what it says, and what the names in it hold.
    Guard {
        /// The text behind `else`.
        text: Arc<str>,
        /// Its number among the rule's reasons.
        reason: usize,
        /// The part of it that is not true.
        part: GuardPart,
        /// Names and values.
        values: Vec<(Name, String)>,
    },
    /// The operator, with another number of operands or results.
    Operands {
        /// The operator.
        op: Name,
        /// Number of operands that the rule writes.
        expected: usize,
        /// Number of operands that it has.
        found: usize,
    },
    /// Another operator.
    Operator {
        /// What the rule looks for.
        expected: Name,
        /// What there is.
        found: String,
    },
    /// Not this result of an operator.
    Result {
        /// Which one.
        expected: u32,
        /// What there is.
        found: String,
    },
    /// Another literal, or none.
    Literal {
        /// What the rule looks for.
        expected: Literal,
        /// What there is.
        found: String,
    },
    /// A name that stands for something known at compile time met a value that is not.
    NotLiteral {
        /// The name.
        name: Name,
        /// What there is.
        found: String,
    },
    /// A name written twice met two values.
    Different {
        /// The name.
        name: Name,
        /// What it holds.
        first: String,
        /// What there is the second time.
        found: String,
    },
    /// Not of the type written.
    Type {
        /// The name.
        name: Name,
        /// The type.
        expected: String,
        /// What is known.
        found: String,
    },
    /// Nothing that shares a value with what matched is a further root.
    Root {
        /// What it begins with.
        expected: Name,
    },
    /// An attribute is another.
    Attribute {
        /// Its name.
        name: Name,
    },
}

impl Miss {
    /// The same without the values that differ from one place to the next: what makes two misses of one kind.
    pub fn kind(&self) -> String {
        match self {
            Miss::Guard { text, .. } => text.to_string(),
            other => other.to_string(),
        }
    }
}

impl fmt::Display for Miss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Miss::Guard { text, values, .. } => {
                f.write_str(text)?;
                for (at, (name, value)) in values.iter().enumerate() {
                    let before = if at == 0 { " (" } else { ", " };
                    write!(f, "{before}{name} = {value}")?;
                }
                f.write_str(if values.is_empty() { "" } else { ")" })
            }
            Miss::Operands {
                op,
                expected,
                found,
            } => write!(
                f,
                "expected {op} with {expected} operands, found it with {found}"
            ),
            Miss::Operator { expected, found } => write!(f, "expected {expected}, found {found}"),
            Miss::Result { expected, found } => {
                write!(
                    f,
                    "expected result {expected} of an operator, found {found}"
                )
            }
            Miss::Literal { expected, found } => {
                write!(f, "expected {}, found {found}", LiteralText(expected))
            }
            Miss::NotLiteral { name, found } => {
                write!(f, "{name} has to be known at compile time, found {found}")
            }
            Miss::Different { name, found, .. } => {
                write!(f, "{name} is another value where it is met again: {found}")
            }
            Miss::Type {
                name,
                expected,
                found,
            } => write!(f, "{name} has to be {expected}, found {found}"),
            Miss::Root { expected } => write!(
                f,
                "expected {expected} of what the rule has matched, found none"
            ),
            Miss::Attribute { name } => write!(f, "attribute {name} is another"),
        }
    }
}

impl EGraph {
    /// What a bound holds, for messages.
    pub(super) fn bound_text(&self, bound: Bound, pool: &[Bound]) -> String {
        if let Some(items) = bound.items(pool) {
            let texts: Vec<String> = items.iter().map(|&b| self.bound_text(b, pool)).collect();
            return format!("[{}]", texts.join(", "));
        }
        match (bound, self.bound_literal(bound)) {
            (_, Some(id)) => LiteralText(self.inner.analysis.tables.get_literal(id)).to_string(),
            (Bound::Class(class), None) => self.facts_text(class),
            _ => "none".to_owned(),
        }
    }

    /// The number of operands of an operator of a class, if it has that operator.
    pub(super) fn operands_of(&self, class: Class, wanted: Name) -> Option<usize> {
        let found = self.nodes(class).iter().find(
            |node| matches!(self.kind(node), NodeKind::Operator { op, .. } if op == wanted),
        )?;
        Some(found.children().len())
    }

    /// The operators that a class is a result of, in order, each once.
    pub fn operators_of(&self, class: Class) -> Vec<Name> {
        let mut found: Vec<Name> = Vec::new();
        for node in self.nodes(class) {
            if let NodeKind::Operator { op, .. } = self.kind(node)
                && !found.contains(&op)
            {
                found.push(op);
            }
        }
        found
    }

    /// A literal, or the operators of a class.
    pub(super) fn value_text(&self, class: Class) -> String {
        if let Some(literal) = self.literal(class) {
            return LiteralText(literal).to_string();
        }
        let mut texts: Vec<String> = Vec::new();
        for node in self.nodes(class) {
            let text = match self.kind(node) {
                NodeKind::Operator { op, .. } => op.to_string(),
                NodeKind::Projection(result) => format!("result {result} of an operator"),
                NodeKind::Constant(_) => "a constant".to_owned(),
                NodeKind::Leaf(_) | NodeKind::Literal(_) => "a value from outside".to_owned(),
            };
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
        texts.join(" or ")
    }

    /// What is known of a class, for messages: `const quint8 [1, 3, _, _] (scale 0.1, zero point 0)`.
    pub fn facts_text(&self, class: Class) -> String {
        let facts = self.facts(class);
        if let Some(literal) = &facts.literal {
            return LiteralText(literal).to_string();
        }
        let mut text = String::new();
        if self.is_const(class) {
            text.push_str("const ");
        }
        text.push_str(facts.dtype.map_or("unknown type", DType::name));
        if let Some(shape) = &facts.shape {
            let dims: Vec<String> = shape.iter().map(|dim| dim.to_string()).collect();
            text.push_str(&format!(" [{}]", dims.join(", ")));
        }
        if let crate::graph::QParams::PerTensor { scale, zero_point } = facts.qparams {
            text.push_str(&format!(" (scale {scale}, zero point {zero_point})"));
        }
        text
    }
}

/// A written type, for messages; sizes that bind are named.
pub(super) fn constraint_text(constraint: &Constraint, infos: &[SlotInfo]) -> String {
    let mut parts: Vec<String> = Vec::new();
    if constraint.constant {
        parts.push("const".to_owned());
    }
    if let Some(ty) = &constraint.ty {
        parts.push(TypeText(ty).to_string());
    }
    let dtypes: Vec<&str> = constraint.dtypes.iter().map(|dtype| dtype.name()).collect();
    if !dtypes.is_empty() {
        parts.push(format!("of {}", dtypes.join(" or ")));
    }
    if let Some(dims) = &constraint.dims {
        let dims: Vec<String> = dims
            .iter()
            .map(|dim| match dim {
                DimPattern::Any => "_".to_owned(),
                DimPattern::Rest => "..".to_owned(),
                DimPattern::Equal(n) => n.to_string(),
                DimPattern::Bind(slot) => infos
                    .get(slot.0 as usize)
                    .map_or("_".to_owned(), |info| info.name.to_string()),
            })
            .collect();
        parts.push(format!("with the sizes [{}]", dims.join(", ")));
    }
    parts.join(" ")
}
