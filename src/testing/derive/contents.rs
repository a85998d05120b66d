//! What may stand in the open places of a sketch.
//!
//! In: a place with its types, what the guards of the rule mention. Out: contents for it, plain ones first.
//! Invariant: contents agree with what the pattern writes about the place; whether guards hold is not asked here.

use crate::check::rule::{Constraint, DimPattern, Expr, Function, Let};
use crate::graph::{DType, Literal, Name, Type};
use crate::ops::torch_dtype_code;

use super::sketch::{Open, some_module};

/// The scale of what is quantized in a derived graph.
pub(super) const SCALE: f64 = 0.5;
/// The zero point of what is quantized in a derived graph.
pub(super) const ZERO_POINT: i64 = 3;

/// The operand that a place is.
#[derive(Clone, Debug, Default)]
pub(super) struct Around {
    pub(super) op: String,
    pub(super) param: String,
    pub(super) default: Option<Literal>,
    pub(super) fixed_len: Option<u32>,
}

/// How a tensor comes into the graph.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// It is `none`.
    Absent,
    /// A parameter.
    Input,
    /// A constant.
    Const,
    /// Quantized in the graph, with one scale.
    PerTensor,
    /// Quantized in the graph, with a scale for each channel.
    PerChannel,
}

/// What a place that is no tensor holds.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Plain {
    /// A parameter of this type.
    Input(Type),
    /// The first parameter, with this type.
    First(Type),
    Literal(Literal),
}

/// One thing to choose about a place.
#[derive(Clone, Debug)]
pub(super) enum Options {
    Kind(Vec<Kind>),
    DType(Vec<Option<DType>>),
    Dims(Vec<Option<Vec<u64>>>),
    Plain(Vec<Plain>),
    /// The type of what an operator gives.
    Type(Vec<Type>),
}

impl Options {
    pub(super) fn len(&self) -> usize {
        match self {
            Options::Kind(all) => all.len(),
            Options::DType(all) => all.len(),
            Options::Dims(all) => all.len(),
            Options::Plain(all) => all.len(),
            Options::Type(all) => all.len(),
        }
    }
}

/// What guards mention.
#[derive(Clone, Debug, Default)]
pub(super) struct Mentions {
    pub(super) literals: Vec<Literal>,
    pub(super) functions: Vec<Function>,
}

impl Mentions {
    /// What an expression mentions, through lets.
    pub(super) fn add(&mut self, expr: &Expr, lets: &[Let]) {
        match expr {
            Expr::Literal(literal) => self.literal(literal),
            Expr::Let(at) => {
                if let Some(named) = lets.get(*at as usize) {
                    self.add(&named.value, lets);
                }
            }
            Expr::Slot(_) | Expr::Element(_) | Expr::Setting(_) => {}
            Expr::Call(function, arguments) => {
                self.functions.push(*function);
                arguments.iter().for_each(|one| self.add(one, lets));
            }
            Expr::List(items) | Expr::Tuple(items) => {
                items.iter().for_each(|one| self.add(one, lets))
            }
            Expr::Comprehension {
                element,
                over,
                condition,
            } => {
                self.add(element, lets);
                self.add(over, lets);
                condition.iter().for_each(|one| self.add(one, lets));
            }
            Expr::If(a, b, c) => [a, b, c].into_iter().for_each(|one| self.add(one, lets)),
            Expr::Not(one) | Expr::Negate(one) => self.add(one, lets),
            Expr::Binary(_, a, b) | Expr::Index(a, b) => {
                self.add(a, lets);
                self.add(b, lets);
            }
            Expr::Slice(base, from, to) => {
                self.add(base, lets);
                [from, to]
                    .into_iter()
                    .flatten()
                    .for_each(|one| self.add(one, lets));
            }
        }
    }

    fn literal(&mut self, literal: &Literal) {
        match literal {
            Literal::List(items) | Literal::Tuple(items) => {
                self.literals.push(literal.clone());
                items.iter().for_each(|item| self.literal(item));
            }
            other => self.literals.push(other.clone()),
        }
    }

    pub(super) fn has(&self, function: Function) -> bool {
        self.functions.contains(&function)
    }

    fn dtypes(&self) -> impl Iterator<Item = DType> {
        self.literals.iter().filter_map(|literal| match literal {
            Literal::DType(dtype) => Some(*dtype),
            _ => None,
        })
    }

