"""Golden numbers for `disproportionality` of crates/stats: ratios, information components, the gamma-Poisson shrinker,
strata, the likelihood ratio.

Writes crates/stats/tests/golden/disproportionality.json next to the repository this file lies in. Run with
    python tools/golden/stats_disproportionality.py
Needs SciPy, statsmodels, pandas and vigipy; the versions used are written into the file. All tables are drawn by NumPy
with a fixed seed or made up: no case of any person.
"""

import importlib.metadata
import json
import logging
import pathlib
import platform
import warnings

import numpy
import pandas
import scipy.optimize
import scipy.special
import scipy.stats
import statsmodels.stats.contingency_tables
import vigipy
from vigipy.utils import Container

warnings.filterwarnings("ignore")
logging.disable(logging.CRITICAL)
OUT = pathlib.Path(__file__).resolve().parents[2] / "crates/stats/tests/golden/disproportionality.json"
generator = numpy.random.default_rng(20261126)

TABLES = [
    (25, 75, 200, 9700),
    (3, 97, 50, 9850),
    (81, 49, 10, 20000),
    (1, 999, 999, 98001),
    (4, 1, 2, 7),
    (267, 3514, 111, 1192595),
    (2507, 1740, 8606, 1183634),
    (624, 3590, 1988, 1190285),
]
PRIORS = [(3.25, 0.4, 2.02, 1.9, 0.06), (0.7324, 0.2290, 1.7411, 2.2125, 0.09765)]
POINTS = [(1, 0.5), (3, 0.1), (10, 2.5), (0, 1.3), (250, 20.0), (1, 1e-4), (20000, 15000.0)]


def fourfold(a, b, c, d):
    """PRR by statsmodels' ratio of two proportions, ROR by its table, tests by SciPy."""
    ratio = statsmodels.stats.contingency_tables.Table2x2([[a, b], [c, d]])
    chi = scipy.stats.chi2_contingency([[a, b], [c, d]], correction=False)
    yates = scipy.stats.chi2_contingency([[a, b], [c, d]], correction=True)
    expected = (a + b) * (a + c) / (a + b + c + d)
    posterior = scipy.stats.gamma(a + 0.5, scale=1 / (expected + 0.5))
    return {
        "counts": [a, b, c, d],
        "expected": expected,
        "prr": [ratio.riskratio, *ratio.riskratio_confint()],
        "ror": [ratio.oddsratio, *ratio.oddsratio_confint()],
        "chi_squared": [chi.statistic, chi.pvalue],
        "yates": [yates.statistic, yates.pvalue],
        "fisher": scipy.stats.fisher_exact([[a, b], [c, d]], alternative="greater").pvalue,
        "information": [numpy.log2((a + 0.5) / (expected + 0.5)), *numpy.log2(posterior.ppf([0.025, 0.975]))],
    }


def vigipy_bcpnn(tables):
    """Lower ends of vigipy's BCPNN, which has the moments of PhViD."""
    found = []
    for a, b, c, d in tables:
        frame = pandas.DataFrame(
            {
                "events": [a],
                "product_aes": [a + b],
                "count_across_brands": [a + c],
                "ae_name": ["event"],
                "product_name": ["drug"],
            }
        )
        container = Container()
        container.data, container.N = frame, a + b + c + d
        result = vigipy.bcpnn(
            container, min_events=1, relative_risk=1, decision_metric="rank", ranking_statistic="quantile"
        )
        found.append(float(result.all_signals["quantile"].iloc[0]))
    return found


