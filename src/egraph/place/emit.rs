//! Writing the graph, block by block, each value where it is first needed.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::egraph::build::{
    AGAIN, ItemId, Named, Object, RESULT, SequenceId, Skeleton, keeps_operand,
};
use crate::egraph::choose::Choice;
use crate::egraph::{ApplicationId, Candidates, Class, EGraph, LeafId, Node, NodeKind};
use crate::graph::{
    AttributeLiteral, BlockId, Graph, Literal, Name, Node as GraphNode, NodeId, Type, ValueId,
};
use crate::ops::Catalogue;

use super::schedule::{Instance, Schedule};
use super::sweep;

/// A graph made of chosen nodes.
#[derive(Debug)]
pub struct Placed {
    /// The graph.
    pub graph: Graph,
    /// The application that made each operator, and its class; the import for those that no rule made.
    pub origins: Vec<(NodeId, ApplicationId, Class)>,
}

/// Writes the chosen nodes down.
pub fn place(
    egraph: &EGraph,
    candidates: &Candidates,
    skeleton: &Skeleton,
    choice: &Choice,
    catalogue: &Catalogue,
) -> Placed {
    let mut named = FxHashMap::default();
    for (class, of) in &skeleton.values {
        let entry: &mut Named = named
            .entry(egraph.find(*class))
            .or_insert_with(|| of.clone());
        entry.name = entry.name.or(of.name);
    }
    // The first of a class wins.
    let places = skeleton.places.iter().rev();
    let places = places
        .map(|&(class, place)| (egraph.find(class), place))
        .collect();
    let paths = skeleton.module_paths.iter().rev();
    let mut module_paths: FxHashMap<Class, Name> = paths
        .filter_map(|&(class, path)| Some((egraph.find(class), path?)))
        .collect();
    // What takes the place of another is of its module.
    for (from, to) in choice.replaced(egraph) {
        if let Some(&path) = module_paths.get(&from) {
            module_paths.entry(to).or_insert(path);
        }
    }
    let mut emitter = Emitter {
        egraph,
        candidates,
        skeleton,
        choice,
        catalogue,
        schedule: Schedule::new(egraph, skeleton, choice),
        named,
        places,
        module_paths,
        graph: Graph::default(),
        leaves: FxHashMap::default(),
        values: FxHashMap::default(),
        fixed: FxHashMap::default(),
        origins: Vec::new(),
        objects: FxHashMap::default(),
    };
    emitter.sequence(Skeleton::BODY, Graph::BODY);
    let (mut graph, mut origins) = (emitter.graph, emitter.origins);
    sweep(&mut graph, catalogue);
    let alive: FxHashSet<NodeId> = graph.walk().into_iter().collect();
    origins.retain(|(node, ..)| alive.contains(node));
    Placed { graph, origins }
}

pub(super) struct Emitter<'a> {
    pub(super) egraph: &'a EGraph,
    candidates: &'a Candidates<'a>,
    skeleton: &'a Skeleton,
    pub(super) choice: &'a Choice,
    pub(super) catalogue: &'a Catalogue,
    pub(super) schedule: Schedule<'a>,
    named: FxHashMap<Class, Named>,
    places: FxHashMap<Class, Name>,
    module_paths: FxHashMap<Class, Name>,
    pub(super) graph: Graph,
    leaves: FxHashMap<LeafId, ValueId>,
    /// Results of an operator, where it is computed.
    pub(super) values: FxHashMap<(Class, Instance), Vec<ValueId>>,
    /// Literals by type, and constants.
    fixed: FxHashMap<(Class, Type), ValueId>,
    origins: Vec<(NodeId, ApplicationId, Class)>,
    /// Which object of the model each tensor that was handed out stands for.
    pub(super) objects: FxHashMap<ValueId, ValueId>,
}

