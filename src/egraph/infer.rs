//! What a node is known to be, from what its operands are known to be.
//!
//! In: a node and the data of its operands. Out: the data of its class as far as this node tells.
//! Results are remembered by question, because models ask the same one thousands of times.
//!
//! Invariant: depends on the node and the operands' data only, so that asking again after a merge gives at least as much.

use smallvec::SmallVec;

use crate::graph::Facts;
use crate::ops;

use super::analysis::{Data, FactsAnalysis, Inner};
use super::intern::{FactsId, Known, LiteralId, Tables};
use super::language::{HeadKind, Node, Role};
use super::provenance::ApplicationId;

/// What facts and literals depend on: the head and payload, and of each operand its facts and literal.
pub(super) type Question = (u32, u32, SmallVec<[(FactsId, Option<LiteralId>); 8]>);

/// The answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inferred {
    facts: FactsId,
    literal: Option<LiteralId>,
}

/// The data that a node gives its class.
pub(super) fn infer(egraph: &mut Inner, node: &Node, operands: &[Data]) -> Data {
    let analysis = &mut egraph.analysis;
    let from = operands
        .iter()
        .map(|data| data.from)
        .fold(analysis.provenance.current, ApplicationId::max);
    let data = match analysis.heads.kind(node.head) {
        HeadKind::Literal => literal_leaf(analysis, LiteralId(node.payload)),
        HeadKind::Constant => {
            let id = crate::graph::ConstantId(node.payload);
            let facts = analysis.constants.get(id).facts.clone();
            Data {
                facts: analysis.tables.facts(facts),
                known: Known::Constant(id),
                ..Data::NOTHING
            }
        }
        HeadKind::Leaf => Data::NOTHING,
        HeadKind::Projection(result) => projection(analysis, operands[0], result),
        HeadKind::Operator { .. } => operator(analysis, node, operands),
    };
    match data.known {
        Known::No => data,
        _ => Data { from, ..data },
    }
}

fn literal_leaf(analysis: &mut FactsAnalysis, id: LiteralId) -> Data {
    let facts = Facts::of_literal(analysis.tables.get_literal(id).clone());
    Data {
        facts: analysis.tables.facts(facts),
        known: Known::Literal(id),
        ..Data::NOTHING
    }
}

fn projection(analysis: &mut FactsAnalysis, of: Data, result: u32) -> Data {
    let result = result as usize;
    let element = analysis
        .tables
        .get_facts(of.facts)
        .elements
        .as_ref()
        .and_then(|elements| elements.get(result))
        .cloned();
    let literal = element.as_ref().and_then(|facts| facts.literal.clone());
    let known = match (of.known, literal) {
        (Known::List(list), _) => analysis.tables.get_list(list).get(result).copied(),
        (_, Some(literal)) => Some(Known::Literal(analysis.tables.literal(&literal))),
        _ => None,
    };
    Data {
        facts: element.map_or(Tables::NO_FACTS, |facts| analysis.tables.facts(facts)),
        known: known.unwrap_or(Known::No),
        ..Data::NOTHING
    }
}

fn operator(analysis: &mut FactsAnalysis, node: &Node, operands: &[Data]) -> Data {
    let question: Question = (
        node.head.0,
        node.payload,
        operands
            .iter()
            .map(|data| match data.known {
                Known::Literal(id) => (data.facts, Some(id)),
                _ => (data.facts, None),
            })
            .collect(),
    );
    let inferred = match analysis.inferred.get(&question) {
        Some(&inferred) => inferred,
        None => {
            let inferred = answer(analysis, node, operands);
            analysis.inferred.insert(question, inferred);
            inferred
        }
    };
    let known = match inferred.literal {
        Some(literal) => Known::Literal(literal),
        None => known_list(analysis, node, operands),
    };
    Data {
        facts: inferred.facts,
        known,
        ..Data::NOTHING
    }
}

fn answer(analysis: &mut FactsAnalysis, node: &Node, operands: &[Data]) -> Inferred {
    let operand_facts: Vec<Facts> = operands
        .iter()
        .map(|&data| analysis.full_facts(data))
        .collect();
    let HeadKind::Operator { op, results, .. } = analysis.heads.kind(node.head) else {
        unreachable!("only operators are asked")
    };
    let mut inferred = analysis.catalogue.infer(op.as_str(), &operand_facts);
    let folded = ops::fold_from_facts(op.as_str(), &operand_facts);
    let (facts, literal) = match (results, folded) {
        (1, folded) => {
            let facts = inferred.into_iter().next().unwrap_or_default();
            let literal = facts.literal.clone();
            (
                facts,
                folded.and_then(|all| all.into_iter().next()).or(literal),
            )
        }
        (_, folded) => {
            inferred.resize(results as usize, Facts::default());
            for (facts, literal) in inferred.iter_mut().zip(folded.into_iter().flatten()) {
                facts.literal = Some(literal);
            }
            let facts = Facts {
                elements: Some(inferred.into()),
                ..Facts::default()
            };
            (facts, None)
        }
    };
    Inferred {
        facts: analysis.tables.facts(facts),
        literal: literal.map(|literal| analysis.tables.literal(&literal)),
    }
}

/// A list of constants is known as a list, though no leaf stands for it.
fn known_list(analysis: &mut FactsAnalysis, node: &Node, operands: &[Data]) -> Known {
    match analysis.heads.role(node.head) {
        Role::ListConstruct | Role::TupleConstruct => {
            if operands.iter().any(|data| data.known == Known::No) {
                return Known::No;
            }
            let items = operands.iter().map(|data| data.known).collect();
            Known::List(analysis.tables.list(items))
        }
        Role::Unpack => match operands[0].known {
            list @ Known::List(_) => list,
            _ => Known::No,
        },
        Role::DictConstruct | Role::Index | Role::Slice | Role::Length | Role::None => Known::No,
    }
}
