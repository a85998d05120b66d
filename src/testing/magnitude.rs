//! How large the numbers are that a graph computes with, also where they cancel: what rounding is measured by.
//!
//! In: a graph. Out: one that gives, for each result of the body, a number at least as large as all that went into it.
//! Products, sums and norms are run again on absolute values, as in Higham's running error bound (Accuracy and Stability of Numerical
//! Algorithms, 3.3): |fl(Σ x·w) − Σ x·w| ≤ γ · Σ |x|·|w|. A batch norm is x·α + (β − μ·α), of which no sum shows how large μ·α is.
//!
//! Invariant: of what is not in the table the result counts, as an absolute value.

use rustc_hash::FxHashMap;

use crate::graph::{Graph, Literal, Name, Node, NodeId, Type, ValueId};

/// How the magnitude of a result follows from those of the operands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Follows {
    /// The operator itself on magnitudes.
    Same,
    /// It is that of the first operand.
    First,
    /// A sum; with this overload, behind the point.
    Sum,
    /// The first over the absolute value of the second.
    Quotient,
    /// The same with the mean turned around.
    Norm,
}

fn follows(op: &str) -> Option<Follows> {
    let base = op.strip_prefix("aten::")?.split('.').next()?;
    Some(match base {
        "conv1d" | "conv2d" | "conv3d" | "conv_transpose1d" | "conv_transpose2d"
        | "conv_transpose3d" | "_convolution" | "linear" | "matmul" | "mm" | "bmm" | "addmm"
        | "mul" | "squeeze" | "unsqueeze" | "reshape" | "flatten" | "permute" | "transpose"
        | "t" | "contiguous" => Follows::Same,
        "relu" | "relu6" | "hardtanh" | "clamp" | "neg" | "abs" | "dropout" | "detach" => {
            Follows::First
        }
        "add" | "sub" => Follows::Sum,
        "div" => Follows::Quotient,
        "batch_norm" => Follows::Norm,
        _ => return None,
    })
}

/// The graph with magnitudes of all results of its body as its results.
pub(super) fn with_magnitudes(graph: &Graph) -> Graph {
    let mut builder = Builder {
        out: graph.clone(),
        known: FxHashMap::default(),
    };
    for id in graph.block(Graph::BODY).nodes.clone() {
        builder.node(graph, id);
    }
    let nodes = graph.block(Graph::BODY).nodes.iter();
    let results = nodes.flat_map(|&id| graph.node(id).results.clone());
    let returns = results.filter_map(|value| builder.known.get(&value).copied());
    let returns: Vec<ValueId> = returns.collect();
    builder.out.block_mut(Graph::BODY).returns = returns;
    builder.out
}

struct Builder {
    out: Graph,
    /// Magnitudes of values.
    known: FxHashMap<ValueId, ValueId>,
}

impl Builder {
    fn add(&mut self, op: &str, operands: Vec<ValueId>) -> ValueId {
        let node = self
            .out
            .add_node(Graph::BODY, Node::new(Name::new(op), operands));
        self.out.add_result(node, Type::tensor(), None)
    }

    /// The magnitude of a value: a literal's own, else what is known of it, else its absolute value.
    fn of(&mut self, value: ValueId) -> ValueId {
        if let Some(&known) = self.known.get(&value) {
            return known;
        }
        let found = match self.out.literal(value).cloned() {
            Some(Literal::Int(n)) => self
                .out
                .add_literal(Literal::Int(n.saturating_abs()), Type::Int),
            Some(Literal::Float(x)) => self.out.add_literal(Literal::Float(x.abs()), Type::Float),
            Some(_) => value,
            None => match self.out.value(value).ty {
                Type::Tensor(_) | Type::Optional(_) => self.add("aten::abs", vec![value]),
                _ => value,
            },
        };
        self.known.insert(value, found);
        found
    }

