#!/usr/bin/env python3
"""Check an auditor's envelope, without the system that made it.

    python3 verify_envelope.py ENVELOPE.zip [--key PEM] [--fingerprint HEX] [--heads TEXT]

Needs Python 3.9 or later and the package `cryptography`; opens no connection and changes nothing.
Take this file and the public key (or its fingerprint) from somewhere else than the envelope that
you check: what comes with an envelope may have been replaced together with it.

What is checked, in this order:
 1. manifest.json was signed with the key (Ed25519) and not changed since.
 2. Every file that the manifest lists is there, with its size and SHA-256, and no other file.
 3. Every invoice: its document has its SHA-256, every request that was sent has its SHA-256, the
    files that it came in and its attachments are in the envelope, where the manifest has them.
 4. Numbers and sums of the invoices are those of the manifest.
 5. chain.jsonl: every row has its SHA-256, every link follows from the one before it, and each
    chain ends where the manifest says. What invoices.jsonl says of a row is what the chain has.
    A chain has gaps only where a certificate of a deletion says that its links went.
 6. With --heads: the chains contain the heads that were published (at those positions).

Exit code 0: everything holds. 1: something does not, and is named. 2: it could not be checked.
"""

from __future__ import annotations

import argparse
import collections
import decimal
import hashlib
import json
import re
import sys
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key
except ImportError:
    sys.exit("The Python package `cryptography` is missing: pip install cryptography")

UNLISTED = ("manifest.json", "manifest.sig")
LARGEST_MANIFEST_BYTES = 50_000_000
LONGEST_LINE_BYTES = 200_000_000
FORMAT = "flashnode-envelope-1"


class CannotCheck(Exception):
    """The file is no envelope, or not one that this program knows."""