    fn texts(&self) -> impl Iterator<Item = &str> {
        self.literals.iter().filter_map(Literal::as_str)
    }
}

/// What there is to choose about a place.
pub(super) fn options(open: &Open, mentions: &Mentions) -> Vec<Options> {
    let written = open.constraints.iter().find_map(|one| one.ty.clone());
    let is_written = written.is_some();
    let ty = written.unwrap_or_else(|| open.ty.clone());
    let (ty, optional) = match ty {
        Type::Optional(inner) => (*inner, !is_written),
        other => (other, false),
    };
    if open.dtype {
        let own = mentions.dtypes();
        let all = [DType::QU8, DType::QI8, DType::F32, DType::F16, DType::I64];
        let codes = own
            .chain(all)
            .map(|dtype| Literal::Int(torch_dtype_code(dtype)));
        return vec![Options::Plain(unique(codes.map(Plain::Literal)))];
    }
    if !open.bare && matches!(ty, Type::Tensor(_) | Type::Any | Type::Variable(_)) {
        return tensor(open, mentions, optional);
    }
    let mut found = Vec::new();
    if optional {
        found.push(Plain::Literal(Literal::None));
    }
    let is_qparam = ["scale", "zero_point"].contains(&open.around.param.as_str());
    let constant = open.constraints.iter().any(|one| one.constant);
    if let Type::Class(_) = ty {
        // The first parameter is the module that the method belongs to, if its type says that it is one.
        match ty == some_module() {
            true => found.extend([
                Plain::First(ty.clone()),
                Plain::Input(ty),
                Plain::First(Type::Any),
            ]),
            false => found.push(Plain::Input(ty)),
        }
        return vec![Options::Plain(found)];
    }
    let literals = literals(&ty, open, mentions)
        .into_iter()
        .map(Plain::Literal);
    if open.bare || constant {
        found.extend(literals);
    } else if is_qparam || open.ignored {
        found.extend(literals);
        found.push(Plain::Input(ty));
    } else {
        found.push(Plain::Input(ty));
        found.extend(literals);
    }
    vec![Options::Plain(unique(found))]
}

/// The types that a call may give, where its operator does not say.
pub(super) fn types(ty: &Type, mentions: &Mentions) -> Options {
    let mut found = vec![ty.clone()];
    if matches!(ty, Type::Class(_)) {
        let classes = mentions.texts().filter(|text| text.contains('.'));
        found.extend(classes.map(|text| Type::Class(Name::new(&format!("__torch__.{text}")))));
        found.push(some_module());
    }
    Options::Type(unique(found))
}

fn unique<T: PartialEq>(all: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut found = Vec::new();
    for one in all {
        if !found.contains(&one) {
            found.push(one);
        }
    }
    found
}

fn tensor(open: &Open, mentions: &Mentions, optional: bool) -> Vec<Options> {
    let constant = open.constraints.iter().any(|one| one.constant);
    let mut kinds = Vec::new();
    if optional {
        kinds.push(Kind::Absent);
    }
    kinds.extend(match constant {
        true => &[Kind::Const][..],
        false => &[Kind::Input, Kind::PerTensor, Kind::Const, Kind::PerChannel],
    });
    let demanded: Vec<DType> = open
        .constraints
        .iter()
        .flat_map(|one| one.dtypes.clone())
        .collect();
    let dtypes: Vec<Option<DType>> = if demanded.is_empty() {
        let op = open.around.op.as_str();
        let first = match (op, open.around.param.as_str()) {
            _ if op == "aten::dequantize.self" || op.starts_with("aten::int_repr") => DType::QU8,
            (_, "weight" | "W" | "w") if op.starts_with("quantized::") => DType::QI8,
            _ if op.starts_with("quantized::")
                && !op.contains("dynamic")
                && is_quantized_operand(&open.around.param) =>
            {
                DType::QU8
            }
            _ => DType::F32,
        };
        let all = [
            DType::F32,
            DType::QU8,
            DType::QI8,
            DType::F64,
            DType::I64,
            DType::F16,
        ];
        let all = [first].into_iter().chain(mentions.dtypes()).chain(all);
        // What takes quantized tensors takes nothing else.
        let all = all.filter(|dtype| dtype.is_quantized() || !first.is_quantized());
        unique(all.map(Some).chain([None]))
    } else {
        demanded.into_iter().map(Some).collect()
    };
    vec![
        Options::Kind(kinds),
        Options::DType(dtypes),
        Options::Dims(dims(open, mentions)),
    ]
}

