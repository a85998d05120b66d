//! One text with the table of its lines.
//!
//! In: a name and a text. Out: lines, and the place of any offset, in bytes and in UTF-16 units (which the language server speaks).
//!
//! Invariant: any offset gives an answer; one beyond the end, or inside a character, counts as the nearest place before it.
#![deny(clippy::unwrap_used, clippy::indexing_slicing)]

use std::sync::Arc;

/// A line and columns in it, all counted from 0. Show them to people with one added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The line.
    pub line: u32,
    /// Bytes before the place in its line.
    pub column: u32,
    /// UTF-16 units before the place in its line.
    pub utf16: u32,
}

/// A name and its text. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct SourceFile {
    name: Arc<str>,
    text: Arc<str>,
    /// The offset of each line's first byte; the first is 0.
    lines: Arc<[u32]>,
}

impl SourceFile {
    /// A text under a name (a path as the user wrote it, or `<built in>/...`).
    pub fn new(name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        let text = text.into();
        let breaks = text
            .bytes()
            .zip(1u32..)
            .filter(|(byte, _)| *byte == b'\n')
            .map(|(_, next)| next);
        let lines = std::iter::once(0).chain(breaks).collect();
        Self {
            name: name.into(),
            text,
            lines,
        }
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text of a range; clipped to the text, and empty where the range cuts a character.
    pub fn slice(&self, range: std::ops::Range<usize>) -> &str {
        let end = range.end.min(self.text.len());
        self.text.get(range.start.min(end)..end).unwrap_or("")
    }

    /// Number of lines; at least one.
    pub fn line_count(&self) -> usize {
        self.lines.len()
    }

    /// The bytes of a line (counted from 0) with its line break; `None` behind the last.
    pub fn line_range(&self, line: usize) -> Option<std::ops::Range<usize>> {
        let start = *self.lines.get(line)? as usize;
        let end = self
            .lines
            .get(line.saturating_add(1))
            .map_or(self.text.len(), |next| *next as usize);
        Some(start..end)
    }

    /// The line (counted from 0) that holds `offset`.
    pub fn line_of(&self, offset: usize) -> usize {
        self.lines
            .partition_point(|start| *start as usize <= offset)
            .saturating_sub(1)
    }

    /// Line and columns of `offset`.
    pub fn place(&self, offset: usize) -> Place {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset = offset.saturating_sub(1);
        }
        let line = self.line_of(offset);
        let start = self.lines.get(line).map_or(0, |start| *start as usize);
        let before = self.slice(start..offset);
        Place {
            line: line as u32,
            column: before.len() as u32,
            utf16: before.encode_utf16().count() as u32,
        }
    }

    /// The offset of a line and a column in UTF-16 units, both from 0; clipped to the line and the text.
    pub fn offset_of_utf16(&self, line: usize, utf16: usize) -> usize {
        let Some(range) = self.line_range(line) else {
            return self.text.len();
        };
        let (mut units, mut offset) = (0, range.start);
        for c in self.slice(range).chars() {
            if units >= utf16 || c == '\n' {
                break;
            }
            units += c.len_utf16();
            offset += c.len_utf8();
        }
        offset
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_bytes_and_utf16() {
        let file = SourceFile::new("a.fold", "ab\nγ𝛾x\n");
        let place = |offset| {
            let Place {
                line,
                column,
                utf16,
            } = file.place(offset);
            (line, column, utf16)
        };
        assert_eq!(place(0), (0, 0, 0));
        assert_eq!(place(2), (0, 2, 2));
        assert_eq!(place(3), (1, 0, 0));
        assert_eq!(place(5), (1, 2, 1));
        assert_eq!(place(9), (1, 6, 3));
        assert_eq!(place(7), (1, 2, 1), "inside a character is its start");
        assert_eq!(place(99), (2, 0, 0));
        assert_eq!(file.offset_of_utf16(1, 3), 9);
        assert_eq!(file.offset_of_utf16(1, 99), 10);
        assert_eq!(file.offset_of_utf16(7, 0), 11);
    }

    #[test]
    fn empty_text_has_one_line() {
        let file = SourceFile::new("a.fold", "");
        assert_eq!(
            (file.line_count(), file.line_range(0), file.line_range(1)),
            (1, Some(0..0), None)
        );
    }
}
