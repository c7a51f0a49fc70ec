"""Files of the export history: their state, what is in them, and the download, for the one who
asked and those who may open others' files."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _t

from integrations.admin.desk import ReadOnlyAdmin, needs
from invoices import audit
from invoices.admin import envelopes, privacy
from invoices.admin.history import EXPORT
from invoices.admin.words import money
from invoices.envelope import Scope
from invoices.report_models import FileFormat, FileState, HistoryFile
from invoices.reports import files
from invoices.reports.columns import COLUMNS

OTHERS = "invoices.read_history_files"
_COLOURS = {"ready": "success", "failed": "danger", "running": "info", "waiting": "info"}
_TYPES = {
    FileFormat.ENVELOPE: "application/zip",
    FileFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_A_PAGE = 50


@admin.register(HistoryFile)
class HistoryFileAdmin(ReadOnlyAdmin):
    def get_urls(self) -> list[Any]:
        page = path(
            "<int:pk>/download/",
            self.admin_site.admin_view(self.download),
            name="invoices_historyfile_download",
        )
        envelope = path(
            "envelope/",
            self.admin_site.admin_view(self.envelope),
            name="invoices_historyfile_envelope",
        )
        return [page, envelope, *super().get_urls()]

    def envelope(self, request: HttpRequest) -> HttpResponse:
        needs(request, envelopes.MAKE)
        privacy.needs_to_see()
        return envelopes.page(self, request)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        needs(request, EXPORT)
        mine = HistoryFile.objects.select_related("requested_by")
        if not request.user.has_perm(OTHERS):
            mine = mine.filter(requested_by=request.user)
        page = Paginator(mine, _A_PAGE).get_page(request.GET.get("page"))
        context = self.admin_site.each_context(request) | {
            "title": _t("Files of the export history"),
            "page": page,
            "files": [_shown(file) for file in page],
            "opts": self.opts,
        }
        return render(request, "desk/history_files.html", context)

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kw: Any) -> Any:
        file = _readable(request, int(object_id) if object_id.isdecimal() else 0)
        if "cancel" in request.POST:
            if not files.cancel(file, by=request.user):
                messages.warning(request, _t("It is ready or over already."))
            return HttpResponseRedirect(request.path)
        if "delete" in request.POST:
            files.delete(file, by=request.user)
            return HttpResponseRedirect(request.path)
        context = self.admin_site.each_context(request) | {
            "title": _t("File of the export history"),
            "file": _shown(file),
            "opts": self.opts,
        }
        answer = render(request, "desk/history_file.html", context)
        if file.state in (FileState.WAITING, FileState.RUNNING):
            answer["Refresh"] = "3"  # without a script
        return answer

    def download(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """The content; each opening is in the audit trail."""
        file = _readable(request, pk)
        if file.state != FileState.READY:
            messages.warning(request, _t("The file is not ready, or its content is deleted."))
            return HttpResponseRedirect(reverse("admin:invoices_historyfile_change", args=[pk]))
        audit.record("history.downloaded", by=request.user, data={"file": pk})
        kind = _TYPES.get(FileFormat(file.format), "text/csv; charset=utf-8")
        answer = StreamingHttpResponse(files.content(file), content_type=kind)
        answer["Content-Disposition"] = f'attachment; filename="{_name(file)}"'
        answer["Content-Length"] = str(file.size)
        answer["X-Content-Type-Options"] = "nosniff"
        answer["Cache-Control"] = "private, no-store"
        return answer


def _readable(request: HttpRequest, pk: int) -> HistoryFile:
    """The file, for whoever may open it; others do not learn that there is one."""
    needs(request, EXPORT)
    file = HistoryFile.objects.select_related("requested_by").filter(pk=pk).first()
    if file is None:
        raise Http404
    if file.requested_by_id != request.user.pk and not request.user.has_perm(OTHERS):
        raise PermissionDenied
    return file


def _name(file: HistoryFile) -> str:
    ending = files.ENDINGS[FileFormat(file.format)]
    if file.format == FileFormat.ENVELOPE:
        return f"envelope-{Scope.read(file.query).name}-{file.pk}.{ending}"
    return f"flashnode-history-{file.requested_at:%Y-%m-%d}-{file.pk}.{ending}"


def _shown(file: HistoryFile) -> dict[str, Any]:
    history = f"{reverse('admin:invoices_exportfact_changelist')}?{file.query}"
    is_envelope = file.format == FileFormat.ENVELOPE
    known = [name for name in file.columns if name in COLUMNS]
    return {
        "object": file,
        "url": reverse("admin:invoices_historyfile_change", args=[file.pk]),
        "download": reverse("admin:invoices_historyfile_download", args=[file.pk]),
        "name": _name(file),
        "colour": _COLOURS.get(file.state, ""),
        "is_open": file.state in (FileState.WAITING, FileState.RUNNING),
        "is_ready": file.state == FileState.READY,
        "history": "" if is_envelope else history,
        "scope": Scope.read(file.query) if is_envelope else None,
        "columns": ", ".join(str(COLUMNS[name].label) for name in known),
        "expected": number_format(file.expected, force_grouping=True),
        "done": number_format(file.done, force_grouping=True),
        "percent": min(100, 100 * file.done // file.expected) if file.expected else 0,
        "sums": _sums(file.sums),
        "expected_sums": _sums(file.expected_sums),
        "agrees": (file.done, file.sums) == (file.expected, file.expected_sums),
        "size": number_format(file.size / 1_000_000, decimal_pos=1),
        "expires_at": files.expires_at(file),
    }


def _sums(sums: dict[str, str]) -> str:
    return " · ".join(money(Decimal(total), currency) for currency, total in sums.items())
