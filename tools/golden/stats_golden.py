"""Golden numbers for crates/stats, from scikit-learn and SciPy.

Writes crates/stats/tests/golden/stats.json next to the repository this file lies in. Run with
    python tools/golden/stats_golden.py
The versions used are written into the file.
"""

import json
import pathlib
import platform

import numpy
import scipy
import scipy.optimize
import scipy.special
import scipy.stats
import sklearn
import sklearn.covariance
import sklearn.metrics
import statsmodels
import statsmodels.api

OUT = pathlib.Path(__file__).resolve().parents[2] / "crates/stats/tests/golden/stats.json"
generator = numpy.random.default_rng(20240229)


def plain(value):
    """NumPy values as JSON ones."""
    if isinstance(value, numpy.ndarray):
        return value.tolist()
    if isinstance(value, (numpy.floating, numpy.integer, numpy.bool_)):
        return value.item()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def calibration_error(probabilities, outcomes, bins):
    """Expected calibration error over equal bins that hold their upper edge (NumPy digitize, right)."""
    bin_of = numpy.digitize(probabilities, numpy.linspace(0, 1, bins + 1)[1:-1], right=True)
    gaps = [
        (bin_of == b).mean() * abs(probabilities[bin_of == b].mean() - outcomes[bin_of == b].mean())
        for b in range(bins)
        if (bin_of == b).any()
    ]
    return sum(gaps)


def binary():
    """150 cases of two kinds, scores rounded so that many tie."""
    positives = generator.random(150) < 0.35
    logits = numpy.round(generator.normal(numpy.where(positives, 1.2, -1.0), 1.7), 1)
    probabilities = scipy.special.expit(logits)
    brier = sklearn.metrics.brier_score_loss(positives, probabilities)
    return {
        "logits": logits,
        "positives": positives,
        "probabilities": probabilities,
        "roc_auc": sklearn.metrics.roc_auc_score(positives, logits),
        "average_precision": sklearn.metrics.average_precision_score(positives, logits),
        "brier": brier,
        "log_loss": sklearn.metrics.log_loss(positives, probabilities),
        "calibration_error_10": calibration_error(probabilities, positives, 10),
        "calibration_error_15": calibration_error(probabilities, positives, 15),
        **temperature(numpy.stack([numpy.zeros_like(logits), logits], axis=1), positives.astype(int)),
        "recalibration": logistic_recalibration(logits, positives),
    }


def logistic_recalibration(logits, positives):
    """Slope and intercept of the logits, and their robust covariance, by statsmodels (without a prior)."""
    fit = statsmodels.api.Logit(positives.astype(float), numpy.stack([logits, numpy.ones_like(logits)], axis=1))
    fit = fit.fit(disp=False, cov_type="HC0")
    return {"slope": fit.params[0], "bias": fit.params[1], "covariance": fit.cov_params().ravel()}


def recalibration(logits, labels, prior=10.0):
    """Slope and biases by general minimization, and the sandwich covariance by finite differences."""
    classes = logits.shape[1]
    rows = numpy.arange(len(labels))

    def losses(at):
        bias = numpy.concatenate([[0.0], at[1:]])
        return -scipy.special.log_softmax(at[0] * logits + bias, axis=1)[rows, labels]

    start = numpy.zeros(classes)
    start[0] = 1.0

    def objective(at):
        return losses(at).sum() + ((at - start) ** 2).sum() / (2 * prior**2)

    best = scipy.optimize.minimize(objective, start, method="BFGS", options={"gtol": 1e-7}).x
    step, unit = 1e-4, numpy.eye(classes) * 1e-4
    gradients = numpy.array([(losses(best + u) - losses(best - u)) / (2 * step) for u in unit])
    hessian = numpy.array(
        [
            [
                (objective(best + u + v) - objective(best + u - v) - objective(best - u + v) + objective(best - u - v))
                / (4 * step**2)
                for v in unit
            ]
            for u in unit
        ]
    )
    inverse = numpy.linalg.inv(hessian)
    return {
        "slope": best[0],
        "bias": numpy.concatenate([[0.0], best[1:]]),
        "covariance": (inverse @ gradients @ gradients.T @ inverse).ravel(),
        "loss_after": losses(best).mean(),
    }


def temperature(logits, labels):
    """Best temperature by bounded scalar minimization of the mean negative log-likelihood."""

    def loss(log_temperature):
        scaled = scipy.special.log_softmax(logits / numpy.exp(log_temperature), axis=1)
        return -scaled[numpy.arange(len(labels)), labels].mean()

    best = scipy.optimize.minimize_scalar(
        loss, bounds=(numpy.log(0.01), numpy.log(100)), method="bounded", options={"xatol": 1e-12}
    )
    return {"temperature": numpy.exp(best.x), "loss_before": loss(0.0), "loss_after": best.fun}


