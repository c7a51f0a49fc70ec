"""API tokens: all of them as a list, and one tenant's desk, where tokens and webhooks are made."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextInputWidget, UnfoldBooleanSwitchWidget

from integrations.admin.desk import Question, ReadOnlyAdmin, ask, needs
from integrations.enums import TenantState
from integrations.models import Tenant
from invoices.api import tokens
from invoices.api_models import ApiToken
from invoices.webhook_models import WebhookEndpoint
from invoices.webhooks import endpoints
from invoices.webhooks.addresses import AddressRefused

VIEW, MANAGE = "invoices.view_apitoken", "invoices.manage_apitoken"
MANAGE_WEBHOOKS = "invoices.manage_webhookendpoint"
_DESK = "admin:invoices_apitoken_desk"

_REFUSED = {
    "not_an_address": _("This is not the address of a web page."),
    "not_https": _("The address has to begin with https://."),
    "has_credentials": _("The address must not hold a user name or a password."),
    "not_public": _("The address leads into a network that is not public."),
}


class TokenForm(forms.ModelForm):
    expires_on = forms.DateField(
        label=_("Last day"),
        required=False,
        help_text=_("Empty: it is valid until it is revoked."),
        # Browsers send and take ISO dates in such a field, whatever the language.
        input_formats=["%Y-%m-%d"],
        widget=UnfoldAdminTextInputWidget(attrs={"type": "date"}),
    )

    class Meta:
        model = ApiToken
        fields = ["name", "can_write", "can_read", "queue"]
        widgets = {
            "name": UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
            "can_write": UnfoldBooleanSwitchWidget,
            "can_read": UnfoldBooleanSwitchWidget,
            "queue": UnfoldBooleanSwitchWidget,
        }

    def clean_expires_on(self) -> dt.date | None:
        day: dt.date | None = self.cleaned_data["expires_on"]
        if day is not None and day < timezone.localdate():
            raise forms.ValidationError(_("This day is over."))
        return day

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if not (cleaned.get("can_write") or cleaned.get("can_read")):
            raise forms.ValidationError(_("Choose what the token may do."))
        return cleaned

    def facts(self) -> dict[str, Any]:
        """What `tokens.make` takes."""
        found = {name: self.cleaned_data[name] for name in self.Meta.fields}
        day = self.cleaned_data["expires_on"]
        end = dt.datetime.combine(day, dt.time.max).astimezone() if day else None
        return found | {
            "expires_at": timezone.make_aware(end.replace(tzinfo=None)) if end else None
        }


class WebhookForm(forms.Form):
    url = forms.CharField(
        label=_("Address"),
        max_length=500,
        help_text=_("Where we POST to; https, reachable for all."),
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off", "inputmode": "url"}),
    )


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    list_display = [
        "name",
        "tenant",
        "shown",
        "may",
        "queue",
        "state_badge",
        "last_used_at",
        "expires_at",
    ]
    list_filter = [("revoked_at", admin.EmptyFieldListFilter)]
    list_select_related = ["tenant"]
    search_fields = ["name", "tenant__name", "last_four"]
    actions_detail = ["revoke"]
    fields = [
        "name", "tenant", "shown", "may", "queue", "state", "created_at", "created_by",
        "last_used_at", "expires_at", "revoked_at", "revoked_by",
    ]  # fmt: skip

    def get_urls(self) -> list[Any]:
        page = path(
            "of/<int:tenant_pk>/",
            self.admin_site.admin_view(self.desk),
            name="invoices_apitoken_desk",
        )
        return [page, *super().get_urls()]

    @display(description=_("token"))
    def shown(self, token: ApiToken) -> str:
        return f"{tokens.PREFIX}…{token.last_four}"

    @display(description=_("may"))
    def may(self, token: ApiToken) -> str:
        return ", ".join(token.scopes)

    @display(
        description=_("state"), label={"usable": "success", "revoked": "danger", "over": "warning"}
    )
    def state_badge(self, token: ApiToken) -> tuple[str, Any]:
        return state_of(token)

    @display(description=_("state"))
    def state(self, token: ApiToken) -> str:
        return str(state_of(token)[1])

    def has_manage_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm(MANAGE)

    @action(description=_("Revoke"), url_path="revoke", permissions=["manage"], icon="block")
    def revoke(self, request: HttpRequest, object_id: int) -> HttpResponse:
        token = get_object_or_404(ApiToken.objects.select_related("tenant"), pk=object_id)

        def act(reason: str) -> tuple[int, str]:
            if tokens.revoke(token, by=request.user):
                return messages.SUCCESS, _t("Revoked: the token opens nothing any more.")
            return messages.WARNING, _t("Nothing changed: it has been revoked already.")

        question = Question(
            title=_t("Revoke the token %(token)s?") % {"token": token},
            button=_t("Revoke"),
            act=act,
            facts=[_t("The source that uses it is refused at once. This cannot be undone.")],
            possible=token.revoked_at is None,
            danger=True,
        )
        return ask(self, request, question, reverse(_DESK, args=[token.tenant_id]))

    def desk(self, request: HttpRequest, tenant_pk: int) -> HttpResponse:
        """What a tenant's sources may do, and what they are told of."""
        needs(request, VIEW)
        tenant = get_object_or_404(Tenant, pk=tenant_pk)
        posted = request.POST.get("act") if request.method == "POST" else None
        token_form = TokenForm(request.POST if posted == "token" else None)
        webhook_form = WebhookForm(request.POST if posted == "webhook" else None)
        if posted == "token":
            needs(request, MANAGE)
            if token_form.is_valid() and (made := _make(request, tenant, token_form)):
                return made
        if posted == "webhook":
            needs(request, MANAGE_WEBHOOKS)
            if webhook_form.is_valid() and (added := _add(request, tenant, webhook_form)):
                return added
        context = self.admin_site.each_context(request) | {
            "title": _t("API and webhooks of %(tenant)s") % {"tenant": tenant},
            "tenant": tenant,
            "is_closed": tenant.state == TenantState.CLOSED,
            "tokens": [(token, state_of(token)) for token in tenant.api_tokens.all()],
            "webhooks": tenant.webhook_endpoints.exclude(state=WebhookEndpoint.State.REMOVED),
            "token_form": token_form if request.user.has_perm(MANAGE) else None,
            "webhook_form": webhook_form if request.user.has_perm(MANAGE_WEBHOOKS) else None,
            "back": reverse("admin:integrations_tenant_change", args=[tenant.pk]),
            "opts": self.opts,
        }
        return render(request, "desk/api.html", context)


