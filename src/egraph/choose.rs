//! The smallest choice: an e-graph and its skeleton as an extraction problem, and the answer as one node for each class.
//!
//! Costs are (products, operations, bytes), compared in this order: no convolution or matrix product is computed once more to spare a
//! lighter operation. An operation is what PyTorch counts in a loaded graph; bytes are those of constants, each once however many use it.
//! Invariant: a candidate is only offered where every value it rests on is in scope.

use rustc_hash::FxHashMap;

use crate::graph::{ConstantId, Name};
use crate::ops;

use super::build::{ScopeId, Skeleton};
use super::extract::{
    self, CandidateId, ClassId, Cost, ExtractError, Limits, Problem, Proof, Solution,
};
use super::perform::stands_for_effect;
use super::{ApplicationId, Candidates, Class, EGraph, Node, NodeKind};

/// Classes that others take the place of, without being equal to them: what `apply` steps do.
#[derive(Clone, Debug, Default)]
pub struct Redirect(pub FxHashMap<Class, Class>);

impl Redirect {
    /// The canonical class that stands where `class` is used.
    pub fn resolve(&self, egraph: &EGraph, class: Class) -> Class {
        let class = egraph.find(class);
        self.0
            .get(&class)
            .map_or(class, |&other| egraph.find(other))
    }
}

/// One node for each class that is needed.
#[derive(Clone, Debug)]
pub struct Choice {
    redirect: Redirect,
    chosen: FxHashMap<Class, Node>,
    scopes: FxHashMap<Class, ScopeId>,
    /// What the chosen nodes cost together: products and operations, then bytes.
    pub cost: Cost,
    /// No choice costs less than this.
    pub lower_bound: Cost,
    /// Whether `cost` is proved to be the least.
    pub proof: Proof,
}

impl Choice {
    /// The node chosen for a class, which must be canonical and needed.
    pub fn node(&self, class: Class) -> &Node {
        &self.chosen[&class]
    }

    /// The class that is computed where this one is used.
    pub fn resolve(&self, egraph: &EGraph, class: Class) -> Class {
        self.redirect.resolve(egraph, class)
    }

    /// Classes that others take the place of, with those, in an order that depends on the e-graph alone.
    pub fn replaced(&self, egraph: &EGraph) -> Vec<(Class, Class)> {
        let pairs = self.redirect.0.iter();
        let mut pairs: Vec<(Class, Class)> = pairs
            .map(|(&from, &to)| (egraph.find(from), egraph.find(to)))
            .collect();
        pairs.sort_unstable();
        pairs
    }

    /// The node chosen for a class, if it is needed.
    pub fn get(&self, class: Class) -> Option<&Node> {
        self.chosen.get(&class)
    }

    /// The outermost scope in which a class can be computed.
    pub fn scope(&self, class: Class) -> Option<ScopeId> {
        self.scopes.get(&class).copied()
    }
}

/// What may be written: whether a node that no rule made, or an operator that a rule wrote, may be in the result.
pub trait Target {
    /// Whether an operator that a rule wrote may be in the result.
    fn allows(&self, op: Name) -> bool;

    /// Whether this node may stand for its class.
    fn offers(&self, _class: Class, _node: &Node) -> bool {
        true
    }
}

/// Everything may be written.
pub struct Anything;

impl Target for Anything {
    fn allows(&self, _: Name) -> bool {
        true
    }
}

/// Products count this often in the first part of a cost; a model has fewer operations.
const PRODUCT: u64 = 1 << 32;

fn cost_of(op: Name) -> Cost {
    let operations = u64::from(ops::counts_as_operation(op.as_str()));
    let products = u64::from(ops::is_product(op.as_str()));
    Cost::new(products * PRODUCT + operations, 0)
}

/// A cost in its parts: products, operations (products among them), bytes.
pub fn cost_parts(cost: Cost) -> [u64; 3] {
    let (products, operations) = (cost.primary / PRODUCT, cost.primary % PRODUCT);
    [products, operations, cost.secondary]
}

/// Operations and bytes that no choice with as few products is below: what a lower bound says of `cost`.
pub fn least_operations(choice: &Choice) -> (u64, u64) {
    let (least, cost) = (choice.lower_bound, choice.cost);
    if least.primary / PRODUCT < cost.primary / PRODUCT {
        return (0, 0);
    }
    (least.primary % PRODUCT, least.secondary)
}

