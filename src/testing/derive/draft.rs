//! A sketch with everything chosen, as the text of a graph.
//!
//! In: a sketch, what stands in its open places. Out: `graph(...) { ... }`.
//! Invariant: each part is written once, before what reads it; names are those of the rule, where it has some.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use crate::check::rule::{Expr, Slot};
use crate::graph::text::{LiteralText, TypeText};
use crate::graph::{DType, Literal, Type};
use crate::ops::torch_dtype;
use crate::rules::{CompiledVariant, slots_of};

use super::contents::{Kind, Mentions, Options, Plain, SCALE, ZERO_POINT, options, types};
use super::sketch::{Call, Open, Part, PartId, Sketch, some_module};

/// Something to choose.
#[derive(Clone, Debug)]
pub(super) struct Coordinate {
    pub(super) part: PartId,
    pub(super) options: Options,
    pub(super) chosen: usize,
}

/// A sketch with what is chosen for it.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) sketch: Sketch,
    pub(super) coordinates: Vec<Coordinate>,
}

impl Draft {
    /// The sketch with the plainest contents.
    pub(super) fn new(sketch: Sketch, variant: &CompiledVariant) -> Draft {
        let mut mentions = Mentions::default();
        for guard in &variant.guards {
            mentions.add(&guard.condition, &variant.lets);
        }
        let mut coordinates = Vec::new();
        for (at, part) in sketch.parts.iter().enumerate() {
            let all = match part {
                Part::Open(open) => options(open, &mentions),
                Part::Call(Call { ty: Some(ty), .. }) => vec![types(ty, &mentions)],
                _ => Vec::new(),
            };
            let part = PartId(at);
            coordinates.extend(all.into_iter().map(|options| Coordinate {
                part,
                options,
                chosen: 0,
            }));
        }
        Draft {
            sketch,
            coordinates,
        }
    }

    /// The coordinates that a condition depends on; with `all`, also those that its functions do not ask about.
    pub(super) fn below(
        &self,
        condition: &Expr,
        variant: &CompiledVariant,
        all: bool,
    ) -> Vec<usize> {
        use crate::check::rule::Function::{Class, DType, IsConst, IsRoot, QParams, Rank, Shape};
        let mut mentions = Mentions::default();
        mentions.add(condition, &variant.lets);
        let mut parts = Vec::new();
        let slots: Vec<Slot> = slots_of(condition, &variant.lets);
        for slot in &slots {
            for &part in self.sketch.slots.get(slot).into_iter().flatten() {
                self.sketch.open_below(part, &mut parts);
            }
        }
        let is_about_facts = [Class, DType, IsConst, IsRoot, QParams, Rank, Shape]
            .iter()
            .any(|&function| mentions.has(function));
        let asks_none = mentions.literals.contains(&Literal::None);
        let numbered = self.coordinates.iter().enumerate();
        let found = numbered.filter(|(_, coordinate)| {
            let wanted = match &coordinate.options {
                Options::Plain(_) | Options::Type(_) => true,
                Options::DType(_) => mentions.has(DType) || mentions.has(QParams),
                Options::Dims(_) => mentions.has(Shape) || mentions.has(Rank) || !is_about_facts,
                Options::Kind(_) => {
                    mentions.has(QParams) || mentions.has(IsConst) || asks_none || !is_about_facts
                }
            };
            (wanted || all) && parts.contains(&coordinate.part)
        });
        found.map(|(at, _)| at).collect()
    }

    /// All coordinates but element types and sizes.
    pub(super) fn apart_from_sizes(&self) -> Vec<usize> {
        let numbered = self.coordinates.iter().enumerate();
        let found = numbered.filter(|(_, one)| {
            matches!(
                one.options,
                Options::Kind(_) | Options::Plain(_) | Options::Type(_)
            )
        });
        found.map(|(at, _)| at).collect()
    }

