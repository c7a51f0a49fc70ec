"""The page on which a person gives the Procountor number of an invoice entered by hand."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from integrations.admin.desk import RecordAdmin, needs
from invoices import entered
from invoices.admin.lookups import compared
from invoices.admin.words import explained
from invoices.correction_models import EnteredByHand
from invoices.enums import EntryState
from invoices.models import InvoiceExport

SKIP = "invoices.skip_invoiceexport"
_LARGEST = 2**63 - 1
_COLOURS = {"waiting": "info", "adopted": "success", "no_answer": "warning"}
_SENTENCES = {
    EntryState.WAITING: _("Procountor is asked for invoice number %(number)s."),
    EntryState.ADOPTED: _("Invoice number %(number)s was found in Procountor, and it is this one."),
    EntryState.ABSENT: _(
        "Procountor has no sales invoice with number %(number)s. Nothing was changed: check the "
        "number (Procountor's own, not ours) and give it again."
    ),
    EntryState.DIFFERENT: _(
        "Number %(number)s is another invoice: %(cause)s. Nothing was changed: compare the two "
        "below."
    ),
    EntryState.TAKEN: _(
        "Number %(number)s belongs to the export of invoice %(cause)s already. Nothing was "
        "changed: check the number."
    ),
    EntryState.DOUBLE: _(
        "Number %(number)s agrees, but Procountor also has our own number in invoice id "
        "%(cause)s: it is there twice. Nothing was changed: invalidate one of them in "
        "Procountor, then give the number of the one that stays."
    ),
    EntryState.NO_ANSWER: _(
        "Procountor gave no clear answer (%(cause)s). Nothing was changed: give the number again "
        "later."
    ),
    EntryState.MOVED_ON: _(
        "Number %(number)s agrees, but the export had moved on (%(cause)s): look in Procountor "
        "whether the invoice is there twice."
    ),
}


class EntryForm(forms.Form):
    number = forms.IntegerField(
        label=_("Invoice number in Procountor"),
        min_value=1,
        max_value=_LARGEST,
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        help_text=_(
            "Procountor's own running number, not the number printed by the source. It is looked "
            "up first: only a sales invoice with the same buyer and total is accepted."
        ),
    )
    reason = forms.CharField(
        label=_("Reason"), max_length=500, widget=UnfoldAdminTextareaWidget(attrs={"rows": 2})
    )


class EnteredPages(RecordAdmin):
    """Mixed into the exports' admin."""

    def get_urls(self) -> list[Any]:
        wrap = self.admin_site.admin_view
        page = path("<int:pk>/entered/", wrap(self.entered_page), name="invoices_export_entered")
        return [page, *super().get_urls()]

    def entered_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        needs(request, SKIP)
        export = get_object_or_404(InvoiceExport.objects.select_related("invoice"), pk=pk)
        form = EntryForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            _say(request, export, form.cleaned_data)
            return HttpResponseRedirect(_page_of(pk))
        title = _t("Invoice %(number)s was entered in Procountor by hand")
        context = self.admin_site.each_context(request) | {
            "title": title % {"number": export.invoice.number},
            "form": form,
            "back": _page_of(pk),
            "button": _t("Look it up"),
            "opts": self.opts,
        }
        return render(request, "desk/form.html", context)


def _say(request: HttpRequest, export: InvoiceExport, given: dict[str, Any]) -> None:
    entry = entered.say(export, given["number"], by=request.user, reason=given["reason"])
    if entry is None:
        messages.warning(
            request,
            _t("Left alone: the export has moved on, or a number of it is being looked up."),
        )
    else:
        messages.success(request, _t("The number is looked up in Procountor."))


def entered_context(request: HttpRequest, export: InvoiceExport) -> dict[str, Any]:
    """What came of the last number given, and where to give one."""
    last = export.entries.select_related("by").first()
    waits = last is not None and last.finished_at is None
    may = request.user.has_perm(SKIP) and export.status in entered.ENTERABLE and not waits
    return {
        "entered_url": reverse("admin:invoices_export_entered", args=[export.pk]) if may else "",
        "entry": last,
        "entry_waits": waits,
        "entry_colour": _COLOURS.get(last.state, "danger") if last else "",
        "entry_sentence": _sentence(last) if last else "",
        "entry_compared": compared(export, last.found)
        if last and last.state == EntryState.DIFFERENT
        else [],
    }


def _sentence(entry: EnteredByHand) -> str:
    words = str(_SENTENCES[EntryState(entry.state)])
    cause = entry.cause
    if entry.state == EntryState.NO_ANSWER:
        (problem,) = explained([{"code": cause}])
        cause = f"{cause}: {problem['cause']}"
    return words % {"number": entry.remote_number, "cause": cause}


def _page_of(pk: int) -> str:
    return reverse("admin:invoices_invoiceexport_change", args=[pk])