/// The cheapest nodes from which all roots can be computed.
pub fn choose(
    egraph: &EGraph,
    candidates: &Candidates,
    skeleton: &Skeleton,
    redirect: &Redirect,
    target: &dyn Target,
    limits: &Limits,
) -> Result<Choice, ExtractError> {
    let posed = Posed::of(egraph, candidates, skeleton, redirect, target);
    let solution = extract::solve(&posed.problem, &posed.wanted, limits)?;
    let mut chosen = FxHashMap::default();
    let mut scopes = FxHashMap::default();
    for (i, &class) in posed.reach.classes.iter().enumerate() {
        if let Some(candidate) = solution.choice[i] {
            chosen.insert(class, posed.nodes[candidate.index()].clone());
            scopes.extend(posed.reach.scopes[i].map(|scope| (class, scope)));
        }
    }
    Ok(Choice {
        redirect: redirect.clone(),
        chosen,
        scopes,
        cost: solution.cost,
        lower_bound: solution.lower_bound,
        proof: solution.proof,
    })
}

/// A choice to be made, as a problem for the extractor.
pub struct Posed<'a> {
    reach: Reach<'a>,
    problem: Problem,
    /// The node of each candidate, in the order of their numbers.
    nodes: Vec<&'a Node>,
    /// The class of each candidate, by its place in `reach`.
    classes: Vec<u32>,
    wanted: Vec<ClassId>,
}

impl<'a> Posed<'a> {
    /// The choice of nodes from which all roots can be computed.
    pub fn of(
        egraph: &EGraph,
        candidates: &'a Candidates<'a>,
        skeleton: &Skeleton,
        redirect: &'a Redirect,
        target: &dyn Target,
    ) -> Posed<'a> {
        let roots: Vec<Class> = skeleton
            .roots(egraph)
            .into_iter()
            .map(|root| redirect.resolve(egraph, root))
            .collect();
        let reach = Reach::of(egraph, candidates, skeleton, redirect, &roots, target);
        let mut problem = Problem::new();
        let mut nodes: Vec<&Node> = Vec::new();
        let mut classes: Vec<u32> = Vec::new();
        // Classes first, in the order they were met, then one for each constant that costs bytes.
        let mut resources: FxHashMap<ConstantId, ClassId> = FxHashMap::default();
        let mut bytes: Vec<u64> = Vec::new();
        let first_resource = reach.classes.len();
        for (i, &class) in reach.classes.iter().enumerate() {
            problem.add_class();
            // Of two that cost the same, the one with fewer operands is taken: `conv2d`, not `_convolution`.
            let mut offered: Vec<&Node> = candidates.of(class).collect();
            offered.sort_by_key(|node| node.children().len());
            for node in offered {
                if !reach.offers(egraph, skeleton, node, i, target) {
                    continue;
                }
                let children = node
                    .children()
                    .iter()
                    .map(|&child| ClassId(reach.index[&redirect.resolve(egraph, child)]));
                let (cost, resource) = match egraph.kind(node) {
                    NodeKind::Constant(id) => {
                        let resource = *resources.entry(id).or_insert_with(|| {
                            bytes.push(egraph.constants().get(id).bytes);
                            ClassId((first_resource + bytes.len() - 1) as u32)
                        });
                        (Cost::ZERO, Some(resource))
                    }
                    NodeKind::Operator { op, .. } => (cost_of(op), None),
                    NodeKind::Literal(_) | NodeKind::Leaf(_) | NodeKind::Projection(_) => {
                        (Cost::ZERO, None)
                    }
                };
                problem.add_candidate(cost, children.chain(resource));
                nodes.push(node);
                classes.push(i as u32);
            }
        }
        for bytes in bytes {
            problem.add_resource(Cost::new(0, bytes));
        }
        let wanted: Vec<ClassId> = roots
            .iter()
            .map(|root| ClassId(reach.index[root]))
            .collect();
        Posed {
            reach,
            problem,
            nodes,
            classes,
            wanted,
        }
    }

    /// What may be chosen: classes, each with a node of it.
    pub fn candidates(&self) -> impl Iterator<Item = (CandidateId, Class, &'a Node)> + '_ {
        let numbered = self.nodes.iter().zip(&self.classes).enumerate();
        numbered.map(|(number, (node, &class))| {
            let candidate = CandidateId(number as u32);
            (candidate, self.reach.classes[class as usize], *node)
        })
    }

    /// The least that a choice costs that takes this candidate. Small limits give a lower bound of it.
    pub fn cost_taking(
        &self,
        candidate: CandidateId,
        limits: &Limits,
    ) -> Result<Solution, ExtractError> {
        extract::solve_choosing(&self.problem, &self.wanted, candidate, limits)
    }
}

/// The classes that some candidate of a needed class needs, and the outermost scope each can be computed in.
struct Reach<'a> {
    redirect: &'a Redirect,
    candidates: &'a Candidates<'a>,
    classes: Vec<Class>,
    index: FxHashMap<Class, u32>,
    scopes: Vec<Option<ScopeId>>,
}

