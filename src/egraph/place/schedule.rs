//! Which blocks a chosen node is computed in.

use rustc_hash::FxHashMap;

use crate::egraph::build::{ScopeId, SequenceId, Skeleton};
use crate::egraph::choose::Choice;
use crate::egraph::{Class, EGraph, NodeKind};
use crate::graph::Literal;
use crate::ops;

/// A block of the graph to be: a sequence of the skeleton, or a block of a pure branch or loop.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(super) struct Instance(pub u32);

#[derive(Clone, Copy, Debug)]
struct InstanceInfo {
    parent: Option<Instance>,
    depth: u32,
    scope: ScopeId,
    is_loop: bool,
    /// Whether it is the body of a loop that runs at least once.
    is_certain: bool,
    /// The branch that this is one of the two blocks of, by the number of blocks when it was met.
    branch: Option<u32>,
}

/// Blocks, and the classes computed in each.
pub(super) struct Schedule<'a> {
    egraph: &'a EGraph,
    skeleton: &'a Skeleton,
    choice: &'a Choice,
    infos: Vec<InstanceInfo>,
    /// The block made of each sequence.
    pub sequences: FxHashMap<SequenceId, Instance>,
    /// Blocks of a branch or loop that is computed in a block.
    pub inner: FxHashMap<(Class, Instance), Vec<Instance>>,
    /// The blocks a class is computed in.
    pub homes: FxHashMap<Class, Vec<Instance>>,
    uses: FxHashMap<Class, Vec<Instance>>,
}

