"""The page that asks for an auditor's envelope; what comes of it is a history file."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminDateWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from integrations.models import Tenant
from invoices import envelope
from invoices.evidence import signing
from invoices.reports import files

MAKE = "invoices.make_envelope"


class EnvelopeForm(forms.Form):
    """`cleaned_data["scope"]` is what was chosen."""

    tenant = forms.ModelChoiceField(
        label=_("Tenant"),
        queryset=Tenant.objects.order_by("name"),
        widget=UnfoldAdminSelectWidget,
        error_messages={"required": _("Choose whose invoices the envelope is about.")},
    )
    number = forms.CharField(
        label=_("Invoice number"),
        required=False,
        max_length=40,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("For one invoice. Leave it empty for all invoices of the days below."),
    )
    start = forms.DateField(label=_("First day"), required=False, widget=UnfoldAdminDateWidget)
    end = forms.DateField(
        label=_("Last day"),
        required=False,
        widget=UnfoldAdminDateWidget,
        help_text=_("By invoice date, both days included: a month, or a financial year."),
    )
    reason = forms.CharField(
        label=_("Reason"),
        max_length=500,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
        help_text=_("Who asked for it and why. It is in the envelope and in the audit trail."),
        error_messages={"required": _("Say who asked for it and why.")},
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        tenant, number = cleaned.get("tenant"), cleaned.get("number", "").strip()
        if tenant is None or self.errors:
            return cleaned
        if number:
            cleaned["scope"] = self._of_number(tenant, number)
        else:
            cleaned["scope"] = self._of_days(tenant, cleaned.get("start"), cleaned.get("end"))
        return cleaned

    def _of_number(self, tenant: Tenant, number: str) -> envelope.Scope | None:
        scope = envelope.of_invoice(tenant, number)
        if scope is None:
            text = _t(
                "%(tenant)s has no invoice “%(number)s”. Check the number, or leave it empty."
            )
            self.add_error("number", text % {"tenant": tenant.name, "number": number})
        return scope

    def _of_days(
        self, tenant: Tenant, start: dt.date | None, end: dt.date | None
    ) -> envelope.Scope | None:
        for name, day in (("start", start), ("end", end)):
            if day is None:
                self.add_error(name, _t("Give a day, or the number of one invoice above."))
        if start is None or end is None:
            return None
        if end < start:
            self.add_error("end", _t("The last day is before the first one: change one of them."))
            return None
        try:
            return envelope.of_span(tenant, start, end)
        except ValueError:
            text = _t("A financial year has at most 18 months: make an envelope for each.")
            self.add_error("end", text)
            return None


def page(admin: Any, request: HttpRequest) -> HttpResponse:
    """Ask for an envelope; a GET may name what is filled in already."""
    form = EnvelopeForm(request.POST or None, initial=request.GET.dict())
    key = signing.public_key()
    if request.method == "POST" and key and form.is_valid():
        file = files.ask_envelope(
            form.cleaned_data["scope"],
            by=request.user,
            reason=form.cleaned_data["reason"].strip(),
            language=get_language() or "en",
        )
        return HttpResponseRedirect(reverse("admin:invoices_historyfile_change", args=[file.pk]))
    context = admin.admin_site.each_context(request) | {
        "title": _t("Auditor's envelope"),
        "form": form,
        "fingerprint": signing.fingerprint() if key else "",
        "back": reverse("admin:invoices_historyfile_changelist"),
        "opts": admin.opts,
    }
    return render(request, "desk/envelope.html", context)