impl<'a> Reach<'a> {
    fn of(
        egraph: &EGraph,
        candidates: &'a Candidates<'a>,
        skeleton: &Skeleton,
        redirect: &'a Redirect,
        roots: &[Class],
        target: &dyn Target,
    ) -> Reach<'a> {
        let mut reach = Reach {
            redirect,
            candidates,
            classes: Vec::new(),
            index: FxHashMap::default(),
            scopes: Vec::new(),
        };
        for &root in roots {
            reach.meet(root);
        }
        let mut users: Vec<Vec<u32>> = Vec::new();
        let mut at = 0;
        while let Some(&class) = reach.classes.get(at) {
            for node in candidates.of(class) {
                if !may_write(egraph, candidates, skeleton, (class, node), target) {
                    continue;
                }
                for &child in node.children() {
                    let child = reach.meet(redirect.resolve(egraph, child)) as usize;
                    if skeleton.scopes.len() == 1 {
                        continue;
                    }
                    users.resize(users.len().max(child + 1), Vec::new());
                    users[child].push(at as u32);
                }
            }
            at += 1;
        }
        if skeleton.scopes.len() == 1 {
            // Without blocks that define values everything is in scope everywhere.
            reach.scopes = vec![Some(ScopeId(0)); reach.classes.len()];
            return reach;
        }
        users.resize(reach.classes.len(), Vec::new());
        reach.scopes = vec![None; reach.classes.len()];
        // Outermost scopes, by passing on improvements until there are none.
        let mut queue: std::collections::VecDeque<u32> =
            (0..reach.classes.len() as u32).rev().collect();
        while let Some(i) = queue.pop_front() {
            let best = candidates
                .of(reach.classes[i as usize])
                .filter(|node| {
                    let of = (reach.classes[i as usize], *node);
                    may_write(egraph, candidates, skeleton, of, target)
                })
                .filter_map(|node| reach.scope_of(egraph, skeleton, node))
                .min_by_key(|&scope| skeleton.scope(scope).depth);
            let known = &mut reach.scopes[i as usize];
            let better = match (best, *known) {
                (Some(new), Some(old)) => skeleton.scope(new).depth < skeleton.scope(old).depth,
                (new, old) => new.is_some() && old.is_none(),
            };
            if better {
                *known = best;
                queue.extend(&users[i as usize]);
            }
        }
        reach
    }

    fn meet(&mut self, class: Class) -> u32 {
        *self.index.entry(class).or_insert_with(|| {
            self.classes.push(class);
            self.classes.len() as u32 - 1
        })
    }

    /// The outermost scope in which a node can be computed, as far as its children's are known.
    fn scope_of(&self, egraph: &EGraph, skeleton: &Skeleton, node: &Node) -> Option<ScopeId> {
        if let NodeKind::Leaf(id) = egraph.kind(node) {
            return Some(skeleton.leaf(id).scope);
        }
        let region = super::place::region(egraph, node);
        let body_from = region.map_or(node.children().len(), |_| {
            node.children().len() - super::place::body_returns(node)
        });
        let mut deepest = ScopeId(0);
        for (i, &child) in node.children().iter().enumerate() {
            let mut scope =
                self.scopes[*self.index.get(&self.redirect.resolve(egraph, child))? as usize]?;
            if let (Some(region), true) = (region, i >= body_from) {
                let inner = skeleton.regions[region].0;
                if skeleton.is_inside(scope, inner) {
                    scope = skeleton.scope(inner).parent.unwrap_or(ScopeId(0));
                }
            }
            deepest = skeleton.deeper(deepest, scope)?;
        }
        Some(deepest)
    }

    fn offers(
        &self,
        egraph: &EGraph,
        skeleton: &Skeleton,
        node: &Node,
        class: usize,
        target: &dyn Target,
    ) -> bool {
        let of = (self.classes[class], node);
        if !may_write(egraph, self.candidates, skeleton, of, target) {
            return false;
        }
        skeleton.scopes.len() == 1
            || self
                .scope_of(egraph, skeleton, node)
                .is_some_and(|scope| Some(scope) == self.scopes[class])
    }
}

fn may_write(
    egraph: &EGraph,
    candidates: &Candidates,
    skeleton: &Skeleton,
    (class, node): (Class, &Node),
    target: &dyn Target,
) -> bool {
    if !target.offers(class, node) {
        return false;
    }
    match egraph.kind(node) {
        NodeKind::Operator { .. } if stands_for_effect(egraph, node) => false,
        NodeKind::Operator { op, .. } => {
            candidates.origin(node) == ApplicationId::IMPORT || target.allows(op)
        }
        NodeKind::Leaf(id) => skeleton.leaf(id).alive,
        _ => true,
    }
}
