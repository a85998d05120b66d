//! The graph that a test gives, with contents for its parameters.
//!
//! In: a graph as read from text, in which some parameters stand for constants. Out: graphs whose constants are at hand.
//! Invariant: a constant of the expected graph is the one of that name in the given graph, else the one in its place.

use rustc_hash::FxHashMap;

use crate::check::graph::TextGraph;
use crate::graph::{
    BlockId, Constant, ConstantId, ConstantStore, Def, Dim, Facts, Graph, Literal, Name, Shape,
    TensorType, Type, ValueId,
};

use super::content::{Contents, Drawn, Style, draw};
use super::random::Random;

/// A parameter of a graph.
#[derive(Clone, Debug)]
pub(super) struct Parameter {
    pub(super) value: ValueId,
    pub(super) name: Name,
    pub(super) ty: Type,
    /// Whether it stands for a constant.
    pub(super) constant: bool,
}

/// A graph with its parameters.
#[derive(Clone, Debug)]
pub(super) struct Given {
    pub(super) graph: Graph,
    pub(super) parameters: Vec<Parameter>,
    /// Constants that the graph refers to already.
    pub(super) base: ConstantStore,
}

/// What each parameter holds, in their order.
pub(super) type Sample = Vec<Drawn>;

/// A graph whose constants are at hand, and what they are called.
#[derive(Clone, Debug)]
pub(super) struct Instance {
    pub(super) graph: Graph,
    pub(super) constants: FxHashMap<ConstantId, Name>,
}

impl Given {
    /// The graph of a text.
    pub(super) fn new(text: &TextGraph) -> Given {
        let graph = text.graph.clone();
        let parameters = graph.body().parameters.iter();
        let parameters = parameters
            .enumerate()
            .map(|(at, &value)| {
                let of = graph.value(value);
                Parameter {
                    value,
                    name: of.name.unwrap_or_else(|| Name::new(&format!("{at}"))),
                    ty: of.ty.clone(),
                    constant: text.constants.contains(&value),
                }
            })
            .collect();
        Given {
            graph,
            parameters,
            base: ConstantStore::default(),
        }
    }

    /// A graph of a model, whose parameters are all open.
    pub(super) fn of_model(graph: Graph, base: ConstantStore) -> Given {
        let text = TextGraph {
            graph,
            constants: Vec::new(),
        };
        Given {
            base,
            ..Given::new(&text)
        }
    }

    /// A sample for a graph whose inputs nobody can draw.
    pub(super) fn nothing_drawn(&self) -> Sample {
        let nothing = |_| Drawn::Literal(Literal::None);
        self.parameters.iter().map(nothing).collect()
    }

    /// Draws what the parameters hold.
    pub(super) fn draw(&self, style: Style, random: &mut Random) -> Result<Sample, String> {
        let one = |parameter: &Parameter| {
            if let (Type::Class(_) | Type::Any, false) = (&parameter.ty, parameter.constant) {
                // A module is only there to be read from; what runs such a graph fails at the first read.
                return Ok(Drawn::Literal(Literal::None));
            }
            draw(&parameter.ty, style, random)
                .map_err(|reason| format!("%{}: {reason}", parameter.name))
        };
        self.parameters.iter().map(one).collect()
    }

    /// The graph with these constants, and all constants it refers to; the other parameters stay, with the sizes of the sample.
    pub(super) fn start(&self, sample: &Sample) -> Result<(Instance, ConstantStore), String> {
        let mut store = self.base.clone();
        let instance = self.with(sample, &mut store)?;
        Ok((instance, store))
    }

    /// The graph with these constants, which go into the store.
    fn with(&self, sample: &Sample, store: &mut ConstantStore) -> Result<Instance, String> {
        let mut graph = self.graph.clone();
        let mut constants = FxHashMap::default();
        for (parameter, drawn) in self.parameters.iter().zip(sample) {
            if !parameter.constant {
                if let Drawn::Tensor(contents) = drawn {
                    resize(&mut graph, parameter.value, contents);
                }
                continue;
            }
            let def = match drawn {
                Drawn::Tensor(contents) => {
                    let tensor = contents.tensor();
                    let facts = Facts::of_tensor(&tensor);
                    let id = store.intern(Constant::Tensor(tensor), facts);
                    constants.entry(id).or_insert(parameter.name);
                    Def::Constant(id)
                }
                Drawn::Literal(literal) => Def::Literal(literal.clone()),
                Drawn::List(_) => {
                    let name = &parameter.name;
                    return Err(format!(
                        "%{name}: a constant list of tensors; write a `const` for each tensor, and the list in the graph"
                    ));
                }
            };
            if let Drawn::Tensor(contents) = drawn {
                resize(&mut graph, parameter.value, contents);
            }
            graph.value_mut(parameter.value).def = def;
        }
        keep_parameters(&mut graph);
        Ok(Instance { graph, constants })
    }

