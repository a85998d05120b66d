//! Schema text to [`Schema`].
//!
//! In: one line such as `aten::add.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor`. Out: its parts, or the place where
//! the text stops making sense.
//! Invariant: never panics, whatever the text.

#![deny(clippy::unwrap_used, clippy::indexing_slicing)]

use thiserror::Error;

use super::schema::{AliasInfo, Param, ResultInfo, Schema};
use crate::graph::{Literal, Name, Type};

/// A schema text that cannot be read.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("schema `{text}`: expected {expected} at byte {at}")]
pub struct SchemaError {
    /// The whole text.
    pub text: String,
    /// Byte offset.
    pub at: usize,
    /// What should stand there.
    pub expected: &'static str,
}

/// Types by the word a schema uses for them; the flag marks codes of element types.
const WORDS: [(&str, Type, bool); 18] = [
    ("int", Type::Int, false),
    ("SymInt", Type::Int, false),
    ("int64_t", Type::Int, false),
    ("ScalarType", Type::Int, true),
    ("Layout", Type::Int, false),
    ("MemoryFormat", Type::Int, false),
    ("QScheme", Type::Int, false),
    ("float", Type::Float, false),
    ("complex", Type::Complex, false),
    ("bool", Type::Bool, false),
    ("SymBool", Type::Bool, false),
    ("Scalar", Type::Scalar, false),
    ("number", Type::Scalar, false),
    ("str", Type::Str, false),
    ("Device", Type::Device, false),
    ("NoneType", Type::None, false),
    ("Any", Type::Any, false),
    ("None", Type::None, false),
];

/// A type with what else stands around it in a schema.
struct Annotated {
    ty: Type,
    alias: Option<AliasInfo>,
    is_dtype: bool,
    fixed_len: Option<u32>,
}

impl Schema {
    /// Reads a schema's text.
    ///
    /// # Errors
    /// The first place where the text is not a schema.
    pub fn parse(text: &str) -> Result<Schema, SchemaError> {
        let mut cursor = Cursor { text, at: 0 };
        let (params, vararg, full) = {
            let full = cursor.take_while(|c| c != '(');
            if full.is_empty() {
                return Err(cursor.expected("a name"));
            }
            let (params, vararg) = cursor.params()?;
            (params, vararg, Name::new(full))
        };
        cursor.spaces();
        cursor.expect("->", "`->`")?;
        cursor.spaces();
        let (results, varret) = cursor.results()?;
        cursor.spaces();
        if !cursor.rest().is_empty() {
            return Err(cursor.expected("the end"));
        }
        let (base, overload) = Schema::split(full.as_str());
        Ok(Schema {
            full,
            base: Name::new(base),
            overload,
            params,
            results,
            vararg,
            varret,
        })
    }
}

struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn expected(&self, expected: &'static str) -> SchemaError {
        SchemaError {
            text: self.text.to_owned(),
            at: self.at,
            expected,
        }
    }

    fn take_while(&mut self, keep: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !keep(c)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or("")
    }

    fn word(&mut self) -> &'a str {
        self.take_while(|c| c.is_alphanumeric() || c == '_' || c == '.')
    }

    fn spaces(&mut self) {
        self.take_while(|c| c == ' ');
    }

    fn eat(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn expect(&mut self, token: &str, expected: &'static str) -> Result<(), SchemaError> {
        if self.eat(token) {
            Ok(())
        } else {
            Err(self.expected(expected))
        }
    }

    /// `item` until `)`, with commas between.
    fn list(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<(), SchemaError>,
    ) -> Result<(), SchemaError> {
        self.expect("(", "`(`")?;
        self.spaces();
        if self.eat(")") {
            return Ok(());
        }
        loop {
            self.spaces();
            item(self)?;
            self.spaces();
            if self.eat(")") {
                return Ok(());
            }
            self.expect(",", "`,` or `)`")?;
        }
    }

    fn params(&mut self) -> Result<(Vec<Param>, bool), SchemaError> {
        let mut params = Vec::new();
        let mut vararg = false;
        let mut keyword_only = false;
        self.list(|cursor| {
            if cursor.eat("...") {
                vararg = true;
            } else if cursor.eat("*") {
                keyword_only = true;
            } else {
                let annotated = cursor.annotated()?;
                cursor.spaces();
                let name = cursor.word();
                if name.is_empty() {
                    return Err(cursor.expected("a parameter's name"));
                }
                let default = if cursor.eat("=") {
                    let literal = cursor.literal()?;
                    Some(typed(literal, &annotated.ty, annotated.fixed_len))
                } else {
                    None
                };
                params.push(Param {
                    name: Name::new(name),
                    ty: annotated.ty,
                    default,
                    keyword_only,
                    alias: annotated.alias,
                    is_dtype: annotated.is_dtype,
                    fixed_len: annotated.fixed_len,
                });
            }
            Ok(())
        })?;
        Ok((params, vararg))
    }

    fn results(&mut self) -> Result<(Vec<ResultInfo>, bool), SchemaError> {
        let mut results = Vec::new();
        if self.eat("...") {
            return Ok((results, true));
        }
        if self.rest().starts_with('(') {
            self.list(|cursor| {
                results.push(cursor.result()?);
                Ok(())
            })?;
        } else {
            results.push(self.result()?);
        }
        Ok((results, false))
    }

    fn result(&mut self) -> Result<ResultInfo, SchemaError> {
        let annotated = self.annotated()?;
        self.spaces();
        let name = self.word();
        Ok(ResultInfo {
            name: (!name.is_empty()).then(|| Name::new(name)),
            ty: annotated.ty,
            alias: annotated.alias,
        })
    }

    fn annotated(&mut self) -> Result<Annotated, SchemaError> {
        let mut found = Annotated {
            ty: Type::Any,
            alias: None,
            is_dtype: false,
            fixed_len: None,
        };
        if self.rest().starts_with('(') {
            let mut items = Vec::new();
            self.list(|cursor| {
                items.push(cursor.annotated()?.ty);
                Ok(())
            })?;
            found.ty = Type::Tuple(items);
        } else {
            self.named_type(&mut found)?;
        }
        loop {
            let rest = self.rest();
            if self.eat("?") {
                found.ty = found.ty.optional();
            } else if rest.starts_with('[') {
                self.eat("[");
                let digits = self.take_while(|c| c.is_ascii_digit());
                found.fixed_len = digits.parse().ok();
                self.expect("]", "`]`")?;
                found.ty = found.ty.list_of();
            } else if rest.starts_with('(') {
                let alias = self.alias()?;
                // `Tensor(a!)[]` and `t[](a!)` both mark a list; what is written counts most.
                if !found.alias.is_some_and(|a| a.write) {
                    found.alias = Some(alias);
                }
            } else {
                return Ok(found);
            }
        }
    }

    fn named_type(&mut self, found: &mut Annotated) -> Result<(), SchemaError> {
        let word = self.word();
        if let Some((_, ty, is_dtype)) = WORDS.iter().find(|row| row.0 == word) {
            found.ty = ty.clone();
            found.is_dtype = *is_dtype;
            return Ok(());
        }
        found.ty = match word {
            "" => return Err(self.expected("a type")),
            "Tensor" => Type::tensor(),
            "Dict" => {
                let mut parts = Vec::new();
                self.list(|cursor| {
                    parts.push(cursor.annotated()?.ty);
                    Ok(())
                })?;
                match <[Type; 2]>::try_from(parts) {
                    Ok([key, value]) => Type::Dict(Box::new(key), Box::new(value)),
                    Err(_) => return Err(self.expected("a key type and a value type")),
                }
            }
            "Future" | "RRef" | "Await" => {
                let start = self.at - word.len();
                self.list(|cursor| cursor.annotated().map(drop))?;
                let text = self.text.get(start..self.at).unwrap_or(word);
                Type::Other(Name::new(text))
            }
            word if word.contains('.') => Type::Class(Name::new(word)),
            word if word.starts_with('t') => Type::Variable(Name::new(word)),
            word => Type::Other(Name::new(word)),
        };
        Ok(())
    }

    fn alias(&mut self) -> Result<AliasInfo, SchemaError> {
        self.expect("(", "`(`")?;
        let text = self.take_while(|c| c != ')');
        self.expect(")", "`)`")?;
        Ok(AliasInfo {
            set: Name::new(&text.replace('!', "")),
            write: text.contains('!'),
        })
    }

    fn literal(&mut self) -> Result<Literal, SchemaError> {
        if self.eat("[") {
            let mut items = Vec::new();
            loop {
                self.spaces();
                if self.eat("]") {
                    return Ok(Literal::list(items));
                }
                items.push(self.literal()?);
                self.spaces();
                if !self.rest().starts_with(']') {
                    self.expect(",", "`,` or `]`")?;
                }
            }
        }
        if self.eat("\"") {
            return self.string();
        }
        let start = self.at;
        let word = self.take_while(|c| c.is_alphanumeric() || "+-._".contains(c));
        let literal = match word {
            "None" => Some(Literal::None),
            "True" => Some(Literal::Bool(true)),
            "False" => Some(Literal::Bool(false)),
            word => match word.parse() {
                Ok(n) => Some(Literal::Int(n)),
                Err(_) => word.parse().ok().map(Literal::Float),
            },
        };
        literal.ok_or_else(|| {
            self.at = start;
            self.expected("a default value")
        })
    }

    /// The rest of a string behind its opening quote, with C escapes.
    fn string(&mut self) -> Result<Literal, SchemaError> {
        let mut text = String::new();
        let mut chars = self.rest().char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.at += at + 1;
                    return Ok(Literal::str(&text));
                }
                '\\' => match chars.next() {
                    Some((_, 'n')) => text.push('\n'),
                    Some((_, 't')) => text.push('\t'),
                    Some((_, 'r')) => text.push('\r'),
                    Some((_, 'f')) => text.push('\x0c'),
                    Some((_, 'v')) => text.push('\x0b'),
                    Some((_, other)) => text.push(other),
                    None => break,
                },
                other => text.push(other),
            }
        }
        Err(self.expected("a closing quote"))
    }
}

