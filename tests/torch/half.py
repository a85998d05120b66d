"""Lets a PyTorch without FBGEMM judge an archive with weights packed in half precision.

Only FBGEMM has kernels for them; another build cannot even load such an archive. `translated` writes the archive anew with what the objects
and the operator stand for, the float weight and `linear`, so that all the rest of the file is judged as it is.
"""
import io, os, pickle, re, zipfile
import torch

CLASS = ("__torch__.torch.classes.quantized", "LinearPackedParamsBase")


class Packed:
    def __setstate__(self, state):
        self.weight, self.bias = state


class Reader(pickle.Unpickler):
    """Reads `constants.pkl`; tensors lie in `constants/`."""

    def __init__(self, archive, root):
        super().__init__(io.BytesIO(archive.read(root + "/constants.pkl")))
        self.archive, self.root = archive, root

    def find_class(self, module, name):
        return Packed if (module, name) == CLASS else super().find_class(module, name)

    def persistent_load(self, told):
        _, kind, key, _, _ = told
        raw = self.archive.read("%s/constants/%s" % (self.root, key))
        return torch.frombuffer(bytearray(raw), dtype=kind.dtype).storage()


def pickled(constants):
    """`constants.pkl` and the members of `constants/`, as `torch.save` writes a tuple of tensors."""
    raw = io.BytesIO()
    torch.save(constants, raw)
    with zipfile.ZipFile(raw) as archive:
        members = {name.split("/", 1)[1]: archive.read(name) for name in archive.namelist()}
    yield "constants.pkl", members["data.pkl"]
    for name, content in members.items():
        if name.startswith("data/"):
            yield "constants/" + name[5:], content


def translated(path, target):
    """Writes the translation of an archive; problems with its packed weights."""
    problems = []
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w") as out:
        root = source.namelist()[0].split("/", 1)[0]
        constants, operands = [], {}
        for k, constant in enumerate(Reader(source, root).load()):
            parts = [constant.weight, constant.bias] if isinstance(constant, Packed) else [constant]
            if isinstance(constant, Packed) and not torch.equal(constant.weight, constant.weight.half().float()):
                problems.append("the packed weight of constant %d is not of half precision" % k)
            names = []
            for part in parts:
                names.append("None" if part is None else "CONSTANTS.c%d" % len(constants))
                constants += [] if part is None else [part]
            operands["CONSTANTS.c%d" % k] = ", ".join(names)
        for name in source.namelist():
            short = name.split("/", 1)[1]
            content = source.read(name)
            if short.startswith("constants"):
                continue
            if short.endswith(".py"):
                code = content.decode().replace("ops.quantized.linear_dynamic_fp16(", "torch.linear(")
                content = re.sub(r"CONSTANTS\.c\d+", lambda found: operands[found[0]], code)
            out.writestr(name, content)
        for short, content in pickled(tuple(constants)):
            out.writestr(os.path.join(root, short), content)
    return problems
