"""What is measured on archives: operations, bytes, numbers, the same bytes again."""
import json, os, subprocess, zipfile
import numpy as np, torch

FREE = {"prim::Constant", "prim::GetAttr", "prim::ListConstruct", "prim::TupleConstruct"}


def operations(block):
    """Kinds of the nodes of a graph, nested blocks included, without what costs nothing."""
    kinds = []
    for node in block.nodes():
        if node.kind() not in FREE:
            kinds.append(node.kind())
        for inner in node.blocks():
            kinds += operations(inner)
    return kinds


def operations_of(model, method):
    """The same for a method, its calls inlined."""
    graph = model._c._get_method(method).graph.copy()
    torch._C._jit_pass_inline(graph)
    return operations(graph)


def methods(model):
    return set(model._c._method_names())


def size(path):
    """Bytes of all members, uncompressed."""
    with zipfile.ZipFile(path) as archive:
        return sum(member.file_size for member in archive.infolist())


def load(path):
    return torch.jit.load(path).eval()


def call(model, method, args):
    with torch.no_grad():
        return getattr(model, method)(*args)


def optimize(rulefold, source, target, *options):
    """Runs rulefold; its report."""
    done = subprocess.run([rulefold, "optimize", source, "-o", target, "--format", "json", *options], capture_output=True, text=True)
    assert done.returncode == 0, "exit code %d: %s" % (done.returncode, done.stderr.strip()[-600:])
    return json.loads(done.stdout)


def difference(a, b, relative=False):
    """The largest difference of two arrays; if relative, as a part of the largest magnitude in the second."""
    if a.shape != b.shape or a.dtype != b.dtype:
        return float("inf")
    if a.size == 0:
        return 0.0
    a, b = a.astype(np.float64), b.astype(np.float64)
    largest = float(np.abs(a - b).max())
    return largest / (float(np.abs(b).max()) or 1.0) if relative else largest


def array(path):
    return torch.from_numpy(np.load(path))


def same_bytes(a, b):
    with open(a, "rb") as first, open(b, "rb") as second:
        return first.read() == second.read()


def runs_again(rulefold, source, target, out, name, on_result, *options):
    """What a second run, and if `on_result` a run on the result, do not repeat."""
    problems, again = [], os.path.join(out, name + ".again.pt")
    optimize(rulefold, source, again, *options)
    if not same_bytes(again, target):
        problems.append("a second run gives other bytes")
    if on_result:
        optimize(rulefold, target, again, *options)
        if not same_bytes(again, target):
            problems.append("the result run through again gives other bytes")
    return problems
