#!/usr/bin/env python3
"""Makes `hoist/<case>`: eagerly quantized modules whose packed weights move to the root. usage: hoist.py OUTDIR

Made with PyTorch 1.13.1. `theirs.pt` is what its `optimize_for_mobile` makes with everything but hoisting switched off: freeze, hoist,
freeze, so that packed weights are constants of the code and no attributes. It is kept as PyTorch writes it, with debug records. `small` and `deb_plain` are older and not made here.
"""
import io
import os
import sys
import zipfile

import torch
import torch.ao.quantization as tq
import torch.nn as nn
from torch.utils.mobile_optimizer import MobileOptimizerType, optimize_for_mobile

import case

OTHERS = {kind for kind in MobileOptimizerType.__members__.values() if kind != MobileOptimizerType.HOIST_CONV_PACKED_PARAMS}


class Outline(nn.Module):
    def __init__(self):
        super().__init__()
        self.quant, self.dequant = tq.QuantStub(), tq.DeQuantStub()


class Planar(Outline):
    """Convolutions over two dimensions, with relu, transposed, then linear layers."""

    def __init__(self):
        super().__init__()
        self.plain = nn.Conv2d(2, 4, 3, padding=1)
        self.fused = nn.Sequential(nn.Conv2d(4, 4, 3, groups=2), nn.ReLU())
        self.back = nn.ConvTranspose2d(4, 3, 2, stride=2)
        self.layer, self.last = nn.Linear(8, 6), nn.Sequential(nn.Linear(6, 5), nn.ReLU())

    def fusible(self):
        return [["fused.0", "fused.1"], ["last.0", "last.1"]]

    def forward(self, x):
        return self.dequant(self.last(self.layer(self.back(self.fused(self.plain(self.quant(x)))))))


class Line(Outline):
    def __init__(self):
        super().__init__()
        self.plain = nn.Conv1d(2, 4, 3, padding=1)
        self.fused = nn.Sequential(nn.Conv1d(4, 4, 3, stride=2), nn.ReLU())
        self.back = nn.ConvTranspose1d(4, 3, 2)

    def fusible(self):
        return [["fused.0", "fused.1"]]

    def forward(self, x):
        return self.dequant(self.back(self.fused(self.plain(self.quant(x)))))


class Solid(Outline):
    def __init__(self):
        super().__init__()
        self.plain = nn.Conv3d(2, 4, 3, padding=1)
        self.fused = nn.Sequential(nn.Conv3d(4, 3, 3), nn.ReLU())

    def fusible(self):
        return [["fused.0", "fused.1"]]

    def forward(self, x):
        return self.dequant(self.fused(self.plain(self.quant(x))))


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)

    def forward(self, x):
        return self.conv(x)


class Branches(Outline):
    """Two blocks of one class, each called in a branch."""

    def __init__(self):
        super().__init__()
        self.left, self.right = nn.Sequential(Block()), Block()

    def fusible(self):
        return []

    def forward(self, x, left: bool = True):
        x = self.quant(x)
        if left:
            y = self.left(x)
        else:
            y = self.right(x)
        return self.dequant(y)


class Twice(Outline):
    """One convolution called twice: its weight is packed once."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)

    def fusible(self):
        return []

    def forward(self, x):
        return self.dequant(self.conv(self.conv(self.quant(x))))


class Methods(Outline):
    """A second method runs one of the convolutions too, and a layer of its own."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.other = Block(), nn.Conv2d(3, 2, 3), nn.Conv2d(3, 4, 1)

    def fusible(self):
        return []

    def forward(self, x):
        return self.dequant(self.second(self.first(self.quant(x))))

    @torch.jit.export
    def features(self, x):
        return self.dequant(self.other(self.first(self.quant(x))))


class Layers(nn.Module):
    """Linear layers whose activations are quantized when they run."""

    def __init__(self):
        super().__init__()
        self.first, self.rest = nn.Linear(6, 8), nn.Sequential(nn.ReLU(), nn.Linear(8, 3, bias=False))

    def forward(self, x):
        return self.rest(self.first(x))


def ramp(*shape):
    n = 1
    for size in shape:
        n *= size
    return (((torch.arange(n) * 37) % 101).float() / 50 - 1).reshape(shape)


def quantized(module, *runs):
    module = case.few(module).eval()
    if module.fusible():
        module = tq.fuse_modules(module, module.fusible())
    module.qconfig = tq.QConfig(tq.default_observer.with_args(), tq.default_weight_observer)
    prepared = tq.prepare(module)
    for method, args in runs:
        getattr(prepared, method)(*args)
    return torch.jit.script(tq.convert(prepared))


def make(out, name, module, *calls, engine="qnnpack", **told):
    torch.backends.quantized.engine = engine
    model = quantized(module, *calls)
    methods = sorted({method for method, _ in calls} - {"forward"})
    theirs = optimize_for_mobile(model, OTHERS, preserved_methods=methods)
    write(out, name, model, calls, theirs, engine, **told)


def write(out, name, model, calls, theirs, engine, **told):
    case.write(out, "hoist", name, model, calls, "torch.hoist", 0, theirs, model, engine=engine, **told)
    torch.jit.save(theirs, os.path.join(out, "hoist", name, "theirs.pt"))


def with_old_paths(path):
    """The same archive under the class paths of the first releases that had these modules."""
    renamed = io.BytesIO()
    old = [
        (b"__torch__.torch.ao.nn.quantized.", b"__torch__.torch.nn.quantized."),
        (b"__torch__.torch.nn.intrinsic.quantized.", b"__torch__.torch.nn._intrinsic.quantized."),
    ]
    with zipfile.ZipFile(path) as read, zipfile.ZipFile(renamed, "w") as written:
        for member in read.infolist():
            name, content = member.filename, read.read(member)
            for new, was in old:
                name = name.replace(new.decode().replace(".", "/"), was.decode().replace(".", "/"))
                if name.endswith((".py", ".pkl")):
                    content = content.replace(new, was)
            written.writestr(name, content)
    renamed.seek(0)
    return renamed


def main():
    out = sys.argv[1]
    torch.manual_seed(0)
    make(out, "planar", Planar(), ("forward", [ramp(1, 2, 6, 6)]))
    make(out, "line", Line(), ("forward", [ramp(2, 2, 9)]))
    make(out, "solid", Solid(), ("forward", [ramp(1, 2, 5, 5, 5)]), engine="onednn")
    make(out, "branches", Branches(), ("forward", [ramp(1, 3, 4, 4), True]), ("forward", [ramp(1, 3, 4, 4), False]))
    make(out, "twice", Twice(), ("forward", [ramp(1, 3, 5, 5)]))
    make(out, "methods", Methods(), ("forward", [ramp(1, 3, 5, 5)]), ("features", [ramp(1, 3, 5, 5)]), interpreter={"absolute": 0.0099})

    torch.backends.quantized.engine = "onednn"
    model = torch.jit.script(tq.quantize_dynamic(case.few(Layers()).eval(), {nn.Linear}))
    write(out, "layers", model, [("forward", [ramp(3, 6)])], torch.jit.freeze(model), "onednn", interpreter={"absolute": 1e-6})

    torch.backends.quantized.engine = "qnnpack"
    model = torch.jit.load(with_old_paths(os.path.join(out, "hoist", "planar", "model.pt")))
    write(out, "old_paths", model, [("forward", [ramp(1, 2, 6, 6)])], optimize_for_mobile(model, OTHERS), "qnnpack")


main()
