"""Asks shops for orders: what has changed since the last time, and ranges of days.

The rows are the queue: a run has its cursor, committed after each page, and a lease; whoever comes
next goes on from there, and what is read twice is taken in once. Nothing is written to a shop.
"""

from __future__ import annotations

import datetime as dt
import secrets
import time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from integrations.enums import TenantState
from invoices import audit, filing
from invoices.shop_models import (
    OrderState,
    RunKind,
    RunState,
    ShopConnection,
    ShopRun,
    ShopState,
)
from invoices.shops import connections
from invoices.shops.asking import Asker, AskFailed
from invoices.shops.taking import Taken, Taking
from invoices.shops.talking import Page, talk_of

#: Asked for again before what was seen last: orders of one moment, and clocks that are not exact.
OVERLAP = dt.timedelta(minutes=10)
_TURN_SECONDS = 20.0
#: Longer than the longest request and a page of orders after it.
_LEASE = dt.timedelta(minutes=5)
_MOST_FAILURES = 8
_HELSINKI = ZoneInfo("Europe/Helsinki")
_OPEN = (ShopState.ACTIVE, ShopState.FAILING)


class Busy(Exception):
    """Such a run of the shop is under way."""


def plan_due() -> list[int]:
    """Begin what is due, and name the runs that no worker is at."""
    now = timezone.now()
    due = ShopConnection.objects.filter(state__in=_OPEN).exclude(tenant__state=TenantState.CLOSED)
    for shop in due.filter(Q(pull_after=None) | Q(pull_after__lte=now)).select_related("tenant"):
        try:
            begin(shop, RunKind.PULL)
        except Busy:
            continue
    return list(_nobodys().values_list("pk", flat=True))


def begin(
    shop: ShopConnection,
    kind: str,
    *,
    first_day: dt.date | None = None,
    last_day: dt.date | None = None,
    by: Any = None,
) -> ShopRun:
    """Begin a run; the task or the schedule drives it. Raises Busy while one of its kind is
    under way. A range of days counts first."""
    cursor = {"since": _start_of(shop, first_day).isoformat()}
    if last_day is not None:
        cursor["until"] = _midnight(last_day + dt.timedelta(days=1)).isoformat()
    try:
        with transaction.atomic():
            run = ShopRun.objects.create(
                shop=shop,
                kind=kind,
                first_day=first_day,
                last_day=last_day,
                cursor=cursor,
                asked_by=by,
                not_before=timezone.now(),
            )
            if by is not None:
                _told(run, "asked", by)
    except IntegrityError as error:
        raise Busy from error
    return run


def take_in(run: ShopRun, *, by: Any) -> bool:
    """After the counting: take the range in. False when it was not counted, or is begun."""
    with transaction.atomic():
        counted = ShopRun.objects.filter(pk=run.pk, kind=RunKind.COUNT, state=RunState.COUNTED)
        seen = run.counts.get("orders", 0)
        cursor = {"since": _start_of(run.shop, run.first_day).isoformat()}
        if run.last_day is not None:
            cursor["until"] = _midnight(run.last_day + dt.timedelta(days=1)).isoformat()
        busy = ShopRun.objects.filter(
            shop=run.shop, kind=RunKind.BACKFILL, state=RunState.RUNNING
        ).exists()
        begun = not busy and counted.update(
            kind=RunKind.BACKFILL,
            state=RunState.RUNNING,
            cursor=cursor,
            counts={"counted": run.counts},
            expected=seen,
            failures=0,
            not_before=timezone.now(),
            finished_at=None,
        )
        if begun:
            _told(run, "taken_in", by)
    return bool(begun)


def cancel(run: ShopRun, *, by: Any) -> bool:
    """No more pages; what was taken in stays. False when it was over."""
    with transaction.atomic():
        stopped = ShopRun.objects.filter(
            pk=run.pk, state__in=(RunState.RUNNING, RunState.COUNTED)
        ).update(state=RunState.CANCELLED, finished_at=timezone.now(), holder="", lease_until=None)
        if stopped:
            _told(run, "cancelled", by)
    return bool(stopped)


def advance(pk: int, seconds: float = _TURN_SECONDS) -> bool:
    """Go on with a run for a turn; True when it is worth going on at once. Does nothing when
    another worker has it."""
    holder = secrets.token_hex(16)
    if not _nobodys().filter(pk=pk).update(holder=holder, lease_until=timezone.now() + _LEASE):
        return False
    run = ShopRun.objects.select_related("shop__tenant").get(pk=pk)
    held = ShopRun.objects.filter(pk=pk, holder=holder, state=RunState.RUNNING)
    end = time.monotonic() + seconds
    try:
        with connections.asker_for(run.shop) as asker:
            while _go_on(run, held, asker):
                if time.monotonic() >= end:
                    return True
    except AskFailed as error:
        _failed(run, held, error)
    except filing.TenantClosed:
        connections.end(run.shop, by=None)
    except Exception:
        # Told on the shop's page and by an alert; what it was is in the log.
        _failed(run, held, AskFailed("crashed"))
        raise
    finally:
        ShopRun.objects.filter(pk=pk, holder=holder).update(holder="", lease_until=None)
    return False


