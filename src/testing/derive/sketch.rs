//! A pattern taken for a graph: its operators as nodes, what it leaves open as places to fill.
//!
//! In: the patterns of a variant. Out: parts by number, and which of them each slot is.
//! Invariant: operands stand before the call that takes them; a slot that is met again is the same part.

use std::collections::BTreeMap;

use crate::check::rule::{
    Apply, AttributeMatch, Constraint, DimPattern, Pattern, Rest, Slot, SlotKind,
};
use crate::graph::{Literal, Name, Type};
use crate::ops::Catalogue;
use crate::rules::CompiledVariant;
use crate::source::Span;

use super::contents::{Around, dims_for, size_of_op};

/// A part by number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(super) struct PartId(pub(super) usize);

/// A part of a sketch.
#[derive(Clone, Debug)]
pub(super) enum Part {
    /// A place to fill.
    Open(Open),
    /// A literal; an element type if `dtype`.
    Literal { literal: Literal, dtype: bool },
    /// An operator.
    Call(Call),
    /// A result of an operator with several.
    Result {
        of: PartId,
        index: u32,
        name: String,
    },
}

/// A place to fill.
#[derive(Clone, Debug)]
pub(super) struct Open {
    /// As the rule calls it, without `%`; empty if it has no name there.
    pub(super) name: String,
    /// What the operator around takes there.
    pub(super) ty: Type,
    /// Must be a literal.
    pub(super) bare: bool,
    /// Whatever stands there, the rule does not look at it.
    pub(super) ignored: bool,
    /// Stands for an element type.
    pub(super) dtype: bool,
    /// What is written about it.
    pub(super) constraints: Vec<Constraint>,
    /// Where it stands.
    pub(super) around: Around,
    /// Sizes that suit the operators around.
    pub(super) dims: Vec<u64>,
}

/// An operator of a sketch.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) op: Name,
    pub(super) operands: Vec<PartId>,
    /// For operands that are written with their names: the name, and what is meant where nothing is written.
    pub(super) labels: Vec<Option<(Name, Option<Literal>)>>,
    pub(super) attributes: Vec<(Name, PartId)>,
    pub(super) results: u32,
    /// As the rule calls its result.
    pub(super) name: String,
    /// What the operator around takes, where this one does not say what it gives.
    pub(super) ty: Option<Type>,
}

/// How a pattern becomes a sketch where it leaves numbers open.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Sizes {
    /// Elements of a list of any length.
    pub(super) each: usize,
    /// Links of a chain that may have none; one that may not has one.
    pub(super) links: usize,
}

impl Sizes {
    /// Those to try, plain ones first.
    pub(super) const ALL: [Sizes; 4] = [
        Sizes { each: 1, links: 0 },
        Sizes { each: 1, links: 1 },
        Sizes { each: 2, links: 0 },
        Sizes { each: 0, links: 0 },
    ];
}

/// A change to the pattern, for a graph that misses it.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Twist {
    /// The operator written there is another one.
    Operator(Span),
    /// A name that is written twice is two values.
    Apart(Slot),
}

/// A literal of the pattern with its place.
#[derive(Clone, Debug)]
pub(super) struct Constant {
    pub(super) part: PartId,
    pub(super) span: Span,
    /// The operator it is an operand of.
    pub(super) op: Name,
}

/// A pattern as a graph.
#[derive(Clone, Debug, Default)]
pub(super) struct Sketch {
    pub(super) parts: Vec<Part>,
    /// The roots, in their order.
    pub(super) roots: Vec<PartId>,
    /// What each slot is; lists have any number of parts.
    pub(super) slots: BTreeMap<Slot, Vec<PartId>>,
    /// Literals that the rule writes.
    pub(super) constants: Vec<Constant>,
    /// Names that are met more than once.
    pub(super) again: Vec<Slot>,
    /// The second value of a name that is two.
    pub(super) twin: Option<PartId>,
}

