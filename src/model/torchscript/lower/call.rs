//! Lowering of calls: operators, functions, methods, named tuples.
//!
//! In: a callee and its operands. Out: a node whose operands are all those of the schema or signature, defaults filled in.
//! Invariant: which overload an operator call means is decided by `ops` alone.

#![deny(clippy::unwrap_used, clippy::indexing_slicing)]

use super::function::Lowering;
use super::scope::Binding;
use crate::graph::{FunctionName, Literal, Name, Type, ValueId};
use crate::model::torchscript::code_ast::{Expr, ExprKind, Signature};
use crate::model::torchscript::code_types::is_generic;
use crate::model::torchscript::error::ReadError;
use crate::ops::{Argument, Call, Operand};

/// Operands as they are written.
#[derive(Clone, Copy)]
pub(super) struct Operands<'e> {
    pub positional: &'e [Expr],
    pub keywords: &'e [(Name, Expr)],
}

/// Words that are called without a path.
const BUILTINS: [(&str, &str); 12] = [
    ("bool", "aten::Bool"),
    ("int", "aten::Int"),
    ("float", "aten::Float"),
    ("complex", "aten::Complex"),
    ("str", "aten::str"),
    ("len", "aten::len"),
    ("sorted", "aten::sorted"),
    ("abs", "prim::abs"),
    ("min", "prim::min"),
    ("max", "prim::max"),
    ("ord", "aten::ord"),
    ("print", "prim::Print"),
];

/// Methods of packed objects and the types of their results.
fn packed_method(method: &str) -> Option<Type> {
    Some(match method {
        "unpack" => Type::Tuple(vec![Type::tensor(), Type::tensor().optional()]),
        "bias" => Type::tensor().optional(),
        "stride" | "padding" | "output_padding" | "dilation" => Type::Int.list_of(),
        "groups" => Type::Int,
        "transpose" => Type::Bool,
        _ => return None,
    })
}

impl<'s> Lowering<'_, '_, 's> {
    /// A dotted path whose root is no local name: `torch.add`, `ops.quantized.linear`, `__torch__.f`.
    pub(super) fn path(&self, expr: &Expr) -> Option<String> {
        match &expr.kind {
            ExprKind::Name(name) if self.scopes.get(*name).is_none() => Some(name.to_string()),
            ExprKind::Attribute(object, name) => Some(format!("{}.{name}", self.path(object)?)),
            _ => None,
        }
    }

    /// The free function that an expression names.
    pub(super) fn function_name(&mut self, expr: &Expr) -> Result<Option<Name>, ReadError> {
        if let ExprKind::Name(name) = expr.kind
            && let Some(Binding::Function(function)) = self.scopes.get(name)
        {
            return Ok(Some(*function));
        }
        let Some(path) = self.path(expr).filter(|p| p.starts_with("__torch__.")) else {
            return Ok(None);
        };
        let name = Name::new(&path);
        Ok(self.program.code.function(name)?.map(|_| name))
    }

    pub(super) fn call(
        &mut self,
        callee: &Expr,
        operands: Operands<'_>,
        at: u32,
    ) -> Result<Vec<ValueId>, ReadError> {
        if let Some(function) = self.function_name(callee)? {
            return self.call_function(function, operands, at);
        }
        if let Some(path) = self.path(callee) {
            return self.call_path(&path, operands, at);
        }
        let ExprKind::Attribute(object, method) = &callee.kind else {
            return Err(self.refuse(at, "call of something other than a function"));
        };
        let object = self.expr(object, None)?;
        match self.type_of(object) {
            Type::Class(class) => self
                .call_method(object, class, *method, operands, at)
                .map(|value| vec![value]),
            _ => self.operator(&format!("aten::{method}"), Some(object), operands, at),
        }
    }

    fn call_path(
        &mut self,
        path: &str,
        operands: Operands<'_>,
        at: u32,
    ) -> Result<Vec<ValueId>, ReadError> {
        if let Some((_, op)) = BUILTINS.iter().find(|row| row.0 == path) {
            if let ([one], [], "bool" | "int" | "float") =
                (operands.positional, operands.keywords, path)
            {
                let value = self.expr(one, None)?;
                return self.cast(op, value, at).map(|value| vec![value]);
            }
            return self.operator(op, None, operands, at);
        }
        let op = match path.split_once('.') {
            Some(("torch", "autograd.grad")) => "aten::grad".to_owned(),
            Some(("torch", "autograd.backward")) => "aten::backward".to_owned(),
            Some(("torch", op)) if !op.contains('.') => format!("aten::{op}"),
            Some(("ops", rest)) => match rest.split_once('.') {
                Some((namespace, op)) if !op.contains('.') => format!("{namespace}::{op}"),
                _ => return Err(self.refuse(at, format!("call of `{path}`, which is no operator"))),
            },
            Some(("__torch__", _)) => return self.call_class(path, operands, at),
            _ => return Err(self.refuse(at, format!("call of undefined `{path}`"))),
        };
        self.operator(&op, None, operands, at)
    }

