//! Constants by handle: tensors and packed objects, some of them still expressions over others.
//!
//! In: tensors as read, and expressions the engine found to be constant. Out: one id for one content.
//! Invariant: equal values and equal expressions have one id; a value's bytes are known before it is computed.

use std::sync::{Arc, OnceLock};

use rustc_hash::FxHashMap;

use super::{Facts, Literal, Name, Object, Tensor};

/// A constant of a [`ConstantStore`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ConstantId(pub u32);

/// A packed weight: what `quantized::*_prepack` makes. Equal if all parts are.
#[derive(Clone, Debug)]
pub struct Packed {
    /// The operator family: `linear`, `conv1d`, `conv2d`, `conv3d`, `conv_transpose1d`, ... `linear_fp16`; XNNPACK's are `xnnpack_linear`,
    /// `xnnpack_conv2d`, `xnnpack_conv_transpose2d`.
    pub family: Name,
    /// Weight as it was before packing: qint8, or f32 for `linear_fp16` and XNNPACK.
    pub weight: Tensor,
    /// Bias in f32, one for each output channel.
    pub bias: Option<Tensor>,
    /// Convolutions: stride, padding, output padding, dilation (one number for each spatial dimension), then groups. Empty for linear.
    pub config: Option<PackedConfig>,
    /// The least and the greatest value that the operator gives; only XNNPACK's have such bounds.
    pub range: (Option<f64>, Option<f64>),
}

/// Geometry of a packed convolution.
#[allow(missing_docs, reason = "the fields are the operator's operands")]
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct PackedConfig {
    pub stride: Vec<i64>,
    pub padding: Vec<i64>,
    pub output_padding: Vec<i64>,
    pub dilation: Vec<i64>,
    pub groups: i64,
    pub transposed: bool,
}

impl Packed {
    /// A convolution over one dimension as one over two of which the first has size 1, as PyTorch keeps and stores it; others as they are.
    pub fn of_height_1(self) -> Packed {
        let family = match self.family.as_str() {
            "conv1d" => "conv2d",
            "conv_transpose1d" => "conv_transpose2d",
            _ => return self,
        };
        let mut weight = self.weight;
        if let ([outer, inner, size], [far, near, step]) = (&weight.shape[..], &weight.strides[..])
        {
            let across = size.wrapping_mul(*step);
            (weight.shape, weight.strides) = (
                vec![*outer, *inner, 1, *size],
                vec![*far, *near, across, *step],
            );
        }
        let config = self.config.map(|config| {
            let before = |first: i64, rest: Vec<i64>| std::iter::once(first).chain(rest).collect();
            PackedConfig {
                stride: before(1, config.stride),
                padding: before(0, config.padding),
                output_padding: before(0, config.output_padding),
                dilation: before(1, config.dilation),
                ..config
            }
        });
        Packed {
            family: Name::new(family),
            weight,
            bias: self.bias,
            config,
            range: self.range,
        }
    }
}

/// A computed constant.
#[derive(Clone, Debug)]
pub enum Constant {
    /// A tensor.
    Tensor(Tensor),
    /// A packed weight.
    Packed(Arc<Packed>),
    /// An object that is only carried along.
    Object(Arc<Object>),
}

impl Constant {
    /// Bytes that the file needs for it: elements, scales and zero points, without headers.
    pub fn size_in_bytes(&self) -> u64 {
        match self {
            Constant::Tensor(t) => tensor_bytes(t),
            Constant::Packed(p) => packed_bytes(p),
            Constant::Object(o) => o.size_in_bytes(),
        }
    }

    fn content_hash(&self) -> u128 {
        match self {
            Constant::Tensor(t) => t.content_hash(),
            Constant::Packed(p) => packed_hash(p),
            Constant::Object(o) => o.content_hash(),
        }
    }
}

pub(super) fn packed_hash(packed: &Packed) -> u128 {
    let mut h = xxhash_rust::xxh3::Xxh3::new();
    h.update(packed.family.as_str().as_bytes());
    h.update(&packed.weight.content_hash().to_le_bytes());
    let bias = packed.bias.as_ref().map_or(0, Tensor::content_hash);
    h.update(&bias.to_le_bytes());
    h.update(format!("{:?}", (&packed.config, packed.range)).as_bytes());
    h.digest128()
}

pub(super) fn packed_bytes(packed: &Packed) -> u64 {
    tensor_bytes(&packed.weight) + packed.bias.as_ref().map_or(0, tensor_bytes)
}

pub(super) fn tensor_bytes(tensor: &Tensor) -> u64 {
    let parameters = match &tensor.quantization {
        Some(super::Quantization::PerChannel { scales, .. }) => 16 * scales.len() as u64,
        _ => 0,
    };
    tensor.size_in_bytes() as u64 + parameters
}

/// An operand of a constant expression.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum ConstantOperand {
    /// Another constant.
    Constant(ConstantId),
    /// A literal.
    Literal(Literal),
    /// A list of constants and literals.
    List(Vec<ConstantOperand>),
}

/// An operator on constants, to be computed when somebody wants the value.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Expression {
    /// Operator, with its overload.
    pub op: Name,
    /// Operands in the order of the schema.
    pub operands: Vec<ConstantOperand>,
    /// Which of the operator's results.
    pub result: u32,
}

/// One constant of a store.
#[derive(Clone, Debug)]
pub struct ConstantEntry {
    /// How to compute it; `None` for constants that were read.
    pub expression: Option<Expression>,
    /// Type, shape and quantization, known from the start.
    pub facts: Facts,
    /// Bytes that the file needs for it.
    pub bytes: u64,
    /// The value, once computed (by `eval`).
    pub value: OnceLock<Constant>,
}

/// All constants of a model. A clone holds the same handles; no bytes are copied.
#[derive(Clone, Debug, Default)]
pub struct ConstantStore {
    entries: Vec<ConstantEntry>,
    by_content: FxHashMap<u128, ConstantId>,
    by_expression: FxHashMap<Expression, ConstantId>,
}

impl ConstantStore {
    /// The id of a value; equal values get the same one. `facts` describes it.
    pub fn intern(&mut self, value: Constant, facts: Facts) -> ConstantId {
        let hash = value.content_hash();
        if let Some(&id) = self.by_content.get(&hash) {
            return id;
        }
        let bytes = value.size_in_bytes();
        let id = self.push(ConstantEntry {
            expression: None,
            facts,
            bytes,
            value: OnceLock::from(value),
        });
        self.by_content.insert(hash, id);
        id
    }

    /// The id of an expression; equal expressions get the same one. `bytes` is what its value will need in the file.
    pub fn expression(&mut self, expression: Expression, facts: Facts, bytes: u64) -> ConstantId {
        if let Some(&id) = self.by_expression.get(&expression) {
            return id;
        }
        let id = self.push(ConstantEntry {
            expression: Some(expression.clone()),
            facts,
            bytes,
            value: OnceLock::new(),
        });
        self.by_expression.insert(expression, id);
        id
    }

    /// The constant with this id.
    pub fn get(&self, id: ConstantId) -> &ConstantEntry {
        &self.entries[id.0 as usize]
    }

    /// Number of constants.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn push(&mut self, mut entry: ConstantEntry) -> ConstantId {
        let id = ConstantId(
            u32::try_from(self.entries.len()).expect("fewer than four billion constants"),
        );
        entry.facts.constant = Some(id);
        self.entries.push(entry);
        id
    }
}
