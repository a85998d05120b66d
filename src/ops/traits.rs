//! What an operator does beside giving its results, and whether it may be moved.
//!
//! In: operator names, and literals where the answer depends on one (`training`). Out: purity, traps, what counts as an operation.
//! Invariant: an unknown operator is an effect that may trap.
//! Invariant: `prim::If` and `prim::Loop` are judged as nodes alone; their blocks are judged by whoever sees them.

use super::catalogue::Catalogue;
use super::schema::Schema;
use super::table::{base_of, schema};
use crate::graph::{Literal, Type};

/// What a run of an operator depends on and changes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Purity {
    /// Equal operands give equal results, and nothing else happens.
    Pure,
    /// Results depend on state that effects change; nothing else happens.
    Reads,
    /// Results differ from run to run.
    Random,
    /// Something happens beside the results: a write, a message, an exception.
    Effect,
}

/// Namespaces of communication, devices and tracing.
const EFFECT_NAMESPACES: [&str; 14] = [
    "c10d",
    "_c10d_functional",
    "_c10d_functional_autograd",
    "symm_mem",
    "cuda",
    "profiler",
    "fsdp",
    "_dtensor",
    "inductor",
    "inductor_prims",
    "debugprims",
    "debug_mode_ops",
    "coor",
    "_test",
];

/// Effects that no schema shows.
const EFFECTS: [&str; 27] = [
    "prim::AddStatValue",
    "prim::BailOut",
    "prim::BailoutTemplate",
    "prim::CallFunction",
    "prim::CallMethod",
    "prim::CreateObject",
    "prim::DifferentiableGraph",
    "prim::Enter",
    "prim::Exit",
    "prim::FallbackGraph",
    "prim::FusionGroup",
    "prim::IgnoredPythonOp",
    "prim::Print",
    "prim::PythonOp",
    "prim::RaiseException",
    "prim::SetAttr",
    "prim::StaticSubgraph",
    "prim::TimePoint",
    "prim::awaitable_nowait",
    "prim::awaitable_wait",
    "prim::fork",
    "prim::rpc_async",
    "prim::rpc_remote",
    "prim::rpc_sync",
    "aten::wait",
    "aten::warn",
    "aten::seed",
];

/// What reads state that is no operand.
const READS: [&str; 8] = [
    "prim::GetAttr",
    "prim::grad",
    "prim::id",
    "prim::requires_grad",
    "aten::is_autocast_cpu_enabled",
    "aten::initial_seed",
    "aten::is_grad_enabled",
    "aten::is_autocast_enabled",
];

/// What gives another result each run, or memory as it happens to be.
const RANDOM: [&str; 33] = [
    "aten::_fused_dropout",
    "aten::_sample_dirichlet",
    "aten::_standard_gamma",
    "aten::bernoulli",
    "aten::binomial",
    "aten::cauchy",
    "aten::empty",
    "aten::empty_like",
    "aten::empty_permuted",
    "aten::empty_quantized",
    "aten::empty_strided",
    "aten::exponential",
    "aten::geometric",
    "aten::log_normal",
    "aten::multinomial",
    "aten::new_empty",
    "aten::new_empty_strided",
    "aten::normal",
    "aten::normal_functional",
    "aten::poisson",
    "aten::rand",
    "aten::rand_like",
    "aten::randint",
    "aten::randint_like",
    "aten::randn",
    "aten::randn_like",
    "aten::random",
    "aten::randperm",
    "aten::uniform",
    "aten::_empty_affine_quantized",
    "aten::_empty_per_channel_affine_quantized",
    "prims::normal",
    "prims::uniform",
];

/// Operators, what they do at worst, and the operands (with a value each) that stop it.
type Unless = (
    &'static [&'static str],
    Purity,
    &'static [(&'static str, Literal)],
);

