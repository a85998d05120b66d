//! Rules without a test.

use crate::check::UNTESTED;
use crate::diagnostic::Diagnostic;

use super::named::Rules;

/// A warning for each rule that no test is for.
pub(super) fn untested(rules: &Rules<'_>) -> Vec<Diagnostic> {
    let tests = &rules.library.tests;
    let without = rules
        .asked()
        .filter(|rule| tests.iter().all(|test| test.target != rule.name));
    without
        .map(|rule| {
            Diagnostic::warning(UNTESTED, format!("`{}` has no test", rule.name))
                .primary(rules.name_span(rule), "nothing says what it does")
                .help("write `test \"...\" { given graph(...) { ... } expect ... }` inside of it")
        })
        .collect()
}
