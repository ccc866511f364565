"""Golden numbers for the evaluation half of crates/stats: curves, tests, agreement, sets, drift, overlap.

Writes crates/stats/tests/golden/evaluation.json next to the repository this file lies in. Run with
    python tools/golden/stats_evaluation.py
Needs scikit-learn, SciPy, statsmodels, pingouin, irrCAC, MLstatkit, MAPIE, dcurves and surface-distance; the
versions used are written into the file.
"""

import importlib.metadata
import json
import pathlib
import platform
import warnings

import dcurves
import irrCAC.raw
import numpy
import pandas
import pingouin
import scipy.optimize
import scipy.spatial.distance
import scipy.special
import scipy.stats
import sklearn.base
import sklearn.calibration
import sklearn.isotonic
import sklearn.metrics
import sklearn.metrics.pairwise
import statsmodels.api
import statsmodels.stats.contingency_tables
import statsmodels.stats.inter_rater
import statsmodels.stats.proportion
import surface_distance
from mapie.classification import SplitConformalClassifier
from MLstatkit import Delong_test

warnings.filterwarnings("ignore")
OUT = pathlib.Path(__file__).resolve().parents[2] / "crates/stats/tests/golden/evaluation.json"
generator = numpy.random.default_rng(20261126)


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


def cases():
    """140 cases of two kinds with two related scores, rounded so that many tie."""
    positives = generator.random(140) < 0.4
    common = generator.normal(numpy.where(positives, 1.0, -0.6), 1.2)
    first = numpy.round(common + generator.normal(0, 0.5, 140), 1)
    second = numpy.round(0.7 * common + generator.normal(0, 1.1, 140), 1)
    return positives, first, second


POSITIVES, FIRST, SECOND = cases()


def curves():
    """scikit-learn's curves, tied and untied, and where it keeps corners."""
    false_positive, sensitivity, thresholds = sklearn.metrics.roc_curve(POSITIVES, FIRST, drop_intermediate=False)
    precision, recall, cuts = sklearn.metrics.precision_recall_curve(POSITIVES, FIRST, drop_intermediate=False)
    untied = FIRST + 1e-3 * generator.permutation(140) / 140
    corners = sklearn.metrics.roc_curve(POSITIVES, untied, drop_intermediate=True)
    steep = sklearn.metrics.precision_recall_curve(POSITIVES, untied, drop_intermediate=True)
    return {
        "thresholds": thresholds[1:],
        "false_positive_rate": false_positive,
        "sensitivity": sensitivity,
        "precision_thresholds": cuts[::-1],
        "precision": precision[:-1][::-1],
        "recall": recall[:-1][::-1],
        "untied": untied,
        "corner_thresholds": corners[2][1:],
        "steep_thresholds": steep[2][::-1],
    }


def delong():
    """Variances by DeLong's definition over all pairs, and the test of MLstatkit."""

    def placements(scores):
        above, below = scores[POSITIVES][:, None], scores[~POSITIVES][None, :]
        credit = (above > below) + 0.5 * (above == below)
        return credit.mean(axis=1), credit.mean(axis=0)

    def covariance(one, other):
        (a, b), (c, d) = placements(one), placements(other)
        return numpy.cov(a, c)[0, 1] / len(a) + numpy.cov(b, d)[0, 1] / len(b)

    found = Delong_test(POSITIVES.astype(int), FIRST, SECOND, return_ci=False, return_auc=False)
    variance = covariance(FIRST, FIRST)
    auc = sklearn.metrics.roc_auc_score(POSITIVES, FIRST)
    z = scipy.stats.norm.isf(0.025)
    logit = scipy.special.logit(auc) + numpy.array([-z, z]) * numpy.sqrt(variance) / (auc * (1 - auc))
    return {
        "auc": auc,
        "variance": variance,
        "second_variance": covariance(SECOND, SECOND),
        "covariance": covariance(FIRST, SECOND),
        "interval": auc + numpy.array([-z, z]) * numpy.sqrt(variance),
        "logit_interval": scipy.special.expit(logit),
        "z": numpy.copysign(found[0], auc - sklearn.metrics.roc_auc_score(POSITIVES, SECOND)),
        "p": found[1],
    }


