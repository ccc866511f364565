#!/usr/bin/env python3
"""Golden numbers of the quality card from NumPy, SciPy and scikit-image.

    python3 tools/golden/filters_quality.py > testdata/filters_quality/expected.json

The images are made by rule (the test makes the same ones) or read from testdata.
"""

import json
import pathlib

import numpy
import scipy
import skimage
import skimage.io
from scipy import ndimage
from skimage.measure import block_reduce, shannon_entropy
from skimage.restoration import estimate_sigma

ROOT = pathlib.Path(__file__).resolve().parents[2]
IMMERKAER = numpy.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], dtype=float)


def congruential(count, seed):
    """Upper 8 bits of x <- 1664525 x + 1013904223 mod 2**32."""
    state, values = seed, []
    for _ in range(count):
        state = (1664525 * state + 1013904223) % 2**32
        values.append(state >> 24)
    return numpy.array(values)


def noise():
    return congruential(64 * 64, 1).reshape(1, 64, 64)


def ramp():
    rows, columns = numpy.mgrid[0:40, 0:48]
    return (2 * columns + 3 * rows + congruential(40 * 48, 2).reshape(40, 48) // 32)[None]


def disk():
    rows, columns = numpy.mgrid[0:80, 0:96]
    inside = (rows - 40) ** 2 + (columns - 50) ** 2 <= 25**2
    return (numpy.where(inside, 180, 30) + rows // 4 + congruential(80 * 96, 3).reshape(80, 96) // 64)[None]


def stack():
    return numpy.concatenate([disk(), disk()[:, ::-1] // 2])


def picture():
    return skimage.io.imread(ROOT / "testdata/breast_ultrasound/breast_mass.png")[None].astype(int)


def blocks(image, most):
    side = -(-max(image.shape[1:]) // most)
    rows, columns = image.shape[1] // side * side, image.shape[2] // side * side
    return block_reduce(image[:, :rows, :columns].astype(float), (1, side, side), numpy.mean)


def inner(image, kernel):
    planes = [ndimage.convolve(plane.astype(float), kernel)[1:-1, 1:-1] for plane in image]
    return numpy.stack(planes)


def laplacian_variance(image):
    return float(numpy.stack([ndimage.laplace(plane.astype(float))[1:-1, 1:-1] for plane in image]).var())


def correlations(image):
    along_rows = numpy.corrcoef(image[:, :, 1:].ravel(), image[:, :, :-1].ravel())[0, 1]
    along_columns = numpy.corrcoef(image[:, 1:].ravel(), image[:, :-1].ravel())[0, 1]
    return {"along_rows": float(along_rows), "along_columns": float(along_columns)}


def card(image):
    sigma = float(numpy.sqrt(numpy.pi / 2) / 6 * numpy.abs(inner(image, IMMERKAER)).mean())
    low, high = numpy.percentile(image, [1, 99], method="inverted_cdf")
    cells = blocks(image, 64)
    return {
        "slices": image.shape[0],
        "rows": image.shape[1],
        "columns": image.shape[2],
        "saturated_low": float((image <= 0).mean()),
        "saturated_high": float((image >= 255).mean()),
        "mean": float(image.mean()),
        "standard_deviation": float(image.std()),
        "distinct_levels": int(numpy.unique(image).size),
        "commonest_share": float(numpy.bincount(image.ravel()).max() / image.size),
        "entropy_bits": float(shannon_entropy(image.astype(numpy.uint8))),
        "noise_sigma": sigma,
        "contrast_to_noise": float((high - low) / sigma),
        "laplacian_variance": laplacian_variance(image),
        "sharpness": laplacian_variance(cells) / float(cells.var()),
        "pixel_correlation": correlations(image),
        "structure_correlation": correlations(blocks(image, 16)),
        # Another estimator (median of the finest wavelet details, Donoho and Johnstone 1994).
        "wavelet_noise_sigma": float(numpy.mean([estimate_sigma(plane.astype(float)) for plane in image])),
    }


images = {"noise": noise(), "ramp": ramp(), "disk": disk(), "stack": stack(), "breast_mass": picture()}
versions = {"numpy": numpy.__version__, "scipy": scipy.__version__, "scikit-image": skimage.__version__}
print(json.dumps({"versions": versions, "cards": {name: card(image) for name, image in images.items()}}, indent=1))
