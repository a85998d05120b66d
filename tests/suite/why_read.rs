//! A reader of rules to judge `rulefold why` by that shares nothing with the engine: it goes by the text of a rule as it was parsed and
//! by the model's graph, tries every way, and reads guards by itself. It sees the graph alone, without what rules have made.

use crate::why_values::{Held, Lit, Net, Values, base, of_code};
use rulefold::graph::{DType, Literal};
use rulefold::ops::Catalogue;
use rulefold::source::Span;
use rulefold::syntax::ast::{
    ExprKind, OpCall, OpNamePiece, OperandKind, Repeat, Rule, Target, Term, TermKind, Type,
    TypeKind,
};
use std::collections::BTreeMap;

/// A place in the rule where a way ended, and the value it ended at.
pub struct Ended {
    pub span: Span,
    pub at: usize,
}

/// What came of trying a rule at a value.
#[derive(Default)]
pub struct Read {
    pub matched: bool,
    /// Where ways ended in the pattern.
    pub ended: Vec<Ended>,
    /// Reasons of the guards that ended ways which the whole pattern matched.
    pub guards: Vec<String>,
}

/// A rule for some parameters, over a graph.
pub struct Reader<'a> {
    values: Values<'a>,
    catalogue: &'a Catalogue,
    rule: &'a Rule,
    /// Statements of the match by the value they bind.
    statements: BTreeMap<&'a str, &'a Term>,
    root: &'a Term,
    ended: Vec<Ended>,
}

