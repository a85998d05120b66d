//! Ops of a graph: operands, overloads, types of results.

use super::read::{Read, Reader};
use super::types::Known;
use crate::check::codes::{ARITY, GRAPH, TYPE_MISMATCH, UNKNOWN_OP};
use crate::check::modules::with_meant;
use crate::diagnostic::Diagnostic;
use crate::graph::{AttributeLiteral, BlockId, Graph, Literal, Name, Node, Type, ValueId};
use crate::ops::{Argument, Call, Operand, ResolveError};
use crate::source::Span;
use crate::syntax::ast::{
    self, AttrKind, ExprKind, NumberValue, OpNamePiece, OperandKind, TermKind, UnaryOp,
};

/// The literal that an expression without values is.
pub(super) fn literal(expr: &ast::Expr, known: Known<'_>) -> Option<Literal> {
    let all = |terms: Vec<&ast::Term>| -> Option<Vec<Literal>> {
        let exprs = terms.into_iter().map(|term| term.as_expr());
        exprs.map(|expr| literal(expr?, known)).collect()
    };
    Some(match &expr.kind {
        ExprKind::Number(number) => match number.value {
            NumberValue::Int(n) => Literal::Int(n),
            NumberValue::Float(x) => Literal::Float(x),
        },
        ExprKind::Text(text) => Literal::str(&text.value),
        ExprKind::Bool(truth) => Literal::Bool(*truth),
        ExprKind::None => Literal::None,
        ExprKind::Name(path) => known(&path.text)?,
        ExprKind::Unary(UnaryOp::Neg, inner) => match literal(inner, known)? {
            Literal::Int(n) => Literal::Int(n.checked_neg()?),
            Literal::Float(x) => Literal::Float(-x),
            _ => return None,
        },
        ExprKind::List(items) if items.iter().all(|item| !item.each) => {
            Literal::list(all(items.iter().map(|item| &item.term).collect())?)
        }
        ExprKind::Tuple(items) => Literal::Tuple(all(items.iter().collect())?.into()),
        _ => return None,
    })
}

/// An operand: a value there is, or a literal that gets its type from where it stands.
#[derive(Clone)]
enum Given {
    Value(ValueId),
    Literal(Literal),
}

