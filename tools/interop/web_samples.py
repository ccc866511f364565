"""The studies that the page is tried with, as DICOM files in folders.

    web_samples.py PROGRAM DATA FOLDER

PROGRAM is `wilhelm`; DATA the folder of real data sets (see docs/page.md), of which `volumes` and `busi_256` are read. Writes

- `ct`: 300 slices of 512 x 512, interpolated from TotalSegmentator's example CT of 3 mm;
- `earlier`: 20 slices of the same project's PET/CT in JPEG 2000, with identifiers that its anonymization had emptied, and
  the bones that `wilhelm segment` outlines in them as a segmentation object;
- `petct`: the same CT with 90 slices of 3.3 mm, and a PET that was made of it: **simulated**, uptake by tissue and three
  hot spheres of known values, 60 minutes after an injection that the header states, on a grid of its own with a rescale slope
  for each slice;
- `cine`: an ultrasound-like object of 24 frames, made of slices of the CT, at 15 frames a second;
- `mr`: the T2 series of the MRI-DIR porcine phantom, as it is;
- `xray`: the chest radiograph of testdata, and the structured report that `wilhelm read` writes of it;
- `ultrasound`: 24 images of breasts of BUSI, half of them of malignant lesions, a patient and a study each.

Names and numbers of patients are invented.
"""

import pathlib
import shutil
import subprocess
import sys

import nibabel
import numpy
import PIL.Image
import pydicom
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRLittleEndian,
    PositronEmissionTomographyImageStorage,
    UltrasoundImageStorage,
    UltrasoundMultiFrameImageStorage,
    generate_uid,
)

HERE = pathlib.Path(__file__).resolve().parent.parent.parent
SLICES, SIZE, SPACING, BETWEEN = 300, 512, 0.75, 1.1


def along(values, axis, count, spacing, step):
    """Linear interpolation along one axis, centered, with air beyond the ends."""
    center = (values.shape[axis] - 1) / 2
    at = center + (numpy.arange(count) - (count - 1) / 2) * step / spacing
    low = numpy.clip(numpy.floor(at).astype(int), 0, values.shape[axis] - 2)
    shape = [1, 1, 1]
    shape[axis] = count
    share = (at - low).clip(0, 1).reshape(shape).astype(numpy.float32)
    mixed = values.take(low, axis) * (1 - share) + values.take(low + 1, axis) * share
    outside = ((at < -0.5) | (at > values.shape[axis] - 0.5)).reshape(shape)
    return numpy.where(outside, numpy.float32(-1024), mixed)


def new_file(uid, sop_class=CTImageStorage):
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = sop_class
    meta.MediaStorageSOPInstanceUID = uid
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)


def patient(data):
    data.SpecificCharacterSet = "ISO_IR 192"
    data.PatientName, data.PatientID = "Wang^XiaoDong=王^小东", "WIL-0001"
    data.PatientSex, data.PatientBirthDate = "M", "19620412"


def volume_of(source, count, size, step, between):
    """The CT on a grid of `count` slices of `size` x `size`, `step` and `between` mm apart."""
    image = nibabel.load(source)
    values = numpy.asarray(image.dataobj, dtype=numpy.float32)
    # From right, anterior, superior to left, posterior, superior.
    values = values[::-1, ::-1]
    spacing = [float(one) for one in image.header.get_zooms()]
    for axis, (points, apart) in enumerate([(size, step), (size, step), (count, between)]):
        values = along(values, axis, points, spacing[axis], apart)
    return values


def write_ct(source, folder):
    folder.mkdir()
    values = volume_of(source, SLICES, SIZE, SPACING, BETWEEN)
    uids = generate_uid(), generate_uid(), generate_uid()
    ct_slices(values, folder, uids, SPACING, BETWEEN, "CT abdomen and pelvis", "A-1002", "2")


