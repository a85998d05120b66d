//! NumPy's `.npy` files: arrays that go into a model and come out of it.
//!
//! In: bytes of version 1 to 3 in row-major order, little-endian. Out: a tensor; and a tensor's bytes as version 1.
//! Source: NumPy Enhancement Proposal 1, "A Simple File Format for NumPy Arrays".
//! Invariant: refuses what it does not understand, and says what it found.
#![deny(clippy::unwrap_used, clippy::indexing_slicing)]

use crate::graph::{DType, Tensor};

const MAGIC: &[u8] = b"\x93NUMPY";

/// Element types by their description in the header.
const TYPES: [(&str, DType); 11] = [
    ("|b1", DType::Bool),
    ("|u1", DType::U8),
    ("|i1", DType::I8),
    ("<i2", DType::I16),
    ("<i4", DType::I32),
    ("<i8", DType::I64),
    ("<f2", DType::F16),
    ("<f4", DType::F32),
    ("<f8", DType::F64),
    ("<c8", DType::C64),
    ("<c16", DType::C128),
];

/// Why bytes are no array, or a tensor cannot be written as one.
#[derive(thiserror::Error, Clone, PartialEq, Eq, Debug)]
pub enum NpyError {
    /// Not a NumPy file, or one that ends early.
    #[error("is no .npy file: {0}")]
    NotNpy(&'static str),
    /// An element type that is not read or written.
    #[error("holds elements of type {0}, which are not supported")]
    Type(String),
    /// Column-major order.
    #[error("is in Fortran's order; save it with numpy.ascontiguousarray")]
    Fortran,
    /// Another number of bytes than the header says.
    #[error("holds {found} bytes of elements, its header says {expected}")]
    Size {
        /// Bytes there are.
        found: usize,
        /// Bytes there should be.
        expected: usize,
    },
}

/// The array in a file.
pub fn read(bytes: &[u8]) -> Result<Tensor, NpyError> {
    let cut = || NpyError::NotNpy("it ends in its header");
    let rest = bytes
        .strip_prefix(MAGIC)
        .ok_or(NpyError::NotNpy("it begins with other bytes"))?;
    let ([major, _], rest) = rest.split_first_chunk::<2>().ok_or_else(cut)?;
    let (length, rest) = match major {
        1 => {
            let (length, rest) = rest.split_first_chunk::<2>().ok_or_else(cut)?;
            (usize::from(u16::from_le_bytes(*length)), rest)
        }
        2 | 3 => {
            let (length, rest) = rest.split_first_chunk::<4>().ok_or_else(cut)?;
            let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| cut())?;
            (length, rest)
        }
        _ => return Err(NpyError::NotNpy("its version is newer than 3")),
    };
    let (header, data) = rest.split_at_checked(length).ok_or_else(cut)?;
    let header =
        std::str::from_utf8(header).map_err(|_| NpyError::NotNpy("its header is no text"))?;
    let after = |key: &str| header.split_once(key).map(|(_, rest)| rest.trim_start());
    let field = || NpyError::NotNpy("its header lacks descr, fortran_order or shape");
    let name = after("'descr':").ok_or_else(field)?;
    let name = name
        .strip_prefix('\'')
        .and_then(|name| name.split('\'').next());
    let name = name.ok_or_else(|| NpyError::Type("records".to_owned()))?;
    let dtype = TYPES.iter().find(|(text, _)| *text == name);
    let (_, dtype) = dtype.ok_or_else(|| NpyError::Type(name.to_owned()))?;
    if !after("'fortran_order':")
        .ok_or_else(field)?
        .starts_with("False")
    {
        return Err(NpyError::Fortran);
    }
    let sizes = after("'shape':").and_then(|shape| shape.strip_prefix('(')?.split(')').next());
    let shape = sizes
        .ok_or_else(field)?
        .split(',')
        .map(str::trim)
        .filter(|size| !size.is_empty())
        .map(|size| size.parse::<usize>().map_err(|_| field()))
        .collect::<Result<Vec<_>, _>>()?;
    let expected = shape
        .iter()
        .try_fold(dtype.size(), |all, size| all.checked_mul(*size))
        .ok_or(NpyError::NotNpy("its shape is too large"))?;
    if data.len() != expected {
        return Err(NpyError::Size {
            found: data.len(),
            expected,
        });
    }
    Ok(Tensor::contiguous(*dtype, shape, data.to_vec()))
}

/// The file of an array with these row-major elements.
pub fn write(dtype: DType, shape: &[usize], elements: &[u8]) -> Result<Vec<u8>, NpyError> {
    let name = TYPES.iter().find(|(_, known)| *known == dtype);
    let (name, _) = name.ok_or_else(|| NpyError::Type(dtype.name().to_owned()))?;
    let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
    let sizes = match sizes.as_slice() {
        [one] => format!("{one},"),
        all => all.join(", "),
    };
    let mut header = format!("{{'descr': '{name}', 'fortran_order': False, 'shape': ({sizes}), }}");
    // Magic, version and length take ten bytes; the elements begin at a multiple of 64.
    let filled = (10 + header.len() + 1).next_multiple_of(64) - 11;
    header.extend(std::iter::repeat_n(' ', filled - header.len()));
    header.push('\n');
    let length =
        u16::try_from(header.len()).map_err(|_| NpyError::NotNpy("its shape is too long"))?;
    let mut bytes = MAGIC.to_vec();
    bytes.extend([1, 0]);
    bytes.extend(length.to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(elements);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for shape in [vec![], vec![3], vec![2, 1, 4]] {
            let count: usize = shape.iter().product();
            let elements: Vec<u8> = (0..count * 4).map(|at| at as u8).collect();
            let file = write(DType::F32, &shape, &elements).expect("floats can be written");
            assert_eq!((file.len() - elements.len()) % 64, 0);
            let tensor = read(&file).expect("it was just written");
            assert_eq!((tensor.dtype, &tensor.shape), (DType::F32, &shape));
            assert_eq!(tensor.contiguous_bytes(), Some(elements.as_slice()));
            for end in 0..file.len() {
                assert!(
                    file.get(..end).is_some_and(|part| read(part).is_err()),
                    "{end}"
                );
            }
        }
    }

    #[test]
    fn what_is_not_understood_is_named() {
        assert!(matches!(read(b"PK\x03\x04"), Err(NpyError::NotNpy(_))));
        assert_eq!(
            write(DType::QU8, &[1], &[0]),
            Err(NpyError::Type("quint8".into()))
        );
        let mut file = write(DType::U8, &[1], &[7]).expect("bytes can be written");
        let text = b"'fortran_order': False".as_slice();
        let at = file.windows(text.len()).position(|part| part == text);
        let at = at.expect("the header says so") + text.len() - 5;
        file.splice(at..at + 5, *b"True ");
        assert_eq!(read(&file).err(), Some(NpyError::Fortran));
    }
}
