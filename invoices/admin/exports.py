"""Exports: what became of each invoice, why, and what a person may do about it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from pydantic import ValidationError
from unfold.decorators import action, display

from integrations.admin import bounded
from integrations.admin.bounded import BoundedChangeList
from integrations.admin.desk import ReadOnlyAdmin, ask
from invoices import corrections, exports, finding
from invoices.admin import changes, privacy
from invoices.admin.causes import CauseFilter
from invoices.admin.corrections import CorrectionPages, corrections_context
from invoices.admin.entered import EnteredPages, entered_context
from invoices.admin.explain import explain_context
from invoices.admin.filters import AttentionFilter, DaysFilter, ExportsTenantFilter, ParkedFilter
from invoices.admin.landed import landed_context
from invoices.admin.lookups import lookups_context
from invoices.admin.payloads import PayloadPages
from invoices.admin.plans import ResendChoice
from invoices.admin.questions import queue_question, skip_question
from invoices.admin.rows import rows_context
from invoices.admin.steps import StepPages
from invoices.admin.team import TeamPages
from invoices.admin.words import (
    ACTIONS,
    OUTCOME_COLOURS,
    STATUS_COLOURS,
    described,
    explained,
    money,
    reason_words,
    seconds_between,
    status_words,
)
from invoices.enums import ExportStatus
from invoices.models import AuditEvent, Invoice, InvoiceExport, SubmissionAttempt
from invoices.retention import years


@lru_cache(maxsize=100)
def _badge(text: str, colour: str) -> str:
    """The same few on every row."""
    return render_to_string("desk/badge.html", {"text": text, "type": colour})


class _ExportsList(BoundedChangeList):
    """The rows as they count now: with what was corrected since they were received."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        shown = corrections.shown_of(self.result_list)
        for export in self.result_list:
            export.shown = shown[export.pk]


@admin.register(InvoiceExport)
class InvoiceExportAdmin(
    ResendChoice,
    CorrectionPages,
    EnteredPages,
    StepPages,
    TeamPages,
    PayloadPages,
    ReadOnlyAdmin,
):
    list_display = [
        "number",
        "remote_number",
        "status_badge",
        "tenant",
        "buyer",
        "invoice_date",
        "total",
        "changed_at",
    ]
    list_display_links = ["number"]
    list_filter = [
        "status",
        ("attention_reason", AttentionFilter),
        ("parked_reason", ParkedFilter),
        CauseFilter,
        ("tenant", ExportsTenantFilter),
        ("invoice__date", DaysFilter),
        ("submitted_at", DaysFilter),
    ]
    list_filter_submit = True
    list_before_template = "desk/statuses.html"
    search_fields = ["invoice__number"]
    search_help_text = _("Invoice number, Procountor number, buyer or tenant")
    list_select_related = ["invoice", "tenant"]
    actions = ["skip_selected"]
    actions_detail = ["queue_again", "skip"]
    change_form_outer_before_template = "desk/export.html"
    fields = [
        ("tenant", "invoice"),
        ("remote_number", "remote_id"),
        ("remote_status", "submitted_at"),
        ("queued_at", "not_before"),
        ("triggered_by", "trigger_reason"),
    ]

    @display(description=_("invoice number"), ordering="invoice__number")
    def number(self, export: InvoiceExport) -> str:
        return export.invoice.number

    @display(description=_("status"), ordering="status")
    def status_badge(self, export: InvoiceExport) -> str:
        label = str(ExportStatus(export.status).label)
        badge = _badge(label, STATUS_COLOURS.get(export.status, ""))
        return format_html('{}<span class="desk-reason">{}</span>', badge, reason_words(export))

    @display(description=_("buyer"))
    def buyer(self, export: Any) -> str:
        names = (export.shown.buyer_name, export.invoice.buyer_name)
        return _marked(*(privacy.name_of(export.invoice, name) for name in names))

    @display(description=_("invoice date"), ordering="invoice__date")
    def invoice_date(self, export: Any) -> str:
        return _marked(*(date_format(day) for day in (export.shown.date, export.invoice.date)))

    @display(description=_("total with VAT"), ordering="invoice__gross_total")
    def total(self, export: InvoiceExport) -> str:
        return money(export.invoice.gross_total, export.invoice.currency)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[BoundedChangeList]:
        return _ExportsList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[InvoiceExport], search_term: str
    ) -> tuple[QuerySet[InvoiceExport], bool]:
        return finding.found_by(search_term, queryset, people=privacy.may_see()), False

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        extra = statuses_context(request)
        extra["may_resend"] = self.has_queue_permission(request)
        return super().changelist_view(request, (extra_context or {}) | extra)

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kw: Any) -> Any:
        response = super().change_view(request, object_id, *args, **kw)
        return privacy.hide(response, Invoice.objects.filter(export=_number(object_id)))

    def context_of(self, request: HttpRequest, object_id: str) -> dict[str, Any]:
        export = (
            InvoiceExport.objects.select_related("invoice", "tenant").filter(pk=object_id).first()
        )
        extra = export_context(export) if export else {}
        if export:
            extra |= corrections_context(request, export) | entered_context(request, export)
            extra["changes"] = changes.of_export(request, export.pk)
            extra |= explain_context(request, export, extra["attempts"])
            extra |= {"kept_until": years.kept_until(export)}
        return super().context_of(request, object_id) | extra

    def has_queue_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        allowed = request.user.has_perm("invoices.requeue_invoiceexport")
        return allowed and _fits(object_id, exports.QUEUEABLE)

    def has_skip_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        allowed = request.user.has_perm("invoices.skip_invoiceexport")
        return allowed and _fits(object_id, exports.SKIPPABLE)

    @admin.action(description=_("Skip with a reason"), permissions=["skip"])
    def skip_selected(
        self, request: HttpRequest, queryset: QuerySet[InvoiceExport]
    ) -> HttpResponse:
        return ask(self, request, skip_question(request, queryset), _list_url(request))

    @action(description=_("Queue again"), url_path="queue", icon="replay")
    def queue_again(self, request: HttpRequest, object_id: int) -> HttpResponse:
        export = _allowed(request, object_id, "invoices.requeue_invoiceexport")
        return ask(self, request, queue_question(request, export), _page_url(object_id))

    @action(description=_("Skip"), url_path="skip", icon="block")
    def skip(self, request: HttpRequest, object_id: int) -> HttpResponse:
        export = _allowed(request, object_id, "invoices.skip_invoiceexport")
        return ask(self, request, skip_question(request, export), _page_url(object_id))

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> list[Any]:
        """Only the buttons that can do something: not those of the list's permission alone."""
        may = {
            "queue_again": self.has_queue_permission(request, object_id),
            "skip": self.has_skip_permission(request, object_id),
        }
        return [
            found
            for found in super().get_actions_detail(request, object_id)
            if any(may[name] and found.action_name.endswith(name) for name in may)
        ]


