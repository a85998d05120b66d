//! Names of local variables: those the graph suggests, made valid and unique.
//!
//! In: suggested names in the order of printing. Out: identifiers.
//! Invariant: a name that is valid and free is taken as it is, so that code which was read is printed with its own names.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::graph::Name;

/// Words that mean something else in code.
const RESERVED: [&str; 60] = [
    "and",
    "as",
    "assert",
    "break",
    "class",
    "continue",
    "def",
    "del",
    "elif",
    "else",
    "except",
    "finally",
    "for",
    "from",
    "global",
    "if",
    "import",
    "in",
    "is",
    "lambda",
    "nonlocal",
    "not",
    "or",
    "pass",
    "raise",
    "return",
    "try",
    "while",
    "with",
    "yield",
    "async",
    "await",
    "None",
    "True",
    "False",
    "torch",
    "ops",
    "CONSTANTS",
    "__torch__",
    "annotate",
    "uninitialized",
    "unchecked_cast",
    "isinstance",
    "getattr",
    "range",
    "inf",
    "nan",
    "bool",
    "int",
    "float",
    "complex",
    "str",
    "len",
    "sorted",
    "abs",
    "min",
    "max",
    "ord",
    "print",
    "fork",
];

/// The names of one function.
pub(super) struct Names {
    taken: FxHashSet<String>,
    next: FxHashMap<String, u32>,
    fresh: u32,
}

impl Names {
    pub(super) fn new() -> Names {
        Names {
            taken: RESERVED.iter().map(|&word| word.to_owned()).collect(),
            next: FxHashMap::default(),
            fresh: 0,
        }
    }

    /// A free identifier, near the suggested name.
    pub(super) fn unique(&mut self, suggested: Option<Name>) -> String {
        let base = suggested
            .map(|name| identifier(name.as_str()))
            .filter(|base| !base.is_empty());
        let Some(base) = base else {
            loop {
                let name = format!("_{}", self.fresh);
                self.fresh += 1;
                if self.taken.insert(name.clone()) {
                    return name;
                }
            }
        };
        if self.taken.insert(base.clone()) {
            return base;
        }
        let next = self.next.entry(base.clone()).or_insert(0);
        loop {
            let name = format!("{base}{next}");
            *next += 1;
            if self.taken.insert(name.clone()) {
                return name;
            }
        }
    }
}

/// Whether a text can stand where code wants a name.
pub(super) fn is_identifier(text: &str) -> bool {
    identifier(text) == text && !text.is_empty() && !RESERVED.contains(&text)
}

fn identifier(text: &str) -> String {
    let mut name: String = text
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect();
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        name.insert(0, '_');
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_valid_and_unique() {
        let mut names = Names::new();
        let mut unique = |text: &str| names.unique(Some(Name::new(text)));
        assert_eq!(unique("x"), "x");
        assert_eq!(unique("x"), "x0");
        assert_eq!(unique("x"), "x1");
        assert_eq!(unique("6_quant.1"), "_6_quant_1");
        assert_eq!(unique("in"), "in0");
        assert_eq!(names.unique(None), "_0");
        assert_eq!(names.unique(Some(Name::new("_1"))), "_1");
        assert_eq!(names.unique(None), "_2");
    }
}
