//! Answers of `rulefold why` that are about the run and not about the model: steps, limits, effects, methods, roots.

use crate::command::{Place, root};
use serde_json::Value;

/// The answer about a rule, on a model by its path under the recorded ones; `rules` are a file of their own.
fn asked(model: &str, rules: &str, words: &[&str]) -> Value {
    let place = Place::new();
    place.write("my.fold", rules);
    let from = root().join("tests/models").join(model);
    std::fs::copy(from, place.path("in.pt")).expect("the model can be copied");
    let mut line = vec!["why", words[0], "in.pt", "--format", "json"];
    line.extend(&words[1..]);
    line.extend(["--rules", "my.fold"]);
    let ran = place.run_all(&line);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{}", ran.out);
    serde_json::from_str(&ran.out).expect("the answer is JSON")
}

const LINEAR: &str = "torchscript/linear/qdq.pt";

#[test]
fn a_step_that_is_not_reached_says_so() {
    let rule = "torch.linear_dynamic.weight_only";
    let words = [rule, "--pipeline", "torch.dynamic"];
    let answer = asked("dynamic/weight_only/model.pt", "", &words);
    assert_eq!(answer["verdict"], "not-reached", "{answer}");
    assert_eq!(answer["steps"], Value::Array(Vec::new()));
    // With the setting that its step asks for, it runs.
    let words = [
        rule,
        "--pipeline",
        "torch.dynamic",
        "--set",
        "weight_only=true",
    ];
    let answer = asked("dynamic/weight_only/model.pt", "", &words);
    assert_eq!(answer["verdict"], "matched", "{answer}");
    assert_eq!(answer["steps"][0]["fates"][0]["kind"], "kept", "{answer}");
}

#[test]
fn a_rule_of_which_nothing_is_left_says_so() {
    let rules = r#"rule empty for op in ["relu", "tanh"] : aten::{op}(aten::{op}(%x)) => aten::{op}(%x)
  numerics exact
  where op == "sigmoid" else "another operator"
"#;
    let answer = asked(LINEAR, rules, &["my.empty"]);
    assert_eq!(answer["verdict"], "no-variants", "{answer}");
    // One that is left is enough.
    let some = rules.replace("sigmoid", "relu");
    let answer = asked(LINEAR, &some, &["my.empty"]);
    assert_eq!(answer["verdict"], "nothing-near", "{answer}");
    let answer = asked(LINEAR, &some, &["my.empty[tanh]"]);
    assert_eq!(answer["verdict"], "no-variants", "{answer}");
}

#[test]
fn a_limit_that_stopped_the_search_is_told() {
    let rules = "rule grow : aten::linear(%x, %w, %b) => aten::linear(aten::neg(aten::neg(%x)), %w, %b)   numerics exact

pipeline alone() {
  freeze()
  saturate(grow)
}
";
    let answer = asked(LINEAR, rules, &["my.grow", "--pipeline", "my.alone"]);
    let step = &answer["steps"][0];
    let limits = serde_json::json!(["the search stopped after 200 rounds"]);
    assert_eq!(step["limits"], limits);
    // What it wrote would cost two operations more, and no product.
    let fate = &step["fates"][0];
    assert_eq!(fate["kind"], "original", "{fate}");
    let part = |at: usize, part: &str| fate["costs"][at][part].as_u64().expect("a number");
    assert_eq!([part(0, "products"), part(1, "products")], [1, 1], "{fate}");
    assert_eq!(part(0, "operations") + 2, part(1, "operations"), "{fate}");
}

#[test]
fn rules_with_effects_are_done_or_refused_in_each_method() {
    let words = ["drop_observer_calls", "--pipeline", "torch.on_device"];
    let answer = asked("on_device/counter/model.pt", "", &words);
    let steps = answer["steps"].as_array().expect("a list");
    let told: Vec<(&str, &str)> = steps
        .iter()
        .map(|step| {
            let text = |value: &'_ Value| value.as_str().map(str::to_owned);
            let kind = text(&step["fates"][0]["kind"]).expect("a match");
            let kind = if kind == "done" { "done" } else { "refused" };
            let method = step["method"].as_str().expect("a name");
            (method, kind)
        })
        .collect();
    // The observer is read where the weight is packed.
    assert_eq!(
        told,
        [
            ("quantized_forward", "done"),
            ("quantize_forward", "refused")
        ]
    );
    let words = ["torch.packing.store", "--pipeline", "torch.on_device"];
    let answer = asked("on_device/counter/model.pt", "", &words);
    assert_eq!(answer["steps"][0]["fates"][0]["kind"], "done", "{answer}");
}

#[test]
fn rules_with_several_roots_match_or_say_which_root_is_missing() {
    let rule = |second: &str| {
        format!(
            "rule two {{
  numerics exact
  match {{
    %w = aten::dequantize(%q)
    %a = {second}
  }}
  rewrite {{
    %w = aten::neg(aten::neg(aten::dequantize(%q)))
    %a = aten::neg({second})
  }}
}}
"
        )
    };
    let answer = asked(LINEAR, &rule("aten::linear(%x, %w, %b)"), &["my.two"]);
    assert_eq!(answer["verdict"], "matched", "{answer}");
    let met = answer["steps"][0]["matched"][0]["met"].to_string();
    assert!(
        met.contains("aten::dequantize") && met.contains("aten::linear"),
        "{met}"
    );
    let answer = asked(LINEAR, &rule("aten::tanh(%w)"), &["my.two"]);
    assert_eq!(answer["verdict"], "near-misses", "{answer}");
    let group = &answer["steps"][0]["groups"][0];
    assert_eq!(group["kind"], "root", "{group}");
    assert_eq!(group["places"][0]["line"], 5, "{group}");
    assert_eq!(
        answer["steps"][0]["missing_operators"][0]["op"],
        "aten::tanh"
    );
}
