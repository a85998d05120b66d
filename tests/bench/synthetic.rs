//! Synthetic work for benchmarks: quantized networks of any size, and a rule library of any size, as text.
//!
//! In: sizes. Out: graphs in the form of `insert_quant_dequant`, and `.fold` text for them.
//! Invariant: the same sizes give the same graphs and the same text.
#![allow(dead_code, reason = "each benchmark uses its part")]

use std::collections::HashMap;
use std::fmt::Write;

use rulefold::check::{self, Library, ModuleSource};
use rulefold::graph::{
    Constant, ConstantStore, DType, Graph, Literal, Name, Node, Quantization, Tensor, Type, ValueId,
};
use rulefold::ops::{self, Catalogue};
use rulefold::source::SourceId;
use rulefold::syntax;

/// A network with its constants.
pub struct Network {
    /// The graph.
    pub graph: Graph,
    /// Its weights.
    pub constants: ConstantStore,
}

/// Rules, checked, with the operators they declare.
pub struct Rules {
    /// The rules and keeps.
    pub library: Library,
    /// Operators.
    pub catalogue: Catalogue,
}

/// A convolutional network with residual additions, batch norm in a quarter of the blocks and six activations, of about this many
/// operators, constants and literals.
pub fn convolutional(size: usize) -> Network {
    let mut net = Builder::new();
    let mut x = net.input();
    x = net.quantize(x);
    while net.size() < size {
        let residual = x;
        for second in [false, true] {
            x = net.block(x, second.then_some(residual));
        }
        match net.random(12) {
            0 => {
                let float = net.dequantize(x);
                let pooled = net.max_pool(float);
                x = net.quantize(pooled);
            }
            1 => {
                let float = net.dequantize(x);
                let dropped = net.dropout(float);
                x = net.quantize(dropped);
            }
            2 => {
                let parts = [net.dequantize(x), net.dequantize(residual)];
                let joined = net.cat(&parts);
                x = net.quantize(joined);
            }
            _ => {}
        }
    }
    let out = net.dequantize(x);
    net.finish(out)
}

/// A transformer whose linear layers are quantized, of about this many operators, constants and literals.
pub fn transformer(size: usize) -> Network {
    let mut net = Builder::new();
    let mut x = net.input();
    while net.size() < size {
        let normed = net.layer_norm(x);
        let heads: Vec<ValueId> = (0..3)
            .map(|head| {
                let y = net.linear(normed);
                let y = net.reshape(y, &[1, 16, 4, 16]);
                let y = net.permute(y, &[0, 2, 1, 3]);
                if head == 1 {
                    net.permute(y, &[0, 1, 3, 2])
                } else {
                    y
                }
            })
            .collect();
        let scores = net.op("aten::matmul", &[heads[0], heads[1]]);
        let weights = net.softmax(scores);
        let weights = net.dropout(weights);
        let mixed = net.op("aten::matmul", &[weights, heads[2]]);
        let mixed = net.permute(mixed, &[0, 2, 1, 3]);
        let mixed = net.reshape(mixed, &[1, 16, 64]);
        let out = net.linear(mixed);
        let out = net.dropout(out);
        let middle = net.add(x, out);
        let normed = net.layer_norm(middle);
        let hidden = net.linear(normed);
        let hidden = net.activation("gelu", hidden);
        let hidden = net.linear(hidden);
        let hidden = net.dropout(hidden);
        x = net.add(middle, hidden);
    }
    net.finish(x)
}

struct Builder {
    graph: Graph,
    constants: ConstantStore,
    literals: HashMap<String, ValueId>,
    weights: u32,
    state: u64,
}

impl Builder {
    fn new() -> Builder {
        Builder {
            graph: Graph::default(),
            constants: ConstantStore::default(),
            literals: HashMap::new(),
            weights: 0,
            state: 0x9E37_79B9_7F4A_7C15,
        }
    }

