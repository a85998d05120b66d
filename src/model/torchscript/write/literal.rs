//! Literals as code spells them.
//!
//! In: a literal and the type of its place. Out: an expression.
//! Invariant: PyTorch's lexer reads the same bits back: floats always have a dot or an exponent, strings escape all but printable ASCII.

use crate::graph::{Literal, Type};
use crate::model::torchscript::code_types::spell;
use crate::ops::torch_dtype_code;

/// The spelling of a literal whose place wants `ty`.
pub(super) fn literal(literal: &Literal, ty: &Type) -> String {
    let ty = match ty {
        Type::Optional(inner) => inner,
        other => other,
    };
    match literal {
        Literal::None => "None".to_owned(),
        Literal::Bool(true) => "True".to_owned(),
        Literal::Bool(false) => "False".to_owned(),
        Literal::Int(n) if *ty == Type::Float => float(*n as f64),
        Literal::Int(n) => n.to_string(),
        Literal::Float(x) => float(*x),
        Literal::Complex(real, imaginary) => {
            let sign = if imaginary.is_sign_negative() {
                "-"
            } else {
                "+"
            };
            format!("{}{sign}{}j", float(*real), float(imaginary.abs()))
        }
        Literal::Str(text) => quoted(text),
        Literal::DType(dtype) => torch_dtype_code(*dtype).to_string(),
        Literal::Device(device) => format!("torch.device({})", quoted(device)),
        Literal::List(items) => {
            let element = match ty {
                Type::List(element) => element,
                _ => &Type::Any,
            };
            let text = format!("[{}]", all(items, |_| element));
            // The loader takes an empty list for one of tensors, and reads the others' type off their items.
            let plain = match element {
                Type::Tensor(_) | Type::Any => true,
                Type::Int | Type::Float | Type::Bool | Type::Str => !items.is_empty(),
                _ => false,
            };
            match plain {
                true => text,
                false => format!("annotate({}, {text})", spell(ty)),
            }
        }
        Literal::Tuple(items) => {
            let types: &[Type] = match ty {
                Type::Tuple(types) => types,
                _ => &[],
            };
            let comma = if items.len() == 1 { "," } else { "" };
            format!(
                "({}{comma})",
                all(items, |i| types.get(i).unwrap_or(&Type::Any))
            )
        }
        Literal::Dict(items) => {
            let (key, value) = match ty {
                Type::Dict(key, value) => (&**key, &**value),
                _ => (&Type::Any, &Type::Any),
            };
            let items: Vec<String> = items
                .iter()
                .map(|(k, v)| format!("{}: {}", self::literal(k, key), self::literal(v, value)))
                .collect();
            let text = format!("{{{}}}", items.join(", "));
            match ty {
                Type::Dict(..) => format!("annotate({}, {text})", spell(ty)),
                _ => text,
            }
        }
    }
}

fn all<'t>(items: &[Literal], ty: impl Fn(usize) -> &'t Type) -> String {
    let items = items.iter().enumerate();
    let items: Vec<String> = items.map(|(i, item)| literal(item, ty(i))).collect();
    items.join(", ")
}

/// The shortest spelling that reads back to the same bits.
fn float(x: f64) -> String {
    if x.is_nan() {
        return "nan".to_owned();
    }
    if x.is_infinite() {
        return if x > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let text = format!("{x:?}");
    match text.strip_suffix(".0") {
        Some(whole) => format!("{whole}."),
        None => text,
    }
}

/// A string in quotes.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for byte in text.bytes() {
        match byte {
            b'"' => quoted.push_str("\\\""),
            b'\\' => quoted.push_str("\\\\"),
            b'\n' => quoted.push_str("\\n"),
            b'\r' => quoted.push_str("\\r"),
            b'\t' => quoted.push_str("\\t"),
            0x20..=0x7e => quoted.push(byte.into()),
            _ => quoted.push_str(&format!("\\{byte:03o}")),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn any(value: Literal) -> String {
        literal(&value, &Type::Any)
    }

    #[test]
    fn floats_are_never_integers() {
        for (x, text) in [
            (0.0, "0."),
            (-0.0, "-0."),
            (1.0, "1."),
            (0.1, "0.1"),
            (1e15, "1000000000000000."),
            (1e16, "1e16"),
            (1e300, "1e300"),
            (5e-324, "5e-324"),
            (0.039_692_133_665_084_84, "0.03969213366508484"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(any(Literal::Float(x)), text);
        }
        assert_eq!(literal(&Literal::Int(2), &Type::Float), "2.");
    }

    #[test]
    fn lists_have_a_type_where_the_loader_needs_one() {
        let ints = Type::Int.list_of();
        assert_eq!(literal(&Literal::ints([1, 2]), &ints), "[1, 2]");
        assert_eq!(
            literal(&Literal::ints([]), &ints),
            "annotate(List[int], [])"
        );
        assert_eq!(literal(&Literal::ints([]), &Type::tensor().list_of()), "[]");
        let one = Literal::Tuple([Literal::Int(1)].into());
        assert_eq!(any(one), "(1,)");
    }

    #[test]
    fn strings_are_printable() {
        assert_eq!(
            any(Literal::str("a\"\\\né\u{1}")),
            r#""a\"\\\n\303\251\001""#
        );
    }
}
