//! Walks the functions as if calling them, and writes down what they do as one graph.
//!
//! In: a model. Out: a graph. A value of a function is bound to a value of the new graph, or to a module.
//! Invariant: follows the source's order, so effects keep theirs.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::graph::{
    AttributeLiteral, AttributeValue, BlockId, ConstantId, Def, Facts, Function, FunctionName,
    Graph, Literal, Model, ModuleId, Name, Node, Type, ValueId,
};
use crate::ops::Catalogue;

use super::FreezeError;
use super::paths::Paths;

/// Calls that may nest.
const DEPTH_LIMIT: usize = 256;

/// What a value of a function stands for.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Bound {
    /// A value of the new graph.
    Value(ValueId),
    /// A module.
    Module(ModuleId),
}

/// Bindings of one call, by value of the called function.
pub(super) type Scope = FxHashMap<ValueId, Bound>;

/// What a walk over a method finds.
pub(super) struct Walked {
    /// The graph. Its first parameter is the root module.
    pub(super) graph: Graph,
    /// Attribute each constant came from.
    pub(super) origin: FxHashMap<ValueId, (ModuleId, Name)>,
    /// Attributes that are set.
    pub(super) set: FxHashSet<(ModuleId, Name)>,
}

/// Which attributes are read when the graph runs.
#[derive(Clone, Copy)]
pub(super) enum Reads<'a> {
    /// All.
    Every,
    /// All but those of literals that have another name: nobody sets them.
    State(&'a FxHashSet<Name>),
    /// These; the others are known.
    Only(&'a FxHashSet<(ModuleId, Name)>),
}

/// Writes down what a method of the root does.
pub(super) fn walk(
    model: &Model,
    paths: &Paths,
    name: FunctionName,
    reads: Reads<'_>,
    opaque: &FxHashSet<ModuleId>,
    catalogue: &Catalogue,
) -> Result<Walked, FreezeError> {
    let mut freezer = Freezer::new(model, paths, catalogue, reads, opaque);
    freezer.root = freezer.graph.add_parameter(
        Graph::BODY,
        Type::Class(model.module(Model::ROOT).class),
        Some("self".into()),
    );
    freezer.run(name)?;
    Ok(Walked {
        graph: freezer.graph,
        origin: freezer.origin,
        set: freezer.set,
    })
}

/// The state of one walk.
pub(super) struct Freezer<'a> {
    pub(super) model: &'a Model,
    pub(super) catalogue: &'a Catalogue,
    paths: &'a Paths,
    reads: Reads<'a>,
    /// Modules whose methods are called, not inlined.
    pub(super) opaque: &'a FxHashSet<ModuleId>,
    pub(super) graph: Graph,
    root: ValueId,
    /// What is known of each value of the new graph.
    pub(super) facts: FxHashMap<ValueId, Facts>,
    /// The value that took the place of another through a write made functional.
    pub(super) versions: FxHashMap<ValueId, ValueId>,
    /// Values that something else may share memory with.
    pub(super) shared: FxHashSet<ValueId>,
    /// The block each node's results were made in.
    pub(super) home: FxHashMap<ValueId, BlockId>,
    /// Attribute each constant came from.
    origin: FxHashMap<ValueId, (ModuleId, Name)>,
    /// Attributes that are set.
    pub(super) set: FxHashSet<(ModuleId, Name)>,
    /// Path of the module whose method is being walked, but for the root.
    pub(super) scope: Option<Name>,
    depth: usize,
}