class Envelope:
    """An open envelope, and what was found wrong with it so far."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self.archive = archive
        self.wrong: list[str] = []
        self.names: set[str] = set()
        for name, times in collections.Counter(archive.namelist()).items():
            self.names.add(name)
            if times > 1:
                self.fault(name, f"is in the envelope {times} times")

    def fault(self, place: str, what: str) -> None:
        self.wrong.append(f"{place}: {what}")

    def read(self, name: str, largest: int) -> bytes:
        if name not in self.names:
            raise CannotCheck(f"{name} is not in the envelope")
        with self.archive.open(name) as file:
            content = file.read(largest + 1)
        if len(content) > largest:
            raise CannotCheck(f"{name} is too large")
        return content

    def lines(self, name: str) -> Iterator[Any]:
        """The JSON of each line."""
        with self.archive.open(name) as file:
            for number, line in enumerate(iter(lambda: file.readline(LONGEST_LINE_BYTES), b""), 1):
                try:
                    yield json.loads(line)
                except ValueError:
                    self.fault(f"{name} line {number}", "is not JSON")


@dataclass
class Key:
    """The public key that is checked with; `is_trusted` when it came from elsewhere."""

    fingerprint: str
    source: str
    is_trusted: bool


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def published_heads(path: str | None) -> dict[tuple[int, int], bytes]:
    """{(chain, position): hash} of a published text; {} without one."""
    if path is None:
        return {}
    found = HEAD.findall(Path(path).read_text(encoding="utf-8"))
    if not found:
        raise CannotCheck(f"{path} has no line like: chain 1 position 2 sha256 …")
    return {(int(chain), int(position)): bytes.fromhex(head) for chain, position, head in found}


HEAD = re.compile(r"^\s*chain (\d+) position (\d+) sha256 ([0-9a-f]{64})\b", re.ASCII | re.M)


def check_signature(envelope: Envelope, manifest: bytes, options: argparse.Namespace) -> Key:
    if options.key:
        content, source = Path(options.key).read_bytes(), options.key
    else:
        content, source = envelope.read("public_key.pem", 10_000), "the envelope itself"
    public = load_pem_public_key(content)
    if not isinstance(public, Ed25519PublicKey):
        raise CannotCheck("the public key is not an Ed25519 key")
    wanted = re.sub("[^0-9a-f]", "", (options.fingerprint or "").lower())
    key = Key(sha256(public.public_bytes_raw()), source, bool(options.key or wanted))
    if wanted and wanted != key.fingerprint:
        envelope.fault("public key", f"its fingerprint is another one: {key.fingerprint}")
    try:
        signature = bytes.fromhex(envelope.read("manifest.sig", 1_000).decode().strip())
        public.verify(signature, manifest)
    except (InvalidSignature, ValueError):
        envelope.fault("manifest.sig", "is not the signature of manifest.json by this key")
    return key


def check_files(envelope: Envelope, listed: dict[str, Any]) -> None:
    for name in sorted(envelope.names - set(listed) - set(UNLISTED)):
        envelope.fault(name, "is in the envelope and not in the manifest")
    for name, expected in listed.items():
        if name not in envelope.names:
            envelope.fault(name, "is in the manifest and not in the envelope")
            continue
        digest, size = hashlib.sha256(), 0
        try:
            with envelope.archive.open(name) as file:
                for chunk in iter(lambda: file.read(1 << 20), b""):
                    digest.update(chunk)
                    size += len(chunk)
        except (zipfile.BadZipFile, OSError, EOFError) as error:
            envelope.fault(name, f"cannot be read: {error}")
            continue
        if (digest.hexdigest(), size) != (expected["sha256"], expected["size"]):
            envelope.fault(name, "was changed: it is not the file that was signed")


def document_sha256(document: Any) -> str:
    return sha256(json.dumps(document, sort_keys=True, ensure_ascii=False).encode())


def check_invoice(envelope: Envelope, record: dict[str, Any], files: set[str]) -> None:
    place = f"invoice {record['number']}"
    if document_sha256(record["document"]) != record["document_sha256"]:
        envelope.fault(place, "its document is not the one that its SHA-256 was made of")
    for attempt in record["attempts"]:
        if sha256(attempt["request_body"].encode()) != attempt["request_sha256"]:
            envelope.fault(place, f"the request of attempt {attempt['number']} was changed")
    for kind in ("received", "attachments"):
        for file in record[kind]:
            if file["sha256"] not in files:
                envelope.fault(place, f"its file {file['name']} is not in the envelope")


#: Parts of an invoice's record, and the tables that their rows are of.
TABLES = {
    "attachments": "invoices_invoiceattachment",
    "corrections": "invoices_correction",
    "entered_by_hand": "invoices_enteredbyhand",
    "attempts": "invoices_submissionattempt",
    "look_ups": "invoices_lookup",
    "events": "invoices_auditevent",
}
INVOICE = ("id", "number", "is_credit_note", "date", "currency", "gross_total", "created_at")
#: Columns of an export that go on changing: the events tell of them.
STATE = ("attention_reason", "parked_reason", "problems", "warnings", "remote_status")
TOTALS = ("gross_total", "remote_total")


def rows_of(record: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(table, columns) of every row that a record shows."""
    invoice = {name: record[name] for name in INVOICE}
    invoice["content"], invoice["content_sha256"] = record["document"], record["document_sha256"]
    yield "invoices_invoice", invoice
    export = record["export"]
    yield "invoices_invoiceexport", {name: export[name] for name in export if name not in STATE}
    for file in record["received"]:
        yield "invoices_receivedfile", {name: file[name] for name in file if name != "item"}
        yield "invoices_receiveditem", file["item"]
    for step in record["steps"]:
        for attempt in step["attempts"]:
            yield "invoices_stepattempt", attempt
    for name, table in TABLES.items():
        for row in record[name]:
            yield table, row


def plain(value: Any) -> Any:
    """A value with its numbers in one form: 1, 1.0 and 1E0 are the same."""
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    if isinstance(value, (int, float, decimal.Decimal)) and not isinstance(value, bool):
        return str(decimal.Decimal(str(value)).normalize())
    return value


