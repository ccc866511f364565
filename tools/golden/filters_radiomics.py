"""Golden values for `wilhelm_filters::radiomics`.

Usage: python tools/golden/filters_radiomics.py DATA_FOLDER
(DATA_FOLDER holds nifti_nrrd_samples; needs mirp, SimpleITK, numpy, scikit-image).

- The IBSI digital phantom (Zwanenburg et al., reference manual, chapter 5) measured by MIRP, an
  implementation of the IBSI standard by its first author, in four ways of putting directions together.
- A volume made by rule with a mask made by rule, measured by MIRP with 16 bins.
- `graycomatrix` of scikit-image on a flat image made by rule.
- The cases of the pyradiomics baseline tables that resample (2 mm, cubic B-spline): images resampled by
  SimpleITK as pyradiomics 2.0 does, as values under the mask.
"""

import json
import math
import pathlib
import re
import sys
import tempfile

import numpy as np
import SimpleITK as sitk

import rules

OUT = pathlib.Path(__file__).resolve().parents[2] / "crates/filters/tests/golden/radiomics.json"

FAMILIES = ["morphological", "statistics", "intensity_histogram", "glcm", "glrlm", "glszm", "ngtdm", "ngldm"]

# Slices, rows, columns; 0 lies outside the mask.
PHANTOM = [
    [[1, 4, 4, 1, 1], [1, 4, 6, 1, 1], [4, 1, 6, 4, 1], [4, 4, 6, 4, 1]],
    [[1, 4, 4, 1, 1], [1, 1, 6, 1, 1], [0, 1, 3, 1, 1], [4, 4, 6, 1, 1]],
    [[1, 4, 4, 0, 0], [1, 1, 1, 1, 1], [1, 1, 0, 1, 1], [1, 1, 6, 1, 1]],
    [[1, 4, 4, 0, 0], [1, 1, 1, 1, 1], [1, 1, 1, 1, 1], [1, 1, 6, 1, 1]],
]


def mirp_features(values, mask, spacing, **settings):
    import mirp

    with tempfile.TemporaryDirectory() as folder:
        for name, array, kind in (("image", values, np.float32), ("mask", mask, np.uint8)):
            image = sitk.GetImageFromArray(np.asarray(array, kind))
            image.SetSpacing(spacing)
            sitk.WriteImage(image, f"{folder}/{name}.nii.gz")
        table = mirp.extract_features(
            image=f"{folder}/image.nii.gz", mask=f"{folder}/mask.nii.gz",
            write_features=False, export_features=True, **settings,
        )[0]
    row, known, result = table.iloc[0], identifiers(), {}
    for column in table.columns:
        # A column is a short name, and how directions were put together.
        stem = max((name for name in known if column == name or column.startswith(name + "_")), key=len, default=None)
        if stem is not None and math.isfinite(float(row[column])):
            way = re.search("2.5d_d_mrg|2.5d_v_mrg|2.5d|3d_avg|3d_v_mrg|3d", column[len(stem):])
            result.setdefault("_" + way.group() if way else "", {})[known[stem]] = float(row[column])
    return result


def identifiers():
    """IBSI identifiers by MIRP's short names, read from its sources."""
    import mirp

    known = {"stat_p10": "QG58", "stat_p90": "8DWT", "ih_p10": "GPMT", "ih_p90": "OZ0C"}
    for path in sorted((pathlib.Path(mirp.__file__).parent / "_features").glob("*_features.py")):
        pairs = re.findall(r'abbr_name = "(\w+)"\s+self\.ibsi_id = "(\w{4})', path.read_text())
        known.update(pairs)
    return known


def phantom():
    array = np.array(PHANTOM)
    result = {"values": array.tolist()}
    spatial = dict(glcm_spatial_method=["2.5d_direction_merge", "2.5d_volume_merge", "3d_average", "3d_volume_merge"],
                   glrlm_spatial_method=["2.5d_direction_merge", "2.5d_volume_merge", "3d_average", "3d_volume_merge"],
                   glszm_spatial_method=["2.5d", "3d"], ngtdm_spatial_method=["2.5d", "3d"],
                   ngldm_spatial_method=["2.5d", "3d"])
    result["mirp"] = mirp_features(
        array, array > 0, (2.0, 2.0, 2.0), base_discretisation_method="none", by_slice=False,
        base_feature_families=FAMILIES, **spatial)
    return result


