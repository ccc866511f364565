"""The archive killed in the middle of its work, over and over: what was acknowledged is there and whole afterwards.

    archive_kill.py PROGRAM [TIMES]

Three senders over DIMSE and one over HTTP; SIGKILL at a random moment; then every object that was acknowledged is asked for
and compared with what was sent, and every object that is shown is read to its end and compared too.
"""

import hashlib
import io
import json
import pathlib
import random
import sys
import tempfile
import threading
import urllib.request

import numpy
import pydicom
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid
from pynetdicom import AE

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from served import Served  # noqa: E402


def make(study, series, generator):
    """A small object with noise for pixels."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID, data.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    data.StudyInstanceUID, data.SeriesInstanceUID, data.PatientID = study, series, "KILL"
    data.PatientName, data.Modality, data.InstanceNumber = "Kill^Test", "OT", 1
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.Rows = data.Columns = size = int(generator.integers(8, 400))
    data.BitsAllocated = data.BitsStored = 8
    data.HighBit, data.PixelRepresentation = 7, 0
    data.PixelData = generator.integers(0, 256, size * size + size * size % 2, dtype=numpy.uint8).tobytes()
    return data


class Sender(threading.Thread):
    """Sends objects until the connection breaks; keeps what was sent and what was acknowledged."""

    def __init__(self, served, over_http, seed, ledger):
        super().__init__(daemon=True)
        self.served, self.over_http, self.ledger = served, over_http, ledger
        self.generator = numpy.random.default_rng(seed)
        self.study, self.series = generate_uid(), generate_uid()

    def run(self):
        try:
            if self.over_http:
                self.post()
            else:
                self.store()
        except Exception:  # noqa: BLE001 - killed in the middle is what this is about
            pass

    def store(self):
        ae = AE()
        ae.add_requested_context(SecondaryCaptureImageStorage, ExplicitVRLittleEndian)
        association = ae.associate(self.served.host, self.served.port)
        while association.is_established:
            data = make(self.study, self.series, self.generator)
            self.ledger.sent(data)
            status = association.send_c_store(data)
            if status and status.Status == 0:
                self.ledger.acknowledged(data)

    def post(self):
        while True:
            objects = [make(self.study, self.series, self.generator) for _ in range(5)]
            body = b""
            for data in objects:
                self.ledger.sent(data)
                out = io.BytesIO()
                data.save_as(out, enforce_file_format=True)
                body += b"--B\r\nContent-Type: application/dicom\r\n\r\n" + out.getvalue() + b"\r\n"
            heads = {"Content-Type": 'multipart/related; type="application/dicom"; boundary=B'}
            request = urllib.request.Request(self.served.web + "/studies", data=body + b"--B--", headers=heads)
            with urllib.request.urlopen(request) as answer:
                text = json.load(answer)
            kept = {item["00081155"]["Value"][0] for item in text["00081199"]["Value"]}
            for data in objects:
                if str(data.SOPInstanceUID) in kept:
                    self.ledger.acknowledged(data)


class Ledger:
    """What was sent, and what was acknowledged, by SOP Instance UID."""

    def __init__(self):
        self.lock = threading.Lock()
        self.all, self.kept = {}, set()

    def sent(self, data):
        with self.lock:
            self.all[str(data.SOPInstanceUID)] = hashlib.sha256(data.PixelData).digest()

    def acknowledged(self, data):
        with self.lock:
            self.kept.add(str(data.SOPInstanceUID))


def shown(served):
    """SOP Instance UID to address, of all that the archive shows."""
    found, offset = {}, 0
    while True:
        with urllib.request.urlopen(f"{served.web}/instances?limit=5000&offset={offset}") as answer:
            page = json.load(answer)
        for item in page:
            found[item["00080018"]["Value"][0]] = item["00081190"]["Value"][0]
        if len(page) < 5000:
            return found
        offset += 5000


def main():
    program, times = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 25
    chance = random.Random(20)
    ledger = Ledger()
    checked = set()
    halves = 0
    with tempfile.TemporaryDirectory() as place:
        folder = pathlib.Path(place) / "archive"
        for round_number in range(times):
            served = Served(program, folder)
            senders = [Sender(served, number == 3, 100 * round_number + number, ledger) for number in range(4)]
            for sender in senders:
                sender.start()
            threading.Event().wait(chance.uniform(0.1, 2.0))
            served.kill()
            for sender in senders:
                sender.join(2)
            halves += len(list((folder / "incoming").iterdir()))
            with Served(program, folder) as again:
                there = shown(again)
                lost = ledger.kept - set(there)
                assert not lost, f"round {round_number}: {len(lost)} acknowledged objects are gone"
                strangers = set(there) - set(ledger.all)
                assert not strangers, f"round {round_number}: {len(strangers)} objects that nobody sent"
                for uid in set(there) - checked:
                    request = urllib.request.Request(there[uid], headers={"Accept": "application/dicom"})
                    with urllib.request.urlopen(request) as answer:
                        data = pydicom.dcmread(io.BytesIO(answer.read()))
                    assert hashlib.sha256(data.PixelData).digest() == ledger.all[uid], f"{uid} is not what was sent"
                    checked.add(uid)
                assert not list((folder / "incoming").iterdir()), "half an object stayed"
        for path in (folder / "objects").rglob("*.dcm"):
            assert hashlib.sha256(path.read_bytes()).hexdigest() == path.stem, f"{path.name} holds other bytes"
        assert not list((folder / "quarantine").iterdir())
    print(
        f"killed {times} times: {len(ledger.all)} objects sent, {len(ledger.kept)} acknowledged and all there, "
        f"{len(checked)} shown and all whole, {halves} half written ones swept away"
    )


if __name__ == "__main__":
    main()
