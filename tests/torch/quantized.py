"""Judges the cases under models/torchscript: statically and dynamically quantized models and PyTorch's own `convert` of them."""
import json, os
import numpy as np, torch
from measure import array, call, difference, load, operations, optimize, runs_again, size

# The models quantized when they run, and how far a result may lie from what another engine recorded.
CLOSE = {"dyn_linear": 1e-6, "dyn_linear_relu": 1e-6}
ONE_QUANTIZE = {"relu6", "mobilenet_v2", "mobilenet_v3_small"}
ONE_LESS = {"fconv2d_relu", "linear_relu", "add_relu", "add_ip_relu", "mul_relu"}


def inputs(case):
    found = []
    for i in range(9):
        stem = os.path.join(case, "in%d" % i)
        if os.path.exists(stem + ".npy"):
            found.append(array(stem + ".npy"))
        elif os.path.exists(stem + ".json"):
            with open(stem + ".json") as file:
                found.append(json.load(file))
        else:
            return found


def run(path, args):
    model = load(path)
    return model, call(model, "forward", args).detach().numpy()


def check(rulefold, case, name, out):
    problems = []
    source, target = os.path.join(case, "qdq.pt"), os.path.join(out, name + ".pt")
    report = optimize(rulefold, source, target)
    model, result = run(target, inputs(case))
    error = difference(result, np.load(os.path.join(case, "out_convert.npy")))
    if error > CLOSE.get(name, 0):
        problems.append("differs from PyTorch's result by %g" % error)
    ours = operations(model.graph)
    line = "%3d operations %9d bytes" % (len(ours), size(target))
    for other in ("convert.pt", "convert_inprocess.pt"):
        path = os.path.join(case, other)
        if os.path.exists(path):
            theirs = operations(torch.jit.load(path).graph)
            line += "   %s %3d %9d" % (other[:-3], len(theirs), size(path))
            if len(ours) > len(theirs):
                problems.append("%d operations, %s has %d" % (len(ours), other, len(theirs)))
            if size(target) > size(path):
                problems.append("%d bytes, %s has %d" % (size(target), other, size(path)))
            if other == "convert.pt" and name in ONE_LESS and len(ours) >= len(theirs):
                problems.append("not one operation less than PyTorch")
    if name in ONE_QUANTIZE and (ours.count("aten::quantize_per_tensor"), ours.count("aten::dequantize")) != (1, 1):
        problems.append("more than one quantize and one dequantize")
    if report.get("proof") != "optimal":
        problems.append("proof: %s" % report.get("proof"))
    return problems + runs_again(rulefold, source, target, out, name, True), line


def check_copy(rulefold, case, name, file, out):
    source, target = os.path.join(case, file), os.path.join(out, name + ".copy.pt")
    args = inputs(case)
    optimize(rulefold, source, target, "--pipeline", "torch.copy")
    error = difference(run(target, args)[1], run(source, args)[1])
    return [] if error == 0 else ["a copy of %s differs by %g" % (file, error)]


def judge(rulefold, case, name, out):
    """What is wrong with a case, and a line of figures."""
    problems, line = check(rulefold, case, name, out)
    for file in ("qdq.pt", "convert.pt"):
        problems += check_copy(rulefold, case, name, file, out)
    return problems, line