def ruled():
    columns, rows, slices = 20, 18, 9
    values = np.round(rules.hash_grid(columns, rows, slices) * 200.0) + np.arange(columns, dtype=np.float32) * 5
    mask = rules.hash_grid(columns, rows, slices + 1)[1:] < 0.8
    settings = dict(base_discretisation_method="fixed_bin_number", base_discretisation_n_bins=16, by_slice=False,
                    base_feature_families=FAMILIES, glcm_spatial_method=["3d_average"], glrlm_spatial_method=["3d_average"],
                    glszm_spatial_method=["3d"], ngtdm_spatial_method=["3d"], ngldm_spatial_method=["3d"])
    return {"size": [columns, rows, slices], "spacing": [1.5, 0.75, 3.0],
            "mirp": mirp_features(values, mask, (1.5, 0.75, 3.0), **settings)}


def flat():
    from skimage.feature import graycomatrix, graycoprops

    columns, rows = 40, 30
    levels = np.floor(rules.hash_grid(columns, rows)[0] * 8).astype(np.uint8)
    angles = [0, np.pi / 4, np.pi / 2, 3 * np.pi / 4]
    matrix = graycomatrix(levels, [1], angles, levels=8, symmetric=True, normed=True)
    names = ["contrast", "dissimilarity", "homogeneity", "ASM", "correlation"]
    return {"size": [columns, rows], "skimage": {name: float(graycoprops(matrix, name).mean()) for name in names}}


def resampled(folder, case):
    image, label = (sitk.ReadImage(str(folder / f"{case}_{kind}.nrrd")) for kind in ("image", "label"))
    stats = sitk.LabelShapeStatisticsImageFilter()
    stats.Execute(label)
    box = np.array(stats.GetBoundingBox(1))
    old, new = np.array(image.GetSpacing()), np.array([2.0, 2.0, 2.0])
    new = np.where(box[3:] != 1, new, old)
    ratio = old / new
    low = np.floor((box[:3] - 0.5) * ratio - 5)
    high = np.ceil((box[:3] + box[3:] - 0.5) * ratio + 5)
    most = np.ceil(np.array(image.GetSize()) * ratio) - 1
    low, high = np.maximum(low, 0), np.minimum(high, most)
    origin = image.TransformContinuousIndexToPhysicalPoint((0.5 * (new - old) / old + low / ratio).tolist())
    filter_ = sitk.ResampleImageFilter()
    filter_.SetOutputSpacing(new.tolist())
    filter_.SetOutputDirection(image.GetDirection())
    filter_.SetSize([int(n) for n in high - low + 1])
    filter_.SetOutputOrigin(origin)
    filter_.SetOutputPixelType(image.GetPixelID())
    filter_.SetInterpolator(sitk.sitkBSpline)
    values = sitk.GetArrayFromImage(filter_.Execute(image))
    filter_.SetOutputPixelType(label.GetPixelID())
    filter_.SetInterpolator(sitk.sitkNearestNeighbor)
    mask = sitk.GetArrayFromImage(filter_.Execute(label)) == 1
    z, y, x = np.nonzero(mask)
    crop = tuple(slice(axis.min(), axis.max() + 1) for axis in (z, y, x))
    mask, values = mask[crop], values[crop]
    return {"size": list(reversed(mask.shape)), "spacing": new.tolist(),
            "values": [int(v) if inside else None for v, inside in zip(values.ravel(), mask.ravel())]}


def main():
    import mirp
    import skimage
    from importlib.metadata import version

    folder = pathlib.Path(sys.argv[1]) / "nifti_nrrd_samples/pyradiomics"
    result = {
        "versions": {"mirp": version("mirp"), "skimage": skimage.__version__, "SimpleITK": sitk.Version_VersionString(),
                     "numpy": np.__version__},
        "phantom": phantom(), "ruled": ruled(), "flat": flat(),
        "resampled": {case: resampled(folder, case) for case in ("brain1", "breast1")},
    }
    OUT.parent.mkdir(exist_ok=True)
    text = json.dumps(result, separators=(",", ":")).replace('},"', '},\n"')
    OUT.write_text(text + "\n")
    print(OUT, len(text))


if __name__ == "__main__":
    main()
