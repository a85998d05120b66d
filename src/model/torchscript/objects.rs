//! The objects of `data.pkl` and `constants.pkl` to modules, literals and constants.
//!
//! In: a pickle, the storages, and the classes that code declares. Out: modules and attribute values of the model.
//! Invariant: an object that the pickle shares is one module; a tensor's bytes are never copied.
//! Invariant: every attribute a class declares is there, in declaration order; anything unknown is refused with its path.

#![deny(clippy::unwrap_used, clippy::indexing_slicing)]

use indexmap::IndexMap;
use rustc_hash::FxHashMap;

use super::code_ast::{Class, Member};
use super::code_base::{ClassCode, CodeBase, member_of};
use super::error::{ReadError, SAVE_AGAIN};
use super::packed::{is_packed_class, read_packed};
use super::tensors::{Storages, is_tensor, read_tensor};
use crate::graph::{
    Attribute, AttributeValue, Constant, ConstantId, Facts, Literal, Model, Module, ModuleId, Name,
    Object, ObjectState, ParameterKind, Tensor, Type,
};
use crate::model::pickle::{Node, NodeId, Pickle};

/// The module of the functions that give containers their element type.
pub(super) const TYPED: &str = "torch.jit._pickle";
/// Classes whose objects are carried along as they are.
const CARRIED: [&str; 1] = ["__torch__.torch.classes.rnn.CellParamsBase"];

/// Deeper objects are refused before anything recurses over them.
const MAX_DEPTH: usize = 200;
/// Shared values are visited at every use; more visits than this are a pickle made to exhaust memory.
const MAX_VISITS: usize = 1 << 24;

/// The tensors of attributes as the file stores them, in the order of the attribute's value.
pub(super) type AttributeTensors = FxHashMap<(ModuleId, Name), Vec<(ConstantId, Tensor)>>;

/// A module whose attributes `__setstate__` makes.
pub(super) struct Pending {
    pub module: ModuleId,
    pub class: Name,
    pub state: AttributeValue,
    pub place: String,
}

/// Reads the objects of one pickle.
pub(super) struct ObjectReader<'a, 's> {
    pub model: &'a mut Model,
    pub code: &'a mut CodeBase<'s>,
    pub storages: Storages,
    pub pickle: &'a Pickle,
    /// Name of the pickle's member, for errors.
    pub member: &'static str,
    modules: FxHashMap<NodeId, ModuleId>,
    tensors: FxHashMap<NodeId, (ConstantId, Tensor)>,
    attribute_tensors: AttributeTensors,
    current: Vec<(ConstantId, Tensor)>,
    pending: Vec<Pending>,
    path: Vec<String>,
    visits: usize,
}

impl<'a, 's> ObjectReader<'a, 's> {
    pub(super) fn new(
        model: &'a mut Model,
        code: &'a mut CodeBase<'s>,
        storages: Storages,
        pickle: &'a Pickle,
        member: &'static str,
    ) -> ObjectReader<'a, 's> {
        ObjectReader {
            model,
            code,
            storages,
            pickle,
            member,
            modules: FxHashMap::default(),
            tensors: FxHashMap::default(),
            attribute_tensors: FxHashMap::default(),
            current: Vec::new(),
            pending: Vec::new(),
            path: Vec::new(),
            visits: 0,
        }
    }

    /// The root module of `data.pkl`.
    pub(super) fn root(&mut self) -> Result<(), ReadError> {
        self.path.push("self".to_owned());
        match self.value(self.pickle.root(), None)? {
            AttributeValue::Module(Model::ROOT) => Ok(()),
            _ => Err(self.refuse(
                "something other than a module".to_owned(),
                "save a scripted or traced module with torch.jit.save, not a tensor or a state dictionary",
            )),
        }
    }

    /// The tensors of attributes, and the modules that wait for `__setstate__`.
    pub(super) fn finish(self) -> (AttributeTensors, Vec<Pending>) {
        (self.attribute_tensors, self.pending)
    }

    /// The entries of `constants.pkl`.
    pub(super) fn entries(&mut self) -> Result<Vec<AttributeValue>, ReadError> {
        let Some(items) = self.pickle.tuple(self.pickle.root()) else {
            return Err(self.broken("something other than a tuple"));
        };
        let mut values = Vec::with_capacity(items.len());
        for (i, &item) in items.iter().enumerate() {
            self.path.push(format!("CONSTANTS.c{i}"));
            values.push(self.value(item, None)?);
            self.path.pop();
        }
        Ok(values)
    }

