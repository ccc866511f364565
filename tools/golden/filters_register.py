"""Golden numbers of `crates/filters/tests/all/register.rs` from SimpleITK.

Usage: python tools/golden/filters_register.py phantoms
       python tools/golden/filters_register.py demons
       python tools/golden/filters_register.py heads [FOLDER OF HEAD VOLUMES]

Phantoms are made by rule, the same here and in the test. Of the head volumes, which may not be copied into
the project, only the transform that SimpleITK finds and the measures are kept.
"""

import json
import pathlib
import sys

import numpy as np
import SimpleITK as sitk

from rules import hash_grid

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = ROOT / "crates/filters/tests/golden/register.json"

# Center mm, radii mm, value in the fixed image, value in the moving image.
PARTS = [
    ((60.0, 62.0, 50.0), (46.0, 54.0, 42.0), 60.0, 140.0),
    ((60.0, 62.0, 50.0), (40.0, 48.0, 36.0), 40.0, -70.0),
    ((46.0, 56.0, 54.0), (9.0, 16.0, 11.0), -50.0, 120.0),
    ((76.0, 58.0, 50.0), (7.0, 13.0, 9.0), -45.0, 110.0),
    ((64.0, 88.0, 42.0), (13.0, 8.0, 7.0), 55.0, -40.0),
    ((58.0, 34.0, 62.0), (6.0, 9.0, 12.0), 70.0, 30.0),
    ((40.0, 40.0, 40.0), (8.0, 7.0, 9.0), 60.0, -60.0),
    ((82.0, 84.0, 60.0), (9.0, 8.0, 10.0), -40.0, 90.0),
    ((50.0, 84.0, 64.0), (7.0, 9.0, 8.0), 50.0, 60.0),
    ((78.0, 38.0, 38.0), (8.0, 8.0, 6.0), 45.0, -80.0),
    ((60.0, 62.0, 78.0), (14.0, 10.0, 6.0), -35.0, 100.0),
    ((60.0, 62.0, 26.0), (10.0, 14.0, 6.0), 40.0, -50.0),
]
SIZE, SPACING = (64, 60, 40), (1.9, 2.1, 2.6)
MOVING_SIZE, MOVING_SPACING, MOVING_ORIGIN = (80, 84, 56), (2.2, 1.9, 3.0), (-30.0, -20.0, -35.0)


def phantom(points, column):
    """Values at points (n, 3): soft-edged ellipsoids, added."""
    value = np.zeros(len(points))
    for center, radii, *values in PARTS:
        radius = np.sqrt((((points - np.array(center)) / np.array(radii)) ** 2).sum(1))
        value += values[column] / (1.0 + np.exp((radius - 1.0) * 0.25 * sum(radii)))
    return value


def grid_points(size, spacing, origin):
    k, j, i = np.meshgrid(*(np.arange(n, dtype=float) for n in reversed(size)), indexing="ij")
    return np.stack([i.ravel(), j.ravel(), k.ravel()], 1) * np.array(spacing) + np.array(origin)


def image(values, size, spacing, origin):
    made = sitk.GetImageFromArray(values.reshape(size[::-1]).astype(np.float32))
    made.SetSpacing(spacing)
    made.SetOrigin(origin)
    return made


def noise(size, seed):
    return (hash_grid(size[0] + seed, size[1], size[2])[:, :, seed:].ravel() - 0.5) * 3.0


def fixed_image():
    origin = (0.0, 0.0, 0.0)
    return image(phantom(grid_points(SIZE, SPACING, origin), 0) + noise(SIZE, 0), SIZE, SPACING, origin)


def moving_image(transform):
    """The phantom in the other contrast, where the transform takes it."""
    points = grid_points(MOVING_SIZE, MOVING_SPACING, MOVING_ORIGIN)
    matrix = np.array(transform.GetMatrix()).reshape(3, 3)
    center, shift = np.array(transform.GetCenter()), np.array(transform.GetTranslation())
    back = (points - center - shift) @ np.linalg.inv(matrix).T + center
    values = phantom(back, 1) + noise(MOVING_SIZE, 7)
    return image(values, MOVING_SIZE, MOVING_SPACING, MOVING_ORIGIN)


