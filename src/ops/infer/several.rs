//! Facts of lists, tuples, packed objects and operators with several results.
//!
//! In: operands. Out: facts of each result.
//! Invariant: elements of a list are listed up to its greatest possible length; where the length itself is not certain, the list has the
//! shape `[_]`, so that nobody takes the number of elements for it.

use std::sync::Arc;

use super::operands::{Operands, dim_of, known, per_tensor, wrap};
use super::window::packed_parts;
use super::{element, shape};
use crate::graph::{DType, Dim, Facts, Literal, QParams, Shape, Type};

/// What all of these have in common.
pub(super) fn common(all: &[Facts]) -> Facts {
    let Some((first, rest)) = all.split_first() else {
        return Facts::default();
    };
    rest.iter().fold(first.clone(), |a, b| {
        let shape = match (&a.shape, &b.shape) {
            (Some(x), Some(y)) if x.len() == y.len() => Some(
                x.iter()
                    .zip(y.iter())
                    .map(|(&x, &y)| if x == y { x } else { Dim::Unknown })
                    .collect(),
            ),
            _ => None,
        };
        let elements = match (&a.elements, &b.elements) {
            (Some(x), Some(y)) if x.len() == y.len() => Some(
                x.iter()
                    .zip(y.iter())
                    .map(|(x, y)| common(&[x.clone(), y.clone()]))
                    .collect(),
            ),
            _ => None,
        };
        Facts {
            ty: a.ty.filter(|ty| b.ty.as_ref() == Some(ty)),
            dtype: a.dtype.filter(|dtype| b.dtype == Some(*dtype)),
            shape,
            qparams: if a.qparams == b.qparams {
                a.qparams
            } else {
                QParams::Unknown
            },
            literal: a
                .literal
                .filter(|literal| b.literal.as_ref() == Some(literal)),
            constant: a.constant.filter(|constant| b.constant == Some(*constant)),
            elements,
            class: a.class.filter(|class| b.class == Some(*class)),
        }
    })
}

fn of_items(items: &[Facts], ty: Option<Type>) -> Facts {
    Facts {
        ty,
        elements: Some(items.into()),
        ..Facts::default()
    }
}

pub(super) fn list(o: Operands) -> Vec<Facts> {
    let ty = common(o.facts).ty.map(Type::list_of);
    vec![of_items(o.facts, ty)]
}

pub(super) fn tuple(o: Operands) -> Vec<Facts> {
    let types: Option<Vec<Type>> = o.facts.iter().map(|facts| facts.ty.clone()).collect();
    vec![of_items(o.facts, types.map(Type::Tuple))]
}

/// The elements of a list or tuple as results.
pub(super) fn unpacked(o: Operands) -> Vec<Facts> {
    match &o.input().elements {
        Some(elements) => elements.to_vec(),
        None => Vec::new(),
    }
}

/// The sizes of a tensor, each a literal where it is known.
pub(super) fn sizes(o: Operands) -> Vec<Facts> {
    let elements = o.input().shape.as_ref().map(|shape| {
        shape
            .iter()
            .map(|&size| Facts {
                ty: Some(Type::Int),
                literal: known(size).map(Literal::Int),
                ..Facts::default()
            })
            .collect()
    });
    vec![Facts {
        ty: Some(Type::Int.list_of()),
        elements,
        ..Facts::default()
    }]
}

/// One element.
pub(super) fn item(o: Operands) -> Vec<Facts> {
    let list = o.input();
    let declared = match &list.ty {
        Some(Type::List(element)) => Facts::of_type((**element).clone()),
        _ => Facts::default(),
    };
    let Some(elements) = &list.elements else {
        return vec![declared];
    };
    let index = o.at(1).literal.as_ref().and_then(Literal::as_int);
    let found = match index {
        // From the end only if the length is certain.
        Some(index) if index < 0 && list.shape.is_some() => None,
        Some(index) => wrap(index, elements.len()).map(|i| elements[i].clone()),
        None => None,
    };
    vec![found.unwrap_or_else(|| match elements.is_empty() {
        true => declared,
        false => common(elements),
    })]
}

