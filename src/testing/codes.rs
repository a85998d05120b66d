//! Codes of failed tests.
//!
//! Invariant: all are in the range `F08`.

use crate::diagnostic::Code;

/// A rule did not do what its test expects.
pub const TEST_MISSING: Code = Code::new("F0801", "test-missing");
/// A rule did what its test does not expect, or left it for another reason.
pub const TEST_NOISY: Code = Code::new("F0802", "test-noisy");
/// The result of a test is another graph.
pub const TEST_GRAPH: Code = Code::new("F0803", "test-graph");
/// The two sides of a rule compute different numbers.
pub const TEST_NUMBERS: Code = Code::new("F0804", "test-numbers");
/// A snapshot is new or differs.
pub const TEST_SNAPSHOT: Code = Code::new("F0805", "test-snapshot");
/// A test could not be run.
pub const TEST_NOT_RUN: Code = Code::new("F0806", "test-not-run");