def columns_digest(columns: dict[str, Any], names: Iterable[str]) -> bytes:
    """SHA-256 of some columns of a row, as a record shows them."""
    found = {}
    for name in names:
        value = columns[name]
        if name in TOTALS and value is not None:
            value = decimal.Decimal(value)
        if isinstance(value, str) and value.startswith("person:"):
            value = int(value[len("person:") :])
        found[name] = plain(value)
    return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).digest()


class Shown:
    """The rows that invoices.jsonl shows, each with a digest of its columns."""

    def __init__(self) -> None:
        self.digests: dict[tuple[str, int], bytes] = {}
        self.doubtful: set[tuple[str, int]] = set()
        self.names: dict[str, list[str]] = {}

    def add(self, record: dict[str, Any]) -> None:
        for table, columns in rows_of(record):
            names = self.names.setdefault(table, sorted(columns))
            row, digest = (table, columns["id"]), columns_digest(columns, names)
            # A file is shown with each of its invoices.
            if self.digests.setdefault(row, digest) != digest:
                self.doubtful.add(row)

    def differs(self, table: str, row: dict[str, Any]) -> bool:
        """Whether the chain's row is another one than the record's."""
        if (table, row["id"]) in self.doubtful:
            return True
        columns = {name.removesuffix("_id"): value for name, value in row.items()} | row
        return columns_digest(columns, self.names[table]) != self.digests[table, row["id"]]


def expired_chains(envelope: Envelope) -> dict[int, int]:
    """{chain: links that it had} by the certificates of deletions, which the manifest lists."""
    found: dict[int, int] = {}
    for name in sorted(envelope.names):
        if name.startswith("certificates/") and name.endswith(".json"):
            certificate = json.loads(envelope.read(name, LARGEST_MANIFEST_BYTES))
            found.update({entry["chain"]: entry["links"] for entry in certificate["chains"]})
    return found


def check_chains(
    envelope: Envelope, manifest: dict[str, Any], shown: Shown, options: argparse.Namespace
) -> int:
    """Recompute the segments; returns how many links there are."""
    links, chain, position, before = 0, 0, 0, b""
    ends: dict[int, tuple[int, bytes]] = {}
    left, heads, met = set(shown.digests), published_heads(options.heads), 0
    expired = expired_chains(envelope)
    for line in envelope.lines("chain.jsonl"):
        if isinstance(line, dict):
            if line["chain"] in ends and not position < line["after"] <= expired.get(chain, 0):
                envelope.fault(f"chain {chain}", f"has a gap after position {position}")
            chain, position, before = line["chain"], line["after"], bytes.fromhex(line["before"])
            continue
        links += 1
        place = f"chain {chain} position {line[0]}"
        if line[0] != position + 1:
            envelope.fault(place, f"does not follow position {position}")
        position, table, key, digest = line[:4]
        if len(line) > 4:
            if sha256(line[4].encode("utf-8", "surrogatepass")) != digest:
                envelope.fault(place, f"row {key} of {table} is not what its SHA-256 is of")
            row = json.loads(line[4])
            if (row["table"], row["row"]["id"]) != (table, key) or (table, key) not in left:
                envelope.fault(place, f"shows another row than {key} of {table}")
            else:
                left.discard((table, key))
                if shown.differs(table, row["row"]):
                    envelope.fault(place, f"invoices.jsonl shows row {key} of {table} otherwise")
        text = f"{before.hex()}:{position}:{table}:{key}:{digest}"
        before = hashlib.sha256(text.encode()).digest()
        ends[chain] = position, before
        if (chain, position) in heads:
            met += 1
            if heads[chain, position] != before:
                envelope.fault(place, "is not the head that was published")
    for facts in manifest["chains"]:
        if ends.pop(facts["chain"], None) != (facts["to"], bytes.fromhex(facts["head"])):
            envelope.fault(f"chain {facts['chain']}", "does not end where the manifest says")
    for number in ends:
        envelope.fault(f"chain {number}", "is not in the manifest")
    if len(left) != manifest["unsealed"]:
        envelope.fault("chain.jsonl", f"{len(left)} rows are missing, not {manifest['unsealed']}")
    if heads and not met:
        envelope.fault("chain.jsonl", "none of the published heads is in these segments")
    return links


