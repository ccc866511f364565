#!/usr/bin/env python3
"""Golden labels of sliding windows from MONAI's sliding_window_inference.

    python3 tools/golden/nets_sliding.py

Writes crates/nets/tests/golden/sliding.json: for each case the grid, the window, the overlap, the labels, and the places
where the two means of logits lie so close together that MONAI's floor under its weights may decide.
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


cases = []
for size, window, overlap in [((1, 20, 23), (1, 8, 8), 0.5), ((9, 12, 10), (4, 6, 5), 0.25), ((7, 8, 16), (7, 8, 6), 0.6)]:
    found = sliding_window_inference(
        image(size), window, sw_batch_size=1, predictor=look, overlap=overlap, mode="gaussian", sigma_scale=0.125
    )[0]
    apart = (found[0] - found[1]).abs()
    cases.append({
        "grid": size, "window": window, "overlap": overlap,
        "labels": "".join(str(label) for label in found.argmax(0).flatten().tolist()),
        "close": [place for place, value in enumerate(apart.flatten().tolist()) if value < 0.01],
    })
TARGET.parent.mkdir(parents=True, exist_ok=True)
TARGET.write_text(json.dumps({"source": f"MONAI {monai.__version__}; tools/golden/nets_sliding.py", "cases": cases}) + "\n")
print([(len(case["labels"]), len(case["close"]), case["labels"].count("1")) for case in cases])
