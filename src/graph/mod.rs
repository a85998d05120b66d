//! What all model formats meet in: graphs with blocks, typed values, constants by handle, effects in order, and a module tree.
//!
//! In: nothing; formats build these types, the engine rewrites them. Out: the same types, verified.
//! Invariant: knows no file format and no rule; an operator is a name here, its meaning lives in `ops`.
//! Invariant: tensor bytes are handles; nothing in this module copies them.

mod constant;
mod dtype;
mod facts;
mod literal;
mod module;
mod name;
mod object;
mod prune;
mod same;
mod ssa;
mod tensor;
pub mod text;
mod types;
mod verify;

pub use constant::{
    Constant, ConstantEntry, ConstantId, ConstantOperand, ConstantStore, Expression, Packed,
    PackedConfig,
};
pub use dtype::DType;
pub use facts::{Dim, Facts, QParams, Shape};
pub use literal::Literal;
pub use module::{
    Attribute, AttributeValue, Function, FunctionName, Model, Module, ModuleId, ParameterKind,
    unmangled,
};
pub use name::Name;
pub use object::{Object, ObjectState};
pub use prune::prune;
pub use same::same;
pub use ssa::{AttributeLiteral, Block, BlockId, Def, Graph, Node, NodeId, Value, ValueId};
pub use tensor::{Quantization, Storage, Tensor};
pub use types::{TensorType, Type};
pub use verify::VerifyError;
