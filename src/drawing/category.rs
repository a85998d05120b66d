//! Kinds of operators, as far as the eye should tell them apart.
//!
//! In: an operator's name. Out: its kind.

use crate::ops::Schema;

/// What an operator is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Category {
    /// Convolutions, matrix products.
    Weights,
    /// Functions of one tensor, element by element.
    Activation,
    /// To or from integers with a scale.
    Quantize,
    /// Operators on quantized tensors.
    Quantized,
    /// The same elements in another shape.
    Shape,
    /// Means and extrema.
    Pooling,
    /// Statistics over batch, group or layer.
    Normalization,
    /// Branches, loops, calls.
    Control,
    /// Reads and writes of attributes.
    Attribute,
    /// Lists, tuples, numbers.
    Scalar,
    /// All others.
    Other,
}

/// Words in an operator's name after `::`, with the kind they stand for; the first that fits decides.
const WORDS: &[(&str, Category)] = &[
    ("conv", Category::Weights),
    ("linear", Category::Weights),
    ("matmul", Category::Weights),
    ("addmm", Category::Weights),
    ("bmm", Category::Weights),
    ("embedding", Category::Weights),
    ("lstm", Category::Weights),
    ("gru", Category::Weights),
    ("pool", Category::Pooling),
    ("mean", Category::Pooling),
    ("norm", Category::Normalization),
    ("relu", Category::Activation),
    ("elu", Category::Activation),
    ("sigmoid", Category::Activation),
    ("tanh", Category::Activation),
    ("swish", Category::Activation),
    ("softmax", Category::Activation),
    ("hardtanh", Category::Activation),
    ("clamp", Category::Activation),
    ("dropout", Category::Activation),
    ("reshape", Category::Shape),
    ("view", Category::Shape),
    ("flatten", Category::Shape),
    ("squeeze", Category::Shape),
    ("permute", Category::Shape),
    ("transpose", Category::Shape),
    ("cat", Category::Shape),
    ("slice", Category::Shape),
    ("chunk", Category::Shape),
    ("split", Category::Shape),
    ("interpolate", Category::Shape),
];

impl Category {
    /// The kind of an operator.
    pub fn of(op: &'static str) -> Category {
        let base = Schema::split(op).0;
        let (space, name) = base.split_once("::").unwrap_or(("", base));
        if name.contains("quantize") && !name.starts_with("quantized_") {
            return Category::Quantize;
        }
        match (space, name) {
            ("quantized", _) => return Category::Quantized,
            ("prim", "If" | "Loop" | "CallMethod" | "CallFunction" | "RaiseException") => {
                return Category::Control;
            }
            ("prim", "GetAttr" | "SetAttr") => return Category::Attribute,
            ("prim", _) => return Category::Scalar,
            _ => {}
        }
        let word = WORDS.iter().find(|(word, _)| name.contains(word));
        word.map_or(Category::Other, |(_, category)| *category)
    }

    /// Its name in styles and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Category::Weights => "weights",
            Category::Activation => "activation",
            Category::Quantize => "quantize",
            Category::Quantized => "quantized",
            Category::Shape => "shape",
            Category::Pooling => "pooling",
            Category::Normalization => "normalization",
            Category::Control => "control",
            Category::Attribute => "attribute",
            Category::Scalar => "scalar",
            Category::Other => "other",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_decide_the_kind() {
        for (op, category) in [
            ("aten::conv2d", Category::Weights),
            ("aten::quantize_per_tensor", Category::Quantize),
            ("aten::dequantize.self", Category::Quantize),
            ("quantized::conv2d_relu.new", Category::Quantized),
            ("prim::If", Category::Control),
            ("aten::relu_", Category::Activation),
            ("aten::batch_norm", Category::Normalization),
            ("mine::thing", Category::Other),
        ] {
            assert_eq!(Category::of(op), category, "{op}");
        }
    }
}
