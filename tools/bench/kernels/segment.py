"""Segmentation tools beside SimpleITK, SciPy and scikit-image; sets are what lies above 0.5."""

import numpy as np
import SimpleITK as sitk
from scipy import ndimage as ndi
from skimage import filters, measure, morphology, segmentation

from kernels.row import Row


def smooth(columns, rows, slices, period=8, grain=0.05, seed=1):
    """Random numbers at every `period`-th voxel, straight lines between them, and a little noise."""
    random = np.random.default_rng(seed)
    array = random.random([n // period + 2 for n in (slices, rows, columns)], dtype=np.float32)
    for axis, count in enumerate((slices, rows, columns)):
        at = np.arange(count) / np.float32(period)
        low, part = at.astype(int), (at % 1).astype(np.float32)
        shape = [-1 if a == axis else 1 for a in range(3)]
        array = np.take(array, low, axis) * (1 - part.reshape(shape)) + np.take(array, low + 1, axis) * part.reshape(shape)
    return array + np.float32(grain) * random.standard_normal(array.shape, dtype=np.float32)


def ball(count=256, radius=60, noise=0.3):
    """A bright ball among noise, in `count`^3."""
    z, y, x = np.ogrid[:count, :count, :count]
    middle = count // 2
    inside = (x - middle) ** 2 + (y - middle) ** 2 + (z - middle) ** 2 <= radius**2
    return (inside + noise * np.random.default_rng(1).standard_normal(inside.shape, dtype=np.float32)).astype(np.float32)


def clicks(array):
    """The clicks of `examples/kernels`, one voxel to either side: 1 inside, 2 outside."""
    markers = np.zeros(array.shape, np.int32)
    for share, label in ((4, 1), (1, 2), (7, 2)):
        middle = [n * share // 8 for n in array.shape]
        for axis in range(3):
            for step in (-1, 0, 1):
                markers[tuple(at + step * (axis == a) for a, at in enumerate(middle))] = label
    return markers


def walked(prepared):
    # Of a field of unit deviation, since scikit-image divides by the deviation where it means the variance.
    array, markers = prepared
    return segmentation.random_walker(array / array.std(), markers, beta=10, mode="cg_j", tol=1e-5) == 1


def lattice(array):
    markers = np.zeros(array.shape, np.int32)
    places = markers[8::16, 8::16, 8::16]
    places[...] = np.arange(1, places.size + 1).reshape(places.shape)
    return markers


def equal(ours, theirs):
    return f"{np.count_nonzero(ours != theirs) / theirs.size:.2g} of voxels"


def binary(image):
    return sitk.BinaryThreshold(image, 0.5, 1e9, 1, 0)


same = lambda array, image: (array, image)
marked = lambda array, image: (array, image, lattice(array))


def from_markers(prepared):
    array, image, markers = prepared
    seeds = sitk.GetImageFromArray(markers)
    seeds.CopyInformation(image)
    return sitk.MorphologicalWatershedFromMarkers(image, seeds, markWatershedLine=False)


def objectness(prepared):
    return sitk.ObjectnessMeasure(sitk.SmoothingRecursiveGaussian(prepared[1], 2.0), objectDimension=1)


ROWS = [
    Row("segment_components", lambda: smooth(512, 512, 300), {
        "SimpleITK": (same, lambda p: sitk.ConnectedComponent(binary(p[1]))),
        "SciPy": (same, lambda p: ndi.label(p[0] >= 0.5)[0]),
        "scikit-image": (same, lambda p: measure.label(p[0] >= 0.5, connectivity=1)),
    }, note="threshold included on all sides; ours also gives sizes, boxes and centers"),
    Row("segment_distance", lambda: smooth(256, 256, 256), {
        "SciPy": (same, lambda p: ndi.distance_transform_edt(p[0] >= 0.5)),
        "SimpleITK": (same, lambda p: sitk.SignedMaurerDistanceMap(binary(p[1]), False, False, True)),
    }, compare=("SciPy",), note="SimpleITK's is the signed one, for time only"),
    Row("segment_closing", lambda: smooth(256, 256, 256), {
        "SimpleITK": (same, lambda p: sitk.BinaryMorphologicalClosing(binary(p[1]), (3, 3, 3), sitk.sitkBall)),
        "scikit-image": (same, lambda p: morphology.isotropic_closing(p[0] >= 0.5, 3)),
    }, compare=("scikit-image",), difference=equal),
    Row("segment_frangi", lambda: smooth(256, 256, 128), {
        "scikit-image": (same, lambda p: filters.frangi(p[0], [2.0], black_ridges=False, mode="nearest")),
        "SimpleITK": (same, objectness),
    }, compare=("scikit-image",), note="SimpleITK: smoothing, then differences; another definition"),
    Row("segment_watershed", lambda: smooth(256, 256, 128), {
        "scikit-image": (marked, lambda p: segmentation.watershed(p[0], p[2])),
        "SimpleITK": (marked, from_markers),
    }, compare=("scikit-image",), difference=equal),
    Row("segment_click", ball, {
        # The nearest thing of this size: a region that grows from the click on the smoothed image.
        "SimpleITK": (same, lambda p: sitk.ConfidenceConnected(p[1], [(128, 128, 128)], 1, 2.5, 2, 1)),
    }, note="a click inside and two outside; the peer is another method, for scale: scikit-image's walker takes two minutes for an eighth of the voxels"),
    Row("segment_click_whole", lambda: ball(64, 15, 0.1), {
        "scikit-image": (lambda array, image: (array, clicks(array)), walked),
    }, compare=("scikit-image",), difference=equal, note="the same random walker, solved whole, to the same tolerance"),
]