    /// A number below `n`, from a generator of our own so that graphs are the same everywhere.
    fn random(&mut self, n: u64) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state % n
    }

    fn size(&self) -> usize {
        self.graph.value_count()
    }

    fn finish(mut self, out: ValueId) -> Network {
        self.graph.block_mut(Graph::BODY).returns.push(out);
        Network {
            graph: self.graph,
            constants: self.constants,
        }
    }

    fn input(&mut self) -> ValueId {
        self.graph.add_parameter(Graph::BODY, Type::tensor(), None)
    }

    fn literal(&mut self, literal: Literal) -> ValueId {
        let key = format!("{literal:?}");
        if let Some(&known) = self.literals.get(&key) {
            return known;
        }
        let ty = match &literal {
            Literal::Float(_) => Type::Float,
            Literal::Bool(_) => Type::Bool,
            Literal::None => Type::tensor().optional(),
            Literal::List(_) => Type::Int.list_of(),
            _ => Type::Int,
        };
        let value = self.graph.add_literal(literal, ty);
        self.literals.insert(key, value);
        value
    }

    fn int(&mut self, n: i64) -> ValueId {
        self.literal(Literal::Int(n))
    }

    fn ints(&mut self, n: &[i64]) -> ValueId {
        self.literal(Literal::ints(n.iter().copied()))
    }

    fn constant(&mut self, dtype: DType, shape: &[usize]) -> ValueId {
        self.weights += 1;
        let bytes = shape.iter().product::<usize>() * dtype.size();
        let mut content = vec![0; bytes];
        content[..4].copy_from_slice(&self.weights.to_le_bytes());
        let mut tensor = Tensor::contiguous(dtype, shape.to_vec(), content);
        if dtype == DType::QI8 {
            tensor.quantization = Some(Quantization::PerTensor {
                scale: 0.5,
                zero_point: 0,
            });
        }
        let constant = Constant::Tensor(tensor);
        let facts = ops::facts_of_constant(&constant);
        let id = self.constants.intern(constant, facts);
        self.graph.add_constant(id, Type::tensor())
    }

    fn op(&mut self, name: &str, operands: &[ValueId]) -> ValueId {
        let node = Node::new(Name::new(name), operands.to_vec());
        let node = self.graph.add_node(Graph::BODY, node);
        self.graph.add_result(node, Type::tensor(), None)
    }

    fn quantize(&mut self, x: ValueId) -> ValueId {
        let scale = self.random(16) as f64 / 64.0 + 0.125;
        let operands = [
            x,
            self.literal(Literal::Float(scale)),
            self.int(0),
            self.int(ops::torch_dtype_code(DType::QU8)),
        ];
        self.op("aten::quantize_per_tensor", &operands)
    }

    fn dequantize(&mut self, x: ValueId) -> ValueId {
        self.op("aten::dequantize.self", &[x])
    }

    fn add(&mut self, a: ValueId, b: ValueId) -> ValueId {
        let one = self.int(1);
        self.op("aten::add.Tensor", &[a, b, one])
    }

    fn dropout(&mut self, x: ValueId) -> ValueId {
        let operands = [
            x,
            self.literal(Literal::Float(0.5)),
            self.literal(Literal::Bool(false)),
        ];
        self.op("aten::dropout", &operands)
    }

    fn max_pool(&mut self, x: ValueId) -> ValueId {
        let (two, none, one) = (self.ints(&[2, 2]), self.ints(&[0, 0]), self.ints(&[1, 1]));
        let floor = self.literal(Literal::Bool(false));
        self.op("aten::max_pool2d", &[x, two, two, none, one, floor])
    }

    fn cat(&mut self, parts: &[ValueId]) -> ValueId {
        let list = self.op("prim::ListConstruct", parts);
        let dim = self.int(1);
        self.op("aten::cat", &[list, dim])
    }

    fn reshape(&mut self, x: ValueId, shape: &[i64]) -> ValueId {
        let shape = self.ints(shape);
        self.op("aten::reshape", &[x, shape])
    }

    fn permute(&mut self, x: ValueId, dims: &[i64]) -> ValueId {
        let dims = self.ints(dims);
        self.op("aten::permute", &[x, dims])
    }

    fn softmax(&mut self, x: ValueId) -> ValueId {
        let (dim, none) = (self.int(-1), self.literal(Literal::None));
        self.op("aten::softmax.int", &[x, dim, none])
    }

    fn activation(&mut self, name: &str, x: ValueId) -> ValueId {
        let op = format!("aten::{name}");
        if name == "gelu" {
            let exact = self.literal(Literal::str("none"));
            return self.op(&op, &[x, exact]);
        }
        self.op(&op, &[x])
    }

    fn layer_norm(&mut self, x: ValueId) -> ValueId {
        let operands = [
            x,
            self.ints(&[32]),
            self.constant(DType::F32, &[32]),
            self.constant(DType::F32, &[32]),
            self.literal(Literal::Float(1e-5)),
            self.literal(Literal::Bool(false)),
        ];
        self.op("aten::layer_norm", &operands)
    }

    fn linear(&mut self, x: ValueId) -> ValueId {
        let quantized = self.quantize(x);
        let x = self.dequantize(quantized);
        let weight = self.constant(DType::QI8, &[64, 32]);
        let weight = self.dequantize(weight);
        let bias = self.constant(DType::F32, &[64]);
        self.op("aten::linear", &[x, weight, bias])
    }

    /// Convolution, perhaps batch norm, perhaps the residual, perhaps an activation, quantized again.
    fn block(&mut self, x: ValueId, residual: Option<ValueId>) -> ValueId {
        let float = self.dequantize(x);
        let weight = self.constant(DType::QI8, &[16, 16, 3, 3]);
        let weight = self.dequantize(weight);
        let bias = self.constant(DType::F32, &[16]);
        let stride = 1 + self.random(2) as i64;
        let operands = [
            float,
            weight,
            bias,
            self.ints(&[stride, stride]),
            self.ints(&[1, 1]),
            self.ints(&[1, 1]),
            self.int(1),
        ];
        let mut y = self.op("aten::conv2d", &operands);
        if self.random(4) == 0 {
            y = self.batch_norm(y);
        }
        if let Some(residual) = residual
            && self.random(2) == 0
        {
            let residual = self.dequantize(residual);
            y = if self.random(2) == 0 {
                self.add(y, residual)
            } else {
                self.add(residual, y)
            };
        }
        if self.random(8) != 0 {
            let among = if self.random(2) == 0 { 1 } else { 5 };
            let names = ["relu", "hardswish", "relu6", "silu", "sigmoid"];
            let name = names[self.random(among) as usize];
            y = self.activation(name, y);
        }
        self.quantize(y)
    }

    fn batch_norm(&mut self, x: ValueId) -> ValueId {
        let mut operands = vec![x];
        for _ in 0..4 {
            operands.push(self.constant(DType::F32, &[16]));
        }
        operands.extend([
            self.literal(Literal::Bool(false)),
            self.literal(Literal::Float(0.1)),
            self.literal(Literal::Float(1e-5)),
            self.literal(Literal::Bool(true)),
        ]);
        self.op("aten::batch_norm", &operands)
    }
}