def moments(a, b, c, d):
    """Mean and variance of the information component under the priors of the BCPNN, by SciPy's polygamma functions."""
    total, drug, event = a + b + c + d, a + b, a + c
    p1, p2, q1, q2 = 1 + drug, 1 + total - drug, 1 + event, 1 + total - event
    r1, r2 = 1 + a, total - a - 1 + (2 + total) ** 2 / (q1 * p1)
    psi = lambda order, value: scipy.special.polygamma(order, value)
    mean = psi(0, r1) - psi(0, r1 + r2) - (psi(0, p1) - psi(0, p1 + p2) + psi(0, q1) - psi(0, q1 + q2))
    variance = psi(1, r1) - psi(1, r1 + r2) + psi(1, p1) - psi(1, p1 + p2) + psi(1, q1) - psi(1, q1 + q2)
    mean, deviation = mean / numpy.log(2), numpy.sqrt(variance) / numpy.log(2)
    return [float(value) for value in (mean, *scipy.stats.norm.ppf([0.025, 0.975], mean, deviation))]


def posterior(prior, n, e):
    a1, b1, a2, b2, p = prior
    log = [scipy.stats.nbinom.logpmf(n, a, b / (b + e)) for a, b in ((a1, b1), (a2, b2))]
    q = scipy.special.expit(numpy.log(p) + log[0] - numpy.log1p(-p) - log[1])
    parts = [scipy.stats.gamma(a + n, scale=1 / (b + e)) for a, b in ((a1, b1), (a2, b2))]
    mean = q * (scipy.special.digamma(a1 + n) - numpy.log(b1 + e))
    mean += (1 - q) * (scipy.special.digamma(a2 + n) - numpy.log(b2 + e))
    below = lambda x: q * parts[0].cdf(x) + (1 - q) * parts[1].cdf(x)
    top = 10 * max(part.ppf(0.999999) for part in parts)
    at = lambda share: scipy.optimize.brentq(lambda x: below(x) - share, 1e-12, top, xtol=1e-14, rtol=1e-14)
    return {"n": n, "e": e, "q": float(q), "ebgm": float(numpy.exp(mean)), "low": at(0.05), "high": at(0.95)}


def negative_log_likelihood(theta, n, e, w, truncated):
    a1, b1, a2, b2 = numpy.exp(theta[:4])
    p = scipy.special.expit(theta[4])
    parts = []
    for a, b in ((a1, b1), (a2, b2)):
        log = scipy.stats.nbinom.logpmf(n, a, b / (b + e))
        if truncated:
            log = log - scipy.stats.nbinom.logsf(0, a, b / (b + e))
        parts.append(log)
    log = numpy.logaddexp(numpy.log(p) + parts[0], numpy.log1p(-p) + parts[1])
    return -float((w * log).sum())


def fit(truncated):
    """A table of ratios drawn from a prior, and SciPy's maximum of its likelihood."""
    size = 3000
    e = numpy.round(generator.gamma(0.5, 4.0, size) + 0.01, 4)
    signal = generator.random(size) < 0.1
    rate = numpy.where(signal, generator.gamma(3.0, 1 / 0.4, size), generator.gamma(4.0, 1 / 4.5, size))
    n = generator.poisson(rate * e)
    if truncated:
        e, n = e[n > 0], n[n > 0]
    w = numpy.ones(len(n))
    best = None
    for start in [(0.2, 0.1, 2, 4, 1 / 3), (3, 0.4, 4, 4.5, 0.1), (1, 0.5, 2, 2, 0.2)]:
        at = numpy.append(numpy.log(start[:4]), scipy.special.logit(start[4]))
        for _ in range(4):
            found = scipy.optimize.minimize(
                negative_log_likelihood,
                at,
                (n, e, w, truncated),
                method="Nelder-Mead",
                options={"maxiter": 20000, "maxfev": 20000, "xatol": 1e-9, "fatol": 1e-11},
            )
            at = found.x
        if best is None or found.fun < best.fun:
            best = found
    theta = [*numpy.exp(best.x[:4]), scipy.special.expit(best.x[4])]
    if theta[0] / theta[1] < theta[2] / theta[3]:
        theta = [theta[2], theta[3], theta[0], theta[1], 1 - theta[4]]
    return {
        "truncated": truncated,
        "n": n.tolist(),
        "e": e.tolist(),
        "theta": [float(value) for value in theta],
        # Without the factorials of the counts, which are constant.
        "log_likelihood": -best.fun + float(scipy.special.gammaln(n + 1).sum()),
    }


