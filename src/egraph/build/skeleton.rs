//! What the e-graph does not hold: effects in their order, the scopes that block parameters live in, names and types of values.

use crate::graph::{AttributeLiteral, Facts, Literal, Name, Type};

use super::object::Object;
use crate::egraph::{ApplicationId, Class, EGraph, LeafId, NodeKind};

/// A place where leaves are defined: the body, a block of an effectful branch or loop, the body of a pure loop.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ScopeId(pub u32);

/// A block whose effects are kept in order.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct SequenceId(pub u32);

/// An effect.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ItemId(pub u32);

/// A scope in the tree of scopes.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    /// The scope around it.
    pub parent: Option<ScopeId>,
    /// Number of scopes around it.
    pub depth: u32,
    /// Whether what is in it may run several times, or not at all.
    pub is_loop: bool,
}

/// A value from outside the e-graph.
#[derive(Clone, Debug)]
pub struct LeafInfo {
    /// Where it is defined.
    pub scope: ScopeId,
    /// Its type and name in the source.
    pub named: Named,
    /// Whether what defines it is still there.
    pub alive: bool,
}

/// What a value was called, and its type.
#[derive(Clone, Debug)]
pub struct Named {
    /// The static type.
    pub ty: Type,
    /// The name, if the source had one.
    pub name: Option<Name>,
}

/// A block whose effects are kept in order.
#[derive(Clone, Debug)]
pub struct Sequence {
    /// Its scope.
    pub scope: ScopeId,
    /// Its parameters.
    pub parameters: Vec<LeafId>,
    /// Its effects.
    pub items: Vec<ItemId>,
    /// What it returns.
    pub returns: Vec<Class>,
    /// What each of these is where it is handed out; empty if nothing is handed out here.
    pub objects: Vec<Object>,
}

/// An effect, or a read of memory that an effect writes.
#[derive(Clone, Debug)]
pub struct Item {
    /// Operator with its overload.
    pub op: Name,
    /// Operands.
    pub operands: Vec<Class>,
    /// What each operand is, if the effect keeps operands; else empty.
    pub objects: Vec<Object>,
    /// Attributes.
    pub attributes: Vec<(Name, AttributeLiteral)>,
    /// Results.
    pub results: Vec<LeafId>,
    /// Blocks of an effectful branch or loop.
    pub sequences: Vec<SequenceId>,
    /// Place in the source.
    pub place: Option<Name>,
    /// Path of the module it is from.
    pub scope: Option<Name>,
}

/// The effects of a graph and what holds them together.
#[derive(Clone, Debug, Default)]
pub struct Skeleton {
    /// All scopes; the first is the body's.
    pub scopes: Vec<Scope>,
    /// All sequences; the first is the body.
    pub sequences: Vec<Sequence>,
    /// All items.
    pub items: Vec<Item>,
    /// All leaves, by [`LeafId`].
    pub leaves: Vec<LeafInfo>,
    /// Parameters of pure loops' bodies, with their scope, by the number in the loop's attribute.
    pub regions: Vec<(ScopeId, Vec<LeafId>)>,
    /// Names and types of imported values, by class as it was then, in the order of the source.
    pub values: Vec<(Class, Named)>,
    /// Places of imported operators, by class as it was then.
    pub places: Vec<(Class, Name)>,
    /// Paths of the modules that imported operators are from (the root has none), by class as it was then.
    pub module_paths: Vec<(Class, Option<Name>)>,
    /// Nodes that stand for effects, by class as it was then.
    pub effects: Vec<(Class, ItemId)>,
    /// Whether attributes are read before anything else is done: effects were added, and reads know nothing of them.
    pub reads_first: bool,
}

impl Skeleton {
    /// The body.
    pub const BODY: SequenceId = SequenceId(0);

    /// The sequence.
    pub fn sequence(&self, id: SequenceId) -> &Sequence {
        &self.sequences[id.0 as usize]
    }

    /// The item.
    pub fn item(&self, id: ItemId) -> &Item {
        &self.items[id.0 as usize]
    }

    /// The leaf.
    pub fn leaf(&self, id: LeafId) -> &LeafInfo {
        &self.leaves[id.0 as usize]
    }

    /// The scope.
    pub fn scope(&self, id: ScopeId) -> Scope {
        self.scopes[id.0 as usize]
    }

    /// Whether `inner` is `outer` or lies in it.
    pub fn is_inside(&self, mut inner: ScopeId, outer: ScopeId) -> bool {
        while self.scope(inner).depth > self.scope(outer).depth {
            match self.scope(inner).parent {
                Some(parent) => inner = parent,
                None => return false,
            }
        }
        inner == outer
    }

    /// The deeper of two scopes, if one lies in the other.
    pub fn deeper(&self, a: ScopeId, b: ScopeId) -> Option<ScopeId> {
        if self.is_inside(a, b) {
            Some(a)
        } else if self.is_inside(b, a) {
            Some(b)
        } else {
            None
        }
    }

