"""Counts facts as the database groups them: the figures that they add up to."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from decimal import Decimal
from typing import Any

from django.db.models import BigIntegerField, Count, F, QuerySet, Sum
from django.db.models.functions import Cast, Round

from invoices.report_models import ExportFact, FactState

#: The figures that count exports; each has a total with VAT beside it.
COUNTS = ("taken", "failed", "waiting", "skipped", "exported", "first_pass")
#: (tenant or None for all, day, currency).
Key = tuple[int | None, dt.date, str]
#: Counts and totals by column, times by bucket (an integer).
Figures = Counter[Any]


def total_cents(field: str = "total") -> Sum:
    """The sum in whole cents: SQLite would add fractions that are not quite decimal."""
    return Sum(Cast(Round(F(field) * 100), BigIntegerField()))


def from_cents(cents: int | None) -> Decimal:
    return Decimal(cents or 0).scaleb(-2)


def counted(tenant: int | None) -> dict[Key, Figures]:
    """The figures of a tenant, or (None) of all together, counted in full. Two queries."""
    facts = ExportFact.objects.all()
    if tenant is not None:
        facts = facts.filter(tenant=tenant)
    found = contributions(facts)
    return {key: figures for key, figures in found.items() if key[0] == tenant}


def contributions(facts: QuerySet[ExportFact]) -> dict[Key, Figures]:
    """What these facts add to the figures of each tenant and of all. Two queries."""
    found: defaultdict[Key, Figures] = defaultdict(Counter)
    taken = facts.order_by().values_list("tenant", "currency", "taken_on", "state")
    for tenant, currency, day, state, count, cents in _summed(taken):
        figures = found[tenant, day, currency]
        _add(figures, "taken", count, cents)
        if state != FactState.EXPORTED:
            _add(figures, state, count, cents)
    exported = facts.order_by().filter(exported_on__isnull=False)
    done = exported.values_list("tenant", "currency", "exported_on", "first_pass", "bucket")
    for tenant, currency, day, first_pass, bucket, count, cents in _summed(done):
        figures = found[tenant, day, currency]
        _add(figures, "exported", count, cents)
        figures[bucket] += count
        if first_pass:
            _add(figures, "first_pass", count, cents)
    for (_tenant, day, currency), figures in list(found.items()):
        found[None, day, currency].update(figures)
    return found


def _summed(groups: Any) -> Any:
    return groups.annotate(count=Count("pk"), cents=total_cents())


def _add(figures: Any, name: str, count: int, cents: int | None) -> None:
    figures[name] += count
    figures[f"{name}_total"] += from_cents(cents)
