"""Denoising and local contrast, beside SimpleITK, SciPy and scikit-image."""

import functools

import numpy as np
import SimpleITK as sitk
from kernels.row import Row
from scipy import ndimage
from skimage import exposure, restoration


@functools.cache
def volume(columns=256, rows=256, slices=64):
    """Balls of even intensity with noise of 20: whole numbers from 0 to 1000."""
    z, y, x = np.meshgrid(np.arange(slices), np.arange(rows), np.arange(columns), indexing="ij")
    generator = np.random.default_rng(7)
    values = np.full(z.shape, 100.0)
    for _ in range(40):
        cx, cy, cz = generator.random(3) * (columns, rows, slices)
        inside = (x - cx) ** 2 + (y - cy) ** 2 + ((z - cz) * 2) ** 2 < (generator.random() * 30 + 5) ** 2
        values[inside] = generator.random() * 700 + 100
    return np.clip(np.round(values + 20 * generator.standard_normal(z.shape)), 0, 1000).astype(np.float32)


def small():
    """Enough for the kernels that take minutes."""
    return volume(192, 192, 64)


def flat():
    return volume(1024, 1024, 1)


def array(values, _):
    return values


def plane(values, _):
    return values[0]


def image(_, made):
    return made


def gaussian(sigma):
    return {
        "SimpleITK": (image, lambda made: sitk.DiscreteGaussian(made, sigma**2, 65, 0.001, True)),
        "ITK recursive": (image, lambda made: sitk.SmoothingRecursiveGaussian(made, sigma)),
        "SciPy": (array, lambda values: ndimage.gaussian_filter(values, sigma, mode="reflect")),
    }


def median(radius):
    peers = {"SimpleITK": (image, lambda made: sitk.Median(made, [radius] * 3))}
    if radius == 1:
        # The slower of the two at every radius: minutes at 5x5x5.
        peers["SciPy"] = (array, lambda values: ndimage.median_filter(values, 3, mode="nearest"))
    return peers


def means(values, patch, search):
    options = {"patch_size": 2 * patch + 1, "patch_distance": search, "h": 16.0, "sigma": 20.0}
    return restoration.denoise_nl_means(values, fast_mode=True, preserve_range=True, **options)


def diffusion(function):
    options = {"timeStep": 0.0625, "conductanceParameter": 2.0, "numberOfIterations": 5}
    return {"SimpleITK": (image, lambda made: function(made, conductanceScalingUpdateInterval=1, **options))}


def unit(values, _):
    """scikit-image equalizes 0 to 1."""
    low, high = values.min(), values.max()
    return ((values - low) / (high - low)).reshape([n for n in values.shape if n > 1])


def clahe(region):
    return {"scikit-image": (unit, lambda values: exposure.equalize_adapthist(values, region, 0.01))}


ROWS = [
    Row("gaussian", volume, gaussian(1.5), compare=("SciPy",), note="sigma 1.5 voxels"),
    Row("gaussian-wide", volume, gaussian(6.0), compare=("SciPy",), note="sigma 6 voxels"),
    Row("median", volume, median(1), compare=("SimpleITK", "SciPy"), note="3x3x3"),
    Row("median-5", volume, median(2), compare=("SimpleITK",), note="5x5x5"),
    Row(
        "bilateral", small,
        {"SimpleITK": (image, lambda made: sitk.Bilateral(made, 1.2, 50.0, 100))},
        compare=("SimpleITK",), note="7x7x7 window; ITK's range Gaussian is a table",
    ),
    Row(
        "bilateral-flat", flat,
        {
            "scikit-image": (plane, lambda values: restoration.denoise_bilateral(values, 11, 50.0, 2.0, mode="edge")),
            "SimpleITK": (image, lambda made: sitk.Bilateral(made[:, :, 0], 2.0, 50.0, 100)),
        },
        compare=("SimpleITK",), note="11x11 window",
    ),
    Row(
        "non-local-means", small, {"scikit-image": (array, lambda values: means(values, 1, 3))},
        note="patch 3, search 7; scikit-image's patch is 2",
    ),
    Row(
        "non-local-means-flat", flat, {"scikit-image": (plane, lambda values: means(values, 2, 7))},
        note="patch 5, search 15; scikit-image's patch is 4",
    ),
    Row(
        "total-variation", volume,
        {"scikit-image": (array, lambda values: restoration.denoise_tv_chambolle(values, 25, 0, 21))},
        compare=("scikit-image",), note="20 iterations; its dual field, in 16 bits, is 1.5 volumes",
    ),
    Row("gradient-diffusion", volume, diffusion(sitk.GradientAnisotropicDiffusion), compare=("SimpleITK",), note="5 steps"),
    Row("curvature-diffusion", volume, diffusion(sitk.CurvatureAnisotropicDiffusion), compare=("SimpleITK",), note="5 steps"),
    Row("clahe", volume, clahe((16, 64, 64)), note="in space"),
    Row("clahe-flat", flat, clahe((128, 128)), note="8x8 regions"),
]
