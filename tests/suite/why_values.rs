//! What values of a model are, and what guards say of them: for the reader of rules that judges `rulefold why`.
//!
//! Types and grids are found by following the graph up to the quantize that made a value.

use rulefold::graph::{ConstantStore, DType, Def, Graph, Literal, QParams};
use rulefold::syntax::ast::{
    BinaryOp, Element, Expr, ExprKind, NumberValue, Subscript, Term, UnaryOp, Variable,
};
use std::collections::BTreeMap;

/// A value of the graph: what makes it, if something does.
#[derive(Default)]
pub struct Thing {
    pub op: String,
    pub operands: Vec<usize>,
    pub literal: Option<Literal>,
    constant: Option<Constant>,
}

/// What is known of a constant: element type and grid.
type Constant = (Option<DType>, Option<(f64, i64)>);

/// A graph as it is printed.
pub struct Net {
    pub things: Vec<Thing>,
    /// By value, the first one that is the same operator of the same operands.
    pub same: Vec<usize>,
    pub names: BTreeMap<String, usize>,
}

impl Net {
    pub fn new(graph: &Graph, constants: &ConstantStore) -> Net {
        let printed = rulefold::graph::text::printed(graph, constants);
        let names = printed.names.iter();
        let names = names.map(|(value, name)| (format!("%{name}"), value.0 as usize));
        let mut things: Vec<Thing> = Vec::new();
        for at in 0..graph.value_count() {
            let mut thing = Thing::default();
            match &graph.value(rulefold::graph::ValueId(at as u32)).def {
                Def::Literal(literal) => thing.literal = Some(literal.clone()),
                Def::Constant(id) => {
                    let facts = &constants.get(*id).facts;
                    let grid = match facts.qparams {
                        QParams::PerTensor { scale, zero_point } => Some((scale, zero_point)),
                        _ => None,
                    };
                    thing.constant = Some((facts.dtype, grid));
                }
                Def::Parameter { .. } | Def::Result { .. } => {}
            }
            things.push(thing);
        }
        for id in graph.walk() {
            let node = graph.node(id);
            if let [result] = node.results.as_slice() {
                let thing = &mut things[result.0 as usize];
                thing.op = node.op.to_string();
                thing.operands = node.operands.iter().map(|value| value.0 as usize).collect();
            }
        }
        let mut net = Net {
            same: (0..things.len()).collect(),
            things,
            names: names.collect(),
        };
        let mut first: BTreeMap<String, usize> = BTreeMap::new();
        let computed = graph.walk();
        let computed = computed.iter().flat_map(|&id| &graph.node(id).results);
        let computed: Vec<usize> = computed.map(|value| value.0 as usize).collect();
        let others = (0..net.things.len()).filter(|at| net.things[*at].literal.is_some());
        for at in others.chain(computed).collect::<Vec<usize>>() {
            let thing = &net.things[at];
            let operands = thing.operands.iter().map(|&at| net.same[at]);
            let operands: Vec<usize> = operands.collect();
            let key = match net.lit(at) {
                Some(lit) => format!("{lit:?}"),
                None if thing.op.is_empty() => continue,
                None => format!("{}{operands:?}", thing.op),
            };
            net.same[at] = *first.entry(key).or_insert(at);
        }
        net
    }

    /// The element type, as far as the graph shows it.
    fn dtype(&self, at: usize) -> Option<DType> {
        let thing = &self.things[at];
        if let Some((dtype, _)) = thing.constant {
            return dtype;
        }
        let code = |operand: usize| of_code(&self.lit(*thing.operands.get(operand)?)?);
        match base(&thing.op) {
            "aten::quantize_per_tensor" => code(3),
            "aten::quantize_per_channel" => code(4),
            "aten::dequantize" | "aten::scalar_tensor" => Some(DType::F32),
            "" => None,
            _ => self.dtype(*thing.operands.first()?),
        }
    }

    /// Scale, zero point and element type.
    fn grid(&self, at: usize) -> Option<Lit> {
        let thing = &self.things[at];
        if let Some((dtype, grid)) = thing.constant {
            let (scale, zero) = grid?;
            return Some(Lit::List(vec![
                Lit::Number(scale),
                Lit::Number(zero as f64),
                Lit::Type(dtype?),
            ]));
        }
        match base(&thing.op) {
            "aten::quantize_per_tensor" => Some(Lit::List(vec![
                self.lit(*thing.operands.get(1)?)?,
                self.lit(*thing.operands.get(2)?)?,
                Lit::Type(self.dtype(at)?),
            ])),
            _ => None,
        }
    }

