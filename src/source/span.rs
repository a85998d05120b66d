//! Where something stands: a file's id and a byte range in it.
//!
//! In: offsets of tokens. Out: small copyable spans that can be joined.
//!
//! Invariant: `start <= end`; both are byte offsets into the text of the file.

/// The number of a text among the [`Sources`](super::Sources) of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceId(u32);

impl SourceId {
    /// The id of the text with this index.
    pub const fn new(index: u32) -> Self {
        Self(index)
    }

    /// The index of the text.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A range of bytes in one text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// The text.
    pub source: SourceId,
    /// The first byte.
    pub start: u32,
    /// The byte after the last one; `start` for a place between two bytes.
    pub end: u32,
}

impl Span {
    /// The bytes `start..end` of `source`. Offsets beyond 4 GiB, which no text has, are clamped.
    pub fn new(source: SourceId, start: usize, end: usize) -> Self {
        let clamp = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
        Self {
            source,
            start: clamp(start),
            end: clamp(end.max(start)),
        }
    }

    /// The empty span at `offset`.
    pub fn at(source: SourceId, offset: usize) -> Self {
        Self::new(source, offset, offset)
    }

    /// The smallest span that holds both. The other must lie in the same text; this one's text wins.
    pub fn to(self, other: Self) -> Self {
        Self {
            source: self.source,
            start: self.start.min(other.start),
            end: self.end.max(other.end),
        }
    }

    /// The span as a range of bytes.
    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }

    /// Number of bytes.
    pub fn len(self) -> usize {
        self.range().len()
    }

    /// Whether it is a place between two bytes.
    pub fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// Whether `offset` lies in it.
    pub fn contains(self, offset: usize) -> bool {
        self.range().contains(&offset)
    }
}
