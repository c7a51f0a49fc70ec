"""Reads Procountor for a tenant's days, or for what changed, one request at a time.

Low priority: only turns of the speed limit that nobody else wants, one request under way, nothing
in an outage. What a page brought is committed with the place to go on from, under a lease, so
that a killed worker costs one request. Several pages are read in rounds until two agree: a page
may change while another is being read. Finding nothing proves something only for a key that sees
all invoices, so its rights are asked for before and after.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import secrets
import time
from collections.abc import Iterable
from functools import partial
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from integrations import limits, outages
from integrations.clients import CredentialMissing, client_for
from integrations.enums import TenantState
from integrations.procountor import (
    CredentialRefused,
    ProcountorClient,
    ProcountorError,
    Rejected,
    RemoteInvoice,
)
from integrations.secrets import SecretUnreadable
from invoices import exports
from invoices.ledger import books, days, following
from invoices.ledger.comparing import UNTOLD, Marks, Theirs, compare
from invoices.ledger_models import LedgerRead, ReadInvoice, ReadKind, ReadState

_TURN_SECONDS = 2.0
_LEASE = dt.timedelta(minutes=5)
#: So many readings may be under way at once, all workers together.
_AT_ONCE = 2
_BY_ID = 200
_MOST_ROUNDS = 4
#: Waits after failed requests, minutes; after the last it is left to the next schedule.
_RETRY_MINUTES = (1, 5, 30, 120)
_ONE_DAY = dt.timedelta(days=1)


class _Lost(Exception):
    """The lease ended and somebody else goes on."""


class _NotComparable(Exception):
    """What this key can see proves nothing; the text is a short code."""


def due() -> QuerySet[LedgerRead]:
    """Readings that somebody may go on with now: those that a person waits for first."""
    held = LedgerRead.objects.filter(lease_until__isnull=False).values("tenant")
    reads = LedgerRead.objects.filter(state=ReadState.READING, not_before__lte=timezone.now())
    return reads.exclude(tenant__in=held).order_by("plan", "not_before", "pk")


def advance() -> bool:
    """Go on with one due reading for a turn of two seconds. True when there is more to do."""
    now = timezone.now()
    held = LedgerRead.objects.filter(lease_until__isnull=False)
    # Of a worker that died, or that had a clock which has been put right since.
    held.exclude(lease_until__range=(now, now + _LEASE)).update(holder="", lease_until=None)
    if held.count() >= _AT_ONCE:
        return False
    pk = due().values_list("pk", flat=True).first()
    if pk is None:
        return False
    holder = secrets.token_hex(8)
    try:
        with transaction.atomic():
            mine = LedgerRead.objects.filter(pk=pk, lease_until=None)
            taken = mine.update(holder=holder, lease_until=now + _LEASE)
    except IntegrityError:
        return True  # another one of the tenant's was taken at this moment
    if taken:
        with contextlib.suppress(_Lost):
            _turn(LedgerRead.objects.select_related("tenant").get(pk=pk))
        LedgerRead.objects.filter(pk=pk, holder=holder).update(holder="", lease_until=None)
    return due().exists()


def _turn(read: LedgerRead) -> None:
    tally = outages.Tally(read.tenant.environment)
    until = time.monotonic() + _TURN_SECONDS
    try:
        while read.state == ReadState.READING and time.monotonic() < until:
            if outages.allowed_in_flight(read.tenant.environment) is not None:
                _put_off(read, settings.PROCOUNTOR_PROBE_SECONDS, "outage")
                return
            if seconds := limits.held_seconds(read.tenant.environment):
                _put_off(read, seconds, "rate_limited")
                return
            _step(read, _Desk(read, tally))
    except _NotComparable as why:
        _refuse(read, str(why))
    except CredentialRefused:
        _refuse(read, "credential_refused")
    except Rejected as error:
        _refuse(read, "rights_refused" if error.status == 403 else f"http_{error.status}")
    except ProcountorError as error:
        _failed(read, error)
    except CredentialMissing:
        _refuse(read, "credential_missing")
    except SecretUnreadable:
        _refuse(read, "key_unreadable")
    finally:
        tally.flush(at_once=True)


class _Desk:
    """Makes the requests of one reading, each counted."""

    def __init__(self, read: LedgerRead, tally: outages.Tally) -> None:
        # Between two requests the connection may have been ended.
        read.tenant.refresh_from_db(fields=["state", "closed_at"])
        if read.tenant.state != TenantState.ACTIVE:
            raise _NotComparable("tenant_not_active")
        self._read, self._tally = read, tally
        self._client = client_for(read.tenant, in_no_hurry=True)

    def ask(self, question: Any) -> Any:
        """`question` takes the client and makes one request."""
        _save(self._read, requests=F("requests") + 1, asked_at=timezone.now())
        try:
            answer = question(self._client)
        except ProcountorError as error:
            self._tally.count(error)
            raise
        self._tally.count(None)
        return answer


def _step(read: LedgerRead, desk: _Desk) -> None:
    """The next request of a reading, or what follows from all of them."""
    if "own_user" not in read.facts:
        _look_around(read, desk)
    elif not read.is_read:
        _page(read, desk)
    elif wanted := _to_ask_for(read)[:_BY_ID]:
        found = desk.ask(lambda client: client.get_invoices(wanted))
        known = {invoice.id for invoice in found}
        absent = [_absent(read, pk) for pk in wanted if pk not in known]
        with transaction.atomic():
            _keep(read, found, round=0)
            ReadInvoice.objects.bulk_create(absent, ignore_conflicts=True)
            _save(read, failures=0)
    elif read.kind == ReadKind.CHANGES:
        versions = read.invoices.filter(round=read.round).values_list("version", flat=True)
        newest = max(versions, default="")[:19]
        _finish(read, partial(following.settle, read, _theirs(read), newest))
    else:
        _needs_sight(desk)
        _finish(read, partial(_compare, read))


def _look_around(read: LedgerRead, desk: _Desk) -> None:
    if read.kind == ReadKind.DAYS:
        _needs_sight(desk)
    session = desk.ask(ProcountorClient.session_info)
    _save(read, facts=read.facts | {"own_user": session.user_id}, failures=0)


def _needs_sight(desk: _Desk) -> None:
    rights = desk.ask(ProcountorClient.user_rights)
    if not rights.may_search_invoices:
        raise _NotComparable("rights_refused")
    if rights.sees_own_invoices_only:
        raise _NotComparable("sees_own_invoices_only")


def _page(read: LedgerRead, desk: _Desk) -> None:
    page = desk.ask(lambda client: client.search_page(read.after_id, **_filters(read)))
    with transaction.atomic():
        _keep(read, [hit for hit in page.hits if _is_wanted(read, hit)], round=read.round)
        pages = read.pages + 1
        if not page.is_last:
            _save(read, pages=pages, after_id=page.hits[-1].id, failures=0)
            return
        is_one_moment = pages == 1 or read.kind == ReadKind.CHANGES
        changed = [] if is_one_moment else _changed_days(read)
        is_read = is_one_moment or not changed or read.round >= _MOST_ROUNDS
        if is_read:
            facts = read.facts | {"unsettled": changed}
            _save(read, pages=pages, is_read=True, facts=facts, failures=0)
        else:
            ReadInvoice.objects.filter(read=read, round=read.round - 1).delete()
            _save(read, round=read.round + 1, pages=0, after_id=None, failures=0)


def _filters(read: LedgerRead) -> dict[str, Any]:
    if read.kind == ReadKind.CHANGES:
        return {"types": "SALES_INVOICE", "versionStartDate": read.since}
    assert read.first_day and read.last_day
    # Whether the bounds are inclusive is not documented, so a day more is asked for on each side.
    return {
        "types": "SALES_INVOICE",
        "startDate": read.first_day - _ONE_DAY,
        "endDate": read.last_day + _ONE_DAY,
    }


def _is_wanted(read: LedgerRead, hit: RemoteInvoice) -> bool:
    if hit.invoice_type not in ("", "SALES_INVOICE"):
        return False
    if read.kind == ReadKind.CHANGES:
        return True
    assert read.first_day and read.last_day
    return hit.date is not None and read.first_day <= hit.date <= read.last_day


def _changed_days(read: LedgerRead) -> list[str]:
    """The days of which the last two rounds say different things; all of them after the first."""
    if read.round == 1:
        return [day.isoformat() for day in days_of(read)]
    rounds = [
        {
            (found.id, found.number, found.date, found.currency, found.total, found.is_live)
            for found in _theirs(read, round=number).values()
        }
        for number in (read.round - 1, read.round)
    ]
    return sorted({str(line[2]) for line in rounds[0] ^ rounds[1]})


def _to_ask_for(read: LedgerRead) -> list[int]:
    """Ids of invoices that are believed to be in Procountor and that the pages did not show, or
    did not show the sum of."""
    asked = set(read.invoices.filter(round=0).values_list("remote_id", flat=True))
    if read.kind == ReadKind.CHANGES:
        return sorted(following.to_confirm(read.tenant) - asked)
    shown = read.invoices.filter(round=read.round)
    complete = set(shown.exclude(total=None).values_list("remote_id", flat=True))
    assert read.first_day and read.last_day
    ours = books.ours_between(read.tenant, read.first_day, read.last_day)
    wanted = {each.remote_id for each in ours if each.remote_id is not None}
    return sorted(wanted - complete - asked)


def days_of(read: LedgerRead) -> list[dt.date]:
    assert read.first_day and read.last_day
    return books.days_between(read.first_day, read.last_day)


def _compare(read: LedgerRead) -> None:
    theirs = _theirs(read)
    assert read.first_day and read.last_day
    ours = {
        each.export: each
        for each in (
            *books.ours_between(read.tenant, read.first_day, read.last_day),
            *books.ours_with(
                read.tenant,
                remote_ids=theirs.keys(),
                numbers={found.number for found in theirs.values() if found.number},
            ),
        )
    }
    marks = Marks(books.shapes_of(read.tenant), read.facts["own_user"])
    wanted = [day for day in days_of(read) if day.isoformat() not in read.facts["unsettled"]]
    results = compare(wanted, ours.values(), theirs, marks)
    exports.seen(following.statuses_of(ours.values(), theirs))
    days.settle(read.tenant, results, read.asked_at or timezone.now())


def _finish(read: LedgerRead, settle: Any) -> None:
    with transaction.atomic():
        settle()
        unsettled = read.facts.get("unsettled")
        _save(
            read,
            state=ReadState.DONE,
            cause="changed_meanwhile" if unsettled else "",
            finished_at=timezone.now(),
        )
        read.invoices.all().delete()


def _refuse(read: LedgerRead, cause: str) -> None:
    """This key cannot show what has to be compared: not retried before the next schedule."""
    with transaction.atomic():
        if read.kind == ReadKind.DAYS:
            days.not_comparable(read.tenant, days_of(read), cause)
        _end(read, ReadState.NOT_COMPARABLE, cause)


def _failed(read: LedgerRead, error: ProcountorError) -> None:
    cause = (error.cause or str(error.status or "no_answer"))[:40]
    if read.failures >= len(_RETRY_MINUTES):
        _end(read, ReadState.GAVE_UP, cause)
        return
    wait_seconds = max(60 * _RETRY_MINUTES[read.failures], error.retry_after_seconds or 0)
    read.failures += 1
    _put_off(read, wait_seconds, cause)


def _put_off(read: LedgerRead, seconds: float, cause: str) -> None:
    later = timezone.now() + dt.timedelta(seconds=seconds)
    _save(read, not_before=later, cause=cause, failures=read.failures)


def _end(read: LedgerRead, state: ReadState, cause: str) -> None:
    _save(read, state=state, cause=cause[:40], finished_at=timezone.now())
    read.invoices.all().delete()


def _save(read: LedgerRead, **values: Any) -> None:
    """Write down where the reading is, while it is still ours. Raises _Lost."""
    lease_until = timezone.now() + _LEASE
    mine = LedgerRead.objects.filter(pk=read.pk, holder=read.holder, state=ReadState.READING)
    if not mine.update(lease_until=lease_until, **values):
        raise _Lost
    read.refresh_from_db(fields=[*values, "lease_until"])


def _keep(read: LedgerRead, found: Iterable[RemoteInvoice], *, round: int) -> None:
    rows = [
        ReadInvoice(
            read=read,
            round=round,
            remote_id=each.id,
            number=each.original_invoice_number[:100],
            remote_number=str(each.invoice_number or ""),
            date=each.date,
            currency=each.currency[:10],
            total=each.gross_total,
            status=each.status[:40] or UNTOLD,
            creator_id=each.creator_id,
            version=each.version[:40],
            buyer=each.buyer_name[:255],
        )
        for each in found
    ]
    ReadInvoice.objects.bulk_create(rows, ignore_conflicts=True)


def _absent(read: LedgerRead, remote_id: int) -> ReadInvoice:
    return ReadInvoice(read=read, round=0, remote_id=remote_id)


def _theirs(read: LedgerRead, round: int | None = None) -> dict[int, Theirs]:
    """What was read, by id; what was asked for by its id is the newer."""
    wanted = (read.round, 0) if round is None else (round,)
    rows = ReadInvoice.objects.filter(read=read, round__in=wanted).order_by("-round", "remote_id")
    return {
        row.remote_id: Theirs(
            id=row.remote_id,
            number=row.number,
            date=row.date,
            currency=row.currency,
            total=row.total,
            status=row.status,
            creator=row.creator_id,
            remote_number=row.remote_number,
            buyer=row.buyer,
        )
        for row in rows
    }
