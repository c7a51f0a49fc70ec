#!/usr/bin/env python3
"""Check a deletion certificate, without the system that made it.

    python3 verify_certificate.py CERTIFICATE.zip [--key PEM] [--fingerprint HEX] [--heads TEXT]

Needs Python 3.9 or later and the package `cryptography`; opens no connection and changes nothing.
Take this file and the public key (or its fingerprint) from somewhere else than the certificate.

What is checked, in this order:
 1. certificate.json was signed with the key (Ed25519) and not changed since.
 2. The hashes of each chain's links are those that the certificate was made of.
 3. With --heads: the chains contain the heads that were published (at those positions).

Exit code 0: everything holds. 1: something does not, and is named. 2: it could not be checked.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
import zipfile
from pathlib import Path

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key
except ImportError:
    sys.exit("The Python package `cryptography` is missing: pip install cryptography")

FORMAT = "flashnode-deletion-1"
HEAD = re.compile(r"^\s*chain (\d+) position (\d+) sha256 ([0-9a-f]{64})\b", re.ASCII | re.M)


def check(archive: zipfile.ZipFile, options: argparse.Namespace) -> tuple[list[str], list[str]]:
    """What is wrong, and what was found. Raises ValueError for what is no certificate."""
    wrong: list[str] = []
    content = archive.read("certificate.json")
    pem = Path(options.key).read_bytes() if options.key else archive.read("public_key.pem")
    public = load_pem_public_key(pem)
    if not isinstance(public, Ed25519PublicKey):
        raise ValueError("the public key is not an Ed25519 key")
    fingerprint = hashlib.sha256(public.public_bytes_raw()).hexdigest()
    wanted = re.sub("[^0-9a-f]", "", (options.fingerprint or "").lower())
    if wanted and wanted != fingerprint:
        wrong.append(f"public key: its fingerprint is another one: {fingerprint}")
    try:
        public.verify(bytes.fromhex(archive.read("certificate.sig").decode().strip()), content)
    except (InvalidSignature, ValueError):
        return ["certificate.sig: is not the signature of certificate.json by this key"], []
    facts = json.loads(content)
    if facts.get("format") != FORMAT:
        raise ValueError(f"this program checks {FORMAT} only")
    found = [
        f"OK     signed by key {fingerprint}",
        f"OK     {facts['invoices']} invoices of {facts['tenant']['name']}, financial year "
        f"{facts['financial_year']['starts_on']}–{facts['financial_year']['ends_on']}",
    ]
    hashes = {}
    for chain in facts["chains"]:
        number, kept = chain["chain"], archive.read(f"hashes/{chain['chain']}.bin")
        hashes[number] = kept
        if hashlib.sha256(kept).hexdigest() != chain["hashes_sha256"]:
            wrong.append(f"hashes of chain {number}: are not those of the certificate")
        elif len(kept) != 32 * chain["links"] or kept[-32:].hex() != chain["last"]:
            wrong.append(f"chain {number}: does not end where the certificate says")
        else:
            found.append(f"OK     chain {number}: {chain['links']} links, head {chain['last']}")
    if options.heads:
        wrong += check_heads(Path(options.heads).read_text(encoding="utf-8"), hashes)
    if not (options.key or wanted):
        found.append("NOTE   The key came with the certificate: compare its fingerprint.")
    return wrong, found


def check_heads(text: str, hashes: dict[int, bytes]) -> list[str]:
    wrong, met = [], 0
    for chain, position, head in HEAD.findall(text):
        kept, at = hashes.get(int(chain)), 32 * int(position)
        if kept is None or at > len(kept):
            continue
        met += 1
        if kept[at - 32 : at].hex() != head:
            wrong.append(f"chain {chain} position {position}: is not the head that was published")
    return wrong if met else ["heads: none of the published heads is of these chains"]


def main() -> int:
    parser = argparse.ArgumentParser(description="Check a deletion certificate.")
    parser.add_argument("certificate", help="the ZIP file")
    parser.add_argument("--key", help="the public key, a PEM file that you got elsewhere")
    parser.add_argument("--fingerprint", help="the public key's SHA-256 that you got elsewhere")
    parser.add_argument("--heads", help="a text with heads of chains that was published")
    options = parser.parse_args()
    try:
        with zipfile.ZipFile(options.certificate) as archive:
            wrong, found = check(archive, options)
    except (OSError, zipfile.BadZipFile, LookupError, TypeError, ValueError) as error:
        print(f"Cannot be checked: {error!r}", file=sys.stderr)
        return 2
    for line in wrong:
        print(f"WRONG  {line}")
    if wrong:
        return 1
    print("\n".join(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
