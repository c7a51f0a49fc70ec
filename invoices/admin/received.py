"""Received files and invoices: what came in, what became of it, and the upload page."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldBooleanSwitchWidget

from integrations.admin.bounded import BoundedChangeList
from integrations.admin.desk import ReadOnlyAdmin
from integrations.enums import TenantState
from integrations.models import Tenant
from invoices import audit, filing, finding, pieces
from invoices.admin import privacy
from invoices.admin.filters import DaysFilter, TenantFilter
from invoices.admin.rows import rows_context
from invoices.admin.words import OUTCOME_COLOURS, explained, money
from invoices.enums import ItemOutcome, ReceivedVia
from invoices.intake import FORMATS, MAX_FILE_BYTES
from invoices.models import Invoice, ReceivedFile, ReceivedItem

_MAX_FILES = 50
_SHOWN_ITEMS = 500
#: So few items are found one by one, more together with the list's filters.
_FOUND_ITEMS = 2000


class _FilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class _FilesField(forms.FileField):
    """Several files, each within intake's limit."""

    def clean(self, data: Any, initial: Any = None) -> list[Any]:
        files = (data if isinstance(data, list | tuple) else [data]) or [None]
        if len(files) > _MAX_FILES:
            raise forms.ValidationError(
                _("Choose at most %(count)d files at a time."), params={"count": _MAX_FILES}
            )
        return [self._one(file, initial) for file in files]

    def _one(self, file: Any, initial: Any) -> Any:
        cleaned = super().clean(file, initial)
        if cleaned.size > MAX_FILE_BYTES:
            raise forms.ValidationError(
                _("%(name)s is larger than %(limit)d MB. Export it in smaller parts."),
                params={"name": cleaned.name, "limit": MAX_FILE_BYTES // 1_000_000},
            )
        return cleaned


class UploadForm(forms.Form):
    tenant = forms.ModelChoiceField(
        label=_("Tenant"),
        queryset=Tenant.objects.exclude(state=TenantState.CLOSED),
        error_messages={"invalid_choice": _("The tenant is closed: nothing is taken in for it.")},
        widget=UnfoldAdminSelectWidget,
    )
    uploads = _FilesField(
        label=_("Files"),
        allow_empty_file=True,
        help_text=_(
            "Finvoice, UBL or CII XML, CSV or XLSX tables, ZIP files of these, or our JSON form, "
            "at most 20 MB each."
        ),
        widget=_FilesInput(attrs={"multiple": True, "class": "desk-files"}),
    )
    queue = forms.BooleanField(
        label=_("Queue what is accepted at once"),
        required=False,
        initial=True,
        widget=UnfoldBooleanSwitchWidget,
    )


class FormatFilter(admin.SimpleListFilter):
    title = _("format")
    parameter_name = "format"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(name, name) for name in FORMATS]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.filter(format=self.value()) if self.value() else queryset


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
        "accepted",
        "duplicate",
        "rejected",
        "received_by",
    ]
    list_display_links = ["received_at", "name"]
    list_filter = [("received_at", DaysFilter), ("tenant", TenantFilter), FormatFilter]
    list_filter_submit = True
    search_fields = ["name"]
    search_help_text = _("Beginning of the file's name or of an invoice number, or the SHA-256")
    list_select_related = ["tenant", "received_by"]
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

    @display(description=_("accepted"))
    def accepted(self, received: Any) -> int:
        return int(received.accepted_count)

    @display(description=_("duplicates"))
    def duplicate(self, received: Any) -> int:
        return int(received.duplicate_count)

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
        extra = _received_context(received) if received else {}
        return super().context_of(request, object_id) | extra

    @action(description=_("Upload files"), url_path="upload", permissions=["upload"], icon="upload")
    def upload(self, request: HttpRequest) -> HttpResponse:
        form = UploadForm(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid():
            try:
                return self._take_in(request, form.cleaned_data)
            except filing.TenantClosed as error:
                form.add_error("tenant", str(error))
        context = self.admin_site.each_context(request) | {
            "title": _t("Upload invoice files"),
            "form": form,
            "back": reverse("admin:invoices_receivedfile_changelist"),
            "button": _t("Take in"),
            "opts": self.opts,
        }
        return render(request, "desk/form.html", context)

    def _take_in(self, request: HttpRequest, cleaned: dict[str, Any]) -> HttpResponse:
        received = [
            filing.file_invoices(
                cleaned["tenant"],
                file.name,
                file.read(),
                via=ReceivedVia.UPLOAD,
                by=request.user,
                queue=cleaned["queue"],
            )
            for file in cleaned["uploads"]
        ]
        for one in received:
            counts = filing.counts(one)
            bad = counts["rejected"] or counts["held"] or one.problems
            sentence = _t(
                "%(name)s: %(accepted)d accepted, %(duplicate)d already here, %(rejected)d "
                "rejected."
            )
            level = messages.WARNING if bad else messages.SUCCESS
            self.message_user(request, sentence % (counts | {"name": one.name}), level)
        if len(received) == 1:
            return HttpResponseRedirect(
                reverse("admin:invoices_receivedfile_change", args=[received[0].pk])
            )
        return HttpResponseRedirect(reverse("admin:invoices_receivedfile_changelist"))

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


def _received_context(received: ReceivedFile) -> dict[str, Any]:
    items = received.items.select_related("invoice__export", "change").order_by("position")
    return {
        "file_problems": explained(received.problems),
        "counts": filing.counts(received),
        "items": [
            {
                "object": item,
                "outcome": item.get_outcome_display(),
                "colour": OUTCOME_COLOURS[item.outcome],
                "problems": explained(item.problems),
                "warnings": explained(item.warnings),
                "change": _change_url(item),
            }
            for item in items[:_SHOWN_ITEMS]
        ],
    }


def _change_url(item: ReceivedItem) -> str:
    change = getattr(item, "change", None)
    return reverse("admin:invoices_heldchange_decide", args=[change.pk]) if change else ""


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
