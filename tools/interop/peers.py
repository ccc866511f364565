"""The archive among scanners and information systems: worklist, HL7, storage commitment, and other archives asked.

    peers.py PROGRAM

PROGRAM is `wilhelm`, or the example `archive` of crates/server (with the example `ask` beside it). dcmtk's `findscu -W` and pynetdicom
ask the worklist that messages made; pynetdicom has storage promised on its own association and on one of ours, before and after a
restart; Debian's Orthanc is asked, and gives and moves its objects. Needs pydicom, pynetdicom, dcmtk, and Orthanc.
"""

import json
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian, generate_uid
from pynetdicom import AE, build_role, evt
from pynetdicom.sop_class import (
    CTImageStorage,
    ModalityWorklistInformationFind,
    SecondaryCaptureImageStorage,
    StorageCommitmentPushModel,
    StorageCommitmentPushModelInstance,
)

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import synthetic  # noqa: E402
from served import Served, free_port  # noqa: E402


def step(name):
    """Prints a line for what has just been found to be so."""
    print(f"ok  {name}", flush=True)


class Sender:
    """A connection that HL7 messages go over."""

    def __init__(self, port):
        self.line = socket.create_connection(("127.0.0.1", port), timeout=60)

    def send(self, text, letters="utf-8"):
        message = text.strip().replace("\n", "\r") + "\r"
        self.line.sendall(b"\x0b" + message.encode(letters) + b"\x1c\r")
        answer = b""
        while not answer.endswith(b"\x1c\r"):
            piece = self.line.recv(4096)
            assert piece, "the archive hung up"
            answer += piece
        return answer[1:-2].decode()


ORDER = """MSH|^~\\&|RIS|HOSP|WILHELM||20260704120000||ORM^O01^ORM_O01|M1|P|2.5.1||||||UNICODE UTF-8
PID|1||P1^^^HOSP^PI||Müller^Hans||19600229|M
PV1|1|I|WARD^2^3|||||77^Roe^Richard
ORC|NW|A1^RIS|F1^PACS||SC||1^^^20260705093000^^R
OBR|1|A1|F1|CTHEAD^CT head^L^P5^Head plain^L||||||||||||88^Poe^Edgar||ACC1|RP1|SPS1|CT1|||CT"""

IMAGING = """MSH|^~\\&|RIS|HOSP|WILHELM||20260704120000||OMI^O23^OMI_O23|M2|P|2.5.1
PID|1||P2^^^HOSP^PI||Doe^Jane||19700101|F
ORC|NW|A2^RIS|F2^PACS
TQ1|1||||||20260706140000||S
OBR|1|A2|F2|MRKNEE^MR knee^L
IPC|ACC2|RP2|1.2.826.0.1.3680043.8.498.2|SPS2|MR|P6^Knee plain^L|||MR1"""


def identifier(station="", modality="", date=""):
    """What a scanner asks."""
    asked, item = Dataset(), Dataset()
    asked.PatientName = asked.PatientID = asked.AccessionNumber = asked.StudyInstanceUID = ""
    asked.RequestedProcedureDescription = ""
    item.ScheduledStationAETitle, item.Modality = station, modality
    item.ScheduledProcedureStepStartDate, item.ScheduledProcedureStepStartTime = date, ""
    item.ScheduledProcedureStepID = item.ScheduledProcedureStepDescription = ""
    item.ScheduledProtocolCodeSequence = []
    asked.ScheduledProcedureStepSequence = [item]
    return asked


