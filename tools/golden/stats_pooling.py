#!/usr/bin/env python3
"""Golden numbers of logarithmic pooling, from scipy, and of stacking, from scikit-learn's LogisticRegression.

    pip install scikit-learn scipy
    python3 tools/golden/stats_pooling.py

Writes crates/stats/tests/golden/pooling.json. The pool is made of the sources' distributions over "is not" and "is": the
normalized product of the base rate's and each source's over its own base rate's, to the power of its weight (scipy's softmax of
the sum of logarithms), not of log odds as in the crate.
"""

import importlib.metadata
import json
import pathlib

import numpy as np
from scipy.special import logit, softmax
from sklearn.linear_model import LogisticRegression

TARGET = pathlib.Path(__file__).resolve().parents[2] / "crates/stats/tests/golden/pooling.json"
generator = np.random.default_rng(20261127)


def both(probability):
    return np.array([1 - probability, probability])


def pool(count):
    base = float(np.round(generator.uniform(0.01, 0.99), 4))
    sources = np.round(generator.uniform([0.01, 0.01, 0.0], [0.99, 0.99, 2.0], (count, 3)), 4)
    logs = np.log(both(base))
    for probability, rate, weight in sources:
        logs = logs + weight * (np.log(both(probability)) - np.log(both(rate)))
    return {"base_rate": base, "sources": sources.tolist(), "probability": float(softmax(logs)[1])}


def stack(cases, sources, strength):
    positives = generator.random(cases) < 0.35
    quality = generator.uniform(0.0, 2.0, sources)
    values = np.round(generator.normal(0, 1.2, (cases, sources)) + np.outer(positives - 0.5, quality), 4)
    asked = np.round(generator.normal(0, 1, (4, sources)), 4)
    model = LogisticRegression(C=strength, tol=1e-12, max_iter=100_000).fit(values, positives)
    return {
        "sources": sources,
        "strength": strength,
        "log_odds": values.ravel().tolist(),
        "positives": [bool(positive) for positive in positives],
        "weights": model.coef_[0].tolist(),
        "intercept": float(model.intercept_[0]),
        "asked": asked.ravel().tolist(),
        "answered": logit(model.predict_proba(asked)[:, 1]).tolist(),
    }


golden = {
    "versions": {name: importlib.metadata.version(name) for name in ("numpy", "scipy", "scikit-learn")},
    "pools": [pool(count) for count in (0, 1, 2, 3, 5, 8)],
    "stacks": [stack(60, 2, 1.0), stack(200, 3, 0.1), stack(40, 1, 100.0)],
}
TARGET.write_text(json.dumps(golden, indent=1) + "\n")
