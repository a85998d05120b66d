"""Records what PyTorch's operators give, for the operators that the recorded models do not reach.

usage: python3 generate.py > cases.json        (PyTorch 1.13.1, engine onednn)

Tensors for operators on single elements are shorter than a vector: PyTorch's vector code fuses a multiplication of dequantization that
its scalar code rounds, so that 1 in 100 elements, near ties, would be off by one step.

A case is an operator, its operands, its results, and how far a float result may be off ("bound", in units of the largest magnitude of
the result). A tensor is its type, sizes and bytes in hexadecimal, with its quantization. {"call": ..} is an operand made by another call,
{"float": ".."} a double as text, so that no JSON reader rounds it. Scales of inputs are 32-bit floats, as observers make them: with
others this build of PyTorch computes partly in doubles, which builds with fbgemm do not.
"""
import json
import sys

import torch

torch.manual_seed(0)
torch.backends.quantized.engine = "onednn"
torch.set_num_threads(1)

NAMES = {torch.float32: "f32", torch.float64: "f64", torch.int64: "i64", torch.int32: "i32", torch.quint8: "quint8", torch.qint8: "qint8"}


class Call:
    """An operand that another operator makes."""

    def __init__(self, op, *operands):
        self.op, self.operands = op, operands


def run(op, operands):
    space, name = op.split("::")
    name, _, overload = name.partition(".")
    function = getattr(getattr(torch.ops, space), name)
    operands = [run(x.op, x.operands) if isinstance(x, Call) else x for x in operands]
    if space != "aten":
        return function(*operands)
    function = getattr(function, overload or "default")
    pairs = list(zip(function._schema.arguments, operands))
    return function(
        *[operand for argument, operand in pairs if not argument.kwarg_only],
        **{argument.name: operand for argument, operand in pairs if argument.kwarg_only},
    )


def tensor(t):
    out = {"type": NAMES[t.dtype], "shape": list(t.shape)}
    plain = t
    if t.is_quantized:
        plain = t.int_repr()
        if t.qscheme() == torch.per_tensor_affine:
            out["scale"], out["zero"] = repr(t.q_scale()), t.q_zero_point()
        else:
            out["scales"], out["zeros"] = [repr(s) for s in t.q_per_channel_scales().tolist()], t.q_per_channel_zero_points().tolist()
            out["axis"] = t.q_per_channel_axis()
    out["bytes"] = plain.contiguous().numpy().tobytes().hex()
    return out


def value(x):
    if isinstance(x, Call):
        return {"call": x.op, "operands": [value(y) for y in x.operands]}
    if isinstance(x, torch.Tensor):
        return tensor(x)
    if isinstance(x, torch.dtype):
        return {torch.quint8: 13, torch.qint8: 12, torch.float32: 6, torch.float64: 7, torch.int64: 4}[x]
    if isinstance(x, float):
        return {"float": repr(x)}
    if isinstance(x, (list, tuple)):
        return [value(y) for y in x]
    return x


CASES = []


def case(op, *operands, bound=0.0):
    operands = [single(x) if isinstance(x, float) and op.startswith("quantized::") and "scalar" not in op else x for x in operands]
    results = run(op, operands)
    if not (isinstance(results, tuple) and len(results) > 1 and op != "aten::chunk"):
        results = [results]
    assert isinstance(results, (list, tuple))
    CASES.append({"op": op, "operands": [value(x) for x in operands], "results": [value(x) for x in results], "bound": repr(bound)})


def single(x):
    return float(torch.tensor(x, dtype=torch.float32))


def floats(*shape, spread=2.0):
    return torch.randn(*shape) * spread


def q(*shape, scale=0.05, zero=110, dtype=torch.quint8, spread=2.0):
    return torch.quantize_per_tensor(floats(*shape, spread=spread), single(scale), zero, dtype)