/// The operand itself, perhaps under another type. `None` under another type is where the model never gets: nothing is known of that.
pub(super) fn operand(o: Operands) -> Vec<Facts> {
    if o.input().literal == Some(Literal::None) {
        return vec![Facts::default()];
    }
    let mut facts = o.input().clone();
    facts.ty = match facts.ty {
        Some(Type::Optional(inner)) => Some(*inner),
        Some(ty) if !matches!(ty, Type::Any | Type::Union(_)) => Some(ty),
        _ => None,
    };
    vec![facts]
}

fn parts(input: &Facts, along: usize, sizes: &[Dim]) -> Arc<[Facts]> {
    sizes
        .iter()
        .map(|&size| {
            let dims = input.shape.as_ref().map(|shape| {
                let mut dims = shape.to_vec();
                dims[along] = size;
                dims.into()
            });
            part(input, dims)
        })
        .collect()
}

fn part(input: &Facts, shape: Option<Shape>) -> Facts {
    Facts {
        qparams: per_tensor(input.qparams),
        ..Facts::tensor(input.dtype, shape)
    }
}

fn list_of_parts(elements: Option<Arc<[Facts]>>, certain: bool) -> Vec<Facts> {
    vec![Facts {
        ty: Some(Type::tensor().list_of()),
        shape: (elements.is_some() && !certain).then(|| Arc::from([Dim::Unknown])),
        elements,
        ..Facts::default()
    }]
}

/// More parts than this are not listed one by one.
const MOST_PARTS: i64 = 4096;

/// `chunk`: parts of equal size along a dimension, the last one smaller; perhaps fewer than asked for.
pub(super) fn chunks(o: Operands) -> Vec<Facts> {
    let input = o.input();
    let Some(count) = o.int("chunks").filter(|n| (1..=MOST_PARTS).contains(n)) else {
        return list_of_parts(None, false);
    };
    let size = input.shape.as_ref().and_then(|shape| {
        let along = o.dim("dim", shape.len())?;
        Some((along, known(shape[along])?))
    });
    match size {
        Some((along, size)) if size > 0 => {
            let each = (size + count - 1) / count;
            list_of_parts(Some(equal_parts(input, along, size, each)), true)
        }
        _ => {
            let dims = input.shape.as_ref().and_then(|shape| {
                let along = o.dim("dim", shape.len())?;
                let mut dims = shape.to_vec();
                dims[along] = Dim::Unknown;
                Some(dims.into())
            });
            let parts = vec![part(input, dims); count as usize];
            list_of_parts(Some(parts.into()), false)
        }
    }
}

fn equal_parts(input: &Facts, along: usize, size: i64, each: i64) -> Arc<[Facts]> {
    let sizes: Vec<Dim> = (0..size)
        .step_by(each as usize)
        .map(|start| dim_of(Some(each.min(size - start))))
        .collect();
    parts(input, along, &sizes)
}

/// `split` by size, or by sizes.
pub(super) fn splits(o: Operands) -> Vec<Facts> {
    let input = o.input();
    let rank_and_dim = input
        .shape
        .as_ref()
        .and_then(|shape| Some((shape, o.dim("dim", shape.len())?)));
    if let Some(each) = o.int("split_size") {
        let found = rank_and_dim.and_then(|(shape, along)| {
            let size = known(shape[along])?;
            let count = size.checked_add(each.checked_sub(1)?)?.checked_div(each)?;
            (each > 0 && (1..=MOST_PARTS).contains(&count))
                .then(|| equal_parts(input, along, size, each))
        });
        return list_of_parts(found, true);
    }
    let sizes = ["split_sizes", "split_size"]
        .iter()
        .find_map(|name| o.sizes(name));
    let elements = sizes.map(|sizes| {
        let dims: Vec<Dim> = sizes.into_iter().map(dim_of).collect();
        match rank_and_dim {
            Some((_, along)) => parts(input, along, &dims),
            None => vec![part(input, None); dims.len()].into(),
        }
    });
    list_of_parts(elements, true)
}

/// `unbind`: one part for each index.
pub(super) fn unbound(o: Operands) -> Vec<Facts> {
    let input = o.input();
    let elements = input.shape.as_ref().and_then(|shape| {
        let along = o.dim("dim", shape.len())?;
        let count = known(shape[along]).filter(|n| (0..=MOST_PARTS).contains(n))?;
        let mut dims = shape.to_vec();
        dims.remove(along);
        Some(vec![part(input, Some(dims.into())); count as usize].into())
    });
    list_of_parts(elements, true)
}

