"""The part of an export's page about what Procountor was asked, and what the export waits for."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.formats import date_format
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from integrations import outages
from integrations.enums import TenantState
from invoices import corrections
from invoices.admin.words import money, seconds_between
from invoices.enums import ExportStatus, LookUpVerdict
from invoices.models import InvoiceExport, LookUp

_COLOURS = {
    LookUpVerdict.EQUAL: "success",
    LookUpVerdict.ABSENT: "info",
    LookUpVerdict.DIFFERENT: "danger",
    LookUpVerdict.SEVERAL: "danger",
    LookUpVerdict.NO_ANSWER: "warning",
    LookUpVerdict.REFUSED: "danger",
}


def lookups_context(export: InvoiceExport) -> dict[str, Any]:
    """Look-ups, newest first; the two invoices of a conflict; and what the export waits for."""
    found = list(export.look_ups.order_by("-pk"))
    different = next((each for each in found if each.verdict == LookUpVerdict.DIFFERENT), None)
    settled = export.status in (ExportStatus.SUBMITTED, ExportStatus.RECONCILED)
    return {
        "look_ups": [_look_up(each) for each in found],
        "comparison": compared(export, different.found) if different and not settled else [],
        "waiting_for": _waiting_for(export),
    }


def _look_up(each: LookUp) -> dict[str, Any]:
    return {
        "object": each,
        "colour": _COLOURS.get(LookUpVerdict(each.verdict), "info"),
        "seconds": seconds_between(each.asked_at, each.answered_at),
        "query": "&".join(f"{name}={value}" for name, value in each.query.items()),
        "hits": [_hit(hit) for hit in each.hits],
    }


def _hit(hit: dict[str, Any]) -> str:
    facts = (f"id {hit['id']}", hit.get("status"), hit.get("date"), _total(hit))
    return " · ".join(fact for fact in facts if fact)


def _total(facts: dict[str, Any]) -> str:
    return money(Decimal(facts["total"]), facts.get("currency", "")) if facts.get("total") else ""


def compared(export: InvoiceExport, theirs: dict[str, Any]) -> list[dict[str, Any]]:
    """Ours and Procountor's, field by field; `differs` is None where one side does not tell."""
    invoice, expected = export.invoice, corrections.expected_of(export)
    rows = [
        (_("Invoice number"), invoice.number, theirs.get("number", "")),
        (_("Invoice date"), _day(expected.date), _day(parse_date(theirs.get("date") or ""))),
        (_("Due date"), _day(expected.due_date), _day(parse_date(theirs.get("due_date") or ""))),
        (_("Buyer"), expected.buyer_name, theirs.get("buyer", "")),
        (_("Total with VAT"), money(invoice.gross_total, invoice.currency), _total(theirs)),
        (_("Procountor number"), "", theirs.get("remote_number", "")),
        (_("Procountor status"), "", theirs.get("status", "")),
        (_("Procountor id"), "", str(theirs.get("id", ""))),
    ]
    return [
        {
            "field": field,
            "ours": ours or "–",
            "theirs": other or "–",
            "differs": ours != other if ours and other else None,
        }
        for field, ours, other in rows
    ]


def _day(day: Any) -> str:
    return date_format(day, "SHORT_DATE_FORMAT") if day else ""


def _waiting_for(export: InvoiceExport) -> list[str]:
    """What has to happen before the export goes on, in sentences."""
    if export.status not in (ExportStatus.QUEUED, ExportStatus.UNKNOWN, ExportStatus.SUBMITTED):
        return []
    sentences = []
    if export.tenant.went_live_at is None:
        sentences.append(_t("The tenant is not live yet: it goes on when a person lets it."))
    elif export.tenant.state != TenantState.ACTIVE:
        sentences.append(
            _t("The tenant is not active (%(state)s): it goes on after a check that passes.")
            % {"state": export.tenant.get_state_display()}
        )
    if outages.allowed_in_flight(export.tenant.environment) == 0:
        sentences.append(
            _t("Procountor does not answer. It is asked now and then; nothing is sent meanwhile.")
        )
    if export.not_before and export.not_before > timezone.now():
        sentences.append(_next(export))
    return sentences


def _next(export: InvoiceExport) -> str:
    moment = timezone.localtime(export.not_before)
    when = {"when": f"{date_format(moment, 'SHORT_DATE_FORMAT')} {moment:%H:%M:%S}"}
    if export.status == ExportStatus.UNKNOWN:
        return _t("Next look-up in Procountor: %(when)s.") % when
    if export.status == ExportStatus.SUBMITTED:
        return _t("Procountor's copy is read again: %(when)s.") % when
    numbers = {"count": export.retries, "of": len(settings.EXPORT_RETRY_SECONDS)}
    return _t("Next try: %(when)s (%(count)d of %(of)d automatic retries).") % (when | numbers)
