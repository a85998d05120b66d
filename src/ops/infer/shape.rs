//! Dimensions of results that come from elements one by one, from reductions and from reordering.
//!
//! In: operands. Out: the dimensions of the one tensor an operator gives, each known or not; nothing if not even their number is known.
//! Invariant: a combination that would fail when run gives nothing.

use std::sync::Arc;

use super::operands::{Operands, dim_of, known, numel, wrap};
use crate::graph::{Dim, Literal, Shape};

pub(super) fn unknown(_: Operands) -> Option<Shape> {
    None
}

/// The input's dimensions.
pub(super) fn same(o: Operands) -> Option<Shape> {
    o.input().shape.clone()
}

/// The dimensions of the operand named `qa`.
pub(super) fn of_qa(o: Operands) -> Option<Shape> {
    o.named(&["qa"]).shape.clone()
}

/// No dimension: one number.
pub(super) fn single(_: Operands) -> Option<Shape> {
    Some(Arc::from([]))
}

/// One dimension, as long as the input along `axis`.
pub(super) fn channels(o: Operands) -> Option<Shape> {
    let length = match (o.input().qparams, o.input().shape.as_ref()) {
        (crate::graph::QParams::PerChannel { axis }, Some(shape)) => shape.get(axis).copied(),
        _ => None,
    };
    Some(Arc::from([length.unwrap_or(Dim::Unknown)]))
}

/// All tensor operands spread over each other.
pub(super) fn broadcast(o: Operands) -> Option<Shape> {
    let mut shapes = Vec::new();
    for (i, param) in o.schema.params.iter().enumerate() {
        let facts = o.at(i);
        if param.ty.is_tensor() {
            shapes.push(facts.shape.clone()?);
        }
    }
    let rank = shapes.iter().map(|s| s.len()).max()?;
    (0..rank)
        .map(|i| {
            let mut dims = shapes
                .iter()
                .filter_map(|s| s.get((i + s.len()).checked_sub(rank)?).copied());
            dims.try_fold(Dim::Known(1), spread)
        })
        .collect()
}

/// One of two sizes is 1, or both are equal.
fn spread(a: Dim, b: Dim) -> Option<Dim> {
    match (a, b) {
        (Dim::Known(1), other) | (other, Dim::Known(1)) => Some(other),
        // An unknown size beside a known one greater than 1 must be that one or 1.
        (Dim::Unknown, other) | (other, Dim::Unknown) => Some(other),
        (Dim::Known(m), Dim::Known(n)) => (m == n).then_some(a),
    }
}

/// `dim` as a list of dimensions; none means all.
fn reduced_dims(o: Operands, rank: usize) -> Option<Vec<usize>> {
    let dims = match o.literal("dim")? {
        Literal::None => return Some((0..rank).collect()),
        Literal::Int(n) => vec![*n],
        list => list.as_ints()?,
    };
    if dims.is_empty() {
        return Some((0..rank).collect());
    }
    dims.into_iter().map(|d| wrap(d, rank)).collect()
}

/// Without the dimensions in `dim`, or with 1 in their place.
pub(super) fn reduced(o: Operands) -> Option<Shape> {
    let shape = o.input().shape.as_ref()?;
    if !o.has("dim") {
        return single(o);
    }
    let dims = reduced_dims(o, shape.len())?;
    let keep = o.bool("keepdim")?;
    let sizes = shape
        .iter()
        .enumerate()
        .filter_map(|(i, &size)| match (dims.contains(&i), keep) {
            (false, _) => Some(size),
            (true, true) => Some(Dim::Known(1)),
            (true, false) => None,
        });
    Some(sizes.collect())
}

/// Dimensions `start_dim` to `end_dim` as one.
pub(super) fn flattened(o: Operands) -> Option<Shape> {
    let Some(shape) = &o.input().shape else {
        // All but the first dimension of whatever there are: fewer than two are refused.
        let two = o.int("start_dim")? == 1 && o.int("end_dim")? == -1;
        return two.then(|| Arc::from([Dim::Unknown; 2]));
    };
    if shape.is_empty() {
        return Some(Arc::from([Dim::Known(1)]));
    }
    let start = o.dim("start_dim", shape.len())?;
    let end = o.dim("end_dim", shape.len())?;
    let middle: Shape = shape.get(start..=end)?.into();
    let merged = dim_of(numel(&middle));
    Some(
        shape[..start]
            .iter()
            .copied()
            .chain([merged])
            .chain(shape[end + 1..].iter().copied())
            .collect(),
    )
}

