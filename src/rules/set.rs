//! Rules compiled together, ready to be searched for.
//!
//! In: checked rules. Out: a [`RuleSet`]: one trie over all their variants, and for each program what to test and what to build.
//! A guard stands at the first place of the trie where its slots are bound and that leads to its variant alone: before that it
//! would be paid for by rules it does not belong to.
//!
//! Invariant: rules of which numbers change on purpose are refused; they are applied to graphs, never in an e-graph.

use std::collections::BTreeSet;
use std::sync::Arc;

use rustc_hash::FxHashSet;

use crate::check::rule::{
    Build, Expr, Guard, Let, Numerics, Pattern, Reason, Rule, Slot, SlotInfo, Variant,
};
use crate::graph::{Literal, Name};

use super::compile::{CompileError, Literals, Program, compile};
use super::shape::{Shape, ShapeId, Shapes};
use super::step::{AttributeTest, Register, Step};
use super::trie::{Trie, TrieGuard, TrieId};

/// Compiled rules.
#[derive(Clone, Debug)]
pub struct RuleSet {
    rules: Vec<CompiledRule>,
    variants: Vec<CompiledVariant>,
    programs: Vec<CompiledProgram>,
    trie: Trie,
    shapes: Shapes,
    depth: usize,
    node_depth: usize,
    chain_links: BTreeSet<ShapeId>,
    literals: Literals,
    has_effects: bool,
    /// What bundles of attributes leave out.
    bundles: Vec<Box<[Name]>>,
}

/// What reports say about a rule.
#[derive(Clone, Debug)]
pub struct CompiledRule {
    /// Full name.
    pub name: Name,
    /// What it promises about numbers.
    pub numerics: Numerics,
    /// Why its guards reject.
    pub reasons: Vec<Reason>,
    /// Labels of its instances.
    pub instances: Vec<Arc<str>>,
}

/// A variant: what it binds, tests and builds.
#[derive(Clone, Debug)]
pub struct CompiledVariant {
    /// Index among the rules of the set.
    pub rule: u32,
    /// Index among the instances of the rule.
    pub instance: u32,
    /// Index among the variants of the instance.
    pub variant: u32,
    /// Names and kinds of the slots.
    pub slots: Vec<SlotInfo>,
    /// Conditions.
    pub guards: Vec<Guard>,
    /// Named expressions.
    pub lets: Vec<Let>,
    /// The patterns, for the matcher that explains why nothing matched.
    pub patterns: Vec<Pattern>,
    /// What each root becomes; `None` where it is matched only.
    pub replacements: Vec<Option<Build>>,
    /// Effects that go away: the slots of their nodes.
    pub erased: Vec<Slot>,
    /// Effects that are added.
    pub effects: Vec<Build>,
}

/// A variant as it is matched from one of its roots.
#[derive(Clone, Debug)]
pub struct CompiledProgram {
    /// Index among the variants of the set.
    pub variant: u32,
    /// Where each slot is after the match; `None` for slots of list elements.
    pub slots: Vec<Option<Register>>,
    /// The class of each root.
    pub roots: Vec<Register>,
    /// The topmost node of each root, where it is an operator or projection.
    pub nodes: Vec<Option<Register>>,
    /// Registers of which more matters than what is known of their class.
    pub watched: Vec<Register>,
    /// Whether the registers hold every class the match rests on; links of chains and parts of list elements are not kept.
    pub keeps_all: bool,
}

/// Why a set of rules could not be compiled.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RuleSetError {
    /// A variant cannot be matched.
    #[error("{rule}: {source}")]
    Compile {
        /// Label of the instance.
        rule: Arc<str>,
        /// Why.
        source: CompileError,
    },
    /// A rule changes numbers on purpose.
    #[error(
        "{rule} changes numbers ({reason}); name it in an `apply` step instead of a `saturate` step"
    )]
    Changes {
        /// Full name.
        rule: Name,
        /// What its label says.
        reason: Arc<str>,
    },
}

