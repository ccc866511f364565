#!/usr/bin/env python3
"""Brain masks by deepbet itself, which the brain-mask model has to give again.

    pip install deepbet==1.0.2
    python3 tools/golden/brain_mask.py ../shared/data/volumes/head

Reads `single_subj_T1.nii.gz` (SPM's canonical head) and `ants_ch2.nii.gz` (Colin27) of that folder and writes into
testdata/brain_mask, for each, the mask as NIfTI (on the image's grid; not a copy of the image) and, in facts.json, its
volume and its box with the SHA-256 of the image. Further what each network says of a cube made by rule, with its
weights rounded to half precision as ours are. The masks are written with no time in the gzip header, so that the
same masks are the same bytes.
"""

import gzip
import hashlib
import importlib.metadata
import json
import pathlib
import sys
import time

import deepbet
import nibabel as nib
import numpy as np
import torch

TARGET = pathlib.Path(__file__).resolve().parents[2] / "testdata/brain_mask"
IMAGES = ("single_subj_T1", "ants_ch2")
DEEPBET = "1.0.2"


SIDE = 64
STEP = 997


def cube():
    """A ball of radius 20 in a pattern of spherical shells; `the_networks_agree_with_pytorch` has the same."""
    x, y, z = np.meshgrid(*[np.arange(SIDE)] * 3, indexing="ij")
    square = (x - 32) ** 2 + (y - 30) ** 2 + (z - 34) ** 2
    return np.where(square < 400, np.float32(1.5), (square % 17).astype(np.float32) / np.float32(17) - np.float32(0.5))


def probabilities(model):
    """What a network with rounded weights says of the cube: every 997th voxel, the last axis fastest."""
    with torch.no_grad():
        for weights in model.parameters():
            weights.copy_(weights.half().float())
        found = model(torch.from_numpy(cube())[None, None])[0, 1].numpy()
    return [round(float(value), 7) for value in found.ravel()[::STEP]]


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    torch.set_num_threads(2)
    TARGET.mkdir(parents=True, exist_ok=True)
    network = deepbet.BrainExtraction(no_gpu=True)
    facts = {}
    for name in IMAGES:
        path = pathlib.Path(sys.argv[1]) / f"{name}.nii.gz"
        start = time.perf_counter()
        _, mask, tiv = network.run(str(path))
        seconds = time.perf_counter() - start
        inside = np.asarray(mask.dataobj) > 0
        # A header of our own: only the grid is the image's.
        image = nib.Nifti1Image(inside.astype(np.uint8), mask.affine)
        image.set_sform(mask.affine, 1)
        (TARGET / f"{name}.nii.gz").write_bytes(gzip.compress(image.to_bytes(), 9, mtime=0))
        axes = [np.flatnonzero(inside.any(tuple(other for other in range(3) if other != axis))) for axis in range(3)]
        facts[name] = {
            "image_sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "size": list(inside.shape),
            "voxels": int(inside.sum()),
            "milliliters": round(float(tiv), 4),
            "first": [int(axis[0]) for axis in axes],
            "last": [int(axis[-1]) for axis in axes],
            "box_of_the_first_network": [[part.start, part.stop] for part in network.bbox],
        }
        print(f"{name}: {tiv:.1f} mL in {seconds:.1f} s on {torch.get_num_threads()} threads", file=sys.stderr)
    cubes = {"coarse": probabilities(network.bbox_model), "fine": probabilities(network.model)}
    packages = ("torch", "connected-components-3d", "fill-voids", "nibabel", "numpy")
    versions = {"deepbet": DEEPBET} | {name: importlib.metadata.version(name) for name in packages}
    text = json.dumps({"made_by": "tools/golden/brain_mask.py", "versions": versions, "masks": facts, "cube": cubes}, indent=1)
    (TARGET / "facts.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
