//! Steps and settings of pipelines, as users run them.

use std::path::Path;

use rulefold::graph::{AttributeValue, Literal, Model, Name};
use rulefold::model::torchscript;
use rulefold::ops::Catalogue;

use crate::command::{Place, root};

const RULES: &str = r#"//! Steps.
/// All that change methods and attributes.
pipeline steps(tag = "v1", modules = []) {
  if has_method("mean") { clone("forward", "again") }
  return_none("mean")
  set_attribute("tag", tag)
  share_constants()
  saturate(torch.clean, modules = modules)
  freeze(["again", "mean"])
}
/// A method that may not be there.
pipeline one(method = "forward") { saturate(torch.clean, method = method) }
/// Attributes of modules.
pipeline fetched(rows = [("torch.nn.modules.linear.Linear", 1, ["weight", "in_features"])]) { fetch(rows) }
"#;

fn model(case: &str) -> String {
    let path = root().join("tests/models/freeze").join(case);
    path.join("model.pt").display().to_string()
}

fn read(path: &Path) -> Model {
    let file = torchscript::read(path, &Catalogue::new());
    file.unwrap_or_else(|error| panic!("{error}")).model
}

fn methods(model: &Model) -> Vec<&'static str> {
    let class = model.module(Model::ROOT).class;
    let own = model.functions.keys().filter(|of| of.class == Some(class));
    let mut names: Vec<&str> = own.map(|of| of.name.as_str()).collect();
    names.sort_unstable();
    names
}

fn attribute<'a>(model: &'a Model, path: &[&str]) -> Option<&'a AttributeValue> {
    let (leaf, modules) = path.split_last()?;
    let mut at = Model::ROOT;
    for name in modules {
        match model.module(at).attributes.get(&Name::new(name))?.value {
            AttributeValue::Module(inner) => at = inner,
            _ => return None,
        }
    }
    let found = model.module(at).attributes.get(&Name::new(leaf))?;
    Some(&found.value)
}

#[test]
fn what_is_kept_is_there_and_the_rest_is_not() {
    let place = Place::new();
    let kept = "--keep mean --keep factor --keep fc.weight";
    let model = model("counter");
    let ran = place.run(&format!("optimize {model} -o out.pt -q {kept}"));
    assert_eq!(ran.code, 0, "{}", ran.err);
    let after = read(&place.path("out.pt"));
    assert_eq!(methods(&after), ["forward", "mean"]);
    let factor = attribute(&after, &["factor"]);
    assert!(matches!(factor, Some(AttributeValue::Literal(Literal::Float(x))) if *x == 0.5));
    let weight = attribute(&after, &["fc", "weight"]);
    assert!(matches!(weight, Some(AttributeValue::Constant(_))));
    for state in ["calls", "total"] {
        assert!(attribute(&after, &[state]).is_some(), "{state}");
    }
    assert!(attribute(&after, &["fc", "bias"]).is_none());
}

#[test]
fn modules_of_one_class_that_differ_get_classes_of_their_own() {
    let place = Place::new();
    let model = model("twins");
    let ran = place.run(&format!("optimize {model} -o out.pt -q --keep b.weight"));
    assert_eq!(ran.code, 0, "{}", ran.err);
    let after = read(&place.path("out.pt"));
    let mut classes: Vec<&str> = after.modules.iter().map(|m| m.class.as_str()).collect();
    classes.sort_unstable();
    let before = classes.len();
    classes.dedup();
    assert_eq!(classes.len(), before);
    assert!(attribute(&after, &["b", "weight"]).is_some());
    assert!(attribute(&after, &["a", "step", "at"]).is_some());
    assert!(attribute(&after, &["b", "step"]).is_none());
}

#[test]
fn steps_change_methods_and_attributes() {
    let place = Place::new();
    place.write("my.fold", RULES);
    let call = "--rules my.fold --pipeline my.steps --set tag=v2 --modules fc";
    let ran = place.run(&format!(
        "optimize {} -o out.pt -q {call}",
        model("counter")
    ));
    assert_eq!(ran.code, 0, "{}", ran.err);
    let after = read(&place.path("out.pt"));
    assert_eq!(methods(&after), ["again", "forward", "mean"]);
    let tag = attribute(&after, &["tag"]);
    assert!(matches!(tag, Some(AttributeValue::Literal(Literal::Str(tag))) if &**tag == "v2"));
    let mean = after.root_method("mean").expect("a method");
    assert!(after.functions[&mean].graph.walk().is_empty());
    let [again, forward] = ["again", "forward"].map(|name| {
        let name = after.root_method(name).expect("a method");
        after.functions[&name].graph.walk().len()
    });
    assert_eq!(again, forward);
}

#[test]
fn attributes_of_modules_are_fetched_into_the_report() {
    let place = Place::new();
    place.write("my.fold", RULES);
    let call = "--rules my.fold --pipeline my.fetched --format json";
    let ran = place.run(&format!("optimize {} -o out.pt {call}", model("counter")));
    assert_eq!(ran.code, 0, "{}", ran.err);
    let report: serde_json::Value = serde_json::from_str(&ran.out).expect("one JSON object");
    let fetched = serde_json::json!([{
        "module": "fc",
        "class": "torch.nn.modules.linear.Linear",
        "attributes": [
            {"name": "weight", "value": "Tensor<f32, [3, 3]>"},
            {"name": "in_features", "value": "3"},
        ],
    }]);
    assert_eq!(report["fetched"], fetched);
}

#[test]
fn wrong_names_and_settings_are_told_with_a_cure() {
    let place = Place::new();
    place.write("my.fold", RULES);
    let cases = [
        (
            "--keep meen",
            "there is no attribute or method `meen` to keep; did you mean `mean`?",
        ),
        ("--keep fc.wieght", "did you mean `fc.weight`?"),
        (
            "--keep fc.forward",
            "only methods of the model itself can be kept",
        ),
        (
            "--pipeline my.one --method forwrd",
            "the model has no method `forwrd`; it has `forward`, `mean`, `reset`",
        ),
        (
            "--pipeline my.steps --set tga=a",
            "it has `tag`, `modules`; did you mean `tag`?",
        ),
        (
            "--pipeline my.steps --set tag=3",
            "setting `tag` must be a string",
        ),
        ("--pipeline my.steps --set tag", "write `--set name=value`"),
        (
            "--pipeline my.steps --modules fcc",
            "no module `fcc`; did you mean `fc`?; the step is at my.fold:8",
        ),
        (
            "--pipeline torch.mobile --skip CONV_BN",
            "`skip` takes CONV_1D_TO_2D",
        ),
    ];
    for (call, told) in cases {
        let ran = place.run(&format!(
            "optimize {} -o out.pt --rules my.fold {call}",
            model("counter")
        ));
        assert_eq!(ran.code, 2, "{call}");
        assert!(ran.err.contains(told), "{call}: {}", ran.err);
        assert_eq!(place.names(), ["my.fold"], "{call}");
    }
}
