//! What can go wrong when a value is computed.

use crate::graph::{ConstantId, Name};

/// Why a value could not be computed.
#[derive(Debug, thiserror::Error)]
pub enum EvalError {
    /// There is no kernel for the operator.
    #[error(
        "no kernel computes `{op}`; rules and models that need it cannot be checked by running"
    )]
    Unsupported {
        /// The operator, with its overload.
        op: String,
    },
    /// An operand is of the wrong kind.
    #[error("`{op}`: operand {position} should be {expected}, but is {found}")]
    Operand {
        /// The operator.
        op: String,
        /// Which operand, from 0.
        position: usize,
        /// What the operator needs.
        expected: &'static str,
        /// What it got.
        found: &'static str,
    },
    /// The operands do not fit together, or not the operator.
    #[error("`{op}`: {reason}")]
    Invalid {
        /// The operator.
        op: String,
        /// What does not fit.
        reason: String,
    },
    /// The model itself raised an exception.
    #[error("the model raises {class}: {message}")]
    Raised {
        /// Python class of the exception.
        class: String,
        /// Its message.
        message: String,
    },
    /// The graph and its host do not fit together.
    #[error("{0}")]
    Graph(String),
    /// An error with the place in the model file it belongs to.
    #[error("{place}: {source}")]
    At {
        /// Place in the file, such as `code/__torch__/m.py:12`.
        place: Name,
        /// The error.
        source: Box<EvalError>,
    },
    /// An error in computing a constant.
    #[error("constant {}: {source}", id.0)]
    Constant {
        /// The constant.
        id: ConstantId,
        /// The error.
        source: Box<EvalError>,
    },
}

/// Why a kernel gives up; `call` adds the operator's name.
#[derive(Debug)]
pub(super) enum Fault {
    /// An operand is of the wrong kind.
    Operand {
        position: usize,
        expected: &'static str,
        found: &'static str,
    },
    /// The operands do not fit.
    Invalid(String),
}

impl Fault {
    /// A fault with this reason.
    pub(super) fn new(reason: impl Into<String>) -> Fault {
        Fault::Invalid(reason.into())
    }

    /// The error of the operator.
    pub(super) fn of(self, op: &str) -> EvalError {
        let op = op.to_string();
        match self {
            Fault::Operand {
                position,
                expected,
                found,
            } => EvalError::Operand {
                op,
                position,
                expected,
                found,
            },
            Fault::Invalid(reason) => EvalError::Invalid { op, reason },
        }
    }
}