def mcnemar():
    """Exact chances by statsmodels, mid-p by SciPy's binomial distribution."""

    def one(first, second):
        table = [[50, first], [second, 30]]
        exact = statsmodels.stats.contingency_tables.mcnemar(table, exact=True).pvalue
        less, both = min(first, second), first + second
        tail = 2 * scipy.stats.binom.cdf(less, both, 0.5)
        mid = tail - scipy.stats.binom.pmf(less, both, 0.5)
        return {"only_first": first, "only_second": second, "exact": exact, "mid": mid}

    return [one(5, 15), one(0, 6), one(86, 150), one(3, 3), one(1200, 1330), one(0, 300)]


def confusion():
    """Averages and correlations of scikit-learn for five classes of unequal size."""
    labels = generator.choice(5, 200, p=[0.4, 0.3, 0.15, 0.1, 0.05])
    predicted = numpy.where(generator.random(200) < 0.65, labels, generator.integers(0, 5, 200))
    averages = {}
    for average in ["macro", "micro", "weighted"]:
        precision, recall, f1, _ = sklearn.metrics.precision_recall_fscore_support(labels, predicted, average=average)
        averages[average] = {"precision": precision, "sensitivity": recall, "f1": f1}
    table = sklearn.metrics.multilabel_confusion_matrix(labels, predicted)
    # Specificity is the sensitivity of the turned question.
    specificity = table[:, 0, 0] / (table[:, 0, 0] + table[:, 0, 1])
    negative = table[:, 0, 0] / (table[:, 0, 0] + table[:, 1, 0])
    weights = numpy.bincount(labels) / 200
    passes, alarms = table[:, 0, 0].sum(), table[:, 0, 1].sum()
    averages["macro"] |= {"specificity": specificity.mean(), "negative": negative.mean()}
    averages["micro"] |= {
        "specificity": passes / (passes + alarms),
        "negative": passes / (passes + table[:, 1, 0].sum()),
    }
    averages["weighted"] |= {"specificity": weights @ specificity, "negative": weights @ negative}

    def wilson(hits, misses):
        return statsmodels.stats.proportion.proportion_confint(hits, hits + misses, alpha=0.1, method="wilson")

    return {
        "labels": labels,
        "predicted": predicted,
        "averages": averages,
        "matthews": sklearn.metrics.matthews_corrcoef(labels, predicted),
        "class_matthews": [sklearn.metrics.matthews_corrcoef(labels == c, predicted == c) for c in range(5)],
        "class_balanced": [sklearn.metrics.balanced_accuracy_score(labels == c, predicted == c) for c in range(5)],
        "sensitivity_intervals": [wilson(t[1, 1], t[1, 0]) for t in table],
        "specificity_intervals": [wilson(t[0, 0], t[0, 1]) for t in table],
        "precision_intervals": [wilson(t[1, 1], t[0, 1]) for t in table],
        "negative_intervals": [wilson(t[0, 0], t[1, 0]) for t in table],
    }


