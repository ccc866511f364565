#!/usr/bin/env python3
"""Golden vesselness, blobs, floods, walks and ways from SciPy and scikit-image.

    python3 tools/golden/filters_segment_fields.py

Writes crates/filters/tests/golden/segment_fields.json.
"""

import json
import pathlib

import numpy as np
import scipy
import skimage
from scipy import ndimage as ndi
from skimage.filters import frangi
from skimage.graph import MCP_Geometric
from skimage.segmentation import random_walker, watershed

from filters_segment import SIZE, SPACING, sampled, smooth
from rules import hash_grid

TARGET = pathlib.Path(__file__).resolve().parents[2] / "crates/filters/tests/golden/segment_fields.json"
ZYX = SPACING[::-1]


def derivatives(image, sigma):
    """The symmetric matrix of second derivatives times the scale squared; sigma in voxels, an axis each."""
    count = image.ndim
    matrix = np.empty(image.shape + (count, count))
    for a in range(count):
        for b in range(a, count):
            order = [int(axis == a) + int(axis == b) for axis in range(count)]
            found = ndi.gaussian_filter(image.astype(np.float64), sigma, order=order, mode="nearest", truncate=5.0)
            matrix[..., a, b] = matrix[..., b, a] = found * sigma[a] * sigma[b]
    return matrix


def vesselness(image, sigmas, alpha=0.5, beta=0.5):
    """Frangi's equations 13 and 15 in double precision, for bright tubes."""
    best = np.zeros(image.shape)
    for sigma in sigmas:
        values = -np.linalg.eigvalsh(derivatives(image, sigma))
        values = np.take_along_axis(values, np.abs(values).argsort(-1), -1)
        first, rest = values[..., 0], values[..., 1:]
        norm = (values**2).sum(-1)
        with np.errstate(divide="ignore", invalid="ignore"):
            found = np.exp(-(first**2 / np.prod(rest, -1) if image.ndim == 3 else (first / rest[..., 0]) ** 2) / (2 * beta**2))
            if image.ndim == 3:
                found = found * (1 - np.exp(-((rest[..., 0] / rest[..., 1]) ** 2) / (2 * alpha**2)))
        found = found * (1 - np.exp(-norm / (2 * norm.max() / 4)))
        best = np.maximum(best, np.where((rest > 0).all(-1), found, 0))
    return best


def main():
    field, noise = smooth(*SIZE, 8), hash_grid(*SIZE)
    plane = field[10]
    voxels = lambda sigma: [sigma / step for step in ZYX]
    in_mm = [voxels(2.0), voxels(3.0)]
    ours, theirs = vesselness(field, [(2.0,) * 3]), frangi(field, [2.0], black_ridges=False, mode="nearest")
    laplacian = np.max([-s * s * ndi.gaussian_laplace(field.astype(float), s, mode="nearest", truncate=5.0) for s in (1.5, 3.0)], 0)
    values = -np.linalg.eigvalsh(derivatives(field, (2.0,) * 3))
    dot = np.where((values > 0).all(-1), values.min(-1) ** 2 / values.max(-1), 0)
    markers = np.zeros(field.shape, np.int32)
    places = [(5 + 10 * i, 6 + 12 * j, 5 + 10 * k) for k in range(2) for j in range(3) for i in range(4)]
    for number, (x, y, z) in enumerate(places, 1):
        markers[z, y, x] = number
    floods = {}
    for name, image, connectivity, mask in [
        ("faces", field, 1, None), ("corners", field, 3, None), ("within", field, 1, field < 0.75),
        ("steps", np.floor(field * 8), 1, None),
    ]:
        found = watershed(image, markers, connectivity=connectivity, mask=mask)
        floods[name] = {"counts": np.bincount(found.ravel(), minlength=25).tolist(), "labels": found.ravel()[::29].tolist()}
    marks = np.zeros(field.shape, np.int32)
    for x, y, z in [(20, 18, 10), (26, 17, 9)]:
        marks[z, y, x] = 1
    for x, y, z in [(3, 4, 2), (36, 30, 17), (20, 2, 10)]:
        marks[z, y, x] = 2
    walks = {}
    for edge in (0.0, 130.0):
        found = random_walker(field / field.std(), marks, beta=edge, mode="cg_j", tol=1e-8, spacing=np.array(ZYX) / min(ZYX), return_full_prob=True)
        walks[str(int(edge))] = {"probability": sampled(found[0]), "inside": int((found[0] > 0.5).sum())}
    ways = {}
    for name, sampling in [("voxels", None), ("mm", ZYX)]:
        way = MCP_Geometric(noise.astype(np.float64) + np.float64(np.float32(0.05)), fully_connected=True, sampling=sampling)
        costs, _ = way.find_costs([(2, 3, 4)], [(17, 33, 36)])
        ways[name] = float(costs[17, 33, 36])
    result = {
        "made_by": f"scipy {scipy.__version__}, scikit-image {skimage.__version__}, NumPy {np.__version__}",
        "frangi": sampled(ours), "frangi_mm": sampled(vesselness(field, in_mm)),
        "frangi_flat": [float(v) for v in vesselness(plane, [(2.0,) * 2]).ravel()[::31]],
        "frangi_scikit_image": sampled(theirs),
        "laplacian": sampled(laplacian), "dot": sampled(dot),
        "floods": floods, "walks": walks, "ways": ways,
    }
    TARGET.write_text(json.dumps(result) + "\n")
    print(TARGET.stat().st_size, np.abs(ours - theirs).max(), np.corrcoef(ours.ravel(), theirs.ravel())[0, 1], ours.max())
    print({k: v["inside"] for k, v in walks.items()}, ways, floods["steps"]["counts"][:8])


if __name__ == "__main__":
    main()
