"""Finds exports by what a person types, at a price that does not grow with their number.

Found are the beginning of an invoice number, the buyer's name from any of its words on, as
received and as corrected, Procountor's own number, and every export of a tenant whose name has
the words in it. Small and capital letters are the same, and so is all punctuation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from django.db import models
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from integrations.models import Tenant
from invoices.bulk import insert_each
from invoices.models import InvoiceExport
from invoices.search_models import SearchKey

_LONGEST = 60
_WORDS = 6
#: Shorter than that, a beginning would be almost everything's: found is what equals it.
_SHORTEST = 3
#: So few are found one by one, more by their keys, and many wherever they are in the list.
_FEW, _MANY = 1000, 20_000


@models.CharField.register_lookup
class BeginsWith(models.Lookup):
    """`key__begins_with="h 77"`, by an index of the column: SQLite's LIKE would not use it."""

    lookup_name = "begins_with"

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        left, values = self.process_lhs(compiler, connection)
        return f"({left} >= %s AND {left} < %s)", [*values, self.rhs, *values, _after(self.rhs)]

    def as_postgresql(self, compiler: Any, connection: Any) -> Any:
        left, values = self.process_lhs(compiler, connection)
        return f"{left} LIKE %s", [*values, f"{connection.ops.prep_for_like_query(self.rhs)}%"]


def folded(text: str) -> str:
    """Small letters and single spaces only."""
    return " ".join(re.findall(r"\w+", text.casefold()))[:_LONGEST]


def keys_of(number: str, buyer: str) -> list[str]:
    """What an export is found by, each once: the number, and the name from each of its words on
    that says something."""
    words = folded(buyer).split()
    tails = [
        " ".join(words[place:])
        for place in range(min(len(words), _WORDS))
        if place == 0 or len(words[place]) >= _SHORTEST
    ]
    return list(dict.fromkeys(key for key in (folded(number), *tails) if key))


def add(export_pk: int, number: str, buyer: str) -> None:
    """Let an export be found by these too."""
    add_each([(export_pk, number, buyer)])


def add_each(found: Iterable[tuple[int, str, str]]) -> None:
    """Let exports be found: by primary key, invoice number and buyer's name."""
    rows = [
        {"export_id": export_pk, "key": key}
        for export_pk, number, buyer in found
        for key in keys_of(number, buyer)
    ]
    insert_each(SearchKey, rows)


def found_by(
    text: str,
    rows: QuerySet[Any],
    *,
    export: str = "pk",
    tenant: str = "tenant",
    people: bool = True,
) -> QuerySet[Any]:
    """Those of `rows` whose export the text finds; all of them for an empty one. `export` and
    `tenant` are the ways from a row to the two. Where it finds many of all there are, the answer's
    `first_found` are those with the newest exports, for a list that need not offer all.
    Without `people` no buyer that has neither business ID nor VAT number is found by its name, and
    of many only the newest are found."""
    beginning = folded(text)
    if not beginning:
        return rows.none() if text.strip() else rows
    keys = matching_keys(beginning)
    count = keys[: _MANY + 1].count()
    newest = list(keys.order_by("-export").values_list("export", flat=True)[: _FEW + 1])
    if not people:
        newest = _without_people(newest, beginning)
    numbered = InvoiceExport.objects.filter(remote_number=text.strip()).values_list("pk")
    theirs = {pk for (pk,) in numbered}
    named = Tenant.objects.filter(name__icontains=text.strip()).values_list("pk")
    tenants = [pk for (pk,) in named]
    are_few_rows = bool(rows.query.where) and rows.order_by()[: _FEW + 1].count() <= _FEW
    if count <= _FEW or not people:
        found = rows.filter(_wanted(export, theirs.union(newest), tenant, tenants))
        if count > _FEW:
            vars(found)["first_found"] = found
        return found
    way = "pk" if export == "pk" else f"{export}__pk"
    often: QuerySet[Any] = rows.annotate(found_as=F(way) + 0)
    wanted: Any
    if count <= _MANY:
        wanted = Q(**{f"{export}__in": keys.values("export")})
    elif are_few_rows:
        # Few rows to look at: each is asked for its own keys.
        wanted = Q(Exists(keys.filter(export=OuterRef(way))))
    else:
        # By an expression: rows are rather looked at in the list's order, until there are enough.
        wanted = Q(found_as__in=keys.values("export"))
    if theirs or tenants:
        wanted |= _wanted(export, theirs, tenant, tenants)
    often = often.filter(wanted)
    if not rows.query.where and not tenants:
        first_found = rows.filter(_wanted(export, theirs.union(newest), tenant, tenants))
        vars(often)["first_found"] = first_found
    return often


def _wanted(export: str, exports: set[int], tenant: str, tenants: list[int]) -> Q:
    wanted = Q(**{f"{export}__in": exports})
    # Either of two is an outer join: asked for only where it can find something.
    return wanted | Q(**{f"{tenant}__in": tenants}) if tenants else wanted


def _without_people(exports: list[int], beginning: str) -> list[int]:
    """Those of the exports that are found by their number, or by the name of a company."""
    buyer = "invoice__content__buyer"
    wanted = ("pk", "invoice__number", f"{buyer}__business_id", f"{buyer}__vat_number")
    found = InvoiceExport.objects.filter(pk__in=exports).values_list(*wanted)
    return [
        export
        for export, number, business_id, vat_number in found
        if business_id or vat_number or folded(number).startswith(beginning)
    ]


def matching_keys(beginning: str) -> QuerySet[SearchKey]:
    """By a folded text."""
    if len(beginning) < _SHORTEST:
        return SearchKey.objects.filter(key=beginning)
    return SearchKey.objects.filter(key__begins_with=beginning)


def _after(beginning: str) -> str:
    """The first text that does not begin so, in the order of code points."""
    return beginning[:-1] + chr(ord(beginning[-1]) + 1)
