"""The card "Did it land?": in one sentence why nobody knows yet, by which evidence, and what
comes next."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _t

from invoices.enums import AttemptOutcome, AttentionReason, ExportStatus, LookUpVerdict
from invoices.models import InvoiceExport, LookUp, SubmissionAttempt
from invoices.preflight import latest_reference_data


def landed_context(export: InvoiceExport) -> dict[str, Any]:
    """`landed` is None where it is known whether the invoice is in Procountor."""
    unknown = export.status == ExportStatus.UNKNOWN
    held = export.status == ExportStatus.NEEDS_ATTENTION and (
        export.attention_reason == AttentionReason.LOOKUP_BLIND
    )
    if not (unknown or held):
        return {"landed": None}
    blind = held or bool(latest_reference_data(export.tenant).get("lookup_blind"))
    return {
        "landed": {
            "sentence": " ".join(_evidence(export)),
            "next": _next(export) if unknown and not blind else "",
            "blind": blind,
            "waits": unknown,
            "number": export.invoice.number,
        }
    }


def _evidence(export: InvoiceExport) -> list[str]:
    """What was sent when, which answer was lost, and what the last look-up found."""
    attempts = export.attempts.order_by("-number")
    attempt = attempts.filter(outcome=AttemptOutcome.UNKNOWN).first() or attempts.first()
    sentences = [_sent(attempt)] if attempt else []
    if export.look_first:
        sentences.append(_t("It may have been submitted after the backup that was put back."))
    look_ups = export.look_ups.order_by("-pk")
    if attempt:
        look_ups = look_ups.filter(after_attempt__gte=attempt.number)
    last = look_ups.first()
    if last is None and sentences:
        sentences.append(_t("It has not been looked for in Procountor since."))
    elif last is not None:
        sentences.append(_looked(last, look_ups.count()))
    return sentences


def _sent(attempt: SubmissionAttempt) -> str:
    facts = {
        "number": attempt.number,
        "when": _moment(attempt.started_at),
        "cause": attempt.cause or "–",
        "status": attempt.http_status or "–",
        "outcome": attempt.get_outcome_display(),
    }
    if attempt.outcome != AttemptOutcome.UNKNOWN:
        return _t("Attempt %(number)d was sent on %(when)s: %(outcome)s.") % facts
    return (
        _t(
            "Attempt %(number)d was sent on %(when)s and its answer was lost (%(cause)s, HTTP "
            "%(status)s)."
        )
        % facts
    )


def _looked(last: LookUp, count: int) -> str:
    facts = {
        "when": _moment(last.asked_at),
        "query": "&".join(f"{name}={value}" for name, value in last.query.items()),
        "verdict": LookUpVerdict(last.verdict).label,
        "count": count,
    }
    return (
        _t("Last looked for on %(when)s with %(query)s: %(verdict)s (look-up %(count)d).") % facts
    )


def _next(export: InvoiceExport) -> str:
    if export.not_before is None:
        return ""
    if export.not_before <= timezone.now():
        return _t("It is looked for again now.")
    return _t("It is looked for again on %(when)s.") % {"when": _moment(export.not_before)}


def _moment(moment: dt.datetime) -> str:
    local = timezone.localtime(moment)
    return f"{date_format(local, 'SHORT_DATE_FORMAT')} {local:%H:%M:%S}"
