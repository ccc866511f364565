"""Expected geometry and values for the formats crate, from SimpleITK, nibabel, pydicom and dcm2niix.

Usage: python tools/golden/formats_geometry.py ../shared/data crates/formats/tests/golden/geometry.json

DICOM: pydicom sorts the slices of one series and one orientation by their position along the normal
and rescales each to 64-bit floats; SimpleITK's ImageSeriesReader, given the files in that order,
supplies the geometry, and both readings of the voxels must agree before anything is written.
dcm2niix converts the same folder; where one of its volumes has the same voxels at the same points
(it turns rows over, so that points are compared and not affines) it is named among those that
agree, and printed otherwise. NIfTI: nibabel supplies the affine (RAS, converted here to LPS) and the
scaled voxels of every volume; SimpleITK must agree where it reads the file at all. NRRD and
MetaImage: SimpleITK.
"""

import hashlib
import json
import pathlib
import subprocess
import sys
import tempfile

import nibabel
import numpy as np
import pydicom
import SimpleITK as sitk

DICOM = [
    "volumes/mridir_head_t2",
    "volumes/totalsegmentator/example_ct_dicom",
    "dicom_conformance/pydicom/dicomdirtests/98892001/CT5N",
    "dicom_conformance/pydicom/dicomdirtests/98892001/CT2N",
    "dicom_conformance/pydicom/dicomdirtests/98892003/MR1",
    "dicom_conformance/pydicom/dicomdirtests/98892003/MR2",
    "dicom_conformance/pydicom/dicomdirtests/98892003/MR700",
]
# Slices of CT2 lie 202.5, 1.25 and 1.25 mm apart: SimpleITK and dcm2niix each give one spacing for
# all of them, and no grid is right.


def beneath(root, folder, extensions):
    files = sorted((root / folder).rglob("*"))
    return [str(f.relative_to(root)) for f in files if f.name.endswith(extensions)]


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


def stacks(root, name):
    """Slices of one series and one orientation, sorted along their normal."""
    stacks = {}
    for file in sorted(f for f in (root / name).iterdir() if f.is_file()):
        try:
            header = pydicom.dcmread(file)
        except pydicom.errors.InvalidDicomError:
            continue
        orientation = tuple(np.round([float(v) for v in header.ImageOrientationPatient], 4) + 0.0)
        stacks.setdefault((header.SeriesInstanceUID, orientation), []).append((header, str(file)))
    for (_, orientation), sets in stacks.items():
        normal = np.cross(orientation[:3], orientation[3:])
        sets.sort(key=lambda pair: float(np.dot(normal, np.array(pair[0].ImagePositionPatient, float))))
        yield sets


def dicom(root, name):
    converted = list(dcm2niix(root / name))
    for sets in stacks(root, name):
        voxels = np.stack(
            [
                d.pixel_array.astype(np.float64) * float(getattr(d, "RescaleSlope", 1))
                + float(getattr(d, "RescaleIntercept", 0))
                for d, _ in sets
            ]
        )
        if len(sets) == 1:
            image = sitk.ReadImage(sets[0][1])
        else:
            reader = sitk.ImageSeriesReader()
            reader.SetFileNames([f for _, f in sets])
            image = reader.Execute()
        peer = sitk.GetArrayFromImage(image).astype(np.float64)
        assert peer.shape == voxels.shape and np.array_equal(peer, voxels), name
        direction = np.array(image.GetDirection()).reshape(3, 3).T
        checked_by = "pydicom and SimpleITK"
        affine = np.eye(4)
        affine[:3, :3] = direction.T * np.array(image.GetSpacing())
        affine[:3, 3] = image.GetOrigin()
        if any(same_points(affine, voxels, other, data) for other, data in converted):
            checked_by = "pydicom, SimpleITK and dcm2niix"
        else:
            print(name, sets[0][1].rsplit("/", 1)[-1], len(sets), "slices: not so in dcm2niix", file=sys.stderr)
        if "LOCALIZER" in sets[0][0].ImageType:
            # A localizer is a projection: the crate gives its values as stored, not as Hounsfield units.
            voxels = np.stack([d.pixel_array.astype(np.float64) for d, _ in sets])
        spacing = list(image.GetSpacing())
        if len(sets) == 1:
            # One slice has no neighbor: SimpleITK says 1, dcm2niix and this crate its thickness.
            spacing[2] = float(sets[0][0].SliceThickness)
        entry = case(name, voxels, spacing, image.GetOrigin(), direction, checked_by)
        yield entry | {"file": sets[0][1].rsplit("/", 1)[-1]}


