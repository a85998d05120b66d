//! Facts of constants, and the bytes a constant with given facts needs.
//!
//! Invariant: the bytes follow from facts alone and equal those of the value.

use super::operands::known;
use crate::graph::{
    Constant, Dim, Facts, Literal, Name, Packed, QParams, Quantization, Tensor, Type,
};

/// The class of a packed weight of this family: `linear`, `conv1d`, `conv_transpose2d`, ...
fn packed_class(family: &str) -> Name {
    if let Some(family) = family.strip_prefix("xnnpack_") {
        let class = match family {
            "linear" => "Linear",
            "conv_transpose2d" => "TransposeConv2d",
            _ => "Conv2d",
        };
        return Name::new(&format!("__torch__.torch.classes.xnnpack.{class}OpContext"));
    }
    let class = if family.starts_with("linear") {
        "Linear"
    } else if family.ends_with("3d") {
        "Conv3d"
    } else {
        "Conv2d"
    };
    Name::new(&format!(
        "__torch__.torch.classes.quantized.{class}PackedParamsBase"
    ))
}

/// What is known of a constant with a value: all but its id.
pub fn facts_of_constant(constant: &Constant) -> Facts {
    match constant {
        Constant::Tensor(tensor) => facts_of_tensor(tensor),
        Constant::Packed(packed) => facts_of_packed(packed),
        Constant::Object(object) => Facts::of_type(Type::Class(object.class)),
    }
}

fn facts_of_tensor(tensor: &Tensor) -> Facts {
    let shape = tensor.shape.iter().map(|&n| Dim::Known(n as u64));
    let qparams = match &tensor.quantization {
        None => QParams::Unknown,
        Some(Quantization::PerTensor { scale, zero_point }) => QParams::PerTensor {
            scale: *scale,
            zero_point: *zero_point,
        },
        Some(Quantization::PerChannel { axis, .. }) => QParams::PerChannel { axis: *axis },
    };
    Facts {
        qparams,
        ..Facts::tensor(Some(tensor.dtype), Some(shape.collect()))
    }
}

fn facts_of_packed(packed: &Packed) -> Facts {
    let bias = match &packed.bias {
        Some(bias) => facts_of_tensor(bias),
        None => Facts::of_literal(Literal::None),
    };
    let mut elements = vec![facts_of_tensor(&packed.weight), bias];
    if let Some(config) = &packed.config {
        let lists = [
            &config.stride,
            &config.padding,
            &config.output_padding,
            &config.dilation,
        ];
        elements.extend(lists.map(|list| Facts::of_literal(Literal::ints(list.iter().copied()))));
        elements.push(Facts::of_literal(Literal::Int(config.groups)));
        elements.push(Facts::of_literal(Literal::Bool(config.transposed)));
    }
    Facts {
        elements: Some(elements.into()),
        ..Facts::of_type(Type::Class(packed_class(packed.family.as_str())))
    }
}

/// Bytes that a constant with these facts needs in the file: elements, and scales and zero points per channel. `None` if they do not tell.
pub fn result_bytes(facts: &Facts) -> Option<u64> {
    if facts.class.is_some() {
        let [weight, bias, ..] = facts.elements.as_deref()? else {
            return None;
        };
        let bias = match &bias.literal {
            Some(Literal::None) => 0,
            _ => result_bytes(bias)?,
        };
        return result_bytes(weight)?.checked_add(bias);
    }
    let shape = facts.shape.as_ref()?;
    let elements = shape
        .iter()
        .try_fold(1_u64, |n, &d| n.checked_mul(u64::try_from(known(d)?).ok()?))?;
    let parameters = match facts.qparams {
        QParams::PerChannel { axis } => {
            16_u64.checked_mul(u64::try_from(known(*shape.get(axis)?)?).ok()?)?
        }
        _ => 0,
    };
    elements
        .checked_mul(facts.dtype?.size() as u64)?
        .checked_add(parameters)
}
