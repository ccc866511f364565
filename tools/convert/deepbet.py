#!/usr/bin/env python3
"""The two networks of deepbet as one safetensors file that Wilhelm reads.

    pip download --no-deps deepbet==1.0.2
    python3 tools/convert/deepbet.py deepbet-1.0.2-py3-none-any.whl models/brain-mask/weights.safetensors

Takes the wheel, or its two TorchScript files (`bbox_model.pt` and `model.pt`, in this order). Needs numpy alone:
a TorchScript file is a zip archive of raw arrays and a pickle that says which is which; that pickle is read by an
unpickler that can make nothing but plain containers and arrays.

Tensors are named as the fields of `LinkNet` in crates/nets/src/arch/link_net.rs, with `coarse.` before those of
`bbox_model.pt` (sees the whole head at 128 x 128 x 128) and `fine.` before those of `model.pt` (sees the box around
the brain at 256 x 256 x 256). Convolutions are `[out, in, x, y, z]`, transposed ones `[in, out, x, y, z]`: as in
PyTorch. Numbers are rounded to half precision unless `--f32` is given (twice the size); what that does to masks is in
the model's card.

deepbet is by Fisch et al. 2024, doi:10.1016/j.compbiomed.2024.108845, MIT license.
"""

import argparse
import hashlib
import io
import json
import pathlib
import pickle
import struct
import sys
import zipfile

import numpy as np

FILES = ("data/models/bbox_model.pt", "data/models/model.pt")
PARAMETERS = 2_126_258
STORAGES = {"FloatStorage": "<f4"}


class Node:
    """A module of the script: its attributes, nothing that runs."""

    def __setstate__(self, state):
        self.__dict__.update(state)


class Reader(pickle.Unpickler):
    """Reads `data.pkl` of a TorchScript archive: modules become `Node`, tensors become arrays."""

    def __init__(self, archive, root):
        super().__init__(io.BytesIO(archive.read(f"{root}/data.pkl")))
        self.archive, self.root = archive, root

    def find_class(self, module, name):
        if module == "__torch__" or module.startswith("__torch__."):
            return Node
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return array
        if (module, name) == ("collections", "OrderedDict"):
            return dict
        if module == "torch" and name in STORAGES:
            return STORAGES[name]
        raise pickle.UnpicklingError(f"data.pkl asks for {module}.{name}, which no weights need")

    def persistent_load(self, identity):
        _, kind, key, _, count = identity
        storage = np.frombuffer(self.archive.read(f"{self.root}/data/{key}"), kind)
        if storage.size != count:
            raise pickle.UnpicklingError(f"array {key} has {storage.size} numbers, expected {count}")
        return storage


def array(storage, offset, size, stride, *_):
    """A contiguous copy of a view of a storage; sizes and strides count elements."""
    count = int(np.prod(size))
    contiguous = tuple(int(np.prod(size[axis + 1 :])) for axis in range(len(size)))
    if tuple(stride) != contiguous:
        raise pickle.UnpicklingError(f"a tensor of shape {size} is not contiguous: strides {stride}")
    return storage[offset : offset + count].reshape(size).copy()


def tensors(node, path=""):
    """Every array of a tree of modules with its dotted path."""
    for name, value in vars(node).items():
        if isinstance(value, np.ndarray):
            yield path + name, value
        elif isinstance(value, Node):
            yield from tensors(value, f"{path}{name}.")


def renamed(path):
    """deepbet's path of a parameter as a path of fields of our `LinkNet`."""
    parts = path.split(".")
    kind = parts[-1]
    fixed = {"init": "stem", "tp_conv1": "doubling", "conv": "refining", "tp_conv2": "classes"}
    if parts[0] in fixed:
        return f"{fixed[parts[0]]}.{kind}"
    stage, number = parts[0][:-1], int(parts[0][-1])
    if stage == "down":
        block = {"block1": "first", "block2": "second"}[parts[1]]
        layer = {("double_conv", "0"): "first", ("double_conv", "3"): "second", ("downsample", "0"): "shortcut"}
        return f"down.{number}.{block}.{layer[parts[2], parts[3]]}.{kind}"
    layer = {"conv1": "narrowing", "tp_conv": "doubling", "conv2": "widening"}[parts[1]]
    return f"up.{number}.{layer}.{kind}"


def network(script):
    """The parameters of a TorchScript file under our names."""
    with zipfile.ZipFile(io.BytesIO(script)) as archive:
        root = archive.namelist()[0].split("/")[0]
        found = {renamed(path): values for path, values in tensors(Reader(archive, root).load())}
    count = sum(values.size for values in found.values())
    if count != PARAMETERS:
        sys.exit(f"found {count} parameters, expected {PARAMETERS}: is this deepbet 1.0.2?")
    return found


def safetensors(named, metadata):
    """A safetensors file: the length of the header, the header as JSON, the arrays one after another."""
    header, arrays, at = {"__metadata__": metadata}, [], 0
    for name in sorted(named):
        values = np.ascontiguousarray(named[name])
        kind = {"float32": "F32", "float16": "F16"}[values.dtype.name]
        header[name] = {"dtype": kind, "shape": list(values.shape), "data_offsets": [at, at + values.nbytes]}
        arrays.append(values.astype(values.dtype.newbyteorder("<")).tobytes())
        at += values.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + b"".join(arrays)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", nargs="+", type=pathlib.Path, help="the wheel, or bbox_model.pt and model.pt")
    parser.add_argument("target", type=pathlib.Path, help="the safetensors file to write")
    parser.add_argument("--f32", action="store_true", help="keep single precision")
    asked = parser.parse_args()
    if len(asked.source) == 1:
        with zipfile.ZipFile(asked.source[0]) as wheel:
            scripts = [wheel.read(name) for name in FILES]
    elif len(asked.source) == 2:
        scripts = [path.read_bytes() for path in asked.source]
    else:
        parser.error("expected the wheel, or two .pt files")
    for name, script in zip(FILES, scripts):
        print(f"{hashlib.sha256(script).hexdigest()}  {name}")
    named = {
        f"{part}.{path}": values if asked.f32 else values.astype(np.float16)
        for part, script in zip(("coarse", "fine"), scripts)
        for path, values in network(script).items()
    }
    if not all(np.isfinite(values).all() for values in named.values()):
        sys.exit("a parameter does not fit half precision")
    source = {"format": "pt", "source": "deepbet 1.0.2, MIT license, doi:10.1016/j.compbiomed.2024.108845"}
    written = safetensors(named, source)
    asked.target.write_bytes(written)
    print(f"{hashlib.sha256(written).hexdigest()}  {asked.target} ({len(written)} bytes, {len(named)} tensors)")


if __name__ == "__main__":
    main()
