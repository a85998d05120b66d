//! Writing an archive: data, code, constants and the rest, as members in PyTorch's order.
//!
//! In: a model with its container. Out: bytes.
//! Invariant: the same model gives the same bytes; nothing of the machine or the clock gets in.

use std::io::Write;

use super::code::write_code;
use super::constants::ConstantTable;
use super::objects::{write_constants, write_data};
use crate::model::archive::ArchiveWriter;
use crate::model::torchscript::container::TorchScript;
use crate::model::torchscript::error::WriteError;
use crate::ops::Catalogue;

/// Writes the archive; gives the number of bytes. Operators are those of `catalogue`.
///
/// # Errors
/// When the model holds something that TorchScript cannot say, or `out` refuses bytes.
pub fn write(
    script: &TorchScript,
    catalogue: &Catalogue,
    out: &mut impl Write,
) -> Result<u64, WriteError> {
    let container = &script.container;
    let mut table = ConstantTable::new(&container.constants);
    let code = write_code(script, catalogue, &mut table)?;
    let (data, storages) = write_data(script)?;
    let (constants, constant_storages) = write_constants(script, table.entries())?;

    let mut archive = ArchiveWriter::new();
    let compression = container.compression;
    for (name, bytes) in &container.extra {
        archive.add(&format!("extra/{name}"), &bytes[..], compression)?;
    }
    for (i, bytes) in storages.bytes().enumerate() {
        archive.add(&format!("data/{i}"), bytes, compression)?;
    }
    archive.add("data.pkl", data, compression)?;
    for (name, text) in &code {
        archive.add(name, text.as_bytes(), container.code_compression)?;
    }
    for (i, bytes) in constant_storages.bytes().enumerate() {
        archive.add(&format!("constants/{i}"), bytes, compression)?;
    }
    archive.add("constants.pkl", constants, compression)?;
    archive.add("version", container.version.as_bytes(), compression)?;
    archive.add("byteorder", &b"little"[..], compression)?;
    Ok(archive.write(out)?)
}
