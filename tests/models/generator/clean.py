#!/usr/bin/env python3
"""Makes `clean/<case>`: models with much to clean up, and `mobile/products`. usage: clean.py OUTDIR

Made with PyTorch 1.13.1. `theirs.pt` is what PyTorch's freezing and its peephole, list, constant and dead code passes make of the model; the
recorded numbers are those of the model.
"""
import sys
from typing import Optional

import torch
import torch.nn as nn
from torch.utils.mobile_optimizer import optimize_for_mobile

import case


class Numbers(nn.Module):
    """Arithmetic on sizes, and numbers that pass through tensors."""

    def forward(self, x, n: int, b: bool):
        rows = x.size(0) * 1 + 0
        step = n + 2 + 3 - 4
        if int(torch.tensor(n)) == n and not (not b) and rows == rows:
            y = x.reshape(rows, -1) * step
        else:
            y = x.reshape(rows, -1)
        if b != b or x.is_complex():
            y = y.neg()
        return y.type_as(y)


class Lists(nn.Module):
    """Lists, tuples, dictionaries and optional values that are put together in sight."""

    def forward(self, x):
        parts = [x, x.relu()] + [x.neg(), x.abs()]
        first, second = parts[0], parts[-1]
        named = {"sum": first + second, "other": x.sigmoid()}
        pair = (named["sum"], len(parts))
        perhaps: Optional[torch.Tensor] = pair[0]
        if perhaps is not None:
            out = torch.cat(parts[1:3] + [perhaps], 0) * len(named)
        else:
            out = x
        return out * pair[1]


class Views(nn.Module):
    """What only looks at elements in another order, there and back."""

    def forward(self, x):
        y = x.transpose(1, 2).transpose(2, 1).permute(0, 1, 2)
        y = y.permute(2, 0, 1).permute(1, 2, 0).unsqueeze(1).squeeze(1)
        y = y.contiguous().contiguous().view(-1).view(4, -1)
        y = y.t().t().expand(y.size()).to(y.dtype)[:, :].detach()
        return y.flatten().reshape(3, -1).reshape(2, -1).relu().relu()


class Loops(nn.Module):
    """Code that the branches of a condition share, and code that no pass of a loop changes."""

    def forward(self, x, c: bool):
        if c:
            y = x.exp() + 1
        else:
            y = x.exp() - 1
        for i in range(100):
            y = y * 0.5 + x.tanh() * i
        return y


class Products(nn.Module):
    """Linear layers that are written out."""

    def __init__(self):
        super().__init__()
        self.w, self.b = nn.Parameter(torch.zeros(5, 6)), nn.Parameter(torch.zeros(5))
        self.v = nn.Parameter(torch.zeros(4, 5))
        with torch.no_grad():
            self.w.copy_((torch.arange(30) % 7 - 3).reshape(5, 6) / 4)
            self.v.copy_((torch.arange(20) % 5 - 2).reshape(4, 5) / 4)
            self.b.copy_(torch.arange(5) / 8)

    def forward(self, x):
        x = torch.relu(torch.matmul(x, self.w.t()) + self.b)
        x = torch.addmm(self.b[:4], x, self.v.t())
        return torch.matmul(x, self.v)


def theirs(model):
    """The model after PyTorch's own clean-up."""
    frozen = torch.jit.freeze(model)
    graph = frozen.forward.graph
    for _ in range(4):
        torch._C._jit_pass_peephole(graph, False)
        torch._C._jit_pass_constant_propagation(graph)
        torch._C._jit_pass_constant_pooling(graph)
        torch._C._jit_pass_cse(graph)
        torch._C._jit_pass_lower_all_tuples(graph)
        torch._C._jit_pass_dce(graph)
    return frozen


def make(out, name, module, calls):
    model = torch.jit.script(module.eval())
    case.write(out, "clean", name, model, calls, "torch.simplify", 0, theirs=theirs(model))


def main():
    out = sys.argv[1]
    x = (torch.arange(24) % 11 - 5).reshape(2, 3, 4) / 4.0
    make(out, "numbers", Numbers(), [("forward", [x, 3, True]), ("forward", [x, -1, False])])
    make(out, "lists", Lists(), [("forward", [x])])
    make(out, "views", Views(), [("forward", [x])])
    make(out, "loops", Loops(), [("forward", [x, True]), ("forward", [x, False])])
    row = torch.arange(18).reshape(3, 6) / 4.0 - 1
    model = torch.jit.script(Products().eval())
    # PyTorch computes the transposed matrices before it looks for them, and packs nothing.
    close = {"relative": 1e-6}
    case.write(out, "mobile", "products", model, [("forward", [row])], "torch.mobile", close, reference=optimize_for_mobile(model))


main()
