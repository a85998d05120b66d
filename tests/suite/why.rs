//! `rulefold why`: what it says is true, and it says what an author needs.

use crate::command::{Place, model, program};
use crate::why_naive::{Tried, View};
use rulefold::check::Library;
use rulefold::graph::Name;
use rulefold::inspect::why::{Asked, Example, Group, Question, step_why, subject};
use rulefold::model::torchscript;
use rulefold::pipeline::job::{self, Options};
use rulefold::pipeline::library::{self, Loaded};
use rulefold::pipeline::observe::{Acted, Observer};
use serde_json::Value;
use std::io::Write;
use std::ops::ControlFlow;
use std::process::Stdio;

/// Judges what is told of each instance of the rules of a module.
struct Judge<'a> {
    loaded: &'a Loaded,
    module: &'a str,
    wrong: Vec<String>,
    instances: usize,
    variants: usize,
    /// Near misses that the graph alone shows, without what rules made.
    on_graph: usize,
}

impl Judge<'_> {
    fn is_ours(&self, name: Name) -> bool {
        let rest = name.as_str().strip_prefix(self.module);
        rest.is_some_and(|rest| rest.starts_with('.'))
    }

    fn instance(&mut self, step: &Acted<'_>, views: (&View, &View), name: &str, label: &str) {
        let words = format!("{name}{}", label.find('[').map_or("", |at| &label[at..]));
        let library: &Library = &self.loaded.library;
        let subject = subject(library, &words).expect("the name of an instance");
        let question = Question {
            rule: words.clone(),
            ..Question::default()
        };
        let asked = Asked {
            subject: &subject,
            question: &question,
            sources: &self.loaded.sources,
        };
        let Some(told) = step_why(step, &asked).expect("no node is asked for") else {
            return;
        };
        self.instances += 1;
        let [at] = subject.instances.as_slice() else {
            panic!("{words} is one instance")
        };
        let variants = &subject.rule.instances[*at as usize].variants;
        self.variants += variants.len();
        let (graph, egraph) = views;
        let reasons = &subject.rule.reasons;
        let nearest = |view: &View, at: usize| -> Vec<Tried> {
            let tried: Vec<Tried> = variants.iter().map(|v| view.tried(v, at)).collect();
            let rank = |tried: &Tried| (tried.matched, tried.guard.is_some(), tried.count);
            let best = tried.iter().map(rank).max().expect("a rule has a variant");
            tried
                .into_iter()
                .filter(|tried| rank(tried) == best)
                .collect()
        };
        let tell = |wrong: &mut Vec<String>, what: String| wrong.push(format!("{words}: {what}"));

        let mut counted = (0, 0);
        for at in 0..egraph.nodes.len() {
            match &nearest(egraph, at)[0] {
                tried if tried.matched => counted.0 += 1,
                tried if tried.count > 0 => counted.1 += 1,
                _ => {}
            }
        }
        if counted != (told.matches, told.near_misses) {
            let found = (told.matches, told.near_misses);
            tell(
                &mut self.wrong,
                format!("{found:?} told, {counted:?} counted"),
            );
        }
        for example in &told.matched {
            let at = egraph.names.get(&example.root.name);
            if !at.is_some_and(|&at| nearest(egraph, at)[0].matched) {
                tell(
                    &mut self.wrong,
                    format!("no match at {}", example.root.name),
                );
            }
        }
        for group in &told.groups {
            let example = &group.examples[0];
            let agrees = |view: &View, at: usize| {
                agrees(&nearest(view, at), group, example, view, |reason| {
                    &reasons[reason].text
                })
            };
            let is_true = match egraph.names.get(&example.root.name) {
                Some(&at) => agrees(egraph, at),
                // What only rules have made has no name: some class is as told.
                None => (0..egraph.nodes.len()).any(|at| agrees(egraph, at)),
            };
            if !is_true {
                tell(
                    &mut self.wrong,
                    format!("not so: {} ({})", group.reason, example.miss),
                );
            }
            let on_graph = graph.names.get(&example.root.name);
            self.on_graph += usize::from(on_graph.is_some_and(|&at| agrees(graph, at)));
        }
        for missing in &told.missing_operators {
            if egraph.has(&missing.op) || graph.has(&missing.op) {
                tell(&mut self.wrong, format!("the model has {}", missing.op));
            }
        }
        if told.matches == 0 && told.groups.is_empty() && told.missing_operators.is_empty() {
            tell(&mut self.wrong, "no reason is told".to_owned());
        }
    }
}

