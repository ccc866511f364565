"""The archive used by others: dcmtk, pynetdicom, dicomweb-client and plain HTTP, with every file of dicom_conformance.

    archive.py PROGRAM [FOLDER_OF_DICOM_FILES]

PROGRAM is `wilhelm`, or the example `archive` of crates/server. What is expected comes from pydicom's reading of the files.
"""

import io
import json
import pathlib
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import warnings

import numpy
import pydicom
from dicomweb_client.api import DICOMwebClient
from PIL import Image
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, StoragePresentationContexts, build_role, evt
from pynetdicom.sop_class import (
    PatientRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
    Verification,
)

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from served import Served, free_port  # noqa: E402

# Crooked files are in the set on purpose.
warnings.simplefilter("ignore")
DONE = []


def step(name):
    """Prints a line for what has just been found to be so."""
    DONE.append(name)
    print(f"ok  {name}", flush=True)


def conformance(folder):
    """Files that pydicom reads and that say what they are, one for each SOP Instance UID."""
    found = {}
    for path in sorted(pathlib.Path(folder).rglob("*")):
        if not path.is_file() or path.read_bytes()[128:132] != b"DICM":
            continue
        try:
            data = pydicom.dcmread(path)
            uids = [str(data.SOPInstanceUID), str(data.StudyInstanceUID), str(data.SeriesInstanceUID)]
            json.dumps(data.to_json_dict(bulk_data_threshold=1 << 40, suppress_invalid_tags=True))
        except Exception:  # noqa: BLE001 - crooked files are the readers' tests
            continue
        if all(uids) and data.get("SOPClassUID") and uids[0] not in found:
            found[uids[0]] = (path, data)
    return found


def get(url, accept=None, expect=200):
    """Status, heads and body of a GET."""
    request = urllib.request.Request(url, headers={"Accept": accept} if accept else {})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            status, heads, body = answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        status, heads, body = error.code, error.headers, error.read()
    assert status == expect, f"{url}: {status}, expected {expect}: {body[:300]!r}"
    return heads, body


def run(*command, expect=0):
    """Runs a tool of dcmtk."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=300)
    assert done.returncode == expect, f"{command[0]}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def values(attribute):
    """Values of the JSON Model as text, for comparison; bulk values and sequences by their presence."""
    if attribute["vr"] in ("OB", "OW", "OF", "OD", "OL", "OV", "UN", "SQ"):
        return None
    out = []
    for value in attribute.get("Value", []):
        if value is None:
            out.append("")
        elif isinstance(value, dict):
            groups = [value.get(key, "") for key in ("Alphabetic", "Ideographic", "Phonetic")]
            out.append("=".join(groups).rstrip("="))
        elif isinstance(value, (int, float)):
            # pydicom writes a single float with the digits of a double.
            out.append(f"{float(value):.{6 if attribute['vr'] == 'FL' else 9}g}")
        else:
            try:
                number = attribute["vr"] in ("DS", "IS")
                out.append(f"{float(value):.9g}" if number else str(value).strip())
            except ValueError:
                out.append(str(value).strip())
    while out and out[-1] == "":
        out.pop()
    return out


def compare_metadata(files, served):
    """Every attribute of every object against pydicom's JSON."""
    compared = differing = 0
    worst = []
    for uid, (path, data) in files.items():
        url = f"{served.web}/studies/{data.StudyInstanceUID}/series/{data.SeriesInstanceUID}/instances/{uid}/metadata"
        _, body = get(url)
        ours = json.loads(body)[0]
        theirs = data.to_json_dict(bulk_data_threshold=1 << 40, suppress_invalid_tags=True)
        for tag, attribute in theirs.items():
            # Group lengths are not in the JSON Model (PS3.18 F.2.2), and trailing padding says nothing.
            if tag.endswith("0000") or tag == "FFFCFFFC":
                continue
            compared += 1
            mine = ours.get(tag)
            if mine is None or mine["vr"] != attribute["vr"] or values(mine) != values(attribute):
                differing += 1
                worst.append((path.name, tag, attribute["vr"], values(attribute)[:6], mine and values(mine)[:6]))
    return compared, differing, worst


