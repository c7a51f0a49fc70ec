"""The history as a file, made in the background: asked for, made once, cancelled, deleted. A
file is a list of exports, or an auditor's envelope of them.

A file is its row (`HistoryFile`). The task is only a hint: one that was lost or died is made
anew by the minute's round, and only its last holder's parts count.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import secrets
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import partial
from typing import IO, Any
from urllib.parse import parse_qsl

from django.conf import settings
from django.contrib.auth.models import User
from django.db import connections, transaction
from django.db.models import Count, Q, Sum
from django.utils import timezone, translation
from django.utils.translation import gettext as _t
from django_q.tasks import async_task

from invoices import audit, envelope
from invoices.enums import ExportStatus
from invoices.evidence import signing
from invoices.report_models import FileFormat, FileState, HistoryFile, HistoryFilePart
from invoices.reports import choosing, history
from invoices.reports.choosing import Chosen
from invoices.reports.columns import COLUMNS
from invoices.reports.writers import CsvWriter, Writer, XlsxWriter

_PART_BYTES = 1 << 20
_NOTED_EVERY = 5_000
#: Without a sign of life for so long whoever makes it is taken to be dead.
_LOST_AFTER = dt.timedelta(minutes=3)
#: How often an envelope gives a sign of life.
_SIGN_SECONDS = 20.0
ENDINGS = {
    FileFormat.CSV_FI: "csv",
    FileFormat.CSV: "csv",
    FileFormat.XLSX: "xlsx",
    FileFormat.ENVELOPE: "zip",
}
_OPEN = (FileState.WAITING, FileState.RUNNING)


class _Stopped(Exception):
    """Cancelled, or somebody else makes it by now."""


def ask(
    chosen: Chosen, columns: tuple[str, ...], file_format: str, *, by: User, language: str
) -> HistoryFile:
    """Have the chosen exports written to a file, once this is committed."""
    fixed = chosen.fixed()
    found = history.totals(fixed)
    with transaction.atomic():
        file = HistoryFile.objects.create(
            requested_by=by,
            query=fixed.query(),
            columns=list(columns),
            format=file_format,
            language=language,
            expected=found.count,
            expected_sums=_as_text(found.sums),
        )
        facts = {"file": file.pk, "filter": file.query, "format": str(file_format)}
        facts |= {"columns": file.columns, "count": found.count, "sums": file.expected_sums}
        audit.record("history.requested", by=by, data=facts)
        transaction.on_commit(partial(async_task, "invoices.tasks.make_history_file", file.pk))
    return file


def ask_envelope(scope: envelope.Scope, *, by: User, reason: str, language: str) -> HistoryFile:
    """Have an auditor's envelope made, once this is committed. Raises NoSigningKey."""
    signing.fingerprint()
    totals = scope.exports.order_by().values_list("invoice__currency")
    found = totals.annotate(count=Count("pk"), total=Sum("invoice__gross_total"))
    counted = {currency: (count, total) for currency, count, total in found}
    with transaction.atomic():
        file = HistoryFile.objects.create(
            requested_by=by,
            query=scope.query(),
            format=FileFormat.ENVELOPE,
            reason=reason,
            language=language,
            expected=sum(count for count, _total in counted.values()),
            expected_sums=_as_text({currency: total for currency, (_n, total) in counted.items()}),
        )
        facts = {"file": file.pk, **scope.as_json(), "reason": reason}
        audit.record("envelope.requested", tenant=scope.tenant, by=by, data=facts)
        transaction.on_commit(partial(async_task, "invoices.tasks.make_history_file", file.pk))
    return file


def chosen_of(file: HistoryFile) -> Chosen:
    return choosing.read(dict(parse_qsl(file.query)))[0]


def cancel(file: HistoryFile, *, by: User) -> bool:
    """Stop a file that is not ready yet; False when it is, or is over."""
    with transaction.atomic():
        open_one = HistoryFile.objects.filter(pk=file.pk, state__in=_OPEN)
        if not open_one.update(state=FileState.CANCELLED, finished_at=timezone.now()):
            return False
        HistoryFilePart.objects.filter(file=file.pk).delete()
        audit.record("history.cancelled", by=by, data={"file": file.pk})
    return True


def make(pk: int) -> bool:
    """Write the file that was asked for. False when it is over, or somebody else writes it."""
    holder, now = secrets.token_hex(16), timezone.now()
    free = Q(state=FileState.WAITING) | Q(state=FileState.RUNNING, seen_at__lt=now - _LOST_AFTER)
    with transaction.atomic():
        taken = HistoryFile.objects.filter(free, pk=pk).update(
            state=FileState.RUNNING,
            holder=holder,
            started_at=now,
            seen_at=now,
            done=0,
            sums={},
        )
        if taken:
            HistoryFilePart.objects.filter(file=pk).delete()
    if not taken:
        return False
    file = HistoryFile.objects.select_related("requested_by").get(pk=pk)
    try:
        with translation.override(file.language), tempfile.TemporaryFile() as out:
            count, sums = _write(file, out)
            _keep(file, out, count, sums)
    except _Stopped:
        return False
    except Exception:
        # Whatever it was, django-q2 keeps its trace; the person is told that it failed.
        _of(file).update(state=FileState.FAILED, finished_at=timezone.now())
        raise
    return True


def _of(file: HistoryFile) -> Any:
    return HistoryFile.objects.filter(pk=file.pk, holder=file.holder, state=FileState.RUNNING)


