"""The body of a request: within bounds, JSON in UTF-8, read as one invoice or as a batch."""

from __future__ import annotations

import codecs

from django.conf import settings
from django.http import HttpRequest

from invoices.api.problems import ApiProblem
from invoices.intake import ReadResult
from invoices.intake.json_form import read_json
from invoices.intake.values import problem

MAX_BATCH = 500
#: Problems of the file that mean it is no JSON text at all.
UNREADABLE = frozenset({"encoding_wrong", "file_empty", "json_broken", "too_deep"})


def read_body(request: HttpRequest) -> bytes:
    """The bytes as sent. Raises ApiProblem: 411, 413, 415."""
    headers = request.headers
    media_type, _mark, parameters = headers.get("Content-Type", "").partition(";")
    charset = parameters.replace(" ", "").replace('"', "").lower()
    is_json = media_type.strip().lower() == "application/json" and charset in ("", "charset=utf-8")
    if not is_json or headers.get("Content-Encoding", "identity").lower() != "identity":
        raise ApiProblem("media-type-wrong")
    length = headers.get("Content-Length", "")
    if not length.isdecimal():
        raise ApiProblem("length-required")
    limit = settings.API_MAX_BODY_BYTES
    if int(length) > limit:
        raise ApiProblem("body-too-large", more={"limit_bytes": limit})
    return request.read(int(length))


def read_invoices(content: bytes, *, batch: bool) -> ReadResult:
    """Every invoice of a body, read or refused, as `intake.read` gives those of a file."""
    if not content.strip():
        return ReadResult("json", (), (problem("file_empty"),))
    try:
        text = codecs.decode(content, "utf-8-sig")
    except UnicodeDecodeError:
        return ReadResult("json", (), (problem("encoding_wrong", "", "UTF-8"),))
    if batch:
        return read_json(text, form="list", most=MAX_BATCH)
    return read_json(text, form="one")
