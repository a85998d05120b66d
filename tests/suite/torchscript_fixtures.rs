//! Every archive that PyTorch made: read, compared with PyTorch's own count of operators, written, read again.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rulefold::graph::{AttributeValue, Constant, Graph, Model, Name};
use rulefold::model::archive::content_hash;
use rulefold::model::pickle::{self, PickleBuilder};
use rulefold::model::torchscript::{self, TorchScript};
use rulefold::ops::Catalogue;

use super::torchscript_archive::{around, members, members_of, read, write, zip};

/// What PyTorch does not count as work, and what we keep as literals.
const FREE: [&str; 4] = [
    "prim::Constant",
    "prim::GetAttr",
    "prim::ListConstruct",
    "prim::TupleConstruct",
];

fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models")
}

fn archives() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for family in ["torchscript", "eager", "scripted"] {
        for case in fs::read_dir(models().join(family)).expect("the fixtures are there") {
            for file in fs::read_dir(case.expect("listed").path()).expect("a case folder") {
                let path = file.expect("listed").path();
                if path.extension().is_some_and(|e| e == "pt") {
                    found.push(path);
                }
            }
        }
    }
    found.sort();
    assert!(found.len() > 90, "only {} fixtures", found.len());
    found
}

fn open(path: &Path) -> TorchScript {
    match torchscript::read(path, &Catalogue::new()) {
        Ok(script) => script,
        Err(error) => panic!("{}: {error}", path.display()),
    }
}

fn operators(graph: &Graph) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for id in graph.walk() {
        let op = graph.node(id).op.as_str();
        let start = op.find("::").map_or(0, |at| at + 2);
        let base = op[start..].find('.').map_or(op, |dot| &op[..start + dot]);
        if !FREE.contains(&base) {
            *counts.entry(base.to_owned()).or_insert(0) += 1;
        }
    }
    counts
}

#[test]
fn graphs_have_the_operators_that_pytorch_counts() {
    let mut compared = 0;
    for case in fs::read_dir(models().join("torchscript")).expect("the fixtures are there") {
        let case = case.expect("listed").path();
        let text = fs::read_to_string(case.join("case.json")).expect("a case has counts");
        let stages: serde_json::Value = serde_json::from_str(&text).expect("valid JSON");
        for (stage, file) in [("1_qdq", "qdq.pt"), ("6_convert", "convert.pt")] {
            let Some(counts) = stages["stages"][stage].as_object() else {
                continue;
            };
            let expected: BTreeMap<String, u64> = counts
                .iter()
                .filter(|(op, _)| !FREE.contains(&op.as_str()))
                .map(|(op, n)| (op.clone(), n.as_u64().expect("a count")))
                .collect();
            let script = open(&case.join(file));
            let forward = script.model.root_method("forward").expect("forward");
            let found = operators(&script.model.functions[&forward].graph);
            assert_eq!(found, expected, "{} {stage}", case.display());
            compared += 1;
        }
    }
    assert!(compared >= 80, "only {compared} graphs were compared");
}

#[test]
fn writing_what_was_written_gives_the_same_bytes() {
    for path in archives() {
        let script = open(&path);
        let written = write(&script);
        let again = read(written.clone()).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert!(write(&again) == written, "{}", path.display());
        assert_same_model(&script.model, &again.model, &path);
        assert!(
            total(&members_of(&written)) <= total(&members(&path)),
            "{} grew",
            path.display()
        );
    }
}

#[test]
fn forgetting_text_keeps_what_forward_reaches() {
    for path in archives() {
        let mut script = open(&path);
        script.container.forget_text(&script.model);
        let written = write(&script);
        let mut again = read(written.clone()).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert_same_model(&script.model, &again.model, &path);
        again.container.forget_text(&again.model);
        assert!(write(&again) == written, "{}", path.display());
    }
}