/// Operators that draw numbers or update statistics unless an operand has a value that stops it: parameter and that value.
const UNLESS: [Unless; 5] = [
    (
        &[
            "aten::alpha_dropout",
            "aten::dropout",
            "aten::feature_alpha_dropout",
            "aten::feature_dropout",
            "aten::native_dropout",
        ],
        Purity::Random,
        &[("train", Literal::Bool(false)), ("p", Literal::Float(0.0))],
    ),
    (
        &[
            "aten::gru",
            "aten::lstm",
            "aten::rnn_relu",
            "aten::rnn_tanh",
            "aten::quantized_gru",
            "aten::quantized_lstm",
            "aten::_cudnn_rnn",
        ],
        Purity::Random,
        &[
            ("train", Literal::Bool(false)),
            ("dropout", Literal::Float(0.0)),
        ],
    ),
    (
        &[
            "aten::rrelu",
            "aten::rrelu_with_noise",
            "quantized::dropout",
        ],
        Purity::Random,
        &[
            ("training", Literal::Bool(false)),
            ("train", Literal::Bool(false)),
        ],
    ),
    (
        &["aten::scaled_dot_product_attention"],
        Purity::Random,
        &[("dropout_p", Literal::Float(0.0))],
    ),
    (
        &[
            "aten::_batch_norm_impl_index",
            "aten::batch_norm",
            "aten::cudnn_batch_norm",
            "aten::instance_norm",
            "aten::miopen_batch_norm",
            "aten::native_batch_norm",
        ],
        Purity::Effect,
        &[
            ("training", Literal::Bool(false)),
            ("use_input_stats", Literal::Bool(false)),
            ("running_mean", Literal::None),
        ],
    ),
];

/// Variadic built-in operators without effect; other variadic ones run what nobody can see.
const PURE_VARIADIC: [&str; 20] = [
    "aten::einsum",
    "aten::format",
    "aten::percentFormat",
    "prim::BroadcastSizes",
    "prim::ChunkSizes",
    "prim::ConstantChunk",
    "prim::DictConstruct",
    "prim::FusedConcat",
    "prim::If",
    "prim::ListConstruct",
    "prim::ListUnpack",
    "prim::Loop",
    "prim::TupleConstruct",
    "prim::TupleUnpack",
    "prim::VarConcat",
    "prim::VarStack",
    "prim::tolist",
    "prim::AutogradAllNonZero",
    "prim::AutogradAllZero",
    "prim::AutogradAnyNonZero",
];

/// What a carried operator does at worst, whatever its operands.
pub fn purity(op: &str) -> Purity {
    purity_given(op, |_| None)
}

/// What a carried operator does, given what literals its operands are.
pub fn purity_given<'a>(op: &str, literal: impl Fn(usize) -> Option<&'a Literal>) -> Purity {
    match schema(op) {
        Some(schema) => of_schema(schema, literal),
        None => Purity::Effect,
    }
}

impl Catalogue {
    /// What an operator does, given what literals its operands are.
    pub fn purity<'a>(&self, op: &str, literal: impl Fn(usize) -> Option<&'a Literal>) -> Purity {
        match self.custom(op) {
            Some(custom) if custom.effect || custom.schema.writes() => Purity::Effect,
            Some(_) => Purity::Pure,
            None => purity_given(op, literal),
        }
    }

    /// Whether an operator is an effect whatever its operands are: rules that match or write it run on the ordered list of effects.
    pub fn is_effect(&self, op: &str) -> bool {
        match self.custom(op) {
            Some(custom) => custom.effect || custom.schema.writes(),
            None => schema(op).is_none_or(always_has_effect),
        }
    }
}

/// Whether it is an effect, whatever literals its operands are.
fn always_has_effect(schema: &Schema) -> bool {
    let base = schema.base.as_str();
    let namespace = base.split("::").next().unwrap_or(base);
    let hidden = schema.vararg || schema.varret;
    schema.writes()
        || (schema.results.is_empty() && !schema.varret)
        || EFFECTS.contains(&base)
        || EFFECT_NAMESPACES.contains(&namespace)
        || (hidden && !PURE_VARIADIC.contains(&base))
}

