//! Computing what is constant: a pure operator whose operands are all known is known too.
//!
//! In: a node and the data of its operands. Out: its value: a literal, a constant of the store, or a list of such.
//! Scalars, texts, lists and tensors up to [`AT_ONCE`] bytes are computed here; a larger tensor or packed object becomes an expression
//! of the store, of which type, shape and bytes are known and which is computed when somebody writes it.
//!
//! Invariant: what a `keep` of the rules matches, what is not pure and what has no exact kernel is never folded.
//! Invariant: a kernel that refuses its operands leaves the node as it is: the model will say so itself when it runs.

use smallvec::SmallVec;

use crate::eval::{self, Value};
use crate::graph::{Constant, ConstantOperand, Expression, Facts, Name, Type};
use crate::ops::{self, Purity};

use super::analysis::{Data, FactsAnalysis};
use super::classes::EGraph;
use super::intern::Known;
use super::language::{Class, HeadKind};

/// Tensors of up to this many bytes are computed as soon as they are known to be constant.
pub(super) const AT_ONCE: u64 = 1024;

/// What folding depends on: head, payload and the values of the operands.
pub(super) type Question = (u32, u32, SmallVec<[Known; 8]>);

impl EGraph {
    /// Folds what the changes from number `from` on made constant, and what that makes constant in turn; whether there was anything.
    pub(super) fn fold_changed(&mut self, from: usize) -> bool {
        let mut changed = false;
        let mut at = from;
        loop {
            while let Some(&class) = self.inner.analysis.dirty.get(at) {
                at += 1;
                changed |= self.fold_node(class);
            }
            let Some(class) = self.inner.analysis.newly_known.pop() else {
                break;
            };
            let users: SmallVec<[Class; 8]> = self.inner[class].parents().collect();
            for user in users {
                changed |= self.fold_node(user);
            }
        }
        changed
    }

    /// Folds the node with this number, if nothing is known of its class; whether that worked.
    fn fold_node(&mut self, number: Class) -> bool {
        let node = self.inner.id_to_node(number);
        let HeadKind::Operator { op, results, .. } = self.inner.analysis.heads.kind(node.head)
        else {
            return false;
        };
        if node.children.is_empty() || !self.inner.analysis.heads.may_fold(node.head) {
            return false;
        }
        let mut operands: SmallVec<[Data; 8]> = SmallVec::new();
        for &child in &node.children {
            let data = self.data(child);
            if data.known == Known::No {
                return false;
            }
            operands.push(data);
        }
        let data = self.data(number);
        if data.known != Known::No || self.is_kept(node) {
            return false;
        }
        let question: Question = (
            node.head.0,
            node.payload,
            operands.iter().map(|data| data.known).collect(),
        );
        let analysis = &mut self.inner.analysis;
        let known = match analysis.folded.get(&question) {
            Some(&known) => known,
            None => {
                let facts = analysis.full_facts(data);
                let known = compute(analysis, op, results, &operands, &facts);
                let known = known.unwrap_or(Known::No);
                analysis.folded.insert(question, known);
                known
            }
        };
        if known == Known::No {
            return false;
        }
        let origin = analysis.provenance.origin(usize::from(number));
        let from = operands.iter().map(|data| data.from).fold(origin, Ord::max);
        let facts = match known {
            Known::Constant(id) => {
                let facts = analysis.constants.get(id).facts.clone();
                let computed = analysis.tables.facts(facts);
                analysis.join_facts(data.facts, computed)
            }
            _ => data.facts,
        };
        self.inner
            .set_analysis_data(number, Data { facts, known, from });
        // egg does not count new data as a change, but what uses the class has to hear of it.
        self.inner.clean = false;
        self.inner.analysis.newly_known.push(number);
        self.inner.analysis.better_known.push(number);
        true
    }
}

