#!/usr/bin/env python3
"""Makes random scripted models full of control flow, and the cases `freeze/control_*` of some of them.

usage: control.py OUTDIR                        writes the cases
       control.py OUTDIR RULEFOLD FIRST LAST    writes the models of these seeds, runs RULEFOLD on each, and compares in PyTorch

Made with PyTorch 1.13.1. A model is a program of typed statements drawn from a seed: branches, loops of both kinds with `break` and `continue`, early returns,
`with`, lists, dictionaries, tuples, optional values, objects, calls, views that are written through, and state in attributes.
"""
import importlib.util
import os
import random
import subprocess
import sys
import warnings
from typing import List, Optional, Tuple

import torch

import case

SEEDS = {"control_%d" % seed: seed for seed in (2, 17, 22, 69, 222)}
# Why rulefold's interpreter refuses the models: they write to views, and `break` leaves values undefined.
REFUSED = "no kernel computes"
HEAD = '''import torch
from typing import Dict, List, NamedTuple, Optional, Tuple
from torch import Tensor, nn


class Pair(NamedTuple):
    a: Tensor
    n: int


class Box:
    def __init__(self, a: Tensor, n: int):
        self.a = a
        self.n = n

    def grow(self, k: int) -> Tensor:
        self.n = (self.n + k) % 5
        return self.a * self.n


def twice(x: Tensor, n: int) -> Tensor:
    if n > 2:
        return x + n
    for i in range(n):
        x = x + x * i
        if i > 1:
            return x
    return x * 0.5


def split(x: Tensor, n: int) -> Tuple[Tensor, int]:
    return x - n, (n * 3 + 1) % 7


'''


class Counted(torch.nn.Module):
    """Loops whose number of steps is known: at once, once calls are inlined, once a shape is known; with writes, lists and `break` in them."""

    def __init__(self):
        super().__init__()
        self.steps, self.at = 3, 0
        self.register_buffer("w", torch.tensor([0.5, -1.0, 2.0]))
        self.register_buffer("seen", torch.zeros(3))

    def forward(self, x: torch.Tensor, k: int) -> Tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        y = x.clone()
        found: List[torch.Tensor] = []
        for i in range(self.steps):
            for j in range(i, 4):
                y += self.w * (i - j)
            found.append(y.relu())
            y = y.clone()
            y[i] = k
        for i in range(self.w.size(0) + 1):
            if k > i:
                y.mul_(0.5)
            self.seen.add_(i)
            self.at += 1
        last: Optional[torch.Tensor] = None
        for i in range(6):
            if i == k:
                break
            if i % 2 == 0:
                continue
            last = y + i
        if last is not None:
            y = last
        for i in range(64):
            y = y + i % 3
        for i in range(0):
            y = y * i
        return torch.stack(found).sum(0), y, self.seen * self.at


