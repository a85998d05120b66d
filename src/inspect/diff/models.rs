//! Two models compared as wholes.
//!
//! In: two models. Out: a [`Difference`], which serialises.
//! The methods of both roots are frozen and compared by name; if one cannot be frozen, all code is compared as it was read.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use rustc_hash::FxHashSet;
use serde::Serialize;

use crate::graph::{FunctionName, Graph, Model, Name};
use crate::ops::{self, Catalogue, Purity};
use crate::pipeline::freeze;
use crate::pipeline::report::Change;

use super::align::align;
use super::content::{self, AttributeChange, ConstantChange, Content};
use super::hashing::Hashed;
use super::regions::{Region, regions};

/// What differs between two models.
#[derive(Clone, Debug, Serialize)]
pub struct Difference {
    /// Whether nothing does.
    pub equal: bool,
    /// Methods of either root, in order.
    pub methods: Vec<Method>,
    /// Operations of all methods, as PyTorch counts them.
    pub operations: Change,
    /// Operators that one has more of, by name.
    pub operators: Vec<OperatorCount>,
    /// Bytes of constants, each content once.
    pub constant_bytes: Change,
    /// Constants that differ, by path.
    pub constants: Vec<ConstantChange>,
    /// Other attributes that differ, by path.
    pub attributes: Vec<AttributeChange>,
}

/// A method.
#[derive(Clone, Debug, Serialize)]
pub struct Method {
    /// Its name.
    pub name: String,
    /// `equal`, `changed`, `removed` or `added`.
    pub change: &'static str,
    /// Why the code was compared as it was read, if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_read: Option<String>,
    /// Regions with the same operators gone and come, the most frequent first.
    pub shapes: Vec<Shape>,
}

/// Regions that changed in the same way.
#[derive(Clone, Debug, Serialize)]
pub struct Shape {
    /// How many there are.
    pub count: usize,
    /// The regions.
    pub regions: Vec<Region>,
}

/// How often an operator occurs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct OperatorCount {
    /// The operator, with its overload.
    pub op: String,
    /// In the first model.
    pub before: usize,
    /// In the second model.
    pub after: usize,
}

/// Compares two models.
pub fn models(a: &Model, b: &Model, catalogue: &Catalogue) -> Difference {
    let (left, right) = (Content::of(a), Content::of(b));
    let (mut first, mut second) = (graphs(a, catalogue), graphs(b, catalogue));
    let why = first.1.take().or(second.1.take());
    if why.is_some() {
        (first.0, second.0) = (as_read(a), as_read(b));
    }
    let (mut first, mut second) = (first.0, second.0);
    let mut names: Vec<Name> = first.keys().copied().collect();
    names.extend(second.keys().filter(|name| !first.contains_key(*name)));
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let mut methods = Vec::new();
    for name in names {
        let (p, q) = (first.shift_remove(&name), second.shift_remove(&name));
        for (graph, is_second) in [(&p, false), (&q, true)] {
            let Some(graph) = graph else { continue };
            for id in graph.walk() {
                let count = counts.entry(graph.node(id).op.as_str()).or_default();
                *if is_second {
                    &mut count.1
                } else {
                    &mut count.0
                } += 1;
            }
        }
        let mut method = Method {
            name: name.to_string(),
            change: "equal",
            as_read: why.clone(),
            shapes: Vec::new(),
        };
        match (&p, &q) {
            (Some(p), Some(q)) => {
                let (p, q) = (Hashed::of(p, &a.constants), Hashed::of(q, &b.constants));
                if !same(&p, &q, catalogue) {
                    method.change = "changed";
                    let alignment = align(&p, &q);
                    let named = |hash| {
                        let path = left.path(hash).or_else(|| right.path(hash))?;
                        Some(path.to_owned())
                    };
                    method.shapes = shapes(regions(&p, &q, &alignment, &named));
                }
            }
            (Some(_), None) => method.change = "removed",
            (None, _) => method.change = "added",
        }
        methods.push(method);
    }
    let operations = |count: &dyn Fn(&(usize, usize)) -> usize| {
        let counted = counts.iter().filter(|(op, _)| ops::counts_as_operation(op));
        counted.map(|(_, both)| count(both) as u64).sum()
    };
    let mut difference = Difference {
        equal: false,
        operations: Change {
            before: operations(&|both| both.0),
            after: operations(&|both| both.1),
        },
        operators: counts
            .iter()
            .filter(|(_, (before, after))| before != after)
            .map(|(op, &(before, after))| OperatorCount {
                op: (*op).to_owned(),
                before,
                after,
            })
            .collect(),
        constant_bytes: Change {
            before: left.bytes(),
            after: right.bytes(),
        },
        constants: content::constants(&left, &right),
        attributes: content::attributes(&left, &right),
        methods,
    };
    difference.equal = difference.constants.is_empty()
        && difference.attributes.is_empty()
        && difference
            .methods
            .iter()
            .all(|method| method.change == "equal");
    difference
}

