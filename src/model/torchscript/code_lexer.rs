//! Code members to tokens.
//!
//! In: the text of a `code/**.py` member. Out: tokens with byte offsets; line starts and ends as `Newline`, `Indent`, `Dedent`.
//! Invariant: accepts what PyTorch's loader accepts of layout: any indent width, comments, blank lines, CRLF, line breaks in brackets.
//! Invariant: never panics and never recurses, whatever the bytes.

#![deny(clippy::unwrap_used, clippy::indexing_slicing)]

use super::error::{CodePlace, ReadError, SAVE_AGAIN};

/// What a token is. Texts point into the source.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum TokenKind<'s> {
    /// Identifier or keyword.
    Name(&'s str),
    /// Integer.
    Int(i64),
    /// Float.
    Float(f64),
    /// Imaginary part of a complex number.
    Imaginary(f64),
    /// String, escapes replaced.
    Str(String),
    /// Operator or bracket.
    Sign(&'static str),
    /// End of a statement's line.
    Newline,
    /// The lines that follow are deeper.
    Indent,
    /// The lines that follow are less deep.
    Dedent,
    /// End of the file.
    End,
}

/// A token and where it starts and ends.
#[derive(Clone, Debug)]
pub(super) struct Token<'s> {
    pub kind: TokenKind<'s>,
    pub start: u32,
    pub end: u32,
}

/// Longest first, so that `//` is not read as two `/`.
const SIGNS: [&str; 34] = [
    "->", "**", "//", "==", "!=", "<=", ">=", "<<", ">>", "...", "(", ")", "[", "]", "{", "}", ",",
    ":", ".", "=", "-", "+", "*", "/", "%", "@", "<", ">", "&", "|", "^", "~", ";", "!",
];

/// Deeper brackets are refused before anything recurses over them.
const MAX_BRACKETS: usize = 200;

/// The line and column of a byte offset.
pub(super) fn place(file: &str, source: &str, offset: usize) -> CodePlace {
    let before = source.as_bytes().get(..offset).unwrap_or_default();
    let line = before.iter().filter(|&&b| b == b'\n').count() + 1;
    let column = before.iter().rev().take_while(|&&b| b != b'\n').count() + 1;
    CodePlace {
        file: file.to_owned(),
        line: u32::try_from(line).unwrap_or(u32::MAX),
        column: u32::try_from(column).unwrap_or(u32::MAX),
    }
}

/// The tokens of a code member.
pub(super) fn lex<'s>(file: &str, source: &'s str) -> Result<Vec<Token<'s>>, ReadError> {
    let mut lexer = Lexer {
        file,
        source,
        at: 0,
        tokens: Vec::new(),
        indents: vec![0],
        brackets: 0,
    };
    if u32::try_from(source.len()).is_err() {
        return Err(lexer.refuse(0, "code member of four gigabytes or more"));
    }
    lexer.run()?;
    Ok(lexer.tokens)
}

struct Lexer<'f, 's> {
    file: &'f str,
    source: &'s str,
    at: usize,
    tokens: Vec<Token<'s>>,
    indents: Vec<usize>,
    brackets: usize,
}

