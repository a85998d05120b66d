//! The operator catalogue: what each operator takes and gives, what it does beside that, and what is known of its results.
//!
//! In: operator names, types and facts of operands. Out: schemas, chosen overloads, traits, facts of results, folded literals.
//! Invariant: knows no rule, no file and no tensor bytes; what needs values of tensors is computed in `eval`.
//! Invariant: a fact that is not certain is left out; nothing here guesses.
//!
//! `torch.txt` holds every operator schema of PyTorch 2.15 (as `torch._C._jit_get_all_schemas()` prints them, without schemas over
//! dimension names), one a line in byte order; `prim.txt` those that PyTorch builds in without a schema; `xnnpack.txt` those of builds with
//! XNNPACK; `own.txt` what rules write in the place of something that is done when a model is written; `torch_1_13.txt` the names among
//! `torch.txt` that PyTorch 1.13 does not have or has with other parameters.

#[cfg(test)]
mod case;
mod catalogue;
mod element_type;
mod fold;
mod infer;
mod parse;
mod partners;
mod promotion;
mod resolve;
mod schema;
mod table;
mod traits;

pub use catalogue::{Catalogue, CustomOp};
pub use element_type::{torch_dtype, torch_dtype_code};
pub use fold::{fold_from_facts, fold_literals, folds_literals};
pub use infer::{facts_of_constant, infer, result_bytes};
pub use parse::SchemaError;
pub use partners::{Commutes, aliased_operands, commutative, in_place_partner};
pub use promotion::{Promoted, promoted};
pub use resolve::{Argument, Call, Candidate, Operand, ResolveError, Resolved};
pub use schema::{AliasInfo, Param, ResultInfo, Schema};
pub use table::{available_in_1_13, did_you_mean, schema, schemas};
pub use traits::{Purity, can_trap, counts_as_operation, is_product, purity, purity_given};
