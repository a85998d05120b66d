//! Finding matches: the trie of a rule set run over classes.
//!
//! In: a rebuilt e-graph, a linked rule set, classes to look at. Out: matches in the order of classes, nodes and rules.
//! Invariant: changes nothing, so all matches of a round see the same e-graph.
//! Invariant: after the first round a match is found only if something it looks at has changed, so few are found twice.
//! Invariant: cost per class depends on the trie below what the class's nodes select, hardly on the number of rules.

use smallvec::SmallVec;

use crate::check::evaluate::evaluate;
use crate::check::rule::{Build, Slot};
use crate::graph::{AttributeLiteral, Literal, Name};
use crate::rules::{
    AttributeTest, CompiledProgram, Register, RuleSet, ShapeId, Step, Trie, TrieGuard, TrieId,
};

use super::binding::Bound;
use super::classes::EGraph;
use super::intern::{LiteralId, bundle};
use super::language::{AttributesId, Class, Node};
use super::link::Linked;
use super::matches::Matches;
use super::scope::{MatchScope, Slots};
use super::statistics::Counts;

/// Ways in which the elements of one list may match, beyond which no more are tried; classes that match an element pattern in
/// several ways are rare, and a product of them is not worth its size.
const MOST_WAYS: usize = 64;

/// A search over one e-graph as it stands.
pub(super) struct Search<'a> {
    graph: &'a EGraph,
    set: &'a RuleSet,
    linked: &'a Linked,
    /// By number, the nodes of canonical classes: the search asks for little else, and often.
    nodes: Vec<&'a [Node]>,
    /// What changed since the last round; `None` if nothing was searched yet.
    changed: Option<&'a Changed>,
    registers: Vec<Bound>,
    /// Lists that registers refer to.
    items: Vec<Bound>,
    pub(super) matches: Matches,
    pub(super) counts: &'a mut Counts,
}

