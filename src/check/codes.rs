//! The codes of this stage.
//!
//! In: nothing. Out: constants for the diagnostics of the checker.
//! Invariant: names are `F02`, types and arity `F03`, rules `F04`, pipelines and tests `F05`, warnings `F09`.

use crate::diagnostic::Code;

/// A name that nothing binds.
pub const UNKNOWN_NAME: Code = Code::new("F0201", "unknown-name");
/// A name that is bound and never used.
pub const UNUSED_NAME: Code = Code::new("F0202", "unused-name");
/// Two items, parameters or statements with one name.
pub const DUPLICATE_NAME: Code = Code::new("F0203", "duplicate-name");
/// An op that the catalogue does not know.
pub const UNKNOWN_OP: Code = Code::new("F0204", "unknown-op");
/// A module that does not exist.
pub const UNKNOWN_MODULE: Code = Code::new("F0205", "unknown-module");
/// A module and an item with one full name.
pub const MODULE_AND_ITEM: Code = Code::new("F0206", "module-and-item");
/// A function that does not exist.
pub const UNKNOWN_FUNCTION: Code = Code::new("F0207", "unknown-function");
/// Something that is defined by itself.
pub const CIRCULAR: Code = Code::new("F0208", "circular");
/// A name of the wrong kind: a rule where a constant is wanted.
pub const WRONG_KIND: Code = Code::new("F0209", "wrong-kind");

/// Too many or too few operands, arguments or columns.
pub const ARITY: Code = Code::new("F0301", "arity");
/// A value where its type does not fit.
pub const TYPE_MISMATCH: Code = Code::new("F0302", "type-mismatch");
/// A replacement of another type than what it replaces.
pub const ROOT_TYPE: Code = Code::new("F0303", "root-type");
/// Something that must be known at compile time, and is not.
pub const NOT_KNOWN: Code = Code::new("F0304", "not-known");
/// A type that does not exist, or says nothing here.
pub const UNKNOWN_TYPE: Code = Code::new("F0305", "unknown-type");

/// A rule without numerics label, or with two.
pub const NUMERICS: Code = Code::new("F0401", "numerics");
/// `_`, `..`, `op?` and the like on a written side.
pub const PATTERN_ONLY: Code = Code::new("F0402", "pattern-only");
/// An op that writes to its operand.
pub const IN_PLACE: Code = Code::new("F0403", "in-place");
/// A rule for both directions whose sides bind different names.
pub const SIDES_DIFFER: Code = Code::new("F0404", "sides-differ");
/// A pattern that starts with no op.
pub const BARE_ROOT: Code = Code::new("F0405", "bare-root");
/// A rule without `match` or `rewrite`, or with two.
pub const INCOMPLETE: Code = Code::new("F0406", "incomplete");
/// A label that cannot stand on this rule.
pub const LABEL_MISPLACED: Code = Code::new("F0407", "label-misplaced");
/// An expression or a pattern where the other is meant.
pub const NOT_A_PATTERN: Code = Code::new("F0408", "not-a-pattern");
/// An effect where there cannot be one, or something else where an effect is meant.
pub const EFFECT: Code = Code::new("F0409", "effect");
/// Several roots, none of whose names is in another.
pub const UNRELATED_ROOTS: Code = Code::new("F0410", "unrelated-roots");
/// A constant tensor computed where none can be, or of what is not constant.
pub const CONSTANT_TENSOR: Code = Code::new("F0411", "constant-tensor");
/// What the language has and this version does not do.
pub const NOT_YET: Code = Code::new("F0450", "not-yet");

/// A step that does not exist, or is given what it does not take.
pub const STEP: Code = Code::new("F0501", "step");
/// A rule that cannot stand in this step.
pub const STEP_RULE: Code = Code::new("F0502", "step-rule");
/// A test of something that does not exist.
pub const TEST_TARGET: Code = Code::new("F0503", "test-target");
/// A reason that no guard gives.
pub const UNKNOWN_REASON: Code = Code::new("F0504", "unknown-reason");
/// A graph that is no graph.
pub const GRAPH: Code = Code::new("F0505", "graph");

/// An instance with very many variants.
pub const MANY_VARIANTS: Code = Code::new("F0901", "many-variants");
/// A name that is taken from a module and never used.
pub const UNUSED_USE: Code = Code::new("F0902", "unused-use");
/// Something that says it will go.
pub const DEPRECATED: Code = Code::new("F0903", "deprecated");
/// A rule that no test is for.
pub const UNTESTED: Code = Code::new("F0904", "untested");
/// A guard that is true wherever the rest of the rule matches.
pub const NEEDLESS_GUARD: Code = Code::new("F0905", "needless-guard");
/// A rule that does nothing that another does not do.
pub const SHADOWED: Code = Code::new("F0906", "shadowed");
/// A rule whose result it matches again, without end.
pub const SELF_GROWING: Code = Code::new("F0907", "self-growing");
/// Two rules that write different things for one graph.
pub const OVERLAP: Code = Code::new("F0908", "overlap");
/// A rule one of whose guards is always false.
pub const NEVER_MATCHES: Code = Code::new("F0909", "never-matches");
