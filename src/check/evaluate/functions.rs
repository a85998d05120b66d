//! The built-in functions of expressions.
//!
//! In: a function and its arguments, in their positions. Out: its value; unknown where an argument is, or is of another kind.

use super::arithmetic::{binary, contains, equal, items, literal};
use super::{Scope, Val, tensors};
use crate::check::rule::{Binary, Function};
use crate::graph::{Literal, Name};

/// The value of a call.
pub(super) fn call<S: Scope>(
    scope: &S,
    function: Function,
    arguments: &[Val<S::Value>],
) -> Val<S::Value> {
    if function.is_about_the_model() {
        return Val::literal(of_the_model(scope, function, arguments.first()));
    }
    let Some(first) = arguments.first() else {
        return Val::Unknown;
    };
    if function.is_about_values() {
        return match first {
            Val::Value(value) => scope.fact(function, value),
            Val::Tensor(term) => tensors::fact(function, term),
            Val::Literal(_) if function == Function::IsConst => Val::truth(Some(true)),
            _ => Val::Unknown,
        };
    }
    let second = arguments.get(1);
    let of_tensors = arguments.iter().any(|a| tensors::is_tensor(scope, a));
    if function.is_about_tensors() || (of_tensors && function.may_take_tensors()) {
        return tensors::call(scope, function, arguments).unwrap_or(Val::Unknown);
    }
    match function {
        Function::Len => Val::literal(length(scope, first).map(Literal::Int)),
        Function::Range => Val::literal(range(scope, first, second)),
        Function::All => Val::truth(all(scope, first, false)),
        Function::Any => Val::truth(all(scope, first, true)),
        Function::Same => Val::truth(same(scope, first)),
        Function::Join => Val::literal(join(scope, first, second)),
        Function::Contains => Val::truth(second.and_then(|part| contains(scope, first, part))),
        Function::StartsWith => Val::truth(starts_with(scope, first, second)),
        Function::Min => extreme(scope, Binary::Lt, arguments),
        Function::Max => extreme(scope, Binary::Gt, arguments),
        _ => Val::literal(literal(scope, first).and_then(|number| of_number(function, &number))),
    }
}

fn of_the_model<S: Scope>(
    scope: &S,
    function: Function,
    first: Option<&Val<S::Value>>,
) -> Option<Literal> {
    let text = first.and_then(|first| literal(scope, first));
    let text = text.as_ref().and_then(Literal::as_str);
    let texts = |names: Vec<Name>| {
        let names = names.iter().map(|name| Literal::str(name.as_str()));
        Literal::List(names.collect())
    };
    match function {
        Function::HasMethod => {
            let (methods, name) = (scope.methods()?, text?);
            Some(Literal::Bool(methods.iter().any(|method| *method == name)))
        }
        Function::Methods => scope.methods().map(texts),
        Function::Attributes => {
            let prefix = text?;
            let mut names = scope.attributes()?;
            names.retain(|name| name.as_str().starts_with(prefix));
            Some(texts(names))
        }
        _ => None,
    }
}

fn length<S: Scope>(scope: &S, value: &Val<S::Value>) -> Option<i64> {
    if let Some(len) = tensors::length(scope, value) {
        return Some(len);
    }
    let len = match items(scope, value) {
        Some(items) => items.len(),
        None => literal(scope, value)?.as_str()?.chars().count(),
    };
    i64::try_from(len).ok()
}

fn range<S: Scope>(
    scope: &S,
    first: &Val<S::Value>,
    second: Option<&Val<S::Value>>,
) -> Option<Literal> {
    /// Longer ranges than any model needs are a mistake, not a value.
    const MOST: i64 = 1 << 16;
    let first = literal(scope, first)?.as_int()?;
    let (from, to) = match second {
        Some(second) => (first, literal(scope, second)?.as_int()?),
        None => (0, first),
    };
    (to.checked_sub(from)? <= MOST).then(|| Literal::ints(from..to))
}

/// Whether all are true; with `deciding` true, whether any is.
fn all<S: Scope>(scope: &S, list: &Val<S::Value>, deciding: bool) -> Option<bool> {
    let mut answer = Some(!deciding);
    for item in items(scope, list)? {
        match literal(scope, &item).and_then(|item| item.as_bool()) {
            Some(truth) if truth == deciding => return Some(deciding),
            Some(_) => {}
            None => answer = None,
        }
    }
    answer
}

