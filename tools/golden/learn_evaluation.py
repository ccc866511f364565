#!/usr/bin/env python3
"""Golden figures of whole tables of predictions, from scikit-learn and SciPy.

    python3 tools/golden/learn_evaluation.py

Writes crates/learn/tests/golden/evaluation.json: the tables as CSV text, and what is expected of them.
"""

import csv
import importlib.metadata
import io
import json
import pathlib

import numpy as np
import scipy.optimize
import scipy.special
import scipy.stats
from sklearn import metrics
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression

TARGET = pathlib.Path(__file__).resolve().parents[2] / "crates/learn/tests/golden/evaluation.json"
generator = np.random.default_rng(20261126)
LABELS = ["benign", "malignant", "normal"]
BINS = 10


def predictions(truth, classes, skill):
    """Probabilities with six decimals that know something of the truth and promise too much."""
    logits = generator.normal(0, 1, (len(truth), classes)) + skill * np.eye(classes)[truth]
    return np.round(scipy.special.softmax(1.4 * logits, axis=1), 6)


def table(header, rows):
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def calibration_error(promised, came_true):
    """Bins are open below and closed above, as in Guo et al."""
    edges = np.arange(1, BINS) / BINS
    place = np.searchsorted(edges, promised, side="left")
    return sum(abs(promised[place == bin].sum() - came_true[place == bin].sum()) for bin in range(BINS)) / len(promised)


def ends(statistic, count, draws=4000):
    values = []
    for _ in range(draws):
        values.append(statistic(generator.integers(0, count, count)))
    values = np.array(values)
    return {"low": np.quantile(values, 0.025), "high": np.quantile(values, 0.975), "deviation": values.std()}


def averages(truth, called, average):
    found = metrics.precision_recall_fscore_support(truth, called, average=average, zero_division=np.nan)
    return {"precision": found[0], "recall": found[1], "f1": found[2]}


def several():
    count = 180
    truth = generator.choice(3, count, p=[0.5, 0.3, 0.2])
    values = predictions(truth, 3, 1.2)
    values = values / values.sum(axis=1, keepdims=True)
    called = values.argmax(axis=1)
    names = np.array(LABELS)[truth]
    text = table(["image"] + LABELS + ["label"], [[f"c{i:03}.png", *map(repr, map(float, values[i])), names[i]] for i in range(count)])
    one = np.eye(3)[truth].astype(bool)
    confusion = metrics.confusion_matrix(truth, called)
    specificity = [(~one[:, c] & (called != c)).sum() / (~one[:, c]).sum() for c in range(3)]
    macro = lambda rows: metrics.roc_auc_score(truth[rows], values[rows], multi_class="ovr", average="macro")
    balanced = lambda rows: metrics.balanced_accuracy_score(truth[rows], called[rows])
    return {
        "table": text,
        "confusion": confusion,
        "specificity": specificity,
        "per_label": averages(truth, called, None),
        "macro": averages(truth, called, "macro"),
        "micro": averages(truth, called, "micro"),
        "weighted": averages(truth, called, "weighted"),
        "kappa": metrics.cohen_kappa_score(truth, called),
        "headlines": {
            "roc_auc": metrics.roc_auc_score(truth, values, multi_class="ovr", average="macro"),
            "average_precision": np.mean([metrics.average_precision_score(one[:, c], values[:, c]) for c in range(3)]),
            "accuracy": metrics.accuracy_score(truth, called),
            "balanced_accuracy": metrics.balanced_accuracy_score(truth, called),
            "macro_f1": metrics.f1_score(truth, called, average="macro"),
            "matthews_correlation": metrics.matthews_corrcoef(truth, called),
            "brier": ((values - one) ** 2).sum(axis=1).mean(),
            "log_loss": metrics.log_loss(truth, values),
            "calibration_error": calibration_error(values.max(axis=1), called == truth),
        },
        "roc_auc": [metrics.roc_auc_score(one[:, c], values[:, c]) for c in range(3)],
        "average_precision": [metrics.average_precision_score(one[:, c], values[:, c]) for c in range(3)],
        "macro_auc_interval": ends(macro, count),
        "balanced_accuracy_interval": ends(balanced, count),
    }


