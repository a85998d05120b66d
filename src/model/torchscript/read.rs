//! Reading an archive: members to pickles and code, objects first, then the functions that the root's methods reach.
//!
//! In: an archive. Out: [`TorchScript`].
//! Invariant: all data members are inflated and checked in parallel; bytes of tensors are handles from then on.

#![deny(clippy::unwrap_used, clippy::indexing_slicing)]

use std::path::Path;

use rustc_hash::FxHashMap;

use super::code_base::CodeBase;
use super::code_text::{code_files, parse_named_types};
use super::container::{Container, TorchScript};
use super::error::ReadError;
use super::lower::Program;
use super::objects::ObjectReader;
use super::state::restore;
use super::tensors::Storages;
use crate::graph::Model;
use crate::model::archive::{Archive, Compression, MemberData};
use crate::model::pickle::{self, Pickle};
use crate::ops::Catalogue;

/// The newest version of the format, and the oldest.
const VERSIONS: std::ops::RangeInclusive<u32> = 1..=10;

/// Reads the archive at `path`. Operators are those of `catalogue`.
///
/// # Errors
/// When the archive is damaged or holds something that is not understood; the error names the place and the cure.
pub fn read(path: &Path, catalogue: &Catalogue) -> Result<TorchScript, ReadError> {
    read_archive(&Archive::open(path)?, catalogue)
}

/// Reads an open archive.
///
/// # Errors
/// As for [`read`].
pub fn read_archive(archive: &Archive, catalogue: &Catalogue) -> Result<TorchScript, ReadError> {
    let members = Members::read(archive)?;
    let version = members.version()?;
    members.check_byte_order()?;
    let texts = members.code()?;
    let mut code = CodeBase::new(texts);
    let mut model = Model::default();

    let data = members.pickle("data.pkl")?;
    let storages = Storages::new("data", members.folder("data/"));
    let mut objects = ObjectReader::new(&mut model, &mut code, storages, &data, "data.pkl");
    objects.root()?;
    let (tensors, pending) = objects.finish();

    let entries = members.pickle("constants.pkl")?;
    let storages = Storages::new("constants", members.folder("constants/"));
    let mut objects = ObjectReader::new(&mut model, &mut code, storages, &entries, "constants.pkl");
    let constants = objects.entries()?;

    let states = restore(&mut code, &mut model, catalogue, &constants, pending)?;
    let mut program = Program::new(&mut code, &mut model, catalogue, &constants);
    let kept_as_text = program.lower_root()?;
    let constant_defaults = std::mem::take(&mut program.constant_defaults);
    parse_named_types(&mut code, &model)?;
    let code = code_files(&code);
    Ok(TorchScript {
        model,
        container: Container {
            compression: archive.compression(),
            code_compression: code_compression(archive),
            version,
            extra: members.extra(),
            kept_as_text,
            code,
            constants,
            constant_defaults,
            tensors,
            states,
            forgotten: false,
        },
    })
}

fn code_compression(archive: &Archive) -> Compression {
    let code = archive
        .members()
        .iter()
        .filter(|m| m.name().starts_with("code/"));
    let mut kinds = code.map(|member| member.compression());
    match kinds.any(|kind| kind == Compression::Deflated) {
        true => Compression::Deflated,
        false => archive.compression(),
    }
}

/// The members that reading needs, inflated.
struct Members {
    file: String,
    names: Vec<String>,
    data: Vec<MemberData>,
    by_name: FxHashMap<String, usize>,
}

impl Members {
    fn read(archive: &Archive) -> Result<Members, ReadError> {
        let needed: Vec<_> = archive
            .members()
            .iter()
            .filter(|member| {
                let name = member.name();
                !name.ends_with(".debug_pkl") && name != ".data/serialization_id"
            })
            .collect();
        let names: Vec<String> = needed.iter().map(|m| m.name().to_owned()).collect();
        let by_name = names.iter().cloned().zip(0..).collect();
        Ok(Members {
            file: archive.file().to_owned(),
            data: archive.read_many(&needed)?,
            names,
            by_name,
        })
    }

    fn get(&self, name: &str) -> Option<&MemberData> {
        self.by_name.get(name).and_then(|&i| self.data.get(i))
    }

    fn rows(&self) -> impl Iterator<Item = (&str, &MemberData)> {
        self.names.iter().map(String::as_str).zip(&self.data)
    }

    fn folder(&self, prefix: &str) -> FxHashMap<String, MemberData> {
        self.rows()
            .filter_map(|(name, data)| Some((name.strip_prefix(prefix)?.to_owned(), data.clone())))
            .collect()
    }

    fn extra(&self) -> Vec<(String, MemberData)> {
        self.rows()
            .filter_map(|(name, data)| {
                Some((name.strip_prefix("extra/")?.to_owned(), data.clone()))
            })
            .collect()
    }

    fn version(&self) -> Result<String, ReadError> {
        let text = self.get("version").or_else(|| self.get(".data/version"));
        let Some(text) = text.and_then(|data| std::str::from_utf8(data).ok()) else {
            return Err(self.refuse(
                "it has no member `version`",
                "give an archive made by torch.jit.save",
            ));
        };
        match text.trim().parse::<u32>() {
            Ok(version) if VERSIONS.contains(&version) => Ok(text.to_owned()),
            _ => Err(self.refuse(
                &format!(
                    "format version `{}`; versions 1 to 10 are read",
                    text.trim()
                ),
                "save it again with PyTorch 2",
            )),
        }
    }

    fn check_byte_order(&self) -> Result<(), ReadError> {
        match self.get("byteorder").map(|data| data.trim_ascii()) {
            None | Some(b"little") => Ok(()),
            Some(other) => Err(self.refuse(
                &format!("byte order `{}`", String::from_utf8_lossy(other)),
                "load and save it again on a little-endian machine",
            )),
        }
    }

    fn code(&self) -> Result<Vec<(&str, &str)>, ReadError> {
        let mut texts = Vec::new();
        for (name, data) in self.rows() {
            if name.starts_with("code/") && name.ends_with(".py") {
                match std::str::from_utf8(data) {
                    Ok(text) => texts.push((name, text)),
                    Err(error) => {
                        let at = error.valid_up_to();
                        return Err(self.refuse(
                            &format!("`{name}` is not UTF-8 at byte {at}"),
                            super::error::SAVE_AGAIN,
                        ));
                    }
                }
            }
        }
        Ok(texts)
    }

    fn pickle(&self, member: &'static str) -> Result<Pickle, ReadError> {
        let Some(data) = self.get(member) else {
            return Err(self.refuse(
                &format!("it has no member `{member}`, so it is no TorchScript archive"),
                "script or trace the model and save that with torch.jit.save; \
                 torch.save of a model or state dictionary keeps no code",
            ));
        };
        pickle::read(data).map_err(|source| ReadError::Pickle { member, source })
    }

    fn refuse(&self, what: &str, cure: &str) -> ReadError {
        ReadError::Container {
            file: self.file.clone(),
            what: what.to_owned(),
            cure: cure.to_owned(),
        }
    }
}
