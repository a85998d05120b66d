#!/usr/bin/env python3
"""Makes `on_device/<case>` and `on_device_refused/<case>`: models that quantize themselves where they run. usage: on_device.py OUTDIR

Made with PyTorch 1.13.1. The model is the archive before `_jit_pass_quant_finalize_for_ondevice_ptq`, with `observe_forward`,
`reset_observers_forward` and `quantize_forward`; `theirs.pt` is what that pass makes of it. The models in `on_device_refused` are such
that it crashes, or that nothing can be packed.
"""
import importlib
import io
import os
import sys

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.ao.quantization import default_dynamic_qconfig
from torch.ao.quantization.quant_type import QuantType
from torch.jit._recursive import wrap_cpp_module

import case

flow = importlib.import_module("torch.ao.quantization.quantize_jit")
CLOSE = {"absolute": 1e-6}


class Linear(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(6, 4)

    def forward(self, x):
        return self.fc(x)


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = nn.Linear(6, 12), nn.Linear(12, 8), nn.Linear(8, 3, bias=False)

    def forward(self, x):
        return self.c(torch.relu(self.b(torch.relu(self.a(x)))))


class Inner(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.fc = nn.Linear(n, n)

    def forward(self, x):
        return torch.tanh(self.fc(x))


class Nested(nn.Module):
    """Layers of one name in several modules, and one on the model itself."""

    def __init__(self):
        super().__init__()
        self.left, self.right = Inner(5), nn.Sequential(Inner(5), Inner(5))
        self.fc = nn.Linear(5, 2)

    def forward(self, x):
        return self.fc(self.left(x) + self.right(x))


class Twice(nn.Module):
    """One layer called twice."""

    def __init__(self):
        super().__init__()
        self.fc, self.last = nn.Linear(5, 5), nn.Linear(5, 3)

    def forward(self, x):
        return self.last(torch.relu(self.fc(torch.relu(self.fc(x)))))


class Apart(nn.Module):
    """What `Twice` computes, for PyTorch: it empties the weight before it packs it the second time."""

    def __init__(self):
        super().__init__()
        self.fc, self.again, self.last = nn.Linear(5, 5), nn.Linear(5, 5), nn.Linear(5, 3)
        self.again.load_state_dict(self.fc.state_dict())

    def forward(self, x):
        return self.last(torch.relu(self.again(torch.relu(self.fc(x)))))


class Counter(nn.Module):
    """State of the user's on the model, and the weight of a layer there too."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.rand(4, 6))
        self.calls = 0
        self.register_buffer("total", torch.zeros(1))

    def forward(self, x):
        self.calls += 1
        self.total += x.sum()
        return F.linear(x, self.weight) + self.total + self.calls


class Beside(nn.Module):
    """What `Counter` computes, for PyTorch: it drops every write to the module that a packed weight is from."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(6, 4, bias=False)
        self.calls = 0
        self.register_buffer("total", torch.zeros(1))

    def forward(self, x):
        self.calls += 1
        self.total += x.sum()
        return self.fc(x) + self.total + self.calls


class Two(nn.Module):
    """Two results."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(6, 4), nn.Linear(6, 2)

    def forward(self, x):
        return self.a(x), torch.relu(self.b(x))


class Tied(nn.Module):
    """A weight that is a table of vectors too."""

    def __init__(self):
        super().__init__()
        self.table = nn.Parameter(torch.rand(7, 5))

    def forward(self, i):
        return F.linear(F.embedding(i, self.table), self.table)


class Transposed(nn.Module):
    """A weight that is computed."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.rand(6, 4))

    def forward(self, x):
        return F.linear(x, self.weight.t())


def prepared(module):
    """With the methods that observe and quantize, not yet finalized."""
    scripted = torch.jit.script(case.few(module.eval()))
    model = flow._prepare_ondevice_dynamic_jit(scripted, {"": default_dynamic_qconfig})
    model = torch._C._jit_pass_insert_quant_dequant_for_ondevice_ptq(model._c, "observe_forward", False, False, QuantType.DYNAMIC)
    return wrap_cpp_module(model)


def finalized(model):
    """PyTorch's result, of a copy: the pass changes what it is given."""
    stored = io.BytesIO()
    torch.jit.save(model, stored)
    stored.seek(0)
    model = torch._C._jit_pass_quant_finalize_for_ondevice_ptq(torch.jit.load(stored)._c, QuantType.DYNAMIC, "quantize_forward")
    return wrap_cpp_module(model)


def calls(*inputs):
    """Observes, quantizes, runs, and runs again as a model that was stored with its packed weights."""
    return [("observe_forward", inputs), ("quantize_forward", inputs), ("quantized_forward", inputs), ("quantized_forward", inputs)]


def write(out, name, module, *inputs, instead=None):
    """A case; what is recorded is what PyTorch makes of it, or of a module to take `instead` where PyTorch makes something wrong of it."""
    model = prepared(module)
    theirs = None if instead else finalized(model)
    reference = finalized(prepared(instead) if instead else model)
    case.write(out, "on_device", name, model, calls(*inputs), "torch.on_device", CLOSE, theirs=theirs, reference=reference, engine="qnnpack")
    # What our interpreter says, which has no kernels of observers.
    for at, said in enumerate(["aten::aminmax", "prim::Uninitialized", "is None", "is None"]):
        case.amend(out, "on_device", name, at, interpreter=said, **({"reload": True} if at == 3 else {}))


def refused(out, name, module):
    folder = os.path.join(out, "on_device_refused")
    os.makedirs(folder, exist_ok=True)
    case.save(prepared(module), os.path.join(folder, name + ".pt"))


def main(out):
    torch.manual_seed(0)
    torch.backends.quantized.engine = "qnnpack"
    x6, x5 = torch.rand(3, 6) * 2 - 1, torch.rand(3, 5) * 2 - 1
    write(out, "linear", Linear(), x6)
    write(out, "mlp", Mlp(), x6)
    write(out, "nested", Nested(), x5)
    twice, apart = Twice(), Apart()
    apart.load_state_dict({**twice.state_dict(), **{"again." + k: v for k, v in twice.fc.state_dict().items()}})
    write(out, "twice", twice, x5, instead=apart)
    counter, beside = Counter(), Beside()
    beside.fc.weight = counter.weight
    write(out, "counter", counter, x6, instead=beside)
    write(out, "two_outputs", Two(), x6)
    refused(out, "transposed", Transposed())
    refused(out, "tied", Tied())


main(sys.argv[1])
