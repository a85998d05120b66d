//! Joining what is known of two values that are found equal.
//!
//! In: facts of both. Out: all that either side knows, or the first thing on which they disagree.
//! Invariant: joining is commutative and associative where it succeeds, and joining a value's facts with themselves changes nothing.
//! Invariant: an element type, a size, a literal or a scale that differs is never picked from one side: it is a [`Clash`], because
//! values that are equal cannot differ in it.

use std::fmt;
use std::sync::Arc;

use crate::graph::{Dim, Facts, QParams, Shape, Type};

/// Two facts about one value that cannot both be true.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Clash {
    /// What they are about: `dtype`, `shape`, `literal`, `qparams`, `length`.
    pub about: &'static str,
    /// One side.
    pub left: String,
    /// The other.
    pub right: String,
}

impl fmt::Display for Clash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} against {}", self.about, self.left, self.right)
    }
}

/// What either side knows.
pub(super) fn join(a: &Facts, b: &Facts) -> Result<Facts, Clash> {
    Ok(Facts {
        ty: join_types(a.ty.as_ref(), b.ty.as_ref()),
        dtype: either("dtype", &a.dtype, &b.dtype, |a, b| a == b)?,
        shape: join_shapes(a.shape.as_ref(), b.shape.as_ref())?,
        qparams: join_qparams(a.qparams, b.qparams)?,
        literal: either("literal", &a.literal, &b.literal, |a, b| a.same_value(b))?,
        constant: a.constant.into_iter().chain(b.constant).min(),
        elements: join_elements(a.elements.as_ref(), b.elements.as_ref())?,
        class: a.class.into_iter().chain(b.class).min(),
    })
}

fn either<T: Clone + fmt::Debug>(
    about: &'static str,
    a: &Option<T>,
    b: &Option<T>,
    same: impl Fn(&T, &T) -> bool,
) -> Result<Option<T>, Clash> {
    match (a, b) {
        (Some(x), Some(y)) if !same(x, y) => Err(clash(about, x, y)),
        (None, known) | (known, _) => Ok(known.clone()),
    }
}

fn clash(about: &'static str, left: &impl fmt::Debug, right: &impl fmt::Debug) -> Clash {
    Clash {
        about,
        left: format!("{left:?}"),
        right: format!("{right:?}"),
    }
}

fn join_shapes(a: Option<&Shape>, b: Option<&Shape>) -> Result<Option<Shape>, Clash> {
    let (Some(x), Some(y)) = (a, b) else {
        return Ok(a.or(b).cloned());
    };
    if x == y {
        return Ok(Some(x.clone()));
    }
    let disagree = || Clash {
        about: "shape",
        left: shape_text(x),
        right: shape_text(y),
    };
    if x.len() != y.len() {
        return Err(disagree());
    }
    x.iter()
        .zip(y.iter())
        .map(|(&m, &n)| match (m, n) {
            (Dim::Unknown, known) | (known, Dim::Unknown) => Ok(known),
            (m, n) if m == n => Ok(m),
            _ => Err(disagree()),
        })
        .collect::<Result<Shape, Clash>>()
        .map(Some)
}

fn shape_text(shape: &[Dim]) -> String {
    let dims: Vec<String> = shape.iter().map(Dim::to_string).collect();
    format!("[{}]", dims.join(", "))
}

fn join_qparams(a: QParams, b: QParams) -> Result<QParams, Clash> {
    match (a, b) {
        (QParams::Unknown, known) | (known, QParams::Unknown) => Ok(known),
        (a, b) if a == b => Ok(a),
        (a, b) => Err(clash("qparams", &a, &b)),
    }
}

fn join_elements(
    a: Option<&Arc<[Facts]>>,
    b: Option<&Arc<[Facts]>>,
) -> Result<Option<Arc<[Facts]>>, Clash> {
    let (Some(x), Some(y)) = (a, b) else {
        return Ok(a.or(b).cloned());
    };
    if Arc::ptr_eq(x, y) {
        return Ok(Some(x.clone()));
    }
    if x.len() != y.len() {
        return Err(clash("length", &x.len(), &y.len()));
    }
    x.iter()
        .zip(y.iter())
        .map(|(x, y)| join(x, y))
        .collect::<Result<Arc<[Facts]>, Clash>>()
        .map(Some)
}

/// The narrower of two types. Types only say where a value may stand, and formats write them loosely (`Scalar` for an `int`, `t` for
/// anything), so two that do not nest are no contradiction: the one that says more stays.
fn join_types(a: Option<&Type>, b: Option<&Type>) -> Option<Type> {
    let (Some(x), Some(y)) = (a, b) else {
        return a.or(b).cloned();
    };
    Some(narrower(x, y))
}

