#!/usr/bin/env python3
"""What Captum's TCAV and scikit-learn answer, for `crates/nets/src/explain/concept/tests.rs`.

    pip install torch captum scikit-learn
    python3 tools/golden/nets_concepts.py

Weights and inputs are made by rule (see `nets_architectures.py`), the same here and there. A convolution, the mean of each
channel, a hidden layer with a bent response, a linear layer: so the gradient at the means differs from image to image.
Captum asks a classifier of ours for the vector, since its own has no end that another program could find again:
scikit-learn's logistic regression on the same numbers, to the last digit.
"""

import importlib.metadata
import json
import pathlib
import sys
import tempfile

import numpy as np
import torch
from captum.concept import TCAV, Classifier, Concept
from nets_architectures import by_rule, filled
from sklearn.linear_model import LogisticRegression
from torch import nn

TARGET = pathlib.Path(__file__).resolve().parents[2] / "crates/nets/tests/golden/concepts.json"
SIDE = 6
COUNT = 12
EXPLAINED = 15
STRENGTH = 0.7


class Means(nn.Module):
    def forward(self, value):
        return value.flatten(2).mean(2)


class Bent(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(1, 5, 3, padding=1)
        self.active = nn.ReLU()
        self.means = Means()
        self.hidden = nn.Linear(5, 8)
        self.scorer = nn.Linear(8, 3)

    def forward(self, value):
        value = self.means(self.active(self.first(value)))
        return self.scorer(torch.tanh(4 * self.hidden(value)))


def images(name, count, brighter=0.0):
    """Noise about 0, the left half brighter by so much."""
    value = np.float32(2) * by_rule(name, count * SIDE * SIDE) - np.float32(1)
    value = value.reshape(count, 1, SIDE, SIDE)
    value[..., : SIDE // 2] += np.float32(brighter)
    return torch.from_numpy(value)


class Line(Classifier):
    def __init__(self):
        self.direction = None

    def train_and_eval(self, dataloader, test_split_ratio=0.33, random_state=None):
        rows, labels = [], []
        for row, label in dataloader:
            rows.append(row)
            labels.append(label)
        rows = torch.cat(rows).double().numpy()
        labels = torch.cat(labels).numpy()
        centered = rows - rows.mean(0)
        centered /= np.sqrt((centered**2).mean())
        # The concept has the number 0, the random images 1.
        line = LogisticRegression(C=STRENGTH, tol=1e-12, max_iter=100_000).fit(centered, labels == 0)
        self.direction = line.coef_[0] / np.linalg.norm(line.coef_[0])
        return {"accs": torch.tensor(line.score(centered, labels == 0))}

    def weights(self):
        one = torch.from_numpy(self.direction).float()
        return torch.stack([one, -one])

    def classes(self):
        return [0, 1]


def main():
    network = filled(Bent())
    explained = images("explained", EXPLAINED)
    sets = {0: ("concept", images("concept", COUNT, 0.4)), 1: ("random", images("random", COUNT))}
    concepts = [Concept(at, name, torch.utils.data.DataLoader(value, batch_size=COUNT)) for at, (name, value) in sets.items()]
    line = Line()
    names = ["torch", "captum", "scikit-learn", "numpy"]
    out = {
        "made_by": {
            "script": "tools/golden/nets_concepts.py",
            "python": sys.version.split()[0],
            **{name: importlib.metadata.version(name) for name in names},
        },
        "side": SIDE,
        "count": COUNT,
        "explained": EXPLAINED,
        "brighter": 0.4,
        "strength": STRENGTH,
        "shares": [],
        "gradients": [],
    }
    for label in range(3):
        with tempfile.TemporaryDirectory() as folder:
            tcav = TCAV(network, ["means"], classifier=line, save_path=folder)
            found = tcav.interpret(explained, [concepts], target=label)["0-1"]["means"]
        out["shares"].append(float(found["sign_count"][0]))
        means = network.means(network.active(network.first(explained))).detach().requires_grad_()
        network.scorer(torch.tanh(4 * network.hidden(means)))[:, label].sum().backward()
        out["gradients"].append([float(f"{value:.8g}") for value in means.grad.numpy().ravel()])
    out["direction"] = [float(f"{value:.12g}") for value in line.direction]
    TARGET.write_text(json.dumps(out, indent=1) + "\n")
    print(f"{TARGET}: shares {out['shares']}")


if __name__ == "__main__":
    main()
