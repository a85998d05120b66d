//! Sequences of modules that belong together, and what became of each.
//!
//! In: lists of module paths, and the sequences of classes there are. Out: an error for a list that is none of them; after the steps, a
//! line of the report for each list.
//! Invariant: what is said of a list is read off the graphs: which module a node came from, and what its operands are computed by.

use crate::check::evaluate::Val;
use crate::check::rule::Expr;
use crate::graph::{Graph, Literal, Model, ModuleId, Name, NodeId, unmangled};
use crate::ops;

use super::job::JobError;
use super::report::{Island, Sequence, SequenceOutcome};
use super::settings::Settings;
use super::steps::Run;

/// What a module of a sequence does.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Role {
    Product,
    Norm,
    Relu,
}

impl Role {
    fn of(class: &str) -> Role {
        match class {
            "ReLU" => Role::Relu,
            class if class.starts_with("BatchNorm") => Role::Norm,
            _ => Role::Product,
        }
    }

    fn is_of(self, op: &str) -> bool {
        match self {
            Role::Product => ops::is_product(op),
            Role::Norm => op == "aten::batch_norm",
            Role::Relu => matches!(op, "aten::relu" | "aten::relu_"),
        }
    }
}

/// A list as given, each module with what it does.
#[derive(Clone, Debug)]
pub(super) struct Given {
    modules: Vec<(String, Role)>,
}

impl Given {
    fn path(&self, role: Role) -> Option<&str> {
        let found = self.modules.iter().find(|(_, of)| *of == role);
        found.map(|(path, _)| path.as_str())
    }
}

impl Run<'_> {
    /// Notes these lists of modules; refuses paths without a module, sequences that are none of `known`, and modules in two lists.
    pub(super) fn note_sequences(
        &mut self,
        settings: &Settings,
        modules: &Expr,
        known: &Expr,
    ) -> Result<(), JobError> {
        let names = self.names();
        let groups = settings.groups(modules, &names, "sequences(modules)")?;
        let Val::Literal(known) = settings.evaluate(known, &names) else {
            return Err(settings.no_value("sequences(known)"));
        };
        let known = texts_of(&known).ok_or_else(|| {
            settings.wrong("sequences(known)", "a list of tuples of names of classes")
        })?;
        let mut seen: Vec<String> = Vec::new();
        for group in groups {
            let mut classes: Vec<String> = Vec::new();
            for path in &group {
                self.refuse_unknown_module(path)?;
                if seen.contains(path) {
                    return Err(JobError::ModuleTwice { path: path.clone() });
                }
                seen.push(path.clone());
                classes.push(class_at(&self.file.model, path));
            }
            if !known.contains(&classes) {
                let given = group.iter().zip(&classes);
                let given = given.map(|(path, class)| format!("{path} ({class})"));
                let known = known.iter().map(|sequence| sequence.join(", "));
                return Err(JobError::Sequence {
                    given: given.collect::<Vec<_>>().join(", "),
                    known: known.collect(),
                });
            }
            let modules = group.into_iter().zip(&classes);
            let modules = modules.map(|(path, class)| (path, Role::of(class)));
            self.sequences.push(Given {
                modules: modules.collect(),
            });
        }
        Ok(())
    }

    /// What became of each list, for the report.
    pub(super) fn judge_sequences(&mut self) {
        let graphs: Vec<&Graph> = self.graphs().collect();
        let islands = &self.report.islands;
        let judged = self.sequences.iter().map(|given| {
            let (outcome, what) = judged(given, &graphs, islands);
            Sequence {
                modules: given.modules.iter().map(|(path, _)| path.clone()).collect(),
                outcome,
                what,
            }
        });
        let judged: Vec<Sequence> = judged.collect();
        self.report.sequences = judged;
    }
}

/// Lists or tuples of texts.
fn texts_of(rows: &Literal) -> Option<Vec<Vec<String>>> {
    let row = |row: &Literal| {
        let items = row.items()?.iter();
        items
            .map(|item| item.as_str().map(str::to_owned))
            .collect::<Option<Vec<String>>>()
    };
    rows.items()?.iter().map(row).collect()
}

/// The class of the module at a path that exists: its name for modules of PyTorch, in full for others.
fn class_at(model: &Model, path: &str) -> String {
    let mut at = Model::ROOT;
    for step in path.split('.') {
        at = inner(model, at, step).unwrap_or(at);
    }
    let class = unmangled(model.module(at).class.as_str());
    let known = class.strip_prefix("torch.nn.modules.");
    match known.and_then(|known| known.rsplit_once('.')) {
        Some((_, name)) => name.to_owned(),
        None => class,
    }
}

