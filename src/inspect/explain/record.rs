//! Writing down what each step did to each node.
//!
//! In: steps, as an observer of the run is shown them. Out: for each method the graph before the first rule, and for each node of the graph
//! after the last one what it was made of.
//! Steps without rules (freezing, storing) are not shown; nodes are followed through them by their numbers, or else by operator, place and
//! the name of what they read.
//!
//! Invariant: applications of a node are in the order in which they were made; the last made the node itself.

use std::collections::{BTreeSet, VecDeque};
use std::ops::ControlFlow;
use std::sync::Arc;

use indexmap::IndexMap;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::egraph::{ApplicationId, NodeKind};
use crate::graph::{Graph, Name, NodeId};
use crate::pipeline::observe::{Acted, Observer};

use super::rests::Step;
use super::unused::{Unused, unused};

/// What a node was made of.
#[derive(Clone, Debug, Default)]
pub(super) struct Made {
    /// Indices into [`Story::applications`].
    pub(super) applications: Vec<usize>,
    /// Nodes of the first graph, ascending.
    pub(super) originals: Vec<NodeId>,
}

/// An application as it is told.
#[derive(Clone, Debug)]
pub(super) struct Applied {
    pub(super) rule: Name,
    pub(super) instance: Arc<str>,
}

/// What became of a method.
#[derive(Debug)]
pub(super) struct Story {
    /// The graph before the first rule.
    pub(super) first: Graph,
    /// The graph after the last one.
    pub(super) last: Graph,
    /// Of nodes of the last graph.
    pub(super) made: FxHashMap<NodeId, Made>,
    pub(super) applications: Vec<Applied>,
    pub(super) unused: Vec<Unused>,
}

/// All methods.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    pub(super) stories: IndexMap<String, Story>,
}

impl Observer for Recorder {
    fn wants(&self, _: &[Name]) -> bool {
        true
    }

    fn acted(&mut self, step: &Acted<'_>) -> ControlFlow<()> {
        let story = self
            .stories
            .entry(step.method.to_owned())
            .or_insert_with(|| Story::new(step.graph));
        story.step(step);
        ControlFlow::Continue(())
    }
}

impl Story {
    fn new(graph: &Graph) -> Story {
        let own = |id: NodeId| Made {
            applications: Vec::new(),
            originals: vec![id],
        };
        Story {
            first: graph.clone(),
            last: graph.clone(),
            made: graph.walk().into_iter().map(|id| (id, own(id))).collect(),
            applications: Vec::new(),
            unused: Vec::new(),
        }
    }

    /// What nodes of `graph`, which steps without rules made of the last one, were made of.
    pub(super) fn carried(&self, graph: &Graph) -> FxHashMap<NodeId, Made> {
        let nodes = graph.walk();
        let before = self.last.walk();
        let key = |graph: &Graph, id: NodeId| {
            let node = graph.node(id);
            let name = node.text_attribute("name").map(Name::new);
            // What a rule asks to become an attribute is read as one after the step.
            let op = match node.op.as_str() {
                "rulefold::attribute" => Name::new("prim::GetAttr"),
                _ => node.op,
            };
            (op, node.place, node.results.len(), name)
        };
        let known: FxHashSet<NodeId> = before.iter().copied().collect();
        let kept = nodes
            .iter()
            .filter(|&&id| known.contains(&id) && key(graph, id) == key(&self.last, id))
            .count();
        let grown = nodes
            .iter()
            .filter(|id| id.0 as usize >= self.last.node_count())
            .count();
        let mut made = FxHashMap::default();
        let mut take = |id: NodeId, from: NodeId| {
            if let Some(of) = self.made.get(&from) {
                made.insert(id, of.clone());
            }
        };
        if kept + grown == nodes.len() {
            nodes.iter().for_each(|&id| take(id, id));
            return made;
        }
        let mut waiting: FxHashMap<_, VecDeque<NodeId>> = FxHashMap::default();
        for id in before {
            let queue = waiting.entry(key(&self.last, id)).or_default();
            queue.push_back(id);
        }
        for id in nodes {
            // What stands there more often than before is a step of a loop that was unrolled.
            let queue = waiting.get_mut(&key(graph, id));
            let from = queue.and_then(|queue| match queue.len() {
                1 => queue.front().copied(),
                _ => queue.pop_front(),
            });
            if let Some(from) = from {
                take(id, from);
            }
        }
        made
    }

