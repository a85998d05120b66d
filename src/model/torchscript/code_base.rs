//! All code members of an archive, found by the qualified names that objects and code use.
//!
//! In: the texts of the members. Out: classes, functions and their parsed bodies, each member parsed when something in it is first asked for.
//! Invariant: members that nothing asks for are never looked into.

#![deny(clippy::unwrap_used, clippy::indexing_slicing)]

use std::rc::Rc;

use indexmap::IndexMap;
use rustc_hash::FxHashMap;

use super::code_ast::{Class, File, Item, Member, Signature, Stmt};
use super::code_lexer::{self, Token};
use super::code_parser::parse_file;
use super::code_statement::parse_body;
use super::error::{CodePlace, ReadError};
use crate::graph::{FunctionName, Name};

/// A parsed member.
pub(super) struct Source<'s> {
    /// Its name, such as `code/__torch__/m.py`.
    pub member: &'s str,
    pub text: &'s str,
    pub tokens: Vec<Token<'s>>,
    pub file: File,
    /// Byte offsets of the starts of lines.
    pub lines: Vec<u32>,
}

impl Source<'_> {
    /// The place of a byte offset.
    pub(super) fn place(&self, at: u32) -> CodePlace {
        code_lexer::place(self.member, self.text, at as usize)
    }

    /// Member and line of a byte offset, as nodes remember it.
    pub(super) fn node_place(&self, at: u32) -> Name {
        let line = self.lines.partition_point(|&start| start <= at);
        Name::new(&format!("{}:{line}", self.member))
    }

    /// The statements of one of its definitions.
    pub(super) fn body(&self, signature: &Signature) -> Result<Vec<Stmt>, ReadError> {
        parse_body(self.member, self.text, &self.tokens, signature)
    }

    /// An error at a byte offset.
    pub(super) fn refuse(&self, at: u32, what: impl Into<String>, cure: &str) -> ReadError {
        ReadError::Code {
            place: self.place(at),
            what: what.into(),
            cure: cure.to_owned(),
        }
    }
}

/// A class and the member it is in.
#[derive(Clone)]
pub(super) struct ClassCode<'s> {
    pub source: Rc<Source<'s>>,
    index: usize,
}

impl<'s> ClassCode<'s> {
    pub(super) fn class(&self) -> &Class {
        match self.source.file.items.get(self.index) {
            Some(Item::Class(class)) => class,
            _ => unreachable!("the index was taken from this file's class"),
        }
    }

    /// The method with this name.
    pub(super) fn method(&self, name: Name) -> Option<FunctionCode<'s>> {
        let members = &self.class().members;
        let index = members
            .iter()
            .position(|m| matches!(m, Member::Method(s) if s.name == name))?;
        Some(FunctionCode {
            source: self.source.clone(),
            item: self.index,
            member: Some(index),
        })
    }
}

/// A definition and the member it is in.
#[derive(Clone)]
pub(super) struct FunctionCode<'s> {
    pub source: Rc<Source<'s>>,
    item: usize,
    member: Option<usize>,
}

impl FunctionCode<'_> {
    pub(super) fn signature(&self) -> &Signature {
        let item = self.source.file.items.get(self.item);
        match (item, self.member) {
            (Some(Item::Function(signature)), None) => signature,
            (Some(Item::Class(class)), Some(member)) => match class.members.get(member) {
                Some(Member::Method(signature)) => signature,
                _ => unreachable!("the index was taken from this class's method"),
            },
            _ => unreachable!("the index was taken from this file's function"),
        }
    }
}

/// The code members, by their names as modules (`__torch__.torch.nn.functional`).
pub(super) struct CodeBase<'s> {
    members: IndexMap<String, (&'s str, &'s str)>,
    parsed: FxHashMap<String, Rc<Source<'s>>>,
}

impl<'s> CodeBase<'s> {
    /// `members` are names and texts, in the order of the archive.
    pub(super) fn new(members: impl IntoIterator<Item = (&'s str, &'s str)>) -> CodeBase<'s> {
        let by_module = members.into_iter().filter_map(|(member, text)| {
            let module = member.strip_prefix("code/")?.strip_suffix(".py")?;
            Some((module.replace('/', "."), (member, text)))
        });
        CodeBase {
            members: by_module.collect(),
            parsed: FxHashMap::default(),
        }
    }

    /// The modules with their texts, and the parsed form of those that were asked for.
    pub(super) fn rows(&self) -> impl Iterator<Item = (&str, &'s str, Option<Rc<Source<'s>>>)> {
        self.members
            .iter()
            .map(|(module, &(_, text))| (module.as_str(), text, self.parsed.get(module).cloned()))
    }

    fn source(&mut self, module: &str) -> Result<Option<Rc<Source<'s>>>, ReadError> {
        if let Some(source) = self.parsed.get(module) {
            return Ok(Some(source.clone()));
        }
        let Some(&(member, text)) = self.members.get(module) else {
            return Ok(None);
        };
        let tokens = code_lexer::lex(member, text)?;
        let file = parse_file(member, text, &tokens)?;
        let source = Rc::new(Source {
            member,
            text,
            tokens,
            file,
            lines: line_starts(text),
        });
        self.parsed.insert(module.to_owned(), source.clone());
        Ok(Some(source))
    }

    /// The class with this qualified name, if there is code for it.
    pub(super) fn class(&mut self, name: Name) -> Result<Option<ClassCode<'s>>, ReadError> {
        let Some((module, last)) = name.as_str().rsplit_once('.') else {
            return Ok(None);
        };
        let Some(source) = self.source(module)? else {
            return Ok(None);
        };
        let index = source
            .file
            .items
            .iter()
            .position(|item| matches!(item, Item::Class(class) if class.name == *last));
        Ok(index.map(|index| ClassCode { source, index }))
    }

    /// The free function with this qualified name, if there is code for it.
    pub(super) fn function(&mut self, name: Name) -> Result<Option<FunctionCode<'s>>, ReadError> {
        let Some((module, last)) = name.as_str().rsplit_once('.') else {
            return Ok(None);
        };
        let Some(source) = self.source(module)? else {
            return Ok(None);
        };
        let item = source
            .file
            .items
            .iter()
            .position(|item| matches!(item, Item::Function(f) if f.name == *last));
        Ok(item.map(|item| FunctionCode {
            source,
            item,
            member: None,
        }))
    }

    /// The definition of a method or function, if there is code for it.
    pub(super) fn definition(
        &mut self,
        name: FunctionName,
    ) -> Result<Option<FunctionCode<'s>>, ReadError> {
        match name.class {
            None => self.function(name.name),
            Some(class) => Ok(self.class(class)?.and_then(|c| c.method(name.name))),
        }
    }
}

fn line_starts(text: &str) -> Vec<u32> {
    let breaks = text.bytes().zip(1u32..).filter(|(b, _)| *b == b'\n');
    std::iter::once(0)
        .chain(breaks.map(|(_, next)| next))
        .collect()
}

/// The member that a qualified name's code is in.
pub(super) fn member_of(name: &str) -> String {
    let module = name.rsplit_once('.').map_or(name, |(module, _)| module);
    format!("code/{}.py", module.replace('.', "/"))
}