def worklist(served):
    sender = Sender(served.hl7_port)
    for message in (ORDER, IMAGING):
        answer = sender.send(message)
        assert "MSA|AA|" in answer, answer
    step("HL7 ORM^O01 and OMI^O23 are taken")
    for keys, expected in (
        (("ScheduledProcedureStepSequence[0].Modality=CT",), 1),
        (("ScheduledProcedureStepSequence[0].ScheduledStationAETitle=MR1",), 1),
        (("ScheduledProcedureStepSequence[0].ScheduledProcedureStepStartDate=20260705-20260706",), 2),
        (("ScheduledProcedureStepSequence[0].ScheduledProcedureStepStartDate=20260707-",), 0),
        (("PatientName=doe*", "ScheduledProcedureStepSequence[0].Modality"), 1),
    ):
        command = ["findscu", "-v", "-W", "-aec", "WILHELM"]
        for key in keys:
            command += ["-k", key]
        done = subprocess.run([*command, served.host, str(served.port)], capture_output=True, text=True, timeout=120)
        text = done.stdout + done.stderr
        found = text.count("Find Response:")
        assert done.returncode == 0 and found == expected, f"{keys}: {found}, expected {expected}\n{text}"
    step("dcmtk findscu -W: by modality, station, dates, name")
    ae = AE(ae_title="CT1")
    ae.add_requested_context(ModalityWorklistInformationFind)
    association = ae.associate(served.host, served.port)
    assert association.is_established

    def ask(asked):
        return [data for status, data in association.send_c_find(asked, ModalityWorklistInformationFind) if data]

    (answer,) = ask(identifier("CT1", "CT", "20260701-20260731"))
    item = answer.ScheduledProcedureStepSequence[0]
    assert str(answer.PatientName) == "Müller^Hans" and answer.AccessionNumber == "ACC1", answer
    assert item.ScheduledProcedureStepStartTime == "093000" and item.ScheduledProcedureStepID == "SPS1", answer
    assert item.ScheduledProtocolCodeSequence[0].CodeValue == "P5" and answer.StudyInstanceUID.startswith("2.25."), answer
    assert len(ask(identifier())) == 2 and not ask(identifier("US1"))
    association.release()
    step("pynetdicom: the step with its codes, in UTF-8")
    answer = sender.send(ORDER.replace("ORC|NW", "ORC|CA"))
    assert "MSA|AA|" in answer, answer
    answer = sender.send(ORDER.replace("ORC|NW", "ORC|XO"))
    assert "MSA|AE|M1|the order was canceled" in answer and "ller" not in answer, answer
    step("a canceled order is gone, and stays so")


def small(number):
    """A small object."""
    base = synthetic.template(16)
    return pydicom.dcmread(pydicom.filebase.DicomBytesIO(synthetic.made(base, 7, 0, number)))


def store(served, objects):
    ae = AE(ae_title="SCANNER")
    ae.add_requested_context(SecondaryCaptureImageStorage, "1.2.840.10008.1.2.1")
    association = ae.associate(served.host, served.port)
    for data in objects:
        assert association.send_c_store(data).Status == 0
    association.release()


def request(objects):
    """An identifier for a promise of these (class, instance)."""
    asked = Dataset()
    asked.TransactionUID = generate_uid()
    asked.ReferencedSOPSequence = []
    for kind, uid in objects:
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = kind, uid
        asked.ReferencedSOPSequence.append(item)
    return asked


class Reports:
    """Event reports as they come."""

    def __init__(self):
        self.come, self.got = threading.Event(), []

    def handle(self, event):
        self.got.append((event.event_type, event.event_information))
        self.come.set()
        return 0, None

    def wait(self, seconds):
        assert self.come.wait(seconds), "no event report came"
        self.come.clear()
        return self.got[-1]


def ask_promise(served, title, objects, reports=None):
    ae = AE(ae_title=title)
    ae.add_requested_context(StorageCommitmentPushModel)
    handlers = [(evt.EVT_N_EVENT_REPORT, reports.handle)] if reports else []
    association = ae.associate(served.host, served.port, evt_handlers=handlers)
    assert association.is_established
    asked = request(objects)
    status, _ = association.send_n_action(asked, 1, StorageCommitmentPushModel, StorageCommitmentPushModelInstance)
    assert status and status.Status == 0, status
    found = reports.wait(60) if reports else None
    association.release()
    return asked, found


def check(asked, found, kept, reasons):
    event, data = found
    assert data.TransactionUID == asked.TransactionUID
    assert len(data.get("ReferencedSOPSequence", [])) == kept, data
    assert sorted(item.FailureReason for item in data.get("FailedSOPSequence", [])) == sorted(reasons), data
    assert event == (2 if reasons else 1), event