impl<'a> Search<'a> {
    pub(super) fn new(
        graph: &'a EGraph,
        set: &'a RuleSet,
        linked: &'a Linked,
        changed: Option<&'a Changed>,
        matches: Matches,
        counts: &'a mut Counts,
    ) -> Search<'a> {
        let mut nodes: Vec<&[Node]> = vec![&[]; graph.inner.nodes().len()];
        for class in graph.inner.classes() {
            nodes[usize::from(class.id)] = &class.nodes;
        }
        Search {
            graph,
            set,
            linked,
            nodes,
            changed,
            registers: Vec::with_capacity(64),
            items: Vec::new(),
            matches,
            counts,
        }
    }

    /// Adds all matches whose first root is this class.
    pub(super) fn class(&mut self, class: Class) {
        // What a class is known to be costs nothing; no rule can say anything better, or anything else.
        if self.graph.literal(class).is_some() {
            return;
        }
        self.registers.clear();
        self.items.clear();
        self.registers.push(Bound::Class(class));
        self.run(Trie::ROOT);
    }

    fn run(&mut self, at: TrieId) {
        let set = self.set;
        let place = set.trie().node(at);
        for guard in &place.guards {
            if !self.guard_holds(*guard) {
                return;
            }
        }
        for leaf in &place.leaves {
            if leaf.guards.iter().all(|&guard| self.guard_holds(guard)) {
                self.found(leaf.program);
            }
        }
        for group in &place.binds {
            let Some(class) = self.class_at(group.at) else {
                continue;
            };
            for (at, node) in (0..).zip(self.nodes[usize::from(class)]) {
                for shape in self.linked.shapes(node.head) {
                    for edge in group.by_shape.get(&shape).into_iter().flatten() {
                        self.bind(class, at, node, shape, &edge.attributes, &mut |search| {
                            search.run(edge.to);
                        });
                    }
                }
            }
        }
        for (step, to) in &place.steps {
            self.step(step, &mut |search| search.run(*to));
        }
    }

    /// Runs a sequence of steps that is not part of the trie.
    fn sequence(&mut self, steps: &[Step], then: &mut dyn FnMut(&mut Self)) {
        match steps.split_first() {
            None => then(self),
            Some((step, rest)) => self.step(step, &mut |search| search.sequence(rest, then)),
        }
    }

    fn step(&mut self, step: &Step, then: &mut dyn FnMut(&mut Self)) {
        match step {
            Step::Bind {
                at,
                shape,
                attributes,
            } => {
                let Some(class) = self.class_at(*at) else {
                    return;
                };
                for (at, node) in (0..).zip(self.nodes[usize::from(class)]) {
                    if self.linked.shapes(node.head).any(|known| known == *shape) {
                        self.bind(class, at, node, *shape, attributes, then);
                    }
                }
            }
            Step::Literal { at, literal } => {
                let found = self.graph.bound_literal(self.bound(*at));
                if found.is_some_and(|found| {
                    let key = self.graph.inner.analysis.tables.value_key(found);
                    self.linked.is_literal(*literal, key)
                }) {
                    then(self);
                }
            }
            Step::IsLiteral { at } => {
                let bound = self.bound(*at);
                let graph = self.graph;
                let all = match bound.items(&self.items) {
                    Some(items) => items.iter().all(|&b| graph.bound_literal(b).is_some()),
                    None => graph.bound_literal(bound).is_some(),
                };
                if all {
                    then(self);
                }
            }
            Step::Same { a, b } => {
                let (a, b) = (self.bound(*a), self.bound(*b));
                if self.graph.bound_equal(a, b, &self.items) {
                    then(self);
                }
            }
            Step::Typed { at, test } => {
                let Some(class) = self.class_at(*at) else {
                    return;
                };
                if let Some(dims) = self.graph.is_typed(class, test) {
                    let before = self.registers.len();
                    for dim in dims {
                        let id = self.graph.literal_id(&Literal::Int(dim));
                        self.registers.push(Bound::Literal(id));
                    }
                    then(self);
                    self.registers.truncate(before);
                }
            }
            Step::Each {
                list,
                steps,
                collect,
            } => self.each(*list, steps, collect, then),
            Step::Chain {
                at,
                link,
                may_be_empty,
                collect,
            } => {
                if let Some(class) = self.class_at(*at) {
                    let chain = Chain {
                        link: *link,
                        may_be_empty: *may_be_empty,
                        collect: *collect,
                    };
                    self.chain(&chain, &mut vec![class], &mut Vec::new(), then);
                }
            }
            Step::Climb { from, path } => {
                if let Some(class) = self.class_at(*from) {
                    for top in self.climb(class, path) {
                        self.registers.push(Bound::Class(top));
                        then(self);
                        self.registers.pop();
                    }
                }
            }
        }
    }
    /// Binds a node that has the shape, if its attributes are right.
    fn bind(
        &mut self,
        class: Class,
        at: u32,
        node: &Node,
        shape: ShapeId,
        attributes: &[AttributeTest],
        then: &mut dyn FnMut(&mut Self),
    ) {
        let mut bound: SmallVec<[Bound; 2]> = SmallVec::new();
        if !attributes.is_empty() && !self.graph.has_attributes(node, attributes, &mut bound) {
            return;
        }
        let (registers, items) = (self.registers.len(), self.items.len());
        self.registers.push(Bound::Node(class, at));
        let named = self.linked.named(shape).unwrap_or(node.children.len());
        let children = node.children.iter().map(|&child| Bound::Class(child));
        self.registers.extend(children.clone().take(named));
        if self.linked.named(shape).is_some() {
            self.items.extend(children.skip(named));
            self.push_list(items);
        }
        self.registers.extend(bound);
        then(self);
        self.registers.truncate(registers);
        self.items.truncate(items);
    }

    /// Adds a register for what lies in the pool from `start` on.
    fn push_list(&mut self, start: usize) {
        self.registers.push(Bound::List {
            start: start as u32,
            len: (self.items.len() - start) as u32,
        });
    }

    /// Every way in which all elements of a list pass the steps.
    fn each(
        &mut self,
        list: Register,
        steps: &[Step],
        collect: &[Register],
        then: &mut dyn FnMut(&mut Self),
    ) {
        let Some(elements) = self.bound(list).items(&self.items) else {
            return;
        };
        let elements: SmallVec<[Bound; 8]> = elements.into();
        let mut ways: Vec<Vec<SmallVec<[Bound; 2]>>> = Vec::with_capacity(elements.len());
        let before = self.registers.len();
        for element in elements {
            let mut found: Vec<SmallVec<[Bound; 2]>> = Vec::new();
            self.registers.push(element);
            self.sequence(steps, &mut |search| {
                let way = collect.iter().map(|&register| search.bound(register));
                let way: SmallVec<[Bound; 2]> = way.collect();
                if !found.contains(&way) {
                    found.push(way);
                }
            });
            self.registers.truncate(before);
            if found.is_empty() {
                return;
            }
            ways.push(found);
        }
        let mut choice = vec![0; ways.len()];
        for _ in 0..MOST_WAYS {
            let items = self.items.len();
            for column in 0..collect.len() {
                let start = self.items.len();
                let chosen = ways.iter().zip(&choice).map(|(way, &at)| way[at][column]);
                self.items.extend(chosen);
                self.push_list(start);
            }
            then(self);
            self.registers.truncate(before);
            self.items.truncate(items);
            if !advance(&mut choice, &ways) {
                return;
            }
        }
        self.counts.ways_cut += 1;
    }

    /// Every chain from the last class of `seen`, longest first; `path` holds what was collected so far, outermost first.
    fn chain(
        &mut self,
        chain: &Chain,
        seen: &mut Vec<Class>,
        path: &mut Vec<Bound>,
        then: &mut dyn FnMut(&mut Self),
    ) {
        let Some(&class) = seen.last() else {
            return;
        };
        for node in self.nodes[usize::from(class)] {
            if !self.linked.shapes(node.head).any(|s| s == chain.link) {
                continue;
            }
            let below = node.children[0];
            // A value may be equal to a part of itself; going round adds nothing.
            if seen.contains(&below) {
                continue;
            }
            let collected = match chain.collect {
                None => Bound::Nothing,
                Some(name) => match self.graph.attribute_literal(node, name) {
                    Some(id) => Bound::Literal(id),
                    None => continue,
                },
            };
            seen.push(below);
            path.push(collected);
            self.chain(chain, seen, path, then);
            seen.pop();
            path.pop();
        }
        if path.is_empty() && !chain.may_be_empty {
            return;
        }
        let (registers, items) = (self.registers.len(), self.items.len());
        self.registers.push(Bound::Class(class));
        if chain.collect.is_some() {
            self.items.extend(path.iter().rev());
            self.push_list(items);
        }
        then(self);
        self.registers.truncate(registers);
        self.items.truncate(items);
    }

    /// The classes from which a path leads down to this one, ascending.
    fn climb(&self, class: Class, path: &[(ShapeId, u32)]) -> Vec<Class> {
        let mut level = vec![class];
        for (shape, operand) in path.iter().rev() {
            let mut above = Vec::new();
            for &class in &level {
                for user in self.graph.inner[class].parents() {
                    let node = self.graph.inner.id_to_node(user);
                    let is_path = self.linked.shapes(node.head).any(|known| known == *shape)
                        && node
                            .children
                            .get(*operand as usize)
                            .is_some_and(|&child| self.graph.find(child) == class);
                    if is_path {
                        above.push(self.graph.find(user));
                    }
                }
            }
            above.sort_unstable();
            above.dedup();
            level = above;
        }
        level
    }

    fn bound(&self, at: Register) -> Bound {
        self.registers[usize::from(at.0)]
    }

    fn class_at(&self, at: Register) -> Option<Class> {
        self.bound(at).class()
    }

    fn guard_holds(&mut self, guard: TrieGuard) -> bool {
        let program = self.set.program(guard.program);
        let variant = self.set.variant(program.variant);
        let test = &variant.guards[guard.guard as usize];
        let scope = MatchScope {
            graph: self.graph,
            infos: &variant.slots,
            slots: &Registers {
                slots: &program.slots,
                registers: &self.registers,
                items: &self.items,
            },
        };
        let holds = evaluate(&test.condition, &variant.lets, &scope).is_true();
        if !holds {
            self.counts.rejected(variant, test.reason);
        }
        holds
    }

    /// Whether nothing that the match looks at has changed, so that it was found before.
    fn is_old(&self, program: &CompiledProgram) -> bool {
        let Some(changed) = self.changed else {
            return false;
        };
        let is_new = |mark: &[bool], bound: &Bound| match bound.items(&self.items) {
            None => bound.class().is_some_and(|class| mark[usize::from(class)]),
            Some(items) => items
                .iter()
                .filter_map(|item| item.class())
                .any(|class| mark[usize::from(class)]),
        };
        let watched = program.watched.iter().map(|&at| self.bound(at));
        let is_new_node = watched
            .into_iter()
            .any(|bound| is_new(&changed.nodes, &bound));
        !is_new_node
            && !self
                .registers
                .iter()
                .any(|bound| is_new(&changed.known, bound))
    }

    fn found(&mut self, number: u32) {
        let program = self.set.program(number);
        let variant = self.set.variant(program.variant);
        if (program.keeps_all && self.is_old(program)) || !self.counts.may_match(variant) {
            return;
        }
        let (nodes, registers) = (&self.nodes, &self.registers);
        let at = |register: Register| registers[usize::from(register.0)];
        let bound = program
            .slots
            .iter()
            .map(|slot| slot.map_or(Bound::Nothing, at));
        let roots = program.roots.iter().filter_map(|&root| at(root).class());
        let subsumed = program.nodes.iter().zip(&variant.replacements);
        let subsumed = subsumed.map(|(node, replacement)| match (node, replacement) {
            (Some(node), Some(Build::Slot(_))) => match at(*node) {
                Bound::Node(class, at) => Some(nodes[usize::from(class)][at as usize].clone()),
                _ => None,
            },
            _ => None,
        });
        let added = self
            .matches
            .add(program.variant, bound, roots, subsumed, &self.items);
        if added {
            self.counts.matched(variant);
        }
    }
}

