//! The catalogue everybody asks: the carried schemas, and over them the operators that rule files declare.
//!
//! In: names; declarations of custom operators. Out: schemas and traits, whoever declared them.
//! Invariant: a declared operator hides a carried overload of the same full name.

use indexmap::IndexMap;
use rustc_hash::FxHashMap;

use super::schema::Schema;
use super::table;
use crate::graph::Name;

/// An operator that a rule file declares.
#[derive(Clone, PartialEq, Debug)]
pub struct CustomOp {
    /// What it takes and gives.
    pub schema: Schema,
    /// Two operands that may change places.
    pub commutative: Option<(usize, usize)>,
    /// Whether it does something beside its results.
    pub effect: bool,
    /// Whether it is a note for the search that no model may hold.
    pub is_virtual: bool,
}

/// Operators by name.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    custom: IndexMap<Name, CustomOp>,
    overloads: FxHashMap<Name, Vec<Schema>>,
}

impl Catalogue {
    /// The carried operators alone. Cheap.
    pub fn new() -> Catalogue {
        Catalogue::default()
    }

    /// Adds an operator, or replaces the one with the same full name.
    pub fn add(&mut self, op: CustomOp) {
        let overloads = self
            .overloads
            .entry(op.schema.base)
            .or_insert_with(|| table::schemas(op.schema.base.as_str()).to_vec());
        overloads.retain(|schema| schema.full != op.schema.full);
        overloads.push(op.schema.clone());
        self.custom.insert(op.schema.full, op);
    }

    /// The declared operators, in the order they were added.
    pub fn custom_ops(&self) -> impl Iterator<Item = &CustomOp> {
        self.custom.values()
    }

    /// The declared operator with this full name.
    pub fn custom(&self, full: &str) -> Option<&CustomOp> {
        if self.custom.is_empty() {
            return None;
        }
        self.custom.get(&Name::new(full))
    }

    /// All overloads of an operator; empty if there is none.
    pub fn schemas(&self, base: &str) -> &[Schema] {
        if self.custom.is_empty() {
            return table::schemas(base);
        }
        match self.overloads.get(&Name::new(base)) {
            Some(overloads) => overloads,
            None => table::schemas(base),
        }
    }

    /// The overload with this full name.
    pub fn schema(&self, full: &str) -> Option<&Schema> {
        match self.custom(full) {
            Some(op) => Some(&op.schema),
            None => table::schema(full),
        }
    }

    /// Whether there is an operator or overload of this name.
    pub fn knows(&self, name: &str) -> bool {
        self.schema(name).is_some() || !self.schemas(name).is_empty()
    }

    /// The known name nearest to a misspelled one.
    pub fn did_you_mean(&self, name: &str) -> Option<String> {
        let declared = self
            .custom
            .keys()
            .flat_map(|full| [full.as_str(), Schema::split(full.as_str()).0]);
        match table::nearest(name, declared) {
            Some((found, _)) => Some(found.to_owned()),
            None => table::did_you_mean(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn op(text: &str) -> CustomOp {
        CustomOp {
            schema: Schema::parse(text).unwrap(),
            commutative: None,
            effect: false,
            is_virtual: false,
        }
    }

    #[test]
    fn declared_operators_lie_over_the_carried_ones() {
        let mut catalogue = Catalogue::new();
        assert!(catalogue.schema("my::op").is_none());
        catalogue.add(op("my::op(Tensor x) -> Tensor"));
        catalogue.add(op("aten::relu.mine(Tensor x, int n) -> Tensor"));
        assert!(catalogue.knows("my::op") && catalogue.knows("aten::add"));
        assert_eq!(catalogue.schemas("aten::relu").len(), 3);
        assert_eq!(table::schemas("aten::relu").len(), 2);
        assert_eq!(catalogue.schemas("aten::add").len(), 16);
        assert_eq!(catalogue.did_you_mean("my::opp").as_deref(), Some("my::op"));
        assert_eq!(
            catalogue.did_you_mean("aten::linaer").as_deref(),
            Some("aten::linear")
        );
        catalogue.add(op("my::op(Tensor x, Tensor y) -> Tensor"));
        assert_eq!(catalogue.schemas("my::op").len(), 1);
        assert_eq!(catalogue.schema("my::op").unwrap().params.len(), 2);
    }
}