def calibration():
    """Platt's sigmoid and isotonic regression of scikit-learn, the calibration line of statsmodels."""
    a, b = sklearn.calibration._sigmoid_calibration(FIRST, POSITIVES.astype(float))
    above, below = (POSITIVES.sum() + 1) / (POSITIVES.sum() + 2), 1 / ((~POSITIVES).sum() + 2)
    targets = numpy.where(POSITIVES, above, below)
    design = numpy.stack([FIRST, numpy.ones_like(FIRST)], axis=1)

    def gradient(at):
        return design.T @ (scipy.special.expit(design @ at) - targets)

    # Where the gradient of the same likelihood vanishes.
    platt = scipy.optimize.root(gradient, [-a, -b], tol=1e-15)
    isotonic = sklearn.isotonic.IsotonicRegression(out_of_bounds="clip").fit(FIRST, POSITIVES.astype(float))
    queries = numpy.concatenate([numpy.linspace(-6, 6, 61), FIRST[:20]])
    logit = statsmodels.api.Logit(POSITIVES.astype(float), design).fit(disp=False, tol=1e-14)
    large = statsmodels.api.GLM(
        POSITIVES.astype(float),
        numpy.ones((140, 1)),
        family=statsmodels.api.families.Binomial(),
        offset=FIRST,
    ).fit(tol=1e-14)
    return {
        "sklearn_platt": [-a, -b],
        "platt": platt.x,
        "queries": queries,
        "isotonic": isotonic.predict(queries),
        "line": logit.params,
        "line_intervals": logit.conf_int(0.05),
        "in_the_large": large.params[0],
        "in_the_large_interval": large.conf_int(0.05)[0],
    }


def operating_points():
    """Thresholds by trying each, likelihood ratios by SciPy's relative risk, Mercaldo's intervals."""
    false_positive, sensitivity, thresholds = sklearn.metrics.roc_curve(POSITIVES, FIRST, drop_intermediate=False)
    by_cost = []
    for missed, alarm, prevalence in [(1, 1, 0.5), (20, 1, 0.05), (1, 3, 0.2), (5, 1, 0.01), (100, 1, 0.3)]:
        costs = prevalence * (1 - sensitivity) * missed + (1 - prevalence) * false_positive * alarm
        best = costs.argmin()
        threshold = None if best == 0 else thresholds[best]
        settings = {"missed": missed, "false_alarm": alarm, "prevalence": prevalence}
        by_cost.append(settings | {"threshold": threshold, "cost": costs[best]})
    by_specificity = [
        [wanted, thresholds[numpy.flatnonzero(1 - false_positive[1:] >= wanted - 1e-12)[-1] + 1]]
        for wanted in [0.0, 0.5, 0.8, 0.9, 0.95]
    ]
    counts = []
    for hits, misses, alarms, passes in [(240, 178, 87, 288), (80, 20, 10, 90), (9, 1, 3, 40), (12, 0, 0, 30)]:
        ratios = {}
        if hits and misses and alarms and passes:
            for name, of_positives, of_negatives in [("positive", hits, alarms), ("negative", misses, passes)]:
                risk = scipy.stats.contingency.relative_risk(of_positives, hits + misses, of_negatives, alarms + passes)
                interval = risk.confidence_interval(0.95)
                ratios[name] = [risk.relative_risk, interval.low, interval.high]
        counts.append({"counts": [hits, misses, alarms, passes], "ratios": ratios} | mercaldo(hits, misses, alarms, passes))
    return {"by_cost": by_cost, "by_specificity": by_specificity, "counts": counts}


def mercaldo(hits, misses, alarms, passes, prevalence=0.03):
    """Logit intervals of the predictive values, in the form of R's bdpv (adjusted where a count is 0)."""
    z = scipy.stats.norm.isf(0.025)
    positives, negatives = hits + misses, alarms + passes
    add = z**2 if 0 in (hits, misses, alarms, passes) else 0.0
    sensitivity = (hits + add / 2) / (positives + add)
    specificity = (passes + add / 2) / (negatives + add)
    out = {"prevalence": prevalence}
    for name, right, wrong, odds in [
        ("ppv", (sensitivity, positives), (1 - specificity, negatives), prevalence / (1 - prevalence)),
        ("npv", (specificity, negatives), (1 - sensitivity, positives), (1 - prevalence) / prevalence),
    ]:
        variance = sum((1 - rate) / rate / (count + add) for rate, count in (right, wrong))
        center = numpy.log(right[0] / wrong[0] * odds)
        out[name] = scipy.special.expit(center + numpy.array([-z, z]) * numpy.sqrt(variance))
    return out


