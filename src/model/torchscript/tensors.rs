//! Tensors of `data.pkl` and `constants.pkl`: calls of `torch._utils._rebuild_*` over storages.
//!
//! In: a node of a pickle and the members that hold storages. Out: [`Tensor`], a view of a storage; nothing is copied.
//! Invariant: a tensor that is handed out lies inside its storage; tensors over one storage share one [`Storage`].

#![deny(clippy::unwrap_used, clippy::indexing_slicing)]

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::error::ReadError;
use crate::graph::{DType, Quantization, Storage, Tensor};
use crate::model::archive::MemberData;
use crate::model::pickle::{Call, Node, NodeId, Pickle};

/// PyTorch's storage classes.
const STORAGES: [(&str, DType); 17] = [
    ("FloatStorage", DType::F32),
    ("DoubleStorage", DType::F64),
    ("HalfStorage", DType::F16),
    ("BFloat16Storage", DType::BF16),
    ("ByteStorage", DType::U8),
    ("CharStorage", DType::I8),
    ("ShortStorage", DType::I16),
    ("IntStorage", DType::I32),
    ("LongStorage", DType::I64),
    ("BoolStorage", DType::Bool),
    ("ComplexFloatStorage", DType::C64),
    ("ComplexDoubleStorage", DType::C128),
    ("QInt8Storage", DType::QI8),
    ("QUInt8Storage", DType::QU8),
    ("QInt32Storage", DType::QI32),
    ("ComplexHalfStorage", DType::C32),
    ("Float8_e4m3fnStorage", DType::F8E4M3),
];

/// The storage class of an element type, without its module `torch`.
pub(super) fn storage_class(dtype: DType) -> Option<&'static str> {
    STORAGES.iter().find(|row| row.1 == dtype).map(|row| row.0)
}

/// Members under one folder, by key.
pub(super) struct Storages {
    folder: &'static str,
    members: FxHashMap<String, MemberData>,
    made: FxHashMap<String, Storage>,
}

impl Storages {
    /// Storages over the members of `folder` (`data` or `constants`), by their names in it.
    pub(super) fn new(folder: &'static str, members: FxHashMap<String, MemberData>) -> Storages {
        Storages {
            folder,
            members,
            made: FxHashMap::default(),
        }
    }

    fn get(&mut self, key: &str) -> Option<Storage> {
        if let Some(storage) = self.made.get(key) {
            return Some(storage.clone());
        }
        let data = self.members.get(key)?.clone();
        let hash = data.hash();
        let storage = Storage::with_hash(Arc::new(data), hash);
        self.made.insert(key.to_owned(), storage.clone());
        Some(storage)
    }
}

/// Whether a node is a call that makes a tensor.
pub(super) fn is_tensor(pickle: &Pickle, node: NodeId) -> bool {
    pickle
        .call(node)
        .is_some_and(|call| call.module == "torch._utils" && call.name.starts_with("_rebuild_"))
}

/// The tensor that a call of `torch._utils._rebuild_*` makes. `place` names it in errors.
pub(super) fn read_tensor(
    pickle: &Pickle,
    node: NodeId,
    storages: &mut Storages,
    place: &dyn Fn() -> String,
) -> Result<Tensor, ReadError> {
    Reader { pickle, place }.tensor(node, storages)
}

struct Reader<'a> {
    pickle: &'a Pickle,
    place: &'a dyn Fn() -> String,
}

