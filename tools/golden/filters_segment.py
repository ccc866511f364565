#!/usr/bin/env python3
"""Golden sets, distances and thresholds from SciPy, scikit-image and SimpleITK.

    python3 tools/golden/filters_segment.py

Writes crates/filters/tests/golden/segment.json. The images are made by rule: `rules.py` and
`tests/all/segment.rs` have the same. Of a set there is the count, and the CRC-32
of its voxels packed eight to a byte, columns fastest.
"""

import json
import pathlib
import zlib

import numpy as np
import scipy
import SimpleITK as sitk
import skimage
from scipy import ndimage as ndi
from skimage import filters, morphology

from rules import hash_grid, hashed

TARGET = pathlib.Path(__file__).resolve().parents[2] / "crates/filters/tests/golden/segment.json"
SIZE = (40, 36, 20)
SPACING = (0.7, 0.8, 2.5)
SAMPLED = np.arange(0, SIZE[0] * SIZE[1] * SIZE[2], 193)


def smooth(columns, rows, slices, period):
    """Numbers at every `period`-th voxel, and straight lines between them; slices, rows, columns."""
    slice_, row, column = np.meshgrid(np.arange(slices), np.arange(rows), np.arange(columns), indexing="ij")
    cell = [axis // period for axis in (column, row, slice_)]
    part = [(axis % period) / period for axis in (column, row, slice_)]
    corner = lambda x, y, z: hashed(
        (cell[0] + x).astype(np.uint32), (cell[1] + y).astype(np.uint32), (cell[2] + z).astype(np.uint32)
    ).astype(np.float64)
    between = lambda a, b, at: a + (b - a) * at
    planes = [
        between(*[between(corner(0, y, z), corner(1, y, z), part[0]) for y in (0, 1)], part[1]) for z in (0, 1)
    ]
    return between(*planes, part[2]).astype(np.float32)


def packed(mask):
    bits = np.packbits(np.ascontiguousarray(mask, dtype=bool).ravel(), bitorder="little")
    return {"voxels": int(np.count_nonzero(mask)), "crc32": zlib.crc32(bits.tobytes())}


def sampled(values):
    return [float(v) for v in np.asarray(values, np.float64).ravel()[SAMPLED]]


def ball(radius, spacing=(1, 1, 1)):
    reach = [int(radius / step) for step in reversed(spacing)]
    z, y, x = np.meshgrid(*[np.arange(-r, r + 1) for r in reach], indexing="ij")
    return (x * spacing[0]) ** 2 + (y * spacing[1]) ** 2 + (z * spacing[2]) ** 2 <= radius**2 * (1 + 1e-6)


def pieces(mask, connectivity):
    labels, count = ndi.label(mask, ndi.generate_binary_structure(3, connectivity))
    # In the order of their first voxels.
    found, first = np.unique(labels.ravel(), return_index=True)
    order = [label for _, label in sorted(zip(first, found)) if label]
    boxes, sizes = ndi.find_objects(labels), np.bincount(labels.ravel())
    centers = ndi.center_of_mass(mask, labels, order)
    number = np.zeros(count + 1, int)
    number[order] = np.arange(1, count + 1)
    rows = []
    for label, center in list(zip(order, centers))[:25]:
        box = boxes[label - 1]
        rows.append([int(sizes[label]), *[int(s.start) for s in box[::-1]], *[int(s.stop) for s in box[::-1]], *[float(c) for c in center[::-1]]])
    return {"count": count, "first": rows, "labels": [int(v) for v in number[labels].ravel()[SAMPLED]]}


def main():
    field, noise = smooth(*SIZE, 8), hash_grid(*SIZE)
    mask, speckle = field > 0.5, noise > 0.7
    porous = noise > 0.25
    image = sitk.GetImageFromArray(field)
    image.SetSpacing(SPACING)
    whole = sitk.GetImageFromArray(mask.astype(np.uint8))
    whole.SetSpacing(SPACING)
    zyx = SPACING[::-1]
    elements = {
        "ball_1": ball(1), "ball_2": ball(2), "ball_3.5": ball(3.5),
        "ball_2.5_mm": ball(2.5, SPACING), "box_2_1_3": np.ones((7, 3, 5)),
    }
    morph = {}
    for name, element in elements.items():
        dilated = ndi.binary_dilation(mask, element)
        eroded = ndi.binary_erosion(mask, element, border_value=1)
        morph[name] = {
            "dilate": packed(dilated), "erode": packed(eroded),
            "open": packed(ndi.binary_dilation(eroded, element)),
            "close": packed(ndi.binary_erosion(dilated, element, border_value=1)),
        }
    seeds = [(20, 18, 10), (5, 6, 3)]
    confidence = {}
    for multiplier, iterations, radius in [(1.5, 0, 1), (1.5, 3, 2), (2.5, 4, 1)]:
        found = sitk.ConfidenceConnected(image, seeds, iterations, multiplier, radius, 1)
        confidence[f"{multiplier} {iterations} {radius}"] = packed(sitk.GetArrayFromImage(found) > 0)
    around = [float(field[z, y, x]) for x, y, z in seeds]
    low, high = min(around) - 0.1, max(around) + 0.1
    grown = sitk.ConnectedThreshold(image, seeds, float(np.float32(low)), float(np.float32(high)))
    size = (7, 3, 5)
    result = {
        "made_by": f"scipy {scipy.__version__}, scikit-image {skimage.__version__}, SimpleITK {sitk.__version__}",
        "otsu": float(filters.threshold_otsu(field)),
        "otsu_noise_64": float(filters.threshold_otsu(noise, nbins=64)),
        "multi_otsu_3": [float(v) for v in filters.threshold_multiotsu(field, 3)],
        "multi_otsu_4_64": [float(v) for v in filters.threshold_multiotsu(noise * field, 4, nbins=64)],
        "multi_otsu_5_32": [float(v) for v in filters.threshold_multiotsu(field, 5, nbins=32)],
        "hysteresis": packed(filters.apply_hysteresis_threshold(field, 0.55, 0.8)),
        "pieces": {str(c): pieces(speckle, c) for c in (1, 2, 3)},
        "large": packed(morphology.remove_small_objects(speckle, max_size=4, connectivity=1)),
        "filled": packed(ndi.binary_fill_holes(porous)),
        "filled_by_slice": packed([ndi.binary_fill_holes(plane) for plane in porous]),
        "morphology": morph,
        "to_outside": sampled(ndi.distance_transform_edt(mask, sampling=zyx)),
        "to_set": sampled(ndi.distance_transform_edt(~mask, sampling=zyx)),
        "to_few": sampled(ndi.distance_transform_edt(noise < 0.999, sampling=zyx)),
        "signed": sampled(sitk.GetArrayFromImage(sitk.SignedMaurerDistanceMap(whole, False, False, True))),
        "gray_dilate": sampled(ndi.grey_dilation(noise, size=size)),
        "gray_erode": sampled(ndi.grey_erosion(noise, size=size)),
        "white_top_hat": sampled(noise - ndi.grey_dilation(ndi.grey_erosion(noise, size=size), size=size)),
        "black_top_hat": sampled(ndi.grey_erosion(ndi.grey_dilation(noise, size=size), size=size) - noise),
        "grown": packed(sitk.GetArrayFromImage(grown) > 0),
        "confidence": confidence,
    }
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(json.dumps(result) + "\n")
    print(TARGET.stat().st_size, result["otsu"], result["multi_otsu_4_64"], {k: v["count"] for k, v in result["pieces"].items()})
    print(confidence, result["grown"], result["filled"], np.count_nonzero(porous), result["filled_by_slice"])


if __name__ == "__main__":
    main()