/// A default as its parameter's type means it: `1` for a float is `1.0`, `1` for `int[2]` is `[1, 1]`.
fn typed(literal: Literal, ty: &Type, fixed_len: Option<u32>) -> Literal {
    match (ty, literal) {
        (Type::Optional(inner), literal) if literal != Literal::None => {
            typed(literal, inner, fixed_len)
        }
        (Type::Float, Literal::Int(n)) => Literal::Float(n as f64),
        (Type::List(inner), Literal::List(items)) => {
            Literal::list(items.iter().map(|item| typed(item.clone(), inner, None)))
        }
        (Type::List(inner), one @ (Literal::Int(_) | Literal::Float(_))) => {
            let one = typed(one, inner, None);
            Literal::list((0..fixed_len.unwrap_or(1)).map(|_| one.clone()))
        }
        (_, literal) => literal,
    }
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]
mod tests {
    use super::*;
    use crate::ops::table::TEXTS;

    /// The text with the words that mean integers replaced and default spellings unified, for comparison with the printed form.
    fn normal(line: &str) -> String {
        let mut text = line.to_owned();
        for word in ["SymInt", "ScalarType", "MemoryFormat", "Layout", "int64_t"] {
            text = text.replace(&format!("{word} "), "int ");
            text = text.replace(&format!("{word}?"), "int?");
            text = text.replace(&format!("{word}["), "int[");
        }
        if let Some((before, after)) = text.split_once("Tensor[](")
            && let Some((set, after)) = after.split_once(')')
        {
            text = format!("{before}Tensor({set})[]{after}");
        }
        text
    }

    #[test]
    fn reads_every_schema() {
        let mut count = 0;
        for text in TEXTS {
            for line in text.lines() {
                let schema = Schema::parse(line).unwrap_or_else(|e| panic!("{e}"));
                assert!(line.starts_with(schema.full.as_str()));
                let head = normal(line);
                let head = head.split('=').next().unwrap_or("");
                let head = head.split(") ->").next().unwrap_or("");
                assert!(
                    schema.to_string().starts_with(head),
                    "{line}\n{schema}\n{head}"
                );
                count += 1;
            }
        }
        assert!(count > 4415);
    }

    #[test]
    fn reads_the_parts() {
        let schema = Schema::parse(
            "aten::conv2d.x(Tensor(a!) self, SymInt[2] stride=[1, 1], int[2] pad=0, *, ScalarType? dtype=None, float eps=1, str s=\"a\\n\\\"\") -> (Tensor(a!) y, t[](b))",
        )
        .unwrap();
        assert_eq!(schema.overload, "x");
        assert_eq!(schema.base, "aten::conv2d");
        let [this, stride, pad, dtype, eps, s] = schema.params.as_slice() else {
            panic!("six parameters");
        };
        assert!(this.alias.unwrap().write && !this.keyword_only);
        assert_eq!(stride.ty, Type::Int.list_of());
        assert_eq!(stride.fixed_len, Some(2));
        assert_eq!(stride.default, Some(Literal::ints([1, 1])));
        assert_eq!(pad.default, Some(Literal::ints([0, 0])));
        assert!(dtype.is_dtype && dtype.keyword_only);
        assert_eq!(dtype.ty, Type::Int.optional());
        assert_eq!(eps.default, Some(Literal::Float(1.0)));
        assert_eq!(s.default, Some(Literal::str("a\n\"")));
        assert_eq!(schema.results.len(), 2);
        assert_eq!(
            schema.results[1].ty,
            Type::Variable(Name::new("t")).list_of()
        );
    }

    #[test]
    fn says_where_a_text_ends() {
        for text in [
            "",
            "a",
            "a(",
            "a(Tensor",
            "a(Tensor x",
            "a(int x=",
            "a(int x=\"",
            "a() ->",
            "a() -> (",
            "a() -> Tensor )",
            "a(int[ x) -> ()",
            "a(Dict(int) x) -> ()",
        ] {
            let error = Schema::parse(text).unwrap_err();
            assert!(error.at <= text.len(), "{error}");
        }
    }
}
