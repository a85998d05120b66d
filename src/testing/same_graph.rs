//! `expect graph`: what came out against what is expected.
//!
//! In: a graph that came out, an expected one as text. Out: nothing if they are the same, else the lines that differ.
//! Invariant: names of values and the order of independent nodes do not count; parameters stand for each other by name, else by place.
//! Invariant: both are folded alike, so that constants are equal however they are written.

use rustc_hash::FxHashMap;

use crate::check::graph::TextGraph;
use crate::graph::{ConstantId, ConstantStore, Graph, Name};
use crate::pipeline::library::Loaded;
use crate::source::Span;

use super::act::untouched;
use super::canonical::{Around, Expressions};
use super::given::{Given, Sample, expected};
use super::lines::{Line, difference};
use super::outcome::{Failure, FailureKind};

/// What came out.
pub(super) struct Side<'a> {
    pub(super) graph: &'a Graph,
    /// What its constants are called.
    pub(super) constants: &'a FxHashMap<ConstantId, Name>,
}

/// Why two graphs cannot be compared.
pub(super) enum Incomparable {
    /// The expected one has other parameters.
    Signature(String),
    /// Something is wrong with it.
    NotRun(String),
}

impl Incomparable {
    /// The failure at the expectation.
    pub(super) fn into_failure(self, span: Span) -> Failure {
        match self {
            Incomparable::Signature(reason) => {
                Failure::new(FailureKind::WrongGraph, span, "another signature").note(reason)
            }
            Incomparable::NotRun(reason) => {
                Failure::new(FailureKind::NotRun, span, "cannot be compared").note(reason)
            }
        }
    }
}

type Answer = Result<Option<Vec<Line>>, Incomparable>;

/// Compares; gives the constants back.
pub(super) fn against(
    loaded: &Loaded,
    text: &TextGraph,
    given: &Given,
    sample: &Sample,
    found: &Side<'_>,
    mut store: ConstantStore,
) -> (Answer, ConstantStore) {
    let (wanted, names) = match expected(text, given, sample, &mut store) {
        Ok(wanted) => wanted,
        Err(reason) => return (Err(Incomparable::Signature(reason)), store),
    };
    let kept = store.clone();
    let (graph, store) = match untouched(&wanted.graph, store, loaded) {
        Ok(done) => done,
        Err(reason) => return (Err(Incomparable::NotRun(reason)), kept),
    };
    // The engine keeps parameters and their order.
    let parameters = wanted.graph.body().parameters.iter();
    let names = parameters
        .zip(&graph.body().parameters)
        .filter_map(|(old, new)| Some((*new, *names.get(old)?)))
        .collect();
    let mut all = Expressions::default();
    let around = |parameters| Around {
        catalogue: &loaded.catalogue,
        store: &store,
        constants: found.constants,
        parameters,
    };
    let unnamed = FxHashMap::default();
    let wanted = all.form(&graph, &around(&names));
    let came = all.form(found.graph, &around(&unnamed));
    if wanted == came {
        return (Ok(None), store);
    }
    let (wanted, came) = (all.lines(&wanted, true), all.lines(&came, true));
    (Ok(Some(difference(&wanted, &came))), store)
}

/// The lines of a graph. With `named`, values are called as in the graph; else they are numbered.
pub(super) fn lines(
    loaded: &Loaded,
    graph: &Graph,
    store: &ConstantStore,
    constants: &FxHashMap<ConstantId, Name>,
    named: bool,
) -> Vec<String> {
    let mut all = Expressions::default();
    let around = Around {
        catalogue: &loaded.catalogue,
        store,
        constants,
        parameters: &FxHashMap::default(),
    };
    let form = all.form(graph, &around);
    all.lines(&form, named)
}

/// A graph whose values are numbered in the order they are computed.
pub(super) fn graph_text(
    loaded: &Loaded,
    graph: &Graph,
    store: &ConstantStore,
    constants: &FxHashMap<ConstantId, Name>,
    signature: &str,
) -> String {
    let mut text = format!("graph({signature}) {{\n");
    for line in lines(loaded, graph, store, constants, false) {
        text += &format!("  {line}\n");
    }
    text + "}\n"
}
