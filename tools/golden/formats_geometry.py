"""Expected geometry and values for the formats crate, from SimpleITK, nibabel and pydicom.

Usage: python tools/golden/formats_geometry.py ../shared/data crates/formats/tests/golden/geometry.json

DICOM folders: pydicom sorts slices by their position along the normal and rescales each to 64-bit
floats; SimpleITK's ImageSeriesReader, given the files in that order, supplies the geometry, and
both readings of the voxels must agree before anything is written. NIfTI: nibabel supplies the
affine (RAS, converted here to LPS) and the scaled voxels; SimpleITK must agree where it reads the
file at all.
"""

import hashlib
import json
import pathlib
import sys

import nibabel
import numpy as np
import pydicom
import SimpleITK as sitk

DICOM = ["volumes/mridir_head_t2", "volumes/totalsegmentator/example_ct_dicom"]
NIFTI = [
    "nifti_nrrd_samples/anatomical.nii",
    "nifti_nrrd_samples/functional.nii",
    "nifti_nrrd_samples/example4d.nii.gz",
    "nifti_nrrd_samples/example_nifti2.nii.gz",
    "nifti_nrrd_samples/reoriented_anat_moved.nii",
    "nifti_nrrd_samples/resampled_anat_moved.nii",
    "volumes/totalsegmentator/example_ct.nii.gz",
    "volumes/totalsegmentator/example_ct_sm.nii.gz",
    "volumes/totalsegmentator/example_mr_sm.nii.gz",
    "volumes/totalsegmentator/example_seg.nii.gz",
    "volumes/totalsegmentator/aorta/ct_cropped.nii.gz",
    "volumes/totalsegmentator/pulmonary/ct_cropped.nii.gz",
]


def case(path, voxels, spacing, origin, direction, checked_by):
    """`voxels` is indexed [slice, row, column]; `direction` holds one vector an axis, in LPS."""
    values = np.ascontiguousarray(voxels.astype("<f4"))
    slices, rows, columns = values.shape
    generator = np.random.default_rng(7)
    samples = []
    for _ in range(12):
        s, r, c = (int(generator.integers(n)) for n in (slices, rows, columns))
        samples.append([c, r, s, float(values[s, r, c])])
    return {
        "path": path,
        "checked_by": checked_by,
        "size": [columns, rows, slices],
        "spacing": [float(v) for v in spacing],
        "origin": [float(v) for v in origin],
        "direction": [[float(v) for v in axis] for axis in direction],
        "samples": samples,
        "mean": float(voxels.astype(np.float64).mean()),
        "min": float(values.min()),
        "max": float(values.max()),
        "float32_sha256": hashlib.sha256(values.tobytes()).hexdigest(),
    }


def dicom(root, name):
    sets = [(pydicom.dcmread(f), str(f)) for f in sorted((root / name).glob("*.dcm"))]
    orientation = np.array(sets[0][0].ImageOrientationPatient, float)
    normal = np.cross(orientation[:3], orientation[3:])
    sets.sort(key=lambda pair: float(np.dot(normal, np.array(pair[0].ImagePositionPatient, float))))
    voxels = np.stack(
        [
            d.pixel_array.astype(np.float64) * float(getattr(d, "RescaleSlope", 1))
            + float(getattr(d, "RescaleIntercept", 0))
            for d, _ in sets
        ]
    )
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames([f for _, f in sets])
    image = reader.Execute()
    peer = sitk.GetArrayFromImage(image).astype(np.float64)
    assert peer.shape == voxels.shape and np.array_equal(peer, voxels), name
    direction = np.array(image.GetDirection()).reshape(3, 3).T
    return case(name, voxels, image.GetSpacing(), image.GetOrigin(), direction, "pydicom and SimpleITK")


def nifti(root, name):
    image = nibabel.load(root / name)
    data = np.asarray(image.dataobj, dtype=np.float64)
    while data.ndim > 3:
        data = data[..., 0]
    data = data.copy()
    # What is not finite becomes the lowest finite value, as the crate documents.
    broken = ~np.isfinite(data)
    data[broken] = data[~broken].min()
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ image.affine
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    direction = (affine[:3, :3] / spacing).T
    checked_by = "nibabel"
    try:
        peer = sitk.ReadImage(str(root / name))
        origin, size = np.array(peer.GetOrigin())[:3], peer.GetDimension()
        assert np.allclose(origin, affine[:3, 3], atol=1e-3), (name, origin, affine[:3, 3])
        axes = np.array(peer.GetDirection()).reshape(size, size)[:3, :3].T
        assert np.allclose(axes, direction, atol=2e-3), (name, axes, direction)
        voxels = sitk.GetArrayFromImage(peer).astype(np.float64)
        voxels = voxels if voxels.ndim == 3 else voxels[0]
        same = np.isclose(voxels, data.transpose(2, 1, 0), rtol=1e-5, atol=1e-3)
        assert np.all(same | broken.transpose(2, 1, 0)), name
        checked_by = "nibabel and SimpleITK"
    except RuntimeError as refused:
        print(name, "not read by SimpleITK:", str(refused).splitlines()[-1], file=sys.stderr)
    return case(name, data.transpose(2, 1, 0), spacing, affine[:3, 3], direction, checked_by)


def main():
    root, target = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    cases = [dicom(root, name) for name in DICOM] + [nifti(root, name) for name in NIFTI]
    versions = {
        "pydicom": pydicom.__version__,
        "SimpleITK": sitk.Version_VersionString(),
        "nibabel": nibabel.__version__,
        "numpy": np.__version__,
    }
    target.write_text(json.dumps({"versions": versions, "cases": cases}, indent=1) + "\n")
    for entry in cases:
        print(entry["path"], entry["size"], np.round(entry["spacing"], 4).tolist(), entry["checked_by"])


main()
