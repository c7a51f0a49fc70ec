"""Problem details (RFC 9457): every error of the API in one form, in the reader's language."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from django.http import HttpResponse
from django.utils import translation

from invoices import problems
from invoices.api.problem_types import TYPES, uri_of
from invoices.document import Problem

MEDIA_TYPE = "application/problem+json"
_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


class ApiProblem(Exception):
    """`kind` is one of TYPES; `detail` says more than its meaning does; `errors` are entries as
    `error` makes them, `more` further members of the answer."""

    def __init__(
        self,
        kind: str,
        *,
        detail: str = "",
        errors: Iterable[Mapping[str, Any]] = (),
        more: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(kind)
        self.kind, self.detail, self.errors = kind, detail, list(errors)
        self.more, self.headers = dict(more or {}), dict(headers or {})

    def response(self, request_id: str) -> HttpResponse:
        """The answer in the active language."""
        known = TYPES[self.kind]
        content = {
            "type": uri_of(self.kind),
            "title": str(known.title),
            "status": known.status,
            "detail": self.detail or str(known.meaning),
            "instance": f"urn:uuid:{uuid.UUID(request_id)}",
            "next_step": str(known.next_step),
            "errors": self.errors,
        } | self.more
        response = answer(content, status=known.status, media_type=MEDIA_TYPE)
        for name, value in self.headers.items():
            response[name] = value
        return response


def answer(
    content: Mapping[str, Any], *, status: int = 200, media_type: str = "application/json"
) -> HttpResponse:
    """`content` as JSON. Figures are texts by now: no float is ever written."""
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    response = HttpResponse(body, status=status, content_type=media_type)
    response["Content-Language"] = translation.get_language() or ""
    return response


def error(problem: Problem, prefix: str = "") -> dict[str, str]:
    """One thing wrong with an invoice. `prefix` is the pointer of the invoice in the body."""
    words = problems.words_for(problem)
    found = {
        "pointer": f"{prefix}{pointer_of(problem.place)}",
        "place": problem.place,
        "code": problem.code,
        "value": problem.value,
        "expected": problem.expected,
        "detail": str(words.cause),
        "next_step": str(words.remedy),
    }
    return {name: text for name, text in found.items() if text or name == "pointer"}


def parameter_error(
    name: str, code: str, value: str, detail: str, next_step: str
) -> dict[str, str]:
    """One thing wrong with a parameter of the address."""
    return {
        "parameter": name,
        "code": code,
        "value": value[:200],
        "detail": detail,
        "next_step": next_step,
    }


def pointer_of(place: str) -> str:
    """The JSON Pointer (RFC 6901) of a place: `rows[2].name` is `/rows/1/name`. "" for what is no
    place in the document, such as the line and column of broken JSON."""
    if ":" in place:
        return ""
    steps = [
        str(int(number) - 1) if number else name.replace("~", "~0").replace("/", "~1")
        for name, number in _STEP.findall(place)
    ]
    return "".join(f"/{step}" for step in steps)
