"""Radiomics beside MIRP and scikit-image.

MIRP goes through its own entry point, `extract_features`, with arrays in memory; its process is warm.
It has no switch for single features: the rows name the families that both compute.
"""

import logging
import os
import pathlib

import numpy as np

from kernels.row import Row

# Where the public data lie, from the folder that `make` runs in.
DATA = pathlib.Path(os.environ.get("DATA", "../shared/data")) / "nifti_nrrd_samples/pyradiomics"
FAMILIES = ["morphological", "statistics", "intensity_histogram", "glcm", "glrlm", "glszm", "ngtdm", "ngldm"]


def waves(slices, rows, columns):
    """Gray levels 1 to 32: smooth waves and noise."""
    z, y, x = np.meshgrid(np.arange(slices), np.arange(rows), np.arange(columns), indexing="ij")
    noise = np.random.default_rng(7).normal(0, 2, (slices, rows, columns))
    return np.clip(np.round(16 + 8 * np.sin(x / 17) + 6 * np.cos(y / 23 + z / 9) + noise), 1, 32).astype(np.float32)


def brain():
    import SimpleITK as sitk

    image = sitk.GetArrayFromImage(sitk.ReadImage(str(DATA / "brain1_image.nrrd"))).astype(np.float32)
    label = sitk.GetArrayFromImage(sitk.ReadImage(str(DATA / "brain1_label.nrrd")))
    return np.where(label == 1, image, np.float32(np.nan))


def mirp_input(array, image):
    inside = ~np.isnan(array)
    return np.nan_to_num(array), inside.astype(np.uint8), image.GetSpacing()


def mirp_run(families, **settings):
    def run(prepared):
        import mirp

        logging.disable(logging.CRITICAL)
        values, mask, spacing = prepared
        mirp.extract_features(
            image=values, mask=mask, write_features=False, export_features=True, by_slice=False,
            base_feature_families=families, glcm_spatial_method="3d_average", glrlm_spatial_method="3d_average",
            **settings)
        return np.zeros(1, np.float32)

    return run


def skimage_run(levels):
    from skimage.feature import graycomatrix, graycoprops

    matrix = graycomatrix(levels, [1], [0, np.pi / 4, np.pi / 2, 3 * np.pi / 4], levels=33, symmetric=True, normed=True)
    for name in ("contrast", "dissimilarity", "homogeneity", "ASM", "energy", "correlation"):
        graycoprops(matrix, name)
    return np.zeros(1, np.float32)


ROWS = [
    Row("radiomics_glcm", lambda: waves(64, 256, 256),
        {"mirp": (mirp_input, mirp_run(["glcm"], base_discretisation_method="none"))},
        note="13 directions averaged, 32 gray levels, 4.2 million voxels"),
    Row("radiomics_glcm_flat", lambda: waves(1, 2048, 2048),
        {"skimage": (lambda array, image: array[0].astype(np.uint8), skimage_run)},
        note="4 directions, 25 features here, 6 there"),
    Row("radiomics_all", brain if DATA.is_dir() else None,
        {"mirp": (mirp_input, mirp_run(FAMILIES, base_discretisation_method="fixed_bin_size_pyradiomics",
                                       base_discretisation_bin_width=25.0, ibsi_compliant=False))},
        spacing=(0.78125, 0.78125, 6.5), note="brain1, 4137 voxels, every family"),
]