/// Rules that are not of a family.
const GENERIC: &str = r#"
op fused::weight(%w: Tensor, %gamma: Tensor, %var: Tensor, %eps: float) -> Tensor
op fused::bias(%b: Tensor?, %gamma: Tensor, %beta: Tensor, %mean: Tensor, %var: Tensor, %eps: float) -> Tensor
op fused::scaled(%w: Tensor, %gamma: Tensor, %var: Tensor, %eps: float) -> Tensor

keep weights : aten::dequantize(%w: const Tensor<[_, _, ..]>) because "integers are smaller"

rule dropout : aten::dropout(%x, _, false) => %x  numerics exact
rule relu_relu : aten::relu(aten::relu(%x)) => aten::relu(%x)  numerics exact
rule reshape_reshape : aten::reshape(aten::reshape(%x, _), to) => aten::reshape(%x, to)  numerics exact
rule batch_norm
  : aten::batch_norm(aten::conv2d(%x, %w, %b, args...), %gamma: const Tensor, %beta: const Tensor, %mean: const Tensor, %var: const Tensor, false, _, %eps, _)
    => aten::conv2d(%x, fused::weight(%w, %gamma, %var, %eps), fused::bias(%b, %gamma, %beta, %mean, %var, %eps), args...)
  numerics real
rule integer_weight
  : fused::weight(aten::dequantize(%w: const Tensor), %gamma, %var, %eps) => aten::dequantize(aten::quantize_per_tensor(fused::scaled(%w, %gamma, %var, %eps), 0.5, 0, qint8))
  numerics real
rule max_pool : aten::max_pool2d(aten::dequantize(%x), args...) => aten::dequantize(aten::max_pool2d(%x, args...))  numerics exact
rule reshape : aten::reshape(aten::dequantize(%x), to) => aten::dequantize(aten::reshape(%x, to))  numerics exact
rule permute : aten::permute(aten::dequantize(%x), dims) => aten::dequantize(aten::permute(%x, dims))  numerics exact
rule requantize : aten::quantize_per_tensor(aten::dequantize(%q), %s, %z, dtype) => %q
  numerics exact
  where qparams(%q) == (%s, %z, dtype) else "the scale changes"
rule cat
  : aten::quantize_per_tensor(aten::cat(prim::ListConstruct(aten::dequantize(%q)...), dim), %s, %z, dtype)
    => quantized::cat(prim::ListConstruct(%q...), dim, %s, %z)
  numerics within 1 lsb
  where dtype == quint8 and all([dtype(%t) == quint8 for %t in %q]) else "the kernel only reads and writes quint8"
