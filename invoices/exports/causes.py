"""Keeps the causes of failed exports in a table of their own, so that they can be folded.

Only moves into and out of needs attention and parked write here: what is submitted without
trouble costs nothing.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.utils import timezone

from invoices.bulk import insert_each
from invoices.cause_models import ExportCause
from invoices.document import Problem
from invoices.enums import AttentionReason, ExportStatus, ParkedReason
from invoices.models import Invoice

FAILED = (ExportStatus.NEEDS_ATTENTION, ExportStatus.PARKED)
_POSITION = re.compile(r"\[\d+\]")
#: Without a problem of its own, the reason is the cause.
_REASONS: dict[str, str] = {
    AttentionReason.LOOKUP_BLIND: "lookup_blind",
    AttentionReason.CONFLICT: "conflict",
    AttentionReason.RETRIES_EXHAUSTED: "retries_exhausted",
    ParkedReason.CREDENTIAL: "credential_refused",
    ParkedReason.RIGHTS: "rights_refused",
    ParkedReason.CLOSED_PERIOD: "period_closed",
    ParkedReason.CREDITED_INVOICE: "waits_for_invoice",
}
Cause = tuple[str, str, str, str]


def cause_of(problem: Problem) -> Cause:
    """(code, field, value, expected) without what tells one invoice of many apart: the position
    of a row, and the day within a closed month."""
    value = problem.value
    if problem.code in ("period_closed", "CLOSED_FISCAL_PERIOD"):
        value = value[:7]  # opened by the month, not by the day
    return problem.code, _POSITION.sub("", problem.place), value, problem.expected


def key_of(tenant_pk: int, code: str, field: str, value: str) -> str:
    """One short word for tenant, code, field and value together."""
    facts = "\x1f".join((str(tenant_pk), code, field, value))
    return hashlib.sha256(facts.encode()).hexdigest()[:32]


def causes_of(problems: Iterable[Mapping[str, str]], reason: str = "") -> list[Cause]:
    """The different causes among stored problems, shortened to what the columns hold."""
    found = [cause_of(Problem.from_json(dict(each))) for each in problems]
    if not found and reason in _REASONS:
        found = [(_REASONS[reason], "", "", "")]
    cut = {(code[:200], field[:200], value[:200]): want[:500] for code, field, value, want in found}
    return [(*cause, want) for cause, want in cut.items()]


def rows_of(
    export_pk: int, tenant_pk: int, causes: Sequence[Cause], euros: Any, began_at: Any
) -> list[dict[str, Any]]:
    """The columns of new rows of ExportCause."""
    return [
        {
            "export_id": export_pk,
            "tenant_id": tenant_pk,
            "key": key_of(tenant_pk, code, field, value),
            "code": code,
            "field": field,
            "value": value,
            "expected": expected,
            "euros": euros,
            "began_at": began_at,
            "settled": False,
        }
        for code, field, value, expected in causes
    ]


def begin(export_pk: int, invoice_pk: int, tenant_pk: int, fields: Mapping[str, Any]) -> None:
    """The export has failed, by a move that set `fields`."""
    reason = fields.get("attention_reason") or fields.get("parked_reason") or ""
    causes = causes_of(fields.get("problems") or (), reason)
    if causes:
        currency, total = Invoice.objects.values_list("currency", "gross_total").get(pk=invoice_pk)
        euros = total if currency == "EUR" else None
        rows = rows_of(export_pk, tenant_pk, causes, euros, timezone.now())
        insert_each(ExportCause, rows)


def end(export_pks: Iterable[int]) -> None:
    """The exports have moved on; what came of it is known later."""
    ExportCause.objects.filter(export__in=list(export_pks), ended_at=None).update(
        ended_at=timezone.now()
    )