fn is_quantized_operand(param: &str) -> bool {
    ![
        "bias",
        "B",
        "b",
        "mean",
        "var",
        "running_mean",
        "running_var",
    ]
    .contains(&param)
}

fn dims(open: &Open, mentions: &Mentions) -> Vec<Option<Vec<u64>>> {
    let written: Vec<&Vec<DimPattern>> = open
        .constraints
        .iter()
        .filter_map(|one| one.dims.as_ref())
        .collect();
    let own = written.iter().map(|pattern| crafted(pattern, &open.dims));
    let mentioned = mentions.literals.iter().filter_map(sizes);
    let all = [
        vec![2],
        vec![3],
        vec![2, 3],
        vec![],
        vec![1],
        vec![2, 2, 2],
        vec![1, 2, 4, 4],
    ];
    let plain = [open.dims.clone()].into_iter().chain(mentioned).chain(all);
    let fitting = plain.filter(|dims| written.iter().all(|pattern| fits(pattern, dims)));
    let all: Vec<Vec<u64>> = own.chain(fitting).collect();
    unique(
        all.into_iter()
            .map(Some)
            .chain(written.is_empty().then_some(None)),
    )
}

fn sizes(literal: &Literal) -> Option<Vec<u64>> {
    let Literal::List(items) = literal else {
        return None;
    };
    let sizes = items.iter().map(|item| u64::try_from(item.as_int()?).ok());
    sizes
        .collect::<Option<Vec<u64>>>()
        .filter(|sizes| sizes.iter().product::<u64>() < 4096)
}

/// Sizes that a written type asks for, as near to `wanted` as can be.
fn crafted(pattern: &[DimPattern], wanted: &[u64]) -> Vec<u64> {
    let mut found = Vec::new();
    for (at, dim) in pattern.iter().enumerate() {
        match dim {
            DimPattern::Equal(n) => found.push(u64::try_from(*n).unwrap_or(1)),
            DimPattern::Any | DimPattern::Bind(_) => {
                found.push(wanted.get(at).copied().unwrap_or(2))
            }
            DimPattern::Rest => found.extend(wanted.iter().skip(at)),
        }
    }
    found
}

fn fits(pattern: &[DimPattern], dims: &[u64]) -> bool {
    let open = pattern.iter().any(|dim| matches!(dim, DimPattern::Rest));
    let fixed = pattern
        .iter()
        .filter(|dim| !matches!(dim, DimPattern::Rest))
        .count();
    let rank = if open {
        dims.len() >= fixed
    } else {
        dims.len() == fixed
    };
    rank && pattern.iter().zip(dims).all(|(dim, &size)| match dim {
        DimPattern::Equal(n) => i64::try_from(size) == Ok(*n),
        _ => true,
    })
}

/// Literals of a type, plain ones first.
fn literals(ty: &Type, open: &Open, mentions: &Mentions) -> Vec<Literal> {
    let around = &open.around;
    let own = around
        .default
        .clone()
        .filter(|literal| has_type(literal, ty));
    let mentioned = mentions
        .literals
        .iter()
        .filter(|literal| has_type(literal, ty));
    let mentioned: Vec<Literal> = mentioned.cloned().collect();
    let ints = |all: &[i64]| all.iter().copied().map(Literal::Int).collect::<Vec<_>>();
    let floats = |all: &[f64]| all.iter().copied().map(Literal::Float).collect::<Vec<_>>();
    let all: Vec<Literal> = match ty {
        Type::Int => match around.param.as_str() {
            "zero_point" => ints(&[ZERO_POINT, 1, 0, 2, -1]),
            "dim" | "axis" => ints(&[0, 1, 2, -1]),
            _ => ints(&[1, 0, 2, 3, -1]),
        },
        Type::Float => floats(&[SCALE, 1.0, 0.0, 2.0, -1.0, 6.0, 1000.0]),
        Type::Scalar => [
            Literal::Int(2),
            Literal::Float(SCALE),
            Literal::Int(0),
            Literal::Int(1),
        ]
        .into_iter()
        .chain(floats(&[6.0, -1.0, 1000.0]))
        .collect(),
        Type::Bool => vec![Literal::Bool(false), Literal::Bool(true)],
        Type::Str => {
            let named = match around.param.as_str() {
                "" => "name",
                name => name,
            };
            let starts = mentioned.iter().filter_map(Literal::as_str);
            let numbered = starts
                .clone()
                .flat_map(|text| [format!("{text}0"), format!("{text}1")]);
            let numbered: Vec<Literal> = numbered.map(|text| Literal::str(&text)).collect();
            [Literal::str(named)]
                .into_iter()
                .chain(numbered)
                .chain([Literal::str("other")])
                .collect()
        }
        Type::List(inner) => match &**inner {
            Type::Int => lists(around),
            Type::Float => vec![Literal::list([Literal::Float(1.0), Literal::Float(1.0)])],
            Type::Bool => vec![Literal::list([Literal::Bool(false)])],
            _ => vec![Literal::list([])],
        },
        Type::None => vec![Literal::None],
        Type::Device => vec![Literal::Device("cpu".into())],
        _ => vec![
            Literal::Int(1),
            Literal::Bool(false),
            Literal::None,
            Literal::Float(SCALE),
        ],
    };
    unique(own.into_iter().chain(all).chain(mentioned))
}

