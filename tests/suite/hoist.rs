//! What holds of every model whose packed weights were hoisted.

use std::path::{Path, PathBuf};

use rulefold::model::torchscript::{self, TorchScript};
use rulefold::pipeline::job::{self, Options};
use rulefold::pipeline::library::{self, Loaded};

/// Models, each with the attributes its packed weights are read from.
const CASES: [(&str, &[&str]); 10] = [
    ("branches", &["left.0.conv", "right.conv"]),
    ("deb_plain", &["blk.0", "blk.2"]),
    ("layers", &["first._packed_params", "rest.1._packed_params"]),
    ("line", &["plain", "fused.0", "back"]),
    ("methods", &["first.conv", "second", "other"]),
    ("old_paths", PLANAR),
    ("planar", PLANAR),
    ("small", &["blk.0", "blk.2"]),
    ("solid", &["plain", "fused.0"]),
    ("twice", &["conv"]),
];

const PLANAR: &[&str] = &[
    "plain",
    "fused.0",
    "back",
    "layer._packed_params",
    "last.0._packed_params",
];

fn path(case: &str) -> PathBuf {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models/hoist");
    models.join(case).join("model.pt")
}

fn hoisted(case: &str, loaded: &Loaded) -> TorchScript {
    let file = torchscript::read(&path(case), &loaded.catalogue);
    let options = Options {
        pipeline: Some("torch.hoist".into()),
        ..Options::default()
    };
    let done = job::optimize(
        file.unwrap_or_else(|error| panic!("{error}")),
        loaded,
        &options,
        &mut |_| {},
    );
    done.unwrap_or_else(|error| panic!("{case}: {error}")).0
}

#[test]
fn each_packed_weight_is_one_attribute_named_by_its_path() {
    let loaded = library::load(Vec::new());
    for (case, expected) in CASES {
        let file = hoisted(case, &loaded);
        let root = &file.model.modules[0];
        let mut found: Vec<&str> = root.attributes.keys().map(|name| name.as_str()).collect();
        let mut expected: Vec<String> = expected.iter().map(|p| format!("_packed.{p}")).collect();
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected, "{case}");
    }
}

#[test]
fn every_method_stays() {
    let loaded = library::load(Vec::new());
    let file = hoisted("methods", &loaded);
    for method in ["forward", "features"] {
        let name = file.model.root_method(method).expect("the method is there");
        let graph = &file.model.functions[&name].graph;
        let reads = graph.walk().into_iter().map(|id| graph.node(id));
        let reads = reads.filter(|node| node.op == "prim::GetAttr").count();
        assert_eq!(reads, 2, "{method}");
    }
}