fn same<S: Scope>(scope: &S, list: &Val<S::Value>) -> Option<bool> {
    let items = items(scope, list)?;
    let mut answer = Some(true);
    for pair in items.windows(2) {
        if let [a, b] = pair {
            match equal(scope, a, b) {
                Some(true) => {}
                Some(false) => return Some(false),
                None => answer = None,
            }
        }
    }
    answer
}

fn join<S: Scope>(
    scope: &S,
    list: &Val<S::Value>,
    between: Option<&Val<S::Value>>,
) -> Option<Literal> {
    let list = literal(scope, list)?;
    let between = literal(scope, between?)?;
    let parts: Option<Vec<&str>> = list.items()?.iter().map(Literal::as_str).collect();
    Some(Literal::Str(parts?.join(between.as_str()?).into()))
}

fn starts_with<S: Scope>(
    scope: &S,
    text: &Val<S::Value>,
    start: Option<&Val<S::Value>>,
) -> Option<bool> {
    let (text, start) = (literal(scope, text)?, literal(scope, start?)?);
    Some(text.as_str()?.starts_with(start.as_str()?))
}

/// The least or greatest of the arguments, or of the elements of the only one.
fn extreme<S: Scope>(scope: &S, better: Binary, arguments: &[Val<S::Value>]) -> Val<S::Value> {
    let of_list = match arguments {
        [only] => items(scope, only),
        _ => None,
    };
    let candidates = of_list.as_deref().unwrap_or(arguments);
    let mut best: Option<&Val<S::Value>> = None;
    for candidate in candidates {
        let wins = match best {
            None => Some(true),
            Some(best) => {
                literal(scope, &binary(scope, better, candidate, best)).and_then(|l| l.as_bool())
            }
        };
        match wins {
            Some(true) => best = Some(candidate),
            Some(false) => {}
            None => return Val::Unknown,
        }
    }
    best.cloned().unwrap_or(Val::Unknown)
}

fn of_number(function: Function, number: &Literal) -> Option<Literal> {
    match (function, number) {
        (Function::Abs, Literal::Int(n)) => n.checked_abs().map(Literal::Int),
        (Function::Abs, Literal::Float(x)) => Some(Literal::Float(x.abs())),
        (Function::Round, Literal::Int(n)) => Some(Literal::Int(*n)),
        (Function::Round, Literal::Float(x)) => {
            let rounded = x.round_ties_even();
            let fits = rounded.abs() < i64::MAX as f64;
            fits.then_some(Literal::Int(rounded as i64))
        }
        (Function::Sqrt, number) => {
            let x = number.as_float()?;
            (x >= 0.0).then(|| Literal::Float(x.sqrt()))
        }
        (Function::Rsqrt, number) => {
            let x = number.as_float()?;
            (x > 0.0).then(|| Literal::Float(1.0 / x.sqrt()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Nothing;
    use super::*;

    fn value(function: Function, arguments: &[Literal]) -> Option<Literal> {
        let arguments: Vec<_> = arguments.iter().cloned().map(Val::Literal).collect();
        call(&Nothing, function, &arguments).into_literal()
    }

    #[test]
    fn functions_of_lists_and_numbers() {
        use Function::{Contains, Join, Len, Max, Range, Round, Same, Sqrt};
        let list = Literal::ints([3, 1, 2]);
        let texts = Literal::list([Literal::str("a"), Literal::str("b")]);
        assert_eq!(
            value(Len, std::slice::from_ref(&list)),
            Some(Literal::Int(3))
        );
        assert_eq!(value(Max, &[list]), Some(Literal::Int(3)));
        assert_eq!(
            value(Range, &[Literal::Int(3)]),
            Some(Literal::ints([0, 1, 2]))
        );
        assert_eq!(
            value(Join, &[texts.clone(), Literal::str(".")]),
            Some(Literal::str("a.b"))
        );
        assert_eq!(
            value(Contains, &[texts.clone(), Literal::str("b")]),
            Some(Literal::Bool(true))
        );
        assert_eq!(value(Same, &[texts]), Some(Literal::Bool(false)));
        assert_eq!(
            value(Round, &[Literal::Float(2.5)]),
            Some(Literal::Int(2)),
            "half to even"
        );
        assert_eq!(value(Sqrt, &[Literal::Int(-1)]), None);
    }

    #[test]
    fn all_and_any_have_three_values() {
        let unsure = Val::List(vec![Val::Unknown, Val::Literal(Literal::Bool(false))]);
        assert_eq!(all(&Nothing, &unsure, false), Some(false));
        assert_eq!(all(&Nothing, &unsure, true), None);
        assert!(call(&Nothing, Function::All, &[Val::list(vec![])]).is_true());
    }
}
