"""Query parameters and pages as the contract describes them (REFERENCE section 7)."""

from __future__ import annotations

import datetime as dt
from typing import TypeVar

from .validation import contract, invalid, parse_date, parse_date_time
from .wire import Json, Refused

Moment = TypeVar("Moment", dt.date, dt.datetime)

DEFAULT_SIZE = 50
LARGEST_SIZE = 200


class Query:
    """Reads one request's query. Every reader raises Refused (400) for an unfit value."""

    def __init__(self, values: dict[str, list[str]]) -> None:
        self._values = values

    def text(self, name: str, default: str = "") -> str:
        return self._values.get(name, [default])[-1]

    def integer(self, name: str, default: int | None = None) -> int | None:
        text = self.text(name)
        if not text:
            return default
        if not text.removeprefix("-").isdecimal() or not text.isascii() or len(text) > 10:
            raise _unfit(name, "not an integer")
        return int(text)

    def choices(self, name: str, enum: str) -> list[str]:
        """Comma-separated or repeated values of an enum; empty when left out."""
        found = [item for text in self._values.get(name, []) for item in text.split(",") if item]
        if any(item not in contract()["enums"][enum] for item in found):
            raise _unfit(name, "not one of the allowed values")
        return found

    def date(self, name: str) -> dt.date | None:
        return self._known(name, parse_date(self.text(name)), "not a date")

    def date_time(self, name: str) -> dt.datetime | None:
        return self._known(name, parse_date_time(self.text(name)), "not a date and time")

    def _known(self, name: str, found: Moment | None, why: str) -> Moment | None:
        if self.text(name) and found is None:
            raise _unfit(name, why)
        return found


def page_of(items: list[Json], query: Query, *, id_name: str = "id", order: str = "DESC") -> Json:
    """One page of `items`: `results` and `meta`; by `previousId` or `page`, sorted by id."""
    order = (query.choices("orderById", "SortOrder") or [order])[0]
    size = query.integer("size", DEFAULT_SIZE)
    page = query.integer("page", 0)
    previous = query.integer("previousId")
    if size is None or not 1 <= size <= LARGEST_SIZE:
        raise _unfit("size", f"not from 1 to {LARGEST_SIZE}")
    if page is None or page < 0:
        raise _unfit("page", "less than 0")
    total = len(items)
    items = sorted(items, key=lambda item: int(item[id_name]), reverse=order == "DESC")
    if previous is not None:
        items = [i for i in items if (i[id_name] > previous) == (order == "ASC")]
        items = [i for i in items if i[id_name] != previous]
    results = items[page * size : (page + 1) * size]
    meta = {
        "pageNumber": page,
        "pageSize": size,
        "resultCount": len(results),
        "totalCount": total,
    }
    return {"results": results, "meta": meta}


def _unfit(name: str, why: str) -> Refused:
    return Refused(400, [invalid(name, why)])
