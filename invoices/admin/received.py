"""Received files and invoices: what came in, by which way, and what became of it."""

from __future__ import annotations

import tempfile
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from integrations.admin import bounded
from integrations.admin.bounded import BoundedChangeList
from integrations.admin.desk import ReadOnlyAdmin, needs
from invoices import audit, finding, pieces
from invoices.admin import privacy
from invoices.admin.filters import DaysFilter, TenantFilter
from invoices.admin.rows import rows_context
from invoices.admin.words import OUTCOME_COLOURS, explained, money
from invoices.enums import ItemOutcome, ReceivedVia
from invoices.intake import FORMATS
from invoices.models import PROBLEMS_LENGTH, Invoice, ReceivedFile, ReceivedItem
from invoices.upload_models import Upload, UploadState
from invoices.uploads import returning, tables

UPLOAD = "invoices.upload_file"
_SHOWN_ITEMS = 100
_ON_THE_WAY = [
    (UploadState.PREVIEWING, _("being looked at")),
    (UploadState.PREVIEWED, _("wait for a decision")),
    (UploadState.TAKING_IN, _("being taken in")),
    (UploadState.CANCELLED, _("cancelled")),
    (UploadState.FAILED, _("failed")),
]
_OUTCOMES: dict[str, Any] = {
    ItemOutcome.ACCEPTED: _("Has accepted invoices"),
    ItemOutcome.DUPLICATE: _("Has duplicates"),
    ItemOutcome.HELD: _("Has changed invoices that were held"),
    ItemOutcome.REJECTED: _("Has rejected invoices"),
}
#: So few items are found one by one, more together with the list's filters.
_FOUND_ITEMS = 2000


class FormatFilter(admin.SimpleListFilter):
    title = _("format")
    parameter_name = "format"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(name, name) for name in FORMATS]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.filter(format=self.value()) if self.value() else queryset


class WayFilter(admin.SimpleListFilter):
    """How it came in."""

    title = _("received via")
    parameter_name = "via"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return ReceivedVia.choices

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.filter(received_via=self.value()) if self.value() else queryset