impl Emitter<'_> {
    fn sequence(&mut self, id: SequenceId, block: BlockId) {
        let skeleton = self.skeleton;
        let sequence = skeleton.sequence(id);
        let at = self.schedule.sequences[&id];
        for &leaf in &sequence.parameters {
            self.parameter(leaf, block);
        }
        if id == Skeleton::BODY && skeleton.reads_first {
            self.read_attributes(at, block);
        }
        for &item in &sequence.items {
            self.item(item, at, block);
        }
        let types = self.return_types(id);
        for (i, &returned) in sequence.returns.iter().enumerate() {
            self.compute(returned, at, block);
            let object = sequence.objects.get(i).unwrap_or(&Object::Unknown);
            let value = self.handed_out(returned, at, object, types.get(i), block);
            self.graph.block_mut(block).returns.push(value);
        }
    }

    /// Reads attributes that no effect of the graph as it was writes.
    fn read_attributes(&mut self, at: Instance, block: BlockId) {
        for class in self.schedule.reads() {
            self.compute(class, at, block);
        }
    }

    /// Types that what is returned must have, where the block's owner says so.
    fn return_types(&self, id: SequenceId) -> Vec<Type> {
        let owner = self
            .skeleton
            .items
            .iter()
            .find(|item| item.sequences.contains(&id));
        let results = owner.map(|item| {
            item.results
                .iter()
                .map(|&leaf| self.skeleton.leaf(leaf).named.ty.clone())
        });
        let results = results.into_iter().flatten();
        if owner.is_some_and(|item| item.op == "prim::Loop") {
            std::iter::once(Type::Bool).chain(results).collect()
        } else {
            results.collect()
        }
    }

    fn parameter(&mut self, leaf: LeafId, block: BlockId) {
        let named = &self.skeleton.leaf(leaf).named;
        let value = self
            .graph
            .add_parameter(block, named.ty.clone(), named.name);
        self.leaves.insert(leaf, value);
    }

    fn item(&mut self, id: ItemId, at: Instance, block: BlockId) {
        let skeleton = self.skeleton;
        let item = skeleton.item(id);
        for &operand in &item.operands {
            self.compute(operand, at, block);
        }
        // What the blocks inside need from this one comes first.
        let mut inner = Vec::new();
        self.needs_of_sequences(&item.sequences, &mut inner);
        self.compute_for_inside(inner, at, block);
        let operands = self.operands(item.op, &item.operands, &item.objects, at, block);
        let mut node = GraphNode::new(item.op, operands);
        node.attributes = item.attributes.clone();
        node.place = item.place;
        node.scope = item.scope;
        let node = self.graph.add_node(block, node);
        for &sequence in &item.sequences {
            let inner = self.graph.add_block();
            self.graph.node_mut(node).blocks.push(inner);
            self.sequence(sequence, inner);
        }
        for &leaf in &item.results {
            let named = &skeleton.leaf(leaf).named;
            let value = self.graph.add_result(node, named.ty.clone(), named.name);
            self.leaves.insert(leaf, value);
        }
    }

    fn needs_of_sequences(&self, sequences: &[SequenceId], needs: &mut Vec<Class>) {
        for &id in sequences {
            let sequence = self.skeleton.sequence(id);
            for &item in &sequence.items {
                let item = self.skeleton.item(item);
                needs.extend(&item.operands);
                self.needs_of_sequences(&item.sequences, needs);
            }
            needs.extend(&sequence.returns);
        }
    }

    /// Computes in `at` whatever these classes, which are used further inside, rest on and find there.
    fn compute_for_inside(&mut self, mut needs: Vec<Class>, at: Instance, block: BlockId) {
        needs.reverse();
        let mut met = FxHashSet::default();
        while let Some(class) = needs.pop() {
            let class = self.choice.resolve(self.egraph, class);
            if !met.insert(class) {
                continue;
            }
            if self
                .schedule
                .homes
                .get(&class)
                .is_some_and(|homes| homes.contains(&at))
            {
                self.compute(class, at, block);
            } else {
                needs.extend(self.choice.node(class).children().iter().rev());
            }
        }
    }

    /// Computes a class and what it rests on, as far as that is at home in `at` and not there yet.
    fn compute(&mut self, class: Class, at: Instance, block: BlockId) {
        let mut stack = vec![(self.choice.resolve(self.egraph, class), false)];
        while let Some((class, ready)) = stack.pop() {
            let node = self.choice.node(class).clone();
            if matches!(self.egraph.kind(&node), NodeKind::Projection(_)) {
                stack.push((self.choice.resolve(self.egraph, node.children()[0]), false));
                continue;
            }
            let at_home = self
                .schedule
                .homes
                .get(&class)
                .is_some_and(|homes| homes.contains(&at));
            if !at_home || self.values.contains_key(&(class, at)) {
                continue;
            }
            if ready {
                self.operator(class, &node, at, block);
            } else {
                stack.push((class, true));
                let outside = self.outside_children(&node);
                stack.extend(
                    outside
                        .iter()
                        .rev()
                        .map(|&child| (self.choice.resolve(self.egraph, child), false)),
                );
            }
        }
    }

    /// The children that are computed outside of the node's own blocks.
    fn outside_children<'n>(&self, node: &'n Node) -> &'n [Class] {
        let children = node.children();
        if super::is_branch(self.egraph, node) {
            &children[..1]
        } else if super::region(self.egraph, node).is_some() {
            &children[..children.len() - super::body_returns(node)]
        } else {
            children
        }
    }

    fn operator(&mut self, class: Class, node: &Node, at: Instance, block: BlockId) {
        let NodeKind::Operator {
            op,
            results,
            attributes,
        } = self.egraph.kind(node)
        else {
            unreachable!("only operators have a home")
        };
        let outside = self.outside_children(node).len();
        let (given, returned) = node.children().split_at(outside);
        let blocks = self
            .schedule
            .inner
            .get(&(class, at))
            .cloned()
            .unwrap_or_default();
        self.compute_for_inside(returned.to_vec(), at, block);
        let operands = self.operands(op, given, &[], at, block);
        let mut written = GraphNode::new(op, operands);
        if blocks.is_empty() {
            let of_model = |name: Name| name != RESULT && name != AGAIN;
            let of_model = attributes.iter().filter(|(name, _)| of_model(*name));
            written.attributes = of_model.cloned().collect();
        }
        written.place = self.places.get(&class).copied();
        written.scope = self.module_paths.get(&class).copied();
        let id = self.graph.add_node(block, written);
        let types = self.result_types(class, op, results, attributes);
        let mut from = 0;
        for &inner in &blocks {
            let nested = self.graph.add_block();
            self.graph.node_mut(id).blocks.push(nested);
            let mut wanted = types.clone();
            if let Some(region) = super::region(self.egraph, node) {
                wanted.insert(0, Type::Bool);
                let skeleton = self.skeleton;
                for &leaf in &skeleton.regions[region].1 {
                    self.parameter(leaf, nested);
                }
            }
            for (i, &value) in returned[from..from + returned.len() / blocks.len()]
                .iter()
                .enumerate()
            {
                self.compute(value, inner, nested);
                let value = self.object(value, inner, wanted.get(i), nested);
                self.graph.block_mut(nested).returns.push(value);
            }
            from += returned.len() / blocks.len();
        }
        let mut values = Vec::new();
        for (i, ty) in types.into_iter().enumerate() {
            // One of several that compute the same has the name: those that are read of the others would not be the same again.
            let name = self
                .result_class(class, results, i)
                .and_then(|result| self.named.get_mut(&result)?.name.take());
            values.push(self.graph.add_result(id, ty, name));
        }
        self.origins.push((id, self.candidates.origin(node), class));
        self.values.insert((class, at), values);
    }

    /// The class of a result of an operator, if the e-graph has it.
    fn result_class(&self, class: Class, results: u32, index: usize) -> Option<Class> {
        if results == 1 {
            Some(class)
        } else {
            self.egraph.projection(class, index as u32)
        }
    }

    pub(super) fn result_types(
        &self,
        class: Class,
        op: Name,
        results: u32,
        attributes: &[(Name, AttributeLiteral)],
    ) -> Vec<Type> {
        let result = attributes.iter().find(|(name, _)| *name == RESULT);
        if let (Some((_, AttributeLiteral::Type(ty))), 1) = (result, results) {
            return vec![ty.clone()];
        }
        let schema = self.catalogue.schema(op.as_str());
        (0..results as usize)
            .map(|i| {
                let known = self.result_class(class, results, i);
                let imported = known
                    .and_then(|class| self.named.get(&class))
                    .map(|named| named.ty.clone());
                let declared = schema
                    .and_then(|schema| schema.results.get(i))
                    .map(|result| result.ty.clone())
                    .filter(|ty| !matches!(ty, Type::Any | Type::Variable(_)));
                imported
                    .or(declared)
                    .or_else(|| known.and_then(|class| self.egraph.facts(class).ty))
                    .unwrap_or(Type::Any)
            })
            .collect()
    }

    pub(super) fn operands(
        &mut self,
        op: Name,
        operands: &[Class],
        objects: &[Object],
        at: Instance,
        block: BlockId,
    ) -> Vec<ValueId> {
        let schema = self.catalogue.schema(op.as_str());
        operands
            .iter()
            .enumerate()
            .map(|(i, &operand)| {
                let wanted = schema
                    .and_then(|schema| schema.params.get(i))
                    .map(|parameter| parameter.ty.clone());
                // A list of literals that stands in an operator's operand is read as a literal again.
                let spelled = op.as_str().starts_with("aten::")
                    && self.egraph.literal(self.egraph.find(operand)).is_some();
                match (keeps_operand(op.as_str(), i) && !spelled, objects.get(i)) {
                    (true, Some(object)) => {
                        self.handed_out(operand, at, object, wanted.as_ref(), block)
                    }
                    (true, None) => self.object(operand, at, wanted.as_ref(), block),
                    (false, _) => self.value(operand, at, wanted.as_ref()),
                }
            })
            .collect()
    }

    /// The value of a class in a block; `wanted` types a literal that could be of several types.
    pub(super) fn value(&mut self, class: Class, at: Instance, wanted: Option<&Type>) -> ValueId {
        let class = self.choice.resolve(self.egraph, class);
        let node = self.choice.node(class);
        match self.egraph.kind(node) {
            NodeKind::Leaf(id) => self.leaves[&id],
            NodeKind::Projection(result) => self
                .results(self.choice.resolve(self.egraph, node.children()[0]), at)
                [result as usize],
            NodeKind::Operator { .. } => self.results(class, at)[0],
            NodeKind::Literal(literal) => {
                let ty = literal_type(
                    literal,
                    wanted,
                    self.named.get(&class).map(|named| &named.ty),
                );
                let literal = literal.clone();
                *self
                    .fixed
                    .entry((class, ty.clone()))
                    .or_insert_with(|| self.graph.add_literal(literal, ty))
            }
            NodeKind::Constant(id) => {
                let facts = &self.egraph.constants().get(id).facts;
                let ty = facts
                    .class
                    .map(Type::Class)
                    .or_else(|| facts.ty.clone())
                    .unwrap_or_else(Type::tensor);
                *self
                    .fixed
                    .entry((class, Type::Any))
                    .or_insert_with(|| self.graph.add_constant(id, ty))
            }
        }
    }

    fn results(&self, class: Class, mut at: Instance) -> &[ValueId] {
        loop {
            if let Some(values) = self.values.get(&(class, at)) {
                return values;
            }
            match self.schedule.parent(at) {
                Some(parent) => at = parent,
                None => unreachable!(
                    "a value is used where it was not computed: {}",
                    self.egraph.describe(class)
                ),
            }
        }
    }
}

