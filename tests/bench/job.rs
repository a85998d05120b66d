//! The whole job on a small ResNet-18 in dequantize-op-quantize form, and each of its stages.

use std::path::Path;

use divan::Bencher;
use rulefold::inspect::why::{self, Question};
use rulefold::model::torchscript::{self, TorchScript};
use rulefold::ops::Catalogue;
use rulefold::pipeline::job::{Options, optimize};
use rulefold::pipeline::library::{self, Loaded};
use rulefold::pipeline::report::Report;

fn main() {
    divan::main();
}

fn read(catalogue: &Catalogue) -> TorchScript {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/models/torchscript/resnet18/qdq.pt"
    );
    torchscript::read(Path::new(path), catalogue).expect("the fixture is understood")
}

fn rewrite(file: TorchScript, loaded: &Loaded) -> (TorchScript, Report) {
    let rewritten = optimize(file, loaded, &Options::default(), &mut |_| {});
    rewritten.expect("the fixture can be rewritten")
}

fn write(file: &TorchScript, catalogue: &Catalogue) -> Vec<u8> {
    let mut bytes = Vec::new();
    torchscript::write(file, catalogue, &mut bytes).expect("what was rewritten can be written");
    bytes
}

/// Rules, model, rewriting and file: what one run of the tool does.
#[divan::bench]
fn whole(bencher: Bencher) {
    bencher.bench_local(|| {
        let loaded = library::load(Vec::new());
        let (file, report) = rewrite(read(&loaded.catalogue), &loaded);
        assert!(report.operations.after < report.operations.before);
        write(&file, &loaded.catalogue)
    });
}

/// The archive into graphs.
#[divan::bench]
fn stage_a_read(bencher: Bencher) {
    let catalogue = Catalogue::new();
    bencher.bench_local(|| read(&catalogue));
}

/// Freezing, saturating, choosing, placing, computing constants.
#[divan::bench]
fn stage_b_optimize(bencher: Bencher) {
    let loaded = library::load(Vec::new());
    bencher
        .with_inputs(|| read(&loaded.catalogue))
        .bench_local_values(|file| rewrite(file, &loaded));
}

/// Graphs into an archive.
#[divan::bench]
fn stage_c_write(bencher: Bencher) {
    let loaded = library::load(Vec::new());
    let (file, _) = rewrite(read(&loaded.catalogue), &loaded);
    bencher.bench_local(|| write(&file, &loaded.catalogue));
}

/// Why a rule matches nothing in MobileNetV2: rules, model, pipeline, answer.
#[divan::bench(args = ["torch.quantized.same_elements", "torch.quantized.packed"])]
fn why(bencher: Bencher, rule: &str) {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/models/torchscript/mobilenet_v2/qdq.pt"
    );
    let question = Question {
        rule: rule.to_owned(),
        ..Question::default()
    };
    bencher.bench_local(|| {
        let loaded = library::load(Vec::new());
        let read = torchscript::read(Path::new(path), &loaded.catalogue);
        let file = read.expect("the fixture is understood");
        let answer = why::why(file, &loaded, &Options::default(), &question);
        answer.expect("the rule is one of those there are")
    });
}