    /// `__torch__.m.Point(x, y)`, a named tuple, and `__torch__.m.Box.__new__(__torch__.m.Box)`, an object without contents.
    fn call_class(
        &mut self,
        path: &str,
        operands: Operands<'_>,
        at: u32,
    ) -> Result<Vec<ValueId>, ReadError> {
        if let Some(class) = path.strip_suffix(".__new__") {
            let class = Name::new(class);
            if self.program.code.class(class)?.is_none() {
                return Err(self.refuse(at, format!("class `{class}` has no code")));
            }
            let ty = Type::Class(class);
            return Ok(vec![self.node1("prim::CreateObject", Vec::new(), ty, at)]);
        }
        let class = Name::new(path);
        let Some(fields) = self.program.named_tuple(class)? else {
            return Err(self.refuse(
                at,
                format!("call of `{path}`, which is neither a function nor a named tuple"),
            ));
        };
        if operands.positional.len() != fields.len() || !operands.keywords.is_empty() {
            return Err(self.refuse(at, format!("`{path}` without all of its fields")));
        }
        let mut values = Vec::with_capacity(fields.len());
        for (operand, (_, ty)) in operands.positional.iter().zip(&fields) {
            values.push(self.expr(operand, Some(ty))?);
        }
        let ty = Type::Class(class);
        Ok(vec![self.node1("prim::TupleConstruct", values, ty, at)])
    }

    fn call_function(
        &mut self,
        function: Name,
        operands: Operands<'_>,
        at: u32,
    ) -> Result<Vec<ValueId>, ReadError> {
        let Some(code) = self.program.code.function(function)? else {
            return Err(self.refuse(at, format!("call of `{function}`, which has no code")));
        };
        let signature = code.signature();
        let values = self.arguments(signature, 0, operands, at)?;
        self.program.reach(FunctionName {
            class: None,
            name: function,
        });
        let node = self.node("prim::CallFunction", values, at);
        self.set_name(node, function);
        Ok(vec![self.graph.add_result(
            node,
            signature.result.clone(),
            None,
        )])
    }

    fn call_method(
        &mut self,
        object: ValueId,
        class: Name,
        method: Name,
        operands: Operands<'_>,
        at: u32,
    ) -> Result<ValueId, ReadError> {
        let mut values = vec![object];
        let result = if class.as_str().starts_with("__torch__.torch.classes.") {
            let (Some(result), []) = (packed_method(method.as_str()), operands.positional) else {
                return Err(self.refuse(at, format!("method `{method}` of `{class}`")));
            };
            result
        } else {
            let Some((code, interface)) = self.program.method(class, method)? else {
                return Err(self.refuse(at, format!("class `{class}` has no method `{method}`")));
            };
            let signature = code.signature();
            values.extend(self.arguments(signature, 1, operands, at)?);
            if interface {
                self.program.reach_all(method)?;
            } else {
                self.program.reach(FunctionName {
                    class: Some(class),
                    name: method,
                });
            }
            signature.result.clone()
        };
        let node = self.node("prim::CallMethod", values, at);
        self.set_name(node, method);
        Ok(self.graph.add_result(node, result, None))
    }

    /// The operands of a function, from parameter `skip` on, defaults filled in.
    fn arguments(
        &mut self,
        signature: &Signature,
        skip: usize,
        operands: Operands<'_>,
        at: u32,
    ) -> Result<Vec<ValueId>, ReadError> {
        let parameters = signature.parameters.get(skip..).unwrap_or_default();
        if operands.positional.len() > parameters.len() {
            let what = format!(
                "{} operands for `{}`, which takes {}",
                operands.positional.len(),
                signature.name,
                parameters.len()
            );
            return Err(self.refuse(at, what));
        }
        for (name, expr) in operands.keywords {
            let position = parameters.iter().position(|p| p.name == *name);
            if position.is_none_or(|i| i < operands.positional.len()) {
                return Err(self.refuse(
                    expr.at,
                    format!("`{}` takes no `{name}` here", signature.name),
                ));
            }
        }
        let mut values = Vec::with_capacity(parameters.len());
        for (i, parameter) in parameters.iter().enumerate() {
            let keyword = operands
                .keywords
                .iter()
                .find(|(name, _)| *name == parameter.name);
            let given = operands.positional.get(i).or(keyword.map(|(_, expr)| expr));
            let ty = parameter.ty.clone().unwrap_or(Type::tensor());
            values.push(match (given, &parameter.default) {
                (Some(expr), _) => self.expr(expr, Some(&ty))?,
                (None, Some(default)) => {
                    let stored = self.default_value(default, &ty)?;
                    self.stored_value(stored, Some(&ty), at)?
                }
                (None, None) => {
                    let what = format!("`{}` without `{}`", signature.name, parameter.name);
                    return Err(self.refuse(at, what));
                }
            });
        }
        Ok(values)
    }