    /// Takes over what was chosen for a sketch of the same patterns, in which a name was not two values.
    pub(super) fn follow(&mut self, other: &Draft) {
        let twin = self.sketch.twin;
        let own = self
            .coordinates
            .iter_mut()
            .filter(|one| Some(one.part) != twin);
        for (own, other) in own.zip(&other.coordinates) {
            own.chosen = other.chosen;
        }
    }

    /// The same without what the engine could compute from it: no sizes, no literals that the rule does not look at. Nothing if there is
    /// no such thing.
    pub(super) fn vaguer(&self, sizes: bool, literals: bool) -> Option<Draft> {
        let mut other = self.clone();
        for coordinate in &mut other.coordinates {
            let Part::Open(open) = self.sketch.get(coordinate.part) else {
                continue;
            };
            let found = match &coordinate.options {
                Options::Dims(all) if sizes => all.iter().position(Option::is_none),
                Options::Plain(all) if literals && open.ignored => {
                    all.iter().position(|one| matches!(one, Plain::Input(_)))
                }
                _ => None,
            };
            coordinate.chosen = found.unwrap_or(coordinate.chosen);
        }
        let before = self.coordinates.iter().map(|one| one.chosen);
        let is_same = before.eq(other.coordinates.iter().map(|one| one.chosen));
        (!is_same).then_some(other)
    }

    /// The coordinates of a part.
    pub(super) fn of(&self, part: Option<PartId>) -> Vec<usize> {
        let numbered = self.coordinates.iter().enumerate();
        let found = numbered.filter(|(_, one)| Some(one.part) == part);
        found.map(|(at, _)| at).collect()
    }

    /// Fixes how a tensor comes into the graph.
    pub(super) fn set_kind(&mut self, part: PartId, kind: Kind) {
        for coordinate in &mut self.coordinates {
            if coordinate.part == part
                && let Options::Kind(kinds) = &mut coordinate.options
            {
                *kinds = vec![kind];
                coordinate.chosen = 0;
            }
        }
    }

    fn chosen<T>(&self, part: PartId, pick: impl Fn(&Options, usize) -> Option<T>) -> Option<T> {
        let mut own = self.coordinates.iter().filter(|one| one.part == part);
        own.find_map(|one| pick(&one.options, one.chosen))
    }

    /// The graph as text. `hidden`: nodes whose results are not returned.
    pub(super) fn text(&self, hidden: &BTreeSet<PartId>) -> String {
        let mut writer = Writer {
            draft: self,
            names: FxHashMap::default(),
            taken: BTreeSet::new(),
            first: None,
            parameters: Vec::new(),
            lines: Vec::new(),
        };
        for open in self.sketch.parts.iter() {
            if let Part::Open(Open { name, .. }) = open
                && !name.is_empty()
            {
                writer.taken.insert(name.clone());
            }
        }
        let mut returned: Vec<String> = Vec::new();
        for &root in &self.sketch.roots {
            let text = writer.value(root);
            let gives = match self.sketch.get(root) {
                Part::Call(call) => call.results == 1,
                _ => true,
            };
            if gives && !hidden.contains(&root) && !returned.contains(&text) {
                returned.push(text);
            }
        }
        let first = writer
            .first
            .as_ref()
            .map(|ty| format!("%self: {}", TypeText(ty)));
        let parameters: Vec<String> = first.into_iter().chain(writer.parameters).collect();
        let mut text = format!("graph({}) {{\n", parameters.join(", "));
        for line in &writer.lines {
            text += &format!("  {line}\n");
        }
        text + &format!("  return ({})\n}}\n", returned.join(", "))
    }
}

struct Writer<'a> {
    draft: &'a Draft,
    names: FxHashMap<PartId, String>,
    taken: BTreeSet<String>,
    /// The type of the parameter that stands before all others.
    first: Option<Type>,
    parameters: Vec<String>,
    lines: Vec<String>,
}

