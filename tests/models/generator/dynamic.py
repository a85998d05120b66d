#!/usr/bin/env python3
"""Makes `dynamic/<case>`: models whose linear layers are quantized when they run. usage: dynamic.py OUTDIR

Made with PyTorch 1.13.1 (`quantize_dynamic_jit`): what it makes with `debug=True`, before the last step, is the model; what it makes
without is `theirs.pt`. Where it fails or its engine has no kernel, the recorded numbers are those of the model, or of the float operators
on weights rounded to half precision.
"""
import sys
from typing import Optional

import torch
import torch.ao.quantization as tq
import torch.nn as nn
import torch.nn.functional as F
from torch.ao.quantization.quantize_jit import quantize_dynamic_jit

import case

CLOSE = {"absolute": 1e-6}


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = nn.Linear(6, 12), nn.Linear(12, 8), nn.Linear(8, 3, bias=False)

    def forward(self, x):
        return self.c(F.gelu(self.b(torch.relu(self.a(x)))))


class Shared(nn.Module):
    """One layer called twice, and two layers that share one weight but not their bias."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = nn.Linear(5, 5), nn.Linear(5, 5, bias=False), nn.Linear(5, 5, bias=False)
        self.c.weight = self.b.weight

    def forward(self, x):
        return self.c(torch.tanh(self.b(self.a(torch.relu(self.a(x))))))


class Branches(nn.Module):
    """A layer in each branch."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(5, 4), nn.Linear(5, 4)

    def forward(self, x, left: bool):
        if left:
            y = self.a(x)
        else:
            y = torch.relu(self.b(x))
        return y + 1


class Attention(nn.Module):
    """Attention with two heads and a layer norm, written out."""

    def __init__(self):
        super().__init__()
        self.q, self.k, self.v, self.o = [nn.Linear(8, 8) for _ in range(4)]
        self.norm = nn.LayerNorm(8)

    def heads(self, x):
        return x.reshape(x.size(0), x.size(1), 2, 4).transpose(1, 2)

    def forward(self, x):
        q, k, v = self.heads(self.q(x)), self.heads(self.k(x)), self.heads(self.v(x))
        weights = torch.softmax(torch.matmul(q, k.transpose(2, 3)) * 0.5, dim=-1)
        y = torch.matmul(weights, v).transpose(1, 2).reshape(x.size(0), x.size(1), 8)
        return self.norm(x + self.o(y))


class Cell(nn.Module):
    """An LSTM from two linear layers, over the steps of a sequence: the flow leaves layers in loops alone, so it is traced."""

    def __init__(self):
        super().__init__()
        self.input, self.hidden = nn.Linear(4, 24), nn.Linear(6, 24)

    def forward(self, x):
        h = torch.zeros(x.size(1), 6)
        c = torch.zeros(x.size(1), 6)
        for t in range(x.size(0)):
            gates = self.input(x[t]) + self.hidden(h)
            i, f, g, o = gates.chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
        return h


class Loop(nn.Module):
    """A recurrent layer whose linear layers are quantized inside of a loop, as the flow would write them."""

    def __init__(self):
        super().__init__()
        weight = lambda *s: torch.quantize_per_tensor(ramp(*s), 0.01, 0, torch.qint8)
        self.register_buffer("input", weight(6, 4))
        self.register_buffer("hidden", weight(6, 6))
        self.bias = nn.Parameter(ramp(6))

    def linear(self, x, weight, bias: Optional[torch.Tensor]):
        scale, zero_point = torch._choose_qparams_per_tensor(x, True)
        x = torch.dequantize(torch.quantize_per_tensor(x, scale, zero_point, torch.quint8))
        return F.linear(x, torch.dequantize(weight), bias)

    def forward(self, x):
        h = torch.zeros(x.size(1), 6)
        for t in range(x.size(0)):
            h = torch.tanh(self.linear(x[t], self.input, self.bias) + self.linear(h, self.hidden, None))
        return h


class Lstm(nn.Module):
    """The library's LSTM, which the flow leaves as it is, with linear layers around."""

    def __init__(self):
        super().__init__()
        self.input, self.lstm, self.output = nn.Linear(4, 6), nn.LSTM(6, 5), nn.Linear(5, 3)

    def forward(self, x):
        y, _ = self.lstm(torch.relu(self.input(x)))
        return self.output(y)


class WeightOnly(nn.Module):
    """A linear layer with a quantized weight and a float activation."""

    def __init__(self):
        super().__init__()
        self.register_buffer("weight", torch.quantize_per_tensor(torch.linspace(-1, 1, 20).reshape(4, 5), 0.01, 0, torch.qint8))
        self.bias = nn.Parameter(torch.tensor([0.5, 0.25, -0.5, 0.0]))

    def forward(self, x):
        return F.linear(x, torch.dequantize(self.weight), self.bias)