def ct_slices(values, folder, uids, spacing, between, description, accession, number_of_study):
    stored = numpy.rint(values.clip(-1024, 3071) + 1024).astype("<u2")
    size, slices = stored.shape[0], stored.shape[2]
    study, series, frame = uids
    for number in range(slices):
        uid = generate_uid()
        data = new_file(uid)
        patient(data)
        data.SOPClassUID, data.SOPInstanceUID = CTImageStorage, uid
        data.StudyInstanceUID, data.SeriesInstanceUID, data.FrameOfReferenceUID = study, series, frame
        data.StudyDate, data.StudyTime, data.AccessionNumber = "20240212", "093000", accession
        data.StudyID, data.StudyDescription, data.SeriesDescription = number_of_study, description, f"Axial {between} mm"
        data.Modality, data.Manufacturer, data.SeriesNumber, data.InstanceNumber = "CT", "Wilhelm", 2, number + 1
        data.ImageType, data.BodyPartExamined = ["DERIVED", "SECONDARY", "AXIAL"], "ABDOMEN"
        data.PatientPosition, data.ReferringPhysicianName = "HFS", ""
        half = (size - 1) / 2 * spacing
        data.ImagePositionPatient = [-half, -half, round((number - (slices - 1) / 2) * between, 3)]
        data.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        data.PixelSpacing, data.SliceThickness, data.KVP = [spacing, spacing], between, 120
        data.RescaleIntercept, data.RescaleSlope, data.RescaleType = -1024, 1, "HU"
        data.WindowCenter, data.WindowWidth = 40, 400
        data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
        data.Rows = data.Columns = size
        data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 12, 11, 0
        data.PixelData = numpy.ascontiguousarray(stored[:, :, number].T).tobytes()
        data.save_as(folder / f"{number:05}.dcm", enforce_file_format=True)


# Of the simulated PET: points, mm between them, and of each hot sphere its center in mm, its radius in mm and its uptake in g/mL.
PET = 96, 4.0, 75, 4.0
SPHERES = [((-60.0, 10.0, 20.0), 22.0, 6.0), ((70.0, -20.0, -40.0), 18.0, 9.0), ((0.0, 60.0, 60.0), 16.0, 3.0)]
WEIGHT, DOSE, HALF_LIFE = 75.0, 300e6, 6586.2


def blurred(values, sigma):
    """A Gaussian along each axis, `sigma` in points."""
    offsets = numpy.arange(-4, 5)
    weights = numpy.exp(-(offsets**2) / (2 * sigma**2))
    weights /= weights.sum()
    for axis in range(3):
        values = sum(weight * numpy.roll(values, by, axis) for weight, by in zip(weights, offsets))
    return values


