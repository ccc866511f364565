"""Small DICOM files in the transfer syntaxes of JPEG XL, coded by libjxl, for the tests of the formats crate.

Usage: python tools/golden/formats_jpeg_xl.py testdata/jpeg_xl

The pictures are made by rule, so that the tests know each pixel without a decoder: `steep` for the lossless ones,
`even` for the lossy ones. `recompressed.dcm` holds the JPEG of `source.dcm` without a loss.
"""

import pathlib
import sys

import imagecodecs
import numpy as np
import pydicom
from pydicom.dataset import FileMetaDataset, validate_file_meta
from pydicom.encaps import encapsulate
from pydicom.uid import SecondaryCaptureImageStorage

COLUMNS, ROWS = 48, 32
LOSSLESS, RECOMPRESSED, ANY = (f"1.2.840.10008.1.2.4.{number}" for number in (110, 111, 112))
JPEG = "1.2.840.10008.1.2.4.50"


def steep(bits, samples):
    row, column, sample = np.meshgrid(np.arange(ROWS), np.arange(COLUMNS), np.arange(samples), indexing="ij")
    value = 977 * column + 2411 * row * row + 55 * column * row + 31013 * sample
    return (value % 2**bits).astype(np.uint8 if bits == 8 else np.uint16)


def even():
    row, column = np.meshgrid(np.arange(ROWS), np.arange(COLUMNS), indexing="ij")
    return np.stack([4 * column + 20, 5 * row + 30, 220 - 2 * column - 2 * row], axis=-1).astype(np.uint8)


def write(path, coded, transfer_syntax, bits, samples, photometric):
    dataset = pydicom.Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = transfer_syntax
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = SecondaryCaptureImageStorage
    uid = f"1.2.826.0.1.3680043.8.498.111.{sum(map(ord, path.name))}"
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = uid
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = f"{uid}.1", f"{uid}.2"
    dataset.Modality = "OT"
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = ROWS, COLUMNS, samples
    if samples == 3:
        dataset.PlanarConfiguration = 0
    dataset.PhotometricInterpretation = photometric
    dataset.BitsAllocated = 8 if bits == 8 else 16
    dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = bits, bits - 1, 0
    dataset.PixelData = encapsulate([coded])
    dataset["PixelData"].is_undefined_length = True
    # pydicom 3.0 does not know the transfer syntaxes yet.
    dataset.preamble = bytes(128)
    validate_file_meta(dataset.file_meta, enforce_standard=True)
    dataset.save_as(path, implicit_vr=False, little_endian=True, force_encoding=True)


def main(folder):
    for bits, samples, photometric in [(8, 1, "MONOCHROME2"), (12, 1, "MONOCHROME2"), (16, 1, "MONOCHROME2"), (8, 3, "RGB")]:
        picture = steep(bits, samples).squeeze()
        coded = imagecodecs.jpegxl_encode(picture, lossless=True, bitspersample=bits)
        assert np.array_equal(imagecodecs.jpegxl_decode(coded), picture)
        name = "rgb" if samples == 3 else f"gray_{bits}"
        write(folder / f"{name}.dcm", coded, LOSSLESS, bits, samples, photometric)
    jpeg = imagecodecs.jpeg8_encode(even(), level=90, subsampling="444")
    write(folder / "source.dcm", jpeg, JPEG, 8, 3, "YBR_FULL_422")
    coded = imagecodecs.jpegxl_encode_jpeg(jpeg)
    write(folder / "recompressed.dcm", coded, RECOMPRESSED, 8, 3, "YBR_FULL_422")
    coded = imagecodecs.jpegxl_encode(even(), distance=1.0, lossless=False)
    write(folder / "lossy.dcm", coded, ANY, 8, 3, "XYB")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
