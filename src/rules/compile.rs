//! One variant of a rule to the steps that match it.
//!
//! In: a variant's roots. Out: for each root to start from, steps and the register of each slot.
//! Operators come first, breadth first, because they tell rules apart best and are what rules share; then literals, comparisons and
//! types, then lists. A second root is reached by climbing from a value it shares with what is matched already.
//!
//! Invariant: a slot has one register; where a pattern meets it again, a step compares.

use std::collections::VecDeque;

use indexmap::IndexSet;
use rustc_hash::FxBuildHasher;

use crate::check::rule::{
    Apply, AttributeMatch, Constraint, DimPattern, Pattern, Rest, Slot, Variant,
};

use crate::graph::Literal;

use super::shape::{Shape, Shapes};
use super::step::{AttributeTest, DimTest, Register, Step, TypeTest};

/// Literals that patterns compare with.
pub(super) type Literals = IndexSet<Literal, FxBuildHasher>;

/// The steps of a variant, started from one of its roots.
#[derive(Clone, Debug)]
pub(super) struct Program {
    pub(super) steps: Vec<Step>,
    /// Number of registers after each step.
    pub(super) known: Vec<usize>,
    /// The register of each slot; `None` for slots of list elements.
    pub(super) slots: Vec<Option<Register>>,
    /// The class of each root, in the order of the variant.
    pub(super) roots: Vec<Register>,
    /// The node of each root, where the root is an operator or projection.
    pub(super) nodes: Vec<Option<Register>>,
    /// How many levels below the root it starts from the steps look at anything.
    pub(super) depth: usize,
    /// How many levels below it they look at nodes, or at which class something is.
    pub(super) node_depth: usize,
    /// Registers of which more matters than what is known of their class.
    pub(super) watched: Vec<Register>,
    /// Whether the registers hold every class the match rests on; links of chains and parts of list elements are not kept.
    pub(super) keeps_all: bool,
}

/// Why a variant cannot be matched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// A root shares no value with the others, so every pair of matches would be one.
    #[error("root {0} shares no value with the roots before it")]
    UnrelatedRoots(usize),
    /// More registers than a step can name.
    #[error("the pattern is too large: it needs more than {} registers", u16::MAX)]
    TooLarge,
}

/// The program of a variant that starts from root `first`.
pub(super) fn compile(
    variant: &Variant,
    first: usize,
    shapes: &mut Shapes,
    literals: &mut Literals,
) -> Result<Program, CompileError> {
    // Types written on results come last, and nothing starts from them.
    let count = variant.roots.iter().filter(|root| !root.is_type()).count();
    let mut compiler = Compiler {
        shapes,
        literals,
        steps: Vec::new(),
        slots: vec![None; variant.slots.len()],
        next: 1,
        depth: 0,
        node_depth: 0,
    };
    let mut roots = vec![Register(0); count];
    let mut nodes = vec![None; count];
    for at in (0..count).map(|step| (first + step) % count) {
        let pattern = &variant.roots[at].pattern;
        let class = if at == first {
            Register(0)
        } else {
            compiler
                .climb(pattern)
                .ok_or(CompileError::UnrelatedRoots(at))?
        };
        roots[at] = class;
        nodes[at] = compiler.pattern(class, pattern);
    }
    for root in variant.roots.iter().filter(|root| root.is_type()) {
        if let Pattern::Value(slot, Some(constraint)) = &root.pattern
            && let Some(at) = compiler.slots[slot.0 as usize]
        {
            compiler.typed(at, constraint);
        }
    }
    if compiler.next > usize::from(u16::MAX) {
        return Err(CompileError::TooLarge);
    }
    let steps = || compiler.steps.iter().map(|(step, _)| step);
    let mut watched = Vec::new();
    for step in steps() {
        match step {
            Step::Bind { at, .. } | Step::Climb { from: at, .. } => watched.push(*at),
            Step::Same { a, b } => watched.extend([*a, *b]),
            _ => {}
        }
    }
    let keeps_all = !steps().any(|step| matches!(step, Step::Chain { .. } | Step::Each { .. }));
    let compares = steps().any(|step| matches!(step, Step::Same { .. }));
    let node_depth = if compares || !keeps_all {
        compiler.depth
    } else {
        compiler.node_depth
    };
    watched.sort_unstable();
    watched.dedup();
    let known = compiler.steps.iter().skip(1).map(|(_, before)| *before);
    let known = known.chain([compiler.next]).collect();
    Ok(Program {
        steps: compiler.steps.into_iter().map(|(step, _)| step).collect(),
        known,
        slots: compiler.slots,
        roots,
        nodes,
        depth: compiler.depth,
        node_depth,
        watched,
        keeps_all,
    })
}

struct Compiler<'a> {
    shapes: &'a mut Shapes,
    literals: &'a mut Literals,
    /// Steps, each with the number of registers before it.
    steps: Vec<(Step, usize)>,
    slots: Vec<Option<Register>>,
    next: usize,
    depth: usize,
    node_depth: usize,
}

/// Work put off until the operators around it are bound.
enum Later<'a> {
    Check(Register, &'a Pattern),
    Attribute(Register, Slot),
    Each(Register, &'a Pattern, &'a [(Slot, Slot)]),
}

