//! An archive to read: a path or bytes go in, members come out as verified handles.
//!
//! Invariant: a member's bytes are handed out only after their size and CRC-32 were found right.
//! Invariant: of several faults the one of the first member asked for is reported, on every machine.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::data::{Backing, MemberData};
use super::directory;
use super::error::{ArchiveError, Fault, Place};
use super::fan_out::fan_out;
use super::inflate::{inflate, sums};
use super::member::{Compression, Member};

/// A zip archive, open for reading.
pub struct Archive {
    file: String,
    backing: Arc<Backing>,
    root: String,
    members: Vec<Member>,
    by_name: FxHashMap<String, usize>,
}

impl Archive {
    /// Maps the file at `path` and reads its directory.
    ///
    /// The file must not be cut short while the archive or data of it lives; replacing it by renaming is safe.
    ///
    /// # Errors
    /// When the file cannot be read or its structure is not that of an archive PyTorch would read.
    pub fn open(path: &Path) -> Result<Archive, ArchiveError> {
        let file = path.display().to_string();
        let io = |action| {
            let file = file.clone();
            move |source| ArchiveError::Io {
                file,
                action,
                source,
            }
        };
        let handle = File::open(path).map_err(io("open the file"))?;
        let metadata = handle.metadata().map_err(io("read the file's size"))?;
        if metadata.is_file() && metadata.len() > 0 {
            let backing = Backing::map(&handle).map_err(io("map the file"))?;
            return Archive::new(file, backing);
        }
        // A pipe has no size and cannot be mapped; an empty file cannot be mapped either.
        let bytes = std::fs::read(path).map_err(io("read the file"))?;
        Archive::new(file, Backing::Owned(bytes))
    }

    /// Reads the directory of an archive that is in memory; `file` is the name for messages.
    ///
    /// # Errors
    /// When the structure is not that of an archive PyTorch would read.
    pub fn from_bytes(file: impl Into<String>, bytes: Arc<[u8]>) -> Result<Archive, ArchiveError> {
        Archive::new(file.into(), Backing::Shared(bytes))
    }

    fn new(file: String, backing: Backing) -> Result<Archive, ArchiveError> {
        let members = directory::read(backing.bytes()).map_err(|(member, offset, fault)| {
            ArchiveError::Bad {
                place: Place {
                    file: file.clone(),
                    member,
                    offset,
                },
                fault,
            }
        })?;
        let root = members
            .first()
            .and_then(|first| first.full_name().split_once('/'));
        let root = root.map(|(root, _)| root.to_owned()).unwrap_or_default();
        let by_name = members
            .iter()
            .enumerate()
            .map(|(i, member)| (member.name().to_owned(), i))
            .collect();
        Ok(Archive {
            file,
            backing: Arc::new(backing),
            root,
            members,
            by_name,
        })
    }

    /// The file's name as the user gave it.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The name of the one folder all members are in.
    #[must_use]
    pub fn root(&self) -> &str {
        &self.root
    }

    /// All members in the order of the central directory, which is the order they were written in.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The member of this name inside of the root folder.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Member> {
        self.by_name.get(name).and_then(|&at| self.members.get(at))
    }

    /// How an output that follows this archive keeps its members: as this one keeps `data.pkl` (else its first member).
    #[must_use]
    pub fn compression(&self) -> Compression {
        let member = self.find("data.pkl").or_else(|| self.members.first());
        member.map_or(Compression::Stored, Member::compression)
    }

    /// The bytes of the member of this name inside of the root folder.
    ///
    /// # Errors
    /// When there is no such member, or it is damaged.
    pub fn read(&self, name: &str) -> Result<MemberData, ArchiveError> {
        match self.find(name) {
            Some(member) => self.data(member),
            None => {
                let full = format!("{}/{name}", self.root);
                Err(self.bad(
                    Some(full),
                    self.backing.bytes().len() as u64,
                    Fault::Missing,
                ))
            }
        }
    }

    /// The bytes of one of this archive's members.
    ///
    /// # Errors
    /// When the member is damaged.
    pub fn data(&self, member: &Member) -> Result<MemberData, ArchiveError> {
        let place = member.payload();
        let fault = |fault| {
            self.bad(
                Some(member.full_name().to_owned()),
                place.start as u64,
                fault,
            )
        };
        let payload = match self.backing.bytes().get(place.clone()) {
            Some(payload) => payload,
            None => unreachable!("members are asked of the archive that listed them"),
        };
        let (backing, range, (crc, hash)) = match member.compression() {
            Compression::Stored => (Arc::clone(&self.backing), place.clone(), sums(payload)),
            Compression::Deflated => {
                let bytes = inflate(payload, member.size()).map_err(fault)?;
                let (range, found) = (0..bytes.bytes().len(), sums(bytes.bytes()));
                (Arc::new(bytes), range, found)
            }
        };
        if crc != member.crc() {
            return Err(fault(Fault::Crc {
                declared: member.crc(),
                found: crc,
            }));
        }
        match MemberData::view(backing, range, hash) {
            Some(data) => Ok(data),
            None => unreachable!("the range was taken from the backing"),
        }
    }

    /// The bytes of many members in their order, read on all cores.
    ///
    /// # Errors
    /// The fault of the first damaged member, in the order of `members`.
    pub fn read_many(&self, members: &[&Member]) -> Result<Vec<MemberData>, ArchiveError> {
        fan_out(members, |member| member.size(), |member| self.data(member))
            .into_iter()
            .collect()
    }

    /// The bytes of all members in their order, read on all cores.
    ///
    /// # Errors
    /// The fault of the first damaged member.
    pub fn read_all(&self) -> Result<Vec<MemberData>, ArchiveError> {
        self.read_many(&self.members.iter().collect::<Vec<_>>())
    }

    /// A refusal of something at `offset` in the file, for readers of a member's content.
    fn bad(&self, member: Option<String>, offset: u64, fault: Fault) -> ArchiveError {
        ArchiveError::Bad {
            place: Place {
                file: self.file.clone(),
                member,
                offset,
            },
            fault,
        }
    }
}
