//! Writing in place: who else sees it.
//!
//! In: a tensor that an operator such as `aten::relu_` writes to, and what it computed. Out: the tensor as it is now, and the same for
//! every other view of its storage that anybody still holds.
//! Invariant: storages themselves never change; a write makes a new one that stands for the old one from then on.

use rustc_hash::FxHashMap;

use crate::graph::{Storage, Tensor};

use super::Value;
use super::elements::{count, row_major};
use super::error::Fault;
use super::shape::walk;

/// The writes of a run.
#[derive(Default)]
pub(super) struct Mutations {
    /// By address of a storage: the storage, kept so that no other takes its address, and what stands for it.
    current: FxHashMap<usize, (Storage, Storage)>,
}

impl Mutations {
    /// A value as it is after all writes.
    pub(super) fn see(&self, value: Value) -> Value {
        if self.current.is_empty() {
            return value;
        }
        let all = |items: Vec<Value>| items.into_iter().map(|item| self.see(item)).collect();
        match value {
            Value::Tensor(mut tensor) => {
                while let Some((_, newer)) = self.current.get(&tensor.storage.address()) {
                    tensor.storage = newer.clone();
                }
                Value::Tensor(tensor)
            }
            Value::List(items) => Value::List(all(items)),
            Value::Tuple(items) => Value::Tuple(all(items)),
            other => other,
        }
    }

    /// Writes a result over a tensor, which must be as [`Mutations::see`] gives it.
    ///
    /// # Faults
    /// A result of another shape or type, or a tensor that reaches outside its storage.
    pub(super) fn write(&mut self, over: &Tensor, result: &Tensor) -> Result<Tensor, Fault> {
        if result.storage.is_same(&over.storage) && result.offset == over.offset {
            return Ok(over.clone());
        }
        if (result.dtype, &result.shape, &result.quantization)
            != (over.dtype, &over.shape, &over.quantization)
        {
            return Err(Fault::new(format!(
                "{} of shape {:?} cannot be written over {} of shape {:?}",
                result.dtype, result.shape, over.dtype, over.shape
            )));
        }
        let outside = || Fault::new("a tensor reaches outside its storage");
        let size = over.dtype.size();
        let mut bytes = over.storage.bytes().to_vec();
        let elements = row_major(result)?;
        count(&over.shape)?;
        // Reading it all proves that every place below is inside.
        row_major(over)?;
        let places = walk(&over.shape, &over.strides);
        for (place, element) in places.into_iter().zip(elements.chunks(size)) {
            let at = (over.offset + place) * size;
            bytes
                .get_mut(at..at + size)
                .ok_or_else(outside)?
                .copy_from_slice(element);
        }
        let mut written = over.clone();
        written.storage = Storage::owned(bytes);
        self.current.insert(
            over.storage.address(),
            (over.storage.clone(), written.storage.clone()),
        );
        Ok(written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::elements::{read_f32, tensor_f32};

    #[test]
    fn views_of_the_storage_see_the_write() {
        let whole = tensor_f32(vec![2, 2], &[1.0, 2.0, 3.0, 4.0]);
        let mut column = whole.clone();
        column.shape = vec![2];
        column.strides = vec![2];
        column.offset = 1;
        let mut writes = Mutations::default();
        let see = |writes: &Mutations, t: &Tensor| match writes.see(t.clone().into()) {
            Value::Tensor(seen) => seen,
            other => panic!("{}", other.kind()),
        };
        let written = writes
            .write(&column, &tensor_f32(vec![2], &[20.0, 40.0]))
            .unwrap();
        assert_eq!(read_f32(&written).unwrap(), [20.0, 40.0]);
        let now = see(&writes, &whole);
        assert_eq!(read_f32(&now).unwrap(), [1.0, 20.0, 3.0, 40.0]);
        assert_eq!(read_f32(&whole).unwrap(), [1.0, 2.0, 3.0, 4.0]);
        writes
            .write(&now, &tensor_f32(vec![2, 2], &[0.0; 4]))
            .unwrap();
        assert_eq!(read_f32(&see(&writes, &column)).unwrap(), [0.0, 0.0]);
        assert!(writes.write(&whole, &column).is_err());
    }
}
