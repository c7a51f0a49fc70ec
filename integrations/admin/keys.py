"""The page that takes one key for one tenant, typed or pasted; asked about before it is filed."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters
from unfold.decorators import action
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from integrations import accounts, keydesk, received
from integrations.enums import ReceivedBy, TenantState
from integrations.keydesk import KeyRefused
from integrations.models import Tenant
from integrations.tasks import identify_soon


class KeyForm(forms.Form):
    """A key as received. It is never rendered back, not even after an error."""

    api_key = forms.CharField(
        label=_("API key"),
        help_text=_("Paste it as it came; line breaks and spaces are removed."),
        strip=False,
        widget=UnfoldAdminTextareaWidget(
            attrs={"rows": 4, "autocomplete": "off", "spellcheck": "false"}
        ),
    )
    received_via = forms.ChoiceField(
        label=_("Received via"), choices=ReceivedBy.by_hand(), widget=UnfoldAdminSelectWidget
    )
    account = forms.CharField(
        label=_("Bank account"),
        required=False,
        help_text=_("IBAN or domestic number; leave empty to keep the account on file."),
        widget=UnfoldAdminTextInputWidget,
    )

    def __init__(self, tenant: Tenant, data: Any = None) -> None:
        super().__init__(data, initial={"received_via": ReceivedBy.EMAIL})
        self.tenant = tenant

    def clean_api_key(self) -> str:
        """Refuse what cannot work, before Procountor is asked."""
        api_key = keydesk.clean(self.cleaned_data["api_key"])
        try:
            keydesk.check_claims(api_key, self.tenant.environment)
        except KeyRefused as error:
            raise ValidationError(str(error)) from None
        return api_key

    def clean_account(self) -> str:
        number = self.cleaned_data["account"].strip()
        try:
            return accounts.parse(number).iban if number else ""
        except accounts.AccountInvalid as error:
            raise ValidationError(str(error)) from None

    def hide_key(self) -> None:
        """Forget what was pasted before the form is shown again."""
        self.data = {**self.data.dict(), "api_key": ""}


class KeyDesk:
    """Mixed into the tenants' admin, which owns the pages' addresses and permissions."""

    @action(description=_("File API key"), url_path="file-key", permissions=["file"], icon="key")
    @method_decorator(sensitive_post_parameters("api_key"))
    def file_key(self, request: HttpRequest, object_id: int) -> HttpResponse:
        tenant = get_object_or_404(Tenant, pk=object_id)
        if tenant.state == TenantState.CLOSED:
            text = _t("%(tenant)s is closed: no key is filed for it.")
            messages.error(request, text % {"tenant": tenant})
            return HttpResponseRedirect(
                reverse("admin:integrations_tenant_change", args=[tenant.pk])
            )
        form = KeyForm(tenant, request.POST or None)
        if request.method == "POST" and form.is_valid():
            given = form.cleaned_data
            kept = received.take_in_key(
                tenant,
                given["api_key"],
                given["account"],
                via=given["received_via"],
                by=request.user,
            )
            identify_soon(kept)
            page = reverse("admin:integrations_tenant_received_mail", args=[kept.pk])
            return HttpResponseRedirect(page)
        if form.is_bound:
            form.hide_key()
        title = _t("File an API key for %(tenant)s") % {"tenant": tenant}
        context = self.admin_site.each_context(request) | {
            "title": title,
            "form": form,
            "back": reverse("admin:integrations_tenant_change", args=[tenant.pk]),
            "button": _t("Ask Procountor whose key it is"),
            "opts": self.opts,
        }
        return render(request, "desk/form.html", context)
