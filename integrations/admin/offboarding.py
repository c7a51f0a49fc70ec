"""The pages that end a connection, take that back, and destroy its secrets before their day."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.admin import ModelAdmin
from unfold.widgets import (
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from integrations import offboarding, proof
from integrations.admin.desk import Question, ask
from integrations.admin.proof import counted
from integrations.enums import TenantState
from integrations.models import Tenant
from integrations.offboarding import CannotClose
from integrations.tasks import check_soon

_USE_THE_KEY = {f"integrations_tenant_{name}" for name in ("check_now", "file_key")}


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

    def get_urls(self) -> list[Any]:
        pages = [
            path(
                f"<int:object_id>/{address}/",
                self.admin_site.admin_view(view),
                name=f"integrations_tenant_{view.__name__}",
            )
            for address, view in (
                ("end", self.end_connection),
                ("reopen", self.reopen_connection),
                ("destroy-secrets", self.destroy_secrets),
            )
        ]
        return [*pages, *super().get_urls()]

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> list[Any]:
        """Without the buttons that would use a closed tenant's key."""
        found = super().get_actions_detail(request, object_id)
        if not Tenant.objects.filter(pk=object_id, state=TenantState.CLOSED).exists():
            return found
        return [each for each in found if each.action_name not in _USE_THE_KEY]

    def end_connection(self, request: HttpRequest, object_id: int) -> HttpResponse:
        tenant = _tenant_to_end(request, object_id)
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
            "unread": work.unread,
            "proof": proof.proof_of(tenant),
            "back": _page_of(tenant),
            "opts": self.opts,
        }
        return render(request, "desk/closing.html", context)

    def reopen_connection(self, request: HttpRequest, object_id: int) -> HttpResponse:
        tenant = _tenant_to_end(request, object_id)
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

    def destroy_secrets(self, request: HttpRequest, object_id: int) -> HttpResponse:
        tenant = _tenant_to_end(request, object_id)
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


def _tenant_to_end(request: HttpRequest, object_id: int) -> Tenant:
    if not request.user.has_perm("integrations.close_tenant"):
        raise PermissionDenied
    return get_object_or_404(Tenant, pk=object_id)


def _page_of(tenant: Tenant) -> str:
    return reverse("admin:integrations_tenant_change", args=[tenant.pk])


def _ended(tenant: Tenant) -> str:
    day = date_format(tenant.destroy_secrets_on, "SHORT_DATE_FORMAT")
    moment = date_format(localtime(tenant.closed_at), "SHORT_DATETIME_FORMAT")
    text = _t("The connection ended on %(moment)s. The secret is destroyed on %(day)s.")
    return text % {"moment": moment, "day": day}
