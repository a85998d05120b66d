//! Dimensions of convolutions, pools and resampling: batch and channels, then a plane of one to three dimensions.
//!
//! In: operands. Out: dimensions of the result.
//! Invariant: the number of plane dimensions comes from the operator, never from lengths of its lists.

use super::operands::{Operands, dim_of, known};
use super::shape::rows_times;
use crate::graph::{Dim, Facts, Literal, Shape};

/// Geometry of a window along one dimension.
#[derive(Clone, Copy)]
struct Window {
    kernel: i64,
    stride: i64,
    padding: i64,
    dilation: i64,
}

impl Window {
    /// How often it fits.
    fn count(self, size: i64, ceil: bool) -> Option<i64> {
        if self.stride < 1 {
            return None;
        }
        let span = self.dilation.checked_mul(self.kernel.checked_sub(1)?)?;
        let room = size
            .checked_add(self.padding.checked_mul(2)?)?
            .checked_sub(span)?
            .checked_sub(1)?;
        let extra = if ceil { self.stride - 1 } else { 0 };
        let mut count = (room + extra).div_euclid(self.stride) + 1;
        // The last window must start inside the input or its left border.
        if ceil && (count - 1) * self.stride >= size + self.padding {
            count -= 1;
        }
        (count >= 0).then_some(count)
    }

    /// The size that has this many windows.
    fn transposed(self, size: i64, output_padding: i64) -> Option<i64> {
        let span = self.dilation.checked_mul(self.kernel.checked_sub(1)?)?;
        (size.checked_sub(1)?)
            .checked_mul(self.stride)?
            .checked_sub(self.padding.checked_mul(2)?)?
            .checked_add(span)?
            .checked_add(output_padding)?
            .checked_add(1)
    }
}

/// Number of plane dimensions: the digit in the operator's name.
fn plane(o: Operands) -> Option<usize> {
    let name = o.schema.base.as_str();
    let at = name
        .find("1d")
        .or_else(|| name.find("2d"))
        .or_else(|| name.find("3d"))?;
    name[at..at + 1].parse().ok()
}

/// The numbers of a list for each plane dimension; one number stands for all. Objects of one dimension are packed as if they had two, the
/// last of which counts.
fn each(list: Option<Vec<i64>>, n: usize) -> Vec<Option<i64>> {
    match list {
        Some(list) if list.len() >= n => list[list.len() - n..].iter().copied().map(Some).collect(),
        Some(list) if list.len() == 1 => vec![Some(list[0]); n],
        _ => vec![None; n],
    }
}

/// A convolution as the operator on floats writes it.
pub(super) fn convolution(o: Operands) -> Option<Shape> {
    let n = plane(o)?;
    let padding = match o.literal("padding") {
        Some(Literal::Str(text)) => match &**text {
            "valid" => vec![Some(0); n],
            // `same` needs stride 1 and keeps the plane.
            _ => {
                return with_plane(
                    o.input().shape.as_ref()?,
                    n,
                    &o.named(&["weight"]).shape,
                    |size, _| size,
                );
            }
        },
        _ => each(o.ints("padding"), n),
    };
    let geometry = Geometry {
        stride: each(o.ints("stride"), n),
        padding,
        dilation: each(o.ints("dilation"), n),
        output_padding: vec![None; n],
        groups: o.int("groups"),
        transposed: false,
    };
    convolved(
        o.input().shape.as_ref()?,
        &o.named(&["weight"]).shape,
        &geometry,
    )
}

/// A transposed convolution as the operator on floats writes it.
pub(super) fn transposed_convolution(o: Operands) -> Option<Shape> {
    let n = plane(o)?;
    let geometry = Geometry {
        stride: each(o.ints("stride"), n),
        padding: each(o.ints("padding"), n),
        dilation: each(o.ints("dilation"), n),
        output_padding: each(o.ints("output_padding"), n),
        groups: o.int("groups"),
        transposed: true,
    };
    convolved(
        o.input().shape.as_ref()?,
        &o.named(&["weight"]).shape,
        &geometry,
    )
}

