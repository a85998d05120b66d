//! A file, item by item.
//!
//! In: the text of a file. Out: the text as the formatter writes it.
//! Invariant: between items, clauses and statements at most one empty line stands, and only where one stood.
#![deny(clippy::unwrap_used, clippy::indexing_slicing)]

use std::ops::Range;

use super::super::grammar::{self, Rule};
use super::super::lexer::{Token, lex};
use super::super::nesting::too_deep;
use super::super::split::{Piece, split};
use super::breaks::{Breaks, Column, breaks};
use super::line::{flat_width, line};
use super::words::Words;

/// Characters of a line before it is folded.
pub const WIDTH: usize = 140;

/// A rule file as the formatter writes it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Formatted {
    /// The text.
    pub text: String,
    /// Items that do not parse and were copied.
    pub copied: usize,
}

/// Formats a rule file. Items that do not parse are copied; line breaks become those of the first line.
pub fn format(text: &str) -> Formatted {
    let tokens = lex(text);
    let pieces = split(text, &tokens);
    let mut out = String::with_capacity(text.len());
    let head = pieces.first().map_or(text.len(), |piece| piece.start);
    add(&mut out, &plain(text.get(..head).unwrap_or("")), false);
    let mut copied = 0;
    for piece in &pieces {
        let written = item(text, &tokens, piece);
        let written = written.unwrap_or_else(|| {
            copied += 1;
            copy(text.get(piece.start..piece.end).unwrap_or(""))
        });
        add(&mut out, &written, ends_blank(text, piece.start));
    }
    if text
        .split('\n')
        .next()
        .is_some_and(|line| line.ends_with('\r'))
    {
        out = out.replace('\n', "\r\n");
    }
    Formatted { text: out, copied }
}

/// An item that is left as it stands.
fn copy(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines.join("\n").trim_end().to_owned()
}

/// Whether an empty line stands before a byte.
fn ends_blank(text: &str, at: usize) -> bool {
    let before = text.get(..at).unwrap_or("");
    let blanks = before.get(before.trim_end().len()..).unwrap_or("");
    blanks.matches('\n').count() > 1
}

fn add(out: &mut String, written: &str, blank: bool) {
    if written.is_empty() {
        return;
    }
    if blank && !out.is_empty() {
        out.push('\n');
    }
    out.push_str(written);
    out.push('\n');
}

/// Lines without blanks at their ends, and with at most one empty one at a time.
fn plain(text: &str) -> String {
    let mut lines: Vec<&str> = Vec::new();
    for line in text.trim().lines().map(str::trim_end) {
        if !(line.is_empty() && lines.last().is_some_and(|last| last.is_empty())) {
            lines.push(line);
        }
    }
    lines.join("\n")
}

/// An item, formatted; `None` if it does not parse.
fn item(file: &str, tokens: &[Token], piece: &Piece) -> Option<String> {
    let text = file.get(piece.start..piece.end)?;
    let own: Vec<Token> = tokens
        .iter()
        .filter(|token| token.start >= piece.start && token.end <= piece.end)
        .map(|token| Token {
            kind: token.kind,
            start: token.start - piece.start,
            end: token.end - piece.start,
        })
        .collect();
    if piece.word.is_none() || too_deep(text, &own).is_some() {
        return None;
    }
    let tree = grammar::read(Rule::item_only, text).ok()?;
    let mut words = Words::new(text, &own);
    words.label(&tree);
    let breaks = breaks(&words, &tree);
    Some(lines(&words, &breaks))
}

/// A line: its words and how far in it begins.
struct Line {
    range: Range<usize>,
    indent: usize,
    /// The word that is aligned, if there is one.
    column: Option<(usize, Column)>,
    /// Blanks put before that word.
    pad: usize,
}

