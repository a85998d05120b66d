//! What is known about a value without running the model: a lattice that the engine joins when values are found equal.

use std::fmt;
use std::sync::Arc;

use super::{ConstantId, DType, Literal, Name, Quantization, Tensor, Type};

/// One dimension: a known size, or one that only the run knows.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Dim {
    /// This many.
    Known(u64),
    /// Not known.
    Unknown,
}

/// Dimensions, outermost first.
pub type Shape = Arc<[Dim]>;

/// Quantization parameters as far as they are known.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub enum QParams {
    /// Nothing is known, or the value is not quantized.
    #[default]
    Unknown,
    /// One scale and zero point for the whole tensor.
    PerTensor {
        /// Step between two integers.
        scale: f64,
        /// The integer that stands for zero.
        zero_point: i64,
    },
    /// One scale and zero point for each index along `axis`.
    PerChannel {
        /// The dimension that the parameters run along.
        axis: usize,
    },
}

/// What is known about a value. `Facts::default()` knows nothing.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Facts {
    /// Static type, if known.
    pub ty: Option<Type>,
    /// Element type of a tensor.
    pub dtype: Option<DType>,
    /// Dimensions of a tensor.
    pub shape: Option<Shape>,
    /// Quantization parameters of a quantized tensor.
    pub qparams: QParams,
    /// The value itself, if it is a literal.
    pub literal: Option<Literal>,
    /// The constant it is, if it is one (a tensor or packed object, computed or still an expression).
    pub constant: Option<ConstantId>,
    /// Facts of the elements of a list or tuple, or of the several results of an operator.
    pub elements: Option<Arc<[Facts]>>,
    /// The class of a module or object, as written in the file.
    pub class: Option<Name>,
}

impl Facts {
    /// Facts of a value of this type.
    pub fn of_type(ty: Type) -> Facts {
        let mut facts = Facts::default();
        if let Type::Tensor(t) = &ty {
            facts.dtype = t.dtype;
            facts.shape = t.shape.clone();
        }
        if let Type::Class(class) = &ty {
            facts.class = Some(*class);
        }
        facts.ty = Some(ty);
        facts
    }

    /// Facts of a literal; its type is left to the place where it stands.
    pub fn of_literal(literal: Literal) -> Facts {
        let elements = literal
            .items()
            .map(|items| items.iter().cloned().map(Facts::of_literal).collect());
        Facts {
            literal: Some(literal),
            elements,
            ..Facts::default()
        }
    }

    /// A tensor with this element type.
    pub fn tensor(dtype: Option<DType>, shape: Option<Shape>) -> Facts {
        Facts {
            ty: Some(Type::tensor()),
            dtype,
            shape,
            ..Facts::default()
        }
    }

    /// What there is to know of a tensor that is at hand.
    pub fn of_tensor(tensor: &Tensor) -> Facts {
        let shape = tensor.shape.iter().map(|&n| Dim::Known(n as u64)).collect();
        let mut facts = Facts::tensor(Some(tensor.dtype), Some(shape));
        facts.qparams = match &tensor.quantization {
            None => QParams::Unknown,
            Some(Quantization::PerTensor { scale, zero_point }) => QParams::PerTensor {
                scale: *scale,
                zero_point: *zero_point,
            },
            Some(Quantization::PerChannel { axis, .. }) => QParams::PerChannel { axis: *axis },
        };
        facts
    }

    /// Number of dimensions, if known.
    pub fn rank(&self) -> Option<usize> {
        self.shape.as_ref().map(|shape| shape.len())
    }

    /// Whether the value is known before the model runs.
    pub fn is_const(&self) -> bool {
        self.literal.is_some() || self.constant.is_some()
    }
}

impl fmt::Display for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Dim::Known(n) => write!(f, "{n}"),
            Dim::Unknown => f.write_str("_"),
        }
    }
}
