"""The value that stood in a payload at the path which Procountor complains about."""

from __future__ import annotations

import re
from typing import Any

import simplejson

from invoices.problems.remote import remote_code

_MOST_CHARACTERS = 200
_STEP = re.compile(r"([^.\[\]]+)|\[(\d{1,6})\]")

#: Class-level codes come without a field; these are the fields they are about (REFERENCE 8).
FIELDS_OF: dict[str, tuple[str, ...]] = {
    "DUE_DATE_BEFORE_BILL_DATE": ("date", "paymentInfo.dueDate"),
    "CLOSED_FISCAL_PERIOD": ("date",),
    "ERROR_BRN_CODE": ("counterParty.identifier", "counterParty.taxCode"),
}
#: What the complaint about one field of a row is measured against.
_BESIDE = {"vatStatus": "vatPercent", "vatPercent": "vatStatus"}


def parsed_payload(body: str) -> Any:
    """The JSON value of an attempt's request, decimals as they were written; None when it is not
    JSON."""
    try:
        return simplejson.loads(body, use_decimal=True)
    except (ValueError, RecursionError):
        return None


def value_at(payload: Any, path: str) -> str:
    """What stands at a path such as `invoiceRows[3].vatStatus`, counted from 0 as Procountor
    does; at most 200 characters, "" when there is nothing."""
    found = payload
    for name, index in _STEP.findall(path):
        if name:
            found = found.get(name) if isinstance(found, dict) else None
        else:
            inside = isinstance(found, list) and int(index) < len(found)
            found = found[int(index)] if inside else None
    if found is None or (not path):
        return ""
    text = (
        found
        if isinstance(found, str)
        else simplejson.dumps(found, ensure_ascii=False, use_decimal=True)
    )
    return str(text)[:_MOST_CHARACTERS]


def values_sent(code: str, field: str, body: str) -> list[tuple[str, str]]:
    """(path, value) of everything in the payload that the complaint is about: the field itself
    and what it is measured against. A row's VAT status that was left out is the invoice's."""
    payload = parsed_payload(body)
    paths = [field] if field else list(FIELDS_OF.get(code, ()))
    before, _dot, last = field.rpartition(".")
    if before and last in _BESIDE:
        paths.append(f"{before}.{_BESIDE[last]}")
    found = []
    for path in paths:
        value = value_at(payload, path)
        if not value and path.endswith("].vatStatus"):
            path, value = "vatStatus", value_at(payload, "vatStatus")
        found.append((path, value))
    return found


def sent_value(message: str, field: str, body: str) -> str:
    """The one value a complaint is about, for storing with it: equal values fold into one cause.
    "" when Procountor named no field and the code is about several."""
    values = values_sent(remote_code(message)[0], field, body)
    return values[0][1] if field or len(values) == 1 else ""
