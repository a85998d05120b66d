//! `rulefold explain`: every node of a result is accounted for, through all steps, and what was not taken has its price.

use std::path::Path;

use rulefold::inspect::explain::{self, Answer, Explanation, Method, Why};
use rulefold::model::torchscript;
use rulefold::pipeline::job::{self, Options};
use rulefold::pipeline::library::{self, Loaded, RuleText};

use crate::command::{Place, model};
use crate::recorded::cases;

fn loaded(rules: &[(&str, &str)]) -> Loaded {
    let texts = rules.iter().map(|(module, text)| RuleText {
        module: (*module).to_owned(),
        path: format!("{module}.fold"),
        bytes: text.as_bytes().to_vec(),
    });
    let loaded = library::load(texts.collect());
    let errors: Vec<_> = loaded.diagnostics.iter().filter(|d| d.is_error()).collect();
    assert!(errors.is_empty(), "{errors:?}");
    loaded
}

fn explained(path: &Path, loaded: &Loaded, pipeline: Option<&str>) -> Explanation {
    let file = torchscript::read(path, &loaded.catalogue).expect("a recorded model");
    let options = Options {
        pipeline: pipeline.map(str::to_owned),
        ..Options::default()
    };
    explain::explain(file, loaded, &options, &mut |_| {}).expect("it is explained")
}

/// The rules of a node by their own names, and the operators it was made of.
fn of<'a>(answer: &'a Answer, method: &'a Method, op: &str) -> (Vec<&'a str>, Vec<&'a str>) {
    let node = method.nodes.iter().find(|node| node.op == op);
    let node = node.unwrap_or_else(|| panic!("no {op} in {:?}", method.nodes));
    let rules = node.rules.iter().map(|used| {
        let rule = &answer.rules[used.rule].rule;
        rule.rsplit_once('.')
            .map_or(rule.as_str(), |(_, name)| name)
    });
    let originals = node.originals.iter().map(|id| {
        let original = method.originals.iter().find(|node| node.id == *id);
        original.expect("it is listed").op.as_str()
    });
    (rules.collect(), originals.collect())
}

#[test]
fn every_node_is_accounted_for() {
    let loaded = loaded(&[]);
    for case in cases() {
        let path = case.join("qdq.pt");
        let Explanation { answer, graphs, .. } = explained(&path, &loaded, None);
        let shown = case.display();
        let file = torchscript::read(&path, &loaded.catalogue).expect("a recorded model");
        let (file, report) = job::optimize(file, &loaded, &Options::default(), &mut |_| {})
            .expect("it is rewritten");
        assert_eq!(answer.methods.len(), 1, "{shown}");
        let method = &answer.methods[0];
        // The graph that is explained is the one that is written.
        let function = file.model.root_method("forward").expect("a forward");
        let ops = |graph: &rulefold::graph::Graph| -> Vec<&str> {
            let nodes = graph.walk().into_iter();
            nodes.map(|id| graph.node(id).op.as_str()).collect()
        };
        let written = &file.model.functions[&function].graph;
        assert_eq!(ops(&graphs[0].1), ops(written), "{shown}");
        for node in &method.nodes {
            assert!(
                !node.rules.is_empty() || !node.originals.is_empty() || node.op == "prim::GetAttr",
                "{shown}: where does {} come from?",
                node.statement
            );
            for id in &node.originals {
                let original = method.originals.iter().find(|node| node.id == *id);
                let original = original.expect("it is listed");
                assert!(original.into.contains(&node.id), "{shown}");
            }
            if node.rules.is_empty() && !node.originals.is_empty() {
                let own = node.originals.iter().filter_map(|id| {
                    let mut all = method.originals.iter();
                    all.find(|original| original.id == *id)
                });
                let mut own = own.map(|original| original.op.as_str());
                assert!(own.all(|op| op == node.op), "{shown}: {}", node.statement);
            }
        }
        // The report counts what each rule made; so do the derivations.
        for rule in &answer.rules {
            let applied = report.rules.iter().find(|of| of.rule == rule.rule);
            let kept = applied.map_or(0, |of| of.kept);
            assert_eq!(rule.made, kept, "{shown}: {}", rule.rule);
        }
        for rule in &report.rules {
            assert!(
                answer.rules.iter().any(|told| told.rule == rule.rule),
                "{shown}: {} acted and is not told",
                rule.rule
            );
        }
    }
}

#[test]
fn a_fused_node_names_all_that_it_replaced() {
    let loaded = loaded(&[]);
    let Explanation { answer, .. } = explained(&model("conv2d_relu"), &loaded, None);
    let method = &answer.methods[0];
    let (rules, mut originals) = of(&answer, method, "quantized::conv2d_relu.new");
    originals.sort_unstable();
    assert_eq!(rules, ["packed"]);
    assert_eq!(
        originals,
        [
            "aten::conv2d",
            "aten::dequantize.self",
            "aten::dequantize.self",
            "aten::quantize_per_channel",
            "aten::quantize_per_tensor",
            "aten::relu"
        ]
    );
    let rule = answer.rules.iter().find(|rule| rule.made > 0);
    let rule = rule.expect("a rule made it");
    assert!(
        rule.path.ends_with("patterns/torch/quantized.fold"),
        "{}",
        rule.path
    );
    let file = loaded
        .sources
        .iter()
        .find(|(_, file)| file.name() == rule.path)
        .expect("the file is known")
        .1;
    let first = file
        .text()
        .lines()
        .nth(rule.line - 1)
        .expect("the line is there");
    assert_eq!(rule.source.lines().next(), Some(first));
    assert!(!rule.source.contains("expect "), "{}", rule.source);
}