class OutcomeFilter(admin.SimpleListFilter):
    """Files with invoices of an outcome, and those of which nothing could be read."""

    title = _("outcome")
    parameter_name = "outcome"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        has = [(value, _OUTCOMES.get(value, label)) for value, label in ItemOutcome.choices]
        return [*has, ("unreadable", _("Nothing could be read"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if self.value() == "unreadable":
            return unreadable(queryset)
        if self.value() in ItemOutcome.values:
            return having(queryset, self.value())
        return queryset


class PersonFilter(admin.RelatedFieldListFilter):
    """Members of staff who have taken in files."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> list[Any]:
        rows = ReceivedFile.objects.filter(received_by=OuterRef("pk")).order_by()
        people = field.related_model.objects.filter(Exists(rows)).order_by("username")
        return list(people.values_list("pk", "username"))


def having(files: QuerySet, outcome: str) -> QuerySet:
    """Files with invoices of an outcome: few are looked up, of many the newest are found soon."""
    items = ReceivedItem.objects.filter(outcome=outcome)
    if isinstance(bounded.count(items), bounded.AtLeast):
        return files.filter(Exists(items.filter(file=OuterRef("pk"))))
    return files.filter(pk__in=items.values("file"))


def unreadable(files: QuerySet) -> QuerySet:
    """Files of which nothing was read: those with problems as a whole, of which few are, and of
    these the ones without an invoice."""
    told = files.annotate(told=PROBLEMS_LENGTH).filter(told__gt=len("[]"))
    return told.exclude(Exists(ReceivedItem.objects.filter(file=OuterRef("pk"))))


class _FilesList(BoundedChangeList):
    """Counts the items of the files that are shown, and of no others."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        items = ReceivedItem.objects.filter(file__in=[file.pk for file in self.result_list])
        counted = items.order_by().values_list("file", "outcome").annotate(count=Count("pk"))
        found = {(file, outcome): count for file, outcome, count in counted}
        for file in self.result_list:
            for outcome in ItemOutcome.values:
                setattr(file, f"{outcome}_count", found.get((file.pk, outcome), 0))


@admin.register(ReceivedFile)
class ReceivedFileAdmin(ReadOnlyAdmin):
    list_display = [
        "received_at",
        "name",
        "tenant",
        "format",
        "way_in",
        "accepted",
        "duplicate",
        "held",
        "rejected",
        "received_by",
    ]
    list_display_links = ["received_at", "name"]
    list_filter = [
        ("received_at", DaysFilter),
        ("tenant", TenantFilter),
        WayFilter,
        OutcomeFilter,
        ("received_by", PersonFilter),
        FormatFilter,
    ]
    list_filter_submit = True
    search_fields = ["name"]
    search_help_text = _("Beginning of the file's name or of an invoice number, or the SHA-256")
    list_select_related = ["tenant", "received_by"]
    list_before_template = "desk/intake_log.html"
    actions_list = ["upload"]
    actions_detail = ["download"]
    change_form_outer_before_template = "desk/received.html"
    fields = [
        ("tenant", "name"),
        ("received_at", "received_by"),
        ("received_via", "size"),
        "sha256",
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ReceivedFile]:
        return super().get_queryset(request).defer("content")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[BoundedChangeList]:
        return _FilesList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[ReceivedFile], search_term: str
    ) -> tuple[QuerySet[ReceivedFile], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        items = ReceivedItem.objects.filter(number__begins_with=term)
        few = items.values_list("file", flat=True)[: _FOUND_ITEMS + 1]
        found = set(few) if len(few) <= _FOUND_ITEMS else items.values("file")
        own = Q(name__begins_with=term) | Q(sha256=term.lower())
        return queryset.filter(own | Q(pk__in=found)), False

    @display(description=_("received via"))
    def way_in(self, received: ReceivedFile) -> str:
        return received.get_received_via_display()

    @display(description=_("accepted"))
    def accepted(self, received: Any) -> int:
        return int(received.accepted_count)

    @display(description=_("duplicates"))
    def duplicate(self, received: Any) -> int:
        return int(received.duplicate_count)

    @display(description=_("held"))
    def held(self, received: Any) -> int:
        return int(received.held_count)

    @display(description=_("rejected"))
    def rejected(self, received: Any) -> int:
        return int(received.rejected_count)

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> list[Any]:
        """Without the file itself for whoever may not see the buyers in it."""
        return super().get_actions_detail(request, object_id) if privacy.may_see() else []

    def has_upload_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("invoices.upload_file")

    def context_of(self, request: HttpRequest, object_id: str) -> dict[str, Any]:
        received = ReceivedFile.objects.defer("content").filter(pk=object_id).first()
        extra = _received_context(request, received) if received else {}
        return super().context_of(request, object_id) | extra

    @action(description=_("Upload files"), url_path="upload", permissions=["upload"], icon="upload")
    def upload(self, request: HttpRequest) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:invoices_upload_new"))

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        extra = {"uploads": _uploads()} if request.user.has_perm(UPLOAD) else {}
        return super().changelist_view(request, (extra_context or {}) | extra)

    def get_urls(self) -> list[Any]:
        rejected = path(
            "<int:pk>/rejected/",
            self.admin_site.admin_view(self.rejected_invoices),
            name="invoices_receivedfile_rejected",
        )
        return [rejected, *super().get_urls()]

    def rejected_invoices(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """The rejected invoices as a file to put right and upload again."""
        needs(request, UPLOAD)
        privacy.needs_to_see()
        files = ReceivedFile.objects.select_related("tenant")
        received = get_object_or_404(files, pk=pk)
        out = tempfile.TemporaryFile()  # noqa: SIM115 - the answer closes it
        try:
            made = returning.hand_back(received, pieces.opened(received), out)
        except returning.NothingRejected:
            out.close()
            messages.info(request, _t("No invoice of this file was rejected."))
            page = reverse("admin:invoices_receivedfile_change", args=[pk])
            return HttpResponseRedirect(page)
        facts = {"file": received.pk, "name": made.name}
        audit.record(
            "file.rejected_downloaded", tenant=received.tenant, by=request.user, data=facts
        )
        out.seek(0)
        answer = FileResponse(out, as_attachment=True, filename=made.name)
        answer["Content-Type"] = "application/octet-stream"
        answer["X-Content-Type-Options"] = "nosniff"
        answer["Cache-Control"] = "private, no-store"
        return answer

    @action(description=_("Download the original"), url_path="original", icon="download")
    def download(self, request: HttpRequest, object_id: int) -> HttpResponseBase:
        if not self.has_view_permission(request):
            raise PermissionDenied
        privacy.needs_to_see()
        received = get_object_or_404(ReceivedFile.objects.select_related("tenant"), pk=object_id)
        facts = {"file": received.pk, "name": received.name}
        audit.record("file.downloaded", tenant=received.tenant, by=request.user, data=facts)
        headers = {
            "Content-Length": str(received.size),
            "Content-Disposition": content_disposition_header(True, received.name) or "attachment",
            "X-Content-Type-Options": "nosniff",
        }
        answer = StreamingHttpResponse if pieces.is_in_pieces(received) else HttpResponse
        kind = "application/octet-stream"
        return answer(pieces.chunks(received), content_type=kind, headers=headers)


def _uploads() -> dict[str, Any]:
    """What is on its way in and not in the list yet."""
    open_ones = Upload.objects.exclude(tenant=None).order_by()
    counted = bounded.counts(open_ones, "state", [state.value for state, _label in _ON_THE_WAY])
    page = reverse("admin:invoices_upload_changelist")
    return {
        "all": page,
        "states": [
            {"label": label, "count": counted[state], "url": f"{page}?state__exact={state}"}
            for state, label in _ON_THE_WAY
            if counted[state]
        ],
    }


def _received_context(request: HttpRequest, received: ReceivedFile) -> dict[str, Any]:
    items = received.items.select_related("invoice__export", "change").order_by("position")
    outcome = request.GET.get("outcome", "")
    if outcome in ItemOutcome.values:
        items = items.filter(outcome=outcome)
    page = Paginator(items, _SHOWN_ITEMS).get_page(request.GET.get("page"))
    counted = received.items.order_by().values_list("outcome").annotate(count=Count("pk"))
    counts = dict.fromkeys(ItemOutcome.values, 0) | dict(counted)
    staged = received.staged.first()
    return {
        "file_problems": _explained(received.problems, received),
        "counts": [
            {
                "label": label,
                "count": counts[value],
                "url": f"?outcome={value}#items",
                "chosen": value == outcome,
            }
            for value, label in ItemOutcome.choices
        ],
        "outcome": outcome,
        "upload_url": reverse("admin:invoices_upload_change", args=[staged.upload_id])
        if staged and request.user.has_perm(UPLOAD)
        else "",
        "rejected_url": reverse("admin:invoices_receivedfile_rejected", args=[received.pk])
        if counts[ItemOutcome.REJECTED] and request.user.has_perm(UPLOAD) and privacy.may_see()
        else "",
        "page": page,
        "items": [
            {
                "object": item,
                "outcome": item.get_outcome_display(),
                "colour": OUTCOME_COLOURS.get(item.outcome, ""),
                "problems": _explained(item.problems, received),
                "warnings": _explained(item.warnings, received),
                "change": _change_url(item),
            }
            for item in page
        ],
    }


def _change_url(item: ReceivedItem) -> str:
    change = getattr(item, "change", None)
    return reverse("admin:invoices_heldchange_decide", args=[change.pk]) if change else ""


def _explained(stored: list[dict[str, str]], received: ReceivedFile) -> list[dict[str, Any]]:
    """Problems in words. The headings of a table do not tell which values are a buyer's."""
    if received.format in tables.FORMATS and not privacy.may_see():
        hidden = {"value": privacy.HIDDEN}
        stored = [each | hidden if each.get("value") else each for each in stored]
    return explained(stored)


@admin.register(Invoice)
class InvoiceAdmin(ReadOnlyAdmin):
    list_display = ["number", "tenant", "buyer", "date", "due_date", "total", "export_status"]
    # By their arrival, as primary keys rise: no index of times is needed.
    ordering = ["-pk"]
    list_filter = [("tenant", TenantFilter), ("date", DaysFilter), "is_credit_note"]
    list_filter_submit = True
    search_fields = ["number"]
    search_help_text = _("Invoice number, Procountor number, buyer or tenant")
    list_select_related = ["tenant", "export"]
    change_form_outer_before_template = "desk/invoice.html"
    fields = [
        ("tenant", "number"),
        ("date", "due_date"),
        ("buyer", "is_credit_note"),
        "created_at",
        "content_sha256",
    ]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Invoice], search_term: str
    ) -> tuple[QuerySet[Invoice], bool]:
        people = privacy.may_see()
        return finding.found_by(search_term, queryset, export="export", people=people), False

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kw: Any) -> Any:
        response = super().change_view(request, object_id, *args, **kw)
        known = object_id.isascii() and object_id.isdecimal()
        return privacy.hide(response, Invoice.objects.filter(pk=object_id) if known else ())

    @display(description=_("buyer"), ordering="buyer_name")
    def buyer(self, invoice: Invoice) -> str:
        return privacy.name_of(invoice, invoice.buyer_name)

    @display(description=_("total with VAT"), ordering="gross_total")
    def total(self, invoice: Invoice) -> str:
        return money(invoice.gross_total, invoice.currency)

    @display(description=_("export"))
    def export_status(self, invoice: Invoice) -> str:
        return invoice.export.get_status_display() if hasattr(invoice, "export") else "–"

    def context_of(self, request: HttpRequest, object_id: str) -> dict[str, Any]:
        invoice = Invoice.objects.select_related("export").filter(pk=object_id).first()
        extra = {}
        if invoice:
            extra = {
                **rows_context(invoice),
                "sources": invoice.received_items.select_related("file"),
            }
        return super().context_of(request, object_id) | extra