/// Whether the naive attempts fail where a group says, for its reason, after as much.
fn agrees<'a>(
    tried: &[Tried],
    group: &Group,
    example: &Example,
    view: &View,
    reason: impl Fn(usize) -> &'a str,
) -> bool {
    let first = &tried[0];
    if first.matched || first.count != group.matched {
        return false;
    }
    if group.kind == "guard" {
        return first.guard.is_some_and(|at| reason(at) == group.reason);
    }
    tried.iter().any(|tried| {
        tried.failed.is_some_and(|(span, value)| {
            let named = view.names.get(&example.at.name);
            group.spans.contains(&span) && named.is_none_or(|&named| named == value)
        })
    })
}

impl Observer for Judge<'_> {
    fn wants(&self, named: &[Name]) -> bool {
        named.iter().any(|&name| self.is_ours(name))
    }

    fn acted(&mut self, step: &Acted<'_>) -> ControlFlow<()> {
        let graph = View::of_graph(step.graph, step.built);
        let egraph = View::of_egraph(step.graph, step.built);
        for rule in step.rules {
            if self.is_ours(rule.name) {
                for instance in &rule.instances {
                    self.instance(step, (&graph, &egraph), rule.name.as_str(), &instance.label);
                }
            }
        }
        ControlFlow::Continue(())
    }
}

fn judged(case: &str, module: &str) -> (usize, usize, usize) {
    let loaded = library::load(Vec::new());
    let file = torchscript::read(&model(case), &loaded.catalogue).expect("a recorded model");
    let mut judge = Judge {
        loaded: &loaded,
        module,
        wrong: Vec::new(),
        instances: 0,
        variants: 0,
        on_graph: 0,
    };
    let options = Options {
        pipeline: Some("torch.static".to_owned()),
        ..Options::default()
    };
    job::observe(file, &loaded, &options, &mut judge).expect("a job");
    assert!(judge.wrong.is_empty(), "{}", judge.wrong.join("\n"));
    (judge.instances, judge.variants, judge.on_graph)
}

#[test]
fn the_reason_told_of_each_static_rule_is_true() {
    let (instances, variants, on_graph) = judged("mobilenet_v2", "torch.quantized");
    assert!(instances >= 55 && variants >= 80, "{instances} {variants}");
    // Most reasons need nothing that a rule has made to be seen.
    assert!(on_graph >= 40, "{on_graph}");
}

/// Models beside mobilenet_v2 on which reasons are checked.
pub const OTHER_MODELS: [&str; 6] = [
    "resnet18",
    "squeezenet1_1",
    "relu6",
    "cat",
    "add_scalar",
    "bn2d_relu",
];

#[test]
fn the_reasons_told_of_other_models_are_true() {
    for case in OTHER_MODELS {
        judged(case, "torch.quantized");
    }
}

/// The answer about a rule of `my.fold`, which is the shipped module with one text in place of another, or a text of its own.
fn asked(case: &str, rules: &str, words: &[&str]) -> Value {
    let place = Place::new();
    place.write("my.fold", rules);
    std::fs::copy(model(case), place.path("in.pt")).expect("the model can be copied");
    let mut line = vec!["why", words[0], "in.pt", "--format", "json"];
    line.extend(&words[1..]);
    if !rules.is_empty() {
        line.extend(["--rules", "my.fold"]);
    }
    let ran = place.run_all(&line);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{}", ran.out);
    serde_json::from_str(&ran.out).expect("the answer is JSON")
}

/// A copy of the rule for linear layers with one text in place of another, in a module of its own.
fn linear_with(from: &str, to: &str) -> String {
    let text = r#"/// What: as the shipped rule.
rule fuse {
  numerics within 1 lsb
  match {
    %y   = aten::linear(aten::dequantize(%x), aten::dequantize(%w), %b)
    %out = aten::quantize_per_tensor(%y, %scale, %zero_point, dtype)
  }
  where dtype == quint8 else "only quint8 is written"
  where dtype(%w) == qint8 else "packed weights are qint8"
  rewrite { %out = quantized::linear(%x, quantized::linear_prepack(%w, %b), %scale, %zero_point) }
}
"#;
    assert!(text.contains(from), "{from}");
    text.replace(from, to)
}

