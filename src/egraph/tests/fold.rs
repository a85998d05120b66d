//! Folding of constants.

use super::text::graph;
use crate::check::rule::Keep;
use crate::egraph::{AttributesId, Class, EGraph, LeafId};
use crate::graph::{Constant, DType, Facts, Literal, Name, QParams, Tensor};
use crate::source::{SourceId, Span};

fn op(g: &mut EGraph, name: &str, operands: &[Class]) -> Class {
    g.add_op(Name::new(name), operands, AttributesId::default(), 1)
}

fn literal(g: &mut EGraph, literal: Literal) -> Class {
    g.add_literal(&literal)
}

/// `quantize_per_tensor` of a weight with this many rows of four.
fn quantized(g: &mut EGraph, rows: usize) -> Class {
    let bytes: Vec<u8> = (0..rows * 4)
        .flat_map(|n| (n as f32).to_le_bytes())
        .collect();
    let tensor = Tensor::contiguous(DType::F32, vec![rows, 4], bytes);
    let constant = Constant::Tensor(tensor);
    let facts = crate::ops::facts_of_constant(&constant);
    let weight = g.intern_constant(constant, facts);
    let operands = [
        weight,
        literal(g, Literal::Float(0.5)),
        literal(g, Literal::Int(0)),
        literal(g, Literal::Int(12)),
    ];
    op(g, "aten::quantize_per_tensor", &operands)
}

#[test]
fn small_tensors_are_computed_and_large_ones_kept_as_expressions() {
    let mut g = graph();
    let small = quantized(&mut g, 2);
    let large = quantized(&mut g, 1000);
    g.rebuild().unwrap();
    let constant = |class| g.constants().get(g.constant(class).unwrap());
    assert!(constant(small).value.get().is_some());
    let entry = constant(large);
    assert!(entry.value.get().is_none() && entry.expression.is_some());
    assert_eq!(entry.bytes, 4000);
    let facts = g.facts(large);
    assert_eq!(facts.dtype, Some(DType::QI8));
    assert_eq!(facts.rank(), Some(2));
    let expected = QParams::PerTensor {
        scale: 0.5,
        zero_point: 0,
    };
    assert_eq!(facts.qparams, expected);
}

#[test]
fn what_is_packed_is_a_constant() {
    let mut g = graph();
    let weight = quantized(&mut g, 1000);
    let none = literal(&mut g, Literal::None);
    let packed = op(&mut g, "quantized::linear_prepack", &[weight, none]);
    g.rebuild().unwrap();
    let id = g.constant(packed).unwrap();
    assert_eq!(g.constants().get(id).bytes, 4000);
    let unpack = Name::new("quantized::linear_unpack");
    let parts = g.add_op(unpack, &[packed], AttributesId::default(), 2);
    let bias = g.add_projection(parts, 1);
    g.rebuild().unwrap();
    assert_eq!(g.literal(bias), Some(&Literal::None));
}

#[test]
fn what_is_kept_is_not_folded_nor_what_rests_on_it() {
    let build = |g: &mut EGraph| {
        let weight = quantized(g, 1000);
        let float = op(g, "aten::dequantize.self", &[weight]);
        let again = op(g, "aten::relu", &[float]);
        g.rebuild().unwrap();
        (weight, float, again)
    };
    let mut g = graph();
    let (_, float, _) = build(&mut g);
    assert!(g.is_const(float));
    let mut reader = super::text::Reader::default();
    let pattern = reader.pattern(&super::text::read("(aten::dequantize.self ?w)"));
    let keep = Keep {
        name: Name::new("m.weights"),
        span: Span::at(SourceId::new(0), 0),
        reason: "it grows".into(),
        patterns: vec![(reader.slots, pattern)],
    };
    let mut g = graph().with_keeps([&keep]);
    let (weight, float, again) = build(&mut g);
    assert!(g.is_const(weight));
    assert!(!g.is_const(float) && !g.is_const(again));
}

#[test]
fn what_is_not_constant_or_random_is_left() {
    let mut g = graph();
    let leaf = g.add_leaf(LeafId(0), Facts::default());
    let weight = quantized(&mut g, 2);
    let sum = op(&mut g, "aten::add.Tensor", &[leaf, weight]);
    let random = op(&mut g, "aten::rand_like", &[weight]);
    g.rebuild().unwrap();
    assert!(!g.is_const(sum) && !g.is_const(random));
}
