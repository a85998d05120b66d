//! NumPy's `.npy` files: the one form the recorded inputs and outputs have.

use rulefold::graph::{DType, Tensor};
use std::fs;
use std::path::Path;

const MAGIC: &[u8] = b"\x93NUMPY\x01\x00";

/// Element types by their description in the header.
const TYPES: [(&str, DType); 8] = [
    ("<f2", DType::F16),
    ("|b1", DType::Bool),
    ("<f4", DType::F32),
    ("<f8", DType::F64),
    ("<i4", DType::I32),
    ("<i8", DType::I64),
    ("|u1", DType::U8),
    ("|i1", DType::I8),
];

/// The tensor in a file, row-major.
pub fn read(path: &Path) -> Tensor {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    parse(&bytes)
        .unwrap_or_else(|| panic!("{}: no array that the tests understand", path.display()))
}

fn parse(bytes: &[u8]) -> Option<Tensor> {
    let rest = bytes.strip_prefix(MAGIC)?;
    let (length, rest) = rest.split_first_chunk::<2>()?;
    let (header, data) = rest.split_at_checked(u16::from_le_bytes(*length).into())?;
    let header = std::str::from_utf8(header).ok()?;
    let after = |key: &str| Some(header.split_once(key)?.1.trim_start());
    let name = after("'descr':")?.strip_prefix('\'')?.split('\'').next()?;
    let (_, dtype) = TYPES.iter().find(|(text, _)| *text == name)?;
    if !after("'fortran_order':")?.starts_with("False") {
        return None;
    }
    let sizes = after("'shape':")?.strip_prefix('(')?.split(')').next()?;
    let shape = sizes
        .split(',')
        .map(str::trim)
        .filter(|size| !size.is_empty())
        .map(|size| size.parse().ok())
        .collect::<Option<Vec<usize>>>()?;
    let size = shape.iter().product::<usize>() * dtype.size();
    (data.len() == size).then(|| Tensor::contiguous(*dtype, shape, data.to_vec()))
}

/// The bytes of a file with this tensor.
pub fn write(tensor: &Tensor) -> Vec<u8> {
    let name = TYPES.iter().find(|(_, dtype)| *dtype == tensor.dtype);
    let (name, _) = name.expect("a type that the tests understand");
    let sizes: String = tensor.shape.iter().map(|n| format!("{n}, ")).collect();
    let sizes = match tensor.shape.len() {
        0 | 1 => sizes.trim_end().to_owned(),
        _ => sizes.trim_end_matches(", ").to_owned(),
    };
    let mut header = format!("{{'descr': '{name}', 'fortran_order': False, 'shape': ({sizes}), }}");
    let filled = (MAGIC.len() + 2 + header.len() + 1).next_multiple_of(64);
    header.push_str(&" ".repeat(filled - MAGIC.len() - 2 - header.len() - 1));
    header.push('\n');
    let mut bytes = MAGIC.to_vec();
    bytes.extend(
        u16::try_from(header.len())
            .expect("a short header")
            .to_le_bytes(),
    );
    bytes.extend(header.as_bytes());
    bytes.extend(tensor.contiguous_bytes().expect("a contiguous tensor"));
    bytes
}

/// Elements of a float array.
pub fn floats(tensor: &Tensor) -> Vec<f32> {
    assert_eq!(tensor.dtype, DType::F32);
    let bytes = tensor.contiguous_bytes().expect("a contiguous tensor");
    let (chunks, _) = bytes.as_chunks();
    chunks
        .iter()
        .map(|&chunk| f32::from_le_bytes(chunk))
        .collect()
}

/// Elements of an array of any type.
pub fn numbers(tensor: &Tensor) -> Vec<f64> {
    let bytes = tensor.contiguous_bytes().expect("a contiguous tensor");
    let of = |chunk: &[u8]| -> f64 {
        let wide: [u8; 8] = std::array::from_fn(|i| chunk.get(i).copied().unwrap_or(0));
        let small = [wide[0], wide[1], wide[2], wide[3]];
        match tensor.dtype {
            DType::F16 => half::f16::from_le_bytes([wide[0], wide[1]]).into(),
            DType::F32 => f32::from_le_bytes(small).into(),
            DType::F64 => f64::from_le_bytes(wide),
            DType::I32 => i32::from_le_bytes(small).into(),
            DType::I64 => i64::from_le_bytes(wide) as f64,
            DType::U8 | DType::Bool => wide[0].into(),
            DType::I8 => (wide[0] as i8).into(),
            other => panic!("no array holds {other:?}"),
        }
    };
    bytes.chunks(tensor.dtype.size()).map(of).collect()
}

#[test]
fn arrays_are_written_as_numpy_writes_them() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models/torchscript");
    for file in [
        "linear/in0.npy",
        "conv3d_relu/out_qdq.npy",
        "resnet18/out_float.npy",
    ] {
        let path = cases.join(file);
        let bytes = fs::read(&path).expect("the case is there");
        assert_eq!(write(&read(&path)), bytes, "{file}");
    }
}
