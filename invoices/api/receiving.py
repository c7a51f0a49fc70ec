"""Takes in what a source posts: kept byte for byte, filed, and answered.

A repeat with equal content gets the first answer's body (200 instead of 201); a repeat with other
content is told what differs, and changes nothing.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from invoices import filing
from invoices.api import bodies, first_answers, shapes
from invoices.api.door import request_id_of
from invoices.api.problems import ApiProblem, answer, error
from invoices.api_models import ApiToken
from invoices.document import Problem
from invoices.enums import ItemOutcome, ReceivedVia
from invoices.intake import ReadItem, ReadResult
from invoices.intake.values import problem
from invoices.models import ReceivedFile, ReceivedItem

_KNOWN = (ItemOutcome.ACCEPTED, ItemOutcome.DUPLICATE)


def receive(request: HttpRequest, token: ApiToken, *, batch: bool) -> HttpResponse:
    """The answer to one invoice or a batch, once for each Idempotency-Key. Raises ApiProblem."""
    key = first_answers.key_of(request)
    body = bodies.read_body(request)
    work = partial(_take_in, request, token, body, batch=batch)
    try:
        if not key:
            return work()
        fingerprint = first_answers.fingerprint_of(request, body)
        return first_answers.once(token.tenant, key, fingerprint, work)
    except first_answers.KeyReused:
        found = problem("idempotency_key_reused", "", key)
        received = _file(request, token, body, ReadResult("json", (), (found,)))
        raise ApiProblem("idempotency-key-reused", more={"received_file": received.pk}) from None


def _take_in(request: HttpRequest, token: ApiToken, body: bytes, *, batch: bool) -> HttpResponse:
    result = bodies.read_invoices(body, batch=batch)
    received = _file(request, token, body, result)
    items = list(received.items.select_related("invoice").order_by("position"))
    found: ApiProblem | HttpResponse
    if result.problems:
        found = _unread(received, result)
    elif batch:
        return _batch(received, items, result.items)
    else:
        found = _one(received, items[0], result.items[0])
    # Answered here and not raised: what was filed stays, and so does a first answer.
    return found.response(request_id_of(request)) if isinstance(found, ApiProblem) else found


def _file(request: HttpRequest, token: ApiToken, body: bytes, result: ReadResult) -> ReceivedFile:
    name = f"{token.name} {timezone.localtime():%Y-%m-%d %H.%M} {request_id_of(request)[:8]}.json"
    try:
        return filing.file_invoices(
            token.tenant, name, body, via=ReceivedVia.API, queue=token.queue, result=result
        )
    except filing.TenantClosed:
        raise ApiProblem("connection-ended") from None


def _unread(received: ReceivedFile, result: ReadResult) -> ApiProblem:
    broken = any(found.code in bodies.UNREADABLE for found in result.problems)
    return ApiProblem(
        "body-unreadable" if broken else "invoice-rejected",
        errors=[error(found) for found in result.problems],
        more={"received_file": received.pk},
    )


def _one(received: ReceivedFile, item: ReceivedItem, sent: ReadItem) -> ApiProblem | HttpResponse:
    if item.outcome in _KNOWN and item.invoice is not None:
        status = 201 if item.outcome == ItemOutcome.ACCEPTED else 200
        receipt = shapes.receipts([item.invoice])[item.invoice.pk]
        response = answer(receipt, status=status)
        response["Location"] = receipt["href"]
        return response
    return ApiProblem(
        "invoice-rejected" if item.invoice is None else "invoice-changed",
        errors=_errors(item),
        more={"received_file": received.pk} | _differences(item, sent),
    )


def _batch(
    received: ReceivedFile, items: list[ReceivedItem], sent: tuple[ReadItem, ...]
) -> HttpResponse:
    known = [item.invoice for item in items if item.outcome in _KNOWN and item.invoice]
    receipts = shapes.receipts(known)
    results = [
        {
            "position": item.position,
            "number": item.number,
            "outcome": item.outcome,
            "invoice": receipts.get(item.invoice_id or 0) if item.outcome in _KNOWN else None,
            "errors": _errors(item, f"/invoices/{item.position - 1}"),
            "differences": _differences(item, one).get("differences", []),
        }
        for item, one in zip(items, sent, strict=True)
    ]
    counts = filing.counts(received)
    return answer({"received_file": received.pk, "counts": counts, "results": results})


def _errors(item: ReceivedItem, prefix: str = "") -> list[dict[str, str]]:
    return [error(Problem.from_json(stored), prefix) for stored in item.problems]


def _differences(item: ReceivedItem, sent: ReadItem) -> dict[str, Any]:
    """Of an invoice that was received before with other content; else nothing."""
    if item.outcome in _KNOWN or item.invoice is None or sent.document is None:
        return {}
    return {"differences": shapes.differences_to(item.invoice, sent.document)}
