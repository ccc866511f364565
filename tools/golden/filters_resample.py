#!/usr/bin/env python3
"""Golden numbers of resampling from SimpleITK, on grids that are parallel, turned and oblique.

    python3 tools/golden/filters_resample.py > crates/filters/tests/golden/resample.json
"""

import json

import numpy as np
import SimpleITK as sitk

from rules import hash_grid

OUTSIDE = -77.0
STEP = 19


def turn(*degrees):
    """Rotations about left, posterior, superior, one after the other."""
    a, b, c = np.radians(degrees)
    x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return x @ y @ z


def grid(size, spacing, center, axes):
    """A grid about a center; the columns of `axes` are its directions."""
    origin = np.array(center) - axes @ ((np.array(size) - 1) / 2 * np.array(spacing))
    return {"size": list(size), "spacing": list(spacing), "origin": origin.tolist(), "axes": axes.T.tolist()}


def placed(image, where):
    image.SetSpacing(where["spacing"])
    image.SetOrigin(where["origin"])
    image.SetDirection(np.array(where["axes"]).T.ravel().tolist())
    return image


def onto(image, where, how, outside):
    tool = sitk.ResampleImageFilter()
    tool.SetSize(where["size"])
    tool.SetOutputSpacing(where["spacing"])
    tool.SetOutputOrigin(where["origin"])
    tool.SetOutputDirection(np.array(where["axes"]).T.ravel().tolist())
    tool.SetInterpolator(how)
    tool.SetDefaultPixelValue(outside)
    return sitk.GetArrayFromImage(tool.Execute(image)).ravel()


def main():
    lean = turn(12, -7, 25)
    center = [4.0, -31.0, 102.0]
    source = grid([23, 19, 17], [0.8, 1.1, 2.5], center, lean)
    swap = np.array([[0, 0, -1], [1, 0, 0], [0, 1, 0]])
    targets = {
        # A little off the center: a place halfway between two labels is anybody's.
        "parallel, 1 mm": grid([18, 21, 43], [1.0, 1.0, 1.0], [4.013, -30.973, 102.041], lean),
        "parallel, coarser and beyond": grid([21, 9, 11], [1.7, 2.9, 5.3], [5.1, -30.2, 99.0], lean),
        "axes exchanged and reversed": grid([33, 15, 22], [1.3, 0.9, 1.21], center, lean @ swap),
        "oblique": grid([25, 24, 28], [0.9, 1.2, 1.6], [2.0, -29.0, 104.0], turn(-20, 30, 11)),
        "to the axes": grid([24, 26, 20], [1.0, 1.0, 2.0], center, np.eye(3)),
    }
    values = np.float32(1000) * hash_grid(23, 19, 17)
    labels = np.floor(np.float32(4) * hash_grid(23, 19, 17)).astype(np.uint16)
    image = placed(sitk.GetImageFromArray(values), source)
    label_image = placed(sitk.GetImageFromArray(labels), source)
    cases = []
    for name, where in targets.items():
        case = {"name": name, "target": where}
        for how, tool in [("nearest", sitk.sitkNearestNeighbor), ("linear", sitk.sitkLinear), ("cubic", sitk.sitkBSpline)]:
            found = onto(image, where, tool, OUTSIDE)
            case[how] = [round(float(value), 3) for value in found[::STEP]]
            case[f"{how}_outside"] = int((found == OUTSIDE).sum())
        for how, tool in [("label_nearest", sitk.sitkNearestNeighbor), ("label_linear", sitk.sitkLabelLinear)]:
            found = onto(label_image, where, tool, 0)
            case[how] = [int(value) for value in found[::STEP]]
            case[f"{how}_counts"] = np.bincount(found, minlength=4).tolist()
        cases.append(case)
    made_by = {"SimpleITK": sitk.Version_VersionString(), "numpy": np.__version__}
    print(json.dumps({"made_by": made_by, "outside": OUTSIDE, "step": STEP, "source": source, "cases": cases}))


if __name__ == "__main__":
    main()
