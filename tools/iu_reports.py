"""Writes reports and labels of the Indiana University chest X-ray collection as tables, into a folder of yours.

Usage: python3 tools/iu_reports.py ARCHIVE.tgz OUT

The collection is CC BY-NC-ND 4.0: nothing derived from its texts goes into this project; the tables stay where you put them.
OUT gets, for each half of the reports (by the parity of the MD5 of a report's id: `development` was looked at while the labeler's
cues were written, `measured` was not), NAME/reports.csv (id, indication, findings, impression, report: findings and impression) and
NAME/tags.csv: the 14 CheXpert labels that follow from the MeSH tags that people gave, 1 or nothing, by `LABELS` below.
Reports without a text, without a tag, or tagged "No Indexing" are left out and counted.

Source: Demner-Fushman et al. 2016, doi:10.1093/jamia/ocv080
"""

import csv
import hashlib
import pathlib
import sys
import tarfile
import xml.etree.ElementTree as ET

NAMES = [
    "No Finding", "Enlarged Cardiomediastinum", "Cardiomegaly", "Lung Lesion", "Lung Opacity", "Edema", "Consolidation",
    "Pneumonia", "Atelectasis", "Pneumothorax", "Pleural Effusion", "Pleural Other", "Fracture", "Support Devices",
]

# A tag is a heading with qualifiers ("Opacity/lung/base/left"): heading, a qualifier it must have (or none), label. The qualifiers
# are in the collection's order, and a heading that is not here has no CheXpert label.
LABELS = [
    ("normal", None, "No Finding"),
    ("mediastinum", "enlarged", "Enlarged Cardiomediastinum"),
    ("mediastinum", "prominent", "Enlarged Cardiomediastinum"),
    ("cardiomegaly", None, "Cardiomegaly"),
    ("cardiac shadow", "enlarged", "Cardiomegaly"),
    ("nodule", None, "Lung Lesion"),
    ("mass", None, "Lung Lesion"),
    ("opacity", None, "Lung Opacity"),
    ("airspace disease", None, "Lung Opacity"),
    ("infiltrate", None, "Lung Opacity"),
    ("lung diseases, interstitial", None, "Lung Opacity"),
    ("cicatrix", "lung", "Lung Opacity"),
    ("markings", "interstitial", "Lung Opacity"),
    ("pulmonary edema", None, "Edema"),
    ("pulmonary congestion", None, "Edema"),
    ("heart failure", None, "Edema"),
    ("consolidation", None, "Consolidation"),
    ("pneumonia", None, "Pneumonia"),
    ("pulmonary atelectasis", None, "Atelectasis"),
    ("pneumothorax", None, "Pneumothorax"),
    ("hydropneumothorax", None, "Pneumothorax"),
    ("hydropneumothorax", None, "Pleural Effusion"),
    ("pleural effusion", None, "Pleural Effusion"),
    ("thickening", "pleura", "Pleural Other"),
    ("pulmonary fibrosis", None, "Pleural Other"),
    ("fractures, bone", None, "Fracture"),
    ("catheters, indwelling", None, "Support Devices"),
    ("implanted medical device", None, "Support Devices"),
    ("medical device", None, "Support Devices"),
    ("tube, inserted", None, "Support Devices"),
    ("stents", None, "Support Devices"),
]


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    out = pathlib.Path(sys.argv[2])
    halves = {"development": [], "measured": []}
    left_out = {"no text": 0, "no tag": 0, "No Indexing": 0}
    with tarfile.open(sys.argv[1]) as archive:
        members = sorted((member for member in archive if member.name.endswith(".xml")), key=lambda member: member.name)
        for member in members:
            case, why = read(archive.extractfile(member).read())
            if why:
                left_out[why] += 1
                continue
            odd = hashlib.md5(case["id"].encode()).digest()[0] % 2
            halves["measured" if odd else "development"].append(case)
    for half, cases in halves.items():
        (out / half).mkdir(parents=True, exist_ok=True)
        with open(out / half / "reports.csv", "w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["id", "indication", "findings", "impression", "report"])
            for case in cases:
                whole = "\n".join(text for text in (case["FINDINGS"], case["IMPRESSION"]) if text)
                writer.writerow([case["id"], case["INDICATION"], case["FINDINGS"], case["IMPRESSION"], whole])
        with open(out / half / "tags.csv", "w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["id", *NAMES])
            for case in cases:
                writer.writerow([case["id"], *["1" if name in case["labels"] else "" for name in NAMES]])
    print({half: len(cases) for half, cases in halves.items()}, "left out:", left_out)


def read(text):
    root = ET.fromstring(text)
    case = {"id": root.find("uId").get("id")}
    for section in ("INDICATION", "FINDINGS", "IMPRESSION"):
        found = [part.text or "" for part in root.iter("AbstractText") if part.get("Label") == section]
        case[section] = " ".join(" ".join(found).split())
    tags = [part.text.strip().lower().split("/") for part in root.iter("major") if part.text]
    if not case["FINDINGS"] and not case["IMPRESSION"]:
        return case, "no text"
    if not tags:
        return case, "no tag"
    if tags == [["no indexing"]]:
        return case, "No Indexing"
    case["labels"] = {
        label for heading, qualifier, label in LABELS for tag in tags
        if tag[0] == heading and (qualifier is None or qualifier in tag[1:])
    }
    return case, None


if __name__ == "__main__":
    main()
