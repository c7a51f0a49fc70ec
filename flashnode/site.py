"""The admin's start page: whether the engine runs, and what needs whom now, each figure a link to
exactly its rows."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import Count, Min, Q, Sum
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from integrations import advice, condition
from integrations.activation.models import ActivationRequest, ActivationState
from integrations.admin.radar import condition_label, warned
from integrations.condition import Condition
from integrations.enums import CheckOutcome, TenantState
from integrations.models import Tenant
from invoices.admin.dashboard import VIEW as VIEW_FIGURES
from invoices.admin.dashboard import dashboard_context
from invoices.admin.needs_action import needs_action_context
from invoices.admin.words import money
from invoices.enums import ExportStatus
from invoices.models import InvoiceExport
from invoices.watch.findings import Signs, evaluate
from invoices.watch_models import Alert

_DAYS = 7
#: Amounts in other currencies are not added up with euros.
_EUROS = Sum("invoice__gross_total", filter=Q(invoice__currency="EUR"))
_EXPORTS = "admin:invoices_invoiceexport_changelist"


def environment_badge(request: HttpRequest) -> tuple[str, str] | None:
    """What the header says of where we are: the demo speaks to a simulated Procountor."""
    if "127.0.0.1" in settings.PROCOUNTOR["test"]["base_url"]:
        return (_("Simulated Procountor"), "warning")
    return None


def is_at_exports(request: HttpRequest) -> bool:
    """Whether the menu marks “Exports”: the list of work has an entry of its own, below it."""
    at, work = reverse(_EXPORTS), reverse("admin:invoices_invoiceexport_needs_action")
    return request.path.startswith(at) and not request.path.startswith(work)


def home(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """The sections this person may see, the ones of the own role first."""
    user = request.user
    found: dict[str, Any] = {"title": _("Home")}
    files_keys = user.has_perm("integrations.file_credential")
    if user.has_perm("invoices.work_on_case") and not files_keys:
        # The accountant's home is the list of work, and nothing else.
        found |= {"work": needs_action_context(request), "engine": _engine(user)}
    elif user.has_perm(VIEW_FIGURES) and not files_keys:
        # Management's home is the figures, and nothing else.
        found |= {"figures": dashboard_context(request), "engine": _engine(user)}
    elif sections := _sections(user):
        found |= {"sections": sections, "engine": _engine(user)}
    return context | found


def _sections(user: Any) -> list[dict[str, Any]]:
    sections = []
    if user.has_perm("invoices.view_invoiceexport"):
        action, done = _needs_action(), _submitted()
        acts = user.has_perm("invoices.requeue_invoiceexport")
        sections += [action, done] if acts else [done, action]
    if user.has_perm("integrations.view_tenant"):
        connections = _connections()
        if user.has_perm("integrations.view_activationrequest"):
            connections["cards"].append(_activations())
        place = 0 if user.has_perm("integrations.file_credential") else len(sections)
        sections.insert(place, connections)
    return sections


def _engine(user: Any) -> dict[str, Any]:
    """Whether the engine runs, for every role; the open alerts for those who may see them."""
    signs = Signs.read()
    engine: dict[str, Any] = {
        "findings": [finding.explained() for finding in evaluate(signs)],
        "sign": _("The engine runs; last sign of life %(seconds)d s ago.")
        % {"seconds": signs.last_seconds},
    }
    if user.has_perm("invoices.view_alert"):
        count = Alert.objects.filter(recovered_at=None).count()
        if count:
            engine["alerts"] = {
                "title": _("Open alerts: %(count)d") % {"count": count},
                "url": f"{reverse('admin:invoices_alert_changelist')}?open=yes",
            }
    return engine


def _needs_action() -> dict[str, Any]:
    counted = {
        status: (count, total, oldest)
        for status, count, total, oldest in InvoiceExport.objects.order_by()
        .filter(status__in=["needs_attention", "unknown", "parked", "queued"])
        .values_list("status")
        .annotate(count=Count("pk"), total=_EUROS, oldest=Min("created_at"))
    }
    colours = {"needs_attention": "danger", "unknown": "warning", "parked": "warning"}
    cards = [
        _card(status, counted.get(status), colours.get(status, "info"))
        for status in ("needs_attention", "unknown", "parked", "queued")
    ]
    stuck = any(status in counted for status in colours)
    return {
        "title": _("What needs action"),
        "cards": cards,
        "empty": "" if stuck else _("Nothing needs a person right now."),
        "link": {
            "title": _("Failed invoices by cause"),
            "url": reverse("admin:invoices_exportcause_changelist"),
        },
    }


def _card(
    status: str, found: tuple[int, Decimal | None, dt.datetime] | None, colour: str
) -> dict[str, Any]:
    count, total, oldest = found or (0, None, None)
    detail = ""
    if found and oldest:
        detail = _("%(sum)s, oldest %(age)s") % {
            "sum": money(total, "EUR"),
            "age": timesince(oldest, depth=1),
        }
    return {
        "figure": count,
        "title": ExportStatus(status).label,
        "detail": detail,
        "url": f"{reverse(_EXPORTS)}?status__exact={status}",
        "colour": colour if count else "",
    }


def _submitted() -> dict[str, Any]:
    since = timezone.localdate() - dt.timedelta(days=_DAYS - 1)
    start = timezone.make_aware(dt.datetime.combine(since, dt.time.min))
    done = InvoiceExport.objects.order_by().filter(submitted_at__gte=start)
    figures = done.aggregate(count=Count("pk"), total=_EUROS)
    first_pass = done.filter(attempts__number=1, attempts__outcome="accepted").count()
    count = figures["count"]
    url = f"{reverse(_EXPORTS)}?submitted_at_from={since.isoformat()}"
    share = f"{100 * first_pass / count:.0f} %" if count else "–"
    return {
        "title": _("Submitted in the last %(days)d days") % {"days": _DAYS},
        "cards": [
            {"figure": count, "title": _("Invoices"), "url": url, "colour": "success"},
            {
                "figure": money(figures["total"] or Decimal(0)),
                "title": _("Total with VAT, EUR"),
                "url": url,
                "colour": "success",
            },
            {
                "figure": share,
                "title": _("First-pass rate"),
                "detail": _("Accepted at the first attempt"),
                "url": url,
                "colour": "info",
            },
        ],
        "empty": "" if count else _("Nothing was submitted in this time."),
    }


def _activations() -> dict[str, Any]:
    """Customers who wait for our decision about an activation link."""
    waiting = ActivationRequest.objects.filter(
        state__in=[ActivationState.KNOWN, ActivationState.LOST]
    ).count()
    url = reverse("admin:integrations_activationrequest_changelist")
    return {
        "figure": waiting,
        "title": _("Activation requests"),
        "detail": _("Wait for a decision") if waiting else "",
        "url": f"{url}?state__in=known,lost",
        "colour": "warning" if waiting else "",
    }


def _connections() -> dict[str, Any]:
    active = Tenant.objects.filter(state=TenantState.ACTIVE).count()
    wrong = list(condition.not_in_order(Tenant.objects.order_by("name")))
    url = reverse("admin:integrations_tenant_changelist")
    return {
        "title": _("Connections"),
        "cards": [
            {
                "figure": active,
                "title": _("Active tenants"),
                "url": f"{url}?state__exact=active",
                "colour": "success",
            },
            {
                "figure": len(wrong),
                "title": _("Not in order"),
                "url": f"{url}?connection=not_in_order",
                "colour": "danger" if wrong else "",
            },
        ],
        "rows": [
            {
                "title": tenant.name,
                "badge": condition_label(tenant),
                "colour": condition.COLOURS.get(tenant.condition, ""),
                "detail": _detail(tenant),
                "url": reverse("admin:integrations_tenant_change", args=[tenant.pk]),
            }
            for tenant in wrong[:10]
        ],
        "empty": _("Every connection is in order.") if active else _("Add the first tenant."),
    }


def _detail(tenant: Any) -> str:
    """The first thing the radar warns of, or what the condition means."""
    warnings = tenant.finished_warnings or []
    if tenant.condition != Condition.DEGRADED:
        return condition.sentence(tenant)
    if tenant.finished_outcome == CheckOutcome.FAILED or not warnings:
        return _("The last check is red.")
    return " · ".join([advice.cause_of(warnings[0]), warned(tenant)])
