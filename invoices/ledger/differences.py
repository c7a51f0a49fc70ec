"""What is open: opened when a reading shows it, ended when a later one does not, or by a person.

The only writer of `LedgerDifference`. A person's word holds for exactly the facts it was given
for: the same thing is not opened again, another total of the same invoice is.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Count, Min, Q, QuerySet, Sum
from django.utils import timezone

from integrations.models import Tenant
from invoices import audit
from invoices.ledger.comparing import Difference
from invoices.ledger_models import DifferenceKind, LedgerDifference

_Key = tuple[Any, ...]


def settle_days(
    tenant: Tenant, days: Collection[dt.date], found: Iterable[Difference]
) -> set[dt.date]:
    """Make what is open of these days what was found, and return the days with something open:
    what a person explained, and is still so, is not."""
    rows = LedgerDifference.objects.filter(tenant=tenant, day__in=days)
    rows = rows.exclude(kind=DifferenceKind.STILL_UNFINISHED)
    return _settle(tenant, rows, found, {})


def settle_unfinished(
    tenant: Tenant, found: Iterable[Difference], since: dict[int, dt.datetime]
) -> None:
    """Make what is open as still unfinished what was found; `since` by export."""
    rows = LedgerDifference.objects.filter(tenant=tenant, kind=DifferenceKind.STILL_UNFINISHED)
    _settle(tenant, rows, found, since)


def _settle(
    tenant: Tenant,
    rows: QuerySet[LedgerDifference],
    found: Iterable[Difference],
    since: dict[int, dt.datetime],
) -> set[dt.date]:
    now = timezone.now()
    known = {_key(row): row for row in rows.filter(ended_at=None)}
    # The newest word of a person on each thing, whatever was seen in between.
    told = {_key(row): row for row in rows.filter(ended_by__isnull=False).order_by("pk")}
    opened, seen, new = set(), set(), []
    for each in found:
        key = _key_of(each)
        seen.add(key)
        if key in told and key not in known:
            continue
        opened.add(each.day)
        if key not in known:
            began = since.get(each.export or 0, now)
            new.append(_row(tenant, each, began))
    over = [row.pk for key, row in known.items() if key not in seen]
    LedgerDifference.objects.bulk_create(new)
    LedgerDifference.objects.filter(pk__in=over).update(ended_at=now)
    return opened


def _key(row: LedgerDifference) -> _Key:
    facts = (row.facts.get("theirs", ""), row.facts.get("ours", ""))
    return (row.kind, row.day, row.number, row.export_id, row.remote_id, *facts)


def _key_of(each: Difference) -> _Key:
    parts = (each.kind, each.day, each.number[:100], each.export, each.remote_id)
    return (*parts, each.theirs, each.ours)


def _row(tenant: Tenant, each: Difference, since: dt.datetime) -> LedgerDifference:
    return LedgerDifference(
        tenant=tenant,
        day=each.day,
        kind=each.kind,
        export_id=each.export,
        remote_id=each.remote_id,
        number=each.number[:100],
        currency=each.currency,
        total=each.total,
        facts=each.facts,
        since=since,
    )


def assign(rows: Iterable[LedgerDifference], to: User | None, *, by: User) -> int:
    """Let `to` look after these, nobody when None; returns for how many that is new."""
    wanted = LedgerDifference.objects.filter(pk__in=[row.pk for row in rows], ended_at=None)
    with transaction.atomic():
        changed = list(wanted.exclude(assignee=to) if to else wanted.exclude(assignee=None))
        if to:
            changed += list(wanted.filter(assignee=None))
        fresh = {row.pk: row for row in changed}
        LedgerDifference.objects.filter(pk__in=fresh).update(assignee=to)
        for row in fresh.values():
            audit.record(
                "difference.assigned", **_about(row, by, to=audit.person(to) if to else "")
            )
    return len(fresh)


def explain(row: LedgerDifference, *, by: User, reason: str) -> bool:
    """A person's word that this is as it should be, or was dealt with. False when it has ended
    already. Only for `days.explain`, which judges the day anew."""
    with transaction.atomic():
        open_one = LedgerDifference.objects.filter(pk=row.pk, ended_at=None)
        if not open_one.update(ended_at=timezone.now(), ended_by=by, reason=reason[:500]):
            return False
        audit.record("difference.explained", **_about(row, by, reason=reason))
    return True


def _about(row: LedgerDifference, by: User, **data: Any) -> dict[str, Any]:
    facts = {"what": row.kind, "number": row.number, "day": row.day.isoformat()} | data
    return {"tenant": row.tenant, "export": row.export, "by": by, "data": facts}


def open_rows() -> QuerySet[LedgerDifference]:
    """Everything open, the oldest first."""
    return LedgerDifference.objects.filter(ended_at=None).order_by("since", "pk")


def open_counts(tenant: Tenant | None = None) -> dict[str, dict[str, Any]]:
    """For a dashboard, one query: {kind: {count, euros, oldest, nobodys}} of what is open; kinds
    with nothing open are left out. `euros`: Decimal with VAT, of invoices in euros alone;
    `oldest`: an aware moment; `nobodys`: how many have no owner."""
    rows = LedgerDifference.objects.filter(ended_at=None).order_by()
    if tenant is not None:
        rows = rows.filter(tenant=tenant)
    counted = rows.values("kind").annotate(
        count=Count("pk"),
        euros=Sum("total", filter=Q(currency="EUR")),
        oldest=Min("since"),
        nobodys=Count("pk", filter=Q(assignee=None)),
    )
    return {
        row["kind"]: {
            "count": row["count"],
            "euros": row["euros"] or Decimal(0),
            "oldest": row["oldest"],
            "nobodys": row["nobodys"],
        }
        for row in counted
    }
