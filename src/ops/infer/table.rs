//! Which rule gives the results of which operators.
//!
//! A row names operators without overload (all overloads that give one tensor) or with it (that one alone; it goes first).
//! Invariant: every operator of every row exists, and stands in one row.

use super::operands::Operands;
use super::{element as e, several as m, shape as s, window as w};
use crate::graph::{DType, Facts, QParams, Shape};

/// How results follow from operands.
#[derive(Clone, Copy)]
pub(super) enum Rule {
    /// One tensor.
    Tensor {
        dtype: fn(Operands) -> Option<DType>,
        qparams: fn(Operands) -> QParams,
        shape: fn(Operands) -> Option<Shape>,
    },
    /// Anything else.
    Several(fn(Operands) -> Vec<Facts>),
}

/// Operators of one behaviour.
pub(super) struct Row {
    pub(super) ops: &'static [&'static str],
    pub(super) rule: Rule,
}

const fn tensor(
    ops: &'static [&'static str],
    dtype: fn(Operands) -> Option<DType>,
    qparams: fn(Operands) -> QParams,
    shape: fn(Operands) -> Option<Shape>,
) -> Row {
    Row {
        ops,
        rule: Rule::Tensor {
            dtype,
            qparams,
            shape,
        },
    }
}

const fn several(ops: &'static [&'static str], rule: fn(Operands) -> Vec<Facts>) -> Row {
    Row {
        ops,
        rule: Rule::Several(rule),
    }
}

