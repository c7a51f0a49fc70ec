"""Takes in a file of any size in batches, each one transaction with how far it has come: whoever
is killed leaves nothing half done, and whoever comes next goes on from there."""

from __future__ import annotations

import datetime as dt
import gc
import secrets
import time
from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from integrations.models import Tenant
from invoices import audit, engine, pieces
from invoices.filing.batches import TenantClosed, batches, drafts_of, lock, take, uncollected
from invoices.filing.judging import Terms
from invoices.filing_models import FilingRun, RunState
from invoices.intake import ColumnMapping, Reading, reading
from invoices.intake.values import storable
from invoices.models import ReceivedFile

#: Longer than any batch, and than the first look through the columns of the largest table.
_LEASE = dt.timedelta(minutes=5)


def begin(
    tenant: Tenant,
    name: str,
    source: Any,
    *,
    via: str,
    by: User | None = None,
    queue: bool = False,
    mapping: ColumnMapping | None = None,
) -> FilingRun:
    """Keep a file, of which `go_on` then takes in the invoices; its `received` is the ReceivedFile.

    `source` is seekable and of bytes, at most MAX_UPLOAD_BYTES long, and read several times. With
    `queue` accepted invoices are queued at once. Raises TenantClosed, and keeps nothing then.
    """
    seen = reading(source, name=name, mapping=mapping)
    sha256, size = pieces.measured(source)
    with transaction.atomic():
        lock(tenant)
        received = pieces.keep(
            source,
            sha256=sha256,
            size=size,
            tenant=tenant,
            name=storable(name[-200:]),
            format=seen.format,
            problems=[problem.as_json() for problem in seen.problems],
            received_at=timezone.now(),
            received_via=via,
            received_by=by,
        )
        run = FilingRun.objects.create(
            received=received,
            tenant=tenant,
            queue=queue,
            mapping=mapping.as_json() if mapping else {},
        )
        facts = {"file": received.pk, "name": received.name, "sha256": received.sha256}
        audit.record("file.received", tenant=tenant, by=by, data=facts)
    return run


def unfinished() -> list[int]:
    """Runs that go on and that no worker has at the moment."""
    return list(_free().order_by("pk").values_list("pk", flat=True))


def _free() -> QuerySet[FilingRun]:
    running = FilingRun.objects.filter(finished_at=None)
    return running.filter(Q(lease_until=None) | Q(lease_until__lt=timezone.now()))


def go_on(
    run: FilingRun,
    *,
    seconds: float = 20.0,
    stop: Callable[[], bool] = lambda: False,
    moved: Callable[[FilingRun], None] = lambda run: None,
) -> bool:
    """Take in for about as many seconds, or until `stop()` says so between two batches; True when
    the run has ended. Does nothing when another worker is at it. `moved` is called after each
    batch with the run as it is then.
    """
    turn = _Turn(run.pk)
    if turn.claim():
        try:
            with uncollected():
                turn.take_on(time.monotonic() + seconds, stop, moved)
        finally:
            turn.release()
    run.refresh_from_db()
    return run.finished_at is not None


def cancel(run: FilingRun, *, by: User | None) -> bool:
    """Stop it; what was taken in stays. False when it has ended already."""
    with transaction.atomic():
        ended = FilingRun.objects.filter(pk=run.pk, finished_at=None).update(
            state=RunState.CANCELLED, finished_at=timezone.now(), cancelled_by=by
        )
        run.refresh_from_db()
        if ended:
            _record("file.cancelled", run, by)
    return bool(ended)


def read_again(run: FilingRun) -> Reading:
    """What is not taken in yet of the file, as it is kept."""
    source = pieces.opened(run.received)
    mapping = ColumnMapping.from_json(run.mapping)
    return reading(source, name=run.received.name, mapping=mapping, after=run.items)


class _Lost(Exception):
    """The run has ended, or is another worker's by now: nothing of the batch is kept."""


class _Turn:
    """One worker at one run."""

    def __init__(self, pk: int) -> None:
        self._pk, self._holder = pk, secrets.token_hex(16)
        self._queued = 0

    def claim(self) -> bool:
        until = timezone.now() + _LEASE
        free = _free().filter(pk=self._pk)
        return bool(free.update(holder=self._holder, lease_until=until))

    def release(self) -> None:
        self._mine().update(holder="", lease_until=None)
        if self._queued:
            engine.wake(FilingRun.objects.values_list("tenant", flat=True).get(pk=self._pk))

    def _mine(self) -> QuerySet[FilingRun]:
        return FilingRun.objects.filter(pk=self._pk, holder=self._holder)

    def take_on(
        self, until: float, stop: Callable[[], bool], moved: Callable[[FilingRun], None]
    ) -> None:
        runs = FilingRun.objects.select_related("received__received_by", "tenant")
        run = runs.get(pk=self._pk)
        invoices = read_again(run)
        try:
            for batch in batches(invoices):
                self._take(run, batch, invoices.done_bytes)
                gc.collect(1)
                moved(run)
                if stop() or time.monotonic() >= until:
                    return
            self._end(run, invoices)
        except TenantClosed:
            self._refuse(run)
        except _Lost:
            return
        moved(run)

    def _take(self, run: FilingRun, batch: list[Any], done_bytes: int) -> None:
        """One batch with its progress. Raises _Lost, TenantClosed."""
        received = run.received
        drafts = drafts_of(batch, Terms.of(run.tenant))
        with transaction.atomic():
            lock(run.tenant)
            counts = take(run.tenant, received.pk, drafts, by=received.received_by, queue=run.queue)
            self._queued += counts.pop("queued")
            now = timezone.now()
            told = {"bytes_done": done_bytes, "moved_at": now, "lease_until": now + _LEASE}
            more = {"items": len(batch)} | counts
            self._move(run, {name: F(name) + count for name, count in more.items()} | told)
        for name, count in more.items():
            setattr(run, name, getattr(run, name) + count)
        run.bytes_done, run.moved_at = done_bytes, now

    def _end(self, run: FilingRun, invoices: Reading) -> None:
        told = [problem.as_json() for problem in invoices.problems]
        with transaction.atomic():
            self._move(
                run,
                {
                    "state": RunState.DONE,
                    "finished_at": timezone.now(),
                    "bytes_done": run.received.size,
                    "problems": told,
                },
            )
            run.refresh_from_db()
            _record("file.taken_in", run, run.received.received_by)

    def _refuse(self, run: FilingRun) -> None:
        with transaction.atomic():
            values = {"state": RunState.REFUSED, "finished_at": timezone.now()}
            if self._mine().filter(finished_at=None).update(**values):
                run.refresh_from_db()
                _record("file.refused", run, None)

    def _move(self, run: FilingRun, values: dict[str, Any]) -> None:
        """In the transaction of what it stands for, so that both are there or neither."""
        if not self._mine().filter(finished_at=None).update(**values):
            raise _Lost


def _record(action: str, run: FilingRun, by: User | None) -> None:
    facts = {"file": run.pk, "name": run.received.name, "items": run.items}
    audit.record(action, tenant=run.tenant, by=by, data=facts | run.counts)


def run_of(received: ReceivedFile) -> FilingRun | None:
    """None of a file that was taken in at once."""
    return FilingRun.objects.filter(pk=received.pk).first()
