"""Expected pixels of lossy files for the formats crate, from the decoders that other programs use.

Usage: python tools/golden/formats_lossy.py ../shared/data/dicom_conformance crates/formats/tests/golden/lossy.json

pydicom decodes each file with one of its plugins (named in the output: pylibjpeg, gdcm or pillow for JPEG,
openjpeg for JPEG 2000, CharLS for JPEG-LS); where it refuses a file, imagecodecs (libjpeg-turbo) decodes the
frames. A file keeps the mean of all samples and some hundred samples at places made by rule. Color is compared
as RGB. Values are as stored: no Modality LUT.
"""

import csv
import importlib.metadata
import json
import pathlib
import sys

import imagecodecs
import numpy as np
import pydicom
from pydicom.encaps import generate_frames
from pydicom.pixels import pixel_array

LOSSY = {
    "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.4.51",
    "1.2.840.10008.1.2.4.81",
    "1.2.840.10008.1.2.4.91",
    "1.2.840.10008.1.2.4.203",
}
SAMPLES = 200


def decoded(path):
    """All frames, samples last, and who decoded them."""
    errors = []
    for plugin in ["pylibjpeg", "gdcm", "pillow"]:
        try:
            return pixel_array(path, decoding_plugin=plugin), f"pydicom with {plugin}"
        except Exception as error:  # a plugin that is not there, or refuses
            errors.append(str(error))
    dataset = pydicom.dcmread(path, force=True)
    count = int(dataset.get("NumberOfFrames", 1) or 1)
    decode = imagecodecs.jpeg2k_decode if dataset.file_meta.TransferSyntaxUID.endswith(".91") else imagecodecs.jpeg_decode
    frames = [decode(frame) for frame in generate_frames(dataset.PixelData, number_of_frames=count)]
    return np.stack(frames), "imagecodecs"


def main(root, target):
    root = pathlib.Path(root)
    cases = []
    for row in csv.DictReader(open(root / "INDEX.csv")):
        path = root / row["file"]
        if row["parse"] != "ok" or row["ts"] not in LOSSY or not path.exists():
            continue
        try:
            pixels, by = decoded(path)
        except Exception as error:
            print("no reference:", row["file"], str(error)[:200], file=sys.stderr)
            continue
        flat = np.ascontiguousarray(pixels).reshape(-1).astype(np.int64)
        # Odd steps reach every phase of 8 x 8 blocks and all three channels; the tests follow the same rule.
        places = sorted({(i * flat.size // SAMPLES + (i * 7) % 11) % flat.size for i in range(SAMPLES)})
        cases.append(
            {
                "file": row["file"],
                "by": by,
                "samples": int(flat.size),
                "mean": round(float(flat.mean()), 6),
                "max": int(flat.max()),
                "values": [int(flat[place]) for place in places],
            }
        )
    packages = ["pydicom", "pylibjpeg", "pylibjpeg-libjpeg", "pylibjpeg-openjpeg", "python-gdcm", "pillow", "imagecodecs", "numpy"]
    versions = {name: importlib.metadata.version(name) for name in packages}
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    text = f'{{"made_by": "tools/golden/formats_lossy.py", "versions": {json.dumps(versions)}, "cases": [\n{lines}\n]}}\n'
    pathlib.Path(target).write_text(text)


if __name__ == "__main__":
    main(*sys.argv[1:])
