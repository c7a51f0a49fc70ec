"""The exports a reader has chosen: their rows in order, how many, and their totals.

Counts and totals come from the kept figures wherever these can say it: counting a million rows
takes too long for a page. What they cannot say, a page counts up to COUNTED. Rows come in the
order of their day, newest first, and the next page begins after the last row of this one. What
was corrected is shown as it counts, as in the list of exports.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from django.db.models import Count, Q, QuerySet, Sum

from invoices import corrections, finding
from invoices.report_models import ExportFact, FactState, Rollup
from invoices.reports.choosing import Chosen
from invoices.reports.columns import COLUMNS
from invoices.reports.counting import from_cents, total_cents

#: Of what the kept figures cannot say, a page counts no more.
COUNTED = 2_000
#: Columns that a correction may change, by their names in `corrections.Expected`.
_CORRECTED = {"date": "date", "due_date": "due_date", "buyer": "buyer_name"}
#: After a row: its day and its export.
Place = tuple[dt.date, int]


class Row(NamedTuple):
    """One export; `values` are those of the columns asked for."""

    export: int
    day: dt.date
    currency: str
    total: Decimal
    values: Sequence[Any]

    @property
    def place(self) -> Place:
        return self.day, self.export


@dataclass(frozen=True)
class Totals:
    """`sums` by currency: amounts in different currencies are never added. There are none, and
    more rows than `count`, where counting stopped."""

    count: int
    sums: dict[str, Decimal]
    stopped: bool = False


def chosen_facts(chosen: Chosen) -> QuerySet[ExportFact]:
    """The facts chosen, in no order."""
    facts = ExportFact.objects.order_by()
    if chosen.day == "exported":
        facts = facts.filter(exported_on__isnull=False)
    if chosen.days:
        facts = facts.filter(**{f"{chosen.day}_on__range": (chosen.first, chosen.last)})
    if chosen.tenant is not None:
        facts = facts.filter(tenant=chosen.tenant)
    if chosen.state:
        facts = facts.filter(state=chosen.state)
        # What the partial index holds.
        facts = facts.filter(exported_on__isnull=chosen.state != FactState.EXPORTED)
    if chosen.first_try:
        facts = facts.filter(exported_on__isnull=False, first_pass=chosen.first_try == "yes")
    if chosen.currency:
        facts = facts.filter(currency=chosen.currency)
    if chosen.q:
        facts = finding.found_by(chosen.q, facts, people=not chosen.no_people)
    return facts


def page_of(
    chosen: Chosen,
    columns: Sequence[str],
    size: int,
    after: Place | None = None,
    *,
    facts: QuerySet[ExportFact],
) -> list[Row]:
    """`size` rows at most of the facts chosen. Three queries: the first one is answered by an
    index alone, where a database that joins first would sort a million rows."""
    day = f"{chosen.day}_on"
    if after is not None:
        last, export = after
        # The second condition is for the index.
        facts = facts.filter(Q(**{f"{day}__lt": last}) | Q(pk__lt=export), **{f"{day}__lte": last})
    pks = list(facts.order_by(f"-{day}", "-pk").values_list("pk", flat=True)[:size])
    always = ("pk", day, "currency", "total")
    paths = [COLUMNS[name].path for name in columns]
    found = ExportFact.objects.filter(pk__in=pks).values_list(*always, *paths)
    rows = {row[0]: Row(row[0], row[1], row[2], row[3], row[4:]) for row in found}
    for pk, shown in corrections.latest_of(pks).items():
        rows[pk] = rows[pk]._replace(values=_as_it_counts(rows[pk].values, columns, shown))
    return [rows[pk] for pk in pks]


def _as_it_counts(
    values: Sequence[Any], columns: Sequence[str], shown: corrections.Expected
) -> Sequence[Any]:
    """The values of a row with what was corrected since the invoice was received."""
    return [
        getattr(shown, _CORRECTED[name]) if name in _CORRECTED else value
        for name, value in zip(columns, values, strict=True)
    ]


def rows_of(chosen: Chosen, columns: Sequence[str], size: int = 2000) -> Iterator[Row]:
    """All rows in order, a page at a time: in as much memory as a page takes."""
    after: Place | None = None
    facts = chosen_facts(chosen)
    while page := page_of(chosen, columns, size, after, facts=facts):
        yield from page
        after = page[-1].place


def totals(
    chosen: Chosen, *, facts: QuerySet[ExportFact] | None = None, most: int | None = None
) -> Totals:
    """How many were chosen, and their totals with VAT. One query, besides what a search takes
    where `facts` are not given. With `most`, what the kept figures cannot say is counted up to
    there."""
    figures = _kept(chosen)
    if figures is not None:
        return _totals(figures)
    if facts is None:
        facts = chosen_facts(chosen)
    if most is not None:
        # Grouped by the database, PostgreSQL would read the whole table beside the few.
        few = facts.values_list("currency", "total")[: most + 1]
        found = _totals((currency, 1, total) for currency, total in few)
        return found if found.count <= most else Totals(most, {}, stopped=True)
    counted = facts.values_list("currency").annotate(count=Count("pk"), cents=total_cents())
    return _totals((currency, count, from_cents(cents)) for currency, count, cents in counted)


def _totals(figures: Iterable[tuple[str, int, Decimal]]) -> Totals:
    count = 0
    sums: Any = Counter()
    for currency, number, total in figures:
        count += number
        sums[currency] += total
    return Totals(count, {currency: Decimal(sums[currency]) for currency in sorted(sums)})


def _kept(chosen: Chosen) -> list[tuple[str, int, Decimal]] | None:
    """(currency, count, total) from the kept figures; None when they cannot say it."""
    names = _columns(chosen)
    if chosen.q or names is None:
        return None
    kept = Rollup.objects.order_by().filter(tenant=chosen.tenant)
    if chosen.days:
        kept = kept.filter(day__range=(chosen.first, chosen.last))
    if chosen.currency:
        kept = kept.filter(currency=chosen.currency)
    found = []
    for row in _summed(kept, names):
        plus, *minus = names
        count = row[f"{plus}_sum"] - sum(row[f"{name}_sum"] for name in minus)
        cents = row[f"{plus}_cents"] - sum(row[f"{name}_cents"] for name in minus)
        if count:
            found.append((row["currency"], count, from_cents(cents)))
    return found


def _summed(kept: Any, names: list[str]) -> list[dict[str, Any]]:
    wanted: dict[str, Any] = {}
    for name in names:
        wanted[f"{name}_sum"] = Sum(name)
        wanted[f"{name}_cents"] = total_cents(f"{name}_total")
    return list(kept.values("currency").annotate(**wanted))


def _columns(chosen: Chosen) -> list[str] | None:
    """The kept figure that counts what is chosen, and those to be taken from it."""
    if chosen.day == "exported":
        if chosen.first_try == "no":
            return ["exported", "first_pass"]
        return ["first_pass"] if chosen.first_try else ["exported"]
    if chosen.first_try and chosen.days:
        return None
    if chosen.first_try:
        return ["first_pass"] if chosen.first_try == "yes" else ["exported", "first_pass"]
    if chosen.state == FactState.EXPORTED:
        return ["taken", *(state for state in FactState.values if state != FactState.EXPORTED)]
    return [chosen.state or "taken"]
