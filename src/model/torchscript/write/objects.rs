//! `data.pkl` and `constants.pkl`: modules, tensors, packed objects and typed containers.
//!
//! In: modules and attribute values. Out: a pickle, and the storages that its tensors view.
//! Invariant: a module or packed object that is held twice is written once and referred to.

use rustc_hash::FxHashMap;

use super::storages::{Placed, StorageTable};
use crate::graph::{
    Attribute, AttributeValue, Constant, ConstantId, DType, Literal, Model, ModuleId, Name, Object,
    ObjectState, Packed, Quantization, Tensor, Type,
};
use crate::model::pickle::{NodeId, PickleBuilder};
use crate::model::torchscript::code_types::spell;
use crate::model::torchscript::container::{Container, TorchScript};
use crate::model::torchscript::error::WriteError;
use crate::model::torchscript::objects::TYPED;
use crate::model::torchscript::packed::{configuration, packed_class, stored_weight};
use crate::model::torchscript::tensors::storage_class;

/// A pickle and the storages of its folder.
pub(super) struct Objects<'a> {
    model: &'a Model,
    container: &'a Container,
    pub storages: StorageTable,
    builder: PickleBuilder,
    modules: FxHashMap<ModuleId, NodeId>,
    constants: FxHashMap<ConstantId, NodeId>,
    /// Storages and tensors that were written: the same node wherever the same is meant.
    storage_nodes: FxHashMap<(usize, DType), NodeId>,
    /// The tensors of the attribute that is being written, as the file had them.
    originals: Vec<(ConstantId, Tensor)>,
    is_state: bool,
    place: Vec<String>,
}

/// The bytes of `data.pkl` and its storages.
pub(super) fn write_data(script: &TorchScript) -> Result<(Vec<u8>, StorageTable), WriteError> {
    let mut objects = Objects::new(script, true);
    objects.place.push("self".to_owned());
    let root = objects.module(Model::ROOT)?;
    Ok(objects.finish(root))
}

/// The bytes of `constants.pkl` and its storages.
pub(super) fn write_constants(
    script: &TorchScript,
    entries: &[AttributeValue],
) -> Result<(Vec<u8>, StorageTable), WriteError> {
    let mut objects = Objects::new(script, false);
    let mut nodes = Vec::with_capacity(entries.len());
    for (i, entry) in entries.iter().enumerate() {
        objects.place = vec![format!("CONSTANTS.c{i}")];
        nodes.push(objects.value(entry, &Type::Any)?);
    }
    let root = objects.builder.tuple(nodes);
    Ok(objects.finish(root))
}

