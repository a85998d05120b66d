//! Calls that PyTorch resolves by rank of conversions, one line each.

use super::{Argument, Call, Operand};
use crate::graph::{DType, Literal, Name, Type};
use crate::ops::Catalogue;

/// Operands in a short notation: `T` a tensor, `T[]` tensors, `i f b s` values, `i[]` a list of integers, `?` unknown, else a literal.
fn argument(text: &str) -> Argument {
    let ty = match text {
        "T" => Type::tensor(),
        "T?" => Type::tensor().optional(),
        "T[]" => Type::tensor().list_of(),
        "i" => Type::Int,
        "f" => Type::Float,
        "b" => Type::Bool,
        "s" => Type::Str,
        "n" => Type::Scalar,
        "any" => Type::Any,
        "i[]" => Type::Int.list_of(),
        "f[]" => Type::Float.list_of(),
        "d[s,T]" => Type::Dict(Box::new(Type::Str), Box::new(Type::tensor())),
        "i[]?" => Type::Int.list_of().optional(),
        "conv2d" => packed("Conv2d"),
        "conv3d" => packed("Conv3d"),
        "linear" => packed("Linear"),
        "?" => return Argument::default(),
        literal => return Argument::literal(parse(literal)),
    };
    Argument::typed(ty)
}

fn packed(family: &str) -> Type {
    Type::Class(Name::new(&format!(
        "__torch__.torch.classes.quantized.{family}PackedParamsBase"
    )))
}

fn parse(text: &str) -> Literal {
    match text {
        "None" => Literal::None,
        "True" => Literal::Bool(true),
        "False" => Literal::Bool(false),
        "[]" => Literal::list([]),
        text => {
            if let Some(items) = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')) {
                return Literal::list(items.split(';').map(parse));
            }
            if let Some(dtype) = DType::from_name(text) {
                return Literal::DType(dtype);
            }
            match text.parse() {
                Ok(n) => Literal::Int(n),
                Err(_) => text
                    .parse()
                    .map_or_else(|_| Literal::str(text), Literal::Float),
            }
        }
    }
}

/// What `name(operands)` means; operands may be `key=value`.
fn resolved(text: &str) -> Result<(String, Vec<Operand>, Vec<Type>), String> {
    let (name, rest) = text.split_once('(').unwrap();
    let mut positional = Vec::new();
    let mut keywords = Vec::new();
    for part in rest
        .trim_end_matches(')')
        .split(", ")
        .filter(|p| !p.is_empty())
    {
        match part.split_once('=') {
            Some((key, value)) => keywords.push((key, argument(value))),
            None => positional.push(argument(part)),
        }
    }
    let catalogue = Catalogue::new();
    let call = Call {
        positional: &positional,
        keywords: &keywords,
        open: false,
    };
    catalogue
        .resolve(name, &call)
        .map(|r| (r.schema.full.to_string(), r.operands, r.results))
        .map_err(|e| e.to_string())
}

