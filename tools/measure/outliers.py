#!/usr/bin/env python3
"""What the models do with images they were never meant for.

Makes noise, blank and synthetic pictures, takes photographs from the Python packages scikit-image and
scikit-learn, and the other data sets of ../shared/data, runs each through `wilhelm predict` for every model, and
prints the share that was refused or abstained from. In the same run: the share of each model's own validation
images that it abstains from (the price).

Usage: tools/measure/outliers.py WILHELM [SHARED]   (needs numpy, pillow, scikit-image, scikit-learn)
"""
import csv
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import skimage
import sklearn
from PIL import Image

wilhelm = sys.argv[1]
root = Path(__file__).resolve().parents[2]
shared = Path(sys.argv[2]) if len(sys.argv) > 2 else root.parent / "shared"
data = shared / "data"
rng = np.random.default_rng(7)
random.seed(7)

MODELS = {
    "chest-pneumonia": "chest",
    "breast-ultrasound": "breast",
    "brain-mr-tumor": "brain",
}


def save(folder, name, array):
    Image.fromarray(np.clip(array, 0, 255).astype(np.uint8)).save(folder / f"{name}.png")


def synthetic(folder):
    side = 256
    y, x = np.mgrid[0:side, 0:side] / side
    for i in range(20):
        save(folder, f"noise_uniform_{i}", rng.integers(0, 256, (side, side)))
        save(folder, f"noise_normal_{i}", rng.normal(128, 10 + 6 * i, (side, side)))
        coarse = rng.integers(0, 256, (8 + 4 * i, 8 + 4 * i)).astype(np.uint8)
        Image.fromarray(coarse).resize((side, side), Image.BICUBIC).save(folder / f"noise_smooth_{i}.png")
        save(folder, f"blank_{i}", np.full((side, side), i * 13))
        angle = i / 20 * np.pi
        save(folder, f"ramp_{i}", 255 * np.abs(np.cos(angle) * x + np.sin(angle) * y) / 1.5)
        save(folder, f"stripes_{i}", 127 + 127 * np.sin((x * np.cos(angle) + y * np.sin(angle)) * (10 + 10 * i)))
        r = np.hypot(x - 0.5, y - 0.5)
        save(folder, f"disk_{i}", np.where(r < 0.1 + 0.02 * i, 200, 20))
        save(folder, f"checks_{i}", 255 * ((np.floor(x * (2 + i)) + np.floor(y * (2 + i))) % 2))


def photographs(color, gray):
    places = [Path(skimage.__file__).parent / "data", Path(sklearn.__file__).parent / "datasets/images"]
    # Medical pictures among the samples are no photographs.
    skip = {"phantom.png", "microaneurysms.png", "retina.jpg", "ihc.png", "cell.png"}
    for place in places:
        for file in sorted(place.glob("*.png")) + sorted(place.glob("*.jpg")):
            if file.name in skip:
                continue
            picture = Image.open(file).convert("RGB")
            w, h = picture.size
            if min(w, h) < 120:
                continue
            for i in range(4):
                s = random.randint(min(w, h) // 2, min(w, h))
                left, top = random.randint(0, w - s), random.randint(0, h - s)
                crop = picture.crop((left, top, left + s, top + s)).resize((256, 256), Image.BICUBIC)
                crop.save(color / f"{file.stem}_{i}.png")
                crop.convert("L").save(gray / f"{file.stem}_{i}.png")


def medical(folder, kind):
    if kind == "chest":
        archive = np.load(data / "medmnist_pneumonia28/dev/pneumoniamnist_trainval.npz")
        for i in rng.choice(len(archive["val_images"]), 150, replace=False):
            Image.fromarray(archive["val_images"][i]).resize((256, 256), Image.BICUBIC).save(folder / f"c{i}.png")
        for file in (data / "nih_cxr_samples").glob("*.png"):
            Image.open(file).convert("L").save(folder / file.name)
    elif kind == "breast":
        files = sorted((data / "busi_256").glob("*/*.png"))
        for file in random.sample(files, 150):
            Image.open(file).convert("L").save(folder / f"{file.stem}.png")
    elif kind == "brain":
        files = sorted((data / "brain_tumor_mri_224/train").glob("*/*.jpg"))
        for file in random.sample(files, 150):
            Image.open(file).convert("L").save(folder / f"{file.stem}.png")


def ct_slices(folder):
    import gzip
    import struct

    raw = gzip.open(data / "volumes/totalsegmentator/example_ct.nii.gz").read()
    dims = struct.unpack_from("<8h", raw, 40)
    kind, offset = struct.unpack_from("<h", raw, 70)[0], int(struct.unpack_from("<f", raw, 108)[0])
    dtype = {4: np.int16, 8: np.int32, 16: np.float32, 64: np.float64}[kind]
    volume = np.frombuffer(raw, dtype, dims[1] * dims[2] * dims[3], offset).reshape(dims[3], dims[2], dims[1])
    for i in range(0, volume.shape[0], max(1, volume.shape[0] // 40)):
        plane = np.clip((volume[i].astype(float) + 160) / 400, 0, 1) * 255
        Image.fromarray(plane[::-1].astype(np.uint8)).resize((256, 256), Image.BICUBIC).save(folder / f"ct{i}.png")


def predict(model, path):
    with tempfile.NamedTemporaryFile(suffix=".csv") as out:
        run = subprocess.run(
            [wilhelm, "predict", "--model", model, str(path), "--csv", out.name, "--force"],
            cwd=root, capture_output=True, text=True, check=False,
        )
        if run.returncode > 1:
            raise SystemExit(run.stderr)
        return list(csv.DictReader(open(out.name)))


with tempfile.TemporaryDirectory() as temporary:
    base = Path(temporary)
    groups = {}
    for name in ["synthetic", "photographs in color", "photographs in gray", "chest", "breast", "brain", "CT slices"]:
        groups[name] = base / name.replace(" ", "_")
        groups[name].mkdir()
    synthetic(groups["synthetic"])
    photographs(groups["photographs in color"], groups["photographs in gray"])
    for kind in MODELS.values():
        medical(groups[kind], kind)
    ct_slices(groups["CT slices"])
    report = {}
    for model, own in MODELS.items():
        for name, folder in groups.items():
            rows = predict(model, folder)
            refused = sum(bool(row["abstained"]) for row in rows)
            through = sorted(Path(row["image"]).name for row in rows if not row["abstained"])
            report[f"{model}: {name}{' (its own kind)' if name == own else ''}"] = {
                "images": len(rows), "not_read": refused, "share": round(refused / len(rows), 4),
                "read": [] if name == own else through[:12],
            }
    if os.environ.get("JSON"):
        print(json.dumps(report, indent=1))
    else:
        print("| model | images | number | not read |\n|---|---|---|---|")
        for name, row in report.items():
            model, kind = name.split(": ", 1)
            print(f"| {model} | {kind} | {row['images']} | {row['not_read']} ({100 * row['share']:.1f} %) |")
            if row["read"]:
                print(f"  read: {row['read']}", file=sys.stderr)
