//! Lowering of one function: statements to nodes.
//!
//! In: a parsed definition. Out: its graph; the parameters of the body block are the function's, `self` first.
//! Invariant: the graph is in static single assignment form; nodes stand in the order in which the code evaluates them.

#![deny(clippy::unwrap_used, clippy::indexing_slicing)]

use std::fmt;
use std::rc::Rc;

use super::program::Program;
use super::scope::{Binding, Scopes};
use crate::graph::{
    AttributeLiteral, AttributeValue, BlockId, Function, FunctionName, Graph, Literal, Name, Node,
    NodeId, Type, ValueId, prune,
};
use crate::model::torchscript::code_ast::{Expr, ExprKind, Stmt, StmtKind};
use crate::model::torchscript::code_base::{FunctionCode, Source};
use crate::model::torchscript::error::{REWRITE, ReadError, SAVE_AGAIN};

/// State of lowering one function.
pub(super) struct Lowering<'p, 'a, 's> {
    pub program: &'p mut Program<'a, 's>,
    pub source: Rc<Source<'s>>,
    pub graph: Graph,
    pub scopes: Scopes,
    pub block: BlockId,
    pub result: Type,
}

/// The function with this code.
pub(super) fn lower_function<'s>(
    program: &mut Program<'_, 's>,
    name: FunctionName,
    code: &FunctionCode<'s>,
) -> Result<Function, ReadError> {
    let signature = code.signature();
    let source = code.source.clone();
    let body = source.body(signature)?;
    let mut lowering = Lowering {
        program,
        source,
        graph: Graph::default(),
        scopes: Scopes::default(),
        block: Graph::BODY,
        result: signature.result.clone(),
    };
    lowering.scopes.enter();
    let mut defaults = Vec::with_capacity(signature.parameters.len());
    for (i, parameter) in signature.parameters.iter().enumerate() {
        let ty = match (&parameter.ty, name.class) {
            (Some(ty), _) => ty.clone(),
            (None, Some(class)) if i == 0 => Type::Class(class),
            (None, _) => Type::tensor(),
        };
        let value = lowering
            .graph
            .add_parameter(Graph::BODY, ty.clone(), Some(parameter.name));
        let binding = Binding::Value(value, ty.clone());
        lowering.scopes.assign(parameter.name, binding);
        defaults.push(match &parameter.default {
            None => None,
            Some(expr) => match lowering.default_value(expr, &ty)? {
                AttributeValue::Literal(literal) => Some(literal),
                AttributeValue::Constant(id) => {
                    lowering.program.constant_defaults.insert((name, i), id);
                    None
                }
                _ => return Err(lowering.refuse(expr.at, "default value that is no literal")),
            },
        });
    }
    let returned = lowering.statements(&body, true)?;
    let returned = match returned {
        Some(value) => value,
        None => lowering.graph.add_literal(Literal::None, Type::None),
    };
    lowering.graph.block_mut(Graph::BODY).returns.push(returned);
    let mut graph = lowering.graph;
    prune(&mut graph);
    Ok(Function {
        graph,
        defaults,
        result: signature.result.clone(),
    })
}

/// Whether an expression is a variable, also under another type.
fn is_copy(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Name(_) => true,
        ExprKind::Annotate(_, inner) => is_copy(inner),
        _ => false,
    }
}

/// A variable's name, unless the printer made it up (`_12`): such a number says in what order something was printed, and nothing of the value.
pub(super) fn given(name: Name) -> Option<Name> {
    let made = name
        .as_str()
        .strip_prefix('_')
        .is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
    (!made).then_some(name)
}

impl<'s> Lowering<'_, '_, 's> {
    /// Lowers statements. Returns what they return; only the last statement of a function may.
    pub(super) fn statements(
        &mut self,
        statements: &[Stmt],
        may_return: bool,
    ) -> Result<Option<ValueId>, ReadError> {
        for (i, statement) in statements.iter().enumerate() {
            let StmtKind::Return(value) = &statement.kind else {
                self.statement(statement)?;
                continue;
            };
            if !may_return || i + 1 < statements.len() {
                let what = "`return` before the end of the function";
                return Err(self.unsupported(statement.at, what));
            }
            let ty = self.result.clone();
            return match value {
                None => Ok(None),
                Some(expr) => self.expr(expr, Some(&ty)).map(Some),
            };
        }
        Ok(None)
    }

    fn statement(&mut self, statement: &Stmt) -> Result<(), ReadError> {
        match &statement.kind {
            StmtKind::Pass => {}
            StmtKind::Return(_) => unreachable!("`statements` takes returns"),
            StmtKind::Expr(Expr {
                kind: ExprKind::Literal(Literal::Str(_)),
                ..
            }) => {}
            StmtKind::Expr(expr) => {
                self.results(expr, None)?;
            }
            StmtKind::Assign { target, ty, value } => {
                if let Some(function) = self.function_name(value)? {
                    self.scopes.assign(*target, Binding::Function(function));
                    return Ok(());
                }
                let copied = is_copy(value);
                let made = self.expr(value, ty.as_ref())?;
                let ty = ty.clone();
                let ty = ty.unwrap_or_else(|| self.declared_type(value, made));
                self.bind(*target, made, ty, copied);
            }
            StmtKind::Unpack { targets, value } => {
                let copied = match &value.kind {
                    ExprKind::Tuple(items) | ExprKind::List(items) => {
                        items.iter().map(is_copy).collect()
                    }
                    _ => vec![false; targets.len()],
                };
                let values = self.destructure(value, targets.len())?;
                for ((&target, (value, ty)), copied) in targets.iter().zip(values).zip(copied) {
                    self.bind(target, value, ty, copied);
                }
            }
            StmtKind::SetAttribute {
                object,
                attribute,
                value,
            } => {
                let object = self.expr(object, None)?;
                let Type::Class(class) = self.type_of(object) else {
                    return Err(
                        self.refuse(statement.at, "attribute of something other than an object")
                    );
                };
                let Some(ty) = self.program.attribute_type(class, *attribute)? else {
                    return Err(self.refuse(
                        statement.at,
                        format!("`{attribute}`, which class `{class}` does not declare"),
                    ));
                };
                let value = self.expr(value, Some(&ty))?;
                let node = self.node("prim::SetAttr", vec![object, value], statement.at);
                self.set_name(node, *attribute);
            }
            StmtKind::If {
                condition,
                then,
                otherwise,
            } => self.if_statement(condition, then, otherwise, statement.at)?,
            StmtKind::For {
                counter,
                count,
                body,
            } => self.for_loop(*counter, count, body, statement.at)?,
            StmtKind::While { condition, body } => {
                self.while_loop(condition, body, statement.at)?
            }
            StmtKind::With {
                context,
                target,
                body,
            } => self.with(context, *target, body, statement.at)?,
        }
        Ok(())
    }

