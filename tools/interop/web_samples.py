"""The studies that the page is tried with, as DICOM files in folders.

    web_samples.py PROGRAM DATA FOLDER

PROGRAM is `wilhelm`; DATA the folder of real data sets (see docs/page.md), of which `volumes` is read. Writes

- `ct`: 300 slices of 512 x 512, interpolated from TotalSegmentator's example CT of 3 mm;
- `earlier`: 20 slices of the same project's PET/CT in JPEG 2000, with identifiers that its anonymization had emptied, and
  the bones that `wilhelm segment` outlines in them as a segmentation object;
- `mr`: the T2 series of the MRI-DIR porcine phantom, as it is;
- `xray`: the chest radiograph of testdata, and the structured report that `wilhelm read` writes of it.

Names and numbers of patients are invented.
"""

import pathlib
import shutil
import subprocess
import sys

import nibabel
import numpy
import pydicom
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

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


def new_file(uid):
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = uid
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)


def patient(data):
    data.SpecificCharacterSet = "ISO_IR 192"
    data.PatientName, data.PatientID = "Wang^XiaoDong=王^小东", "WIL-0001"
    data.PatientSex, data.PatientBirthDate = "M", "19620412"


def write_ct(source, folder):
    folder.mkdir()
    image = nibabel.load(source)
    values = numpy.asarray(image.dataobj, dtype=numpy.float32)
    # From right, anterior, superior to left, posterior, superior.
    values = values[::-1, ::-1]
    spacing = [float(one) for one in image.header.get_zooms()]
    for axis, (count, step) in enumerate([(SIZE, SPACING), (SIZE, SPACING), (SLICES, BETWEEN)]):
        values = along(values, axis, count, spacing[axis], step)
    stored = numpy.rint(values.clip(-1024, 3071) + 1024).astype("<u2")
    study, series, frame = generate_uid(), generate_uid(), generate_uid()
    for number in range(SLICES):
        uid = generate_uid()
        data = new_file(uid)
        patient(data)
        data.SOPClassUID, data.SOPInstanceUID = CTImageStorage, uid
        data.StudyInstanceUID, data.SeriesInstanceUID, data.FrameOfReferenceUID = study, series, frame
        data.StudyDate, data.StudyTime, data.AccessionNumber, data.StudyID = "20240212", "093000", "A-1002", "2"
        data.StudyDescription, data.SeriesDescription = "CT abdomen and pelvis", "Axial 1.1 mm"
        data.Modality, data.Manufacturer, data.SeriesNumber, data.InstanceNumber = "CT", "Wilhelm", 2, number + 1
        data.ImageType, data.BodyPartExamined = ["DERIVED", "SECONDARY", "AXIAL"], "ABDOMEN"
        data.PatientPosition, data.ReferringPhysicianName = "HFS", ""
        half = (SIZE - 1) / 2 * SPACING
        data.ImagePositionPatient = [-half, -half, round((number - (SLICES - 1) / 2) * BETWEEN, 3)]
        data.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        data.PixelSpacing, data.SliceThickness, data.KVP = [SPACING, SPACING], BETWEEN, 120
        data.RescaleIntercept, data.RescaleSlope, data.RescaleType = -1024, 1, "HU"
        data.WindowCenter, data.WindowWidth = 40, 400
        data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
        data.Rows = data.Columns = SIZE
        data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 12, 11, 0
        data.PixelData = numpy.ascontiguousarray(stored[:, :, number].T).tobytes()
        data.save_as(folder / f"{number:05}.dcm", enforce_file_format=True)


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
    write_earlier(program, volumes / "totalsegmentator" / "example_ct_dicom", folder / "earlier")
    write_xray(program, folder / "xray")
    (folder / "mr").mkdir()
    for path in sorted((volumes / "mridir_head_t2").glob("*.dcm")):
        shutil.copy(path, folder / "mr")
    return [folder / name for name in ("ct", "earlier", "mr", "xray")]


if __name__ == "__main__":
    write_all(pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]))
