//! Checked rules to compiled ones: one matcher trie over all of them, guards where they are ready, replacements to build.
//!
//! In: checked rules. Out: a [`RuleSet`] that the e-graph searches for; and the embedded library.
//! Invariant: knows no e-graph and no model; the search itself lives in `egraph`.

mod compile;
mod set;
mod shape;
mod shipped;
mod step;
mod trie;

pub use compile::CompileError;
pub use set::{CompiledProgram, CompiledRule, CompiledVariant, RuleSet, RuleSetError, slots_of};
pub use shape::{Shape, ShapeId, Shapes};
pub use shipped::{SHIPPED, Shipped};
pub use step::{AttributeTest, DimTest, Register, Step, TypeTest};
pub use trie::{BindEdge, BindGroup, Trie, TrieGuard, TrieId, TrieLeaf, TrieNode};
