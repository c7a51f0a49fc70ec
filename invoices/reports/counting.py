"""Counts the facts in full, as the database groups them: what the kept figures have to equal."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

from django.db.models import BigIntegerField, Count, F, Sum
from django.db.models.functions import Cast, Round

from invoices.report_models import ExportFact, FactState
from invoices.reports.facts import Figures, Key


def total_cents(field: str = "total") -> Sum:
    """The sum in whole cents: SQLite would add fractions that are not quite decimal."""
    return Sum(Cast(Round(F(field) * 100), BigIntegerField()))


def from_cents(cents: int | None) -> Decimal:
    return Decimal(cents or 0).scaleb(-2)


def counted(tenant: int | None) -> dict[Key, Figures]:
    """The figures of a tenant, or (None) of all together, by day and currency. Two queries."""
    facts = ExportFact.objects.order_by()
    if tenant is not None:
        facts = facts.filter(tenant=tenant)
    found: dict[Key, Figures] = {}
    taken = facts.values_list("taken_on", "currency", "state").annotate(
        count=Count("pk"), cents=total_cents()
    )
    for day, currency, state, count, cents in taken:
        figures = found.setdefault((tenant, day, currency), Counter())
        _add(figures, "taken", count, cents)
        if state != FactState.EXPORTED:
            _add(figures, state, count, cents)
    done = facts.filter(exported_on__isnull=False)
    groups = done.values_list("exported_on", "currency", "first_pass", "bucket")
    done_groups = groups.annotate(count=Count("pk"), cents=total_cents())
    for day, currency, first_pass, bucket, count, cents in done_groups:
        figures = found.setdefault((tenant, day, currency), Counter())
        _add(figures, "exported", count, cents)
        figures[bucket] += count
        if first_pass:
            _add(figures, "first_pass", count, cents)
    return found


def _add(figures: Any, name: str, count: int, cents: int | None) -> None:
    figures[name] += count
    figures[f"{name}_total"] += from_cents(cents)