fn compute(
    analysis: &mut FactsAnalysis,
    op: Name,
    results: u32,
    operands: &[Data],
    facts: &Facts,
) -> Option<Known> {
    let literal = |at: usize| match operands.get(at)?.known {
        Known::Literal(id) => Some(analysis.tables.get_literal(id)),
        _ => None,
    };
    if analysis.catalogue.purity(op.as_str(), literal) != Purity::Pure {
        return None;
    }
    let facts: SmallVec<[Facts; 1]> = match (&facts.elements, results) {
        (_, 1) => SmallVec::from_elem(facts.clone(), 1),
        (Some(elements), _) => elements.iter().cloned().collect(),
        (None, _) => SmallVec::new(),
    };
    let bytes: Option<SmallVec<[u64; 1]>> = facts
        .iter()
        .map(|facts| expected_bytes(analysis, op, operands, facts))
        .collect();
    let operands: Option<Vec<ConstantOperand>> = operands
        .iter()
        .map(|data| constant_operand(analysis, data.known))
        .collect();
    let operands = operands?;
    match bytes {
        Some(bytes) if bytes.iter().sum::<u64>() > AT_ONCE => {
            let constants = (0..)
                .zip(facts.iter().zip(&bytes))
                .map(|(result, (facts, bytes))| {
                    let expression = Expression {
                        op,
                        operands: operands.clone(),
                        result,
                    };
                    let store = &mut analysis.constants;
                    Known::Constant(store.expression(expression, facts.clone(), *bytes))
                });
            let constants: Vec<Known> = constants.collect();
            several(analysis, constants, results)
        }
        Some(_) => {
            let values: Result<Vec<Value>, _> = operands
                .iter()
                .map(|operand| value(analysis, operand))
                .collect();
            let made = eval::call(op.as_str(), &values.ok()?).ok()?;
            let known: Option<Vec<Known>> = made
                .into_iter()
                .map(|value| known_value(analysis, value))
                .collect();
            several(analysis, known?, results)
        }
        None => None,
    }
}

/// One result is the value of the class; several are a list of values, of which projections take their own.
fn several(analysis: &mut FactsAnalysis, known: Vec<Known>, results: u32) -> Option<Known> {
    match (known.as_slice(), results) {
        ([one], 1) => Some(*one),
        (_, 1) => None,
        _ if known.len() == results as usize => Some(Known::List(analysis.tables.list(known))),
        _ => None,
    }
}

/// Bytes that a result needs in a file: nothing for what is no tensor. `None` if they cannot be told before it is computed.
fn expected_bytes(
    analysis: &FactsAnalysis,
    op: Name,
    operands: &[Data],
    facts: &Facts,
) -> Option<u64> {
    if let Some(bytes) = ops::result_bytes(facts) {
        return Some(bytes);
    }
    let result = analysis.catalogue.schema(op.as_str())?.results.first()?;
    if !holds_tensors(&result.ty) {
        return Some(0);
    }
    // What is made of little is little.
    let bytes = operands.iter().map(|data| match data.known {
        Known::Constant(id) => analysis.constants.get(id).bytes,
        _ => 0,
    });
    Some(bytes.sum()).filter(|bytes| *bytes <= AT_ONCE)
}

fn holds_tensors(ty: &Type) -> bool {
    match ty {
        Type::Int | Type::Float | Type::Complex | Type::Bool | Type::Scalar | Type::Str => false,
        Type::Device | Type::None => false,
        Type::List(inner) | Type::Optional(inner) => holds_tensors(inner),
        Type::Tuple(types) => types.iter().any(holds_tensors),
        _ => true,
    }
}

fn constant_operand(analysis: &FactsAnalysis, known: Known) -> Option<ConstantOperand> {
    Some(match known {
        Known::No => return None,
        Known::Literal(id) => ConstantOperand::Literal(analysis.tables.get_literal(id).clone()),
        Known::Constant(id) => ConstantOperand::Constant(id),
        Known::List(list) => {
            let items = analysis.tables.get_list(list).iter();
            let items = items.map(|item| constant_operand(analysis, *item));
            ConstantOperand::List(items.collect::<Option<_>>()?)
        }
    })
}

fn value(analysis: &FactsAnalysis, operand: &ConstantOperand) -> Result<Value, eval::EvalError> {
    Ok(match operand {
        ConstantOperand::Literal(literal) => Value::Literal(literal.clone()),
        ConstantOperand::Constant(id) => eval::force(&analysis.constants, *id)?.into(),
        ConstantOperand::List(items) => Value::list(
            items
                .iter()
                .map(|item| value(analysis, item))
                .collect::<Result<_, _>>()?,
        ),
    })
}

/// Enters a computed value into the tables; nothing for what is neither a value of a graph nor a constant.
fn known_value(analysis: &mut FactsAnalysis, value: Value) -> Option<Known> {
    Some(match value {
        Value::Literal(literal) => Known::Literal(analysis.tables.literal(&literal)),
        Value::Tensor(tensor) => known_constant(analysis, Constant::Tensor(tensor)),
        Value::Packed(packed) => known_constant(analysis, Constant::Packed(packed)),
        Value::Object(object) => known_constant(analysis, Constant::Object(object)),
        Value::List(items) => {
            let items: Option<Vec<Known>> = items
                .into_iter()
                .map(|item| known_value(analysis, item))
                .collect();
            Known::List(analysis.tables.list(items?))
        }
        Value::Tuple(_) | Value::Module(_) => return None,
    })
}

fn known_constant(analysis: &mut FactsAnalysis, constant: Constant) -> Known {
    let facts = ops::facts_of_constant(&constant);
    Known::Constant(analysis.constants.intern(constant, facts))
}
