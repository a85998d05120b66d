#!/usr/bin/env python3
"""Makes `freeze/<case>`: models with state, several methods and submodules. usage: freeze.py OUTDIR

Made with PyTorch 1.13.1; `theirs.pt` is what `torch.jit.freeze` makes of the model, where that computes the same. The recorded numbers
are those of the model.
"""
import importlib
import sys

import torch
import torch.ao.quantization as tq
import torch.nn as nn
from torch.jit._recursive import wrap_cpp_module

import case


class Counter(nn.Module):
    """Two methods share a counter, one of them only reads it; a third goes."""

    def __init__(self):
        super().__init__()
        self.fc, self.calls, self.factor = nn.Linear(3, 3), 0, 0.5
        self.register_buffer("total", torch.zeros(3))

    def forward(self, x):
        self.calls += 1
        self.total.add_(x.sum(0))
        return self.fc(x) * self.factor + self.total

    @torch.jit.export
    def mean(self):
        return self.total / float(self.calls)

    @torch.jit.export
    def reset(self):
        self.total.zero_()
        self.calls = 0


class Shares(nn.Module):
    """An attribute is set to memory that another holds, and written to in another method: both change."""

    def __init__(self):
        super().__init__()
        self.register_buffer("kept", torch.tensor([1.0, 2.0]))
        self.register_buffer("seen", torch.zeros(2))

    def forward(self, x):
        self.seen = self.kept.view(2)
        return x * self.kept

    @torch.jit.export
    def twice(self):
        self.seen.mul_(2.0)


class Step(nn.Module):
    def __init__(self, by: float):
        super().__init__()
        self.by, self.at = by, 0.0

    def forward(self, x):
        self.at += self.by
        return x + self.at


class Fixed(nn.Module):
    def __init__(self, by: float):
        super().__init__()
        self.step, self.weight = Step(by), nn.Parameter(torch.ones(2) * by)

    def forward(self, x):
        return self.step(x) * self.weight

    @torch.jit.export
    def bare(self, x):
        return x * self.weight


class Twins(nn.Module):
    """Two modules of one class, of which one keeps state and the other only a weight is asked for."""

    def __init__(self):
        super().__init__()
        self.a, self.b = Fixed(0.5), Fixed(0.25)

    def forward(self, x):
        return self.b.bare(self.a(x))


class Branch(nn.Module):
    """State that is set in a branch, of a module that is called from two places."""

    def __init__(self):
        super().__init__()
        self.inner = Step(1.0)

    def forward(self, x, often: bool):
        if often:
            x = self.inner(x)
        return self.inner(x)


class Quantized(nn.Module):
    """An eager-quantized model with a method beside forward: modules that store a tuple."""

    def __init__(self):
        super().__init__()
        self.quant, self.conv, self.fc, self.dequant = tq.QuantStub(), nn.Conv2d(2, 3, 2), nn.Linear(3, 2), tq.DeQuantStub()

    def forward(self, x):
        return self.dequant(self.fc(self.conv(self.quant(x)).flatten(1)))

    @torch.jit.export
    def features(self, x):
        return self.dequant(self.conv(self.quant(x)))


class Recurrent(nn.Module):
    """A layer whose weights are objects that only PyTorch knows, once it is quantized when it runs."""

    def __init__(self):
        super().__init__()
        self.recurrent, self.fc = nn.LSTM(3, 4, num_layers=2, bidirectional=True), nn.Linear(8, 2)

    def forward(self, x):
        y, (h, c) = self.recurrent(x)
        return self.fc(y), h, c


class InPlace(nn.Module):
    """Writes that can be proved harmless only once the types and ranks of quantized values are known."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(2, 3, 2), nn.Conv2d(3, 3, 1)

    def forward(self, x):
        y = nn.functional.relu_(self.a(x))
        y += self.b(y)
        y.mul_(2.0)
        return nn.functional.relu_(y)


def static_traced(image):
    """The model before PyTorch's last step, and PyTorch's result."""
    torch.backends.quantized.engine = "onednn"
    quantize_jit = importlib.import_module("torch.ao.quantization.quantize_jit")
    observer = tq.HistogramObserver.with_args(reduce_range=False)
    config = tq.QConfig(activation=observer, weight=tq.default_weight_observer)
    prepared = quantize_jit.prepare_jit(torch.jit.trace(case.few(InPlace()).eval(), image), {"": config})
    prepared(image)
    model = wrap_cpp_module(torch._C._jit_pass_insert_quant_dequant(prepared._c, "forward", False, False, 1))
    return model, quantize_jit.convert_jit(prepared)


def eager_dynamic():
    torch.backends.quantized.engine = "onednn"
    return torch.jit.script(tq.quantize_dynamic(case.few(Recurrent()).eval()))


def eager_quantized(image):
    torch.backends.quantized.engine = "onednn"
    model = case.few(Quantized()).eval()
    model.qconfig = tq.get_default_qconfig("onednn")
    tq.prepare(model, inplace=True)
    model(image)
    tq.convert(model, inplace=True)
    return torch.jit.script(model)


def make(out, name, module, calls, keep=(), theirs=True, interpreter={"absolute": 1e-6}, **more):
    model = module if isinstance(module, torch.jit.ScriptModule) else torch.jit.script(case.few(module).eval())
    options = [word for kept in keep for word in ("--keep", kept)]
    frozen = torch.jit.freeze(model, preserved_attrs=list(keep), optimize_numerics=False) if theirs else None
    case.write(out, "freeze", name, model, calls, "torch.simplify", 0, theirs=frozen, reference=model, options=options, interpreter=interpreter, **more)


def main():
    out = sys.argv[1]
    torch.manual_seed(0)
    rows = torch.arange(6).reshape(2, 3) / 4.0
    forward = ("forward", [rows])
    make(out, "counter", Counter(), [forward, ("mean", []), forward, ("mean", [])], ["mean"])
    make(out, "counter_reset", Counter(), [forward, ("reset", []), forward, ("mean", [])], ["reset", "mean", "factor", "fc.weight"])
    pair = torch.tensor([[3.0, 5.0]])
    make(out, "shares", Shares(), [("forward", [pair]), ("twice", []), ("forward", [pair])], ["twice"], theirs=False)
    make(out, "twins", Twins(), [("forward", [pair]), ("forward", [pair])], ["b.weight"])
    # What PyTorch makes of this one it cannot save.
    make(out, "twins_whole", Twins(), [("forward", [pair]), ("forward", [pair])], ["b"], theirs=False)
    make(out, "branch", Branch(), [("forward", [pair, True]), ("forward", [pair, False])])
    image = torch.arange(8).reshape(1, 2, 2, 2) / 4.0
    make(out, "quantized", eager_quantized(image), [("forward", [image]), ("features", [image])], ["features"], engine="onednn")
    steps = torch.arange(18).reshape(3, 2, 3) / 8.0 - 1
    make(out, "recurrent", eager_dynamic(), [("forward", [steps])], engine="onednn", interpreter="`aten::quantized_lstm")
    wide = torch.arange(36).reshape(1, 2, 3, 6) / 8.0 - 2
    model, theirs = static_traced(wide)
    case.write(out, "freeze", "in_place", model, [("forward", [wide])], "torch.static", 0, theirs=theirs, engine="onednn")


main()
