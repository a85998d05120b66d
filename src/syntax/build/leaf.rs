//! Leaves: names, values, op names, strings and numbers.
//!
//! In: pairs of single tokens. Out: what they mean.
//!
//! Invariant: any token gives a leaf; one that means nothing (an overflowing number, escapes that are no UTF-8) is reported and
//! replaced by the nearest thing that means something.
#![deny(clippy::unwrap_used, clippy::indexing_slicing)]

use super::super::ast::{Doc, Name, Number, NumberValue, OpName, OpNamePiece, Path, Text, Value};
use super::super::codes::{BAD_NUMBER, BAD_STRING};
use super::super::grammar::Rule;
use super::Builder;
use crate::diagnostic::Diagnostic;
use crate::source::Span;
use pest::iterators::Pair;

impl Builder<'_> {
    pub(super) fn doc(&self, pair: &Pair<'_, Rule>) -> Doc {
        let line = pair.as_str().trim_end();
        let text = line
            .strip_prefix("///")
            .or_else(|| line.strip_prefix("//!"))
            .unwrap_or(line);
        Doc {
            text: text.strip_prefix(' ').unwrap_or(text).to_string(),
            span: self.span(pair),
        }
    }

    pub(super) fn name(&self, pair: &Pair<'_, Rule>) -> Name {
        Name {
            text: pair.as_str().to_string(),
            span: self.span(pair),
        }
    }

    pub(super) fn path(&self, pair: &Pair<'_, Rule>) -> Path {
        Path {
            text: pair.as_str().to_string(),
            span: self.span(pair),
        }
    }

    pub(super) fn value(&self, pair: &Pair<'_, Rule>) -> Value {
        let (text, span) = (pair.as_str(), self.span(pair));
        let name = text.strip_prefix('%').unwrap_or(text);
        let name = if name.starts_with('"') {
            self.unescaped(name, span)
        } else {
            name.to_string()
        };
        Value { name, span }
    }

    pub(super) fn op_name(&self, pair: &Pair<'_, Rule>) -> OpName {
        let (text, span) = (pair.as_str(), self.span(pair));
        let mut pieces = vec![];
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once('{') {
            let (hole, after) = behind.split_once('}').unwrap_or((behind, ""));
            if !before.is_empty() {
                pieces.push(OpNamePiece::Text(before.to_string()));
            }
            let start = span.start as usize + (text.len() - behind.len());
            let place = Span::new(span.source, start, start + hole.len());
            pieces.push(OpNamePiece::Hole(Name {
                text: hole.to_string(),
                span: place,
            }));
            rest = after;
        }
        if !rest.is_empty() {
            pieces.push(OpNamePiece::Text(rest.to_string()));
        }
        OpName {
            text: text.to_string(),
            pieces,
            span,
        }
    }

    pub(super) fn text(&self, pair: &Pair<'_, Rule>) -> Text {
        let span = self.span(pair);
        Text {
            value: self.unescaped(pair.as_str(), span),
            span,
        }
    }

    /// The bytes between the quotes: `\n`, `\t`, `\r`, `\"`, `\\`, `\'`, one to three octal digits for a byte, `\xHH`.
    fn unescaped(&self, quoted: &str, span: Span) -> String {
        let inner = quoted
            .strip_prefix('"')
            .and_then(|text| text.strip_suffix('"'))
            .unwrap_or(quoted);
        if !inner.contains('\\') {
            return inner.to_string();
        }
        let mut bytes = Vec::with_capacity(inner.len());
        let mut rest = inner.bytes().peekable();
        while let Some(byte) = rest.next() {
            if byte != b'\\' {
                bytes.push(byte);
                continue;
            }
            match rest.next() {
                Some(b'n') => bytes.push(b'\n'),
                Some(b't') => bytes.push(b'\t'),
                Some(b'r') => bytes.push(b'\r'),
                Some(b'a') => bytes.push(7),
                Some(b'b') => bytes.push(8),
                Some(b'v') => bytes.push(11),
                Some(b'f') => bytes.push(12),
                Some(quote @ (b'"' | b'\\' | b'\'' | b'?')) => bytes.push(quote),
                Some(digit @ b'0'..=b'7') => {
                    let mut value = u32::from(digit - b'0');
                    for _ in 0..2 {
                        let Some(digit) = rest.next_if(|byte| matches!(byte, b'0'..=b'7')) else {
                            break;
                        };
                        value = value * 8 + u32::from(digit - b'0');
                    }
                    match u8::try_from(value) {
                        Ok(byte) => bytes.push(byte),
                        Err(_) => self.bad_string(span, "an octal escape is at most `\\377`"),
                    }
                }
                Some(b'x') => {
                    let digits: Vec<u8> =
                        std::iter::from_fn(|| rest.next_if(u8::is_ascii_hexdigit))
                            .take(2)
                            .collect();
                    match std::str::from_utf8(&digits)
                        .ok()
                        .and_then(|digits| u8::from_str_radix(digits, 16).ok())
                    {
                        Some(byte) => bytes.push(byte),
                        None => self.bad_string(span, "`\\x` needs hexadecimal digits"),
                    }
                }
                _ => self.bad_string(
                    span,
                    "escapes are `\\\"`, `\\\\`, `\\n`, `\\t`, `\\r` and octal `\\ooo`",
                ),
            }
        }
        String::from_utf8(bytes).unwrap_or_else(|error| {
            self.bad_string(span, "its octal escapes must spell UTF-8");
            String::from_utf8_lossy(error.as_bytes()).into_owned()
        })
    }

    fn bad_string(&self, span: Span, why: &str) {
        self.report(
            Diagnostic::error(BAD_STRING, "this string has an escape that means nothing")
                .primary(span, why),
        );
    }

    /// A number without its minus. 2^63 is let through behind a minus, which makes it the smallest integer.
    pub(super) fn number(&self, pair: &Pair<'_, Rule>) -> Number {
        let (text, span) = (pair.as_str(), self.span(pair));
        let value = if text.bytes().all(|byte| byte.is_ascii_digit()) {
            let input = pair.as_span();
            let before = input.get_input().get(..input.start()).unwrap_or("");
            NumberValue::Int(match text.parse() {
                Ok(value) => value,
                Err(_)
                    if text.parse() == Ok(i64::MIN.unsigned_abs())
                        && before.trim_end().ends_with('-') =>
                {
                    i64::MIN
                }
                Err(_) => {
                    self.bad_number(text, span);
                    0
                }
            })
        } else {
            match text.parse::<f64>() {
                Ok(value) if value.is_finite() => NumberValue::Float(value),
                _ => {
                    self.bad_number(text, span);
                    NumberValue::Float(0.0)
                }
            }
        };
        Number {
            value,
            text: text.to_string(),
            span,
        }
    }

    pub(super) fn integer(&self, pair: &Pair<'_, Rule>) -> i64 {
        pair.as_str().parse().unwrap_or_else(|_| {
            self.bad_number(pair.as_str(), self.span(pair));
            0
        })
    }

    fn bad_number(&self, text: &str, span: Span) {
        self.report(
            Diagnostic::error(BAD_NUMBER, format!("{text} does not fit 64 bits"))
                .primary(span, "too large"),
        );
    }
}
