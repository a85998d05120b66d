#!/usr/bin/env python3
"""Real PyTorch judges what rulefold wrote.

usage: compare.py RULEFOLD MODELS OUT

For each case under MODELS (see MODELS/README.md) this runs `RULEFOLD optimize qdq.pt`, loads the result in PyTorch, and demands:
  * difference 0 to the recorded `out_convert.npy`;
  * no more operations and no more uncompressed bytes than PyTorch's own result (`convert.pt`, and `convert_inprocess.pt` if there is one);
  * the report says `optimal`; a second run, and a run on the result, give the same bytes;
  * the untouched archive, read and written by the pipeline `torch.copy`, computes what PyTorch computes from the original.
Operations are the nodes of the loaded graph, nested blocks included, without Constant, GetAttr, ListConstruct and TupleConstruct.
Works with PyTorch 1.13 (Debian's python3-torch) and later. The exit code is the number of cases that failed, at most 100.
"""
import glob, json, os, subprocess, sys, zipfile
import numpy as np, torch

FREE = {"prim::Constant", "prim::GetAttr", "prim::ListConstruct", "prim::TupleConstruct"}
DYNAMIC = {"dyn_linear", "dyn_linear_relu"}
ONE_QUANTIZE = {"relu6", "mobilenet_v2", "mobilenet_v3_small"}
ONE_LESS = {"fconv2d_relu", "linear_relu", "add_relu", "add_ip_relu", "mul_relu"}


def operations(block):
    kinds = []
    for node in block.nodes():
        if node.kind() not in FREE:
            kinds.append(node.kind())
        for inner in node.blocks():
            kinds += operations(inner)
    return kinds


def size(path):
    with zipfile.ZipFile(path) as archive:
        return sum(member.file_size for member in archive.infolist())


def inputs(case):
    found = []
    for i in range(9):
        stem = os.path.join(case, "in%d" % i)
        if os.path.exists(stem + ".npy"):
            found.append(torch.from_numpy(np.load(stem + ".npy")))
        elif os.path.exists(stem + ".json"):
            found.append(json.load(open(stem + ".json")))
        else:
            return found


def run(path, args):
    model = torch.jit.load(path).eval()
    with torch.no_grad():
        return model, model(*args).detach().numpy()


def optimize(rulefold, source, target, *options):
    done = subprocess.run([rulefold, "optimize", source, "-o", target, "--format", "json", *options], capture_output=True, text=True)
    assert done.returncode == 0, "exit code %d: %s" % (done.returncode, done.stderr.strip()[-600:])
    return json.loads(done.stdout)


def difference(a, b):
    return float(np.abs(a.astype(np.float64) - b).max()) if a.shape == b.shape else float("inf")


def check(rulefold, case, name, out):
    problems = []
    source, target = os.path.join(case, "qdq.pt"), os.path.join(out, name + ".pt")
    args = inputs(case)
    report = optimize(rulefold, source, target)
    model, result = run(target, args)
    error = difference(result, np.load(os.path.join(case, "out_convert.npy")))
    if error != 0:
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
    again = os.path.join(out, name + ".again.pt")
    optimize(rulefold, source, again)
    if open(again, "rb").read() != open(target, "rb").read():
        problems.append("a second run gives other bytes")
    optimize(rulefold, target, again)
    if open(again, "rb").read() != open(target, "rb").read():
        problems.append("the result run through again gives other bytes")
    return problems, line


def check_copy(rulefold, case, name, file, out):
    source, target = os.path.join(case, file), os.path.join(out, name + ".copy.pt")
    args = inputs(case)
    optimize(rulefold, source, target, "--pipeline", "torch.copy")
    error = difference(run(target, args)[1], run(source, args)[1])
    return [] if error == 0 else ["a copy of %s differs by %g" % (file, error)]


def main():
    rulefold, models, out = sys.argv[1:]
    torch.backends.quantized.engine = "onednn"
    torch.set_num_threads(1)
    os.makedirs(out, exist_ok=True)
    failed = passed = 0
    for case in sorted(glob.glob(os.path.join(models, "*", ""))):
        name = os.path.basename(os.path.dirname(case))
        problems, line = [], ""
        try:
            if name not in DYNAMIC:
                problems, line = check(rulefold, case, name, out)
            for file in ("qdq.pt", "convert.pt"):
                problems += check_copy(rulefold, case, name, file, out)
        except Exception as error:  # a case that cannot be run has failed; the others still run
            problems.append("%s: %s" % (type(error).__name__, str(error)[-800:]))
        print("%-4s %-22s %s" % ("FAIL" if problems else "ok", name, line))
        for problem in problems:
            print("     " + problem)
        failed += bool(problems)
        passed += not problems
    print("%d passed, %d failed" % (passed, failed))
    sys.exit(min(failed, 100))


main()
