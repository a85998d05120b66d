//! Rule text without its tests, for who uses rules and does not test them: most of the library's text is tests.
//!
//! In: the text of a rule file that parses. Out: the same text with blanks where tests stand, in rules and beside them.
//! Invariant: what is left stands where it stood, byte for byte, so that places in it are places in the file.
#![deny(clippy::unwrap_used, clippy::indexing_slicing)]

use super::lexer::{Token, lex};

/// The text with its tests blanked out.
pub fn without_tests(text: &str) -> String {
    let tokens = lex(text);
    let mut out = String::with_capacity(text.len());
    let mut depth = 0_usize;
    let mut copied = 0;
    // Where the test began, and how deep that is.
    let mut inside: Option<(usize, usize)> = None;
    for (at, token) in tokens.iter().enumerate() {
        match token.text(text) {
            "{" => depth += 1,
            "}" => {
                depth = depth.saturating_sub(1);
                if let Some((start, outside)) = inside
                    && depth == outside
                {
                    out.push_str(text.get(copied..start).unwrap_or_default());
                    blank(text.get(start..token.end).unwrap_or_default(), &mut out);
                    copied = token.end;
                    inside = None;
                }
            }
            "test" if inside.is_none() && depth <= 1 && begins(text, &tokens, at) => {
                inside = Some((token.start, depth));
            }
            _ => {}
        }
    }
    out.push_str(text.get(copied..).unwrap_or_default());
    out
}

/// Whether a test begins at a token: it is the first of its line, and a string follows.
fn begins(text: &str, tokens: &[Token], at: usize) -> bool {
    let Some((before, behind)) = tokens.split_at_checked(at) else {
        return false;
    };
    let is_first = before.last().is_none_or(|token| {
        let blank = token.text(text);
        blank.trim().is_empty() && (blank.contains('\n') || token.start == 0)
    });
    let mut next = behind.iter().skip(1).filter(|token| !token.is_trivia());
    is_first
        && next
            .next()
            .is_some_and(|token| token.text(text).starts_with('"'))
}

/// As many blanks as there are bytes, in the same lines.
fn blank(text: &str, out: &mut String) {
    let blanks = text
        .bytes()
        .map(|byte| if byte == b'\n' { '\n' } else { ' ' });
    out.extend(blanks);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_blank_and_the_rest_stays() {
        let text = "rule a {\n  numerics exact // test \"x\"\n  test \"ä { in\" [op = \"f\"] {\n    given graph() { test }\n  }\n  match { test \"no\" }\n}\n\ntest \"b\" of a { expect {} }\nrule c\n";
        let left = without_tests(text);
        assert_eq!(left.len(), text.len());
        let lines: Vec<&str> = left.lines().map(str::trim_end).collect();
        let expected = [
            "rule a {",
            "  numerics exact // test \"x\"",
            "",
            "",
            "",
            "  match { test \"no\" }",
            "}",
            "",
            "",
            "rule c",
        ];
        assert_eq!(lines, expected);
    }
}