impl<'a> Objects<'a> {
    fn new(script: &'a TorchScript, is_state: bool) -> Objects<'a> {
        Objects {
            model: &script.model,
            container: &script.container,
            storages: StorageTable::default(),
            builder: PickleBuilder::new(),
            modules: FxHashMap::default(),
            constants: FxHashMap::default(),
            storage_nodes: FxHashMap::default(),
            originals: Vec::new(),
            is_state,
            place: Vec::new(),
        }
    }

    fn finish(self, root: NodeId) -> (Vec<u8>, StorageTable) {
        (
            crate::model::pickle::write(&self.builder.finish(root)),
            self.storages,
        )
    }

    fn module(&mut self, id: ModuleId) -> Result<NodeId, WriteError> {
        if let Some(&node) = self.modules.get(&id) {
            return Ok(node);
        }
        let module = self.model.module(id);
        let outer = std::mem::take(&mut self.originals);
        let state = match self.state(id) {
            Some((value, ty)) => self.value(&value, &ty)?,
            None => {
                let mut pairs = Vec::with_capacity(module.attributes.len());
                for (&name, attribute) in &module.attributes {
                    self.place.push(name.to_string());
                    self.originals = self.original(id, name, attribute);
                    let value = self.value(&attribute.value, &attribute.ty)?;
                    self.place.pop();
                    pairs.push((self.builder.str(name.as_str()), value));
                }
                self.builder.dict(pairs)
            }
        };
        self.originals = outer;
        let (package, class) = split(module.class);
        let node = self.builder.object(package, class, state);
        self.modules.insert(id, node);
        Ok(node)
    }

    /// The state that `__setstate__` gets, if the module still has exactly what it restored.
    fn state(&self, id: ModuleId) -> Option<(AttributeValue, Type)> {
        let state = self.container.states.get(&id)?;
        let attributes = &self.model.module(id).attributes;
        let same = state.restored.len() == attributes.len()
            && state
                .restored
                .iter()
                .zip(attributes)
                .all(|(a, b)| a.0 == *b.0 && same(&a.1, &b.1.value));
        same.then(|| (state.value.clone(), state.ty.clone()))
    }

    /// The attribute's tensors as the file stored them, if they still are its value.
    fn original(
        &self,
        id: ModuleId,
        name: Name,
        attribute: &Attribute,
    ) -> Vec<(ConstantId, Tensor)> {
        let mut now = Vec::new();
        tensors(self.model, &attribute.value, &mut now);
        match self.container.tensors.get(&(id, name)) {
            Some(then) if then.iter().map(|(id, _)| *id).eq(now) => {
                then.iter().rev().cloned().collect()
            }
            _ => Vec::new(),
        }
    }

    fn value(&mut self, value: &AttributeValue, ty: &Type) -> Result<NodeId, WriteError> {
        let ty = match ty {
            Type::Optional(inner) => inner,
            other => other,
        };
        match value {
            AttributeValue::Module(id) => self.module(*id),
            AttributeValue::Literal(literal) => Ok(self.literal(literal, ty)),
            AttributeValue::Constant(id) => self.constant(*id),
            AttributeValue::Tuple(items) => {
                let mut nodes = Vec::with_capacity(items.len());
                for (i, item) in items.iter().enumerate() {
                    nodes.push(self.value(item, tuple_type(ty, i))?);
                }
                Ok(self.builder.tuple(nodes))
            }
            AttributeValue::List(items) => {
                let element = match ty {
                    Type::List(element) => (**element).clone(),
                    _ => self.element(items),
                };
                let mut nodes = Vec::with_capacity(items.len());
                for item in items {
                    nodes.push(self.value(item, &element)?);
                }
                Ok(self.list(nodes, &element))
            }
            AttributeValue::Dict(pairs) => {
                let (key_type, value_type) = match ty {
                    Type::Dict(key, value) => ((**key).clone(), (**value).clone()),
                    _ => (Type::Str, Type::Any),
                };
                let mut nodes = Vec::with_capacity(pairs.len());
                for (key, value) in pairs {
                    let key = self.value(key, &key_type)?;
                    nodes.push((key, self.value(value, &value_type)?));
                }
                let ty = Type::Dict(key_type.into(), value_type.into());
                Ok(self.dict(nodes, &ty))
            }
        }
    }

    fn literal(&mut self, literal: &Literal, ty: &Type) -> NodeId {
        match literal {
            Literal::None => self.builder.none(),
            Literal::Bool(b) => self.builder.bool(*b),
            Literal::Int(n) if *ty == Type::Float => self.builder.float(*n as f64),
            Literal::Int(n) => self.builder.int(*n),
            Literal::DType(dtype) => self.builder.int(crate::ops::torch_dtype_code(*dtype)),
            Literal::Float(x) => self.builder.float(*x),
            Literal::Str(text) => self.builder.str(text),
            Literal::Complex(real, imaginary) => {
                let parts = vec![self.builder.float(*real), self.builder.float(*imaginary)];
                let parts = self.builder.tuple(parts);
                self.builder.call("builtins", "complex", parts)
            }
            Literal::Device(device) => {
                let device = self.builder.str(device);
                let device = self.builder.tuple(vec![device]);
                self.builder.call("torch", "device", device)
            }
            Literal::Tuple(items) => {
                let nodes = items.iter().enumerate();
                let nodes = nodes
                    .map(|(i, item)| self.literal(item, tuple_type(ty, i)))
                    .collect();
                self.builder.tuple(nodes)
            }
            Literal::List(items) => {
                let element = match ty {
                    Type::List(element) => (**element).clone(),
                    _ => items.first().map_or(Type::tensor(), literal_type),
                };
                let nodes = items
                    .iter()
                    .map(|item| self.literal(item, &element))
                    .collect();
                self.list(nodes, &element)
            }
            Literal::Dict(pairs) => {
                let ty = match ty {
                    Type::Dict(..) => ty.clone(),
                    _ => literal_type(literal),
                };
                let (key_type, value_type) = match &ty {
                    Type::Dict(key, value) => (&**key, &**value),
                    _ => (&Type::Str, &Type::Any),
                };
                let nodes = pairs
                    .iter()
                    .map(|(k, v)| (self.literal(k, key_type), self.literal(v, value_type)))
                    .collect();
                self.dict(nodes, &ty)
            }
        }
    }

    fn list(&mut self, nodes: Vec<NodeId>, element: &Type) -> NodeId {
        let list = self.builder.list(nodes);
        let function = match element {
            Type::Int => "build_intlist",
            Type::Float => "build_doublelist",
            Type::Bool => "build_boollist",
            Type::Tensor(_) => "build_tensorlist",
            _ => return self.tagged(list, &element.clone().list_of()),
        };
        let list = self.builder.tuple(vec![list]);
        self.builder.call("torch.jit._pickle", function, list)
    }

    fn dict(&mut self, pairs: Vec<(NodeId, NodeId)>, ty: &Type) -> NodeId {
        let dict = self.builder.dict(pairs);
        self.tagged(dict, ty)
    }

    fn tagged(&mut self, value: NodeId, ty: &Type) -> NodeId {
        let tag = self.builder.str(&spell(ty));
        let tagged = self.builder.tuple(vec![value, tag]);
        self.builder
            .call("torch.jit._pickle", "restore_type_tag", tagged)
    }

    fn element(&self, items: &[AttributeValue]) -> Type {
        match items.first() {
            Some(AttributeValue::Module(id)) => Type::Class(self.model.module(*id).class),
            _ => Type::tensor(),
        }
    }

    fn constant(&mut self, id: ConstantId) -> Result<NodeId, WriteError> {
        let original = match self.originals.last() {
            Some((found, _)) if *found == id => self.originals.pop(),
            _ => None,
        };
        if let Some((_, tensor)) = original {
            return self.tensor(&tensor, true);
        }
        if let Some(&node) = self.constants.get(&id) {
            return Ok(node);
        }
        let node = match self.model.constants.get(id).value.get() {
            Some(Constant::Tensor(tensor)) => self.tensor(tensor, self.is_state)?,
            Some(Constant::Packed(packed)) => self.packed(packed)?,
            Some(Constant::Object(object)) => self.carried(object)?,
            None => return Err(self.refuse("a constant that was not computed")),
        };
        // State stays apart: a tensor that two attributes hold by value must not become one.
        let is_object = matches!(
            self.model.constants.get(id).value.get(),
            Some(Constant::Packed(_) | Constant::Object(_))
        );
        if !self.is_state || is_object {
            self.constants.insert(id, node);
        }
        Ok(node)
    }

    fn packed(&mut self, packed: &Packed) -> Result<NodeId, WriteError> {
        let Some(class) = packed_class(packed.family) else {
            return Err(self.refuse(&format!("a packed object of family `{}`", packed.family)));
        };
        let weight = self.tensor(&stored_weight(packed), false)?;
        let bias = match &packed.bias {
            Some(bias) => self.tensor(bias, false)?,
            None => self.builder.none(),
        };
        let state = match &packed.config {
            config if packed.family.as_str().starts_with("xnnpack_") => {
                let mut state = vec![weight, bias];
                if let Some(config) = config {
                    let ints = |this: &mut Self, list: &[i64]| {
                        let nodes = list.iter().map(|&n| this.builder.int(n)).collect();
                        this.list(nodes, &Type::Int)
                    };
                    state.push(ints(self, &config.stride));
                    state.push(ints(self, &config.padding));
                    if config.transposed {
                        state.push(ints(self, &config.output_padding));
                    }
                    state.push(ints(self, &config.dilation));
                    state.push(self.builder.int(config.groups));
                }
                for bound in [packed.range.0, packed.range.1] {
                    state.push(match bound {
                        Some(bound) => self.builder.float(bound),
                        None => self.builder.none(),
                    });
                }
                state
            }
            None => vec![weight, bias],
            Some(_) => {
                let Some(numbers) = configuration(packed) else {
                    return Err(self.refuse("a packed object with numbers above 32767"));
                };
                let bytes = numbers.iter().flat_map(|n| n.to_le_bytes()).collect();
                let numbers = Tensor::contiguous(DType::I16, vec![numbers.len()], bytes);
                let numbers = self.tensor(&numbers, false)?;
                let always = self.list(vec![numbers, weight], &Type::tensor());
                let optional = self.list(vec![bias], &Type::tensor().optional());
                vec![self.builder.str("2"), always, optional]
            }
        };
        let state = self.builder.tuple(state);
        let (package, class) = split(Name::new(class));
        Ok(self.builder.object(package, class, state))
    }

    fn carried(&mut self, object: &Object) -> Result<NodeId, WriteError> {
        let state = self.object_state(&object.state)?;
        let (package, class) = split(object.class);
        Ok(self.builder.object(package, class, state))
    }

    fn object_state(&mut self, state: &ObjectState) -> Result<NodeId, WriteError> {
        let all = |this: &mut Self, items: &[ObjectState]| {
            let items = items.iter().map(|item| this.object_state(item));
            items.collect::<Result<Vec<_>, _>>()
        };
        Ok(match state {
            ObjectState::None => self.builder.none(),
            ObjectState::Bool(value) => self.builder.bool(*value),
            ObjectState::Int(value) => self.builder.int(*value),
            ObjectState::Float(value) => self.builder.float(*value),
            ObjectState::Str(value) => self.builder.str(value),
            ObjectState::Tensor(tensor) => self.tensor(tensor, false)?,
            ObjectState::Packed(packed) => self.packed(packed)?,
            ObjectState::Tuple(items) => {
                let items = all(self, items)?;
                self.builder.tuple(items)
            }
            ObjectState::List(items) => {
                let items = all(self, items)?;
                self.builder.list(items)
            }
            ObjectState::Typed(function, operands) => {
                let operands = all(self, operands)?;
                let operands = self.builder.tuple(operands);
                let (module, function) = (TYPED, function.as_str());
                self.builder.call(module, function, operands)
            }
        })
    }

    fn tensor(&mut self, tensor: &Tensor, is_state: bool) -> Result<NodeId, WriteError> {
        let Some(class) = storage_class(tensor.dtype) else {
            return Err(self.refuse(&format!("a tensor of type {}", tensor.dtype)));
        };
        let placed = match is_state {
            true => self.storages.place_state(tensor),
            false => self.storages.place_constant(tensor),
        };
        let storage = self.storage(class, &placed, tensor.dtype);
        let counts = |this: &mut Self, numbers: &[usize]| {
            let nodes = numbers
                .iter()
                .map(|&n| this.builder.int(n as i64))
                .collect();
            this.builder.marked_tuple(nodes)
        };
        let offset = self.builder.int(placed.offset as i64);
        let size = counts(self, &tensor.shape);
        let stride = counts(self, &tensor.strides);
        let mut arguments = vec![storage, offset, size, stride];
        if let Some(quantization) = &tensor.quantization {
            arguments.push(self.quantization(quantization)?);
        }
        arguments.push(self.builder.bool(tensor.requires_grad));
        let nothing = self.builder.tuple(Vec::new());
        arguments.push(self.builder.call("collections", "OrderedDict", nothing));
        let arguments = self.builder.marked_tuple(arguments);
        let function = match tensor.quantization {
            Some(_) => "_rebuild_qtensor",
            None => "_rebuild_tensor_v2",
        };
        Ok(self.builder.call("torch._utils", function, arguments))
    }

    fn storage(&mut self, class: &str, placed: &Placed, dtype: DType) -> NodeId {
        if let Some(&node) = self.storage_nodes.get(&(placed.number, dtype)) {
            return node;
        }
        let parts = vec![
            self.builder.str("storage"),
            self.builder.global("torch", class),
            self.builder.str(&placed.number.to_string()),
            self.builder.str("cpu"),
            self.builder.int(placed.elements as i64),
        ];
        let parts = self.builder.marked_tuple(parts);
        let node = self.builder.persistent_id(parts);
        self.storage_nodes.insert((placed.number, dtype), node);
        node
    }

    fn quantization(&mut self, quantization: &Quantization) -> Result<NodeId, WriteError> {
        let parts = match quantization {
            Quantization::PerTensor { scale, zero_point } => vec![
                self.builder.global("torch", "per_tensor_affine"),
                self.builder.float(*scale),
                self.builder.int(*zero_point),
            ],
            Quantization::PerChannel {
                scales,
                zero_points,
                axis,
            } => {
                let bytes = scales.iter().flat_map(|x| x.to_le_bytes()).collect();
                let scales = Tensor::contiguous(DType::F64, vec![scales.len()], bytes);
                let bytes = zero_points.iter().flat_map(|n| n.to_le_bytes()).collect();
                let zero_points = Tensor::contiguous(DType::I64, vec![zero_points.len()], bytes);
                vec![
                    self.builder.global("torch", "per_channel_affine"),
                    self.tensor(&scales, false)?,
                    self.tensor(&zero_points, false)?,
                    self.builder.int(*axis as i64),
                ]
            }
        };
        Ok(self.builder.marked_tuple(parts))
    }

    fn refuse(&self, what: &str) -> WriteError {
        WriteError::Model {
            place: self.place.join("."),
            what: what.to_owned(),
            cure: "TorchScript archives cannot hold it; compute or replace it before writing"
                .to_owned(),
        }
    }
}

fn split(class: Name) -> (&'static str, &'static str) {
    class
        .as_str()
        .rsplit_once('.')
        .unwrap_or(("__torch__", class.as_str()))
}

fn tuple_type(ty: &Type, i: usize) -> &Type {
    match ty {
        Type::Tuple(types) => types.get(i).unwrap_or(&Type::Any),
        _ => &Type::Any,
    }
}

fn literal_type(literal: &Literal) -> Type {
    match literal {
        Literal::Bool(_) => Type::Bool,
        Literal::Int(_) | Literal::DType(_) => Type::Int,
        Literal::Float(_) => Type::Float,
        Literal::Str(_) => Type::Str,
        Literal::List(items) => items.first().map_or(Type::tensor(), literal_type).list_of(),
        Literal::Dict(pairs) => match pairs.first() {
            Some((key, value)) => Type::Dict(literal_type(key).into(), literal_type(value).into()),
            None => Type::Dict(Type::Str.into(), Type::tensor().into()),
        },
        _ => Type::Any,
    }
}

fn tensors(model: &Model, value: &AttributeValue, found: &mut Vec<ConstantId>) {
    match value {
        AttributeValue::Constant(id) => {
            if let Some(Constant::Tensor(_)) = model.constants.get(*id).value.get() {
                found.push(*id);
            }
        }
        AttributeValue::List(items) | AttributeValue::Tuple(items) => {
            items.iter().for_each(|item| tensors(model, item, found));
        }
        AttributeValue::Dict(pairs) => {
            // The order in which the reader meets them: all keys, then all values.
            pairs.iter().for_each(|(key, _)| tensors(model, key, found));
            pairs
                .iter()
                .for_each(|(_, value)| tensors(model, value, found));
        }
        AttributeValue::Literal(_) | AttributeValue::Module(_) => {}
    }
}

fn same(a: &AttributeValue, b: &AttributeValue) -> bool {
    let all = |a: &[AttributeValue], b: &[AttributeValue]| {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
    };
    match (a, b) {
        (AttributeValue::Module(a), AttributeValue::Module(b)) => a == b,
        (AttributeValue::Literal(a), AttributeValue::Literal(b)) => a == b,
        (AttributeValue::Constant(a), AttributeValue::Constant(b)) => a == b,
        (AttributeValue::List(a), AttributeValue::List(b))
        | (AttributeValue::Tuple(a), AttributeValue::Tuple(b)) => all(a, b),
        (AttributeValue::Dict(a), AttributeValue::Dict(b)) => {
            a.len() == b.len()
                && a.iter()
                    .zip(b)
                    .all(|(a, b)| same(&a.0, &b.0) && same(&a.1, &b.1))
        }
        _ => false,
    }
}
