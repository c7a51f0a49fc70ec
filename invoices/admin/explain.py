"""The explain panel: a problem's cause, evidence, remedy, place and mover, with the page of ours
that helps. `panel` serves lists and groups too; it makes no query."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from integrations import condition
from integrations.enums import Mover
from invoices import problems
from invoices.document import Problem
from invoices.enums import AttemptOutcome, ParkedReason
from invoices.models import InvoiceExport, SubmissionAttempt
from invoices.problems import Explanation, Page

VIEW, EDIT = "invoices.view_wordingversion", "invoices.edit_wording"
_MOVER_COLOURS = {Mover.CUSTOMER: "warning", Mover.US: "info", Mover.PROCOUNTOR: ""}
#: Address, argument, text and permission of the page that helps.
_PAGES: dict[Page, tuple[str, str, Any, str]] = {
    Page.TENANT: (
        "integrations_tenant_change",
        "tenant",
        _("Open the tenant's settings"),
        "integrations.view_tenant",
    ),
    Page.CHECK: (
        "integrations_tenant_change",
        "tenant",
        _("Open the tenant's connection check"),
        "integrations.view_tenant",
    ),
    Page.SETTINGS: (
        "integrations_rehearsal_settings",
        "tenant",
        _("Rehearse a change of settings"),
        "integrations.rehearse",
    ),
    Page.INVOICE: (
        "invoices_invoice_change",
        "invoice",
        _("Open the invoice"),
        "invoices.view_invoice",
    ),
    Page.CORRECT: (
        "invoices_export_correct",
        "export",
        _("Correct the invoice"),
        "invoices.correct_invoiceexport",
    ),
}


def explain_context(
    request: HttpRequest, export: InvoiceExport, attempts: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """Panels of the export itself, and `attempts` (newest first, each with its "object") with
    those of their own."""
    body = attempts[0]["object"].request_body if attempts else ""
    own = [problems.explain(Problem.from_json(item), body) for item in export.problems]
    if export.parked_reason == ParkedReason.CREDENTIAL and _is_ours(export):
        own = [replace(each, mover=Mover.US, customer=()) for each in own]
    return {
        "panels": [panel(request, export, each) for each in own],
        "attempts": [
            shown
            | {"panels": [panel(request, export, each) for each in of_attempt(shown["object"])]}
            for shown in attempts
        ],
    }


def _is_ours(export: InvoiceExport) -> bool:
    """Whether the customer has sent a new key already, or needs none: ours cannot be opened."""
    tenant = condition.of(export.tenant)
    return tenant.is_key_unchecked or tenant.claims_code == "secret_unreadable"


def panels_of(
    request: HttpRequest, export: InvoiceExport, stored: Iterable[dict[str, str]]
) -> list[dict[str, Any]]:
    """Panels of problems as they are stored in a JSON column."""
    return [panel(request, export, problems.explain(Problem.from_json(item))) for item in stored]


def of_attempt(attempt: SubmissionAttempt) -> list[Explanation]:
    """What a failed attempt came to; empty for one that was accepted or is under way."""
    if attempt.outcome in ("", AttemptOutcome.ACCEPTED):
        return []
    return problems.explain_attempt(
        cause=attempt.cause,
        http_status=attempt.http_status,
        errors=attempt.errors,
        body=attempt.request_body,
    )


def panel(request: HttpRequest, export: InvoiceExport, found: Explanation) -> dict[str, Any]:
    """Context of `desk/explain.html` for one explanation."""
    return {
        "it": found,
        "mover": found.mover.label,
        "mover_colour": _MOVER_COLOURS[found.mover],
        "where": found.where.label,
        "link": _link(request, export, found.page),
        "words_url": words_url(found.key) if request.user.has_perm(VIEW) else "",
    }


def words_url(code: str) -> str:
    """The page with the words of a code, its versions and the form."""
    return f"{reverse('admin:invoices_wordingversion_words')}?{urlencode({'code': code})}"


def _link(request: HttpRequest, export: InvoiceExport, page: Page) -> dict[str, Any] | None:
    if page not in _PAGES:
        return None
    name, of, text, permission = _PAGES[page]
    if not request.user.has_perm(permission):
        return None
    pk = {"tenant": export.tenant_id, "invoice": export.invoice_id, "export": export.pk}[of]
    return {"url": reverse(f"admin:{name}", args=[pk]), "text": text}