def decision():
    """Net benefit by dcurves."""
    probabilities = numpy.round(scipy.special.expit(0.8 * FIRST - 0.3), 2)
    thresholds = [0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9]
    # dcurves calls probabilities above the threshold, we those at it too: keep them apart.
    thresholds = [threshold + 0.001 for threshold in thresholds]
    table = pandas.DataFrame({"outcome": POSITIVES.astype(int), "model": probabilities})
    found = dcurves.dca(data=table, outcome="outcome", modelnames=["model"], thresholds=thresholds)
    benefit = {name: found[found.model == name].sort_values("threshold").net_benefit.to_numpy() for name in ["model", "all"]}
    return {"probabilities": probabilities, "thresholds": thresholds, **benefit}


def froc():
    """LUNA16's reading: scikit-learn's curve over candidates, linear interpolation by NumPy."""
    images, scores, hits, owners = [], [], [], []
    for image in range(30):
        lesions = int(generator.integers(0, 4))
        found = [k for k in range(lesions) if generator.random() < 0.8]
        candidates = [[round(float(generator.normal(1.2, 1)), 1), k] for k in found]
        candidates += [[round(float(generator.normal(0, 1)), 1), None] for _ in range(int(generator.poisson(6)))]
        images.append({"lesions": lesions, "candidates": candidates})
        scores += [candidate[0] for candidate in candidates]
        hits += [candidate[1] is not None for candidate in candidates]
        owners += [image] * len(candidates)
    scores, hits, owners = numpy.array(scores), numpy.array(hits), numpy.array(owners)
    lesions = numpy.array([image["lesions"] for image in images])
    rates = numpy.array([0.125, 0.25, 0.5, 1, 2, 4, 8])

    def read(times):
        weights = times[owners]
        used = weights > 0
        false_positive, sensitivity, _ = sklearn.metrics.roc_curve(
            hits[used], scores[used], sample_weight=weights[used], drop_intermediate=False
        )
        false_positive = false_positive * weights[~hits].sum() / times.sum()
        return numpy.interp(rates, false_positive, sensitivity * weights[hits].sum() / (lesions * times).sum())

    estimate = read(numpy.ones(30))
    draws = numpy.array([
        read(numpy.bincount(generator.integers(0, 30, 30), minlength=30).astype(float)).mean() for _ in range(20_000)
    ])
    low, high = numpy.quantile(draws, [0.025, 0.975])
    interval = {"low": low, "high": high, "standard_deviation": draws.std()}
    return {"images": images, "sensitivities": estimate, "score": estimate.mean(), "interval": interval}


