#!/usr/bin/env python3
"""Real PyTorch judges a model that nobody here made: the voice activity detector of the package silero-vad.

usage: third_party.py RULEFOLD ARCHIVE OUT

ARCHIVE is `silero_vad/data/silero_vad.jit` of the package. It keeps its state in attributes, has two networks (16 and 8 kHz) behind a branch, raises on wrong
input, and is called with one chunk of audio after another. This demands of the result of `torch.copy` and of `torch.simplify`:
  * the same probabilities, bit for bit, chunk after chunk: both sample rates, one and several streams, the rate changed in between, states reset by hand;
  * the same errors for wrong input, and the right state after them;
  * of `torch.simplify`: no more operations and no more bytes than what PyTorch's own `torch.jit.freeze` leaves, the proof `optimal`, and the same bytes
    from a second run and from a run on the result.
The exit code is 1 if anything differs.
"""
import json, os, subprocess, sys, time, zipfile
import torch

FREE = {"prim::Constant", "prim::GetAttr", "prim::ListConstruct", "prim::TupleConstruct"}
STATE = ["_state", "_context", "_last_sr", "_last_batch_size"]


def operations(block):
    return sum((node.kind() not in FREE) + sum(operations(inner) for inner in node.blocks()) for node in block.nodes())


def size(path):
    with zipfile.ZipFile(path) as archive:
        return sum(member.file_size for member in archive.infolist())


def optimize(rulefold, source, target, *options):
    start = time.monotonic()
    done = subprocess.run([rulefold, "optimize", source, "-o", target, "--format", "json", *options], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit("exit code %d: %s" % (done.returncode, done.stderr.strip()[-2000:]))
    return json.loads(done.stdout), time.monotonic() - start


def state(model):
    return [getattr(model, name, None) for name in STATE]


def same(a, b):
    if isinstance(a, torch.Tensor):
        return isinstance(b, torch.Tensor) and a.dtype == b.dtype and a.shape == b.shape and torch.equal(a, b)
    return type(a) is type(b) and a == b


def message(error):
    """What the model said: the text of the exception without the trace, whose line numbers are others."""
    return str(error).strip().splitlines()[-1]


def call(model, *arguments):
    try:
        return model(*arguments)
    except Exception as error:  # the answer to wrong input is an exception, which is compared
        return "raised: " + message(error)


def chunks():
    """Calls in their order: (chunk, rate)."""
    generator = torch.Generator().manual_seed(7)
    for rate, samples, streams, count in [(16000, 512, 1, 12), (8000, 256, 1, 12), (8000, 256, 3, 6), (16000, 512, 3, 6), (32000, 1024, 1, 4), (16000, 512, 1, 4)]:
        for i in range(count):
            tone = torch.sin(torch.arange(samples) * (0.02 + 0.01 * i)) * 0.3 * (i % 3)
            yield torch.randn(streams, samples, generator=generator) * 0.05 + tone, rate
    yield torch.randn(512, generator=generator) * 0.1, 16000
    yield torch.randn(1, 100, generator=generator), 16000  # too short
    yield torch.randn(1, 512, generator=generator) * 0.1, 11025  # no such rate
    yield torch.randn(1, 700, generator=generator) * 0.1, 16000  # a wrong number of samples
    yield torch.randn(1, 1, 512, generator=generator) * 0.1, 16000  # too many dimensions
    yield torch.randn(1, 512, generator=generator) * 0.1, 16000  # and on as if nothing had been


def compare(theirs, ours, problems, what):
    raised = spoken = 0
    for i, (chunk, rate) in enumerate(chunks()):
        a, b = call(theirs, chunk, rate), call(ours, chunk, rate)
        if not same(a, b):
            problems.append("%s: call %d at %d Hz gives %s, PyTorch %s" % (what, i, rate, b, a))
        raised += isinstance(a, str)
        spoken += isinstance(a, torch.Tensor) and bool((a > 0).all())
        for name, x, y in zip(STATE, state(theirs), state(ours)):
            if not same(x, y):
                problems.append("%s: after call %d `%s` differs" % (what, i, name))
    if raised != 4 or spoken < 40:
        problems.append("%s: %d calls raised and %d gave a probability: the comparison tests nothing" % (what, raised, spoken))


def main():
    rulefold, source, out = sys.argv[1:]
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    os.makedirs(out, exist_ok=True)
    problems = []
    original = lambda: torch.jit.load(source).eval()
    print("original       %4d operations %8d bytes" % (operations(original().inlined_graph), size(source)))

    copy = os.path.join(out, "silero.copy.pt")
    optimize(rulefold, source, copy, "--pipeline", "torch.copy")
    compare(original(), torch.jit.load(copy).eval(), problems, "torch.copy")
    print("torch.copy     %4d operations %8d bytes" % (operations(torch.jit.load(copy).inlined_graph), size(copy)))

    frozen = os.path.join(out, "silero.frozen.pt")
    torch.jit.freeze(original()).save(frozen)
    theirs = operations(torch.jit.load(frozen).graph)
    print("PyTorch frozen %4d operations %8d bytes" % (theirs, size(frozen)))

    target = os.path.join(out, "silero.pt")
    report, seconds = optimize(rulefold, source, target, "--pipeline", "torch.simplify")
    compare(original(), torch.jit.load(target).eval(), problems, "torch.simplify")
    ours = operations(torch.jit.load(target).graph)
    print("torch.simplify %4d operations %8d bytes   %.2f s" % (ours, size(target), seconds))
    if ours > theirs or size(target) > size(frozen):
        problems.append("torch.simplify leaves more than PyTorch's freeze")
    if report.get("proof") != "optimal":
        problems.append("proof: %s" % report.get("proof"))
    again = os.path.join(out, "silero.again.pt")
    for what, start in [("a second run", source), ("a run on the result", target)]:
        optimize(rulefold, start, again, "--pipeline", "torch.simplify")
        if open(again, "rb").read() != open(target, "rb").read():
            problems.append("%s gives other bytes" % what)

    for problem in problems[:40]:
        print("     " + problem)
    print("%d problems" % len(problems))
    sys.exit(1 if problems else 0)


main()
