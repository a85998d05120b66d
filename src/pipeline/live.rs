//! Which modules and attributes a model's methods still need, and the model with those alone.
//!
//! In: graphs without calls. Out: the attributes they read or set; the module tree without the others.
//! Invariant: modules keep the order of their attributes; a class whose modules no longer have the same attributes becomes several.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::egraph::build::Memory;
use crate::graph::{
    Attribute, AttributeValue, Graph, Model, Module, ModuleId, Name, NodeId, Type, ValueId,
};
use crate::ops::Catalogue;

/// Attributes with the module that has them.
pub(super) type Attributes = FxHashSet<(ModuleId, Name)>;

/// Adds the attributes that a graph reads or sets, those on the way to them included.
pub(super) fn add_read(model: &Model, graph: &Graph, live: &mut Attributes) {
    walk(model, graph, |_, owner, name| {
        live.insert((owner, name));
    });
}

/// The reads of a graph, with the attributes they are of.
pub(super) fn reads(model: &Model, graph: &Graph) -> Vec<(NodeId, ModuleId, Name)> {
    let mut reads = Vec::new();
    walk(model, graph, |id, owner, name| {
        if graph.node(id).op == "prim::GetAttr" {
            reads.push((id, owner, name));
        }
    });
    reads
}

/// Names of attributes that some graph sets, or writes to the memory of.
pub(super) fn written_names<'a>(
    graphs: impl Iterator<Item = &'a Graph>,
    catalogue: &Catalogue,
) -> FxHashSet<Name> {
    let mut names = FxHashSet::default();
    for graph in graphs {
        names.extend(Memory::of(graph, catalogue).written_attributes());
        for id in graph.walk() {
            let node = graph.node(id);
            if node.op == "prim::SetAttr" {
                names.extend(node.text_attribute("name").map(Name::new));
            }
        }
    }
    names
}

/// Visits what reads or sets attributes, in order.
fn walk(model: &Model, graph: &Graph, mut visit: impl FnMut(NodeId, ModuleId, Name)) {
    let mut modules: FxHashMap<ValueId, ModuleId> = FxHashMap::default();
    if let Some(&root) = graph.body().parameters.first() {
        modules.insert(root, Model::ROOT);
    }
    for id in graph.walk() {
        let node = graph.node(id);
        if node.op != "prim::GetAttr" && node.op != "prim::SetAttr" {
            continue;
        }
        let owner = node.operands.first().and_then(|owner| modules.get(owner));
        let (Some(&owner), Some(name)) = (owner, node.text_attribute("name")) else {
            continue;
        };
        let name = Name::new(name);
        visit(id, owner, name);
        let attribute = model.module(owner).attributes.get(&name);
        if let (Some(AttributeValue::Module(inner)), Some(&result)) =
            (attribute.map(|a| &a.value), node.results.first())
        {
            modules.insert(result, *inner);
        }
    }
}

/// Takes out whatever is not live. `whole` are modules whose methods are still called.
pub(super) fn prune(model: &mut Model, live: &Attributes, whole: &FxHashSet<ModuleId>) {
    let mut pruning = Pruning {
        model,
        live,
        numbers: FxHashMap::default(),
        order: Vec::new(),
        children_first: Vec::new(),
    };
    pruning.visit(Model::ROOT);
    let Pruning {
        order,
        children_first,
        numbers,
        ..
    } = pruning;
    let mut modules: Vec<Module> = order
        .iter()
        .map(|&id| {
            let module = model.module(id);
            let kept = module.attributes.iter();
            let kept = kept.filter(|(name, _)| live.contains(&(id, **name)));
            let renumbered = |attribute: &Attribute| Attribute {
                value: renumbered(&attribute.value, &numbers),
                ..attribute.clone()
            };
            Module {
                class: module.class,
                attributes: kept.map(|(&name, a)| (name, renumbered(a))).collect(),
            }
        })
        .collect();
    let order: Vec<usize> = children_first
        .iter()
        .map(|id| numbers[id].0 as usize)
        .collect();
    let called = whole
        .iter()
        .filter_map(|id| Some(numbers.get(id)?.0 as usize));
    tell_apart(&mut modules, &order, &called.collect());
    model.modules = modules;
}

struct Pruning<'a> {
    model: &'a Model,
    live: &'a Attributes,
    numbers: FxHashMap<ModuleId, ModuleId>,
    order: Vec<ModuleId>,
    children_first: Vec<ModuleId>,
}