/// The sizes in `size` or `shape`; one -1 takes what is left.
pub(super) fn reshaped(o: Operands) -> Option<Shape> {
    let name = if o.has("shape") { "shape" } else { "size" };
    let sizes = o.sizes(name)?;
    let total = o.input().shape.as_ref().and_then(numel);
    let rest = sizes
        .iter()
        .filter(|size| **size != Some(-1))
        .try_fold(1_i64, |n, size| n.checked_mul((*size)?));
    // An unknown size may be the -1; then the others do not fix it.
    let left = match (total, rest) {
        (Some(total), Some(rest)) if rest > 0 && total % rest == 0 => Some(total / rest),
        _ => None,
    };
    let dims = sizes.iter().map(|&size| match size {
        Some(-1) => dim_of(left),
        size => dim_of(size),
    });
    Some(dims.collect())
}

/// Dimensions in the order of `dims`.
pub(super) fn permuted(o: Operands) -> Option<Shape> {
    let shape = o.input().shape.as_ref()?;
    let dims = o.ints("dims")?;
    if dims.len() != shape.len() {
        return None;
    }
    dims.into_iter()
        .map(|d| Some(shape[wrap(d, shape.len())?]))
        .collect()
}

/// Two dimensions swapped.
pub(super) fn transposed(o: Operands) -> Option<Shape> {
    let mut dims = o.input().shape.as_ref()?.to_vec();
    let rank = dims.len();
    dims.swap(o.dim("dim0", rank)?, o.dim("dim1", rank)?);
    Some(dims.into())
}

/// A matrix with its dimensions swapped.
pub(super) fn t(o: Operands) -> Option<Shape> {
    let mut dims = o.input().shape.as_ref()?.to_vec();
    if dims.len() > 2 {
        return None;
    }
    dims.reverse();
    Some(dims.into())
}

/// Without dimensions of size 1, all or those in `dim`.
pub(super) fn squeezed(o: Operands) -> Option<Shape> {
    let shape = o.input().shape.as_ref()?;
    let dims: Vec<usize> = if o.has("dim") {
        let dims = match o.literal("dim")? {
            Literal::Int(n) => vec![*n],
            list => list.as_ints()?,
        };
        let wrapped = dims.into_iter().map(|d| wrap(d, shape.len()));
        wrapped.collect::<Option<_>>()?
    } else {
        (0..shape.len()).collect()
    };
    let mut left = Vec::new();
    for (i, &size) in shape.iter().enumerate() {
        match size {
            Dim::Known(1) if dims.contains(&i) => {}
            Dim::Unknown if dims.contains(&i) => return None,
            size => left.push(size),
        }
    }
    Some(left.into())
}

/// With a new dimension of size 1.
pub(super) fn unsqueezed(o: Operands) -> Option<Shape> {
    let mut dims = o.input().shape.as_ref()?.to_vec();
    dims.insert(o.dim("dim", dims.len() + 1)?, Dim::Known(1));
    Some(dims.into())
}

/// Tensors of a list one behind the other along `dim`.
pub(super) fn concatenated(o: Operands) -> Option<Shape> {
    let parts = o.input().elements.as_ref()?;
    let certain_count = o.input().shape.is_none();
    let first = parts.first()?.shape.as_ref()?;
    let along = o.dim("dim", first.len())?;
    let mut dims = first.to_vec();
    for part in &parts[1..] {
        let shape = part.shape.as_ref()?;
        // An empty tensor of one dimension may stand among others; then nothing is certain.
        if shape.len() != dims.len() {
            return None;
        }
        for (i, (size, &other)) in dims.iter_mut().zip(shape.iter()).enumerate() {
            *size = match (*size, other) {
                (a, b) if i == along => dim_of(known(a).and_then(|a| a.checked_add(known(b)?))),
                (Dim::Unknown, size) | (size, Dim::Unknown) => size,
                (a, b) if a == b => a,
                _ => return None,
            };
        }
    }
    if !certain_count {
        dims[along] = Dim::Unknown;
    }
    Some(dims.into())
}

/// Tensors of a list as a new dimension.
pub(super) fn stacked(o: Operands) -> Option<Shape> {
    let parts = o.input().elements.as_ref()?;
    let mut dims = parts.first()?.shape.as_ref()?.to_vec();
    let count = o.input().shape.is_none().then_some(parts.len() as i64);
    dims.insert(o.dim("dim", dims.len() + 1)?, dim_of(count));
    Some(dims.into())
}

/// Without one dimension.
pub(super) fn selected(o: Operands) -> Option<Shape> {
    let mut dims = o.input().shape.as_ref()?.to_vec();
    dims.remove(o.dim("dim", dims.len())?);
    Some(dims.into())
}

/// Part of one dimension.
pub(super) fn sliced(o: Operands) -> Option<Shape> {
    let mut dims = o.input().shape.as_ref()?.to_vec();
    let along = o.dim("dim", dims.len())?;
    dims[along] = dim_of(slice_length(o, known(dims[along])));
    Some(dims.into())
}