def weight(*shape, axis=0):
    scales = (torch.rand(shape[axis]) * 0.02 + 0.005).double()
    zeros = torch.zeros(shape[axis], dtype=torch.int64)
    return torch.quantize_per_channel(floats(*shape, spread=0.5), scales, zeros, axis, torch.qint8)


def quantization(n):
    for dtype, scale, zero in [(torch.quint8, 0.037, 120), (torch.qint8, 0.021, -3), (torch.quint8, 0.25, 7), (torch.qint32, 1e-4, 5)]:
        if dtype != torch.qint32:
            case("aten::quantize_per_tensor", floats(3, n), scale, zero, dtype)
    x = torch.arange(-20, 20).float() * 0.125
    case("aten::quantize_per_tensor", x, 0.25, 3, torch.quint8)
    last = floats(2, 3, 4, 5).contiguous(memory_format=torch.channels_last)
    scales, zeros = torch.tensor([0.01, 0.02, 0.05]), torch.tensor([0, 3, -7], dtype=torch.int32)
    for x in (last, last.contiguous()):
        case("aten::quantize_per_channel", x, scales, zeros, 1, torch.qint8)
    case("aten::_choose_qparams_per_tensor", floats(n), True)
    case("aten::_choose_qparams_per_tensor", floats(n).abs() + 1, False)
    case("aten::_choose_qparams_per_tensor", floats(n) * 1e-5, False)
    case("aten::_choose_qparams_per_tensor", -floats(n).abs() * 1e-6, False)
    case("aten::dequantize.self", q(n, dtype=torch.qint8, zero=-5))
    case("aten::dequantize.self", weight(3, 4))


def elementwise(n):
    x = floats(n, spread=4.0)
    for name in ["relu", "hardswish", "hardsigmoid", "sigmoid", "tanh", "silu", "leaky_relu", "elu", "relu6"]:
        case("aten::" + name, x, bound=0.0 if name in ("relu", "hardswish", "hardsigmoid", "leaky_relu", "relu6") else 2e-7)
    case("aten::elu", x, 0.7, 1.3, 0.9, bound=2e-7)
    case("aten::hardtanh", x, -0.5, 1.5)
    case("aten::clamp", x, None, 1)
    case("aten::prelu", floats(2, 3, 4), torch.tensor([0.1, 0.2, 0.3]))
    case("aten::softmax.int", floats(4, 9), 1, bound=2e-7)
    for dtype, zero in [(torch.quint8, 110), (torch.qint8, -10)]:
        for name in ["relu", "sigmoid", "tanh", "hardsigmoid", "leaky_relu", "relu6"]:
            case("aten::" + name, q(n, zero=zero, dtype=dtype, spread=4.0))
        case("aten::hardtanh", q(n, zero=zero, dtype=dtype), -0.53, 1.48)
        case("aten::clamp", q(n, zero=zero, dtype=dtype), -0.53, 1.48)
        case("aten::leaky_relu", q(n, zero=zero, dtype=dtype), 0.2)
        case("quantized::hardswish", q(n, zero=zero, dtype=dtype, spread=4.0), 0.04, zero)
        case("quantized::elu", q(n, zero=zero, dtype=dtype), 0.04, zero, 0.9)
        case("quantized::celu", q(n, zero=zero, dtype=dtype), 0.04, zero, 0.9)
        case("quantized::leaky_relu", q(n, zero=zero, dtype=dtype), 0.2, False, 0.04, zero)
        case("quantized::sigmoid", q(n, zero=zero, dtype=dtype), 0.01, zero)
        case("quantized::clamp", q(n, zero=zero, dtype=dtype), -0.5, 0.7)


