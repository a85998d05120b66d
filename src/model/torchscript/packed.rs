//! Packed objects: the states of `__torch__.torch.classes.quantized.*` and `__torch__.torch.classes.xnnpack.*` in pickles.
//!
//! In: the state that `__getstate__` wrote (quantized convolutions in its versions 1, 2 and 3), its tensors read. Out: [`Packed`].
//! Invariant: weights are as they were before packing, so files do not depend on the engine that packed them.
//! Invariant: one-dimensional convolutions are stored as two-dimensional ones, and a state does not say which it was: they are read as `conv2d`.

#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::indexing_slicing))]

use crate::graph::{DType, Name, ObjectState as State, Packed, PackedConfig, Tensor};

const CLASSES: &str = "__torch__.torch.classes.quantized.";
const XNNPACK: &str = "__torch__.torch.classes.xnnpack.";

/// The number that an integer or a tensor of one integer holds.
fn number(state: &State) -> Option<i64> {
    match state {
        State::Int(n) => Some(*n),
        State::Tensor(tensor) => match integers(tensor)?.as_slice() {
            [n] => Some(*n),
            _ => None,
        },
        _ => None,
    }
}

/// Whether a class is one of packed objects.
pub(super) fn is_packed_class(class: &str) -> bool {
    class.starts_with(CLASSES) || class.starts_with(XNNPACK)
}

/// The class that holds packed objects of a family.
pub(super) fn packed_class(family: Name) -> Option<&'static str> {
    Some(match family.as_str() {
        "linear" | "linear_fp16" => "__torch__.torch.classes.quantized.LinearPackedParamsBase",
        "conv1d" | "conv2d" | "conv_transpose1d" | "conv_transpose2d" => {
            "__torch__.torch.classes.quantized.Conv2dPackedParamsBase"
        }
        "xnnpack_linear" => "__torch__.torch.classes.xnnpack.LinearOpContext",
        "xnnpack_conv2d" => "__torch__.torch.classes.xnnpack.Conv2dOpContext",
        "xnnpack_conv_transpose2d" => "__torch__.torch.classes.xnnpack.TransposeConv2dOpContext",
        "conv3d" | "conv_transpose3d" => "__torch__.torch.classes.quantized.Conv3dPackedParamsBase",
        _ => return None,
    })
}

/// The packed object with this state. `None` if the class or the state is not known.
pub(super) fn read_packed(class: &str, state: &State) -> Option<Packed> {
    if let Some(class) = class.strip_prefix(XNNPACK) {
        return with_range(class, state.items()?);
    }
    match class.strip_prefix(CLASSES)? {
        "LinearPackedParamsBase" => linear(state.items()?),
        "Conv2dPackedParamsBase" => convolution(2, state.items()?),
        "Conv3dPackedParamsBase" => convolution(3, state.items()?),
        _ => None,
    }
}

fn linear(state: &[State]) -> Option<Packed> {
    let [weight, bias] = state else { return None };
    let weight = weight.tensor()?.clone();
    let family = match weight.dtype {
        DType::QI8 => "linear",
        DType::F32 => "linear_fp16",
        _ => return None,
    };
    Some(Packed {
        family: Name::new(family),
        weight,
        bias: bias.optional_tensor()?.cloned(),
        config: None,
        range: (None, None),
    })
}

/// XNNPACK's: weight, bias, the geometry in the order of the packing operator's operands, the bounds of the output.
fn with_range(class: &str, state: &[State]) -> Option<Packed> {
    let (family, rank) = match class {
        "LinearOpContext" => ("xnnpack_linear", 2),
        "Conv2dOpContext" => ("xnnpack_conv2d", 4),
        "TransposeConv2dOpContext" => ("xnnpack_conv_transpose2d", 4),
        _ => return None,
    };
    let [weight, bias, geometry @ .., least, most] = state else {
        return None;
    };
    let list = |state: &State| -> Option<Vec<i64>> { state.items()?.iter().map(number).collect() };
    let config = match (class, geometry) {
        ("LinearOpContext", []) => None,
        ("Conv2dOpContext", [stride, padding, dilation, groups]) => Some(PackedConfig {
            stride: list(stride)?,
            padding: list(padding)?,
            output_padding: vec![0; 2],
            dilation: list(dilation)?,
            groups: number(groups)?,
            transposed: false,
        }),
        ("TransposeConv2dOpContext", [stride, padding, output_padding, dilation, groups]) => {
            Some(PackedConfig {
                stride: list(stride)?,
                padding: list(padding)?,
                output_padding: list(output_padding)?,
                dilation: list(dilation)?,
                groups: number(groups)?,
                transposed: true,
            })
        }
        _ => return None,
    };
    let bound = |state: &State| match state {
        State::None => Some(None),
        State::Int(n) => Some(Some(*n as f64)),
        State::Float(x) => Some(Some(*x)),
        _ => None,
    };
    let weight = weight.tensor()?.clone();
    if weight.dtype != DType::F32 || weight.shape.len() != rank {
        return None;
    }
    Some(Packed {
        family: Name::new(family),
        weight,
        bias: bias.optional_tensor()?.cloned(),
        config,
        range: (bound(least)?, bound(most)?),
    })
}

