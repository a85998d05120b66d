//! Lowering of a program: the methods of the root class and, through them, everything they call.
//!
//! In: the code members and the module tree. Out: the model's functions, in the order they were met.
//! Invariant: every function that a lowered function calls is lowered too; `forward` must lower, other methods of the root may stay text.

#![deny(clippy::unwrap_used, clippy::indexing_slicing)]

use indexmap::IndexMap;
use rustc_hash::FxHashSet;

use super::function::lower_function;
use crate::graph::{AttributeValue, ConstantId, FunctionName, Model, Name, Type};
use crate::model::torchscript::code_ast::{Class, Expr, ExprKind, Member};
use crate::model::torchscript::code_base::{CodeBase, FunctionCode, member_of};
use crate::model::torchscript::error::{ReadError, SAVE_AGAIN};
use crate::model::torchscript::objects::declared;
use crate::ops::Catalogue;

/// Methods that are part of saving, not of the model.
const STATE_METHODS: [&str; 2] = ["__getstate__", "__setstate__"];

/// What lowering reads and fills.
pub(in crate::model::torchscript) struct Program<'a, 's> {
    pub code: &'a mut CodeBase<'s>,
    pub model: &'a mut Model,
    pub catalogue: &'a Catalogue,
    /// The entries of `constants.pkl`.
    pub constants: &'a [AttributeValue],
    /// Defaults of parameters that are constants.
    pub constant_defaults: IndexMap<(FunctionName, usize), ConstantId>,
    queue: Vec<FunctionName>,
    met: FxHashSet<FunctionName>,
}

impl<'a, 's> Program<'a, 's> {
    pub(in crate::model::torchscript) fn new(
        code: &'a mut CodeBase<'s>,
        model: &'a mut Model,
        catalogue: &'a Catalogue,
        constants: &'a [AttributeValue],
    ) -> Program<'a, 's> {
        Program {
            code,
            model,
            catalogue,
            constants,
            constant_defaults: IndexMap::new(),
            queue: Vec::new(),
            met: FxHashSet::default(),
        }
    }

    /// Lowers `forward` and the other methods of the root. Returns those that stay text, with the reason.
    pub(in crate::model::torchscript) fn lower_root(
        &mut self,
    ) -> Result<Vec<(FunctionName, String)>, ReadError> {
        let Some(class) = self.model.modules.first().map(|root| root.class) else {
            unreachable!("the objects were read before the code");
        };
        let Some(code) = self.code.class(class)? else {
            unreachable!("objects of classes without code were refused");
        };
        let methods = code.class().members.iter().filter_map(|m| match m {
            Member::Method(signature) => Some(signature.name),
            _ => None,
        });
        let mut methods: Vec<Name> = methods.collect();
        let Some(forward) = methods.iter().position(|name| *name == "forward") else {
            return Err(ReadError::Object {
                place: member_of(class.as_str()),
                what: format!("class `{class}` has no method `forward`"),
                cure: "save a module that has one".to_owned(),
            });
        };
        let forward = methods.remove(forward);
        self.lower_reached(FunctionName {
            class: Some(class),
            name: forward,
        })?;
        let mut text = Vec::new();
        for name in methods {
            if STATE_METHODS.contains(&name.as_str()) {
                continue;
            }
            let method = FunctionName {
                class: Some(class),
                name,
            };
            let lowered = self.model.functions.len();
            let met = self.met.clone();
            if let Err(error) = self.lower_reached(method) {
                self.queue.clear();
                self.model.functions.truncate(lowered);
                self.constant_defaults
                    .retain(|(function, _), _| self.model.functions.contains_key(function));
                self.met = met;
                text.push((method, error.to_string()));
            }
        }
        Ok(text)
    }

    /// Lowers a function and what it calls.
    pub(in crate::model::torchscript) fn lower_reached(
        &mut self,
        name: FunctionName,
    ) -> Result<(), ReadError> {
        self.reach(name);
        while let Some(name) = self.queue.pop() {
            let Some(code) = self.code.definition(name)? else {
                return Err(missing(name));
            };
            let function = lower_function(self, name, &code)?;
            self.model.functions.insert(name, function);
        }
        Ok(())
    }

    /// Notes that a function is called. Calls through an interface reach the method of every module that has it.
    pub(super) fn reach(&mut self, name: FunctionName) {
        if self.met.insert(name) {
            self.queue.push(name);
        }
    }

    /// Notes that a method is called on a value that may be any module.
    pub(super) fn reach_all(&mut self, method: Name) -> Result<(), ReadError> {
        let mut classes: Vec<Name> = self.model.modules.iter().map(|m| m.class).collect();
        classes.sort();
        classes.dedup();
        for class in classes {
            let has = self
                .code
                .class(class)?
                .is_some_and(|c| c.method(method).is_some());
            if has {
                self.reach(FunctionName {
                    class: Some(class),
                    name: method,
                });
            }
        }
        Ok(())
    }

    /// The declared type of an attribute, and of the fields of a named tuple.
    pub(super) fn attribute_type(
        &mut self,
        class: Name,
        attribute: Name,
    ) -> Result<Option<Type>, ReadError> {
        let Some(code) = self.code.class(class)? else {
            return Ok(None);
        };
        Ok(declared(code.class())
            .find(|(name, _)| *name == attribute)
            .map(|(_, ty)| ty.clone()))
    }

    /// The fields of a named tuple; `None` if the class is something else.
    pub(super) fn named_tuple(
        &mut self,
        class: Name,
    ) -> Result<Option<Vec<(Name, Type)>>, ReadError> {
        let Some(code) = self.code.class(class)? else {
            return Ok(None);
        };
        let is = has_base(code.class(), "NamedTuple");
        Ok(is.then(|| {
            declared(code.class())
                .map(|(name, ty)| (name, ty.clone()))
                .collect()
        }))
    }

    /// The code of a method, and whether its class is an interface.
    pub(super) fn method(
        &mut self,
        class: Name,
        method: Name,
    ) -> Result<Option<(FunctionCode<'s>, bool)>, ReadError> {
        Ok(self.code.class(class)?.and_then(|code| {
            let interface = is_interface(code.class());
            Some((code.method(method)?, interface))
        }))
    }

    /// The entry of `constants.pkl` that an expression `CONSTANTS.ck` names.
    pub(super) fn constant(&self, expr: &Expr) -> Option<&AttributeValue> {
        let ExprKind::Attribute(object, name) = &expr.kind else {
            return None;
        };
        let ExprKind::Name(root) = object.kind else {
            return None;
        };
        let index = name.as_str().strip_prefix('c')?.parse::<usize>().ok()?;
        (root == "CONSTANTS").then(|| self.constants.get(index))?
    }
}

/// Whether a class only says what methods there are: of an object, or of a module.
fn is_interface(class: &Class) -> bool {
    has_base(class, "Interface") || has_base(class, "ModuleInterface")
}

fn has_base(class: &Class, base: &str) -> bool {
    class.base.is_some_and(|b| b == base)
}

fn missing(name: FunctionName) -> ReadError {
    let (full, what) = match name.class {
        Some(class) => (
            format!("{class}.{}", name.name),
            format!("class `{class}` has no method `{}`", name.name),
        ),
        None => (
            name.name.to_string(),
            format!("function `{}` has no code", name.name),
        ),
    };
    ReadError::Object {
        place: match name.class {
            Some(class) => member_of(class.as_str()),
            None => member_of(&full),
        },
        what,
        cure: SAVE_AGAIN.to_owned(),
    }
}