/// `aten::_convolution`: both kinds, any number of plane dimensions.
pub(super) fn any_convolution(o: Operands) -> Option<Shape> {
    let weight = o.named(&["weight"]).shape.clone();
    let n = weight.as_ref()?.len().checked_sub(2)?;
    let geometry = Geometry {
        stride: each(o.ints("stride"), n),
        padding: each(o.ints("padding"), n),
        dilation: each(o.ints("dilation"), n),
        output_padding: each(o.ints("output_padding"), n),
        groups: o.int("groups"),
        transposed: o.bool("transposed")?,
    };
    convolved(o.input().shape.as_ref()?, &weight, &geometry)
}

/// A quantized convolution: the packed object knows the geometry. The input has a batch dimension, so its rank is known without it.
pub(super) fn packed_convolution(o: Operands) -> Option<Shape> {
    let n = plane(o)?;
    let packed = o.named(&["packed_weight", "weight", "W_prepack"]);
    let parts = packed.elements.as_deref().unwrap_or(&[]);
    let part = |i: usize| parts.get(i).and_then(|facts| facts.literal.as_ref());
    let list = |i: usize| each(part(i).and_then(Literal::as_ints), n);
    let input = match &o.input().shape {
        Some(shape) => shape.clone(),
        None => vec![Dim::Unknown; n + 2].into(),
    };
    let weight = parts.first().and_then(|facts| facts.shape.clone());
    let Some(transposed) = part(7).and_then(Literal::as_bool) else {
        return with_plane(&input, n, &None, |_, _| Dim::Unknown);
    };
    let geometry = Geometry {
        stride: list(2),
        padding: list(3),
        output_padding: list(4),
        dilation: list(5),
        groups: part(6).and_then(Literal::as_int),
        transposed,
    };
    convolved(&input, &weight, &geometry)
}

/// A quantized linear: the packed object knows the weight.
pub(super) fn packed_linear(o: Operands) -> Option<Shape> {
    let input = o.input().shape.as_ref()?;
    let parts = o.named(&["W_prepack"]).elements.as_deref();
    let unknown: Shape = [Dim::Unknown; 2].into();
    let weight = parts.and_then(|parts| parts.first()?.shape.clone());
    rows_times(input, &weight.unwrap_or(unknown))
}

struct Geometry {
    stride: Vec<Option<i64>>,
    padding: Vec<Option<i64>>,
    output_padding: Vec<Option<i64>>,
    dilation: Vec<Option<i64>>,
    groups: Option<i64>,
    transposed: bool,
}

fn convolved(input: &Shape, weight: &Option<Shape>, geometry: &Geometry) -> Option<Shape> {
    let n = geometry.stride.len();
    let kernel = |i: usize| {
        let weight = weight.as_ref()?;
        known(*weight.get(weight.len().checked_sub(n)? + i)?)
    };
    let plane = |size: Dim, i: usize| {
        let size = || {
            let window = Window {
                kernel: kernel(i)?,
                stride: geometry.stride[i]?,
                padding: geometry.padding[i]?,
                dilation: geometry.dilation[i]?,
            };
            if geometry.transposed {
                window.transposed(known(size)?, geometry.output_padding[i]?)
            } else {
                window.count(known(size)?, false)
            }
        };
        dim_of(size())
    };
    if !geometry.transposed {
        return with_plane(input, n, weight, plane);
    }
    // A transposed weight has the input channels first, the output channels of one group second.
    let outputs = weight.as_ref().and_then(|w| {
        let of_group = known(*w.get(1)?)?;
        of_group.checked_mul(geometry.groups?)
    });
    let weight: Shape = [dim_of(outputs)].into();
    with_plane(input, n, &Some(weight), plane)
}

/// The input's dimensions with another plane and, if there is a weight, its first dimension as channels.
fn with_plane(
    input: &Shape,
    n: usize,
    weight: &Option<Shape>,
    plane: impl Fn(Dim, usize) -> Dim,
) -> Option<Shape> {
    // One more dimension than plane and channels is the batch.
    let channels = input.len().checked_sub(n + 1).filter(|&c| c < 2)?;
    let outputs = match weight {
        Some(weight) => *weight.first()?,
        None => Dim::Unknown,
    };
    let dims = input.iter().enumerate().map(|(i, &size)| {
        if i < channels {
            size
        } else if i == channels {
            outputs
        } else {
            plane(size, i - channels - 1)
        }
    });
    Some(dims.collect())
}

