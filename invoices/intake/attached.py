"""The PDFs in our own JSON form: `attachments: [{"name": ..., "content_base64": ...}]`. Pure."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from invoices import pdf
from invoices.intake.values import Log, problem

MAX_ATTACHMENTS = 10
_KEYS = ("name", "content_base64")


def read_attachments(found: Any, log: Log) -> tuple[pdf.Pdf, ...]:
    """Every PDF that can be taken; what is wrong with the others goes to `log`, with its place."""
    if not isinstance(found, list):
        log.errors.append(problem("not_a_list", "attachments"))
        return ()
    if len(found) > MAX_ATTACHMENTS:
        too_many = problem("attachments_too_many", "attachments", len(found), MAX_ATTACHMENTS)
        log.errors.append(too_many)
        return ()
    taken: dict[str, pdf.Pdf] = {}
    for number, item in enumerate(found, start=1):
        place = f"attachments[{number}]"
        one = _read_one(item, place, log)
        if one is None:
            continue
        if one.name.casefold() in taken:
            log.errors.append(problem("attachment_twice", f"{place}.name", one.name))
        taken.setdefault(one.name.casefold(), one)
    return tuple(taken.values())


def _read_one(item: Any, place: str, log: Log) -> pdf.Pdf | None:
    if not isinstance(item, dict):
        log.errors.append(problem("not_an_object", place))
        return None
    wrong = [problem("unknown_field", f"{place}.{key}") for key in sorted(item.keys() - set(_KEYS))]
    wrong += [problem("repeated_field", f"{place}.{key}") for key in getattr(item, "repeated", ())]
    texts = {key: item.get(key) for key in _KEYS}
    wrong += [
        problem("missing", f"{place}.{key}")
        for key, value in texts.items()
        if not isinstance(value, str)
    ]
    if wrong:
        log.errors += wrong
        return None
    try:
        content = base64.b64decode(str(texts["content_base64"]), validate=True)
    except (binascii.Error, ValueError):
        log.errors.append(problem("attachment_base64", f"{place}.content_base64"))
        return None
    checked, problems = pdf.checked(str(texts["name"]), content, place)
    log.errors += problems
    return checked
