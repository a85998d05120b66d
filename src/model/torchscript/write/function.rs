//! Functions as code: blocks to statements.
//!
//! In: a function's graph. Out: the text of its definition, without indent.
//! Invariant: statements and the expressions in them are evaluated in the order of the nodes; a node moves into the expression that uses
//! it only when nothing is evaluated between.
//! Invariant: reading the text gives the same graph, and printing that the same text.

use rustc_hash::{FxHashMap, FxHashSet};

use super::constants::ConstantTable;
use super::literal::literal;
use super::names::Names;
use crate::graph::{
    BlockId, Def, Function, FunctionName, Graph, Literal, Node, NodeId, Type, ValueId, prune,
};
use crate::model::torchscript::code_types::{is_number, same, spell};
use crate::model::torchscript::error::WriteError;
use crate::ops::Catalogue;

/// Longer expressions get a variable of their own, which also bounds how deep they nest.
const LONGEST: usize = 120;

/// Text of an expression, and whether it can stand before `.` and `[` as it is.
#[derive(Clone)]
pub(super) struct Text {
    pub text: String,
    pub atom: bool,
}

impl Text {
    pub(super) fn atom(text: impl Into<String>) -> Text {
        Text {
            text: text.into(),
            atom: true,
        }
    }

    pub(super) fn other(text: impl Into<String>) -> Text {
        Text {
            text: text.into(),
            atom: false,
        }
    }

    /// The text in parentheses where it needs them.
    pub(super) fn primary(&self) -> String {
        match self.atom {
            true => self.text.clone(),
            false => format!("({})", self.text),
        }
    }
}

/// State of writing one function.
pub(super) struct Writer<'a> {
    pub graph: &'a Graph,
    pub catalogue: &'a Catalogue,
    pub constants: &'a mut ConstantTable,
    pub function: FunctionName,
    names: Names,
    texts: FxHashMap<ValueId, Text>,
    /// Where each value is used, if that is one place: the block in which it stands.
    single: FxHashMap<ValueId, BlockId>,
    used: FxHashMap<ValueId, usize>,
    /// Results of nodes that became part of an expression.
    inlined: FxHashSet<ValueId>,
    /// Nodes that wait to become part of the expression that uses them, in order.
    pending: Vec<(ValueId, Text)>,
    waits: FxHashSet<ValueId>,
    lines: Vec<String>,
    indent: usize,
    /// Objects that `with` has entered, and the line each body starts at.
    entered: Vec<(ValueId, usize)>,
}

/// The definition of a function. `name` is the one it is called by in its class or member.
pub(super) fn write_function(
    function: FunctionName,
    definition: &Function,
    catalogue: &Catalogue,
    constants: &mut ConstantTable,
    defaults: &dyn Fn(usize) -> Option<crate::graph::ConstantId>,
) -> Result<String, WriteError> {
    let mut graph = definition.graph.clone();
    prune(&mut graph);
    let mut writer = Writer {
        graph: &graph,
        catalogue,
        constants,
        function,
        names: Names::new(),
        texts: FxHashMap::default(),
        single: FxHashMap::default(),
        used: FxHashMap::default(),
        inlined: FxHashSet::default(),
        pending: Vec::new(),
        waits: FxHashSet::default(),
        lines: Vec::new(),
        indent: 1,
        entered: Vec::new(),
    };
    let mut parameters = Vec::new();
    for (i, &parameter) in graph.body().parameters.iter().enumerate() {
        let value = graph.value(parameter);
        let name = writer.names.unique(value.name);
        let mut text = format!("{name}: {}", spell(&value.ty));
        match (definition.defaults.get(i), defaults(i)) {
            (Some(Some(default)), _) => {
                text.push('=');
                text.push_str(&literal(default, &value.ty));
            }
            (_, Some(id)) => {
                text.push('=');
                text.push_str(&writer.constants.reference(id));
            }
            _ => {}
        }
        writer.texts.insert(parameter, Text::atom(name));
        parameters.push(text);
    }
    writer.count(Graph::BODY);
    writer.block(Graph::BODY)?;
    let returned = graph.body().returns.clone();
    let inlined = writer.take(&returned);
    writer.flush();
    writer.texts.extend(inlined);
    let returned = match returned.as_slice() {
        [] => "None".to_owned(),
        [one] => writer.text(*one).text,
        several => {
            let texts = several.iter().map(|&value| writer.text(value).text);
            format!("({})", texts.collect::<Vec<_>>().join(", "))
        }
    };
    writer.line(format!("return {returned}"));
    let name = function.name.as_str();
    let name = match function.class {
        Some(_) => name,
        None => name.rsplit_once('.').map_or(name, |(_, last)| last),
    };
    let head = format!(
        "def {name}({}) -> {}:",
        parameters.join(", "),
        spell(&definition.result)
    );
    writer.lines.insert(0, head);
    Ok(writer.lines.join("\n"))
}