def _write(file: HistoryFile, out: IO[bytes]) -> tuple[int, dict[str, Decimal]]:
    """All rows, and how many they are and their totals."""
    if file.format == FileFormat.ENVELOPE:
        with _signs_of_life(file) as alive:
            made = envelope.write(
                envelope.Scope.read(file.query),
                out,
                by=file.requested_by,
                reason=file.reason,
                alive=alive,
            )
        return made.invoices, {currency: Decimal(total) for currency, total in made.sums.items()}
    columns = [COLUMNS[name] for name in file.columns]
    kinds = [column.kind for column in columns]
    writer = _writer(file.format, out)
    writer.head([str(column.label) for column in columns])
    count = 0
    sums: Any = Counter()
    status = file.columns.index("status") if "status" in file.columns else None
    labels = {value: str(label) for value, label in ExportStatus.choices}
    for count, row in enumerate(history.rows_of(chosen_of(file), file.columns), start=1):
        values = list(row.values)
        if status is not None:
            values[status] = labels[values[status]]
        writer.row(values, kinds)
        sums[row.currency] += row.total
        if count % _NOTED_EVERY == 0:
            _note(file, count)
    for label, value, kind in _control(count, sums):
        writer.row([label, value], ["text", kind])
    writer.end()
    return count, dict(sums)


def _control(count: int, sums: Any) -> Iterator[tuple[str, Any, str]]:
    """The rows at the end by which a reader sees that nothing is missing."""
    yield _t("Invoices"), count, "number"
    for currency in sorted(sums):
        yield _t("Total with VAT, %(currency)s") % {"currency": currency}, sums[currency], "money"


def _writer(file_format: str, out: IO[bytes]) -> Writer:
    words = {"yes": _t("Yes"), "no": _t("No")}
    if file_format == FileFormat.XLSX:
        return XlsxWriter(out, **words)
    return CsvWriter(out, finnish=file_format == FileFormat.CSV_FI, **words)


def _note(file: HistoryFile, count: int) -> None:
    if not _of(file).update(done=count, seen_at=timezone.now()):
        raise _Stopped


@contextlib.contextmanager
def _signs_of_life(file: HistoryFile) -> Iterator[Callable[[int], None]]:
    """Notes from time to time how far it is, from another thread: this one reads one snapshot of
    the database, and nothing it wrote would be seen before its end. Raises _Stopped as `_note`."""
    noted_at = time.monotonic()
    with ThreadPoolExecutor(max_workers=1) as apart:

        def alive(count: int) -> None:
            nonlocal noted_at
            if time.monotonic() - noted_at >= _SIGN_SECONDS:
                apart.submit(_note_apart, file, count).result()
                noted_at = time.monotonic()

        yield alive


def _note_apart(file: HistoryFile, count: int) -> None:
    try:
        _note(file, count)
    finally:
        connections.close_all()


def _keep(file: HistoryFile, out: IO[bytes], count: int, sums: dict[str, Decimal]) -> None:
    """The parts, then in one transaction that it is ready and the audit event."""
    out.seek(0)
    digest, size = hashlib.sha256(), 0
    for number, content in enumerate(iter(partial(out.read, _PART_BYTES), b"")):
        digest.update(content)
        size += len(content)
        with transaction.atomic():
            _note(file, count)
            HistoryFilePart.objects.create(file=file, number=number, content=content)
    facts = {"file": file.pk, "sums": _as_text(sums), "sha256": digest.hexdigest(), "size": size}
    with transaction.atomic():
        if not _of(file).update(
            state=FileState.READY,
            finished_at=timezone.now(),
            done=count,
            sums=_as_text(sums),
            sha256=digest.hexdigest(),
            size=size,
        ):
            raise _Stopped
        if file.format == FileFormat.ENVELOPE:
            scope = envelope.Scope.read(file.query)
            envelope.note(scope, by=file.requested_by, reason=file.reason, invoices=count, **facts)
        else:
            facts |= {"filter": file.query, "format": file.format, "count": count}
            audit.record("history.exported", by=file.requested_by, data=facts)


def _as_text(sums: dict[str, Decimal]) -> dict[str, str]:
    return {currency: f"{sums[currency]:.2f}" for currency in sorted(sums)}


def content(file: HistoryFile) -> Iterator[bytes]:
    """The content in pieces."""
    for number in range(-(-file.size // _PART_BYTES)):
        part = HistoryFilePart.objects.only("content").get(file=file, number=number)
        yield bytes(part.content)


def expires_at(file: HistoryFile) -> dt.datetime | None:
    if file.finished_at is None:
        return None
    return file.finished_at + dt.timedelta(days=settings.HISTORY_FILE_DAYS)


def follow() -> int:
    """Every minute: start again what nobody makes, delete what is too old; returns how many."""
    now = timezone.now()
    lost = HistoryFile.objects.filter(
        Q(state=FileState.WAITING, requested_at__lt=now - _LOST_AFTER)
        | Q(state=FileState.RUNNING, seen_at__lt=now - _LOST_AFTER)
    )
    for pk in (found := list(lost.values_list("pk", flat=True))):
        async_task("invoices.tasks.make_history_file", pk)
    old = HistoryFile.objects.filter(
        state=FileState.READY, finished_at__lt=now - dt.timedelta(days=settings.HISTORY_FILE_DAYS)
    )
    for file in old:
        delete(file, by=None)
    return len(found)


def delete(file: HistoryFile, *, by: User | None) -> bool:
    """Delete the content; what the file was stays."""
    with transaction.atomic():
        ready = HistoryFile.objects.filter(pk=file.pk, state=FileState.READY)
        if not ready.update(state=FileState.DELETED):
            return False
        HistoryFilePart.objects.filter(file=file.pk).delete()
        audit.record("history.deleted", by=by, data={"file": file.pk, "sha256": file.sha256})
    return True