#[test]
fn a_forgotten_guard_shows_the_values_on_both_sides() {
    let rules = linear_with("dtype(%w) == qint8", "dtype(%w) == quint8");
    let answer = asked("linear", &rules, &["my.fuse"]);
    assert_eq!(answer["verdict"], "near-misses");
    let group = &answer["steps"][0]["groups"][0];
    assert_eq!(
        (&group["kind"], &group["count"]),
        (&"guard".into(), &1.into())
    );
    assert_eq!(group["reason"], "packed weights are qint8");
    assert_eq!(group["places"][0]["line"], 9);
    let compared = &group["examples"][0]["compared"];
    assert_eq!(compared["left"], serde_json::json!(["dtype(%w)", "qint8"]));
    assert_eq!(compared["right"], serde_json::json!(["quint8", "quint8"]));
    let suggestion = group["suggestion"].as_str().expect("the guard is certain");
    assert_eq!(
        suggestion,
        "passes where `dtype(%w)` is quint8; here it is qint8"
    );
    let place = group["examples"][0]["root"]["place"].as_str();
    assert!(place.is_some_and(|place| place.contains(".py:")), "{group}");
}

#[test]
fn a_wrong_order_of_operands_is_suggested() {
    let rules = linear_with("aten::dequantize(%w), %b)\n", "%b, aten::dequantize(%w))\n");
    let answer = asked("linear", &rules, &["fuse"]);
    let suggestion = &answer["steps"][0]["groups"][0]["suggestion"];
    let says = "with operands 2 and 3 of `aten::linear` in the other order the rule matches here";
    assert_eq!(*suggestion, says, "{answer}");
}

#[test]
fn a_literal_that_is_another_is_suggested() {
    let rules = linear_with("", "").replace("%zero_point", "777");
    let answer = asked("linear", &rules, &["fuse"]);
    let group = &answer["steps"][0]["groups"][0];
    assert_eq!(group["kind"], "literal", "{group}");
    let suggestion = group["suggestion"].as_str().expect("tried and found");
    let says = "for 777 the rule matches here";
    assert!(suggestion.ends_with(says), "{suggestion}");
}

#[test]
fn another_operator_that_would_do_is_suggested() {
    let rules = linear_with("aten::dequantize(%w)", "aten::relu(%w)");
    let answer = asked("linear", &rules, &["fuse"]);
    let group = &answer["steps"][0]["groups"][0];
    assert_eq!(group["reason"], "expected aten::relu");
    assert_eq!(
        group["found"],
        serde_json::json!([["aten::dequantize.self", 1]])
    );
    let suggestion = group["suggestion"].as_str().expect("tried and found");
    assert!(
        suggestion.contains("`aten::dequantize.self` for `aten::relu`"),
        "{suggestion}"
    );
}

#[test]
fn a_match_that_is_too_dear_tells_both_costs() {
    let rules = r#"/// What: nothing anybody wants.
rule dear
  : aten::dequantize(aten::quantize_per_tensor(%x, %scale, %zero, quint8)) => aten::fake_quantize_per_tensor_affine(%x, %scale, %zero, 0, 255)
  numerics exact
"#;
    let answer = asked("linear", rules, &["my.dear"]);
    assert_eq!(answer["verdict"], "matched");
    let fates = answer["steps"][0]["fates"].as_array().expect("a list");
    let dear = fates
        .iter()
        .find(|fate| fate["kind"] == "original")
        .expect("it stays");
    let operations = |at: usize| dear["costs"][at]["operations"].as_u64();
    assert!(
        operations(0).is_some() && operations(1) > operations(0),
        "{dear}"
    );
}

