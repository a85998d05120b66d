//! One line: its words with what stands between them, folded where it is too long.
//!
//! A line is folded behind commas, before `and` and `or`, before `=>` and before the words that end a clause. What lies in brackets stays
//! together if it fits on a line of its own. A list whose last element has a comma behind it stands with one element a line.
#![deny(clippy::unwrap_used, clippy::indexing_slicing)]

use std::ops::Range;

use super::super::grammar::Rule;
use super::super::lexer::TokenKind;
use super::file::WIDTH;
use super::gap::gap;
use super::words::{Word, Words};

/// Blanks that what is folded stands further in than its line.
const FOLD: usize = 4;

/// Blanks that elements on lines of their own stand further in than the bracket's line.
const ELEMENT: usize = 2;

/// How wide words are on one line.
pub(super) fn flat_width(words: &Words<'_>, range: Range<usize>) -> usize {
    let first = range.start;
    words
        .iter(range)
        .map(|(at, word)| {
            let before = if at == first { "" } else { gap(words, at) };
            before.chars().count() + word.text.chars().count()
        })
        .sum()
}

/// A line being written.
struct Writer<'w, 'a> {
    words: &'w Words<'a>,
    out: String,
    /// Characters in the last line of `out`.
    column: usize,
    /// The word that blanks are put before, with their number.
    padded: Option<(usize, usize)>,
}

/// The text of a line that begins `indent` in, without a break at its end. `padded` puts blanks before a word.
pub(super) fn line(
    words: &Words<'_>,
    range: Range<usize>,
    indent: usize,
    padded: Option<(usize, usize)>,
) -> String {
    let mut writer = Writer {
        words,
        out: " ".repeat(indent),
        column: indent,
        padded,
    };
    writer.write(range.clone(), range.start, indent + FOLD);
    writer.out
}

impl Writer<'_, '_> {
    fn put(&mut self, at: usize, first: usize) {
        let Some(word) = self.words.get(at) else {
            return;
        };
        let between = if at == first { "" } else { gap(self.words, at) };
        self.out.push_str(between);
        self.column += between.chars().count();
        if let Some((padded, blanks)) = self.padded
            && padded == at
        {
            self.out.extend(std::iter::repeat_n(' ', blanks));
            self.column += blanks;
        }
        self.out.push_str(word.text);
        self.column += word.text.chars().count();
    }

    fn fold(&mut self, indent: usize) {
        self.out.push('\n');
        self.out.extend(std::iter::repeat_n(' ', indent));
        self.column = indent;
    }

    /// Writes a range, whose parts go to a new line where they do not fit. `first` is the word that nothing stands before.
    fn write(&mut self, range: Range<usize>, mut first: usize, indent: usize) {
        let one_a_line = self.one_a_line(&range);
        let mut at = range.start;
        while at < range.end {
            let end = self.part(at, range.end);
            let width = flat_width(self.words, at..end);
            let blank = usize::from(at != first);
            let fits_here = self.column + blank + width <= WIDTH && !self.one_a_line_in(at..end);
            let may_fold = at != range.start;
            if may_fold && (one_a_line || !fits_here && self.pays(at..end, indent)) {
                self.fold(indent);
                first = at;
            }
            if self.column + width <= WIDTH && !self.one_a_line_in(at..end) {
                (at..end).for_each(|word| self.put(word, first));
            } else {
                let deeper = if one_a_line { FOLD } else { 0 };
                self.inside(at..end, first, indent + deeper);
            }
            first = usize::MAX;
            at = end;
        }
    }

    /// Whether a part is better on a line of its own: it fits there, or has nothing that could be folded.
    fn pays(&self, part: Range<usize>, indent: usize) -> bool {
        let opens = self.words.iter(part.clone()).any(|(_, word)| is_open(word));
        indent + flat_width(self.words, part) <= WIDTH || !opens
    }

    /// A part that is too long: up to its first bracket, what the bracket holds, and so on.
    fn inside(&mut self, part: Range<usize>, first: usize, indent: usize) {
        let mut at = part.start;
        let mut first = first;
        while at < part.end {
            self.put(at, first);
            first = usize::MAX;
            let Some(close) = self.closing(at, part.end) else {
                at += 1;
                continue;
            };
            let inner = at + 1..close;
            let folded = self.one_a_line(&inner);
            if folded {
                let line = indent.saturating_sub(FOLD);
                self.fold(line + ELEMENT);
                self.write(inner, at + 1, line + ELEMENT);
                self.fold(line);
                self.put(close, close);
            } else {
                self.write(inner, usize::MAX, indent);
                self.put(close, usize::MAX);
            }
            at = close + 1;
        }
    }

    /// The end of the part that begins at `at`: the next place where the line may be folded, outside of brackets.
    fn part(&self, at: usize, end: usize) -> usize {
        let mut depth = 0usize;
        for (word_at, word) in self.words.iter(at..end) {
            if depth == 0 && word_at > at && folds_before(word) {
                return word_at;
            }
            match word.kind {
                _ if is_open(word) => depth += 1,
                _ if is_close(word) => depth = depth.saturating_sub(1),
                TokenKind::Comma if depth == 0 => return word_at + 1,
                _ => {}
            }
        }
        end
    }

    /// The bracket that closes the one at `at`.
    fn closing(&self, at: usize, end: usize) -> Option<usize> {
        if !is_open(self.words.get(at)?) {
            return None;
        }
        let mut depth = 0usize;
        for (word_at, word) in self.words.iter(at..end) {
            if is_open(word) {
                depth += 1;
            } else if is_close(word) {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(word_at);
                }
            }
        }
        None
    }

    /// Whether the elements of a bracket stand on lines of their own: a comma stands behind the last.
    fn one_a_line(&self, inner: &Range<usize>) -> bool {
        let last = inner.end.checked_sub(1).filter(|last| *last > inner.start);
        let comma = last
            .and_then(|last| self.words.get(last))
            .is_some_and(|word| word.kind == TokenKind::Comma);
        // `(a,)` is a tuple of one.
        let closes_tuple = self
            .words
            .get(inner.end)
            .is_some_and(|word| word.rule == Some(Rule::paren));
        comma && !closes_tuple
    }

    /// Whether some bracket of a part stands with one element a line.
    fn one_a_line_in(&self, part: Range<usize>) -> bool {
        let opens = self
            .words
            .iter(part.clone())
            .filter(|(_, word)| is_open(word));
        let mut closed = opens.filter_map(|(at, _)| Some(at + 1..self.closing(at, part.end)?));
        closed.any(|inner| self.one_a_line(&inner))
    }
}

fn is_open(word: &Word<'_>) -> bool {
    word.kind == TokenKind::Open || word.rule == Some(Rule::type_args) && word.text == "<"
}

fn is_close(word: &Word<'_>) -> bool {
    word.kind == TokenKind::Close || word.rule == Some(Rule::closing)
}

fn folds_before(word: &Word<'_>) -> bool {
    matches!(
        word.rule,
        Some(
            Rule::kw_and
                | Rule::kw_or
                | Rule::arrow
                | Rule::kw_because
                | Rule::kw_else
                | Rule::kw_then
        )
    )
}