/// The type of a literal: what the literal itself says, completed by where it stands or what it was declared as.
pub(super) fn literal_type(
    literal: &Literal,
    wanted: Option<&Type>,
    declared: Option<&Type>,
) -> Type {
    match literal {
        Literal::None => Type::None,
        Literal::Bool(_) => Type::Bool,
        Literal::Int(_) => Type::Int,
        Literal::Float(_) => Type::Float,
        Literal::Complex(..) => Type::Complex,
        Literal::Str(_) => Type::Str,
        Literal::Device(_) => Type::Device,
        Literal::DType(_) => Type::Int,
        Literal::List(items) => {
            let concrete = |ty: &&Type| {
                let mut ty = *ty;
                while let Type::Optional(inner) = ty {
                    ty = inner;
                }
                matches!(ty, Type::List(element) if !matches!(**element, Type::Variable(_) | Type::Any | Type::Optional(_)))
            };
            let strip = |ty: &Type| match ty {
                Type::Optional(inner) => (**inner).clone(),
                other => other.clone(),
            };
            if let Some(ty) = wanted.filter(concrete).or(declared.filter(concrete)) {
                return strip(ty);
            }
            items
                .first()
                .map_or(Type::Any, |item| literal_type(item, None, None))
                .list_of()
        }
        Literal::Tuple(items) => Type::Tuple(
            items
                .iter()
                .map(|item| literal_type(item, None, None))
                .collect(),
        ),
        Literal::Dict(items) => match items.first() {
            Some((key, value)) => Type::Dict(
                Box::new(literal_type(key, None, None)),
                Box::new(literal_type(value, None, None)),
            ),
            None => declared.cloned().unwrap_or(Type::Any),
        },
    }
}
