"""Resampling of a CT to cubes of 1 mm and N4 of a head, beside SimpleITK."""

import numpy as np
import SimpleITK as sitk

from kernels.row import Row

SPACING = (0.7, 0.7, 1.0)


def ct():
    slice_, row, column = np.meshgrid(np.arange(300), np.arange(512), np.arange(512), indexing="ij", copy=False, sparse=True)
    value = 400 * np.sin(column / 17.0) * np.cos(row / 23.0) + 300 * np.sin(slice_ / 11.0 + column / 40.0)
    return value.astype(np.float32)


def head():
    """Three tissues times a smooth field, 160 x 192 x 160."""
    s, r, c = np.mgrid[-1:1:160j, -1:1:192j, -1:1:160j].astype(np.float32)
    radius = np.sqrt((c / 0.8) ** 2 + (r / 0.9) ** 2 + (s / 0.85) ** 2)
    wave = radius + 0.15 * np.sin(5 * c) * np.cos(6 * r)
    tissue = np.where(radius > 1, 0, np.where(radius > 0.9, 60, np.where(wave < 0.5, 150, 100)))
    noise = np.random.default_rng(1).normal(0, 3, tissue.shape)
    return (tissue * np.exp(0.3 * (c * c - 0.5 * r + 0.4 * c * s)) + 6 + noise).clip(0.5).astype(np.float32)


def prepare(how):
    def made(_array, image):
        old, spacing = np.array(image.GetSize()), np.array(image.GetSpacing())
        # The same box about the same center, as `isotropic` has it.
        size = np.maximum(np.round(old * spacing), 1)
        origin = (old - 1) / 2 * spacing - (size - 1) / 2
        tool = sitk.ResampleImageFilter()
        tool.SetSize([int(n) for n in size])
        tool.SetOutputSpacing([1.0] * 3)
        tool.SetOutputOrigin(origin.tolist())
        tool.SetOutputDirection(image.GetDirection())
        tool.SetInterpolator(how)
        return tool, image

    return made


def n4(image):
    # As ours: Otsu's threshold, every fourth voxel, the field on the full grid, the quotient.
    mask = sitk.OtsuThreshold(image, 0, 1, 256)
    tool = sitk.N4BiasFieldCorrectionImageFilter()
    tool.Execute(sitk.Shrink(image, [4] * 3), sitk.Shrink(mask, [4] * 3))
    return image / sitk.Exp(tool.GetLogBiasFieldAsImage(image))


def resample_row(name, how, note=""):
    peers = {"SimpleITK": (prepare(how), lambda made: made[0].Execute(made[1]))}
    return Row(name, ct, peers, SPACING, compare=("SimpleITK",), note=note)


ROWS = [
    resample_row("resample_1mm_nearest", sitk.sitkNearestNeighbor, "a center halfway between two voxels goes to the higher"),
    resample_row("resample_1mm_linear", sitk.sitkLinear),
    resample_row("resample_1mm_cubic", sitk.sitkBSpline),
    Row("n4_shrink_4", head, {"SimpleITK": (lambda array, image: image, n4)}, compare=("SimpleITK",)),
]
