"""What differs between two documents, field by field. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from invoices.document import InvoiceDocument

#: So many are told; who compares more has two different invoices.
MOST = 200


def differences(old: InvoiceDocument, new: InvoiceDocument) -> list[dict[str, str]]:
    """[{field, old, new}] as texts, in the order of the document; at most MOST. A field is named
    as problems name it (`buyer.address.zip`, `rows[2].unit`). 290 and 290.00 are the same. A row
    that only one of them has is one difference, told by its name, quantity and price."""
    before, after = dict(_leaves(old.model_dump())), dict(_leaves(new.model_dump()))
    for side, rows, others in ((before, old.rows, new.rows), (after, new.rows, old.rows)):
        for position, row in enumerate(rows[len(others) :], len(others) + 1):
            place = f"rows[{position}]"
            for name in [name for name in side if name.startswith(f"{place}.")]:
                del side[name]
            side[place] = f"{row.name} · {row.quantity} × {row.unit_price}"
    found = [
        {"field": place, "old": _text(before.get(place)), "new": _text(after.get(place))}
        for place in dict.fromkeys((*before, *after))
        if before.get(place) != after.get(place)
    ]
    return found[:MOST]


def _leaves(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from _leaves(each, f"{place}.{name}" if place else name)
    elif isinstance(value, list | tuple):
        for position, each in enumerate(value, 1):
            yield from _leaves(each, f"{place}[{position}]")
    elif value not in (None, ""):
        yield place, value


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