    /// The literal that a value is, or that a quantized value is asked for.
    pub fn lit(&self, at: usize) -> Option<Lit> {
        let thing = &self.things[at];
        if let Some(literal) = &thing.literal {
            return Some(Lit::of(literal));
        }
        let of_grid = |part: usize| match self.grid(*thing.operands.first()?)? {
            Lit::List(parts) => parts.get(part).cloned(),
            _ => None,
        };
        match base(&thing.op) {
            "aten::q_scale" => of_grid(0),
            "aten::q_zero_point" => of_grid(1),
            "prim::dtype" => match self.dtype(*thing.operands.first()?)? {
                DType::F32 => Some(Lit::Number(6.0)),
                DType::QI8 => Some(Lit::Number(12.0)),
                DType::QU8 => Some(Lit::Number(13.0)),
                _ => None,
            },
            _ => None,
        }
    }
}

/// The name of an operator without its overload.
pub fn base(op: &str) -> &str {
    op.split('.').next().unwrap_or(op)
}

/// The element type that a number stands for.
pub fn of_code(literal: &Lit) -> Option<DType> {
    let codes = [(6.0, DType::F32), (12.0, DType::QI8), (13.0, DType::QU8)];
    let found = codes
        .iter()
        .find(|(code, _)| *literal == Lit::Number(*code));
    found.map(|(_, dtype)| *dtype)
}

/// A value of the reader's own expressions.
#[derive(Clone, PartialEq, Debug)]
pub enum Lit {
    Number(f64),
    Text(String),
    Truth(bool),
    Type(DType),
    None,
    List(Vec<Lit>),
    Value(usize),
}

impl Lit {
    pub fn of(literal: &Literal) -> Lit {
        match literal {
            Literal::Int(n) => Lit::Number(*n as f64),
            Literal::Float(x) => Lit::Number(*x),
            Literal::Bool(b) => Lit::Truth(*b),
            Literal::DType(dtype) => Lit::Type(*dtype),
            Literal::None => Lit::None,
            other => match (other.as_str(), other.items()) {
                (Some(text), _) => Lit::Text(text.to_owned()),
                (_, Some(items)) => Lit::List(items.iter().map(Lit::of).collect()),
                _ => Lit::Text(format!("{other:?}")),
            },
        }
    }
}

/// What names hold.
pub type Held = BTreeMap<String, Lit>;

/// What guards look at.
pub struct Values<'a> {
    pub net: &'a Net,
    pub parameters: Held,
}