def strata():
    tables = [generator.integers(1, 60, 4).tolist() for _ in range(4)] + [[0, 5, 3, 40]]
    arrays = [numpy.array(table, float).reshape(2, 2) for table in tables]
    found = statsmodels.stats.contingency_tables.StratifiedTable(arrays)
    return {"tables": tables, "odds": [found.oddsratio_pooled, *found.oddsratio_pooled_confint()]}


def counted():
    """Rows of cases, drugs and events, and what pandas counts in them, with strata."""
    size = 1500
    rows = pandas.DataFrame(
        {
            "case": generator.integers(0, 400, size),
            "drug": generator.zipf(1.6, size) % 25,
            "event": generator.zipf(1.5, size) % 30,
        }
    )
    strata = generator.integers(0, 3, 400)
    rows["stratum"] = strata[rows["case"]]
    unique = lambda frame, keys: frame.groupby(keys)["case"].nunique()
    pairs = unique(rows, ["drug", "event"])
    drugs, events = unique(rows, ["drug"]), unique(rows, ["event"])
    total = rows["case"].nunique()
    by_drug, by_event = unique(rows, ["stratum", "drug"]), unique(rows, ["stratum", "event"])
    in_stratum = rows.groupby("stratum")["case"].nunique()
    stratified = [
        sum(
            by_drug.get((stratum, drug), 0) * by_event.get((stratum, event), 0) / in_stratum[stratum]
            for stratum in in_stratum.index
        )
        for drug, event in pairs.index
    ]
    return {
        "rows": rows[["case", "drug", "event"]].to_numpy().tolist(),
        "strata": strata.tolist(),
        "cases": int(total),
        "pairs": [[int(drug), int(event), int(count)] for (drug, event), count in pairs.items()],
        "expected": [float(drugs[drug] * events[event] / total) for drug, event in pairs.index],
        "stratified": [float(value) for value in stratified],
    }


def likelihood_ratio():
    """Huang's ratios by SciPy's relative entropies, and the chance of the greatest by its multinomial draws."""
    of_all = generator.integers(20, 900, 12)
    of_drug = generator.multinomial(150, of_all / of_all.sum())
    of_drug[4] += 14
    of_all = numpy.maximum(of_all, of_drug + 5)
    reports, share = of_drug.sum(), of_all / of_all.sum()

    def ratios(counts):
        expected = reports * share
        ratio = scipy.special.rel_entr(counts, expected) + scipy.special.rel_entr(reports - counts, reports - expected)
        return numpy.where(counts > expected, ratio, 0)

    drawn = generator.multinomial(reports, share, 200_000)
    greatest = numpy.sort(ratios(drawn).max(axis=1))
    found = ratios(of_drug)
    p = 1 - numpy.searchsorted(greatest, found * (1 - 1e-12)) / len(greatest)
    return {
        "of_drug": of_drug.tolist(),
        "of_all": of_all.tolist(),
        "expected": (reports * share).tolist(),
        "log_ratio": found.tolist(),
        "p": p.tolist(),
    }


def plain(value):
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value.item() if isinstance(value, numpy.generic) else value


def main():
    versions = ["numpy", "scipy", "statsmodels", "pandas", "vigipy"]
    golden = {
        "versions": {name: importlib.metadata.version(name) for name in versions}
        | {"python": platform.python_version()},
        "fourfold": [fourfold(*table) | {"moments": moments(*table)} for table in TABLES],
        "bcpnn_low": vigipy_bcpnn(TABLES),
        "posteriors": [
            {"prior": list(prior), "points": [posterior(prior, *point) for point in POINTS]} for prior in PRIORS
        ],
        "fits": [fit(True), fit(False)],
        "strata": strata(),
        "counted": counted(),
        "likelihood_ratio": likelihood_ratio(),
    }
    OUT.write_text(json.dumps(plain(golden)) + "\n")


main()
