"""Web shops: connecting them, how they are, what could not be taken in, and earlier orders."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters
from unfold.decorators import action, display

from integrations.admin.bounded import BoundedPaginator, counts
from integrations.admin.desk import Question, ReadOnlyAdmin, ask, needs
from invoices import tasks
from invoices.admin.filters import TenantFilter
from invoices.admin.shop_forms import ConnectForm, DaysForm, KeysForm, SettingsForm, WebhookForm
from invoices.admin.shop_words import STATE_COLOURS, shown_orders, shown_run
from invoices.shop_models import OrderState, RunKind, RunState, ShopConnection, ShopRun, ShopState
from invoices.shops import connections, pulling
from invoices.shops.causes import words_of

MANAGE = "invoices.manage_shopconnection"
BACKFILL = "invoices.backfill_shopconnection"
_A_PAGE = 50
_RUNS = 8
#: Pages of those who manage connections, in the order of their buttons.
MANAGING = {
    "settings": _("Settings"),
    "keys": _("New key"),
    "webhook": _("Webhook secret"),
    "end_old_secret": _("End the older secret"),
    "pause": _("Pause"),
    "resume": _("Resume"),
    "end": _("End"),
}
_SECRETS = sensitive_post_parameters("api_key", "api_secret", "webhook_secret")


@admin.register(ShopConnection)
class ShopConnectionAdmin(ReadOnlyAdmin):
    list_display = ["name", "tenant", "kind", "state_badge", "last_pull_at", "last_delivery_at"]
    list_filter = ["state", "kind", ("tenant", TenantFilter)]
    list_filter_submit = True
    list_select_related = ["tenant"]
    search_fields = ["name", "address"]
    actions_list = ["connect"]
    actions_detail = ["test", "backfill"]
    change_form_outer_before_template = "desk/shop.html"
    fields = [
        ("tenant", "kind"),
        ("address", "prefix"),
        ("statuses", "payments"),
        ("since", "queue"),
        ("business_id_fields", "vat_number_fields"),
        ("free_orders", "rounding_row"),
        ("amount_only_row", "goods_only"),
    ]

    @display(description=_("state"), label=STATE_COLOURS, ordering="state")
    def state_badge(self, shop: ShopConnection) -> tuple[str, str]:
        return shop.state, shop.get_state_display()

    def get_urls(self) -> list[Any]:
        wrap = self.admin_site.admin_view
        run = path("run/<int:pk>/", wrap(self.act_on_run), name="invoices_shopconnection_run")
        pages = [
            path(
                f"<int:object_id>/{name.replace('_', '-')}/",
                wrap(getattr(self, name)),
                name=f"invoices_shopconnection_{name}",
            )
            for name in MANAGING
        ]
        return [run, *pages, *super().get_urls()]

    def has_manage_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm(MANAGE)

    def has_backfill_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm(BACKFILL)

    def has_test_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm(MANAGE) or request.user.has_perm(BACKFILL)

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> list[Any]:
        """Without the buttons that would do nothing."""
        shop = ShopConnection.objects.filter(pk=object_id).first()
        idle = _idle(shop)
        found = super().get_actions_detail(request, object_id)
        prefix = "invoices_shopconnection_"
        return [each for each in found if each.action_name.removeprefix(prefix) not in idle]

    def context_of(self, request: HttpRequest, object_id: str) -> dict[str, Any]:
        shop = ShopConnection.objects.select_related("tenant").filter(pk=object_id).first()
        extra = _context(request, shop) if shop else {}
        return super().context_of(request, object_id) | extra

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kw: Any) -> Any:
        answer = super().change_view(request, object_id, *args, **kw)
        known = object_id.isascii() and object_id.isdecimal()
        if known and ShopRun.objects.filter(shop=object_id, state=RunState.RUNNING).exists():
            answer["Refresh"] = "4"  # without a script
        return answer

    @action(description=_("Connect a shop"), url_path="connect", permissions=["manage"], icon="add")
    @method_decorator(_SECRETS)
    def connect(self, request: HttpRequest) -> HttpResponse:
        form = ConnectForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            given = {name: form.cleaned_data[name] for name in form.secrets}
            try:
                shop = connections.connect(form.new(), **given, by=request.user)
            except IntegrityError:
                form.add_error(
                    "prefix", _("Another shop of the tenant has this prefix: choose another.")
                )
            else:
                _begin(shop, RunKind.TEST, request.user)
                text = _t("Connected; whether the shop answers is seen in a moment.")
                messages.success(request, text)
                return HttpResponseRedirect(_page_of(shop))
        back = reverse("admin:invoices_shopconnection_changelist")
        return self._form(request, form, _t("Connect a web shop"), _t("Connect"), back)

    def settings(self, request: HttpRequest, object_id: int) -> HttpResponse:
        needs(request, MANAGE)
        shop = self._open(object_id)
        initial = {name: getattr(shop, name) for name in connections.CHANGEABLE}
        form = SettingsForm(request.POST or None, initial=initial)
        if request.method == "POST" and form.is_valid():
            changed = connections.change(shop, form.cleaned_data, by=request.user)
            text = _t("Saved.") if changed else _t("Nothing has changed.")
            messages.success(request, text)
            return HttpResponseRedirect(_page_of(shop))
        return self._form(request, form, str(shop), _t("Save"), _page_of(shop))

    @method_decorator(_SECRETS)
    def keys(self, request: HttpRequest, object_id: int) -> HttpResponse:
        needs(request, MANAGE)
        shop = self._open(object_id)
        form = KeysForm(request.POST or None, initial={"address": shop.address})
        if request.method == "POST" and form.is_valid():
            connections.replace_keys(shop, **form.cleaned_data, by=request.user)
            _begin(shop, RunKind.TEST, request.user)
            messages.success(request, _t("The key is filed and is being tried."))
            return HttpResponseRedirect(_page_of(shop))
        title = _t("New key for %(shop)s") % {"shop": shop}
        return self._form(request, form, title, _t("File and test"), _page_of(shop))

    @method_decorator(_SECRETS)
    def webhook(self, request: HttpRequest, object_id: int) -> HttpResponse:
        needs(request, MANAGE)
        shop = self._open(object_id)
        form = WebhookForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            secret = form.cleaned_data["webhook_secret"]
            connections.replace_webhook_secret(shop, secret, by=request.user)
            messages.success(request, _t("Filed: webhooks signed with it are taken from now on."))
            return HttpResponseRedirect(_page_of(shop))
        title = _t("Webhook secret of %(shop)s") % {"shop": shop}
        return self._form(request, form, title, _t("File"), _page_of(shop))

    def end_old_secret(self, request: HttpRequest, object_id: int) -> HttpResponse:
        needs(request, MANAGE)
        shop = self._open(object_id)

        def act(reason: str) -> tuple[int, str]:
            if connections.end_old_webhook_secret(shop, by=request.user):
                return messages.SUCCESS, _t("Only the newer secret counts now.")
            return messages.WARNING, _t("Nothing changed: there was no older secret.")

        question = Question(
            title=_t("End the older webhook secret of %(shop)s?") % {"shop": shop},
            button=_t("End it"),
            act=act,
            facts=[_t("Webhooks that the shop still signs with it are refused from then on.")],
        )
        return ask(self, request, question, _page_of(shop))

    @action(
        description=_("Test the connection"),
        url_path="test",
        permissions=["test"],
        icon="network_check",
    )
    def test(self, request: HttpRequest, object_id: int) -> HttpResponse:
        shop = self._open(object_id)

        def act(reason: str) -> tuple[int, str]:
            if _begin(shop, RunKind.TEST, request.user):
                return messages.SUCCESS, _t("The shop is being asked; see below in a moment.")
            return messages.WARNING, _t("Such a run is under way already.")

        question = Question(
            title=_t("Test the connection to %(shop)s?") % {"shop": shop},
            button=_t("Test the connection"),
            act=act,
            facts=[_t("Reads one page of orders, and takes nothing in.")],
        )
        return ask(self, request, question, _page_of(shop))

    @action(
        description=_("Back-fill"), url_path="back-fill", permissions=["backfill"], icon="history"
    )
    def backfill(self, request: HttpRequest, object_id: int) -> HttpResponse:
        shop = self._open(object_id)
        form = DaysForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            if _begin(shop, RunKind.COUNT, request.user, **form.cleaned_data):
                text = _t("Being counted: nothing is taken in before you say so.")
                messages.success(request, text)
            else:
                messages.warning(request, _t("Such a run is under way already."))
            return HttpResponseRedirect(_page_of(shop))
        title = _t("Earlier orders of %(shop)s") % {"shop": shop}
        return self._form(request, form, title, _t("Count first"), _page_of(shop))

    def pause(self, request: HttpRequest, object_id: int) -> HttpResponse:
        needs(request, MANAGE)
        shop = self._open(object_id)

        def act(reason: str) -> tuple[int, str]:
            if connections.pause(shop, by=request.user):
                return messages.SUCCESS, _t("Paused: nothing is asked or taken in.")
            return messages.WARNING, _t("Nothing changed: somebody else was here first.")

        question = Question(
            title=_t("Pause %(shop)s?") % {"shop": shop},
            button=_t("Pause"),
            act=act,
            facts=[_t("What the shop brings meanwhile is kept and taken in later.")],
        )
        return ask(self, request, question, _page_of(shop))

    def resume(self, request: HttpRequest, object_id: int) -> HttpResponse:
        needs(request, MANAGE)
        shop = self._open(object_id)

        def act(reason: str) -> tuple[int, str]:
            if connections.resume(shop, by=request.user):
                return messages.SUCCESS, _t("Resumed: the shop is asked what has changed since.")
            return messages.WARNING, _t("Nothing changed: somebody else was here first.")

        question = Question(
            title=_t("Resume %(shop)s?") % {"shop": shop}, button=_t("Resume"), act=act
        )
        return ask(self, request, question, _page_of(shop))

    def end(self, request: HttpRequest, object_id: int) -> HttpResponse:
        needs(request, MANAGE)
        shop = self._open(object_id)

        def act(reason: str) -> tuple[int, str]:
            if connections.end(shop, by=request.user):
                return messages.SUCCESS, _t("Ended: its key and secrets are destroyed.")
            return messages.WARNING, _t("Nothing changed: somebody else was here first.")

        question = Question(
            title=_t("End the connection to %(shop)s?") % {"shop": shop},
            button=_t("End the connection"),
            act=act,
            danger=True,
            facts=[
                _t("Key and secrets are destroyed, and what waits to be taken in is dropped."),
                _t("Invoices and received files stay. It cannot be taken back."),
            ],
        )
        return ask(self, request, question, _page_of(shop))

    def act_on_run(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The buttons of a back-fill: take in what was counted, or stop."""
        needs(request, BACKFILL)
        run = get_object_or_404(ShopRun.objects.select_related("shop__tenant"), pk=pk)
        done = True
        if "take_in" in request.POST:
            done = pulling.take_in(run, by=request.user)
            tasks.advance_shop_run_soon(run.pk)
        elif "cancel" in request.POST:
            done = pulling.cancel(run, by=request.user)
        if not done:
            messages.warning(request, _t("Nothing changed: somebody else was here first."))
        return HttpResponseRedirect(_page_of(run.shop) + "#runs")

    def _open(self, object_id: int) -> ShopConnection:
        shops = ShopConnection.objects.select_related("tenant").exclude(state=ShopState.ENDED)
        return get_object_or_404(shops, pk=object_id)

    def _form(
        self, request: HttpRequest, form: Any, title: str, button: str, back: str
    ) -> HttpResponse:
        if form.is_bound and hasattr(form, "hide_secrets"):
            form.hide_secrets()
        context = self.admin_site.each_context(request) | {
            "title": title,
            "form": form,
            "back": back,
            "button": button,
            "opts": self.opts,
        }
        return render(request, "desk/form.html", context)