#[test]
fn picks_the_overload_pytorch_picks() {
    for (call, full) in [
        ("aten::add(T, T)", "aten::add.Tensor"),
        ("aten::add(T, 1)", "aten::add.Scalar"),
        ("aten::add(T, 0.5)", "aten::add.Scalar"),
        ("aten::add(T, T, alpha=1)", "aten::add.Tensor"),
        ("aten::add(T, T, 1)", "aten::add.Tensor"),
        ("aten::add(T, T, out=T)", "aten::add.out"),
        ("aten::add(i, i)", "aten::add.int"),
        ("aten::add(i, f)", "aten::add.int_float"),
        ("aten::add(n, i)", "aten::add"),
        ("aten::add(s, s)", "aten::add.str"),
        ("aten::add(i[], i[])", "aten::add.t"),
        ("aten::add_(T, T)", "aten::add_.Tensor"),
        ("aten::add_(i[], i[])", "aten::add_.t"),
        ("aten::mul(T, 3)", "aten::mul.Scalar"),
        ("aten::mul(T, T)", "aten::mul.Tensor"),
        ("aten::mul(?, ?)", "aten::mul.Tensor"),
        ("aten::dequantize(T)", "aten::dequantize.self"),
        ("aten::dequantize(T[])", "aten::dequantize.list"),
        ("aten::dequantize(any)", "aten::dequantize.any"),
        ("aten::size(T)", "aten::size"),
        ("aten::size(T, 1)", "aten::size.int"),
        ("aten::__getitem__(i[], 0)", "aten::__getitem__.t"),
        ("aten::__getitem__(s, 0)", "aten::__getitem__.str"),
        ("aten::__getitem__(d[s,T], s)", "aten::__getitem__.Dict_str"),
        ("aten::mean(T)", "aten::mean"),
        ("aten::mean(T, [2;3])", "aten::mean.dim"),
        ("aten::mean(T, 1)", "aten::mean.dim"),
        ("aten::mean(T, [2;3], True, dtype=None)", "aten::mean.dim"),
        ("aten::max_pool2d(T, 2)", "aten::max_pool2d"),
        ("aten::max_pool2d(T, [2;2], [])", "aten::max_pool2d"),
        (
            "aten::upsample_nearest2d(T, None, [2.0;2.0])",
            "aten::upsample_nearest2d.vec",
        ),
        (
            "aten::upsample_nearest2d(T, [4;4])",
            "aten::upsample_nearest2d",
        ),
        ("aten::conv2d(T, T, T?, [1;1], [0;0])", "aten::conv2d"),
        ("aten::conv2d(T, T, None, 1, 1)", "aten::conv2d"),
        ("aten::conv2d(T, T, T, [1;1], same)", "aten::conv2d.padding"),
        ("aten::cat(T[], 1)", "aten::cat"),
        ("aten::cat(T[])", "aten::cat"),
        (
            "aten::quantize_per_tensor(T, 0.1, 5, 13)",
            "aten::quantize_per_tensor",
        ),
        (
            "aten::quantize_per_tensor(T, f, i, quint8)",
            "aten::quantize_per_tensor",
        ),
        (
            "aten::quantize_per_tensor(T, T, T, 13)",
            "aten::quantize_per_tensor.tensor_qparams",
        ),
        (
            "aten::quantize_per_tensor(T[], T, T, 13)",
            "aten::quantize_per_tensor.tensors",
        ),
        ("aten::eq(s, s)", "aten::eq.str"),
        ("aten::eq(i, 2)", "aten::eq.int"),
        ("aten::eq(T, 2)", "aten::eq.Scalar"),
        ("aten::eq(i[], [1;2])", "aten::eq.int_list"),
        ("aten::hardtanh(T, 0.0, 6.0)", "aten::hardtanh"),
        ("aten::hardtanh(T, 0, 6)", "aten::hardtanh"),
        ("aten::hardtanh_(T)", "aten::hardtanh_"),
        ("aten::len(T[])", "aten::len.t"),
        ("aten::len([])", "aten::len.t"),
        ("aten::len(T)", "aten::len.Tensor"),
        ("aten::to(T, 6)", "aten::to.dtype"),
        ("aten::squeeze(T, 1)", "aten::squeeze.dim"),
        ("aten::relu(T)", "aten::relu"),
        ("aten::Bool(T)", "aten::Bool.Tensor"),
        ("aten::Int(f)", "aten::Int.float"),
        ("aten::Float(n)", "aten::Float.Scalar"),
        ("aten::format(s, i, T)", "aten::format"),
        ("aten::slice(T, 0, 1, None, 1)", "aten::slice.Tensor"),
        ("aten::slice(i[], 1, None, 1)", "aten::slice.t"),
        ("aten::append(T[], T)", "aten::append.t"),
        ("prim::max(i, i)", "prim::max.int"),
        ("aten::__contains__(i[], 2)", "aten::__contains__.int_list"),
        ("aten::warn(text)", "aten::warn"),
        ("prim::RaiseException(text)", "prim::RaiseException"),
        (
            "quantized::conv2d(T, conv2d, 0.1, 3)",
            "quantized::conv2d.new",
        ),
        ("prim::If(b)", "prim::If"),
        ("prim::ListConstruct(T, T)", "prim::ListConstruct"),
        ("aten::add.Tensor(T, T)", "aten::add.Tensor"),
        ("aten::item(T)", "aten::item"),
        ("aten::scalar_tensor(f)", "aten::scalar_tensor"),
        ("aten::__is__(T?, None)", "aten::__is__"),
    ] {
        match resolved(call) {
            Ok((found, ..)) => assert_eq!(found, full, "{call}"),
            Err(error) => panic!("{call}: {error}"),
        }
    }
}

