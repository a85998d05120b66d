//! Interned names: operators, attributes, classes. A `Name` is four bytes and compares by identity.
//!
//! In: text. Out: a handle whose text lives as long as the program.
//! Invariant: the order of two names is the order of their texts, never of their creation, so output does not depend on history.

use std::cmp::Ordering;
use std::fmt;
use std::sync::{LazyLock, RwLock};

use rustc_hash::FxHashMap;

#[derive(Default)]
struct Table {
    ids: FxHashMap<&'static str, u32>,
    texts: Vec<&'static str>,
}

static TABLE: LazyLock<RwLock<Table>> = LazyLock::new(RwLock::default);

/// An interned text. Equal texts are equal names.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Name(u32);

impl Name {
    /// The name with this text. Texts are kept until the program ends: intern names of a model or rule, not data.
    pub fn new(text: &str) -> Name {
        if let Some(&id) = TABLE
            .read()
            .unwrap_or_else(|e| e.into_inner())
            .ids
            .get(text)
        {
            return Name(id);
        }
        let mut table = TABLE.write().unwrap_or_else(|e| e.into_inner());
        if let Some(&id) = table.ids.get(text) {
            return Name(id);
        }
        let id = u32::try_from(table.texts.len()).expect("fewer than four billion names");
        let text: &'static str = Box::leak(text.into());
        table.texts.push(text);
        table.ids.insert(text, id);
        Name(id)
    }

    /// The text.
    pub fn as_str(self) -> &'static str {
        TABLE.read().unwrap_or_else(|e| e.into_inner()).texts[self.0 as usize]
    }

    /// A number unique to this name in this run; never let it decide an order that somebody sees.
    pub fn id(self) -> u32 {
        self.0
    }

    /// The name behind [`Name::id`]. `None` if no name has that number.
    pub fn from_id(id: u32) -> Option<Name> {
        let table = TABLE.read().unwrap_or_else(|e| e.into_inner());
        ((id as usize) < table.texts.len()).then_some(Name(id))
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Name {
        Name::new(text)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

impl PartialEq<str> for Name {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Name {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Name) -> Ordering {
        if self.0 == other.0 {
            Ordering::Equal
        } else {
            self.as_str().cmp(other.as_str())
        }
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Name) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