def _begin(shop: ShopConnection, kind: str, by: Any, **days: Any) -> bool:
    """Have a run begun and driven in the background; False when there is one."""
    try:
        run = pulling.begin(shop, kind, by=by, **days)
    except pulling.Busy:
        return False
    tasks.advance_shop_run_soon(run.pk)
    return True


def _page_of(shop: ShopConnection) -> str:
    return reverse("admin:invoices_shopconnection_change", args=[shop.pk])


def _idle(shop: ShopConnection | None) -> set[str]:
    every = {"test", "backfill", *MANAGING}
    if shop is None or shop.state == ShopState.ENDED:
        return every
    idle: set[str] = set() if shop.webhook_secret_old is not None else {"end_old_secret"}
    if shop.state == ShopState.PAUSED:
        return idle | {"pause", "test", "backfill"}
    return idle | {"resume"}


def _managing(shop: ShopConnection) -> list[dict[str, Any]]:
    idle = _idle(shop)
    return [
        {"label": label, "url": reverse(f"admin:invoices_shopconnection_{name}", args=[shop.pk])}
        for name, label in MANAGING.items()
        if name not in idle
    ]


def _context(request: HttpRequest, shop: ShopConnection) -> dict[str, Any]:
    state = request.GET.get("orders", "")
    rows = shop.orders.order_by("-pk")
    rows = rows.filter(state=state) if state in OrderState.values else rows.filter(is_told=True)
    page = BoundedPaginator(rows, _A_PAGE).get_page(request.GET.get("page"))
    runs = shop.runs.select_related("asked_by")[:_RUNS]
    return {
        "shop": shop,
        "state_colour": STATE_COLOURS[shop.state],
        "cause": words_of(shop.cause, shop.cause_detail),
        "hook": request.build_absolute_uri(reverse("shop_hook", args=[shop.hook_id])),
        "waiting": shop.inbox.filter(not_before__isnull=False).count(),
        "runs": [shown_run(run) for run in runs],
        "order_states": [
            {"value": value, "label": OrderState(value).label, "count": count}
            for value, count in counts(shop.orders.all(), "state", OrderState.values).items()
        ],
        "orders_shown": state if state in OrderState.values else "",
        "orders": shown_orders(page),
        "page": page,
        "may_manage": request.user.has_perm(MANAGE),
        "managing": _managing(shop) if request.user.has_perm(MANAGE) else [],
        "may_backfill": request.user.has_perm(BACKFILL) and shop.state != ShopState.ENDED,
    }