impl Sketch {
    /// The sketch of a variant. `None`: a chain without links leaves no operator.
    pub(super) fn new(
        catalogue: &Catalogue,
        variant: &CompiledVariant,
        sizes: Sizes,
        twist: Option<&Twist>,
    ) -> Option<Sketch> {
        let mut builder = Builder {
            catalogue,
            variant,
            sizes,
            twist,
            out: Sketch::default(),
            local: Vec::new(),
            depth: 0,
        };
        for pattern in &variant.patterns {
            let root = builder.pattern(pattern, &Place::root())?;
            builder.out.roots.push(root);
        }
        Some(builder.out)
    }

    pub(super) fn get(&self, id: PartId) -> &Part {
        &self.parts[id.0]
    }

    /// The places to fill in and below a part, and calls whose type is open.
    pub(super) fn open_below(&self, id: PartId, found: &mut Vec<PartId>) {
        if found.contains(&id) {
            return;
        }
        match self.get(id) {
            Part::Open(_) => found.push(id),
            Part::Literal { .. } => {}
            Part::Call(call) => {
                if call.ty.is_some() {
                    found.push(id);
                }
                for &(_, attribute) in &call.attributes {
                    self.open_below(attribute, found);
                }
                for &operand in &call.operands {
                    self.open_below(operand, found);
                }
            }
            Part::Result { of, .. } => self.open_below(*of, found),
        }
    }
}

/// What is known of a place from the operators around.
#[derive(Clone)]
struct Place {
    ty: Type,
    dtype: bool,
    around: Around,
    dims: Option<Vec<u64>>,
}

impl Place {
    fn root() -> Place {
        Place {
            ty: Type::tensor(),
            dtype: false,
            around: Around::default(),
            dims: None,
        }
    }
}

/// The class of a module of which nothing is asked.
pub(super) fn some_module() -> Type {
    Type::Class(Name::new("__torch__.M"))
}

struct Builder<'a> {
    catalogue: &'a Catalogue,
    variant: &'a CompiledVariant,
    sizes: Sizes,
    twist: Option<&'a Twist>,
    out: Sketch,
    /// Slots of the list elements that are being built.
    local: Vec<BTreeMap<Slot, Vec<PartId>>>,
    depth: usize,
}