def _number(object_id: str) -> int:
    return int(object_id) if object_id.isascii() and object_id.isdecimal() else 0


def _allowed(request: HttpRequest, pk: int, permission: str) -> QuerySet[InvoiceExport]:
    """The export as a queryset. A person without the permission is refused; one with it is told
    on the page when the export has moved on."""
    if not request.user.has_perm(permission):
        raise PermissionDenied
    get_object_or_404(InvoiceExport, pk=pk)
    return InvoiceExport.objects.filter(pk=pk)


def _fits(object_id: Any, statuses: tuple[ExportStatus, ...]) -> bool:
    if object_id is None:
        return True
    return InvoiceExport.objects.filter(pk=object_id, status__in=statuses).exists()


def _marked(now: str, received: str) -> str:
    """What counts; under it what was received, where that is something else."""
    if now == received:
        return now
    was = _t("corrected, received: %(value)s") % {"value": received}
    return format_html('{}<span class="desk-reason">{}</span>', now, was)


def _page_url(pk: int) -> str:
    return reverse("admin:invoices_invoiceexport_change", args=[pk])


def _list_url(request: HttpRequest) -> str:
    query = request.META.get("QUERY_STRING", "")
    return reverse("admin:invoices_invoiceexport_changelist") + (f"?{query}" if query else "")


def statuses_context(request: HttpRequest) -> dict[str, Any]:
    """The statuses above the list, with how many exports are in each: one query, on an index."""
    counted = bounded.counts(InvoiceExport.objects.all(), "status", ExportStatus.values)
    chosen = request.GET.get("status__exact", "")
    page = reverse("admin:invoices_invoiceexport_changelist")
    return {
        "all_statuses": {"url": page, "chosen": not chosen},
        "statuses": [
            {
                "value": status.value,
                "label": status.label,
                "count": counted[status.value],
                "chosen": status.value == chosen,
                "url": f"{page}?status__exact={status.value}",
            }
            for status in ExportStatus
            if counted[status.value]
        ],
    }


def export_context(export: InvoiceExport) -> dict[str, Any]:
    """Everything the export's page shows above its facts."""
    attempts = export.attempts.select_related("triggered_by").order_by("-number")
    events = AuditEvent.objects.filter(export=export).select_related("by").order_by("-pk")
    invoice = export.invoice
    return {
        "badge": {"text": status_words(export), "type": STATUS_COLOURS.get(export.status, "")},
        "story": _story(export),
        "warnings": explained(export.warnings),
        **_rows(export),
        **lookups_context(export),
        **landed_context(export),
        "remote_total": money(export.remote_total, invoice.currency),
        "attempts": [_attempt(attempt) for attempt in attempts],
        "events": [
            {
                "at": event.at,
                "what": ACTIONS.get(event.action, event.action),
                "by": event.by,
                "details": described(event.data),
            }
            for event in events
        ],
    }


def _rows(export: InvoiceExport) -> dict[str, Any]:
    """Nothing for a stored content that cannot be read: the page is where that is told."""
    try:
        document = corrections.document_of(export)
    except ValidationError:
        return {"invoice": export.invoice}
    return rows_context(export.invoice, document)


def _attempt(attempt: SubmissionAttempt) -> dict[str, Any]:
    ended = attempt.finished_at
    return {
        "object": attempt,
        "outcome": attempt.get_outcome_display() if attempt.outcome else _("On its way"),
        "colour": OUTCOME_COLOURS.get(attempt.outcome, "info"),
        "seconds": seconds_between(attempt.started_at, ended) if ended else "",
        "codes": [f"{e['field'] or ''} {e['message']}".strip() for e in attempt.errors],
    }


def _story(export: InvoiceExport) -> str:
    """What happened, in one sentence."""
    number = export.remote_number or "–"
    stories = {
        "draft": _t("Taken in, not queued yet: nothing has been submitted."),
        "queued": _t("Waiting for its turn; nothing is on its way."),
        "submitting": _t("Being submitted right now."),
        "submitted": _t("In Procountor as number %(number)s; not compared yet."),
        "reconciled": _t("In Procountor as number %(number)s, read back and equal to our invoice."),
        "needs_attention": _t("Stopped: a person must decide. The reasons are below."),
        "parked": _t("Waiting for something outside; goes on by itself when that is in order."),
        "unknown": _t(
            "The answer was lost. Procountor is asked whether the invoice arrived; until then "
            "it is not submitted again."
        ),
        "skipped": _t("A person decided that this invoice is not exported."),
    }
    return stories[export.status] % {"number": number}
