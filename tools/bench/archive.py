"""The archive beside Debian's Orthanc, one after the other on the same machine, and the same files.

    archive.py PROGRAM [--slices 300] [--small 1000] [--into docs/performance.md]

PROGRAM is `wilhelm`, or the example `archive` of crates/server. Orthanc runs with its defaults and Debian's DICOMweb plugin.
Medians of five for what is read; what is stored is stored once into an empty archive.
"""

import argparse
import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

import numpy
import pydicom
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "interop"))
from served import Served, free_port  # noqa: E402

BEGIN, END = "<!-- archive: begin -->", "<!-- archive: end -->"


def write_series(folder, count, size, seed):
    """A CT series of its own study; gives its Study and Series Instance UID."""
    folder.mkdir()
    random = numpy.random.default_rng(seed)
    study, series, frame = generate_uid(), generate_uid(), generate_uid()
    ramp = numpy.add.outer(numpy.arange(size), numpy.arange(size)).astype(numpy.int16)
    for number in range(count):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = CTImageStorage
        meta.MediaStorageSOPInstanceUID = generate_uid()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        data = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
        data.SOPClassUID, data.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
        data.StudyInstanceUID, data.SeriesInstanceUID, data.FrameOfReferenceUID = study, series, frame
        data.PatientName, data.PatientID, data.PatientSex, data.PatientBirthDate = "Bench^Mark", "BENCH", "O", ""
        data.StudyDate, data.StudyTime, data.AccessionNumber, data.StudyID = "20240101", "120000", "", "1"
        data.Modality, data.Manufacturer, data.SeriesNumber, data.InstanceNumber = "CT", "Bench", 1, number + 1
        data.ImageType, data.BodyPartExamined, data.PatientPosition = ["ORIGINAL", "PRIMARY", "AXIAL"], "CHEST", "HFS"
        data.ImagePositionPatient, data.ImageOrientationPatient = [0, 0, number], [1, 0, 0, 0, 1, 0]
        data.PixelSpacing, data.SliceThickness, data.KVP = [0.7, 0.7], 1, 120
        data.RescaleIntercept, data.RescaleSlope, data.WindowCenter, data.WindowWidth = -1024, 1, 40, 400
        data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
        data.Rows = data.Columns = size
        data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 16, 15, 1
        pixels = ramp + random.integers(0, 200, (size, size), dtype=numpy.int16)
        data.PixelData = pixels.astype("<i2").tobytes()
        data.save_as(folder / f"{number:05}.dcm", enforce_file_format=True)
    return str(study), str(series)


class Orthanc:
    """Debian's Orthanc with its defaults and the DICOMweb plugin."""

    def __init__(self, folder):
        folder.mkdir()
        self.host, self.port, http = "127.0.0.1", free_port(), free_port()
        plugins = [str(path) for path in pathlib.Path("/usr").glob("**/libOrthancDicomWeb.so") if path.exists()]
        config = {
            "StorageDirectory": str(folder / "storage"),
            "IndexDirectory": str(folder / "index"),
            "HttpPort": http,
            "DicomPort": self.port,
            "RemoteAccessAllowed": False,
            "Plugins": plugins[:1],
            "DicomWeb": {"Enable": True},
        }
        (folder / "orthanc.json").write_text(json.dumps(config))
        log = (folder / "log").open("w")
        begun = time.perf_counter()
        self.process = subprocess.Popen(["Orthanc", str(folder / "orthanc.json")], stdout=log, stderr=log)
        self.http = f"http://127.0.0.1:{http}"
        self.web = self.http + "/dicom-web"
        self.started = first_answer(self.http + "/system", begun)
        self.version = json.load(urllib.request.urlopen(self.http + "/system"))["Version"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)


def first_answer(url, begun):
    """Seconds from `begun` to the first answer."""
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).read()
            return time.perf_counter() - begun
        except OSError:
            time.sleep(0.002)


class Ours(Served):
    """This program, timed as the other is."""

    def __init__(self, program, folder):
        begun = time.perf_counter()
        super().__init__(program, folder)
        self.started = first_answer(self.http + "/health", begun)


def resident_mb(process):
    """Resident memory in MB."""
    for line in pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) * 1024 / 1e6
    return float("nan")


