"""Test cases of published decision rules as GDL2 models, for testdata/gdl2.

Reads the archive of models (Apache-2.0, github:gdl-lang/common-clinical-models) and writes the test cases of those that
this program has a rule of, as their authors wrote them: labels and values, without the models' internal codes.

    python tools/golden/report_gdl2.py /path/to/gdl2.tar.xz testdata/gdl2
"""

import hashlib
import json
import pathlib
import sys
import tarfile

import yaml

MODELS = [
    "ACR_TI-RADS_calculator.v1",
    "Adrenal_nodule.v1",
    "CRB-65.v1",
    "CURB-65.v1",
    "Modified_Fisher_Scale_SAH.v1",
    "Simplified_PESI.v1",
    "Wells_Criteria_PE.v1",
    "Wells_DVT.v1",
    "mRECIST.v1",
    "qSOFA.v1",
    "rGeneva.v1",
]


def label(key: str) -> str:
    return key.partition("|")[2].strip().rstrip("|").strip()


def value(text: object) -> str:
    parts = str(text).split("|")
    return (parts[-2] if len(parts) >= 3 else parts[0]).strip()


def plain(entries: dict) -> dict:
    return {label(key): value(text) for key, text in entries.items()}


def main(archive: pathlib.Path, out: pathlib.Path) -> None:
    models = {}
    with tarfile.open(archive) as tar:
        for member in tar.getmembers():
            name = pathlib.PurePosixPath(member.name).name
            model = name.removesuffix(".test.yml")
            if not name.endswith(".test.yml") or model not in MODELS:
                continue
            cases = yaml.load(tar.extractfile(member).read(), yaml.BaseLoader)["test_cases"]
            models[model] = [
                {"id": c["id"], "input": plain(c["input"]["1"] or {}), "expected": plain(c["expected_output"]["1"] or {})}
                for c in cases
            ]
    missing = sorted(set(MODELS) - set(models))
    if missing:
        sys.exit(f"the archive lacks {', '.join(missing)}")
    text = json.dumps({name: models[name] for name in MODELS}, indent=1, ensure_ascii=False) + "\n"
    (out / "cases.json").write_text(text, encoding="utf-8")
    print("archive", hashlib.sha256(archive.read_bytes()).hexdigest())
    print("cases.json", hashlib.sha256(text.encode()).hexdigest(), sum(map(len, models.values())), "cases")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
