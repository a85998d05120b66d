//! All texts of a run.
//!
//! In: names with texts or bytes. Out: ids, and the texts behind spans.
//!
//! Invariant: ids are given in order and never reused, so diagnostics sort by file in the order of reading.
#![deny(clippy::unwrap_used, clippy::indexing_slicing)]

use super::{SourceFile, SourceId, Span};
use std::sync::Arc;

/// The texts of a run, by id.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<SourceFile>,
}

/// Bytes that are not a text. `span` points behind the last good character; the text under its id is what was good.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}: byte {offset} is not UTF-8")]
pub struct NotText {
    /// The file.
    pub name: String,
    /// Number of good bytes before the first bad one.
    pub offset: usize,
    /// The place of the first bad byte.
    pub span: Span,
}

impl Sources {
    /// No texts.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a text under a name.
    pub fn add(&mut self, name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> SourceId {
        let id = SourceId::new(self.files.len() as u32);
        self.files.push(SourceFile::new(name, text));
        id
    }

    /// Takes the bytes of a file, which must be UTF-8. Otherwise the good part before the first bad byte is kept, so that the
    /// error can be shown at its place.
    pub fn add_bytes(&mut self, name: &str, bytes: &[u8]) -> Result<SourceId, NotText> {
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(self.add(name, text)),
            Err(error) => {
                let offset = error.valid_up_to();
                let good = bytes
                    .get(..offset)
                    .and_then(|good| std::str::from_utf8(good).ok())
                    .unwrap_or("");
                let id = self.add(name, good);
                Err(NotText {
                    name: name.to_string(),
                    offset,
                    span: Span::at(id, offset),
                })
            }
        }
    }

    /// The file with this id. Ids come from `add` of the same `Sources`.
    pub fn file(&self, id: SourceId) -> Option<&SourceFile> {
        self.files.get(id.index())
    }

    /// The text under a span; empty if there is none.
    pub fn text(&self, span: Span) -> &str {
        self.file(span.source)
            .map_or("", |file| file.slice(span.range()))
    }

    /// All files with their ids, in the order of reading.
    pub fn iter(&self) -> impl Iterator<Item = (SourceId, &SourceFile)> {
        self.files
            .iter()
            .enumerate()
            .map(|(index, file)| (SourceId::new(index as u32), file))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_text_say_where() {
        let mut sources = Sources::new();
        assert!(sources.add_bytes("a", b"abc").is_ok());
        let error = sources
            .add_bytes("b", b"ab\n\xc3\xa9\xff")
            .expect_err("0xff is no UTF-8");
        assert_eq!((error.offset, error.span.start), (5, 5));
        assert_eq!(error.to_string(), "b: byte 5 is not UTF-8");
        assert_eq!(
            sources.file(error.span.source).map(|file| file.text()),
            Some("ab\né")
        );
    }
}
