//! Bytes of members: a mapped file, a shared buffer or an inflated buffer goes in, a handle that costs nothing to copy comes out.
//!
//! Invariant: bytes of a stored member are never copied; the handle keeps the mapping alive.
//! Invariant: the content hash depends on the bytes only, so equal bytes have equal hashes wherever they came from.

use std::fmt;
use std::fs::File;
use std::io;
use std::ops::{Deref, Range};
use std::sync::Arc;

use memmap2::{Mmap, MmapMut};
use xxhash_rust::xxh3::xxh3_128;

/// Buffers from this size on come from the operating system directly.
const WORTH_PAGES: usize = 1 << 20;

/// What holds the bytes.
pub(super) enum Backing {
    /// A file in the address space.
    File(Mmap),
    /// A buffer somebody gave.
    Shared(Arc<[u8]>),
    /// A buffer made here.
    Owned(Vec<u8>),
    /// Memory of the operating system's own, and how much of it counts.
    Pages(MmapMut, usize),
}

impl Backing {
    /// Maps a whole file.
    ///
    /// The file must not be cut short while the mapping lives: the operating system would end the process. Writers of this crate
    /// replace files by renaming, which leaves the mapped bytes alone.
    pub(super) fn map(file: &File) -> io::Result<Backing> {
        // SAFETY: the mapping is private to this handle and read only; see the sentence above for what others must not do.
        let map = unsafe { Mmap::map(file)? };
        Ok(Backing::File(map))
    }

    /// Room for `size` bytes, all zero; `None` when the system has no memory for them.
    pub(super) fn room(size: usize) -> Option<Backing> {
        if size >= WORTH_PAGES {
            let map = MmapMut::map_anon(size).ok()?;
            // Large pages halve the time to inflate a model; a system that has none loses nothing.
            #[cfg(target_os = "linux")]
            let _ = map.advise(memmap2::Advice::HugePage);
            return Some(Backing::Pages(map, size));
        }
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(size).ok()?;
        bytes.resize(size, 0);
        Some(Backing::Owned(bytes))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Backing::File(map) => map,
            Backing::Shared(bytes) => bytes,
            Backing::Owned(bytes) => bytes,
            Backing::Pages(map, size) => map.get(..*size).unwrap_or_default(),
        }
    }

    /// The bytes to fill, where they are this handle's own.
    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        match self {
            Backing::File(_) | Backing::Shared(_) => &mut [],
            Backing::Owned(bytes) => bytes,
            Backing::Pages(map, size) => map.get_mut(..*size).unwrap_or_default(),
        }
    }

    /// Lets only the first `size` bytes count.
    pub(super) fn truncate(&mut self, size: usize) {
        match self {
            Backing::File(_) | Backing::Shared(_) => {}
            Backing::Owned(bytes) => bytes.truncate(size),
            Backing::Pages(_, counts) => *counts = size.min(*counts),
        }
    }
}

/// The bytes of a member, verified: a handle into the mapped archive or to inflated bytes. Cloning copies no bytes.
#[derive(Clone)]
pub struct MemberData {
    backing: Arc<Backing>,
    range: Range<usize>,
    hash: u128,
}

impl MemberData {
    /// Bytes `range` of `backing`; `None` when they are not all there.
    pub(super) fn view(
        backing: Arc<Backing>,
        range: Range<usize>,
        hash: u128,
    ) -> Option<MemberData> {
        backing.bytes().get(range.clone())?;
        Some(MemberData {
            backing,
            range,
            hash,
        })
    }

    /// The 128-bit content hash (xxh3) of the bytes.
    #[must_use]
    pub fn hash(&self) -> u128 {
        self.hash
    }

    /// The same bytes from `range.start` to `range.end` without a copy; `None` when they are not all there.
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> Option<MemberData> {
        let part = self.get(range.clone())?;
        let hash = content_hash(part);
        let start = self.range.start + range.start;
        MemberData::view(Arc::clone(&self.backing), start..start + range.len(), hash)
    }
}

impl Deref for MemberData {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self.backing.bytes().get(self.range.clone()) {
            Some(bytes) => bytes,
            None => unreachable!(
                "the range was checked when the handle was made, and a backing never shrinks"
            ),
        }
    }
}

impl AsRef<[u8]> for MemberData {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl From<Vec<u8>> for MemberData {
    fn from(bytes: Vec<u8>) -> MemberData {
        let (hash, range) = (content_hash(&bytes), 0..bytes.len());
        MemberData {
            backing: Arc::new(Backing::Owned(bytes)),
            range,
            hash,
        }
    }
}

impl PartialEq for MemberData {
    fn eq(&self, other: &MemberData) -> bool {
        self.hash == other.hash && **self == **other
    }
}

impl Eq for MemberData {}

impl fmt::Debug for MemberData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "MemberData({} bytes, hash {:032x})",
            self.len(),
            self.hash
        )
    }
}

/// The 128-bit content hash (xxh3, seed 0) by which equal bytes are found.
#[must_use]
pub fn content_hash(bytes: &[u8]) -> u128 {
    xxh3_128(bytes)
}
