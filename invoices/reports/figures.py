"""The dashboard's figures, from the kept ones: a few queries, whatever the history's length."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db.models import Sum

from invoices.report_models import Rollup
from invoices.reports import times
from invoices.reports.counting import COUNTS, from_cents, total_cents
from invoices.reports.periods import Period

#: Ages of open failures: from and to so many days since intake; the last one has no end.
AGES = ((0, 1), (2, 7), (8, 30), (31, None))


@dataclass
class Sums:
    """Counts over all currencies, totals by currency, and times."""

    counts: Counter[str] = field(default_factory=Counter)
    totals: dict[str, dict[str, Decimal]] = field(default_factory=dict)
    times: Counter[int] = field(default_factory=Counter)

    def add(self, row: Rollup) -> None:
        for name in COUNTS:
            count = getattr(row, name)
            self.counts[name] += count
            if count:
                by_currency = self.totals.setdefault(name, {})
                total = getattr(row, f"{name}_total")
                by_currency[row.currency] = by_currency.get(row.currency, Decimal(0)) + total
        self.times += times.merged([row.times])

    @property
    def first_pass_percent(self) -> float | None:
        exported = self.counts["exported"]
        return 100 * self.counts["first_pass"] / exported if exported else None

    def seconds(self, percent: int) -> float | None:
        return times.percentile(self.times, percent)


def of_periods(tenant: int | None, *periods: Period) -> list[tuple[Sums, dict[dt.date, Sums]]]:
    """For each period its sums, and those of each day that has any. One query."""
    first = min(period.first for period in periods)
    last = max(period.last for period in periods)
    rows = list(Rollup.objects.filter(tenant=tenant, day__range=(first, last)).order_by("day"))
    return [_of_period(rows, period) for period in periods]


def _of_period(rows: Iterable[Rollup], period: Period) -> tuple[Sums, dict[dt.date, Sums]]:
    whole, days = Sums(), dict[dt.date, Sums]()
    for row in rows:
        if period.first <= row.day <= period.last:
            whole.add(row)
            days.setdefault(row.day, Sums()).add(row)
    return whole, days


def of_tenants(period: Period, most: int) -> list[dict[str, Any]]:
    """The tenants with the most exported invoices of the period, each {tenant, name, the counts,
    totals of what was exported by currency}. Two queries."""
    kept: Any = Rollup.objects.order_by().filter(
        tenant__isnull=False, day__range=(period.first, period.last)
    )
    counted = kept.values("tenant", "tenant__name").annotate(
        **{f"n_{name}": Sum(name) for name in COUNTS}
    )
    found = {
        row["tenant"]: {
            "tenant": row["tenant"],
            "name": row["tenant__name"],
            "totals": {},
            **{name: row[f"n_{name}"] for name in COUNTS},
        }
        for row in counted.order_by("-n_exported", "-n_taken", "tenant")[:most]
    }
    totals = kept.filter(tenant__in=found, exported__gt=0)
    for row in totals.values("tenant", "currency").annotate(cents=total_cents("exported_total")):
        found[row["tenant"]]["totals"][row["currency"]] = from_cents(row["cents"])
    return list(found.values())


def open_failures(tenant: int | None, today: dt.date) -> list[tuple[Period, Sums]]:
    """What has failed and is open now, by age: each age as its days of intake. One query."""
    rows = list(Rollup.objects.filter(tenant=tenant, failed__gt=0))
    found = []
    for youngest, oldest in AGES:
        last = today - dt.timedelta(days=youngest)
        first = today - dt.timedelta(days=oldest) if oldest is not None else dt.date(2000, 1, 1)
        sums = Sums()
        for row in rows:
            if first <= row.day <= last:
                sums.add(row)
        found.append((Period(first, last), sums))
    return found
