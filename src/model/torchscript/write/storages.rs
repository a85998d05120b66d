//! Storages on their way into the archive: which bytes, under which number.
//!
//! In: tensors in the order of writing. Out: numbers, and the bytes of each.
//! Invariant: tensors that are state of a model keep the sharing they had in the file, and only that: code that runs on the loaded model may
//! write to them. Constants, which nobody writes to, share storages wherever bytes are equal.

use rustc_hash::FxHashMap;

use crate::graph::{DType, Storage, Tensor};

/// The storages of one folder.
#[derive(Default)]
pub(super) struct StorageTable {
    storages: Vec<Bytes>,
    by_address: FxHashMap<(usize, DType), usize>,
    by_content: FxHashMap<(u128, DType), usize>,
}

struct Bytes {
    storage: Storage,
    start: usize,
    length: usize,
}

/// Where a tensor lies.
pub(super) struct Placed {
    pub number: usize,
    /// In elements.
    pub offset: usize,
    /// Elements of the storage.
    pub elements: usize,
}

impl StorageTable {
    /// Places a tensor of the model's state. All of its storage is written, as other tensors may view it.
    pub(super) fn place_state(&mut self, tensor: &Tensor) -> Placed {
        let length = tensor.storage.bytes().len();
        let key = (tensor.storage.address(), tensor.dtype);
        let number = match self.by_address.get(&key) {
            Some(&number) => number,
            None => {
                let number = self.push(&tensor.storage, 0, length);
                self.by_address.insert(key, number);
                number
            }
        };
        placed(number, tensor.offset, length, tensor)
    }

    /// Places a constant. Only the bytes it needs are written.
    pub(super) fn place_constant(&mut self, tensor: &Tensor) -> Placed {
        let all = tensor.storage.bytes().len();
        let (start, length, hash) = match tensor.contiguous_bytes() {
            Some(bytes) if bytes.len() < all => {
                let start = tensor.offset * tensor.dtype.size();
                (
                    start,
                    bytes.len(),
                    crate::model::archive::content_hash(bytes),
                )
            }
            _ => (0, all, tensor.storage.hash()),
        };
        let key = (hash, tensor.dtype);
        let number = match self.by_content.get(&key) {
            Some(&number) => number,
            None => {
                let number = self.push(&tensor.storage, start, length);
                self.by_content.insert(key, number);
                number
            }
        };
        let offset = tensor.offset - start / tensor.dtype.size();
        placed(number, offset, length, tensor)
    }

    /// The bytes by number.
    pub(super) fn bytes(&self) -> impl Iterator<Item = &[u8]> {
        self.storages
            .iter()
            .map(|s| &s.storage.bytes()[s.start..s.start + s.length])
    }

    fn push(&mut self, storage: &Storage, start: usize, length: usize) -> usize {
        self.storages.push(Bytes {
            storage: storage.clone(),
            start,
            length,
        });
        self.storages.len() - 1
    }
}

fn placed(number: usize, offset: usize, length: usize, tensor: &Tensor) -> Placed {
    Placed {
        number,
        offset,
        elements: length / tensor.dtype.size(),
    }
}
