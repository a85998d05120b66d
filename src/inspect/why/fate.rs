//! What became of the matches of a rule: kept, merged, lost to another rule, or too dear.
//!
//! In: a step that ran, the classes where the rule matched. Out: [`Fate`]s, equal ones counted together, with the costs of both sides
//! where the result prefers something else.
//! Invariant: costs are those of whole models: the best there is, and the best with the rule's node in this place.

use rustc_hash::FxHashSet;
use serde::Serialize;

use crate::check::rule::Build;
use crate::egraph::choose::{Target, choose, cost_parts};
use crate::egraph::extract::Limits;
use crate::egraph::{ApplicationId, Attempt, Class, EGraph, Node, NodeKind};
use crate::graph::Name;
use crate::pipeline::observe::Acted;

use super::model_nodes::{ModelNode, ModelNodes};

/// Fates whose costs are compared; each needs an extraction of its own.
const MOST_COMPARED: usize = 3;

/// Matches that ended alike.
#[derive(Clone, Debug, Serialize)]
pub struct Fate {
    /// How they ended.
    pub kind: FateKind,
    /// How many.
    pub count: usize,
    /// The rule in whose place the result is, if another took it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub rule: String,
    /// The first of them.
    pub first: ModelNode,
    /// With what is preferred: the model as chosen, and as it would be with the rule's node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub costs: Option<[Costs; 2]>,
    /// Operators that the rule writes and that may not be written.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unwritable: Vec<String>,
}

/// How a match ended.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FateKind {
    /// What the rule wrote is in the result.
    Kept,
    /// The rule made the value equal to one of its own parts, and that is in the result.
    Merged,
    /// Another rule's node stands in its place.
    Replaced,
    /// The node of the model stays.
    Original,
    /// The value is not computed any more: what used it has taken it in.
    Unneeded,
    /// The effects that it erases and adds were erased and added.
    Done,
    /// It was left alone: somebody reads what it would erase, or what it adds could stand nowhere.
    Refused,
    /// What it writes rests on something that is not known.
    Unbuilt,
}

/// What a model costs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Costs {
    /// Convolutions, matrix products and recurrent layers: what counts first.
    pub products: u64,
    /// Operations, those among them.
    pub operations: u64,
    /// Bytes of constants.
    pub bytes: u64,
}

/// What became of each match, in order of the kinds' first meeting.
pub(super) fn fates(step: &Acted<'_>, matches: &[Attempt], nodes: &ModelNodes<'_>) -> Vec<Fate> {
    let mut found: Vec<(Fate, &Attempt)> = Vec::new();
    for attempt in matches {
        let (kind, rule) = fate(step, attempt);
        let same = found
            .iter_mut()
            .find(|(fate, _)| fate.kind == kind && fate.rule == rule);
        match same {
            Some((fate, _)) => fate.count += 1,
            None => found.push((
                Fate {
                    kind,
                    count: 1,
                    rule,
                    first: nodes.of(attempt.root),
                    costs: None,
                    unwritable: Vec::new(),
                },
                attempt,
            )),
        }
    }
    for (fate, attempt) in &mut found {
        if matches!(fate.kind, FateKind::Replaced | FateKind::Original) {
            fate.unwritable = unwritable(step, attempt);
        }
    }
    let lost = found.iter_mut().filter(|(fate, _)| {
        fate.unwritable.is_empty() && matches!(fate.kind, FateKind::Replaced | FateKind::Original)
    });
    for (fate, attempt) in lost.take(MOST_COMPARED) {
        fate.costs = costs(step, attempt);
    }
    found.into_iter().map(|(fate, _)| fate).collect()
}

fn fate(step: &Acted<'_>, attempt: &Attempt) -> (FateKind, String) {
    let egraph = &step.built.egraph;
    let none = String::new;
    if step.is_apply() {
        let class = egraph.find(attempt.root);
        let is_in = |of: usize| step.roots.is_some_and(|roots| roots[of].contains(&class));
        let kind = if is_in(1) {
            FateKind::Refused
        } else if step.redirect.0.contains_key(&class) {
            FateKind::Kept
        } else if is_in(0) {
            FateKind::Done
        } else {
            FateKind::Unbuilt
        };
        return (kind, none());
    }
    let Some((choice, _)) = step.chosen else {
        return (FateKind::Original, none());
    };
    let variant = step.set.variant(attempt.variant);
    let own = step.set.rules()[variant.rule as usize].name;
    let class = egraph.find(attempt.root);
    let Some(node) = choice.get(class) else {
        return (FateKind::Unneeded, none());
    };
    let of_slot = matches!(variant.replacements.first(), Some(Some(Build::Slot(_))));
    let made = made(egraph, step, own, class);
    if made.contains(node) {
        return (FateKind::Kept, none());
    }
    if of_slot {
        return (FateKind::Merged, none());
    }
    match egraph.application(step.candidates.origin(node)) {
        Some(application) if application.rule == own => (FateKind::Kept, none()),
        Some(application) => (FateKind::Replaced, label(step, application)),
        None if made.is_empty() && !is_applied(egraph, own, class) => (FateKind::Unbuilt, none()),
        None => (FateKind::Original, none()),
    }
}

