#!/usr/bin/env python3
"""Makes `fuse/<case>`: float models with batch norms behind convolutions and linear layers. usage: fuse.py OUTDIR

Made with PyTorch 1.13.1. `theirs.pt` is what `torch.jit.freeze` makes of the model, which folds frozen batch norms where it can; the
recorded numbers are those of the model itself, but for `half_*`: there they are those of the model with weights folded as PyTorch 2's
`torch.nn.utils.fusion` does, so that a difference of 0 says that each weight is the same.
The networks are those that their names say, block for block, with few channels.
"""
import copy
import os
import sys

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

import case

CLOSE = {"relative": 1e-5}
TRAINS = "batch normalization while training changes the model"


def settled(model):
    """Few distinct weights, statistics and factors that differ from channel to channel, evaluation mode."""
    for at, module in enumerate(model.modules()):
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            n = torch.arange(module.num_features)
            if module.affine:
                module.weight.data = 0.75 + (n * 3 + at) % 5 / 8.0
                module.bias.data = (n * 5 + at) % 7 / 8.0 - 0.375
            if module.track_running_stats:
                module.running_mean.data = (n * 3 + at) % 8 / 16.0 - 0.25
                module.running_var.data = 0.5 + (n * 7 + at) % 4 / 4.0
        elif isinstance(module, (nn.modules.conv._ConvNd, nn.Linear)):
            weight = module.weight.data
            n = weight.numel()
            values = (torch.arange(n) * 7 + torch.arange(n) // 5 + at * 3) % 17 % 15
            fan = n / weight.shape[1 if isinstance(module, nn.modules.conv._ConvTransposeNd) else 0]
            module.weight.data = ((values - 7.0) / 7 * (3 / fan) ** 0.5).reshape(weight.shape)
            if module.bias is not None:
                module.bias.data = torch.arange(module.bias.numel()) % 5 / 8.0 - 0.25
    return model.eval()


# Networks.


class BasicBlock(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        identity = x
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        if self.downsample is not None:
            identity = self.downsample(x)
        out += identity
        return self.relu(out)


class ResNet18(nn.Module):
    def __init__(self, width=4, classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        inputs = width
        for stage in range(4):
            outputs = width << stage
            blocks = [BasicBlock(inputs, outputs, 1 if stage == 0 else 2), BasicBlock(outputs, outputs, 1)]
            setattr(self, "layer%d" % (stage + 1), nn.Sequential(*blocks))
            inputs = outputs
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(inputs, classes)

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(torch.flatten(self.avgpool(x), 1))


def conv_bn_relu6(inputs, outputs, kernel, stride=1, groups=1):
    padding = (kernel - 1) // 2
    conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU6(inplace=True))


class InvertedResidual(nn.Module):
    def __init__(self, inputs, outputs, stride, expand):
        super().__init__()
        hidden = inputs * expand
        self.use_res_connect = stride == 1 and inputs == outputs
        layers = [conv_bn_relu6(inputs, hidden, 1)] if expand != 1 else []
        layers += [
            conv_bn_relu6(hidden, hidden, 3, stride, groups=hidden),
            nn.Conv2d(hidden, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        ]
        self.conv = nn.Sequential(*layers)

    def forward(self, x):
        if self.use_res_connect:
            return x + self.conv(x)
        return self.conv(x)


class MobileNetV2(nn.Module):
    SETTINGS = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]

    def __init__(self, part=8, last=16, classes=10):
        super().__init__()
        inputs = 32 // part
        features = [conv_bn_relu6(3, inputs, 3, 2)]
        for expand, channels, times, stride in self.SETTINGS:
            for at in range(times):
                outputs = max(channels // part, 2)
                features.append(InvertedResidual(inputs, outputs, stride if at == 0 else 1, expand))
                inputs = outputs
        features.append(conv_bn_relu6(inputs, last, 1))
        self.features = nn.Sequential(*features)
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(last, classes))

    def forward(self, x):
        x = F.adaptive_avg_pool2d(self.features(x), (1, 1))
        return self.classifier(torch.flatten(x, 1))


class BasicConv2d(nn.Module):
    def __init__(self, inputs, outputs, **kwargs):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, bias=False, **kwargs)
        self.bn = nn.BatchNorm2d(outputs, eps=0.001)

    def forward(self, x):
        return F.relu(self.bn(self.conv(x)), inplace=True)


class Inception(nn.Module):
    def __init__(self, inputs, one, reduce3, three, reduce5, five, pool):
        super().__init__()
        self.branch1 = BasicConv2d(inputs, one, kernel_size=1)
        self.branch2 = nn.Sequential(BasicConv2d(inputs, reduce3, kernel_size=1), BasicConv2d(reduce3, three, kernel_size=3, padding=1))
        self.branch3 = nn.Sequential(BasicConv2d(inputs, reduce5, kernel_size=1), BasicConv2d(reduce5, five, kernel_size=3, padding=1))
        pooling = nn.MaxPool2d(kernel_size=3, stride=1, padding=1, ceil_mode=True)
        self.branch4 = nn.Sequential(pooling, BasicConv2d(inputs, pool, kernel_size=1))

    def forward(self, x):
        return torch.cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], 1)


