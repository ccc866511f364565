"""Small objects made in bulk: one object's bytes with its identifiers written anew, as fast as they can be sent."""

import io

from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage

ROOT = "1.2.826.0.1.3680043.8.498."
WORDS = ("Adler", "Brandt", "Celik", "Dupont", "Evans", "Ferrari", "Garcia", "Hansen", "Ivanov", "Jensen")


def uid(kind, *numbers):
    """A UID of 64 characters for a study (1), series (2) or instance (3)."""
    tail = "".join(f"{number:06d}" for number in numbers)
    return (ROOT + f"{kind}{tail}").ljust(64, "7")


MARKS = {
    "instance": "9" * 64,
    "series": "8" * 64,
    "study": "6" * 64,
    "patient": "PATIENT0000000",
    "name": "NAMENAMENAME^G",
    "date": "19010101",
    "accession": "ACC00000000000",
}


def template(size):
    """The bytes of an object of `size` x `size` pixels that holds the marks."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = MARKS["instance"]
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID, data.SOPInstanceUID = SecondaryCaptureImageStorage, MARKS["instance"]
    data.StudyInstanceUID, data.SeriesInstanceUID = MARKS["study"], MARKS["series"]
    data.PatientID, data.PatientName = MARKS["patient"], MARKS["name"]
    data.StudyDate, data.AccessionNumber = MARKS["date"], MARKS["accession"]
    data.StudyTime, data.StudyDescription, data.PatientBirthDate, data.PatientSex = "101500", "Synthetic", "19700101", "O"
    data.Modality, data.SeriesNumber, data.InstanceNumber = "OT", 1, 1
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.Rows = data.Columns = size
    data.BitsAllocated = data.BitsStored = 8
    data.HighBit, data.PixelRepresentation = 7, 0
    data.PixelData = bytes(size * size)
    out = io.BytesIO()
    data.save_as(out, enforce_file_format=True)
    return out.getvalue()


def identifiers(study, series, instance):
    """What stands in place of the marks, of the same lengths."""
    word = WORDS[study % len(WORDS)]
    return {
        "instance": uid(3, study, series, instance),
        "series": uid(2, study, series),
        "study": uid(1, study),
        "patient": f"PAT{study:011d}",
        "name": f"{word}{study}".ljust(12, "x")[:12] + "^G",
        "date": f"20{study % 25:02d}{study % 12 + 1:02d}{study % 28 + 1:02d}",
        "accession": f"A{study:013d}",
    }


def made(base, study, series, instance):
    """One object's bytes."""
    for key, value in identifiers(study, series, instance).items():
        base = base.replace(MARKS[key].encode(), value.encode())
    return base
