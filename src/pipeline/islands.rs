//! What stayed float between dequantize and quantize, and the rule that came nearest to taking it in.
//!
//! In: the graph that a saturation gave, its e-graph, the rules. Out: [`Island`]s, equal ones counted together.
//! Invariant: costs a walk over the graph if there is no island; rules are only looked at for those there are.

use std::ops::Deref;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::egraph::place::Placed;
use crate::egraph::{Class, EGraph, Miss, matching, near_misses};
use crate::graph::{Def, Graph, Name, NodeId, Type, ValueId};
use crate::ops::{self, Schema};
use crate::rules::RuleSet;

use super::report::Island;

/// Operators named of one island; with more, the last ones.
const MOST_NAMED: usize = 6;

/// The islands of a graph, in its order.
pub(super) fn islands(
    placed: &Placed,
    egraph: &EGraph,
    set: &impl Deref<Target = RuleSet>,
    left_out: &[Name],
) -> Vec<Island> {
    let graph = &placed.graph;
    let order: FxHashMap<NodeId, usize> = graph.walk().into_iter().zip(0..).collect();
    let mut nodes: Vec<NodeId> = order.keys().copied().collect();
    nodes.sort_unstable_by_key(|node| order[node]);
    let mut grouped = Grouped::default();
    let mut met: FxHashSet<NodeId> = FxHashSet::default();
    for &node in nodes.iter().filter(|&&node| quantizes(graph, node)) {
        let behind = Behind::of(graph, node);
        met.extend(&behind.operators);
        if !behind.is_quantized {
            continue;
        }
        let mut inside: Vec<NodeId> = behind
            .operators
            .into_iter()
            .filter(|&inner| ops::counts_as_operation(graph.node(inner).op.as_str()))
            .collect();
        if inside.is_empty() {
            continue;
        }
        inside.sort_unstable_by_key(|inner| order[inner]);
        let class = placed.origins.iter().find(|(of, ..)| *of == node);
        let asked = Asked {
            egraph,
            set,
            left_out,
        };
        let (rule, reason) = asked.nearest(graph, class.map(|of| of.2), node, &inside);
        grouped.add(graph, &inside, node, None, rule, reason);
    }
    for &node in nodes.iter().filter(|node| !met.contains(*node)) {
        if has_dequantized_weight(graph, node) {
            let reason = Reason::of("its result is never quantized".into());
            grouped.add(graph, &[node], node, None, String::new(), reason);
        }
    }
    grouped.islands
}

/// Why an island stayed, without and with the values that differ from one island to the next.
pub(super) struct Reason {
    kind: String,
    text: String,
}

impl Reason {
    pub(super) fn of(text: String) -> Reason {
        Reason {
            kind: text.clone(),
            text,
        }
    }
}

/// Islands with what makes two of them equal.
#[derive(Default)]
pub(super) struct Grouped {
    pub(super) islands: Vec<Island>,
    kinds: Vec<String>,
}

impl Grouped {
    /// Counts an island; place and values of a group are those of its first.
    pub(super) fn add(
        &mut self,
        graph: &Graph,
        inside: &[NodeId],
        end: NodeId,
        module: Option<Name>,
        rule: String,
        reason: Reason,
    ) {
        let named = &inside[inside.len().saturating_sub(MOST_NAMED)..];
        let cut = (named.len() < inside.len()).then_some("...");
        let names = named.iter().map(|&node| graph.node(node).op.as_str());
        let operators: Vec<&str> = cut.into_iter().chain(names).collect();
        let operators = operators.join(" -> ");
        let same = self
            .islands
            .iter()
            .zip(&self.kinds)
            .position(|(island, kind)| {
                island.operators == operators
                    && island.rule == rule
                    && *kind == reason.kind
                    && island.module.as_deref() == module.map(|module| module.as_str())
            });
        if let Some(at) = same {
            self.islands[at].count += 1;
            return;
        }
        let mut places = std::iter::once(&end).chain(inside);
        let place = places.find_map(|&node| graph.node(node).place);
        self.islands.push(Island {
            method: None,
            operators,
            place: place.map_or_else(String::new, |place| place.to_string()),
            rule,
            reason: reason.text,
            module: module.map(|module| module.to_string()),
            count: 1,
        });
        self.kinds.push(reason.kind);
    }
}

/// The rules that are asked about an island.
struct Asked<'a> {
    egraph: &'a EGraph,
    set: &'a RuleSet,
    /// Rules of the set that the options leave out.
    left_out: &'a [Name],
}

