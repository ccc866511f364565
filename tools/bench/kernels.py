"""Filters beside SimpleITK and scikit-image: one table row an operation, peers in the same run.

Usage: python tools/bench/kernels.py path/to/examples/kernels [--times 3] [--threads 2] [--only NAME ...]
           [--json FILE] [--markdown FILE]

Every operation runs on the same volume in this program and in each peer that has it, in turns, at the
same number of threads; the median of each counts. `ratio` is the faster peer's time over ours: above 1
we are faster. `difference` is the largest absolute difference of the results, away from the border.
The rows stand in `tools/bench/kernels/*.py`: each module has a list `ROWS` of `Row`s.
"""

import argparse
import importlib
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
# Seconds after which one run of a peer has to do.
PATIENCE = 20
sys.path.insert(0, str(HERE))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--json")
    parser.add_argument("--markdown", help="write the table as a page, docs/performance.md")
    options = parser.parse_args()
    os.environ["RAYON_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = str(options.threads)
    os.environ["ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"] = str(options.threads)
    import numpy as np
    import SimpleITK as sitk

    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(options.threads)
    rows = []
    for path in sorted((HERE / "kernels").glob("*.py")):
        if path.stem not in ("__init__", "row"):
            rows += importlib.import_module(f"kernels.{path.stem}").ROWS
    if options.only:
        rows = [row for row in rows if any(name in row.name for name in options.only)]
    results, failed = [], []
    print(f"{'operation':32} {'size':>14} {'ours ms':>9} {'peer':>13} {'peer ms':>9} {'ratio':>6} {'memory':>7}  difference")
    for row in rows:
        if row.input is None:
            print(f"{row.name:32} left out: its data are not there, set DATA to the folder of the public data")
            continue
        try:
            result = measure(row, options, np, sitk)
        except Exception as error:
            failed.append(row.name)
            print(f"{row.name:32} failed: {type(error).__name__}: {error}", flush=True)
            continue
        results.append(result)
        line = "{operation:32} {size:>14} {ours_ms:9.1f} {peer:>13} {peer_ms:9.1f} {ratio:6.2f} {memory:7.2f}  {difference}"
        print(line.format(**result), flush=True)
    if results:
        ratios = [result["ratio"] for result in results]
        print(f"median ratio {statistics.median(ratios):.2f}, slower than a peer in {sum(r < 1 for r in ratios)} of {len(ratios)}")
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(results, indent=1))
    if options.markdown:
        pathlib.Path(options.markdown).write_text(page(results, options, sitk))
    if failed:
        sys.exit(f"no figures for {', '.join(failed)}")


def page(results, options, sitk):
    """The table with what it was measured on; losing rows stand in it like all others."""
    import importlib.metadata as metadata
    import platform

    processor = platform.processor() or platform.machine()
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines() if os.path.exists("/proc/cpuinfo") else []:
        if line.startswith("model name"):
            processor = line.split(":", 1)[1].strip()
            break
    ratios = [result["ratio"] for result in results]
    lines = [
        "# Speed beside the peers",
        "",
        "Made by `make performance`; losing rows are printed like all others.",
        "",
        "## Filters",
        "",
        "Every row runs the same volume through this program and its peers in turns, in one run,",
        f"each with {options.threads} threads; the median of {options.times} runs counts (a peer that takes more than {PATIENCE} s",
        "is run once). *Ratio* is the faster peer's time over ours: above 1 this program is faster. *Memory* is what the operation takes above the program",
        "and its input, in volumes of 32-bit floats. *Difference* is the largest absolute difference of the results",
        "away from the border, where both compute the same.",
        "",
        f"Processor: {processor}, {os.cpu_count()} cores. SimpleITK {sitk.Version.VersionString()}, "
        + ", ".join(f"{name} {metadata.version(name)}" for name in ("scikit-image", "scipy", "numpy", "mirp"))
        + ".",
        "",
        f"Median ratio {statistics.median(ratios):.2f}; slower than a peer in {sum(r < 1 for r in ratios)} of {len(ratios)} rows.",
        "",
        "| operation | size | ours, ms | peers, ms | ratio | memory | difference | note |",
        "|---|---|---:|---|---:|---:|---:|---|",
    ]
    for result in results:
        peers = ", ".join(f"{name} {value:.0f}" for name, value in sorted(result["peers_ms"].items()))
        lines.append(
            "| {operation} | {size} | {ours_ms:.1f} | {peers} | {ratio:.2f} | {memory:.2f} | {difference} | {note} |".format(
                **{**result, "peers": peers}
            )
        )
    return "\n".join(lines) + "\n"


def measure(row, options, np, sitk):
    array = np.ascontiguousarray(row.input(), dtype=np.float32)
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(row.spacing)
    prepared = {name: prepare(array, image) for name, (prepare, _) in row.peers.items()}
    times = {name: [] for name in row.peers}
    ours, answer = [], {}
    with tempfile.TemporaryDirectory() as folder:
        source, target = f"{folder}/in.raw", f"{folder}/out.raw"
        array.tofile(source)
        size = ",".join(str(n) for n in reversed(array.shape))
        command = [options.program, row.name, source, size, ",".join(map(str, row.spacing)), "1", target]
        for _ in range(options.times):
            told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            ours += told["seconds"]
            for name, (_, function) in row.peers.items():
                if times[name] and times[name][0] > PATIENCE:
                    continue
                start = time.perf_counter()
                answer[name] = function(prepared[name])
                times[name].append(time.perf_counter() - start)
        result = np.fromfile(target, np.float32)
    medians = {name: statistics.median(values) for name, values in times.items()}
    peer = min(medians, key=medians.get)
    mine = statistics.median(ours)
    difference = "-"
    for name, value in answer.items():
        value = sitk.GetArrayFromImage(value) if isinstance(value, sitk.Image) else np.asarray(value)
        if row.compare and value.size == result.size and name in row.compare:
            difference = row.difference(result.reshape(value.shape), value)
    volume_kib = array.nbytes / 1024
    return {
        "operation": row.name, "size": "x".join(str(n) for n in reversed(array.shape)), "ours_ms": mine * 1000,
        "peer": peer, "peer_ms": medians[peer] * 1000, "ratio": medians[peer] / mine,
        # Above the program and its input: what the operation itself takes, in volumes.
        "memory": (told["peak_kib"] - told["input_kib"]) / volume_kib, "difference": difference,
        "peers_ms": {name: value * 1000 for name, value in medians.items()}, "note": row.note,
    }


if __name__ == "__main__":
    main()
