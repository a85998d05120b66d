//! What `torch.fuse` folds, what it leaves, and what it says of both.

use std::path::{Path, PathBuf};

use rulefold::graph::{Constant, Graph, Literal, Name, NodeId};
use rulefold::model::torchscript::{self, TorchScript};
use rulefold::ops;
use rulefold::pipeline::job::{self, Options};
use rulefold::pipeline::library;
use rulefold::pipeline::report::{Report, SequenceOutcome};

use crate::npy;

fn case(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/models/fuse/{name}"))
}

fn fused(name: &str, settings: &[(&str, Literal)]) -> Result<(TorchScript, Report), String> {
    let loaded = library::load(Vec::new());
    let file = torchscript::read(&case(name).join("model.pt"), &loaded.catalogue)
        .unwrap_or_else(|error| panic!("{name}: {error}"));
    let settings = settings.iter();
    let options = Options {
        pipeline: Some("torch.fuse".into()),
        settings: settings
            .map(|(name, value)| (Name::new(name), value.clone()))
            .collect(),
        ..Options::default()
    };
    job::optimize(file, &loaded, &options, &mut |_| {}).map_err(|error| error.to_string())
}

fn lists(lists: &[&[&str]]) -> [(&'static str, Literal); 1] {
    let texts = |list: &&[&str]| Literal::list(list.iter().map(|text| Literal::str(text)));
    [("modules", Literal::list(lists.iter().map(texts)))]
}

fn forward(file: &TorchScript) -> &Graph {
    let name = file.model.root_method("forward").expect("a forward");
    &file.model.functions[&name].graph
}

/// Batch norms of a graph, each with the operator that it follows.
fn norms(graph: &Graph) -> Vec<(NodeId, String)> {
    let nodes = graph.walk().into_iter();
    let nodes = nodes.filter(|&id| graph.node(id).op.as_str() == "aten::batch_norm");
    nodes
        .map(|id| {
            let before = graph.producer(graph.node(id).operands[0]);
            let before = before.map_or("input".to_owned(), |n| graph.node(n).op.to_string());
            (id, before)
        })
        .collect()
}

#[test]
fn networks_keep_no_norm_behind_a_convolution() {
    for (network, left) in [
        ("resnet18", 0),
        ("mobilenet_v2", 0),
        ("googlenet", 0),
        ("densenet", 14),
    ] {
        for case in [network.to_owned(), format!("{network}_traced")] {
            let (file, report) = fused(&case, &[]).expect("a job");
            let norms = norms(forward(&file));
            assert_eq!(norms.len(), left, "{case}");
            assert!(
                norms.iter().all(|(_, before)| !ops::is_product(before)),
                "{case}: {norms:?}"
            );
            assert_eq!((report.islands.len(), &*report.proof), (0, "optimal"));
        }
    }
}

#[test]
fn norms_that_stay_say_why() {
    let shared = "others read what it normalizes too, which would be computed twice";
    let trains = "in training mode a batch norm takes the statistics of the batch";
    for (case, norms_left, why) in [
        ("two_norms", 2, shared),
        ("also_read", 1, shared),
        ("training", 1, trains),
        ("no_statistics", 1, trains),
        (
            "linear_three_dimensions",
            1,
            "the result of linear is not known to have two dimensions",
        ),
    ] {
        let (file, report) = fused(case, &[]).expect("a job");
        assert_eq!(norms(forward(&file)).len(), norms_left, "{case}");
        assert_eq!(report.islands.len(), norms_left, "{case}");
        for island in &report.islands {
            assert!(island.reason.starts_with(why), "{case}: {island:?}");
            assert!(island.module.is_some(), "{case}: {island:?}");
        }
    }
}

#[test]
fn each_list_of_modules_is_told_of() {
    let given: [&[&str]; 4] = [
        &["conv1", "bn1", "relu1"],
        &["conv2", "bn2"],
        &["conv3", "relu2"],
        &["fc", "norm"],
    ];
    let (file, report) = fused("named", &lists(&given)).expect("a job");
    use SequenceOutcome::{Folded, Left};
    let told: Vec<(SequenceOutcome, &str)> = report
        .sequences
        .iter()
        .map(|sequence| (sequence.outcome, &*sequence.what))
        .collect();
    assert_eq!(
        told,
        [
            (
                Folded,
                "`bn1` is folded into `conv1`; `relu1` follows `bn1`: two operators in a float model, one in a quantized"
            ),
            (
                Left,
                "`bn2` is not folded into `conv2`: it reads the result of `aten::relu` of `relu1`"
            ),
            (
                Left,
                "`relu2` does not follow `conv3`: it reads the result of `aten::mean.dim`"
            ),
            (
                Left,
                "`norm` is not folded into `fc`: the result of linear is not known to have two dimensions (`--set \
                 flat_linear=true` takes that for granted) (%y = f32)"
            ),
        ]
    );
    // `bn3` follows `conv2` alone, but is not named.
    let left: Vec<String> = norms(forward(&file)).into_iter().map(|n| n.1).collect();
    assert_eq!(left, ["aten::conv2d", "aten::relu", "aten::linear"]);
    let (file, _) = fused("named", &[]).expect("a job");
    let left: Vec<String> = norms(forward(&file)).into_iter().map(|n| n.1).collect();
    assert_eq!(left, ["aten::relu", "aten::linear"]);
    let given: [&[&str]; 2] = [&["conv1", "bn1"], &["conv2", "bn3"]];
    let (file, report) = fused("named", &lists(&given)).expect("a job");
    assert!(report.sequences.iter().all(|s| s.outcome == Folded));
    assert_eq!(norms(forward(&file)).len(), 2);
}

#[test]
fn lists_that_make_no_sense_are_refused() {
    for (given, why) in [
        (
            &[&["conv1", "bn"][..]][..],
            "the model has no module `bn`; did you mean `bn1`?",
        ),
        (
            &[&["bn1", "conv1"]],
            "bn1 (BatchNorm2d), conv1 (Conv2d) is no sequence of modules that belong together; these are: (Conv1d, BatchNorm1d), ",
        ),
        (&[&["conv1"]], "conv1 (Conv2d) is no sequence"),
        (&[&[]], " is no sequence"),
        (
            &[&["conv1", "bn1"], &["bn1", "relu1"]],
            "module `bn1` is named twice",
        ),
    ] {
        let error = fused("named", &lists(given)).expect_err(why);
        assert!(error.starts_with(why), "{error}");
    }
}

#[test]
fn halves_without_kernels_are_folded_as_pytorch_folds_them() {
    let (file, _) = fused("half_f16", &[]).expect("a job");
    let graph = forward(&file);
    let conv = graph.walk().into_iter();
    let conv: Vec<NodeId> = conv
        .filter(|&id| graph.node(id).op.as_str() == "aten::conv2d")
        .collect();
    let [conv] = conv.as_slice() else {
        panic!("one convolution: {conv:?}");
    };
    for (operand, name) in [(1, "weight"), (2, "bias")] {
        let value = graph.node(*conv).operands[operand];
        let rulefold::graph::Def::Constant(id) = graph.value(value).def else {
            panic!("{name} is constant");
        };
        let entry = file.model.constants.get(id);
        let Some(Constant::Tensor(ours)) = entry.value.get() else {
            panic!("{name} is computed");
        };
        let recorded = npy::read(&case("half_f16").join(format!("{name}.npy")));
        assert_eq!((ours.dtype, &ours.shape), (recorded.dtype, &recorded.shape));
        assert_eq!(npy::numbers(ours), npy::numbers(&recorded), "{name}");
    }
}