def write_petct(source, folder):
    (folder / "ct").mkdir(parents=True)
    (folder / "pet").mkdir()
    study, frame = generate_uid(), generate_uid()
    description = "PET/CT (simulated uptake)"
    ct_slices(volume_of(source, 90, 256, 1.5, 3.3), folder / "ct", (study, generate_uid(), frame), 1.5, 3.3, description, "A-1003", "3")
    size, spacing, slices, between = PET
    tissue = volume_of(source, slices, size, spacing, between)
    uptake = numpy.select([tissue < -700, tissue < -200, tissue < -30], [0.02, 0.4, 0.3], 1.2).astype(numpy.float32)
    uptake = blurred(uptake, 0.8)
    places = numpy.meshgrid(
        *[(numpy.arange(count) - (count - 1) / 2) * step for count, step in [(size, spacing), (size, spacing), (slices, between)]],
        indexing="ij",
    )
    for center, radius, value in SPHERES:
        distance = sum((place - middle) ** 2 for place, middle in zip(places, center))
        uptake[distance <= radius**2] = value
    # Scanned 60 minutes after the injection, and corrected to the start of the scan.
    activity = uptake * (DOSE * 2 ** (-3600 / HALF_LIFE)) / (WEIGHT * 1000)
    series = generate_uid()
    for number in range(slices):
        uid = generate_uid()
        data = new_file(uid, PositronEmissionTomographyImageStorage)
        patient(data)
        plane = activity[:, :, number].T
        slope = float(f"{max(float(plane.max()), 1.0) / 32767:.8g}")
        data.SOPClassUID, data.SOPInstanceUID = PositronEmissionTomographyImageStorage, uid
        data.StudyInstanceUID, data.SeriesInstanceUID, data.FrameOfReferenceUID = study, series, frame
        data.StudyDate = data.SeriesDate = data.AcquisitionDate = "20240212"
        data.StudyTime, data.SeriesTime, data.AcquisitionTime = "093000", "103000", f"10{30 + number // 10:02}00"
        data.AccessionNumber, data.StudyID, data.StudyDescription = "A-1003", "3", description
        data.SeriesDescription, data.SeriesNumber, data.InstanceNumber = "Simulated uptake", 3, number + 1
        data.Modality, data.Manufacturer, data.ImageType = "PT", "Wilhelm", ["DERIVED", "SECONDARY"]
        data.PatientPosition, data.ReferringPhysicianName, data.PatientWeight = "HFS", "", WEIGHT
        half = (size - 1) / 2 * spacing
        data.ImagePositionPatient = [-half, -half, round((number - (slices - 1) / 2) * between, 3)]
        data.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        data.PixelSpacing, data.SliceThickness = [spacing, spacing], between
        data.Units, data.DecayCorrection, data.CorrectedImage = "BQML", "START", ["ATTN", "DECY", "SCAT"]
        data.SeriesType, data.CountsSource, data.NumberOfSlices = ["STATIC", "IMAGE"], "EMISSION", slices
        data.FrameReferenceTime, data.ImageIndex, data.CollimatorType = 0, number + 1, "NONE"
        drug = pydicom.Dataset()
        drug.Radiopharmaceutical, drug.RadiopharmaceuticalStartTime = "Fluorodeoxyglucose", "093000"
        drug.RadionuclideTotalDose, drug.RadionuclideHalfLife = DOSE, HALF_LIFE
        data.RadiopharmaceuticalInformationSequence = [drug]
        data.RescaleIntercept, data.RescaleSlope = 0, slope
        data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
        data.Rows = data.Columns = size
        data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 16, 15, 1
        data.PixelData = numpy.rint(plane / slope).astype("<i2").tobytes()
        data.save_as(folder / "pet" / f"{number:05}.dcm", enforce_file_format=True)


def write_cine(source, folder):
    folder.mkdir()
    values = volume_of(source, 24, 256, 1.4, 3.0)
    frames = numpy.rint((values.clip(-160, 240) + 160) / 400 * 255).astype(numpy.uint8)
    uid = generate_uid()
    data = new_file(uid, UltrasoundMultiFrameImageStorage)
    patient(data)
    data.SOPClassUID, data.SOPInstanceUID = UltrasoundMultiFrameImageStorage, uid
    data.StudyInstanceUID, data.SeriesInstanceUID = generate_uid(), generate_uid()
    data.StudyDate, data.StudyTime, data.AccessionNumber, data.StudyID = "20240213", "080000", "A-1004", "4"
    data.StudyDescription, data.SeriesDescription = "Cine of 24 frames", "15 frames a second"
    data.Modality, data.Manufacturer, data.SeriesNumber, data.InstanceNumber = "US", "Wilhelm", 1, 1
    data.ImageType, data.ReferringPhysicianName = ["DERIVED", "SECONDARY"], ""
    data.SamplesPerPixel, data.PhotometricInterpretation, data.NumberOfFrames = 1, "MONOCHROME2", 24
    data.FrameTime, data.FrameIncrementPointer = 66.7, 0x00181063
    data.Rows = data.Columns = 256
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 8, 8, 7, 0
    data.PixelData = numpy.ascontiguousarray(frames.transpose(2, 1, 0)).tobytes()
    data.save_as(folder / "cine.dcm", enforce_file_format=True)