fn of_schema<'a>(schema: &Schema, literal: impl Fn(usize) -> Option<&'a Literal>) -> Purity {
    let base = schema.base.as_str();
    if always_has_effect(schema) {
        return Purity::Effect;
    }
    if RANDOM.contains(&base) {
        return Purity::Random;
    }
    if READS.contains(&base) {
        return Purity::Reads;
    }
    let Some((_, worst, stops)) = UNLESS.iter().find(|row| row.0.contains(&base)) else {
        return Purity::Pure;
    };
    let stopped = stops.iter().any(|(param, value)| {
        let given = schema.param(param).and_then(&literal);
        given.is_some_and(|given| given.same_value(value))
    });
    if stopped { Purity::Pure } else { *worst }
}

/// Operators that neither fail nor are undefined, whatever values of the right types they get.
const NEVER_TRAPS: [&str; 28] = [
    "aten::__is__",
    "aten::__isnot__",
    "aten::dim",
    "aten::is_complex",
    "aten::is_floating_point",
    "aten::is_scripting",
    "aten::len",
    "aten::numel",
    "aten::size",
    "prim::Constant",
    "prim::GetAttr",
    "prim::HasAttr",
    "prim::ListConstruct",
    "prim::NumToTensor",
    "prim::TupleConstruct",
    "prim::TupleUnpack",
    "prim::Uninitialized",
    "prim::device",
    "prim::dtype",
    "prim::is_cpu",
    "prim::is_cuda",
    "prim::is_mkldnn",
    "prim::is_quantized",
    "prim::is_sparse",
    "prim::isinstance",
    "prim::itemsize",
    "prim::layout",
    "prim::shape",
];

/// The same of operators on numbers and truth values; their forms on tensors may fail.
const NEVER_TRAPS_ON_SCALARS: [&str; 20] = [
    "aten::Bool",
    "aten::Float",
    "aten::__and__",
    "aten::__not__",
    "aten::__or__",
    "aten::__xor__",
    "aten::add",
    "aten::eq",
    "aten::ge",
    "aten::gt",
    "aten::le",
    "aten::lt",
    "aten::mul",
    "aten::ne",
    "aten::neg",
    "aten::sub",
    "prim::abs",
    "prim::max",
    "prim::min",
    "prim::rangelist",
];

/// Whether running the operator where the model would not run it may fail or be undefined.
pub fn can_trap(op: &str) -> bool {
    let base = base_of(op);
    if NEVER_TRAPS.contains(&base) {
        // `size.int` takes an index.
        return op == "aten::size.int";
    }
    let Some(schema) = schema(op) else {
        return true;
    };
    let scalar = |ty: &Type| {
        matches!(
            ty,
            Type::Int | Type::Float | Type::Bool | Type::Scalar | Type::Complex
        )
    };
    !(NEVER_TRAPS_ON_SCALARS.contains(&base) && schema.params.iter().all(|p| scalar(&p.ty)))
}

/// Whether a node of this operator counts as an operation of a model.
pub fn counts_as_operation(op: &str) -> bool {
    !matches!(
        op,
        "prim::Constant"
            | "prim::GetAttr"
            | "prim::ListConstruct"
            | "prim::TupleConstruct"
            | "rulefold::attribute"
    )
}

/// What operators that multiply each element of their operand with many weights begin with, behind their namespace and underscores.
const PRODUCTS: [&str; 9] = [
    "conv", "linear", "matmul", "mm", "bmm", "addmm", "baddbmm", "lstm", "gru",
];

