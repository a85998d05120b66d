//! Statements, blocks and signatures of a graph.

use rustc_hash::FxHashMap;

use super::types::{self, Known};
use crate::check::codes::{DUPLICATE_NAME, GRAPH, UNKNOWN_NAME};
use crate::check::expression::builtin;
use crate::check::modules::with_meant;
use crate::check::sink::Stop;
use crate::diagnostic::{Code, Diagnostic, closest};
use crate::graph::{BlockId, Graph, Literal, Name, Type, ValueId};
use crate::ops::Catalogue;
use crate::source::Span;
use crate::syntax::ast;

/// A graph read from text.
#[derive(Clone, Debug)]
pub struct TextGraph {
    /// The graph.
    pub graph: Graph,
    /// Parameters marked `const`, and tensors whose content the text does not hold: parameters of the body that stand for constants.
    pub constants: Vec<ValueId>,
}

/// Reads a graph whose names are all its own.
///
/// # Errors
/// All that is wrong with it.
pub fn read(tree: &ast::Graph, catalogue: &Catalogue) -> Result<TextGraph, Vec<Diagnostic>> {
    read_with(tree, catalogue, &|_| None)
}

/// Reads a graph in which bare names may have a meaning.
pub(in crate::check) fn read_with(
    tree: &ast::Graph,
    catalogue: &Catalogue,
    known: Known<'_>,
) -> Result<TextGraph, Vec<Diagnostic>> {
    let known = &|name: &str| known(name).or_else(|| builtin(name));
    let mut reader = Reader {
        catalogue,
        known,
        form: tree.form,
        out: TextGraph {
            graph: Graph::default(),
            constants: Vec::new(),
        },
        names: FxHashMap::default(),
        diagnostics: Vec::new(),
    };
    for param in &tree.params {
        reader.parameter(Graph::BODY, param);
    }
    reader.statements(Graph::BODY, &tree.statements);
    reader.returns(Graph::BODY, &tree.returns);
    if reader.diagnostics.is_empty() {
        Ok(reader.out)
    } else {
        Err(reader.diagnostics)
    }
}

pub(super) struct Reader<'r> {
    pub(super) catalogue: &'r Catalogue,
    pub(super) known: Known<'r>,
    pub(super) form: ast::GraphForm,
    pub(super) out: TextGraph,
    /// Values by name, with the place; nothing for what a broken statement was to bind.
    names: FxHashMap<String, (Option<ValueId>, Span)>,
    diagnostics: Vec<Diagnostic>,
}

pub(super) type Read<T> = Result<T, Stop>;

impl Reader<'_> {
    pub(super) fn stop<T>(&mut self, diagnostic: Diagnostic) -> Read<T> {
        self.diagnostics.push(diagnostic);
        Err(Stop)
    }

    pub(super) fn wrong<T>(&mut self, code: Code, span: Span, words: &str, label: &str) -> Read<T> {
        self.stop(Diagnostic::error(code, words).primary(span, label))
    }

    pub(super) fn ty(&mut self, ty: &ast::Type) -> Read<Type> {
        let read = types::read(ty, self.form, self.known);
        read.or_else(|diagnostic| self.stop(*diagnostic))
    }

    fn parameter(&mut self, block: BlockId, param: &ast::Param) {
        let ty = match &param.ty {
            Some(written) => {
                let constant = written.constant;
                self.ty(written).map(|ty| (ty, constant))
            }
            // PyTorch leaves the type of tensors out where it knows nothing else.
            None => Ok((Type::tensor(), false)),
        };
        let value = ty.ok().map(|(ty, constant)| {
            let name = Some(Name::new(&param.value.name));
            let value = self.out.graph.add_parameter(block, ty, name);
            if constant {
                self.out.constants.push(value);
            }
            value
        });
        self.name(&param.value, value);
    }

    /// Gives a name its value.
    pub(super) fn name(&mut self, name: &ast::Value, value: Option<ValueId>) {
        let previous = self.names.insert(name.name.clone(), (value, name.span));
        if let Some((_, first)) = previous {
            self.diagnostics.push(
                Diagnostic::error(DUPLICATE_NAME, format!("`{name}` is defined twice"))
                    .primary(name.span, "the second time")
                    .secondary(first, "the first time")
                    .help("each value of a graph has a name of its own"),
            );
        }
    }

    /// The value with this name.
    pub(super) fn value(&mut self, name: &ast::Value) -> Read<ValueId> {
        match self.names.get(&name.name) {
            Some((value, _)) => value.ok_or(Stop),
            None => {
                let mut names: Vec<&str> = self.names.keys().map(String::as_str).collect();
                names.sort_unstable();
                let meant = closest(&name.name, names).map(|meant| format!("%{meant}"));
                let diagnostic = with_meant(
                    Diagnostic::error(
                        UNKNOWN_NAME,
                        format!("nothing defines `{name}` before here"),
                    )
                    .primary(name.span, "not found"),
                    meant.as_deref(),
                );
                self.stop(diagnostic)
            }
        }
    }

    fn statements(&mut self, block: BlockId, statements: &[ast::Statement]) {
        for statement in statements {
            if self.statement(block, statement).is_err() {
                for bind in &statement.binds {
                    if let Some(value) = bind.target.value() {
                        self.names
                            .entry(value.name.clone())
                            .or_insert((None, value.span));
                    }
                }
            }
        }
    }

    fn returns(&mut self, block: BlockId, returns: &[ast::Value]) {
        for value in returns {
            if let Ok(value) = self.value(value) {
                self.out.graph.block_mut(block).returns.push(value);
            }
        }
    }

    /// A block of an `If` or `Loop`.
    pub(super) fn block(&mut self, tree: &ast::Block) -> BlockId {
        let block = self.out.graph.add_block();
        for param in &tree.params {
            self.parameter(block, param);
        }
        self.statements(block, &tree.statements);
        self.returns(block, &tree.returns);
        block
    }

    /// The types that a statement writes for its results.
    pub(super) fn written_types(&mut self, statement: &ast::Statement) -> Read<Vec<Option<Type>>> {
        let mut written = Vec::with_capacity(statement.binds.len());
        for bind in &statement.binds {
            if bind.each {
                return self.wrong(GRAPH, bind.span, "a graph has no lists of values", "here");
            }
            written.push(match &bind.ty {
                Some(ty) => Some(self.ty(ty)?),
                None => None,
            });
        }
        Ok(written)
    }

    /// The literal that an expression without values is.
    pub(super) fn literal(&self, expr: &ast::Expr) -> Option<Literal> {
        super::nodes::literal(expr, self.known)
    }
}
