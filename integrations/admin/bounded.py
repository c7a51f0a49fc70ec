"""Lists of any length at one price: counted and sorted up to a bound, and said so beyond it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.admin.views.main import ORDER_VAR
from django.core.paginator import Paginator
from django.db import connections
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.utils.formats import number_format
from django.utils.functional import cached_property
from unfold.views import ChangeList

#: Up to so many rows a list is counted, leafed through and sorted by any column.
BOUND = 10_000
#: And one of what many rows have in common, as a word in the names of buyers.
SEARCH_BOUND = 1_000


class AtLeast(int):
    """A count that stopped there: "10,000+" wherever it is shown."""

    def __str__(self) -> str:
        return f"{number_format(int(self), use_l10n=True, force_grouping=True)}+"


def count(rows: QuerySet[Any], bound: int | None = None) -> int:
    """How many rows there are, exactly up to the bound and `AtLeast` the bound beyond it."""
    bound = BOUND if bound is None else bound
    # Read in any order: a database that sorts first has to find all rows.
    found = rows.order_by()[: bound + 1].count()
    return AtLeast(bound) if found > bound else found


def counts(rows: QuerySet[Any], field: str, values: Sequence[str]) -> dict[str, int]:
    """`count` of the rows with each value of a field: one query, for a field with an index."""
    parts: list[str] = []
    parameters: list[Any] = []
    for value in values:
        some = rows.order_by().filter(**{field: value}).values("pk")[: BOUND + 1]
        statement, own = some.query.sql_with_params()
        parts.append(f"(SELECT COUNT(*) FROM ({statement}) AS found)")  # nosec B608
        parameters += own
    with connections[rows.db].cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(parts)}", parameters)
        found = cursor.fetchone()
    return {
        value: AtLeast(BOUND) if counted > BOUND else counted
        for value, counted in zip(values, found, strict=True)
    }


class BoundedPaginator(Paginator):
    """Offers the pages up to the bound: what is further down is found by filter and search."""

    @cached_property
    def count(self) -> int:
        # The list has counted already, to know how to sort.
        known = getattr(self.object_list, "counted", None)
        return count(self.object_list) if known is None else known


class BoundedChangeList(ChangeList):
    """More rows than the bound are shown in the list's own order, whatever column was asked for:
    `is_too_long_to_sort`. That order is by the date that is filtered by, if one is."""

    is_too_long_to_sort = False
    counted: int
    result_list: Any
    queryset: Any

    def get_queryset(self, request: HttpRequest, *args: Any, **kwargs: Any) -> QuerySet[Any]:
        rows = super().get_queryset(request, *args, **kwargs)
        self.first_found = getattr(rows, "first_found", None)
        if self.first_found is not None:
            self.counted = AtLeast(count(self.first_found, SEARCH_BOUND))
        elif "found_as" in rows.query.annotations:
            self.first_found = self._first_of(rows)
            self.counted = count(self.first_found, SEARCH_BOUND)
        else:
            self.counted = count(rows)
        asked = bool(self.params.get(ORDER_VAR))
        own = self._own_order()
        if isinstance(self.counted, AtLeast):
            self.is_too_long_to_sort = asked
            return rows.order_by(*own)
        # So few that sorting them all is quick. By an expression, or a database that takes them
        # for many would walk along an index of all rows until it has found some.
        order = [_found_first(each) for each in (rows.query.order_by if asked else own)]
        return rows.order_by(*order)

    def _first_of(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """The first rows of many that are dear to find, so that they are looked for once."""
        first = rows.order_by(*self._own_order()).values_list("pk", flat=True)[: SEARCH_BOUND + 1]
        return self.apply_select_related(self.root_queryset.filter(pk__in=list(first)))

    def _own_order(self) -> list[str]:
        by_date = [
            f"-{spec.field_path}"
            for spec in self.filter_specs
            if getattr(spec, "orders_by_date", False) and spec.is_used()
        ]
        if not by_date:
            return list(self._get_default_ordering())
        path, _, _field = by_date[0].rpartition("__")
        return [by_date[0], f"{path}__pk" if path else "-pk"]

    def get_results(self, request: HttpRequest) -> None:
        whole: QuerySet[Any] = self.queryset
        if self.first_found is not None:
            self.queryset = self.first_found.order_by(*whole.query.order_by)
        self.queryset.counted = self.counted
        super().get_results(request)
        self.queryset = whole


def _found_first(order: Any) -> Any:
    if order in ("pk", "-pk"):
        return (F("pk") + 0).desc() if order == "-pk" else (F("pk") + 0).asc()
    return order