fn slice_length(o: Operands, size: Option<i64>) -> Option<i64> {
    let size = size?;
    let bound = |name: &str, absent: i64| match o.literal(name)? {
        Literal::None => Some(absent),
        Literal::Int(n) if *n < 0 => Some((n + size).max(0)),
        Literal::Int(n) => Some((*n).min(size)),
        _ => None,
    };
    let start = bound("start", 0)?;
    let end = bound("end", size)?.max(start);
    let step = o.int("step").filter(|&step| step > 0)?;
    Some((end - start + step - 1) / step)
}

/// The sizes in `size`; -1 keeps a dimension.
pub(super) fn expanded(o: Operands) -> Option<Shape> {
    let shape = o.input().shape.as_ref()?;
    let sizes = o.sizes("size")?;
    let new = sizes.len().checked_sub(shape.len())?;
    let dims = sizes.iter().enumerate().map(|(i, &size)| match size {
        Some(-1) => i
            .checked_sub(new)
            .and_then(|i| shape.get(i).copied())
            .unwrap_or(Dim::Unknown),
        size => dim_of(size),
    });
    Some(dims.collect())
}

/// Each dimension as often as `repeats` says.
pub(super) fn repeated(o: Operands) -> Option<Shape> {
    let shape = o.input().shape.as_ref()?;
    let repeats = o.sizes("repeats")?;
    let new = repeats.len().checked_sub(shape.len())?;
    let dims = repeats.iter().enumerate().map(|(i, &times)| {
        let size = match i.checked_sub(new).and_then(|i| shape.get(i)) {
            Some(&size) => known(size),
            None => Some(1),
        };
        dim_of(size.and_then(|size| size.checked_mul(times?)))
    });
    Some(dims.collect())
}

/// The sizes in `size`.
pub(super) fn created(o: Operands) -> Option<Shape> {
    Some(o.sizes("size")?.into_iter().map(dim_of).collect())
}

/// Rows of a matrix times rows of another: the last dimension becomes the weight's first.
pub(super) fn linear(o: Operands) -> Option<Shape> {
    let weight = o.named(&["weight", "mat2"]).shape.as_ref()?;
    rows_times(o.input().shape.as_ref()?, weight)
}

/// `linear` of dimensions and of a weight of two dimensions.
pub(super) fn rows_times(input: &Shape, weight: &Shape) -> Option<Shape> {
    let [outputs, _] = **weight else {
        return None;
    };
    let mut dims = input.to_vec();
    *dims.last_mut()? = outputs;
    Some(dims.into())
}

/// Matrix product, batches spread over each other.
pub(super) fn matrix_product(o: Operands) -> Option<Shape> {
    let a = o.named(&["mat1", "self", "qa"]).shape.as_ref()?;
    let b = o.named(&["mat2", "other", "qb"]).shape.as_ref()?;
    let ([batch_a @ .., rows, _], [batch_b @ .., _, columns]) = (&**a, &**b) else {
        return None;
    };
    if batch_a.len() != batch_b.len() {
        return None;
    }
    let batch = batch_a.iter().zip(batch_b).map(|(&a, &b)| spread(a, b));
    let ends = [Some(*rows), Some(*columns)];
    batch.chain(ends).collect()
}

/// A vector for each index.
pub(super) fn embedded(o: Operands) -> Option<Shape> {
    let [_, width] = **o.named(&["weight"]).shape.as_ref()? else {
        return None;
    };
    let indices = o.named(&["indices"]).shape.as_ref()?;
    Some(indices.iter().copied().chain([width]).collect())
}

/// Channels moved into the plane.
pub(super) fn pixel_shuffled(o: Operands) -> Option<Shape> {
    let factor = o.int("upscale_factor").filter(|&f| f > 0)?;
    let mut dims = o.input().shape.as_ref()?.to_vec();
    let [.., channels, height, width] = dims.as_mut_slice() else {
        return None;
    };
    let times = |dim: Dim| dim_of(known(dim).and_then(|n| n.checked_mul(factor)));
    let per_place = factor.checked_mul(factor)?;
    *channels = dim_of(known(*channels).map(|n| n / per_place));
    (*height, *width) = (times(*height), times(*width));
    Some(dims.into())
}

/// Borders added to the last dimensions, last first.
pub(super) fn padded(o: Operands) -> Option<Shape> {
    let mut dims = o.input().shape.as_ref()?.to_vec();
    let pad = o.sizes(if o.has("pad") { "pad" } else { "padding" })?;
    if pad.len() % 2 != 0 || pad.len() / 2 > dims.len() {
        return None;
    }
    for (dim, sides) in dims.iter_mut().rev().zip(pad.chunks(2)) {
        let total = known(*dim).and_then(|n| n.checked_add(sides[0]?)?.checked_add(sides[1]?));
        *dim = dim_of(total);
    }
    Some(dims.into())
}