impl<'a> Reader<'a> {
    /// The rule of a label such as `packed[op = conv2d]`.
    pub fn new(net: &'a Net, catalogue: &'a Catalogue, rule: &'a Rule, label: &str) -> Reader<'a> {
        let mut parameters = Held::new();
        let inside = label
            .split_once('[')
            .map(|(_, rest)| rest.trim_end_matches(']'));
        for part in inside.into_iter().flat_map(|inside| inside.split(", ")) {
            let (name, value) = part.split_once(" = ").expect("a parameter has a value");
            let value = match value.parse() {
                Ok(number) => Lit::Number(number),
                Err(_) => Lit::Text(value.trim_matches('"').to_owned()),
            };
            parameters.insert(name.to_owned(), value);
        }
        let mut statements = BTreeMap::new();
        let mut last = None;
        for statement in rule.matches().flat_map(|part| &part.statements) {
            let [bind] = statement.binds.as_slice() else {
                panic!("statements of these rules bind one value")
            };
            let Target::Value(value) = &bind.target else {
                panic!("statements of these rules bind a name")
            };
            statements.insert(value.name.as_str(), &statement.term);
            last = Some(&statement.term);
        }
        let left = rule.equation.as_ref().map(|equation| &equation.left);
        Reader {
            values: Values { net, parameters },
            catalogue,
            rule,
            statements,
            root: left.or(last).expect("a rule matches something"),
            ended: Vec::new(),
        }
    }

    /// Tries the rule at a value.
    pub fn read(&mut self, at: usize) -> Read {
        self.ended.clear();
        let ways = self.term(self.root, at, self.root.span, &Held::new());
        let mut read = Read::default();
        for held in ways {
            let guard = self.rule.guards().find(|guard| {
                let truth = self.values.value(&guard.condition, &held, &Held::new());
                truth != Some(Lit::Truth(true))
            });
            match guard {
                Some(guard) => read.guards.push(guard.reason.value.clone()),
                None => read.matched = true,
            }
        }
        read.ended = std::mem::take(&mut self.ended);
        read
    }

    fn end(&mut self, span: Span, at: usize) -> Vec<Held> {
        self.ended.push(Ended { span, at });
        Vec::new()
    }

    /// All ways in which a term is a value.
    fn term(&mut self, term: &'a Term, at: usize, span: Span, held: &Held) -> Vec<Held> {
        match &term.kind {
            TermKind::Wildcard => vec![held.clone()],
            TermKind::Typed(target, ty) => {
                if !self.is_typed(at, ty) {
                    return self.end(span, at);
                }
                match target {
                    Target::Value(value) => self.bind(&format!("%{}", value.name), at, span, held),
                    Target::Wildcard => vec![held.clone()],
                }
            }
            TermKind::Expr(expr) => match &expr.kind {
                ExprKind::Value(value) => {
                    let name = format!("%{}", value.name);
                    match self.statements.get(value.name.as_str()).copied() {
                        Some(term) if !held.contains_key(&name) => {
                            let ways = self.term(term, at, term.span, held);
                            ways.iter()
                                .flat_map(|held| self.bind(&name, at, span, held))
                                .collect()
                        }
                        _ => self.bind(&name, at, span, held),
                    }
                }
                ExprKind::Op(call) => {
                    let tag = term.tag.as_ref().map(|tag| tag.text.as_str());
                    self.call(call, tag, at, held)
                }
                ExprKind::Name(path) if !self.is_known(&path.text) => {
                    if self.values.net.lit(at).is_none() {
                        return self.end(span, at);
                    }
                    self.bind(&path.text, at, span, held)
                }
                _ => {
                    let wanted = self.values.value(expr, held, &Held::new());
                    let found = self.values.net.lit(at);
                    let is_type = match (&wanted, &found) {
                        (Some(Lit::Type(dtype)), Some(code)) => of_code(code) == Some(*dtype),
                        _ => false,
                    };
                    match found.is_some() && found == wanted || is_type {
                        true => vec![held.clone()],
                        false => self.end(span, at),
                    }
                }
            },
        }
    }

    fn is_known(&self, name: &str) -> bool {
        self.values.parameters.contains_key(name) || DType::from_name(name).is_some()
    }

    /// Binds a name, or compares it.
    fn bind(&mut self, name: &str, at: usize, span: Span, held: &Held) -> Vec<Held> {
        let mut held = held.clone();
        match held.get(name) {
            Some(Lit::Value(other)) => {
                let same = &self.values.net.same;
                if same[at] != same[*other] {
                    return self.end(span, at);
                }
            }
            Some(_) => panic!("a list is bound once"),
            None => {
                held.insert(name.to_owned(), Lit::Value(at));
            }
        }
        vec![held]
    }

    fn call(&mut self, call: &'a OpCall, tag: Option<&str>, at: usize, held: &Held) -> Vec<Held> {
        let mut ways = Vec::new();
        let mut held = held.clone();
        let tagged = |held: &mut Held, there: bool| {
            if let Some(tag) = tag {
                held.insert(tag.to_owned(), Lit::Truth(there));
            }
        };
        match call.repeat {
            None => {}
            Some(Repeat::Optional) => {
                let [only] = call.operands.as_slice() else {
                    panic!("an optional operator of these rules has one operand")
                };
                let OperandKind::Term { term, .. } = &only.kind else {
                    panic!("an optional operator of these rules has one operand")
                };
                tagged(&mut held, false);
                ways.extend(self.term(term, at, only.span, &held));
                tagged(&mut held, true);
            }
            Some(_) => panic!("no rule among these has chains"),
        }
        let mut wanted = String::new();
        for piece in &call.op.pieces {
            match piece {
                OpNamePiece::Text(text) => wanted += text,
                OpNamePiece::Hole(name) => match &self.values.parameters[&name.text] {
                    Lit::Text(text) => wanted += text,
                    Lit::Number(number) => wanted += &number.to_string(),
                    other => panic!("{other:?} in the name of an operator"),
                },
            }
        }
        let thing = &self.values.net.things[at];
        if thing.op != wanted && base(&thing.op) != wanted {
            ways.extend(self.end(call.op.span, at));
            return ways;
        }
        let (op, operands) = (thing.op.clone(), thing.operands.clone());
        let mut orders = vec![operands.clone()];
        if ["aten::add", "aten::mul"].contains(&base(&op)) {
            let mut swapped = operands;
            swapped.swap(0, 1);
            orders.push(swapped);
        }
        for operands in orders {
            ways.extend(self.operands(call, &op, &operands, at, &held));
        }
        ways
    }

    fn operands(
        &mut self,
        call: &'a OpCall,
        op: &str,
        operands: &[usize],
        at: usize,
        held: &Held,
    ) -> Vec<Held> {
        let schema = self.catalogue.schema(op);
        let position = |name: &str| {
            let schema = schema.unwrap_or_else(|| panic!("{op} has named operands"));
            let at = schema.params.iter().position(|param| param.name == *name);
            at.unwrap_or_else(|| panic!("{op} has no operand {name}"))
        };
        let mut ways = vec![held.clone()];
        let mut seen = vec![false; operands.len()];
        let mut next = 0;
        let mut is_open = false;
        for operand in &call.operands {
            match &operand.kind {
                OperandKind::Rest => is_open = true,
                OperandKind::Term {
                    term, each: true, ..
                } => {
                    is_open = true;
                    ways = ways
                        .iter()
                        .flat_map(|held| {
                            self.each(term, &operands[next.min(operands.len())..], held)
                        })
                        .collect();
                }
                OperandKind::Term { label, term, .. } => {
                    let place = match label {
                        Some(name) => position(&name.text),
                        None => next,
                    };
                    next = next.max(place + 1);
                    let Some(&value) = operands.get(place) else {
                        return self.end(call.op.span, at);
                    };
                    seen[place] = true;
                    ways = ways
                        .iter()
                        .flat_map(|held| self.term(term, value, operand.span, held))
                        .collect();
                }
            }
        }
        // What is not written has its default.
        for (place, _) in seen
            .iter()
            .enumerate()
            .filter(|(_, seen)| !**seen && !is_open)
        {
            let default = schema.and_then(|schema| schema.params.get(place)?.default.clone());
            let found = self.values.net.lit(operands[place]);
            if default.is_none() || found != default.as_ref().map(Lit::of) {
                return self.end(call.op.span, operands[place]);
            }
        }
        ways
    }

    /// The remaining operands, each the same term: what it binds becomes a list.
    fn each(&mut self, term: &'a Term, operands: &[usize], held: &Held) -> Vec<Held> {
        let mut lists: BTreeMap<String, Vec<Lit>> = BTreeMap::new();
        names(term, &mut |name| {
            lists.insert(name, Vec::new());
        });
        for &at in operands {
            let Some(inner) = self.term(term, at, term.span, held).pop() else {
                return Vec::new();
            };
            for (name, list) in &mut lists {
                list.push(inner[name].clone());
            }
        }
        let mut held = held.clone();
        held.extend(
            lists
                .into_iter()
                .map(|(name, list)| (name, Lit::List(list))),
        );
        vec![held]
    }

    fn is_typed(&self, at: usize, ty: &Type) -> bool {
        let literal = &self.values.net.things[at].literal;
        let named = |name: &str| match name {
            "Tensor" => literal.is_none(),
            "Scalar" => matches!(literal, Some(Literal::Int(_) | Literal::Float(_))),
            other => panic!("no rule among these asks for {other}"),
        };
        match &ty.kind {
            TypeKind::Named(name) => named(&name.text),
            TypeKind::Optional(inner) => {
                *literal == Some(Literal::None) || self.is_typed(at, inner)
            }
            TypeKind::List(..) => literal.as_ref().is_some_and(|l| l.items().is_some()),
            other => panic!("no rule among these asks for {other:?}"),
        }
    }
}

/// Names that a term under `...` binds.
fn names(term: &Term, found: &mut dyn FnMut(String)) {
    let TermKind::Expr(expr) = &term.kind else {
        return;
    };
    match &expr.kind {
        ExprKind::Value(value) => found(format!("%{}", value.name)),
        ExprKind::Name(path) => found(path.text.clone()),
        ExprKind::Op(call) => {
            for operand in &call.operands {
                if let OperandKind::Term { term, .. } = &operand.kind {
                    names(term, found);
                }
            }
        }
        _ => {}
    }
}