    /// Whether the sizes of parameters may change: the text says no sizes of other values.
    pub(super) fn may_shrink(&self) -> bool {
        let nodes = self.graph.walk();
        let mut results = nodes.iter().flat_map(|&id| &self.graph.node(id).results);
        !results.any(|&value| {
            matches!(
                &self.graph.value(value).ty,
                Type::Tensor(TensorType { shape: Some(_), .. })
            )
        })
    }
}

/// An expected graph with the constants of the given one.
///
/// The names of its parameters are those of the given graph's parameters that they stand for.
pub(super) fn expected(
    text: &TextGraph,
    given: &Given,
    sample: &Sample,
    store: &mut ConstantStore,
) -> Result<(Instance, FxHashMap<ValueId, Name>), String> {
    let own = Given::new(text);
    let mut taken: Vec<Drawn> = Vec::new();
    let mut names = FxHashMap::default();
    for (at, parameter) in own.parameters.iter().enumerate() {
        let same = |other: &&(usize, &Parameter)| other.1.constant == parameter.constant;
        let all: Vec<(usize, &Parameter)> = given.parameters.iter().enumerate().collect();
        let found = all
            .iter()
            .filter(same)
            .find(|(_, other)| other.name == parameter.name)
            .or_else(|| all.get(at).filter(same));
        let Some((at, other)) = found else {
            return Err(format!(
                "`%{}` of the expected graph stands for no parameter of the given one",
                parameter.name
            ));
        };
        names.insert(parameter.value, other.name);
        taken.push(sample[*at].clone());
    }
    let mut instance = own.with(&taken, store)?;
    for name in instance.constants.values_mut() {
        let parameter = own.parameters.iter().find(|p| p.name == *name);
        if let Some(other) = parameter.and_then(|p| names.get(&p.value)) {
            *name = *other;
        }
    }
    Ok((instance, names))
}

/// Writes the sizes that were drawn into the type, where the type says sizes.
fn resize(graph: &mut Graph, value: ValueId, contents: &Contents) {
    if let Type::Tensor(TensorType {
        shape: Some(shape), ..
    }) = &mut graph.value_mut(value).ty
    {
        let same = shape.len() == contents.shape.len();
        let dims = shape.iter().zip(&contents.shape);
        let sizes: Shape = dims
            .map(|(dim, &size)| match dim {
                Dim::Known(_) => Dim::Known(size as u64),
                Dim::Unknown => Dim::Unknown,
            })
            .collect();
        if same {
            *shape = sizes;
        }
    }
}

/// Leaves only parameters that are still parameters.
fn keep_parameters(graph: &mut Graph) {
    let body = Graph::BODY;
    let all = std::mem::take(&mut graph.block_mut(body).parameters);
    let kept: Vec<ValueId> = all
        .into_iter()
        .filter(|&value| matches!(graph.value(value).def, Def::Parameter { .. }))
        .collect();
    for (at, &value) in kept.iter().enumerate() {
        graph.value_mut(value).def = parameter(body, at);
    }
    graph.block_mut(body).parameters = kept;
}

fn parameter(block: BlockId, at: usize) -> Def {
    Def::Parameter {
        block,
        index: u32::try_from(at).unwrap_or(u32::MAX),
    }
}

/// A literal as patterns compare it: a whole number is that number whatever its type.
pub(super) fn plain(literal: &Literal) -> Literal {
    match literal {
        Literal::Float(x)
            if x.fract() == 0.0 && x.abs() < 9e15 && !(*x == 0.0 && x.is_sign_negative()) =>
        {
            Literal::Int(*x as i64)
        }
        Literal::List(items) => Literal::list(items.iter().map(plain)),
        Literal::Tuple(items) => Literal::Tuple(items.iter().map(plain).collect()),
        other => other.clone(),
    }
}
