//! What a running graph can reach outside of itself: modules and functions.
//!
//! In: a model. Out: attributes as values, functions by name.
//! Invariant: a run never changes the model; what it sets is kept beside.

use rustc_hash::FxHashMap;

use crate::graph::{AttributeValue, Function, FunctionName, Model, ModuleId, Name};

use super::constant::force;
use super::error::EvalError;
use super::mutation::Mutations;
use super::value::Value;

/// What a graph can reach outside of itself.
pub trait Host {
    /// An attribute of a module.
    fn attribute(&self, module: ModuleId, name: Name) -> Result<Value, EvalError>;
    /// Sets an attribute of a module.
    fn set_attribute(&mut self, module: ModuleId, name: Name, value: Value);
    /// The class of a module.
    fn class(&self, module: ModuleId) -> Name;
    /// The function with this name.
    fn function(&self, name: FunctionName) -> Option<&Function>;
}

/// A model as host: attributes as read, and those set since.
pub struct ModelHost<'a> {
    model: &'a Model,
    set: FxHashMap<(ModuleId, Name), Value>,
    /// What runs wrote in place.
    pub(super) writes: Mutations,
}

impl<'a> ModelHost<'a> {
    /// A host over a model.
    pub fn new(model: &'a Model) -> ModelHost<'a> {
        ModelHost {
            model,
            set: FxHashMap::default(),
            writes: Mutations::default(),
        }
    }

    /// The model.
    pub fn model(&self) -> &'a Model {
        self.model
    }

    fn value(&self, value: &AttributeValue) -> Result<Value, EvalError> {
        let all = |items: &[AttributeValue]| {
            items
                .iter()
                .map(|item| self.value(item))
                .collect::<Result<Vec<_>, _>>()
        };
        Ok(match value {
            AttributeValue::Module(id) => Value::Module(*id),
            AttributeValue::Literal(literal) => Value::Literal(literal.clone()),
            AttributeValue::Constant(id) => Value::from(force(&self.model.constants, *id)?),
            AttributeValue::List(items) => Value::list(all(items)?),
            AttributeValue::Tuple(items) => Value::tuple(all(items)?),
            AttributeValue::Dict(_) => {
                return Err(EvalError::Graph(
                    "a dictionary of tensors is not supported as an attribute".into(),
                ));
            }
        })
    }
}

impl Host for ModelHost<'_> {
    fn attribute(&self, module: ModuleId, name: Name) -> Result<Value, EvalError> {
        if let Some(value) = self.set.get(&(module, name)) {
            return Ok(value.clone());
        }
        let of = self.model.module(module);
        let attribute = of.attributes.get(&name);
        let attribute = attribute
            .ok_or_else(|| EvalError::Graph(format!("{} has no attribute `{name}`", of.class)))?;
        self.value(&attribute.value)
    }

    fn set_attribute(&mut self, module: ModuleId, name: Name, value: Value) {
        self.set.insert((module, name), value);
    }

    fn class(&self, module: ModuleId) -> Name {
        self.model.module(module).class
    }

    fn function(&self, name: FunctionName) -> Option<&Function> {
        self.model.functions.get(&name)
    }
}