/// Each tensor of a list dequantized.
pub(super) fn dequantized_list(o: Operands) -> Vec<Facts> {
    let elements = o.input().elements.as_ref().map(|elements| {
        elements
            .iter()
            .map(|e| Facts::tensor(Some(DType::F32), e.shape.clone()))
            .collect()
    });
    vec![Facts {
        ty: Some(Type::tensor().list_of()),
        shape: o.input().shape.clone(),
        elements,
        ..Facts::default()
    }]
}

/// `dequantize.any`: a tensor or a structure of them.
pub(super) fn dequantized_any(o: Operands) -> Vec<Facts> {
    match &o.input().ty {
        Some(Type::Tensor(_)) => vec![Facts::tensor(Some(DType::F32), o.input().shape.clone())],
        Some(Type::List(element)) if element.is_tensor() => dequantized_list(o),
        _ => vec![Facts::default()],
    }
}

/// Greatest (or least) values along a dimension, and where they stand.
pub(super) fn extreme_and_place(o: Operands) -> Vec<Facts> {
    let shape = shape::reduced(o);
    let values = Facts {
        qparams: element::kept_per_tensor(o),
        ..Facts::tensor(element::same(o), shape.clone())
    };
    vec![values, Facts::tensor(Some(DType::I64), shape)]
}

/// A pool's values and where they stand.
pub(super) fn pooled_and_place(o: Operands) -> Vec<Facts> {
    let shape = super::window::pooled(o);
    let values = Facts::tensor(element::only_float(o), shape.clone());
    vec![values, Facts::tensor(Some(DType::I64), shape)]
}

/// A scale and a zero point.
pub(super) fn scale_and_zero_point(_: Operands) -> Vec<Facts> {
    vec![Facts::of_type(Type::Float), Facts::of_type(Type::Int)]
}

fn packed(o: Operands, elements: Vec<Facts>) -> Vec<Facts> {
    let ty = o.schema.results.first().map(|result| result.ty.clone());
    let facts = ty.map_or_else(Facts::default, Facts::of_type);
    vec![Facts {
        elements: Some(elements.into()),
        ..facts
    }]
}

pub(super) fn packed_linear(o: Operands) -> Vec<Facts> {
    let parts = vec![o.named(&["W"]).clone(), o.named(&["B"]).clone()];
    packed(o, parts)
}

pub(super) fn packed_convolution(o: Operands) -> Vec<Facts> {
    packed(o, packed_parts(o, false))
}

pub(super) fn packed_transposed_convolution(o: Operands) -> Vec<Facts> {
    packed(o, packed_parts(o, true))
}

/// Weight and bias of a packed object. The weight's scale is kept in single precision by some engines.
pub(super) fn weight_and_bias(o: Operands) -> Vec<Facts> {
    let Some([weight, bias, ..]) = o.input().elements.as_deref() else {
        return vec![
            Facts::of_type(Type::tensor()),
            Facts::of_type(Type::tensor().optional()),
        ];
    };
    let scale_survives = match weight.qparams {
        QParams::PerTensor { scale, .. } => f64::from(scale as f32) == scale,
        _ => true,
    };
    let qparams = if scale_survives {
        weight.qparams
    } else {
        QParams::Unknown
    };
    // One over one dimension is packed with a height of 1.
    let shape = weight.shape.as_deref().and_then(|shape| {
        if !o.schema.base.as_str().contains("1d") {
            return Some(shape.into());
        }
        let (channels, plane) = shape.split_at_checked(2)?;
        Some([channels, plane.get(1..)?].concat().into())
    });
    let weight = Facts {
        qparams,
        ..Facts::tensor(weight.dtype, shape)
    };
    let bias = match &bias.literal {
        Some(Literal::None) => bias.clone(),
        _ => Facts {
            ty: Some(Type::tensor().optional()),
            ..Facts::tensor(bias.dtype, bias.shape.clone())
        },
    };
    vec![weight, bias]
}
