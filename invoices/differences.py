"""What differs between two documents, field by field. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

#: So many are told; who compares more has two different invoices.
MOST = 200


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[dict[str, str]]:
    """[{field, old, new}] as texts, of two InvoiceDocuments made ready for JSON, in the order of
    the document; at most MOST. A field is named as problems name it (`buyer.address.zip`,
    `rows[2].unit`). A row that only one of them has is one difference, told by its name,
    quantity and price."""
    before, after = dict(_leaves(old)), dict(_leaves(new))
    for place in _rows_of_one(old, new):
        inside = [name for name in (*before, *after) if name.startswith(f"{place}.")]
        row = {name.rpartition(".")[2]: (before | after)[name] for name in inside}
        summary = f"{row['name']} · {row['quantity']} × {row['unit_price']}"
        side = before if inside[0] in before else after
        for name in inside:
            side.pop(name, None)
        side[place] = summary
    places = list(dict.fromkeys((*before, *after)))
    found = [
        {"field": place, "old": before.get(place, ""), "new": after.get(place, "")}
        for place in places
        if before.get(place, "") != after.get(place, "")
    ]
    return found[:MOST]


def _rows_of_one(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    counts = sorted((len(old.get("rows", ())), len(new.get("rows", ()))))
    return [f"rows[{position}]" for position in range(counts[0] + 1, counts[1] + 1)]


def _leaves(value: Any, place: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from _leaves(each, f"{place}.{name}" if place else name)
    elif isinstance(value, list | tuple):
        for position, each in enumerate(value, 1):
            yield from _leaves(each, f"{place}[{position}]")
    elif value is not None:
        yield place, str(value)
