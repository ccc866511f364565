"""Golden numbers for crates/annotate, from scikit-image, scikit-learn and statsmodels.

Writes crates/annotate/tests/golden/{polygons,agreement}.json next to the repository this file lies in. Run with
    python tools/golden/annotate.py
The versions used are written into the files.

Vertices of the polygons lie off the grid, so that no center of a pixel is on a border: there implementations differ.
"""

import json
import math
import pathlib
import platform

import numpy
import skimage
import skimage.draw
import sklearn
import sklearn.metrics
import statsmodels
import statsmodels.stats.inter_rater
import statsmodels.stats.proportion

OUT = pathlib.Path(__file__).resolve().parents[2] / "crates/annotate/tests/golden"
generator = numpy.random.default_rng(20261127)


def runs(mask):
    """Pixels of a mask as [first, count], along the rows."""
    found = []
    for place in numpy.flatnonzero(mask.ravel()).tolist():
        if found and found[-1][0] + found[-1][1] == place:
            found[-1][1] += 1
        else:
            found.append([place, 1])
    return found


def polygon(name, columns, rows, contour):
    points = numpy.asarray(contour)
    mask = numpy.zeros((rows, columns), dtype=bool)
    row, column = skimage.draw.polygon(points[:, 1], points[:, 0], mask.shape)
    mask[row, column] = True
    return {"name": name, "columns": columns, "rows": rows, "contour": points.tolist(), "runs": runs(mask)}


def star(columns, rows, points):
    """A star-shaped contour of random radii."""
    middle = [columns / 2 + 0.137, rows / 2 - 0.211]
    angles = numpy.sort(generator.uniform(0, 2 * math.pi, points))
    radii = generator.uniform(0.15, 0.45, points) * min(columns, rows)
    return [
        [middle[0] + radius * math.cos(angle), middle[1] + radius * math.sin(angle)]
        for angle, radius in zip(angles, radii)
    ]


def polygons():
    cases = [
        polygon("triangle", 12, 10, [[1.3, 0.7], [9.9, 4.2], [2.6, 8.8]]),
        polygon("a spike thinner than a pixel", 12, 10, [[0.3, 4.6], [10.7, 4.9], [0.3, 5.3]]),
        polygon("beyond the border", 9, 7, [[-0.9, -0.9], [8.8, 1.3], [5.1, 6.9]]),
        polygon("crossing itself", 16, 16, [[1.2, 1.1], [13.7, 13.4], [13.6, 1.3], [1.4, 13.8]]),
    ]
    cases += [polygon(f"star of {count}", 41, 33, star(41, 33, count)) for count in (5, 9, 17, 60, 200)]
    return {"versions": {"scikit-image": skimage.__version__}, "cases": cases}


def agreement():
    """Three people on 60 items of three classes; the third did not see all."""
    truth = generator.integers(0, 3, 60)
    people = {}
    for name, right in (("jane", 0.85), ("li", 0.7), ("sam", 0.6)):
        wrong = generator.integers(0, 3, 60)
        people[name] = numpy.where(generator.random(60) < right, truth, wrong)
    seen = {"jane": numpy.ones(60, bool), "li": numpy.ones(60, bool), "sam": generator.random(60) < 0.8}
    pairs = {}
    names = list(people)
    for first in range(3):
        for second in range(first + 1, 3):
            one, other = names[first], names[second]
            both = seen[one] & seen[other]
            a, b = people[one][both], people[other][both]
            counts = sklearn.metrics.confusion_matrix(a, b, labels=[0, 1, 2])
            result = statsmodels.stats.inter_rater.cohens_kappa(counts)
            kappa = sklearn.metrics.cohen_kappa_score(a, b)
            assert abs(kappa - result.kappa) < 1e-12
            same = int((a == b).sum())
            pairs[f"{one} {other}"] = {
                "counts": counts.tolist(),
                "kappa": float(kappa),
                "standard_error": float(result.std_kappa),
                "accuracy": float(sklearn.metrics.accuracy_score(a, b)),
                "wilson": [float(end) for end in statsmodels.stats.proportion.proportion_confint(same, len(a), 0.05, "wilson")],
            }
    all_seen = seen["jane"] & seen["li"] & seen["sam"]
    ratings = numpy.stack([people[name][all_seen] for name in names], axis=1)
    table, _ = statsmodels.stats.inter_rater.aggregate_raters(ratings, 3)
    letters = {
        name: "".join("abc"[label] if there else "-" for label, there in zip(people[name], seen[name])) for name in names
    }
    return {
        "versions": {
            "python": platform.python_version(),
            "scikit-learn": sklearn.__version__,
            "statsmodels": statsmodels.__version__,
        },
        "people": letters,
        "pairs": pairs,
        "fleiss": float(statsmodels.stats.inter_rater.fleiss_kappa(table, method="fleiss")),
        "fleiss_items": int(all_seen.sum()),
    }


OUT.mkdir(parents=True, exist_ok=True)
for name, content in (("polygons", polygons()), ("agreement", agreement())):
    (OUT / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n")