def _nobodys() -> QuerySet[ShopRun]:
    now = timezone.now()
    due = ShopRun.objects.filter(state=RunState.RUNNING, not_before__lte=now)
    free = due.filter(Q(lease_until=None) | Q(lease_until__lt=now))
    return free.filter(shop__state__in=_OPEN).exclude(shop__tenant__state=TenantState.CLOSED)


def _go_on(run: ShopRun, held: QuerySet[ShopRun], asker: Asker) -> bool:
    """One page. False at the end, when the run is somebody else's, or when the shop is to be left
    alone for a while."""
    if not held.update(lease_until=timezone.now() + _LEASE):
        return False
    page = talk_of(run.shop).page(asker, run)
    if run.expected is None and page.total is not None:
        run.expected = page.total
    if run.kind != RunKind.TEST:
        _take(run, page, asker)
    return _commit(run, held, page)


def _take(run: ShopRun, page: Page, asker: Asker) -> None:
    again = run.kind == RunKind.BACKFILL
    talk = talk_of(run.shop)
    taking = Taking(run.shop, again=again, backfill=run.kind in (RunKind.BACKFILL, RunKind.COUNT))
    for raw, data in page.orders:
        _count(run.counts, "orders")
        if run.kind == RunKind.COUNT:
            _add(run.counts, taking.preview(data))
            continue
        refunds = talk.refunds(asker, data) if taking.refunds_to_read(data) else []
        order, *others = taking.take(raw, data, refunds)
        _add(run.counts, order)
        for refund in others:
            _count(run.counts, "refunds")
            _add(run.counts, refund)


def _add(counts: dict[str, Any], taken: Taken) -> None:
    if taken.outcome == OrderState.LEFT_OUT:
        reasons = counts.setdefault("left_out", {})
        reasons[taken.reason] = reasons.get(taken.reason, 0) + 1
        return
    _count(counts, taken.outcome)
    if taken.outcome == OrderState.ACCEPTED:
        sums = counts.setdefault("sums", {})
        before = Decimal(sums.get(taken.currency, "0"))
        sums[taken.currency] = f"{before + taken.total:f}"


def _count(counts: dict[str, Any], name: str) -> None:
    counts[name] = counts.get(name, 0) + 1


def _commit(run: ShopRun, held: QuerySet[ShopRun], page: Page) -> bool:
    """The page is done: where to go on from, together with what came of it."""
    now = timezone.now()
    over = page.cursor is None or run.kind == RunKind.TEST
    fields: dict[str, Any] = {"counts": run.counts, "expected": run.expected, "failures": 0}
    fields |= {"cause": "", "cause_detail": ""}
    if over:
        done = RunState.COUNTED if run.kind == RunKind.COUNT else RunState.DONE
        fields |= {"state": done, "finished_at": now}
    else:
        run.cursor = page.cursor
        fields |= {"cursor": page.cursor}
        fields |= {"not_before": now + dt.timedelta(seconds=page.wait_seconds)}
    with transaction.atomic():
        # The shop first, as whoever ends it does.
        ShopConnection.objects.select_for_update(no_key=True).get(pk=run.shop_id)
        if not held.update(**fields):
            return False
        if run.kind == RunKind.PULL:
            _note_pull(run.shop, page, over)
        if over or run.failures:
            connections.succeeded(run.shop)
    run.failures = 0
    return not over and not page.wait_seconds


def _note_pull(shop: ShopConnection, page: Page, over: bool) -> None:
    fields: dict[str, Any] = {}
    # A moment that is yet to come would hide what changes until then.
    newest = min(page.newest, timezone.now()) if page.newest else None
    if newest and (shop.changed_since is None or newest > shop.changed_since):
        shop.changed_since = fields["changed_since"] = newest
    if over:
        wait = dt.timedelta(seconds=settings.SHOPS_PULL_SECONDS)
        fields["pull_after"] = timezone.now() + wait
    if fields:
        ShopConnection.objects.filter(pk=shop.pk).update(**fields)


def _failed(run: ShopRun, held: QuerySet[ShopRun], error: AskFailed) -> None:
    """A shop that asks us to wait has not failed. Others are asked again, some time later; a key
    that is refused is not tried again by the run."""
    now = timezone.now()
    facts = {"cause": error.code, "cause_detail": error.detail}
    if error.code == "limited" and run.kind != RunKind.TEST:
        held.update(not_before=now + dt.timedelta(seconds=error.retry_after), **facts)
        return
    again = connections.failed(run.shop, error)
    hopeless = error.code in connections.HOPELESS
    if hopeless or run.kind == RunKind.TEST or run.failures + 1 >= _MOST_FAILURES:
        held.update(state=RunState.FAILED, finished_at=now, **facts)
    else:
        held.update(failures=run.failures + 1, not_before=again, **facts)


def _start_of(shop: ShopConnection, first_day: dt.date | None) -> dt.datetime:
    if first_day is not None:
        return _midnight(first_day)
    if shop.changed_since is not None:
        return shop.changed_since - OVERLAP
    return _midnight(shop.since)


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time.min, _HELSINKI)


def _told(run: ShopRun, action: str, by: Any) -> None:
    facts = {"shop": run.shop_id, "name": run.shop.name, "run": run.pk, "kind": run.kind}
    if run.first_day and run.last_day:
        facts |= {"from": run.first_day.isoformat(), "to": run.last_day.isoformat()}
    audit.record(f"shop.run_{action}", tenant=run.shop.tenant, by=by, data=facts)
