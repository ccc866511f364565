"""Reads written DICOM objects with pydicom and highdicom and compares numbers and physical points.

Usage: python tools/interop/objects.py FOLDER
Needs `pip install highdicom`; FOLDER comes from
`cargo run --release -p wilhelm-formats --example write_objects FOLDER`.

Points must agree to 1e-3 mm, probabilities to half a step of 1/255, numbers of reports to 1e-9.
"""

import json
import pathlib
import sys

import highdicom as hd
import numpy as np
import pydicom
from pydicom.sr.codedict import codes

MM = 1e-3


def frame_points(dataset, frame):
    """Centers of all pixels of a frame, [row, column, 3]."""
    per_frame = dataset.PerFrameFunctionalGroupsSequence[frame]
    shared = dataset.SharedFunctionalGroupsSequence[0]
    origin = np.array(per_frame.PlanePositionSequence[0].ImagePositionPatient, float)
    orientation = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float)
    down, along = np.array(shared.PixelMeasuresSequence[0].PixelSpacing, float)
    rows, columns = np.mgrid[: dataset.Rows, : dataset.Columns]
    return origin + columns[..., None] * along * orientation[:3] + rows[..., None] * down * orientation[3:]



def same_points(found, expected, what):
    found, expected = np.asarray(found, float).reshape(-1, 3), np.asarray(expected, float).reshape(-1, 3)
    assert found.shape == expected.shape, f"{what}: {len(found)} voxels, expected {len(expected)}"
    tree = {tuple(cell): point for cell, point in zip(np.floor(expected / 0.05).astype(int).tolist(), expected)}
    for point in found:
        cell = np.floor(point / 0.05).astype(int)
        near = [
            tree.get((cell[0] + i, cell[1] + j, cell[2] + k)) for i in (-1, 0, 1) for j in (-1, 0, 1) for k in (-1, 0, 1)
        ]
        assert any(n is not None and np.abs(n - point).max() <= MM for n in near), f"{what}: {point}"


def expected_points(expected, label):
    return [point for point, found in expected["labels"] if label is None or found == label]


def check_source_links(dataset, sources):
    """Each frame lies exactly on the source slice it names."""
    for number, frame in enumerate(dataset.PerFrameFunctionalGroupsSequence):
        source = frame.DerivationImageSequence[0].SourceImageSequence[0]
        slice_ = sources[source.ReferencedSOPInstanceUID]
        assert source.ReferencedSOPClassUID == slice_.SOPClassUID
        there = np.array(slice_.ImagePositionPatient, float)
        here = np.array(frame.PlanePositionSequence[0].ImagePositionPatient, float)
        assert np.abs(there - here).max() <= MM, f"frame {number + 1} is not on its source"


def segmentation(folder, name, expected, sources, numbers, linked=True):
    path = folder / f"{name}.dcm"
    dataset = pydicom.dcmread(path)
    pixels = dataset.pixel_array
    label_map = dataset.SegmentationType == "LABELMAP"
    found = {number: [] for number in numbers}
    for frame in range(dataset.NumberOfFrames):
        points = frame_points(dataset, frame)
        if label_map:
            for number in numbers:
                found[number].append(points[pixels[frame] == number])
        else:
            group = dataset.PerFrameFunctionalGroupsSequence[frame]
            number = group.SegmentIdentificationSequence[0].ReferencedSegmentNumber
            assert pixels[frame].any(), "an empty frame"
            found[number].append(points[pixels[frame] > 0])
    for number, label in numbers.items():
        same_points(np.concatenate(found[number]), expected_points(expected, label), f"{name} segment {number}")
    if linked:
        check_source_links(dataset, sources)
    # highdicom's own reading of the same object: its volume has the voxels at the same points.
    read = hd.seg.segread(path)
    assert set(read.segment_numbers) >= set(numbers)
    volume = read.get_volume(segment_numbers=list(numbers), combine_segments=False, allow_missing_positions=True)
    for channel, (number, label) in enumerate(numbers.items()):
        indices = np.argwhere(np.asarray(volume.array)[..., channel] > 0)
        points = volume.map_indices_to_reference(indices)
        same_points(points, expected_points(expected, label), f"{name} segment {number} in highdicom")
    described = read.get_segment_description(list(numbers)[0])
    assert described.segmented_property_type == codes.SCT.Lung
    assert described.algorithm_type.value == "AUTOMATIC"
    return dataset


def probabilities(dataset, pixels, expected, most, tolerance, what):
    found = {}
    for frame in range(dataset.NumberOfFrames):
        points = frame_points(dataset, frame).reshape(-1, 3)
        for point, value in zip(np.round(points / 0.05).astype(int).tolist(), pixels[frame].ravel().tolist()):
            found[tuple(point)] = value / most
    compared = 0
    for point, value in expected["probabilities"]:
        cell = np.round(np.array(point) / 0.05).astype(int)
        near = [
            found.get((cell[0] + i, cell[1] + j, cell[2] + k)) for i in (0, -1, 1) for j in (0, -1, 1) for k in (0, -1, 1)
        ]
        near = [n for n in near if n is not None]
        assert near, f"{what}: no voxel at {point}"
        assert min(abs(n - value) for n in near) <= tolerance, f"{what}: {near}, expected {value}"
        compared += 1
    assert compared > 500