/// The rule of an application, with its instance if there are several: `torch.quantized.packed[op = conv2d]`.
fn label(step: &Acted<'_>, application: &crate::egraph::Application) -> String {
    let rules = step.set.rules().iter();
    let mut of = rules.filter(|rule| rule.name == application.rule);
    let instance = of
        .next()
        .and_then(|rule| rule.instances.get(application.instance as usize));
    let bracket = instance.and_then(|label| label.find('[').map(|at| &label[at..]));
    format!("{}{}", application.rule, bracket.unwrap_or_default())
}

/// The rule that made what stands for a class in the result, if one did and it is another.
pub(super) fn taker(step: &Acted<'_>, own: Name, class: Class) -> Option<String> {
    let (choice, _) = step.chosen?;
    let node = choice.get(step.built.egraph.find(class))?;
    let application = step
        .built
        .egraph
        .application(step.candidates.origin(node))?;
    (application.rule != own).then(|| label(step, application))
}

/// Nodes of a class that the rule made for it.
fn made(egraph: &EGraph, step: &Acted<'_>, own: Name, class: Class) -> Vec<Node> {
    let by_rule = |origin: ApplicationId| {
        egraph
            .application(origin)
            .is_some_and(|application| application.rule == own)
    };
    let nodes = egraph.nodes(class).iter();
    nodes
        .filter(|node| by_rule(step.candidates.origin(node)))
        .cloned()
        .collect()
}

fn is_applied(egraph: &EGraph, own: Name, class: Class) -> bool {
    egraph.applications().any(|(_, application)| {
        application.rule == own
            && application
                .roots
                .iter()
                .any(|&root| egraph.find(root) == class)
    })
}

/// Operators that the rule writes for a match and that the target has not.
fn unwritable(step: &Acted<'_>, attempt: &Attempt) -> Vec<String> {
    let variant = step.set.variant(attempt.variant);
    let own = step.set.rules()[variant.rule as usize].name;
    let egraph = &step.built.egraph;
    let made = made(egraph, step, own, egraph.find(attempt.root));
    let ops = made.iter().filter_map(|node| match egraph.kind(node) {
        NodeKind::Operator { op, .. } if !step.target.allows(op) => Some(op.to_string()),
        _ => None,
    });
    ops.collect()
}

/// What the model costs as chosen, and with a node of the rule where it matched.
fn costs(step: &Acted<'_>, attempt: &Attempt) -> Option<[Costs; 2]> {
    let (choice, _) = step.chosen?;
    let variant = step.set.variant(attempt.variant);
    let own = step.set.rules()[variant.rule as usize].name;
    let egraph = &step.built.egraph;
    let class = egraph.find(attempt.root);
    let made = made(egraph, step, own, class);
    if made.is_empty() {
        return None;
    }
    let forced = Forced {
        target: step.target,
        class,
        nodes: made.into_iter().collect(),
    };
    let with = choose(
        egraph,
        step.candidates,
        &step.built.skeleton,
        step.redirect,
        &forced,
        &Limits::default(),
    )
    .ok()?;
    let cost = |cost: crate::egraph::extract::Cost| {
        let [products, operations, bytes] = cost_parts(cost);
        Costs {
            products,
            operations,
            bytes,
        }
    };
    Some([cost(choice.cost), cost(with.cost)])
}

/// A target in which one class is one of these nodes.
struct Forced<'a> {
    target: &'a dyn Target,
    class: Class,
    nodes: FxHashSet<Node>,
}

impl Target for Forced<'_> {
    fn allows(&self, op: Name) -> bool {
        self.target.allows(op)
    }

    fn offers(&self, class: Class, node: &Node) -> bool {
        class != self.class || self.nodes.contains(node)
    }
}