def agreement():
    """Cohen by statsmodels, Fleiss by irrCAC, intraclass correlations by pingouin."""
    first = generator.integers(0, 4, 90)
    second = numpy.clip(first + generator.choice([-1, 0, 0, 0, 1, 2], 90), 0, 3)
    table = statsmodels.stats.inter_rater.to_table(numpy.stack([first, second], axis=1), bins=4)[0]
    cohen = {}
    for weights in [None, "linear", "quadratic"]:
        found = statsmodels.stats.inter_rater.cohens_kappa(table, wt=weights)
        cohen[weights or "none"] = [found.kappa, found.std_kappa, found.kappa_low, found.kappa_upp]
    truth = generator.integers(0, 3, 40)
    ratings = numpy.where(generator.random((40, 5)) < 0.7, truth[:, None], generator.integers(0, 3, (40, 5)))
    fleiss = irrCAC.raw.CAC(pandas.DataFrame(ratings)).fleiss()["est"]
    exact = statsmodels.stats.inter_rater.fleiss_kappa(statsmodels.stats.inter_rater.aggregate_raters(ratings)[0])
    sizes = numpy.round(generator.normal(20, 6, (15, 1)) + generator.normal(0, 2, (15, 4)) + [0, 1, -0.5, 2], 2)
    long = pandas.DataFrame(
        [(s, r, sizes[s, r]) for s in range(15) for r in range(4)], columns=["subject", "rater", "size"]
    )
    for column in ["ICC", "F", "pval", "CI95"]:
        pingouin.options[f"round.column.{column}"] = None
    pingouin.options["round"] = None
    icc = pingouin.intraclass_corr(data=long, targets="subject", raters="rater", ratings="size")
    keys = ["11", "21", "31", "1k", "2k", "3k"]
    found = {
        key: {"icc": row.ICC, "f": row.F, "p": row.pval, "interval": list(row.CI95), "df": [row.df1, row.df2]}
        for key, row in zip(keys, icc.itertuples())
    }
    differences = sizes[:, 0] - sizes[:, 1]
    mean, deviation, count = differences.mean(), differences.std(ddof=1), len(differences)
    width = scipy.stats.norm.isf(0.025)
    limit_error = deviation * numpy.sqrt(1 / count + width**2 / (2 * (count - 1)))

    def student(center, error):
        return [center, *scipy.stats.t.interval(0.95, count - 1, loc=center, scale=error)]

    return {
        "first": first,
        "second": second,
        "cohen": cohen,
        "ratings": ratings.ravel(),
        "fleiss": [fleiss["coefficient_value"], fleiss["se"], *fleiss["confidence_interval"]],
        "fleiss_kappa": exact,
        "sizes": sizes.ravel(),
        "icc": found,
        "bias": student(mean, deviation / numpy.sqrt(count)),
        "lower": student(mean - width * deviation, limit_error),
        "upper": student(mean + width * deviation, limit_error),
    }


class Given(sklearn.base.ClassifierMixin, sklearn.base.BaseEstimator):
    """A fitted classifier that returns the probabilities it is given."""

    def __init__(self, classes=3):
        self.classes = classes
        self.classes_ = numpy.arange(classes)

    def fit(self, x, y):
        return self

    def predict_proba(self, x):
        return x

    def predict(self, x):
        return x.argmax(axis=1)

    def __sklearn_is_fitted__(self):
        return True


def conformal():
    """LAC sets of MAPIE; adaptive sets in NumPy (MAPIE's always have a random share)."""

    def draw(count):
        labels = generator.integers(0, 4, count)
        logits = generator.normal(0, 1.2, (count, 4))
        logits[numpy.arange(count), labels] += 1.2
        rounded = numpy.round(scipy.special.softmax(logits, axis=1), 6)
        rounded[:, 0] += 1 - rounded.sum(axis=1)
        return labels, rounded

    def likelier(table):
        order = numpy.argsort(-table, axis=1, kind="stable")
        sums = numpy.take_along_axis(table, order, axis=1).cumsum(axis=1)
        return numpy.take_along_axis(sums, numpy.argsort(order, axis=1), axis=1)

    (labels, known), (test_labels, test) = draw(120), draw(100)
    out = {"labels": labels, "known": known.ravel(), "test_labels": test_labels, "test": test.ravel(), "fits": []}
    for level in [0.9, 0.8]:
        mapie = SplitConformalClassifier(Given(4), confidence_level=level, conformity_score="lac", prefit=True)
        mapie.conformalize(known, labels)
        lac = mapie.predict_set(test)[1][:, :, 0]
        scores = likelier(known)[numpy.arange(120), labels]
        # Of rank ceil((n + 1) level), counted from 1.
        aps = numpy.sort(scores)[int(numpy.ceil(121 * level)) - 1]
        for method, quantile, sets in [
            ("lac", mapie._mapie_classifier.conformity_score_function_.quantiles_[0], lac),
            ("aps", aps, likelier(test) <= aps),
        ]:
            out["fits"].append({
                "method": method,
                "miscoverage": 1 - level,
                "threshold": float(numpy.ravel(quantile)[0]),
                "sets": [numpy.flatnonzero(row) for row in sets],
                "coverage": sets[numpy.arange(100), test_labels].mean(),
                "mean_size": sets.sum(axis=1).mean(),
            })
    return out