def commitment(program, place):
    port = free_port()
    folder = place / "promises"
    peers = [f"SCANNER@127.0.0.1:{port}"]
    objects = [small(number) for number in range(3)]
    named = [(data.SOPClassUID, data.SOPInstanceUID) for data in objects]
    with Served(program, folder, peers=peers) as served:
        store(served, objects)
        reports = Reports()
        asked, found = ask_promise(served, "STRANGER", named, reports)
        check(asked, found, 3, [])
        step("pynetdicom: storage promised on its own association")
        wrong = [*named, (CTImageStorage, named[0][1]), (CTImageStorage, "1.2.3.4")]
        asked, found = ask_promise(served, "STRANGER", wrong, reports)
        check(asked, found, 3, [0x0119, 0x0112])
        step("pynetdicom: what is not there, or of another class, is not promised")
        ae = AE(ae_title="SCANNER")
        ae.add_supported_context(StorageCommitmentPushModel, scu_role=False, scp_role=True)
        ae.add_supported_context(StorageCommitmentPushModel, ImplicitVRLittleEndian, scu_role=True, scp_role=True)
        listener = ae.start_server(("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_N_EVENT_REPORT, reports.handle)])
        asked, _ = ask_promise(served, "SCANNER", named)
        check(asked, reports.wait(60), 3, [])
        step("pynetdicom: storage promised on an association of ours")
        listener.shutdown()
        asked, _ = ask_promise(served, "SCANNER", named)
        time.sleep(1)
    with Served(program, folder, peers=peers):
        listener = ae.start_server(("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_N_EVENT_REPORT, reports.handle)])
        check(asked, reports.wait(90), 3, [])
        listener.shutdown()
        step("a promise that could not be delivered outlives the archive's restart")


class Orthanc:
    """Debian's Orthanc, which knows one peer."""

    def __init__(self, folder, title, port):
        folder.mkdir()
        self.port, http = free_port(), free_port()
        config = {
            "StorageDirectory": str(folder / "storage"),
            "IndexDirectory": str(folder / "index"),
            "HttpPort": http,
            "DicomPort": self.port,
            "DicomAet": "ORTHANC",
            "DicomAlwaysAllowFind": True,
            "DicomAlwaysAllowGet": True,
            "DicomAlwaysAllowMove": True,
            "RemoteAccessAllowed": False,
            "DicomModalities": {"peer": [title, "127.0.0.1", port]},
        }
        (folder / "orthanc.json").write_text(json.dumps(config))
        self.log = (folder / "log").open("w")
        self.process = subprocess.Popen(["Orthanc", str(folder / "orthanc.json")], stdout=self.log, stderr=self.log)
        self.http = f"http://127.0.0.1:{http}"
        for _ in range(600):
            try:
                with urllib.request.urlopen(self.http + "/system") as answer:
                    self.version = json.load(answer)["Version"]
                return
            except OSError:
                time.sleep(0.1)
        raise SystemExit("Orthanc does not answer")

    def take(self, data):
        urllib.request.urlopen(urllib.request.Request(self.http + "/instances", data=data)).read()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(60)
        self.log.close()


def asking(program, served, place):
    if shutil.which("Orthanc") is None:
        print("skipped: Orthanc is not there; apt-get install orthanc brings it")
        return
    asker = program if program.name == "wilhelm" else program.with_name("ask_archive")
    base = synthetic.template(16)
    its = synthetic.identifiers(3, 0, 0)
    with Orthanc(place / "orthanc", "WILHELM", served.port) as orthanc:
        for number in range(4):
            orthanc.take(synthetic.made(base, 3, 0, number))
        peer = f"ORTHANC@127.0.0.1:{orthanc.port}"

        def run(*arguments, expect=0):
            done = subprocess.run([str(asker), *arguments, "--json"], capture_output=True, text=True, timeout=120)
            assert done.returncode == expect, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
            return json.loads(done.stdout) if expect == 0 else done.stderr

        answers = run("query", peer)["answers"]
        assert [answer["study"] for answer in answers] == [its["study"]], answers
        assert answers[0]["patient_name"] == its["name"], answers
        step(f"Orthanc {orthanc.version} is asked")
        got = place / "got"
        got.mkdir()
        answer = run("retrieve", peer, "--study", its["study"], "--out", str(got))
        files = [pydicom.dcmread(path) for path in sorted(got.iterdir())]
        assert answer["completed"] == len(files) == 4 and all(len(data.PixelData) == 256 for data in files), answer
        step("Orthanc gives 4 objects by C-GET")
        answer = run("retrieve", peer, "--study", its["study"], "--to", "WILHELM")
        assert answer["completed"] == 4 and answer["failed"] == 0, answer
        with urllib.request.urlopen(f"{served.web}/studies/{its['study']}/instances") as answer:
            assert len(json.load(answer)) == 4
        step("Orthanc moves them into this archive")
        run("retrieve", peer, "--study", its["study"], "--to", "NOBODY", expect=3 if program.name == "wilhelm" else 1)
        step("a destination that Orthanc does not know is an error")


def main():
    program = pathlib.Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as place:
        place = pathlib.Path(place)
        with Served(program, place / "archive", hl7="127.0.0.1:0") as served:
            worklist(served)
            asking(program, served, place)
        commitment(program, place)


main()
