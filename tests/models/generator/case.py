"""Writes one case in the form of `../README.md`: archives, arrays and `case.json`. Used by the generators of the kinds."""
import io
import json
import os
import warnings
import zipfile

import numpy as np
import torch

warnings.filterwarnings("ignore")


def few(module, distinct=31):
    """Weights from few distinct values, so that archives deflate well."""
    for parameter in module.parameters():
        with torch.no_grad():
            n = parameter.numel()
            values = torch.linspace(-1, 1, distinct)
            at = (torch.arange(n) * 7 + torch.arange(n) // 5) % distinct
            bound = float(parameter.abs().max()) or 1.0
            parameter.copy_((values[at] * bound).reshape(parameter.shape))
    return module


def save(model, path):
    """Saves deflated, without debug records, with fixed dates: the same model gives the same bytes."""
    raw = io.BytesIO()
    torch.jit.save(model, raw)
    with zipfile.ZipFile(raw) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as target:
        for member in source.infolist():
            name = member.filename.split("/", 1)[1]
            if not name.endswith(".debug_pkl") and name != ".data/serialization_id":
                info = zipfile.ZipInfo("archive/" + name, (1980, 1, 1, 0, 0, 0))
                target.writestr(info, source.read(member.filename), zipfile.ZIP_DEFLATED)
    torch.jit.load(path)


def flat(result):
    if isinstance(result, (tuple, list)):
        return [tensor for item in result for tensor in flat(item)]
    return [result.detach().dequantize() if result.is_quantized else result.detach()]


def write(out, kind, name, model, calls, pipeline, tolerance, theirs=None, reference=None, **more):
    """Writes OUT/<kind>/<name>. `calls` are (method, inputs); they are run on `reference`, or on `theirs`, or on the model."""
    folder = os.path.join(out, kind, name)
    os.makedirs(folder, exist_ok=True)
    save(model, os.path.join(folder, "model.pt"))
    told = {"pipeline": pipeline, "model": "model.pt", **more}
    if theirs is not None:
        save(theirs, os.path.join(folder, "theirs.pt"))
        told["theirs"] = "theirs.pt"
    runner = reference or theirs or torch.jit.load(os.path.join(folder, "model.pt"))
    runner.eval()
    arrays, told["calls"] = 0, []
    for at, (method, inputs) in enumerate(calls):
        names = []
        for value in inputs:
            if isinstance(value, torch.Tensor):
                names.append("in%d.npy" % arrays)
                np.save(os.path.join(folder, names[-1]), value.detach().numpy())
                arrays += 1
            else:
                names.append(value)
        with torch.no_grad():
            result = getattr(runner, method)(*inputs)
        if result is None:
            outputs = None
        else:
            tensors = flat(result)
            outputs = ["out%d.npy" % at] if len(tensors) == 1 else ["out%d_%d.npy" % (at, i) for i in range(len(tensors))]
            for file, tensor in zip(outputs, tensors):
                np.save(os.path.join(folder, file), tensor.numpy())
            outputs = outputs[0] if len(outputs) == 1 else outputs
        told["calls"].append({"method": method, "inputs": names, "output": outputs})
    told["tolerance"] = tolerance
    with open(os.path.join(folder, "case.json"), "w") as file:
        json.dump(told, file, indent=1)
        file.write("\n")


def amend(out, kind, name, at, **told):
    """Says more about call number `at`."""
    path = os.path.join(out, kind, name, "case.json")
    with open(path) as file:
        case = json.load(file)
    case["calls"][at].update(told)
    with open(path, "w") as file:
        json.dump(case, file, indent=1)
        file.write("\n")