def dcm2niix(folder):
    """Affines in LPS and voxels [slice, row, column] of what dcm2niix makes of a folder."""
    with tempfile.TemporaryDirectory() as out:
        subprocess.run(
            ["dcm2niix", "-z", "n", "-b", "n", "-f", "%j_%s", "-o", out, str(folder)],
            check=False, capture_output=True,
        )
        for file in sorted(pathlib.Path(out).glob("*.nii")):
            image = nibabel.load(file)
            if image.ndim == 3:
                data = np.asarray(image.dataobj, dtype=np.float64).transpose(2, 1, 0)
                yield np.diag([-1.0, -1.0, 1.0, 1.0]) @ image.affine, data


def same_points(affine, voxels, other, data):
    """Whether two grids hold the same voxels at the same points (within 1e-3 mm), axes turned over or not."""
    if voxels.shape != data.shape:
        return False
    for flips in range(8):
        axes = [axis for axis in range(3) if flips >> axis & 1]
        turned = other.copy()
        for axis in axes:
            # Array axes run slice, row, column.
            turned[:3, 3] += turned[:3, axis] * (data.shape[2 - axis] - 1)
            turned[:3, axis] *= -1
        steps = 1 if voxels.shape[0] > 1 else 0
        ends = [np.array([i, j, k * steps, 1]) * [*(n - 1 for n in voxels.shape[::-1]), 1]
                for i in (0, 1) for j in (0, 1) for k in (0, 1)]
        off = max(np.abs(affine @ end - turned @ end).max() for end in ends)
        if off < 1e-3 and np.array_equal(voxels, np.flip(data, [2 - axis for axis in axes])):
            return True
    return False


def nifti(root, name):
    image = nibabel.load(root / name)
    data = np.asarray(image.dataobj, dtype=np.float64)
    data = data.reshape(*data.shape[:3], -1)
    finite = []
    for volume in data.transpose(3, 2, 1, 0).copy():
        # What is not finite becomes the lowest finite value, as the crate documents.
        broken = ~np.isfinite(volume)
        volume[broken] = volume[~broken].min()
        finite.append(volume)
    broken = ~np.isfinite(data[..., 0].transpose(2, 1, 0))
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
        same = np.isclose(voxels, finite[0], rtol=1e-5, atol=1e-3)
        assert np.all(same | broken), name
        checked_by = "nibabel and SimpleITK"
    except RuntimeError as refused:
        print(name, "not read by SimpleITK:", str(refused).splitlines()[-1], file=sys.stderr)
    entry = case(name, finite[0], spacing, affine[:3, 3], direction, checked_by)
    if len(finite) > 1:
        last = hashlib.sha256(np.ascontiguousarray(finite[-1].astype("<f4")).tobytes()).hexdigest()
        entry |= {"volumes": len(finite), "last_float32_sha256": last}
    return entry


def itk(root, name):
    image = sitk.ReadImage(str(root / name))
    direction = np.array(image.GetDirection()).reshape(3, 3).T
    voxels = sitk.GetArrayFromImage(image).astype(np.float64)
    return case(name, voxels, image.GetSpacing(), image.GetOrigin(), direction, "SimpleITK")


def main():
    root, target = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    folders = ["volumes", "nifti_nrrd_samples"]
    cases = [entry for name in DICOM for entry in dicom(root, name)]
    cases += [nifti(root, name) for folder in folders for name in beneath(root, folder, (".nii", ".nii.gz"))]
    cases += [itk(root, name) for folder in folders for name in beneath(root, folder, (".mha", ".nrrd"))]
    versions = {
        "pydicom": pydicom.__version__,
        "SimpleITK": sitk.Version_VersionString(),
        "nibabel": nibabel.__version__,
        "numpy": np.__version__,
        "dcm2niix": subprocess.run(["dcm2niix", "--version"], capture_output=True, text=True).stdout.split()[-1],
    }
    target.write_text(json.dumps({"versions": versions, "cases": cases}, separators=(",", ":")) + "\n")
    for entry in cases:
        print(entry["path"], entry["size"], np.round(entry["spacing"], 4).tolist(), entry["checked_by"])


main()