impl Writer<'_> {
    /// Counts the uses in a block and those in it.
    fn count(&mut self, block: BlockId) {
        let mut stack = vec![block];
        while let Some(block) = stack.pop() {
            let body = self.graph.block(block);
            for &id in &body.nodes {
                let node = self.graph.node(id);
                for &operand in &node.operands {
                    self.used_in(operand, block);
                }
                stack.extend(&node.blocks);
            }
            for &value in &body.returns {
                self.used_in(value, block);
            }
        }
    }

    fn used_in(&mut self, value: ValueId, block: BlockId) {
        *self.used.entry(value).or_insert(0) += 1;
        self.single.insert(value, block);
    }

    fn block(&mut self, block: BlockId) -> Result<(), WriteError> {
        for &id in &self.graph.block(block).nodes {
            let node = self.graph.node(id);
            match node.op.as_str() {
                "prim::If" => self.if_statement(node)?,
                "prim::Loop" => self.loop_statement(id, node)?,
                "prim::Enter" => self.enter(id, node, block)?,
                "prim::Exit" => self.exit(id, node)?,
                _ => self.node(id, block)?,
            }
        }
        Ok(())
    }

    fn node(&mut self, id: NodeId, block: BlockId) -> Result<(), WriteError> {
        let node = self.graph.node(id);
        let unpack = matches!(node.op.as_str(), "prim::TupleUnpack" | "prim::ListUnpack");
        if unpack
            && node
                .operands
                .iter()
                .any(|&value| self.is_construction(value))
        {
            // `a, b = (x, y)` would be read as two assignments.
            self.flush();
        }
        let inlined = self.take(&node.operands);
        self.texts.extend(inlined);
        if node.op == "prim::SetAttr" {
            let line = self.set_attribute(id, node)?;
            self.flush();
            self.line(line);
            return Ok(());
        }
        let text = self.expression(id, node)?;
        if let [result] = node.results.as_slice() {
            let once = self.used.get(result) == Some(&1) && self.single.get(result) == Some(&block);
            if once && text.text.len() <= LONGEST && !self.reads_as_literal(node) {
                self.pending.push((*result, text));
                self.waits.insert(*result);
                return Ok(());
            }
        }
        self.flush();
        let mut results = node.results.iter();
        if !unpack && results.all(|result| !self.used.contains_key(result)) {
            self.line(text.text);
            return Ok(());
        }
        let mut targets = Vec::with_capacity(node.results.len());
        for &result in &node.results {
            targets.push(self.variable(result));
        }
        let comma = if unpack { "," } else { "" };
        self.line(format!("{}{comma} = {}", targets.join(", "), text.text));
        Ok(())
    }

    /// The literal that an operand's text spells: a literal, or a list or tuple of them that became part of the expression.
    pub(super) fn literal(&self, value: ValueId) -> Option<Literal> {
        if let Some(literal) = self.graph.literal(value) {
            return Some(literal.clone());
        }
        if !self.inlined.contains(&value) || !self.is_construction(value) {
            return None;
        }
        let node = self.graph.node(self.graph.producer(value)?);
        let items: Option<Vec<Literal>> = node.operands.iter().map(|&v| self.literal(v)).collect();
        Some(match node.op == "prim::ListConstruct" {
            true => Literal::List(items?.into()),
            false => Literal::Tuple(items?.into()),
        })
    }

    /// Whether the node inside of an expression would be read as a literal.
    fn reads_as_literal(&self, node: &Node) -> bool {
        let makes = matches!(
            node.op.as_str(),
            "prim::ListConstruct" | "prim::TupleConstruct"
        );
        let mut operands = node.operands.iter();
        makes && !node.operands.is_empty() && operands.all(|&v| self.graph.literal(v).is_some())
    }

    fn is_construction(&self, value: ValueId) -> bool {
        self.graph.producer(value).is_some_and(|id| {
            let op = self.graph.node(id).op;
            op == "prim::TupleConstruct" || op == "prim::ListConstruct"
        })
    }

    /// Takes the operands that may become part of the next expression: those that wait last, in the order of the operands.
    /// The other operands that wait are written to variables, with all that wait before them.
    fn take(&mut self, operands: &[ValueId]) -> Vec<(ValueId, Text)> {
        let waiting: Vec<ValueId> = operands
            .iter()
            .copied()
            .filter(|operand| self.waits.contains(operand))
            .collect();
        let mut count = 0;
        let order = waiting.iter().rev().zip(self.pending.iter().rev());
        for (operand, (value, _)) in order {
            if operand != value {
                break;
            }
            count += 1;
        }
        if waiting.is_empty() {
            return Vec::new();
        }
        let taken = self.pending.split_off(self.pending.len() - count);
        let left = &waiting[..waiting.len() - count];
        let last = self
            .pending
            .iter()
            .rposition(|(value, _)| left.contains(value));
        if let Some(last) = last {
            let kept = self.pending.split_off(last + 1);
            self.flush();
            self.pending = kept;
        }
        for (value, _) in &taken {
            self.waits.remove(value);
            self.inlined.insert(*value);
        }
        taken
    }

    /// Writes all that waits to variables.
    fn flush(&mut self) {
        for (value, text) in std::mem::take(&mut self.pending) {
            self.waits.remove(&value);
            let name = self.variable(value);
            self.line(format!("{name} = {}", text.text));
        }
    }

    fn variable(&mut self, value: ValueId) -> String {
        let name = self.names.unique(self.graph.value(value).name);
        self.texts.insert(value, Text::atom(name.clone()));
        name
    }

    /// The text of a value that is a variable, a literal, a constant, or was taken into this expression.
    pub(super) fn text(&mut self, value: ValueId) -> Text {
        if let Some(text) = self.texts.get(&value) {
            return text.clone();
        }
        let described = self.graph.value(value);
        match &described.def {
            Def::Literal(value) => {
                let text = literal(value, &described.ty);
                let atom = matches!(value, Literal::Str(_) | Literal::None | Literal::Bool(_));
                Text { text, atom }
            }
            Def::Constant(id) => Text::atom(self.constants.reference(*id)),
            _ => unreachable!("a value is defined before it is used"),
        }
    }

    /// The text of a value for a place that wants `ty`, which may be wider than the value's type.
    fn widened(&mut self, value: ValueId, ty: &Type) -> String {
        let text = self.text(value).text;
        let own = self.natural(value);
        match same(&own, ty) || (*ty == Type::Scalar && is_number(&own)) {
            true => text,
            false => format!("annotate({}, {text})", spell(ty)),
        }
    }

    fn if_statement(&mut self, node: &Node) -> Result<(), WriteError> {
        let inlined = self.take(&node.operands);
        self.flush();
        self.texts.extend(inlined);
        let condition = self.operand(node, 0)?;
        let condition = self.text(condition).text;
        let names: Vec<String> = node.results.iter().map(|&r| self.variable(r)).collect();
        for (word, &block) in [format!("if {condition}:"), "else:".to_owned()]
            .into_iter()
            .zip(&node.blocks)
        {
            self.line(word);
            self.indent += 1;
            let start = self.lines.len();
            self.block(block)?;
            let returns = &self.graph.block(block).returns;
            let inlined = self.take(returns);
            self.flush();
            self.texts.extend(inlined);
            for ((name, &result), &value) in names.iter().zip(&node.results).zip(returns) {
                let text = self.widened(value, &self.graph.value(result).ty);
                self.line(format!("{name} = {text}"));
            }
            self.pass(start);
            self.indent -= 1;
        }
        Ok(())
    }

    /// `with`, whose body goes to the `prim::Exit` of the same object.
    fn enter(&mut self, id: NodeId, node: &Node, block: BlockId) -> Result<(), WriteError> {
        let object = self.operand(node, 0)?;
        let left = self.graph.block(block).nodes.iter().any(|&other| {
            let other = self.graph.node(other);
            other.op == "prim::Exit" && other.operands.first() == Some(&object)
        });
        if !left {
            return Err(self.refuse(id, "what is entered is not left in the same block"));
        }
        let inlined = self.take(&node.operands);
        self.flush();
        self.texts.extend(inlined);
        let text = self.text(object).text;
        let target = match node.results.first() {
            Some(&result) if self.used.contains_key(&result) => {
                format!(" as {}", self.variable(result))
            }
            _ => String::new(),
        };
        self.line(format!("with {text}{target}:"));
        self.indent += 1;
        self.entered.push((object, self.lines.len()));
        Ok(())
    }

    fn exit(&mut self, id: NodeId, node: &Node) -> Result<(), WriteError> {
        self.flush();
        match self.entered.pop() {
            Some((object, start)) if node.operands.first() == Some(&object) => {
                self.pass(start);
                self.indent -= 1;
                Ok(())
            }
            _ => Err(self.refuse(id, "what is left was not entered last")),
        }
    }

    fn loop_statement(&mut self, id: NodeId, node: &Node) -> Result<(), WriteError> {
        let (count, first) = (self.operand(node, 0)?, self.operand(node, 1)?);
        let (Some(&block), true) = (node.blocks.first(), node.operands.len() >= 2) else {
            return Err(self.refuse(id, "a loop without a body"));
        };
        let body = self.graph.block(block);
        let Some((&again, returns)) = body.returns.split_first() else {
            return Err(self.refuse(id, "a loop without a condition"));
        };
        let Some((&counter, parameters)) = body.parameters.split_first() else {
            return Err(self.refuse(id, "a loop without a counter"));
        };
        let literal = |value| self.graph.literal(value);
        let always = Some(&Literal::Bool(true));
        let is_for = literal(first) == always && literal(again) == always;
        if !is_for && literal(count) != Some(&Literal::Int(i64::MAX)) {
            return Err(self.refuse(id, "a loop that has both a count and a condition"));
        }
        let inits: Vec<ValueId> = node.operands[2..].to_vec();
        let head = if is_for { count } else { first };
        let mut order = inits.clone();
        order.push(head);
        let inlined = self.take(&order);
        self.flush();
        self.texts.extend(inlined);
        let mut names = Vec::with_capacity(node.results.len());
        for ((&result, &parameter), &init) in node.results.iter().zip(parameters).zip(&inits) {
            let text = self.widened(init, &self.graph.value(result).ty);
            let name = self.variable(result);
            self.texts.insert(parameter, Text::atom(name.clone()));
            self.line(format!("{name} = {text}"));
            names.push(name);
        }
        let head = self.text(head).text;
        let condition = if is_for {
            let counter = self.variable(counter);
            self.line(format!("for {counter} in range({head}):"));
            None
        } else {
            let name = self.names.unique(None);
            self.line(format!("{name} = {head}"));
            self.line(format!("while {name}:"));
            Some(name)
        };
        self.indent += 1;
        let start = self.lines.len();
        self.block(block)?;
        let alone = names.len() + usize::from(condition.is_some()) == 1;
        let inlined = if alone {
            self.take(&body.returns)
        } else {
            Vec::new()
        };
        self.flush();
        self.texts.extend(inlined);
        let mut copies = Vec::new();
        for ((name, &result), &value) in names.into_iter().zip(&node.results).zip(returns) {
            copies.push((name, self.widened(value, &self.graph.value(result).ty)));
        }
        if let Some(name) = condition {
            copies.push((name, self.text(again).text));
        }
        self.copy(copies);
        self.pass(start);
        self.indent -= 1;
        Ok(())
    }

    /// Assigns all at once: one by one where no copy reads what an earlier one assigned.
    fn copy(&mut self, mut copies: Vec<(String, String)>) {
        copies.retain(|(target, source)| target != source);
        let clash = copies.iter().enumerate().any(|(i, (target, _))| {
            copies[i + 1..].iter().any(|(_, source)| {
                source
                    .split(|c: char| c != '_' && !c.is_alphanumeric())
                    .any(|word| word == target)
            })
        });
        if clash {
            let (targets, sources): (Vec<_>, Vec<_>) = copies.into_iter().unzip();
            self.line(format!("{} = {}", targets.join(", "), sources.join(", ")));
            return;
        }
        for (target, source) in copies {
            self.line(format!("{target} = {source}"));
        }
    }

    fn pass(&mut self, start: usize) {
        if self.lines.len() == start {
            self.line("pass".to_owned());
        }
    }

    fn line(&mut self, text: String) {
        self.lines
            .push(format!("{}{text}", "  ".repeat(self.indent)));
    }

    pub(super) fn operand(&self, node: &Node, at: usize) -> Result<ValueId, WriteError> {
        node.operands
            .get(at)
            .copied()
            .ok_or_else(|| WriteError::Model {
                place: self.place(),
                what: format!("`{}` without operand {at}", node.op),
                cure: "give the operator all operands of its schema".to_owned(),
            })
    }

    pub(super) fn refuse(&self, id: NodeId, what: &str) -> WriteError {
        let node = self.graph.node(id);
        let place = match node.place {
            Some(place) => format!("{} ({place})", self.place()),
            None => self.place(),
        };
        WriteError::Model {
            place,
            what: format!("`{}`: {what}", node.op),
            cure: "TorchScript code cannot say this; rewrite it before writing".to_owned(),
        }
    }

    fn place(&self) -> String {
        match self.function.class {
            Some(class) => format!("{class}.{}", self.function.name),
            None => self.function.name.to_string(),
        }
    }
}