def rigid():
    transform = sitk.Euler3DTransform()
    transform.SetCenter((60.0, 62.0, 50.0))
    transform.SetRotation(0.12, -0.08, 0.17)
    transform.SetTranslation((7.0, -5.0, 4.0))
    return transform


def affine():
    transform = sitk.AffineTransform(3)
    transform.SetCenter((60.0, 62.0, 50.0))
    transform.SetMatrix((1.08, 0.06, -0.03, -0.05, 0.93, 0.04, 0.02, -0.07, 1.05))
    transform.SetTranslation((5.0, 4.0, -6.0))
    return transform


def method(metric="mutual"):
    registration = sitk.ImageRegistrationMethod()
    registration.SetInterpolator(sitk.sitkLinear)
    registration.SetMetricSamplingStrategy(registration.NONE)
    if metric == "mutual":
        registration.SetMetricAsMattesMutualInformation(50)
    elif metric == "squares":
        registration.SetMetricAsMeanSquares()
    else:
        registration.SetMetricAsCorrelation()
    return registration


def measure(fixed, moving, transform, metric="mutual"):
    registration = method(metric)
    registration.SetInitialTransform(transform)
    value = registration.MetricEvaluate(fixed, moving)
    return value if metric == "squares" else -value


def register(fixed, moving, start, samples=200_000, levels=((8, 4, 2, 1), (4, 2, 1, 0)), iterations=100):
    registration = method()
    share = min(1.0, samples / np.prod(fixed.GetSize()))
    registration.SetMetricSamplingStrategy(registration.RANDOM)
    registration.SetMetricSamplingPercentage(share, 1)
    registration.SetOptimizerAsRegularStepGradientDescent(
        1.0, 1e-4, iterations, relaxationFactor=0.8, gradientMagnitudeTolerance=1e-8
    )
    registration.SetOptimizerScalesFromPhysicalShift()
    registration.SetShrinkFactorsPerLevel(levels[0])
    registration.SetSmoothingSigmasPerLevel(levels[1])
    registration.SetInitialTransform(start, inPlace=False)
    found = registration.Execute(fixed, moving)
    return sitk.CompositeTransform(found).GetNthTransform(0)


def shift(fixed, a, b):
    """Root mean square and largest distance between two maps over a grid of fixed points, mm."""
    points = [
        fixed.TransformContinuousIndexToPhysicalPoint([u * (n - 1) for u, n in zip(at, fixed.GetSize())])
        for at in np.ndindex(5, 5, 5)
        for at in [np.array(at) / 4]
    ]
    distance = [np.linalg.norm(np.subtract(a.TransformPoint(p), b.TransformPoint(p))) for p in points]
    return float(np.sqrt(np.mean(np.square(distance)))), float(max(distance))


def written(transform):
    if hasattr(transform, "GetMatrix"):
        return {
            "center": list(transform.GetCenter()), "matrix": np.reshape(transform.GetMatrix(), (3, 3)).tolist(),
            "translation": list(transform.GetTranslation()),
        }
    raise TypeError(transform)


def concrete(transform):
    """SimpleITK hands transforms back as their base class."""
    return getattr(transform, "Downcast", lambda: transform)()


def swirl(points):
    """A smooth displacement of up to about 5 mm."""
    x, y, z = (points * np.pi / 60.0).T
    return np.stack(
        [3.5 * np.sin(y) * np.cos(z), 3.0 * np.sin(x) * np.sin(z + 0.5), 3.0 * np.cos(x + 0.7) * np.sin(y)], 1
    )


