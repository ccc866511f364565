#!/usr/bin/env python3
"""Golden values of `filters::denoise` and `filters::enhance` from SciPy, SimpleITK, scikit-image and NumPy.

    python3 tools/golden/filters_denoise.py crates/filters/tests/golden

Writes denoise.json and enhance.json. The images are made by rule; the tests make the same ones. Each case
holds every 11th value. Where a definition has no implementation at hand, NumPy follows the paper directly.
"""

import json
import pathlib
import sys

import numpy as np
import scipy
import SimpleITK as sitk
import skimage
from scipy import ndimage, stats
from skimage import exposure, filters, restoration

from rules import hash_grid

STRIDE = 11
SPACING = (0.8, 1.0, 2.5)


def rule(columns, rows, slices):
    """A bright disc on a dark ground, with noise from 0 to below 40."""
    slice_, row, column = np.meshgrid(np.arange(slices), np.arange(rows), np.arange(columns), indexing="ij")
    inside = (column - columns // 2) ** 2 + (row - rows // 2) ** 2 + (2 * slice_ - slices) ** 2 // 4 < 40
    base = np.where(inside, np.float32(200), np.float32(50)).astype(np.float32)
    return base + np.float32(40) * hash_grid(columns, rows, slices)


VOLUME = rule(24, 20, 12)
FLAT = rule(40, 32, 1)[0]


def image(array, spacing=SPACING):
    made = sitk.GetImageFromArray(array)
    made.SetSpacing(spacing[: array.ndim])
    return made


def non_local_means(array, patch, search, strength, sigma, first=None):
    """The weights of every shift, patch by patch; `first` is where a patch begins, before its middle."""
    first = -patch if first is None else first
    margin, n = patch + search, array.ndim
    padded = np.pad(array.astype(float), margin, mode="reflect")

    def moved(shift):
        return padded[tuple(slice(margin + s, margin + s + size) for s, size in zip(shift, array.shape))]

    sums, weights = np.zeros(array.shape), np.zeros(array.shape)
    for shift in np.ndindex(*[2 * search + 1] * n):
        shift = np.array(shift) - search
        distance = np.zeros(array.shape)
        for place in np.ndindex(*[patch - first + 1] * n):
            place = np.array(place) + first
            distance += (moved(place) - moved(place + shift)) ** 2 - 2 * sigma**2
        distance = np.maximum(distance, 0) / (strength**2 * (2 * patch + 1) ** n)
        weight = np.where(distance > 5, 0, np.exp(-distance))
        sums += weight * moved(shift)
        weights += weight
    return sums / weights


def spatial_table(win_size, sigma, *, dtype=float):
    """What scikit-image 0.26 means: its own table is a column too wide and read with the window's width."""
    row, column = np.mgrid[: win_size, : win_size] - win_size // 2
    return np.exp(-0.5 * (row**2 + column**2) / sigma**2).astype(dtype).ravel()


def despeckle(array, iterations, step, speckle, decay):
    """Yu and Acton 2002, with the coefficient kept within 0 to 1."""
    values = array.astype(float)
    for iteration in range(iterations):
        padded = np.pad(values, 1, mode="edge")
        north, south = padded[:-2, 1:-1] - values, padded[2:, 1:-1] - values
        west, east = padded[1:-1, :-2] - values, padded[1:-1, 2:] - values
        squares = (north**2 + south**2 + west**2 + east**2) / values**2
        laplacian = (north + south + west + east) / values
        q2 = (squares / 2 - laplacian**2 / 16) / (1 + laplacian / 4) ** 2
        scale = (speckle * np.exp(-decay * iteration * step)) ** 2
        with np.errstate(divide="ignore"):
            c = 1 / (1 + (q2 - scale) / (scale * (1 + scale)))
        c = np.where(q2 <= scale, 1, np.clip(c, 0, 1))
        below, right = np.pad(c, 1, mode="edge")[2:, 1:-1], np.pad(c, 1, mode="edge")[1:-1, 2:]
        values = values + step / 4 * (below * south + c * north + right * east + c * west)
    return values


def denoise_cases():
    volume, flat = VOLUME.astype(float), FLAT.astype(float)
    yield "gaussian_flat", ndimage.gaussian_filter(flat, 1.7, mode="reflect")
    in_voxels = [2 / spacing for spacing in reversed(SPACING)]
    yield "gaussian_volume_mm", ndimage.gaussian_filter(volume, in_voxels, mode="nearest")
    yield "gaussian_wide", ndimage.gaussian_filter(volume, 9, mode="reflect")
    yield "gaussian_mirror", ndimage.gaussian_filter(volume, 1.2, mode="mirror")
    yield "median_flat", ndimage.median_filter(FLAT, 3, mode="reflect")
    yield "median_volume", ndimage.median_filter(VOLUME, 3, mode="nearest")
    yield "median_uneven", ndimage.median_filter(VOLUME, (7, 3, 5), mode="reflect")
    yield "median_large", ndimage.median_filter(VOLUME, 7, mode="mirror")
    bilateral = sitk.Bilateral(image(VOLUME), domainSigma=1.6, rangeSigma=30, numberOfRangeGaussianSamples=1000000)
    yield "bilateral_volume", sitk.GetArrayFromImage(bilateral)
    restoration._denoise._compute_spatial_lut = spatial_table
    yield "bilateral_flat", restoration.denoise_bilateral(
        flat, win_size=11, sigma_color=30, sigma_spatial=2, bins=1000000, mode="edge"
    )
    for name, array, patch, search in [("flat", FLAT, 2, 5), ("volume", VOLUME, 1, 2)]:
        yield f"non_local_means_{name}", non_local_means(array, patch, search, 14.0, 6.0)
        # scikit-image's patches lack their first row and column, and its exponential is an approximation.
        theirs = restoration.denoise_nl_means(
            array.astype(float), 2 * patch + 1, search, 14.0, fast_mode=True, sigma=6.0, preserve_range=True
        )
        off = np.abs(theirs - non_local_means(array, patch, search, 14.0, 6.0, first=1 - patch)).max()
        print(f"{name}: scikit-image differs from its own definition by {off:.3g}", file=sys.stderr)
        assert off < 1.5, off
        yield f"non_local_means_{name}_skimage", theirs
    # Its last iteration gives what the one before led to.
    yield "total_variation_flat", restoration.denoise_tv_chambolle(flat, 25, eps=0, max_num_iter=31)
    yield "total_variation_volume", restoration.denoise_tv_chambolle(volume, 25, eps=0, max_num_iter=21)
    yield "total_variation_stopped", restoration.denoise_tv_chambolle(volume, 25, eps=2e-4, max_num_iter=200)
    options = {"conductanceParameter": 1.5, "conductanceScalingUpdateInterval": 1, "numberOfIterations": 5}
    for name, function in [
        ("gradient", sitk.GradientAnisotropicDiffusion),
        ("curvature", sitk.CurvatureAnisotropicDiffusion),
    ]:
        made = function(image(volume), timeStep=0.05, **options)
        yield f"diffusion_{name}_volume", sitk.GetArrayFromImage(made)
        made = function(sitk.GetImageFromArray(flat), timeStep=0.125, **options)
        yield f"diffusion_{name}_flat", sitk.GetArrayFromImage(made)
    yield "despeckle", despeckle(FLAT, 20, 0.3, 0.3, 1 / 6)


def rician():
    yield [float(stats.rayleigh(scale=7.0).mean()), float(stats.rayleigh(scale=7.0).std()), 7.0]
    for signal in [0.5, 1.0, 2.0, 5.0, 25.0]:
        noise = stats.rice(b=signal, scale=7.0)
        yield [float(noise.mean()), float(noise.std()), 7.0]


def enhance_cases():
    volume, flat = VOLUME.astype(float), FLAT.astype(float)
    yield "unsharp_volume", filters.unsharp_mask(volume, radius=1.5, amount=0.8, preserve_range=True)
    yield "unsharp_flat", filters.unsharp_mask(flat, radius=0.7, amount=2.5, preserve_range=True)
    # Whole gray levels, so that scikit-image's rounding to 16 bits first changes none.
    for name, array, region in [("flat", FLAT, (8, 10)), ("default", FLAT, None), ("volume", VOLUME, (4, 7, 6))]:
        grays = levels(array)
        yield f"clahe_{name}", 16383 * exposure.equalize_adapthist(grays / 16383, kernel_size=region, clip_limit=0.03)
    low, high = volume.min(), volume.max()
    yield "equalize", low + (high - low) * exposure.equalize_hist(VOLUME, nbins=100)
    yield "match", exposure.match_histograms(flat, (volume[5] ** 2)[:16] / 100)
    yield "gamma", 250 * exposure.adjust_gamma(np.clip(flat / 250, 0, 1), 0.6)


def levels(array):
    low, high = array.min(), array.max()
    return np.round((array - low) / (high - low) * 16383)


def write(path, cases, **more):
    versions = {"numpy": np, "scipy": scipy, "SimpleITK": sitk, "scikit-image": skimage}
    document = {
        "versions": {name: getattr(module, "__version__", "?") for name, module in versions.items()},
        "stride": STRIDE,
        "cases": {name: [float(f"{v:.8g}") for v in np.asarray(array, float).ravel()[::STRIDE]] for name, array in cases},
        **more,
    }
    path.write_text(json.dumps(document, separators=(",", ":")) + "\n")
    print(f"{path}: {path.stat().st_size} bytes", file=sys.stderr)


def main():
    folder = pathlib.Path(sys.argv[1])
    noise = {"flat": float(restoration.estimate_sigma(FLAT)), "volume": float(restoration.estimate_sigma(VOLUME))}
    write(folder / "denoise.json", denoise_cases(), noise=noise, rician=list(rician()))
    write(folder / "enhance.json", enhance_cases())


if __name__ == "__main__":
    main()