impl Values<'_> {
    /// What an expression is; nothing if that cannot be known.
    pub fn value(&self, expr: &Expr, held: &Held, inner: &Held) -> Option<Lit> {
        let of = |expr: &Expr| self.value(expr, held, inner);
        // Values that are literals count as those.
        let plain = |expr: &Expr| match of(expr)? {
            Lit::Value(at) => self.net.lit(at).or(Some(Lit::Value(at))),
            Lit::List(items) => {
                let item = |item: Lit| match item {
                    Lit::Value(at) => self.net.lit(at).unwrap_or(Lit::Value(at)),
                    other => other,
                };
                Some(Lit::List(items.into_iter().map(item).collect()))
            }
            other => Some(other),
        };
        let number = |expr: &Expr| match plain(expr)? {
            Lit::Number(x) => Some(x),
            _ => None,
        };
        let truth = |expr: &Expr| match of(expr)? {
            Lit::Truth(b) => Some(b),
            _ => None,
        };
        Some(match &expr.kind {
            ExprKind::Number(number) => Lit::Number(match number.value {
                NumberValue::Int(n) => n as f64,
                NumberValue::Float(x) => x,
            }),
            ExprKind::Text(text) => Lit::Text(text.value.clone()),
            ExprKind::Bool(b) => Lit::Truth(*b),
            ExprKind::None => Lit::None,
            ExprKind::Name(path) => {
                let name = path.text.as_str();
                if let Some(dtype) = DType::from_name(name) {
                    return Some(Lit::Type(dtype));
                }
                let found = inner.get(name).or_else(|| held.get(name));
                match found.or_else(|| self.parameters.get(name))? {
                    // The name `dtype` of these rules is an element type.
                    Lit::Value(at) if name == "dtype" => Lit::Type(of_code(&self.net.lit(*at)?)?),
                    Lit::Value(at) => self.net.lit(*at)?,
                    other => other.clone(),
                }
            }
            ExprKind::Value(value) => {
                let name = format!("%{}", value.name);
                inner.get(&name).or_else(|| held.get(&name))?.clone()
            }
            ExprKind::List(items) => {
                let item = |item: &Element| self.value(item.term.as_expr()?, held, inner);
                Lit::List(items.iter().map(item).collect::<Option<Vec<Lit>>>()?)
            }
            ExprKind::Tuple(items) => {
                let item = |item: &Term| plain(item.as_expr()?);
                Lit::List(items.iter().map(item).collect::<Option<Vec<Lit>>>()?)
            }
            ExprKind::Unary(UnaryOp::Not, inner) => Lit::Truth(!truth(inner)?),
            ExprKind::Unary(UnaryOp::Neg, inner) => Lit::Number(-number(inner)?),
            ExprKind::Binary(binary) => {
                let (left, right) = (&binary.left, &binary.right);
                match binary.op {
                    BinaryOp::And => Lit::Truth(truth(left)? && truth(right)?),
                    BinaryOp::Or => Lit::Truth(truth(left)? || truth(right)?),
                    BinaryOp::Eq => Lit::Truth(plain(left)? == plain(right)?),
                    BinaryOp::Ne => Lit::Truth(plain(left)? != plain(right)?),
                    BinaryOp::Lt => Lit::Truth(number(left)? < number(right)?),
                    BinaryOp::Le => Lit::Truth(number(left)? <= number(right)?),
                    BinaryOp::Gt => Lit::Truth(number(left)? > number(right)?),
                    BinaryOp::Ge => Lit::Truth(number(left)? >= number(right)?),
                    BinaryOp::Add => Lit::Number(number(left)? + number(right)?),
                    BinaryOp::Sub => Lit::Number(number(left)? - number(right)?),
                    BinaryOp::Mul => Lit::Number(number(left)? * number(right)?),
                    BinaryOp::Div => Lit::Number(number(left)? / number(right)?),
                    BinaryOp::In | BinaryOp::NotIn => panic!("no guard among these asks for `in`"),
                }
            }
            ExprKind::Index(index) => {
                let (Lit::List(items), Subscript::At(at)) = (of(&index.base)?, &index.subscript)
                else {
                    return None;
                };
                items.get(number(at)? as usize)?.clone()
            }
            ExprKind::Comprehension(all) => {
                let [one] = all.loops.as_slice() else {
                    panic!("one loop")
                };
                let [variable] = one.variables.as_slice() else {
                    panic!("one variable")
                };
                let name = match variable {
                    Variable::Value(value) => format!("%{}", value.name),
                    Variable::Name(name) => name.text.clone(),
                };
                let Lit::List(items) = plain(&one.source)? else {
                    return None;
                };
                let element = all.element.term.as_expr()?;
                let mut found = Vec::new();
                for item in items {
                    let mut inner = inner.clone();
                    inner.insert(name.clone(), item);
                    found.push(self.value(element, held, &inner)?);
                }
                Lit::List(found)
            }
            ExprKind::Call(call) => {
                let [argument] = call.args.as_slice() else {
                    panic!("functions of these guards take one argument")
                };
                let argument = of(&argument.value)?;
                match (call.function.text.as_str(), argument) {
                    ("dtype", Lit::Value(at)) => Lit::Type(self.net.dtype(at)?),
                    ("qparams", Lit::Value(at)) => self.net.grid(at)?,
                    ("len", Lit::List(items)) => Lit::Number(items.len() as f64),
                    ("all", Lit::List(items)) => {
                        Lit::Truth(items.iter().all(|item| *item == Lit::Truth(true)))
                    }
                    (name, argument) => panic!("{name} of {argument:?}"),
                }
            }
            other => panic!("no guard among these is {other:?}"),
        })
    }
}
