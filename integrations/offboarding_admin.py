"""The pages that end a connection, take that back, and destroy its secrets before their day."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.admin import ModelAdmin
from unfold.decorators import action
from unfold.widgets import (
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from integrations import offboarding, proof
from integrations.desk import Question, ask
from integrations.enums import TenantState
from integrations.models import Tenant
from integrations.offboarding import CannotClose
from integrations.proof_admin import counted
from integrations.tasks import check_soon

#: Buttons that make no sense while the connection is open, and while it has ended.
_ONLY_CLOSED = {"reopen_connection", "destroy_secrets"}
_ONLY_OPEN = {"end_connection", "check_now", "file_key"}


class ClosingForm(forms.Form):
    reason = forms.CharField(
        label=_("Reason"), max_length=500, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3})
    )
    destroy_on = forms.DateField(
        label=_("Destroy the secret on"),
        help_text=_(
            "From today on, at most a year. Until then the connection can be reopened with the "
            "same key; no key is used meanwhile."
        ),
        # Browsers send and take ISO dates in such a field, whatever the language.
        input_formats=["%Y-%m-%d"],
        widget=UnfoldAdminTextInputWidget(attrs={"type": "date"}),
    )
    doubt_accepted = forms.BooleanField(
        label=_("End it although what is in doubt can then not be asked of Procountor any more"),
        required=False,
        widget=UnfoldBooleanSwitchWidget,
    )


class ClosingDesk(ModelAdmin):
    """Mixed into the tenants' admin, which owns the pages' addresses."""

    def has_close_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("integrations.close_tenant"))

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> list[Any]:
        tenant = Tenant.objects.filter(pk=object_id).first()
        is_closed = tenant is not None and tenant.state == TenantState.CLOSED
        hidden = {f"integrations_tenant_{n}" for n in (_ONLY_OPEN if is_closed else _ONLY_CLOSED)}
        if is_closed and not any(key.api_key for key in tenant.credentials.all()):
            hidden.add("integrations_tenant_destroy_secrets")
        found = super().get_actions_detail(request, object_id)
        return [each for each in found if each.action_name not in hidden]

    @action(
        description=_("End the connection"),
        url_path="end",
        permissions=["close"],
        icon="link_off",
    )
    def end_connection(self, request: HttpRequest, object_id: int) -> HttpResponse:
        tenant = get_object_or_404(Tenant, pk=object_id)
        page = reverse("admin:integrations_tenant_proof", args=[tenant.pk])
        if tenant.state == TenantState.CLOSED:
            messages.warning(request, _t("The connection has been ended already."))
            return HttpResponseRedirect(page)
        form = ClosingForm(
            request.POST or None, initial={"destroy_on": offboarding.default_date().isoformat()}
        )
        if request.method == "POST" and form.is_valid():
            try:
                offboarding.close(tenant, by=request.user, **form.cleaned_data)
            except CannotClose as error:
                form.add_error("destroy_on" if error.code == "date" else None, str(error))
            else:
                messages.success(request, _ended(tenant))
                return HttpResponseRedirect(page)
        work = offboarding.open_work(tenant)
        if not work.in_doubt:
            del form.fields["doubt_accepted"]
        context = self.admin_site.each_context(request) | {
            "title": _t("End the connection of %(tenant)s?") % {"tenant": tenant},
            "tenant": tenant,
            "form": form,
            "open": counted(tenant, work),
            "in_doubt": work.in_doubt,
            "proof": proof.proof_of(tenant),
            "back": _page_of(tenant),
            "opts": self.opts,
        }
        return render(request, "desk/closing.html", context)

    @action(
        description=_("Reopen the connection"),
        url_path="reopen",
        permissions=["close"],
        icon="link",
    )
    def reopen_connection(self, request: HttpRequest, object_id: int) -> HttpResponse:
        tenant = get_object_or_404(Tenant, pk=object_id)
        has_key = bool(tenant.active_credential)
        queued = offboarding.open_work(tenant).queued

        def act(reason: str) -> tuple[int, str]:
            if not offboarding.reopen(tenant, by=request.user, reason=reason):
                return messages.WARNING, _t("Nothing changed: the connection is not ended.")
            if has_key:
                check_soon(tenant, request.user)
                return messages.SUCCESS, _t("Reopened: the key is being checked.")
            return messages.SUCCESS, _t("Reopened: file a new API key next.")

        question = Question(
            title=_t("Reopen the connection of %(tenant)s?") % {"tenant": tenant},
            button=_t("Reopen"),
            act=act,
            facts=[
                _t("The tenant is pending until a check of its key passes.")
                if has_key
                else _t("The secret has been destroyed: the customer must make a new API key."),
                _t("Exports in the queue that leave then: %(count)d.") % {"count": queued},
            ],
            reason="required",
            possible=tenant.state == TenantState.CLOSED,
        )
        return ask(self, request, question, _page_of(tenant))

    @action(
        description=_("Destroy the secret now"),
        url_path="destroy-secrets",
        permissions=["close"],
        icon="delete_forever",
    )
    def destroy_secrets(self, request: HttpRequest, object_id: int) -> HttpResponse:
        tenant = get_object_or_404(Tenant, pk=object_id)
        held = [str(key) for key in tenant.credentials.all() if key.api_key is not None]

        def act(reason: str) -> tuple[int, str]:
            count = offboarding.destroy_now(tenant, by=request.user, reason=reason)
            if not count:
                return messages.WARNING, _t("Nothing changed: there was no secret to destroy.")
            text = ngettext("%(count)d secret destroyed.", "%(count)d secrets destroyed.", count)
            return messages.SUCCESS, text % {"count": count}

        question = Question(
            title=_t("Destroy the secrets of %(tenant)s now?") % {"tenant": tenant},
            button=_t("Destroy"),
            act=act,
            facts=[
                _t("API keys whose secret goes: %(keys)s.") % {"keys": ", ".join(held) or "–"},
                _t("This cannot be undone. What is known about the keys stays as evidence."),
            ],
            reason="required",
            possible=tenant.state == TenantState.CLOSED and bool(held),
            danger=True,
        )
        page = reverse("admin:integrations_tenant_proof", args=[tenant.pk])
        return ask(self, request, question, page)


def _page_of(tenant: Tenant) -> str:
    return reverse("admin:integrations_tenant_change", args=[tenant.pk])


def _ended(tenant: Tenant) -> str:
    day = date_format(tenant.destroy_secrets_on, "SHORT_DATE_FORMAT")
    moment = date_format(localtime(tenant.closed_at), "SHORT_DATETIME_FORMAT")
    text = _t("The connection ended on %(moment)s. The secret is destroyed on %(day)s.")
    return text % {"moment": moment, "day": day}