def write_ultrasound(source, folder):
    folder.mkdir()
    images = [path for kind in ("benign", "malignant") for path in sorted((source / kind).glob("*.png"))[:12]]
    # Neither the order nor a name says which is which.
    images.sort(key=lambda path: path.name[-6:-4] + path.name)
    for number, path in enumerate(images, 1):
        pixels = numpy.asarray(PIL.Image.open(path).convert("L"))
        uid = generate_uid()
        data = new_file(uid, UltrasoundImageStorage)
        data.SpecificCharacterSet = "ISO_IR 192"
        data.PatientName, data.PatientID, data.PatientSex, data.PatientBirthDate = f"Sample^{number:02}", f"WIL-2{number:03}", "F", ""
        data.SOPClassUID, data.SOPInstanceUID = UltrasoundImageStorage, uid
        data.StudyInstanceUID, data.SeriesInstanceUID = generate_uid(), generate_uid()
        day = "20240214" if number <= 8 else "20240215"
        data.StudyDate, data.StudyTime, data.AccessionNumber, data.StudyID = day, "100000", f"A-2{number:03}", str(number)
        data.StudyDescription, data.SeriesDescription, data.BodyPartExamined = "US breast", "Breast", "BREAST"
        data.Modality, data.Manufacturer, data.SeriesNumber, data.InstanceNumber = "US", "Wilhelm", 1, 1
        data.ImageType, data.ReferringPhysicianName = ["DERIVED", "SECONDARY"], ""
        data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
        data.Rows, data.Columns = pixels.shape
        data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 8, 8, 7, 0
        data.PixelData = pixels.tobytes()
        data.save_as(folder / f"{number:02}-{path.stem.split('_')[0]}.dcm", enforce_file_format=True)


def write_earlier(program, source, folder):
    images = folder / "images"
    images.mkdir(parents=True)
    study, series = generate_uid(), generate_uid()
    for path in sorted(source.glob("*.dcm")):
        data = pydicom.dcmread(path)
        patient(data)
        data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID
        data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID
        data.StudyInstanceUID, data.SeriesInstanceUID = study, series
        data.StudyDate, data.AccessionNumber, data.StudyID = "20230118", "A-0417", "1"
        data.StudyDescription, data.SeriesNumber = "CT of a PET/CT", 1
        data.save_as(images / path.name)
    outlined = folder / "bones"
    command = [program, "segment", "bones", images, "--out", outlined, "--force"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    target = folder / "segmentation.dcm"
    command = [program, "convert", outlined / "labels.seg.nrrd", target, "--labels", "--source", images, "--force"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(outlined)


def write_xray(program, folder):
    folder.mkdir()
    sample = HERE / "testdata" / "chest_xray"
    shutil.copy(sample / "chest_pa.dcm", folder)
    command = [program, "read", sample / "chest_pa.dcm", "--text", sample / "indication.txt", "--no-llm"]
    command += ["--force", "--format", "json,sr", "--out", folder / "report"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    (folder / "report" / "report.sr.dcm").rename(folder / "report.dcm")
    shutil.rmtree(folder / "report")


def write_all(program, data, folder):
    """Writes every study; gives the folders."""
    volumes = data / "volumes"
    folder.mkdir(parents=True, exist_ok=True)
    write_ct(volumes / "totalsegmentator" / "example_ct.nii.gz", folder / "ct")
    write_petct(volumes / "totalsegmentator" / "example_ct.nii.gz", folder / "petct")
    write_cine(volumes / "totalsegmentator" / "example_ct.nii.gz", folder / "cine")
    write_earlier(program, volumes / "totalsegmentator" / "example_ct_dicom", folder / "earlier")
    write_xray(program, folder / "xray")
    write_ultrasound(data / "busi_256", folder / "ultrasound")
    (folder / "mr").mkdir()
    for path in sorted((volumes / "mridir_head_t2").glob("*.dcm")):
        shutil.copy(path, folder / "mr")
    return [folder / name for name in ("ct", "petct", "cine", "earlier", "mr", "xray", "ultrasound")]


if __name__ == "__main__":
    write_all(pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]))