fn convolution(dimensions: usize, state: &[State]) -> Option<Packed> {
    let (config, weight, bias) = match state {
        // Version 1: weight, bias, then lists of tensors of one integer.
        [
            weight @ State::Tensor(_),
            bias,
            stride,
            padding,
            dilation,
            groups,
        ] => {
            let mut numbers = Vec::new();
            for list in [stride, padding, dilation] {
                for item in list.items()? {
                    numbers.push(number(item)?);
                }
            }
            numbers.resize(numbers.len() + dimensions, 0);
            numbers.push(number(groups)?);
            numbers.push(0);
            (numbers, weight, bias)
        }
        // Version 2: the numbers are one tensor, behind the number of dimensions.
        [State::Str(version), always, optional] if **version == *"2" => {
            let ([numbers, weight], [bias]) = (always.items()?, optional.items()?) else {
                return None;
            };
            let mut numbers = integers(numbers.tensor()?)?;
            if numbers.is_empty() || usize::try_from(numbers.remove(0)) != Ok(dimensions) {
                return None;
            }
            (numbers, weight, bias)
        }
        // Version 3: the numbers are a list, behind the number of dimensions; the first tensor is absent.
        [State::Int(3), numbers, tensors] => {
            let [_, weight, bias] = tensors.items()? else {
                return None;
            };
            let all = numbers.items()?.iter().map(number);
            let mut numbers = all.collect::<Option<Vec<i64>>>()?;
            if numbers.is_empty() || usize::try_from(numbers.remove(0)) != Ok(dimensions) {
                return None;
            }
            (numbers, weight, bias)
        }
        _ => return None,
    };
    let mut parts = config.chunks(dimensions);
    let (stride, padding, dilation, output_padding) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let [groups, flags] = config.get(4 * dimensions..)? else {
        return None;
    };
    let transposed = flags & 1 == 1;
    let family = match (dimensions, transposed) {
        (2, false) => "conv2d",
        (2, true) => "conv_transpose2d",
        (_, false) => "conv3d",
        (_, true) => "conv_transpose3d",
    };
    let weight = weight.tensor()?.clone();
    if weight.shape.len() != dimensions + 2 || !weight.dtype.is_quantized() {
        return None;
    }
    Some(Packed {
        family: Name::new(family),
        weight,
        bias: bias.optional_tensor()?.cloned(),
        config: Some(PackedConfig {
            stride: stride.to_vec(),
            padding: padding.to_vec(),
            output_padding: output_padding.to_vec(),
            dilation: dilation.to_vec(),
            groups: *groups,
            transposed,
        }),
        range: (None, None),
    })
}

/// The numbers of the configuration as version 2 writes them: dimensions, stride, padding, dilation, output padding, groups, transposed.
/// One-dimensional geometry becomes two-dimensional, its first dimension being the neutral one.
pub(super) fn configuration(packed: &Packed) -> Option<Vec<i16>> {
    let config = packed.config.as_ref()?;
    let flat = config.stride.len() == 1;
    let mut numbers = vec![if flat { 2 } else { config.stride.len() as i64 }];
    for (part, neutral) in [
        (&config.stride, 1),
        (&config.padding, 0),
        (&config.dilation, 1),
        (&config.output_padding, 0),
    ] {
        numbers.extend(flat.then_some(neutral));
        numbers.extend(part);
    }
    numbers.push(config.groups);
    numbers.push(config.transposed.into());
    numbers.into_iter().map(|n| i16::try_from(n).ok()).collect()
}

