"""How fast compressed DICOM pixels are decoded, beside pydicom with pylibjpeg and gdcm, on one core.

Usage: python tools/bench/codecs.py CODECS ../shared/data/dicom_conformance [--times 7] [--append PAGE]

CODECS is the program of `cargo build --release -p wilhelm-formats --example codecs`. Each file is decoded TIMES times
in each program, from its bytes in memory to the array of stored values; the median counts. pydicom's plugins are
pylibjpeg (OpenJPEG for JPEG 2000, CharLS by pyjpegls for JPEG-LS) and gdcm (OpenJPEG, CharLS).
"""

import argparse
import importlib.metadata as metadata
import io
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time
import warnings

for variable in ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"]:
    os.environ[variable] = "1"
# One core for all: gdcm would spread a frame's code blocks over as many as there are.
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

import pydicom
from pydicom.pixels import pixel_array

FILES = {
    "JPEG 2000 reversible": "nema_wg04/J2KR/{}_J2KR.dcm",
    "JPEG 2000": "nema_wg04/J2KI/{}_J2KI.dcm",
    "JPEG-LS lossless": "nema_wg04/JLSL/{}_JLSL.dcm",
    "JPEG-LS near-lossless": "nema_wg04/JLSN/{}_JLSN.dcm",
}
PICTURES = ["CT1", "CT2", "MR1", "MR3", "MR4", "NM1", "RG3", "US1", "XA1"]
PLUGINS = ["pylibjpeg", "gdcm"]
PACKAGES = ["pydicom", "pylibjpeg-openjpeg", "pyjpegls", "python-gdcm"]
HEAD = [
    "",
    "## Compressed DICOM pixels",
    "",
    "One frame, from the file's bytes in memory to stored values, on one core (gdcm would take all there are for one",
    "frame, this program for the frames of a series); the median of the runs counts. *Ratio* is the faster peer's time",
    "over ours. The peers are C and C++ (OpenJPEG, CharLS); ours are Rust. Ours keeps up to 256 MiB of freed memory for",
    "the next frame, as the program `wilhelm` tells the allocator to; the peers run as they come.",
    "",
]


def theirs(path, plugin, times):
    content = path.read_bytes()
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        try:
            pixel_array(io.BytesIO(content), decoding_plugin=plugin)
        except Exception:
            return None
        taken.append(1000 * (time.perf_counter() - start))
    return statistics.median(taken)


def table(program, root, times):
    """The lines of the table and of its summary, losing rows included."""
    rows = [(name, picture, root / form.format(picture)) for name, form in FILES.items() for picture in PICTURES]
    rows = [row for row in rows if row[2].exists()]
    # What crates/cli/src/memory.rs sets.
    kept = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(256 << 20)}
    command = [program, str(times), *[str(row[2]) for row in rows]]
    run = subprocess.run(command, capture_output=True, check=True, text=True, env={**os.environ, **kept})
    ours = [json.loads(line)["milliseconds"] for line in run.stdout.splitlines()]
    lines = [
        "| coding | picture | ours, ms | " + " | ".join(f"{plugin}, ms" for plugin in PLUGINS) + " | ratio |",
        "|---|---|---:|" + "---:|" * (len(PLUGINS) + 1),
    ]
    ratios = {}
    for (name, picture, path), mine in zip(rows, ours):
        peers = [theirs(path, plugin, times) for plugin in PLUGINS]
        known = [peer for peer in peers if peer is not None]
        ratio = min(known) / mine if known and mine else None
        if ratio:
            ratios.setdefault(name, []).append(ratio)
        cells = ["-" if peer is None else f"{peer:.1f}" for peer in peers]
        lines.append(f"| {name} | {picture} | {mine:.1f} | {' | '.join(cells)} | {'-' if ratio is None else f'{ratio:.2f}'} |")
    lines.append("")
    for name, values in ratios.items():
        lines.append(f"- {name}: median ratio {statistics.median(values):.2f}, worst {min(values):.2f}, {len(values)} files.")
    return lines


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("--times", type=int, default=7)
    parser.add_argument("--append", type=pathlib.Path, help="a page to write the table under, docs/performance.md")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    if not options.root.is_dir():
        sys.exit(f"{options.root} is not there: name the folder of the conformance files")
    lines = table(options.program, options.root, options.times)
    print("\n".join(lines))
    if options.append:
        versions = ", ".join(f"{name} {metadata.version(name)}" for name in PACKAGES)
        with options.append.open("a") as page:
            page.write("\n".join(HEAD + [f"Peers: {versions}.", "", *lines, ""]))


if __name__ == "__main__":
    main()