/// All rules.
#[rustfmt::skip]
pub(super) static ROWS: &[Row] = &[
    // Values stay, or are clamped to the same grid.
    tensor(&["aten::alias", "aten::clone", "aten::contiguous", "aten::detach", "aten::dropout", "aten::feature_dropout",
        "aten::alpha_dropout", "aten::feature_alpha_dropout", "aten::pin_memory"], e::same, e::kept, s::same),
    tensor(&["aten::relu", "aten::hardtanh", "aten::leaky_relu", "aten::relu6", "aten::threshold", "aten::flip",
        "aten::channel_shuffle", "aten::fake_quantize_per_tensor_affine"], e::same_float, e::kept_per_tensor, s::same),
    tensor(&["aten::clamp.Tensor", "aten::clamp_min.Tensor", "aten::clamp_max.Tensor", "aten::clip.Tensor"], e::unknown, e::none, s::unknown),
    tensor(&["aten::clamp", "aten::clamp_min", "aten::clamp_max", "aten::clip"], e::same_float, e::kept_per_tensor, s::same),
    // Floats, one by one. On quantized tensors these fail or have rows of their own.
    tensor(&["aten::abs", "aten::neg", "aten::floor", "aten::ceil", "aten::round", "aten::trunc", "aten::sign", "aten::exp",
        "aten::log", "aten::log1p", "aten::log2", "aten::log10", "aten::expm1", "aten::sqrt", "aten::rsqrt", "aten::reciprocal",
        "aten::sin", "aten::cos", "aten::tan", "aten::erf", "aten::atan", "aten::square", "aten::elu", "aten::celu", "aten::selu",
        "aten::gelu", "aten::silu", "aten::mish", "aten::hardswish", "aten::softplus", "aten::logit", "aten::log_sigmoid",
        "aten::batch_norm", "aten::instance_norm", "aten::group_norm", "aten::layer_norm", "aten::prelu", "aten::rrelu",
"aten::hardshrink", "aten::softshrink", "aten::masked_fill"],
        e::only_float, e::none, s::same),
    tensor(&["aten::sigmoid", "aten::hardsigmoid"], e::same_float, e::unit, s::same),
    tensor(&["aten::tanh"], e::same_float, e::symmetric_unit, s::same),
    tensor(&["aten::softmax", "aten::log_softmax"], e::asked_or_float, e::none, s::same),
    // Several tensors spread over each other.
    tensor(&["aten::add", "aten::sub", "aten::rsub", "aten::mul", "aten::maximum", "aten::minimum", "aten::fmod", "aten::remainder"],
        e::promoted, e::none, s::broadcast),
    tensor(&["aten::div", "aten::true_divide", "aten::pow", "aten::atan2"], e::promoted_float, e::none, s::broadcast),
    tensor(&["aten::eq", "aten::ne", "aten::lt", "aten::le", "aten::gt", "aten::ge", "aten::logical_and", "aten::logical_or",
        "aten::logical_xor", "aten::logical_not", "aten::isnan", "aten::isinf", "aten::isfinite"], e::bool, e::none, s::broadcast),
    // Another element type.
    tensor(&["aten::to.dtype", "aten::to.prim_dtype", "aten::to.dtype_layout", "aten::to.device"], e::asked_or_any, e::kept, s::same),
    tensor(&["aten::to.other", "aten::type_as"], e::of_other, e::none, s::same),
    tensor(&["aten::scalar_tensor"], e::asked, e::none, s::single),
    tensor(&["prim::NumToTensor"], e::of_scalar, e::none, s::single),
    tensor(&["aten::zeros", "aten::ones", "aten::full", "aten::rand", "aten::randn", "aten::empty"], e::asked, e::none, s::created),
    tensor(&["aten::zeros_like", "aten::ones_like", "aten::empty_like", "aten::full_like", "aten::rand_like", "aten::randn_like"],
        e::asked_or_any, e::none, s::same),
    // Order of elements.
    tensor(&["aten::flatten.using_ints"], e::same, e::kept_per_tensor, s::flattened),
    tensor(&["aten::view", "aten::reshape", "aten::_reshape_alias"], e::same, e::kept_per_tensor, s::reshaped),
    tensor(&["aten::view.dtype"], e::unknown, e::none, s::unknown),
    tensor(&["aten::permute"], e::same, e::kept_per_tensor, s::permuted),
    tensor(&["aten::transpose.int", "aten::swapdims"], e::same, e::kept_per_tensor, s::transposed),
    tensor(&["aten::t"], e::same, e::kept_per_tensor, s::t),
    tensor(&["aten::squeeze"], e::same, e::kept_per_tensor, s::squeezed),
    tensor(&["aten::unsqueeze"], e::same, e::kept_per_tensor, s::unsqueezed),
    tensor(&["aten::select.int"], e::same, e::kept_per_tensor, s::selected),
    tensor(&["aten::slice.Tensor"], e::same, e::kept_per_tensor, s::sliced),
    tensor(&["aten::expand"], e::same, e::kept_per_tensor, s::expanded),
    tensor(&["aten::repeat"], e::same, e::kept_per_tensor, s::repeated),
    tensor(&["aten::repeat_interleave.self_int", "aten::index.Tensor", "aten::narrow", "aten::index_select", "aten::unfold",
        "aten::roll", "aten::movedim", "aten::unflatten"], e::same, e::kept_per_tensor, s::unknown),
    tensor(&["aten::pixel_shuffle"], e::same, e::kept_per_tensor, s::pixel_shuffled),
    tensor(&["aten::constant_pad_nd", "aten::pad", "aten::reflection_pad1d", "aten::reflection_pad2d", "aten::replication_pad2d"],
        e::same, e::kept_per_tensor, s::padded),
    tensor(&["aten::cat", "aten::concat", "aten::concatenate"], e::of_list, e::kept_of_list, s::concatenated),
    tensor(&["aten::stack"], e::of_list, e::kept_of_list, s::stacked),
    // Reductions.
    tensor(&["aten::mean"], e::asked_or_same, e::kept_per_tensor, s::reduced),
    tensor(&["aten::sum"], e::asked_or_float, e::none, s::reduced),
    tensor(&["aten::amax", "aten::amin"], e::only_float, e::none, s::reduced),
    tensor(&["aten::max", "aten::min"], e::same, e::kept_per_tensor, s::single),
    tensor(&["aten::max.other", "aten::min.other"], e::promoted, e::none, s::broadcast),
    tensor(&["aten::argmax", "aten::argmin"], e::i64, e::none, s::reduced),
    several(&["aten::max.dim", "aten::min.dim"], m::extreme_and_place),
    // Windows.
    tensor(&["aten::conv1d", "aten::conv2d", "aten::conv3d"], e::of_weighted, e::none, w::convolution),
    tensor(&["aten::conv_transpose1d", "aten::conv_transpose2d", "aten::conv_transpose3d"], e::of_weighted, e::none, w::transposed_convolution),
    tensor(&["aten::_convolution", "aten::convolution"], e::of_weighted, e::none, w::any_convolution),
    tensor(&["aten::max_pool1d", "aten::max_pool2d", "aten::max_pool3d", "aten::avg_pool1d", "aten::avg_pool2d", "aten::avg_pool3d",
        "aten::quantized_max_pool1d", "aten::quantized_max_pool2d", "quantized::max_pool1d", "quantized::max_pool2d"],
        e::same_float, e::kept_per_tensor, w::pooled),
    several(&["aten::max_pool2d_with_indices", "aten::max_pool3d_with_indices"], m::pooled_and_place),
    tensor(&["aten::adaptive_avg_pool1d", "aten::adaptive_avg_pool2d", "aten::adaptive_avg_pool3d"],
        e::same_float, e::kept_per_tensor, w::adaptive),
    tensor(&["aten::upsample_nearest1d", "aten::upsample_nearest2d", "aten::upsample_nearest3d", "aten::upsample_bilinear2d",
        "aten::upsample_linear1d", "aten::upsample_trilinear3d", "aten::upsample_bicubic2d"],
        e::same_float, e::kept_per_tensor, w::resampled),
    // Products.
    tensor(&["aten::linear"], e::of_weighted, e::none, s::linear),
    tensor(&["aten::matmul", "aten::bmm", "aten::mm"], e::promoted, e::none, s::matrix_product),
    tensor(&["aten::addmm"], e::promoted, e::none, s::matrix_product),
    tensor(&["aten::embedding"], e::same, e::none, s::embedded),
    // Into and out of integers.
    tensor(&["aten::quantize_per_tensor"], e::asked, e::written, s::same),
    tensor(&["aten::quantize_per_tensor.tensor_qparams", "aten::quantize_per_tensor_dynamic"], e::asked, e::none, s::same),
    tensor(&["aten::quantize_per_channel"], e::asked, e::per_channel, s::same),
    tensor(&["aten::dequantize.self", "aten::dequantize.tensor"], e::f32, e::none, s::same),
    several(&["aten::dequantize.list", "aten::dequantize.tensors"], m::dequantized_list),
    several(&["aten::dequantize.any"], m::dequantized_any),
    tensor(&["aten::int_repr"], e::stored, e::none, s::same),
    tensor(&["aten::_make_per_tensor_quantized_tensor"], e::over_stored, e::written, s::same),
    tensor(&["aten::_make_per_channel_quantized_tensor"], e::over_stored, e::per_channel, s::same),
    tensor(&["aten::q_per_channel_scales"], e::f64, e::none, s::channels),
    tensor(&["aten::q_per_channel_zero_points"], e::unknown, e::none, s::channels),
    several(&["aten::_choose_qparams_per_tensor"], m::scale_and_zero_point),
    // Quantized operators: parameters are operands.
    tensor(&["quantized::batch_norm", "quantized::batch_norm_relu", "quantized::batch_norm1d", "quantized::batch_norm1d_relu",
        "quantized::batch_norm2d", "quantized::batch_norm2d_relu", "quantized::batch_norm3d", "quantized::batch_norm3d_relu",
        "quantized::celu", "quantized::elu", "quantized::dropout", "quantized::group_norm", "quantized::hardswish",
        "quantized::instance_norm", "quantized::layer_norm", "quantized::leaky_relu", "quantized::prelu", "quantized::sigmoid",
        "quantized::softmax"], e::same, e::written, s::same),
    tensor(&["quantized::add", "quantized::add_relu", "quantized::mul", "quantized::mul_relu"], e::of_qa, e::written, s::broadcast),
    tensor(&["quantized::matmul"], e::of_qa, e::written, s::matrix_product),
    tensor(&["quantized::cat", "quantized::cat_relu"], e::of_list, e::written_or_first, s::concatenated),
    tensor(&["quantized::clamp", "quantized::relu6", "quantized::threshold"], e::same, e::kept_per_tensor, s::same),
    tensor(&["quantized::add_scalar", "quantized::add_scalar_relu", "quantized::add.Scalar", "quantized::add.Scalar2",
        "quantized::add_relu.Scalar", "quantized::add_relu.Scalar2"], e::of_qa, e::plus_number, s::of_qa),
    tensor(&["quantized::mul_scalar", "quantized::mul_scalar_relu", "quantized::mul.Scalar", "quantized::mul.Scalar2",
        "quantized::mul_relu.Scalar", "quantized::mul_relu.Scalar2"], e::of_qa, e::times_number, s::of_qa),
    tensor(&["quantized::conv1d", "quantized::conv1d_relu", "quantized::conv2d", "quantized::conv2d_relu", "quantized::conv2d_add",
        "quantized::conv2d_add_relu", "quantized::conv3d", "quantized::conv3d_relu", "quantized::conv_transpose1d",
        "quantized::conv_transpose2d", "quantized::conv_transpose3d"], e::same, e::written, w::packed_convolution),
    tensor(&["quantized::conv1d_dynamic", "quantized::conv2d_dynamic", "quantized::conv3d_dynamic", "quantized::conv_transpose1d_dynamic",
        "quantized::conv_transpose2d_dynamic", "quantized::conv_transpose3d_dynamic"], e::f32, e::none, w::packed_convolution),
    tensor(&["quantized::linear", "quantized::linear_relu", "quantized::linear_leaky_relu", "quantized::linear_tanh"],
        e::same, e::written, w::packed_linear),
    tensor(&["quantized::linear_dynamic", "quantized::linear_relu_dynamic", "quantized::linear_dynamic_fp16",
        "quantized::linear_relu_dynamic_fp16"], e::f32, e::none, w::packed_linear),
    // Packed objects.
    several(&["quantized::linear_prepack", "quantized::linear_prepack_fp16"], m::packed_linear),
    several(&["quantized::conv1d_prepack", "quantized::conv2d_prepack", "quantized::conv3d_prepack", "quantized::conv_prepack"],
        m::packed_convolution),
    several(&["quantized::conv_transpose1d_prepack", "quantized::conv_transpose2d_prepack", "quantized::conv_transpose3d_prepack"],
        m::packed_transposed_convolution),
    several(&["prepacked::linear_clamp_prepack"], m::packed_linear),
    several(&["prepacked::conv2d_clamp_prepack"], m::packed_convolution),
    several(&["prepacked::conv2d_transpose_clamp_prepack"], m::packed_transposed_convolution),
    tensor(&["prepacked::linear_clamp_run"], e::f32, e::none, w::packed_linear),
    tensor(&["prepacked::conv2d_clamp_run", "prepacked::conv2d_transpose_clamp_run"], e::f32, e::none, w::packed_convolution),
    several(&["quantized::linear_unpack", "quantized::conv1d_unpack", "quantized::conv2d_unpack", "quantized::conv3d_unpack",
        "quantized::conv_unpack", "quantized::conv_transpose1d_unpack", "quantized::conv_transpose2d_unpack",
        "quantized::conv_transpose3d_unpack"], m::weight_and_bias),
    // Lists, tuples and casts.
    several(&["prim::ListConstruct"], m::list),
    several(&["prim::TupleConstruct"], m::tuple),
    several(&["prim::ListUnpack", "prim::TupleUnpack"], m::unpacked),
    several(&["aten::__getitem__.t", "prim::TupleIndex"], m::item),
    several(&["prim::unchecked_cast", "prim::unchecked_unwrap_optional", "aten::list.t"], m::operand),
    tensor(&["aten::size.int"], e::unknown, e::none, s::unknown),
    several(&["aten::size", "prim::shape"], m::sizes),
    several(&["aten::chunk"], m::chunks),
    several(&["aten::split", "aten::split_with_sizes", "aten::unsafe_split"], m::splits),
    several(&["aten::unbind"], m::unbound),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::table::{schema, schemas};

    #[test]
    fn rows_name_operators_that_exist_once() {
        let mut seen = Vec::new();
        for op in ROWS.iter().flat_map(|row| row.ops) {
            assert!(schema(op).is_some() || !schemas(op).is_empty(), "{op}");
            assert!(!seen.contains(op), "{op} stands in two rows");
            seen.push(*op);
        }
    }
}
