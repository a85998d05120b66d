//! What an archive holds beside the graph, kept so that it can be written again.
//!
//! In: parts that the reader found. Out: the same parts for the writer.
//! Invariant: nothing here is computed on; code that nobody needed as a graph stays text.

use indexmap::IndexMap;
use rustc_hash::FxHashMap;

use crate::graph::{AttributeValue, ConstantId, FunctionName, Model, ModuleId, Name, Tensor, Type};
use crate::model::archive::{Compression, MemberData};

/// A TorchScript archive: its model, and what is needed to write it in its own format.
#[derive(Debug)]
pub struct TorchScript {
    /// Modules, functions and constants.
    pub model: Model,
    /// Everything else.
    pub container: Container,
}

/// What is no graph.
#[derive(Debug)]
pub struct Container {
    /// How the input kept its members; the output follows it.
    pub compression: Compression,
    /// How the input kept its code, which PyTorch compresses even where it stores the rest.
    pub code_compression: Compression,
    /// Text of the `version` member, such as `3\n`.
    pub version: String,
    /// Members of `extra/`, by their names in that folder, in order.
    pub extra: Vec<(String, MemberData)>,
    /// Methods of the root that stay text because they could not become graphs, each with the reason.
    pub kept_as_text: Vec<(FunctionName, String)>,
    /// Code members by module name (`__torch__.torch.nn.functional`), in order.
    pub(super) code: IndexMap<Name, CodeFile>,
    /// The entries of `constants.pkl`, which text refers to by number.
    pub(super) constants: Vec<AttributeValue>,
    /// Defaults of parameters that are constants, by function and position.
    pub(super) constant_defaults: IndexMap<(FunctionName, usize), ConstantId>,
    /// The tensors of attributes as the file stored them, so that views of one storage stay that.
    pub(super) tensors: FxHashMap<(ModuleId, Name), Vec<(ConstantId, Tensor)>>,
    /// States of modules that `__setstate__` restores, with the attributes they restored.
    pub(super) states: FxHashMap<ModuleId, ModuleState>,
    /// Whether text was forgotten.
    pub(super) forgotten: bool,
}

/// What `__setstate__` of a module gets.
#[derive(Clone, Debug)]
pub(super) struct ModuleState {
    pub value: AttributeValue,
    pub ty: Type,
    /// Values of the attributes that it restored, to know whether they are still the same.
    pub restored: Vec<(Name, AttributeValue)>,
}

/// A code member.
#[derive(Clone, Debug)]
pub(super) enum CodeFile {
    /// Nothing in it was needed.
    Text(String),
    /// Something in it was needed.
    Items(Vec<CodeItem>),
}

/// A class or function of a code member.
#[derive(Clone, Debug)]
pub(super) enum CodeItem {
    Class(ClassText),
    Function { name: Name, text: String },
}

/// A class as the file declares it.
#[derive(Clone, Debug)]
pub(super) struct ClassText {
    /// Qualified name.
    pub name: Name,
    pub base: Option<Name>,
    pub members: Vec<MemberText>,
    /// All of it as text.
    pub text: String,
}

/// A member of a class. Attributes are not listed: they are those of its modules.
#[derive(Clone, Debug)]
pub(super) enum MemberText {
    /// `__forward_hooks__ = [..]` and its like; parameters and buffers are known from the attributes.
    Names(Name, Vec<Name>),
    /// A constant or anything else that is carried as it is.
    Line(String),
    /// A method, as text in case it is no graph.
    Method { name: Name, text: String },
}

impl TorchScript {
    /// A model that no file holds yet.
    pub fn new(model: Model) -> TorchScript {
        TorchScript {
            model,
            container: Container {
                compression: Compression::Stored,
                code_compression: Compression::Deflated,
                version: "3\n".into(),
                extra: Vec::new(),
                kept_as_text: Vec::new(),
                code: IndexMap::new(),
                constants: Vec::new(),
                constant_defaults: IndexMap::new(),
                tensors: FxHashMap::default(),
                states: FxHashMap::default(),
                forgotten: true,
            },
        }
    }
}

impl Container {
    /// Whether code that is no graph is still carried.
    pub(super) fn has_text(&self) -> bool {
        !self.forgotten
    }

    /// Gives a function the defaults of another that are constants.
    pub fn clone_defaults(&mut self, from: FunctionName, to: FunctionName) {
        let defaults = self.constant_defaults.iter();
        let defaults = defaults.filter(|((function, _), _)| *function == from);
        let cloned: Vec<_> = defaults
            .map(|((_, position), id)| ((to, *position), *id))
            .collect();
        self.constant_defaults.extend(cloned);
    }

    /// The constants that a class declares, such as `kernel_size` of a convolution, with their texts.
    pub fn declared_constants(&self, class: Name) -> Vec<(&str, &str)> {
        let items = self.code.values().filter_map(|file| match file {
            CodeFile::Items(items) => Some(items),
            CodeFile::Text(_) => None,
        });
        let lines = items.flatten().filter_map(|item| match item {
            CodeItem::Class(text) if text.name == class => Some(&text.members),
            _ => None,
        });
        let constants = lines.flatten().filter_map(|member| match member {
            MemberText::Line(line) => {
                let (name, rest) = line.split_once(':')?;
                let (ty, value) = rest.split_once('=')?;
                let is_final = ty.trim_start().starts_with("Final");
                is_final.then(|| (name.trim(), value.trim()))
            }
            _ => None,
        });
        constants.collect()
    }

    /// Forgets all code that is no graph: methods and functions that nothing kept reaches, and classes no module is of.
    ///
    /// A rewriter that changes modules calls this, as such code may refer to what is no longer there. Returns the names of the methods
    /// of `root`'s class that went, in the order of the file.
    pub fn forget_text(&mut self, model: &Model) -> Vec<Name> {
        let root = model.modules.first().map(|root| root.class);
        let mut forgotten = Vec::new();
        for file in self.code.values_mut() {
            match file {
                CodeFile::Text(text) => text.clear(),
                CodeFile::Items(items) => {
                    for item in items {
                        match item {
                            CodeItem::Function { text, .. } => text.clear(),
                            CodeItem::Class(class) => {
                                for member in &mut class.members {
                                    let (name, text) = match member {
                                        MemberText::Method { name, text } => (name, text),
                                        MemberText::Line(text) => {
                                            text.clear();
                                            continue;
                                        }
                                        MemberText::Names(_, names) => {
                                            names.clear();
                                            continue;
                                        }
                                    };
                                    let function = FunctionName {
                                        class: Some(class.name),
                                        name: *name,
                                    };
                                    text.clear();
                                    if Some(class.name) == root
                                        && !model.functions.contains_key(&function)
                                    {
                                        forgotten.push(*name);
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
        self.forgotten = true;
        self.states.clear();
        self.constants.clear();
        self.kept_as_text.clear();
        forgotten
    }
}