/// The methods of the root by name: frozen, or as they were read, and then why.
fn graphs(model: &Model, catalogue: &Catalogue) -> (IndexMap<Name, Graph>, Option<String>) {
    let names: Vec<FunctionName> = freeze::root_methods(model).collect();
    let keep: Vec<String> = names.iter().map(|name| name.name.to_string()).collect();
    match freeze::freeze(model, &keep, catalogue) {
        Ok(frozen) => (frozen.methods, None),
        Err(error) => (as_read(model), Some(error.to_string())),
    }
}

fn as_read(model: &Model) -> IndexMap<Name, Graph> {
    freeze::root_methods(model)
        .map(|name| (name.name, model.functions[&name].graph.clone()))
        .collect()
}

/// Whether two graphs return the same, and do the same effects in the same order.
fn same(p: &Hashed, q: &Hashed, catalogue: &Catalogue) -> bool {
    let effects = |of: &Hashed| -> Vec<u128> {
        let impure = of.order.iter().filter(|&&id| {
            let node = of.graph.node(id);
            let literal = |i: usize| of.graph.literal(*node.operands.get(i)?);
            catalogue.purity(node.op.as_str(), literal) != Purity::Pure
        });
        impure.map(|id| of.whole[id]).collect()
    };
    let returns = |of: &Hashed| -> Vec<u128> {
        let returns = of.graph.body().returns.iter();
        returns.map(|&value| of.value(value)).collect()
    };
    let nodes = |of: &Hashed| -> Vec<u128> {
        let mut nodes: Vec<u128> = of.whole.values().copied().collect();
        nodes.sort_unstable();
        nodes
    };
    let parameters = |of: &Hashed| of.graph.body().parameters.len();
    parameters(p) == parameters(q)
        && returns(p) == returns(q)
        && effects(p) == effects(q)
        && nodes(p) == nodes(q)
}

fn shapes(regions: Vec<Region>) -> Vec<Shape> {
    let mut shapes: Vec<Shape> = Vec::new();
    let mut known = rustc_hash::FxHashMap::default();
    for region in regions {
        let mut key = (region.removed.clone(), region.added.clone());
        key.0.sort_unstable();
        key.1.sort_unstable();
        let at = *known.entry(key).or_insert_with(|| {
            shapes.push(Shape {
                count: 0,
                regions: Vec::new(),
            });
            shapes.len() - 1
        });
        shapes[at].count += 1;
        shapes[at].regions.push(region);
    }
    shapes.sort_by_key(|shape| std::cmp::Reverse(shape.count));
    shapes
}

/// Operators of a list, each with how often it occurs if more than once, in the order of their first.
pub(super) fn summary(ops: &[String]) -> String {
    let mut met = FxHashSet::default();
    let parts: Vec<String> = ops
        .iter()
        .filter(|op| met.insert(op.as_str()))
        .map(|op| {
            let count = ops.iter().filter(|other| *other == op).count();
            if count > 1 {
                format!("{count} {op}")
            } else {
                op.clone()
            }
        })
        .collect();
    if parts.is_empty() {
        "nothing".to_owned()
    } else {
        parts.join(", ")
    }
}

impl Shape {
    /// The operators that went and came, as a phrase.
    pub fn phrase(&self) -> String {
        let Some(region) = self.regions.first() else {
            return String::new();
        };
        format!("{} -> {}", summary(&region.removed), summary(&region.added))
    }
}
