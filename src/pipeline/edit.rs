//! Steps that change methods and attributes without rules: `clone`, `return_none`, `set_attribute`, `share_constants`.
//!
//! In: the held methods and the module tree. Out: the same, changed as the step says.
//! Invariant: a name that somebody uses is never given another meaning.

use rustc_hash::FxHashMap;

use crate::diagnostic::closest;
use crate::graph::{
    Attribute, AttributeLiteral, AttributeValue, BlockId, ConstantId, Function, FunctionName,
    Graph, Literal, Model, ModuleId, Name, Node, NodeId, ParameterKind, Type, ValueId,
};

use crate::ops::Schema;

use super::job::JobError;
use super::steps::Run;
use super::{live, rewrite};

impl Run<'_> {
    /// Adds a method that does what another one does.
    pub(super) fn clone_method(&mut self, method: &str, new: &str) -> Result<(), JobError> {
        self.methods(None)?;
        let from = self.method(method)?;
        if !is_identifier(new) {
            return Err(JobError::MethodName { name: new.into() });
        }
        if self.method_names().iter().any(|name| *name == new) {
            return Err(JobError::MethodExists { name: new.into() });
        }
        let (from, to) = (self.function_name(from), self.function_name(Name::new(new)));
        let function: Function = self.file.model.functions[&from].clone();
        self.file.container.clone_defaults(from, to);
        self.file.model.functions.insert(to, function);
        self.held.names.push(to.name);
        Ok(())
    }

    /// The first operator of these that one of the methods holds, with its place, or that of an operator beside it.
    pub(super) fn first_of(&self, methods: &[Name], ops: &[String]) -> Option<(Name, String)> {
        methods.iter().find_map(|&method| {
            let graph = &self.file.model.functions[&self.function_name(method)].graph;
            let walk = graph.walk();
            let found = walk.iter().copied().find(|&id| {
                let base = Schema::split(graph.node(id).op.as_str()).0;
                ops.iter().any(|op| op == base)
            })?;
            let node = graph.node(found);
            let makers = node.operands.iter().filter_map(|&o| graph.producer(o));
            let uses = |id: &NodeId| {
                graph
                    .node(*id)
                    .operands
                    .iter()
                    .any(|o| node.results.contains(o))
            };
            let users = walk.iter().copied().filter(uses);
            let beside = std::iter::once(found).chain(users).chain(makers);
            let place = beside.into_iter().find_map(|id| graph.node(id).place);
            Some((node.op, place.unwrap_or(method).to_string()))
        })
    }

    /// Drops what a method returns, and what was only computed for that.
    pub(super) fn return_none(&mut self, method: &str) -> Result<(), JobError> {
        let methods = self.methods(Some(method))?;
        for method in methods {
            self.rewrite(method, |run, of| {
                let none = of.graph.add_literal(Literal::None, Type::None);
                of.graph.block_mut(Graph::BODY).returns = vec![none];
                rewrite::tidy(of, run.loaded)
            })?;
            let name: FunctionName = self.function_name(method);
            self.file.model.functions[&name].result = Type::None;
            self.outcomes.shift_remove(&method);
        }
        Ok(())
    }

    /// Gives the root an attribute that stays, whoever reads it.
    pub(super) fn set_attribute(&mut self, name: &str, value: Literal) -> Result<(), JobError> {
        let key = Name::new(name);
        let ty =
            literal_type(&value).ok_or_else(|| JobError::AttributeValue { name: name.into() })?;
        let value = AttributeValue::Literal(value);
        let known = self.file.model.module(Model::ROOT).attributes.get(&key);
        if let Some(known) = known {
            let is_same = matches!((&known.value, &value), (AttributeValue::Literal(a), AttributeValue::Literal(b)) if a == b);
            if !is_same && self.is_read(key) {
                return Err(JobError::AttributeInUse { name: name.into() });
            }
        }
        let attribute = Attribute {
            value,
            ty,
            kind: ParameterKind::Plain,
        };
        self.file.model.modules[0].attributes.insert(key, attribute);
        self.held.keep(Model::ROOT, key);
        Ok(())
    }

    /// Whether some method reads or sets an attribute of the root.
    fn is_read(&self, name: Name) -> bool {
        let model = &self.file.model;
        let mut read = live::Attributes::default();
        if self.held.names.is_empty() {
            let class = model.module(Model::ROOT).class;
            let own = model
                .functions
                .iter()
                .filter(|(of, _)| of.class == Some(class));
            own.for_each(|(_, function)| live::add_read(model, &function.graph, &mut read));
        } else {
            for &method in &self.held.names {
                let function = &model.functions[&self.function_name(method)];
                live::add_read(model, &function.graph, &mut read);
            }
        }
        read.contains(&(Model::ROOT, name))
    }

    /// Reads of attributes that hold the same constant, and that no method writes, become reads of the first.
    pub(super) fn share_constants(&mut self) -> Result<(), JobError> {
        let methods = self.methods(None)?;
        let graphs = methods.iter().map(|&method| {
            let name = self.function_name(method);
            &self.file.model.functions[&name].graph
        });
        let written = live::written_names(graphs, &self.loaded.catalogue);
        let mut first: FxHashMap<ConstantId, (ModuleId, Name)> = FxHashMap::default();
        for method in methods {
            let name = self.function_name(method);
            let mut graph = std::mem::take(&mut self.file.model.functions[&name].graph);
            for (id, module, attribute) in live::reads(&self.file.model, &graph) {
                let kept = self.held.keeps(module, attribute);
                if written.contains(&attribute) || kept {
                    continue;
                }
                let holds = &self.file.model.module(module).attributes.get(&attribute);
                let Some(AttributeValue::Constant(constant)) = holds.map(|a| &a.value) else {
                    continue;
                };
                let of = *first.entry(*constant).or_insert((module, attribute));
                if of != (module, attribute) {
                    self.read_instead(&mut graph, id, of);
                }
            }
            self.file.model.functions[&name].graph = graph;
        }
        Ok(())
    }

    /// Lets a read be of another attribute. The modules on the way are read at the start of the method.
    fn read_instead(&self, graph: &mut Graph, read: NodeId, (module, name): (ModuleId, Name)) {
        let model = &self.file.model;
        let Some(&root) = graph.body().parameters.first() else {
            return;
        };
        let (mut owner, mut at) = (root, Model::ROOT);
        for (position, step) in model
            .path(module)
            .unwrap_or_default()
            .into_iter()
            .enumerate()
        {
            let AttributeValue::Module(inner) = model.module(at).attributes[&step].value else {
                unreachable!("a module's path runs through modules")
            };
            let class = Type::Class(model.module(inner).class);
            owner = module_read(graph, position, owner, step, class);
            at = inner;
        }
        let node = graph.node_mut(read);
        node.operands = vec![owner];
        for (attribute, value) in &mut node.attributes {
            if *attribute == "name" {
                *value = AttributeLiteral::Literal(Literal::str(name.as_str()));
            }
        }
    }

    /// Refuses a path at which there is no module.
    pub(super) fn refuse_unknown_module(&self, path: &str) -> Result<(), JobError> {
        let model = &self.file.model;
        let mut at = Model::ROOT;
        let mut way = String::new();
        for step in path.split('.') {
            let attributes = &model.module(at).attributes;
            match attributes.get(&Name::new(step)).map(|a| &a.value) {
                Some(AttributeValue::Module(inner)) => at = *inner,
                _ => {
                    let modules = attributes.iter();
                    let modules =
                        modules.filter(|(_, a)| matches!(a.value, AttributeValue::Module(_)));
                    let meant = closest(step, modules.map(|(name, _)| name.as_str()));
                    return Err(JobError::UnknownModule {
                        path: path.to_owned(),
                        meant: meant.map(|meant| format!("{way}{meant}")),
                    });
                }
            }
            way = format!("{way}{step}.");
        }
        Ok(())
    }
}