fn lines(words: &Words<'_>, breaks: &Breaks) -> String {
    let starts: Vec<(usize, usize)> = breaks
        .starts
        .iter()
        .map(|(at, indent)| (*at, *indent))
        .collect();
    let ends = starts
        .iter()
        .skip(1)
        .map(|(at, _)| *at)
        .chain([words.list.len()]);
    let mut cut: Vec<Line> = Vec::with_capacity(starts.len());
    for ((start, indent), end) in starts.iter().copied().zip(ends) {
        let column = breaks.columns.range(start..end).next();
        cut.push(Line {
            range: start..end,
            indent,
            column: column.map(|(at, column)| (*at, *column)),
            pad: 0,
        });
    }
    align(words, &mut cut);
    let mut out = String::new();
    for (at, found) in cut.iter().enumerate() {
        if at > 0 {
            out.push('\n');
            if keeps_blank(words, &cut, at) {
                out.push('\n');
            }
        }
        write(words, breaks, found, &mut out);
    }
    out
}

/// An empty line stays unless it opens or closes a block.
fn keeps_blank(words: &Words<'_>, cut: &[Line], at: usize) -> bool {
    let (Some(before), Some(line)) = (at.checked_sub(1).and_then(|b| cut.get(b)), cut.get(at))
    else {
        return false;
    };
    let first = words.get(line.range.start);
    let last = before
        .range
        .end
        .checked_sub(1)
        .and_then(|last| words.get(last));
    first.is_some_and(|word| word.lines_before > 1 && !matches!(word.text, "}" | ")" | "]"))
        && last.is_some_and(|word| word.text != "{")
}

fn write(words: &Words<'_>, breaks: &Breaks, found: &Line, out: &mut String) {
    let copied = breaks
        .copied
        .iter()
        .find(|copied| found.range.contains(&copied.start));
    let padded = found.column.map(|(at, _)| (at, found.pad));
    let Some(copied) = copied else {
        out.push_str(&line(words, found.range.clone(), found.indent, padded));
        return;
    };
    out.push_str(&line(
        words,
        found.range.start..copied.start,
        found.indent,
        padded,
    ));
    let last = copied.end.checked_sub(1).and_then(|last| words.get(last));
    if let (Some(first), Some(last)) = (words.get(copied.start), last) {
        let text = words.text.get(first.start..last.end).unwrap_or("");
        out.push(' ');
        out.push_str(&text.replace("\r\n", "\n"));
    }
    if copied.end < found.range.end {
        out.push_str("  ");
        out.push_str(line(words, copied.end..found.range.end, 0, None).trim_start());
    }
}

/// Puts the aligned words of neighbouring lines below each other, where the longest of the lines still fits.
fn align(words: &Words<'_>, cut: &mut [Line]) {
    let mut at = 0;
    while at < cut.len() {
        let end = run_end(words, cut, at);
        if let Some(run) = cut.get_mut(at..end) {
            align_run(words, run);
        }
        at = end;
    }
}

/// The end of the lines from `at` on that are aligned together.
fn run_end(words: &Words<'_>, cut: &[Line], at: usize) -> usize {
    let Some(first) = cut.get(at) else {
        return at + 1;
    };
    let Some((_, kind)) = first.column else {
        return at + 1;
    };
    let belongs = |next: usize| {
        let Some(line) = cut.get(next) else {
            return false;
        };
        let blank = words
            .get(line.range.start)
            .is_some_and(|word| word.lines_before > 1);
        line.indent == first.indent && line.column.is_some_and(|(_, k)| k == kind) && !blank
    };
    let mut end = at + 1;
    while belongs(end) {
        end += 1;
    }
    end
}

fn align_run(words: &Words<'_>, run: &mut [Line]) {
    let before = |line: &Line| {
        line.column
            .map_or(0, |(at, _)| flat_width(words, line.range.start..at))
    };
    let widest = run.iter().map(before).max().unwrap_or(0);
    let fits = run.iter().all(|line| {
        line.indent + flat_width(words, line.range.clone()) + widest - before(line) <= WIDTH
    });
    if fits {
        for line in run {
            line.pad = widest - before(line);
        }
    }
}
