//! What `rulefold show` prints reads back as the same graph, for every graph of every recorded model.

use rulefold::check::graph;
use rulefold::diagnostic;
use rulefold::graph::{ConstantStore, Graph, text};
use rulefold::model::torchscript;
use rulefold::ops::Catalogue;
use rulefold::pipeline::freeze;
use rulefold::source::Sources;
use rulefold::syntax::parse_graph;

use crate::recorded::cases;

/// The statements of a printed graph. The signature differs: constants read back as parameters, for a text holds no weights.
fn statements(printed: &str) -> &str {
    printed.split_once(") {\n").expect("a signature").1
}

fn reads_back(of: &str, graph: &Graph, constants: &ConstantStore) -> Result<(), String> {
    let printed = text::print(graph, constants);
    let mut sources = Sources::new();
    let source = sources.add(of, printed.as_str());
    let tree =
        parse_graph(source, &printed).map_err(|found| diagnostic::plain(&sources, &found))?;
    let read = graph::read(&tree, &Catalogue::new())
        .map_err(|found| diagnostic::plain(&sources, &found))?;
    read.graph
        .verify()
        .map_err(|error| format!("{of}: {error}"))?;
    let again = text::print(&read.graph, &ConstantStore::default());
    let (first, second) = (statements(&printed), statements(&again));
    let lines = first.lines().zip(second.lines()).find(|(a, b)| a != b);
    match lines {
        Some((a, b)) => Err(format!("{of}:\n  printed {a}\n  again   {b}")),
        None if first == second => Ok(()),
        None => Err(format!("{of}: another number of lines")),
    }
}

#[test]
fn what_is_shown_reads_back() {
    let catalogue = Catalogue::new();
    let mut wrong = Vec::new();
    for case in cases() {
        for file in ["qdq.pt", "convert.pt"] {
            let read = torchscript::read(&case.join(file), &catalogue).expect("a recorded model");
            let model = &read.model;
            let frozen = freeze::freeze(model, &[], &catalogue).expect("a frozen model");
            let functions = model
                .functions
                .iter()
                .map(|(name, function)| (name.name.to_string(), &function.graph));
            for (name, graph) in functions.chain([("frozen".to_owned(), &frozen.methods[0])]) {
                let of = format!("{} {file} {name}", case.display());
                wrong.extend(reads_back(&of, graph, &model.constants).err());
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} graphs, the first:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(5)].join("\n")
    );
}
