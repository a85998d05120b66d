//! Modules that store a state instead of attributes: `__setstate__` is followed on the values that were read.
//!
//! In: states from the pickle, code of `__setstate__`. Out: the attributes it sets, packed objects made from their parts.
//! Invariant: only the few operators that such methods use are followed; anything else is refused with its place.

#![deny(clippy::unwrap_used, clippy::indexing_slicing)]

use rustc_hash::FxHashMap;

use super::code_base::CodeBase;
use super::container::ModuleState;
use super::error::ReadError;
use super::lower::Program;
use super::objects::{Pending, declared, kind};
use super::packed::packed_class;
use crate::graph::{
    Attribute, AttributeValue, BlockId, Constant, Facts, FunctionName, Graph, Literal, Model,
    ModuleId, Name, NodeId, Packed, PackedConfig, Tensor, Type, ValueId,
};
use crate::ops::Catalogue;

/// Deeper calls are refused.
const MAX_CALLS: usize = 30;

/// Sets the attributes of all waiting modules. Returns their states, to write them again.
pub(super) fn restore<'s>(
    code: &mut CodeBase<'s>,
    model: &mut Model,
    catalogue: &Catalogue,
    constants: &[AttributeValue],
    pending: Vec<Pending>,
) -> Result<FxHashMap<ModuleId, ModuleState>, ReadError> {
    let mut states = FxHashMap::default();
    for waiting in pending {
        let method = FunctionName {
            class: Some(waiting.class),
            name: Name::new("__setstate__"),
        };
        let Some(definition) = code.definition(method)? else {
            return Err(ReadError::Object {
                place: waiting.place,
                what: format!(
                    "an object of class `{}` with a state, which has no `__setstate__`",
                    waiting.class
                ),
                cure: super::error::SAVE_AGAIN.to_owned(),
            });
        };
        let ty = definition
            .signature()
            .parameters
            .get(1)
            .and_then(|p| p.ty.clone());
        Program::new(code, model, catalogue, constants).lower_reached(method)?;
        let mut follower = Follower {
            model,
            place: &waiting.place,
            calls: 0,
        };
        let module = AttributeValue::Module(waiting.module);
        follower.function(method, vec![module, waiting.state.clone()])?;
        model.functions.clear();
        let restored = finish(code, model, &waiting)?;
        states.insert(
            waiting.module,
            ModuleState {
                value: waiting.state,
                ty: ty.unwrap_or(Type::Any),
                restored,
            },
        );
    }
    Ok(states)
}

/// Brings the attributes into the declared order and checks that all are there.
fn finish(
    code: &mut CodeBase<'_>,
    model: &mut Model,
    waiting: &Pending,
) -> Result<Vec<(Name, AttributeValue)>, ReadError> {
    let Some(class) = code.class(waiting.class)? else {
        unreachable!("objects of classes without code were refused");
    };
    let Some(module) = model.modules.get_mut(waiting.module.0 as usize) else {
        unreachable!("the object was given a module when it was met");
    };
    let mut set = std::mem::take(&mut module.attributes);
    let mut restored = Vec::new();
    for (name, ty) in declared(class.class()) {
        // PyTorch leaves what was not set at `None` and checks only that the type allows it.
        let value = match (set.swap_remove(&name), ty) {
            (Some(attribute), _) => attribute.value,
            (None, Type::None | Type::Optional(_)) => Literal::None.into(),
            (None, _) => {
                return Err(ReadError::Object {
                    place: waiting.place.clone(),
                    what: format!(
                        "`{name}`, which class `{}` declares and its `__setstate__` does not set",
                        waiting.class
                    ),
                    cure: super::error::SAVE_AGAIN.to_owned(),
                });
            }
        };
        restored.push((name, value.clone()));
        let attribute = Attribute {
            value,
            ty: ty.clone(),
            kind: kind(class.class(), name),
        };
        module.attributes.insert(name, attribute);
    }
    Ok(restored)
}

struct Follower<'a> {
    model: &'a mut Model,
    place: &'a str,
    calls: usize,
}

type Values = FxHashMap<ValueId, AttributeValue>;

