"""Reads exported reports with fhir.resources, hl7apy, hl7, pypdf, highdicom and pydicom, and compares what they say.

Usage: python tools/interop/reports.py FOLDER
FOLDER comes from `cargo run --release -p wilhelm-pipeline --example write_reports FOLDER`.
"""

import json
import pathlib
import re
import subprocess
import sys

import highdicom as hd
import hl7
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
    assert len(report.result or []) == len(findings)
    for entry, finding in zip(resources.get("Observation", []), findings):
        parts = {part.code.coding[0].code: part for part in entry.resource.component}
        probability = finding["probability"]
        for code, key in [("probability", "estimate"), ("probability-low", "low"), ("probability-high", "high")]:
            assert abs(float(parts[code].valueQuantity.value) - probability[key]) <= 5e-6
        assert entry.resource.valueCodeableConcept.text == finding["certainty"]
        measured = [part for part in entry.resource.component if part.code.coding[0].code == "measurement"]
        assert [float(part.valueQuantity.value) for part in measured] == [
            measurement["quantity"]["value"] for measurement in finding["measurements"]
        ]
    study = resources["ImagingStudy"][0].resource
    assert study.identifier[0].value == f"urn:oid:{expected['study']}"
    assert study.series[0].uid == expected["series"]
    assert [instance.uid for instance in study.series[0].instance] == expected["images"]
    assert expected["patient_id"] not in text
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
    probabilities = [float(str(s[5])) for s in other.segments("OBX") if str(s[3]).startswith("PROBABILITY")]
    stated = sorted(finding["probability"]["estimate"] * 100 for finding in expected["report"]["findings"])
    assert all(abs(a - b) < 1e-4 for a, b in zip(sorted(probabilities), stated, strict=True))
    assert expected["patient_id"] not in text
    named = hl7.parse((folder / "report.hl7.named").read_bytes().decode())
    assert str(named.segment("PID")[3][0][0]) == expected["patient_id"]


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
    fonts = subprocess.run(["pdffonts", path], capture_output=True, check=True, text=True).stdout
    for line in fonts.splitlines()[2:]:
        assert re.search(r"\byes +yes +yes\b", line), f"embedded, a subset, with letters: {line}"
    subprocess.run(["qpdf", "--check", path], capture_output=True, check=True)


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
    assert len(groups) == len(findings)
    for group in groups:
        finding = findings[group.tracking_identifier.split(" ")[0]]
        certainty = [m for m in group.get_measurements() if m.name.value == "111012"]
        assert abs(certainty[0].value - finding["probability"]["estimate"] * 100) < 1e-9
    texts = re.findall(r'<(?:contains|CONTAINS) TEXT:\([^)]*\)="', dump.stdout)
    assert len(texts) >= len(expected["sentences"])
    if verified == "VERIFIED":
        last = document.VerifyingObserverSequence[-1]
        assert last.VerifyingObserverName.family_name == "Müller"
        assert document.PredecessorDocumentsSequence


def encapsulated(folder, expected):
    document = pydicom.dcmread(folder / "report.pdf.dcm")
    assert document.StudyInstanceUID == expected["study"]
    assert document.PatientID == expected["patient_id"]
    held = document.EncapsulatedDocument[: document.EncapsulatedDocumentLength]
    assert held == (folder / "report.pdf").read_bytes()


def main():
    folder = pathlib.Path(sys.argv[1])
    cases = sorted(path.parent for path in folder.glob("*/expected.json"))
    assert cases, f"no case in {folder}"
    checks = [fhir, message, page, structured, encapsulated]
    for case in cases:
        expected = json.loads((case / "expected.json").read_text())
        for check in checks:
            check(case, expected)
    print(f"{len(cases)} reports in {len(checks)} forms read by others and found to say the same")


main()
