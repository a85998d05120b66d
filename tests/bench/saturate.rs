//! 300 rules on networks of a thousand to a hundred thousand nodes.

mod synthetic;

use rulefold::egraph::build::{Built, build};
use rulefold::egraph::{EGraph, SaturationLimits, saturate};
use rulefold::rules::RuleSet;

use synthetic::{Network, Rules, convolutional, rule_text, rules, transformer};

fn main() {
    divan::main();
}

const SIZES: [usize; 3] = [1_000, 10_000, 100_000];

fn built(network: Network, rules: &Rules) -> Built {
    let egraph = EGraph::new(network.constants).with_keeps(&rules.library.keeps);
    let mut built = build(&network.graph, egraph, &rules.catalogue);
    built.egraph.rebuild().expect("the network is consistent");
    built
}

fn run(bencher: divan::Bencher, network: impl Fn() -> Network) {
    let rules = rules(&rule_text(300));
    let set = RuleSet::compile(&rules.library.rules).expect("the rules compile");
    bencher
        .with_inputs(|| built(network(), &rules))
        .bench_local_values(|mut built| {
            let limits = SaturationLimits::default();
            let report = saturate(&mut built.egraph, &set, &limits, &mut || false);
            assert!(report.is_ok_and(|report| report.is_complete()));
            // Returned, so that dropping it is not part of the time.
            built
        });
}

#[divan::bench(args = SIZES, sample_count = 5, sample_size = 1)]
fn of_a_convolutional_network(bencher: divan::Bencher, size: usize) {
    run(bencher, || convolutional(size));
}

#[divan::bench(args = SIZES, sample_count = 5, sample_size = 1)]
fn of_a_transformer(bencher: divan::Bencher, size: usize) {
    run(bencher, || transformer(size));
}

/// Import alone: hash-consing, facts, folding.
#[divan::bench(args = SIZES, sample_count = 5, sample_size = 1)]
fn import(bencher: divan::Bencher, size: usize) {
    let rules = rules(&rule_text(300));
    bencher
        .with_inputs(|| convolutional(size))
        .bench_local_values(|network| built(network, &rules));
}
