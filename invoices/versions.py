"""Which version of a corrected invoice Procountor has.

Number, date and sum do not tell two versions of one invoice apart. So the body that counts is
compared with every other that may have arrived (those that were sent, and those the earlier
versions map to), and where they differ Procountor's copy has to be as the one that counts. What
Procountor does not show there counts as different: a person looks at it, nothing is booked twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any

import simplejson

from integrations.procountor import RemoteInvoice
from invoices import corrections
from invoices.mapping import map_invoice, to_bytes
from invoices.models import InvoiceExport
from invoices.preflight import latest_reference_data, reference_of, settings_of

Leaf = tuple[str | int, ...]


def older_parts(export: InvoiceExport, remote: RemoteInvoice, body: bytes | None) -> list[str]:
    """What Procountor's copy of a corrected invoice does not have of the version that counts,
    as `field: theirs / ours`. `body` is the payload about to leave; without one the last that
    was sent counts."""
    sent = list(export.attempts.order_by("number").values_list("request_body", flat=True))
    ours = body.decode() if body is not None else sent.pop() if sent else None
    if ours is None:
        return []
    counting, theirs = _leaves(ours), dict(_walk(remote.raw))
    others = [_leaves(other) for other in {*sent, *_earlier(export)} - {ours}]
    asked = sorted(
        {
            path
            for other in others
            for path in counting.keys() | other.keys()
            if not _same(counting.get(path), other.get(path))
        },
        key=str,
    )
    return [
        f"{_named(path)}: {_shown(theirs.get(path))} / {_shown(counting.get(path))}"
        for path in asked
        if not _same(theirs.get(path), counting.get(path))
    ]


def _earlier(export: InvoiceExport) -> list[str]:
    """What the earlier versions map to now: an attempt of theirs may be lost with a backup."""
    settings = settings_of(export.tenant)
    reference = reference_of(latest_reference_data(export.tenant))
    mapped = (map_invoice(d, settings, reference) for d in corrections.earlier_documents(export))
    return [to_bytes(each.payload).decode() for each in mapped if each.payload]


def _leaves(body: str) -> dict[Leaf, Any]:
    return dict(_walk(simplejson.loads(body, use_decimal=True)))


def _walk(value: Any, path: Leaf = ()) -> Iterator[tuple[Leaf, Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _walk(inner, (*path, name))
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            yield from _walk(inner, (*path, position))
    else:
        yield path, value


def _same(one: Any, other: Any) -> bool:
    if _empty(one) or _empty(other):
        return _empty(one) and _empty(other)
    return bool(_plain(one) == _plain(other))


def _empty(value: Any) -> bool:
    return value is None or value == ""


def _plain(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return " ".join(str(value).split())


def _named(path: Leaf) -> str:
    return "".join(f"[{p + 1}]" if isinstance(p, int) else f".{p}" for p in path).lstrip(".")


def _shown(value: Any) -> str:
    return "–" if _empty(value) else str(value)