class GoogLeNet(nn.Module):
    def __init__(self, classes=10):
        super().__init__()
        self.conv1 = BasicConv2d(3, 6, kernel_size=7, stride=2, padding=3)
        self.maxpool1 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.conv2 = BasicConv2d(6, 6, kernel_size=1)
        self.conv3 = BasicConv2d(6, 12, kernel_size=3, padding=1)
        self.maxpool2 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.inception3a = Inception(12, 4, 6, 8, 2, 3, 3)
        self.inception3b = Inception(18, 8, 8, 12, 3, 6, 4)
        self.maxpool3 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.inception4a = Inception(30, 12, 6, 13, 2, 3, 4)
        self.inception4b = Inception(32, 10, 7, 14, 2, 4, 4)
        self.inception4c = Inception(32, 8, 8, 16, 2, 4, 4)
        self.maxpool4 = nn.MaxPool2d(2, stride=2, ceil_mode=True)
        self.inception5a = Inception(32, 12, 8, 16, 2, 6, 6)
        self.inception5b = Inception(40, 12, 8, 12, 2, 4, 4)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.dropout = nn.Dropout(0.2)
        self.fc = nn.Linear(32, classes)

    def forward(self, x):
        x = self.maxpool1(self.conv1(x))
        x = self.maxpool2(self.conv3(self.conv2(x)))
        x = self.maxpool3(self.inception3b(self.inception3a(x)))
        x = self.maxpool4(self.inception4c(self.inception4b(self.inception4a(x))))
        x = self.inception5b(self.inception5a(x))
        return self.fc(self.dropout(torch.flatten(self.avgpool(x), 1)))


