//! Lines no longer than a terminal has columns.
//!
//! In: text, and a width or none. Out: the same text, its lines cut or broken between words.
//! Invariant: without a width nothing is changed, so that a pipe gets everything; colour codes take no room and stay whole.

use std::fmt::Write;
use std::ops::Range;

/// The narrowest terminal that is taken seriously.
const NARROWEST: usize = 20;

/// Each line cut to the width, with a sign where something is missing.
pub fn cut(text: &str, width: Option<usize>) -> String {
    each_line(text, width, |line, width, out| {
        let pieces = pieces(line);
        let columns = pieces.iter().filter(|(_, shown)| *shown).count();
        if columns <= width {
            out.push_str(line);
            return;
        }
        let mut left = width - 1;
        for (range, shown) in pieces {
            // What is behind the cut may end colours.
            if !shown {
                out.push_str(&line[range]);
            } else if left > 0 {
                out.push_str(&line[range]);
                left -= 1;
                if left == 0 {
                    out.push('…');
                }
            }
        }
    })
}

/// Each line broken between words where it is too long, and the rest of it indented; a word longer than a line is broken.
pub fn wrapped(text: &str, width: Option<usize>, indent: usize) -> String {
    each_line(text, width, |line, width, out| {
        let indent = indent.min(width / 2);
        let mut column = 0;
        for (number, word) in words(line).into_iter().enumerate() {
            let pieces = pieces(word);
            let blanks = pieces
                .iter()
                .take_while(|(range, _)| &word[range.clone()] == " ")
                .count();
            let columns = pieces.iter().filter(|(_, shown)| *shown).count();
            let is_begun = number > 0 && column > indent;
            let mut pieces = pieces.as_slice();
            if is_begun && column + columns > width {
                let _ = write!(out, "\n{:indent$}", "");
                column = indent;
                pieces = &pieces[blanks..];
            }
            for (range, shown) in pieces {
                if *shown {
                    if column == width {
                        let _ = write!(out, "\n{:indent$}", "");
                        column = indent;
                    }
                    column += 1;
                }
                out.push_str(&word[range.clone()]);
            }
        }
    })
}

fn each_line(
    text: &str,
    width: Option<usize>,
    line_in: impl Fn(&str, usize, &mut String),
) -> String {
    let Some(width) = width else {
        return text.to_owned();
    };
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let (line, end) = match line.strip_suffix('\n') {
            Some(line) => (line, "\n"),
            None => (line, ""),
        };
        line_in(line, width.max(NARROWEST), &mut out);
        out.push_str(end);
    }
    out
}

/// Words, each with the blanks before it.
fn words(line: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut was_blank = true;
    for (at, c) in line.char_indices() {
        let is_blank = c == ' ';
        if is_blank && !was_blank {
            found.push(&line[start..at]);
            start = at;
        }
        was_blank = is_blank;
    }
    found.push(&line[start..]);
    found
}

/// Characters, which take a column, and codes for colours, which do not.
fn pieces(line: &str) -> Vec<(Range<usize>, bool)> {
    let mut found = Vec::with_capacity(line.len());
    let mut chars = line.char_indices().peekable();
    while let Some((start, c)) = chars.next() {
        let mut end = start + c.len_utf8();
        let is_code = c == '\u{1b}' && chars.peek().is_some_and(|(_, next)| *next == '[');
        if is_code {
            for (at, c) in chars.by_ref() {
                end = at + c.len_utf8();
                if c.is_ascii_alphabetic() {
                    break;
                }
            }
        }
        found.push((start..end, !is_code));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "one two three four five six seven\n  \u{1b}[1mbold\u{1b}[0m and plain words here\n";

    #[test]
    fn a_pipe_gets_everything() {
        assert_eq!(cut(TEXT, None), TEXT);
        assert_eq!(wrapped(TEXT, None, 4), TEXT);
        assert_eq!(cut(TEXT, Some(40)), TEXT);
        assert_eq!(wrapped(TEXT, Some(40), 4), TEXT);
    }

    #[test]
    fn lines_are_cut_to_columns() {
        assert_eq!(
            cut(TEXT, Some(20)),
            "one two three four …\n  \u{1b}[1mbold\u{1b}[0m and plain wo…\n"
        );
        // What is not shown still ends its colours, and letters count, not bytes.
        let bold = "\u{1b}[1mäöüäöüäöüäöüäöüäöüäöü\u{1b}[0m";
        assert_eq!(
            cut(bold, Some(20)),
            "\u{1b}[1mäöüäöüäöüäöüäöüäöüä…\u{1b}[0m"
        );
    }

    #[test]
    fn lines_are_broken_between_words() {
        assert_eq!(
            wrapped(TEXT, Some(20), 4),
            "one two three four\n    five six seven\n  \u{1b}[1mbold\u{1b}[0m and plain\n    words here\n"
        );
        let long = "path /a/very/long/name/without/any/blanks end";
        assert_eq!(
            wrapped(long, Some(20), 2),
            "path\n  /a/very/long/name/\n  without/any/blanks\n  end"
        );
        assert_eq!(wrapped("", Some(20), 2), "");
    }
}