/// By number of class, what changed since the last round.
#[derive(Debug, Default)]
pub(super) struct Changed {
    /// It is new, or was merged, or is better known.
    pub(super) nodes: Vec<bool>,
    /// It is better known.
    pub(super) known: Vec<bool>,
}

/// A chain that is looked for.
struct Chain {
    link: ShapeId,
    may_be_empty: bool,
    collect: Option<Name>,
}

/// The next choice in the order of the last element first; `false` after the last.
fn advance<T>(choice: &mut [usize], ways: &[Vec<T>]) -> bool {
    for (at, ways) in choice.iter_mut().zip(ways).rev() {
        *at += 1;
        if *at < ways.len() {
            return true;
        }
        *at = 0;
    }
    false
}

/// Slots that lie in registers.
struct Registers<'a> {
    slots: &'a [Option<Register>],
    registers: &'a [Bound],
    items: &'a [Bound],
}

impl Slots for Registers<'_> {
    fn bound(&self, slot: Slot) -> Bound {
        self.slots[slot.0 as usize].map_or(Bound::Nothing, |at| self.registers[usize::from(at.0)])
    }

    fn pool(&self) -> &[Bound] {
        self.items
    }
}

impl EGraph {
    /// Whether a node has these attributes; the literals of those that are bound, in order.
    pub(super) fn has_attributes(
        &self,
        node: &Node,
        tests: &[AttributeTest],
        bound: &mut SmallVec<[Bound; 2]>,
    ) -> bool {
        tests.iter().all(|test| {
            let id = match test {
                AttributeTest::Equal(name, wanted) => {
                    let found = self.attribute_literal(node, *name);
                    let found = found.map(|id| self.inner.analysis.tables.get_literal(id));
                    return found.is_some_and(|found| found.same_value(wanted));
                }
                AttributeTest::Bind(name) => self.attribute_literal(node, *name),
                AttributeTest::Others(without) => self.attribute_bundle(node, without),
            };
            bound.extend(id.map(Bound::Literal));
            id.is_some()
        })
    }

    /// All attributes of a node but these, as a dictionary; nothing if one of them is no literal.
    pub(super) fn attribute_bundle(&self, node: &Node, without: &[Name]) -> Option<LiteralId> {
        let tables = &self.inner.analysis.tables;
        let attributes = tables.get_attributes(AttributesId(node.payload));
        tables.find_literal(&bundle(attributes, without)?)
    }

    /// The literal of an attribute; `none` if it is absent, nothing if it is no literal.
    pub(super) fn attribute_literal(&self, node: &Node, name: Name) -> Option<LiteralId> {
        let attributes = self
            .inner
            .analysis
            .tables
            .get_attributes(AttributesId(node.payload));
        match attributes.iter().find(|(known, _)| *known == name) {
            Some((_, AttributeLiteral::Literal(literal))) => Some(self.literal_id(literal)),
            Some(_) => None,
            None => Some(self.literal_id(&Literal::None)),
        }
    }

    /// The number of a literal that the tables have seen: sizes, attributes and `none` are entered where they come in.
    pub(super) fn literal_id(&self, literal: &Literal) -> LiteralId {
        self.inner
            .analysis
            .tables
            .find_literal(literal)
            .unwrap_or_else(|| unreachable!("entered with the facts or attributes it is part of"))
    }
}
