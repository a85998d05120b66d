//! Texts made from values.
//!
//! Invariant: doubles are not printed here: PyTorch's digits are not ours.

use crate::graph::Literal;

/// A value as TorchScript prints it into texts.
fn printed(value: &Literal) -> Option<String> {
    match value {
        Literal::None => Some("None".to_owned()),
        Literal::Bool(true) => Some("True".to_owned()),
        Literal::Bool(false) => Some("False".to_owned()),
        Literal::Int(n) => Some(n.to_string()),
        Literal::Str(text) => Some(text.to_string()),
        Literal::List(items) => {
            let items: Option<Vec<String>> = items.iter().map(printed).collect();
            Some(format!("[{}]", items?.join(", ")))
        }
        _ => None,
    }
}

pub(super) fn str(value: &Literal) -> Option<Literal> {
    match value {
        // `str` of a text and of lists of them differs between versions in its quotes.
        Literal::Str(_) => None,
        Literal::List(items) if items.iter().any(|item| matches!(item, Literal::Str(_))) => None,
        value => printed(value).map(|text| Literal::str(&text)),
    }
}

/// Each `{}` replaced by the next value; values beyond are ignored.
pub(super) fn format(operands: &[Literal]) -> Option<Literal> {
    let (template, values) = operands.split_first()?;
    let mut parts = template.as_str()?.split("{}");
    let mut text = parts.next()?.to_owned();
    let mut values = values.iter();
    for part in parts {
        text.push_str(&printed(values.next()?)?);
        text.push_str(part);
    }
    Some(Literal::str(&text))
}

pub(super) fn device(operands: &[Literal]) -> Option<Literal> {
    match operands {
        [Literal::Str(text)] if &**text == "cpu" => Some(Literal::Device(text.clone())),
        _ => None,
    }
}
