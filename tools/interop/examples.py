"""Reads what `make examples` wrote, drafts and signed versions, with the readers of reports.py, and compares what they say.

Usage: python tools/interop/examples.py FOLDER
"""

import json
import pathlib
import sys

import pydicom
import reports


def about(folder, source):
    """What the forms in a folder have to say: the report's own form, and the header of the image that it was made from."""
    report = json.loads((folder / "report.json").read_text())
    sentences = [
        [section["heading"].title(), sentence["text"]]
        for section in report["sections"]
        for sentence in section["sentences"]
    ]
    expected = {"state": report["state"], "report": {"signatures": [], **report}, "sentences": sentences}
    if source:
        header = pydicom.dcmread(source, stop_before_pixels=True)
        expected |= {
            "study": header.StudyInstanceUID,
            "series": header.SeriesInstanceUID,
            "images": [header.SOPInstanceUID],
            "patient_id": header.PatientID,
        }
    return expected


def editions(folder):
    """The PDFs in Chinese and for patients: pages that are drawn, with the words of their text form in them."""
    found = sorted(folder.glob("report.*.*.pdf"))
    assert len(found) == 3, f"{folder}: {found}"
    for path in found:
        reports.drawn(path)


def main():
    root = pathlib.Path(sys.argv[1])
    samples = pathlib.Path(__file__).parents[2] / "testdata"
    folders = [path.parent for path in sorted(root.glob("*/report.json"))]
    assert len(folders) == 3, f"{folders} in {root}: run make examples"
    read = 0
    for draft in folders:
        source = next((samples / draft.name).glob("*.dcm"), None)
        for folder in [draft, draft / "v2"]:
            expected = about(folder, source)
            for check in reports.CHECKS:
                if source or check not in (reports.structured, reports.encapsulated):
                    check(folder, expected)
                    read += 1
        editions(draft)
    print(f"{read} forms of {2 * len(folders)} reports read by others and found to say the same; {3 * len(folders)} editions drawn")


main()