#[test]
fn another_rule_that_took_the_place_is_named() {
    let rules = linear_with("", "");
    let answer = asked("linear", &rules, &["my.fuse"]);
    assert_eq!(answer["verdict"], "matched");
    let fate = &answer["steps"][0]["fates"][0];
    // Both rules write the same; the shipped one came first.
    assert_eq!(
        (&fate["kind"], &fate["rule"]),
        (
            &"replaced".into(),
            &"torch.quantized.packed[op = linear]".into()
        ),
        "{fate}"
    );
    let rules = linear_with("dtype == quint8 else", "dtype == qint8 else");
    let answer = asked("linear", &rules, &["my.fuse"]);
    let taken = &answer["steps"][0]["groups"][0]["taken_by"][0];
    assert_eq!(
        *taken,
        serde_json::json!(["torch.quantized.packed[op = linear]", 1])
    );
}

#[test]
fn rules_that_do_not_run_say_why() {
    let verdict = |case: &str, words: &[&str]| asked(case, "", words)["verdict"].clone();
    let words = ["packed", "--pipeline", "torch.simplify"];
    let answer = asked("linear", "", &words);
    assert_eq!(answer["verdict"], "not-in-pipeline");
    let pipelines = answer["in_pipelines"].as_array().expect("a list");
    assert!(pipelines.contains(&"torch.static".into()), "{answer}");
    assert_eq!(
        verdict("linear", &["packed", "--numerics", "exact"]),
        "left-out"
    );
    let answer = asked("linear", "", &["packed[conv3d]"]);
    assert_eq!(
        answer["steps"][0]["missing_operators"][0]["op"],
        "aten::conv3d"
    );
}

#[test]
fn names_that_do_not_exist_are_refused_with_a_hint() {
    let place = crate::cli::with_model();
    for (words, says) in [
        ("why pakced in.pt", "did you mean `packed`?"),
        ("why packed[conv9d] in.pt", "[op = conv2d]"),
        (
            "why packed in.pt --at %nothing_like_it",
            "`rulefold show --frozen` prints its values",
        ),
        ("why packed none.pt", "none.pt"),
        ("why packed in.pt --pipeline torch.statik", "`torch.static`"),
    ] {
        let ran = place.run(words);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{words}");
        assert!(ran.err.contains(says), "{words}: {}", ran.err);
    }
}

#[test]
fn one_node_is_asked_for_by_its_name_or_place() {
    let place = crate::cli::with_model();
    let all = place.run("why packed[linear] in.pt --format json");
    let all: Value = serde_json::from_str(&all.out).expect("the answer is JSON");
    let root = &all["steps"][0]["matched"][0]["root"];
    let name = root["name"].as_str().expect("a name");
    let code = root["place"].as_str().expect("a place");
    let line = code.rsplit('/').next().expect("a file");
    for at in [name, name.trim_start_matches('%'), code, line] {
        let ran = place.run_all(&[
            "why",
            "packed[linear]",
            "in.pt",
            "--at",
            at,
            "--format",
            "json",
        ]);
        let answer: Value = serde_json::from_str(&ran.out).expect("the answer is JSON");
        assert_eq!(
            answer["steps"][0]["matched"][0]["root"]["name"], name,
            "{at}"
        );
        assert_eq!(answer["steps"][0]["near_misses"], 0, "{at}");
    }
}

#[test]
fn one_attempt_can_be_walked_with_lines_from_a_pipe() {
    let place = Place::new();
    place.write(
        "my.fold",
        linear_with("dtype(%w) == qint8", "dtype(%w) == quint8"),
    );
    std::fs::copy(model("linear"), place.path("in.pt")).expect("the model can be copied");
    let mut child = program()
        .args(["why", "my.fuse", "in.pt", "--rules", "my.fold", "--step"])
        .current_dir(place.path(""))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let mut keys = child.stdin.take().expect("it was asked for");
    keys.write_all(b"n\nb\nn\nc\ng\nx\nn\nn\nn\nn\nn\nn\nn\nn\nq\n")
        .expect("it reads");
    drop(keys);
    let output = child.wait_with_output().expect("the program ends");
    assert!(output.status.success());
    let out = String::from_utf8_lossy(&output.stdout);
    for says in [
        "note: step 1 of ",
        "aten::quantize_per_tensor matches",
        "%out = ",
        "= aten::linear(",
        "keys: n next, b back",
        "dtype(%w) is qint8",
        "this is the end of the attempt",
    ] {
        assert!(out.contains(says), "{says}: {out}");
    }
    assert_eq!(out.matches("note: step 1 of ").count(), 2, "{out}");
    assert!(!out.contains('\u{1b}'), "no colours in a pipe");
}
