"""Connection checks on a page: every step with its words, and the list of all checks."""

from __future__ import annotations

import datetime as dt
import time
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from integrations import advice, percents
from integrations.admin.desk import ReadOnlyAdmin
from integrations.admin.radar import radar_context
from integrations.enums import CheckOutcome, CredentialState
from integrations.models import ConnectionCheck, Tenant

#: After this a check that nobody took up is no longer waited for.
_PATIENCE_SECONDS = 30
CHECK_COLOURS = {"passed": "success", "failed": "danger", "running": "info"}


def waiting_page_of(tenant: Tenant) -> str:
    """The tenant's page that looks again by itself until the check asked for just now is there."""
    page = reverse("admin:integrations_tenant_change", args=[tenant.pk])
    return f"{page}?check_asked={int(time.time())}"


def awaited_context(request: HttpRequest, newest: ConnectionCheck | None) -> dict[str, Any]:
    """The newest check, and whether the one asked for (`check_asked`, Unix time) is awaited."""
    asked = request.GET.get("check_asked", "")
    extra: dict[str, Any] = {"check": check_context(newest)}
    if asked.isascii() and asked.isdigit() and len(asked) < 12:
        begun = newest.started_at.timestamp() if newest else 0
        if begun < int(asked):
            late = time.time() - int(asked) > _PATIENCE_SECONDS
            extra["check_awaited"] = "late" if late else "soon"
    return extra


_IN_USE = (CredentialState.ACTIVE, CredentialState.CANDIDATE)


def _facts(text: str) -> str:
    """What a green step saw, in the active language: a day, or percentages among other words."""
    try:
        return date_format(dt.date.fromisoformat(text), "SHORT_DATE_FORMAT")
    except ValueError:
        return percents.in_sentence(text)


def check_context(check: ConnectionCheck | None) -> dict[str, Any] | None:
    """A check for the template: every step with its words."""
    if check is None:
        return None
    # What was wrong with a key that has been replaced is nothing to ask the customer for.
    is_replaced = check.credential is not None and check.credential.state not in _IN_USE
    steps = [
        step
        | {
            "name": advice.STEP_NAMES.get(step["step"], step["step"]),
            "cause": advice.cause_of(step) if step["code"] else "",
            "facts": _facts(step.get("facts", "")),
            "mover": advice.ADVICE[step["code"]].mover.label
            if step["code"] in advice.ADVICE
            else "",
            "customer": advice.sentences(step) if step["code"] and not is_replaced else [],
        }
        for step in check.steps
    ]
    return {
        "object": check,
        "steps": steps,
        "colour": CHECK_COLOURS.get(check.outcome, ""),
        "is_replaced": is_replaced,
        "running": check.outcome == CheckOutcome.RUNNING,
    }


@admin.register(ConnectionCheck)
class ConnectionCheckAdmin(ReadOnlyAdmin):
    list_display = ["started_at", "tenant", "outcome_badge", "red_steps", "requested_by"]
    list_filter = ["outcome", "started_at"]
    search_fields = ["tenant__name", "tenant__business_id"]
    list_select_related = ["tenant", "requested_by"]
    change_form_outer_before_template = "desk/check.html"
    fields = ["tenant", "credential", "started_at", "finished_at", "requested_by"]

    @display(description=_("outcome"), label=CHECK_COLOURS)
    def outcome_badge(self, check: ConnectionCheck) -> tuple[str, str]:
        return check.outcome, str(CheckOutcome(check.outcome).label)

    @display(description=_("red steps"))
    def red_steps(self, check: ConnectionCheck) -> str:
        red = [step for step in check.steps if step["ok"] is False]
        return ", ".join(str(advice.STEP_NAMES.get(s["step"], s["step"])) for s in red) or "–"

    def context_of(self, request: HttpRequest, object_id: str) -> dict[str, Any]:
        check = ConnectionCheck.objects.filter(pk=object_id).first()
        extra = {"check": check_context(check), "radar": radar_context(check)}
        return super().context_of(request, object_id) | extra
