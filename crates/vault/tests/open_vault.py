#!/usr/bin/env python3
"""Opens a vault with a key file, from docs/vault.md alone: open_vault.py VAULT KEY-FILE prints its secrets as JSON."""
import json
import struct
import sys
from hashlib import sha256

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KINDS = {0: "other", 1: "webhook", 2: "token", 3: "snmp", 4: "key", 5: "password"}


def derive(secret, salt, purpose):
    return HKDF(SHA256(), 32, salt, purpose).derive(secret)


def unseal(key, number, context, sealed):
    return AESGCM(key).decrypt(number.to_bytes(12, "big"), sealed, context)


def main(vault, key_file):
    file, key = open(vault, "rb").read(), open(key_file, "rb").read()
    magic, version, header_len, vault_id, _, salt, index_len, values_len, count = struct.unpack(">8sHI16sQ32sIIB", file[:79])
    assert magic == b"FOGVAULT" and version == 1, "no vault of format 1"
    assert len(file) == header_len + index_len + values_len, "cut off"
    header, at, root = file[:header_len], 79, None
    for _ in range(count):
        kind, start = file[at], at
        at += 2 + file[at + 1]  # kind, length of the label, label
        wrapper_salt = file[at + 8:at + 40]  # behind the time it was made
        at += 40 + (12 if kind == 3 else 0)  # a passphrase has three numbers for Argon2id
        if kind in (1, 2):
            try:
                wrapping = derive(key, wrapper_salt, b"fogbell vault 1 wrap")
                root = unseal(wrapping, 0, b"fogbell vault 1 wrap" + vault_id + file[start:at], file[at:at + 48])
            except Exception:
                pass  # another key's
        at += 48
    assert root, "the key does not fit"
    body = derive(root, salt, b"fogbell vault 1 body")
    index = unseal(body, 0, header, file[header_len:header_len + index_len])
    values, secrets = file[header_len + index_len:], {}
    assert index[:32] == sha256(values).digest(), "other values"
    at, place = 76, 0  # behind digest, time, key of fingerprints, number of secrets
    for number in range(1, int.from_bytes(index[72:76], "big") + 1):
        name = index[at + 1:at + 1 + index[at]]
        at += 1 + len(name)
        kind, _, _, _, length = struct.unpack(">BQQ8sI", index[at:at + 29])
        at += 29
        sealed = values[place:place + (length + 63) // 64 * 64 + 16]
        place += len(sealed)
        value = unseal(body, number, header + name, sealed)[:length]
        secrets[name.decode()] = {"kind": KINDS.get(kind, "unknown"), "hex": value.hex()}
    print(json.dumps(secrets))


main(*sys.argv[1:])
