//! Models that quantize themselves where they run: what their methods hold, and what is refused.

use std::fs;

use rulefold::graph::{FunctionName, Graph, Literal, Model, Name};
use rulefold::model::torchscript;
use rulefold::ops::Catalogue;

use crate::command::{Place, root};

fn method<'a>(model: &'a Model, name: &str) -> &'a Graph {
    let name = FunctionName {
        class: Some(model.module(Model::ROOT).class),
        name: Name::new(name),
    };
    &model.functions[&name].graph
}

/// Operators of a graph with the attribute each names.
fn ops(graph: &Graph) -> Vec<(&str, &str)> {
    let nodes = graph.walk().into_iter().map(|id| graph.node(id));
    nodes
        .map(|node| {
            let name = node.text_attribute("name").unwrap_or_default();
            (node.op.as_str(), name)
        })
        .collect()
}

#[test]
fn one_method_packs_and_the_other_runs() {
    let folder = root().join("tests/models/on_device");
    for entry in fs::read_dir(folder).expect("the folder is part of the package") {
        let case = entry.expect("the folder can be listed").path();
        let place = Place::new();
        let model = case.join("model.pt");
        let model = model.to_str().expect("a path in UTF-8");
        let ran = place.run(&format!(
            "optimize -q {model} -o out.pt --pipeline torch.on_device"
        ));
        assert_eq!(ran.code, 0, "{}", ran.err);
        let read = torchscript::read(&place.path("out.pt"), &Catalogue::new());
        let model = read.unwrap_or_else(|error| panic!("{error}")).model;
        let (pack, run) = (
            method(&model, "quantize_forward"),
            method(&model, "quantized_forward"),
        );
        let returns = &pack.body().returns;
        assert!(
            returns
                .iter()
                .all(|&value| pack.literal(value) == Some(&Literal::None))
        );
        let is_pack = |op: &str| op.ends_with("_prepack");
        let packs = ops(pack).iter().filter(|(op, _)| is_pack(op)).count();
        let stored =
            |(op, name): &&(&str, &str)| *op == "prim::SetAttr" && name.starts_with("_packed_");
        assert_eq!(
            ops(pack).iter().filter(stored).count(),
            packs,
            "{}",
            case.display()
        );
        assert!(
            packs > 0
                && !ops(pack)
                    .iter()
                    .any(|(op, _)| op.contains("linear_dynamic"))
        );
        assert!(!ops(run).iter().any(|(op, _)| is_pack(op)));
        assert!(!ops(run).iter().any(|op| stored(&op)));
        let quantizes = |op: &str| op.contains("quantize_per_tensor") || op == "prim::CallMethod";
        assert!(
            !ops(run).iter().any(|(op, _)| quantizes(op)),
            "{}",
            case.display()
        );
    }
}

#[test]
fn what_cannot_be_packed_is_refused_with_its_place() {
    let place = Place::new();
    let refused = root().join("tests/models/on_device_refused/transposed.pt");
    let refused = refused.to_str().expect("a path in UTF-8");
    let ran = place.run(&format!(
        "optimize {refused} -o out.pt --pipeline torch.on_device"
    ));
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.err.contains("code/__torch__/"), "{}", ran.err);
    assert!(ran.err.contains("the weight is computed"), "{}", ran.err);
    let ran = place.run(&format!(
        "optimize {refused} -o out.pt --pipeline torch.on_device --method backward"
    ));
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(
        ran.err.contains("no method `quantize_backward`"),
        "{}",
        ran.err
    );
    assert!(place.names().is_empty());
}
