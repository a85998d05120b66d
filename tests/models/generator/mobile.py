#!/usr/bin/env python3
"""Makes `mobile/<case>`: float models, and what `optimize_for_mobile` makes of them. usage: mobile.py OUTDIR

Made with PyTorch 1.13.1, a build with XNNPACK; the recorded numbers are those of PyTorch's result.
"""
import sys

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.mobile_optimizer import MobileOptimizerType, optimize_for_mobile

import case


class Plain(nn.Module):
    """Every layer that is packed, one after the other: dilation, groups, no bias, several strides."""

    def __init__(self):
        super().__init__()
        self.a = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.b = nn.Conv2d(8, 8, 3, padding=2, dilation=2, groups=2, bias=False)
        self.c = nn.ConvTranspose2d(8, 4, 3, stride=2, padding=1, output_padding=1)
        self.d = nn.Linear(8, 5)

    def forward(self, x):
        return self.d(self.c(self.b(self.a(x))))


class ConvBnRelu(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.bn = nn.Conv2d(3, 6, 3, bias=False), nn.BatchNorm2d(6)
        with torch.no_grad():
            self.bn.running_mean.copy_(torch.arange(6) / 8 - 0.25)
            self.bn.running_var.copy_(torch.arange(6) / 4 + 0.5)
            self.bn.bias.copy_(torch.arange(6) / 16)

    def forward(self, x):
        return F.relu(self.bn(self.conv(x)))


class Clamps(nn.Module):
    """Bounds of every kind; behind a transposed convolution PyTorch leaves them alone."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = nn.Conv2d(2, 4, 3), nn.Conv2d(4, 4, 1), nn.ConvTranspose2d(4, 3, 2)
        self.d = nn.Linear(7, 4)
        self.act = nn.Hardtanh(-0.5, 0.75)

    def forward(self, x):
        x = F.relu6(self.a(x))
        x = self.act(self.b(x))
        x = self.act(self.c(x))
        return torch.relu_(self.d(x))


class Conv1d(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv1d(3, 6, 3, stride=2, padding=1), nn.Conv1d(6, 4, 1)

    def forward(self, x):
        return self.b(F.relu(self.a(x)))


class Depthwise(nn.Module):
    """A block as mobilenet has it: expansion, a convolution of each channel alone, projection, addition."""

    def __init__(self):
        super().__init__()
        self.up, self.each, self.down = nn.Conv2d(4, 12, 1), nn.Conv2d(12, 12, 3, padding=1, groups=12), nn.Conv2d(12, 4, 1)
        self.drop = nn.Dropout(0.3)

    def forward(self, x):
        y = F.hardtanh(self.up(x), 0.0, 6.0)
        y = F.hardtanh(self.each(y), 0.0, 6.0)
        return x + self.drop(self.down(y))


class Residual(nn.Module):
    """A convolution that two read, one behind a relu; additions with a relu, in place and not, of a number too."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(3, 3, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        y = self.a(x)
        z = self.b(torch.relu(y))
        u = self.relu(y + z)
        v = torch.relu(torch.add(u, x, alpha=2))
        return torch.relu(v + 0.5), y


class TwoMethods(nn.Module):
    """One layer in two methods: its packed weight is stored once."""

    def __init__(self):
        super().__init__()
        self.fc, self.out = nn.Linear(6, 6), nn.Linear(6, 2)

    def forward(self, x):
        return self.out(torch.relu(self.fc(x)))

    @torch.jit.export
    def features(self, x):
        return torch.relu(self.fc(x))


def make(out, name, module, calls, options=(), blocklist=None, preserved=None, traced=False, **more):
    module = case.few(module).eval()
    inputs = calls[0][1]
    model = torch.jit.trace(module, inputs) if traced else torch.jit.script(module)
    theirs = optimize_for_mobile(model, optimization_blocklist=blocklist or set(), preserved_methods=preserved or [])
    case.write(out, "mobile", name, model, calls, "torch.mobile", 0, theirs=theirs, options=list(options), interpreter={"relative": 1e-5}, **more)


def main():
    out = sys.argv[1]
    torch.manual_seed(0)
    image = (torch.arange(2 * 3 * 9 * 8) % 17 - 8).reshape(2, 3, 9, 8) / 8.0
    forward = lambda *inputs: [("forward", inputs)]
    make(out, "plain", Plain(), forward(image[:, :, :8]))
    make(out, "plain_traced", Plain(), forward(image[:, :, :8]), traced=True)
    make(out, "conv_bn_relu", ConvBnRelu(), forward(image))
    make(out, "conv_bn_relu_skip", ConvBnRelu(), forward(image), ["--skip", "CONV_BN_FUSION"], {MobileOptimizerType.CONV_BN_FUSION})
    make(out, "clamps", Clamps(), forward(image[:, :2, :8, :8]))
    make(out, "conv1d", Conv1d(), forward(image[:, :, 0]))
    # PyTorch 1.13 cannot leave this step out.
    model = torch.jit.script(case.few(Conv1d()).eval())
    close = {"relative": 1e-6}
    options = ["--skip", "CONV_1D_TO_2D"]
    case.write(out, "mobile", "conv1d_skip", model, forward(image[:, :, 0]), "torch.mobile", close, options=options)
    four = torch.cat([image, image[:, :1] / 2], 1)
    make(out, "depthwise", Depthwise(), forward(four))
    make(out, "depthwise_traced", Depthwise(), forward(four), traced=True)
    skipped = [MobileOptimizerType.REMOVE_DROPOUT, MobileOptimizerType.INSERT_FOLD_PREPACK_OPS]
    names = ["--skip", "REMOVE_DROPOUT", "--skip", "INSERT_FOLD_PREPACK_OPS"]
    make(out, "depthwise_skip", Depthwise(), forward(four), names, set(skipped))
    make(out, "residual", Residual(), forward(image))
    make(out, "residual_skip", Residual(), forward(image), ["--skip", "FUSE_ADD_RELU"], {MobileOptimizerType.FUSE_ADD_RELU})
    row = torch.arange(12).reshape(2, 6) / 4.0 - 1
    make(out, "two_methods", TwoMethods(), [("forward", [row]), ("features", [row])], ["--keep", "features"], preserved=["features"])


main()