impl Builder<'_> {
    fn add(&mut self, part: Part) -> PartId {
        self.out.parts.push(part);
        PartId(self.out.parts.len() - 1)
    }

    fn known(&self, slot: Slot) -> Option<PartId> {
        let local = self.local.iter().rev().find_map(|slots| slots.get(&slot));
        let found = local.or_else(|| self.out.slots.get(&slot))?;
        found.first().copied()
    }

    fn bind(&mut self, slot: Slot, parts: Vec<PartId>) {
        self.out.slots.entry(slot).or_insert_with(|| parts.clone());
        if let Some(local) = self.local.last_mut() {
            local.insert(slot, parts);
        }
    }

    /// The name the author gave; the checker makes up others.
    fn name(&self, slot: Slot) -> String {
        let name = self.variant.slots.get(slot.0 as usize);
        let name = name.map_or("", |info| info.name.as_str());
        let plain = name.trim_start_matches('%');
        let written = plain
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_');
        match written && plain != "_" {
            true => plain.to_owned(),
            false => String::new(),
        }
    }

    fn open(&mut self, slot: Option<Slot>, bare: bool, place: &Place) -> PartId {
        let info = slot.and_then(|slot| self.variant.slots.get(slot.0 as usize));
        let kind = info.map(|info| info.kind.clone());
        let dtype = place.dtype || matches!(kind, Some(SlotKind::Literal { dtype: true }));
        let name = slot.map_or(String::new(), |slot| self.name(slot));
        let dims = place.dims.clone().unwrap_or_else(|| vec![2, 2]);
        self.add(Part::Open(Open {
            name,
            ty: place.ty.clone(),
            bare,
            ignored: slot.is_none() && !bare,
            dtype,
            constraints: Vec::new(),
            around: place.around.clone(),
            dims,
        }))
    }

    /// The part of a slot: the one it was first, unless the two shall be apart.
    fn slot(&mut self, slot: Slot, bare: bool, place: &Place) -> PartId {
        if let Some(known) = self.known(slot) {
            let named = !self.name(slot).is_empty();
            if named
                && !self.out.again.contains(&slot)
                && matches!(self.out.get(known), Part::Open(_))
            {
                self.out.again.push(slot);
            }
            if self.twist != Some(&Twist::Apart(slot)) || self.out.twin.is_some() {
                return known;
            }
            let twin = self.open(None, bare, place);
            self.out.twin = Some(twin);
            return twin;
        }
        let id = self.open(Some(slot), bare, place);
        self.bind(slot, vec![id]);
        id
    }

    fn pattern(&mut self, pattern: &Pattern, place: &Place) -> Option<PartId> {
        Some(match pattern {
            Pattern::Any => self.open(None, false, place),
            Pattern::Value(slot, constraint) => {
                let id = self.slot(*slot, false, place);
                if let Some(constraint) = constraint {
                    self.constrain(id, constraint);
                }
                id
            }
            Pattern::Bare(slot) => self.slot(*slot, true, place),
            Pattern::Again(slot) => self.known(*slot)?,
            Pattern::Literal(literal) => self.add(Part::Literal {
                literal: literal.clone(),
                dtype: place.dtype,
            }),
            Pattern::Apply(apply) => self.apply(apply, place)?,
            Pattern::Project { index, of, slot } => {
                let of = self.pattern(of, place)?;
                let name = self.name(*slot);
                let id = self.add(Part::Result {
                    of,
                    index: *index,
                    name,
                });
                self.bind(*slot, vec![id]);
                id
            }
            Pattern::Chain {
                op,
                may_be_empty,
                collect,
                slot,
                inner,
            } => {
                let links = match may_be_empty {
                    true => self.sizes.links,
                    false => self.sizes.links.max(1),
                };
                let first = Place {
                    ty: if op.as_str() == "prim::GetAttr" {
                        some_module()
                    } else {
                        place.ty.clone()
                    },
                    ..place.clone()
                };
                let mut at = self.pattern(inner, if links == 0 { place } else { &first })?;
                let mut collected = Vec::new();
                for _ in 0..links {
                    let mut attributes = Vec::new();
                    if let Some((attribute, list)) = collect {
                        let around = Around {
                            param: self.name(*list),
                            ..Around::default()
                        };
                        let place = Place {
                            ty: Type::Str,
                            around,
                            ..Place::root()
                        };
                        let link = self.open(None, true, &place);
                        collected.push(link);
                        attributes.push((*attribute, link));
                    }
                    let name = self.name(*slot);
                    at = self.add(Part::Call(Call {
                        op: *op,
                        operands: vec![at],
                        labels: Vec::new(),
                        attributes,
                        results: 1,
                        name,
                        ty: Some(place.ty.clone()),
                    }));
                }
                if let Some((_, list)) = collect {
                    // The outermost link comes first in the list of names.
                    collected.reverse();
                    self.bind(*list, collected);
                }
                self.bind(*slot, vec![at]);
                at
            }
        })
    }

    fn apply(&mut self, apply: &Apply, place: &Place) -> Option<PartId> {
        self.depth += 1;
        let schema = self.catalogue.schema(apply.op.as_str());
        let mut operands = Vec::with_capacity(apply.operands.len());
        for (at, pattern) in apply.operands.iter().enumerate() {
            let inner = self.operand_place(apply, at, place);
            let id = self.pattern(pattern, &inner)?;
            let is_written = apply.operand_span(at) != apply.span;
            if let (Pattern::Literal(_), true) = (pattern, is_written) {
                self.out.constants.push(Constant {
                    part: id,
                    span: apply.operand_span(at),
                    op: apply.op,
                });
            }
            operands.push(id);
        }
        if let Some(Rest::Each { pattern, collect }) = &apply.rest {
            let inner = self.operand_place(apply, apply.operands.len(), place);
            let mut lists: BTreeMap<Slot, Vec<PartId>> = BTreeMap::new();
            for _ in 0..self.sizes.each {
                self.local.push(BTreeMap::new());
                let id = self.pattern(pattern, &inner);
                let local = self.local.pop().unwrap_or_default();
                operands.push(id?);
                for (element, list) in collect {
                    if let Some(parts) = local.get(element) {
                        lists.entry(*list).or_default().extend(parts);
                    }
                }
            }
            for (_, list) in collect {
                let parts = lists.remove(list).unwrap_or_default();
                self.out.slots.insert(*list, parts);
            }
        }
        let mut attributes = Vec::new();
        for attribute in &apply.attributes {
            let part = match &attribute.value {
                AttributeMatch::Equal(literal) => self.add(Part::Literal {
                    literal: literal.clone(),
                    dtype: false,
                }),
                AttributeMatch::Bind(slot) => {
                    let mut place = Place::root();
                    place.ty = Type::Str;
                    place.around.param = self.name(*slot);
                    self.slot(*slot, true, &place)
                }
                // A bundle may be empty.
                AttributeMatch::Others { .. } => continue,
            };
            attributes.push((attribute.name, part));
        }
        let varret = schema.is_none_or(|schema| schema.varret);
        let vague = schema.is_some_and(|schema| {
            schema
                .results
                .first()
                .is_some_and(|result| matches!(result.ty, Type::Any | Type::Variable(_)))
        });
        let is_list = apply.op.as_str() == "prim::ListConstruct";
        let is_empty_list = is_list && operands.is_empty();
        let ty = (((varret && apply.results == 1) || vague) && !is_list || is_empty_list).then(
            || match (&place.ty, is_list) {
                (Type::List(_), _) | (_, false) => place.ty.clone(),
                (_, true) => Type::tensor().list_of(),
            },
        );
        let params = schema.map_or(&[][..], |schema| &schema.params);
        let labels = params.iter().map(|param| {
            param
                .keyword_only
                .then(|| (param.name, param.default.clone()))
        });
        let labels = labels.collect();
        let op = match self.twist {
            Some(Twist::Operator(span)) if *span == apply.span => {
                operands.truncate(1);
                Name::new(if apply.op == "aten::neg" {
                    "aten::abs"
                } else {
                    "aten::neg"
                })
            }
            _ => apply.op,
        };
        let name = if apply.results == 1 {
            self.name(apply.slot)
        } else {
            String::new()
        };
        let id = self.add(Part::Call(Call {
            op,
            operands,
            labels,
            attributes,
            results: apply.results,
            name,
            ty,
        }));
        self.bind(apply.slot, vec![id]);
        Some(id)
    }

    /// What is known of an operand.
    fn operand_place(&self, apply: &Apply, at: usize, place: &Place) -> Place {
        let schema = self.catalogue.schema(apply.op.as_str());
        let param = schema.and_then(|schema| schema.params.get(at));
        let ty = match (apply.op.as_str(), param) {
            ("prim::ListConstruct", _) => match &place.ty {
                Type::List(element) => (**element).clone(),
                _ => Type::tensor(),
            },
            ("prim::TupleUnpack", _) => Type::Tuple(vec![Type::tensor(); apply.results as usize]),
            ("prim::GetAttr" | "prim::CallMethod" | "prim::SetAttr" | "rulefold::attribute", _)
                if at == 0 =>
            {
                some_module()
            }
            (_, Some(param)) => param.ty.clone(),
            (_, None) => Type::tensor(),
        };
        let around = Around {
            op: apply.op.as_str().to_owned(),
            param: param.map_or(String::new(), |param| param.name.to_string()),
            default: param.and_then(|param| param.default.clone()),
            fixed_len: param.and_then(|param| param.fixed_len),
        };
        let inherited = if at == 0 { place.dims.clone() } else { None };
        let own = dims_for(
            apply.op.as_str(),
            &around.param,
            size_of_op(apply.op.as_str()),
        );
        Place {
            ty,
            dtype: param.is_some_and(|param| param.is_dtype),
            dims: own.or(inherited),
            around,
        }
    }

    /// Adds what is written about a value; sizes that it names are places of their own no more.
    fn constrain(&mut self, id: PartId, constraint: &Constraint) {
        for dim in constraint.dims.iter().flatten() {
            if let DimPattern::Bind(slot) = dim
                && self.known(*slot).is_none()
            {
                self.bind(*slot, vec![id]);
            }
        }
        if let Part::Open(open) = &mut self.out.parts[id.0] {
            open.constraints.push(constraint.clone());
        }
    }
}