fn narrower(x: &Type, y: &Type) -> Type {
    match (x, y) {
        _ if x == y => x.clone(),
        (Type::Tensor(s), Type::Tensor(t)) => {
            let mut joined = s.clone();
            joined.dtype = s.dtype.or(t.dtype);
            joined.shape = match (&s.shape, &t.shape) {
                (Some(_), Some(_)) => join_shapes(s.shape.as_ref(), t.shape.as_ref())
                    .ok()
                    .flatten(),
                _ => s.shape.clone().or_else(|| t.shape.clone()),
            };
            Type::Tensor(joined)
        }
        (Type::Optional(s), Type::Optional(t)) => narrower(s, t).optional(),
        (Type::List(s), Type::List(t)) => narrower(s, t).list_of(),
        (Type::Tuple(s), Type::Tuple(t)) if s.len() == t.len() => {
            Type::Tuple(s.iter().zip(t).map(|(s, t)| narrower(s, t)).collect())
        }
        (Type::Optional(s), t) | (t, Type::Optional(s)) if *t != Type::None && width(t) < 2 => {
            narrower(s, t)
        }
        _ => match width(x).cmp(&width(y)) {
            std::cmp::Ordering::Less => x.clone(),
            std::cmp::Ordering::Greater => y.clone(),
            std::cmp::Ordering::Equal => {
                // No nesting: any choice does, as long as both orders make the same one.
                if format!("{x:?}") <= format!("{y:?}") {
                    x.clone()
                } else {
                    y.clone()
                }
            }
        },
    }
}

/// How little a type says.
fn width(ty: &Type) -> u8 {
    match ty {
        Type::Any | Type::Variable(_) | Type::Other(_) => 3,
        Type::Union(_) | Type::Optional(_) => 2,
        Type::Scalar => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{DType, Literal};

    fn tensor(dtype: Option<DType>, dims: &[Option<u64>]) -> Facts {
        let shape = dims
            .iter()
            .map(|d| d.map_or(Dim::Unknown, Dim::Known))
            .collect();
        Facts::tensor(dtype, Some(shape))
    }

    #[test]
    fn both_sides_add_what_they_know() {
        let a = tensor(Some(DType::QU8), &[Some(1), None]);
        let mut b = tensor(None, &[None, Some(3)]);
        b.qparams = QParams::PerTensor {
            scale: 0.5,
            zero_point: 2,
        };
        let joined = join(&a, &b).unwrap();
        assert_eq!(joined, join(&b, &a).unwrap());
        assert_eq!(joined, join(&joined, &a).unwrap());
        assert_eq!(joined.dtype, Some(DType::QU8));
        assert_eq!(
            joined.shape.unwrap().as_ref(),
            [Dim::Known(1), Dim::Known(3)]
        );
        assert_eq!(joined.qparams, b.qparams);
    }

    #[test]
    fn what_cannot_be_is_a_clash() {
        let shape = |dims: &[Option<u64>]| tensor(None, dims);
        let clash = |a: &Facts, b: &Facts| join(a, b).unwrap_err().to_string();
        assert_eq!(
            clash(&shape(&[Some(1), None]), &shape(&[Some(2), None])),
            "shape [1, _] against [2, _]"
        );
        assert_eq!(clash(&shape(&[None]), &shape(&[])), "shape [_] against []");
        assert_eq!(
            clash(
                &Facts::tensor(Some(DType::QI8), None),
                &Facts::tensor(Some(DType::QU8), None)
            ),
            "dtype QI8 against QU8"
        );
        assert_eq!(
            clash(
                &Facts::of_literal(Literal::Int(1)),
                &Facts::of_literal(Literal::Float(2.0))
            ),
            "literal Int(1) against Float(2.0)"
        );
    }

    #[test]
    fn types_narrow() {
        let cases = [
            (Type::Scalar, Type::Int, Type::Int),
            (Type::tensor().optional(), Type::tensor(), Type::tensor()),
            (Type::tensor().optional(), Type::None, Type::None),
            (
                Type::tensor().optional(),
                Type::Any,
                Type::tensor().optional(),
            ),
            (
                Type::Any.list_of(),
                Type::Int.list_of(),
                Type::Int.list_of(),
            ),
        ];
        for (a, b, expected) in cases {
            assert_eq!(narrower(&a, &b), expected);
            assert_eq!(narrower(&b, &a), expected);
        }
    }
}
