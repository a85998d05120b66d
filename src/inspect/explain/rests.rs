//! What an application of a rule rested on: the nodes that its pattern matched.
//!
//! In: a step of a run. Out: for an application the nodes of the step's graph that it matched, and the applications that made the others.
//! Where a class holds several nodes of the operator that a pattern names, those that the nodes around it read are told; only if the graph has
//! none, those that other applications made.
//!
//! Invariant: an application rests on earlier ones only.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::check::rule::{Pattern, Rest, Slot};
use crate::egraph::{Application, ApplicationId, Class, EGraph, Node, NodeKind};
use crate::graph::{Name, NodeId};
use crate::pipeline::observe::Acted;

/// What one application rested on.
#[derive(Clone, Debug, Default)]
pub(super) struct Rests {
    /// Nodes of the step's graph.
    pub(super) nodes: Vec<NodeId>,
    /// Applications of the same step.
    pub(super) applications: Vec<ApplicationId>,
}

/// A step, with its graph's nodes by class.
pub(super) struct Step<'a> {
    acted: &'a Acted<'a>,
    nodes: FxHashMap<Class, Vec<NodeId>>,
    known: FxHashMap<ApplicationId, Rests>,
}

impl<'a> Step<'a> {
    pub(super) fn new(acted: &'a Acted<'a>) -> Step<'a> {
        let egraph = &acted.built.egraph;
        let mut nodes: FxHashMap<Class, Vec<NodeId>> = FxHashMap::default();
        for id in acted.graph.walk() {
            for result in &acted.graph.node(id).results {
                if let Some(&class) = acted.built.classes.get(result) {
                    let known = nodes.entry(egraph.find(class)).or_default();
                    if known.last() != Some(&id) {
                        known.push(id);
                    }
                }
            }
            // With several results, or none, the node has a class of its own behind those of its results.
            if acted.graph.node(id).results.len() != 1
                && let Some(class) = acted.graph.node(id).results.iter().find_map(|result| {
                    let class = egraph.find(*acted.built.classes.get(result)?);
                    projected(egraph, class)
                })
            {
                nodes.entry(class).or_default().push(id);
            }
        }
        Step {
            acted,
            nodes,
            known: FxHashMap::default(),
        }
    }

    /// Nodes of the step's graph with this operator in this class.
    pub(super) fn imported(&self, class: Class, op: Name) -> Vec<NodeId> {
        let class = self.acted.built.egraph.find(class);
        let of = self.nodes.get(&class).into_iter().flatten();
        of.copied()
            .filter(|&id| self.acted.graph.node(id).op == op)
            .collect()
    }

    /// The application, and the label of the rule's instance.
    pub(super) fn application(&self, id: ApplicationId) -> Option<(&Application, &str)> {
        let application = self.acted.built.egraph.application(id)?;
        let rule = self.rule(application)?;
        let instance = rule.instances.get(application.instance as usize)?;
        Some((application, &instance.label))
    }

    fn rule(&self, application: &Application) -> Option<&crate::check::rule::Rule> {
        let mut rules = self.acted.rules.iter();
        rules.find(|rule| rule.name == application.rule).copied()
    }

    /// What an application rested on.
    pub(super) fn rests(&mut self, id: ApplicationId) -> Rests {
        if let Some(known) = self.known.get(&id) {
            return known.clone();
        }
        let rests = self.found(id).unwrap_or_default();
        self.known.insert(id, rests.clone());
        rests
    }

    fn found(&self, id: ApplicationId) -> Option<Rests> {
        let application = self.acted.built.egraph.application(id)?;
        let instance = self
            .rule(application)?
            .instances
            .get(application.instance as usize)?;
        let variant = instance.variants.get(application.variant as usize)?;
        let mut matched: Vec<Matched> = Vec::new();
        let mut lists: FxHashMap<Slot, Slot> = FxHashMap::default();
        for root in &variant.roots {
            self.operators(&root.pattern, application, &mut lists, &[], &mut matched);
        }
        let mut rests = Rests::default();
        for Matched { op, class, nodes } in matched {
            if nodes.is_empty() {
                rests.applications.extend(self.makers(class, op, id));
            }
            rests.nodes.extend(nodes);
        }
        self.add_folded(&mut rests.nodes);
        rests.nodes.sort_unstable();
        rests.nodes.dedup();
        rests.applications.sort_unstable();
        rests.applications.dedup();
        Some(rests)
    }

    /// Adds the nodes whose values were computed before the model runs and are read by these.
    fn add_folded(&self, nodes: &mut Vec<NodeId>) {
        let egraph = &self.acted.built.egraph;
        let graph = self.acted.graph;
        let mut met: FxHashSet<NodeId> = nodes.iter().copied().collect();
        let mut at = 0;
        while let Some(&id) = nodes.get(at) {
            at += 1;
            for &operand in &graph.node(id).operands {
                let class = self.acted.built.classes.get(&operand);
                if class.is_some_and(|&class| egraph.is_const(egraph.find(class)))
                    && let Some(maker) = graph.producer(operand)
                    && met.insert(maker)
                {
                    nodes.push(maker);
                }
            }
        }
    }

    /// Earlier applications that made a node with this operator in this class.
    fn makers(&self, class: Class, op: Name, before: ApplicationId) -> Vec<ApplicationId> {
        let egraph = &self.acted.built.egraph;
        let class = egraph.find(class);
        let made = |node: &&Node| matches!(egraph.kind(node), NodeKind::Operator { op: other, .. } if other == op);
        let nodes = egraph.nodes(class).iter().filter(made);
        nodes
            .map(|node| self.acted.candidates.origin(node))
            .filter(|&origin| origin != ApplicationId::IMPORT && origin < before)
            .collect()
    }

    /// The operators of a pattern with what they matched. `users` are the nodes that matched the operator around it, each with the operand
    /// that this is.
    fn operators(
        &self,
        pattern: &Pattern,
        application: &Application,
        lists: &mut FxHashMap<Slot, Slot>,
        users: &[(NodeId, Option<usize>)],
        matched: &mut Vec<Matched>,
    ) {
        let mut note = |op: Name, slot: Slot, lists: &FxHashMap<Slot, Slot>| -> Vec<NodeId> {
            let mut all = Vec::new();
            for class in classes(application, slot, lists) {
                let nodes = self.nodes_for(class, op, users);
                all.extend(nodes.iter().copied());
                matched.push(Matched { op, class, nodes });
            }
            all
        };
        match pattern {
            Pattern::Apply(apply) => {
                let nodes = note(apply.op, apply.slot, lists);
                for (i, operand) in apply.operands.iter().enumerate() {
                    let users: Vec<_> = nodes.iter().map(|&node| (node, Some(i))).collect();
                    self.operators(operand, application, lists, &users, matched);
                }
                if let Some(Rest::Each { pattern, collect }) = &apply.rest {
                    lists.extend(collect.iter().copied());
                    let users: Vec<_> = nodes.iter().map(|&node| (node, None)).collect();
                    self.operators(pattern, application, lists, &users, matched);
                }
            }
            Pattern::Project { of, .. } => {
                self.operators(of, application, lists, users, matched);
            }
            Pattern::Chain {
                op, slot, inner, ..
            } => {
                let nodes = note(*op, *slot, lists);
                let users: Vec<_> = nodes.iter().map(|&node| (node, Some(0))).collect();
                self.operators(inner, application, lists, &users, matched);
            }
            Pattern::Any
            | Pattern::Value(..)
            | Pattern::Literal(_)
            | Pattern::Bare(_)
            | Pattern::Again(_) => {}
        }
    }

    /// The nodes of the step's graph that an operator of a pattern matched: those that its users read, if they read such; else all of its
    /// class, or one of them for a constant, which is the same wherever it is computed.
    fn nodes_for(&self, class: Class, op: Name, users: &[(NodeId, Option<usize>)]) -> Vec<NodeId> {
        let of_class = self.imported(class, op);
        let is_read = |id: &NodeId| {
            users.iter().any(|&(user, operand)| {
                let operands = &self.acted.graph.node(user).operands;
                let read = match operand {
                    Some(operand) => operands.get(operand..=operand).unwrap_or_default(),
                    None => operands,
                };
                read.iter()
                    .any(|&value| self.acted.graph.producer(value) == Some(*id))
            })
        };
        let read: Vec<NodeId> = of_class.iter().copied().filter(is_read).collect();
        if !read.is_empty() {
            return read;
        }
        let egraph = &self.acted.built.egraph;
        let one = egraph.is_const(egraph.find(class));
        let most = if one { 1 } else { of_class.len() };
        of_class.into_iter().take(most).collect()
    }
}

/// An operator of a pattern with what it matched.
struct Matched {
    op: Name,
    class: Class,
    /// None if an application made the node.
    nodes: Vec<NodeId>,
}

/// What a slot of a match holds, or the list that it is an element of.
fn classes(application: &Application, slot: Slot, lists: &FxHashMap<Slot, Slot>) -> Vec<Class> {
    let bound = |slot: Slot| application.bound.get(slot.0 as usize).copied();
    if let Some(class) = bound(slot).and_then(|bound| bound.class()) {
        return vec![class];
    }
    let list = lists.get(&slot).and_then(|&list| bound(list));
    let items = list.and_then(|list| list.items(&application.bound));
    let items = items.unwrap_or_default().iter();
    items.filter_map(|item| item.class()).collect()
}

/// The class behind a result of an operator with several.
fn projected(egraph: &EGraph, class: Class) -> Option<Class> {
    let nodes = egraph.nodes(class).iter();
    let mut of = nodes.filter(|node| matches!(egraph.kind(node), NodeKind::Projection(_)));
    of.next()
        .and_then(|node| node.children().first())
        .map(|&behind| egraph.find(behind))
}
