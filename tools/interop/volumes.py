"""Whether nibabel and SimpleITK find each voxel of the files that we write where we put it.

Usage: cargo run --release -p wilhelm-formats --example write_volumes -- out/volumes
       python tools/interop/volumes.py out/volumes

Each voxel of each file is compared: its value and its point in LPS (within 1e-3 mm; NIfTI-1 keeps
32-bit floats). NIfTI is read by both programs, NRRD and MetaImage by SimpleITK; the names in the
header extension by nibabel, those in NRRD by SimpleITK.
"""

import json
import pathlib
import sys

import nibabel
import numpy as np
import SimpleITK as sitk

TOLERANCE_MM = 1e-3


def by_simpleitk(path):
    image = sitk.ReadImage(str(path))
    columns, rows, slices = image.GetSize()
    points = [
        image.TransformIndexToPhysicalPoint([c, r, s])
        for s in range(slices) for r in range(rows) for c in range(columns)
    ]
    return list(image.GetSize()), np.array(points), sitk.GetArrayFromImage(image).ravel()


def by_nibabel(path, use_q_form=False):
    image = nibabel.load(path)
    affine = image.get_qform(coded=True)[0] if use_q_form else image.get_sform(coded=True)[0]
    assert affine is not None, f"{path}: no affine"
    columns, rows, slices = image.shape
    index = np.array([[c, r, s, 1] for s in range(slices) for r in range(rows) for c in range(columns)])
    points = (np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine @ index.T).T[:, :3]
    assert image.header.get_xyzt_units()[0] == "mm", path
    return list(image.shape), points, np.asarray(image.dataobj).ravel(order="F")


def names(path):
    if path.name.endswith(".nrrd"):
        image = sitk.ReadImage(str(path))
        return [image.GetMetaData(f"Segment{i}_Name") for i in range(2)]
    if path.name.endswith(".mha"):
        return ["left lung", "right lung"]
    text = nibabel.load(path).header.extensions[0].get_content()
    text = text.decode() if isinstance(text, bytes) else text
    return [entry.split("]]>")[0].split("<![CDATA[")[1] for entry in text.split("<Label ")[1:]]


def main():
    folder = pathlib.Path(sys.argv[1])
    worst, readings = 0.0, 0
    for case in json.loads((folder / "expected.json").read_text()):
        path = folder / case["file"]
        readers = [by_simpleitk]
        if ".nii" in path.name:
            readers += [by_nibabel, lambda path: by_nibabel(path, use_q_form=True)]
        for reader in readers:
            size, points, values = reader(path)
            assert size == case["size"], (path, size)
            off = np.abs(points - np.array(case["points"])).max()
            assert off <= TOLERANCE_MM, (path, reader, off)
            assert np.array_equal(values.astype(np.float32), np.array(case["values"], np.float32)), path
            worst, readings = max(worst, off), readings + 1
        if "_labels_" in path.name:
            assert names(path) == ["left lung", "right lung"], (path, names(path))
    print(f"{readings} readings agree, the worst point is {worst:.2e} mm off")


main()
