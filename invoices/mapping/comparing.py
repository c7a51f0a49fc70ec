"""What differs between two payloads of one invoice, folded over many invoices by field."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from invoices.mapping.numbers import written

_EXAMPLES = 3
_POSITION = re.compile(r"\[\d+\]")
#: Stands for the whole payload, where one of the two is not there at all.
WHOLE = ""


def flat(value: Any, path: str = "") -> dict[str, str]:
    """Every leaf of a payload by its path: `invoiceRows[1].unit`, counted from 1."""
    if isinstance(value, dict):
        parts = [(f"{path}.{key}" if path else key, item) for key, item in value.items()]
    elif isinstance(value, list):
        parts = [(f"{path}[{position}]", item) for position, item in enumerate(value, 1)]
    else:
        return {path: value if isinstance(value, str) else _plain(value)}
    return {leaf: text for part, item in parts for leaf, text in flat(item, part).items()}


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else written(Decimal(value))


def changes(before: dict[str, Any] | None, after: dict[str, Any] | None) -> dict[str, list[str]]:
    """[before, after] by path; a leaf that is not there is ""."""
    if before is None or after is None:
        if before is after:
            return {}
        return {WHOLE: ["–" if payload is None else "✓" for payload in (before, after)]}
    old, new = flat(before), flat(after)
    return {
        path: [old.get(path, ""), new.get(path, "")]
        for path in old | new
        if old.get(path) != new.get(path)
    }


class Comparison:
    """Counts in how many invoices a field of the payload changes, whichever row it is in."""

    def __init__(self) -> None:
        self.looked_at = self.changed = 0
        self.fields: dict[str, dict[str, Any]] = {}

    def add(
        self, number: str, export: int, before: dict[str, Any] | None, after: dict[str, Any] | None
    ) -> None:
        """`None` is an invoice that is not mapped: it has problems."""
        self.looked_at += 1
        found = changes(before, after)
        self.changed += bool(found)
        seen: set[str] = set()
        for path, (old, new) in found.items():
            name = _POSITION.sub("", path)
            if name not in seen:
                seen.add(name)
                self._count(name, {"number": number, "export": export, "before": old, "after": new})

    def _count(self, name: str, example: dict[str, Any]) -> None:
        entry = self.fields.setdefault(name, {"field": name, "count": 0, "examples": []})
        entry["count"] += 1
        if len(entry["examples"]) < _EXAMPLES:
            entry["examples"].append(example)

    def as_json(self) -> dict[str, Any]:
        """As `Rehearsal.payload_changes` keeps it, the most frequent field first."""
        fields = sorted(self.fields.values(), key=lambda entry: -entry["count"])
        return {"looked_at": self.looked_at, "changed": self.changed, "fields": fields}
