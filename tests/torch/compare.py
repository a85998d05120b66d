#!/usr/bin/env python3
"""Real PyTorch judges what rulefold wrote.

usage: compare.py RULEFOLD MODELS OUT [FILTER]

MODELS is tests/models; its README describes the cases. FILTER restricts the run to cases whose `<kind>/<case>` holds it.
For each case under MODELS/torchscript this runs `RULEFOLD optimize qdq.pt`, loads the result in PyTorch, and demands:
  * difference 0 to the recorded `out_convert.npy`, at most 1e-6 for models that are quantized when they run;
  * no more operations and no more uncompressed bytes than PyTorch's own result (`convert.pt`, and `convert_inprocess.pt` if there is one);
  * the report says `optimal`; a second run, and a run on the result, give the same bytes;
  * the untouched archive, read and written by the pipeline `torch.copy`, computes what PyTorch computes from the original.
For each folder with a `case.json` under the other kinds it runs the pipeline named there, and demands:
  * each call, in order, gives what PyTorch recorded, within the tolerance;
  * no more operations in any method called, and no more uncompressed bytes, than PyTorch's own result, if there is one;
  * a second run, and a run on the result unless the case says that it makes no sense, give the same bytes.
Operations are the nodes of the loaded graph, calls inlined, nested blocks included, without Constant, GetAttr, ListConstruct and
TupleConstruct. Works with PyTorch 1.13 (Debian's python3-torch) and later. The exit code is the number of cases that failed, at most 100.
"""
import os, sys, warnings
import torch
import quantized, recorded

KINDS = {
    "torchscript": quantized,
    "dynamic": recorded,
    "on_device": recorded,
    "hoist": recorded,
    "fuse": recorded,
    "mobile": recorded,
    "freeze": recorded,
    "clean": recorded,
}


def cases(models, wanted):
    for kind, judge in KINDS.items():
        folder = os.path.join(models, kind)
        for case in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
            if wanted in kind + "/" + case:
                yield kind, case, judge.judge


def main():
    rulefold, models, out = sys.argv[1:4]
    wanted = sys.argv[4] if len(sys.argv) > 4 else ""
    warnings.filterwarnings("ignore")
    torch.backends.quantized.engine = "onednn"
    torch.set_num_threads(1)
    failed = passed = 0
    for kind, case, judge in cases(models, wanted):
        problems, line = [], ""
        into = os.path.join(out, kind)
        os.makedirs(into, exist_ok=True)
        try:
            problems, line = judge(rulefold, os.path.join(models, kind, case), case, into)
        except Exception as error:  # a case that cannot be run has failed; the others still run
            problems.append("%s: %s" % (type(error).__name__, str(error)[-800:]))
        name = case if kind == "torchscript" else kind + "/" + case
        print("%-4s %-28s %s" % ("FAIL" if problems else "ok", name, line), flush=True)
        for problem in problems:
            print("     " + problem)
        failed += bool(problems)
        passed += not problems
    print("%d passed, %d failed" % (passed, failed))
    if passed + failed == 0:
        sys.exit("no case under %s holds %r" % (models, wanted))
    sys.exit(min(failed, 100))


main()