def subgroups():
    """The gap of the means of three groups, with NumPy's bootstrap within groups and NumPy's deals."""
    group = numpy.repeat([0, 1, 2], [60, 45, 30])
    values = numpy.round(generator.normal(numpy.array([0.5, 0.3, 0.0])[group], 1), 3)

    def gap(values):
        means = [values[group == g].mean() for g in range(3)]
        return max(means) - min(means)

    draws = []
    for _ in range(20_000):
        means = [generator.choice(values[group == g], (group == g).sum()).mean() for g in range(3)]
        draws.append(max(means) - min(means))
    found = gap(values)
    p = numpy.mean([gap(generator.permutation(values)) >= found - 1e-12 for _ in range(20_000)])
    low, high = numpy.quantile(draws, [0.025, 0.975])
    spread = numpy.std(draws)
    return {"group": group, "values": values, "gap": found, "low": low, "high": high, "p": p, "standard_deviation": spread}


def drift():
    """Two-sample tests of SciPy, kernels of scikit-learn, the stability index in NumPy."""
    tests = []
    for m, n, shift, digits in [(7, 9, 1.0, 6), (30, 30, 0.5, 6), (100, 83, 0.6, 1), (400, 300, 0.05, 6), (60, 6, 0.9, 6)]:
        first = numpy.round(generator.normal(0, 1, m), digits)
        second = numpy.round(generator.normal(shift, 1, n), digits)
        found = scipy.stats.ks_2samp(first, second, method="exact")
        endless = scipy.special.kolmogorov(found.statistic * numpy.sqrt(m * n / (m + n)))
        tests.append({
            "first": first, "second": second, "statistic": found.statistic, "location": found.statistic_location,
            "exact": found.pvalue, "endless": endless,
        })
    first, second = numpy.round(generator.normal(0, 1, (40, 3)), 3), numpy.round(generator.normal(0.35, 1.2, (50, 3)), 3)
    rows = numpy.concatenate([first, second])
    width = numpy.median(scipy.spatial.distance.pdist(rows))
    kernel = sklearn.metrics.pairwise.rbf_kernel(rows, gamma=1 / (2 * width**2))
    numpy.fill_diagonal(kernel, 0)

    def discrepancy(order):
        one, other = order[:40], order[40:]
        return (
            kernel[numpy.ix_(one, one)].sum() / (40 * 39)
            + kernel[numpy.ix_(other, other)].sum() / (50 * 49)
            - 2 * kernel[numpy.ix_(one, other)].mean()
        )

    squared = discrepancy(numpy.arange(90))
    p = numpy.mean([discrepancy(generator.permutation(90)) >= squared for _ in range(20_000)])
    reference, current = generator.normal(0, 1, 500), generator.normal(0.3, 1.1, 300)
    edges = numpy.concatenate([[-numpy.inf], numpy.quantile(reference, numpy.arange(1, 10) / 10), [numpy.inf]])
    before = numpy.histogram(reference, edges)[0] / 500
    now = numpy.histogram(current, edges)[0] / 300
    shifts = [20, 50, 100, 300]
    limits = [[shift, scipy.special.kolmogorov(shift / 5001 * numpy.sqrt(5001 / 2))] for shift in shifts]
    return {
        "tests": tests,
        "limits": limits,
        "rows": [first.ravel(), second.ravel()],
        "squared": squared,
        "bandwidth": width,
        "p": p,
        "reference": numpy.round(reference, 12),
        "current": numpy.round(current, 12),
        "stability": scipy.special.rel_entr(now, before).sum() + scipy.special.rel_entr(before, now).sum(),
    }


