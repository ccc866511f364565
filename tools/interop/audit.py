"""Reads an exported audit log with fhir.resources, and the log itself with Python's own hashes.

Usage: python tools/interop/audit.py FOLDER
FOLDER comes from `cargo run --release -p wilhelm-privacy --example write_audit FOLDER`.
"""

import hashlib
import hmac
import json
import pathlib
import sys

from fhir.resources.R4B.bundle import Bundle


def hkdf(key, salt, info):
    pseudo = hmac.new(salt, key, hashlib.sha256).digest()
    return hmac.new(pseudo, info + b"\x01", hashlib.sha256).digest()


def chain(folder, key):
    """Follows hashes and HMACs as docs/privacy.md describes them, and gives the entries."""
    entry_key, head_key = (hkdf(key, b"wilhelm audit 1", purpose) for purpose in (b"entry", b"head"))
    before, entries = "0" * 64, []
    for path in sorted(folder.glob("audit-*.jsonl")):
        for line in path.read_bytes().splitlines():
            entry = json.loads(line)
            body = line[: -len(',"mac":""}') - 64] + b"}"
            assert entry["sequence"] == len(entries) + 1, entry["sequence"]
            assert entry["before"] == before, entry["sequence"]
            assert entry["mac"] == hmac.new(entry_key, body, hashlib.sha256).hexdigest(), entry["sequence"]
            before = hashlib.sha256(line).hexdigest()
            entries.append(entry)
    head = json.loads((folder / "head.json").read_text())
    assert (head["sequence"], head["hash"]) == (len(entries), before)
    signed = f"{head['sequence']} {head['hash']}".encode()
    assert head["mac"] == hmac.new(head_key, signed, hashlib.sha256).hexdigest()
    return entries


def main():
    folder = pathlib.Path(sys.argv[1])
    entries = chain(folder / "log", bytes([1]) * 32)
    text = (folder / "audit.fhir.json").read_text()
    bundle = Bundle.model_validate_json(text)
    events = [entry.resource for entry in bundle.entry]
    assert len(events) == len(entries)
    codes = {"done": "0", "refused": "4", "failed": "8"}
    for event, entry in zip(events, entries):
        assert event.get_resource_type() == "AuditEvent"
        said = entry["event"]
        assert event.outcome == codes[said["outcome"]]
        assert event.subtype[0].code == said["action"]
        assert event.agent[0].requestor is True
        assert event.agent[0].who.identifier.value == said["actor"]["name"]
        assert event.recorded.isoformat().startswith(entry["at"][:19])
        reference = said["object"].get("reference")
        assert reference is None or event.entity[0].what.identifier.value == reference
        patient = said["object"].get("patient")
        assert patient is None or event.entity[1].what.identifier.value == patient
    assert "4711" not in text and all("4711" not in path.read_text() for path in (folder / "log").glob("audit-*.jsonl"))
    print(f"{len(events)} AuditEvents are valid R4 by fhir.resources; Python follows hashes, HMACs and checkpoint")


main()