/// `cases.txt` holds the calls in the graphs that PyTorch makes of its own files, with the overloads it chose.
#[test]
fn graphs_of_pytorch_resolve_as_there() {
    for line in include_str!("cases.txt").lines() {
        let (call, full) = line.split_once(" -> ").unwrap();
        match resolved(call) {
            Ok((found, ..)) => assert_eq!(found, full, "{call}"),
            Err(error) => panic!("{call}: {error}"),
        }
    }
}

#[test]
fn fills_slots() {
    let given = Operand::Given;
    let literal = Operand::Literal;
    let (_, operands, _) = resolved("aten::max_pool2d(T, 2, stride=i)").unwrap();
    assert_eq!(
        operands,
        [
            given(0),
            literal(Literal::ints([2, 2])),
            Operand::Repeated { given: 2, count: 2 },
            literal(Literal::ints([0, 0])),
            literal(Literal::ints([1, 1])),
            literal(Literal::Bool(false)),
        ]
    );
    let (_, operands, _) = resolved("aten::quantize_per_tensor(T, 1, 0, quint8)").unwrap();
    assert_eq!(
        operands,
        [
            given(0),
            literal(Literal::Float(1.0)),
            given(2),
            literal(Literal::Int(13))
        ]
    );
    let (_, operands, _) = resolved("aten::add(T, T)").unwrap();
    assert_eq!(operands, [given(0), given(1), literal(Literal::Int(1))]);
    let (_, operands, results) =
        resolved("aten::upsample_nearest2d(T, None, scale_factors=[2;2])").unwrap();
    let factors = Literal::list([Literal::Float(2.0), Literal::Float(2.0)]);
    assert_eq!(operands, [given(0), given(1), literal(factors)]);
    assert_eq!(results, [Type::tensor()]);
    let (.., results) = resolved("aten::__getitem__(f[], 0)").unwrap();
    assert_eq!(results, [Type::Float]);
    let (.., results) = resolved("aten::__getitem__(d[s,T], k)").unwrap();
    assert_eq!(results, [Type::tensor()]);
}

#[test]
fn lists_are_typed_element_by_element() {
    let catalogue = Catalogue::new();
    let items = Argument::list(vec![Type::tensor().into(), Literal::None.into()]);
    let positional = [Type::tensor().into(), items];
    let call = Call {
        positional: &positional,
        ..Call::default()
    };
    let found = catalogue.resolve("aten::index", &call).unwrap();
    assert_eq!(found.schema.full, "aten::index.Tensor");
    let call = Call {
        positional: &[Argument::list(vec![
            Type::tensor().into(),
            Type::Int.into(),
        ])],
        ..Call::default()
    };
    assert!(catalogue.resolve("aten::cat", &call).is_err());
}

#[test]
fn open_calls_leave_slots() {
    let catalogue = Catalogue::new();
    let call = Call {
        positional: &[Type::tensor().into()],
        keywords: &[("eps", Argument::default())],
        open: true,
    };
    let found = catalogue.resolve("aten::batch_norm", &call).unwrap();
    assert_eq!(found.operands[0], Operand::Given(0));
    assert_eq!(found.operands[1], Operand::Open);
    assert_eq!(
        found.operands[found.schema.param("eps").unwrap()],
        Operand::Given(1)
    );
}

#[test]
fn says_why_nothing_fits() {
    for (call, words) in [
        ("aten::reluu(T)", "did you mean `aten::relu`"),
        ("aten::relu(T, T, T)", "takes 1 operands, 3 are written"),
        ("aten::relu(i)", "does not take a value of type int"),
        ("aten::conv2d(T)", "`Tensor weight` is missing"),
        ("aten::relu(T, other=T)", "has no operand `other`"),
        ("aten::relu(T, self=T)", "`self` is written twice"),
        ("aten::relu(self=T, self=T)", "`self` is written twice"),
        (
            "quantized::linear(T, T, 0.1, 2)",
            "LinearPackedParamsBase W_prepack",
        ),
        ("aten::cat(i[])", "does not take a value of type int[]"),
        ("aten::quantize_per_tensor(T, i, 0, 13)", "`float scale`"),
    ] {
        let error = resolved(call).map(|found| found.0).unwrap_err();
        assert!(error.contains(words), "{call}: {error}");
    }
}
