//! Patterns as terms with variables, so that two can be made one.
//!
//! In: patterns. Out: an arena of terms, in which what one pattern leaves open takes what the other says.
//! Source: unification as in Robinson 1965, over terms shared by slots.
//! Invariant: terms have no circles; a unification that would make one fails.

use rustc_hash::FxHashMap;

use crate::check::rule::{AttributeMatch, Constraint, Pattern, Rest, Slot, SlotKind, Variant};
use crate::graph::{Literal, Name};
use crate::ops;

/// A term by number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(super) struct TermId(pub(super) usize);

/// What a term is.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Term {
    /// Any value; a literal if `bare`.
    Open {
        bare: bool,
        dtype: bool,
    },
    Literal(Literal),
    Apply {
        op: Name,
        operands: Vec<TermId>,
        attributes: Vec<(Name, Literal)>,
        results: u32,
    },
    Result {
        index: u32,
        of: TermId,
    },
}

/// Terms, some of which stand for others.
#[derive(Clone, Debug, Default)]
pub(super) struct Terms {
    terms: Vec<Term>,
    stands: Vec<Option<TermId>>,
    /// Types written on values.
    pub(super) types: Vec<(TermId, Constraint)>,
    /// Whether something open took an operator or a literal.
    pub(super) is_narrowed: bool,
}

/// The slots of a variant as terms.
pub(super) type Slots = FxHashMap<Slot, TermId>;

impl Terms {
    fn add(&mut self, term: Term) -> TermId {
        self.terms.push(term);
        self.stands.push(None);
        TermId(self.terms.len() - 1)
    }

    /// The term that stands for this one.
    pub(super) fn find(&self, mut id: TermId) -> TermId {
        while let Some(other) = self.stands[id.0] {
            id = other;
        }
        id
    }

    pub(super) fn get(&self, id: TermId) -> &Term {
        &self.terms[self.find(id).0]
    }

    /// Puts a pattern in. `None`: it has something that terms do not have.
    pub(super) fn pattern(
        &mut self,
        variant: &Variant,
        pattern: &Pattern,
        slots: &mut Slots,
    ) -> Option<TermId> {
        let open = |terms: &mut Terms, slot: Slot, slots: &mut Slots| {
            *slots.entry(slot).or_insert_with(|| {
                let kind = variant.slots.get(slot.0 as usize).map(|info| &info.kind);
                let bare = matches!(kind, Some(SlotKind::Literal { .. }));
                let dtype = matches!(kind, Some(SlotKind::Literal { dtype: true }));
                terms.add(Term::Open { bare, dtype })
            })
        };
        Some(match pattern {
            Pattern::Any => self.add(Term::Open {
                bare: false,
                dtype: false,
            }),
            Pattern::Value(slot, constraint) => {
                let id = open(self, *slot, slots);
                if let Some(constraint) = constraint {
                    self.types.push((id, constraint.clone()));
                }
                id
            }
            Pattern::Bare(slot) | Pattern::Again(slot) => open(self, *slot, slots),
            Pattern::Literal(literal) => self.add(Term::Literal(written(literal))),
            Pattern::Apply(apply) => {
                let mut operands = Vec::with_capacity(apply.operands.len() + 1);
                for operand in &apply.operands {
                    operands.push(self.pattern(variant, operand, slots)?);
                }
                match &apply.rest {
                    None | Some(Rest::Ignored) => {}
                    Some(Rest::Each { pattern, collect }) => {
                        if !collect.is_empty() {
                            // A list with one element; what it collects is no value of its own.
                            operands.push(self.pattern(variant, pattern, slots)?);
                        }
                    }
                }
                let mut attributes = Vec::new();
                for attribute in &apply.attributes {
                    match &attribute.value {
                        AttributeMatch::Equal(literal) => {
                            attributes.push((attribute.name, literal.clone()));
                        }
                        AttributeMatch::Bind(_) | AttributeMatch::Others { .. } => return None,
                    }
                }
                let id = self.add(Term::Apply {
                    op: apply.op,
                    operands,
                    attributes,
                    results: apply.results,
                });
                slots.insert(apply.slot, id);
                id
            }
            Pattern::Project { index, of, slot } => {
                let of = self.pattern(variant, of, slots)?;
                let id = self.add(Term::Result { index: *index, of });
                slots.insert(*slot, id);
                id
            }
            Pattern::Chain { .. } => return None,
        })
    }

    /// Makes two terms one, if that can be.
    pub(super) fn unify(&mut self, a: TermId, b: TermId) -> bool {
        let (a, b) = (self.find(a), self.find(b));
        if a == b {
            return true;
        }
        if self.holds(a, b) || self.holds(b, a) {
            return false;
        }
        match (self.terms[a.0].clone(), self.terms[b.0].clone()) {
            (Term::Open { bare: x, dtype: m }, Term::Open { bare: y, dtype: n }) => {
                self.terms[b.0] = Term::Open {
                    bare: x || y,
                    dtype: m || n,
                };
                self.is_narrowed |= x != y;
                self.stands[a.0] = Some(b);
                true
            }
            (Term::Open { bare, .. }, other) => self.narrow(a, b, bare, &other),
            (other, Term::Open { bare, .. }) => self.narrow(b, a, bare, &other),
            (Term::Literal(x), Term::Literal(y)) => x.same_value(&y),
            (
                Term::Apply {
                    op: f,
                    operands: xs,
                    attributes: p,
                    results: m,
                },
                Term::Apply {
                    op: g,
                    operands: ys,
                    attributes: q,
                    results: n,
                },
            ) => {
                if f != g || m != n || xs.len() != ys.len() || p != q {
                    return false;
                }
                self.stands[a.0] = Some(b);
                xs.into_iter().zip(ys).all(|(x, y)| self.unify(x, y))
            }
            (Term::Result { index: i, of: x }, Term::Result { index: j, of: y }) => {
                i == j && {
                    self.stands[a.0] = Some(b);
                    self.unify(x, y)
                }
            }
            _ => false,
        }
    }

    fn narrow(&mut self, open: TermId, to: TermId, bare: bool, term: &Term) -> bool {
        if bare && !matches!(term, Term::Literal(_)) {
            return false;
        }
        self.stands[open.0] = Some(to);
        self.is_narrowed = true;
        true
    }

    /// Whether a term has another in it.
    fn holds(&self, term: TermId, wanted: TermId) -> bool {
        let term = self.find(term);
        term == wanted
            || match &self.terms[term.0] {
                Term::Apply { operands, .. } => {
                    operands.iter().any(|&operand| self.holds(operand, wanted))
                }
                Term::Result { of, .. } => self.holds(*of, wanted),
                Term::Open { .. } | Term::Literal(_) => false,
            }
    }
}

/// TorchScript writes element types as numbers.
pub(super) fn written(literal: &Literal) -> Literal {
    match literal {
        Literal::DType(dtype) => Literal::Int(ops::torch_dtype_code(*dtype)),
        other => other.clone(),
    }
}
