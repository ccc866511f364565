"""Registration: the same points, levels and steps; warping; demons."""

import numpy as np
import SimpleITK as sitk

from kernels.row import Row

SIZE = (256, 256, 128)


def head(size=SIZE):
    """Soft ellipsoids within each other, with noise."""
    columns, rows, slices = size
    z, y, x = np.meshgrid(*(np.linspace(-1, 1, n, dtype=np.float32) for n in (slices, rows, columns)), indexing="ij")
    value = np.zeros((slices, rows, columns), np.float32)
    for (cx, cy, cz), (rx, ry, rz), level in [
        ((0.0, 0.0, 0.0), (0.75, 0.85, 0.8), 100.0), ((0.1, -0.2, 0.1), (0.3, 0.2, 0.4), 60.0),
        ((-0.25, 0.3, -0.2), (0.2, 0.25, 0.2), -50.0), ((0.3, 0.35, 0.2), (0.12, 0.2, 0.3), 80.0),
    ]:
        radius = np.sqrt(((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 + ((z - cz) / rz) ** 2)
        value += level / (1 + np.exp(np.minimum((radius - 1) * 20, 80)))
    return value + np.random.default_rng(1).normal(0, 2, value.shape).astype(np.float32)


def pair(array, image):
    """The image, and itself turned by 5 degrees and moved, with its contrast turned over."""
    return image, moved(image)


def moved(image):
    turn = sitk.Euler3DTransform()
    turn.SetCenter(image.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in image.GetSize()]))
    turn.SetRotation(0.05, -0.04, 0.08)
    turn.SetTranslation((4.0, -3.0, 2.0))
    return sitk.Resample(200.0 - image, image, turn, sitk.sitkLinear, 200.0)


def rigid(prepared):
    fixed, moving = prepared
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(50)
    method.SetMetricSamplingStrategy(method.RANDOM)
    method.SetMetricSamplingPercentage(0.1, 1)
    method.SetInterpolator(sitk.sitkLinear)
    # No step is so small that it ends before its 50 steps: the same work as ours.
    method.SetOptimizerAsRegularStepGradientDescent(2.0, 1e-30, 50, gradientMagnitudeTolerance=1e-30)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel((4, 2, 1))
    method.SetSmoothingSigmasPerLevel((2, 1, 0))
    start = sitk.Euler3DTransform()
    start.SetCenter(fixed.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in fixed.GetSize()]))
    method.SetInitialTransform(start, inPlace=False)
    method.Execute(fixed, moving)
    return np.zeros(1, np.float32)


def bent(image):
    """The image with a smooth displacement of up to 4 voxels."""
    grid = np.stack(np.meshgrid(*(np.arange(n) * np.pi / 48 for n in reversed(image.GetSize())), indexing="ij"), -1)
    z, y, x = np.moveaxis(grid, -1, 0)
    field = np.stack([3 * np.sin(y) * np.cos(z), 3 * np.sin(x) * np.cos(z), 2 * np.cos(x) * np.sin(y)], -1)
    return sitk.Warp(image, sitk.GetImageFromArray(field, isVector=True), outputSize=image.GetSize())


def demons(prepared):
    fixed, moving = prepared
    method = sitk.FastSymmetricForcesDemonsRegistrationFilter()
    method.SetNumberOfIterations(30)
    method.SetStandardDeviations(1.0)
    return sitk.GetArrayFromImage(method.Execute(fixed, moving))


def warp(image):
    turn = sitk.Euler3DTransform()
    turn.SetCenter([(n - 1) / 2 for n in image.GetSize()])
    turn.SetRotation(0.05, -0.04, 0.08)
    turn.SetTranslation((4.0, -3.0, 2.0))
    return sitk.Resample(image, image, turn, sitk.sitkLinear, 0.0)


def most_are_alike(ours, theirs):
    """Half of the inner values are no further apart than this (the border is another matter)."""
    inner = tuple(slice(16, -16) for _ in range(3))
    return f"median {float(np.median(np.abs(ours[inner] - theirs[inner]))):.3g}"


ROWS = [
    Row("register_rigid", head, {"SimpleITK": (pair, rigid)}, note="50 bins, 10 % of the voxels, 3 levels of 50 steps"),
    Row(
        "demons", lambda: head((128, 128, 128)), {"SimpleITK": (lambda array, image: (image, bent(image)), demons)},
        compare=("SimpleITK",), difference=most_are_alike, note="30 updates on one level; the field alone is 3 volumes",
    ),
    Row("warp_rigid", head, {"SimpleITK": (lambda array, image: image, warp)}, compare=("SimpleITK",)),
]
