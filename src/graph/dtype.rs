//! Element types of tensors, under the names the rule language uses.

use std::fmt;

/// An element type. Quantized types name the integers that are stored.
#[allow(missing_docs, reason = "the variants are the names of the types")]
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum DType {
    U8,
    I8,
    I16,
    I32,
    I64,
    F16,
    F32,
    F64,
    C32,
    C64,
    C128,
    Bool,
    QI8,
    QU8,
    QI32,
    BF16,
    U16,
    U32,
    U64,
    F8E4M3,
    F8E5M2,
}

/// Every type with its name, its name in PyTorch, and the bytes of one element.
const TABLE: [(DType, &str, &str, usize); 21] = [
    (DType::U8, "u8", "uint8", 1),
    (DType::I8, "i8", "int8", 1),
    (DType::I16, "i16", "int16", 2),
    (DType::I32, "i32", "int32", 4),
    (DType::I64, "i64", "int64", 8),
    (DType::F16, "f16", "float16", 2),
    (DType::F32, "f32", "float32", 4),
    (DType::F64, "f64", "float64", 8),
    (DType::C32, "c32", "complex32", 4),
    (DType::C64, "c64", "complex64", 8),
    (DType::C128, "c128", "complex128", 16),
    (DType::Bool, "bool", "bool", 1),
    (DType::QI8, "qint8", "qint8", 1),
    (DType::QU8, "quint8", "quint8", 1),
    (DType::QI32, "qint32", "qint32", 4),
    (DType::BF16, "bf16", "bfloat16", 2),
    (DType::U16, "u16", "uint16", 2),
    (DType::U32, "u32", "uint32", 4),
    (DType::U64, "u64", "uint64", 8),
    (DType::F8E4M3, "f8e4m3", "float8_e4m3fn", 1),
    (DType::F8E5M2, "f8e5m2", "float8_e5m2", 1),
];

impl DType {
    /// The type with this name: ours (`f32`) or PyTorch's (`float32`).
    pub fn from_name(name: &str) -> Option<DType> {
        TABLE
            .iter()
            .find(|row| row.1 == name || row.2 == name)
            .map(|row| row.0)
    }

    /// The name in the rule language.
    pub fn name(self) -> &'static str {
        TABLE[self as usize].1
    }

    /// Bytes of one element.
    pub fn size(self) -> usize {
        TABLE[self as usize].3
    }

    /// Whether the integers stand for reals through a scale and a zero point.
    pub fn is_quantized(self) -> bool {
        matches!(self, DType::QI8 | DType::QU8 | DType::QI32)
    }

    /// Whether its elements are complex numbers.
    pub fn is_complex(self) -> bool {
        matches!(self, DType::C32 | DType::C64 | DType::C128)
    }

    /// Whether it is a real floating point type.
    pub fn is_float(self) -> bool {
        matches!(
            self,
            DType::F16 | DType::F32 | DType::F64 | DType::BF16 | DType::F8E4M3 | DType::F8E5M2
        )
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_follows_the_enum() {
        for (i, row) in TABLE.iter().enumerate() {
            assert_eq!(row.0 as usize, i);
            assert_eq!(DType::from_name(row.1), Some(row.0));
        }
    }
}