fn inner(model: &Model, at: ModuleId, step: &str) -> Option<ModuleId> {
    use crate::graph::AttributeValue::Module;
    match model.module(at).attributes.get(&Name::new(step))?.value {
        Module(inner) => Some(inner),
        _ => None,
    }
}

/// Nodes of a module that do what it is for.
fn nodes_of<'g>(graphs: &[&'g Graph], path: &str, role: Role) -> Vec<(&'g Graph, NodeId)> {
    let mut found = Vec::new();
    for &graph in graphs {
        let nodes = graph.walk().into_iter().filter(|&id| {
            let node = graph.node(id);
            node.scope.is_some_and(|scope| scope.as_str() == path) && role.is_of(node.op.as_str())
        });
        found.extend(nodes.map(|id| (graph, id)));
    }
    found
}

fn judged(given: &Given, graphs: &[&Graph], islands: &[Island]) -> (SequenceOutcome, String) {
    let norm = given.path(Role::Norm).zip(given.path(Role::Product));
    let norm = norm.map(|(norm, product)| judged_norm(norm, product, graphs, islands));
    if let Some(left @ (SequenceOutcome::Left, _)) = norm {
        return left;
    }
    let relu = given.path(Role::Relu);
    let relu = relu.map(|relu| judged_relu(relu, given, graphs));
    match (norm, relu) {
        (Some((outcome, norm)), Some((_, relu))) => (outcome, format!("{norm}; {relu}")),
        (Some(judged), None) | (None, Some(judged)) => judged,
        (None, None) => unreachable!("every sequence holds a norm behind a product, or a relu"),
    }
}

/// Whether a node is of the module at a path.
fn is_of(graph: &Graph, id: NodeId, path: &str) -> bool {
    let scope = graph.node(id).scope;
    scope.is_some_and(|scope| scope.as_str() == path)
}

fn judged_norm(
    norm: &str,
    product: &str,
    graphs: &[&Graph],
    islands: &[Island],
) -> (SequenceOutcome, String) {
    let Some(&(graph, id)) = nodes_of(graphs, norm, Role::Norm).first() else {
        // A folded product stands where the norm stood, and counts as made by either.
        let mut products = [product, norm].into_iter();
        if products.any(|path| !nodes_of(graphs, path, Role::Product).is_empty()) {
            let what = format!("`{norm}` is folded into `{product}`");
            return (SequenceOutcome::Folded, what);
        }
        let what = format!("no method computes `{product}` or `{norm}`");
        return (SequenceOutcome::Left, what);
    };
    let reads = graph.node(id).operands.first();
    let why = match reads.and_then(|&value| graph.producer(value)) {
        Some(maker) if is_of(graph, maker, product) => islands
            .iter()
            .find(|island| island.module.as_deref() == Some(norm))
            .map_or("no rule folds it".to_owned(), |island| {
                island.reason.clone()
            }),
        maker => format!("it reads {}", described(graph, maker)),
    };
    let what = format!("`{norm}` is not folded into `{product}`: {why}");
    (SequenceOutcome::Left, what)
}

fn judged_relu(relu: &str, given: &Given, graphs: &[&Graph]) -> (SequenceOutcome, String) {
    let before = || {
        let paths = given.modules.iter().map(|(path, _)| path.as_str());
        paths.filter(|path| *path != relu)
    };
    let last = before().next_back().unwrap_or_default();
    let nodes = nodes_of(graphs, relu, Role::Relu);
    if nodes.is_empty() {
        return (
            SequenceOutcome::Left,
            format!("no method computes `{relu}`"),
        );
    }
    let other = nodes.iter().find_map(|&(graph, id)| {
        let value = graph.node(id).operands.first()?;
        let maker = graph.producer(*value);
        let follows = maker.is_some_and(|maker| before().any(|path| is_of(graph, maker, path)));
        (!follows).then(|| described(graph, maker))
    });
    match other {
        Some(other) => (
            SequenceOutcome::Left,
            format!("`{relu}` does not follow `{last}`: it reads {other}"),
        ),
        None => (
            SequenceOutcome::Recognized,
            format!(
                "`{relu}` follows `{last}`: two operators in a float model, one in a quantized"
            ),
        ),
    }
}

/// What a value is computed by.
fn described(graph: &Graph, maker: Option<NodeId>) -> String {
    let Some(maker) = maker else {
        return "an input of the model".to_owned();
    };
    let node = graph.node(maker);
    match node.scope {
        Some(scope) => format!("the result of `{}` of `{scope}`", node.op),
        None => format!("the result of `{}`", node.op),
    }
}
