"""Judges cases that say themselves what is run and what must come out: `case.json`, as models/README.md describes it."""
import io, json, os
import numpy as np, torch
from half import translated
from measure import array, call, difference, load, methods, operations_of, optimize, runs_again, size

KEYS = {"pipeline", "model", "options", "calls", "tolerance", "theirs", "engine", "idempotent", "interpreter"}


def value(case, item):
    """An input: the name of an array, a number or truth value, or a list of these."""
    if isinstance(item, str):
        return array(os.path.join(case, item))
    if isinstance(item, list):
        return [value(case, one) for one in item]
    return item


def flat(result):
    """The tensors of a result, tuples and lists opened."""
    if isinstance(result, (tuple, list)):
        return [tensor for item in result for tensor in flat(item)]
    return [result.detach().dequantize() if result.is_quantized else result.detach()]


def reloaded(model):
    """The model as it is now, saved and loaded again."""
    stored = io.BytesIO()
    torch.jit.save(model, stored)
    stored.seek(0)
    return torch.jit.load(stored)


def wrong_numbers(case, model, calls, tolerance):
    """Runs the calls in order on one model; what differs from what PyTorch recorded, and the largest difference."""
    problems, largest = [], 0.0
    relative = isinstance(tolerance, dict) and "relative" in tolerance
    allowed = list(tolerance.values())[0] if isinstance(tolerance, dict) else tolerance
    for at, one in enumerate(calls):
        if one.get("reload"):
            model = reloaded(model)
        where = "call %d of %s" % (at, one["method"])
        result = call(model, one["method"], [value(case, item) for item in one["inputs"]])
        wanted = one["output"]
        if wanted is None:
            if result is not None:
                problems.append("%s: something other than None comes out" % where)
            continue
        wanted = [np.load(os.path.join(case, name)) for name in (wanted if isinstance(wanted, list) else [wanted])]
        found = [tensor.numpy() for tensor in flat(result)]
        if len(found) != len(wanted):
            problems.append("%s: %d tensors come out, %d are recorded" % (where, len(found), len(wanted)))
            continue
        for ours, recorded in zip(found, wanted):
            error = difference(ours, recorded, relative)
            largest = max(largest, error)
            if not error <= allowed:
                problems.append("%s: differs from PyTorch's result by %g" % (where, error))
    return problems, largest


def judge(rulefold, case, name, out):
    """What is wrong with a case, and a line of figures."""
    with open(os.path.join(case, "case.json")) as file:
        told = json.load(file)
    unknown = set(told) - KEYS
    assert not unknown, "case.json: unknown keys %s" % ", ".join(sorted(unknown))
    source, target = os.path.join(case, told["model"]), os.path.join(out, name + ".pt")
    options = ["--pipeline", told["pipeline"], *told.get("options", [])]
    engine = torch.backends.quantized.engine
    wanted = told.get("engine", engine)
    half_precision = wanted == "fbgemm" and wanted not in torch.backends.quantized.supported_engines
    torch.backends.quantized.engine = engine if half_precision else wanted
    try:
        optimize(rulefold, source, target, *options)
        runnable = target
        problems = []
        if half_precision:
            runnable = os.path.join(out, name + ".translated.pt")
            problems += translated(target, runnable)
        model = load(runnable)
        called = sorted({one["method"] for one in told["calls"]})
        wrong, error = wrong_numbers(case, model, told["calls"], told["tolerance"])
        problems += wrong
        ours = {method: len(operations_of(model, method)) for method in called}
        line = "%s operations %9d bytes  difference %g" % ("+".join(str(ours[method]) for method in called), size(target), error)
        if told.get("theirs"):
            path = os.path.join(case, told["theirs"])
            other = load(path)
            theirs = {method: len(operations_of(other, method)) for method in called if method in methods(other)}
            line += "   theirs %s %9d" % ("+".join(str(theirs[method]) for method in sorted(theirs)), size(path))
            for method in sorted(theirs):
                if ours[method] > theirs[method]:
                    problems.append("%s: %d operations, PyTorch's has %d" % (method, ours[method], theirs[method]))
            if size(target) > size(path):
                problems.append("%d bytes, PyTorch's has %d" % (size(target), size(path)))
    finally:
        torch.backends.quantized.engine = engine
    return problems + runs_again(rulefold, source, target, out, name, told.get("idempotent", True), *options), line