def timed(work):
    """Seconds."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def get(url, accept):
    """Reads an answer to its end."""
    with urllib.request.urlopen(urllib.request.Request(url, headers={"Accept": accept}), timeout=120) as answer:
        body = answer.read()
        assert answer.status == 200 and body
        return body


def median_ms(url, accept, check):
    """Median of five, after one that is not counted."""
    check(get(url, accept))
    return 1000 * statistics.median(timed(lambda: get(url, accept)) for _ in range(5))


def storescu(server, folder):
    """One association with every file of a folder; gives seconds."""
    command = ["storescu", "+sd", "-aec", "ANY", server.host, str(server.port), str(folder)]
    return timed(lambda: subprocess.run(command, check=True, capture_output=True))


def stow(server, folder):
    """All files in one request; gives seconds."""
    parts = b"".join(
        b"--B\r\nContent-Type: application/dicom\r\n\r\n" + path.read_bytes() + b"\r\n" for path in sorted(folder.iterdir())
    )
    heads = {"Content-Type": 'multipart/related; type="application/dicom"; boundary=B', "Accept": "application/dicom+json"}
    request = urllib.request.Request(server.web + "/studies", data=parts + b"--B--", headers=heads)

    def send():
        with urllib.request.urlopen(request, timeout=600) as answer:
            assert answer.status == 200, answer.status
            answer.read()

    return timed(send)


def measure(server, slices, small, posted, uids):
    """Every row of one server."""
    study, series = uids
    rows = {"cold start to the first answer, ms": 1000 * server.started}
    time.sleep(1)
    rows["resident memory idle, MB"] = resident_mb(server.process)
    count = len(list(slices.iterdir()))
    rows[f"C-STORE, storescu, {count} CT slices of 512 x 512, objects/s"] = count / storescu(server, slices)
    few = len(list(small.iterdir()))
    rows[f"C-STORE, storescu, {few} objects of 32 x 32, objects/s"] = few / storescu(server, small)
    many = len(list(posted.iterdir()))
    rows[f"STOW-RS, one request of {many} CT slices, objects/s"] = many / stow(server, posted)

    def whole(body):
        assert len(json.loads(body)) == count

    base = f"{server.web}/studies/{study}/series/{series}"
    rows[f"/metadata of {count} slices, ms"] = median_ms(f"{base}/metadata", "application/dicom+json", whole)
    rows[f"QIDO-RS, {count} instances, ms"] = median_ms(f"{base}/instances", "application/dicom+json", whole)
    first = pydicom.dcmread(sorted(slices.iterdir())[count // 2], stop_before_pixels=True)
    picture = f"{base}/instances/{first.SOPInstanceUID}/frames/1/rendered"
    rows["rendered frame as JPEG, ms"] = median_ms(picture, "image/jpeg", lambda body: None)
    rows["rendered frame as PNG, ms"] = median_ms(picture, "image/png", lambda body: None)
    raw = f"{base}/instances/{first.SOPInstanceUID}/frames/1"
    accept = 'multipart/related; type="application/octet-stream"'
    rows["raw frame, ms"] = median_ms(raw, accept, lambda body: None)
    rows["resident memory afterwards, MB"] = resident_mb(server.process)
    return rows


def table(ours, theirs, version):
    """The rows as Markdown; a ratio above 1 is in our favor."""
    lines = [f"| | wilhelm | Orthanc {version} | ratio |", "|---|---:|---:|---:|"]
    for name, mine in ours.items():
        other = theirs[name]
        ratio = mine / other if "objects/s" in name else other / mine
        lines.append(f"| {name} | {mine:.1f} | {other:.1f} | {ratio:.1f} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--slices", type=int, default=300)
    parser.add_argument("--small", type=int, default=1000)
    parser.add_argument("--into")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as place:
        place = pathlib.Path(place)
        uids = write_series(place / "slices", arguments.slices, 512, 1)
        write_series(place / "small", arguments.small, 32, 2)
        write_series(place / "posted", 100, 512, 3)
        folders = place / "slices", place / "small", place / "posted"
        with Ours(arguments.program, place / "ours") as server:
            ours = measure(server, *folders, uids)
        with Orthanc(place / "theirs") as server:
            theirs = measure(server, *folders, uids)
            version = server.version
    text = table(ours, theirs, version)
    print(text)
    if arguments.into:
        path = pathlib.Path(arguments.into)
        document = path.read_text()
        head, rest = document.split(BEGIN)
        _, tail = rest.split(END)
        path.write_text(f"{head}{BEGIN}\n{text}\n{END}{tail}")


main()
