//! What can keep a model from being frozen.

use crate::graph::Name;

/// Why a model cannot be frozen. Each message says where, and what to do.
#[derive(thiserror::Error, Debug, Clone, PartialEq, Eq)]
pub enum FreezeError {
    /// The root has no such method.
    #[error("the model has no method `{method}`; it has {}", .methods.join(", "))]
    NoMethod {
        /// The name asked for.
        method: String,
        /// The names there are.
        methods: Vec<String>,
    },
    /// The model is in training mode.
    #[error(
        "{path}.training is true: the model was saved in training mode; call `model.eval()` before saving it"
    )]
    Training {
        /// The module.
        path: String,
    },
    /// A name to keep does not exist.
    #[error("there is no attribute or method `{name}` to keep{}", did_you_mean(.meant))]
    UnknownName {
        /// The name.
        name: String,
        /// The name that was probably meant.
        meant: Option<String>,
    },
    /// A method to keep is not one of the model itself.
    #[error(
        "`{name}` is a method of the submodule `{module}`, and only methods of the model itself can be kept; give the model a method that calls it"
    )]
    InnerMethod {
        /// The name.
        name: String,
        /// The path of the module.
        module: String,
    },
    /// A module lacks an attribute that the code reads.
    #[error("{place}: {class} has no attribute `{attribute}`; the archive does not fit its code")]
    NoAttribute {
        /// Where it is read.
        place: String,
        /// The class.
        class: Name,
        /// The attribute.
        attribute: String,
    },
    /// A call goes to a function that was not read.
    #[error("{place}: there is no code for `{function}`")]
    NoFunction {
        /// Where it is called.
        place: String,
        /// The function.
        function: String,
    },
    /// Functions call each other without end.
    #[error(
        "{place}: calls nest deeper than {limit}; a function that calls itself cannot be inlined"
    )]
    TooDeep {
        /// Where the limit was met.
        place: String,
        /// The limit.
        limit: usize,
    },
    /// A module is used as a value, for example chosen by a branch.
    #[error(
        "{place}: `{op}` takes a module as a value; rulefold can only follow modules through attributes and calls"
    )]
    ModuleAsValue {
        /// Where.
        place: String,
        /// The operator.
        op: Name,
    },
    /// An attribute holds something that a graph cannot hold.
    #[error(
        "{place}: attribute `{attribute}` holds {what}, which cannot be made part of a graph; keep it with `--keep {attribute}`"
    )]
    Attribute {
        /// Where it is read.
        place: String,
        /// Its name.
        attribute: String,
        /// What it holds.
        what: &'static str,
    },
}

fn did_you_mean(meant: &Option<String>) -> String {
    meant
        .as_ref()
        .map_or_else(String::new, |meant| format!("; did you mean `{meant}`?"))
}
