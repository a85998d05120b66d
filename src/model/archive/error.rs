//! What can be wrong with an archive: a place (file, member, byte offset) and a fault with its cure go in, one sentence comes out.
//!
//! Invariant: every fault has a cure, and the text is complete without its source chain.

use std::fmt;
use std::io;

/// Why an archive cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The operating system refused.
    #[error("{file}: cannot {action}: {source}; check that the path exists and may be used")]
    Io {
        /// The file as the user named it.
        file: String,
        /// What was tried, as a verb phrase such as `open the file`.
        action: &'static str,
        /// What the operating system said.
        source: io::Error,
    },
    /// The bytes are not an archive that can be trusted.
    #[error("{place}: {fault}; {}", fault.cure())]
    Bad {
        /// Where.
        place: Place,
        /// What.
        fault: Fault,
    },
}

/// A place in an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file as the user named it.
    pub file: String,
    /// The member's full name, when the fault is in one.
    pub member: Option<String>,
    /// Offset in bytes from the start of the file.
    pub offset: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.file)?;
        if let Some(member) = &self.member {
            write!(f, "member `{member}` ")?;
        }
        write!(f, "at byte {}", self.offset)
    }
}

/// What is wrong at a place of an archive.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The record that ends every zip archive is absent.
    #[error("this is not a zip archive: its end record is missing")]
    NotZip,
    /// The file ends before the structure does.
    #[error("the file ends inside {what}: {need} bytes are needed, {left} are left")]
    Truncated {
        /// The structure that is cut short.
        what: &'static str,
        /// Bytes needed from the offset on.
        need: u64,
        /// Bytes there are.
        left: u64,
    },
    /// A record does not begin with its mark.
    #[error("{what} should begin here, but its mark is {found:#010x}")]
    Mark {
        /// The record expected.
        what: &'static str,
        /// The four bytes found, as a little-endian number.
        found: u32,
    },
    /// Two records about the same thing differ.
    #[error("the {what} is {here} here but {directory} in the central directory")]
    Contradiction {
        /// Which field.
        what: &'static str,
        /// The value at this place.
        here: u64,
        /// The value the central directory gives.
        directory: u64,
    },
    /// The local header names another member.
    #[error("the local header holds another name than the central directory")]
    OtherName,
    /// The archive is one volume of several.
    #[error("the archive is one part of several")]
    Parts,
    /// The payload is encrypted.
    #[error("the member is encrypted")]
    Encrypted,
    /// The compression method is neither 0 nor 8.
    #[error("compression method {0} is unknown, only stored (0) and deflated (8) are read")]
    Method(u16),
    /// The name cannot be used.
    #[error("the name is not usable: {0}")]
    Name(&'static str),
    /// Two members have one name.
    #[error("two members have this name")]
    Duplicate,
    /// A member is outside of the root folder.
    #[error("the member is not in the folder `{0}/` of the first member")]
    OtherRoot(String),
    /// The archive has no member.
    #[error("the archive is empty")]
    Empty,
    /// The member's bytes run into something else.
    #[error("the member's bytes overlap {0}")]
    Overlap(String),
    /// The declared size is more than deflate can make of the payload.
    #[error(
        "{declared} bytes are declared, but {compressed} compressed bytes never hold more than {bound}"
    )]
    Bomb {
        /// Size the directory declares.
        declared: u64,
        /// Size of the payload in the file.
        compressed: u64,
        /// The most that can come out of the payload.
        bound: u64,
    },
    /// The system has no memory for the member.
    #[error("no memory for the {0} bytes of this member")]
    NoMemory(u64),
    /// The deflate stream is broken.
    #[error("the deflated data is broken: {0}")]
    Deflate(String),
    /// Another number of bytes came out than was declared.
    #[error("{found} bytes come out, {declared} are declared")]
    Length {
        /// Size the directory declares.
        declared: u64,
        /// Bytes that came out; one more than declared stands for "more".
        found: u64,
    },
    /// The checksum differs.
    #[error("the CRC-32 of the bytes is {found:#010x}, declared is {declared:#010x}")]
    Crc {
        /// Checksum the directory declares.
        declared: u32,
        /// Checksum of the bytes.
        found: u32,
    },
    /// A member that is needed is absent.
    #[error("the member is missing")]
    Missing,
}

impl Fault {
    /// What the user can do about it, as an imperative clause.
    #[must_use]
    pub fn cure(&self) -> &'static str {
        match self {
            Fault::NotZip => {
                "give a file written by `torch.jit.save` or `torch.export.save`, and copy it again if it was"
            }
            Fault::Truncated { .. } => "copy the file again: it is cut short",
            Fault::Mark { .. }
            | Fault::Contradiction { .. }
            | Fault::OtherName
            | Fault::Overlap(_) => {
                "copy the file again, or save the model again: the archive is damaged"
            }
            Fault::Deflate(_) | Fault::Length { .. } | Fault::Crc { .. } => {
                "copy the file again, or save the model again: the member is damaged"
            }
            Fault::Parts => "join the parts into one archive first",
            Fault::Encrypted => "save the archive without a password",
            Fault::Method(_) => {
                "save the model again, or pack it with deflate or without compression"
            }
            Fault::Name(_) | Fault::Duplicate => {
                "save the model again: no tool of PyTorch writes such names"
            }
            Fault::OtherRoot(_) => "put every member into one folder, as PyTorch does",
            Fault::Empty => "save the model again",
            Fault::Bomb { .. } => {
                "save the model again: the size is a lie or the archive is hostile"
            }
            Fault::NoMemory(_) => "use a machine with more memory",
            Fault::Missing => "save the model again with `torch.jit.save` or `torch.export.save`",
        }
    }
}
