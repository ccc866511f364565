#!/usr/bin/env python3
"""Reports against schemas/report.schema.json: check_schema.py WILHELM SCHEMA_EXAMPLE.

Those of the built program on the samples, and the made-up ones of crates/report (sides, measurements, no model).
"""
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
sys.path.append(str(cache / "wilhelm/tools/python"))
import jsonschema  # noqa: E402

root = Path(__file__).resolve().parent.parent
schema = json.loads((root / "schemas/report.schema.json").read_text())
validator = jsonschema.validators.validator_for(schema)(schema)
validator.check_schema(schema)
samples = ["chest_xray/chest_pa.dcm", "breast_ultrasound/breast_mass.png", "brain_mr/brain_axial_t1c.jpg"]


def check(name, report):
    for error in validator.iter_errors(report):
        sys.exit(f"{name}: {error.json_path}: {error.message}")
    # A schema that accepts anything would accept this too.
    report["sections"][0]["sentences"][0]["bears"] = None
    if validator.is_valid(report):
        sys.exit(f"{name}: a sentence without evidence is valid by the schema")


made_up = json.loads(subprocess.run([sys.argv[2], "reports"], capture_output=True, text=True, check=True).stdout)
for number, report in enumerate(made_up):
    check(f"made-up report {number}", report)
with tempfile.TemporaryDirectory() as out:
    for number, sample in enumerate(samples):
        folder = Path(out) / str(number)
        run = subprocess.run(
            [sys.argv[1], "read", root / "testdata" / sample, "--no-llm", "--out", folder],
            cwd=root, capture_output=True, text=True, check=False,
        )
        if run.returncode > 1:
            sys.exit(f"{sample}: {run.stderr}")
        check(sample, json.loads((folder / "report.json").read_text()))
print(f"{len(samples)} reports of the program and {len(made_up)} made-up ones are valid by the schema")
