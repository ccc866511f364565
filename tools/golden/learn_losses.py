#!/usr/bin/env python3
"""Golden losses of segmentation from MONAI's DiceLoss and DiceCELoss, and from PyTorch's binary cross-entropy.

    python3 tools/golden/learn_losses.py

Writes crates/learn/tests/golden/losses.json: logits, targets and the loss of each case.
"""

import json
import pathlib

import monai
import torch
from monai.losses import DiceCELoss, DiceLoss

TARGET = pathlib.Path(__file__).resolve().parents[2] / "crates/learn/tests/golden/losses.json"
generator = torch.Generator().manual_seed(20261126)
cases = []


def case(name, shape, output, dice, entropy, over_batch, loss, empty=False):
    """Logits of two-digit numbers, so that the file is short and the numbers are the same in both programs."""
    logits = (torch.randn(shape, generator=generator) * 150).round() / 100
    if output == "softmax":
        label = torch.randint(0, shape[1], (shape[0], *shape[2:]), generator=generator)
        if empty:
            label[0] = 0
        targets = torch.nn.functional.one_hot(label, shape[1]).movedim(-1, 1).float()
    else:
        targets = (torch.rand(shape, generator=generator) > 0.6).float()
        if empty:
            targets[0] = 0
    cases.append({
        "name": name, "shape": list(shape), "output": output, "dice": dice, "entropy": entropy,
        "over_batch": over_batch, "logits": [round(value, 2) for value in logits.flatten().tolist()],
        "targets": targets.flatten().tolist(), "loss": loss(logits, targets).item(),
    })


common = {"smooth_nr": 1e-5, "smooth_dr": 1e-5}
two, three, flat = (2, 2, 1, 4, 5), (2, 3, 2, 3, 4), (3, 1, 1, 4, 5)
for batch in (False, True):
    softmax = {"softmax": True, "include_background": False, "batch": batch, **common}
    sigmoid = {"sigmoid": True, "batch": batch, **common}
    words = "over the batch" if batch else "image by image"
    case(f"Dice of two classes {words}", two, "softmax", 1.0, 0.0, batch, DiceLoss(**softmax))
    case(f"Dice of three classes {words}, one image empty", three, "softmax", 1.0, 0.0, batch, DiceLoss(**softmax), True)
    case(f"Dice of a sigmoid {words}", flat, "sigmoid", 1.0, 0.0, batch, DiceLoss(**sigmoid))
    case(f"Dice and cross-entropy of three classes {words}", three, "softmax", 1.0, 1.0, batch, DiceCELoss(**softmax))
    case(f"the same, weighted, {words}", three, "softmax", 0.5, 2.0, batch,
         DiceCELoss(lambda_dice=0.5, lambda_ce=2.0, **softmax))
    case(f"Dice and binary cross-entropy {words}, one image empty", flat, "sigmoid", 1.0, 1.0, batch,
         DiceCELoss(**sigmoid), True)
case("binary cross-entropy of two classes", two, "sigmoid", 0.0, 1.0, False,
     torch.nn.functional.binary_cross_entropy_with_logits)
TARGET.write_text(json.dumps({
    "source": f"MONAI {monai.__version__}, PyTorch {torch.__version__}; tools/golden/learn_losses.py",
    "cases": cases,
}) + "\n")
print(len(cases), "cases")
