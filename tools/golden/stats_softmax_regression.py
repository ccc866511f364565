#!/usr/bin/env python3
"""Golden numbers of the linear probe, from scikit-learn's LogisticRegression.

    pip install scikit-learn
    python3 tools/golden/stats_softmax_regression.py

Writes crates/stats/tests/golden/softmax_regression.json: features and labels drawn by NumPy with a fixed seed, and the
weights, intercepts and probabilities that scikit-learn finds.
"""

import importlib.metadata
import json
import pathlib

import numpy as np
from sklearn.linear_model import LogisticRegression

TARGET = pathlib.Path(__file__).resolve().parents[2] / "crates/stats/tests/golden/softmax_regression.json"
generator = np.random.default_rng(20261126)


def case(cases, columns, classes, strength):
    labels = np.concatenate([np.arange(classes), generator.integers(0, classes, cases - classes)])
    centers = generator.normal(0, 0.8, (classes, columns))
    features = np.round(centers[labels] + generator.normal(0, 1, (cases, columns)), 3)
    asked = np.round(generator.normal(0, 1, (4, columns)), 3)
    model = LogisticRegression(C=strength, tol=1e-12, max_iter=100_000).fit(features, labels)
    return {
        "columns": columns,
        "classes": classes,
        "strength": strength,
        "features": features.ravel().tolist(),
        "labels": labels.tolist(),
        "weights": model.coef_.ravel().tolist(),
        "intercepts": model.intercept_.tolist(),
        "asked": asked.ravel().tolist(),
        "probabilities": model.predict_proba(asked).ravel().tolist(),
    }


golden = {
    "versions": {name: importlib.metadata.version(name) for name in ("numpy", "scikit-learn")},
    "cases": {
        "two classes": case(40, 5, 2, 1.0),
        "three classes": case(60, 4, 3, 0.5),
        "two cases in twelve dimensions": case(2, 12, 2, 1.0),
        "four classes, hardly held back": case(50, 6, 4, 20.0),
    },
}
TARGET.write_text(json.dumps(golden, indent=1) + "\n")
