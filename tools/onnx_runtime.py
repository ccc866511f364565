"""Prints where the Python package onnxruntime keeps its library, libonnxruntime.so, for ORT_DYLIB_PATH."""

import pathlib
import sys

import onnxruntime

found = sorted(pathlib.Path(onnxruntime.__file__).parent.glob("capi/libonnxruntime.*"))
if not found:
    sys.exit(f"{pathlib.Path(onnxruntime.__file__).parent}/capi has no libonnxruntime")
print(found[0])