def dcmtk(served, files, folder):
    """C-ECHO, C-STORE, C-FIND, C-MOVE and C-GET by dcmtk's tools."""
    run("echoscu", "-aec", "WILHELM", served.host, served.port)
    step("dcmtk echoscu")
    uncompressed = [
        path
        for path, data in files.values()
        if data.file_meta.TransferSyntaxUID in (ImplicitVRLittleEndian, ExplicitVRLittleEndian)
    ]
    # storescu proposes at most 128 contexts and stops at what it does not know: one file at a time says which.
    sent = 0
    for path in uncompressed:
        done = subprocess.run(
            ["storescu", "-R", "-aec", "WILHELM", served.host, str(served.port), str(path)],
            capture_output=True,
            text=True,
            timeout=120,
        )
        sent += done.returncode == 0
    assert sent > 0.9 * len(uncompressed), f"storescu sent {sent} of {len(uncompressed)}"
    step(f"dcmtk storescu: {sent} of {len(uncompressed)} uncompressed files")
    text = run(
        "findscu", "-v", "-S", "-aec", "WILHELM", "-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID",
        "-k", "PatientName", served.host, served.port,
    )
    with urllib.request.urlopen(served.http + "/health") as answer:
        studies = json.load(answer)["studies"]
    found = text.count("Find Response:")
    assert found == studies, f"findscu: {found} responses, expected {studies}"
    step(f"dcmtk findscu: {found} studies")
    data = next(data for path, data in files.values() if path in uncompressed and data.get("Modality") == "CT")
    uid = str(data.StudyInstanceUID)
    moved = folder / "moved"
    moved.mkdir()
    run(
        "movescu", "-S", "-aet", "MOVER", "-aem", "MOVER", "-aec", "WILHELM", "+P", served.mover, "-od", moved,
        "-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={uid}", served.host, served.port,
    )
    count = len(list(moved.iterdir()))
    expected = sum(1 for path, other in files.values() if path in uncompressed and other.StudyInstanceUID == uid)
    assert count == expected, f"movescu: {count} files, expected {expected}"
    step(f"dcmtk movescu: {count} files")
    got = folder / "got"
    got.mkdir()
    run(
        "getscu", "-S", "-aec", "WILHELM", "-od", got, "-k", "QueryRetrieveLevel=STUDY", "-k",
        f"StudyInstanceUID={uid}", served.host, served.port,
    )
    for path in got.iterdir():
        there = pydicom.dcmread(path)
        original = files[str(there.SOPInstanceUID)][1]
        assert there.get("PixelData") == original.get("PixelData")
    # getscu proposes no more than 128 of the storage classes.
    images = sum(
        1
        for path, other in files.values()
        if path in uncompressed and other.StudyInstanceUID == uid and other.SOPClassUID == data.SOPClassUID
    )
    count = len(list(got.iterdir()))
    assert images <= count <= expected, f"getscu: {count} files, expected {images} to {expected}"
    step(f"dcmtk getscu: {count} files with the same pixels")


def entity():
    """An application entity that is patient with a busy machine."""
    ae = AE(ae_title="PYNET")
    ae.dimse_timeout = ae.network_timeout = ae.acse_timeout = 240
    return ae