impl Reader<'_> {
    pub(super) fn statement(&mut self, block: BlockId, statement: &ast::Statement) -> Read<()> {
        let written = self.written_types(statement)?;
        let Some(call) = statement.term.as_op() else {
            return self.alias(block, statement, &written);
        };
        if call.op.text == "prim::Constant" && statement.binds.len() == 1 {
            return self.constant(statement, call, written);
        }
        let node = self.node(block, call, statement.binds.len(), &statement.blocks)?;
        let results = self.out.graph.node(node).results.clone();
        if results.len() != statement.binds.len() && !statement.binds.is_empty() {
            let words = format!("`{}` has {} results", call.op, results.len());
            let label = format!("{} are bound", statement.binds.len());
            return self.wrong(ARITY, statement.span, &words, &label);
        }
        for ((bind, ty), result) in statement.binds.iter().zip(written).zip(results) {
            let value = self.out.graph.value_mut(result);
            if let Some(ty) = ty {
                value.ty = ty;
            }
            if let Some(name) = bind.target.value() {
                value.name = Some(Name::new(&name.name));
                self.name(name, Some(result));
            }
        }
        Ok(())
    }

    /// `%a = %b`, or a literal with a name.
    fn alias(
        &mut self,
        block: BlockId,
        statement: &ast::Statement,
        written: &[Option<Type>],
    ) -> Read<()> {
        let given = self.term(block, &statement.term)?;
        let (Some(bind), Some(ty), 1) = (
            statement.binds.first(),
            written.first(),
            statement.binds.len(),
        ) else {
            return self.wrong(
                ARITY,
                statement.span,
                "only an op has several results",
                "here",
            );
        };
        let value = match given {
            Given::Value(value) => value,
            Given::Literal(literal) => {
                let ty = ty
                    .clone()
                    .or_else(|| type_of(&literal))
                    .unwrap_or(Type::Any);
                self.out.graph.add_literal(literal, ty)
            }
        };
        if let Some(name) = bind.target.value() {
            self.name(name, Some(value));
        }
        Ok(())
    }

    /// `%5 : int = prim::Constant[value=1]()` is a literal with a name.
    fn constant(
        &mut self,
        statement: &ast::Statement,
        call: &ast::OpCall,
        written: Vec<Option<Type>>,
    ) -> Read<()> {
        let ty = written.into_iter().next().flatten();
        let literal = match call.attrs.first().map(|attr| (&attr.kind, attr.span)) {
            None => Some(Literal::None),
            Some((AttrKind::Is { value, .. }, span)) => {
                match value.as_expr().and_then(|expr| self.literal(expr)) {
                    Some(literal) => Some(match &ty {
                        Some(ty) => printed_as(ty, literal),
                        None => literal,
                    }),
                    None => return self.wrong(GRAPH, span, "this constant has no value", "here"),
                }
            }
            Some((AttrKind::Verbatim { .. }, _)) => None,
            Some((_, span)) => {
                return self.wrong(GRAPH, span, "this constant has no value", "here");
            }
        };
        let value = match literal {
            Some(literal) => {
                let ty = ty.or_else(|| type_of(&literal)).unwrap_or(Type::Any);
                self.out.graph.add_literal(literal, ty)
            }
            // The text does not hold the elements of a tensor.
            None => {
                let ty = ty.unwrap_or_else(Type::tensor);
                let value = self.out.graph.add_parameter(Graph::BODY, ty, None);
                self.out.constants.push(value);
                value
            }
        };
        for name in statement
            .binds
            .iter()
            .filter_map(|bind| bind.target.value())
        {
            if let Some(Type::Tensor(_)) = Some(&self.out.graph.value(value).ty) {
                self.out.graph.value_mut(value).name = Some(Name::new(&name.name));
            }
            self.name(name, Some(value));
        }
        Ok(())
    }

    fn term(&mut self, block: BlockId, term: &ast::Term) -> Read<Given> {
        if let (TermKind::Expr(expr), None) = (&term.kind, &term.tag) {
            return self.expr(block, expr);
        }
        let words = "a pattern cannot stand in a graph";
        self.wrong(GRAPH, term.span, words, "here")
    }

    fn expr(&mut self, block: BlockId, expr: &ast::Expr) -> Read<Given> {
        if let Some(literal) = self.literal(expr) {
            return Ok(Given::Literal(literal));
        }
        match &expr.kind {
            ExprKind::Value(value) => Ok(Given::Value(self.value(value)?)),
            ExprKind::Op(call) => {
                let node = self.node(block, call, 1, &[])?;
                match self.out.graph.node(node).results.as_slice() {
                    [result] => Ok(Given::Value(*result)),
                    _ => {
                        let words = format!("`{}` does not have one result", call.op);
                        self.wrong(ARITY, call.span, &words, "stands where one value is needed")
                    }
                }
            }
            ExprKind::List(items) => {
                let mut given = Vec::with_capacity(items.len());
                for item in items {
                    given.push(self.term(block, &item.term)?);
                }
                self.list(block, given).map(Given::Value)
            }
            ExprKind::Name(path) => {
                let words = format!("nothing is named `{path}` here");
                let diagnostic = Diagnostic::error(GRAPH, words).primary(path.span, "not found");
                self.stop(diagnostic.help(format!("write `%{path}` for a value of the graph")))
            }
            _ => self.wrong(
                GRAPH,
                expr.span,
                "a graph holds ops, values and literals",
                "here",
            ),
        }
    }

    /// A list of values is made by an op.
    fn list(&mut self, block: BlockId, given: Vec<Given>) -> Read<ValueId> {
        let operands: Vec<ValueId> = given
            .into_iter()
            .map(|given| self.in_place(given, None))
            .collect();
        let element = operands
            .first()
            .map(|&value| self.out.graph.value(value).ty.clone());
        let op = Name::new("prim::ListConstruct");
        let node = self.out.graph.add_node(block, Node::new(op, operands));
        let ty = element.unwrap_or(Type::Any).list_of();
        Ok(self.out.graph.add_result(node, ty, None))
    }

    fn in_place(&mut self, given: Given, ty: Option<&Type>) -> ValueId {
        match given {
            Given::Value(value) => value,
            Given::Literal(literal) => {
                let ty = type_of(&literal)
                    .or_else(|| ty.cloned())
                    .unwrap_or(Type::Any);
                self.out.graph.add_literal(literal, ty)
            }
        }
    }

    fn argument(&self, given: &Given) -> Argument {
        match given {
            Given::Literal(literal) => Argument::literal(literal.clone()),
            Given::Value(value) => {
                let value_ty = &self.out.graph.value(*value).ty;
                match (self.out.graph.literal(*value), value_ty) {
                    (Some(literal), _) => Argument::literal(literal.clone()),
                    (None, Type::Any | Type::Variable(_) | Type::Other(_)) => Argument::default(),
                    (None, ty) => Argument::typed(ty.clone()),
                }
            }
        }
    }

    fn node(
        &mut self,
        block: BlockId,
        call: &ast::OpCall,
        bound: usize,
        blocks: &[ast::Block],
    ) -> Read<crate::graph::NodeId> {
        if call.repeat.is_some() {
            return self.wrong(
                GRAPH,
                call.span,
                "a pattern cannot stand in a graph",
                "here",
            );
        }
        let op = self.op_name(&call.op)?;
        let (mut positional, mut labelled) = (Vec::new(), Vec::new());
        for operand in &call.operands {
            match &operand.kind {
                OperandKind::Term {
                    label,
                    term,
                    each: false,
                } => {
                    let given = self.term(block, term)?;
                    match label {
                        None => positional.push(given),
                        Some(label) => labelled.push((label.text.as_str(), given)),
                    }
                }
                _ => {
                    let words = "a graph is complete";
                    return self.wrong(GRAPH, operand.span, words, "this leaves something open");
                }
            }
        }
        let attributes = self.attributes(call)?;
        let arguments: Vec<Argument> = positional.iter().map(|g| self.argument(g)).collect();
        let keywords: Vec<(&str, Argument)> = labelled
            .iter()
            .map(|(label, given)| (*label, self.argument(given)))
            .collect();
        let written = Call {
            positional: &arguments,
            keywords: &keywords,
            open: false,
        };
        let catalogue = self.catalogue;
        let resolved = match catalogue.resolve(&op, &written) {
            Ok(resolved) => resolved,
            Err(error) => return self.unresolved(&error, call.span, call.op.span),
        };
        let given: Vec<Given> = positional
            .into_iter()
            .chain(labelled.into_iter().map(|(_, given)| given))
            .collect();
        let mut operands = Vec::with_capacity(resolved.operands.len());
        for (position, operand) in resolved.operands.iter().enumerate() {
            let ty = resolved.schema.params.get(position).map(|param| &param.ty);
            let one = |index: &usize| match given.get(*index) {
                Some(given) => given.clone(),
                None => unreachable!("resolution numbers what it was given"),
            };
            operands.push(match operand {
                Operand::Given(index) => self.in_place(one(index), ty),
                Operand::Literal(literal) => self.in_place(Given::Literal(literal.clone()), ty),
                Operand::Repeated { given, count } => {
                    let all = vec![one(given); *count as usize];
                    self.list(block, all)?
                }
                Operand::Open => unreachable!("nothing is open in a graph"),
            });
        }
        // Blocks see what stands before their node, not the node's results.
        let inner: Vec<BlockId> = blocks.iter().map(|tree| self.block(tree)).collect();
        let types = self.result_types(
            &resolved.results,
            resolved.schema.varret,
            &operands,
            &inner,
            bound,
            &op,
        );
        let mut node = Node::new(resolved.schema.full, operands);
        node.attributes = attributes;
        node.blocks = inner;
        let node = self.out.graph.add_node(block, node);
        for ty in types {
            self.out.graph.add_result(node, ty, None);
        }
        Ok(node)
    }

    fn unresolved<T>(&mut self, error: &ResolveError, span: Span, op: Span) -> Read<T> {
        if error.candidates.is_empty() {
            let words = format!("no op is named `{}`", error.name);
            let diagnostic =
                Diagnostic::error(UNKNOWN_OP, words).primary(op, "not in the catalogue");
            return self.stop(with_meant(diagnostic, error.suggestion.as_deref()));
        }
        let words = format!("no overload of `{}` takes these operands", error.name);
        let mut diagnostic = Diagnostic::error(TYPE_MISMATCH, words).primary(span, "here");
        for candidate in error.candidates.iter().take(6) {
            diagnostic =
                diagnostic.note(format!("`{}`: {}", candidate.signature, candidate.reason));
        }
        self.stop(diagnostic)
    }

    /// Types of results that the text does not write: those of the schema, or of what the node takes and its blocks give.
    fn result_types(
        &self,
        of_schema: &[Type],
        varret: bool,
        operands: &[ValueId],
        blocks: &[BlockId],
        bound: usize,
        op: &str,
    ) -> Vec<Type> {
        let ty = |value: &ValueId| self.out.graph.value(*value).ty.clone();
        let first = operands.first().map(ty);
        if varret {
            let known = match (op, &first) {
                ("prim::If", _) => blocks.first().map(|block| {
                    let returns = &self.out.graph.block(*block).returns;
                    returns.iter().map(ty).collect()
                }),
                ("prim::Loop", _) => operands
                    .get(2..)
                    .map(|carried| carried.iter().map(ty).collect()),
                ("prim::TupleUnpack", Some(Type::Tuple(items))) => Some(items.clone()),
                (_, Some(Type::List(element))) => Some(vec![(**element).clone(); bound]),
                _ => None,
            };
            return known.unwrap_or_else(|| vec![Type::Any; bound]);
        }
        match op {
            "prim::ListConstruct" => vec![first.unwrap_or(Type::Any).list_of()],
            "prim::TupleConstruct" => vec![Type::Tuple(operands.iter().map(ty).collect())],
            _ => of_schema.to_vec(),
        }
    }

    fn op_name(&mut self, op: &ast::OpName) -> Read<String> {
        let mut text = String::new();
        for piece in &op.pieces {
            match piece {
                OpNamePiece::Text(part) => text.push_str(part),
                OpNamePiece::Hole(name) => match (self.known)(&name.text) {
                    Some(Literal::Str(part)) => text.push_str(&part),
                    Some(Literal::Int(n)) => text.push_str(&n.to_string()),
                    _ => {
                        let words = format!("nothing is named `{name}` here");
                        return self.wrong(GRAPH, name.span, &words, "not a template parameter");
                    }
                },
            }
        }
        Ok(text)
    }

    fn attributes(&mut self, call: &ast::OpCall) -> Read<Vec<(Name, AttributeLiteral)>> {
        let mut made = Vec::with_capacity(call.attrs.len());
        for attr in &call.attrs {
            let found = match &attr.kind {
                AttrKind::Is {
                    name,
                    value,
                    each: false,
                } => {
                    let literal = value.as_expr().and_then(|expr| self.literal(expr));
                    literal.map(|literal| (name, literal))
                }
                // What PyTorch prints and nobody can read back stays as its text.
                AttrKind::Verbatim { name, text } => Some((name, Literal::str(&text.value))),
                _ => None,
            };
            match found {
                Some((name, literal)) => {
                    made.push((Name::new(&name.text), AttributeLiteral::Literal(literal)));
                }
                None => return self.wrong(GRAPH, attr.span, "an attribute is a literal", "here"),
            }
        }
        Ok(made)
    }
}

/// The literal that PyTorch prints so for a constant of this type: truth values are numbers, devices are strings.
fn printed_as(ty: &Type, literal: Literal) -> Literal {
    match (ty, literal) {
        (Type::Bool, Literal::Int(n)) => Literal::Bool(n != 0),
        (Type::Float, Literal::Int(n)) => Literal::Float(n as f64),
        (Type::Device, Literal::Str(text)) => Literal::Device(text),
        (Type::Optional(inner), literal) => printed_as(inner, literal),
        (Type::List(element), Literal::List(items)) => {
            Literal::list(items.iter().map(|item| printed_as(element, item.clone())))
        }
        (_, literal) => literal,
    }
}

/// The type of a literal, where it says one.
fn type_of(literal: &Literal) -> Option<Type> {
    crate::check::pattern::literal_type(literal)
}