impl Reader<'_> {
    fn tensor(&self, node: NodeId, storages: &mut Storages) -> Result<Tensor, ReadError> {
        let Some(Call { name, args, .. }) = self.pickle.call(node) else {
            return Err(self.refuse("something other than a tensor", "save the model again"));
        };
        match (name, args) {
            ("_rebuild_tensor_v2", [storage, offset, size, stride, grad, ..]) => {
                self.view(storages, *storage, [*offset, *size, *stride], None, *grad)
            }
            ("_rebuild_qtensor", [storage, offset, size, stride, parameters, grad, ..]) => {
                let parameters = self.quantization(*parameters, storages)?;
                let place = [*offset, *size, *stride];
                self.view(storages, *storage, place, Some(parameters), *grad)
            }
            _ => Err(self.refuse(
                &format!("a tensor made by `torch._utils.{name}`, which is not supported"),
                "make it a plain strided tensor before saving",
            )),
        }
    }

    fn view(
        &self,
        storages: &mut Storages,
        storage: NodeId,
        [offset, size, stride]: [NodeId; 3],
        quantization: Option<Quantization>,
        grad: NodeId,
    ) -> Result<Tensor, ReadError> {
        let (dtype, storage) = self.storage(storage, storages)?;
        let count = |node| self.pickle.int(node).and_then(|n| usize::try_from(n).ok());
        let counts = |node| -> Option<Vec<usize>> {
            let items = self.pickle.tuple(node)?;
            items.iter().map(|&item| count(item)).collect()
        };
        let (Some(offset), Some(shape), Some(strides)) =
            (count(offset), counts(size), counts(stride))
        else {
            return Err(self.broken("a tensor whose offset, sizes or strides are no numbers"));
        };
        if shape.len() != strides.len() {
            return Err(self.broken("a tensor with more sizes than strides or fewer"));
        }
        if dtype.is_quantized() != quantization.is_some() {
            return Err(
                self.broken("a tensor whose storage and quantization do not belong together")
            );
        }
        let inside = last_element(&shape, &strides, offset)
            .and_then(|end| end.checked_mul(dtype.size()))
            .is_some_and(|end| end <= storage.bytes().len());
        if !inside {
            let what = format!(
                "a tensor of sizes {shape:?} that does not fit into its storage of {} bytes",
                storage.bytes().len()
            );
            return Err(self.broken(&what));
        }
        if let Some(Quantization::PerChannel {
            scales,
            zero_points,
            axis,
        }) = &quantization
        {
            let channels = shape.get(*axis).copied();
            if channels != Some(scales.len()) || channels != Some(zero_points.len()) {
                return Err(self.broken("a tensor with more scales than channels or fewer"));
            }
        }
        Ok(Tensor {
            dtype,
            shape,
            strides,
            offset,
            storage,
            quantization,
            requires_grad: self.pickle.bool(grad).unwrap_or(false),
        })
    }

    fn storage(
        &self,
        node: NodeId,
        storages: &mut Storages,
    ) -> Result<(DType, Storage), ReadError> {
        let parts = match self.pickle.node(node) {
            Node::PersistentId(id) => self.pickle.tuple(*id),
            _ => None,
        };
        let Some([kind, class, key, device, ..]) = parts else {
            return Err(self.broken("a tensor without a storage"));
        };
        let (Some("storage"), Some((_, class)), Some(key), Some(device)) = (
            self.pickle.str(*kind),
            self.pickle.global(*class),
            self.pickle.str(*key),
            self.pickle.str(*device),
        ) else {
            return Err(self.broken("a tensor without a storage"));
        };
        let Some((_, dtype)) = STORAGES.iter().find(|row| row.0 == class) else {
            return Err(self.refuse(
                &format!("a tensor of element type `{class}`, which is not supported"),
                "convert it to a supported type before saving",
            ));
        };
        if device != "cpu" {
            return Err(self.refuse(
                &format!("a tensor on device `{device}`"),
                "move the model to the CPU before saving: model.cpu()",
            ));
        }
        match storages.get(key) {
            Some(storage) => Ok((*dtype, storage)),
            None => Err(self.broken(&format!(
                "a tensor whose storage `{}/{key}` is not in the archive",
                storages.folder
            ))),
        }
    }

    fn quantization(
        &self,
        node: NodeId,
        storages: &mut Storages,
    ) -> Result<Quantization, ReadError> {
        let wrong = || self.broken("a quantized tensor without scale and zero point");
        let parts = self.pickle.tuple(node).ok_or_else(wrong)?;
        let scheme = parts.first().and_then(|&s| self.pickle.global(s));
        match (scheme.map(|(_, name)| name), parts) {
            (Some("per_tensor_affine"), [_, scale, zero_point]) => {
                match (self.pickle.float(*scale), self.pickle.int(*zero_point)) {
                    (Some(scale), Some(zero_point)) => {
                        Ok(Quantization::PerTensor { scale, zero_point })
                    }
                    _ => Err(wrong()),
                }
            }
            (Some("per_channel_affine"), [_, scales, zero_points, axis]) => {
                let scales = self.tensor(*scales, storages)?;
                let zero_points = self.tensor(*zero_points, storages)?;
                let axis = self.pickle.int(*axis).and_then(|n| usize::try_from(n).ok());
                let (DType::F64, DType::I64, Some(axis)) = (scales.dtype, zero_points.dtype, axis)
                else {
                    return Err(wrong());
                };
                let scales = eight_bytes(&scales).map(|all| all.map(f64::from_le_bytes).collect());
                let points =
                    eight_bytes(&zero_points).map(|all| all.map(i64::from_le_bytes).collect());
                match (scales, points) {
                    (Some(scales), Some(zero_points)) => Ok(Quantization::PerChannel {
                        scales,
                        zero_points,
                        axis,
                    }),
                    _ => Err(wrong()),
                }
            }
            (Some(scheme), _) => Err(self.refuse(
                &format!("a tensor quantized as `{scheme}`, which is not supported"),
                "quantize it per tensor or per channel with integer zero points",
            )),
            _ => Err(wrong()),
        }
    }

    fn broken(&self, what: &str) -> ReadError {
        self.refuse(what, "save the model again with torch.jit.save")
    }

    fn refuse(&self, what: &str, cure: &str) -> ReadError {
        ReadError::Object {
            place: (self.place)(),
            what: what.to_owned(),
            cure: cure.to_owned(),
        }
    }
}

/// One past the furthest element a view touches, in elements; `offset` for a view without elements.
fn last_element(shape: &[usize], strides: &[usize], offset: usize) -> Option<usize> {
    // The product is used unchecked later, so it must fit too.
    shape
        .iter()
        .try_fold(1usize, |n, &size| n.checked_mul(size.max(1)))?
        .checked_mul(16)?;
    if shape.contains(&0) {
        return Some(offset);
    }
    let mut last = offset;
    for (&size, &stride) in shape.iter().zip(strides) {
        last = last.checked_add(size.checked_sub(1)?.checked_mul(stride)?)?;
    }
    last.checked_add(1)
}

fn eight_bytes(tensor: &Tensor) -> Option<impl Iterator<Item = [u8; 8]>> {
    let bytes = tensor.contiguous_bytes()?;
    Some(
        bytes
            .chunks_exact(8)
            .filter_map(|chunk| chunk.try_into().ok()),
    )
}
