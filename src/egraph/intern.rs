//! Tables that turn what is large and repeated (literals, attributes, facts, lists of constants) into small numbers.
//!
//! In: values. Out: ids that are equal where the values are, so that the analysis data of a class is a few words.
//! Invariant: literals also carry a key that is equal for literals of the same *value* (`1` and `1.0`), which is what patterns compare.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use indexmap::IndexSet;
use rustc_hash::{FxBuildHasher, FxHashMap};

use crate::graph::{AttributeLiteral, ConstantId, Dim, Facts, Literal, Name, QParams};

use super::language::AttributesId;

/// An interned literal.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct LiteralId(pub(super) u32);

/// Interned facts, without the literal and constant that the class is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(super) struct FactsId(pub(super) u32);

/// An interned list whose elements are all known.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(super) struct ListId(u32);

/// What is known of a class's value before the model runs.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(super) enum Known {
    /// Nothing.
    No,
    /// A literal.
    Literal(LiteralId),
    /// A tensor or packed object.
    Constant(ConstantId),
    /// A list of known values, at least one of which is no literal.
    List(ListId),
}

/// All tables of one e-graph.
#[derive(Debug, Default)]
pub(super) struct Tables {
    literals: IndexSet<Literal, FxBuildHasher>,
    keys: Vec<u32>,
    attributes: IndexSet<Bundle, FxBuildHasher>,
    facts: IndexSet<FactsKey, FxBuildHasher>,
    lists: IndexSet<Vec<Known>, FxBuildHasher>,
    values: FxHashMap<Literal, u32>,
    /// What bundles of attributes leave out, as far as patterns have asked.
    bundles: Vec<Box<[Name]>>,
}

impl Tables {
    pub(super) const NO_FACTS: FactsId = FactsId(0);

    pub(super) fn new() -> Tables {
        let mut tables = Tables::default();
        tables.attributes.insert(Bundle(Vec::new()));
        tables.literal(&Literal::None);
        assert_eq!(tables.facts(Facts::default()), Tables::NO_FACTS);
        tables
    }

    pub(super) fn literal(&mut self, literal: &Literal) -> LiteralId {
        if let Some(at) = self.literals.get_index_of(literal) {
            return LiteralId(index(at));
        }
        let (at, _) = self.literals.insert_full(literal.clone());
        let next = index(self.values.len());
        let key = *self.values.entry(by_value(literal)).or_insert(next);
        self.keys.push(key);
        LiteralId(index(at))
    }

    pub(super) fn get_literal(&self, id: LiteralId) -> &Literal {
        &self.literals[id.0 as usize]
    }

    /// Equal for literals of the same value.
    pub(super) fn value_key(&self, id: LiteralId) -> u32 {
        self.keys[id.0 as usize]
    }

    /// The number of a literal that was entered before.
    pub(super) fn find_literal(&self, literal: &Literal) -> Option<LiteralId> {
        let at = self.literals.get_index_of(literal)?;
        Some(LiteralId(index(at)))
    }

    /// Interns attributes, and what they hold as literals, because patterns may bind it.
    pub(super) fn attributes(&mut self, attributes: Vec<(Name, AttributeLiteral)>) -> AttributesId {
        for (_, value) in &attributes {
            if let AttributeLiteral::Literal(literal) = value {
                self.literal(literal);
            }
        }
        let (at, new) = self.attributes.insert_full(Bundle(attributes));
        for number in 0..self.bundles.len() * usize::from(new) {
            self.enter_bundle(at, number);
        }
        AttributesId(index(at))
    }

    /// From here on bundles that leave out these attributes are entered as literals, because patterns bind them.
    pub(super) fn ask_for_bundle(&mut self, without: &[Name]) {
        if self.bundles.iter().any(|known| **known == *without) {
            return;
        }
        self.bundles.push(without.into());
        for at in 0..self.attributes.len() {
            self.enter_bundle(at, self.bundles.len() - 1);
        }
    }

    fn enter_bundle(&mut self, at: usize, number: usize) {
        if let Some(bundle) = bundle(&self.attributes[at].0, &self.bundles[number]) {
            self.literal(&bundle);
        }
    }

    pub(super) fn get_attributes(&self, id: AttributesId) -> &[(Name, AttributeLiteral)] {
        &self.attributes[id.0 as usize].0
    }

    /// Interns facts; what value it is is left out. Sizes become literals too, because patterns may bind them.
    pub(super) fn facts(&mut self, mut facts: Facts) -> FactsId {
        facts.literal = None;
        facts.constant = None;
        let (at, new) = self.facts.insert_full(FactsKey(facts));
        if new {
            let shape = self.facts[at].0.shape.clone();
            for dim in shape.iter().flat_map(|shape| shape.iter()) {
                if let Dim::Known(n) = dim
                    && let Ok(n) = i64::try_from(*n)
                {
                    self.literal(&Literal::Int(n));
                }
            }
        }
        FactsId(index(at))
    }

