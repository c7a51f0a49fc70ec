"""Keeps facts and figures up to date behind the engine's back.

A pass takes the audit events since the last one, looks at their exports, and changes facts and
figures by the difference, in one transaction. So a pass that is killed, doubled or late counts
nothing twice, and a restored backup goes on from its own cursor. The engine writes nothing for
it: every move of an export has its audit event anyway.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from django.db import connection, transaction
from django.db.models import F, Q
from django.utils import timezone

from invoices.bulk import store_selected, update_each
from invoices.models import AuditEvent, InvoiceExport
from invoices.report_models import ExportFact, Rollup, RollupCursor
from invoices.reports.counting import COUNTS, Figures, Key, contributions, counted
from invoices.reports.facts import FIELDS, described

#: Events read at once, and exports counted in one short transaction.
_EVENTS = 2000
_EXPORTS = 4000
#: So many new events, and more than there are exports, are not read: every export is looked at.
_MANY = 50_000
_PAUSE_SECONDS = 0.02
FIGURES = [name for figure in COUNTS for name in (figure, f"{figure}_total")]


def cursor() -> RollupCursor:
    return RollupCursor.objects.get_or_create(pk=1)[0]


def roll_up(*, budget_seconds: float = 20) -> bool:
    """Count what has happened since the last pass. False when time ran out: the next pass goes
    on. Safe to run twice at once."""
    until = time.monotonic() + budget_seconds
    began = timezone.now()
    state = cursor()
    newest = AuditEvent.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    final = _final(state, newest)
    if state.filled is not None or _is_far_behind(final - state.settled):
        if not _fill(state, final, until):
            return False
        state.refresh_from_db()
    position = state.settled
    while position < newest:
        if time.monotonic() > until:
            return False
        events = AuditEvent.objects.filter(pk__gt=position, pk__lte=newest).order_by("pk")
        read = list(events.values_list("pk", "export_id")[:_EVENTS])
        take({export for _pk, export in read if export is not None})
        position = read[-1][0] if read else newest
        _settle(min(position, final))
    RollupCursor.objects.filter(pk=1).update(counted_at=began)
    return True


def _is_far_behind(events: int) -> bool:
    return events > _MANY and events > InvoiceExport.objects.count()


def _fill(state: RollupCursor, final: int, until: float) -> bool:
    """Look at every export in place of the events up to `final`, in turns: `filled` is the last
    one that was looked at. False when time ran out, or another pass is ahead of this one.

    What moves behind it has an event after `final`, and is counted by that.
    """
    mine = RollupCursor.objects.filter(pk=1)
    if state.filled is None:
        if not mine.filter(filled=None, settled=state.settled).update(filled=0, seen=final):
            return False
        state.filled, state.seen = 0, final
    for pks in chunks_of_exports(_EXPORTS, after=state.filled):
        if time.monotonic() > until:
            return False
        _take_all(pks)
        if not mine.filter(filled=state.filled, seen=state.seen).update(filled=pks[-1]):
            return False
        state.filled = pks[-1]
    done = mine.filter(filled=state.filled, seen=state.seen)
    return bool(done.update(filled=None, settled=state.seen))


def _final(state: RollupCursor, newest: int) -> int:
    """The last event below which none can become visible any more.

    PostgreSQL gives numbers before the commit: a long transaction's events appear below newer
    ones. They are all there once no transaction runs that was there when the newest was seen.
    That is noted by the pass after the one that saw it, because a transaction may have taken its
    events' numbers a moment before it has a number of its own.
    """
    if connection.vendor != "postgresql":
        return newest  # one writer at a time
    if state.settled >= state.seen:
        RollupCursor.objects.filter(pk=1, seen=state.seen).update(
            seen=newest, seen_transaction=None
        )
        return state.settled
    with connection.cursor() as sql:
        sql.execute(
            "SELECT pg_snapshot_xmin(s)::text::bigint, pg_snapshot_xmax(s)::text::bigint "
            "FROM pg_current_snapshot() s"
        )
        oldest_running, following = sql.fetchone()
    if state.seen_transaction is None:
        RollupCursor.objects.filter(pk=1, seen=state.seen, seen_transaction=None).update(
            seen_transaction=following
        )
        return state.settled
    return state.seen if oldest_running >= state.seen_transaction else state.settled


def _settle(event: int) -> None:
    RollupCursor.objects.filter(pk=1, settled__lt=event).update(settled=event)


def take(export_pks: Collection[int]) -> int:
    """Count these exports as they are now, in place of what they were counted for; returns how
    many had changed."""
    ordered = sorted(export_pks)
    chunks = (ordered[at : at + _EXPORTS] for at in range(0, len(ordered), _EXPORTS))
    return sum(_alone(partial(_take, {"pk__in": pks})) for pks in chunks)


def _take_all(pks: Sequence[int]) -> int:
    """The same for all exports from the first one to the last one."""
    changed = _alone(partial(_take, {"pk__gte": pks[0], "pk__lte": pks[-1]}))
    if connection.vendor == "sqlite":
        # There everybody waits for the one writer, and looks again after 1 to 25 ms at first.
        time.sleep(_PAUSE_SECONDS)
    return changed


def _alone(work: Callable[[int], int | None]) -> int:
    """Do `work` with the version of what it is based on until nobody has changed it meanwhile."""
    while True:
        done = work(cursor().version)
        if done is not None:
            return done


def _first(version: int) -> bool:
    """Inside a transaction: whether nobody has changed anything since `version` was read."""
    unchanged = RollupCursor.objects.filter(pk=1, version=version)
    return bool(unchanged.update(version=F("version") + 1))


def _take(which: Mapping[str, Any], version: int) -> int | None:
    facts = ExportFact.objects.filter(**which)
    with transaction.atomic():
        if not _first(version):
            return None
        old = contributions(facts)
        exports = InvoiceExport.objects.filter(**which)
        changed = store_selected(ExportFact, FIELDS, described(exports))
        if changed:
            _add(_difference(contributions(facts), old))
    return changed


def forget(export_pks: Collection[int]) -> None:
    """Inside the transaction that deletes these exports: what they count for goes with them."""
    RollupCursor.objects.filter(pk=cursor().pk).update(version=F("version") + 1)
    facts = ExportFact.objects.filter(pk__in=export_pks)
    _add(_difference({}, contributions(facts)))
    facts.delete()


def _difference(new: Mapping[Key, Figures], old: Mapping[Key, Figures]) -> dict[Key, Figures]:
    found: dict[Key, Figures] = {}
    for key in {*new, *old}:
        difference: Figures = Counter(new.get(key, {}))
        difference.subtract(old.get(key, {}))
        if any(difference.values()):
            found[key] = difference
    return found


def _add(differences: Mapping[Key, Figures]) -> None:
    """Change the stored figures by the differences."""
    if not differences:
        return
    tenants = {tenant for tenant, _day, _currency in differences if tenant is not None}
    days = {day for _tenant, day, _currency in differences}
    near = Rollup.objects.filter(Q(tenant__in=tenants) | Q(tenant=None), day__in=days)
    rows = {(row.tenant_id, row.day, row.currency): row for row in near}
    fresh: list[Rollup] = []
    changed: list[Rollup] = []
    empty: list[Rollup] = []
    for key, difference in differences.items():
        tenant, day, currency = key
        row = rows.get(key) or Rollup(tenant_id=tenant, day=day, currency=currency)
        _change(row, difference)
        if row.pk is None:
            fresh.append(row)
        else:
            (changed if row.taken or row.exported else empty).append(row)
    Rollup.objects.bulk_create(fresh)
    Rollup.objects.filter(pk__in=[row.pk for row in empty]).delete()
    wanted = ("pk", *FIGURES, "times")
    each = [{name: getattr(row, name) for name in wanted} for row in changed]
    update_each(Rollup, each, match=(), where={}, values={})


def _change(row: Rollup, difference: Figures) -> None:
    times = Counter({int(bucket): count for bucket, count in row.times.items()})
    for name, amount in difference.items():
        if isinstance(name, int):
            times[name] += amount
        else:
            setattr(row, name, getattr(row, name) + amount)
    row.times = {str(bucket): count for bucket, count in sorted(times.items()) if count}


def rebuild() -> dict[str, int]:
    """Count everything anew while all goes on: every export, then every day's figures. Returns
    how many {exports, days} had been counted wrongly."""
    exports = sum(_take_all(pks) for pks in chunks_of_exports(_EXPORTS))
    days = 0
    for tenant in owners():
        days += _alone(partial(_recount, tenant))
    return {"exports": exports, "days": days}


def chunks_of_exports(size: int, *, after: int = 0) -> Iterator[list[int]]:
    """The primary keys of all exports after that one, in order."""
    last = after
    exports = InvoiceExport.objects.order_by("pk").values_list("pk", flat=True)
    while pks := list(exports.filter(pk__gt=last)[:size]):
        yield pks
        last = pks[-1]


def owners() -> list[int | None]:
    """Whose figures there are or ought to be: all tenants together (None), then each."""
    counted_ones = set(ExportFact.objects.order_by().values_list("tenant", flat=True).distinct())
    had = set(Rollup.objects.exclude(tenant=None).values_list("tenant", flat=True).distinct())
    return [None, *sorted(counted_ones | had)]


def kept(tenant: int | None) -> dict[Key, Figures]:
    """The stored figures of a tenant or of all, in the form of `counted`."""
    found: dict[Key, Figures] = {}
    for row in Rollup.objects.filter(tenant=tenant):
        figures: Figures = Counter({name: getattr(row, name) for name in FIGURES})
        figures.update({int(bucket): count for bucket, count in row.times.items()})
        found[row.tenant_id, row.day, row.currency] = figures
    return found


def differing(tenant: int | None) -> int:
    """How many of the tenant's days do not add up to its facts."""

    def compare(version: int) -> int | None:
        found = len(_difference(counted(tenant), kept(tenant)))
        return found if cursor().version == version else None

    return _alone(compare)


def _recount(tenant: int | None, version: int) -> int | None:
    difference: Any = _difference(counted(tenant), kept(tenant))
    with transaction.atomic():
        if not _first(version):
            return None
        _add(difference)
    return len(difference)
