//! What is folded is what TorchScript computes: `cases.txt` holds calls with the results TorchScript gave.

use super::{fold_from_facts, fold_literals};
use crate::graph::{DType, Dim, Facts, Literal, QParams, Type};
use crate::ops::case;

#[test]
fn literals_are_torchscripts() {
    let mut wrong = Vec::new();
    for line in include_str!("cases.txt").lines() {
        let (op, operands, expected) = case::line(line);
        let literals = |facts: Vec<Facts>| -> Vec<Literal> {
            facts.into_iter().map(|f| f.literal.unwrap()).collect()
        };
        let found = fold_literals(op, &literals(operands));
        if found != Some(literals(expected)) {
            wrong.push(format!("{line}\n  {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_fails_is_left_to_the_run() {
    for line in [
        "aten::floordiv.int(1, 0)",
        "aten::remainder.int(1, 0)",
        "aten::div.int(1, 0)",
        "aten::div.float(1.5, 0.0)",
        "aten::add.int(9223372036854775807, 1)",
        "aten::mul.int(9223372036854775807, 2)",
        "aten::neg.int(-9223372036854775808)",
        "aten::floordiv.int(-9223372036854775808, -1)",
        "aten::Int.float(inf)",
        "aten::Int.float(1e300)",
        "aten::Int.float(NaN)",
        "aten::__getitem__.t([1, 2], 2)",
        "aten::__getitem__.t([1, 2], -3)",
        "aten::__range_length(0, 1, 0)",
        "aten::slice.t([1], 0, 1, 0)",
        "aten::sqrt.float(-1.0)",
        "aten::format(\"{} {}\", 1)",
        "aten::add.Scalar(1, 2, 1)",
        "aten::pow.float(2.0, 0.5)",
        "aten::__is__(1, 2)",
        "aten::mul.left_t([1], -1)",
        "aten::relu(1)",
        "prim::max.float(NaN, 1.0)",
        "aten::add.int(1)",
        "prim::RaiseException(\"no\", None)",
    ] {
        let line = format!("{line} -> None");
        let (op, operands, _) = case::line(&line);
        let operands: Vec<Literal> = operands.into_iter().map(|f| f.literal.unwrap()).collect();
        assert_eq!(fold_literals(op, &operands), None, "{line}");
    }
}

#[test]
fn containers_fold() {
    let two = [Literal::Int(1), Literal::str("a")];
    let folded = fold_literals("prim::TupleConstruct", &two).unwrap();
    assert_eq!(folded, [Literal::Tuple(two.clone().into())]);
    assert_eq!(fold_literals("prim::TupleUnpack", &folded).unwrap(), two);
    assert_eq!(
        fold_literals("prim::ListConstruct", &two).unwrap(),
        [Literal::list(two)]
    );
    assert_eq!(
        fold_literals("aten::is_scripting", &[]).unwrap(),
        [Literal::Bool(true)]
    );
}

#[test]
fn questions_are_answered_from_facts() {
    let shape = [Dim::Known(2), Dim::Known(3), Dim::Unknown];
    let x = Facts {
        qparams: QParams::PerTensor {
            scale: 0.1,
            zero_point: 3,
        },
        ..Facts::tensor(Some(DType::QU8), Some(shape.into()))
    };
    let whole = Facts::tensor(None, Some(shape[..2].into()));
    let nothing = Facts::of_type(Type::tensor());
    let literal = Facts::of_literal;
    let int = |n| literal(Literal::Int(n));
    let ask = |op: &str, operands: &[&Facts]| {
        let operands: Vec<Facts> = operands.iter().map(|&f| f.clone()).collect();
        fold_from_facts(op, &operands).map(|found| found[0].clone())
    };
    let yes = Some(Literal::Bool(true));
    let no = Some(Literal::Bool(false));
    assert_eq!(ask("aten::q_scale", &[&x]), Some(Literal::Float(0.1)));
    assert_eq!(ask("aten::q_zero_point", &[&x]), Some(Literal::Int(3)));
    assert_eq!(ask("prim::dtype", &[&x]), Some(Literal::Int(13)));
    assert_eq!(ask("prim::is_quantized", &[&x]), yes);
    assert_eq!(ask("aten::is_floating_point", &[&x]), no);
    assert_eq!(ask("aten::is_complex", &[&x]), no);
    assert_eq!(ask("aten::is_complex", &[&nothing]), None);
    assert_eq!(ask("aten::dim", &[&x]), Some(Literal::Int(3)));
    assert_eq!(ask("aten::size", &[&x]), None);
    assert_eq!(ask("aten::size", &[&whole]), Some(Literal::ints([2, 3])));
    assert_eq!(
        ask("aten::size.int", &[&x, &int(-2)]),
        Some(Literal::Int(3))
    );
    assert_eq!(ask("aten::size.int", &[&x, &int(2)]), None);
    assert_eq!(ask("aten::size.int", &[&x, &int(3)]), None);
    assert_eq!(ask("aten::len.Tensor", &[&x]), Some(Literal::Int(2)));
    assert_eq!(ask("aten::numel", &[&whole]), Some(Literal::Int(6)));
    assert_eq!(ask("aten::numel", &[&x]), None);
    assert_eq!(ask("prim::dtype", &[&nothing]), None);
    assert_eq!(ask("aten::dim", &[&nothing]), None);
    let none = literal(Literal::None);
    assert_eq!(ask("aten::__is__", &[&nothing, &none]), no);
    assert_eq!(ask("aten::__isnot__", &[&nothing, &none]), yes);
    let maybe = Facts::of_type(Type::tensor().optional());
    assert_eq!(ask("aten::__is__", &[&maybe, &none]), None);
    assert_eq!(ask("aten::__is__", &[&none, &none]), yes);
    let list = Facts {
        elements: Some([x.clone(), int(4)].into()),
        ..Facts::default()
    };
    assert_eq!(ask("aten::len.t", &[&list]), Some(Literal::Int(2)));
    assert_eq!(
        ask("aten::__getitem__.t", &[&list, &int(-1)]),
        Some(Literal::Int(4))
    );
    assert_eq!(ask("aten::__getitem__.t", &[&list, &int(0)]), None);
    assert_eq!(
        ask("aten::add.int", &[&int(1), &int(2)]),
        Some(Literal::Int(3))
    );
    let uncertain = Facts {
        shape: Some([Dim::Unknown].into()),
        ..list
    };
    assert_eq!(ask("aten::len.t", &[&uncertain]), None);
}