class Program:
    """One random `forward`, as lines of text."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.lines = []
        self.names = 0
        self.scope = {"t": ["x", "y"], "i": ["k"], "b": [], "lt": [], "li": [], "d": [], "o": [], "p": [], "box": []}
        self.budget = 38
        self.loops = 0

    def fresh(self, kind):
        self.names += 1
        return "%s%d" % (kind, self.names)

    def pick(self, kind):
        return self.random.choice(self.scope[kind])

    def tensor(self, depth=0):
        r = self.random.random()
        if depth > 2 or r < 0.35:
            return self.pick("t")
        if r < 0.55:
            op = self.random.choice(["+", "-", "*"])
            return "(%s %s %s)" % (self.tensor(depth + 1), op, self.random.choice([self.tensor(depth + 1), self.integer(depth + 1), "0.5", "0", "1"]))
        if r < 0.65:
            return "torch.%s(%s)" % (self.random.choice(["relu", "abs", "neg", "clone"]), self.tensor(depth + 1))
        if r < 0.72:
            return "%s(%s, %s)" % ("twice", self.tensor(depth + 1), self.integer(depth + 1))
        if r < 0.78:
            return self.random.choice(["self.w", "self.h", "self.c"])
        if r < 0.82 and self.scope["lt"]:
            return "torch.stack(%s).sum(0)" % self.pick("lt")
        if r < 0.85 and self.scope["p"]:
            return "%s.a" % self.pick("p")
        if r < 0.88 and self.scope["box"]:
            return "%s.grow(%s)" % (self.pick("box"), self.integer(depth + 1))
        if r < 0.91 and self.scope["d"]:
            return '%s["a"]' % self.pick("d")
        if r < 0.94:
            return "self.inner(%s)" % self.tensor(depth + 1)
        return "%s.%s" % (self.pick("t"), self.random.choice(["contiguous()", "view(-1)", "expand(3)", "t()", "detach()", "unsqueeze(0).squeeze(0)", "to(torch.float)"]))

    def integer(self, depth=0):
        r = self.random.random()
        if depth > 2 or r < 0.4:
            return self.pick("i") if self.random.random() < 0.7 else str(self.random.randint(0, 4))
        if r < 0.6:
            return "((%s %s %s) %% 7)" % (self.integer(depth + 1), self.random.choice("+-*"), self.integer(depth + 1))
        if r < 0.68:
            return "%s.%s" % (self.pick("t"), self.random.choice(["dim()", "numel()", "size(0)", "shape[-1]"]))
        if r < 0.74 and self.scope["li"]:
            return self.random.choice(["len(%s)", "sum(%s)", "%s[0]", "%s[-1]"]) % self.pick("li")
        if r < 0.78 and self.scope["lt"]:
            return "len(%s)" % self.pick("lt")
        if r < 0.82 and self.scope["p"]:
            return "%s.n" % self.pick("p")
        if r < 0.86:
            return "self.n"
        if r < 0.9:
            return "min(%s, %s)" % (self.integer(depth + 1), self.integer(depth + 1))
        if r < 0.95:
            return "int(%s)" % self.boolean(depth + 1)
        return "(%s if %s else %s)" % (self.integer(depth + 1), self.boolean(depth + 1), self.integer(depth + 1))

    def boolean(self, depth=0):
        r = self.random.random()
        if depth > 2 or r < 0.5:
            return "%s %s %s" % (self.integer(depth + 2), self.random.choice(["<", ">", "==", "!=", "<=", ">="]), self.integer(depth + 2))
        if r < 0.6:
            return "not (%s)" % self.boolean(depth + 1)
        if r < 0.75:
            return "(%s %s %s)" % (self.boolean(depth + 1), self.random.choice(["and", "or"]), self.boolean(depth + 1))
        if r < 0.82 and self.scope["o"]:
            return "%s is %sNone" % (self.pick("o"), self.random.choice(["", "not "]))
        if r < 0.9:
            return "bool(%s.sum() > 0)" % self.pick("t")
        if r < 0.95 and self.scope["b"]:
            return self.pick("b")
        return "%s in [1, 3]" % self.integer(depth + 1)

    def line(self, indent, text):
        self.lines.append("    " * indent + text)

    def block(self, indent, statements):
        saved = {kind: list(names) for kind, names in self.scope.items()}
        start = len(self.lines)
        for _ in range(statements):
            if not self.statement(indent):
                break
        if len(self.lines) == start:
            self.line(indent, "pass")
        self.scope = saved

    def new(self, indent, kind, value):
        name = self.fresh(kind)
        self.line(indent, "%s = %s" % (name, value))
        self.scope[kind].append(name)

    def statement(self, indent):
        """One statement; false where nothing can follow in the block."""
        self.budget -= 1
        if self.budget < 0:
            return False
        deep = indent > 5
        choice = self.random.choices(
            ["tensor", "integer", "assign_t", "assign_i", "if", "for", "while", "return", "break", "list", "append", "write", "view", "state", "dict", "optional", "pair", "box", "with", "iterate", "boolean", "unpack", "raise", "ints"],
            [9, 5, 9, 5, 0 if deep else 9, 0 if deep else 5, 0 if deep else 3, 3, 4 if self.loops else 0, 3, 4, 4, 3, 5, 2, 3, 2, 2, 0 if deep else 2, 2, 2, 2, 1, 2])[0]
        if choice == "tensor":
            self.new(indent, "t", self.tensor())
        elif choice == "integer":
            self.new(indent, "i", self.integer())
        elif choice == "boolean":
            self.new(indent, "b", self.boolean())
        elif choice == "assign_t":
            self.line(indent, "%s = %s" % (self.pick("t"), self.tensor()))
        elif choice == "assign_i":
            self.line(indent, "%s = %s" % (self.pick("i"), self.integer()))
        elif choice == "if":
            self.line(indent, "if %s:" % self.boolean())
            self.block(indent + 1, self.random.randint(1, 4))
            if self.random.random() < 0.6:
                self.line(indent, "else:")
                self.block(indent + 1, self.random.randint(1, 4))
        elif choice == "for":
            name = self.fresh("i")
            count = self.random.choice([str(self.random.randint(0, 5)), "(%s %% 5)" % self.integer(), "1, 6, 2", "64"])
            self.line(indent, "for %s in range(%s):" % (name, count))
            self.scope["i"].append(name)
            self.loops += 1
            self.block(indent + 1, self.random.randint(1, 4))
            self.loops -= 1
            self.scope["i"].remove(name)
        elif choice == "while":
            name = self.fresh("j")
            self.line(indent, "%s = 0" % name)
            self.line(indent, "while %s < %d and %s:" % (name, self.random.randint(2, 5), self.boolean()))
            self.line(indent + 1, "%s += 1" % name)
            self.loops += 1
            self.block(indent + 1, self.random.randint(1, 3))
            self.loops -= 1
        elif choice == "return":
            self.line(indent, "if %s:" % self.boolean())
            self.line(indent + 1, "return %s, %s, %s * %s" % (self.pick("t"), self.tensor(), self.pick("t"), self.integer()))
        elif choice == "break":
            self.line(indent, "if %s:" % self.boolean())
            self.line(indent + 1, self.random.choice(["break", "continue"]))
        elif choice == "list":
            self.new(indent, "lt", "[%s]" % ", ".join(self.tensor(2) for _ in range(self.random.randint(1, 3))))
        elif choice == "ints":
            self.new(indent, "li", "[%s]" % ", ".join(self.random.choice([self.integer(2), "3"]) for _ in range(self.random.randint(1, 3))))
        elif choice == "append" and self.scope["lt"] + self.scope["li"]:
            kind = self.random.choice([kind for kind in ("lt", "li") if self.scope[kind]])
            item = self.tensor(1) if kind == "lt" else self.integer(1)
            self.line(indent, self.random.choice(["%s.append(%s)", "%s[0] = %s", "%s.insert(0, %s)", "%s.extend([%s])"]) % (self.pick(kind), item))
        elif choice == "write":
            name = self.fresh("t")
            self.line(indent, "%s = %s.clone()" % (name, self.tensor(1)))
            self.scope["t"].append(name)
            self.line(indent, self.random.choice(["%s.add_(%s)", "%s.mul_(%s)", "%s[0] = %s", "%s[1:] += %s"]) % (name, self.integer(1)))
        elif choice == "view":
            base, view = self.fresh("t"), self.fresh("t")
            self.line(indent, "%s = %s + 0" % (base, self.tensor(1)))
            self.line(indent, "%s = %s.view(3)" % (view, base))
            self.scope["t"] += [base, view]
            self.line(indent, "%s.%s" % (self.random.choice([base, view]), self.random.choice(["relu_()", "add_(1)", "zero_()", "copy_(%s)" % self.pick("t")])))
        elif choice == "state":
            self.line(indent, self.random.choice([
                "self.h = %s" % self.tensor(), "self.n = %s" % self.integer(), "self.h.add_(%s)" % self.integer(1),
                "self.c = %s" % self.tensor(), "self.h = torch.zeros(3)\n%sself.c = torch.zeros(3)" % ("    " * indent)]))
        elif choice == "dict":
            name = self.fresh("d")
            self.line(indent, '%s = {"a": %s}' % (name, self.tensor(1)))
            self.line(indent, '%s["%s"] = %s' % (name, self.random.choice("ab"), self.tensor(1)))
            self.scope["d"].append(name)
        elif choice == "optional":
            name = self.fresh("o")
            self.line(indent, "%s: Optional[Tensor] = None" % name)
            self.line(indent, "if %s:" % self.boolean())
            self.line(indent + 1, "%s = %s" % (name, self.tensor(1)))
            self.line(indent, "if %s is not None:" % name)
            self.line(indent + 1, "%s = %s + %s" % (self.pick("t"), self.pick("t"), name))
            self.scope["o"].append(name)
        elif choice == "pair":
            self.new(indent, "p", "Pair(%s, %s)" % (self.tensor(1), self.integer(1)))
        elif choice == "unpack":
            self.line(indent, "%s, %s = split(%s, %s)" % (self.pick("t"), self.pick("i"), self.tensor(1), self.integer(1)))
        elif choice == "box":
            self.new(indent, "box", "Box(%s, %s)" % (self.tensor(1), self.integer(1)))
        elif choice == "with":
            self.line(indent, "with torch.no_grad():")
            saved = self.loops
            self.loops = 0
            self.block(indent + 1, self.random.randint(1, 3))
            self.loops = saved
        elif choice == "iterate" and self.scope["lt"]:
            name = self.fresh("t")
            self.line(indent, "for %s in %s:" % (name, self.pick("lt")))
            self.scope["t"].append(name)
            saved, self.scope["lt"] = self.scope["lt"], []
            self.block(indent + 1, self.random.randint(1, 2))
            self.scope["lt"] = saved
            self.scope["t"].remove(name)
        elif choice == "raise":
            self.line(indent, "if %s and k == 6:" % self.boolean())
            self.line(indent + 1, 'raise ValueError("k is {}".format(%s))' % self.integer())
        return True

    def text(self):
        self.block(2, 99)
        last = "return %s, %s, %s * %s" % (self.tensor(), self.pick("t"), self.pick("t"), self.integer())
        return HEAD + '''class Inner(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("b", torch.tensor([0.5, -1.0, 2.0]))
        self.count = 0

    def forward(self, x: Tensor) -> Tensor:
        self.count += 1
        return x * self.b + self.count


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.tensor([1.0, -2.0, 0.25]))
        self.register_buffer("h", torch.tensor([0.0, 1.0, -1.0]))
        self.register_buffer("c", torch.tensor([2.0, 0.0, -0.5]))
        self.n = 2
        self.inner = Inner()

    def forward(self, x: Tensor, y: Tensor, k: int) -> Tuple[Tensor, Tensor, Tensor]:
''' + "\n".join(self.lines + ["        " + last]) + "\n"


def scripted(seed, folder):
    """The model of a seed; None where the program is not TorchScript, as when a type is too hard for its checker."""
    path = os.path.join(folder, "control_%d.py" % seed)
    with open(path, "w") as file:
        file.write(Program(seed).text())
    spec = importlib.util.spec_from_file_location("control", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    try:
        return torch.jit.script(module.Model().eval())
    except Exception:
        return None


def inputs():
    for at, k in enumerate([0, 1, 2, 3, 4, 5, 6, 1, 9]):
        generator = torch.Generator().manual_seed(at)
        yield torch.randint(-4, 5, (3,), generator=generator) / 2, torch.randint(-4, 5, (3,), generator=generator) / 4, k


def called(model, arguments, state, untouched):
    """What a call gives and leaves in the state, or what it raises, by name. Arguments, results and state are then written to: memory that is shared shows."""
    arguments = [value.clone() if isinstance(value, torch.Tensor) else value for value in arguments]
    found = {}
    try:
        # PyTorch's optimizer makes one tensor of two equal ones, whoever has them: it is not asked.
        with torch.no_grad(), torch.jit.optimized_execution(False):
            results = model(*arguments)
            found.update(("result %d" % i, result.clone()) for i, result in enumerate(results))
            tensors = [*results, *arguments[:2], *(getattr(model, name) for name in state if name != "n")]
            for at, written in enumerate(tensors):
                if frozen(model, written, state):
                    untouched.add((arguments[2], at))
                elif (arguments[2], at) not in untouched and written.is_contiguous():
                    written.add_(at + 1)
                    written.remainder_(64)
                found.update(("%d after writing to %d" % (i, at), value.clone()) for i, value in enumerate(tensors))
    except Exception as error:
        found["raised"] = str(error).strip().splitlines()[-1]
    found.update((name, getattr(model, name)) for name in state if name == "n")
    found.update((name, getattr(model, name).clone()) for name in state if name != "n")
    return found


def frozen(model, tensor, state):
    """Whether a tensor is an attribute that does not change: what is computed from it is computed once."""
    attributes = [*model.named_parameters(), *model.named_buffers()]
    return any(tensor.data_ptr() == held.data_ptr() for name, held in attributes if name not in state)


def same(a, b):
    if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor):
        return a.dtype == b.dtype and a.shape == b.shape and torch.equal(torch.nan_to_num(a, 77.0), torch.nan_to_num(b, 77.0))
    return a == b


def difference(ours, theirs):
    """The first difference of two models over all calls."""
    state = [name for name in ("h", "c", "n") if hasattr(ours, name)]
    for parameter in [*theirs.parameters(), *ours.parameters()]:  # as it is where it has become a constant
        parameter.requires_grad_(False)
    untouched = set()
    for arguments in inputs():
        a, b = called(theirs, arguments, state, untouched), called(ours, arguments, state, untouched)
        for name in a:
            if not same(a[name], b.get(name)):
                return "k = %d: %s is %s, PyTorch %s" % (arguments[2], name, b.get(name), a[name])
    return None


def fuzz(out, rulefold, first, last):
    done = wrong = 0
    for seed in range(first, last):
        model = scripted(seed, out)
        if model is None:
            continue
        path = os.path.join(out, "control_%d.pt" % seed)
        torch.jit.save(model, path)
        try:
            torch.jit.load(path)
        except Exception:  # a return inside of `with` becomes code that PyTorch itself does not read
            continue
        done += 1
        for pipeline in ("torch.copy", "torch.simplify"):
            target = os.path.join(out, "control_%d.%s.pt" % (seed, pipeline))
            run = subprocess.run([rulefold, "optimize", path, "-o", target, "--pipeline", pipeline, "-q"], capture_output=True, text=True)
            problem = run.stderr.strip()[-500:] if run.returncode else None
            if problem is None:
                again = target + ".again"
                subprocess.run([rulefold, "optimize", target, "-o", again, "--pipeline", pipeline, "-q"], capture_output=True)
                if not os.path.exists(again) or open(again, "rb").read() != open(target, "rb").read():
                    problem = "a run on the result gives other bytes"
            if problem is None:
                try:
                    problem = difference(torch.jit.load(target), torch.jit.load(path))
                except Exception as error:
                    problem = str(error)[-800:]
            if problem:
                wrong += 1
                print("seed %d, %s: %s" % (seed, pipeline, problem))
                break
    print("%d models, %d wrong" % (done, wrong))
    return wrong


def main():
    warnings.filterwarnings("ignore")
    out = sys.argv[1]
    os.makedirs(out, exist_ok=True)
    if len(sys.argv) > 2:
        sys.exit(bool(fuzz(out, sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))))
    counted = torch.jit.script(Counted().eval())
    calls = [("forward", [torch.tensor([1.0, -2.0, 0.25]), k]) for k in (0, 1, 3, 9)]
    case.write(out, "freeze", "control_counted", counted, calls, "torch.simplify", 0, interpreter=REFUSED)
    for name, seed in SEEDS.items():
        model = scripted(seed, out)
        os.remove(os.path.join(out, "control_%d.py" % seed))
        calls = [("forward", arguments) for arguments in inputs() if arguments[2] not in (6, 9)]
        case.write(out, "freeze", name, model, calls, "torch.simplify", 0, interpreter=REFUSED)


if __name__ == "__main__":
    main()
