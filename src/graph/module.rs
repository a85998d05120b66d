//! The module tree of a model: objects with attributes, and the functions that run on them.

use indexmap::IndexMap;

use super::{ConstantId, ConstantStore, Graph, Literal, Name, Type};

/// A module of a [`Model`]. Module 0 is the root.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ModuleId(pub u32);

/// Whether the file lists an attribute as trained, as state, or as neither.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ParameterKind {
    /// Neither.
    #[default]
    Plain,
    /// A trained parameter.
    Parameter,
    /// A buffer.
    Buffer,
}

/// The value of an attribute.
#[derive(Clone, Debug)]
pub enum AttributeValue {
    /// A submodule.
    Module(ModuleId),
    /// A literal.
    Literal(Literal),
    /// A tensor or packed object.
    Constant(ConstantId),
    /// A list that holds something other than literals.
    List(Vec<AttributeValue>),
    /// A tuple that holds something other than literals.
    Tuple(Vec<AttributeValue>),
    /// A dictionary that holds something other than literals.
    Dict(Vec<(AttributeValue, AttributeValue)>),
}

/// An attribute with its declared type.
#[derive(Clone, Debug)]
pub struct Attribute {
    /// The value.
    pub value: AttributeValue,
    /// The declared type.
    pub ty: Type,
    /// Parameter, buffer or plain.
    pub kind: ParameterKind,
}

/// An object with attributes.
#[derive(Clone, Debug)]
pub struct Module {
    /// Qualified class name as the file writes it, mangling included.
    pub class: Name,
    /// Attributes in declaration order.
    pub attributes: IndexMap<Name, Attribute>,
}

/// A method of a class, or a free function if there is no class.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct FunctionName {
    /// The class a method belongs to.
    pub class: Option<Name>,
    /// The name: of the method alone, of a free function with its namespace.
    pub name: Name,
}

/// A function: its graph and the defaults of its parameters.
#[derive(Clone, Debug)]
pub struct Function {
    /// The body; the parameters of its first block are the function's, `self` first for methods.
    pub graph: Graph,
    /// Default values by parameter, `None` where there is none.
    pub defaults: Vec<Option<Literal>>,
    /// Declared result type.
    pub result: Type,
}

/// A model, whatever file it came from.
#[derive(Debug, Default)]
pub struct Model {
    /// The modules; the first is the root.
    pub modules: Vec<Module>,
    /// The functions that the kept methods reach, by name, in the order they were met.
    pub functions: IndexMap<FunctionName, Function>,
    /// The constants that graphs and attributes refer to.
    pub constants: ConstantStore,
}

impl Model {
    /// The root module.
    pub const ROOT: ModuleId = ModuleId(0);

    /// The module with this id.
    pub fn module(&self, id: ModuleId) -> &Module {
        &self.modules[id.0 as usize]
    }

    /// A method of the root, such as `forward`.
    pub fn root_method(&self, name: &str) -> Option<FunctionName> {
        let class = self.modules.first()?.class;
        let name = FunctionName {
            class: Some(class),
            name: Name::new(name),
        };
        self.functions.contains_key(&name).then_some(name)
    }

    /// Attribute names from the root to a module, the shortest path first met; `None` for a module that nothing holds.
    pub fn path(&self, module: ModuleId) -> Option<Vec<Name>> {
        let mut from: Vec<Option<(ModuleId, Name)>> = vec![None; self.modules.len()];
        let mut queue = std::collections::VecDeque::from([Model::ROOT]);
        while let Some(owner) = queue.pop_front() {
            if owner == module {
                let mut path = Vec::new();
                let mut at = module;
                while let Some((owner, name)) = from[at.0 as usize] {
                    path.push(name);
                    at = owner;
                }
                path.reverse();
                return Some(path);
            }
            for (&name, attribute) in &self.module(owner).attributes {
                if let AttributeValue::Module(inner) = attribute.value
                    && inner != Model::ROOT
                    && from[inner.0 as usize].is_none()
                {
                    from[inner.0 as usize] = Some((owner, name));
                    queue.push_back(inner);
                }
            }
        }
        None
    }
}

/// The name of a class without what PyTorch adds to keep names apart: `__torch__.m.___torch_mangle_3.Net` is `m.Net`.
pub fn unmangled(class: &str) -> String {
    let parts = class.split('.').filter(|part| {
        *part != "__torch__"
            && part
                .strip_prefix("___torch_mangle_")
                .is_none_or(|number| !number.bytes().all(|b| b.is_ascii_digit()))
    });
    parts.collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mangling_is_taken_off() {
        let class = "__torch__.torch.nn.___torch_mangle_12.modules.Conv2d";
        assert_eq!(unmangled(class), "torch.nn.modules.Conv2d");
        assert_eq!(unmangled("__torch__.Net"), "Net");
    }
}
