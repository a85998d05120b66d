//! Types of what a rule computes.
//!
//! In: an expression, the types of slots and lets. Out: its type as far as that is certain whatever the values are.
//! Invariant: what is computed of tensors is a tensor; everything else that is computed is a literal.

use crate::check::pattern::literal_type;
use crate::check::rule::{Binary, Expr, Function, Let};
use crate::graph::{Literal, Type};

/// The type of an expression.
pub(super) fn expr_type(expr: &Expr, lets: &[Let], slots: &[Type]) -> Option<Type> {
    let of = |expr: &Expr| expr_type(expr, lets, slots);
    match expr {
        Expr::Literal(literal) => literal_type(literal),
        Expr::Slot(slot) => slots.get(slot.0 as usize).cloned(),
        Expr::Let(index) => of(&lets.get(*index as usize)?.value),
        Expr::Element(_) | Expr::Setting(_) => None,
        Expr::List(items) => {
            let mut types = items.iter().map(of);
            let first = types.next()??;
            types
                .all(|ty| ty.as_ref() == Some(&first))
                .then(|| first.list_of())
        }
        Expr::Tuple(items) => Some(Type::Tuple(items.iter().map(of).collect::<Option<_>>()?)),
        Expr::Comprehension { element, .. } => Some(of(element)?.list_of()),
        Expr::If(_, yes, no) => joined(of(yes)?, of(no)?),
        Expr::Not(_) => Some(Type::Bool),
        Expr::Negate(inner) => of(inner),
        Expr::Binary(op, a, b) => match op {
            Binary::Add | Binary::Sub | Binary::Mul | Binary::Div
                if [a, b].iter().any(|side| is_tensor(of(side))) =>
            {
                Some(Type::tensor())
            }
            Binary::Add | Binary::Sub | Binary::Mul | Binary::Div => {
                arithmetic(*op, of(a)?, of(b)?)
            }
            _ => Some(Type::Bool),
        },
        Expr::Index(base, index) => match (of(base)?, &**index) {
            (Type::List(element), _) => Some(*element),
            (Type::Tuple(items), Expr::Literal(Literal::Int(n))) => {
                items.get(usize::try_from(*n).ok()?).cloned()
            }
            (Type::Str, _) => Some(Type::Str),
            _ => None,
        },
        Expr::Slice(base, _, _) => of(base),
        Expr::Call(function, arguments)
            if function.may_take_tensors() && arguments.iter().any(|a| is_tensor(of(a))) =>
        {
            Some(Type::tensor())
        }
        Expr::Call(function, arguments) => of_call(*function, arguments.first().and_then(of)),
    }
}

/// Whether the type is that of a tensor, or of one that may be absent.
fn is_tensor(ty: Option<Type>) -> bool {
    match ty {
        Some(Type::Optional(inner)) => inner.is_tensor(),
        Some(ty) => ty.is_tensor(),
        None => false,
    }
}

/// The type of one of two, where it is one.
pub(super) fn joined(a: Type, b: Type) -> Option<Type> {
    match (a, b) {
        (a, b) if a == b => Some(a),
        (a, b) if is_number(&a) && is_number(&b) => Some(Type::Scalar),
        (Type::None, other) | (other, Type::None) => match other {
            Type::Optional(_) => Some(other),
            other => Some(other.optional()),
        },
        _ => None,
    }
}

fn is_number(ty: &Type) -> bool {
    matches!(ty, Type::Int | Type::Float | Type::Scalar)
}

fn arithmetic(op: Binary, a: Type, b: Type) -> Option<Type> {
    match (a, b) {
        // The quotient of integers is an integer only where it is exact.
        (Type::Int, Type::Int) if op == Binary::Div => Some(Type::Scalar),
        (Type::Int, Type::Int) => Some(Type::Int),
        (Type::Float, other) | (other, Type::Float) if is_number(&other) => Some(Type::Float),
        (a, b) if is_number(&a) && is_number(&b) => Some(Type::Scalar),
        (Type::Str, Type::Str) => Some(Type::Str),
        (list @ Type::List(_), other) | (other, list @ Type::List(_)) => {
            (other == list || other == Type::Int).then_some(list)
        }
        _ => None,
    }
}

fn of_call(function: Function, first: Option<Type>) -> Option<Type> {
    Some(match function {
        Function::DType | Function::Rank | Function::Len | Function::Round => Type::Int,
        Function::Shape | Function::Range => Type::Int.list_of(),
        Function::QParams => Type::Tuple(vec![Type::Float, Type::Int, Type::Int]),
        Function::Sqrt | Function::Rsqrt => Type::Float,
        Function::Least | Function::Greatest => Type::Scalar,
        Function::Tensor
        | Function::Cast
        | Function::Reshape
        | Function::Flatten
        | Function::Broadcast
        | Function::Zeros => Type::tensor(),
        Function::Class | Function::Join => Type::Str,
        Function::Methods | Function::Attributes => Type::Str.list_of(),
        Function::IsConst
        | Function::IsRoot
        | Function::All
        | Function::Any
        | Function::Same
        | Function::Contains
        | Function::StartsWith
        | Function::HasMethod => Type::Bool,
        Function::Abs => first?,
        Function::PackedArgs | Function::Min | Function::Max => return None,
    })
}
