"""Packs and signs an envelope."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.resources
import json
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import IO, Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.utils import timezone

from invoices import audit, pieces
from invoices.envelope import records as recorded
from invoices.envelope.chained import Row, Segments
from invoices.envelope.cover import cover
from invoices.envelope.reading import README
from invoices.envelope.scope import Scope
from invoices.envelope.verify_envelope import rows_of
from invoices.evidence import seal, signing
from invoices.evidence.expired import certificates_of
from invoices.models import ReceivedFile
from invoices.step_models import InvoiceAttachment

FORMAT = "flashnode-envelope-1"


@dataclass(frozen=True)
class Made:
    """What was put into an envelope. `sums` by currency; `sha256` of the whole file."""

    name: str
    invoices: int
    sums: dict[str, str]
    files: int
    size: int
    sha256: str
    fingerprint: str


class _Archive:
    """A ZIP that knows the SHA-256 and size of each of its files."""

    def __init__(self, archive: zipfile.ZipFile, alive: Callable[[], None]) -> None:
        self._archive = archive
        self._alive = alive
        self.listed: dict[str, dict[str, Any]] = {}

    def add(self, name: str, chunks: Iterable[bytes]) -> None:
        digest, size = hashlib.sha256(), 0
        with self._archive.open(_info(name), "w", force_zip64=True) as file:
            for chunk in chunks:
                digest.update(chunk)
                size += len(chunk)
                file.write(chunk)
                self._alive()
        self.listed[name] = {"sha256": digest.hexdigest(), "size": size}

    def add_unlisted(self, name: str, content: bytes) -> None:
        self._archive.writestr(_info(name), content)


def write(
    scope: Scope,
    target: IO[bytes],
    *,
    by: User | None,
    reason: str,
    alive: Callable[[int], None] = lambda count: None,
) -> Made:
    """Write the envelope of `scope` into `target` (seekable, opened for reading too). Rows are
    read from one snapshot of the database, a few hundred at a time; meanwhile `alive` is called
    again and again with the number of invoices so far. Raises NoSigningKey before anything is
    written. Whoever keeps the envelope says so with `note`."""
    fingerprint, made_at = signing.fingerprint(), timezone.now()
    seal()
    sums: dict[str, Decimal] = defaultdict(Decimal)
    people: set[int] = set()
    rows: set[Row] = set()
    count = 0

    def lines() -> Iterator[bytes]:
        nonlocal count
        for record in recorded.records(scope):
            count += 1
            sums[record["currency"]] += Decimal(record["gross_total"])
            people.update(recorded.person_pks(record))
            rows.update((table, columns["id"]) for table, columns in rows_of(record))
            yield _line(record)

    def tables() -> Iterator[bytes]:
        for record in recorded.mapping_tables(scope):
            people.update(recorded.person_pks(record))
            yield _line(record)

    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive, _snapshot():
        packed = _Archive(archive, lambda: alive(count))
        packed.add("invoices.jsonl", lines())
        segments = Segments(scope, rows, lambda: alive(count))
        packed.add("chain.jsonl", map(_line, segments.lines()))
        packed.add("mapping_tables.jsonl", tables())
        packed.add("people.json", [_json(recorded.people(people))])
        for file in _received(scope):
            packed.add(f"received/{file.sha256}", pieces.chunks(file))
        for attachment in _attachments(scope):
            if (name := f"attachments/{attachment.sha256}.pdf") not in packed.listed:
                packed.add(name, [bytes(attachment.content)])
        for certificate in certificates_of(scope.tenant.pk):
            name = f"certificates/{certificate.pk}"
            packed.add(f"{name}.json", [certificate.content.encode()])
            packed.add(f"{name}.sig", [bytes(certificate.signature).hex().encode()])
        packed.add("verify_envelope.py", [_verifier()])
        packed.add("public_key.pem", [signing.public_pem()])
        packed.add("README.txt", [README.encode()])
        totals = {currency: str(total) for currency, total in sorted(sums.items())}
        facts = {
            "made_by": by.get_username() if by else "",
            "reason": reason,
            "software_version": settings.SOFTWARE_VERSION,
            "public_key_sha256": fingerprint,
            "invoices": count,
            "sums": totals,
            "unsealed": len(rows) - segments.sealed,
        }
        packed.add("cover.pdf", [cover(scope, facts | {"made_at": made_at})])
        manifest = _json(
            {
                "format": FORMAT,
                "scope": scope.as_json(),
                "made_at": made_at.isoformat(),
                "chains": segments.facts,
                "files": packed.listed,
                **facts,
            }
        )
        packed.add_unlisted("manifest.json", manifest)
        packed.add_unlisted("manifest.sig", signing.sign(manifest).hex().encode())
    digest, size = _digest(target)
    return Made(
        f"envelope-{scope.name}.zip",
        count,
        totals,
        len(packed.listed),
        size,
        digest,
        fingerprint,
    )


def note(scope: Scope, *, by: User | None, reason: str, **facts: Any) -> None:
    """The audit event of an envelope that is kept; `facts`: invoices, sums, sha256 and so on."""
    data = {**scope.as_json(), "reason": reason, **facts}
    audit.record("envelope.made", tenant=scope.tenant, by=by, data=data)


@contextlib.contextmanager
def _snapshot() -> Iterator[None]:
    """One state of the database for all that is read; nobody who writes waits for it."""
    if connection.vendor == "postgresql":
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield
        return
    # `atomic` would take SQLite's one write lock at once (settings: IMMEDIATE).
    with connection.cursor() as cursor:
        cursor.execute("BEGIN DEFERRED")
        try:
            yield
        finally:
            cursor.execute("ROLLBACK")


def _received(scope: Scope) -> Iterator[ReceivedFile]:
    """The files that the invoices came in, each content once."""
    wanted = ReceivedFile.objects.filter(items__invoice__export__in=scope.exports)
    seen: set[str] = set()
    for pk, sha256 in wanted.order_by("pk").values_list("pk", "sha256").distinct():
        if sha256 not in seen:
            seen.add(sha256)
            yield ReceivedFile.objects.get(pk=pk)


def _attachments(scope: Scope) -> Iterator[InvoiceAttachment]:
    wanted = InvoiceAttachment.objects.filter(invoice__export__in=scope.exports)
    for pk in wanted.order_by("pk").values_list("pk", flat=True):
        yield InvoiceAttachment.objects.get(pk=pk)


def _verifier() -> bytes:
    return importlib.resources.files(__package__).joinpath("verify_envelope.py").read_bytes()


def _info(name: str) -> zipfile.ZipInfo:
    """Without a clock in it: of the time that an envelope was made only the manifest speaks."""
    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o644 << 16
    return info


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1).encode() + b"\n"


def _line(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True).encode() + b"\n"


def _digest(file: IO[bytes]) -> tuple[str, int]:
    file.seek(0)
    digest, size = hashlib.sha256(), 0
    for chunk in iter(lambda: file.read(1 << 20), b""):
        digest.update(chunk)
        size += len(chunk)
    file.seek(0)
    return digest.hexdigest(), size