/// A read of a module among the first nodes of a graph.
fn module_read(
    graph: &mut Graph,
    position: usize,
    owner: ValueId,
    name: Name,
    class: Type,
) -> ValueId {
    let mut node = Node::new("prim::GetAttr".into(), vec![owner]);
    node.attributes = vec![(
        "name".into(),
        AttributeLiteral::Literal(Literal::str(name.as_str())),
    )];
    let body: BlockId = Graph::BODY;
    let id = graph.add_node(body, node);
    let nodes = &mut graph.block_mut(body).nodes;
    nodes.pop();
    nodes.insert(position.min(nodes.len()), id);
    graph.add_result(id, class, Some(name))
}

fn is_identifier(name: &str) -> bool {
    let mut letters = name.chars();
    letters
        .next()
        .is_some_and(|c| c == '_' || c.is_ascii_alphabetic())
        && letters.all(|c| c == '_' || c.is_ascii_alphanumeric())
}

/// The type that an attribute with this value has; `None` for values that say too little about it.
fn literal_type(value: &Literal) -> Option<Type> {
    Some(match value {
        Literal::Bool(_) => Type::Bool,
        Literal::Int(_) => Type::Int,
        Literal::Float(_) => Type::Float,
        Literal::Str(_) => Type::Str,
        Literal::List(items) => {
            let first = literal_type(items.first()?)?;
            let alike = items
                .iter()
                .all(|item| literal_type(item).as_ref() == Some(&first));
            alike.then(|| first.list_of())?
        }
        _ => return None,
    })
}
