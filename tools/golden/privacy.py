"""What argon2-cffi and Python's cryptography make of fixed keys: hashes of passwords, sealed files, wrapped keys, indexes.

    python3 -m pip install argon2-cffi==25.1.0 cryptography==50.0.2
    python3 tools/golden/privacy.py > testdata/privacy/golden.json

The forms are those of docs/privacy.md, written down here a second time without a look at the Rust code.
"""
import base64
import hashlib
import hmac
import importlib.metadata
import json
import sys

import argon2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

CHUNK = 65536
MAGIC = b"wilhelm sealed 1"


def bytes_of(seed, length):
    """Bytes that look random and are not."""
    return hashlib.shake_256(seed.encode()).digest(length)


def derive(key, salt, purpose):
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=salt, info=purpose).derive(key)


def wrap(key, salt, purpose, aad, secret):
    return AESGCM(derive(key, salt, purpose)).encrypt(bytes(12), secret, aad)


def sealed(master, key_id, salt, data_key, context, plain):
    header = MAGIC + key_id + salt + wrap(master, salt, b"wilhelm seal wrap 1", MAGIC + key_id, data_key)
    cipher = AESGCM(derive(data_key, b"", b"wilhelm seal payload 1"))
    chunks = [plain[at : at + CHUNK] for at in range(0, len(plain), CHUNK)] or [b""]
    body = b""
    for number, chunk in enumerate(chunks):
        is_last = number + 1 == len(chunks)
        nonce = number.to_bytes(11, "big") + bytes([is_last])
        body += cipher.encrypt(nonce, chunk, context)
    return header + body


def password_cases():
    costs = [(19456, 2, 1), (47104, 1, 1), (65536, 3, 4)]
    words = ["correct horse battery", "p\u00e4sswort mit \u4e2d\u6587", "x" * 200]
    for (memory, time, lanes), word in zip(costs, words):
        hasher = argon2.PasswordHasher(time_cost=time, memory_cost=memory, parallelism=lanes, hash_len=32, salt_len=16)
        yield {"password": word, "phc": hasher.hash(word, salt=bytes_of("salt " + word, 16))}


def seal_cases():
    for name, length in [("empty", 0), ("short", 21), ("one chunk", CHUNK), ("one more", CHUNK + 1), ("long", 3 * CHUNK - 5)]:
        master, key_id = bytes_of("master", 32), bytes_of("id", 8)
        salt, data_key = bytes_of("salt " + name, 32), bytes_of("data " + name, 32)
        plain = bytes((31 * at + (at >> 8)) & 255 for at in range(length))
        context = b"1.2.840.99." + name.encode()
        whole = sealed(master, key_id, salt, data_key, context, plain)
        yield {
            "name": name,
            "master": master.hex(),
            "key_id": key_id.hex(),
            "salt": salt.hex(),
            "data_key": data_key.hex(),
            "context": context.decode(),
            "plain_bytes": length,
            "sealed_bytes": len(whole),
            "sealed_sha256": hashlib.sha256(whole).hexdigest(),
        }


def cell_cases():
    master, key_id, index = bytes_of("master", 32), bytes_of("id", 8), bytes_of("index", 32)
    for column, row, value in [("patient_name", "17", "DOE^JANE"), ("patient_id", "18", "4711"), ("patient_name", "17", "")]:
        salt = bytes_of(f"cell {column} {row} {value}", 16)
        aad = column.encode() + b"\0" + row.encode()
        box = wrap(master, salt, b"wilhelm cell 1", aad, value.encode())
        blind = hmac.new(derive(index, b"wilhelm index 1", column.encode()), value.encode(), hashlib.sha256)
        yield {
            "master": master.hex(),
            "key_id": key_id.hex(),
            "index_key": index.hex(),
            "salt": salt.hex(),
            "column": column,
            "row": row,
            "value": value,
            "cell": f"1:{key_id.hex()}:" + base64.b64encode(salt + box).decode().rstrip("="),
            "index": blind.hexdigest()[:32],
        }


def root_cases():
    root, salt, secret = bytes_of("root", 32), bytes_of("root salt", 32), bytes_of("a master", 32)
    box = salt + wrap(root, salt, b"wilhelm root wrap 1", b"key 0123456789abcdef", secret)
    yield {
        "root": root.hex(),
        "label": "key 0123456789abcdef",
        "secret": secret.hex(),
        "wrapped": base64.b64encode(box).decode().rstrip("="),
    }


json.dump(
    {
        "versions": {name: importlib.metadata.version(name) for name in ["argon2-cffi", "cryptography"]},
        "argon2id": list(password_cases()),
        "sealed": list(seal_cases()),
        "cells": list(cell_cases()),
        "root": list(root_cases()),
    },
    sys.stdout,
    indent=1,
)
print()
