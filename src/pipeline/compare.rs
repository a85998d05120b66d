//! Whether a model reads back as it was written.
//!
//! In: the model in memory and the model read from the file. Out: the first difference.
//! Compared are the graphs, instruction by instruction with the values they use, the attributes, and the contents of all constants.
//! Names of values are not compared: a format may have to spell them otherwise.

use rustc_hash::FxHashMap;

use crate::eval;
use crate::graph::{
    AttributeLiteral, AttributeValue, BlockId, Constant, ConstantId, Def, FunctionName, Graph,
    Model, ModuleId, Packed, Tensor, ValueId,
};

/// Compares two models; the difference is described for the user.
pub fn same(written: &Model, read: &Model) -> Result<(), String> {
    let mut comparison = Comparison {
        written,
        read,
        modules: FxHashMap::default(),
    };
    for (name, function) in &written.functions {
        let other = read
            .functions
            .get(name)
            .ok_or_else(|| format!("{} is missing", text(name)))?;
        comparison
            .graphs(&function.graph, &other.graph)
            .map_err(|difference| format!("{}: {difference}", text(name)))?;
    }
    comparison.modules(Model::ROOT, Model::ROOT)
}

fn text(name: &FunctionName) -> String {
    name.class.map_or_else(
        || format!("function {}", name.name),
        |class| format!("method {class}.{}", name.name),
    )
}

struct Comparison<'a> {
    written: &'a Model,
    read: &'a Model,
    modules: FxHashMap<ModuleId, ModuleId>,
}