impl Writer<'_> {
    fn fresh(&mut self, wanted: &str) -> String {
        if !wanted.is_empty() && wanted != "self" && self.taken.insert(wanted.to_owned()) {
            return format!("%{wanted}");
        }
        let mut numbered = (1..).map(|n| match wanted {
            "" => format!("{n}"),
            _ => format!("{wanted}{n}"),
        });
        let found = numbered.find(|name| self.taken.insert(name.clone()));
        format!(
            "%{}",
            found.unwrap_or_else(|| unreachable!("numbers do not end"))
        )
    }

    /// The name of a place, taken already if the rule gave it.
    fn open_name(&mut self, open: &Open) -> String {
        match open.name.as_str() {
            "" if !["", "self"].contains(&open.around.param.as_str()) => {
                self.fresh(&open.around.param.clone())
            }
            "" | "self" => self.fresh("x"),
            name => format!("%{name}"),
        }
    }

    /// How a part is written where it is read; what makes it is written before.
    fn value(&mut self, id: PartId) -> String {
        if let Some(name) = self.names.get(&id) {
            return name.clone();
        }
        let text = match self.draft.sketch.get(id) {
            Part::Literal { literal, dtype } => literal_text(literal, *dtype),
            Part::Open(open) => self.open(id, open),
            Part::Call(call) => self.call(id, call),
            Part::Result { of, index, .. } => {
                self.value(*of);
                let found = self.names.get(&id).cloned();
                found.unwrap_or_else(|| unreachable!("result {index} is named by its operator"))
            }
        };
        self.names.insert(id, text.clone());
        text
    }

    fn open(&mut self, id: PartId, open: &Open) -> String {
        let plain = self.draft.chosen(id, |options, at| match options {
            Options::Plain(all) => all.get(at).cloned(),
            _ => None,
        });
        match plain {
            Some(Plain::Literal(literal)) => return literal_text(&literal, open.dtype),
            Some(Plain::First(ty)) => {
                self.first = Some(ty);
                return "%self".to_owned();
            }
            Some(Plain::Input(ty)) => {
                // A module that is handed in is none of the method's own, which comes first.
                if ty == some_module() {
                    self.first.get_or_insert(some_module());
                }
                let name = self.open_name(open);
                self.parameters.push(format!("{name}: {}", TypeText(&ty)));
                return name;
            }
            None => {}
        }
        let kind = self.draft.chosen(id, |options, at| match options {
            Options::Kind(all) => all.get(at).copied(),
            _ => None,
        });
        let dtype = self.draft.chosen(id, |options, at| match options {
            Options::DType(all) => all.get(at).copied(),
            _ => None,
        });
        let dims = self.draft.chosen(id, |options, at| match options {
            Options::Dims(all) => all.get(at).cloned(),
            _ => None,
        });
        let (dtype, dims) = (dtype.flatten(), dims.flatten());
        match kind.unwrap_or(Kind::Input) {
            Kind::Absent => "none".to_owned(),
            Kind::Input => self.tensor(open, "", dtype, dims.as_deref()),
            Kind::Const => self.tensor(open, "const ", dtype, dims.as_deref()),
            Kind::PerTensor => {
                let f = self.fresh("f");
                self.parameters.push(format!(
                    "{f}: {}",
                    tensor_type(Some(DType::F32), dims.as_deref())
                ));
                let name = self.open_name(open);
                let dtype = dtype.unwrap_or(DType::QU8);
                self.lines.push(format!(
                    "{name} = aten::quantize_per_tensor({f}, {SCALE:?}, {ZERO_POINT}, {dtype})"
                ));
                name
            }
            Kind::PerChannel => {
                let (f, s, z) = (self.fresh("f"), self.fresh("s"), self.fresh("z"));
                let channels = dims
                    .as_ref()
                    .and_then(|dims| dims.first().copied())
                    .unwrap_or(2);
                self.parameters.push(format!(
                    "{f}: const {}",
                    tensor_type(Some(DType::F32), dims.as_deref())
                ));
                self.parameters
                    .push(format!("{s}: const Tensor<f64, [{channels}]>"));
                self.parameters
                    .push(format!("{z}: const Tensor<i64, [{channels}]>"));
                let name = self.open_name(open);
                let dtype = dtype.unwrap_or(DType::QI8);
                self.lines.push(format!(
                    "{name} = aten::quantize_per_channel({f}, {s}, {z}, 0, {dtype})"
                ));
                name
            }
        }
    }

    fn tensor(
        &mut self,
        open: &Open,
        word: &str,
        dtype: Option<DType>,
        dims: Option<&[u64]>,
    ) -> String {
        let name = self.open_name(open);
        self.parameters
            .push(format!("{name}: {word}{}", tensor_type(dtype, dims)));
        name
    }

    fn call(&mut self, id: PartId, call: &Call) -> String {
        let mut operands = Vec::with_capacity(call.operands.len());
        for (at, &operand) in call.operands.iter().enumerate() {
            let text = self.value(operand);
            match call.labels.get(at) {
                Some(Some((name, default))) => {
                    let meant = default
                        .as_ref()
                        .is_some_and(|default| literal_text(default, false) == text);
                    if !meant {
                        operands.push(format!("{name}: {text}"));
                    }
                }
                _ => operands.push(text),
            }
        }
        let attributes = call
            .attributes
            .iter()
            .map(|&(name, part)| format!("{name} = {}", self.value(part)));
        let attributes: Vec<String> = attributes.collect();
        let attributes = match attributes.is_empty() {
            true => String::new(),
            false => format!("[{}]", attributes.join(", ")),
        };
        let ty = self.draft.chosen(id, |options, at| match options {
            Options::Type(all) => all.get(at).cloned(),
            _ => None,
        });
        let ty = ty.map_or(String::new(), |ty| format!(": {}", TypeText(&ty)));
        let names: Vec<String> = match call.results {
            1 => vec![self.fresh(&call.name)],
            n => (0..n).map(|index| self.result(id, index)).collect(),
        };
        let bound = match names.is_empty() {
            true => String::new(),
            false => format!("{}{ty} = ", names.join(", ")),
        };
        self.lines.push(format!(
            "{bound}{}{attributes}({})",
            call.op,
            operands.join(", ")
        ));
        names.into_iter().next().unwrap_or_default()
    }

    /// The name of a result of an operator with several.
    fn result(&mut self, of: PartId, index: u32) -> String {
        let parts = self.draft.sketch.parts.iter().enumerate();
        let own = parts.filter_map(|(at, part)| match part {
            Part::Result {
                of: o,
                index: i,
                name,
            } if *o == of && *i == index => Some((PartId(at), name)),
            _ => None,
        });
        let own: Vec<(PartId, &String)> = own.collect();
        let wanted = own.first().map_or("", |(_, name)| name.as_str());
        let name = self.fresh(wanted);
        for (id, _) in own {
            self.names.insert(id, name.clone());
        }
        name
    }
}

fn tensor_type(dtype: Option<DType>, dims: Option<&[u64]>) -> String {
    let dims = dims.map(|dims| {
        let sizes: Vec<String> = dims.iter().map(u64::to_string).collect();
        format!("[{}]", sizes.join(", "))
    });
    let parts: Vec<String> = dtype
        .map(|dtype| dtype.name().to_owned())
        .into_iter()
        .chain(dims)
        .collect();
    match parts.is_empty() {
        true => "Tensor".to_owned(),
        false => format!("Tensor<{}>", parts.join(", ")),
    }
}

fn literal_text(literal: &Literal, dtype: bool) -> String {
    match literal {
        Literal::Int(code) if dtype => {
            torch_dtype(*code).map_or_else(|| code.to_string(), |dtype| dtype.name().to_owned())
        }
        other => LiteralText(other).to_string(),
    }
}
