"""The pages on which an accountant corrects an invoice and queues its export again."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse
from django.utils.translation import gettext as _t

from integrations.admin.desk import RecordAdmin, needs
from invoices import changes, corrections, engine
from invoices.admin.correction_form import (
    SHOWN_ROWS,
    CorrectionForm,
    label_of,
    seen_of,
    value_words,
)
from invoices.admin.words import explained, money, status_words
from invoices.change_models import HeldChange
from invoices.document import InvoiceDocument
from invoices.enums import ChangeState
from invoices.mapping import Mapped, basis_of, map_invoice, period_problem, to_bytes
from invoices.models import InvoiceExport
from invoices.preflight import latest_reference_data, reference_of, settings_of

CORRECT = "invoices.correct_invoiceexport"


class CorrectionPages(RecordAdmin):
    """Mixed into the exports' admin."""

    def get_urls(self) -> list[Any]:
        page = path(
            "<int:pk>/correct/",
            self.admin_site.admin_view(self.correct_page),
            name="invoices_export_correct",
        )
        return [page, *super().get_urls()]

    def correct_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The form; by a POST what would change and what pre-flight says of it, or saving."""
        needs(request, CORRECT)
        found = InvoiceExport.objects.select_related("invoice", "tenant")
        export = get_object_or_404(found, pk=pk)
        if export.status not in corrections.CORRECTABLE:
            messages.warning(request, _moved_on(export))
            return HttpResponseRedirect(_page_of(pk))
        if export.entries.filter(finished_at=None).exists():
            messages.warning(
                request, _t("Not corrected: its Procountor number is being looked up.")
            )
            return HttpResponseRedirect(_page_of(pk))
        change = _change_of(export, request.GET.get("change", ""))
        desk = _Desk(export, request, change)
        if request.method == "POST":
            answer = desk.answer()
            if answer is not None:
                return answer
        context = self.admin_site.each_context(request) | desk.context() | {"opts": self.opts}
        return render(request, "desk/correct.html", context)


class _Desk:
    """One request for the form."""

    def __init__(
        self, export: InvoiceExport, request: HttpRequest, change: HeldChange | None
    ) -> None:
        self.export, self.request, self.change = export, request, change
        self.present = corrections.document_of(export)
        posted = request.POST if request.method == "POST" else None
        taken_over = changes.correctable(change) if change else {}
        self.form = CorrectionForm(self.present, posted, initial=taken_over)
        self.mapped: Mapped | None = None
        self.stale = False

    def answer(self) -> HttpResponse | None:
        """None when the page is to be shown again."""
        version = self.request.POST.get("version", "")
        self.stale = version != str(self.export.corrections)
        if self.stale:
            self.form.add_error(None, _changed_meanwhile())
        proposed = self.form.proposed if self.form.is_valid() or self.form.proposed else None
        if proposed is None:
            return None
        settings = settings_of(self.export.tenant)
        reference = reference_of(latest_reference_data(self.export.tenant))
        self.mapped = map_invoice(proposed, settings, reference)
        closed = period_problem(proposed.date, reference)
        self.form.tell((*self.mapped.problems, closed) if closed else self.mapped.problems)
        seen = self.request.POST.get("seen") == seen_of(proposed)
        if self.form.errors or not seen or "save" not in self.request.POST:
            return None
        assert self.mapped.payload is not None  # a form without errors has no problems
        basis = basis_of(settings, reference)
        return self._save(proposed, self.mapped, (basis, to_bytes(self.mapped.payload)))

    def _save(
        self, proposed: InvoiceDocument, mapped: Mapped, prepared: tuple[str, bytes]
    ) -> HttpResponse | None:
        by, reason = self.request.user, self.form.cleaned_data["reason"]
        try:
            with transaction.atomic():
                made = corrections.correct(
                    self.export,
                    proposed,
                    version=int(self.export.corrections),
                    by=by,
                    reason=reason,
                    prepared=prepared,
                    warnings=mapped.warnings,
                )
                if self.change:
                    changes.taken_over(self.change, by=by, reason=reason, version=made.number)
        except changes.AlreadyDecided:
            self.export.refresh_from_db()  # what was read inside has been rolled back
            sentence = _t("Somebody else has decided it meanwhile. Nothing of yours is saved.")
            self.form.add_error(None, sentence)
            self.stale = True
            return None
        except corrections.NotCorrectable:
            if self.export.status in corrections.CORRECTABLE:
                self.form.add_error(None, _changed_meanwhile())
                self.stale = True
                return None
            messages.warning(self.request, _moved_on(self.export))
            return HttpResponseRedirect(_page_of(self.export.pk))
        engine.wake(self.export.tenant_id)
        sentence = _t(
            "Version %(number)d is saved and queued. The invoice received stays as it was."
        )
        messages.success(self.request, sentence % {"number": made.number})
        return HttpResponseRedirect(_page_of(self.export.pk))

    def context(self) -> dict[str, Any]:
        invoice, proposed = self.export.invoice, self.form.proposed
        ready = proposed is not None and not self.form.errors
        return {
            "title": _t("Correct invoice %(number)s") % {"number": invoice.number},
            "export": self.export,
            "total": money(invoice.gross_total, invoice.currency),
            "form": self.form,
            "changes": shown(corrections.changes_between(self.present, proposed))
            if proposed
            else [],
            "ready": ready and not self.stale,
            "seen": seen_of(proposed) if proposed and ready else "",
            "warnings": explained(w.as_json() for w in self.mapped.warnings) if self.mapped else [],
            "problems": explained(self.export.problems),
            "more_rows": max(0, len(self.present.rows) - SHOWN_ROWS),
            "version": self.export.corrections,
            "stale": self.stale,
            "change": self.change,
            "back": _page_of(self.export.pk),
        }


def _change_of(export: InvoiceExport, pk: str) -> HeldChange | None:
    """The change of this export that waits for a decision and is to be taken over."""
    if not (pk.isascii() and pk.isdecimal()):
        return None
    waiting = HeldChange.objects.filter(export=export, state=ChangeState.OPEN)
    return waiting.filter(pk=pk).select_related("export__invoice").first()


def shown(found: list[dict[str, str]]) -> list[dict[str, str]]:
    """Stored changes with the fields in words."""
    return [
        {
            "field": label_of(each["field"]),
            "old": value_words(each["field"], each["old"]),
            "new": value_words(each["field"], each["new"]),
        }
        for each in found
    ]


def corrections_context(request: HttpRequest, export: InvoiceExport) -> dict[str, Any]:
    """The versions on the export's page, newest first, and where the form is."""
    may = request.user.has_perm(CORRECT) and export.status in corrections.CORRECTABLE
    versions = (
        export.versions.select_related("by").order_by("-number") if export.corrections else []
    )
    return {
        "correct_url": reverse("admin:invoices_export_correct", args=[export.pk]) if may else "",
        "versions": [{"object": v, "changes": shown(v.changes)} for v in versions],
    }


def _changed_meanwhile() -> str:
    return _t(
        "Somebody else has corrected this invoice meanwhile. Nothing of yours is saved: open the "
        "form again and look at the new version first."
    )


def _moved_on(export: InvoiceExport) -> str:
    return _t(
        "Not corrected: the export is “%(status)s” now. An invoice can be corrected while it is a "
        "draft, parked or needs attention, so that nothing is on its way."
    ) % {"status": status_words(export)}


def _page_of(pk: int) -> str:
    return reverse("admin:invoices_invoiceexport_change", args=[pk])
