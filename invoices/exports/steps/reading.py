"""What Procountor's own copy says about a step. Pure: no database, no request."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from integrations.procountor import InvoiceTransaction, RemoteInvoice
from invoices.document import Problem
from invoices.enums import StepKind
from invoices.exports.steps.calls import StepAnswer
from invoices.step_models import ExportStep

#: Statuses of an invoice that has been sent (REFERENCE section 11). A payment does not need one,
#: so a paid invoice is not proof of sending, but it must not be sent any more either.
_SENT = frozenset({"SENT", "PARTLY_PAID", "PAID", "MARKED_PAID"})
DONE_STATUSES: dict[StepKind, frozenset[str]] = {
    StepKind.ATTACH: frozenset(),
    StepKind.APPROVE: _SENT | {"NOT_SENT", "APPROVED"},
    StepKind.SEND: _SENT,
}
READY_STATUSES: dict[StepKind, frozenset[str]] = {
    StepKind.ATTACH: frozenset({"UNFINISHED", "NOT_SENT", "APPROVED"}),
    StepKind.APPROVE: frozenset({"UNFINISHED"}),
    StepKind.SEND: frozenset({"NOT_SENT"}),
}
_ERRORS = frozenset({"SENDING_ERROR_RECEIVED", "SENDING_ERROR_REVERTED_TO_NOT_SENT"})
#: Procountor's clock and ours, and its whole seconds.
_CLOCKS_APART = dt.timedelta(minutes=2)
_HELSINKI = ZoneInfo("Europe/Helsinki")


class Sight(StrEnum):
    DONE = "done"
    NOT_DONE = "not_done"
    WRONG = "wrong"


def judged(
    step: ExportStep, answer: StepAnswer, since: dt.datetime | None
) -> tuple[Sight, tuple[Problem, ...]]:
    """Whether the step is done, could be done, or neither with the reason.

    `since` is when the last call that may have done it began; None when there was none.
    """
    invoice, kind = answer.invoice, StepKind(step.kind)
    assert invoice is not None
    if invoice.status in DONE_STATUSES[kind]:
        return Sight.DONE, ()
    if kind == StepKind.ATTACH and step.attachment and listed(invoice, step.attachment.name):
        return Sight.DONE, ()
    events = events_since(answer.transactions, since) if since and kind == StepKind.SEND else []
    if _ERRORS.intersection(events):
        return Sight.WRONG, (Problem("delivery_failed", value=invoice.status),)
    if "SEND" in events:
        return Sight.DONE, ()
    return unready(step, invoice)


def unready(step: ExportStep, invoice: RemoteInvoice) -> tuple[Sight, tuple[Problem, ...]]:
    """Not done: may it be done, to this very invoice?"""
    kind, ours = StepKind(step.kind), step.export.remote_total
    if ours is None or invoice.gross_total != ours:
        theirs = "–" if invoice.gross_total is None else str(invoice.gross_total)
        return Sight.WRONG, (Problem("step_total_changed", value=theirs, expected=str(ours)),)
    if invoice.status not in READY_STATUSES[kind]:
        return Sight.WRONG, (Problem(f"{kind}_wrong_status", value=invoice.status),)
    return Sight.NOT_DONE, ()


def listed(invoice: RemoteInvoice, name: str) -> bool:
    """Whether the invoice lists an attachment of this name; the contract has no size there."""
    found = invoice.raw.get("attachments")
    return isinstance(found, list) and any(
        isinstance(item, dict) and item.get("name") == name for item in found
    )


def events_since(events: tuple[InvoiceTransaction, ...], since: dt.datetime) -> list[str]:
    """Actions at `since` or later, as far as two clocks agree. One whose time cannot be read
    is left out: a step is never done for certain because of it."""
    return [
        event.action
        for event in events
        if (at := _moment(event.date)) is not None and at >= since - _CLOCKS_APART
    ]


def _moment(text: str) -> dt.datetime | None:
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=_HELSINKI)


def facts(answer: StepAnswer) -> dict[str, Any]:
    """What is kept of an answer as evidence."""
    found: dict[str, Any] = {}
    if answer.invoice is not None:
        names = answer.invoice.raw.get("attachments")
        found = {
            "status": answer.invoice.status,
            "total": str(answer.invoice.gross_total),
            "attachments": [
                {key: item.get(key) for key in ("id", "name")}
                for item in (names if isinstance(names, list) else [])
                if isinstance(item, dict)
            ][:50],
        }
    if answer.transactions:
        found["transactions"] = [
            {"action": event.action, "date": event.date} for event in answer.transactions[-50:]
        ]
    if answer.attachment_id is not None:
        found["attachment_id"] = answer.attachment_id
    if answer.read_error:
        found["read_error"] = answer.read_error
    return found
