//! The walk over a graph that fills the e-graph and the skeleton.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::egraph::{ApplicationId, AttributesId, Class, EGraph, LeafId};
use crate::graph::{
    AttributeLiteral, BlockId, Def, Dim, Facts, Graph, Literal, Name, Node, NodeId, QParams, Type,
    ValueId,
};
use crate::ops::{self, Catalogue, Purity};

use super::memory::Memory;
use super::object::{Object, Objects, keeps_operand};
use super::skeleton::{
    Item, ItemId, LeafInfo, Named, Scope, ScopeId, Sequence, SequenceId, Skeleton,
};
use super::steady::steady_reads;

/// A graph as classes and effects.
pub struct Built {
    /// The values.
    pub egraph: EGraph,
    /// The effects.
    pub skeleton: Skeleton,
    /// The class of each value of the graph that has one.
    pub classes: FxHashMap<ValueId, Class>,
}

/// Puts `graph` into `egraph`, which holds its constants (and may know what not to fold).
pub fn build(graph: &Graph, egraph: EGraph, catalogue: &Catalogue) -> Built {
    build_with(graph, egraph, catalogue, &View::default())
}

/// How a graph is looked at.
#[derive(Clone, Debug, Default)]
pub struct View<'a> {
    /// Effects with these operators are nodes too, so that patterns find them. Nobody chooses such a node.
    pub effects: FxHashSet<Name>,
    /// Attributes that calls in the graph may change; nothing if that is not known.
    pub called: Option<&'a FxHashSet<Name>>,
}

/// The same, looked at in another way.
pub fn build_with(graph: &Graph, egraph: EGraph, catalogue: &Catalogue, view: &View<'_>) -> Built {
    let mut import = Import {
        graph,
        catalogue,
        memory: Memory::of(graph, catalogue),
        steady: steady_reads(graph, view.called),
        objects: Objects::of(graph),
        around: Graph::BODY,
        effectful: FxHashMap::default(),
        found: &view.effects,
        built: Built {
            egraph: egraph.with_catalogue(catalogue),
            skeleton: Skeleton::default(),
            classes: FxHashMap::default(),
        },
    };
    import.find_effects(Graph::BODY);
    import.sequence(Graph::BODY, None, false);
    let Built {
        egraph, classes, ..
    } = &mut import.built;
    let of_module = |value: &&ValueId| matches!(graph.value(**value).ty, Type::Class(_));
    let module = graph.body().parameters.first().filter(of_module);
    if let Some(class) = module.and_then(|value| classes.get(value)) {
        egraph.set_module_root(*class);
    }
    import.built
}

struct Import<'a> {
    graph: &'a Graph,
    catalogue: &'a Catalogue,
    memory: Memory,
    /// Reads of modules, and of their attributes that nobody sets.
    steady: FxHashSet<NodeId>,
    objects: Objects,
    /// The innermost loop body that is being walked, or the body.
    around: BlockId,
    /// For each node with blocks, whether there is an effect inside.
    effectful: FxHashMap<NodeId, bool>,
    /// Operators whose effects patterns look for.
    found: &'a FxHashSet<Name>,
    built: Built,
}

