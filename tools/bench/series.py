"""Time of reading one CT series: this program, pydicom with numpy, and SimpleITK, in one run.

Usage: python tools/bench/series.py path/to/read_series [folder] [--slices 300] [--times 5]

Without a folder the analytic phantom is written to a temporary one. Every reader gives the same
thing: the slices in order of position, as 32-bit floats in Hounsfield units; the voxels of the two
Python readers are compared. Each is run `times` times with the files in the page cache, and the
median and the best count. The readers take turns, so that a busy machine hits all alike.
"""

import argparse
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import pydicom
import SimpleITK as sitk


def with_pydicom(folder):
    sets = [pydicom.dcmread(f) for f in pathlib.Path(folder).glob("*.dcm")]
    sets.sort(key=lambda d: float(d.ImagePositionPatient[2]))
    first = sets[0]
    volume = np.empty((len(sets), first.Rows, first.Columns), np.float32)
    for i, d in enumerate(sets):
        np.multiply(d.pixel_array, np.float32(d.RescaleSlope), out=volume[i], casting="unsafe")
        volume[i] += np.float32(d.RescaleIntercept)
    return volume


def with_simpleitk(folder):
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    reader.SetOutputPixelType(sitk.sitkFloat32)
    image = reader.Execute()
    # A view costs the peer no copy, but lives only as long as its image.
    return image, sitk.GetArrayViewFromImage(image)


def timed(function, folder):
    start = time.perf_counter()
    function(folder)
    return (time.perf_counter() - start) * 1000


def ours(binary, folder, *flags):
    # One reading a process: it pays for fresh memory, which the peers reuse from run to run.
    output = subprocess.run([binary, str(folder), "1", *flags], check=True, capture_output=True, text=True).stdout
    return json.loads(output)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("folder", nargs="?")
    parser.add_argument("--slices", type=int, default=300)
    parser.add_argument("--times", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder
        if folder is None:
            folder = temporary
            subprocess.run(
                [options.binary, "--write-phantom", temporary, str(options.slices)], check=True, stdout=sys.stderr
            )
        image, voxels = with_simpleitk(folder)
        assert np.array_equal(with_pydicom(folder), voxels), "the peers disagree"
        del voxels, image
        ours(options.binary, folder)
        times = {"ours": [], "ours, no SHA-256": [], "pydicom": [], "SimpleITK": []}
        peak = 0
        for _ in range(options.times):
            run = ours(options.binary, folder)
            peak = max(peak, run["peak_rss_mb"] or 0)
            times["ours"].append(run["median_ms"])
            times["ours, no SHA-256"].append(ours(options.binary, folder, "--no-hash")["median_ms"])
            times["pydicom"].append(timed(with_pydicom, folder))
            times["SimpleITK"].append(timed(with_simpleitk, folder))
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; ", end="")
    print(f"pydicom {pydicom.__version__}, SimpleITK {sitk.Version_VersionString()}, numpy {np.__version__}")
    for pick, name in [(statistics.median, "median"), (min, "best")]:
        base = pick(times["ours"])
        for reader, values in times.items():
            print(f"{name:7} {reader:18} {pick(values):9.1f} ms  {pick(values) / base:6.2f} x ours")
    print(f"peak resident memory of ours {peak} MB")


main()