class DenseLayer(nn.Module):
    """Norm, relu, convolution, and again: `norm2` follows `conv1` alone, `norm1` follows all that came before."""

    def __init__(self, inputs, growth, bottleneck):
        super().__init__()
        self.norm1 = nn.BatchNorm2d(inputs)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv1 = nn.Conv2d(inputs, bottleneck * growth, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(bottleneck * growth)
        self.relu2 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(bottleneck * growth, growth, 3, padding=1, bias=False)

    def forward(self, x):
        out = self.conv1(self.relu1(self.norm1(x)))
        out = self.conv2(self.relu2(self.norm2(out)))
        return torch.cat([x, out], 1)


class DenseNet(nn.Module):
    def __init__(self, growth=4, blocks=(2, 3, 3, 2), channels=8, classes=10):
        super().__init__()
        stem = [nn.Conv2d(3, channels, 7, 2, 3, bias=False), nn.BatchNorm2d(channels), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)]
        layers = []
        for at, count in enumerate(blocks):
            for _ in range(count):
                layers.append(DenseLayer(channels, growth, 4))
                channels += growth
            layers.append(nn.BatchNorm2d(channels))
            if at + 1 < len(blocks):
                layers += [nn.ReLU(inplace=True), nn.Conv2d(channels, channels // 2, 1, bias=False), nn.AvgPool2d(2, 2)]
                channels //= 2
        self.features = nn.Sequential(*stem, *layers)
        self.classifier = nn.Linear(channels, classes)

    def forward(self, x):
        x = F.relu(self.features(x), inplace=True)
        return self.classifier(torch.flatten(F.adaptive_avg_pool2d(x, (1, 1)), 1))


# Small models.


class Pair(nn.Module):
    """A layer and its norm."""

    def __init__(self, layer, norm, relu=False):
        super().__init__()
        self.layer, self.norm = layer, norm
        self.relu = nn.ReLU() if relu else nn.Identity()

    def forward(self, x):
        return self.relu(self.norm(self.layer(x)))


class Flat(nn.Module):
    """Linear layers behind `flatten`: their results have two dimensions for certain."""

    def __init__(self):
        super().__init__()
        self.fc1, self.bn1 = nn.Linear(12, 6), nn.BatchNorm1d(6)
        self.fc2, self.bn2 = nn.Linear(6, 5, bias=False), nn.BatchNorm1d(5, affine=True)

    def forward(self, x):
        x = F.relu(self.bn1(self.fc1(torch.flatten(x, 1))))
        return self.bn2(self.fc2(x))


class TwoNorms(nn.Module):
    """One convolution, two norms."""

    def __init__(self):
        super().__init__()
        self.conv, self.bn1, self.bn2 = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.BatchNorm2d(4)

    def forward(self, x):
        y = self.conv(x)
        return self.bn1(y) * torch.sigmoid(self.bn2(y))


class AlsoRead(nn.Module):
    """A convolution whose result is normalized and read as it is."""

    def __init__(self):
        super().__init__()
        self.conv, self.bn = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)

    def forward(self, x):
        y = self.conv(x)
        return self.bn(y) + y


class CalledTwice(nn.Module):
    """One convolution called twice, its results normalized by two norms: two convolutions in any case, so both are folded."""

    def __init__(self):
        super().__init__()
        self.conv, self.bn1, self.bn2 = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.BatchNorm2d(4)

    def forward(self, x):
        return self.bn1(self.conv(x)) + self.bn2(self.conv(x * 2))


class OneNorm(nn.Module):
    """Two convolutions, one norm."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2, self.bn = nn.Conv2d(3, 4, 3), nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)

    def forward(self, x):
        return self.bn(self.conv1(x)) * self.bn(self.conv2(x))


class Chain(nn.Module):
    """Two norms in a row, both folded."""

    def __init__(self):
        super().__init__()
        self.conv, self.bn1, self.bn2 = nn.Conv1d(3, 4, 3, bias=False), nn.BatchNorm1d(4), nn.BatchNorm1d(4)

    def forward(self, x):
        return self.bn2(self.bn1(self.conv(x)))


class Functional(nn.Module):
    """`F.batch_norm` with numbers of the module's own."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.arange(72).reshape(4, 2, 3, 3) % 11 / 11.0)
        self.register_buffer("mean", torch.arange(4) / 4.0)
        self.register_buffer("var", torch.arange(4) / 4.0 + 0.5)

    def forward(self, x):
        return F.batch_norm(F.conv2d(x, self.weight, padding="same"), self.mean, self.var)


class Arithmetic(nn.Module):
    """A convolution between products and sums with constants, for each channel and for all."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.register_buffer("scale", torch.arange(4).reshape(1, 4, 1, 1) / 4.0 + 0.5)
        self.register_buffer("shift", torch.arange(4).reshape(4, 1, 1) / 8.0)

    def forward(self, x):
        return (self.conv(x) * self.scale - self.shift) / 2 + 0.25


class InBranch(nn.Module):
    """Pairs in both branches, chosen when it runs."""

    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)
        self.conv2, self.bn2 = nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)

    def forward(self, x, left: bool):
        if left:
            y = self.bn1(self.conv1(x))
        else:
            y = torch.relu(self.bn2(self.conv2(x)))
        return y


class InHalf(nn.Module):
    """Layers in bf16 between float inputs and outputs; norms in the same type or in float."""

    def __init__(self, layer, norm, norm_is_half):
        super().__init__()
        self.layer, self.norm = layer.bfloat16(), norm.bfloat16() if norm_is_half else norm

    def forward(self, x):
        return self.norm(self.layer(x.to(torch.bfloat16))).float()


class Folded(nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return self.layer(x.to(torch.bfloat16)).float()


def fold(layer, norm):
    """The layer with the norm folded into it, as `torch.nn.utils.fusion` of PyTorch 2 does."""
    folded = copy.deepcopy(layer)
    mean, var = norm.running_mean, norm.running_var
    weight = norm.weight if norm.weight is not None else torch.ones_like(mean)
    bias = norm.bias if norm.bias is not None else torch.zeros_like(mean)
    old = layer.bias if layer.bias is not None else torch.zeros_like(mean)
    dtype = layer.weight.dtype if layer.bias is None else layer.bias.dtype
    scale = weight * torch.rsqrt(var + norm.eps)
    if isinstance(layer, nn.Linear):
        folded.weight = nn.Parameter(layer.weight * scale.unsqueeze(-1).to(layer.weight.dtype), False)
        folded.bias = nn.Parameter(((old - mean) * scale + bias).to(dtype), False)
    else:
        shape = [-1, 1] + [1] * (layer.weight.dim() - 2)
        folded.weight = nn.Parameter((layer.weight * scale.reshape(shape)).to(layer.weight.dtype), False)
        folded.bias = nn.Parameter(((old - mean) * torch.rsqrt(var + norm.eps) * weight + bias).to(dtype), False)
    return folded


def numbers(*shape):
    n = int(np.prod(shape))
    return ((torch.arange(n) * 37 + torch.arange(n) // 11) % 101 / 50.0 - 1).reshape(shape)


def write(out, name, model, *inputs, traced=False, options=(), theirs=True, tolerance=CLOSE, interpreter=None):
    """A case of a module in evaluation mode. With `theirs` PyTorch's freezing, which folds too, is the measure."""
    calls = [("forward", list(one) if isinstance(one, tuple) else [one]) for one in inputs]
    script = torch.jit.trace(model, tuple(calls[0][1])) if traced else torch.jit.script(model)
    more = {"options": list(options)} if options else {}
    if "--modules" in options:
        more["idempotent"] = False  # the result has no modules that could be named
    if interpreter:
        more["interpreter"] = interpreter
    frozen = torch.jit.freeze(script) if theirs else None
    # A module told to be in training mode shall stay so: only the archive knows.
    reference = None if any(part.training for part in model.modules()) else model
    case.write(out, "fuse", name, script, calls, "torch.fuse", tolerance, frozen, reference=reference, **more)


def networks(out):
    for name, network in [("resnet18", ResNet18), ("mobilenet_v2", MobileNetV2), ("googlenet", GoogLeNet), ("densenet", DenseNet)]:
        model, side = settled(network()), 32 if name == "densenet" else 16
        image = numbers(1, 3, side, side)
        write(out, name, model, image)
        write(out, name + "_traced", model, image, traced=True, theirs=False)


def pairs(out):
    line, image, volume = numbers(2, 3, 12), numbers(2, 3, 7, 7), numbers(1, 2, 5, 6, 5)
    write(out, "conv1d", settled(Pair(nn.Conv1d(3, 5, 3), nn.BatchNorm1d(5))), line)
    write(out, "conv1d_traced", settled(Pair(nn.Conv1d(3, 5, 3), nn.BatchNorm1d(5), relu=True)), line, traced=True)
    write(out, "conv2d_no_bias", settled(Pair(nn.Conv2d(3, 6, 3, groups=3, bias=False), nn.BatchNorm2d(6), relu=True)), image)
    write(out, "conv2d_no_affine", settled(Pair(nn.Conv2d(3, 4, 3, 2, 1, 2), nn.BatchNorm2d(4, affine=False))), image)
    double = settled(Pair(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))).double()
    write(out, "conv2d_double", double, image.double(), interpreter="elements of type f64 are no 32-bit floats")
    write(out, "conv3d", settled(Pair(nn.Conv3d(2, 4, 3), nn.BatchNorm3d(4))), volume)
    write(out, "conv3d_traced", settled(Pair(nn.Conv3d(2, 4, 3, bias=False), nn.BatchNorm3d(4))), volume, traced=True, theirs=False)
    write(out, "conv_transpose1d", settled(Pair(nn.ConvTranspose1d(3, 5, 3, 2), nn.BatchNorm1d(5))), line)
    wide = numbers(1, 4, 5, 5)
    write(out, "conv_transpose2d", settled(Pair(nn.ConvTranspose2d(4, 6, 3, 2, 1, 1, groups=2), nn.BatchNorm2d(6))), wide)
    depthwise = nn.ConvTranspose2d(4, 4, 3, groups=4, bias=False)
    write(out, "conv_transpose2d_depthwise", settled(Pair(depthwise, nn.BatchNorm2d(4))), wide)
    traced = nn.ConvTranspose2d(4, 8, 3, 2, 1, 1, groups=4)
    write(out, "conv_transpose2d_traced", settled(Pair(traced, nn.BatchNorm2d(8), relu=True)), wide, traced=True)
    write(out, "conv_transpose3d", settled(Pair(nn.ConvTranspose3d(2, 4, 3, groups=2), nn.BatchNorm3d(4))), volume)
    write(out, "linear", settled(Flat()), numbers(3, 3, 4))
    write(out, "linear_traced", settled(Flat()), numbers(3, 3, 4), traced=True, theirs=False)