def state_of(token: ApiToken) -> tuple[str, Any]:
    if token.revoked_at is not None:
        return "revoked", _("Revoked")
    return ("over", _("Past its end")) if token.is_over else ("usable", _("In use"))


def _make(request: HttpRequest, tenant: Tenant, form: TokenForm) -> HttpResponse | None:
    try:
        row, clear = tokens.make(tenant, by=request.user, **form.facts())
    except tokens.NameTaken:
        form.add_error(
            "name", _t("A token of this name is in use: revoke it first, or choose another.")
        )
        return None
    words = {"token": row, "tenant": tenant}
    title = _t("Token %(token)s of %(tenant)s") % words
    return shown_once(request, title, clear, reverse(_DESK, args=[tenant.pk]))


def _add(request: HttpRequest, tenant: Tenant, form: WebhookForm) -> HttpResponse | None:
    try:
        endpoint, clear = endpoints.add(tenant, form.cleaned_data["url"], by=request.user)
    except AddressRefused as refused:
        form.add_error("url", str(_REFUSED[refused.code]))
    except endpoints.AddressTaken:
        form.add_error("url", _t("This address is told already."))
    else:
        title = _t("Secret of the webhook to %(host)s") % {"host": endpoint.host}
        return shown_once(request, title, clear, reverse(_DESK, args=[tenant.pk]))
    return None


@never_cache
def shown_once(request: HttpRequest, title: str, clear: str, back: str) -> HttpResponse:
    """The one page that has a secret in clear."""
    context = admin.site.each_context(request) | {"title": title, "clear": clear, "back": back}
    return render(request, "desk/shown_once.html", context)