def two():
    count = 160
    truth = (generator.random(count) < 0.35).astype(int)
    first, second = predictions(truth, 2, 1.5)[:, 1], predictions(truth, 2, 0.8)[:, 1]
    as_text = lambda values: table(["id", "sick"], [[i, repr(float(values[i]))] for i in range(count)])
    truth_text = table(["id", "label", "patient"], [[i, ["well", "sick"][truth[i]], f"p{i // 2}"] for i in range(count)])
    positive = truth.astype(bool)
    odds = scipy.special.logit(np.clip(first, 1e-6, 1 - 1e-6))
    line = LogisticRegression(C=np.inf, tol=1e-12, max_iter=1000).fit(odds[:, None], truth)
    large = scipy.optimize.brentq(lambda a: (scipy.special.expit(odds + a) - truth).sum(), -5, 5, xtol=1e-14)
    false_positive, sensitivity, thresholds = metrics.roc_curve(truth, first, drop_intermediate=False)
    youden = thresholds[1:][np.argmax((sensitivity - false_positive)[1:])]
    at_ninety = thresholds[np.argmax(sensitivity >= 0.9)]
    observed, promised = calibration_curve(truth, first, n_bins=BINS)
    called = first >= 0.5 + 1e-15
    other_called = second >= 0.5 + 1e-15
    only = [int(((called == positive) & (other_called != positive)).sum()), int(((called != positive) & (other_called == positive)).sum())]
    benefit = lambda t: ((first >= t) & positive).mean() - ((first >= t) & ~positive).mean() * t / (1 - t)
    clusters = np.arange(count) // 2
    pairs = np.arange(count).reshape(-1, 2)

    def by_patient(statistic, draws=4000):
        values = []
        for _ in range(draws):
            values.append(statistic(pairs[generator.integers(0, len(pairs), len(pairs))].ravel()))
        values = np.array(values)
        return {"low": np.quantile(values, 0.025), "high": np.quantile(values, 0.975), "deviation": values.std()}

    assert len(set(clusters)) == len(pairs)
    shift = scipy.stats.ks_2samp(second, first, method="exact")
    return {
        "first": as_text(first),
        "second": as_text(second),
        "truth": truth_text,
        "headlines": {
            "roc_auc": metrics.roc_auc_score(truth, first),
            "average_precision": metrics.average_precision_score(truth, first),
            "accuracy": metrics.accuracy_score(truth, called),
            "brier": metrics.brier_score_loss(truth, first),
            "log_loss": metrics.log_loss(truth, first),
            "calibration_error": calibration_error(first, positive),
            "matthews_correlation": metrics.matthews_corrcoef(truth, called),
        },
        "second_headlines": {
            "roc_auc": metrics.roc_auc_score(truth, second),
            "brier": metrics.brier_score_loss(truth, second),
        },
        "slope": float(line.coef_[0, 0]),
        "intercept": float(line.intercept_[0]),
        "in_the_large": large,
        "youden": youden,
        "at_ninety": at_ninety,
        "reliability": [promised, observed],
        "benefit": [[t, benefit(t)] for t in (0.1, 0.25, 0.5, 0.75)],
        "only_right": only,
        "mcnemar": scipy.stats.binomtest(only[0], sum(only)).pvalue,
        "auc_by_patient": by_patient(lambda rows: metrics.roc_auc_score(truth[rows], first[rows])),
        "kolmogorov_smirnov": [shift.statistic, shift.pvalue],
    }


def plain(value):
    if isinstance(value, np.ndarray):
        return [plain(item) for item in value.tolist()]
    if isinstance(value, (np.floating, np.integer)):
        return value.item()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


if __name__ == "__main__":
    versions = {name: importlib.metadata.version(name) for name in ["scikit-learn", "scipy", "numpy"]}
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(json.dumps(plain({"versions": versions, "several": several(), "two": two()})) + "\n")
