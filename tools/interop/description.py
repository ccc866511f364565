"""The archive's own description, asked in every way that schemathesis thinks of: no answer may be the archive's failure.

    description.py PROGRAM [EXAMPLES_FOR_EACH_OPERATION]

PROGRAM is `wilhelm`. Sign-in is on, and schemathesis acts by a token of an account that may do all of it.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import urllib.request

import pydicom
from pydicom.data import get_testdata_file
from served import Served

SCOPES = ["study.see", "study.add", "audit.see"]


def run(program, home, *arguments):
    """What the program prints."""
    environment = dict(os.environ, XDG_CONFIG_HOME=str(home))
    done = subprocess.run([program, *arguments], env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def main():
    """Serves an archive with one study and hands it to schemathesis."""
    program, most = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "50"
    with tempfile.TemporaryDirectory() as place:
        place = pathlib.Path(place)
        home = place / "configuration"
        roles = ["--role", "technologist", "--role", "administrator"]
        run(program, home, "users", "init", "--json")
        run(program, home, "users", "add", "tester", *roles, "--all", "--json")
        scopes = [text for scope in SCOPES for text in ("--scope", scope)]
        token = run(program, home, "users", "token", "tester", *scopes, "--json")["token"]
        with Served(program, place / "archive", open_to_all=False) as served:
            bearer = {"Authorization": f"Bearer {token}"}
            path = get_testdata_file("CT_small.dcm")
            data = pathlib.Path(path).read_bytes()
            request = urllib.request.Request(
                served.web + "/studies", data, {**bearer, "Content-Type": "application/dicom"}
            )
            urllib.request.urlopen(request).read()
            uid = str(pydicom.dcmread(path, stop_before_pixels=True).StudyInstanceUID)
            request = urllib.request.Request(served.http + f"/fhir/ImagingStudy/{uid}", headers=bearer)
            study = json.loads(urllib.request.urlopen(request).read())
            assert study["numberOfInstances"] == 1, study
            command = [
                sys.executable, "-m", "schemathesis.cli", "run", served.http + "/api/openapi.json",
                "--header", f"Authorization: Bearer {token}",
                "--checks", "not_a_server_error", "--max-examples", most, "--workers", "2", "--seed", "1",
                "--phases", "examples,coverage,fuzzing",
            ]
            done = subprocess.run(command)
            assert done.returncode == 0, "schemathesis found a failure of the archive"
        verdict = run(program, home, "audit", "verify", str(place / "archive" / "audit"), "--json")
        assert verdict["flaws"] == [], verdict
        print(f"the audit log holds {verdict['entries']} entries without a flaw")


main()