    fn step(&mut self, acted: &Acted<'_>) {
        let before = self.carried(acted.graph);
        let Some((choice, placed)) = acted.chosen else {
            self.made = before;
            self.last = acted.graph.clone();
            return;
        };
        let mut step = Step::new(acted);
        let mut used: BTreeSet<ApplicationId> = BTreeSet::new();
        let mut numbers: FxHashMap<ApplicationId, usize> = FxHashMap::default();
        let mut made: FxHashMap<NodeId, Made> = FxHashMap::default();
        for &(id, origin, class) in &placed.origins {
            let op = placed.graph.node(id).op;
            let (mut nodes, applications) = match origin {
                ApplicationId::IMPORT => (step.imported(class, op), BTreeSet::new()),
                origin => derivation(&mut step, origin),
            };
            nodes.sort_unstable();
            used.extend(&applications);
            let own: Vec<usize> = applications
                .iter()
                .map(|&application| self.number(&step, application, &mut numbers))
                .collect();
            made.insert(id, joined(&before, &nodes, own));
        }
        self.effects(acted, &before, &mut made);
        if !acted.is_apply() {
            self.unused.extend(unused(acted, choice, &used));
        }
        self.made = made;
        self.last = placed.graph.clone();
    }

    /// The number under which an application is told.
    fn number(
        &mut self,
        step: &Step,
        application: ApplicationId,
        numbers: &mut FxHashMap<ApplicationId, usize>,
    ) -> usize {
        *numbers.entry(application).or_insert_with(|| {
            let (rule, instance) = step
                .application(application)
                .map_or((Name::new(""), ""), |(of, label)| (of.rule, label));
            self.applications.push(Applied {
                rule,
                instance: instance.into(),
            });
            self.applications.len() - 1
        })
    }

    /// Effects are no nodes of the e-graph: they stay what they were, or an `apply` step's rule wrote them.
    fn effects(
        &mut self,
        acted: &Acted<'_>,
        before: &FxHashMap<NodeId, Made>,
        made: &mut FxHashMap<NodeId, Made>,
    ) {
        let Some((_, placed)) = acted.chosen else {
            return;
        };
        let egraph = &acted.built.egraph;
        let is_effect = |id: &NodeId| {
            acted.graph.node(*id).results.iter().all(|result| {
                let class = acted.built.classes.get(result);
                class.is_none_or(|&class| {
                    let mut nodes = egraph.nodes(egraph.find(class)).iter();
                    nodes.any(|node| matches!(egraph.kind(node), NodeKind::Leaf(_)))
                })
            })
        };
        let mut waiting: FxHashMap<_, VecDeque<NodeId>> = FxHashMap::default();
        for id in acted.graph.walk().into_iter().filter(is_effect) {
            let node = acted.graph.node(id);
            let queue = waiting.entry((node.op, node.place)).or_default();
            queue.push_back(id);
        }
        for id in placed.graph.walk() {
            if made.contains_key(&id) {
                continue;
            }
            let node = placed.graph.node(id);
            let queue = waiting.get_mut(&(node.op, node.place));
            if let Some(from) = queue.and_then(VecDeque::pop_front) {
                made.insert(id, before.get(&from).cloned().unwrap_or_default());
            } else if let ([rule], true) = (acted.rules, acted.is_apply()) {
                self.applications.push(Applied {
                    rule: rule.name,
                    instance: "".into(),
                });
                let applications = vec![self.applications.len() - 1];
                made.insert(
                    id,
                    Made {
                        applications,
                        originals: Vec::new(),
                    },
                );
            }
        }
    }
}

/// The nodes of the step's graph and the applications that one application rests on, itself included.
fn derivation(step: &mut Step, origin: ApplicationId) -> (Vec<NodeId>, BTreeSet<ApplicationId>) {
    let mut nodes: BTreeSet<NodeId> = BTreeSet::new();
    let mut applications = BTreeSet::from([origin]);
    let mut open = vec![origin];
    while let Some(application) = open.pop() {
        let rests = step.rests(application);
        nodes.extend(rests.nodes);
        for other in rests.applications {
            if applications.insert(other) {
                open.push(other);
            }
        }
    }
    (nodes.into_iter().collect(), applications)
}

/// What a node was made of: of these nodes of the step's graph, by these applications.
fn joined(before: &FxHashMap<NodeId, Made>, nodes: &[NodeId], own: Vec<usize>) -> Made {
    let of = || nodes.iter().filter_map(|id| before.get(id));
    let applications: BTreeSet<usize> = of()
        .flat_map(|made| made.applications.iter().copied())
        .collect();
    let originals: BTreeSet<NodeId> = of()
        .flat_map(|made| made.originals.iter().copied())
        .collect();
    Made {
        applications: applications.into_iter().chain(own).collect(),
        originals: originals.into_iter().collect(),
    }
}
