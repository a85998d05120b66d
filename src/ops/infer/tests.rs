//! What is inferred is what PyTorch computes: `cases.txt` holds calls with the results PyTorch gave, less what only values tell;
//! `partial.txt` holds calls of which less is known.

use super::infer;
use crate::graph::{DType, Dim, Facts, Literal, QParams, Type};
use crate::ops::case;

/// Dtype, shape and quantization, and elements one by one; types and classes are not in the cases.
fn told(facts: &Facts) -> String {
    match (&facts.literal, &facts.elements) {
        (Some(literal), _) => format!("{literal:?}"),
        (None, Some(elements)) => {
            let elements: Vec<String> = elements.iter().map(told).collect();
            format!("[{}] {:?}", elements.join(", "), facts.shape)
        }
        (None, None) => format!("{:?} {:?} {:?}", facts.dtype, facts.shape, facts.qparams),
    }
}

fn check(cases: &str) {
    let mut wrong = Vec::new();
    for line in cases.lines() {
        let (op, operands, expected) = case::line(line);
        let found = infer(op, &operands);
        let found: Vec<String> = found.iter().map(told).collect();
        let expected: Vec<String> = expected.iter().map(told).collect();
        if found != expected {
            wrong.push(format!("{line}\n  {found:?}\n  {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn facts_are_pytorchs() {
    check(include_str!("cases.txt"));
}

#[test]
fn what_is_not_certain_is_left_out() {
    check(include_str!("partial.txt"));
}

fn one(op: &str, operands: &[Facts]) -> Facts {
    let [facts] = infer(op, operands).try_into().unwrap();
    facts
}

fn quint8(scale: f64) -> Facts {
    Facts {
        qparams: QParams::PerTensor {
            scale,
            zero_point: 3,
        },
        ..Facts::tensor(Some(DType::QU8), Some([Dim::Unknown, Dim::Known(4)].into()))
    }
}

#[test]
fn facts_go_through_lists() {
    let int = |n| Facts::of_literal(Literal::Int(n));
    let list = one("prim::ListConstruct", &[quint8(0.1), quint8(0.1)]);
    assert_eq!(list.ty, Some(Type::tensor().list_of()));
    assert_eq!(
        infer("prim::ListUnpack", std::slice::from_ref(&list)).len(),
        2
    );
    let last = one("aten::__getitem__.t", &[list.clone(), int(-1)]);
    assert_eq!(last, quint8(0.1));
    let any = one("aten::__getitem__.t", &[list, Facts::of_type(Type::Int)]);
    assert_eq!(any, quint8(0.1));
    let mixed = one("prim::ListConstruct", &[quint8(0.1), quint8(0.2)]);
    let any = one("aten::__getitem__.t", &[mixed, Facts::of_type(Type::Int)]);
    assert_eq!(
        (any.dtype, any.qparams),
        (Some(DType::QU8), QParams::Unknown)
    );
    let pair = one("prim::TupleConstruct", &[quint8(0.1), int(2)]);
    assert_eq!(infer("prim::TupleUnpack", &[pair]), [quint8(0.1), int(2)]);
    assert_eq!(infer("prim::ListUnpack", &[Facts::default()]), []);
}

#[test]
fn chunks_of_an_unknown_size_may_be_fewer() {
    let int = |n| Facts::of_literal(Literal::Int(n));
    let chunks = one("aten::chunk", &[quint8(0.1), int(2), int(0)]);
    assert_eq!(chunks.shape.as_deref(), Some(&[Dim::Unknown][..]));
    let parts = infer("prim::ListUnpack", std::slice::from_ref(&chunks));
    assert_eq!(parts, vec![quint8(0.1); 2]);
    let last = one("aten::__getitem__.t", &[chunks.clone(), int(-1)]);
    assert_eq!(last.dtype, Some(DType::QU8));
    let glued = one("aten::cat", &[chunks, int(0)]);
    assert_eq!(
        glued.shape.as_deref(),
        Some(&[Dim::Unknown, Dim::Known(4)][..])
    );
}

#[test]
fn a_view_may_take_sizes_of_its_input() {
    let x = quint8(0.1);
    let sizes = one("aten::size", std::slice::from_ref(&x));
    let rows = one(
        "aten::__getitem__.t",
        &[sizes.clone(), Facts::of_literal(Literal::Int(0))],
    );
    assert_eq!(
        (rows.ty.clone(), rows.literal.clone()),
        (Some(Type::Int), None)
    );
    let columns = one(
        "aten::__getitem__.t",
        &[sizes, Facts::of_literal(Literal::Int(1))],
    );
    assert_eq!(columns.literal, Some(Literal::Int(4)));
    let shape = one(
        "prim::ListConstruct",
        &[rows, Facts::of_literal(Literal::Int(-1))],
    );
    let view = one("aten::view", &[x, shape]);
    assert_eq!(
        view.shape.as_deref(),
        Some(&[Dim::Unknown, Dim::Unknown][..])
    );
}

#[test]
fn unknown_operators_say_what_their_schema_says() {
    assert_eq!(
        one("aten::item", &[Facts::default()]),
        Facts::of_type(Type::Scalar)
    );
    assert_eq!(
        one("aten::nonzero", &[quint8(0.1)]),
        Facts::of_type(Type::tensor())
    );
    assert_eq!(one("prim::GetAttr", &[Facts::default()]), Facts::default());
    assert_eq!(infer("no::such", &[]), []);
}

#[test]
fn nothing_is_known_of_none_taken_for_a_tensor() {
    let none = Facts::of_literal(Literal::None);
    let tensor = Facts::of_type(Type::tensor().optional());
    assert_eq!(one("prim::unchecked_cast", &[none]), Facts::default());
    assert_eq!(
        one("prim::unchecked_cast", &[tensor]).ty,
        Some(Type::tensor())
    );
}