def check_invoices(
    envelope: Envelope, manifest: dict[str, Any], shown: Shown
) -> tuple[int, dict[str, str]]:
    """How many invoices there are, and their sums by currency."""
    files = {entry["sha256"] for entry in manifest["files"].values()}
    sums: dict[str, decimal.Decimal] = collections.defaultdict(decimal.Decimal)
    count = 0
    for record in envelope.lines("invoices.jsonl"):
        count += 1
        sums[record["currency"]] += decimal.Decimal(record["gross_total"])
        check_invoice(envelope, record, files)
        shown.add(record)
    if count != manifest["invoices"]:
        envelope.fault("invoices.jsonl", f"{count} invoices, not {manifest['invoices']}")
    found = {currency: str(total) for currency, total in sorted(sums.items())}
    if found != manifest["sums"]:
        envelope.fault("invoices.jsonl", f"the sums are {found}, not {manifest['sums']}")
    return count, found


def check(path: str, options: argparse.Namespace) -> tuple[list[str], list[str]]:
    """What is wrong, and else what was found."""
    with zipfile.ZipFile(path) as archive:
        envelope = Envelope(archive)
        content = envelope.read("manifest.json", LARGEST_MANIFEST_BYTES)
        key = check_signature(envelope, content, options)
        manifest = json.loads(content)
        if manifest.get("format") != FORMAT:
            raise CannotCheck(f"this program checks {FORMAT} only")
        check_files(envelope, manifest["files"])
        found = [
            f"       of {manifest['scope']['tenant']}, made {manifest['made_at']}",
            f"       key {key.fingerprint}, from {key.source}",
            f"OK     signature and {len(manifest['files'])} files",
        ]
        if not envelope.wrong:
            # Nothing that was not signed is looked into.
            shown = Shown()
            count, sums = check_invoices(envelope, manifest, shown)
            found.append(f"OK     {count} invoices")
            found += [f"OK     sum {total} {currency}" for currency, total in sums.items()]
            links = check_chains(envelope, manifest, shown, options)
            found.append(f"OK     {links} links of chains, {len(shown.digests)} rows")
            if manifest["unsealed"]:
                found.append(f"NOTE   {manifest['unsealed']} rows were not final, and not chained")
        if not key.is_trusted:
            found.append("NOTE   The key came with the envelope: compare its fingerprint.")
        return envelope.wrong, found


def main() -> int:
    parser = argparse.ArgumentParser(description="Check an auditor's envelope.")
    parser.add_argument("envelope", help="the ZIP file")
    parser.add_argument("--key", help="the public key, a PEM file that you got elsewhere")
    parser.add_argument("--fingerprint", help="the public key's SHA-256 that you got elsewhere")
    parser.add_argument("--heads", help="a text with heads of chains that was published")
    options = parser.parse_args()
    try:
        wrong, found = check(options.envelope, options)
    except (CannotCheck, OSError, zipfile.BadZipFile, NotImplementedError, EOFError) as error:
        print(f"Cannot be checked: {error}", file=sys.stderr)
        return 2
    except (LookupError, TypeError, AttributeError, ValueError, ArithmeticError) as error:
        print(f"Cannot be checked, it is not as it should be: {error!r}", file=sys.stderr)
        return 2
    for line in wrong:
        print(f"WRONG  {line}")
    if wrong:
        print(f"{len(wrong)} faults: this envelope is not as it was made.")
        return 1
    print("\n".join(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
