#!/usr/bin/env python3
"""Golden labels of sliding windows from MONAI's sliding_window_inference.

    python3 tools/golden/nets_sliding.py

Writes crates/nets/tests/golden/sliding.json: for each case the grid, the window, the overlap, the labels, and the places
where the two means of logits are nearly the same. The weights are those of MONAI's Gaussian without its floor of a
thousandth, as nnU-Net has them: they come from here, so large that the floor does not reach them.
"""

import json
import pathlib

import monai
import torch
from monai.inferers import sliding_window_inference

TARGET = pathlib.Path(__file__).resolve().parents[2] / "crates/nets/tests/golden/sliding.json"


def image(size):
    slices, rows, columns = (torch.arange(side) for side in size)
    mark = (slices[:, None, None] * 7 + rows[None, :, None] * 3 + columns[None, None, :] * 5) % 11
    return (mark.double() / 11)[None, None]


def look(window):
    """Two logits that depend on where in the window a place lies, so that overlapping windows disagree."""
    slices, rows, columns = window.shape[2:]
    down = (torch.arange(rows).double() / rows)[:, None]
    along = (torch.arange(columns).double() / columns)[None, :]
    deep = (torch.arange(slices).double() / slices)[:, None, None]
    return torch.cat([window * (1 + down), (1 - window) * (0.5 + along + deep)], dim=1)


def weights(window):
    """A Gaussian about the middle with an eighth of each side as standard deviation."""
    whole = torch.ones(window, dtype=torch.double)
    for axis, side in enumerate(window):
        away = torch.arange(side).double() - (side - 1) / 2
        shape = [1] * len(window)
        shape[axis] = side
        whole = whole * torch.exp(-0.5 * (away / (0.125 * side)) ** 2).reshape(shape)
    return whole * 1e12


cases = []
for size, window, overlap in [((1, 20, 23), (1, 8, 8), 0.5), ((9, 12, 10), (4, 6, 5), 0.25), ((7, 8, 16), (7, 8, 6), 0.6)]:
    found = sliding_window_inference(
        image(size), window, sw_batch_size=1, predictor=look, overlap=overlap, roi_weight_map=weights(window)
    )[0]
    apart = (found[0] - found[1]).abs()
    cases.append({
        "grid": size, "window": window, "overlap": overlap,
        "labels": "".join(str(label) for label in found.argmax(0).flatten().tolist()),
        "close": [place for place, value in enumerate(apart.flatten().tolist()) if value < 1e-5],
    })
TARGET.parent.mkdir(parents=True, exist_ok=True)
TARGET.write_text(json.dumps({"source": f"MONAI {monai.__version__}; tools/golden/nets_sliding.py", "cases": cases}) + "\n")
print([(len(case["labels"]), len(case["close"]), case["labels"].count("1")) for case in cases])