class Mixed(nn.Module):
    """A layer quantized with fixed parameters, one whose parameters are chosen when it runs."""

    def __init__(self):
        super().__init__()
        w = lambda *s: torch.linspace(-1, 1, 60)[: s[0] * s[1]].reshape(s)
        self.register_buffer("a", torch.quantize_per_tensor(w(6, 5), 0.01, 0, torch.qint8))
        self.register_buffer("b", torch.quantize_per_tensor(w(4, 6), 0.01, 0, torch.qint8))

    def forward(self, x):
        x = torch.dequantize(torch.quantize_per_tensor(x, 0.0513, 120, torch.quint8))
        x = F.linear(x, torch.dequantize(self.a), None)
        x = torch.dequantize(torch.quantize_per_tensor(x, 0.0471, 128, torch.quint8))
        scale, zero_point = torch._choose_qparams_per_tensor(x, True)
        x = torch.dequantize(torch.quantize_per_tensor(x, scale, zero_point, torch.quint8))
        return F.linear(x, torch.dequantize(self.b), None)


def ramp(*shape):
    n = 1
    for size in shape:
        n *= size
    return (((torch.arange(n) * 37) % 101).float() / 50 - 1).reshape(shape)


def quantized(module, inputs, config=tq.default_dynamic_qconfig, theirs=True, traced=False):
    """The model before the last step, and PyTorch's result."""
    module = case.few(module).eval()
    scripted = torch.jit.trace(module, inputs) if traced else torch.jit.script(module)
    debug = quantize_dynamic_jit(scripted, {"": config}, debug=True)
    return debug, quantize_dynamic_jit(scripted, {"": config}) if theirs else None


def half(module):
    """The float model with weights as packing rounds them."""
    module = case.few(module).eval()
    for layer in module.modules():
        if isinstance(layer, nn.Linear):
            layer.weight.data = layer.weight.data.half().float()
    return torch.jit.script(module)


def make(out, name, module, inputs, config=tq.default_dynamic_qconfig, traced=False):
    model, theirs = quantized(module, inputs, config, traced=traced)
    case.write(out, "dynamic", name, model, [("forward", list(inputs))], "torch.dynamic", CLOSE, theirs)


def main():
    out = sys.argv[1]
    torch.manual_seed(0)
    torch.backends.quantized.engine = "onednn"
    make(out, "mlp", Mlp(), (ramp(3, 6),))
    make(out, "mlp_per_channel", Mlp(), (ramp(3, 6),), tq.per_channel_dynamic_qconfig)
    make(out, "shared", Shared(), (ramp(2, 5),))
    make(out, "attention", Attention(), (ramp(2, 3, 8),))
    make(out, "cell", Cell(), (ramp(4, 2, 4),), traced=True)
    make(out, "lstm", Lstm(), (ramp(4, 2, 4),))

    # PyTorch's last step throws on layers inside of branches.
    model, _ = quantized(Branches(), (ramp(3, 5), True), theirs=False)
    calls = [("forward", [ramp(3, 5), True]), ("forward", [ramp(3, 5), False])]
    case.write(out, "dynamic", "branches", model, calls, "torch.dynamic", CLOSE)

    loop = torch.jit.script(Loop().eval())
    calls = [("forward", [ramp(5, 2, 4)]), ("forward", [ramp(1, 1, 4)])]
    case.write(out, "dynamic", "loop", loop, calls, "torch.dynamic", {"absolute": 1e-5})

    mixed = torch.jit.script(Mixed().eval())
    case.write(out, "dynamic", "mixed", mixed, [("forward", [ramp(3, 5)])], "torch.dynamic", {"absolute": 1e-5})

    model = torch.jit.script(WeightOnly().eval())
    case.write(out, "dynamic", "weight_kept", model, [("forward", [ramp(3, 5)])], "torch.dynamic", CLOSE)
    theirs = torch.jit._recursive.wrap_cpp_module(torch._C._jit_pass_quant_finalize(model._c, tq.QuantType.DYNAMIC, []))
    model = torch.jit.load(out + "/dynamic/weight_kept/model.pt")  # the step above changed the one before
    case.write(out, "dynamic", "weight_only", model, [("forward", [ramp(3, 5)])], "torch.dynamic", CLOSE, theirs, options=["--set", "weight_only=true"])

    # PyTorch's Debian build has no kernels for half precision: it packs nothing, and cannot load what is packed.
    for name, module, inputs in (("fp16_mlp", Mlp, [ramp(3, 6)]), ("fp16_branches", Branches, [ramp(3, 5), True])):
        torch.manual_seed(0)
        model, theirs = quantized(module(), inputs, tq.float16_dynamic_qconfig, theirs=name == "fp16_mlp")
        torch.manual_seed(0)
        case.write(out, "dynamic", name, model, [("forward", inputs)], "torch.dynamic", CLOSE, theirs, half(module()), engine="fbgemm")


main()
