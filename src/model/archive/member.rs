//! A member of an archive, and what must hold of all members together: members as the central directory lists them go in, the same members
//! or the first fault comes out.
//!
//! Invariant: after the checks no two members share a byte or a name, and all are in one folder.

use std::ops::Range;

use rustc_hash::FxHashSet;

use super::error::Fault;

/// How a member's bytes are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compression {
    /// As they are.
    Stored,
    /// As a raw deflate stream.
    Deflated,
}

/// One member of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub(super) name: String,
    /// Length of the root folder's name and its slash.
    pub(super) root: usize,
    pub(super) compression: Compression,
    pub(super) crc: u32,
    pub(super) size: u64,
    /// Offset of the local header.
    pub(super) header: usize,
    pub(super) payload: Range<usize>,
}

impl Member {
    /// The name inside of the root folder, such as `data/0`.
    #[must_use]
    pub fn name(&self) -> &str {
        match self.name.get(self.root..) {
            Some(name) => name,
            None => unreachable!("the root folder's name and its slash begin every name"),
        }
    }

    /// The name with the root folder, such as `archive/data/0`.
    #[must_use]
    pub fn full_name(&self) -> &str {
        &self.name
    }

    /// How the bytes are kept in the file.
    #[must_use]
    pub fn compression(&self) -> Compression {
        self.compression
    }

    /// The declared CRC-32 of the bytes.
    #[must_use]
    pub fn crc(&self) -> u32 {
        self.crc
    }

    /// The declared number of bytes, uncompressed.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The place of the payload in the file; its length is the compressed size.
    #[must_use]
    pub fn payload(&self) -> Range<usize> {
        self.payload.clone()
    }
}

/// A fault with the member (by full name) and the offset it is at.
pub(super) type Found = (Option<String>, u64, Fault);

/// What is wrong with a name for a member, if anything: it would leave the folder it is unpacked in, or no tool could show it.
pub(super) fn name_fault(name: &str) -> Option<&'static str> {
    if name.contains(['\\', '\0']) {
        return Some("it holds a backslash or a zero byte");
    }
    if name.split('/').any(|part| part == "..") {
        return Some("`..` leaves the archive");
    }
    if name.split('/').any(|part| part.is_empty() || part == ".") {
        return Some("a part of the path is empty or `.`");
    }
    None
}

/// Checks the names and sets where the root folder's name ends.
pub(super) fn check_names(members: &mut [Member], directory: usize) -> Result<(), Found> {
    let Some(first) = members.first() else {
        return Err((None, directory as u64, Fault::Empty));
    };
    let Some((root, _)) = first.name.split_once('/') else {
        let fault = Fault::Name("it is in no folder, and PyTorch reads only members of one folder");
        return Err((Some(first.name.clone()), first.header as u64, fault));
    };
    let prefix = format!("{root}/");
    let mut seen = FxHashSet::default();
    for member in members.iter() {
        let fault = if let Some(why) = name_fault(&member.name) {
            Fault::Name(why)
        } else if !member.name.starts_with(&prefix) {
            Fault::OtherRoot(prefix.trim_end_matches('/').to_owned())
        } else if !seen.insert(member.name.as_str()) {
            Fault::Duplicate
        } else {
            continue;
        };
        return Err((Some(member.name.clone()), member.header as u64, fault));
    }
    members
        .iter_mut()
        .for_each(|member| member.root = prefix.len());
    Ok(())
}

/// Checks that local headers with their payloads follow one another and end before the central directory.
pub(super) fn check_overlaps(members: &[Member], directory: usize) -> Result<(), Found> {
    let mut order: Vec<&Member> = members.iter().collect();
    order.sort_by_key(|member| member.header);
    let starts = order.iter().skip(1).map(|next| (next.header, Some(*next)));
    for (member, (limit, next)) in order.iter().zip(starts.chain([(directory, None)])) {
        if member.payload.end > limit {
            let other = next.map_or_else(
                || "the central directory".to_owned(),
                |next| format!("`{}`", next.name),
            );
            return Err((
                Some(member.name.clone()),
                member.payload.start as u64,
                Fault::Overlap(other),
            ));
        }
    }
    Ok(())
}
