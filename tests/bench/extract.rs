//! The smallest equal network, with proof, out of a saturated e-graph.

mod synthetic;

use rulefold::egraph::build::{Built, build};
use rulefold::egraph::choose::{Anything, Redirect, choose};
use rulefold::egraph::extract::{Limits, Proof};
use rulefold::egraph::{EGraph, SaturationLimits, saturate};
use rulefold::rules::RuleSet;

use synthetic::{Network, convolutional, rule_text, rules, transformer};

fn main() {
    divan::main();
}

const SIZES: [usize; 3] = [1_000, 10_000, 100_000];

fn saturated(network: Network) -> Built {
    let rules = rules(&rule_text(300));
    let set = RuleSet::compile(&rules.library.rules).expect("the rules compile");
    let egraph = EGraph::new(network.constants).with_keeps(&rules.library.keeps);
    let mut built = build(&network.graph, egraph, &rules.catalogue);
    let limits = SaturationLimits::default();
    saturate(&mut built.egraph, &set, &limits, &mut || false).expect("the rules are right");
    built
}

fn run(bencher: divan::Bencher, network: Network) {
    let built = saturated(network);
    bencher.bench_local(|| {
        let candidates = built.egraph.candidates();
        let choice = choose(
            &built.egraph,
            &candidates,
            &built.skeleton,
            &Redirect::default(),
            &Anything,
            &Limits::default(),
        )
        .expect("the network can be written");
        assert_eq!(choice.proof, Proof::Optimal);
        choice.cost
    });
}

#[divan::bench(args = SIZES, sample_count = 5, sample_size = 1)]
fn from_a_convolutional_network(bencher: divan::Bencher, size: usize) {
    run(bencher, convolutional(size));
}

#[divan::bench(args = SIZES, sample_count = 5, sample_size = 1)]
fn from_a_transformer(bencher: divan::Bencher, size: usize) {
    run(bencher, transformer(size));
}
