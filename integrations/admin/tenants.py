"""The key desk: tenants with their keys, accounts and checks."""

from __future__ import annotations

import contextlib
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import connection, models
from django.db.models import Count, QuerySet
from django.db.models.functions import Cast
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.html import format_html_join
from django.utils.timezone import localtime
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextareaWidget

from integrations import diagnosis, keydesk
from integrations.admin.account_inline import BankAccountInline
from integrations.admin.checks import CHECK_COLOURS, awaited_context, check_context, waiting_page_of
from integrations.admin.desk import Question, RecordAdmin, ask
from integrations.admin.going_live import GoingLiveDesk
from integrations.admin.invite import InviteDesk
from integrations.admin.keys import KeyDesk
from integrations.admin.mail import MailDesk
from integrations.admin.meanwhile import CaughtUpFormSet, TenantForm, seen_of
from integrations.admin.offboarding import ClosingDesk
from integrations.admin.onboarding import OnboardingBoard
from integrations.admin.proof import ProofDesk
from integrations.admin.radar import ConditionFilter, RadarDesk, warned
from integrations.admin.replies import ReplyDesk
from integrations.enums import CheckOutcome, Environment, PauseReason, TenantState
from integrations.models import Credential, Tenant
from integrations.signals import acted
from integrations.tasks import check_soon

#: Statuses of exports that something still happens to.
_NOT_OVER = ("draft", "queued", "submitting", "submitted", "needs_attention", "parked", "unknown")


class CredentialInline(TabularInline):
    """Keys as metadata; a key is filed on its own page and never shown."""

    model = Credential
    formset = CaughtUpFormSet
    extra = 0
    can_delete = False
    fields = readonly_fields = [
        "shown",
        "state",
        "short_fingerprint",
        "received_at",
        "received_via",
        "received_by",
        "says",
    ]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @display(description=_("API key"))
    def shown(self, credential: Credential) -> str:
        return str(credential)

    @display(description=_("fingerprint"))
    def short_fingerprint(self, credential: Credential) -> str:
        return credential.short_fingerprint

    @display(description=_("what the key says"))
    def says(self, credential: Credential) -> str:
        return " · ".join(keydesk.in_words(credential.claims)) or "–"