const STEPS: &str = "
/// What: an example.
rule first : aten::relu(%x) => aten::tanh(%x)
  numerics changes \"an example\"

/// What: an example.
rule second : aten::tanh(%x) => aten::sigmoid(%x)
  numerics changes \"an example\"

/// What: an example.
rule third : aten::sigmoid(%x) => aten::exp(%x)
  numerics changes \"an example\"

/// What: an example, as if it held.
rule costly : aten::relu(%x) => aten::neg(aten::neg(aten::tanh(%x)))
  numerics exact

/// What: an example.
rule circular : aten::relu(%x) => aten::neg(aten::neg(aten::relu(%x)))
  numerics exact

pipeline all() {
  freeze()
  apply(first, second)
  saturate(costly)
  apply(third)
}

pipeline costs() {
  freeze()
  saturate(costly, circular)
}
";

#[test]
fn derivations_go_through_all_steps() {
    let loaded = loaded(&[("mine", STEPS)]);
    let Explanation { answer, .. } = explained(&model("conv2d_relu"), &loaded, Some("mine.all"));
    let method = &answer.methods[0];
    let (rules, originals) = of(&answer, method, "aten::exp");
    assert_eq!(rules, ["first", "second", "third"]);
    assert_eq!(originals, ["aten::relu"]);
}

#[test]
fn what_a_rule_asked_to_become_an_attribute_is_its_work() {
    let loaded = loaded(&[]);
    let path = crate::command::root().join("tests/models/hoist/small/model.pt");
    let Explanation { answer, .. } = explained(&path, &loaded, Some("torch.hoist"));
    let packed: Vec<_> = answer.methods[0]
        .nodes
        .iter()
        .filter(|node| node.op == "prim::GetAttr")
        .map(|node| {
            let rules = node.rules.iter().map(|used| used.instance.as_str());
            (rules.collect::<Vec<_>>(), node.originals.is_empty())
        })
        .collect();
    assert_eq!(packed.len(), 2);
    assert!(
        packed
            .iter()
            .all(|of| *of == (vec!["packed_weight"], false)),
        "{packed:?}"
    );
}

#[test]
fn what_is_not_taken_has_a_price() {
    let loaded = loaded(&[("mine", STEPS)]);
    let Explanation { answer, .. } = explained(&model("conv2d_relu"), &loaded, Some("mine.costs"));
    let unused: Vec<_> = answer.methods[0]
        .unused
        .iter()
        .map(|unused| (unused.rule.as_str(), unused.count, unused.why.as_slice()))
        .collect();
    let price = Why::Cost {
        count: 1,
        products: 0,
        operations: 2,
        bytes: 0,
    };
    let circular = Why::Circular { count: 1 };
    assert_eq!(
        unused,
        [
            ("mine.costly", 1, [price].as_slice()),
            ("mine.circular", 1, [circular].as_slice())
        ]
    );
}

#[test]
fn the_page_needs_nothing_else() {
    let loaded = loaded(&[]);
    let explanation = explained(&model("nested_if_both"), &loaded, None);
    let title = "</script><b>&\"";
    let page = explain::page(&explanation, &loaded.catalogue, title).expect("a page");
    assert!(page.starts_with("<!DOCTYPE html>"));
    assert_eq!(
        page.matches("</script>").count(),
        2,
        "the data and the program"
    );
    assert_eq!(
        page.matches("<title>").count() - 1,
        page.matches("</title>").count() - 1
    );
    for load in [
        " src=",
        "@import",
        "url(",
        "fetch(",
        "XMLHttpRequest",
        "https://",
        "//cdn",
    ] {
        assert!(!page.contains(load), "{load}");
    }
    assert_eq!(page.matches(" href=").count(), 1, "the empty icon");
    let again = explained(&model("nested_if_both"), &loaded, None);
    let again = explain::page(&again, &loaded.catalogue, title).expect("a page");
    assert!(page == again, "the same page each time");
}

#[test]
fn the_command_tells_one_node_or_all() {
    let place = Place::new();
    let bytes = std::fs::read(model("conv2d_relu")).expect("a recorded model");
    place.write("in.pt", bytes);
    let ran = place.run("explain in.pt");
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    for part in [
        "as in the model",
        "  by   torch.quantized.packed",
        "  from aten::dequantize",
    ] {
        assert!(ran.out.contains(part), "{part}: {}", ran.out);
    }
    let ran = place.run("explain in.pt --node quantized::conv2d_relu");
    assert!(!ran.out.contains("as in the model"), "{}", ran.out);
    assert!(
        ran.out.contains("rule packed"),
        "the rule's text: {}",
        ran.out
    );
    let ran = place.run("explain in.pt --node nothing");
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    let ran = place.run("explain in.pt --pipeline nothing");
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(ran.err.contains("no pipeline"), "{}", ran.err);
    let ran = place.run("explain in.pt --html out.html");
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, "", ""));
    assert_eq!(place.names(), ["in.pt", "out.html"]);
    let ran = place.run("explain in.pt --format json");
    let json: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!(json["pipeline"]["name"], "torch.static");
}