    /// An operator; `first` is an operand that stands before those written.
    pub(super) fn operator(
        &mut self,
        op: &str,
        first: Option<ValueId>,
        operands: Operands<'_>,
        at: u32,
    ) -> Result<Vec<ValueId>, ReadError> {
        let mut values = Vec::new();
        let mut positional = Vec::new();
        if let Some(first) = first {
            values.push(first);
            positional.push(Argument::typed(self.type_of(first)));
        }
        for expr in operands.positional {
            let (value, argument) = self.operand(expr)?;
            values.push(value);
            positional.push(argument);
        }
        let mut keywords = Vec::with_capacity(operands.keywords.len());
        for (name, expr) in operands.keywords {
            let (value, argument) = self.operand(expr)?;
            values.push(value);
            keywords.push((name.as_str(), argument));
        }
        self.resolve(op, &values, &positional, &keywords, at)
    }

    /// An operator on values, with one result.
    pub(super) fn resolved(
        &mut self,
        op: &str,
        values: &[ValueId],
        at: u32,
    ) -> Result<ValueId, ReadError> {
        let positional: Vec<Argument> = values
            .iter()
            .map(|&value| Argument {
                ty: Some(self.type_of(value)),
                literal: self.graph.literal(value).cloned(),
                items: None,
            })
            .collect();
        let results = self.resolve(op, values, &positional, &[], at)?;
        match results.as_slice() {
            [one] => Ok(*one),
            _ => Err(self.refuse(at, format!("`{op}`, which has not one result"))),
        }
    }

    /// An operator of one operand that makes a value of another type; nothing if the type is right already.
    pub(super) fn cast(&mut self, op: &str, value: ValueId, at: u32) -> Result<ValueId, ReadError> {
        match (op, self.type_of(value)) {
            ("aten::Bool", Type::Bool)
            | ("aten::Int", Type::Int)
            | ("aten::Float", Type::Float) => Ok(value),
            _ => self.resolved(op, &[value], at),
        }
    }

    fn resolve(
        &mut self,
        op: &str,
        values: &[ValueId],
        positional: &[Argument],
        keywords: &[(&str, Argument)],
        at: u32,
    ) -> Result<Vec<ValueId>, ReadError> {
        let call = Call {
            positional,
            keywords,
            open: false,
        };
        let catalogue = self.program.catalogue;
        let resolved = match catalogue.resolve(op, &call) {
            Ok(resolved) => resolved,
            Err(error) => {
                let cure = match error.candidates.is_empty() {
                    true => "declare the operator in a rule file with `op`",
                    false => "save the model again with PyTorch 2.15 or older",
                };
                return Err(self.source.refuse(at, error.to_string(), cure));
            }
        };
        let schema = resolved.schema;
        let mut operands = Vec::with_capacity(resolved.operands.len());
        for (i, operand) in resolved.operands.into_iter().enumerate() {
            let parameter = schema.params.get(i);
            let ty = parameter.map(|p| &p.ty).filter(|ty| !is_generic(ty));
            let given = |i: usize| values.get(i).copied();
            let value = match operand {
                Operand::Given(i) => given(i),
                Operand::Literal(literal) => Some(self.literal_value(literal, ty)),
                Operand::Repeated { given: i, count } => given(i).map(|value| {
                    let element = self.type_of(value);
                    let items = vec![value; count as usize];
                    self.node1("prim::ListConstruct", items, element.list_of(), at)
                }),
                Operand::Open => None,
            };
            let Some(value) = value else {
                unreachable!("the call is not open, and operands are counted as they were given");
            };
            let written = parameter.is_some_and(|p| p.alias.is_some_and(|alias| alias.write));
            operands.push(if written {
                self.list_node(value, at)
            } else {
                value
            });
        }
        let node = self.node(schema.full.as_str(), operands, at);
        Ok(resolved
            .results
            .into_iter()
            .map(|ty| self.graph.add_result(node, ty, None))
            .collect())
    }

    /// A literal list that an operator writes to must be a list of its own.
    fn list_node(&mut self, value: ValueId, at: u32) -> ValueId {
        let Some(Literal::List(items)) = self.graph.literal(value).cloned() else {
            return value;
        };
        let ty = self.type_of(value);
        let element = match &ty {
            Type::List(element) => (**element).clone(),
            _ => Type::tensor(),
        };
        let items = items
            .iter()
            .map(|item| self.graph.add_literal(item.clone(), element.clone()))
            .collect();
        self.node1("prim::ListConstruct", items, ty, at)
    }
}
