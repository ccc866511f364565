"""Reads exported reports with fhir.resources, hl7apy, hl7, pypdf, poppler, highdicom and pydicom, and compares what they say.

Usage: python tools/interop/reports.py FOLDER
FOLDER comes from `cargo run --release -p wilhelm-pipeline --example write_reports FOLDER`; examples.py asks the same of
`make examples`.
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

import highdicom as hd
import hl7
import numpy
import pydicom
import pypdf
from fhir.resources.R4B.bundle import Bundle
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message

STATES = {
    # state: FHIR, OBR-25, OBX-11 of the sentences, Completion, Preliminary and Verification Flag
    "draft": ("partial", "R", "R", "PARTIAL", "PRELIMINARY", "UNVERIFIED"),
    "preliminary": ("preliminary", "P", "P", "COMPLETE", "PRELIMINARY", "UNVERIFIED"),
    "final": ("final", "F", "F", "COMPLETE", "FINAL", "VERIFIED"),
    "amended": ("amended", "C", "C", "COMPLETE", "FINAL", "VERIFIED"),
    "addendum": ("appended", "C", "F", "COMPLETE", "FINAL", "VERIFIED"),
}


def fhir(folder, expected):
    text = (folder / "report.fhir.json").read_text()
    bundle = Bundle.model_validate_json(text)
    resources = {}
    for entry in bundle.entry:
        resources.setdefault(entry.resource.get_resource_type(), []).append(entry)
    addresses = {entry.fullUrl for entry in bundle.entry}
    for reference in re.findall(r'"reference": "([^"]+)"', text):
        assert reference in addresses, f"{folder}: {reference} is in no entry"
    report = resources["DiagnosticReport"][0].resource
    assert report.status == STATES[expected["state"]][0], report.status
    findings = expected["report"]["findings"]
    measured = expected["report"].get("measured", [])
    assert len(report.result or []) == len(findings) + len(measured)
    observations = resources.get("Observation", [])
    for entry, one in zip(observations[len(findings) :], measured, strict=True):
        value = entry.resource.valueQuantity
        assert (float(value.value), value.code) == (one["quantity"]["value"], one["quantity"]["unit"])
        ends = [float(part.valueQuantity.value) for part in entry.resource.component]
        assert ends == [one["low"], one["high"]], ends
    for entry, finding in zip(observations, findings):
        parts = {part.code.coding[0].code: part for part in entry.resource.component}
        probability = finding["probability"]
        for code, key in [("probability", "estimate"), ("probability-low", "low"), ("probability-high", "high")]:
            assert abs(float(parts[code].valueQuantity.value) - probability[key]) <= 5e-6
        assert entry.resource.valueCodeableConcept.text == finding["certainty"]
        measured = [part for part in entry.resource.component if part.code.coding[0].code == "measurement"]
        assert [float(part.valueQuantity.value) for part in measured] == [
            measurement["quantity"]["value"] for measurement in finding["measurements"]
        ]
    if "study" not in expected:
        assert "ImagingStudy" not in resources
        return
    study = resources["ImagingStudy"][0].resource
    assert study.identifier[0].value == f"urn:oid:{expected['study']}"
    assert study.series[0].uid == expected["series"]
    assert [instance.uid for instance in study.series[0].instance] == expected["images"]
    assert expected["patient_id"] not in text
    if not (folder / "report.fhir.json.named").exists():
        return
    named = Bundle.model_validate_json((folder / "report.fhir.json.named").read_text())
    patients = [e.resource for e in named.entry if e.resource.get_resource_type() == "Patient"]
    assert patients[0].identifier[0].value == expected["patient_id"]
    assert patients[0].name[0].family == expected["patient_name"].split("^")[0]


def message(folder, expected):
    text = (folder / "report.hl7").read_bytes().decode()
    parsed = parse_message(text, validation_level=VALIDATION_LEVEL.STRICT, find_groups=True)
    assert parsed.validate()
    other = hl7.parse(text)
    _, order, observation, *_ = STATES[expected["state"]]
    assert str(other.segment("OBR")[25]) == order
    sentences = [segment for segment in other.segments("OBX") if str(segment[2]) == "TX"]
    unescaped = [other.unescape(str(segment[5])) for segment in sentences]
    assert unescaped == [text for _, text in expected["sentences"]], unescaped
    added = [str(segment[3]).startswith("55107-7") for segment in sentences]
    assert {str(s[11]) for s, is_added in zip(sentences, added) if not is_added} == {observation}
    numbers = [s for s in other.segments("OBX") if str(s[3]).split("^")[3:4] == ["MEASURED"]]
    for segment, one in zip(numbers, expected["report"].get("measured", []), strict=True):
        assert abs(float(str(segment[5])) - one["quantity"]["value"]) <= 0.05
        assert str(segment[17]).endswith(one["method"]), str(segment[17])
    probabilities = [float(str(s[5])) for s in other.segments("OBX") if str(s[3]).startswith("PROBABILITY")]
    stated = sorted(finding["probability"]["estimate"] * 100 for finding in expected["report"]["findings"])
    assert all(abs(a - b) < 1e-4 for a, b in zip(sorted(probabilities), stated, strict=True))
    if "study" not in expected:
        return
    assert expected["patient_id"] not in text
    if not (folder / "report.hl7.named").exists():
        return
    named = hl7.parse((folder / "report.hl7.named").read_bytes().decode())
    assert str(named.segment("PID")[3][0][0]) == expected["patient_id"]


def drawn(path):
    """Draws every page with pdftoppm: each has ink, and is not black."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["pdftoppm", "-r", "50", "-gray", path, f"{folder}/page"], check=True)
        pages = sorted(pathlib.Path(folder).glob("page*.pgm"))
        assert len(pages) == len(pypdf.PdfReader(path).pages)
        for one in pages:
            # The header has three numbers; of the pixels behind it some have to be dark, and most are paper.
            header = re.match(rb"P5\s+(\d+)\s+(\d+)\s+255\s", one.read_bytes())
            gray = numpy.frombuffer(one.read_bytes()[header.end() :], numpy.uint8)
            assert gray.size == int(header[1]) * int(header[2])
            assert (gray < 128).mean() > 0.0005 and (gray > 250).mean() > 0.3, f"{path}: {one.name} is blank or black"