/// Lists of integers that suit an operand.
fn lists(around: &Around) -> Vec<Literal> {
    let of = |n: i64, len: usize| Literal::ints(vec![n; len]);
    let size = size_of_op(&around.op)
        .or(around.fixed_len.map(|n| n as usize))
        .unwrap_or(2);
    let n = match around.param.as_str() {
        "padding" | "output_padding" => 0,
        "kernel_size" | "output_size" => 2,
        _ => 1,
    };
    let mut found = vec![of(n, size)];
    found.extend([1, 2, 3].into_iter().map(|len| of(n, len)));
    found.extend(
        [
            vec![2, 2],
            vec![0, 1],
            vec![1, 0],
            vec![-1, 0],
            vec![2, 3],
            vec![0, 2, 1],
            vec![1, 2, 4, 4],
        ]
        .map(Literal::ints),
    );
    found
}

fn has_type(literal: &Literal, ty: &Type) -> bool {
    match (literal, ty) {
        (Literal::Int(_), Type::Int | Type::Scalar | Type::Float)
        | (Literal::Float(_), Type::Float | Type::Scalar)
        | (Literal::Bool(_), Type::Bool)
        | (Literal::Str(_), Type::Str) => true,
        (Literal::List(items), Type::List(inner)) => items.iter().all(|item| has_type(item, inner)),
        _ => false,
    }
}

/// The 2 of `conv2d`.
pub(super) fn size_of_op(op: &str) -> Option<usize> {
    let base = op.rsplit("::").next()?.split('.').next()?;
    let bytes = base.as_bytes();
    let found = bytes
        .windows(2)
        .find(|pair| pair[1] == b'd' && matches!(pair[0], b'1'..=b'3'))?;
    Some(usize::from(found[0] - b'0'))
}

/// Sizes that suit an operand of an operator, where it cares.
pub(super) fn dims_for(op: &str, param: &str, size: Option<usize>) -> Option<Vec<u64>> {
    let base = op.rsplit("::").next()?.split('.').next()?;
    let channels = || vec![2];
    let image = |size: usize| [vec![1, 2], vec![4; size]].concat();
    Some(match (base, param, size) {
        (_, "running_mean" | "running_var" | "mean" | "var" | "bias" | "gamma" | "beta", _)
            if base != "mean" =>
        {
            channels()
        }
        ("batch_norm" | "instance_norm" | "group_norm" | "batch_norm2d", "weight", _) => channels(),
        ("batch_norm" | "instance_norm" | "group_norm", "input", _) => image(2),
        ("_convolution", "input", _) => image(2),
        ("_convolution", "weight", _) => vec![2, 2, 3, 3],
        ("linear" | "linear_dynamic" | "matmul" | "addmm" | "mm" | "t", ..) => vec![2, 2],
        ("pixel_shuffle", ..) => vec![1, 4, 2, 2],
        (_, "weight", Some(size)) => [vec![2, 2], vec![3; size]].concat(),
        (_, "input" | "self" | "qx" | "X", Some(size)) => image(size),
        _ => return None,
    })
}

/// Whether something must be known before the model runs.
pub(super) fn is_const(constraints: &[Constraint]) -> bool {
    constraints.iter().any(|one| one.constant)
}
