#!/usr/bin/env python3
"""Golden numbers of the linear probe, from scikit-learn's LogisticRegression, and of weighted terms, from its TfidfVectorizer.

    pip install scikit-learn
    python3 tools/golden/stats_softmax_regression.py

Writes crates/stats/tests/golden/softmax_regression.json: features and labels drawn by NumPy with a fixed seed, and the
weights, intercepts and probabilities that scikit-learn finds; of some sentences the terms, their weights and what the same
classifier makes of them.
"""

import importlib.metadata
import json
import pathlib

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
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


SENTENCES = [
    ("No focal consolidation, pleural effusion or pneumothorax.", 0),
    ("Large right pleural effusion with adjacent atelectasis.", 1),
    ("Heart size is normal; no pleural effusion.", 0),
    ("A 12 mm nodule in the left upper lobe.", 1),
    ("The lungs are clear.", 0),
    ("Moderate cardiomegaly, 2 nodules, and a small left effusion, small as before.", 1),
]


def texts(order, least, strength):
    sentences, labels = zip(*SENTENCES)
    terms = TfidfVectorizer(ngram_range=(1, order), min_df=least)
    weights = terms.fit_transform(sentences)
    model = LogisticRegression(C=strength, tol=1e-12, max_iter=100_000).fit(weights, labels)
    return {
        "order": order,
        "least": least,
        "strength": strength,
        "sentences": sentences,
        "labels": labels,
        "terms": terms.get_feature_names_out().tolist(),
        "weights": [[[int(at), row[0, at]] for at in sorted(row.indices)] for row in weights],
        "probabilities": model.predict_proba(weights)[:, 1].tolist(),
    }


golden = {
    "versions": {name: importlib.metadata.version(name) for name in ("numpy", "scikit-learn")},
    "cases": {
        "two classes": case(40, 5, 2, 1.0),
        "three classes": case(60, 4, 3, 0.5),
        "two cases in twelve dimensions": case(2, 12, 2, 1.0),
        "four classes, hardly held back": case(50, 6, 4, 20.0),
    },
    "texts": [texts(1, 1, 1.0), texts(2, 1, 10.0), texts(2, 2, 1.0)],
}
TARGET.write_text(json.dumps(golden, indent=1) + "\n")
