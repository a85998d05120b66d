//! Rule files nobody means, through the checker: it answers, in time, whatever is written.

use proptest::prelude::*;
use rulefold::check::{ModuleSource, check};
use rulefold::diagnostic::{Diagnostic, has_errors};
use rulefold::ops::Catalogue;
use rulefold::source::SourceId;
use rulefold::syntax::parse;

/// Checks a text alone; whether it parses does not matter, as what is broken is left out.
fn checked(text: &str) -> Vec<Diagnostic> {
    let source = SourceId::new(0);
    let (file, _) = parse(source, text);
    let module = ModuleSource {
        name: "limits",
        source,
        file: &file,
        replaces: false,
    };
    check(&[module], &mut Catalogue::new()).1
}

/// Each of these would take longer than anybody waits, so a limit that does not hold shows by a test that does not end.
#[test]
fn what_grows_without_end_is_given_up() {
    let doubled = |first: &str, next: &dyn Fn(usize) -> String| {
        let lines: String = (1..40).map(next).collect();
        format!("{first}\n{lines}")
    };
    let texts = [
        doubled("const A0 = [0] * 60000", &|n| {
            format!("const A{n} = A{} + A{}\n", n - 1, n - 1)
        }),
        doubled("const A0 = \"long\"", &|n| {
            format!("const A{n} = A{} + A{}\n", n - 1, n - 1)
        }),
        doubled("fn f0(n) = n + 1", &|n| {
            format!("fn f{n}(n) = f{}(n) + f{}(n)\n", n - 1, n - 1)
        }),
        doubled("const A = [1]", &|n| {
            format!("const B{n} = [a for a in range(60000) for b in range(60000)]\n")
        }),
        format!(
            "rule many : {}%x{} => %x numerics exact",
            "aten::relu?(".repeat(40),
            ")".repeat(40)
        ),
        format!(
            "rule many : {}%x{} => %x numerics exact",
            "(aten::relu(%x) | ".repeat(40),
            ")".repeat(40)
        ),
        format!(
            "rule many : {}%x{} => %x numerics exact",
            "aten::add(".repeat(12),
            ", _, ..)".repeat(12)
        ),
        format!(
            "rule many : aten::relu({}%x{}) => %x numerics exact",
            "aten::add(".repeat(12),
            ", _, \"x\", ..)".repeat(12)
        ),
    ];
    for text in texts {
        let found = checked(&text);
        let name: String = text.chars().take(60).collect();
        assert!(!found.is_empty(), "{name} was taken");
    }
}

/// Pieces of rules, good and bad, in any order.
fn piece() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "%x",
        "%y",
        "%z...",
        "n",
        "args...",
        "_",
        "..",
        "1",
        "0.5",
        "\"a\"",
        "none",
        "true",
        "quint8",
        "aten::relu(",
        "aten::add(",
        "aten::conv2d(",
        "aten::{op}(",
        "prim::ListConstruct(",
        "aten::relu?(",
        "prim::GetAttr+[name = p...](",
        "aten::cat(",
        ")",
        ")",
        ")",
        ",",
        ",",
        "(",
        "|",
        "a: ",
        " as k",
        "[",
        "]",
        ": Tensor",
        ": const",
        ": Tensor<f32, [N, ..]>",
        " = ",
        " => ",
        " <=> ",
        "numerics exact\n",
        "numerics within 1 lsb\n",
        "where rank(%x) == n else \"why\"\n",
        "let l = n + 1\n",
        "match {",
        "rewrite {",
        "}\n",
        "%x = ",
        "%y, %z = ",
        "\nrule r : ",
        "\nrule s for op in [\"relu\", \"tanh\"] : ",
        "\nrule t {",
        "\nconst C = ",
        "\nfn f(n) = ",
        "f(n)",
        "\nkeep k : ",
        " because \"why\"",
        "\npipeline p(a = 1) {",
        "saturate(r, s)",
        "apply(t)",
        "let b = a\n",
        "if a { freeze([]) }",
        "\nop mine::op(%x: Tensor) -> Tensor",
        "mine::op(",
        "l",
        "C",
        "\ntest \"t\" of r {",
        "given graph(%x: Tensor) {",
        "return (%x) }",
        "expect applied == 1 }",
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_rules_get_answers(pieces in prop::collection::vec(piece(), 1..40)) {
        let text = pieces.concat();
        let _ = has_errors(&checked(&text));
    }

    /// A shipped file with a few of its words replaced still parses for the most part, and is then wrong in what it means.
    #[test]
    fn changed_rules_get_answers(
        file in prop::sample::select(vec![
            include_str!("../../patterns/torch/quantized.fold"),
            include_str!("../../patterns/torch/clean.fold"),
            include_str!("../check/right/constructs.fold"),
            include_str!("../check/bad/rules.fold"),
        ]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), piece()), 1..6),
    ) {
        let mut words: Vec<&str> = file.split_inclusive([' ', '(', ')', ',']).collect();
        for (at, with) in &changes {
            let at = at.index(words.len());
            words[at] = with;
        }
        let _ = has_errors(&checked(&words.concat()));
    }
}