/// Same modules, same operators in the same order (lists may become literals), same bytes of constants.
fn assert_same_model(a: &Model, b: &Model, path: &Path) {
    let shape = |model: &Model| {
        let modules: Vec<_> = model
            .modules
            .iter()
            .map(|m| (m.class, m.attributes.keys().copied().collect::<Vec<_>>()))
            .collect();
        let mut functions: Vec<_> = model
            .functions
            .iter()
            .map(|(name, f)| {
                let ops = f.graph.walk().into_iter().map(|n| f.graph.node(n).op);
                let ops: Vec<_> = ops.filter(|op| !FREE.contains(&op.as_str())).collect();
                (*name, ops)
            })
            .collect();
        functions.sort_by_key(|(name, _)| *name);
        let mut constants: Vec<u128> = model
            .modules
            .iter()
            .flat_map(|m| m.attributes.values())
            .filter_map(|attribute| match attribute.value {
                AttributeValue::Constant(id) => model.constants.get(id).value.get(),
                _ => None,
            })
            .filter_map(|constant| match constant {
                Constant::Tensor(tensor) => tensor.contiguous_bytes().map(content_hash),
                Constant::Packed(packed) => Some(packed.weight.content_hash()),
                Constant::Object(object) => Some(object.content_hash()),
            })
            .collect();
        constants.sort_unstable();
        constants.dedup();
        (modules, functions, constants)
    };
    assert_eq!(shape(a), shape(b), "{}", path.display());
}

fn total(members: &[(String, Vec<u8>)]) -> usize {
    members.iter().map(|(_, bytes)| bytes.len()).sum()
}

#[test]
fn states_are_restored_by_following_setstate() {
    let script = open(&models().join("eager/conv_relu/scripted.pt"));
    let packed: Vec<_> = script
        .model
        .modules
        .iter()
        .filter_map(|m| m.attributes.get(&Name::new("_packed_params")))
        .collect();
    assert_eq!(packed.len(), 2);
    for attribute in packed {
        let AttributeValue::Constant(id) = attribute.value else {
            panic!("a packed object is a constant");
        };
        let entry = script.model.constants.get(id);
        let Some(Constant::Packed(packed)) = entry.value.get() else {
            panic!("a packed object");
        };
        assert_eq!(packed.family, "conv2d");
        assert!(packed.bias.is_some() && packed.weight.dtype.is_quantized());
    }
}

#[test]
fn extra_members_and_version_are_kept() {
    let mut all = members(&models().join("torchscript/add/qdq.pt"));
    all.push(("extra/notes.txt".into(), b"kept".to_vec()));
    all.push(("extra/deep/more.bin".into(), vec![0, 255]));
    let version = all
        .iter_mut()
        .find(|(name, _)| name == "version")
        .expect("a version");
    version.1 = b"4\n".to_vec();
    let script = read(zip(&all)).expect("it reads");
    let written = members_of(&write(&script));
    let get = |name: &str| written.iter().find(|m| m.0 == name).map(|m| m.1.clone());
    assert_eq!(get("extra/notes.txt"), Some(b"kept".to_vec()));
    assert_eq!(get("extra/deep/more.bin"), Some(vec![0, 255]));
    assert_eq!(get("version"), Some(b"4\n".to_vec()));
}

#[test]
fn state_keeps_its_sharing() {
    let path = models().join("scripted/attributes/scripted.pt");
    let written = members_of(&write(&open(&path)));
    let storages = |members: &[(String, Vec<u8>)]| {
        let sizes = members.iter().filter(|m| m.0.starts_with("data/"));
        let mut sizes: Vec<usize> = sizes.map(|m| m.1.len()).collect();
        sizes.sort_unstable();
        sizes
    };
    // Views share, equal buffers do not: the model may write to one of them.
    assert_eq!(storages(&written), storages(&members(&path)));
}

#[test]
fn an_object_held_twice_is_one_module() {
    let mut pickle = PickleBuilder::new();
    let nothing = pickle.dict(Vec::new());
    let held = pickle.object("__torch__.m", "Leaf", nothing);
    let pairs = vec![(pickle.str("a"), held), (pickle.str("b"), held)];
    let attributes = pickle.dict(pairs);
    let root = pickle.object("__torch__.m", "Net", attributes);
    let code = "class Leaf(Module):\n  __parameters__ = []\nclass Net(Module):\n  a : __torch__.m.Leaf\n  b : __torch__.m.Leaf\n  \
                def forward(self: __torch__.m.Net, x: Tensor) -> Tensor:\n    return x\n";
    let mut all = members_of(&around(code));
    let data = all.iter_mut().find(|m| m.0 == "data.pkl").expect("objects");
    data.1 = pickle::write(&pickle.finish(root));
    let first = read(zip(&all)).expect("it reads");
    let second = read(write(&first)).expect("it reads");
    for script in [first, second] {
        assert_eq!(script.model.modules.len(), 2);
    }
}
