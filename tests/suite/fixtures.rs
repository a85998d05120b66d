//! The quantized fixtures: what rulefold makes of each is proved with our own kernels against PyTorch's recorded numbers.

use std::fs;
use std::path::{Path, PathBuf};

use rulefold::eval;
use rulefold::model::torchscript::{self, TorchScript};
use rulefold::pipeline::job::{self, Options};
use rulefold::pipeline::library::{self, Loaded};
use rulefold::pipeline::report::Report;

use crate::{npy, recorded};

/// Cases with an activation that is quantized when the model runs: their results may lie 1e-6 from the recorded ones.
const DYNAMIC: [&str; 2] = ["dyn_linear", "dyn_linear_relu"];

/// Cases in which PyTorch leaves a relu behind the quantized operator, and we do not.
const ONE_LESS: [&str; 5] = [
    "fconv2d_relu",
    "linear_relu",
    "add_relu",
    "add_ip_relu",
    "mul_relu",
];

/// The cases, each with its name.
fn cases() -> Vec<(String, PathBuf)> {
    let named = recorded::cases().into_iter().map(|case| {
        let name = case
            .file_name()
            .expect("a folder")
            .to_string_lossy()
            .into_owned();
        (name, case)
    });
    named.collect()
}

fn read(path: &Path, loaded: &Loaded) -> TorchScript {
    torchscript::read(path, &loaded.catalogue).unwrap_or_else(|error| panic!("{error}"))
}

fn optimized(path: &Path, loaded: &Loaded) -> (TorchScript, Report) {
    let done = job::optimize(read(path, loaded), loaded, &Options::default(), &mut |_| {});
    done.unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The largest difference between what a model computes and what PyTorch recorded.
fn difference(file: &TorchScript, case: &Path, recorded: &str) -> f32 {
    let outputs = eval::run_method(&file.model, "forward", recorded::inputs(case));
    let outputs = outputs.unwrap_or_else(|error| panic!("{}: {error}", case.display()));
    let ours = outputs[0].as_tensor().expect("a tensor");
    let difference = recorded::difference(ours, &npy::read(&case.join(recorded)));
    difference.unwrap_or_else(|error| panic!("{}: {error}", case.display()))
}

/// Operations in PyTorch's result, from the counts recorded with the case.
fn operations_of_pytorch(case: &Path, stage: &str) -> Option<u64> {
    let json: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(case.join("case.json")).unwrap()).unwrap();
    let stages = json["stages"].as_object().unwrap();
    let (_, counts) = stages.iter().find(|(name, _)| name.ends_with(stage))?;
    let free = [
        "prim::Constant",
        "prim::GetAttr",
        "prim::ListConstruct",
        "prim::TupleConstruct",
    ];
    Some(
        counts
            .as_object()
            .unwrap()
            .iter()
            .filter(|(op, _)| !free.contains(&op.as_str()))
            .map(|(_, n)| n.as_u64().unwrap())
            .sum(),
    )
}

#[test]
fn every_quantized_fixture_is_proved_equal_and_no_larger() {
    let loaded = library::load(Vec::new());
    assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
    let mut wrong = Vec::new();
    for (case, folder) in cases() {
        let (file, report) = optimized(&folder.join("qdq.pt"), &loaded);
        let mut expect = |holds: bool, what: String| {
            if !holds {
                wrong.push(format!("{case}: {what}"));
            }
        };
        let error = difference(&file, &folder, "out_convert.npy");
        let dynamic = DYNAMIC.contains(&case.as_str());
        let allowed = if dynamic { 1e-6 } else { 0.0 };
        expect(error <= allowed, format!("differs by {error}"));
        let pipeline = if dynamic {
            "torch.dynamic"
        } else {
            "torch.static"
        };
        expect(
            report.pipeline.name == pipeline,
            format!("{} was chosen", report.pipeline.name),
        );
        expect(
            report.proof == "optimal",
            format!("proof: {}", report.proof),
        );
        for stage in ["_convert", "_convert_inprocess"] {
            if let Some(theirs) = operations_of_pytorch(&folder, stage) {
                let ours = report.operations.after;
                expect(
                    ours <= theirs,
                    format!("{ours} operations, PyTorch has {theirs}"),
                );
                let less = !ONE_LESS.contains(&case.as_str()) || ours < theirs;
                expect(
                    less,
                    format!("{ours} operations, one less than {theirs} was promised"),
                );
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