def page(folder, expected):
    path = folder / "report.pdf"
    reader = pypdf.PdfReader(path)
    root = reader.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"] and root["/Lang"] == "en", "tagged, in English"
    roles, pictures = {}, []

    def walk(node):
        node = node.get_object() if hasattr(node, "get_object") else node
        if isinstance(node, list):
            return [walk(child) for child in node]
        if isinstance(node, dict) and "/S" in node:
            roles[node["/S"]] = roles.get(node["/S"], 0) + 1
            if node["/S"] == "/Figure":
                pictures.append(node.get("/Alt"))
        if isinstance(node, dict) and "/K" in node:
            walk(node["/K"])

    walk(root["/StructTreeRoot"])
    # Level 1 and 2, paragraphs, tables with heads.
    for role in ["/H1", "/H2", "/P", "/Table", "/TR", "/TH", "/TD", "/Figure"]:
        assert roles.get(role), f"{folder}: no {role} in {roles}"
    assert all(pictures), "every picture has its words"
    text = subprocess.run(["pdftotext", "-raw", path, "-"], capture_output=True, check=True, text=True).stdout
    words = " ".join(re.sub(r"[^\n]*page \d+ of \d+\n|\f", "", text).split())
    for _, sentence in expected["sentences"]:
        assert " ".join(sentence.split()) in words, f"{folder}: {sentence}"
    for one in expected["report"].get("measured", []):
        number = f"{one['quantity']['value']:.1f} {one['quantity']['unit']}"
        assert f"{number} {one['low']:.1f} to {one['high']:.1f}" in words, f"{folder}: {number} in the table"
    fonts = subprocess.run(["pdffonts", path], capture_output=True, check=True, text=True).stdout
    for line in fonts.splitlines()[2:]:
        assert re.search(r"\byes +yes +yes\b", line), f"embedded, a subset, with letters: {line}"
    subprocess.run(["qpdf", "--check", path], capture_output=True, check=True)
    drawn(path)


def structured(folder, expected):
    path = folder / "report.sr.dcm"
    dump = subprocess.run(["dsrdump", path], capture_output=True, text=True)
    assert dump.returncode == 0, dump.stderr
    document = hd.sr.srread(path)
    _, _, _, complete, preliminary, verified = STATES[expected["state"]]
    flags = (document.CompletionFlag, document.PreliminaryFlag, document.VerificationFlag)
    assert flags == (complete, preliminary, verified), flags
    assert document.StudyInstanceUID == expected["study"]
    content = document.content
    findings = {finding["id"]: finding for finding in expected["report"]["findings"]}
    # highdicom seeks groups in containers that hold something; a report without findings has an empty one.
    groups = content.get_image_measurement_groups() + content.get_planar_roi_measurement_groups() if findings else []
    alone = [group for group in groups if group.finding_type is None]
    numbers = [number for group in alone for number in group.get_measurements()]
    for number, one in zip(numbers, expected["report"].get("measured", []), strict=True):
        assert number.name.scheme_designator == "SCT" and number.name.meaning.lower() == one["name"], number.name
        assert (number.value, number.unit.value) == (one["quantity"]["value"], one["quantity"]["unit"])
    groups = [group for group in groups if group.finding_type is not None]
    assert len(groups) == len(findings)
    for group in groups:
        finding = findings[group.tracking_identifier.split(" ")[0]]
        certainty = [m for m in group.get_measurements() if m.name.value == "111012"]
        assert abs(certainty[0].value - finding["probability"]["estimate"] * 100) < 1e-9
    texts = re.findall(r'<(?:contains|CONTAINS) TEXT:\([^)]*\)="', dump.stdout)
    assert len(texts) >= len(expected["sentences"])
    if verified == "VERIFIED":
        last = document.VerifyingObserverSequence[-1]
        signatures = expected["report"]["signatures"]
        assert last.VerifyingObserverName == signatures[-1]["by"]
        assert ("PredecessorDocumentsSequence" in document) == (len(signatures) > 1)


def encapsulated(folder, expected):
    document = pydicom.dcmread(folder / "report.pdf.dcm")
    assert document.StudyInstanceUID == expected["study"]
    assert document.PatientID == expected["patient_id"]
    held = document.EncapsulatedDocument[: document.EncapsulatedDocumentLength]
    assert held == (folder / "report.pdf").read_bytes()


CHECKS = [fhir, message, page, structured, encapsulated]


def main():
    folder = pathlib.Path(sys.argv[1])
    cases = sorted(path.parent for path in folder.glob("*/expected.json"))
    assert cases, f"no case in {folder}"
    for case in cases:
        expected = json.loads((case / "expected.json").read_text())
        for check in CHECKS:
            check(case, expected)
    print(f"{len(cases)} reports in {len(CHECKS)} forms read by others and found to say the same")


if __name__ == "__main__":
    main()
