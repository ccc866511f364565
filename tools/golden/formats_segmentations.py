"""Expected content of segmentation objects for the formats crate, from pydicom and highdicom.

Usage: python tools/golden/formats_segmentations.py ../shared/data crates/formats/tests/golden/segmentations.json

pydicom supplies frames, positions and segments; the grid reaches from the lowest to the highest
frame along the normal, in steps of the least distance (of Spacing Between Slices for one slice).
highdicom's own volume of each segment must hold the same sum before anything is written.
"""

import json
import pathlib
import sys

import highdicom as hd
import numpy as np
import pydicom

CASES = [
    "dicom_conformance/highdicom/seg_image_ct_binary.dcm",
    "dicom_conformance/highdicom/seg_image_ct_binary_fractional.dcm",
    "dicom_conformance/highdicom/seg_image_ct_binary_overlap.dcm",
    "dicom_conformance/highdicom/seg_image_ct_binary_single_frame.dcm",
    "dicom_conformance/highdicom/seg_image_ct_true_fractional.dcm",
    "dicom_conformance/pydicom/liver_1frame.dcm",
    "dicom_conformance/pydicom_data/liver.dcm",
    "dicom_conformance/pydicom_data/liver_nonbyte_aligned.dcm",
]


def group(dataset, frame, name):
    per_frame = dataset.PerFrameFunctionalGroupsSequence[frame]
    shared = dataset.SharedFunctionalGroupsSequence[0]
    return (per_frame if name in per_frame else shared)[name][0]


def case(root, name):
    dataset = pydicom.dcmread(root / name)
    frames = dataset.pixel_array
    frames = frames[np.newaxis] if frames.ndim == 2 else frames
    count = len(frames)
    orientation = np.array(group(dataset, 0, "PlaneOrientationSequence").ImageOrientationPatient, float)
    row, column = orientation[:3], orientation[3:]
    normal = np.cross(row, column)
    positions = np.array(
        [group(dataset, i, "PlanePositionSequence").ImagePositionPatient for i in range(count)], float
    )
    measures = group(dataset, 0, "PixelMeasuresSequence")
    depth = positions @ normal
    steps = np.diff(np.unique(np.round(depth, 4)))
    step = float(steps.min()) if len(steps) else float(measures.get("SpacingBetweenSlices", measures.SliceThickness))
    slices = np.round((depth - depth.min()) / step).astype(int)
    numbers = [group(dataset, i, "SegmentIdentificationSequence").ReferencedSegmentNumber for i in range(count)]
    described = sorted(int(item.SegmentNumber) for item in dataset.SegmentSequence)
    size = [int(dataset.Columns), int(dataset.Rows), int(slices.max()) + 1]
    most = float(dataset.get("MaximumFractionalValue", 1))
    volumes = {number: np.zeros(size[::-1]) for number in described}
    for pixels, at, number in zip(frames, slices, numbers):
        volumes[int(number)][at] = pixels / most
    sums = [float(volumes[number].sum()) for number in described]
    read = hd.seg.segread(root / name)
    checked = read.get_volume(
        segment_numbers=described, combine_segments=False, rescale_fractional=True, allow_missing_positions=True
    )
    np.testing.assert_allclose(checked.array.reshape(-1, len(described)).sum(axis=0, dtype=float), sums, rtol=1e-6)
    spacing = np.array(measures.PixelSpacing, float)
    first = positions[depth.argmin()]
    last = first + row * spacing[1] * (size[0] - 1) + column * spacing[0] * (size[1] - 1)
    last = last + normal * step * (size[2] - 1)
    overlap = dataset.SegmentationType == "BINARY" and bool((sum(v > 0 for v in volumes.values()) > 1).any())
    return {
        "path": name,
        "overlap": overlap,
        "size": size,
        "sums": sums,
        "first": first.tolist(),
        "last": last.tolist(),
    }


def main():
    root, target = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    made = {
        "made_by": "tools/golden/formats_segmentations.py",
        "pydicom": pydicom.__version__,
        "highdicom": hd.__version__,
        "numpy": np.__version__,
        "cases": [case(root, name) for name in CASES],
    }
    target.write_text(json.dumps(made, indent=1) + "\n")


main()