def multiclass():
    """120 cases of four classes."""
    labels = generator.integers(0, 4, 120)
    logits = generator.normal(0, 1.5, (120, 4))
    logits[numpy.arange(120), labels] += 1.3
    logits = numpy.round(2.5 * logits, 2)
    probabilities = scipy.special.softmax(logits, axis=1)
    predicted = logits.argmax(axis=1)
    one_hot = numpy.eye(4)[labels]
    precision, recall, f1, _ = sklearn.metrics.precision_recall_fscore_support(labels, predicted)
    negative = [labels != c for c in range(4)]
    return {
        "classes": 4,
        "labels": labels,
        "logits": logits.ravel(),
        "probabilities": probabilities.ravel(),
        "predicted": predicted,
        "one_vs_rest_auc": [sklearn.metrics.roc_auc_score(one_hot[:, c], probabilities[:, c]) for c in range(4)],
        "macro_auc": sklearn.metrics.roc_auc_score(labels, probabilities, multi_class="ovr", average="macro"),
        "brier": ((probabilities - one_hot) ** 2).sum(axis=1).mean(),
        "log_loss": sklearn.metrics.log_loss(labels, probabilities),
        "calibration_error_15": calibration_error(probabilities.max(axis=1), predicted == labels, 15),
        "confusion": sklearn.metrics.confusion_matrix(labels, predicted),
        "accuracy": sklearn.metrics.accuracy_score(labels, predicted),
        "balanced_accuracy": sklearn.metrics.balanced_accuracy_score(labels, predicted),
        "macro_f1": sklearn.metrics.f1_score(labels, predicted, average="macro"),
        "sensitivity": recall,
        "specificity": [(predicted[n] != c).mean() for c, n in enumerate(negative)],
        "precision": precision,
        "f1": f1,
        **temperature(logits, labels),
        "recalibration": recalibration(logits, labels),
    }


def order():
    """Quantiles and spread of 37 values."""
    values = generator.standard_cauchy(37)
    shares = [0.0, 0.01, 0.025, 0.25, 0.5, 0.9, 0.975, 1.0]
    return {
        "values": values,
        "shares": shares,
        "quantiles": numpy.quantile(values, shares),
        "inverted_cdf": numpy.quantile(values, shares, method="inverted_cdf"),
        "mad": scipy.stats.median_abs_deviation(values),
    }


def proportions():
    """Wilson intervals and normal quantiles."""
    cases = [(0, 10, 0.95), (1, 10, 0.9), (7, 20, 0.95), (50, 50, 0.99), (612, 624, 0.95)]

    def interval(k, n, level):
        found = scipy.stats.binomtest(k, n).proportion_ci(level, method="wilson")
        return [found.low, found.high]

    chances = [1e-300, 1e-20, 1e-10, 1e-4, 0.025, 0.07, 0.08, 0.3, 0.5, 0.6, 0.95, 0.999, 1 - 1e-12]
    return {
        "wilson": [{"successes": k, "trials": n, "level": c, "interval": interval(k, n, c)} for k, n, c in cases],
        "chances": chances,
        "normal_quantiles": scipy.special.ndtri(chances),
    }


def distances():
    """Mahalanobis distances under the Ledoit-Wolf covariance: many cases, few cases, two classes."""

    def one(cases, features, classes):
        mix = generator.normal(size=(features, features))
        labels = numpy.arange(cases) % classes
        rows = generator.normal(size=(cases, features)) @ mix + 3.0 * labels[:, None]
        means = numpy.stack([rows[labels == c].mean(axis=0) for c in range(classes)])
        estimator = sklearn.covariance.LedoitWolf(assume_centered=True).fit(rows - means[labels])
        queries = generator.normal(0, 4, (5, features))
        squared = [
            min((q - m) @ estimator.precision_ @ (q - m) for m in means) for q in queries
        ]
        return {
            "features": features,
            "classes": classes,
            "rows": rows.ravel(),
            "labels": labels,
            "shrinkage": estimator.shrinkage_,
            "queries": queries,
            "squared": squared,
        }

    return [one(40, 5, 1), one(8, 12, 1), one(30, 4, 2)]


def bootstrap():
    """Percentile intervals whose ends other seeds reach within sampling noise."""
    values = generator.gamma(2.0, 3.0, 60)
    found = scipy.stats.bootstrap(
        (values,), numpy.mean, n_resamples=100_000, method="percentile", confidence_level=0.95, rng=generator
    )
    draws = found.bootstrap_distribution
    return {
        "values": values,
        "level": 0.95,
        "estimate": values.mean(),
        "low": found.confidence_interval.low,
        "high": found.confidence_interval.high,
        "standard_deviation": draws.std(),
    }


OUT.parent.mkdir(parents=True, exist_ok=True)
golden = {
    "made_by": "tools/golden/stats_golden.py",
    "versions": {
        "python": platform.python_version(),
        "numpy": numpy.__version__,
        "scipy": scipy.__version__,
        "scikit-learn": sklearn.__version__,
        "statsmodels": statsmodels.__version__,
    },
    "binary": binary(),
    "multiclass": multiclass(),
    "order": order(),
    "proportions": proportions(),
    "distances": distances(),
    "bootstrap": bootstrap(),
}
# One section a line: small enough to commit, and a change shows where it is.
lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(section)}" for name, section in plain(golden).items())
OUT.write_text("{\n" + lines + "\n}\n")