impl Compiler<'_> {
    fn push(&mut self, step: Step) {
        self.steps.push((step, self.next));
    }

    fn add(&mut self) -> Register {
        let register = Register(self.next.min(usize::from(u16::MAX)) as u16);
        self.next += 1;
        register
    }

    /// Gives a slot this register, or compares with the one it has.
    fn slot(&mut self, slot: Slot, at: Register) {
        match self.slots[slot.0 as usize] {
            None => self.slots[slot.0 as usize] = Some(at),
            Some(b) if b == at => {}
            Some(b) => self.push(Step::Same { a: at, b }),
        }
    }

    /// Steps that match a pattern against the class in a register. The register of the topmost node, if the pattern has one.
    fn pattern(&mut self, at: Register, pattern: &Pattern) -> Option<Register> {
        let mut queue = VecDeque::from([(at, pattern, 0)]);
        let mut later = Vec::new();
        let mut top = None;
        while let Some((at, pattern, depth)) = queue.pop_front() {
            self.depth = self.depth.max(depth);
            match pattern {
                Pattern::Apply(apply) => {
                    self.node_depth = self.node_depth.max(depth);
                    self.slot(apply.slot, at);
                    let node = self.apply(at, apply, depth, &mut queue, &mut later);
                    top.get_or_insert(node);
                }
                Pattern::Project { index, of, slot } => {
                    self.node_depth = self.node_depth.max(depth);
                    self.slot(*slot, at);
                    let shape = self.shapes.intern(Shape::Projection(*index));
                    self.push(Step::Bind {
                        at,
                        shape,
                        attributes: Box::default(),
                    });
                    let node = self.add();
                    top.get_or_insert(node);
                    queue.push_back((self.add(), of, depth + 1));
                }
                Pattern::Chain {
                    op,
                    may_be_empty,
                    collect,
                    slot,
                    inner,
                } => {
                    self.slot(*slot, at);
                    let link = self.shapes.intern(Shape::Operator {
                        op: *op,
                        operands: 1,
                        results: 1,
                    });
                    self.push(Step::Chain {
                        at,
                        link,
                        may_be_empty: *may_be_empty,
                        collect: collect.map(|(name, _)| name),
                    });
                    queue.push_back((self.add(), inner, depth + 1));
                    if let Some((_, list)) = collect {
                        let collected = self.add();
                        self.slot(*list, collected);
                    }
                }
                _ => later.push(Later::Check(at, pattern)),
            }
        }
        let (lists, checks): (Vec<_>, Vec<_>) = later
            .into_iter()
            .partition(|later| matches!(later, Later::Each(..)));
        for later in checks.into_iter().chain(lists) {
            self.later(later);
        }
        top
    }

    fn apply<'p>(
        &mut self,
        at: Register,
        apply: &'p Apply,
        depth: usize,
        queue: &mut VecDeque<(Register, &'p Pattern, usize)>,
        later: &mut Vec<Later<'p>>,
    ) -> Register {
        let shape = self.shapes.intern(shape_of(apply));
        let attributes = apply
            .attributes
            .iter()
            .map(|attribute| match &attribute.value {
                AttributeMatch::Equal(literal) => {
                    AttributeTest::Equal(attribute.name, literal.clone())
                }
                AttributeMatch::Bind(_) => AttributeTest::Bind(attribute.name),
                AttributeMatch::Others { without, .. } => AttributeTest::Others(without.clone()),
            });
        self.push(Step::Bind {
            at,
            shape,
            attributes: attributes.collect(),
        });
        let node = self.add();
        for operand in &apply.operands {
            queue.push_back((self.add(), operand, depth + 1));
        }
        if let Some(rest) = &apply.rest {
            let list = self.add();
            if let Rest::Each { pattern, collect } = rest {
                later.push(Later::Each(list, pattern, collect));
                self.depth = self.depth.max(depth + 1 + height(pattern));
            }
        }
        for attribute in &apply.attributes {
            if let AttributeMatch::Bind(slot) | AttributeMatch::Others { slot, .. } =
                attribute.value
            {
                later.push(Later::Attribute(self.add(), slot));
            }
        }
        node
    }

    fn later(&mut self, later: Later<'_>) {
        match later {
            Later::Attribute(at, slot) => self.slot(slot, at),
            Later::Each(list, pattern, collect) => self.each(list, pattern, collect),
            Later::Check(at, pattern) => match pattern {
                Pattern::Value(slot, constraint) => {
                    self.slot(*slot, at);
                    if let Some(constraint) = constraint {
                        self.typed(at, constraint);
                    }
                }
                Pattern::Bare(slot) => {
                    self.push(Step::IsLiteral { at });
                    self.slot(*slot, at);
                }
                Pattern::Again(slot) => self.slot(*slot, at),
                Pattern::Literal(literal) => {
                    let (literal, _) = self.literals.insert_full(literal.clone());
                    self.push(Step::Literal { at, literal });
                }
                Pattern::Any => {}
                Pattern::Apply(_) | Pattern::Project { .. } | Pattern::Chain { .. } => {
                    unreachable!("operators are matched before what is put off")
                }
            },
        }
    }

    fn typed(&mut self, at: Register, constraint: &Constraint) {
        let dims = constraint.dims.as_ref();
        let test = TypeTest {
            constant: constraint.constant,
            ty: constraint.ty.clone(),
            dtypes: constraint.dtypes.clone(),
            dims: dims.map(|dims| dims.iter().map(DimTest::from).collect()),
        };
        self.push(Step::Typed { at, test });
        let bound: Vec<(Register, Slot)> = dims
            .into_iter()
            .flatten()
            .filter_map(|dim| match dim {
                DimPattern::Bind(slot) => Some((self.add(), *slot)),
                _ => None,
            })
            .collect();
        for (register, slot) in bound {
            self.slot(slot, register);
        }
    }

    fn each(&mut self, list: Register, pattern: &Pattern, collect: &[(Slot, Slot)]) {
        match (pattern, collect) {
            (Pattern::Value(element, None), [(collected, to)]) if element == collected => {
                self.slot(*to, list);
            }
            (Pattern::Bare(element), [(collected, to)]) if element == collected => {
                self.push(Step::IsLiteral { at: list });
                self.slot(*to, list);
            }
            _ => {
                let next = self.next;
                let outer_slots = self.slots.clone();
                let outer = std::mem::take(&mut self.steps);
                let element = self.add();
                self.pattern(element, pattern);
                let steps = std::mem::replace(&mut self.steps, outer);
                let steps = steps.into_iter().map(|(step, _)| step).collect();
                let registers = collect
                    .iter()
                    .map(|(element, _)| {
                        self.slots[element.0 as usize]
                            .unwrap_or_else(|| unreachable!("what is collected is bound"))
                    })
                    .collect();
                self.slots = outer_slots;
                self.next = next;
                self.push(Step::Each {
                    list,
                    steps,
                    collect: registers,
                });
                for (_, to) in collect {
                    let register = self.add();
                    self.slot(*to, register);
                }
            }
        }
    }

    /// Climbs to the class that a further root is matched against, from the nearest value it shares with what is bound; from a
    /// literal only if there is nothing else, because literals are used everywhere.
    fn climb(&mut self, pattern: &Pattern) -> Option<Register> {
        let mut found: Option<(Meeting, Register)> = None;
        let mut path = Vec::new();
        self.meetings(pattern, &mut path, &mut found);
        let (meeting, from) = found?;
        let path = meeting
            .path
            .into_iter()
            .map(|(shape, operand)| (self.shapes.intern(shape), operand))
            .collect();
        self.push(Step::Climb { from, path });
        Some(self.add())
    }

    fn meetings(
        &self,
        pattern: &Pattern,
        path: &mut Vec<(Shape, u32)>,
        best: &mut Option<(Meeting, Register)>,
    ) {
        let (slot, literal) = match pattern {
            Pattern::Apply(apply) => (Some(apply.slot), false),
            Pattern::Chain { slot, .. }
            | Pattern::Project { slot, .. }
            | Pattern::Value(slot, _)
            | Pattern::Again(slot) => (Some(*slot), false),
            Pattern::Bare(slot) => (Some(*slot), true),
            _ => (None, false),
        };
        let register = slot.and_then(|slot| self.slots[slot.0 as usize]);
        if let Some(register) = register {
            let worth = (literal, path.len());
            if best
                .as_ref()
                .is_none_or(|(meeting, _)| worth < (meeting.literal, meeting.path.len()))
            {
                let path = path.clone();
                *best = Some((Meeting { literal, path }, register));
            }
        }
        match pattern {
            Pattern::Apply(apply) => {
                for (operand, pattern) in (0..).zip(&apply.operands) {
                    path.push((shape_of(apply), operand));
                    self.meetings(pattern, path, best);
                    path.pop();
                }
            }
            Pattern::Project { index, of, .. } => {
                path.push((Shape::Projection(*index), 0));
                self.meetings(of, path, best);
                path.pop();
            }
            _ => {}
        }
    }
}

/// Where a root meets what is bound already.
struct Meeting {
    literal: bool,
    path: Vec<(Shape, u32)>,
}

fn shape_of(apply: &Apply) -> Shape {
    let operands = u32::try_from(apply.operands.len())
        .expect("patterns have fewer than four billion operands");
    match apply.rest {
        None => Shape::Operator {
            op: apply.op,
            operands,
            results: apply.results,
        },
        Some(_) => Shape::Variadic {
            op: apply.op,
            least: operands,
            results: apply.results,
        },
    }
}

/// How many levels of operands a pattern has.
fn height(pattern: &Pattern) -> usize {
    match pattern {
        Pattern::Apply(apply) => {
            let rest = match &apply.rest {
                Some(Rest::Each { pattern, .. }) => Some(pattern),
                _ => None,
            };
            let operands = apply.operands.iter().chain(rest);
            operands.map(height).max().map_or(0, |below| below + 1)
        }
        Pattern::Project { of, .. } => height(of) + 1,
        Pattern::Chain { inner, .. } => height(inner) + 1,
        _ => 0,
    }
}