def arithmetic(n):
    case("aten::add.Tensor", floats(3, 1, 4), floats(5, 1), 1)
    case("aten::mul.Scalar", floats(n), 0.3)
    for dtype, zero in [(torch.quint8, 110), (torch.qint8, -10)]:
        a, b = q(n, zero=zero, dtype=dtype), q(n, scale=0.03, zero=zero + 9, dtype=dtype)
        for name in ["add", "add_relu", "mul", "mul_relu"]:
            case("quantized::" + name, a, b, 0.07, zero - 20)
        for c in [0.5, -3.0, 20.0, -20.0, 0.01]:
            case("quantized::add_scalar", a, c)
            case("quantized::add_scalar_relu", a, c)
        for c in [0.5, -3.0, 0.0]:
            case("quantized::mul_scalar", a, c)
            case("quantized::mul_scalar_relu", a, c)
        case("quantized::cat", [a, b], 0, 0.06, zero)
        case("quantized::cat_relu", [a, b], 0, 0.06, zero)


def norms(n):
    x, image = floats(2, 4, 3, 3), [2, 4, 3, 3]
    w, b, var = floats(4), floats(4), torch.rand(4) + 0.1
    case("aten::batch_norm", x, w, b, floats(4), var, False, 0.1, 1e-5, False, bound=3e-7)
    case("aten::layer_norm", floats(3, 4, 10), [10], floats(10), floats(10), 1e-5, False, bound=3e-7)
    case("aten::group_norm", x, 2, w, b, 1e-5, False, bound=3e-7)
    case("aten::instance_norm", x, w, b, None, None, True, 0.1, 1e-5, False, bound=3e-7)
    for dtype, zero in [(torch.quint8, 110), (torch.qint8, -10)]:
        x = q(*image, zero=zero, dtype=dtype)
        case("quantized::layer_norm", q(2, 3, n, zero=zero, dtype=dtype), [3, n], floats(3, n), floats(3, n), 1e-5, 0.05, zero)
        case("quantized::layer_norm", q(3, n, zero=zero, dtype=dtype), [n], None, None, 1e-5, 0.05, zero)
        case("quantized::group_norm", x, 2, w, b, 1e-5, 0.05, zero)
        case("quantized::instance_norm", x, w, b, 1e-5, 0.05, zero)
        case("quantized::instance_norm", q(1, 3, 8, 9, zero=zero, dtype=dtype), None, None, 1e-5, 0.02, zero)
        for name in ["batch_norm", "batch_norm2d", "batch_norm2d_relu"]:
            case("quantized::" + name, x, w, b, floats(4), var, 1e-5, 0.06, zero)
        case("quantized::batch_norm3d_relu", q(1, 4, 2, 3, 3, zero=zero, dtype=dtype), w, b, floats(4), var, 1e-5, 0.06, zero)


def pools(n):
    image, line, volume = (1, 2, 7, 6), (2, 3, 11), (1, 1, 5, 6, 4)
    for make, kinds in [(floats, [{}]), (q, [{}, {"dtype": torch.qint8, "zero": -10}])]:
        for kind in kinds:
            case("aten::max_pool2d", make(*image, **kind), [3, 2], [2, 1], [1, 1], [1, 2], False)
            case("aten::max_pool2d", make(*image, **kind), [3, 3], [2, 2], [1, 1], [1, 1], True)
            case("aten::max_pool1d", make(*line, **kind), [3], [2], [1], [1], True)
            for pad, ceil, count in [([0, 0], False, True), ([1, 1], True, True), ([1, 0], True, False)]:
                case("aten::avg_pool2d", make(*image, **kind), [3, 2], [2, 2], pad, ceil, count, None, bound=1e-7)
            case("aten::avg_pool2d", make(*image, **kind), [3, 3], [], [0, 0], False, True, 7, bound=1e-7)
            case("aten::avg_pool3d", make(*volume, **kind), [2, 3, 2], [2, 2, 2], [1, 1, 0], False, True, None, bound=1e-7)
            if make is floats:
                case("aten::avg_pool1d", make(*line), [3], [2], [1], False, True, bound=1e-7)
            for size in [[1, 1], [3, 2], [7, 6]]:
                case("aten::adaptive_avg_pool2d", make(*image, **kind), size, bound=1e-7)
            case("aten::adaptive_avg_pool3d", make(*volume, **kind), [2, 3, 1], bound=1e-7)
            case("aten::mean.dim", make(*image, **kind), [2, 3], False, None, bound=1e-7)
            case("aten::mean.dim", make(*image, **kind), [3], True, None, bound=1e-7)
            case("aten::mean.dim", make(*image, **kind), [1], True, None, bound=1e-7)
            for size in [[7, 6], [9, 5]]:
                case("aten::upsample_nearest2d", make(*image, **kind), size, None, None)
                case("aten::upsample_bilinear2d", make(*image, **kind), size, False, None, None, bound=5e-7)
                case("aten::upsample_bilinear2d", make(*image, **kind), size, True, None, None, bound=5e-7)
            case("aten::upsample_nearest2d.vec", make(*image, **kind), None, [2.0, 1.5])
            case("aten::upsample_bilinear2d.vec", make(*image, **kind), None, False, [2.0, 1.5], bound=5e-7)


