"""What a day came to, kept: its verdict, sums and entries, and its seal.

The only writer of `LedgerDay` and `DaySeal`. A past day whose sets are equal, or whose every
difference a person explained, is sealed: the lines and their digest are evidence. What differs
from them later is named, line by line, until the day is sealed again.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Collection, Iterable
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from integrations.models import Tenant
from invoices import audit
from invoices.ledger import books, differences
from invoices.ledger.comparing import DayResult, Theirs
from invoices.ledger_models import DaySeal, DayVerdict, DifferenceKind, LedgerDay, LedgerDifference
from invoices.reconciliation import GONE

V = DayVerdict
Line = list[Any]
_FIELDS = ("id", "number", "date", "currency", "total", "status")
SEALED = (V.EQUAL, V.EXPLAINED)


def settle(tenant: Tenant, results: dict[dt.date, DayResult], read_at: dt.datetime) -> None:
    """Keep what the days came to, in one transaction with their differences and seals."""
    with transaction.atomic():
        # A person who explains something meanwhile waits, and judges again after this.
        rows = LedgerDay.objects.select_for_update(of=("self",)).select_related("seal")
        known = {row.day: row for row in rows.filter(tenant=tenant, day__in=results)}
        found = [each for result in results.values() for each in result.differences]
        opened = differences.settle_days(tenant, list(results), found)
        for day, result in results.items():
            row = known.get(day) or LedgerDay(tenant=tenant, day=day)
            row.verdict = _verdict(day, result, opened)
            row.cause, row.read_at = "", read_at
            row.sums, row.others = result.sums(), result.others
            row.entries = [_entry(each) for each in result.entries]
            _seal(row)
            row.save()


def not_comparable(tenant: Tenant, days: Collection[dt.date], cause: str) -> None:
    """Nothing can be said of these days: never green, whatever was read before. Their seals
    stay."""
    with transaction.atomic():
        known = LedgerDay.objects.filter(tenant=tenant, day__in=days)
        known.update(verdict=V.NOT_COMPARABLE, cause=cause[:40])
        missing = set(days) - set(known.values_list("day", flat=True))
        LedgerDay.objects.bulk_create(
            [
                LedgerDay(tenant=tenant, day=day, verdict=V.NOT_COMPARABLE, cause=cause[:40])
                for day in sorted(missing)
            ],
            ignore_conflicts=True,
        )


def explain(row: LedgerDifference, *, by: User, reason: str) -> bool:
    """A person's word that a difference is as it should be, or was dealt with; the day's verdict
    follows. False when it had ended already."""
    with transaction.atomic():
        if not differences.explain(row, by=by, reason=reason):
            return False
        _judge_again(row.tenant, row.day)
    return True


def _judge_again(tenant: Tenant, day: dt.date) -> None:
    """The day's verdict from the rows, without a request."""
    row = LedgerDay.objects.select_for_update().filter(tenant=tenant, day=day).first()
    if row is None or row.verdict != V.DIFFERENT:
        return
    still_open = differences.open_rows().filter(tenant=tenant, day=day)
    if still_open.exclude(kind=DifferenceKind.STILL_UNFINISHED).exists():
        return
    row.verdict = V.UNDER_WAY if books.are_under_way(tenant, day) else V.EXPLAINED
    _seal(row)
    row.save()


def _verdict(day: dt.date, result: DayResult, opened: set[dt.date]) -> DayVerdict:
    if result.is_equal:
        return V.EQUAL
    if day in opened:
        return V.DIFFERENT
    return V.UNDER_WAY if result.under_way else V.EXPLAINED


def _entry(found: Theirs) -> Line:
    date = found.date.isoformat() if found.date else ""
    total = "" if found.total is None else str(found.total)
    shown = [found.id, found.number, date, found.currency, total, found.status]
    return [*shown, found.remote_number, found.buyer]


def lines_of(entries: Iterable[Line]) -> list[Line]:
    """What a seal holds of a day's entries."""
    return sorted([*entry[:5], "gone" if entry[5] in GONE else "live"] for entry in entries)


def digest_of(lines: list[Line]) -> str:
    return hashlib.sha256(json.dumps(lines, ensure_ascii=False).encode()).hexdigest()


def _seal(row: LedgerDay) -> None:
    """Compare with the seal there is, and seal anew what may be."""
    lines = lines_of(row.entries)
    if row.seal is not None and row.seal.lines == lines:
        row.breaks = []
        return
    broken = breaks(row.seal.lines, lines) if row.seal is not None else []
    if broken and broken != row.breaks:
        data = {"day": row.day.isoformat(), "differences": [_told(each) for each in broken[:20]]}
        audit.record("ledger.seal_broken", tenant=row.tenant, data=data)
    row.breaks = broken
    if row.verdict not in SEALED or row.day >= timezone.localdate() or not lines:
        return
    row.seal = DaySeal.objects.create(
        tenant=row.tenant,
        day=row.day,
        digest=digest_of(lines),
        lines=lines,
        sealed_at=timezone.now(),
    )
    row.breaks = []
    sealed = {"day": row.day.isoformat(), "invoices": len(lines), "digest": row.seal.digest}
    audit.record("ledger.sealed", tenant=row.tenant, data=sealed)


def breaks(sealed: list[Line], now: list[Line]) -> list[dict[str, str]]:
    """What of the sealed lines is another or gone, [{id, number, field, was, is}]. Lines that
    came since break nothing by themselves: an invoice may be exported late."""
    present = {line[0]: line for line in now}
    found = []
    for line in sealed:
        current = present.get(line[0])
        about = {"id": str(line[0]), "number": str(line[1])}
        if current is None:
            found.append(about | {"field": "", "was": "live", "is": ""})
            continue
        found += [
            about | {"field": name, "was": str(was), "is": str(now_is)}
            for name, was, now_is in zip(_FIELDS, line, current, strict=True)
            if was != now_is
        ]
    return found


def _told(each: dict[str, str]) -> str:
    if not each["field"]:
        return f"{each['number']}: –"
    return f"{each['number']}, {each['field']}: {each['was']} → {each['is']}"