    pub(super) fn get_facts(&self, id: FactsId) -> &Facts {
        &self.facts[id.0 as usize].0
    }

    pub(super) fn list(&mut self, items: Vec<Known>) -> ListId {
        ListId(index(self.lists.insert_full(items).0))
    }

    pub(super) fn get_list(&self, id: ListId) -> &[Known] {
        &self.lists[id.0 as usize]
    }
}

/// All attributes but these as a dictionary, by name; nothing if one of them is no literal. What the e-graph itself notes is no
/// attribute of the model.
pub(super) fn bundle(attributes: &[(Name, AttributeLiteral)], without: &[Name]) -> Option<Literal> {
    let of_model = |name: &Name| {
        let mut bytes = name.as_str().bytes();
        bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let mut held: Vec<(Literal, Literal)> = Vec::with_capacity(attributes.len());
    let mut names: Vec<Name> = Vec::with_capacity(attributes.len());
    for (name, value) in attributes {
        if without.contains(name) || !of_model(name) {
            continue;
        }
        let AttributeLiteral::Literal(literal) = value else {
            return None;
        };
        let at = names.partition_point(|known| known.as_str() < name.as_str());
        names.insert(at, *name);
        held.insert(at, (Literal::str(name.as_str()), literal.clone()));
    }
    Some(Literal::Dict(held.into()))
}

fn index(at: usize) -> u32 {
    u32::try_from(at).expect("fewer than four billion entries")
}

/// The literal that stands for all of the same value: integers for whole doubles, lists for tuples.
fn by_value(literal: &Literal) -> Literal {
    match literal {
        Literal::Float(x) => {
            let n = *x as i64;
            if n as f64 == *x && Literal::Int(n).same_value(literal) {
                Literal::Int(n)
            } else {
                literal.clone()
            }
        }
        Literal::List(items) | Literal::Tuple(items) => {
            Literal::List(items.iter().map(by_value).collect::<Arc<[_]>>())
        }
        _ => literal.clone(),
    }
}

#[derive(Debug, PartialEq)]
struct Bundle(Vec<(Name, AttributeLiteral)>);

impl Eq for Bundle {}

impl Hash for Bundle {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for (name, value) in &self.0 {
            name.hash(state);
            match value {
                AttributeLiteral::Literal(literal) => literal.hash(state),
                AttributeLiteral::Constant(id) => id.hash(state),
                AttributeLiteral::Type(ty) => ty.hash(state),
            }
        }
    }
}

#[derive(Debug, PartialEq)]
struct FactsKey(Facts);

impl Eq for FactsKey {}

impl Hash for FactsKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash_facts(&self.0, state);
    }
}

fn hash_facts<H: Hasher>(facts: &Facts, state: &mut H) {
    let Facts {
        ty,
        dtype,
        shape,
        qparams,
        literal,
        constant,
        elements,
        class,
    } = facts;
    (ty, dtype, shape, literal, constant, class).hash(state);
    match qparams {
        QParams::Unknown => 0_u8.hash(state),
        // Adding zero makes one of the two zeros, which are equal.
        QParams::PerTensor { scale, zero_point } => {
            ((scale + 0.0).to_bits(), zero_point).hash(state);
        }
        QParams::PerChannel { axis } => (1_u8, axis).hash(state),
    }
    if let Some(elements) = elements {
        for element in elements.iter() {
            hash_facts(element, state);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_follow_the_equality_of_patterns() {
        let literals = [
            Literal::Int(1),
            Literal::Float(1.0),
            Literal::Float(0.0),
            Literal::Float(-0.0),
            Literal::Int(0),
            Literal::Int(9_007_199_254_740_993),
            Literal::Float(9_007_199_254_740_992.0),
            Literal::Int(i64::MAX),
            Literal::Float(i64::MAX as f64),
            Literal::Float(f64::NAN),
            Literal::Float(f64::INFINITY),
            Literal::Float(0.1),
            Literal::Bool(true),
            Literal::None,
            Literal::str("1"),
            Literal::ints([1, 2]),
            Literal::Tuple([Literal::Float(1.0), Literal::Int(2)].into()),
        ];
        let mut tables = Tables::new();
        for a in &literals {
            for b in &literals {
                let (i, j) = (tables.literal(a), tables.literal(b));
                assert_eq!(i == j, a == b, "{a:?} {b:?}");
                let same = tables.value_key(i) == tables.value_key(j);
                assert_eq!(same, a.same_value(b), "{a:?} {b:?}");
                assert_eq!(tables.find_literal(a), Some(i));
            }
        }
    }

    #[test]
    fn facts_are_interned_without_their_value() {
        let mut tables = Tables::new();
        let one = tables.facts(Facts::of_literal(Literal::Int(1)));
        assert_eq!(one, tables.facts(Facts::of_literal(Literal::Int(2))));
        assert_ne!(
            one,
            tables.facts(Facts::of_type(crate::graph::Type::tensor()))
        );
    }
}
