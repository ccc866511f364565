"""Small DICOM files of reversible JPEG 2000, one for each way to code the bit planes, coded by OpenJPEG.

Usage: python tools/golden/formats_jpeg2000.py testdata/jpeg2000

The picture is made by rule (`picture`), so that the test knows each pixel without a decoder. `opj_compress` (Debian's
libopenjp2-tools) codes it, and `opj_decompress` must give the same pixels back before the file is kept.
"""

import hashlib
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import pydicom
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless, SecondaryCaptureImageStorage

BITS = 12
# Columns, rows, and what opj_compress is told. The styles of code blocks (Table A.19): 1 raw bits in some passes, 2 new
# contexts each pass, 4 an end after each pass, 8 nothing of the next stripe in a context, 16 a predictable end,
# 32 symbols between the planes.
FILES = {
    "plain": (48, 32, []),
    "odd": (37, 29, ["-n", "4"]),
    "one_row": (50, 1, ["-n", "1"]),
    "one_column": (1, 43, ["-n", "1"]),
    "raw": (37, 29, ["-M", "1"]),
    "fresh_contexts": (37, 29, ["-M", "2"]),
    "ends": (37, 29, ["-M", "4"]),
    "causal": (37, 29, ["-M", "8", "-n", "2"]),
    "predictable": (37, 29, ["-M", "16"]),
    "symbols": (37, 29, ["-M", "32"]),
    "causal_fresh_symbols": (37, 29, ["-M", "42"]),
    "all_styles": (37, 29, ["-M", "63"]),
    "flat_blocks": (48, 33, ["-b", "256,4", "-n", "1"]),
    "tall_blocks": (33, 50, ["-b", "4,256", "-n", "2"]),
    "tiles": (48, 33, ["-t", "20,17", "-n", "3"]),
    "layers": (48, 33, ["-r", "20,5,1"]),
    "region": (48, 33, ["-ROI", "c=0,U=5"]),
}


def picture(columns, rows):
    row, column = np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij")
    noise = (977 * column + 2411 * row * row + 55 * column * row) % 61
    value = 40 * column + 23 * row + noise
    # A steep block, and one of a single value, in which whole stripes are empty.
    value = np.where((column > 20) & (row > 12), 3900 - 7 * noise, value)
    value = np.where((column > 24) & (row > 16), 2048, value)
    return (value % 2**BITS).astype(np.uint16)


def coded(pixels, options):
    rows, columns = pixels.shape
    # Three resolutions fit every picture that does not ask for others.
    options = options if "-n" in options else [*options, "-n", "3"]
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        source, stream, back = folder / "a.pgm", folder / "a.j2k", folder / "b.pgm"
        source.write_bytes(b"P5\n%d %d\n%d\n" % (columns, rows, 2**BITS - 1) + pixels.astype(">u2").tobytes())
        run = lambda *command: subprocess.run(command, check=True, capture_output=True)
        run("opj_compress", "-i", source, "-o", stream, *options)
        run("opj_decompress", "-i", stream, "-o", back)
        decoded = np.frombuffer(back.read_bytes()[-2 * rows * columns :], ">u2").reshape(rows, columns)
        assert np.array_equal(decoded, pixels), options
        return stream.read_bytes()


def write(path, stream, columns, rows):
    dataset = pydicom.Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = JPEG2000Lossless
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = SecondaryCaptureImageStorage
    uid = f"1.2.826.0.1.3680043.8.498.112.{sum(map(ord, path.name))}"
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = uid
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = f"{uid}.1", f"{uid}.2"
    dataset.Modality = "OT"
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = rows, columns, 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, BITS, BITS - 1, 0
    dataset.PixelData = encapsulate([stream])
    dataset["PixelData"].is_undefined_length = True
    dataset.save_as(path, enforce_file_format=True)


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for name, (columns, rows, options) in FILES.items():
        path = folder / f"{name}.dcm"
        write(path, coded(picture(columns, rows), options), columns, rows)
        said = " ".join(options) or "-"
        lines.append(f"| {path.name} | {columns} x {rows} | `{said}` | `{hashlib.sha256(path.read_bytes()).hexdigest()}` |")
    said = subprocess.run(["opj_compress", "-h"], capture_output=True, text=True).stdout
    version = next(word.strip("v.,") for word in said.split() if word.startswith("v2."))
    text = f"""# DICOM files of reversible JPEG 2000, one for each way to code the bit planes

Tiny pictures made by rule, nothing of a person, that `crates/formats/tests/all/jpeg2000.rs` reads. Origin: made by
`tools/golden/formats_jpeg2000.py` with OpenJPEG {version} (`opj_compress`, `opj_decompress`) and pydicom {pydicom.__version__}.
License: that of this repository.

| File | Columns x rows | Options of `opj_compress` | SHA-256 |
| --- | --- | --- | --- |
""" + "\n".join(lines) + "\n"
    (folder / "SOURCE.md").write_text(text)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