impl Import<'_> {
    fn find_effects(&mut self, block: BlockId) -> bool {
        let mut any = false;
        for &id in &self.graph.block(block).nodes {
            let node = self.graph.node(id);
            let mut inside = false;
            for &inner in &node.blocks {
                inside |= self.find_effects(inner);
            }
            if !node.blocks.is_empty() {
                self.effectful.insert(id, inside);
            }
            any |= inside || self.is_effect(id);
        }
        any
    }

    /// Whether a node without blocks has to keep its place.
    fn is_effect(&self, id: NodeId) -> bool {
        let node = self.graph.node(id);
        if node.op == "prim::If" || node.op == "prim::Loop" {
            return false;
        }
        !(self.steady.contains(&id) || self.is_pure(node))
            || node
                .operands
                .iter()
                .chain(&node.results)
                .any(|&value| self.memory.is_written(value))
    }

    fn is_pure(&self, node: &Node) -> bool {
        let literal = |i: usize| self.graph.literal(*node.operands.get(i)?);
        self.catalogue.purity(node.op.as_str(), literal) == Purity::Pure
    }

    /// What a value is where the model hands it out here.
    fn handed_out(&self, value: ValueId) -> Object {
        let is_effect = |node: NodeId| self.is_effect(node);
        self.objects
            .handed_out(self.graph, value, self.around, &is_effect)
    }

    /// A block whose effects are kept.
    fn sequence(&mut self, block: BlockId, parent: Option<ScopeId>, is_loop: bool) -> SequenceId {
        let scope = self.scope(parent, is_loop);
        let id = SequenceId(self.built.skeleton.sequences.len() as u32);
        let sequence = Sequence {
            scope,
            parameters: Vec::new(),
            items: Vec::new(),
            returns: Vec::new(),
            objects: Vec::new(),
        };
        self.built.skeleton.sequences.push(sequence);
        let parameters = self.parameters(block, scope);
        let mut items = Vec::new();
        self.block(block, scope, &mut items);
        let returns = self
            .graph
            .block(block)
            .returns
            .iter()
            .map(|&value| self.class(value))
            .collect();
        let objects = match block == Graph::BODY {
            true => {
                let returns = self.graph.block(block).returns.iter();
                let objects = returns.map(|&value| self.handed_out(value));
                objects.collect()
            }
            false => Vec::new(),
        };
        let sequence = &mut self.built.skeleton.sequences[id.0 as usize];
        sequence.objects = objects;
        sequence.parameters = parameters;
        sequence.items = items;
        sequence.returns = returns;
        id
    }

    fn scope(&mut self, parent: Option<ScopeId>, is_loop: bool) -> ScopeId {
        let depth = parent.map_or(0, |parent| self.built.skeleton.scope(parent).depth + 1);
        self.built.skeleton.scopes.push(Scope {
            parent,
            depth,
            is_loop,
        });
        ScopeId(self.built.skeleton.scopes.len() as u32 - 1)
    }

    fn parameters(&mut self, block: BlockId, scope: ScopeId) -> Vec<LeafId> {
        let parameters = self.graph.block(block).parameters.clone();
        parameters
            .into_iter()
            .map(|value| {
                self.leaf(
                    value,
                    scope,
                    Facts::of_type(self.graph.value(value).ty.clone()),
                )
            })
            .collect()
    }

    fn leaf(&mut self, value: ValueId, scope: ScopeId, facts: Facts) -> LeafId {
        let of = self.graph.value(value);
        let id = LeafId(self.built.skeleton.leaves.len() as u32);
        self.built.skeleton.leaves.push(LeafInfo {
            scope,
            named: Named {
                ty: of.ty.clone(),
                name: of.name,
            },
            alive: true,
        });
        let class = self.built.egraph.add_leaf(id, facts);
        self.built.classes.insert(value, class);
        id
    }

    fn block(&mut self, block: BlockId, scope: ScopeId, items: &mut Vec<ItemId>) {
        for &id in &self.graph.block(block).nodes {
            let node = self.graph.node(id);
            match self.effectful.get(&id) {
                Some(true) => self.effect_with_blocks(node, scope, items),
                Some(false) if node.op == "prim::Loop" => self.pure_loop(node, scope, items),
                Some(false) => self.pure_branch(node, scope, items),
                None if self.is_effect(id) => self.effect(node, scope, items, Vec::new()),
                None => self.operator(node),
            }
        }
    }

    fn class(&mut self, value: ValueId) -> Class {
        if let Some(&class) = self.built.classes.get(&value) {
            return class;
        }
        let class = match &self.graph.value(value).def {
            Def::Literal(literal) => self.built.egraph.add_literal(literal),
            Def::Constant(id) => self.built.egraph.add_constant(*id),
            Def::Parameter { .. } | Def::Result { .. } => {
                unreachable!("a value is used before it is defined: graphs are verified")
            }
        };
        self.built.classes.insert(value, class);
        let ty = self.graph.value(value).ty.clone();
        self.built
            .skeleton
            .values
            .push((class, Named { ty, name: None }));
        class
    }

    fn operands(&mut self, node: &Node) -> Vec<Class> {
        node.operands
            .iter()
            .map(|&operand| self.class(operand))
            .collect()
    }

    fn operator(&mut self, node: &Node) {
        let operands = self.operands(node);
        let mut attributes = node.attributes.clone();
        if let Some(ty) = self.declared_result(node) {
            attributes.push((Name::new(super::RESULT), AttributeLiteral::Type(ty)));
        }
        let attributes = self.attributes(attributes);
        self.node(node, node.op, &operands, attributes);
    }

    /// The type of the result of a node, if that is no consequence of operator and operands: nodes that differ in it are different values.
    fn declared_result(&self, node: &Node) -> Option<Type> {
        let [result] = node.results.as_slice() else {
            return None;
        };
        let type_of = |value: &ValueId| &self.graph.value(*value).ty;
        let ty = type_of(result);
        let follows = match (node.op.as_str(), ty) {
            (
                "prim::unchecked_cast"
                | "prim::unchecked_unwrap_optional"
                | "prim::Uninitialized"
                | "prim::tolist"
                | "prim::DictConstruct"
                | "prim::CreateObject",
                _,
            ) => false,
            ("prim::ListConstruct", Type::List(element)) => {
                let mut operands = node.operands.iter();
                !node.operands.is_empty() && operands.all(|value| alike(type_of(value), element))
            }
            ("prim::TupleConstruct", Type::Tuple(types)) => {
                let mut operands = node.operands.iter().zip(types);
                types.len() == node.operands.len()
                    && operands.all(|(value, ty)| alike(type_of(value), ty))
            }
            ("prim::ListConstruct" | "prim::TupleConstruct", _) => false,
            _ => true,
        };
        (!follows).then(|| ty.clone())
    }

    fn attributes(&mut self, attributes: Vec<(Name, AttributeLiteral)>) -> AttributesId {
        if attributes.is_empty() {
            AttributesId::default()
        } else {
            self.built.egraph.attributes(attributes)
        }
    }

    /// Adds an operator and names its results.
    fn node(&mut self, node: &Node, op: Name, operands: &[Class], attributes: AttributesId) {
        let results = node.results.len() as u32;
        let class = self.built.egraph.add_op(op, operands, attributes, results);
        if let Some(place) = node.place {
            self.built.skeleton.places.push((class, place));
        }
        self.built.skeleton.module_paths.push((class, node.scope));
        for (i, &result) in node.results.iter().enumerate() {
            let class = if results == 1 {
                class
            } else {
                self.built.egraph.add_projection(class, i as u32)
            };
            self.define(result, class);
        }
    }

    fn define(&mut self, value: ValueId, class: Class) {
        let of = self.graph.value(value);
        self.built.classes.insert(value, class);
        self.built.skeleton.values.push((
            class,
            Named {
                ty: of.ty.clone(),
                name: of.name,
            },
        ));
        if matches!(of.ty, Type::Tensor(_) | Type::Class(_)) {
            self.built
                .egraph
                .learn(class, Facts::of_type(of.ty.clone()));
        }
    }

    fn pure_branch(&mut self, node: &Node, scope: ScopeId, items: &mut Vec<ItemId>) {
        for &block in &node.blocks {
            self.block(block, scope, items);
        }
        let condition = self.class(node.operands[0]);
        let returns: Vec<Vec<Class>> = node
            .blocks
            .iter()
            .map(|&block| {
                self.graph
                    .block(block)
                    .returns
                    .iter()
                    .map(|&value| self.class(value))
                    .collect()
            })
            .collect();
        let known = self
            .built
            .egraph
            .literal(condition)
            .and_then(Literal::as_bool);
        let same = returns[0] == returns[1];
        if known.is_some() || same {
            let taken = &returns[usize::from(known == Some(false))];
            for (&result, &class) in node.results.iter().zip(taken) {
                self.define(result, class);
            }
            return;
        }
        let mut operands = vec![condition];
        operands.extend(returns.iter().flatten());
        self.node(node, node.op, &operands, AttributesId::default());
        self.learn_common(node, &returns);
    }

    /// A result of a branch has whatever both blocks agree on.
    fn learn_common(&mut self, node: &Node, returns: &[Vec<Class>]) {
        for (i, result) in node.results.iter().enumerate() {
            let facts = returns
                .iter()
                .map(|block| self.built.egraph.facts(block[i]));
            if let (Some(facts), Some(&class)) = (
                facts.reduce(|a, b| common(&a, &b)),
                self.built.classes.get(result),
            ) {
                self.built.egraph.learn(class, facts);
            }
        }
    }

    fn pure_loop(&mut self, node: &Node, scope: ScopeId, items: &mut Vec<ItemId>) {
        let mut operands = self.operands(node);
        let inner = self.scope(Some(scope), true);
        let parameters = self.parameters(node.blocks[0], inner);
        let region = self.built.skeleton.regions.len();
        self.built.skeleton.regions.push((inner, parameters));
        let around = std::mem::replace(&mut self.around, node.blocks[0]);
        self.block(node.blocks[0], inner, items);
        self.around = around;
        operands.extend(
            self.graph
                .block(node.blocks[0])
                .returns
                .iter()
                .map(|&value| self.class(value))
                .collect::<Vec<_>>(),
        );
        let attribute = (
            Name::new(super::REGION),
            AttributeLiteral::Literal(Literal::Int(region as i64)),
        );
        let attributes = self.built.egraph.attributes(vec![attribute]);
        self.node(node, node.op, &operands, attributes);
    }

    fn effect_with_blocks(&mut self, node: &Node, scope: ScopeId, items: &mut Vec<ItemId>) {
        // Operands first: they are defined outside of the blocks.
        self.operands(node);
        let is_loop = node.op == "prim::Loop";
        let around = self.around;
        let mut sequences = Vec::new();
        for &block in &node.blocks {
            self.around = if is_loop { block } else { around };
            sequences.push(self.sequence(block, Some(scope), is_loop));
        }
        self.around = around;
        self.effect(node, scope, items, sequences);
        if !is_loop {
            let of = self
                .built
                .skeleton
                .items
                .last()
                .map(|item| item.sequences.clone())
                .unwrap_or_default();
            let returns: Vec<Vec<Class>> = of
                .iter()
                .map(|&id| self.built.skeleton.sequence(id).returns.clone())
                .collect();
            self.learn_common(node, &returns);
        }
    }

    /// What stays known of a value whose memory may be written to: not what it holds, nor how many of that.
    fn lasting(&self, value: ValueId, facts: Facts) -> Facts {
        match self.memory.is_written(value) {
            true => Facts {
                ty: facts.ty,
                dtype: facts.dtype,
                qparams: facts.qparams,
                class: facts.class,
                ..Facts::default()
            },
            false => facts,
        }
    }

    fn effect(
        &mut self,
        node: &Node,
        scope: ScopeId,
        items: &mut Vec<ItemId>,
        sequences: Vec<SequenceId>,
    ) {
        let operands = self.operands(node);
        let known: Vec<Facts> = operands
            .iter()
            .zip(&node.operands)
            .map(|(&class, &value)| self.lasting(value, self.built.egraph.facts(class)))
            .collect();
        let facts = ops::infer(node.op.as_str(), &known);
        let mut results = Vec::new();
        for (i, &result) in node.results.iter().enumerate() {
            let declared = Facts::of_type(self.graph.value(result).ty.clone());
            let facts = if sequences.is_empty() {
                facts.get(i).cloned().unwrap_or(declared)
            } else {
                declared
            };
            let facts = self.lasting(result, facts);
            results.push(self.leaf(result, scope, facts));
        }
        let keeps = |at: usize| keeps_operand(node.op.as_str(), at);
        let objects = match sequences.is_empty() && (0..operands.len()).any(keeps) {
            true => {
                let operands = node.operands.iter().enumerate();
                let objects = operands.map(|(at, &operand)| match keeps(at) {
                    true => self.handed_out(operand),
                    false => Object::Unknown,
                });
                objects.collect()
            }
            false => Vec::new(),
        };
        let item = Item {
            op: node.op,
            operands,
            objects,
            attributes: node.attributes.clone(),
            results,
            sequences,
            place: node.place,
            scope: node.scope,
        };
        self.built.skeleton.items.push(item);
        let id = ItemId(self.built.skeleton.items.len() as u32 - 1);
        items.push(id);
        if node.blocks.is_empty() && self.found.contains(&node.op) && !self.is_pure(node) {
            self.node_of_effect(node, id);
        }
    }

    /// A node that patterns find, of which the leaves are the results.
    fn node_of_effect(&mut self, node: &Node, id: ItemId) {
        let operands = self.operands(node);
        let mut attributes = node.attributes.clone();
        let number = AttributeLiteral::Literal(Literal::Int(i64::from(id.0)));
        attributes.push((Name::new(super::EFFECT), number));
        let egraph = &mut self.built.egraph;
        let attributes = egraph.attributes(attributes);
        let results = node.results.len() as u32;
        let class = egraph.add_op(node.op, &operands, attributes, results);
        self.built.skeleton.effects.push((class, id));
        self.built.skeleton.module_paths.push((class, node.scope));
        for (i, result) in (0..).zip(&node.results) {
            let class = match results {
                1 => class,
                _ => egraph.add_projection(class, i),
            };
            if let Some(&leaf) = self.built.classes.get(result) {
                egraph.union(class, leaf, ApplicationId::IMPORT);
            }
        }
    }
}