impl<'a> Schedule<'a> {
    pub(super) fn new(
        egraph: &'a EGraph,
        skeleton: &'a Skeleton,
        choice: &'a Choice,
    ) -> Schedule<'a> {
        let mut schedule = Schedule {
            egraph,
            skeleton,
            choice,
            infos: Vec::new(),
            sequences: FxHashMap::default(),
            inner: FxHashMap::default(),
            homes: FxHashMap::default(),
            uses: FxHashMap::default(),
        };
        schedule.sequence(Skeleton::BODY, None);
        for class in schedule.users_first() {
            schedule.settle(class);
        }
        schedule
    }

    pub(super) fn parent(&self, instance: Instance) -> Option<Instance> {
        self.infos[instance.0 as usize].parent
    }

    /// Reads of attributes that are nodes, in the order they came to be.
    pub(super) fn reads(&self) -> Vec<Class> {
        let is_read = |class: &Class| {
            let kind = self.egraph.kind(self.choice.node(*class));
            matches!(kind, NodeKind::Operator { op, .. } if op == "prim::GetAttr")
        };
        let mut reads: Vec<Class> = self.homes.keys().copied().filter(is_read).collect();
        reads.sort_unstable();
        reads
    }

    /// Whether a block may run several times while the one around it runs once.
    pub(super) fn is_loop(&self, instance: Instance) -> bool {
        self.infos[instance.0 as usize].is_loop
    }

    fn add(&mut self, parent: Option<Instance>, scope: ScopeId, is_loop: bool) -> Instance {
        let depth = parent.map_or(0, |parent| self.infos[parent.0 as usize].depth + 1);
        self.infos.push(InstanceInfo {
            parent,
            depth,
            scope,
            is_loop,
            is_certain: false,
            branch: None,
        });
        Instance(self.infos.len() as u32 - 1)
    }

    fn sequence(&mut self, id: SequenceId, parent: Option<Instance>) {
        let sequence = self.skeleton.sequence(id);
        let is_loop = self.skeleton.scope(sequence.scope).is_loop;
        let instance = self.add(parent, sequence.scope, is_loop);
        self.sequences.insert(id, instance);
        for &item in &sequence.items {
            let item = self.skeleton.item(item);
            for &operand in &item.operands {
                self.need(operand, instance);
            }
            let branch = (item.op == "prim::If").then_some(self.infos.len() as u32);
            for &inner in &item.sequences {
                self.sequence(inner, Some(instance));
                let block = self.sequences[&inner];
                self.infos[block.0 as usize].branch = branch;
                self.infos[block.0 as usize].is_certain =
                    item.op == "prim::Loop" && self.runs(&item.operands);
            }
        }
        for &returned in &sequence.returns {
            self.need(returned, instance);
        }
    }

    /// Whether a loop with these operands runs at least once.
    fn runs(&self, operands: &[Class]) -> bool {
        let literal = |at: usize| self.egraph.literal(*operands.get(at)?);
        let count = literal(0).and_then(Literal::as_int);
        count.is_some_and(|count| count > 0) && literal(1) == Some(&Literal::Bool(true))
    }

    fn need(&mut self, class: Class, at: Instance) {
        let class = self.choice.resolve(self.egraph, class);
        let uses = self.uses.entry(class).or_default();
        if uses.last() != Some(&at) {
            uses.push(at);
        }
    }

    /// Needed classes, each before what it is computed from.
    fn users_first(&self) -> Vec<Class> {
        let mut order = Vec::new();
        let mut met = rustc_hash::FxHashSet::default();
        let mut stack: Vec<(Class, usize)> = Vec::new();
        for root in self.skeleton.roots(self.egraph) {
            let root = self.choice.resolve(self.egraph, root);
            if met.insert(root) {
                stack.push((root, 0));
            }
            while let Some((class, next)) = stack.last_mut() {
                let children = self.choice.node(*class).children();
                match children.get(*next) {
                    Some(&child) => {
                        *next += 1;
                        let child = self.choice.resolve(self.egraph, child);
                        if met.insert(child) {
                            stack.push((child, 0));
                        }
                    }
                    None => {
                        order.push(*class);
                        stack.pop();
                    }
                }
            }
        }
        order.reverse();
        order
    }

    /// Decides where a class is computed, all its users having been decided, and passes its needs on.
    fn settle(&mut self, class: Class) {
        let mut uses = self.uses.remove(&class).unwrap_or_default();
        uses.sort_unstable();
        uses.dedup();
        let node = self.choice.node(class).clone();
        let op = match self.egraph.kind(&node) {
            NodeKind::Literal(_) | NodeKind::Constant(_) | NodeKind::Leaf(_) => return,
            NodeKind::Projection(_) => {
                for at in uses {
                    self.need(node.children()[0], at);
                }
                return;
            }
            NodeKind::Operator { op, .. } => op,
        };
        let movable = !ops::can_trap(op.as_str());
        let mut homes = Vec::new();
        if self.skeleton.reads_first && op == "prim::GetAttr" {
            homes.push(self.sequences[&Skeleton::BODY]);
        } else {
            for uses in self.by_definition(class, uses) {
                self.spread(&uses, movable, &mut homes);
            }
        }
        for home in &mut homes {
            *home = self.out_of_loops(class, *home, movable);
        }
        homes.sort_unstable();
        homes.dedup();
        for &home in &homes {
            self.pass_on(class, &node, home);
        }
        self.homes.insert(class, homes);
    }

    /// Uses apart by the block that defines what the class rests on: a loop that stands in several blocks has as many bodies, each with
    /// parameters of its own.
    fn by_definition(&self, class: Class, uses: Vec<Instance>) -> Vec<Vec<Instance>> {
        let Some(scope) = self
            .choice
            .scope(class)
            .filter(|scope| *scope != ScopeId(0))
        else {
            return vec![uses];
        };
        let mut groups: Vec<(Instance, Vec<Instance>)> = Vec::new();
        for at in uses {
            let definition = self.definition(scope, at);
            match groups.iter_mut().find(|(block, _)| *block == definition) {
                Some((_, group)) => group.push(at),
                None => groups.push((definition, vec![at])),
            }
        }
        groups.into_iter().map(|(_, group)| group).collect()
    }

    /// The outermost block around `at` that belongs to a scope.
    fn definition(&self, scope: ScopeId, at: Instance) -> Instance {
        let mut found = at;
        let mut here = Some(at);
        while let Some(at) = here {
            if self.infos[at.0 as usize].scope == scope {
                found = at;
            }
            here = self.parent(at);
        }
        found
    }

    /// The blocks that serve these uses.
    fn spread(&self, uses: &[Instance], movable: bool, homes: &mut Vec<Instance>) {
        let Some(common) = uses.iter().copied().reduce(|a, b| self.common(a, b)) else {
            return;
        };
        if movable || uses.contains(&common) {
            homes.push(common);
            return;
        }
        // Each block right below the common one serves its own uses.
        let mut groups: Vec<(Instance, Vec<Instance>)> = Vec::new();
        for &at in uses {
            let below = self.below(at, common);
            match groups.iter_mut().find(|(block, _)| *block == below) {
                Some((_, group)) => group.push(at),
                None => groups.push((below, vec![at])),
            }
        }
        let mut found = Vec::new();
        let mut always: Vec<u32> = Vec::new();
        for (block, group) in groups {
            let from = found.len();
            self.spread(&group, movable, &mut found);
            if found[from..] == [block]
                && let Some(branch) = self.infos[block.0 as usize].branch
            {
                if always.contains(&branch) {
                    // Both blocks of a branch compute it: it may as well be computed before.
                    homes.push(common);
                    return;
                }
                always.push(branch);
            }
        }
        homes.append(&mut found);
    }

    fn common(&self, mut a: Instance, mut b: Instance) -> Instance {
        while a != b {
            let (x, y) = (self.infos[a.0 as usize], self.infos[b.0 as usize]);
            if x.depth >= y.depth {
                a = x.parent.unwrap_or(a);
            } else {
                b = y.parent.unwrap_or(b);
            }
        }
        a
    }

    /// The ancestor of `at` whose parent is `outer`.
    fn below(&self, mut at: Instance, outer: Instance) -> Instance {
        while let Some(parent) = self.parent(at) {
            if parent == outer {
                break;
            }
            at = parent;
        }
        at
    }

    /// The block outside of all loops on which a class does not depend; what may fail leaves only loops that would compute it anyway.
    fn out_of_loops(&self, class: Class, home: Instance, movable: bool) -> Instance {
        let scope = self.choice.scope(class).unwrap_or(ScopeId(0));
        let mut best = home;
        let mut at = home;
        while let Some(parent) = self.parent(at) {
            let info = self.infos[at.0 as usize];
            let defines = self.infos[parent.0 as usize].scope != info.scope;
            if defines && self.skeleton.is_inside(scope, info.scope) {
                break;
            }
            if !movable && !info.is_certain {
                break;
            }
            if info.is_loop {
                best = parent;
            }
            at = parent;
        }
        best
    }

    fn pass_on(&mut self, class: Class, node: &crate::egraph::Node, home: Instance) {
        let children = node.children();
        let scope = self.infos[home.0 as usize].scope;
        if super::is_branch(self.egraph, node) {
            self.need(children[0], home);
            let half = (children.len() - 1) / 2;
            let mut blocks = Vec::new();
            let branch = Some(self.infos.len() as u32);
            for returns in [&children[1..=half], &children[half + 1..]] {
                let block = self.add(Some(home), scope, false);
                self.infos[block.0 as usize].branch = branch;
                returns
                    .iter()
                    .for_each(|&returned| self.need(returned, block));
                blocks.push(block);
            }
            self.inner.insert((class, home), blocks);
        } else if let Some(region) = super::region(self.egraph, node) {
            let body = self.add(Some(home), self.skeleton.regions[region].0, true);
            self.infos[body.0 as usize].is_certain = self.runs(children);
            let from = children.len() - super::body_returns(node);
            children[..from]
                .iter()
                .for_each(|&child| self.need(child, home));
            children[from..]
                .iter()
                .for_each(|&child| self.need(child, body));
            self.inner.insert((class, home), vec![body]);
        } else {
            children.iter().for_each(|&child| self.need(child, home));
        }
    }
}
