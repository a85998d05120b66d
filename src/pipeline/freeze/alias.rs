//! Which results may share memory with an operand, and so may not be told apart from it by a write.
//!
//! In: an operator and what is known of its operands. Out: whether a result may be, or may view, one of them.
//! Invariant: says "may share" whenever it cannot prove the contrary.

use crate::graph::{Facts, Name};
use crate::ops::{self, Schema};

/// Whether a result of `op` may be, or may view, one of its operands. `operands` are what is known of them.
pub fn may_share(op: Name, operands: &[Facts]) -> bool {
    if Schema::split(op.as_str()).0 == "aten::dequantize" {
        // Of a float tensor it returns the tensor itself.
        return !operands
            .first()
            .and_then(|x| x.dtype)
            .is_some_and(|dtype| dtype.is_quantized());
    }
    !ops::aliased_operands(op.as_str(), operands.len()).is_empty()
}
