//! Walks the functions as if calling them, and writes down what they do as one graph.
//!
//! In: a model. Out: a graph. A value of a function is bound to a value of the new graph, or to a module.
//! Invariant: follows the source's order, so effects keep theirs.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::graph::{
    Attribute, AttributeLiteral, AttributeValue, BlockId, ConstantId, Def, Facts, Function,
    FunctionName, Graph, Literal, Model, ModuleId, Name, Node, Type, ValueId,
};
use crate::ops::Catalogue;

use super::FreezeError;

/// Calls that may nest.
const DEPTH_LIMIT: usize = 256;

/// A frozen method.
#[derive(Debug)]
pub struct Frozen {
    /// The graph. Its first parameter is the root module.
    pub graph: Graph,
    /// Attributes that the graph still reads or writes, or that were kept, by module.
    pub attributes: Vec<(ModuleId, Name)>,
    /// Attributes that steps have made for the root.
    pub stored: Vec<(Name, Attribute)>,
}

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

/// Freezes `method` of the root.
///
/// Attributes named in `keep` stay reads (a dotted path, or a name of the root). Fails if the model is in training mode, if the archive's
/// code and attributes do not fit, or if modules are used as values.
pub fn freeze(
    model: &Model,
    method: &str,
    keep: &[String],
    catalogue: &Catalogue,
) -> Result<Frozen, FreezeError> {
    let name = model
        .root_method(method)
        .ok_or_else(|| FreezeError::NoMethod {
            method: method.to_owned(),
            methods: root_methods(model)
                .map(|name| format!("`{}`", name.name))
                .collect(),
        })?;
    refuse_training(model)?;
    let mut mutable: FxHashSet<(ModuleId, Name)> = kept_attributes(model, keep)?;
    let written = written_names(model);
    loop {
        let mut freezer = Freezer::new(model, catalogue, &written, &mutable);
        let root = freezer.graph.add_parameter(
            Graph::BODY,
            Type::Class(model.module(Model::ROOT).class),
            Some("self".into()),
        );
        freezer.modules.insert(Model::ROOT, root);
        freezer.run(name)?;
        // A write to a constant's memory was found: read it as an attribute instead, and walk again.
        if freezer.written_constants.is_empty() {
            let (graph, attributes) = (freezer.graph, freezer.attributes);
            let mut attributes: Vec<_> = attributes.into_iter().collect();
            attributes.extend(mutable);
            attributes.sort_unstable();
            attributes.dedup();
            return Ok(Frozen {
                graph,
                attributes,
                stored: Vec::new(),
            });
        }
        let written = freezer.written_constants;
        mutable.extend(written);
    }
}

/// Methods of the root, in order.
pub(crate) fn root_methods(model: &Model) -> impl Iterator<Item = FunctionName> + '_ {
    let class = model.modules.first().map(|root| root.class);
    model
        .functions
        .keys()
        .copied()
        .filter(move |name| name.class.is_some() && name.class == class)
}

fn refuse_training(model: &Model) -> Result<(), FreezeError> {
    let training = model
        .modules
        .first()
        .and_then(|root| root.attributes.get(&Name::new("training")));
    match training {
        Some(Attribute {
            value: AttributeValue::Literal(Literal::Bool(true)),
            ..
        }) => Err(FreezeError::Training {
            path: "model".into(),
        }),
        _ => Ok(()),
    }
}

/// Attributes by dotted path. A method's name is accepted: the caller keeps methods.
fn kept_attributes(
    model: &Model,
    keep: &[String],
) -> Result<FxHashSet<(ModuleId, Name)>, FreezeError> {
    let mut kept = FxHashSet::default();
    for path in keep {
        if model.root_method(path).is_some() {
            continue;
        }
        let whole = Name::new(path);
        let found = if model.module(Model::ROOT).attributes.contains_key(&whole) {
            Some((Model::ROOT, whole))
        } else {
            path.rsplit_once('.').and_then(|(modules, leaf)| {
                let module =
                    modules.split('.').try_fold(Model::ROOT, |module, name| {
                        match model.module(module).attributes.get(&Name::new(name))?.value {
                            AttributeValue::Module(inner) => Some(inner),
                            _ => None,
                        }
                    })?;
                model
                    .module(module)
                    .attributes
                    .contains_key(&Name::new(leaf))
                    .then(|| (module, Name::new(leaf)))
            })
        };
        kept.insert(found.ok_or_else(|| FreezeError::UnknownName { name: path.clone() })?);
    }
    Ok(kept)
}

/// Names that some function sets, on whatever module: reads of such an attribute stay reads.
fn written_names(model: &Model) -> FxHashSet<Name> {
    let mut names = FxHashSet::default();
    for function in model.functions.values() {
        for id in function.graph.walk() {
            let node = function.graph.node(id);
            if node.op == "prim::SetAttr" {
                names.extend(node.text_attribute("name").map(Name::new));
            }
        }
    }
    names
}

/// The state of one walk.
pub(super) struct Freezer<'a> {
    pub(super) model: &'a Model,
    pub(super) catalogue: &'a Catalogue,
    written: &'a FxHashSet<Name>,
    mutable: &'a FxHashSet<(ModuleId, Name)>,
    pub(super) graph: Graph,
    /// What is known of each value of the new graph.
    pub(super) facts: FxHashMap<ValueId, Facts>,
    /// The value that took the place of another through a write made functional.
    pub(super) versions: FxHashMap<ValueId, ValueId>,
    /// Values that something else may share memory with.
    pub(super) shared: FxHashSet<ValueId>,
    /// The block each node's results were made in.
    pub(super) home: FxHashMap<ValueId, BlockId>,
    /// Values for modules that have to be named.
    pub(super) modules: FxHashMap<ModuleId, ValueId>,
    /// Attribute each constant came from.
    pub(super) origin: FxHashMap<ValueId, (ModuleId, Name)>,
    /// Attributes whose memory is written.
    pub(super) written_constants: FxHashSet<(ModuleId, Name)>,
    attributes: FxHashSet<(ModuleId, Name)>,
    depth: usize,
}

impl<'a> Freezer<'a> {
    fn new(
        model: &'a Model,
        catalogue: &'a Catalogue,
        written: &'a FxHashSet<Name>,
        mutable: &'a FxHashSet<(ModuleId, Name)>,
    ) -> Freezer<'a> {
        Freezer {
            model,
            catalogue,
            written,
            mutable,
            graph: Graph::default(),
            facts: FxHashMap::default(),
            versions: FxHashMap::default(),
            shared: FxHashSet::default(),
            home: FxHashMap::default(),
            modules: FxHashMap::default(),
            origin: FxHashMap::default(),
            written_constants: FxHashSet::default(),
            attributes: FxHashSet::default(),
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
        if self.written.contains(&name) || self.mutable.contains(&(module, name)) {
            self.attributes.insert((module, name));
            let owner = self.module(module, target)?;
            let mut read = Node::new(node.op, vec![owner]);
            read.attributes = vec![(
                "name".into(),
                AttributeLiteral::Literal(Literal::str(name.as_str())),
            )];
            read.place = node.place;
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
    pub(super) fn module(
        &mut self,
        module: ModuleId,
        target: BlockId,
    ) -> Result<ValueId, FreezeError> {
        if module == Model::ROOT {
            return Ok(self.modules[&Model::ROOT]);
        }
        let path = self.model.path(module).unwrap_or_default();
        let mut owner = Model::ROOT;
        let mut value = self.modules[&Model::ROOT];
        for name in path {
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
        Ok(value)
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