def pynetdicom(served, files):
    """Verification, storage in the objects' own transfer syntaxes, queries and retrieval by pynetdicom."""
    ae = entity()
    ae.add_requested_context(Verification)
    association = ae.associate(served.host, served.port, ae_title="WILHELM")
    assert association.is_established and association.send_c_echo().Status == 0
    association.release()
    statuses = {}
    for uid, (path, data) in files.items():
        ae = entity()
        ae.add_requested_context(data.SOPClassUID, data.file_meta.TransferSyntaxUID)
        association = ae.associate(served.host, served.port)
        if not association.accepted_contexts:
            statuses[path.name] = "context refused"
            association.release()
            continue
        try:
            statuses[path.name] = association.send_c_store(data).Status
        except Exception as error:  # noqa: BLE001 - pynetdicom's own refusal
            statuses[path.name] = f"pynetdicom: {type(error).__name__}"
        association.release()
    kept = sum(status in (0, 0x0111) for status in statuses.values())
    others = {name: status for name, status in statuses.items() if status not in (0, 0x0111)}
    assert kept > 0.95 * len(statuses), others
    step(f"pynetdicom C-STORE: {kept} of {len(statuses)} files in their own transfer syntax; others {others}")
    data = next(
        data
        for _, data in files.values()
        if data.get("PatientName")
        and data.get("Modality") == "CT"
        and "PixelData" in data
        and not data.file_meta.TransferSyntaxUID.is_compressed
    )
    ae = entity()
    for model in (
        StudyRootQueryRetrieveInformationModelFind,
        PatientRootQueryRetrieveInformationModelFind,
        StudyRootQueryRetrieveInformationModelMove,
    ):
        ae.add_requested_context(model)
    association = ae.associate(served.host, served.port)
    query = pydicom.Dataset()
    query.QueryRetrieveLevel = "IMAGE"
    query.StudyInstanceUID = data.StudyInstanceUID
    query.SeriesInstanceUID = data.SeriesInstanceUID
    query.SOPInstanceUID = ""
    query.Rows = None
    answers = [
        answer
        for status, answer in association.send_c_find(query, StudyRootQueryRetrieveInformationModelFind)
        if answer is not None
    ]
    assert str(data.SOPInstanceUID) in [str(answer.SOPInstanceUID) for answer in answers]
    assert any(answer.Rows == data.Rows for answer in answers)
    step(f"pynetdicom C-FIND at IMAGE: {len(answers)} answers")
    query = pydicom.Dataset()
    query.QueryRetrieveLevel = "PATIENT"
    query.PatientName = "*"
    query.PatientID = ""
    count = sum(
        answer is not None
        for _, answer in association.send_c_find(query, PatientRootQueryRetrieveInformationModelFind)
    )
    assert count > 1
    step(f"pynetdicom C-FIND at PATIENT: {count} answers")
    query = pydicom.Dataset()
    query.QueryRetrieveLevel = "STUDY"
    query.StudyInstanceUID = data.StudyInstanceUID
    unknown = [
        status.Status
        for status, _ in association.send_c_move(query, "NOBODY", StudyRootQueryRetrieveInformationModelMove)
    ]
    assert unknown == [0xA801], unknown
    step("pynetdicom C-MOVE to an unknown title: A801")
    association.release()
    received = []
    ae = entity()
    ae.add_requested_context(StudyRootQueryRetrieveInformationModelGet)
    ae.add_requested_context(data.SOPClassUID)
    role = build_role(data.SOPClassUID, scp_role=True)
    handlers = [(evt.EVT_C_STORE, lambda event: received.append(event.dataset) or 0)]
    association = ae.associate(served.host, served.port, ext_neg=[role], evt_handlers=handlers)
    # One object: its series holds objects of other classes, for which nothing was agreed.
    query = pydicom.Dataset()
    query.QueryRetrieveLevel = "IMAGE"
    query.StudyInstanceUID = data.StudyInstanceUID
    query.SeriesInstanceUID = data.SeriesInstanceUID
    query.SOPInstanceUID = data.SOPInstanceUID
    last = [status.Status for status, _ in association.send_c_get(query, StudyRootQueryRetrieveInformationModelGet)][-1]
    association.release()
    assert last == 0 and received, f"{last:04X}, {len(received)} received"
    step(f"pynetdicom C-GET: {len(received)} received")
    # Implicit where the object is explicit, or the other way: the archive writes it anew.
    again = []
    other = (
        ImplicitVRLittleEndian
        if data.file_meta.TransferSyntaxUID != ImplicitVRLittleEndian
        else ExplicitVRLittleEndian
    )
    ae = entity()
    ae.add_requested_context(StudyRootQueryRetrieveInformationModelGet)
    ae.add_requested_context(data.SOPClassUID, other)
    handlers = [(evt.EVT_C_STORE, lambda event: again.append(event.dataset) or 0)]
    association = ae.associate(served.host, served.port, ext_neg=[role], evt_handlers=handlers)
    last = [status.Status for status, _ in association.send_c_get(query, StudyRootQueryRetrieveInformationModelGet)][-1]
    association.release()
    pixels = {str(one.SOPInstanceUID): one.PixelData for one in again}
    assert last == 0 and pixels[str(data.SOPInstanceUID)] == data.PixelData
    step("pynetdicom C-GET in another transfer syntax than stored: the same pixels")


