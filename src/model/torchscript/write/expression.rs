//! Nodes as expressions.
//!
//! In: a node whose operands have texts. Out: the text of a call, a construction or an access.
//! Invariant: what the text resolves to is the node's own overload; defaults are left out, operands behind `*` are written by name.

use super::function::{Text, Writer};
use super::literal::quoted;
use super::names::is_identifier;
use crate::graph::{AttributeLiteral, Literal, Name, Node, NodeId, Type, ValueId};
use crate::model::torchscript::code_types::{is_generic, same, spell};
use crate::model::torchscript::error::WriteError;
use crate::ops::{Argument, Call, Param, Schema};

impl Writer<'_> {
    /// `object.attribute = value`.
    pub(super) fn set_attribute(&mut self, id: NodeId, node: &Node) -> Result<String, WriteError> {
        let name = self.name_attribute(id, node)?;
        if !is_identifier(name.as_str()) {
            return Err(self.refuse(id, "assignment to an attribute whose name is no identifier"));
        }
        let (object, value) = (self.operand(node, 0)?, self.operand(node, 1)?);
        let object = self.text(object).primary();
        Ok(format!("{object}.{name} = {}", self.text(value).text))
    }

    pub(super) fn expression(&mut self, id: NodeId, node: &Node) -> Result<Text, WriteError> {
        let texts: Vec<Text> = node
            .operands
            .iter()
            .map(|&value| self.text(value))
            .collect();
        let list = |texts: &[Text]| {
            let texts: Vec<&str> = texts.iter().map(|t| t.text.as_str()).collect();
            texts.join(", ")
        };
        let ty = match node.results.first() {
            Some(&result) => self.graph.value(result).ty.clone(),
            None => Type::None,
        };
        let first = texts.first().cloned().unwrap_or_else(|| Text::atom("None"));
        let op = node.op.as_str();
        Ok(match op {
            "prim::GetAttr" => {
                let name = self.name_attribute(id, node)?;
                Text::atom(match is_identifier(name.as_str()) {
                    true => format!("{}.{name}", first.primary()),
                    false => format!("getattr({}, {})", first.text, quoted(name.as_str())),
                })
            }
            "prim::CallMethod" => {
                let name = self.name_attribute(id, node)?;
                let operands = list(texts.get(1..).unwrap_or_default());
                Text::atom(format!("{}.{name}({operands})", first.primary()))
            }
            "prim::CallFunction" => {
                let name = self.name_attribute(id, node)?;
                Text::atom(format!("{name}({})", list(&texts)))
            }
            "prim::TupleConstruct" => match &ty {
                Type::Class(class) => Text::atom(format!("{class}({})", list(&texts))),
                _ if texts.len() == 1 => Text::other(format!("({},)", first.text)),
                _ => Text::other(format!("({})", list(&texts))),
            },
            "prim::ListConstruct" => {
                let text = format!("[{}]", list(&texts));
                let element = match &ty {
                    Type::List(element) => &**element,
                    _ => &Type::Any,
                };
                let plain = match texts.is_empty() {
                    true => element.is_tensor(),
                    false => node
                        .operands
                        .iter()
                        .all(|&value| same(&self.natural(value), element)),
                };
                match plain {
                    true => Text::other(text),
                    false => Text::atom(format!("annotate({}, {text})", spell(&ty))),
                }
            }
            "prim::DictConstruct" => {
                let pairs = texts.chunks(2).map(|pair| match pair {
                    [key, value] => format!("{}: {}", key.text, value.text),
                    _ => String::new(),
                });
                let pairs = pairs.collect::<Vec<_>>().join(", ");
                Text::atom(format!("annotate({}, {{{pairs}}})", spell(&ty)))
            }
            "prim::TupleUnpack" | "prim::ListUnpack" => first,
            "prim::TupleIndex" | "aten::__getitem__.t" | "aten::__getitem__.str" => {
                self.subscript(node, &texts)?
            }
            _ if op.starts_with("aten::__getitem__.Dict") => self.subscript(node, &texts)?,
            "prim::unchecked_cast" | "prim::unchecked_unwrap_optional" => {
                Text::atom(format!("unchecked_cast({}, {})", spell(&ty), first.text))
            }
            "prim::CreateObject" => match &ty {
                Type::Class(class) => Text::atom(format!("{class}.__new__({class})")),
                _ => return Err(self.refuse(id, "an object that is of no class")),
            },
            "prim::Uninitialized" => Text::atom(format!("uninitialized({})", spell(&ty))),
            "prim::isinstance" => {
                let types = match node.attribute("types") {
                    Some(AttributeLiteral::Type(Type::Tuple(types))) => types.as_slice(),
                    _ => return Err(self.refuse(id, "it has no attribute `types`")),
                };
                let types: Vec<String> = types.iter().map(spell).collect();
                let types = match types.as_slice() {
                    [one] => one.clone(),
                    several => format!("({})", several.join(", ")),
                };
                Text::atom(format!("isinstance({}, {types})", first.text))
            }
            "aten::IntImplicit"
            | "aten::FloatImplicit"
            | "aten::ScalarImplicit"
            | "aten::ComplexImplicit" => {
                Text::atom(format!("annotate({}, {})", spell(&ty), first.text))
            }
            _ => self.operator(id, node, &texts)?,
        })
    }

    fn subscript(&self, node: &Node, texts: &[Text]) -> Result<Text, WriteError> {
        self.operand(node, 1)?;
        let index = texts.get(1).map(|t| t.text.as_str()).unwrap_or_default();
        let object = texts.first().map(Text::primary).unwrap_or_default();
        Ok(Text::atom(format!("{object}[{index}]")))
    }

    fn operator(&mut self, id: NodeId, node: &Node, texts: &[Text]) -> Result<Text, WriteError> {
        let catalogue = self.catalogue;
        let Some(schema) = catalogue.schema(node.op.as_str()) else {
            return Err(self.refuse(id, "no operator has this name"));
        };
        let base = schema.base.as_str();
        if node.operands.len() < schema.params.len() {
            return Err(self.refuse(id, &format!("operands are missing: {schema}")));
        }
        let word = match base {
            "aten::Bool" => Some("bool"),
            "aten::Int" => Some("int"),
            "aten::Float" => Some("float"),
            "aten::str" => Some("str"),
            "prim::Print" => Some("print"),
            _ => None,
        };
        if let Some(word) = word {
            let texts: Vec<&str> = texts.iter().map(|t| t.text.as_str()).collect();
            return Ok(Text::atom(format!("{word}({})", texts.join(", "))));
        }
        let path = match base.split_once("::") {
            Some(("aten", "grad")) => "torch.autograd.grad".to_owned(),
            Some(("aten", "backward")) => "torch.autograd.backward".to_owned(),
            Some(("aten", name)) => format!("torch.{name}"),
            Some((namespace, name)) => format!("ops.{namespace}.{name}"),
            None => return Err(self.refuse(id, "its name has no namespace")),
        };
        for short in [true, false] {
            let written = self.written(schema, node, short);
            if self.means(schema, node, &written) {
                return Ok(Text::atom(
                    self.spell_call(&path, schema, node, texts, &written),
                ));
            }
        }
        Err(self.refuse(
            id,
            &format!("written as code its operands choose another overload than {schema}"),
        ))
    }

    /// Positions of the operands to write. `short` leaves out those that are at their default.
    fn written(&self, schema: &Schema, node: &Node, short: bool) -> Vec<usize> {
        let mut written: Vec<usize> = (0..node.operands.len()).collect();
        if !short {
            return written;
        }
        let default = |i: usize| match schema.params.get(i) {
            Some(Param {
                default: Some(default),
                ty,
                ..
            }) => self.literal(node.operands[i]).is_some_and(|literal| {
                // A number of any type keeps the type it has.
                let any_number = *ty == Type::Scalar || *ty == Type::Scalar.optional();
                literal == *default || (!any_number && equal(&literal, default))
            }),
            _ => false,
        };
        written.retain(|&i| !(default(i) && schema.params[i].keyword_only));
        if node.operands.len() > schema.params.len() {
            return written;
        }
        let positional = |i: &usize| !schema.params[*i].keyword_only;
        while let Some(at) = written.iter().rposition(positional) {
            if !default(written[at]) {
                break;
            }
            written.remove(at);
        }
        written
    }

    /// Whether a call with these operands means the node's overload and operands.
    fn means(&self, schema: &Schema, node: &Node, written: &[usize]) -> bool {
        let argument = |i: usize| {
            let value = node.operands[i];
            let ty = match schema.params.get(i) {
                Some(param) if self.needs_cast(value, &param.ty) => param.ty.clone(),
                _ => self.graph.value(value).ty.clone(),
            };
            Argument {
                ty: Some(ty),
                literal: self.literal(value),
                items: None,
            }
        };
        let by_name = |i: &&usize| schema.params.get(**i).is_some_and(|p| p.keyword_only);
        let positional: Vec<Argument> = written
            .iter()
            .filter(|i| !by_name(i))
            .map(|&i| argument(i))
            .collect();
        let keywords: Vec<(&str, Argument)> = written
            .iter()
            .filter(by_name)
            .map(|&i| (schema.params[i].name.as_str(), argument(i)))
            .collect();
        let call = Call {
            positional: &positional,
            keywords: &keywords,
            open: false,
        };
        self.catalogue
            .resolve(schema.base.as_str(), &call)
            .is_ok_and(|resolved| resolved.schema.full == schema.full)
    }

    fn spell_call(
        &self,
        path: &str,
        schema: &Schema,
        node: &Node,
        texts: &[Text],
        written: &[usize],
    ) -> String {
        let operands = written.iter().map(|&i| {
            let value = node.operands[i];
            let mut text = texts[i].text.clone();
            let Some(param) = schema.params.get(i) else {
                return text;
            };
            if self.needs_cast(value, &param.ty) {
                text = format!("unchecked_cast({}, {text})", spell(&param.ty));
            } else if let Some(literal) = self.literal(value) {
                let ty = match is_generic(&param.ty) {
                    true => &self.graph.value(value).ty,
                    false => &param.ty,
                };
                let literal = match (&literal, unwrap(ty)) {
                    (Literal::Tuple(items), Type::List(_)) => Literal::List(items.clone()),
                    _ => literal,
                };
                text = super::literal::literal(&literal, ty);
            }
            match param.keyword_only {
                true => format!("{}={text}", param.name),
                false => text,
            }
        });
        format!("{path}({})", operands.collect::<Vec<_>>().join(", "))
    }

    /// Whether a value may be `None` to PyTorch's checker where the operator takes no `None`.
    fn needs_cast(&self, value: ValueId, param: &Type) -> bool {
        let Type::Optional(inner) = &self.graph.value(value).ty else {
            return false;
        };
        self.graph.literal(value).is_none()
            && same(inner, param)
            && !matches!(param, Type::Optional(_) | Type::Any | Type::Variable(_))
    }

    /// The type that PyTorch gives to the text of a value, which may be narrower than the value's.
    pub(super) fn natural(&self, value: ValueId) -> Type {
        let ty = &self.graph.value(value).ty;
        let made = self.graph.producer(value).map(|id| self.graph.node(id));
        match (self.graph.literal(value), made, ty) {
            (Some(Literal::None), ..) => Type::None,
            (Some(Literal::Int(_)), ..) => Type::Int,
            (_, Some(node), Type::Tuple(_)) if node.op == "prim::TupleConstruct" => {
                Type::Tuple(node.operands.iter().map(|&v| self.natural(v)).collect())
            }
            _ => ty.clone(),
        }
    }

    fn name_attribute(&self, id: NodeId, node: &Node) -> Result<Name, WriteError> {
        match node.text_attribute("name") {
            Some(name) => Ok(Name::new(name)),
            None => Err(self.refuse(id, "it has no attribute `name`")),
        }
    }
}

/// Whether a literal is what a default means: numbers by value, as they are written in schemas of floats as integers too.
fn equal(literal: &Literal, default: &Literal) -> bool {
    match (literal, default) {
        (Literal::Float(a), Literal::Float(b)) => a.to_bits() == b.to_bits(),
        (Literal::Float(a), Literal::Int(b)) => a.to_bits() == (*b as f64).to_bits(),
        (Literal::List(a) | Literal::Tuple(a), Literal::List(b)) => {
            a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| equal(a, b))
        }
        (a, b) => a == b,
    }
}

fn unwrap(ty: &Type) -> &Type {
    match ty {
        Type::Optional(inner) => inner,
        other => other,
    }
}
