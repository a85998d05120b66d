//! PyTorch's integer codes for element types.

use crate::graph::DType;

/// Codes of the types we know; codes of other types (bit fields, 4-bit) have no name here.
const CODES: [(i64, DType); 21] = [
    (0, DType::U8),
    (1, DType::I8),
    (2, DType::I16),
    (3, DType::I32),
    (4, DType::I64),
    (5, DType::F16),
    (6, DType::F32),
    (7, DType::F64),
    (8, DType::C32),
    (9, DType::C64),
    (10, DType::C128),
    (11, DType::Bool),
    (12, DType::QI8),
    (13, DType::QU8),
    (14, DType::QI32),
    (15, DType::BF16),
    (23, DType::F8E5M2),
    (24, DType::F8E4M3),
    (27, DType::U16),
    (28, DType::U32),
    (29, DType::U64),
];

/// The element type that a `ScalarType` operand means.
pub fn torch_dtype(code: i64) -> Option<DType> {
    CODES.iter().find(|row| row.0 == code).map(|row| row.1)
}

/// The `ScalarType` code of an element type.
pub fn torch_dtype_code(dtype: DType) -> i64 {
    CODES
        .iter()
        .find(|row| row.1 == dtype)
        .map(|row| row.0)
        .unwrap_or_else(|| unreachable!("the table has every element type"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_pytorchs() {
        for (code, dtype) in CODES {
            assert_eq!(torch_dtype_code(dtype), code);
        }
        assert_eq!(torch_dtype_code(DType::QU8), 13);
        assert_eq!(torch_dtype(16), None);
        for n in 0..64 {
            if let Some(dtype) = torch_dtype(n) {
                assert_eq!(torch_dtype_code(dtype), n);
            }
        }
    }
}
