#!/usr/bin/env python3
"""Golden values of the NT-Xent loss and its gradient, written with PyTorch's own cross-entropy.

    pip install torch
    python3 tools/golden/learn_contrastive.py

Writes crates/learn/tests/golden/contrastive.json. The rows are the first views of all images, then the second views, as
in SimCLR (Chen et al. 2020, arXiv:2002.05709, equation 1).
"""

import importlib.metadata
import json
import pathlib

import torch
from torch.nn import functional

TARGET = pathlib.Path(__file__).resolve().parents[2] / "crates/learn/tests/golden/contrastive.json"


def nt_xent(views, temperature):
    images = len(views) // 2
    units = functional.normalize(views, dim=1)
    similar = units @ units.T / temperature
    similar = similar.masked_fill(torch.eye(2 * images, dtype=torch.bool), float("-inf"))
    partner = torch.arange(2 * images).roll(images)
    return functional.cross_entropy(similar, partner)


def case(images, width, temperature, seed):
    generator = torch.Generator().manual_seed(seed)
    views = torch.randn(2 * images, width, generator=generator, dtype=torch.float64)
    views = torch.round(views, decimals=3).requires_grad_()
    loss = nt_xent(views, temperature)
    loss.backward()
    return {
        "images": images,
        "width": width,
        "temperature": temperature,
        "views": views.detach().flatten().tolist(),
        "loss": loss.item(),
        "gradient": views.grad.flatten().tolist(),
    }


golden = {
    "versions": {"torch": importlib.metadata.version("torch")},
    "cases": [case(2, 3, 0.5, 1), case(5, 8, 0.1, 2), case(8, 4, 1.0, 3)],
}
TARGET.write_text(json.dumps(golden, indent=1) + "\n")
