"""Expected colors of segmented palettes and the bits of an overlay for the formats crate, from pydicom.

Usage: python tools/golden/formats_palette.py ../shared/data/dicom_conformance crates/formats/tests/golden/palette.json

Each case is three segmented tables of one palette with the colors that pydicom gives for every index (PS3.3 Section
C.7.9.2). The overlay is that of pydicom's own example: how many bits are drawn, in all and in some rows.
"""

import json
import pathlib
import struct
import sys

import numpy as np
import pydicom
from pydicom.pixels import apply_color_lut

GREEN = [0, 1, 255, 1, 127, 0, 1, 127, 200, 0, 1, 7]
BLUE = [0, 4, 9, 8, 7, 6, 1, 60, 6, 1, 192, 100]
WIDE = {
    "red": [0, 3, 1000, 2000, 65535, 1, 120, 3, 2, 1, 0, 0, 1, 130, 40000],
    "green": [0, 1, 0, 1, 255, 65535],
    "blue": [0, 1, 65535, 1, 100, 0, 1, 100, 30001, 0, 5, 1, 2, 3, 4, 5, 1, 50, 7],
}


def case(bits, tables):
    dataset = pydicom.Dataset()
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    dataset.PixelRepresentation = 0
    for name, table in tables.items():
        setattr(dataset, f"{name.capitalize()}PaletteColorLookupTableDescriptor", [256, 0, bits])
        coded = struct.pack(f"<{len(table)}{'B' if bits == 8 else 'H'}", *table)
        setattr(dataset, f"Segmented{name.capitalize()}PaletteColorLookupTableData", coded)
    colors = apply_color_lut(np.arange(256, dtype=np.uint16), dataset)
    return {"bits": bits, "tables": tables, "colors": colors.astype(int).tolist()}


def main(root, target):
    # An indirect segment's offset takes four places in bytes and two in words.
    narrow = {"red": [0, 2, 0, 40, 1, 100, 250, 2, 1, 0, 0, 0, 0, 1, 152, 3], "green": GREEN, "blue": BLUE}
    overlay = pydicom.dcmread(pathlib.Path(root) / "pydicom/examples_overlay.dcm").overlay_array(0x6000)
    rows = list(range(0, overlay.shape[0], 10))
    golden = {
        "made_by": f"tools/golden/formats_palette.py, pydicom {pydicom.__version__}",
        "palettes": [case(8, narrow), case(16, WIDE)],
        "overlay": {
            "file": "pydicom/examples_overlay.dcm",
            "shape": list(overlay.shape),
            "count": int(overlay.sum()),
            "rows": rows,
            "row_counts": [int(overlay[row].sum()) for row in rows],
        },
    }
    pathlib.Path(target).write_text(json.dumps(golden, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