def overlap():
    """Dice and Jaccard of scikit-learn, surfaces of DeepMind's surface-distance and NumPy."""
    segmentation, reference = generator.random(500) < 0.3, generator.random(500) < 0.35
    segmentation |= reference & (generator.random(500) < 0.6)
    there = numpy.round(generator.gamma(0.7, 2, 60), 2)
    back = numpy.round(generator.gamma(0.6, 2.5, 45), 2)
    areas = [numpy.round(generator.uniform(0.2, 1.4, 60), 3), numpy.round(generator.uniform(0.2, 1.4, 45), 3)]
    # The library wants the elements of each surface by rising distance.
    order = [numpy.argsort(there, kind="stable"), numpy.argsort(back, kind="stable")]
    distances = {
        "distances_gt_to_pred": there[order[0]],
        "distances_pred_to_gt": back[order[1]],
        "surfel_areas_gt": areas[0][order[0]],
        "surfel_areas_pred": areas[1][order[1]],
    }
    there_mean, back_mean = surface_distance.compute_average_surface_distance(distances)
    return {
        "counts": [segmentation.sum(), reference.sum(), (segmentation & reference).sum()],
        "dice": sklearn.metrics.f1_score(reference, segmentation),
        "jaccard": sklearn.metrics.jaccard_score(reference, segmentation),
        "there": there,
        "back": back,
        "areas": areas,
        "weighted": {
            "hausdorff": [[p, surface_distance.compute_robust_hausdorff(distances, p)] for p in (50, 90, 95, 100)],
            "dice": [[t, surface_distance.compute_surface_dice_at_tolerance(distances, t)] for t in (0.5, 1, 3)],
            "mean_average": (there_mean + back_mean) / 2,
        },
        "plain": {
            "hausdorff": [[p, max(numpy.percentile(there, p), numpy.percentile(back, p))] for p in (50, 90, 95, 100)],
            "average": numpy.concatenate([there, back]).mean(),
            "mean_average": (there.mean() + back.mean()) / 2,
        },
    }


def paired():
    """SciPy's paired tests: every exchange of ten cases, random ones and resamples of sixty."""
    few = numpy.round(generator.normal([[0.4], [0.0]], 1, (2, 10)), 3)
    many = numpy.round(generator.normal([[0.2], [0.0]], 1, (2, 60)) + generator.normal(0, 1, 60), 3)

    def difference(first, second, axis=-1):
        return numpy.mean(first, axis=axis) - numpy.mean(second, axis=axis)

    def test(pair, resamples):
        return scipy.stats.permutation_test(
            tuple(pair), difference, permutation_type="samples", n_resamples=resamples, rng=generator
        ).pvalue

    interval = scipy.stats.bootstrap(
        tuple(many), difference, paired=True, n_resamples=100_000, method="percentile", rng=generator
    )
    draws = interval.bootstrap_distribution
    return {
        "few": few,
        "few_p": test(few, numpy.inf),
        "many": many,
        "many_p": test(many, 100_000),
        "low": interval.confidence_interval.low,
        "high": interval.confidence_interval.high,
        "standard_deviation": draws.std(),
        "bootstrap_p": 2 * min((draws <= 0).mean(), (draws >= 0).mean()),
    }


PACKAGES = [
    "numpy", "scipy", "scikit-learn", "statsmodels", "pandas", "pingouin", "irrCAC", "MLstatkit", "MAPIE", "dcurves",
    "surface-distance",
]
golden = {
    "made_by": "tools/golden/stats_evaluation.py",
    "versions": {"python": platform.python_version()}
    | {package: importlib.metadata.version(package) for package in PACKAGES},
    "cases": {"positives": POSITIVES, "first": FIRST, "second": SECOND},
    "curves": curves(),
    "delong": delong(),
    "mcnemar": mcnemar(),
    "confusion": confusion(),
    "calibration": calibration(),
    "operating_points": operating_points(),
    "decision": decision(),
    "froc": froc(),
    "agreement": agreement(),
    "conformal": conformal(),
    "subgroups": subgroups(),
    "drift": drift(),
    "overlap": overlap(),
    "paired": paired(),
}
# One section a line: small enough to commit, and a change shows where it is.
lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(section)}" for name, section in plain(golden).items())
OUT.write_text("{\n" + lines + "\n}\n")
