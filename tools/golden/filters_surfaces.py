#!/usr/bin/env python3
"""Golden overlap and surface distances from MONAI and DeepMind's surface-distance.

    python3 tools/golden/filters_surfaces.py

Needs monai (with torch) and surface-distance. Writes crates/filters/tests/golden/surfaces.json.
"""

import importlib.metadata
import json
import pathlib

import numpy as np
import scipy
import scipy.ndimage
import torch
from monai.metrics import compute_average_surface_distance, compute_dice, compute_hausdorff_distance, compute_surface_dice

# Names that surface-distance 0.1 still uses.
np.Inf = np.inf
scipy.ndimage.filters = scipy.ndimage.morphology = scipy.ndimage
import surface_distance

from rules import hashed

TARGET = pathlib.Path(__file__).resolve().parents[2] / "crates/filters/tests/golden/surfaces.json"

# Size and spacing (columns, rows, slices), then center and radii in voxels of mask and reference.
CASES = {
    "anisotropic": ((40, 36, 20), (0.7, 0.8, 2.5), ((19, 17, 9), (12, 10, 6)), ((21, 18, 10), (11, 11, 7))),
    "at the border": ((24, 24, 16), (1.0, 1.0, 3.0), ((3, 12, 2), (9, 8, 6)), ((5, 12, 3), (9, 9, 7))),
    "apart": ((40, 20, 12), (1.5, 0.5, 1.0), ((8, 9, 5), (5, 6, 4)), ((30, 10, 6), (6, 5, 4))),
    "flat": ((60, 50, 1), (0.4, 0.9, 1.0), ((28, 24, 0), (20, 15, 1)), ((31, 25, 0), (18, 17, 1))),
}
TOLERANCES = [0.5, 1.0, 2.0, 3.5]


def blob(size, center, radii, salt):
    """An ellipsoid with a rough border, as an array of columns, rows, slices."""
    x, y, z = np.meshgrid(*[np.arange(count) for count in size], indexing="ij")
    rough = hashed((x // 3 + salt).astype(np.uint32), (y // 3).astype(np.uint32), (z // 3).astype(np.uint32))
    square = lambda axis, place: ((place - center[axis]) / radii[axis]) ** 2
    return square(0, x) + square(1, y) + square(2, z) <= 0.75 + 0.5 * rough.astype(np.float64)


def monai(mask, reference, spacing):
    batch = lambda array: torch.from_numpy(array[None, None].astype(np.float32))
    a, b = batch(mask), batch(reference)
    spacing = list(spacing)
    one = lambda tensor: float(tensor[0, 0])
    return {
        "dice": one(compute_dice(a, b)),
        "hausdorff_95": one(compute_hausdorff_distance(a, b, include_background=True, percentile=95, spacing=spacing)),
        "hausdorff": one(compute_hausdorff_distance(a, b, include_background=True, spacing=spacing)),
        "assd": one(compute_average_surface_distance(a, b, include_background=True, symmetric=True, spacing=spacing)),
        "surface_dice": [
            one(compute_surface_dice(a, b, [tolerance], include_background=True, spacing=spacing))
            for tolerance in TOLERANCES
        ],
    }


def deepmind(mask, reference, spacing):
    found = surface_distance.compute_surface_distances(reference, mask, spacing)
    to_reference, to_mask = surface_distance.compute_average_surface_distance(found)[::-1]
    return {
        "areas": [float(found["surfel_areas_pred"].sum()), float(found["surfel_areas_gt"].sum())],
        "hausdorff_95": float(surface_distance.compute_robust_hausdorff(found, 95)),
        "hausdorff": float(surface_distance.compute_robust_hausdorff(found, 100)),
        "average": [float(to_reference), float(to_mask)],
        "surface_dice": [
            float(surface_distance.compute_surface_dice_at_tolerance(found, tolerance)) for tolerance in TOLERANCES
        ],
    }


def main():
    cases = {}
    for name, (size, spacing, first, second) in CASES.items():
        mask, reference = blob(size, *first, 0), blob(size, *second, 17)
        flat = size[2] == 1
        cut = (lambda array: np.ascontiguousarray(array[:, :, 0])) if flat else np.ascontiguousarray
        steps = spacing[:2] if flat else spacing
        cases[name] = {
            "size": size,
            "spacing": spacing,
            "mask": {"center": first[0], "radii": first[1], "voxels": int(mask.sum())},
            "reference": {"center": second[0], "radii": second[1], "voxels": int(reference.sum())},
            "monai": monai(cut(mask), cut(reference), steps),
            "deepmind": deepmind(cut(mask), cut(reference), steps),
        }
    versions = {name: importlib.metadata.version(name) for name in ["monai", "surface-distance", "torch", "scipy", "numpy"]}
    TARGET.write_text(json.dumps({"versions": versions, "tolerances": TOLERANCES, "cases": cases}, indent=1) + "\n")


if __name__ == "__main__":
    main()