@admin.register(Tenant)
class TenantAdmin(
    ClosingDesk,
    GoingLiveDesk,
    InviteDesk,
    KeyDesk,
    MailDesk,
    OnboardingBoard,
    ProofDesk,
    RadarDesk,
    ReplyDesk,
    RecordAdmin,
):
    form = TenantForm
    list_display = [
        *("name", "business_id", "where", "condition_badge", "check_badge", "export_counts")
    ]
    list_filter = [ConditionFilter, "state", "environment", "pause_reason"]
    search_fields = ["name", "business_id", "slug", "contact_email"]
    list_fullwidth = True
    inlines = [BankAccountInline, CredentialInline]
    formfield_overrides = {
        models.JSONField: {"widget": UnfoldAdminTextareaWidget(attrs={"rows": 2})}
    }
    actions = ["check_selected"]
    actions_list = ["read_mail", "invite_customer"]
    actions_detail = ["check_now", "file_key", "pause_tenant", "resume_tenant"]
    change_form_outer_before_template = "desk/tenant.html"
    change_form_before_template = "desk/seen.html"
    readonly_fields = ["slug", "state", "paused_at"]
    fieldsets = [
        (
            _("Company"),
            {
                "fields": [
                    ("name", "business_id"),
                    ("environment", "slug"),
                    ("state", "paused_at"),
                ]
            },
        ),
        (
            _("Contact"),
            {"fields": [("contact_name", "language"), ("contact_email", "contact_phone")]},
        ),
        (
            _("Export settings"),
            {
                "fields": [
                    ("invoice_channel", "after_submit"),
                    ("default_vat_status", "invoice_language"),
                    ("penalty_percent", "days_to_pay"),
                    "vat_status_by_category",
                    "drop_invalid_reference",
                ]
            },
        ),
        (_("Retention"), {"fields": ["retention_years"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tenant]:
        return super().get_queryset(request).with_last_check()

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Any:
        """For saving, the row is locked before it is read: all columns are written back, and what
        somebody else has decided since (closed, paused, live) must not be undone by it."""
        if request.method == "POST" and connection.in_atomic_block:
            field = self.opts.pk if from_field is None else self.opts.get_field(from_field)
            with contextlib.suppress(ValidationError, ValueError):
                value = {field.name: field.to_python(object_id)}
                list(Tenant.objects.select_for_update().filter(**value).values_list("pk"))
        return super().get_object(request, object_id, from_field)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        # Not those that are over: there may be millions, and an index counts the few others.
        exports = Tenant.exports.rel.related_model.objects.filter(status__in=_NOT_OVER)
        # By an expression, or SQLite reads all exports in the order of an index of tenants.
        of_tenants = exports.order_by().annotate(of=Cast("tenant", models.BigIntegerField()))
        counted = of_tenants.values_list("of", "status").annotate(Count("pk"))
        self._counts: dict[int, list[tuple[str, int]]] = {}
        for pk, status, count in counted:
            self._counts.setdefault(pk, []).append((status, count))
        return super().changelist_view(request, extra_context)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """With a key on file the environment stays: a look-up for a lost answer would else ask
        the other environment, find nothing, and the invoice would be submitted there."""
        fixed = ["environment", "business_id"] if obj and obj.credentials.exists() else []
        return [*super().get_readonly_fields(request, obj), *fixed]

    @display(description=_("environment"), label={"test": "info", "production": "primary"})
    def where(self, tenant: Tenant) -> tuple[str, str]:
        return tenant.environment, str(Environment(tenant.environment).label)

    @display(description=_("last check"), label=CHECK_COLOURS, ordering="check_at")
    def check_badge(self, tenant: Any) -> tuple[str, str]:
        if not tenant.check_outcome:
            return "", str(_("Never checked"))
        label = CheckOutcome(tenant.check_outcome).label
        when = date_format(localtime(tenant.check_at), "SHORT_DATETIME_FORMAT")
        return tenant.check_outcome, " · ".join(filter(None, [f"{label} {when}", warned(tenant)]))

    @display(description=_("exports that are not over"))
    def export_counts(self, tenant: Tenant) -> str:
        labels = dict(Tenant.exports.rel.related_model._meta.get_field("status").flatchoices)
        url = reverse("admin:invoices_invoiceexport_changelist")
        return (
            format_html_join(
                " ",
                '<a class="desk-count desk-count-{2}" href="{0}?tenant__id__exact={1}'
                '&amp;status__exact={2}">{3} {4}</a>',
                (
                    (url, tenant.pk, status, count, labels[status])
                    for status, count in sorted(self._counts.get(tenant.pk, []))
                ),
            )
            or "–"
        )

    def context_of(self, request: HttpRequest, object_id: str) -> dict[str, Any]:
        tenant = Tenant.objects.filter(pk=object_id).first()
        extra = awaited_context(request, tenant.last_check) if tenant else {}
        extra |= {"seen": seen_of(tenant)} if tenant else {}
        candidate = tenant.candidate if tenant else None
        if candidate is not None:
            shown = check_context(candidate.newest_check)
            extra |= {"candidate": candidate, "candidate_check": shown}
        return super().context_of(request, object_id) | extra

    def log_addition(self, request: HttpRequest, obj: Tenant, message: Any) -> Any:
        acted.send(Tenant, action="tenant.added", tenant=obj, by=request.user, data={})
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Tenant, message: Any) -> Any:
        """What changed, by field names; the values are in the tenant and its accounts."""
        fields = [
            name
            for change in (message if isinstance(message, list) else [])
            for kind in change.values()
            for name in kind.get("fields", [kind.get("object", "")])
        ]
        if fields:
            acted.send(
                Tenant,
                action="tenant.changed",
                tenant=obj,
                by=request.user,
                data={"fields": fields},
            )
        return super().log_change(request, obj, message)

    def response_add(self, request: HttpRequest, obj: Tenant, *args: Any) -> HttpResponse:
        response = super().response_add(request, obj, *args)
        if "_addanother" not in request.POST and self.has_file_permission(request):
            return HttpResponseRedirect(
                reverse("admin:integrations_tenant_file_key", args=[obj.pk])
            )
        return response

    def has_check_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("integrations.check_connection")

    def has_file_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("integrations.file_credential")

    def has_pause_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("integrations.pause_tenant")

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> list[Any]:
        """Without the button that would do nothing: pausing what is not active, and so on."""
        tenant = Tenant.objects.filter(pk=object_id).first()
        idle = set()
        if tenant is None or tenant.state != TenantState.ACTIVE:
            idle.add("integrations_tenant_pause_tenant")
        if tenant is None or tenant.pause_reason != PauseReason.PERSON:
            idle.add("integrations_tenant_resume_tenant")
        found = super().get_actions_detail(request, object_id)
        return [action for action in found if action.action_name not in idle]

    @admin.action(description=_("Check connection"), permissions=["check"])
    def check_selected(self, request: HttpRequest, queryset: QuerySet[Tenant]) -> HttpResponse:
        back = reverse("admin:integrations_tenant_changelist")
        return ask(self, request, _check_question(request, list(queryset)), back)

    @action(
        description=_("Check connection"),
        url_path="check",
        permissions=["check"],
        icon="network_check",
    )
    def check_now(self, request: HttpRequest, object_id: int) -> HttpResponse:
        tenant = get_object_or_404(Tenant, pk=object_id)
        return ask(self, request, _check_question(request, [tenant]), waiting_page_of(tenant))

    @action(description=_("Pause"), url_path="pause", permissions=["pause"], icon="pause_circle")
    def pause_tenant(self, request: HttpRequest, object_id: int) -> HttpResponse:
        tenant = get_object_or_404(Tenant, pk=object_id)

        def act(reason: str) -> tuple[int, str]:
            if diagnosis.pause(tenant, PauseReason.PERSON, by=request.user):
                return messages.SUCCESS, _t("Paused: nothing is submitted until it is resumed.")
            return messages.WARNING, _t("Nothing changed: the tenant was not active any more.")

        question = Question(
            title=_t("Pause %(tenant)s?") % {"tenant": tenant},
            button=_t("Pause"),
            act=act,
            facts=[_t("Queued exports stay in the queue. A request on its way is finished.")],
        )
        return ask(self, request, question, _page_of(tenant))

    @action(description=_("Resume"), url_path="resume", permissions=["pause"], icon="play_circle")
    def resume_tenant(self, request: HttpRequest, object_id: int) -> HttpResponse:
        tenant = get_object_or_404(Tenant, pk=object_id)

        def act(reason: str) -> tuple[int, str]:
            if diagnosis.resume(tenant, by=request.user):
                check_soon(tenant, request.user)
                return messages.SUCCESS, _t("Resumed: the queue goes on after a check.")
            return messages.WARNING, _t("Nothing changed: the tenant was not paused any more.")

        question = Question(
            title=_t("Resume %(tenant)s?") % {"tenant": tenant}, button=_t("Resume"), act=act
        )
        return ask(self, request, question, _page_of(tenant))


def _page_of(tenant: Tenant) -> str:
    return reverse("admin:integrations_tenant_change", args=[tenant.pk])


def _check_question(request: HttpRequest, tenants: list[Tenant]) -> Question:
    checked = [tenant for tenant in tenants if tenant.state != TenantState.CLOSED]

    def act(reason: str) -> tuple[int, str]:
        for tenant in checked:
            check_soon(tenant, request.user)
        if not checked:
            return messages.WARNING, _t("Nothing is checked: the connection has ended.")
        return messages.SUCCESS, _t("The check is running; its result appears in a moment.")

    return Question(
        title=_t("Check the connection?"),
        button=_t("Check connection"),
        act=act,
        facts=[
            *(str(tenant) for tenant in checked),
            _t("Reads only: nothing is created in Procountor."),
        ],
        left_out=[
            _t("%(tenant)s is closed: its keys are not used.") % {"tenant": tenant}
            for tenant in tenants
            if tenant not in checked
        ],
        possible=bool(checked),
    )
