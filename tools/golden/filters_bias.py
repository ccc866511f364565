#!/usr/bin/env python3
"""Golden bias fields from SimpleITK's N4: a phantom with a known field, and head MR from the data folder.

    python3 tools/golden/filters_bias.py ../shared/data > crates/filters/tests/golden/bias.json
"""

import json
import pathlib
import sys

import numpy as np
import SimpleITK as sitk

from rules import hash_grid

SIZE = (64, 72, 48)


def phantom():
    """Three tissues in an ellipsoid times a known field, with noise: image, mask, logarithm of the field."""
    s, r, c = np.mgrid[0 : SIZE[2], 0 : SIZE[1], 0 : SIZE[0]].astype(float)
    x, y, z = (c - 31.5) / 31.5, (r - 35.5) / 35.5, (s - 23.5) / 23.5
    radius = np.sqrt((x / 0.85) ** 2 + (y / 0.9) ** 2 + (z / 0.9) ** 2)
    wave = radius + 0.15 * np.sin(5 * x) * np.cos(6 * y)
    tissue = np.where(radius > 1, 0.0, np.where(radius > 0.9, 60.0, np.where(wave < 0.5, 150.0, 100.0)))
    field = 0.3 * (x * x - 0.5 * y + 0.4 * x * z)
    value = tissue * np.exp(field) + 3.0 + 6.0 * (hash_grid(*SIZE).astype(float) - 0.5)
    return value.astype(np.float32), radius <= 1, field


def log_field(array, mask, shrink):
    image, mask = sitk.GetImageFromArray(array), sitk.GetImageFromArray(mask.astype(np.uint8))
    tool = sitk.N4BiasFieldCorrectionImageFilter()
    tool.Execute(sitk.Shrink(image, [shrink] * 3), sitk.Shrink(mask, [shrink] * 3))
    return sitk.GetArrayFromImage(tool.GetLogBiasFieldAsImage(image)).astype(float)


def correlation_and_residual(found, truth, mask):
    off = (found - truth)[mask]
    return [float(np.corrcoef(found[mask], truth[mask])[0, 1]), float(off.std())]


def main():
    data = pathlib.Path(sys.argv[1]) / "volumes/head"
    cases = []
    array, mask, truth = phantom()
    for shrink in [1, 2]:
        field = log_field(array, mask, shrink)
        correlation, residual = correlation_and_residual(field, truth, mask)
        cases.append({
            "name": "phantom", "shrink": shrink, "step": 101,
            "field": [round(float(v), 5) for v in field[mask][::101]],
            "truth_correlation": correlation, "truth_residual": residual,
        })
    # Compared where both are fitted: GetLogBiasFieldAsImage of the full image stretches the lattice of the shrunken
    # one over it, which moves the field by up to half a shrunken voxel at the ends.
    for name, threshold, shrink in [("training_001_mr_T1.mha", 150, [4, 4, 2]), ("single_subj_T1.nii.gz", 0.25, [4, 4, 4])]:
        image = sitk.Cast(sitk.ReadImage(str(data / name)), sitk.sitkFloat32)
        small = sitk.Shrink(image, shrink)
        mask = sitk.Cast(small > threshold, sitk.sitkUInt8)
        tool = sitk.N4BiasFieldCorrectionImageFilter()
        tool.Execute(small, mask)
        taken = sitk.GetArrayFromImage(mask) > 0
        field = sitk.GetArrayFromImage(tool.GetLogBiasFieldAsImage(small))[taken]
        step = max(1, int(taken.sum() // 1500))
        cases.append({
            "name": name, "shrink": shrink, "threshold": threshold, "step": step, "taken": int(taken.sum()),
            "field": [round(float(v), 5) for v in field[::step]],
        })
    made_by = {"SimpleITK": sitk.Version_VersionString(), "numpy": np.__version__}
    print(json.dumps({"made_by": made_by, "cases": cases}))


if __name__ == "__main__":
    main()