impl RuleSet {
    /// Compiles rules together.
    ///
    /// # Errors
    /// A rule labelled `changes`, or a variant whose roots share no value.
    pub fn compile<'a>(rules: impl IntoIterator<Item = &'a Rule>) -> Result<RuleSet, RuleSetError> {
        let mut set = RuleSet {
            rules: Vec::new(),
            variants: Vec::new(),
            programs: Vec::new(),
            trie: Trie::new(),
            shapes: Shapes::default(),
            depth: 0,
            node_depth: 0,
            chain_links: BTreeSet::new(),
            literals: Literals::default(),
            has_effects: false,
            bundles: Vec::new(),
        };
        let mut pending = Vec::new();
        for rule in rules {
            if let Numerics::Changes(reason) = &rule.numerics {
                return Err(RuleSetError::Changes {
                    rule: rule.name,
                    reason: reason.clone(),
                });
            }
            let number = index(set.rules.len());
            set.has_effects |= rule.has_effects();
            set.rules.push(CompiledRule {
                name: rule.name,
                numerics: rule.numerics.clone(),
                reasons: rule.reasons.clone(),
                instances: rule.instances.iter().map(|i| i.label.clone()).collect(),
            });
            for (instance, of) in (0..).zip(&rule.instances) {
                for (at, variant) in (0..).zip(&of.variants) {
                    set.variants
                        .push(compiled_variant(number, instance, at, variant));
                    set.add(variant, &of.label, &mut pending)?;
                }
            }
        }
        set.place_guards(pending);
        Ok(set)
    }

    /// Compiles a variant from each of its roots, so that a change under any of them finds the match.
    fn add(
        &mut self,
        variant: &Variant,
        label: &Arc<str>,
        pending: &mut Vec<(Program, Vec<TrieId>)>,
    ) -> Result<(), RuleSetError> {
        let starts = variant.roots.iter().filter(|root| !root.is_type());
        for first in 0..starts.count() {
            let program = compile(variant, first, &mut self.shapes, &mut self.literals).map_err(
                |source| RuleSetError::Compile {
                    rule: label.clone(),
                    source,
                },
            )?;
            self.depth = self.depth.max(program.depth);
            self.node_depth = self.node_depth.max(program.node_depth);
            self.note_steps(&program.steps);
            let number = index(self.programs.len());
            let places = self.trie.insert(&program.steps, number);
            self.programs.push(CompiledProgram {
                variant: index(self.variants.len() - 1),
                slots: program.slots.clone(),
                roots: program.roots.clone(),
                nodes: program.nodes.clone(),
                watched: program.watched.clone(),
                keeps_all: program.keeps_all,
            });
            pending.push((program, places));
        }
        Ok(())
    }

    fn note_steps(&mut self, steps: &[Step]) {
        for step in steps {
            match step {
                Step::Chain { link, .. } => {
                    self.chain_links.insert(*link);
                }
                Step::Each { steps, .. } => self.note_steps(steps),
                Step::Bind { attributes, .. } => {
                    for test in attributes {
                        if let AttributeTest::Others(without) = test
                            && !self.bundles.contains(without)
                        {
                            self.bundles.push(without.clone());
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn place_guards(&mut self, programs: Vec<(Program, Vec<TrieId>)>) {
        let below = self.trie.programs_below();
        for (number, (program, places)) in (0..).zip(&programs) {
            let variant = &self.variants[self.programs[number as usize].variant as usize];
            let private = places.iter().position(|place| below[place.0 as usize] == 1);
            for (at, guard) in (0..).zip(&variant.guards) {
                let slots = slots_of(&guard.condition, &variant.lets);
                let needed = slots
                    .iter()
                    .filter_map(|slot| program.slots[slot.0 as usize])
                    .max()
                    .unwrap_or(Register(0));
                let ready = program
                    .known
                    .iter()
                    .position(|known| usize::from(needed.0) < *known)
                    .unwrap_or(places.len() - 1);
                let guard = TrieGuard {
                    program: number,
                    guard: at,
                };
                match private {
                    Some(private) => self.trie.guard(places[ready.max(private)], guard),
                    None => self.trie.guard_leaf(places[places.len() - 1], guard),
                }
            }
        }
    }

    /// The rules.
    pub fn rules(&self) -> &[CompiledRule] {
        &self.rules
    }

    /// The variants of all rules.
    pub fn variants(&self) -> &[CompiledVariant] {
        &self.variants
    }

    /// The variant with this number.
    pub fn variant(&self, number: u32) -> &CompiledVariant {
        &self.variants[number as usize]
    }

    /// The program with this number.
    pub fn program(&self, number: u32) -> &CompiledProgram {
        &self.programs[number as usize]
    }

    /// The trie over all programs.
    pub fn trie(&self) -> &Trie {
        &self.trie
    }

    /// What patterns ask of nodes.
    pub fn shapes(&self) -> &Shapes {
        &self.shapes
    }

    /// How many levels below a root any pattern looks at anything, chains not counted.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// How many levels below a root any pattern looks at nodes, or at which class something is.
    pub fn node_depth(&self) -> usize {
        self.node_depth
    }

    /// Whether nodes of this shape may be links of a chain, of which there can be any number between a root and what it looks at.
    pub fn is_chain_link(&self, shape: ShapeId) -> bool {
        self.chain_links.contains(&shape)
    }

    /// The names that bundles of attributes leave out, each list once.
    pub fn bundles(&self) -> &[Box<[Name]>] {
        &self.bundles
    }

    /// Literals that patterns compare with, by number.
    pub fn literals(&self) -> impl ExactSizeIterator<Item = &Literal> {
        self.literals.iter()
    }

    /// The label of a variant's instance: `packed[op = conv2d]`.
    pub fn label(&self, variant: &CompiledVariant) -> &Arc<str> {
        &self.rules[variant.rule as usize].instances[variant.instance as usize]
    }

    /// Operators of which rules look at effects.
    pub fn effects(&self) -> FxHashSet<Name> {
        let all = self.operators().filter(|_| self.has_effects);
        all.collect()
    }

    /// Every operator that some pattern looks for, in the order of the rules.
    pub fn operators(&self) -> impl Iterator<Item = Name> + '_ {
        self.shapes.iter().filter_map(|(_, shape)| match shape {
            Shape::Operator { op, .. } | Shape::Variadic { op, .. } => Some(op),
            Shape::Projection(_) => None,
        })
    }
}

fn compiled_variant(rule: u32, instance: u32, at: u32, variant: &Variant) -> CompiledVariant {
    CompiledVariant {
        rule,
        instance,
        variant: at,
        slots: variant.slots.clone(),
        guards: variant.guards.clone(),
        lets: variant.lets.clone(),
        patterns: variant.roots.iter().map(|r| r.pattern.clone()).collect(),
        replacements: variant
            .roots
            .iter()
            .map(|r| r.replacement.clone())
            .collect(),
        erased: variant.erased.clone(),
        effects: variant.effects.clone(),
    }
}

/// The slots that an expression looks at, through lets, in the order of the text, each once.
pub fn slots_of(expr: &Expr, lets: &[Let]) -> Vec<Slot> {
    let mut found = Vec::new();
    collect_slots(expr, lets, &mut found);
    let mut seen = BTreeSet::new();
    found.retain(|slot| seen.insert(*slot));
    found
}

fn collect_slots(expr: &Expr, lets: &[Let], found: &mut Vec<Slot>) {
    match expr {
        Expr::Slot(slot) => found.push(*slot),
        Expr::Let(index) => {
            if let Some(named) = lets.get(*index as usize) {
                collect_slots(&named.value, lets, found);
            }
        }
        Expr::Literal(_) | Expr::Element(_) | Expr::Setting(_) => {}
        Expr::List(items) | Expr::Tuple(items) | Expr::Call(_, items) => {
            items
                .iter()
                .for_each(|item| collect_slots(item, lets, found));
        }
        Expr::Comprehension {
            element,
            over,
            condition,
        } => {
            collect_slots(element, lets, found);
            collect_slots(over, lets, found);
            if let Some(condition) = condition {
                collect_slots(condition, lets, found);
            }
        }
        Expr::If(condition, yes, no) => {
            collect_slots(condition, lets, found);
            collect_slots(yes, lets, found);
            collect_slots(no, lets, found);
        }
        Expr::Not(inner) | Expr::Negate(inner) => collect_slots(inner, lets, found),
        Expr::Binary(_, left, right) | Expr::Index(left, right) => {
            collect_slots(left, lets, found);
            collect_slots(right, lets, found);
        }
        Expr::Slice(base, from, to) => {
            collect_slots(base, lets, found);
            for bound in [from, to].into_iter().flatten() {
                collect_slots(bound, lets, found);
            }
        }
    }
}

fn index(n: usize) -> u32 {
    u32::try_from(n).expect("fewer than four billion variants")
}
