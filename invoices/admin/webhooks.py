"""Webhooks and their deliveries: what was told whom, what came back, and telling it again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.decorators import action, display

from integrations.admin.desk import Question, ReadOnlyAdmin, ask
from invoices import tasks
from invoices.admin.api_desk import MANAGE_WEBHOOKS, shown_once
from invoices.webhook_models import WebhookDelivery, WebhookEndpoint, WebhookTry
from invoices.webhooks import delivering, endpoints

_COLOURS = {"active": "success", "paused": "warning", "failing": "danger"}
_DELIVERY_COLOURS = {"delivered": "success", "waiting": "info", "given_up": "danger"}
#: How a POST without an answer ended, in words.
_ERRORS = {
    "timeout": _("No answer in time"),
    "no_answer": _("No connection, or no answer in HTTP"),
    "name_unknown": _("The name of the host is not known"),
    "tls": _("The certificate is not trusted"),
    "not_public": _("The name leads into a network that is not public"),
    "not_https": _("The address is not https"),
    "not_an_address": _("The address cannot be read"),
    "has_credentials": _("The address holds a password"),
    "secret_unreadable": _("FERNET_KEYS lacks the key of its secret"),
}


class _Managed(ReadOnlyAdmin):
    def has_manage_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm(MANAGE_WEBHOOKS)


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(_Managed):
    list_display = ["host", "tenant", "state_badge", "last_success_at", "failing_since"]
    list_filter = ["state"]
    list_select_related = ["tenant"]
    search_fields = ["tenant__name"]
    actions_detail = ["deliveries", "change_secret", "pause", "resume", "remove"]
    fields = [
        "tenant", "state", "created_at", "created_by", "last_success_at", "failing_since",
    ]  # fmt: skip

    @display(description=_("webhook"))
    def host(self, endpoint: WebhookEndpoint) -> str:
        return endpoint.host

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """The address's path may be a secret of the customer's: for those who look after it."""
        shown = "url" if self.has_manage_permission(request) else "host"
        return [shown, *self.fields]

    @display(description=_("state"), label=_COLOURS)
    def state_badge(self, endpoint: WebhookEndpoint) -> tuple[str, str]:
        return endpoint.state, endpoint.get_state_display()

    @action(description=_("Deliveries"), url_path="deliveries", icon="list")
    def deliveries(self, request: HttpRequest, object_id: int) -> HttpResponse:
        page = reverse("admin:invoices_webhookdelivery_changelist")
        return HttpResponse(
            status=302, headers={"Location": f"{page}?endpoint__id__exact={object_id}"}
        )

    @action(description=_("New secret"), url_path="secret", permissions=["manage"], icon="key")
    def change_secret(self, request: HttpRequest, object_id: int) -> HttpResponse:
        endpoint = _endpoint(object_id)
        if request.method == "POST" and "confirmed" in request.POST:
            clear = endpoints.change_secret(endpoint, by=request.user)
            if clear is not None:
                title = _t("Secret of the webhook to %(host)s") % {"host": endpoint.host}
                return shown_once(request, title, clear, _desk_of(endpoint))
        question = Question(
            title=_t("Make a new secret for %(host)s?") % {"host": endpoint.host},
            button=_t("Make"),
            act=lambda reason: (messages.WARNING, _t("Nothing changed: the webhook is removed.")),
            facts=[_t("The older secret signs beside the new one for 24 hours.")],
            possible=endpoint.state != WebhookEndpoint.State.REMOVED,
        )
        return ask(self, request, question, _desk_of(endpoint))

    @action(description=_("Pause"), url_path="pause", permissions=["manage"], icon="pause_circle")
    def pause(self, request: HttpRequest, object_id: int) -> HttpResponse:
        fact = _t("Nothing is posted until it is resumed; what happens meanwhile waits.")
        return self._ask(request, object_id, endpoints.pause, _t("Pause"), fact)

    @action(description=_("Resume"), url_path="resume", permissions=["manage"], icon="play_circle")
    def resume(self, request: HttpRequest, object_id: int) -> HttpResponse:
        fact = _t("What waits is posted at once.")
        return self._ask(request, object_id, endpoints.resume, _t("Resume"), fact)

    @action(description=_("Remove"), url_path="remove", permissions=["manage"], icon="delete")
    def remove(self, request: HttpRequest, object_id: int) -> HttpResponse:
        fact = _t("Its secret is destroyed and nothing more is told. This cannot be undone.")
        return self._ask(request, object_id, endpoints.remove, _t("Remove"), fact, danger=True)

    def _ask(
        self,
        request: HttpRequest,
        object_id: int,
        act: Callable[..., bool],
        button: str,
        fact: str,
        *,
        danger: bool = False,
    ) -> HttpResponse:
        endpoint = _endpoint(object_id)

        def do(reason: str) -> tuple[int, str]:
            if not act(endpoint, by=request.user):
                return messages.WARNING, _t("Nothing changed: it was in that state already.")
            tasks.deliver_webhooks_soon(endpoint.pk)
            return messages.SUCCESS, _t("Done: %(state)s.") % {
                "state": endpoint.get_state_display()
            }

        words = {"act": button, "host": endpoint.host}
        question = Question(
            title=_t("%(act)s: webhook to %(host)s?") % words,
            button=button,
            act=do,
            facts=[fact],
            danger=danger,
        )
        return ask(self, request, question, _desk_of(endpoint))


class TryInline(TabularInline):
    model = WebhookTry
    extra = 0
    can_delete = False
    fields = readonly_fields = ["at", "milliseconds", "http_status", "ended", "answer"]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("invoices.view_webhookdelivery")

    @display(description=_("error"))
    def ended(self, one: WebhookTry) -> str:
        return str(_ERRORS.get(one.error, one.error)) or "–"


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(_Managed):
    list_display = ["created_at", "kind", "number", "host", "state_badge", "tries", "due_at"]
    list_filter = ["state", "kind"]
    list_select_related = ["endpoint__tenant"]
    search_fields = ["number__startswith"]
    inlines = [TryInline]
    actions_detail = ["replay"]
    fields = [
        "kind", "number", "host", "tenant", "shown_id", "state", "tries", "created_at",
        "due_at", "finished_at", "body",
    ]  # fmt: skip

    @display(description=_("webhook"))
    def host(self, delivery: WebhookDelivery) -> str:
        return delivery.endpoint.host

    @display(description=_("tenant"))
    def tenant(self, delivery: WebhookDelivery) -> str:
        return str(delivery.endpoint.tenant)

    @display(description="webhook-id")
    def shown_id(self, delivery: WebhookDelivery) -> str:
        return delivering.message_id(delivery)

    @display(description=_("state"), label=_DELIVERY_COLOURS)
    def state_badge(self, delivery: WebhookDelivery) -> tuple[str, str]:
        return delivery.state, delivery.get_state_display()

    @action(description=_("Post again"), url_path="replay", permissions=["manage"], icon="replay")
    def replay(self, request: HttpRequest, object_id: int) -> HttpResponse:
        deliveries = WebhookDelivery.objects.select_related("endpoint__tenant")
        delivery = get_object_or_404(deliveries, pk=object_id)

        def act(reason: str) -> tuple[int, str]:
            if endpoints.replay(delivery, by=request.user):
                tasks.deliver_webhooks_soon(delivery.endpoint_id)
                return messages.SUCCESS, _t("It is posted again in a moment, with the same id.")
            return messages.WARNING, _t(
                "Nothing changed: it waits already, or the webhook is gone."
            )

        question = Question(
            title=_t("Post %(delivery)s again?") % {"delivery": delivery},
            button=_t("Post again"),
            act=act,
            facts=[_t("The source sees by the id whether it had this event before.")],
        )
        page = reverse("admin:invoices_webhookdelivery_change", args=[delivery.pk])
        return ask(self, request, question, page)


def _endpoint(pk: int) -> WebhookEndpoint:
    return get_object_or_404(WebhookEndpoint.objects.select_related("tenant"), pk=pk)


def _desk_of(endpoint: WebhookEndpoint) -> str:
    return reverse("admin:invoices_apitoken_desk", args=[endpoint.tenant_id])