    /// Every class that must be computed: operands of effects and results of blocks, in order.
    pub fn roots(&self, egraph: &EGraph) -> Vec<Class> {
        let mut roots = Vec::new();
        let mut stack = vec![Skeleton::BODY];
        while let Some(id) = stack.pop() {
            let sequence = self.sequence(id);
            for &item in &sequence.items {
                roots.extend(
                    self.item(item)
                        .operands
                        .iter()
                        .map(|&class| egraph.find(class)),
                );
                stack.extend(&self.item(item).sequences);
            }
            roots.extend(sequence.returns.iter().map(|&class| egraph.find(class)));
        }
        roots.sort_unstable();
        roots.dedup();
        roots
    }

    /// Replaces branches on a known condition by the block that is taken. Whether there was one.
    pub fn take_known_branches(&mut self, egraph: &mut EGraph) -> bool {
        let pure = Skeleton::take_pure_branches(egraph);
        let mut changed = false;
        for sequence in 0..self.sequences.len() {
            let mut at = 0;
            while let Some(&id) = self.sequences[sequence].items.get(at) {
                let item = self.item(id).clone();
                let known = item
                    .operands
                    .first()
                    .and_then(|&class| egraph.literal(egraph.find(class))?.as_bool());
                let (true, Some(taken)) = (item.op == "prim::If", known) else {
                    at += 1;
                    continue;
                };
                changed = true;
                let block = self.sequence(item.sequences[usize::from(!taken)]).clone();
                let dropped = self.sequence(item.sequences[usize::from(taken)]).scope;
                for at in 0..self.leaves.len() {
                    if self.is_inside(self.leaves[at].scope, dropped) {
                        self.leaves[at].alive = false;
                    }
                }
                for result in &item.results {
                    self.leaves[result.0 as usize].alive = false;
                }
                // What the block defined is now defined where the branch was.
                let outer = self.sequences[sequence].scope;
                for scope in &mut self.scopes {
                    if scope.parent == Some(block.scope) {
                        scope.parent = Some(outer);
                    }
                }
                for leaf in &mut self.leaves {
                    if leaf.scope == block.scope {
                        leaf.scope = outer;
                    }
                }
                for (&result, &returned) in item.results.iter().zip(&block.returns) {
                    let leaf = egraph.add_leaf(result, Facts::default());
                    egraph.union(leaf, returned, ApplicationId::IMPORT);
                }
                self.sequences[sequence].items.splice(at..=at, block.items);
            }
        }
        if changed {
            self.renumber_depths();
        }
        changed || pure
    }

    /// Makes the results of branches without effects equal to those of the block that a known condition takes, and to those on which both
    /// blocks agree. Whether there was one.
    fn take_pure_branches(egraph: &mut EGraph) -> bool {
        let mut taken: Vec<(Class, Class)> = Vec::new();
        for class in egraph.classes() {
            for node in egraph.nodes(class) {
                let NodeKind::Operator { op, results, .. } = egraph.kind(node) else {
                    continue;
                };
                let children = node.children();
                let known = match children.first() {
                    Some(&condition) if op == "prim::If" => egraph
                        .literal(egraph.find(condition))
                        .and_then(Literal::as_bool),
                    _ => None,
                };
                if op == "prim::If" {
                    without_asking(egraph, class, children, results, &mut taken);
                }
                let Some(known) = known else { continue };
                let from = if known { 1 } else { 1 + results as usize };
                for result in 0..results {
                    let value = children[from + result as usize];
                    let whole = if results == 1 {
                        Some(class)
                    } else {
                        egraph.projection(class, result)
                    };
                    taken.extend(whole.map(|whole| (whole, value)));
                }
            }
        }
        let mut changed = false;
        for (whole, value) in taken {
            changed |= egraph.union(whole, value, ApplicationId::IMPORT);
        }
        changed
    }

    fn renumber_depths(&mut self) {
        for i in 0..self.scopes.len() {
            let mut depth = 0;
            let mut at = self.scopes[i].parent;
            while let Some(parent) = at {
                depth += 1;
                at = self.scope(parent).parent;
            }
            self.scopes[i].depth = depth;
        }
    }
}

/// A branch that returns true where its condition is true, and false where it is not, returns its condition. What both blocks return, it
/// returns whatever its condition is.
fn without_asking(
    egraph: &EGraph,
    class: Class,
    children: &[Class],
    results: u32,
    taken: &mut Vec<(Class, Class)>,
) {
    let truth = |class: Class| {
        egraph
            .literal(egraph.find(class))
            .and_then(Literal::as_bool)
    };
    for result in 0..results {
        let then = children.get(1 + result as usize);
        let otherwise = children.get(1 + (results + result) as usize);
        let (Some(&condition), Some(&then), Some(&otherwise)) = (children.first(), then, otherwise)
        else {
            continue;
        };
        let value = match (truth(then), truth(otherwise)) {
            (Some(true), Some(false)) => condition,
            _ if egraph.find(then) == egraph.find(otherwise) => then,
            _ => continue,
        };
        let whole = match results {
            1 => Some(class),
            _ => egraph.projection(class, result),
        };
        taken.extend(whole.map(|whole| (whole, value)));
    }
}
