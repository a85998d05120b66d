//! Lowering of expressions that are no calls.
//!
//! In: expression trees and the type their place wants. Out: values.
//! Invariant: a list that code may change later is a node; only a list written straight into an operator's operand becomes a literal.

#![deny(clippy::unwrap_used, clippy::indexing_slicing)]

use super::call::Operands;
use super::function::Lowering;
use super::literal::{literal, type_of};
use super::scope::Binding;
use crate::graph::{AttributeLiteral, AttributeValue, Literal, Name, Type, ValueId};
use crate::model::torchscript::code_ast::{Expr, ExprKind};
use crate::model::torchscript::code_types;
use crate::model::torchscript::error::ReadError;
use crate::ops::Argument;

/// What the loader reads of a tensor by attribute.
const TENSOR_ATTRIBUTES: [&str; 10] = [
    "dtype",
    "device",
    "layout",
    "is_cuda",
    "is_cpu",
    "is_quantized",
    "is_sparse",
    "is_mkldnn",
    "requires_grad",
    "data",
];

impl Lowering<'_, '_, '_> {
    /// One value; several results become a tuple, none becomes `None`.
    pub(super) fn expr(&mut self, expr: &Expr, ty: Option<&Type>) -> Result<ValueId, ReadError> {
        let results = self.results(expr, ty)?;
        Ok(match results.as_slice() {
            [one] => *one,
            [] => self.graph.add_literal(Literal::None, Type::None),
            _ => {
                let types = results.iter().map(|&value| self.type_of(value)).collect();
                self.node1("prim::TupleConstruct", results, Type::Tuple(types), expr.at)
            }
        })
    }

    /// The results of an expression: those of a call, else one.
    pub(super) fn results(
        &mut self,
        expr: &Expr,
        ty: Option<&Type>,
    ) -> Result<Vec<ValueId>, ReadError> {
        match &expr.kind {
            ExprKind::Call {
                callee,
                operands,
                keywords,
            } if literal(expr, None).is_none() => self.call(
                callee,
                Operands {
                    positional: operands,
                    keywords,
                },
                expr.at,
            ),
            _ => self.one(expr, ty).map(|value| vec![value]),
        }
    }

    fn one(&mut self, expr: &Expr, ty: Option<&Type>) -> Result<ValueId, ReadError> {
        match &expr.kind {
            ExprKind::Name(name) => match self.scopes.get(*name) {
                Some(Binding::Value(value, _)) => Ok(*value),
                Some(Binding::Undefined(why)) => {
                    let why = why.clone();
                    Err(self.refuse(expr.at, why))
                }
                Some(Binding::Function(_)) => {
                    Err(self.refuse(expr.at, format!("function `{name}` as a value")))
                }
                None => match literal(expr, ty) {
                    Some(literal) => Ok(self.literal_value(literal, ty)),
                    None => Err(self.refuse(expr.at, format!("undefined variable `{name}`"))),
                },
            },
            ExprKind::Literal(_) | ExprKind::Call { .. } => match literal(expr, ty) {
                Some(literal) => Ok(self.literal_value(literal, ty)),
                None => unreachable!("literals spell themselves, other calls go to `call`"),
            },
            ExprKind::Attribute(object, name) => self.attribute(expr, object, *name),
            ExprKind::Index(object, index) => self.index(object, index, expr.at),
            ExprKind::Slice(object, parts) => self.slice(object, parts, expr.at),
            ExprKind::List(items) => {
                let element = match unwrap(ty) {
                    Some(Type::List(element)) => Some((**element).clone()),
                    _ => None,
                };
                let (values, joined) = self.items(items, element.as_ref(), expr.at)?;
                let element = element.or(joined).unwrap_or(Type::tensor());
                Ok(self.node1("prim::ListConstruct", values, element.list_of(), expr.at))
            }
            ExprKind::Tuple(items) => {
                let mut values = Vec::with_capacity(items.len());
                let mut types = Vec::with_capacity(items.len());
                for (i, item) in items.iter().enumerate() {
                    let wanted = match unwrap(ty) {
                        Some(Type::Tuple(types)) => types.get(i),
                        _ => None,
                    };
                    let value = self.expr(item, wanted)?;
                    types.push(wanted.cloned().unwrap_or_else(|| self.type_of(value)));
                    values.push(value);
                }
                Ok(self.node1("prim::TupleConstruct", values, Type::Tuple(types), expr.at))
            }
            ExprKind::Dict(pairs) => self.dict(pairs, ty, expr.at),
            ExprKind::Annotate(ty, inner) => self.annotate(inner, ty),
            ExprKind::UncheckedCast(ty, inner) => {
                let value = self.expr(inner, None)?;
                Ok(self.node1("prim::unchecked_cast", vec![value], ty.clone(), expr.at))
            }
            ExprKind::Uninitialized(ty) => {
                Ok(self.node1("prim::Uninitialized", Vec::new(), ty.clone(), expr.at))
            }
            ExprKind::IsInstance(inner, types) => {
                let value = self.expr(inner, None)?;
                let result = self.node1("prim::isinstance", vec![value], Type::Bool, expr.at);
                if let Some(node) = self.graph.producer(result) {
                    let types = AttributeLiteral::Type(Type::Tuple(types.clone()));
                    let node = self.graph.node_mut(node);
                    node.attributes.push((Name::new("types"), types));
                }
                Ok(result)
            }
            ExprKind::Operator(op, operands) => {
                let operands = Operands {
                    positional: operands,
                    keywords: &[],
                };
                let results = self.operator(op, None, operands, expr.at)?;
                results
                    .first()
                    .copied()
                    .ok_or_else(|| self.refuse(expr.at, "operator without a result"))
            }
        }
    }

    /// A value for an operand: a list or tuple of literals is one literal.
    pub(super) fn operand(&mut self, expr: &Expr) -> Result<(ValueId, Argument), ReadError> {
        let local = matches!(expr.kind, ExprKind::Name(name) if self.scopes.get(name).is_some());
        if !local && let Some(literal) = literal(expr, None) {
            let ty = match &expr.kind {
                ExprKind::Annotate(ty, _) => ty.clone(),
                _ => type_of(&literal),
            };
            let value = self.graph.add_literal(literal.clone(), ty.clone());
            let argument = Argument {
                ty: Some(ty),
                literal: Some(literal),
                items: None,
            };
            return Ok((value, argument));
        }
        let value = self.expr(expr, None)?;
        let argument = Argument {
            ty: Some(self.type_of(value)),
            literal: self.graph.literal(value).cloned(),
            items: None,
        };
        Ok((value, argument))
    }

    /// A literal as a value; its type is the one wanted where that is wider.
    pub(super) fn literal_value(&mut self, literal: Literal, ty: Option<&Type>) -> ValueId {
        let ty = match (ty, &literal) {
            (Some(ty @ (Type::Optional(_) | Type::Union(_))), Literal::None) => ty.clone(),
            (Some(ty @ (Type::List(_) | Type::Dict(..) | Type::Tuple(_))), _)
                if literal.items().is_some() || matches!(literal, Literal::Dict(_)) =>
            {
                ty.clone()
            }
            _ => type_of(&literal),
        };
        self.graph.add_literal(literal, ty)
    }

    /// A constant of the file, or a literal, as a value.
    pub(super) fn stored_value(
        &mut self,
        stored: AttributeValue,
        ty: Option<&Type>,
        at: u32,
    ) -> Result<ValueId, ReadError> {
        match stored {
            AttributeValue::Literal(literal) => Ok(self.literal_value(literal, ty)),
            AttributeValue::Constant(id) => {
                let found = self.program.model.constants.get(id).facts.ty.clone();
                let ty = found.or(ty.cloned()).unwrap_or(Type::tensor());
                Ok(self.graph.add_constant(id, ty))
            }
            _ => Err(self.refuse(at, "constant that is neither a literal nor a tensor")),
        }
    }

    fn items(
        &mut self,
        items: &[Expr],
        element: Option<&Type>,
        at: u32,
    ) -> Result<(Vec<ValueId>, Option<Type>), ReadError> {
        let mut values = Vec::with_capacity(items.len());
        let mut joined: Option<Type> = None;
        for item in items {
            let value = self.expr(item, element)?;
            let ty = self.type_of(value);
            joined = Some(match joined {
                None => ty,
                Some(before) => match code_types::join(&before, &ty) {
                    Some(joined) => joined,
                    None if element.is_some() => before,
                    None => {
                        let (a, b) = (code_types::spell(&before), code_types::spell(&ty));
                        return Err(self.refuse(at, format!("a list of `{a}` and `{b}`")));
                    }
                },
            });
            values.push(value);
        }
        Ok((values, joined))
    }

    fn dict(
        &mut self,
        pairs: &[(Expr, Expr)],
        ty: Option<&Type>,
        at: u32,
    ) -> Result<ValueId, ReadError> {
        let (mut key_type, mut value_type) = match unwrap(ty) {
            Some(Type::Dict(key, value)) => (Some((**key).clone()), Some((**value).clone())),
            _ => (None, None),
        };
        let mut operands = Vec::with_capacity(2 * pairs.len());
        for (key, value) in pairs {
            let key = self.expr(key, key_type.as_ref())?;
            let value = self.expr(value, value_type.as_ref())?;
            key_type.get_or_insert(self.graph.value(key).ty.clone());
            value_type.get_or_insert(self.graph.value(value).ty.clone());
            operands.extend([key, value]);
        }
        let (key, value) = (
            key_type.unwrap_or(Type::Str),
            value_type.unwrap_or(Type::tensor()),
        );
        let ty = Type::Dict(key.into(), value.into());
        Ok(self.node1("prim::DictConstruct", operands, ty, at))
    }

    /// `annotate(T, e)`: the type of a container, or the number that a tensor of one element is taken for.
    fn annotate(&mut self, inner: &Expr, ty: &Type) -> Result<ValueId, ReadError> {
        let value = self.expr(inner, Some(ty))?;
        if !self.type_of(value).is_tensor() {
            return Ok(value);
        }
        let op = match ty {
            Type::Int => "aten::IntImplicit",
            Type::Float => "aten::FloatImplicit",
            Type::Complex => "aten::ComplexImplicit",
            Type::Scalar => "aten::ScalarImplicit",
            _ => return Ok(value),
        };
        Ok(self.node1(op, vec![value], ty.clone(), inner.at))
    }

    fn attribute(&mut self, expr: &Expr, object: &Expr, name: Name) -> Result<ValueId, ReadError> {
        if let Some(stored) = self.program.constant(expr).cloned() {
            return self.stored_value(stored, None, expr.at);
        }
        if let Some(path) = self.path(expr) {
            if path.starts_with("CONSTANTS.") {
                let what = format!("`{path}`, which `constants.pkl` does not have");
                return Err(self.refuse(expr.at, what));
            }
            return Err(self.unsupported(expr.at, format!("`{path}` as a value")));
        }
        let object = self.expr(object, None)?;
        match self.type_of(object) {
            Type::Class(class) => {
                if let Some(fields) = self.program.named_tuple(class)? {
                    let field = fields.iter().position(|(field, _)| *field == name);
                    let Some((index, (_, ty))) = field.and_then(|i| Some((i, fields.get(i)?)))
                    else {
                        return Err(
                            self.refuse(expr.at, format!("`{class}` has no field `{name}`"))
                        );
                    };
                    return Ok(self.tuple_index(object, index, ty.clone(), expr.at));
                }
                let Some(ty) = self.program.attribute_type(class, name)? else {
                    let what = format!("`{name}`, which class `{class}` does not declare");
                    return Err(self.refuse(expr.at, what));
                };
                let node = self.node("prim::GetAttr", vec![object], expr.at);
                self.set_name(node, name);
                Ok(self.graph.add_result(node, ty, None))
            }
            Type::Tensor(_) if TENSOR_ATTRIBUTES.contains(&name.as_str()) => {
                self.cast(&format!("prim::{name}"), object, expr.at)
            }
            Type::Tensor(_) if name == "shape" => self.cast("aten::size", object, expr.at),
            ty => {
                let what = format!(
                    "attribute `{name}` of a value of type `{}`",
                    code_types::spell(&ty)
                );
                Err(self.refuse(expr.at, what))
            }
        }
    }

    fn tuple_index(&mut self, tuple: ValueId, index: usize, ty: Type, at: u32) -> ValueId {
        let index = i64::try_from(index).unwrap_or(i64::MAX);
        let index = self.graph.add_literal(Literal::Int(index), Type::Int);
        self.node1("prim::TupleIndex", vec![tuple, index], ty, at)
    }

    fn index(&mut self, object: &Expr, index: &Expr, at: u32) -> Result<ValueId, ReadError> {
        let (value, _) = self.operand(object)?;
        let types = match self.type_of(value) {
            Type::Tuple(types) => types,
            Type::Class(class) => match self.program.named_tuple(class)? {
                Some(fields) => fields.into_iter().map(|(_, ty)| ty).collect(),
                None => return Err(self.refuse(at, format!("index into `{class}`"))),
            },
            Type::Tensor(_) => {
                let zero = self.graph.add_literal(Literal::Int(0), Type::Int);
                let index = self.expr(index, Some(&Type::Int))?;
                return self.resolved("aten::select", &[value, zero, index], at);
            }
            _ => {
                let index = self.expr(index, None)?;
                return self.resolved("aten::__getitem__", &[value, index], at);
            }
        };
        let Some(Literal::Int(n)) = literal(index, None) else {
            return Err(self.refuse(at, "index into a tuple that is no literal"));
        };
        let position = if n < 0 { n + types.len() as i64 } else { n };
        let found = usize::try_from(position).ok();
        match found.and_then(|i| Some((i, types.get(i)?))) {
            Some((i, ty)) => Ok(self.tuple_index(value, i, ty.clone(), at)),
            None => Err(self.refuse(at, format!("index {n} into a tuple of {}", types.len()))),
        }
    }

    fn slice(
        &mut self,
        object: &Expr,
        parts: &[Option<Box<Expr>>; 3],
        at: u32,
    ) -> Result<ValueId, ReadError> {
        let value = self.expr(object, None)?;
        if let Type::Tuple(types) = self.type_of(value) {
            let bound = |part: &Option<Box<Expr>>| match part {
                None => Some(None),
                Some(expr) => literal(expr, None)?.as_int().map(Some),
            };
            let length = types.len() as i64;
            let [Some(start), Some(end), Some(None)] = parts.each_ref().map(bound) else {
                return Err(self.refuse(at, "slice of a tuple that is no literal"));
            };
            let clamp =
                |n: i64| (if n < 0 { n.saturating_add(length) } else { n }).clamp(0, length);
            let (start, end) = (clamp(start.unwrap_or(0)), clamp(end.unwrap_or(length)));
            let mut values = Vec::new();
            let mut kept = Vec::new();
            for (i, ty) in types.into_iter().enumerate() {
                if (start..end).contains(&(i as i64)) {
                    values.push(self.tuple_index(value, i, ty.clone(), at));
                    kept.push(ty);
                }
            }
            return Ok(self.node1("prim::TupleConstruct", values, Type::Tuple(kept), at));
        }
        let mut operands = vec![value];
        if self.type_of(value).is_tensor() {
            operands.push(self.graph.add_literal(Literal::Int(0), Type::Int));
        }
        for (part, default) in parts
            .iter()
            .zip([Literal::None, Literal::None, Literal::Int(1)])
        {
            operands.push(match part {
                Some(expr) => self.expr(expr, Some(&Type::Int))?,
                None => self.literal_value(default, None),
            });
        }
        self.resolved("aten::slice", &operands, at)
    }
}

fn unwrap(ty: Option<&Type>) -> Option<&Type> {
    match ty {
        Some(Type::Optional(inner)) => Some(inner),
        other => other,
    }
}
