//! Zip archives as PyTorch writes and reads them (`.pt`, `.pt2`): a file comes in, its members come out as cheap byte handles; members
//! come in, the archive's exact bytes go out.
//!
//! Invariant: no byte of a file is trusted. Sizes, places, names and checksums are verified before a member is handed out, and every
//! refusal names the file, the member, the byte offset and the cure.
//! Invariant: what is written depends on the members alone, never on the machine, the clock or the number of cores.
//! Invariant: knows nothing of what is inside a member.
#![deny(clippy::unwrap_used, clippy::indexing_slicing)]

mod data;
mod directory;
mod error;
mod fan_out;
mod inflate;
mod member;
mod reader;
mod replace;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests;
mod writer;

pub use data::{MemberData, content_hash};
pub use error::{ArchiveError, Fault, Place};
pub use fan_out::fan_out;
pub use member::{Compression, Member};
pub use reader::Archive;
pub use replace::{Replacement, replace_file};
pub use writer::ArchiveWriter;
