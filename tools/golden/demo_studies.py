"""Makes the studies of `wilhelm serve --demo` out of the sample images: `testdata/demo/*.dcm`.

Usage: python3 tools/golden/demo_studies.py   (pydicom 3.0, Pillow, numpy)

The pixels are those of `testdata/chest_xray`, `breast_ultrasound` and `brain_mr`, without loss; patients, dates and numbers are
invented. Identifiers are hashes of names, so that the same script gives the same files.
"""

import hashlib
import pathlib

import numpy
import pydicom
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = ROOT / "testdata"


def uid(name):
    number = int.from_bytes(hashlib.sha256(f"wilhelm demo {name}".encode()).digest()[:15], "big")
    return f"2.25.{number}"


def common(name, patient, number, sex, born, age, date, modality, body, study, series):
    data = Dataset()
    data.SOPClassUID = SecondaryCaptureImageStorage
    data.SOPInstanceUID = uid(f"{name} image")
    data.StudyInstanceUID = uid(f"{name} study")
    data.SeriesInstanceUID = uid(f"{name} series")
    data.SpecificCharacterSet = "ISO_IR 100"
    data.StudyDate = data.ContentDate = date
    data.StudyTime = data.ContentTime = "093000"
    data.AccessionNumber = f"DEMO{number}"
    data.StudyID = f"{number}"
    data.Modality = modality
    data.ConversionType = "WSD"
    data.ReferringPhysicianName = "Demo^Referring"
    data.StudyDescription = study
    data.SeriesDescription = series
    data.PatientName = patient
    data.PatientID = f"DEMO-{number}"
    data.PatientBirthDate = born
    data.PatientSex = sex
    data.PatientAge = age
    data.BodyPartExamined = body
    data.SeriesNumber = data.InstanceNumber = "1"
    data.PatientOrientation = ""
    return data


def write(data, name):
    data.file_meta = FileMetaDataset()
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    data.file_meta.ImplementationClassUID = "2.25.329800735698586629295641978511506172918"
    if "TransferSyntaxUID" not in data.file_meta:
        data.file_meta.TransferSyntaxUID = data.original_syntax if hasattr(data, "original_syntax") else ExplicitVRLittleEndian
    data.save_as(DATA / "demo" / name, enforce_file_format=True)


def gray(data, pixels):
    data.SamplesPerPixel = 1
    data.PhotometricInterpretation = "MONOCHROME2"
    data.Rows, data.Columns = pixels.shape
    data.BitsAllocated = data.BitsStored = 8
    data.HighBit = 7
    data.PixelRepresentation = 0
    data.PixelData = numpy.ascontiguousarray(pixels, dtype=numpy.uint8).tobytes()
    data["PixelData"].VR = "OB"


def main():
    (DATA / "demo").mkdir(exist_ok=True)
    source = pydicom.dcmread(DATA / "chest_xray" / "chest_pa.dcm")
    chest = common("chest", "Demo^Anton", 1, "M", "19640312", "062Y", "20261120", "CR", "CHEST", "Chest radiograph", "PA")
    chest.ViewPosition = "PA"
    for word in ("SamplesPerPixel", "PhotometricInterpretation", "Rows", "Columns", "PixelSpacing", "BitsAllocated", "BitsStored",
                 "HighBit", "PixelRepresentation", "LossyImageCompression", "LossyImageCompressionMethod", "PixelData"):
        chest[word] = source[word]
    chest["PixelData"].is_undefined_length = True
    chest.original_syntax = source.file_meta.TransferSyntaxUID
    write(chest, "chest.dcm")

    breast = common("breast", "Demo^Berta", 2, "F", "19720704", "054Y", "20261121", "US", "BREAST", "Breast ultrasound", "B-mode")
    gray(breast, numpy.asarray(Image.open(DATA / "breast_ultrasound" / "breast_mass.png").convert("L")))
    write(breast, "breast.dcm")

    brain = common("brain", "Demo^Caesar", 3, "M", "19790930", "047Y", "20261122", "MR", "BRAIN", "MR of the brain",
                   "axial T1 with contrast, one slice")
    gray(brain, numpy.asarray(Image.open(DATA / "brain_mr" / "brain_axial_t1c.jpg").convert("L")))
    brain.LossyImageCompression = "01"
    write(brain, "brain.dcm")


if __name__ == "__main__":
    main()