def web(served, files):
    """DICOMweb by dicomweb-client."""
    client = DICOMwebClient(url=served.web)
    studies = client.search_for_studies(limit=500)
    assert len(studies) > 5
    step(f"dicomweb-client search_for_studies: {len(studies)}")
    data = next(
        data
        for _, data in files.values()
        if data.get("Modality") == "CT" and "PixelData" in data and not data.file_meta.TransferSyntaxUID.is_compressed
    )
    study, series, uid = str(data.StudyInstanceUID), str(data.SeriesInstanceUID), str(data.SOPInstanceUID)
    assert client.search_for_series(study)
    one = client.search_for_instances(study, series, search_filters={"SOPInstanceUID": uid}, fields=["SliceThickness"])
    assert len(one) == 1 and ("00180050" in one[0]) == ("SliceThickness" in data)
    step("dicomweb-client search_for_series, search_for_instances with includefield")
    named = client.search_for_studies(search_filters={"PatientName": str(data.PatientName)[:3] + "*"})
    assert study in [item["0020000D"]["Value"][0] for item in named]
    step("dicomweb-client search by a name with a wildcard")
    back = client.retrieve_instance(study, series, uid)
    assert back.PixelData == data.PixelData and back.PatientName == data.PatientName
    assert any(item.SOPInstanceUID == uid for item in client.retrieve_series(study, series))
    assert any(item.SOPInstanceUID == uid for item in client.retrieve_study(study))
    step("dicomweb-client retrieve_instance, retrieve_series, retrieve_study")
    metadata = client.retrieve_series_metadata(study, series)
    bulk = next(item for item in metadata if item["00080018"]["Value"][0] == uid)["7FE00010"]["BulkDataURI"]
    assert b"".join(client.retrieve_bulkdata(bulk)) == data.PixelData
    step("dicomweb-client retrieve_series_metadata, retrieve_bulkdata")
    # Frames against pydicom, native and compressed.
    counts = {"native": 0, "as stored": 0, "decoded": 0}
    for uid, (path, data) in files.items():
        if "PixelData" not in data or data.get("BitsAllocated") not in (8, 16):
            continue
        base = f"{served.web}/studies/{data.StudyInstanceUID}/series/{data.SeriesInstanceUID}/instances/{uid}"
        syntax = data.file_meta.TransferSyntaxUID
        if syntax in (ExplicitVRLittleEndian, ImplicitVRLittleEndian):
            frames = int(data.get("NumberOfFrames") or 1)
            length = len(data.PixelData) // frames
            bits = data.Rows * data.Columns * data.SamplesPerPixel * data.BitsAllocated
            if bits // 8 > length:
                continue
            _, body = get(f"{base}/frames/{frames}", "application/octet-stream")
            start = bits // 8 * (frames - 1)
            assert body == data.PixelData[start : start + bits // 8], path
            counts["native"] += 1
        elif syntax.is_encapsulated and syntax != pydicom.uid.RLELossless:
            try:
                wanted = pydicom.encaps.get_frame(data.PixelData, 0, number_of_frames=int(data.get("NumberOfFrames") or 1))
                array = data.pixel_array
            except Exception:  # noqa: BLE001 - pydicom has no codec for it here
                continue
            heads, body = get(f"{base}/frames/1", 'multipart/related; type="application/octet-stream"; transfer-syntax=*')
            boundary = heads["Content-Type"].split("boundary=")[1]
            part = body.split(b"\r\n\r\n", 1)[1].rsplit(f"\r\n--{boundary}--".encode(), 1)[0]
            assert part == wanted, f"{path}: {len(part)} bytes, expected {len(wanted)}"
            counts["as stored"] += 1
            if data.SamplesPerPixel == 1 and syntax in (
                pydicom.uid.JPEG2000Lossless,
                pydicom.uid.JPEGLSLossless,
                pydicom.uid.JPEGLosslessSV1,
            ):
                _, body = get(f"{base}/frames/1", "application/octet-stream")
                frame = array if array.ndim == 2 else array[0]
                there = numpy.frombuffer(body, frame.dtype.newbyteorder("<")).reshape(frame.shape)
                assert (there == frame).all(), path
                counts["decoded"] += 1
    step(f"frames against pydicom: {counts}")
    drawn = refused = 0
    for uid, (path, data) in files.items():
        if "PixelData" not in data:
            continue
        base = f"{served.web}/studies/{data.StudyInstanceUID}/series/{data.SeriesInstanceUID}/instances/{uid}"
        try:
            _, body = get(f"{base}/rendered", "image/png")
        except AssertionError as error:
            assert ": 422," in str(error), error
            refused += 1
            continue
        picture = Image.open(io.BytesIO(body))
        assert picture.size == (data.Columns, data.Rows), path
        drawn += 1
        _, body = get(f"{base}/thumbnail", "image/jpeg")
        assert max(Image.open(io.BytesIO(body)).size) <= 128
    assert drawn > 5 * refused
    step(f"rendered and thumbnail: {drawn} drawn, {refused} refused by name (422)")
    ours = rendered_by_hand(served, files)
    step(f"a CT's window drawn as PS3.3 C.11.2.1.2 says, {ours} pixels compared")
    stow(served, client, data)


def rendered_by_hand(served, files):
    """A window of 40/400 by the formula of PS3.3 Section C.11.2.1.2.1, in numpy."""
    data = next(
        data
        for _, data in files.values()
        if data.get("Modality") == "CT"
        and "PixelData" in data
        and data.PhotometricInterpretation == "MONOCHROME2"
        and not data.file_meta.TransferSyntaxUID.is_encapsulated
    )
    base = f"{served.web}/studies/{data.StudyInstanceUID}/series/{data.SeriesInstanceUID}"
    _, body = get(f"{base}/instances/{data.SOPInstanceUID}/rendered?window=40,400,linear", "image/png")
    picture = numpy.asarray(Image.open(io.BytesIO(body)))
    hu = data.pixel_array * float(data.get("RescaleSlope", 1)) + float(data.get("RescaleIntercept", 0))
    shade = numpy.clip(((hu - 39.5) / 399 + 0.5) * 255, 0, 255)
    assert numpy.abs(picture - shade).max() <= 0.51
    return picture.size


def stow(served, client, data):
    """STOW-RS by dicomweb-client, and what is refused."""
    copy = pydicom.dcmread(io.BytesIO(written(data)))
    copy.SOPInstanceUID = copy.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
    answer = client.store_instances([copy])
    assert len(answer.ReferencedSOPSequence) == 1
    assert client.retrieve_instance(
        str(copy.StudyInstanceUID), str(copy.SeriesInstanceUID), str(copy.SOPInstanceUID)
    ).SOPInstanceUID == copy.SOPInstanceUID
    step("dicomweb-client store_instances")

    def post(parts, path="/studies", kind="application/dicom"):
        body = b"".join(b"--X\r\nContent-Type: %s\r\n\r\n%s\r\n" % (kind.encode(), part) for part in parts) + b"--X--"
        heads = {"Content-Type": f'multipart/related; type="{kind}"; boundary=X'}
        request = urllib.request.Request(served.web + path, data=body, headers=heads)
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    whole = written(copy)
    assert post([whole])[0] == 200
    copy.PatientID = "OTHER"
    status, body = post([written(copy)])
    assert status == 409 and json.loads(body)["00081198"]["Value"][0]["00081197"]["Value"] == [0x0111]
    copy.SOPInstanceUID = copy.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
    status, body = post([written(copy), whole[:-100], b"no dicom"])
    answer = json.loads(body)
    assert status == 202 and len(answer["00081199"]["Value"]) == 1 and len(answer["00081198"]["Value"]) == 2
    status, body = post([whole], "/studies/1.2.3")
    assert status == 409 and json.loads(body)["00081198"]["Value"][0]["00081197"]["Value"] == [0xA900]
    assert post([b"{}"], kind="application/dicom+json")[0] == 415
    assert post([])[0] in (400, 409)
    step("STOW-RS: 200, 202, 409 and 415, each with its reasons")
    for path, expected in [
        ("/studies/1.2.3/metadata", 404),
        ("/studies/1.2.3", 404),
        ("/studies/..%2f..%2fetc/metadata", 400),
        ("/studies?PatientBirthDate=yesterday", 400),
        ("/studies?Nonsense=1", 400),
        ("/nowhere", 404),
    ]:
        _, body = get(served.web + path, expect=expected)
        assert "detail" in json.loads(body)
    get(served.web + "/studies", "text/html", expect=406)
    request = urllib.request.Request(served.http + "/health", headers={"Host": "evil.example"})
    try:
        urllib.request.urlopen(request)
        raise AssertionError("a foreign name was answered")
    except urllib.error.HTTPError as error:
        assert error.code == 421
    step("refusals: 400, 404, 406 and 421, each a sentence")
    _, page = get(served.http + "/")
    assert b"<table>" in page and b"Research software" in page
    get(f"{served.http}/study/{data.StudyInstanceUID}")
    step("the page of studies and that of a study")


def written(data):
    """The bytes of a file."""
    out = io.BytesIO()
    data.save_as(out, enforce_file_format=True)
    return out.getvalue()


def main():
    program, folder = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "../shared/data/dicom_conformance"
    files = conformance(folder)
    if not files:
        print(f"skipped: no DICOM files below {folder}")
        return
    mover = free_port()
    with tempfile.TemporaryDirectory() as place:
        place = pathlib.Path(place)
        with Served(program, place / "archive", [f"MOVER@127.0.0.1:{mover}"]) as served:
            served.mover = mover
            dcmtk(served, files, place)
            pynetdicom(served, files)
            there = {}
            for uid, (path, data) in files.items():
                url = f"{served.web}/instances?SOPInstanceUID={uid}"
                _, body = get(url)
                found = json.loads(body)
                if found and found[0]["0020000D"]["Value"] == [str(data.StudyInstanceUID)]:
                    there[uid] = (path, data)
            compared, differing, worst = compare_metadata(there, served)
            assert differing < 0.002 * compared, worst[:40]
            step(f"metadata against pydicom: {compared} attributes of {len(there)} files, {differing} differ: {worst[:8]}")
            web(served, there)
        # The same archive again: nothing was lost, and it stopped in order.
        with Served(program, place / "archive") as served:
            _, body = get(f"{served.http}/health")
            assert json.loads(body)["instances"] >= len(there)
            step(f"opened again in {served.started_ms} ms")
    print(f"{len(DONE)} steps done")


main()