    /// Gives a value its name, unless it has one, or is the value of another variable.
    pub(super) fn bind(&mut self, target: Name, value: ValueId, ty: Type, copied: bool) {
        let named = self.graph.value_mut(value);
        if named.name.is_none() && !copied {
            named.name = given(target);
        }
        self.scopes.assign(target, Binding::Value(value, ty));
    }

    /// The values of a tuple or list of `n`, or of an operator with `n` results, with the types declared for them.
    fn destructure(&mut self, expr: &Expr, n: usize) -> Result<Vec<(ValueId, Type)>, ReadError> {
        if let ExprKind::Tuple(items) | ExprKind::List(items) = &expr.kind {
            if items.len() != n {
                return Err(self.refuse(expr.at, format!("{} values for {n} names", items.len())));
            }
            return items
                .iter()
                .map(|item| {
                    let value = self.expr(item, None)?;
                    let declared = self.declared_type(item, value);
                    Ok((value, declared))
                })
                .collect();
        }
        let results = self.results(expr, None)?;
        let [one] = results.as_slice() else {
            if results.len() != n {
                return Err(
                    self.refuse(expr.at, format!("{} results for {n} names", results.len()))
                );
            }
            return Ok(results
                .iter()
                .map(|&value| (value, self.type_of(value)))
                .collect());
        };
        let (op, types) = match self.type_of(*one) {
            Type::Tuple(types) => ("prim::TupleUnpack", types),
            Type::List(element) => ("prim::ListUnpack", vec![*element; n]),
            Type::Class(class) => match self.program.named_tuple(class)? {
                Some(fields) => (
                    "prim::TupleUnpack",
                    fields.into_iter().map(|(_, ty)| ty).collect(),
                ),
                None => ("", Vec::new()),
            },
            _ => ("", Vec::new()),
        };
        if op.is_empty() || types.len() != n {
            return Err(self.refuse(expr.at, format!("a value that is no tuple or list of {n}")));
        }
        let node = self.node(op, vec![*one], expr.at);
        Ok(types
            .into_iter()
            .map(|ty| (self.graph.add_result(node, ty.clone(), None), ty))
            .collect())
    }

    /// The type a name was declared with, else the value's.
    pub(super) fn declared_type(&self, expr: &Expr, value: ValueId) -> Type {
        if let ExprKind::Name(name) = expr.kind
            && let Some(Binding::Value(_, ty)) = self.scopes.get(name)
        {
            return ty.clone();
        }
        if let ExprKind::Annotate(ty, _) = &expr.kind {
            return ty.clone();
        }
        self.type_of(value)
    }

    /// The literal or constant that a default value is.
    pub(super) fn default_value(
        &mut self,
        expr: &Expr,
        ty: &Type,
    ) -> Result<AttributeValue, ReadError> {
        if let Some(constant) = self.program.constant(expr) {
            return Ok(constant.clone());
        }
        match super::literal::literal(expr, Some(ty)) {
            Some(literal) => Ok(literal.into()),
            None => Err(self.refuse(expr.at, "default value that is no literal")),
        }
    }

    pub(super) fn type_of(&self, value: ValueId) -> Type {
        self.graph.value(value).ty.clone()
    }

    /// A node at the end of the current block.
    pub(super) fn node(&mut self, op: &str, operands: Vec<ValueId>, at: u32) -> NodeId {
        let mut node = Node::new(Name::new(op), operands);
        node.place = Some(self.source.node_place(at));
        self.graph.add_node(self.block, node)
    }

    /// A node with one result.
    pub(super) fn node1(&mut self, op: &str, operands: Vec<ValueId>, ty: Type, at: u32) -> ValueId {
        let node = self.node(op, operands, at);
        self.graph.add_result(node, ty, None)
    }

    pub(super) fn set_name(&mut self, node: NodeId, name: Name) {
        let value = AttributeLiteral::Literal(Literal::str(name.as_str()));
        let node = self.graph.node_mut(node);
        node.attributes.push((Name::new("name"), value));
    }

    /// Refuses code that PyTorch would not have written.
    pub(super) fn refuse(&self, at: u32, what: impl Into<String>) -> ReadError {
        self.source.refuse(at, what, SAVE_AGAIN)
    }

    /// Refuses code that is right, but that we do not read.
    pub(super) fn unsupported(&self, at: u32, what: impl fmt::Display) -> ReadError {
        let what = format!("{what}, which is not supported");
        self.source.refuse(at, what, REWRITE)
    }
}