impl Asked<'_> {
    /// The rule that came nearest to an island, and why it did not take it in.
    fn nearest(
        &self,
        graph: &Graph,
        class: Option<Class>,
        quantize: NodeId,
        inside: &[NodeId],
    ) -> (String, Reason) {
        let known: FxHashSet<Name> = self.set.operators().collect();
        let mut ops = inside.iter().map(|&node| graph.node(node).op);
        let stranger = ops.find(|op| !known.contains(op));
        if let (None, Some(class)) = (stranger, class) {
            if let Some(found) = self.matched(class) {
                return found;
            }
            if let Some(near) = near_misses(self.egraph, self.set, class).first() {
                return (full_label(near.rule, &near.instance), described(&near.miss));
            }
        }
        let op = stranger.unwrap_or(graph.node(quantize).op);
        let reason = Reason::of(format!("no rule looks at `{op}`"));
        (String::new(), reason)
    }

    /// A rule that matches, and yet the island stayed.
    fn matched(&self, class: Class) -> Option<(String, Reason)> {
        let matching = matching(self.egraph, self.set, class);
        let is_left_out = |(rule, _): &&(Name, _)| self.left_out.contains(rule);
        let left_out = matching.iter().find(is_left_out);
        let (rule, instance) = left_out.or(matching.first())?;
        let why = why_it_stayed(left_out.is_some());
        Some((full_label(*rule, instance), Reason::of(why.into())))
    }
}

/// Why something stayed that a rule matches.
pub(super) fn why_it_stayed(is_left_out: bool) -> &'static str {
    match is_left_out {
        true => "it matches, and `--numerics` leaves it out",
        false => "it matches, and what it writes is not less",
    }
}

/// `torch.quantized.packed[op = conv2d]`: the full name, with the instance if there are several.
pub(super) fn full_label(rule: Name, instance: &str) -> String {
    match instance.find('[') {
        Some(at) => format!("{rule}{}", &instance[at..]),
        None => rule.to_string(),
    }
}

pub(super) fn described(miss: &Miss) -> Reason {
    Reason {
        kind: miss.kind(),
        text: miss.to_string(),
    }
}

/// The name of an operator without its overload.
fn base(op: Name) -> &'static str {
    Schema::split(op.as_str()).0
}

fn quantizes(graph: &Graph, node: NodeId) -> bool {
    matches!(
        base(graph.node(node).op),
        "aten::quantize_per_tensor"
            | "aten::quantize_per_tensor_dynamic"
            | "aten::quantize_per_channel"
    )
}

fn dequantizes(graph: &Graph, node: NodeId) -> bool {
    base(graph.node(node).op) == "aten::dequantize"
}

/// Whether some operand is a dequantized constant: integers that an integer kernel could read.
fn has_dequantized_weight(graph: &Graph, node: NodeId) -> bool {
    let of_constant = |inner: NodeId| {
        let operand = graph.node(inner).operands.first();
        operand.is_some_and(|&value| matches!(graph.value(value).def, Def::Constant(_)))
    };
    let mut operands = graph.node(node).operands.iter();
    operands.any(|&operand| {
        let maker = graph.producer(operand);
        maker.is_some_and(|maker| dequantizes(graph, maker) && of_constant(maker))
    })
}

/// What a quantize is computed from.
struct Behind {
    /// Operators on the way back to dequantizes, parameters and constants.
    operators: Vec<NodeId>,
    /// Whether there is a dequantize.
    is_quantized: bool,
}

impl Behind {
    fn of(graph: &Graph, quantize: NodeId) -> Behind {
        let mut behind = Behind {
            operators: Vec::new(),
            is_quantized: false,
        };
        let (mut met, mut values) = (FxHashSet::default(), FxHashSet::default());
        let mut left: Vec<ValueId> = graph
            .node(quantize)
            .operands
            .first()
            .copied()
            .into_iter()
            .collect();
        while let Some(value) = left.pop() {
            let Def::Result { node, index } = graph.value(value).def else {
                continue;
            };
            if !values.insert(value) {
                continue;
            }
            if dequantizes(graph, node) {
                behind.is_quantized = true;
                continue;
            }
            // Results of a branch or loop are what its blocks return; a loop's blocks return a condition first.
            let of = graph.node(node);
            let condition = usize::from(of.op == "prim::Loop");
            for &block in &of.blocks {
                let returns = &graph.block(block).returns;
                left.extend(returns.get(index as usize + condition));
            }
            if !met.insert(node) {
                continue;
            }
            behind.operators.push(node);
            let operands = of.operands.iter().copied();
            left.extend(operands.filter(|&operand| holds_tensors(&graph.value(operand).ty)));
        }
        behind
    }
}

fn holds_tensors(ty: &Type) -> bool {
    match ty {
        Type::Tensor(_) => true,
        Type::List(inner) | Type::Optional(inner) => holds_tensors(inner),
        Type::Tuple(items) => items.iter().any(holds_tensors),
        _ => false,
    }
}