impl Comparison<'_> {
    fn graphs(&self, a: &Graph, b: &Graph) -> Result<(), String> {
        let mut values = FxHashMap::default();
        self.blocks(a, b, Graph::BODY, Graph::BODY, &mut values)
    }

    fn blocks(
        &self,
        a: &Graph,
        b: &Graph,
        x: BlockId,
        y: BlockId,
        values: &mut FxHashMap<ValueId, ValueId>,
    ) -> Result<(), String> {
        let (left, right) = (a.block(x), b.block(y));
        if left.parameters.len() != right.parameters.len()
            || left.returns.len() != right.returns.len()
        {
            return Err("a block takes or returns another number of values".into());
        }
        values.extend(
            left.parameters
                .iter()
                .copied()
                .zip(right.parameters.iter().copied()),
        );
        if left.nodes.len() != right.nodes.len() {
            return Err(format!(
                "a block has {} operators instead of {}",
                right.nodes.len(),
                left.nodes.len()
            ));
        }
        for (&m, &n) in left.nodes.iter().zip(&right.nodes) {
            let (m, n) = (a.node(m), b.node(n));
            let at = |what: &str| Err(format!("`{}` became `{}`: {what}", m.op, n.op));
            if m.op != n.op
                || m.operands.len() != n.operands.len()
                || m.results.len() != n.results.len()
                || m.blocks.len() != n.blocks.len()
            {
                return at("another operator, or other numbers of operands, results or blocks");
            }
            if m.attributes.len() != n.attributes.len()
                || m.attributes
                    .iter()
                    .zip(&n.attributes)
                    .any(|(p, q)| p.0 != q.0 || !self.same_attribute(&p.1, &q.1))
            {
                return at("other attributes");
            }
            for (&p, &q) in m.operands.iter().zip(&n.operands) {
                if !self.values(a, b, p, q, values)? {
                    return at("another operand");
                }
            }
            for (&p, &q) in m.blocks.iter().zip(&n.blocks) {
                self.blocks(a, b, p, q, values)?;
            }
            values.extend(m.results.iter().copied().zip(n.results.iter().copied()));
        }
        for (&p, &q) in left.returns.iter().zip(&right.returns) {
            if !self.values(a, b, p, q, values)? {
                return Err("a block returns another value".into());
            }
        }
        Ok(())
    }

    fn values(
        &self,
        a: &Graph,
        b: &Graph,
        x: ValueId,
        y: ValueId,
        values: &FxHashMap<ValueId, ValueId>,
    ) -> Result<bool, String> {
        match (&a.value(x).def, &b.value(y).def) {
            (Def::Literal(p), Def::Literal(q)) => Ok(p == q),
            (Def::Constant(p), Def::Constant(q)) => self.constants(*p, *q),
            _ => Ok(values.get(&x) == Some(&y)),
        }
    }

    fn same_attribute(&self, a: &AttributeLiteral, b: &AttributeLiteral) -> bool {
        match (a, b) {
            (AttributeLiteral::Constant(p), AttributeLiteral::Constant(q)) => {
                self.constants(*p, *q).unwrap_or(false)
            }
            _ => a == b,
        }
    }

    fn constants(&self, a: ConstantId, b: ConstantId) -> Result<bool, String> {
        let value = |model: &Model, id| {
            eval::force(&model.constants, id).map_err(|error| error.to_string())
        };
        Ok(same_constant(
            &value(self.written, a)?,
            &value(self.read, b)?,
        ))
    }

    fn modules(&mut self, a: ModuleId, b: ModuleId) -> Result<(), String> {
        match self.modules.insert(a, b) {
            Some(before) if before == b => return Ok(()),
            Some(_) => return Err("a module that was shared is no longer".into()),
            None => {}
        }
        let (left, right) = (self.written.module(a), self.read.module(b));
        if left.class != right.class {
            return Err(format!(
                "a module of class {} became one of class {}",
                left.class, right.class
            ));
        }
        for (name, attribute) in &left.attributes {
            let other = right
                .attributes
                .get(name)
                .ok_or_else(|| format!("attribute `{name}` of {} is missing", left.class))?;
            if !self.attributes(&attribute.value, &other.value)? {
                return Err(format!(
                    "attribute `{name}` of {} has another value",
                    left.class
                ));
            }
        }
        if right.attributes.len() != left.attributes.len() {
            return Err(format!(
                "{} has {} attributes instead of {}",
                left.class,
                right.attributes.len(),
                left.attributes.len()
            ));
        }
        Ok(())
    }

    fn attributes(&mut self, a: &AttributeValue, b: &AttributeValue) -> Result<bool, String> {
        use AttributeValue as V;
        let all = |this: &mut Self, a: &[V], b: &[V]| -> Result<bool, String> {
            for (p, q) in a.iter().zip(b) {
                if !this.attributes(p, q)? {
                    return Ok(false);
                }
            }
            Ok(a.len() == b.len())
        };
        match (a, b) {
            (V::Module(p), V::Module(q)) => self.modules(*p, *q).map(|()| true),
            (V::Literal(p), V::Literal(q)) => Ok(p == q),
            (V::Constant(p), V::Constant(q)) => self.constants(*p, *q),
            (V::List(p), V::List(q)) | (V::Tuple(p), V::Tuple(q)) => all(self, p, q),
            (V::Dict(p), V::Dict(q)) => {
                let flat = |items: &[(V, V)]| {
                    items
                        .iter()
                        .flat_map(|(key, value)| [key.clone(), value.clone()])
                        .collect::<Vec<_>>()
                };
                all(self, &flat(p), &flat(q))
            }
            _ => Ok(false),
        }
    }
}

fn same_constant(a: &Constant, b: &Constant) -> bool {
    match (a, b) {
        (Constant::Tensor(p), Constant::Tensor(q)) => same_tensor(p, q),
        (Constant::Packed(p), Constant::Packed(q)) => same_packed(p, q),
        (Constant::Object(p), Constant::Object(q)) => p.content_hash() == q.content_hash(),
        _ => false,
    }
}

fn same_packed(a: &Packed, b: &Packed) -> bool {
    let bias = match (&a.bias, &b.bias) {
        (Some(p), Some(q)) => same_tensor(p, q),
        (None, None) => true,
        _ => false,
    };
    a.family == b.family
        && a.config == b.config
        && a.range == b.range
        && bias
        && same_tensor(&a.weight, &b.weight)
}

fn same_tensor(a: &Tensor, b: &Tensor) -> bool {
    a.content_hash() == b.content_hash()
}
