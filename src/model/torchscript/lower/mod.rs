//! Code trees to graphs.
//!
//! In: parsed definitions, the classes of the module tree, the operator catalogue. Out: functions in static single assignment form.
//! Invariant: operators have their full overload names and all operands, defaults filled in; every value has its static type.

mod call;
mod control;
mod expression;
mod function;
mod literal;
mod program;
mod scope;

pub(super) use program::Program;