def demons():
    origin = (0.0, 0.0, 0.0)
    points = grid_points(SIZE, SPACING, origin)
    moving = image(phantom(points, 0) + noise(SIZE, 0), SIZE, SPACING, origin)
    fixed = image(phantom(points + swirl(points), 0) + noise(SIZE, 3), SIZE, SPACING, origin)
    method = sitk.FastSymmetricForcesDemonsRegistrationFilter()
    method.SetNumberOfIterations(100)
    method.SetStandardDeviations(1.0)
    field = sitk.GetArrayFromImage(method.Execute(fixed, moving)).reshape(-1, 3)
    inside = phantom(points, 0) > 10.0
    distance = lambda found: float(np.mean(np.linalg.norm(found - swirl(points), axis=1)[inside]))
    told = {"error_before_mm": distance(np.zeros_like(field)), "error_after_mm": distance(field)}
    print("demons", told, method.GetMetric(), flush=True)
    return told


def main():
    golden = json.loads(TARGET.read_text()) if TARGET.exists() else {}
    golden["made_by"] = f"SimpleITK {sitk.Version_VersionString()}, numpy {np.__version__}"
    folder = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else ROOT.parent / "shared/data/volumes/head"
    if sys.argv[1] == "phantoms":
        phantoms(golden)
    elif sys.argv[1] == "demons":
        golden["demons"] = demons()
    else:
        heads(golden, folder)
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(json.dumps(golden, indent=1) + "\n")


def phantoms(golden):
    golden["euler"] = {"points": [], "matrix": written(rigid())}
    for point in [(0.0, 0.0, 0.0), (100.0, -30.0, 7.0), (60.0, 62.0, 50.0)]:
        golden["euler"]["points"].append([list(point), list(rigid().TransformPoint(point))])

    fixed = fixed_image()
    cases = {"rigid": (rigid(), sitk.Euler3DTransform), "affine": (affine(), lambda: sitk.AffineTransform(3))}
    for name, (truth, make) in cases.items():
        moving = moving_image(truth)
        middle = fixed.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in fixed.GetSize()])
        start = make()
        start.SetCenter(middle)
        if name == "affine":
            # Steepest descent stalls on twelve parameters from far away: from the rigid result, as is usual.
            turned = sitk.Euler3DTransform()
            turned.SetCenter(middle)
            turned = concrete(register(fixed, moving, turned, levels=((4, 2), (4, 2))))
            start.SetMatrix(turned.GetMatrix())
            start.SetTranslation(turned.GetTranslation())
        found = concrete(register(fixed, moving, start, levels=((4, 2, 1), (4, 2, 0)), iterations=200))
        rms, most = shift(fixed, found, truth)
        values = {}
        for metric in ("mutual", "squares", "correlation"):
            values[metric] = [measure(fixed, moving, t, metric) for t in (sitk.Transform(3, sitk.sitkIdentity), truth)]
        golden[name] = {
            "truth": written(truth), "found": written(found), "error_rms_mm": rms, "error_most_mm": most,
            "values_at_identity_and_truth": values, "mutual_at_found": measure(fixed, moving, found),
        }
        print(name, golden[name]["error_rms_mm"], values, golden[name]["mutual_at_found"], flush=True)


def heads(golden, folder):
    golden["head"] = {}
    for name, fixed_name, moving_name, make in [
        ("ct_mr", "vm_head_ct.mha", "vm_head_mri.mha", sitk.Euler3DTransform),
        ("t1_template", "ants_ch2.nii.gz", "training_001_mr_T1.mha", lambda: sitk.AffineTransform(3)),
    ]:
        fixed = sitk.ReadImage(str(folder / fixed_name), sitk.sitkFloat32)
        moving = sitk.ReadImage(str(folder / moving_name), sitk.sitkFloat32)
        start = sitk.CenteredTransformInitializer(
            fixed, moving, make(), sitk.CenteredTransformInitializerFilter.GEOMETRY
        )
        found = concrete(register(fixed, moving, start))
        rms, most = shift(fixed, found, start)
        golden["head"][name] = {
            "fixed": fixed_name, "moving": moving_name, "start": written(concrete(start)), "found": written(found),
            "mutual_at_start": measure(fixed, moving, start), "mutual_at_found": measure(fixed, moving, found),
            "moved_rms_mm": rms,
        }
        print(name, golden["head"][name], flush=True)


if __name__ == "__main__":
    main()
