"""How long searches take in a catalog of many objects, beside the same in a small one.

    catalog_scale.py PROGRAM [OBJECTS [SMALL]]

PROGRAM is `wilhelm`, or the example `archive` of crates/server. Objects (100,000 and 1,000) of 8 x 8 pixels go in over STOW-RS, 100
a request: 100 objects a study in two series. Then searches of every level are timed, one at a time on one connection. Prints a
table on stderr and JSON on stdout. Needs pydicom.
"""

import http.client
import json
import os
import pathlib
import random
import sys
import tempfile
import time
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import synthetic  # noqa: E402
from served import Served, resident  # noqa: E402

A_STUDY, A_SERIES, ROUNDS = 100, 50, 200


def searches(studies, chance):
    """Name and address of one search of each kind, for a study drawn at random."""
    study = chance.randrange(studies)
    its = synthetic.identifiers(study, 0, 0)
    name = urllib.parse.quote(its["name"][:6].lower() + "*")
    return {
        "the newest 50 studies": "/dicom-web/studies?limit=50",
        "studies by Patient ID": f"/dicom-web/studies?PatientID={its['patient']}",
        "studies by accession number": f"/dicom-web/studies?AccessionNumber={its['accession']}",
        "studies by name, with a wildcard": f"/dicom-web/studies?PatientName={name}&limit=50",
        "studies of a day": f"/dicom-web/studies?StudyDate={its['date']}&limit=50",
        "series of a study": f"/dicom-web/studies/{its['study']}/series",
        "instances of a study": f"/dicom-web/studies/{its['study']}/instances",
        "one instance by its UID": f"/dicom-web/instances?SOPInstanceUID={its['instance']}",
    }


def fill(served, count):
    """Hands objects in; gives seconds."""
    base = synthetic.template(8)
    host = urllib.parse.urlparse(served.http)
    line = http.client.HTTPConnection(host.hostname, host.port, timeout=600)
    begun = time.monotonic()
    heads = {"Content-Type": 'multipart/related; type="application/dicom"; boundary=B'}
    for study in range(count // A_STUDY):
        parts = [
            b"--B\r\nContent-Type: application/dicom\r\n\r\n" + synthetic.made(base, study, number // A_SERIES, number) + b"\r\n"
            for number in range(A_STUDY)
        ]
        line.request("POST", "/dicom-web/studies", b"".join(parts) + b"--B--", heads)
        answer = line.getresponse()
        body = answer.read()
        assert answer.status == 200, f"{answer.status}: {body[:300]!r}"
    return time.monotonic() - begun


def timed(served, count):
    """Milliseconds of every search, by kind."""
    chance = random.Random(1)
    host = urllib.parse.urlparse(served.http)
    line = http.client.HTTPConnection(host.hostname, host.port, timeout=60)
    found = {}
    for number in range(ROUNDS + 5):
        for name, path in searches(count // A_STUDY, chance).items():
            begun = time.perf_counter()
            line.request("GET", path)
            answer = line.getresponse()
            body = answer.read()
            elapsed = (time.perf_counter() - begun) * 1000
            assert answer.status == 200 and len(body) > 2, f"{path}: {answer.status}"
            if number >= 5:
                found.setdefault(name, []).append(elapsed)
    return found


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def measure(program, count):
    with tempfile.TemporaryDirectory() as place:
        folder = pathlib.Path(place) / "archive"
        with Served(program, folder) as served:
            seconds = fill(served, count)
            before = os.getloadavg()[0]
            found = timed(served, count)
            after = os.getloadavg()[0]
            memory = resident(served.process)
        catalog = sum(file.stat().st_size for file in folder.glob("catalog.sqlite*"))
    return {
        "objects": count,
        "ingest_objects_per_second": round(count / seconds, 1),
        "catalog_mb": round(catalog / 1e6, 1),
        "resident_mb": memory,
        "load_before": round(before, 2),
        "load_after": round(after, 2),
        "searches": {
            name: {
                "median_ms": round(percentile(values, 0.5), 2),
                "p95_ms": round(percentile(values, 0.95), 2),
            }
            for name, values in found.items()
        },
    }


def main():
    program = sys.argv[1]
    many = int(sys.argv[2]) if len(sys.argv) > 2 else 100_000
    few = int(sys.argv[3]) if len(sys.argv) > 3 else 1_000
    small, large = measure(program, few), measure(program, many)
    print(f"| search | median, p95 at {few:,} | median, p95 at {many:,} | p95 ratio |", file=sys.stderr)
    print("|---|---:|---:|---:|", file=sys.stderr)
    for name, one in small["searches"].items():
        other = large["searches"][name]
        print(
            f"| {name} | {one['median_ms']:.1f}, {one['p95_ms']:.1f} ms | {other['median_ms']:.1f}, {other['p95_ms']:.1f} ms "
            f"| {other['p95_ms'] / one['p95_ms']:.1f} |",
            file=sys.stderr,
        )
    print(json.dumps([small, large], indent=2))


main()