/// The weight as a file holds it: that of a one-dimensional convolution gets a dimension of size 1 before the last.
pub(super) fn stored_weight(packed: &Packed) -> Tensor {
    let mut weight = packed.weight.clone();
    let flat = packed.config.as_ref().is_some_and(|c| c.stride.len() == 1);
    if flat && let ([outer, inner, last], [a, b, c]) = (&weight.shape[..], &weight.strides[..]) {
        let (shape, strides) = (vec![*outer, *inner, 1, *last], vec![*a, *b, last * c, *c]);
        weight.shape = shape;
        weight.strides = strides;
    }
    weight
}

fn integers(tensor: &Tensor) -> Option<Vec<i64>> {
    let bytes = tensor.contiguous_bytes()?;
    match tensor.dtype {
        DType::I16 => Some(
            bytes
                .chunks_exact(2)
                .filter_map(|c| Some(i16::from_le_bytes(c.try_into().ok()?).into()))
                .collect(),
        ),
        DType::I64 => Some(
            bytes
                .chunks_exact(8)
                .filter_map(|c| Some(i64::from_le_bytes(c.try_into().ok()?)))
                .collect(),
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_dimensional_geometry_is_stored_in_two() {
        let mut weight = Tensor::contiguous(DType::QI8, vec![4, 3, 5], vec![1; 60]);
        weight.quantization = Some(crate::graph::Quantization::PerTensor {
            scale: 0.5,
            zero_point: 0,
        });
        let packed = Packed {
            family: Name::new("conv1d"),
            weight,
            bias: None,
            config: Some(PackedConfig {
                stride: vec![2],
                padding: vec![1],
                output_padding: vec![0],
                dilation: vec![3],
                groups: 1,
                transposed: false,
            }),
            range: (None, None),
        };
        let numbers = configuration(&packed).unwrap();
        assert_eq!(numbers, [2, 1, 2, 0, 1, 1, 3, 0, 0, 1, 0]);
        let weight = stored_weight(&packed);
        assert_eq!(weight.shape, [4, 3, 1, 5]);
        assert!(weight.is_contiguous());

        let bytes = numbers.iter().flat_map(|n| n.to_le_bytes()).collect();
        let numbers = Tensor::contiguous(DType::I16, vec![11], bytes);
        let state = State::Tuple(vec![
            State::Str("2".into()),
            State::Tuple(vec![State::Tensor(numbers), State::Tensor(weight)]),
            State::Tuple(vec![State::None]),
        ]);
        let class = packed_class(packed.family).unwrap();
        let read = read_packed(class, &state).unwrap();
        assert_eq!(read.family, "conv2d");
        assert_eq!(configuration(&read), configuration(&packed));
        assert!(
            read_packed(
                "__torch__.torch.classes.quantized.Conv3dPackedParamsBase",
                &state
            )
            .is_none()
        );
    }

    #[test]
    fn bounds_are_read_with_the_geometry() {
        let weight = Tensor::contiguous(DType::F32, vec![4, 2, 3, 3], vec![0; 288]);
        let list = |a, b| State::Tuple(vec![State::Int(a), State::Int(b)]);
        let state = |last: Vec<State>| {
            let mut items = vec![State::Tensor(weight.clone()), State::None];
            items.extend([list(2, 1), list(1, 0), list(1, 1), State::Int(1)]);
            items.extend(last);
            State::Tuple(items)
        };
        let class = "__torch__.torch.classes.xnnpack.Conv2dOpContext";
        let read = read_packed(class, &state(vec![State::Float(0.0), State::None])).unwrap();
        assert_eq!(read.family, "xnnpack_conv2d");
        assert_eq!(read.range, (Some(0.0), None));
        assert_eq!(packed_class(read.family), Some(class));
        let config = read.config.unwrap();
        assert_eq!((config.stride, config.padding), (vec![2, 1], vec![1, 0]));
        assert!(read_packed(class, &state(vec![State::None])).is_none());
        let other = "__torch__.torch.classes.xnnpack.LinearOpContext";
        assert!(read_packed(other, &state(vec![State::None, State::None])).is_none());
    }
}