def left_alone(out):
    image = numbers(2, 3, 7, 7)
    write(out, "linear_three_dimensions", settled(Pair(nn.Linear(5, 6), nn.BatchNorm1d(6))), numbers(2, 6, 5))
    write(out, "two_norms", settled(TwoNorms()), image)
    write(out, "also_read", settled(AlsoRead()), image)
    no_statistics = Pair(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, track_running_stats=False))
    write(out, "no_statistics", settled(no_statistics), image, interpreter=TRAINS)
    training = settled(Pair(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)))
    training.norm.train()
    write(out, "training", training, image, traced=True, theirs=False, interpreter=TRAINS)


def by_data_flow(out):
    image = numbers(2, 3, 7, 7)
    write(out, "called_twice", settled(CalledTwice()), image)
    write(out, "one_norm", settled(OneNorm()), image)
    write(out, "chain", settled(Chain()), numbers(2, 3, 12))
    write(out, "functional", Functional().eval(), numbers(2, 2, 7, 7))
    write(out, "arithmetic", settled(Arithmetic()), image)
    write(out, "branches", settled(InBranch()), (image, True), (image, False))


class Named(nn.Module):
    """Pairs of which only some are named; `bn3` follows `conv2`, `relu2` nothing that is named."""

    def __init__(self):
        super().__init__()
        self.conv1, self.bn1, self.relu1 = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU()
        self.conv2, self.bn2, self.bn3 = nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4), nn.BatchNorm2d(4)
        self.conv3, self.relu2 = nn.Conv2d(4, 2, 1), nn.ReLU()
        self.fc, self.norm = nn.Linear(5, 3), nn.BatchNorm1d(3)

    def forward(self, x):
        x = self.relu1(self.bn1(self.conv1(x)))
        x = self.bn3(self.conv2(x)) + self.bn2(x)
        x = self.relu2(self.conv3(x).mean(3)).mean(1)
        return self.norm(self.fc(x))


