#!/usr/bin/env python3
"""Whether 16-bit floats or dynamic 8-bit integers make the shipped networks faster, and what they cost.

Exports each classifier as ONNX (`wilhelm models export`), makes two more of it with ONNX Runtime's own tools (16-bit float
weights and arithmetic; dynamic quantization to 8-bit integers), and runs all three by ONNX Runtime over the model's
validation images, one at a time and in batches, with two threads. Prints a Markdown table: size, median time of an
image, AUC and accuracy before calibration, and the largest difference of a logit.

Usage: tools/measure/quantized.py WILHELM [SHARED]
Needs numpy, pillow, onnx and onnxruntime: `PYTHONPATH="$(tools/setup.sh networks)"`.
"""
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers.float16 import convert_float_to_float16
from PIL import Image

THREADS = 2
BATCH = 16
root = Path(__file__).resolve().parents[2]
wilhelm = sys.argv[1]
shared = Path(sys.argv[2]) if len(sys.argv) > 2 else root.parent / "shared"
DATA = {
    "chest-pneumonia": "medmnist_pneumonia28",
    "brain-mr-tumor": "brain_tumor_mri_224",
    "breast-ultrasound": "busi_256",
}
CLASSES = {
    "chest-pneumonia": None,
    "brain-mr-tumor": ["glioma", "meningioma", "notumor", "pituitary"],
    "breast-ultrasound": ["benign", "malignant", "normal"],
}


def validation(name, side, mean, deviation):
    """The validation images, prepared as the card says but for the resampling, which is Pillow's; and their labels."""
    folder = shared / "data" / DATA[name]
    names = (root / "models" / name / "validation.txt").read_text().split("\n")
    names = [line for line in names if line]
    images, labels = [], []
    if CLASSES[name] is None:
        file = next((folder / "dev").glob("*.npz"))
        arrays = np.load(file)
        pictures = np.concatenate([arrays["train_images"], arrays["val_images"]])
        truth = np.concatenate([arrays["train_labels"], arrays["val_labels"]]).ravel()
        for line in names:
            at = int(line.split("#")[1])
            images.append(pictures[at])
            labels.append(int(truth[at]))
    else:
        truth = {row["file"]: row["class"] for row in csv.DictReader((folder / "labels.csv").open())}
        for line in names:
            picture = Image.open(folder / line).convert("L").resize((side, side), Image.BICUBIC)
            images.append(np.asarray(picture))
            labels.append(CLASSES[name].index(truth[line]))
    stack = np.stack(images).astype(np.float32) / 255
    return ((stack - mean) / deviation)[:, None], np.array(labels)


def area(scores, positive):
    """Area under the ROC curve, ties counted half."""
    order = np.argsort(scores, kind="stable")
    ranks = np.empty(len(scores))
    ranks[order] = np.arange(1, len(scores) + 1)
    for value in np.unique(scores):
        ranks[scores == value] = ranks[scores == value].mean()
    n = positive.sum()
    return (ranks[positive].sum() - n * (n + 1) / 2) / (n * (len(scores) - n))


def run(path, images):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    logits, alone, batches = [], [], []
    for image in images:
        start = time.perf_counter()
        logits.append(session.run(["logits"], {"image": image[None]})[0][0])
        alone.append(time.perf_counter() - start)
    for start in range(0, len(images) - BATCH, BATCH):
        begun = time.perf_counter()
        session.run(["logits"], {"image": images[start : start + BATCH]})
        batches.append((time.perf_counter() - begun) / BATCH)
    return np.array(logits, np.float32), 1000 * np.median(alone), 1000 * np.median(batches)


print(f"ONNX Runtime {onnxruntime.__version__}, {THREADS} threads; logits before calibration.\n")
print("| model | weights | bytes | one image, ms | in batches of 16, ms | AUC | accuracy | logit moves by at most |")
print("|---|---|---:|---:|---:|---:|---:|---:|")
with tempfile.TemporaryDirectory() as folder:
    folder = Path(folder)
    for name in DATA:
        plain = folder / f"{name}.onnx"
        export = [wilhelm, "models", "export", name, "--format", "onnx", "--out", str(plain)]
        subprocess.run(export, check=True, capture_output=True)
        model = onnx.load(plain)
        said = {entry.key: entry.value for entry in model.metadata_props}["preparation"].split()
        mean = float(said[said.index("then") + 1])
        deviation = float(said[-1])
        side = model.graph.input[0].type.tensor_type.shape.dim[-1].dim_value
        images, labels = validation(name, side, mean, deviation)
        half, eighth = folder / f"{name}-16.onnx", folder / f"{name}-8.onnx"
        onnx.save(convert_float_to_float16(model, keep_io_types=True), half)
        quantize_dynamic(plain, eighth, weight_type=QuantType.QInt8)
        first = None
        for words, path in [("32-bit floats", plain), ("16-bit floats", half), ("8-bit integers, dynamic", eighth)]:
            try:
                logits, alone, batched = run(str(path), images)
            except Exception as error:  # what the runtime can not run is a row too
                print(f"| `{name}` | {words} | {path.stat().st_size} | refused: {str(error)[:80]} | | | | |")
                continue
            first = logits if first is None else first
            shares = np.exp(logits - logits.max(1, keepdims=True))
            shares /= shares.sum(1, keepdims=True)
            auc = np.mean([area(shares[:, at], labels == at) for at in range(logits.shape[1])])
            accuracy = (logits.argmax(1) == labels).mean()
            print(
                f"| `{name}` | {words} | {path.stat().st_size} | {alone:.2f} | {batched:.2f} "
                f"| {auc:.4f} | {accuracy:.4f} | {np.abs(logits - first).max():.3g} |",
                flush=True,
            )