impl<'s> Lexer<'_, 's> {
    fn run(&mut self) -> Result<(), ReadError> {
        let mut line_start = true;
        loop {
            if line_start && self.brackets == 0 {
                if !self.indentation()? {
                    break;
                }
                line_start = false;
            }
            self.skip_blanks();
            let start = self.at;
            let Some(c) = self.peek() else {
                break;
            };
            if c == '\n' {
                self.at += 1;
                if self.brackets == 0 {
                    self.push(TokenKind::Newline, start);
                    line_start = true;
                }
            } else if c.is_ascii_digit()
                || (c == '.' && self.byte(1).is_some_and(|b| b.is_ascii_digit()))
            {
                self.number()?;
            } else if c == '_' || c.is_alphabetic() {
                let length = self
                    .rest()
                    .find(|c: char| c != '_' && !c.is_alphanumeric())
                    .unwrap_or(self.rest().len());
                self.at += length;
                let text = self.source.get(start..self.at).unwrap_or_default();
                self.push(TokenKind::Name(text), start);
            } else if c == '"' || c == '\'' {
                self.string(c)?;
            } else {
                self.sign(c)?;
            }
        }
        let end = self.source.len();
        if self
            .tokens
            .last()
            .is_some_and(|t| t.kind != TokenKind::Newline)
        {
            self.push(TokenKind::Newline, end);
        }
        for _ in 1..self.indents.len() {
            self.push(TokenKind::Dedent, end);
        }
        self.push(TokenKind::End, end);
        Ok(())
    }

    /// Reads the blanks of a line that is not empty. `false` at the end of the file.
    fn indentation(&mut self) -> Result<bool, ReadError> {
        loop {
            let start = self.at;
            self.skip_blanks();
            match self.peek() {
                None => return Ok(false),
                Some('\n') => self.at += 1,
                Some(_) => {
                    let width = self.at - start;
                    let current = self.indents.last().copied().unwrap_or(0);
                    if width > current {
                        self.indents.push(width);
                        self.push(TokenKind::Indent, self.at);
                    }
                    while self.indents.last().is_some_and(|&i| i > width) {
                        self.indents.pop();
                        self.push(TokenKind::Dedent, self.at);
                    }
                    if self.indents.last().copied().unwrap_or(0) != width {
                        return Err(
                            self.refuse(self.at, "line whose indent fits none of the lines above")
                        );
                    }
                    return Ok(true);
                }
            }
        }
    }

    fn number(&mut self) -> Result<(), ReadError> {
        let start = self.at;
        let mut real = false;
        self.digits();
        if self.byte(0) == Some(b'.') {
            real = true;
            self.at += 1;
            self.digits();
        }
        if matches!(self.byte(0), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(self.byte(1), Some(b'+' | b'-')));
            if self.byte(1 + sign).is_some_and(|b| b.is_ascii_digit()) {
                real = true;
                self.at += 1 + sign;
                self.digits();
            }
        }
        let text = self.source.get(start..self.at).unwrap_or_default();
        let imaginary = matches!(self.byte(0), Some(b'j' | b'J'));
        let kind = if real || imaginary {
            let Ok(number) = text.parse::<f64>() else {
                return Err(self.refuse(start, &format!("`{text}`, which is not a number")));
            };
            if imaginary {
                self.at += 1;
                TokenKind::Imaginary(number)
            } else {
                TokenKind::Float(number)
            }
        } else if let Ok(number) = text.parse::<i64>() {
            TokenKind::Int(number)
        } else if let Ok(number) = text.parse::<f64>() {
            // PyTorch prints 1e16 as `10000000000000000`; digits that no i64 holds can only be a float.
            TokenKind::Float(number)
        } else {
            return Err(self.refuse(start, &format!("`{text}`, which is not a number")));
        };
        self.push(kind, start);
        Ok(())
    }

    fn digits(&mut self) {
        while self.byte(0).is_some_and(|b| b.is_ascii_digit()) {
            self.at += 1;
        }
    }

    fn string(&mut self, quote: char) -> Result<(), ReadError> {
        let start = self.at;
        self.at += 1;
        // Escapes may spell single bytes of a UTF-8 sequence, so text is gathered as bytes.
        let mut bytes: Vec<u8> = Vec::new();
        loop {
            let Some(c) = self.peek().filter(|&c| c != '\n') else {
                return Err(self.refuse(start, "string without an end"));
            };
            self.at += c.len_utf8();
            if c == quote {
                break;
            }
            if c == '\\' {
                bytes.push(self.escape(start)?);
            } else {
                bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
        match String::from_utf8(bytes) {
            Ok(text) => {
                self.push(TokenKind::Str(text), start);
                Ok(())
            }
            Err(_) => Err(self.refuse(start, "string that is not UTF-8")),
        }
    }

    fn escape(&mut self, start: usize) -> Result<u8, ReadError> {
        let Some(b) = self.byte(0) else {
            return Err(self.refuse(start, "string without an end"));
        };
        self.at += 1;
        Ok(match b {
            b'\\' | b'\'' | b'"' => b,
            b'a' => 7,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'v' => 11,
            b'x' => {
                let digits = self.source.get(self.at..self.at.saturating_add(2));
                let value = digits.and_then(|d| u8::from_str_radix(d, 16).ok());
                self.at += 2;
                match value {
                    Some(value) => value,
                    None => return Err(self.refuse(start, "string with a broken `\\x` escape")),
                }
            }
            b'0'..=b'7' => {
                let mut value = u32::from(b - b'0');
                for _ in 0..2 {
                    match self.byte(0) {
                        Some(d @ b'0'..=b'7') => {
                            value = value * 8 + u32::from(d - b'0');
                            self.at += 1;
                        }
                        _ => break,
                    }
                }
                match u8::try_from(value) {
                    Ok(value) => value,
                    Err(_) => return Err(self.refuse(start, "string with an escape above 255")),
                }
            }
            _ => return Err(self.refuse(self.at - 2, "unknown escape in a string")),
        })
    }

    fn sign(&mut self, c: char) -> Result<(), ReadError> {
        let start = self.at;
        let Some(sign) = SIGNS.iter().find(|sign| self.rest().starts_with(**sign)) else {
            return Err(self.refuse(start, &format!("character {c:?}")));
        };
        match *sign {
            "(" | "[" | "{" => {
                self.brackets += 1;
                if self.brackets > MAX_BRACKETS {
                    return Err(self.refuse(
                        start,
                        &format!("brackets nested deeper than {MAX_BRACKETS}"),
                    ));
                }
            }
            ")" | "]" | "}" => self.brackets = self.brackets.saturating_sub(1),
            _ => {}
        }
        self.at += sign.len();
        self.push(TokenKind::Sign(sign), start);
        Ok(())
    }

    /// Skips blanks, carriage returns and a comment, and the breaks between lines inside brackets.
    fn skip_blanks(&mut self) {
        while let Some(c) = self.peek() {
            match c {
                ' ' | '\t' | '\r' => self.at += 1,
                '\n' if self.brackets > 0 => self.at += 1,
                '\\' if self.rest().starts_with("\\\n") => self.at += 2,
                '#' => {
                    let rest = self.rest();
                    self.at += rest.find('\n').unwrap_or(rest.len());
                }
                _ => break,
            }
        }
    }

    fn rest(&self) -> &'s str {
        self.source.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn byte(&self, ahead: usize) -> Option<u8> {
        self.source.as_bytes().get(self.at + ahead).copied()
    }

    fn push(&mut self, kind: TokenKind<'s>, start: usize) {
        // `lex` has refused sources whose offsets do not fit.
        self.tokens.push(Token {
            kind,
            start: start as u32,
            end: self.at as u32,
        });
    }

    fn refuse(&self, offset: usize, what: &str) -> ReadError {
        ReadError::Code {
            place: place(self.file, self.source, offset),
            what: what.to_owned(),
            cure: SAVE_AGAIN.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(source: &str) -> Vec<TokenKind<'_>> {
        lex("code/m.py", source)
            .expect("lexes")
            .into_iter()
            .map(|t| t.kind)
            .collect()
    }

    #[test]
    fn layout_becomes_tokens() {
        use TokenKind::*;
        assert_eq!(
            kinds("if x:\r\n    # comment\n\n    y\nz"),
            [
                Name("if"),
                Name("x"),
                Sign(":"),
                Newline,
                Indent,
                Name("y"),
                Newline,
                Dedent,
                Name("z"),
                Newline,
                End
            ]
        );
        assert_eq!(
            kinds("f(\n  1.,\n -2e-3, 10000000000000000000)"),
            [
                Name("f"),
                Sign("("),
                Float(1.0),
                Sign(","),
                Sign("-"),
                Float(2e-3),
                Sign(","),
                Float(1e19),
                Sign(")"),
                Newline,
                End
            ]
        );
    }

    #[test]
    fn escapes_may_spell_utf8() {
        assert_eq!(
            kinds(r#""\303\251\n\x41" 'a"'"#).first(),
            Some(&TokenKind::Str("é\nA".into()))
        );
    }

    #[test]
    fn errors_have_a_place() {
        let error = lex("code/m.py", "x = 1\ny = \"a").expect_err("no end");
        assert_eq!(
            error.to_string(),
            "code/m.py:2:5: string without an end; save the model again with torch.jit.save"
        );
        assert!(lex("f", &"[".repeat(10_000)).is_err());
        assert!(lex("f", "if x:\n    y\n  z").is_err());
    }
}
