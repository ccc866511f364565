#!/usr/bin/env python3
"""Golden numbers of normalization: Nyul's scale from the package intensity-normalization, the rest from NumPy
and scikit-image.

    python3 tools/golden/filters_normalize.py > crates/filters/tests/golden/normalize.json
"""

import importlib.metadata
import json

import numpy as np
import skimage
from intensity_normalization.normalizers.population.nyul import NyulNormalizer
from skimage.exposure import rescale_intensity

from rules import hash_grid

STEP = 41


class Image:
    """What the package asks of an image."""

    def __init__(self, data):
        self.data = data

    def get_data(self):
        return self.data

    def with_data(self, data):
        return Image(data)


def image(which):
    """Background 0 in a third of the slices, else a curve that differs from image to image."""
    h = hash_grid(24, 20, 15 * (which + 1))[15 * which :].astype(float)
    value = 20.0 * which + (300.0 + 100.0 * which) * h * (1 + 0.5 * which * h)
    value[:5] = 0
    return value.astype(np.float32)


def sampled(array):
    return [round(float(value), 4) for value in np.asarray(array).ravel()[::STEP]]


def main():
    images = [image(which) for which in range(4)]
    nyul = NyulNormalizer()
    nyul.fit_population([Image(one.astype(float)) for one in images])
    first = images[0]
    inside = first > 100
    score = (first.astype(float) - first[inside].astype(float).mean()) / first[inside].astype(float).std()
    low, high = np.percentile(first, [2, 97.5])
    result = {
        "made_by": {
            "intensity-normalization": importlib.metadata.version("intensity-normalization"),
            "numpy": np.__version__,
            "scikit-image": skimage.__version__,
        },
        "step": STEP,
        "standard_scale": nyul.standard_scale.tolist(),
        "nyul": [sampled(nyul.transform(Image(one.astype(float))).get_data()) for one in images],
        "z_score_above_100": sampled(score),
        "percentile_2_97.5": sampled(rescale_intensity(first.astype(float), in_range=(low, high), out_range=(0, 1))),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
