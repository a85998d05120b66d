//! What all checks of a run share: the modules, the catalogue, the sink, constants already computed.

use std::cell::{Cell, RefCell};

use rustc_hash::FxHashMap;

use super::Resolver;
use crate::check::codes::{CIRCULAR, NOT_KNOWN};
use crate::check::modules::{Entry, Found, Modules};
use crate::check::rule::Expr;
use crate::check::sink::{Checked, Sink, Stop};
use crate::diagnostic::Diagnostic;
use crate::graph::{DType, Literal};
use crate::ops::Catalogue;
use crate::source::Span;
use crate::syntax::ast;

/// A name that an expression can use: a value of the graph (`%x`, without `%`) or a bare one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(in crate::check) struct Key<'a> {
    pub(in crate::check) is_value: bool,
    pub(in crate::check) name: &'a str,
}

impl<'a> Key<'a> {
    pub(in crate::check) fn value(name: &'a str) -> Key<'a> {
        let is_value = true;
        Key { is_value, name }
    }

    pub(in crate::check) fn bare(name: &'a str) -> Key<'a> {
        let is_value = false;
        Key { is_value, name }
    }

    pub(in crate::check) fn of(variable: &'a ast::Variable) -> Key<'a> {
        match variable {
            ast::Variable::Value(value) => Key::value(&value.name),
            ast::Variable::Name(name) => Key::bare(&name.text),
        }
    }
}

impl std::fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.is_value { "%" } else { "" })?;
        f.write_str(self.name)
    }
}

#[derive(Clone, Debug)]
enum Computed {
    /// Somebody further out is computing it.
    Running,
    Done(Checked<Literal>),
}

/// What all checks of a run share.
pub(in crate::check) struct Context<'a> {
    pub(in crate::check) modules: Modules<'a>,
    pub(in crate::check) catalogue: &'a Catalogue,
    pub(in crate::check) sink: Sink,
    constants: RefCell<FxHashMap<(usize, &'a str), Computed>>,
    /// Expressions resolved for the item at hand.
    work: Cell<u32>,
}

impl<'a> Context<'a> {
    pub(in crate::check) fn new(
        modules: Modules<'a>,
        catalogue: &'a Catalogue,
        sink: Sink,
    ) -> Context<'a> {
        Context {
            modules,
            catalogue,
            sink,
            constants: RefCell::default(),
            work: Cell::new(0),
        }
    }

    /// The same with another catalogue.
    pub(in crate::check) fn with_catalogue<'b>(self, catalogue: &'b Catalogue) -> Context<'b>
    where
        'a: 'b,
    {
        Context::new(self.modules, catalogue, self.sink)
    }

    /// A new item begins; what the last one cost is forgotten.
    pub(in crate::check) fn begin_item(&self) {
        self.work.set(0);
    }

    /// Counts an expression. Functions that call functions can write out more than any machine holds.
    pub(super) fn count(&self, span: Span) -> Checked<()> {
        const MOST: u32 = 1 << 16;
        let work = self.work.get().saturating_add(1);
        self.work.set(work);
        if work <= MOST {
            return Ok(());
        }
        self.sink.stop(
            Diagnostic::error(NOT_KNOWN, "this is too much to compute")
                .primary(span, "given up here")
                .help("shorten the lists, or the functions that write out this expression"),
        )
    }

    /// What a bare name means in a module whatever is around it: an element type, `inf`, `nan`, or a constant. `None` if it has no
    /// such meaning.
    pub(in crate::check) fn outside(&self, module: usize, path: &str) -> Option<Checked<Literal>> {
        match self.modules.find(module, path) {
            Some(found) => match found.entry {
                Entry::Const(item) => Some(self.constant(found, item)),
                Entry::Broken => Some(Err(Stop)),
                _ => None,
            },
            None => builtin(path).map(Ok),
        }
    }

    /// The value of a constant, computed when somebody asks first.
    pub(in crate::check) fn constant(
        &self,
        found: Found<'a>,
        item: &'a ast::Const,
    ) -> Checked<Literal> {
        let key = (found.module, item.name.text.as_str());
        let known = self.constants.borrow().get(&key).cloned();
        match known {
            Some(Computed::Done(value)) => return value,
            Some(Computed::Running) => {
                return self.sink.stop(circular(&item.name.text, item.name.span));
            }
            None => {}
        }
        self.constants.borrow_mut().insert(key, Computed::Running);
        let value = self.literal(found.module, &item.value, "a constant");
        let done = Computed::Done(value.clone());
        self.constants.borrow_mut().insert(key, done);
        value
    }

    /// The literal that an expression without names around it is.
    pub(in crate::check) fn literal(
        &self,
        module: usize,
        expr: &'a ast::Expr,
        what: &str,
    ) -> Checked<Literal> {
        match Resolver::new(self, module).resolve(expr)? {
            Expr::Literal(literal) => Ok(literal),
            _ => self.sink.stop(not_known(expr.span, what)),
        }
    }
}

/// Names that the language itself knows.
pub(in crate::check) fn builtin(name: &str) -> Option<Literal> {
    match name {
        "inf" => Some(Literal::Float(f64::INFINITY)),
        "nan" => Some(Literal::Float(f64::NAN)),
        name => DType::from_name(name).map(Literal::DType),
    }
}

pub(super) fn circular(name: &str, span: Span) -> Diagnostic {
    Diagnostic::error(CIRCULAR, format!("`{name}` is defined by itself"))
        .primary(span, "needed for its own value")
        .help("break the circle")
}

fn not_known(span: Span, what: &str) -> Diagnostic {
    Diagnostic::error(NOT_KNOWN, format!("{what} must be known at compile time"))
        .primary(span, "this has no value here")
        .note("`/` of two integers is exact or unknown; so are indices outside of a list")
        .help("write a number, string or list, or an expression of such")
}