    /// A value; `ty` is its declared type where there is one.
    fn value(&mut self, node: NodeId, ty: Option<&Type>) -> Result<AttributeValue, ReadError> {
        self.visits += 1;
        if self.path.len() > MAX_DEPTH {
            return Err(self.broken(&format!("objects nested deeper than {MAX_DEPTH}")));
        }
        if self.visits > MAX_VISITS {
            return Err(self.broken(&format!("more than {MAX_VISITS} values")));
        }
        let pickle = self.pickle;
        Ok(match pickle.node(node) {
            Node::None => Literal::None.into(),
            Node::Bool(b) => Literal::Bool(*b).into(),
            Node::Int(n) if matches!(ty, Some(Type::Float)) => Literal::Float(*n as f64).into(),
            Node::Int(n) => Literal::Int(*n).into(),
            Node::Float(x) => Literal::Float(*x).into(),
            Node::Str(text) => Literal::str(text).into(),
            Node::Tuple(items) => {
                let types: &[Type] = match unwrap(ty) {
                    Some(Type::Tuple(types)) => types,
                    _ => &[],
                };
                let items = self.items(items, |i| types.get(i))?;
                joined(items, Literal::Tuple, AttributeValue::Tuple)
            }
            Node::List(items) => self.list(items, ty)?,
            Node::Dict(pairs) => self.dict(pairs, ty)?,
            Node::Reduce { .. } => self.call(node, ty)?,
            Node::Object { class, state } => self.object(node, *class, *state)?,
            Node::Global { module, name } => {
                return Err(self.broken(&format!("the class or function `{module}.{name}` itself")));
            }
            Node::PersistentId(_) => return Err(self.broken("a storage outside of a tensor")),
        })
    }

    fn list(&mut self, items: &[NodeId], ty: Option<&Type>) -> Result<AttributeValue, ReadError> {
        let element = match unwrap(ty) {
            Some(Type::List(element)) => Some(&**element),
            _ => None,
        };
        let items = self.items(items, |_| element)?;
        Ok(joined(items, Literal::List, AttributeValue::List))
    }