    fn node(&mut self, graph: &Graph, id: NodeId) {
        let node = graph.node(id);
        let &[result] = node.results.as_slice() else {
            return;
        };
        if !graph.value(result).ty.is_tensor() || !node.blocks.is_empty() {
            return;
        }
        let op = node.op.as_str();
        let mut operands = node.operands.clone();
        // Operands behind the third are strides and the like.
        const TENSORS: usize = 3;
        let magnitude = match follows(op) {
            None => self.of(result),
            Some(Follows::First) => match operands.first() {
                Some(&first) => self.of(first),
                None => return,
            },
            Some(Follows::Same) => {
                for operand in operands.iter_mut().take(TENSORS) {
                    if graph.value(*operand).ty.is_tensor() || op.starts_with("aten::mul") {
                        *operand = self.of(*operand);
                    }
                }
                self.add(op, operands)
            }
            Some(Follows::Sum) => {
                for operand in &mut operands {
                    *operand = self.of(*operand);
                }
                self.add(&op.replace("::sub", "::add"), operands)
            }
            Some(Follows::Quotient) => {
                if let [first, second, ..] = operands.as_mut_slice() {
                    *first = self.of(*first);
                    *second = match graph.literal(*second) {
                        Some(_) => self.of(*second),
                        None => self.add("aten::abs", vec![*second]),
                    };
                }
                self.add(op, operands)
            }
            Some(Follows::Norm) => {
                for operand in operands.iter_mut().take(TENSORS) {
                    *operand = self.of(*operand);
                }
                if let Some(mean) = operands.get_mut(TENSORS)
                    && graph.literal(*mean).is_none()
                {
                    let magnitude = self.of(*mean);
                    *mean = self.add("aten::neg", vec![magnitude]);
                }
                self.add(op, operands)
            }
        };
        self.known.insert(result, magnitude);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::graph::read;
    use crate::eval::{ModelHost, numbers, run};
    use crate::graph::{ConstantStore, DType, Model, Tensor};
    use crate::ops::Catalogue;
    use crate::source::SourceId;
    use crate::syntax::parse_graph;

    fn largest(text: &str, inputs: &[(&[usize], &[f32])]) -> f64 {
        let tree = parse_graph(SourceId::new(0), text).expect("it is a graph");
        let read = read(&tree, &Catalogue::new()).expect("it is right");
        let inputs = inputs.iter().map(|(shape, elements)| {
            let bytes = elements.iter().flat_map(|x| x.to_le_bytes()).collect();
            Tensor::contiguous(DType::F32, shape.to_vec(), bytes).into()
        });
        let model = Model::default();
        let (graph, store) = (with_magnitudes(&read.graph), ConstantStore::default());
        let values = run(
            &graph,
            &store,
            inputs.collect(),
            &mut ModelHost::new(&model),
        );
        let values = values.expect("it runs");
        let tensors = values.iter().filter_map(|value| value.as_tensor());
        tensors.filter_map(numbers).flatten().fold(0.0, f64::max)
    }

    #[test]
    fn what_cancels_counts() {
        let text = "graph(%x: Tensor, %w: Tensor) {
          %y = aten::linear(%x, %w, none)
          return (%y)
        }";
        let inputs: [(&[usize], &[f32]); 2] =
            [(&[1, 2], &[1000.0, 1000.0]), (&[1, 2], &[500.0, -500.0])];
        assert_eq!(largest(text, &inputs), 1e6);
        let text = "graph(%x: Tensor, %m: Tensor, %v: Tensor) {
          %y = aten::batch_norm(%x, none, none, %m, %v, false, 0.1, 0., true)
          %z = aten::relu(aten::sub(%y, %y, 2))
          return (%z)
        }";
        let inputs: [(&[usize], &[f32]); 3] = [(&[1, 1], &[8.0]), (&[1], &[6.0]), (&[1], &[4.0])];
        // 8 / 2 - 6 / 2 is made of 4 and 3; three times that.
        assert_eq!(largest(text, &inputs), 21.0);
    }
}
