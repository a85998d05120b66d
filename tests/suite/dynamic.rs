//! What holds of every dynamically quantized model that was rewritten.

use std::path::Path;

use rulefold::model::torchscript::{self, TorchScript};
use rulefold::pipeline::job::{self, Options};
use rulefold::pipeline::library::{self, Loaded};

/// Models, each with how often it calls a linear layer.
const CASES: [(&str, usize); 11] = [
    ("dynamic/attention/model.pt", 4),
    ("dynamic/branches/model.pt", 2),
    ("dynamic/cell/model.pt", 8),
    ("dynamic/fp16_branches/model.pt", 2),
    ("dynamic/fp16_mlp/model.pt", 3),
    ("dynamic/loop/model.pt", 2),
    ("dynamic/lstm/model.pt", 2),
    ("dynamic/mlp/model.pt", 3),
    ("dynamic/mlp_per_channel/model.pt", 3),
    ("dynamic/shared/model.pt", 4),
    ("torchscript/dyn_linear/qdq.pt", 1),
];

fn read(case: &str, loaded: &Loaded) -> TorchScript {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/models")
        .join(case);
    torchscript::read(&path, &loaded.catalogue).unwrap_or_else(|error| panic!("{error}"))
}

/// How many nodes of all methods have an operator whose name starts so.
fn count(file: &TorchScript, start: &str) -> usize {
    let graphs = file
        .model
        .functions
        .values()
        .map(|function| &function.graph);
    graphs
        .flat_map(|graph| graph.walk().into_iter().map(|id| graph.node(id).op))
        .filter(|op| op.as_str().starts_with(start))
        .count()
}

fn optimized(case: &str, loaded: &Loaded) -> TorchScript {
    let (after, report) =
        job::optimize(read(case, loaded), loaded, &Options::default(), &mut |_| {})
            .unwrap_or_else(|error| panic!("{case}: {error}"));
    assert_eq!(report.pipeline.name, "torch.dynamic", "{case}");
    assert_eq!(report.proof, "optimal", "{case}");
    after
}

#[test]
fn every_linear_layer_becomes_one_dynamic_kernel() {
    let loaded = library::load(Vec::new());
    for (case, linears) in CASES {
        let after = optimized(case, &loaded);
        for gone in [
            "aten::linear",
            "aten::quantize_per_tensor",
            "aten::_choose_qparams",
            "aten::_saturate_weight_to_fp16",
            "aten::dequantize",
            "quantized::linear_prepack",
            "quantized::linear_unpack",
        ] {
            assert_eq!(count(&after, gone), 0, "{case}: `{gone}` is left");
        }
        let kernel = match case.contains("fp16") {
            true => "quantized::linear_dynamic_fp16",
            false => "quantized::linear_dynamic",
        };
        assert_eq!(count(&after, kernel), linears, "{case}");
    }
}

#[test]
fn four_calls_of_layers_with_two_weights_read_two_packed_ones() {
    let loaded = library::load(Vec::new());
    let after = optimized("dynamic/shared/model.pt", &loaded);
    let packed = after.model.modules[0].attributes.keys();
    let packed = packed.filter(|name| name.as_str().contains("packed_weight"));
    assert_eq!(packed.count(), 2);
}