def report(folder, expected, sources):
    document = hd.sr.srread(folder / "sr_measurements.dcm")
    content = document.content
    groups = content.get_volumetric_roi_measurement_groups()
    assert len(groups) == 1
    group = groups[0]
    assert group.tracking_identifier == "left organ"
    segmentation = pydicom.dcmread(folder / "seg_binary.dcm", stop_before_pixels=True)
    roi = group.referenced_segment
    assert roi.referenced_sop_instance_uid == segmentation.SOPInstanceUID
    assert list(roi.referenced_segment_numbers) == [1]
    volume = group.get_measurements(name=codes.SCT.Volume)[0]
    assert abs(volume.value - expected["volume_milliliters"]) <= 1e-9 * volume.value
    assert volume.unit.value == "mL"
    site = group.finding_sites[0]
    assert site.value == codes.SCT.Lung and site.laterality == codes.SCT.Left
    planar = content.get_planar_roi_measurement_groups()
    assert len(planar) == 1
    region = planar[0].roi
    np.testing.assert_allclose(region.value, [[4, 5], [14, 5], [14, 15], [4, 15], [4, 5]])
    assert planar[0].tracking_uid == "2.25.99"
    whole = content.get_image_measurement_groups()
    assert len(whole) == 1
    assert abs(whole[0].get_measurements()[0].value - 71.5) < 1e-9
    evidence = document.CurrentRequestedProcedureEvidenceSequence[0]
    named = {i.ReferencedSOPInstanceUID for s in evidence.ReferencedSeriesSequence for i in s.ReferencedSOPSequence}
    assert named == set(sources) | {segmentation.SOPInstanceUID}


def others(folder, expected, sources):
    dataset = pydicom.dcmread(folder / "seg_fractional.dcm")
    assert dataset.SegmentationFractionalType == "PROBABILITY"
    probabilities(dataset, dataset.pixel_array, expected, 255, 0.5 / 255 + 1e-6, "fractional")
    check_source_links(dataset, sources)
    hd.seg.segread(folder / "seg_fractional.dcm")

    dataset = pydicom.dcmread(folder / "pm_probability.dcm")
    probabilities(dataset, dataset.pixel_array, expected, 1, 1e-7, "parametric map")
    check_source_links(dataset, sources)
    read = hd.imread(folder / "pm_probability.dcm")
    stored = read.get_frames(apply_real_world_transform=True)
    np.testing.assert_allclose(stored, dataset.pixel_array)
    mapping = dataset.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence[0]
    assert mapping.MeasurementUnitsCodeSequence[0].CodeValue == "1"
    assert mapping.QuantityDefinitionSequence[0].ConceptCodeSequence[0].CodeValue == "122157"

    dataset = pydicom.dcmread(folder / "pr_grayscale.dcm")
    images = dataset.ReferencedSeriesSequence[0].ReferencedImageSequence
    assert len(images) == 2 and all(i.ReferencedSOPInstanceUID in sources for i in images)
    assert dataset.SoftcopyVOILUTSequence[0].WindowCenter == 40
    assert (dataset.RescaleSlope, dataset.RescaleIntercept, dataset.RescaleType) == (1, -1024, "HU")
    marks = dataset.GraphicAnnotationSequence
    np.testing.assert_allclose(marks[0].GraphicObjectSequence[0].GraphicData, [4, 5, 14, 5, 14, 15, 4, 15, 4, 5])
    ellipse = marks[1].GraphicObjectSequence[0]
    np.testing.assert_allclose(ellipse.GraphicData, [20, 15.5, 20, 28.5, 17, 22, 23, 22])
    assert marks[2].TextObjectSequence[0].UnformattedTextValue == "nodule, research"

    document = hd.ko.KeyObjectSelectionDocument.from_dataset(pydicom.dcmread(folder / "ko_of_interest.dcm"))
    uids = [item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID for item in document.ContentSequence if item.ValueType == "IMAGE"]
    assert len(uids) == 2 and set(uids) <= set(sources)
    assert document.resolve_reference(uids[0])[2] == uids[0]

    picture = np.arange(30 * 20 * 3) % 251
    dataset = pydicom.dcmread(folder / "sc_rgb.dcm")
    np.testing.assert_array_equal(dataset.pixel_array, picture.reshape(20, 30, 3))
    assert dataset.BurnedInAnnotation == "YES" and dataset.ConversionType == "WSD"
    dataset = pydicom.dcmread(folder / "sc_gray.dcm")
    np.testing.assert_array_equal(dataset.pixel_array, picture[:600].reshape(20, 30))


def case(folder):
    expected = json.loads((folder / "expected.json").read_text())
    slices = [pydicom.dcmread(path, stop_before_pixels=True) for path in sorted((folder / "source").glob("*.dcm"))]
    sources = {item.SOPInstanceUID: item for item in slices}
    for path in sorted(folder.glob("*.dcm")):
        dataset = pydicom.dcmread(path, stop_before_pixels=True)
        assert dataset.StudyInstanceUID == slices[0].StudyInstanceUID, path
        assert dataset.PatientName == expected["patient_name"], path
        assert dataset.PatientID == slices[0].PatientID, path
        assert "research use only" in dataset.SeriesDescription, path
    segmentation(folder, "seg_binary", expected, sources, {1: 3, 2: 7})
    segmentation(folder, "seg_turned", expected, sources, {1: 3, 2: 7})
    segmentation(folder, "seg_labelmap", expected, sources, {3: 3, 7: 7})
    segmentation(folder, "seg_own_grid", expected, sources, {1: 3, 2: 7}, linked=False)
    overlap = segmentation(folder, "seg_overlap", expected, sources, {1: 3, 2: None})
    assert overlap.SegmentsOverlap == "YES"
    report(folder, expected, sources)
    others(folder, expected, sources)
    print(f"{folder.name}: {len(list(folder.glob('*.dcm')))} objects read back by pydicom {pydicom.__version__} "
          f"and highdicom {hd.__version__}")


def main():
    folders = sorted(path for path in pathlib.Path(sys.argv[1]).iterdir() if path.is_dir())
    assert len(folders) == 2, "a straight and an oblique case"
    for folder in folders:
        case(folder)


main()