impl Follower<'_> {
    fn function(
        &mut self,
        name: FunctionName,
        operands: Vec<AttributeValue>,
    ) -> Result<AttributeValue, ReadError> {
        self.calls += 1;
        if self.calls > MAX_CALLS {
            return Err(self.refuse("too many calls", None));
        }
        let Some(function) = self.model.functions.get(&name) else {
            return Err(self.refuse(&format!("a call of `{}`", name.name), None));
        };
        let graph = function.graph.clone();
        let mut values = Values::default();
        for (&parameter, value) in graph.body().parameters.iter().zip(operands) {
            values.insert(parameter, value);
        }
        self.block(&graph, Graph::BODY, &mut values)?;
        let result = graph.body().returns.first();
        Ok(match result {
            Some(&value) => self.get(&graph, &values, value)?,
            None => Literal::None.into(),
        })
    }

    fn block(
        &mut self,
        graph: &Graph,
        block: BlockId,
        values: &mut Values,
    ) -> Result<(), ReadError> {
        for &id in &graph.block(block).nodes {
            let node = graph.node(id);
            let mut operands = Vec::with_capacity(node.operands.len());
            for &operand in &node.operands {
                operands.push(self.get(graph, values, operand)?);
            }
            let results = if node.op == "prim::If" {
                let taken = usize::from(!self.truth(operands.first(), id, graph)?);
                let Some(&taken) = node.blocks.get(taken) else {
                    return Err(self.unknown(graph, id));
                };
                self.block(graph, taken, values)?;
                let returns = graph.block(taken).returns.iter();
                returns
                    .map(|&v| self.get(graph, values, v))
                    .collect::<Result<Vec<_>, _>>()?
            } else {
                self.node(graph, id, operands)?
            };
            values.extend(node.results.iter().copied().zip(results));
        }
        Ok(())
    }

    fn node(
        &mut self,
        graph: &Graph,
        id: NodeId,
        operands: Vec<AttributeValue>,
    ) -> Result<Vec<AttributeValue>, ReadError> {
        let node = graph.node(id);
        let name = node.text_attribute("name").map(Name::new);
        let op = node.op.as_str();
        if let Some(packed) = self.prepack(op, &operands) {
            return Ok(vec![packed]);
        }
        let unknown = || self.unknown(graph, id);
        let literal = |b: bool| Ok(vec![Literal::Bool(b).into()]);
        match (op, operands.as_slice(), name) {
            ("prim::GetAttr", [AttributeValue::Module(module)], Some(name)) => {
                let attribute = self.module(*module).and_then(|m| m.attributes.get(&name));
                let value = attribute.map(|attribute| attribute.value.clone());
                value.map(|value| vec![value]).ok_or_else(unknown)
            }
            ("prim::SetAttr", [AttributeValue::Module(module), value], Some(name)) => {
                let value = value.clone();
                if let Some(module) = self.model.modules.get_mut(module.0 as usize) {
                    let attribute = Attribute {
                        value,
                        ty: Type::Any,
                        kind: Default::default(),
                    };
                    module.attributes.insert(name, attribute);
                }
                Ok(Vec::new())
            }
            ("prim::CallMethod", [AttributeValue::Module(module), ..], Some(method)) => {
                let class = self.module(*module).map(|m| m.class).ok_or_else(unknown)?;
                let name = FunctionName {
                    class: Some(class),
                    name: method,
                };
                self.function(name, operands).map(|value| vec![value])
            }
            ("prim::CallFunction", _, Some(name)) => {
                let name = FunctionName { class: None, name };
                self.function(name, operands).map(|value| vec![value])
            }
            ("prim::TupleConstruct", ..) => Ok(vec![AttributeValue::Tuple(operands)]),
            ("prim::ListConstruct", ..) => Ok(vec![AttributeValue::List(operands)]),
            ("prim::TupleUnpack" | "prim::ListUnpack", [value], _) => items(value)
                .filter(|items| items.len() == node.results.len())
                .ok_or_else(unknown),
            ("prim::TupleIndex" | "aten::__getitem__.t", [value, index], _) => {
                let index = integer(index).and_then(|n| usize::try_from(n).ok());
                let found = items(value).and_then(|items| items.get(index?).cloned());
                found.map(|value| vec![value]).ok_or_else(unknown)
            }
            ("prim::unchecked_cast" | "aten::contiguous", [value, ..], _) => {
                Ok(vec![value.clone()])
            }
            ("aten::eq.str" | "aten::eq.int" | "aten::eq.bool", [a, b], _) => match (a, b) {
                (AttributeValue::Literal(a), AttributeValue::Literal(b)) => literal(a == b),
                _ => Err(unknown()),
            },
            ("aten::ne.str" | "aten::ne.int" | "aten::ne.bool", [a, b], _) => match (a, b) {
                (AttributeValue::Literal(a), AttributeValue::Literal(b)) => literal(a != b),
                _ => Err(unknown()),
            },
            ("aten::__not__", [value], _) => literal(!self.truth(Some(value), id, graph)?),
            ("aten::__is__", [value, AttributeValue::Literal(Literal::None)], _) => {
                literal(matches!(value, AttributeValue::Literal(Literal::None)))
            }
            ("aten::__isnot__", [value, AttributeValue::Literal(Literal::None)], _) => {
                literal(!matches!(value, AttributeValue::Literal(Literal::None)))
            }
            _ => Err(unknown()),
        }
    }

    /// What `quantized::*_prepack` makes.
    fn prepack(&mut self, op: &str, operands: &[AttributeValue]) -> Option<AttributeValue> {
        let family = op.strip_prefix("quantized::")?;
        let family = family.split('.').next()?;
        let family = match family.strip_suffix("_prepack") {
            Some(family) => family,
            None => family
                .strip_suffix("_prepack_fp16")
                .filter(|f| *f == "linear")?,
        };
        let family = if op.contains("_prepack_fp16") {
            "linear_fp16"
        } else {
            family
        };
        let class = packed_class(Name::new(family))?;
        let (weight, rest) = operands.split_first()?;
        let weight = self.tensor(weight)?;
        let (bias, rest) = rest.split_first()?;
        let bias = match bias {
            AttributeValue::Literal(Literal::None) => None,
            other => Some(self.tensor(other)?),
        };
        let config = match rest {
            [] => None,
            [stride, padding, dilation, groups] => Some(PackedConfig {
                stride: integers(stride)?,
                padding: integers(padding)?,
                output_padding: vec![0; integers(stride)?.len()],
                dilation: integers(dilation)?,
                groups: integer(groups)?,
                transposed: false,
            }),
            [stride, padding, output_padding, dilation, groups] => Some(PackedConfig {
                stride: integers(stride)?,
                padding: integers(padding)?,
                output_padding: integers(output_padding)?,
                dilation: integers(dilation)?,
                groups: integer(groups)?,
                transposed: true,
            }),
            _ => return None,
        };
        let packed = Packed {
            family: Name::new(family),
            weight,
            bias,
            config,
            range: (None, None),
        }
        .of_height_1();
        let facts = Facts::of_type(Type::Class(Name::new(class)));
        let id = self
            .model
            .constants
            .intern(Constant::Packed(packed.into()), facts);
        Some(AttributeValue::Constant(id))
    }

    fn tensor(&self, value: &AttributeValue) -> Option<Tensor> {
        match value {
            AttributeValue::Constant(id) => match self.model.constants.get(*id).value.get()? {
                Constant::Tensor(tensor) => Some(tensor.clone()),
                Constant::Packed(_) | Constant::Object(_) => None,
            },
            _ => None,
        }
    }

    fn get(
        &self,
        graph: &Graph,
        values: &Values,
        value: ValueId,
    ) -> Result<AttributeValue, ReadError> {
        if let Some(literal) = graph.literal(value) {
            return Ok(literal.clone().into());
        }
        if let crate::graph::Def::Constant(id) = graph.value(value).def {
            return Ok(AttributeValue::Constant(id));
        }
        values
            .get(&value)
            .cloned()
            .ok_or_else(|| self.refuse("a value that was not computed", None))
    }

    fn truth(
        &self,
        value: Option<&AttributeValue>,
        id: NodeId,
        graph: &Graph,
    ) -> Result<bool, ReadError> {
        match value {
            Some(AttributeValue::Literal(Literal::Bool(b))) => Ok(*b),
            _ => Err(self.unknown(graph, id)),
        }
    }

    fn module(&self, id: ModuleId) -> Option<&crate::graph::Module> {
        self.model.modules.get(id.0 as usize)
    }

    fn unknown(&self, graph: &Graph, id: NodeId) -> ReadError {
        let node = graph.node(id);
        self.refuse(&format!("`{}`", node.op), node.place)
    }

    fn refuse(&self, what: &str, place: Option<Name>) -> ReadError {
        let at = place
            .map(|place| format!(" at {place}"))
            .unwrap_or_default();
        ReadError::Object {
            place: self.place.to_owned(),
            what: format!("an object whose `__setstate__` uses {what}{at}, which is not supported"),
            cure: "freeze the model with torch.jit.freeze before saving it".to_owned(),
        }
    }
}

fn items(value: &AttributeValue) -> Option<Vec<AttributeValue>> {
    match value {
        AttributeValue::List(items) | AttributeValue::Tuple(items) => Some(items.clone()),
        AttributeValue::Literal(literal) => Some(
            literal
                .items()?
                .iter()
                .cloned()
                .map(AttributeValue::Literal)
                .collect(),
        ),
        _ => None,
    }
}

fn integer(value: &AttributeValue) -> Option<i64> {
    match value {
        AttributeValue::Literal(literal) => literal.as_int(),
        _ => None,
    }
}

fn integers(value: &AttributeValue) -> Option<Vec<i64>> {
    items(value)?.iter().map(integer).collect()
}