/// Whether an operator is a convolution, a matrix product or a recurrent layer: what most of a model's time goes into.
pub fn is_product(op: &str) -> bool {
    let base = base_of(op);
    let name = base.split_once("::").map_or("", |(_, name)| name);
    let name = name.trim_start_matches('_');
    let begins = |product: &&str| {
        let behind = name.strip_prefix(*product);
        // `linspace` and `lstsq` are others; `convolution` is one.
        behind.is_some_and(|rest| **product == *"conv" || rest.is_empty() || rest.starts_with('_'))
    };
    !name.contains("pack") && PRODUCTS.iter().any(begins)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::table::schemas;

    #[test]
    fn tables_name_operators_that_exist() {
        let names = EFFECTS
            .iter()
            .chain(&READS)
            .chain(&RANDOM)
            .chain(&PURE_VARIADIC)
            .chain(&NEVER_TRAPS)
            .chain(&NEVER_TRAPS_ON_SCALARS)
            .chain(UNLESS.iter().flat_map(|row| row.0));
        for name in names {
            assert!(!schemas(name).is_empty(), "{name}");
        }
    }

    #[test]
    fn purity_follows_writes_and_tables() {
        use Purity::{Effect, Pure, Random, Reads};
        for (op, expected) in [
            ("aten::relu", Pure),
            ("aten::relu_", Effect),
            ("aten::add.out", Effect),
            ("aten::append.t", Effect),
            ("aten::_set_item.t", Effect),
            ("prim::RaiseException", Effect),
            ("prim::SetAttr", Effect),
            ("prim::Print", Effect),
            ("aten::warn", Effect),
            ("aten::manual_seed", Effect),
            ("prim::GetAttr", Reads),
            ("prim::If", Pure),
            ("prim::ListConstruct", Pure),
            ("aten::format", Pure),
            ("aten::randn", Random),
            ("aten::bernoulli.p", Random),
            ("aten::dropout", Random),
            ("aten::batch_norm", Effect),
            ("aten::view", Pure),
            ("aten::chunk", Pure),
            ("quantized::conv2d.new", Pure),
            ("quantized::conv2d_prepack", Pure),
            ("aten::quantize_per_tensor", Pure),
            ("aten::item", Pure),
            ("aten::_assert_async", Effect),
            ("c10d::barrier", Effect),
            ("no::such", Effect),
        ] {
            assert_eq!(purity(op), expected, "{op}");
        }
    }

    #[test]
    fn a_literal_can_stop_an_effect() {
        let is_false = Literal::Bool(false);
        let at = |wanted: usize| move |i: usize| (i == wanted).then_some(&Literal::Bool(false));
        assert_eq!(purity_given("aten::dropout", at(2)), Purity::Pure);
        assert_eq!(purity_given("aten::dropout", at(1)), Purity::Random);
        assert_eq!(purity_given("aten::batch_norm", at(5)), Purity::Pure);
        assert_eq!(
            purity_given("aten::batch_norm", |i| (i == 8).then_some(&is_false)),
            Purity::Effect
        );
        let zero = Literal::Float(0.0);
        assert_eq!(
            purity_given("aten::dropout", |i| (i == 1).then_some(&zero)),
            Purity::Pure
        );
    }

    #[test]
    fn little_is_free_of_traps() {
        for op in [
            "aten::add.int",
            "aten::eq.int",
            "aten::size",
            "prim::dtype",
            "prim::ListConstruct",
            "prim::max.int",
        ] {
            assert!(!can_trap(op), "{op}");
        }
        for op in [
            "aten::add.Tensor",
            "aten::floordiv.int",
            "aten::remainder.int",
            "aten::size.int",
            "aten::item",
            "aten::__getitem__.t",
            "aten::unsqueeze",
            "aten::q_scale",
            "aten::Int.float",
            "prim::max.self_int",
            "aten::add.t",
            "no::such",
        ] {
            assert!(can_trap(op), "{op}");
        }
    }

    #[test]
    fn products_are_known_by_name() {
        for op in [
            "aten::conv2d.padding",
            "aten::_convolution",
            "aten::conv_transpose3d.input",
            "quantized::conv2d_relu.new",
            "quantized::linear_dynamic",
            "aten::linear",
            "aten::matmul",
            "aten::lstm.input",
        ] {
            assert!(is_product(op), "{op}");
            assert!(!schemas(Schema::split(op).0).is_empty(), "{op}");
        }
        for op in [
            "aten::batch_norm",
            "quantized::conv2d_prepack",
            "quantized::linear_unpack",
            "aten::linspace",
            "aten::mul.Tensor",
            "prim::If",
        ] {
            assert!(!is_product(op), "{op}");
        }
    }

    #[test]
    fn operations_are_what_pytorch_counts() {
        assert!(counts_as_operation("aten::relu") && counts_as_operation("prim::If"));
        assert!(!counts_as_operation("prim::Constant") && !counts_as_operation("prim::GetAttr"));
    }
}
