#!/usr/bin/env python3
"""Makes `scripted/<case>/scripted.pt`: modules that use as much of TorchScript as three files can. usage: scripted.py OUTDIR

Made with PyTorch 1.13.1. Any later version works; the bytes then differ.
"""
import os
import sys
from typing import Dict, List, NamedTuple, Optional, Tuple

import torch
import torch.nn as nn
import torch.nn.functional as F


class Point(NamedTuple):
    a: torch.Tensor
    b: int


class Attributes(nn.Module):
    """Every kind of attribute: containers, views of one storage, aliases, element types, quantized tensors."""

    tensors: List[torch.Tensor]
    by_name: Dict[str, torch.Tensor]
    optional: List[Optional[torch.Tensor]]
    no_ints: List[int]
    no_floats: List[float]
    counts: Dict[str, int]
    mixed: Tuple[int, torch.Tensor, str]
    nothing: Optional[int]
    texts: List[str]
    lists: Dict[int, List[float]]

    def __init__(self):
        super().__init__()
        self.tensors = [torch.ones(2), torch.zeros(2)]
        self.by_name = {"a": torch.ones(2), "b": torch.arange(2.0)}
        self.optional = [None, torch.ones(1)]
        self.no_ints, self.no_floats, self.counts = [], [], {"x": 1}
        self.mixed, self.nothing = (1, torch.ones(2), 'h"i'), None
        self.texts, self.lists = ["a", "\u00e9"], {1: [1.0, 2.0]}
        self.device, self.complex, self.big = torch.device("cpu"), 1 + 2j, 2**40
        self.inf, self.negative, self.nan = float("inf"), -5, float("nan")
        base = torch.arange(12.0)
        self.register_buffer("view", base[2:6])
        self.register_buffer("strided", base[4:8].view(2, 2).t())
        self.register_buffer("equal1", torch.ones(3))
        self.register_buffer("equal2", torch.ones(3))
        self.weight = nn.Parameter(torch.ones(2))
        self.alias = self.weight
        self.linear = nn.Linear(2, 2)
        self.linear_alias = self.linear
        self.list = nn.ModuleList([nn.Linear(2, 2), nn.ReLU()])
        self.dict = nn.ModuleDict({"p": nn.Tanh(), "q": nn.Linear(2, 2)})
        types = [torch.half, torch.bfloat16, torch.complex64, torch.bool, torch.int8]
        types += [torch.uint8, torch.int16, torch.int32, torch.int64, torch.float64]
        for i, dtype in enumerate(types):
            self.register_buffer("typed%d" % i, torch.ones(2).to(dtype))
        self.per_tensor = torch.quantize_per_tensor(torch.ones(2), 0.5, 3, torch.quint8)
        weight = torch.randn(2, 3, 4, 4).contiguous(memory_format=torch.channels_last)
        scales, points = torch.tensor([0.1, 0.2]), torch.tensor([0, 0])
        self.per_channel = torch.quantize_per_channel(weight, scales, points, 0, torch.qint8)
        self.empty = torch.zeros(0, 3)

    def forward(self, x):
        y = x + self.tensors[0] + self.by_name["b"] + self.weight + self.alias
        y = y + self.view[:2] + self.strided[0]
        for m in self.list:
            y = m(y)
        for k, m in self.dict.items():
            y = m(y)
        z = self.optional[1]
        if z is not None:
            y = y + z
        self.view.add_(1)
        y = self.linear(y) + self.linear_alias(y) + self.view[2:] + self.strided[1] + self.equal1.sum()
        y = y + len(self.texts) + self.mixed[0] + self.lists[1][1] + self.big
        return y + self.per_tensor.dequantize().sum() + self.per_channel.dequantize().sum()


class Control(nn.Module):
    """Loops with break and continue, early returns, lists, dictionaries, texts, casts, several results."""

    def helper(self, x: torch.Tensor, k: int = 2, name: str = "n") -> torch.Tensor:
        if k > 3:
            return x * k
        for i in range(k):
            if i == 2:
                break
            if i == 1:
                continue
            x = x + i
        return x if len(name) > 0 else -x

    def forward(self, x, n: int = 3):
        acc = torch.zeros_like(x)
        i = 0
        while i < n and bool(acc.sum() < 100):
            acc = acc + x * i
            i += 1
            if i == 5:
                break
        numbers = [j * 2 for j in range(4)]
        d: Dict[str, int] = {"a": 1}
        d["b"] = 2
        for k, v in d.items():
            acc = acc + v
        for index, t in enumerate([x, acc]):
            acc = acc + t * index
        for a, b in zip([1, 2], [3.0, 4.0]):
            acc = acc + a * b
        text = "n=%d" % n if n > 2 else f"{n}"
        assert len(text) > 0, "bad"
        pair = (x, n)
        q, r = pair
        o: Optional[torch.Tensor] = None
        if n > 1:
            o = x
        if o is not None:
            acc = acc + o
        acc = acc[..., 1:] + acc[:, :-1] + acc[0:1, None, 0]
        acc[0, 0] = 7.0
        p = Point(acc, numbers[-1])
        m, ix = torch.max(p.a, dim=1, keepdim=True)
        chunks = torch.chunk(acc, 3, dim=1)
        a1, a2 = torch.split(acc, [1, acc.shape[1] - 1], dim=1)
        st = torch.stack([m, ix.float()], 0).sum(0)
        u = numbers[1:3]
        u.append(5)
        u += [1]
        u.sort()
        w = sum(u) / 2 + max(u) + min(1, 2) + abs(-3) + round(2.5) + pow(2, 3) + 7 // 2 + 7 % 3 + 2**2
        z = torch.where(acc > 0, acc, torch.tensor(1.0)) @ torch.ones(acc.shape[1], 2)
        e = torch.einsum("ij,jk->ik", acc, torch.ones(acc.shape[1], 2))
        if isinstance(o, torch.Tensor):
            z = z + 1
        c = x.dtype == torch.float32 and x.device.type == "cpu"
        y = self.helper(st, k=4, name="q") + self.helper(x[:, :1]) + w + z.sum() + e.sum() + a1 + a2.sum()
        return y + float(c) + int(m.sum().item()) + chunks[0].sum()


class Stateful(nn.Module):
    """State that forward writes, library functions with many branches, a result that is a tuple of containers."""

    def __init__(self):
        super().__init__()
        self.register_buffer("count", torch.zeros(1))
        self.k = 0
        self.norm = nn.BatchNorm2d(3)
        self.conv = nn.Conv2d(3, 3, 3, padding="same", padding_mode="circular")

    @torch.jit.export
    def other(self, x):
        self.k += 1
        return x * self.k

    def forward(self, x):
        self.k = self.k + 1
        self.count = self.count + 1
        y = F.interpolate(self.norm(self.conv(x)), scale_factor=2.0, mode="bilinear", align_corners=False)
        y = F.gelu(F.pad(y, [1, 1, 1, 1], mode="reflect"))
        y = F.softmax(F.layer_norm(y, y.shape[-1:]), 1)
        y = F.avg_pool2d(torch.cat([y, y.clone()], 1), 2)
        y = y.permute(0, 2, 3, 1).contiguous().flatten(1)
        return self.other(y), {"c": self.count}, [y]


torch.manual_seed(0)
for name, module in {"attributes": Attributes(), "control": Control(), "stateful": Stateful()}.items():
    folder = os.path.join(sys.argv[1], name)
    os.makedirs(folder, exist_ok=True)
    torch.jit.save(torch.jit.script(module.eval()), os.path.join(folder, "scripted.pt"))
