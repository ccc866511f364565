#!/usr/bin/env python3
"""Golden outlier scores from scikit-learn and SciPy.

    python3 tools/golden/filters_outlier.py > crates/filters/tests/golden/outlier.json
"""

import json

import numpy as np
import scipy
import sklearn
from scipy.stats import median_abs_deviation
from sklearn.neighbors import LocalOutlierFactor

from rules import hash_grid


def main():
    # Rows are the rule's rows: four features each; every 17th is moved away.
    rows = hash_grid(4, 120).astype(float)[0] * [10, 1, 200, 5]
    rows[::17] += [9, 0.2, 150, 0]
    center = np.median(rows, axis=0)
    scores = 0.6745 * (rows - center) / median_abs_deviation(rows, axis=0)
    factors = {}
    for neighbors in [5, 20]:
        lof = LocalOutlierFactor(n_neighbors=neighbors, algorithm="brute")
        lof.fit(rows)
        factors[str(neighbors)] = (-lof.negative_outlier_factor_).tolist()
    made_by = {"scikit-learn": sklearn.__version__, "scipy": scipy.__version__, "numpy": np.__version__}
    print(json.dumps({"made_by": made_by, "robust_scores": scores.T.tolist(), "factors": factors}))


if __name__ == "__main__":
    main()
