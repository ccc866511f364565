"""How long whole commands take on the sample images and how much memory they hold at most.

Usage: python tools/bench/commands.py path/to/wilhelm [--times 5]

Each command is a new process with a warm page cache. Median, fastest and slowest of its runs, and the largest peak
resident memory. The language model's kept wordings are switched off, so that it speaks in every run.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

CHEST = "testdata/chest_xray/chest_pa.dcm"
BREAST = ["testdata/breast_ultrasound/breast_mass.png", "--modality", "US"]
BRAIN = ["testdata/brain_mr/brain_axial_t1c.jpg", "--modality", "MR"]


def run(command):
    """Seconds and peak resident memory in MB of one run."""
    start = time.perf_counter()
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, "WILHELM_LLM_REMEMBER": "false"},
    )
    complaint = process.stderr.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    code = os.waitstatus_to_exitcode(status)
    # 1 is "done, with defects found".
    if code > 1:
        sys.exit(f"{' '.join(command)} ended with exit code {code}: {complaint}")
    return seconds, usage.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("wilhelm")
    parser.add_argument("--times", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:

        def read(out, *words):
            return [options.wilhelm, "read", *words, "--force", "--out", f"{folder}/{out}"]

        commands = {
            "inspect a radiograph": [options.wilhelm, "inspect", CHEST],
            "read a chest radiograph, no language model": read("chest", CHEST, "--no-llm"),
            "read a breast ultrasound, no language model": read("breast", *BREAST, "--no-llm"),
            "read a brain MR slice, no language model": read("brain", *BRAIN, "--no-llm"),
            "read a chest radiograph, with it": read("chest", CHEST),
            "read a breast ultrasound, with it": read("breast", *BREAST),
            "read a brain MR slice, with it": read("brain", *BRAIN),
        }
        print("| command | median s | fastest to slowest | peak MB |\n|---|---|---|---|")
        for name, command in commands.items():
            run(command)
            runs = [run(command) for _ in range(options.times)]
            times = [seconds for seconds, _ in runs]
            peak = max(memory for _, memory in runs)
            print(
                f"| {name} | {statistics.median(times):.2f} | {min(times):.2f} to {max(times):.2f} | {peak:.0f} |",
                flush=True,
            )


main()