impl Pruning<'_> {
    fn visit(&mut self, root: ModuleId) {
        let mut stack = vec![(root, false)];
        while let Some((id, done)) = stack.pop() {
            if done {
                self.children_first.push(id);
                continue;
            }
            if self.numbers.contains_key(&id) {
                continue;
            }
            self.numbers.insert(id, ModuleId(self.order.len() as u32));
            self.order.push(id);
            stack.push((id, true));
            let mut inner = Vec::new();
            for (name, attribute) in &self.model.module(id).attributes {
                if self.live.contains(&(id, *name)) {
                    modules_in(&attribute.value, &mut inner);
                }
            }
            stack.extend(inner.into_iter().rev().map(|id| (id, false)));
        }
    }
}

fn modules_in(value: &AttributeValue, found: &mut Vec<ModuleId>) {
    match value {
        AttributeValue::Module(id) => found.push(*id),
        AttributeValue::List(items) | AttributeValue::Tuple(items) => {
            items.iter().for_each(|item| modules_in(item, found));
        }
        AttributeValue::Dict(items) => items.iter().for_each(|(key, value)| {
            modules_in(key, found);
            modules_in(value, found);
        }),
        AttributeValue::Literal(_) | AttributeValue::Constant(_) => {}
    }
}

fn renumbered(value: &AttributeValue, numbers: &FxHashMap<ModuleId, ModuleId>) -> AttributeValue {
    let all = |items: &[AttributeValue]| items.iter().map(|i| renumbered(i, numbers)).collect();
    match value {
        AttributeValue::Module(id) => AttributeValue::Module(numbers[id]),
        AttributeValue::List(items) => AttributeValue::List(all(items)),
        AttributeValue::Tuple(items) => AttributeValue::Tuple(all(items)),
        AttributeValue::Dict(items) => AttributeValue::Dict(
            items
                .iter()
                .map(|(k, v)| (renumbered(k, numbers), renumbered(v, numbers)))
                .collect(),
        ),
        other => other.clone(),
    }
}

/// What makes two modules of one class alike.
type Kind = (Name, Vec<(Name, Type, bool, bool)>);

/// Gives modules of one class that differ in their attributes classes of their own. `order` has children before their owners, whose
/// attributes are of their classes.
fn tell_apart(modules: &mut [Module], order: &[usize], called: &FxHashSet<usize>) {
    let mut taken: FxHashSet<Name> = modules.iter().map(|module| module.class).collect();
    let mut owners: FxHashMap<Name, Kind> = FxHashMap::default();
    let mut classes: FxHashMap<Kind, Name> = FxHashMap::default();
    let mut renamed: FxHashSet<usize> = FxHashSet::default();
    let kind = |modules: &[Module], at: usize| -> Kind {
        use crate::graph::ParameterKind::{Buffer, Parameter};
        let module = &modules[at];
        let attributes = module.attributes.iter();
        let attributes = attributes.map(|(name, attribute)| {
            let ty = match attribute.value {
                AttributeValue::Module(inner) => Type::Class(modules[inner.0 as usize].class),
                _ => attribute.ty.clone(),
            };
            (
                *name,
                ty,
                attribute.kind == Parameter,
                attribute.kind == Buffer,
            )
        });
        (module.class, attributes.collect())
    };
    // What has methods is of a class that keeps its name: the root, and modules that are called.
    let inner = order.iter().copied().filter(|at| *at != 0);
    let (first, rest): (Vec<usize>, Vec<usize>) = inner.partition(|at| called.contains(at));
    for at in std::iter::once(0).chain(first).chain(rest) {
        let kind = kind(modules, at);
        let owner = owners.entry(kind.0).or_insert_with(|| kind.clone());
        if *owner == kind {
            continue;
        }
        let class = *classes
            .entry(kind)
            .or_insert_with_key(|kind| fresh(kind.0, &mut taken));
        modules[at].class = class;
        renamed.insert(at);
    }
    for at in 0..modules.len() {
        let mut types: Vec<(Name, Type)> = Vec::new();
        for (name, attribute) in &modules[at].attributes {
            if let AttributeValue::Module(inner) = attribute.value
                && renamed.contains(&(inner.0 as usize))
            {
                types.push((*name, Type::Class(modules[inner.0 as usize].class)));
            }
        }
        for (name, ty) in types {
            modules[at].attributes[&name].ty = ty;
        }
    }
}

/// A class name that nothing has, as PyTorch tells classes of one name apart.
fn fresh(class: Name, taken: &mut FxHashSet<Name>) -> Name {
    let (package, own) = class
        .as_str()
        .rsplit_once('.')
        .unwrap_or(("__torch__", class.as_str()));
    let package = match package.rsplit_once('.') {
        Some((outer, last)) if last.starts_with("___torch_mangle_") => outer,
        _ => package,
    };
    let name = (0..)
        .map(|n| Name::new(&format!("{package}.___torch_mangle_{n}.{own}")))
        .find(|name| !taken.contains(name));
    let name = name.unwrap_or_else(|| unreachable!("numbers do not end"));
    taken.insert(name);
    name
}