def products(n):
    x = floats(1, 6, 5, 6)
    case("aten::conv2d", x, floats(4, 3, 3, 2), floats(4), [2, 1], [1, 0], [1, 2], 2, bound=1e-6)
    case("aten::conv_transpose2d.input", x, floats(6, 2, 3, 2), floats(4), [2, 1], [1, 0], [1, 0], 2, [1, 2], bound=1e-6)
    case("aten::conv3d", floats(1, 2, 4, 5, 6), floats(3, 2, 2, 3, 2), None, [1, 2, 1], [1, 0, 1], [1, 1, 2], 1, bound=1e-6)
    case("aten::linear", floats(2, 3, 7), floats(4, 7), floats(4), bound=1e-6)
    case("aten::matmul", floats(2, 1, 3, 4), floats(5, 4, 2), bound=1e-6)
    case("aten::addmm", floats(4), floats(3, 5), floats(5, 4), 0.5, 2, bound=1e-6)
    for relu in ["", "_relu"]:
        one = Call("quantized::conv1d_prepack", weight(4, 3, 3), floats(4), [2], [1], [1], 1)
        case("quantized::conv1d" + relu, q(2, 3, 12), one, 0.11, 100)
        two = Call("quantized::conv2d_prepack", weight(4, 3, 3, 2), floats(4), [2, 1], [1, 0], [1, 2], 2)
        case("quantized::conv2d" + relu, q(1, 6, 7, 6), two, 0.11, 100)
        bare = Call("quantized::conv2d_prepack", weight(6, 1, 3, 3), None, [1, 1], [1, 1], [1, 1], 6)
        case("quantized::conv2d" + relu, q(1, 6, 7, 7), bare, 0.02, 90)
        three = Call("quantized::conv3d_prepack", weight(3, 2, 2, 3, 2), floats(3), [1, 2, 1], [1, 0, 1], [1, 1, 2], 1)
        case("quantized::conv3d" + relu, q(1, 2, 4, 5, 6), three, 0.11, 100)
    flat = torch.quantize_per_tensor(floats(6, 2, 3, 2, spread=0.5), single(0.02), 0, torch.qint8)
    turned = Call("quantized::conv_transpose2d_prepack", flat, floats(4), [2, 1], [1, 0], [0, 0], [1, 2], 2)
    case("quantized::conv_transpose2d", q(2, 6, 5, 4), turned, 0.11, 100)
    flat = torch.quantize_per_tensor(floats(3, 4, 3, spread=0.5), single(0.02), 0, torch.qint8)
    turned = Call("quantized::conv_transpose1d_prepack", flat, floats(4), [2], [1], [0], [1], 1)
    case("quantized::conv_transpose1d", q(2, 3, 5), turned, 0.11, 100)
    case("aten::chunk", floats(2, 7), 3, 1)


SIZE = int(sys.argv[1]) if len(sys.argv) > 1 else 31
for part in [quantization, elementwise, arithmetic, norms, pools, products]:
    part(SIZE)
print("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in CASES) + "\n]")