/// Whether two types are the same but for what is known of tensors.
fn alike(a: &Type, b: &Type) -> bool {
    match (a, b) {
        (Type::Tensor(_), Type::Tensor(_)) => true,
        (Type::List(a), Type::List(b)) | (Type::Optional(a), Type::Optional(b)) => alike(a, b),
        (Type::Tuple(a), Type::Tuple(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| alike(a, b))
        }
        _ => a == b,
    }
}

/// What holds of a value that is one of two.
fn common(a: &Facts, b: &Facts) -> Facts {
    let same = |condition: bool| condition.then_some(());
    Facts {
        ty: same(a.ty == b.ty).and(a.ty.clone()),
        dtype: same(a.dtype == b.dtype).and(a.dtype),
        shape: match (&a.shape, &b.shape) {
            (Some(x), Some(y)) if x.len() == y.len() => Some(
                x.iter()
                    .zip(y.iter())
                    .map(|(&m, &n)| if m == n { m } else { Dim::Unknown })
                    .collect(),
            ),
            _ => None,
        },
        qparams: if a.qparams == b.qparams {
            a.qparams
        } else {
            QParams::Unknown
        },
        literal: same(a.literal == b.literal).and(a.literal.clone()),
        constant: None,
        elements: same(a.elements == b.elements).and(a.elements.clone()),
        class: same(a.class == b.class).and(a.class),
    }
}
