//! The most general graph that a variant matches: of what the pattern leaves open, only what it says is known.
//!
//! In: a variant. Out: an e-graph with a class for each name; what conditions are in it.
//! Invariant: a condition that is true here is true at every match, and one that is false at none.

use crate::check::rule::{
    Apply, AttributeMatch, Binary, Constraint, DimPattern, Expr, Function, Pattern, Slot, Variant,
};
use crate::egraph::{Class, EGraph, LeafId, truth};
use crate::graph::{AttributeLiteral, ConstantStore, Dim, Facts, Literal, Type};
use crate::ops::Catalogue;

use super::term::written;

/// A variant with what is known at each of its matches.
pub(super) struct General<'a> {
    variant: &'a Variant,
    catalogue: &'a Catalogue,
    egraph: EGraph,
    held: Vec<Option<Class>>,
    leaves: u32,
}

impl<'a> General<'a> {
    /// What the pattern says; nothing if it contradicts itself.
    pub(super) fn new(variant: &'a Variant, catalogue: &'a Catalogue) -> Option<General<'a>> {
        let mut general = General {
            variant,
            catalogue,
            egraph: EGraph::new(ConstantStore::default()).with_catalogue(catalogue),
            held: vec![None; variant.slots.len()],
            leaves: 0,
        };
        for root in &variant.roots {
            general.class(&root.pattern, None);
        }
        general.egraph.rebuild().ok()?;
        Some(general)
    }

    /// What a condition is wherever the rule matches, if that is certain.
    pub(super) fn truth(&self, condition: &Expr) -> Option<bool> {
        truth(&self.egraph, self.variant, &self.held, condition)
    }

    /// Takes a condition for true, as far as it says what a name is; `false` if that contradicts the rest.
    pub(super) fn assume(&mut self, condition: &Expr) -> bool {
        let Expr::Binary(Binary::Eq, left, right) = condition else {
            return true;
        };
        let (about, literal) = match (&**left, &**right) {
            (about, Expr::Literal(literal)) | (Expr::Literal(literal), about) => (about, literal),
            _ => return true,
        };
        let (slot, facts) = match (about, literal) {
            (Expr::Slot(slot), literal) => {
                let literal = Some(written(literal));
                (
                    slot,
                    Facts {
                        literal,
                        ..Facts::default()
                    },
                )
            }
            (Expr::Call(function, arguments), literal) => {
                let [Expr::Slot(slot)] = arguments.as_slice() else {
                    return true;
                };
                let facts = match (function, literal) {
                    (Function::DType, Literal::DType(dtype)) => Facts::tensor(Some(*dtype), None),
                    (Function::Rank, Literal::Int(rank)) => match usize::try_from(*rank) {
                        Ok(rank) if rank < 64 => {
                            Facts::tensor(None, Some(vec![Dim::Unknown; rank].into()))
                        }
                        _ => return true,
                    },
                    _ => return true,
                };
                (slot, facts)
            }
            _ => return true,
        };
        let Some(Some(class)) = self.held.get(slot.0 as usize) else {
            return true;
        };
        self.egraph.learn(*class, facts);
        self.egraph.rebuild().is_ok()
    }

    fn leaf(&mut self, facts: Facts) -> Class {
        self.leaves += 1;
        self.egraph.add_leaf(LeafId(self.leaves), facts)
    }

    fn hold(&mut self, slot: Slot, class: Class) {
        if let Some(held) = self.held.get_mut(slot.0 as usize) {
            *held = Some(class);
        }
    }

    fn known(&self, slot: Slot) -> Option<Class> {
        self.held.get(slot.0 as usize).copied().flatten()
    }

    /// The class of a pattern that stands where a value of this type does.
    fn class(&mut self, pattern: &Pattern, ty: Option<&Type>) -> Class {
        match pattern {
            Pattern::Any => self.leaf(of_operand(ty)),
            Pattern::Literal(literal) => self.egraph.add_literal(&written(literal)),
            Pattern::Value(slot, constraint) => {
                let facts = match constraint {
                    Some(constraint) => of_constraint(constraint, ty),
                    None => of_operand(ty),
                };
                match self.known(*slot) {
                    Some(class) => {
                        self.egraph.learn(class, facts);
                        class
                    }
                    None => {
                        let class = self.leaf(facts);
                        self.hold(*slot, class);
                        class
                    }
                }
            }
            Pattern::Bare(slot) | Pattern::Again(slot) => match self.known(*slot) {
                Some(class) => class,
                None => {
                    let class = self.leaf(Facts::default());
                    self.hold(*slot, class);
                    class
                }
            },
            Pattern::Apply(apply) => {
                let class = self.apply(apply);
                self.hold(apply.slot, class);
                class
            }
            Pattern::Project { index, of, slot } => {
                let of = self.class(of, None);
                let class = self.egraph.add_projection(of, *index);
                self.hold(*slot, class);
                class
            }
            Pattern::Chain { slot, inner, .. } => {
                self.class(inner, None);
                let class = self.leaf(Facts::default());
                self.hold(*slot, class);
                class
            }
        }
    }

    fn apply(&mut self, apply: &Apply) -> Class {
        let schema = self.catalogue.schema(apply.op.as_str());
        let mut operands = Vec::with_capacity(apply.operands.len());
        for (at, operand) in apply.operands.iter().enumerate() {
            let param = schema.and_then(|schema| schema.params.get(at));
            operands.push(self.class(operand, param.map(|param| &param.ty)));
        }
        let mut attributes = Vec::with_capacity(apply.attributes.len());
        let mut is_open = apply.rest.is_some();
        for attribute in &apply.attributes {
            match &attribute.value {
                AttributeMatch::Equal(value) => {
                    attributes.push((attribute.name, AttributeLiteral::Literal(value.clone())));
                }
                AttributeMatch::Bind(_) | AttributeMatch::Others { .. } => is_open = true,
            }
        }
        if is_open {
            // With other operands or attributes its result may be anything.
            return self.leaf(Facts::default());
        }
        let attributes = self.egraph.attributes(attributes);
        self.egraph
            .add_op(apply.op, &operands, attributes, apply.results)
    }
}

/// What is known of any operand of a type.
fn of_operand(ty: Option<&Type>) -> Facts {
    match ty {
        Some(Type::Tensor(_)) => Facts::tensor(None, None),
        _ => Facts::default(),
    }
}

/// What is known of a value with a written type.
fn of_constraint(constraint: &Constraint, ty: Option<&Type>) -> Facts {
    let is_tensor = matches!(constraint.ty.as_ref().or(ty), Some(Type::Tensor(_)));
    let dtype = match constraint.dtypes.as_slice() {
        [one] => Some(*one),
        _ => None,
    };
    let dims = constraint.dims.as_ref().filter(|dims| {
        let is_rest = |dim: &DimPattern| matches!(dim, DimPattern::Rest);
        !dims.iter().any(is_rest)
    });
    let shape = dims.map(|dims| {
        let dims = dims.iter().map(|dim| match dim {
            DimPattern::Equal(n) => u64::try_from(*n).map_or(Dim::Unknown, Dim::Known),
            _ => Dim::Unknown,
        });
        dims.collect::<Vec<Dim>>().into()
    });
    match is_tensor || dtype.is_some() || shape.is_some() {
        true => Facts::tensor(dtype, shape),
        false => Facts::default(),
    }
}