    fn items<'t>(
        &mut self,
        items: &[NodeId],
        ty: impl Fn(usize) -> Option<&'t Type>,
    ) -> Result<Vec<AttributeValue>, ReadError> {
        let mut values = Vec::with_capacity(items.len());
        for (i, &item) in items.iter().enumerate() {
            self.path.push(format!("[{i}]"));
            values.push(self.value(item, ty(i))?);
            self.path.pop();
        }
        Ok(values)
    }

    fn dict(
        &mut self,
        pairs: &[(NodeId, NodeId)],
        ty: Option<&Type>,
    ) -> Result<AttributeValue, ReadError> {
        let (key, element) = match unwrap(ty) {
            Some(Type::Dict(key, element)) => (Some(&**key), Some(&**element)),
            _ => (None, None),
        };
        let keys: Vec<NodeId> = pairs.iter().map(|pair| pair.0).collect();
        let values: Vec<NodeId> = pairs.iter().map(|pair| pair.1).collect();
        let keys = self.items(&keys, |_| key)?;
        let values = self.items(&values, |_| element)?;
        let pairs: Vec<_> = keys.into_iter().zip(values).collect();
        let literals: Option<Vec<_>> = pairs
            .iter()
            .map(|(key, value)| Some((literal(key)?.clone(), literal(value)?.clone())))
            .collect();
        Ok(match literals {
            Some(literals) => Literal::Dict(literals.into()).into(),
            None => AttributeValue::Dict(pairs),
        })
    }

    /// Calls that make tensors, typed containers, devices and complex numbers.
    fn call(&mut self, node: NodeId, ty: Option<&Type>) -> Result<AttributeValue, ReadError> {
        let pickle = self.pickle;
        if is_tensor(pickle, node) {
            return Ok(AttributeValue::Constant(self.tensor(node)?));
        }
        let Some(call) = pickle.call(node) else {
            return Err(self.broken("a call of something other than a function"));
        };
        match (call.module, call.name, call.args) {
            (
                "torch.jit._pickle",
                "build_intlist" | "build_doublelist" | "build_boollist" | "build_tensorlist",
                [items],
            ) => self.value(*items, ty),
            ("torch.jit._pickle", "restore_type_tag", [value, _]) => self.value(*value, ty),
            ("torch", "device", [device]) => match pickle.str(*device) {
                Some(device) => Ok(Literal::Device(device.into()).into()),
                None => Err(self.broken("a device without a name")),
            },
            ("builtins" | "__builtin__", "complex", [real, imaginary]) => {
                match (pickle.float(*real), pickle.float(*imaginary)) {
                    (Some(real), Some(imaginary)) => Ok(Literal::Complex(real, imaginary).into()),
                    _ => Err(self.broken("a complex number without parts")),
                }
            }
            (module, name, _) => {
                let what = format!("a value made by `{module}.{name}`, which is not supported");
                Err(self.refuse(what, "remove the attribute before saving the model"))
            }
        }
    }

    fn tensor(&mut self, node: NodeId) -> Result<ConstantId, ReadError> {
        let entry = match self.tensors.get(&node) {
            Some(entry) => entry.clone(),
            None => {
                let tensor = self.read(node)?;
                let id = self
                    .model
                    .constants
                    .intern(Constant::Tensor(tensor.clone()), Facts::of_tensor(&tensor));
                self.tensors.insert(node, (id, tensor.clone()));
                (id, tensor)
            }
        };
        let id = entry.0;
        self.current.push(entry);
        Ok(id)
    }

    fn object(
        &mut self,
        node: NodeId,
        class: NodeId,
        state: Option<NodeId>,
    ) -> Result<AttributeValue, ReadError> {
        let Some((module, name)) = self.pickle.global(class) else {
            return Err(self.broken("an object without a class"));
        };
        let class = Name::new(&format!("{module}.{name}"));
        if is_packed_class(class.as_str()) {
            return self.packed(class, state);
        }
        if let Some(&id) = self.modules.get(&node) {
            return Ok(AttributeValue::Module(id));
        }
        if CARRIED.contains(&class.as_str()) {
            let state = self.whole_state(state)?;
            return Ok(self.of_class(class, Constant::Object(Object { class, state }.into())));
        }
        if class.as_str().starts_with("__torch__.torch.classes.") {
            return Err(self.refuse(
                format!("an object of class `{class}`, which is not supported"),
                "remove it before saving the model",
            ));
        }
        let Some(code) = self.code.class(class)? else {
            return Err(self.broken(&format!(
                "an object of class `{class}`, which has no code: `{}` does not define it",
                member_of(class.as_str())
            )));
        };
        let id = ModuleId(u32::try_from(self.model.modules.len()).unwrap_or(u32::MAX));
        self.modules.insert(node, id);
        self.model.modules.push(Module {
            class,
            attributes: IndexMap::new(),
        });
        match state.map(|state| (state, self.pickle.node(state))) {
            Some((_, Node::Dict(pairs))) => self.attributes(id, &code, pairs)?,
            None => self.attributes(id, &code, &[])?,
            Some((state, _)) => {
                let outer = std::mem::take(&mut self.current);
                let value = self.value(state, None)?;
                self.current = outer;
                let place = self.place();
                self.pending.push(Pending {
                    module: id,
                    class,
                    state: value,
                    place,
                });
            }
        }
        Ok(AttributeValue::Module(id))
    }

    fn attributes(
        &mut self,
        id: ModuleId,
        code: &ClassCode<'_>,
        pairs: &[(NodeId, NodeId)],
    ) -> Result<(), ReadError> {
        let mut by_name = FxHashMap::default();
        for (key, value) in pairs {
            let Some(name) = self.pickle.str(*key) else {
                return Err(self.broken("an attribute whose name is no string"));
            };
            by_name.insert(name, *value);
        }
        let class = code.class();
        for (name, ty) in declared(class) {
            let Some(&node) = by_name.get(name.as_str()) else {
                let what = format!(
                    "`{name}`, which class `{}` declares, is missing",
                    class.name
                );
                return Err(self.broken(&what));
            };
            self.path.push(name.as_str().to_owned());
            let outer = std::mem::take(&mut self.current);
            let value = self.value(node, Some(ty))?;
            let tensors = std::mem::replace(&mut self.current, outer);
            self.path.pop();
            if !tensors.is_empty() {
                self.attribute_tensors.insert((id, name), tensors);
            }
            let attribute = Attribute {
                value,
                ty: ty.clone(),
                kind: kind(class, name),
            };
            if let Some(module) = self.model.modules.get_mut(id.0 as usize) {
                module.attributes.insert(name, attribute);
            }
        }
        Ok(())
    }

    fn packed(&mut self, class: Name, state: Option<NodeId>) -> Result<AttributeValue, ReadError> {
        let state = self.whole_state(state)?;
        let Some(packed) = read_packed(class.as_str(), &state) else {
            return Err(self.refuse(
                format!("an object of class `{class}` with a state that is not supported"),
                "remove it before saving the model, or save it with PyTorch 1.6 or newer",
            ));
        };
        Ok(self.of_class(class, Constant::Packed(packed.into())))
    }

    fn of_class(&mut self, class: Name, constant: Constant) -> AttributeValue {
        let facts = Facts::of_type(Type::Class(class));
        AttributeValue::Constant(self.model.constants.intern(constant, facts))
    }

    fn whole_state(&mut self, state: Option<NodeId>) -> Result<ObjectState, ReadError> {
        state.map_or(Ok(ObjectState::None), |state| self.state(state, 0))
    }

    /// The state of an object of PyTorch's own; its parts are no constants of their own.
    fn state(&mut self, node: NodeId, depth: usize) -> Result<ObjectState, ReadError> {
        self.visits += 1;
        if depth > MAX_DEPTH || self.visits > MAX_VISITS {
            return Err(self.broken("a state that is too deep or too large"));
        }
        let pickle = self.pickle;
        let all = |this: &mut Self, items: &[NodeId]| {
            let items = items.iter().map(|&item| this.state(item, depth + 1));
            items.collect::<Result<Vec<_>, _>>()
        };
        let unknown = |this: &Self| {
            this.refuse(
                "an object with a state that is not supported".to_owned(),
                "remove it before saving the model",
            )
        };
        Ok(match pickle.node(node) {
            Node::None => ObjectState::None,
            Node::Bool(value) => ObjectState::Bool(*value),
            Node::Int(value) => ObjectState::Int(*value),
            Node::Float(value) => ObjectState::Float(*value),
            Node::Str(value) => ObjectState::Str((&**value).into()),
            Node::Tuple(items) => ObjectState::Tuple(all(self, items)?),
            Node::List(items) => ObjectState::List(all(self, items)?),
            Node::Reduce { .. } if is_tensor(pickle, node) => ObjectState::Tensor(self.read(node)?),
            Node::Reduce { .. } => match pickle.call(node) {
                Some(call) if call.module == TYPED => {
                    ObjectState::Typed(Name::new(call.name), all(self, call.args)?)
                }
                _ => return Err(unknown(self)),
            },
            Node::Object { class, state } => {
                let class = pickle
                    .global(*class)
                    .map(|(module, name)| format!("{module}.{name}"));
                let (Some(class), Some(state)) = (class, state) else {
                    return Err(unknown(self));
                };
                let state = self.state(*state, depth + 1)?;
                match read_packed(&class, &state) {
                    Some(packed) => ObjectState::Packed(packed.into()),
                    None => return Err(unknown(self)),
                }
            }
            Node::Dict(_) | Node::Global { .. } | Node::PersistentId(_) => {
                return Err(unknown(self));
            }
        })
    }

    fn read(&mut self, node: NodeId) -> Result<Tensor, ReadError> {
        let (path, member) = (&self.path, self.member);
        let place = || format!("{member}: {}", path.join("."));
        read_tensor(self.pickle, node, &mut self.storages, &place)
    }

    fn place(&self) -> String {
        format!("{}: {}", self.member, self.path.join("."))
    }

    fn broken(&self, what: &str) -> ReadError {
        self.refuse(what.to_owned(), SAVE_AGAIN)
    }

    fn refuse(&self, what: String, cure: &str) -> ReadError {
        ReadError::Object {
            place: self.place(),
            what,
            cure: cure.to_owned(),
        }
    }
}

