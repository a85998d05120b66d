//! NumPy's `.npy` files: the one form the recorded inputs and outputs have.

use rulefold::graph::{DType, Tensor};
use rulefold::model::npy;
use std::fs;
use std::path::Path;

/// The tensor in a file, row-major.
pub fn read(path: &Path) -> Tensor {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    npy::read(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The bytes of a file with this tensor.
pub fn write(tensor: &Tensor) -> Vec<u8> {
    let elements = tensor.contiguous_bytes().expect("a contiguous tensor");
    npy::write(tensor.dtype, &tensor.shape, elements).expect("a type that NumPy has")
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