def named(out):
    """Lists of modules, as `fuse_modules` takes them."""
    image = numbers(2, 3, 7, 7)
    lists = ["--modules", "conv1,bn1,relu1", "--modules", "conv2,bn2", "--modules", "conv3,relu2", "--modules", "fc,norm"]
    write(out, "named", settled(Named()), image, options=lists, theirs=False)
    write(out, "named_traced", settled(Named()), image, traced=True, options=lists + ["--set", "flat_linear=true"], theirs=False)
    write(out, "flat_linear", settled(Pair(nn.Linear(5, 6), nn.BatchNorm1d(6))), numbers(3, 5), options=["--set", "flat_linear=true"])


def half(out):
    """Folded weights are compared through what comes out: with tolerance 0 they are the same."""
    image, rows = numbers(2, 3, 7, 7), numbers(3, 3, 4)
    for name, bias, norm_is_half in [("half_conv", True, True), ("half_conv_float_norm", False, False)]:
        model = settled(InHalf(nn.Conv2d(3, 6, 3, bias=bias), nn.BatchNorm2d(6), norm_is_half))
        if norm_is_half:
            model.bfloat16()
        else:
            model.layer.bfloat16()
        folded = Folded(fold(model.layer, model.norm)).eval()
        script = torch.jit.script(model)
        case.write(out, "fuse", name, script, [("forward", [image])], "torch.fuse", 0, torch.jit.freeze(torch.jit.script(folded)))
    for name, norm_is_half in [("half_linear", True), ("half_linear_float_norm", False)]:
        model = settled(InHalf(nn.Linear(12, 6), nn.BatchNorm1d(6), norm_is_half))
        model = model.bfloat16() if norm_is_half else model
        model.layer.bfloat16()

        class Rows(nn.Module):
            def __init__(self, inner):
                super().__init__()
                self.inner = inner

            def forward(self, x):
                return self.inner(torch.flatten(x, 1))

        folded = Folded(fold(model.layer, model.norm)).eval()
        script, theirs = torch.jit.script(Rows(model).eval()), torch.jit.script(Rows(folded).eval())
        case.write(out, "fuse", name, script, [("forward", [rows])], "torch.fuse", 0, torch.jit.freeze(theirs))


def half_without_kernels(out):
    """PyTorch 1.13 has no convolution in f16 to run, but it folds one: the folded weights themselves are recorded."""

    class InF16(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.norm = nn.Conv2d(3, 6, 3).half(), nn.BatchNorm2d(6)

        def forward(self, x):
            return self.norm(self.layer(x))

    model = InF16()
    model.layer.float()
    settled(model).layer.half()
    folded = fold(model.layer, model.norm)
    case.write(out, "fuse", "half_f16", torch.jit.script(model), [], "torch.fuse", 0)
    for name in ["weight", "bias"]:
        np.save(os.path.join(out, "fuse", "half_f16", name + ".npy"), getattr(folded, name).numpy())


def main():
    torch.manual_seed(0)
    out = sys.argv[1]
    networks(out)
    pairs(out)
    left_alone(out)
    by_data_flow(out)
    named(out)
    half(out)
    half_without_kernels(out)


main()
