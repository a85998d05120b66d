//! Tensors as handles: shape and type here, bytes wherever the file put them.
//!
//! Invariant: cloning a tensor never copies its bytes.

use std::fmt;
use std::sync::{Arc, OnceLock};

use super::DType;

type SharedBytes = Arc<dyn AsRef<[u8]> + Send + Sync>;

struct StorageInner {
    bytes: SharedBytes,
    hash: OnceLock<u128>,
}

/// Bytes that tensors view: a mapping, a member of an archive, or memory of our own.
#[derive(Clone)]
pub struct Storage(Arc<StorageInner>);

impl Storage {
    /// A storage over bytes that somebody owns.
    pub fn new(bytes: SharedBytes) -> Storage {
        Storage(Arc::new(StorageInner {
            bytes,
            hash: OnceLock::new(),
        }))
    }

    /// A storage whose content hash the reader has computed on the way: xxh3-128 of all bytes.
    pub fn with_hash(bytes: SharedBytes, hash: u128) -> Storage {
        Storage(Arc::new(StorageInner {
            bytes,
            hash: OnceLock::from(hash),
        }))
    }

    /// A storage over memory of our own.
    pub fn owned(bytes: Vec<u8>) -> Storage {
        Storage::new(Arc::new(bytes))
    }

    /// All bytes, little-endian.
    pub fn bytes(&self) -> &[u8] {
        (*self.0.bytes).as_ref()
    }

    /// Content hash: xxh3-128 of all bytes, computed once.
    pub fn hash(&self) -> u128 {
        *self
            .0
            .hash
            .get_or_init(|| xxhash_rust::xxh3::xxh3_128(self.bytes()))
    }

    /// Whether both are the same storage object, so that tensors over them share memory in the file.
    pub fn is_same(&self, other: &Storage) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// A number unique to this storage object while it lives.
    pub fn address(&self) -> usize {
        Arc::as_ptr(&self.0) as usize
    }
}

impl fmt::Debug for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Storage({} bytes)", self.bytes().len())
    }
}

/// How the integers of a quantized tensor stand for reals: `real = (integer - zero_point) * scale`.
#[derive(Clone, Debug)]
pub enum Quantization {
    /// One scale for all.
    PerTensor {
        /// Step between two integers.
        scale: f64,
        /// The integer that stands for zero.
        zero_point: i64,
    },
    /// One scale for each index along `axis`.
    PerChannel {
        /// Steps, one for each index.
        scales: Arc<[f64]>,
        /// Zero points, one for each index.
        zero_points: Arc<[i64]>,
        /// The dimension the scales run along.
        axis: usize,
    },
}

impl PartialEq for Quantization {
    fn eq(&self, other: &Quantization) -> bool {
        use Quantization::{PerChannel, PerTensor};
        match (self, other) {
            (
                PerTensor {
                    scale: a,
                    zero_point: b,
                },
                PerTensor {
                    scale: c,
                    zero_point: d,
                },
            ) => a.to_bits() == c.to_bits() && b == d,
            (
                PerChannel {
                    scales: a,
                    zero_points: b,
                    axis: c,
                },
                PerChannel {
                    scales: d,
                    zero_points: e,
                    axis: f,
                },
            ) => {
                a.len() == d.len()
                    && a.iter()
                        .zip(d.iter())
                        .all(|(a, d)| a.to_bits() == d.to_bits())
                    && b == e
                    && c == f
            }
            _ => false,
        }
    }
}

/// A strided view of a storage.
#[derive(Clone, Debug)]
pub struct Tensor {
    /// Element type.
    pub dtype: DType,
    /// Sizes, outermost dimension first.
    pub shape: Vec<usize>,
    /// Distance in elements between neighbours along each dimension.
    pub strides: Vec<usize>,
    /// First element, in elements from the start of the storage.
    pub offset: usize,
    /// The bytes.
    pub storage: Storage,
    /// Present for quantized element types.
    pub quantization: Option<Quantization>,
    /// Whether the file marks it as trainable.
    pub requires_grad: bool,
}

impl Tensor {
    /// A contiguous tensor over bytes of our own. `bytes` holds the elements in row-major order, little-endian.
    pub fn contiguous(dtype: DType, shape: Vec<usize>, bytes: Vec<u8>) -> Tensor {
        debug_assert_eq!(shape.iter().product::<usize>() * dtype.size(), bytes.len());
        let strides = contiguous_strides(&shape);
        Tensor {
            dtype,
            shape,
            strides,
            offset: 0,
            storage: Storage::owned(bytes),
            quantization: None,
            requires_grad: false,
        }
    }

    /// Number of elements.
    pub fn numel(&self) -> usize {
        self.shape.iter().product()
    }

    /// Bytes of all elements, however many the storage holds.
    pub fn size_in_bytes(&self) -> usize {
        self.numel() * self.dtype.size()
    }

    /// Whether the elements lie in row-major order without gaps (dimensions of size 1 may have any stride).
    pub fn is_contiguous(&self) -> bool {
        let mut expected = 1;
        for (&size, &stride) in self.shape.iter().zip(&self.strides).rev() {
            if size != 1 {
                if stride != expected {
                    return false;
                }
                expected *= size;
            }
        }
        true
    }

    /// The elements' bytes in row-major order, if they lie so in the storage and inside it.
    pub fn contiguous_bytes(&self) -> Option<&[u8]> {
        if !self.is_contiguous() {
            return None;
        }
        let start = self.offset.checked_mul(self.dtype.size())?;
        self.storage
            .bytes()
            .get(start..start.checked_add(self.size_in_bytes())?)
    }

    /// Content identity: equal for tensors with the same type, shape, strides, quantization and elements, wherever they are stored.
    pub fn content_hash(&self) -> u128 {
        use xxhash_rust::xxh3::Xxh3;
        let mut h = Xxh3::new();
        h.update(&[
            self.dtype as u8,
            self.quantization.is_some().into(),
            self.requires_grad.into(),
        ]);
        for (size, stride) in self.shape.iter().zip(&self.strides) {
            h.update(&(*size as u64).to_le_bytes());
            h.update(&(*stride as u64).to_le_bytes());
        }
        match &self.quantization {
            None => {}
            Some(Quantization::PerTensor { scale, zero_point }) => {
                h.update(&scale.to_bits().to_le_bytes());
                h.update(&zero_point.to_le_bytes());
            }
            Some(Quantization::PerChannel {
                scales,
                zero_points,
                axis,
            }) => {
                h.update(&(*axis as u64).to_le_bytes());
                scales
                    .iter()
                    .for_each(|s| h.update(&s.to_bits().to_le_bytes()));
                zero_points.iter().for_each(|z| h.update(&z.to_le_bytes()));
            }
        }
        let (offset, elements) = match self.contiguous_bytes() {
            Some(bytes) if bytes.len() != self.storage.bytes().len() => {
                (0, xxhash_rust::xxh3::xxh3_128(bytes))
            }
            _ => (self.offset as u64, self.storage.hash()),
        };
        h.update(&offset.to_le_bytes());
        h.update(&elements.to_le_bytes());
        h.digest128()
    }
}

/// Strides of a row-major tensor.
pub(crate) fn contiguous_strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for i in (1..shape.len()).rev() {
        strides[i - 1] = strides[i] * shape[i].max(1);
    }
    strides
}