impl<'a> Freezer<'a> {
    fn new(
        model: &'a Model,
        paths: &'a Paths,
        catalogue: &'a Catalogue,
        reads: Reads<'a>,
        opaque: &'a FxHashSet<ModuleId>,
    ) -> Freezer<'a> {
        Freezer {
            model,
            catalogue,
            paths,
            reads,
            opaque,
            graph: Graph::default(),
            root: ValueId(0),
            facts: FxHashMap::default(),
            versions: FxHashMap::default(),
            shared: FxHashSet::default(),
            home: FxHashMap::default(),
            origin: FxHashMap::default(),
            set: FxHashSet::default(),
            scope: None,
            depth: 0,
        }
    }

    fn run(&mut self, name: FunctionName) -> Result<(), FreezeError> {
        let function = &self.model.functions[&name];
        let mut scope = Scope::default();
        for (i, &parameter) in function.graph.body().parameters.iter().enumerate() {
            let bound = if i == 0 {
                Bound::Module(Model::ROOT)
            } else {
                let source = function.graph.value(parameter);
                let value = self
                    .graph
                    .add_parameter(Graph::BODY, source.ty.clone(), source.name);
                self.facts.insert(value, Facts::of_type(source.ty.clone()));
                self.shared.insert(value);
                Bound::Value(value)
            };
            scope.insert(parameter, bound);
        }
        self.block(&function.graph, Graph::BODY, &mut scope, Graph::BODY)?;
        for &value in &function.graph.body().returns {
            let value = self.value(&function.graph, &scope, value, "return")?;
            self.graph.block_mut(Graph::BODY).returns.push(value);
        }
        Ok(())
    }

    /// Writes the nodes of a block of `source` at the end of `target`.
    pub(super) fn block(
        &mut self,
        source: &Graph,
        block: BlockId,
        scope: &mut Scope,
        target: BlockId,
    ) -> Result<(), FreezeError> {
        for &id in &source.block(block).nodes {
            self.node(source, source.node(id), scope, target)?;
        }
        Ok(())
    }

    /// What a value of `source` stands for.
    pub(super) fn bound(&mut self, source: &Graph, scope: &Scope, id: ValueId) -> Bound {
        match (&source.value(id).def, scope.get(&id)) {
            (_, Some(Bound::Value(value))) => Bound::Value(self.current(*value)),
            (_, Some(module)) => *module,
            (Def::Literal(literal), None) => {
                Bound::Value(self.literal(literal.clone(), source.value(id).ty.clone()))
            }
            (Def::Constant(constant), None) => {
                Bound::Value(self.constant(*constant, source.value(id).ty.clone()))
            }
            (_, None) => {
                unreachable!("a value is used before it is defined: the reader verifies graphs")
            }
        }
    }

    /// The same, where only a value will do.
    pub(super) fn value(
        &mut self,
        source: &Graph,
        scope: &Scope,
        id: ValueId,
        place: &str,
    ) -> Result<ValueId, FreezeError> {
        match self.bound(source, scope, id) {
            Bound::Value(value) => Ok(value),
            Bound::Module(_) => Err(FreezeError::ModuleAsValue {
                place: place.to_owned(),
                op: "prim::Return".into(),
            }),
        }
    }

    /// The value that stands for `value` after the writes so far.
    fn current(&self, mut value: ValueId) -> ValueId {
        while let Some(&next) = self.versions.get(&value) {
            value = next;
        }
        value
    }

    pub(super) fn literal(&mut self, literal: Literal, ty: Type) -> ValueId {
        let value = self.graph.add_literal(literal.clone(), ty);
        self.facts.insert(value, Facts::of_literal(literal));
        value
    }

    fn constant(&mut self, id: ConstantId, ty: Type) -> ValueId {
        let value = self.graph.add_constant(id, ty);
        self.facts
            .insert(value, self.model.constants.get(id).facts.clone());
        value
    }

    /// An attribute of a module: a literal, a constant, a module, or a read if it may change.
    pub(super) fn attribute(
        &mut self,
        module: ModuleId,
        name: Name,
        node: &Node,
        ty: &Type,
        target: BlockId,
    ) -> Result<Bound, FreezeError> {
        let owner = self.model.module(module);
        let place = place(node);
        let Some(attribute) = owner.attributes.get(&name) else {
            return Err(FreezeError::NoAttribute {
                place,
                class: owner.class,
                attribute: name.to_string(),
            });
        };
        if let AttributeValue::Module(inner) = attribute.value {
            return Ok(Bound::Module(inner));
        }
        let is_read = match self.reads {
            Reads::Every => true,
            Reads::State(set) => {
                set.contains(&name) || !matches!(attribute.value, AttributeValue::Literal(_))
            }
            Reads::Only(these) => these.contains(&(module, name)),
        };
        if is_read {
            let owner = self.module(module, target);
            let mut read = Node::new(node.op, vec![owner]);
            read.attributes = vec![(
                "name".into(),
                AttributeLiteral::Literal(Literal::str(name.as_str())),
            )];
            read.place = node.place;
            read.scope = self.scope;
            let id = self.graph.add_node(target, read);
            let value = self.graph.add_result(id, ty.clone(), Some(name));
            self.facts.insert(value, Facts::of_type(ty.clone()));
            self.shared.insert(value);
            return Ok(Bound::Value(value));
        }
        let value = self
            .attribute_value(&attribute.value, ty, target)
            .map_err(|what| FreezeError::Attribute {
                place,
                attribute: name.to_string(),
                what,
            })?;
        self.origin.insert(value, (module, name));
        Ok(Bound::Value(value))
    }

    fn attribute_value(
        &mut self,
        value: &AttributeValue,
        ty: &Type,
        target: BlockId,
    ) -> Result<ValueId, &'static str> {
        let (items, op, element): (_, _, Box<dyn Fn(usize) -> Type>) = match value {
            AttributeValue::Literal(literal) => {
                return Ok(self.literal(literal.clone(), ty.clone()));
            }
            AttributeValue::Constant(id) => return Ok(self.constant(*id, ty.clone())),
            AttributeValue::Module(_) => return Err("modules in a list"),
            AttributeValue::Dict(_) => return Err("a dictionary of tensors"),
            AttributeValue::List(items) => {
                let element = match ty {
                    Type::List(element) => (**element).clone(),
                    _ => Type::Any,
                };
                (
                    items,
                    "prim::ListConstruct",
                    Box::new(move |_| element.clone()),
                )
            }
            AttributeValue::Tuple(items) => {
                let elements = match ty {
                    Type::Tuple(elements) => elements.clone(),
                    _ => Vec::new(),
                };
                (
                    items,
                    "prim::TupleConstruct",
                    Box::new(move |i| elements.get(i).cloned().unwrap_or(Type::Any)),
                )
            }
        };
        let operands = items
            .iter()
            .enumerate()
            .map(|(i, item)| self.attribute_value(item, &element(i), target))
            .collect::<Result<_, _>>()?;
        let node = self.graph.add_node(target, Node::new(op.into(), operands));
        Ok(self.graph.add_result(node, ty.clone(), None))
    }

    /// A value for a module: the parameter for the root, a chain of reads for the others.
    pub(super) fn module(&mut self, module: ModuleId, target: BlockId) -> ValueId {
        let mut owner = Model::ROOT;
        let mut value = self.root;
        for &name in self.paths.of(module) {
            let AttributeValue::Module(inner) = self.model.module(owner).attributes[&name].value
            else {
                unreachable!("a module's path runs through modules")
            };
            let mut read = Node::new("prim::GetAttr".into(), vec![value]);
            read.attributes = vec![(
                "name".into(),
                AttributeLiteral::Literal(Literal::str(name.as_str())),
            )];
            let id = self.graph.add_node(target, read);
            value =
                self.graph
                    .add_result(id, Type::Class(self.model.module(inner).class), Some(name));
            owner = inner;
        }
        value
    }

    /// Writes what a called function does; its results as bound values.
    pub(super) fn call(
        &mut self,
        name: FunctionName,
        arguments: Vec<Bound>,
        node: &Node,
        target: BlockId,
    ) -> Result<Vec<Bound>, FreezeError> {
        let Some(function): Option<&'a Function> = self.model.functions.get(&name) else {
            let function = name.class.map_or(name.name.to_string(), |class| {
                format!("{class}.{}", name.name)
            });
            return Err(FreezeError::NoFunction {
                place: place(node),
                function,
            });
        };
        if self.depth == DEPTH_LIMIT {
            return Err(FreezeError::TooDeep {
                place: place(node),
                limit: DEPTH_LIMIT,
            });
        }
        self.depth += 1;
        let outside = self.scope;
        if let (Some(_), Some(&Bound::Module(owner))) = (name.class, arguments.first()) {
            self.scope = self.paths.text(owner);
        }
        let parameters = &function.graph.body().parameters;
        let mut scope: Scope = parameters.iter().copied().zip(arguments).collect();
        for (i, &parameter) in parameters.iter().enumerate() {
            if let (false, Some(Some(default))) =
                (scope.contains_key(&parameter), function.defaults.get(i))
            {
                let value =
                    self.literal(default.clone(), function.graph.value(parameter).ty.clone());
                scope.insert(parameter, Bound::Value(value));
            }
        }
        self.block(&function.graph, Graph::BODY, &mut scope, target)?;
        self.depth -= 1;
        self.scope = outside;
        Ok(function
            .graph
            .body()
            .returns
            .iter()
            .map(|&value| self.bound(&function.graph, &scope, value))
            .collect())
    }
}

/// Where a node was read, for messages.
pub(super) fn place(node: &Node) -> String {
    node.place
        .map_or_else(|| node.op.to_string(), |place| place.to_string())
}