rule add : aten::quantize_per_tensor(aten::add(aten::dequantize(%a), aten::dequantize(%b), 1), %s, %z, quint8) => quantized::add(%a, %b, %s, %z)
  numerics within 1 lsb
  where dtype(%a) == quint8 and dtype(%b) == quint8 else "the kernel only reads quint8"
rule add_relu : aten::quantize_per_tensor(aten::relu(aten::add(aten::dequantize(%a), aten::dequantize(%b), 1)), %s, %z, quint8) => quantized::add_relu(%a, %b, %s, %z)
  numerics within 1 lsb
  where dtype(%a) == quint8 and dtype(%b) == quint8 else "the kernel only reads quint8"
"#;

const ACTIVATIONS: [&str; 16] = [
    "",
    "relu",
    "hardswish",
    "relu6",
    "silu",
    "sigmoid",
    "tanh",
    "elu",
    "leaky_relu",
    "gelu",
    "mish",
    "hardsigmoid",
    "hardtanh",
    "softplus",
    "celu",
    "selu",
];

/// Float operators with what packs their weights: its operands, in order, and the class of what it makes.
const FAMILIES: [(&str, &str, &str, &str); 6] = [
    ("conv2d", "st, p, d, g", "st, p, d, g", "Conv2d"),
    ("linear", "", "", "Linear"),
    ("conv1d", "st, p, d, g", "st, p, d, g", "Conv2d"),
    ("conv3d", "st, p, d, g", "st, p, d, g", "Conv3d"),
    (
        "conv_transpose1d",
        "st, p, o, g, d",
        "st, p, o, d, g",
        "Conv2d",
    ),
    (
        "conv_transpose2d",
        "st, p, o, g, d",
        "st, p, o, d, g",
        "Conv2d",
    ),
];

/// The text of this many rules; at most 300.
pub fn rule_text(count: usize) -> String {
    let generic = GENERIC.matches("\nrule ").count();
    let mut text = GENERIC.to_owned();
    let mut left = count - generic;
    for residual in ["", "add", "mul"] {
        for activation in ACTIVATIONS {
            for family in FAMILIES {
                if left == 0 {
                    return text;
                }
                left -= 1;
                fusion(&mut text, residual, activation, family);
            }
        }
    }
    assert_eq!(left, 0, "there are {} rules", count - left);
    text
}

fn fusion(text: &mut String, residual: &str, activation: &str, family: (&str, &str, &str, &str)) {
    let (op, float, packed, class) = family;
    let comma = |list: &str| match list {
        "" => String::new(),
        list => format!(", {list}"),
    };
    let mut inner = format!(
        "aten::{op}(aten::dequantize(%x), aten::dequantize(%w), %b{})",
        comma(float)
    );
    let mut name = op.to_owned();
    let (mut other, mut other_type) = ("", "");
    if !residual.is_empty() {
        let alpha = if residual == "add" { ", 1" } else { "" };
        inner = format!("aten::{residual}({inner}, aten::dequantize(%r){alpha})");
        name = format!("{name}_{residual}");
        (other, other_type) = (" %r,", " %r: Tensor,");
    }
    if !activation.is_empty() {
        inner = format!("aten::{activation}({inner}, ..)");
        name = format!("{name}_{activation}");
    }
    let _ = write!(
        text,
        "
op fused::{name}(%x: Tensor,{other_type} %p: __torch__.torch.classes.quantized.{class}PackedParamsBase, %scale: float, %zero_point: int) -> Tensor
rule {name}
  : aten::quantize_per_tensor({inner}, %s, %z, dtype)
    => fused::{name}(%x,{other} quantized::{op}_prepack(%w, %b{}), %s, %z)
  numerics within 1 lsb
  where dtype == quint8 and dtype(%x) == quint8 else \"the kernel only reads and writes quint8\"
  where dtype(%w) == qint8 else \"packed weights are qint8\"
",
        comma(packed)
    );
}

/// Checked rules of this text.
pub fn rules(text: &str) -> Rules {
    let source = SourceId::new(0);
    let (file, diagnostics) = syntax::parse(source, text);
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    let mut catalogue = Catalogue::new();
    let module = ModuleSource {
        name: "synthetic",
        source,
        file: &file,
        replaces: false,
    };
    let (library, diagnostics) = check::check(&[module], &mut catalogue);
    let errors: Vec<String> = diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.is_error())
        .map(|diagnostic| format!("{diagnostic:?}"))
        .take(3)
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
    Rules { library, catalogue }
}
