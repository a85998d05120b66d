//! Types that patterns demand: `const Tensor<i8 | u8, [N, C, _, ..]>`, asked of a class.
//!
//! In: a class and a test. Out: whether what is known of the class satisfies it, and the dimensions it binds.
//! Invariant: what is not known does not satisfy anything, so a later fact can only turn a refusal into acceptance.

use crate::graph::{Dim, Facts, Literal, Type};
use crate::rules::{DimTest, TypeTest};

use super::classes::EGraph;
use super::language::Class;

impl EGraph {
    /// Whether a class is certainly of a type; its bound dimensions, in order.
    pub(super) fn is_typed(&self, class: Class, test: &TypeTest) -> Option<Vec<i64>> {
        if test.constant && !self.is_const(class) {
            return None;
        }
        let full;
        let facts = if test.ty.is_some() {
            full = self.facts(class);
            &full
        } else {
            let id = self.data(class).facts;
            self.inner.analysis.tables.get_facts(id)
        };
        if let Some(ty) = &test.ty
            && !has_type(facts, ty)
        {
            return None;
        }
        if !test.dtypes.is_empty() && !facts.dtype.is_some_and(|d| test.dtypes.contains(&d)) {
            return None;
        }
        match &test.dims {
            None => Some(Vec::new()),
            Some(dims) => match_dims(facts.shape.as_deref()?, dims),
        }
    }
}

fn match_dims(shape: &[Dim], dims: &[DimTest]) -> Option<Vec<i64>> {
    let open = dims.last() == Some(&DimTest::Rest);
    let named = if open { &dims[..dims.len() - 1] } else { dims };
    if shape.len() < named.len() || (!open && shape.len() > named.len()) {
        return None;
    }
    let mut bound = Vec::new();
    for (dim, test) in shape.iter().zip(named) {
        let known = match dim {
            Dim::Known(n) => i64::try_from(*n).ok(),
            Dim::Unknown => None,
        };
        match test {
            DimTest::Any | DimTest::Rest => {}
            DimTest::Equal(n) => (known == Some(*n)).then_some(())?,
            DimTest::Bind => bound.push(known?),
        }
    }
    Some(bound)
}

/// Whether a value of which this is known is certainly of a type.
pub(super) fn has_type(facts: &Facts, ty: &Type) -> bool {
    if let Some(literal) = &facts.literal {
        return literal_has_type(literal, ty);
    }
    if let Type::Scalar = ty {
        let is_number = matches!(
            facts.ty,
            Some(Type::Scalar | Type::Int | Type::Float | Type::Bool | Type::Complex)
        );
        return is_number || (facts.constant.is_some() && facts.rank() == Some(0));
    }
    match (&facts.ty, ty) {
        (_, Type::Any | Type::Variable(_)) => true,
        (Some(Type::Tensor(_)), Type::Tensor(_)) => true,
        (None, Type::Tensor(_)) => facts.dtype.is_some() || facts.shape.is_some(),
        (Some(Type::Optional(inner)), Type::Optional(wanted)) => inner == wanted,
        (_, Type::Optional(wanted)) => has_type(facts, wanted),
        (Some(Type::Int | Type::Float), Type::Float) => facts.ty == Some(Type::Float),
        (_, Type::Class(class)) => facts.class == Some(*class),
        (Some(known), wanted) => known == wanted,
        (None, _) => false,
    }
}

fn literal_has_type(literal: &Literal, ty: &Type) -> bool {
    match (literal, ty) {
        (_, Type::Any | Type::Variable(_)) => true,
        (Literal::None, Type::Optional(_) | Type::None) => true,
        (_, Type::Optional(inner)) => literal_has_type(literal, inner),
        (Literal::Bool(_), Type::Bool | Type::Scalar) => true,
        (Literal::Int(_), Type::Int | Type::Scalar) => true,
        (Literal::Float(_), Type::Float | Type::Scalar) => true,
        (Literal::Complex(..), Type::Complex | Type::Scalar) => true,
        (Literal::Str(_), Type::Str) | (Literal::Device(_), Type::Device) => true,
        (Literal::List(items), Type::List(inner)) => {
            items.iter().all(|item| literal_has_type(item, inner))
        }
        (Literal::Tuple(items), Type::Tuple(types)) => {
            items.len() == types.len()
                && items
                    .iter()
                    .zip(types)
                    .all(|(item, ty)| literal_has_type(item, ty))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{ConstantStore, DType};

    use super::super::language::LeafId;

    fn test(ty: Option<Type>, dtypes: &[DType], dims: Option<&[DimTest]>) -> TypeTest {
        TypeTest {
            constant: false,
            ty,
            dtypes: dtypes.to_vec(),
            dims: dims.map(<[DimTest]>::to_vec),
        }
    }

    #[test]
    fn only_what_is_known_satisfies() {
        let mut graph = EGraph::new(ConstantStore::default());
        let shape = [Dim::Known(4), Dim::Unknown, Dim::Known(3)];
        let facts = Facts::tensor(Some(DType::QI8), Some(shape.as_slice().into()));
        let known = graph.add_leaf(LeafId(0), facts);
        let unknown = graph.add_leaf(LeafId(1), Facts::default());
        let none = graph.add_literal(&Literal::None);
        let number = graph.add_literal(&Literal::Int(2));
        let tensor = test(Some(Type::tensor()), &[], None);
        let accepted = |class, test: &TypeTest| graph.is_typed(class, test);
        assert_eq!(accepted(known, &tensor), Some(vec![]));
        assert_eq!(accepted(unknown, &tensor), None);
        assert_eq!(accepted(none, &tensor), None);
        let scalar = test(Some(Type::Scalar), &[], None);
        assert_eq!(accepted(number, &scalar), Some(vec![]));
        assert_eq!(accepted(known, &scalar), None);
        use DimTest::{Any, Bind, Equal, Rest};
        let dims = |dims: &[DimTest]| accepted(known, &test(None, &[DType::QI8], Some(dims)));
        assert_eq!(dims(&[Bind, Any, Equal(3)]), Some(vec![4]));
        assert_eq!(dims(&[Bind, Rest]), Some(vec![4]));
        assert_eq!(dims(&[Any, Bind, Any]), None);
        assert_eq!(dims(&[Any, Any]), None);
        assert_eq!(dims(&[Any, Any, Any, Any, Rest]), None);
        let constant = TypeTest {
            constant: true,
            ..test(None, &[], None)
        };
        assert_eq!(accepted(number, &constant), Some(vec![]));
        assert_eq!(accepted(known, &constant), None);
    }
}