/// The attributes a class declares, in order.
pub(super) fn declared(class: &Class) -> impl Iterator<Item = (Name, &Type)> {
    class.members.iter().filter_map(|member| match member {
        Member::Attribute { name, ty, .. } => Some((*name, ty)),
        _ => None,
    })
}

/// Whether a class lists an attribute as parameter or buffer.
pub(super) fn kind(class: &Class, attribute: Name) -> ParameterKind {
    let listed = |list: &str| {
        class.members.iter().any(|member| {
            matches!(member, Member::Names { name, names } if name == list && names.contains(&attribute))
        })
    };
    if listed("__parameters__") {
        ParameterKind::Parameter
    } else if listed("__buffers__") {
        ParameterKind::Buffer
    } else {
        ParameterKind::Plain
    }
}

fn unwrap(ty: Option<&Type>) -> Option<&Type> {
    match ty {
        Some(Type::Optional(inner)) => Some(inner),
        other => other,
    }
}

fn literal(value: &AttributeValue) -> Option<&Literal> {
    match value {
        AttributeValue::Literal(literal) => Some(literal),
        _ => None,
    }
}

/// One literal if all items are literals, else a value that holds them.
fn joined(
    items: Vec<AttributeValue>,
    literals: impl FnOnce(std::sync::Arc<[Literal]>) -> Literal,
    other: impl FnOnce(Vec<AttributeValue>) -> AttributeValue,
) -> AttributeValue {
    match items
        .iter()
        .map(|item| literal(item).cloned())
        .collect::<Option<_>>()
    {
        Some(all) => literals(all).into(),
        None => other(items),
    }
}

impl From<Literal> for AttributeValue {
    fn from(literal: Literal) -> AttributeValue {
        AttributeValue::Literal(literal)
    }
}