/// Maximum and average pools.
pub(super) fn pooled(o: Operands) -> Option<Shape> {
    let n = plane(o)?;
    let kernel = o.ints("kernel_size");
    let stride = match o.ints("stride") {
        Some(stride) if stride.is_empty() => kernel.clone(),
        stride => stride,
    };
    let (kernel, stride) = (each(kernel, n), each(stride, n));
    let padding = each(o.ints("padding"), n);
    let dilation = if o.has("dilation") {
        each(o.ints("dilation"), n)
    } else {
        vec![Some(1); n]
    };
    let ceil = o.bool("ceil_mode");
    on_plane(o, n, |size, i| {
        let window = Window {
            kernel: kernel[i]?,
            stride: stride[i]?,
            padding: padding[i]?,
            dilation: dilation[i]?,
        };
        window.count(known(size)?, ceil?)
    })
}

/// Pools whose result has a given plane.
pub(super) fn adaptive(o: Operands) -> Option<Shape> {
    let n = plane(o)?;
    let sizes = o.sizes("output_size");
    on_plane(o, n, |_, i| *sizes.as_ref()?.get(i)?)
}

/// Resampling to a size, or by factors.
pub(super) fn resampled(o: Operands) -> Option<Shape> {
    let n = plane(o)?;
    let sizes = o.sizes("output_size");
    let factors = match o.literal("scale_factors") {
        Some(Literal::List(items)) => items.iter().map(Literal::as_float).collect(),
        _ => None::<Vec<f64>>,
    };
    on_plane(o, n, |size, i| match (&sizes, &factors) {
        (Some(sizes), _) => *sizes.get(i)?,
        (None, Some(factors)) => Some((known(size)? as f64 * factors.get(i)?) as i64),
        (None, None) => None,
    })
}

/// The input's dimensions with the last `n` replaced.
fn on_plane(o: Operands, n: usize, plane: impl Fn(Dim, usize) -> Option<i64>) -> Option<Shape> {
    let input = o.input().shape.as_ref()?;
    let start = input.len().checked_sub(n)?;
    let dims = input.iter().enumerate().map(|(i, &size)| {
        if i < start {
            size
        } else {
            dim_of(plane(size, i - start))
        }
    });
    Some(dims.collect())
}

/// Facts of the parts of a packed object, in the order that [`packed_convolution`] reads: weight, bias, stride, padding, output padding,
/// dilation, groups, transposed. A convolution over one dimension is packed as one over two, the first of which has size 1.
pub(super) fn packed_parts(o: Operands, transposed: bool) -> Vec<Facts> {
    let n = plane(o).unwrap_or(2);
    let numbers = |name: &str, of_height: i64| {
        let list: Option<Vec<i64>> = each(o.ints(name), n).into_iter().collect();
        let list =
            list.map(|list| Literal::ints((n == 1).then_some(of_height).into_iter().chain(list)));
        list.map_or_else(Facts::default, Facts::of_literal)
    };
    let output_padding = if o.has("output_padding") {
        numbers("output_padding", 0)
    } else {
        Facts::of_literal(Literal::ints(vec![0; n.max(2)]))
    };
    let mut weight = o.named(&["weight", "W"]).clone();
    if n == 1 {
        weight.shape = weight.shape.and_then(|shape| {
            let (channels, plane) = shape.split_at_checked(2)?;
            Some([channels, &[Dim::Known(1)], plane].concat().into())
        });
    }
    vec![
        weight,
        o.named(&["bias", "B"]).clone(),
        numbers("stride", 1),
        numbers("padding", 0),
        output_padding,
        numbers("dilation", 1),
        o.named(&["groups"]).clone(),
        Facts::of_literal(Literal::Bool(transposed)),
    ]
}
