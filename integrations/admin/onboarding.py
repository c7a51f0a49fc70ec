"""The onboarding board: every customer on its way, its stage, its days, and who must move."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _t
from unfold.admin import ModelAdmin

from integrations import onboarding
from integrations.enums import Mover
from integrations.onboarding import Line, Stage


class OnboardingBoard(ModelAdmin):
    """Mixed into the tenants' admin, which owns the pages' addresses and permissions."""

    def get_urls(self) -> list[Any]:
        page = path(
            "onboarding/",
            self.admin_site.admin_view(self.onboarding),
            name="integrations_tenant_onboarding",
        )
        return [page, *super().get_urls()]

    def onboarding(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        everybody = onboarding.lines()
        chosen = {name: request.GET.get(name, "") for name in ("stage", "mover", "never")}
        now = timezone.now()
        context = self.admin_site.each_context(request) | {
            "title": _t("Onboarding board"),
            "stages": Stage.choices,
            "lines": [_shown(line, now) for line in everybody if _fits(line, chosen)],
            "filters": [
                (_t("Stage"), _filter(everybody, chosen, "stage", _stages())),
                (_t("Whose move"), _filter(everybody, chosen, "mover", Mover.choices)),
                (_t("Link"), _filter(everybody, chosen, "never", [("1", _t("Never finished"))])),
            ],
            "opts": self.opts,
        }
        return render(request, "desk/onboarding.html", context)


def _stages() -> list[tuple[str, str]]:
    return [("none", _t("Not begun")), *((stage.value, str(stage.label)) for stage in Stage)]


def _fits(line: Line, chosen: dict[str, str]) -> bool:
    """Without a filter for it, who is live already is left out."""
    stage = line.stage.value if line.stage else "none"
    at_stage = stage == chosen["stage"] if chosen["stage"] else stage != Stage.LIVE
    by_mover = not chosen["mover"] or line.mover == chosen["mover"]
    return at_stage and by_mover and (not chosen["never"] or line.never_finished)


def _filter(
    everybody: list[Line], chosen: dict[str, str], name: str, choices: Any
) -> list[dict[str, Any]]:
    """The links of one filter, each with how many it would show."""
    links = []
    for value, label in choices:
        wanted = chosen | {name: "" if chosen[name] == value else value}
        counted = sum(_fits(line, chosen | {name: value}) for line in everybody)
        query = urlencode({key: one for key, one in wanted.items() if one})
        links.append(
            {"label": label, "count": counted, "query": query, "chosen": chosen[name] == value}
        )
    return links


def _shown(line: Line, now: Any) -> dict[str, Any]:
    days = line.days(now)
    return {
        "tenant": line.tenant,
        "mover": line.mover.label if line.mover else "",
        "todo": line.todo,
        "never": line.never_finished,
        "cells": [
            {
                "name": stage.label,
                "at": line.reached.get(stage),
                "days": days.get(stage),
                "current": stage == line.stage,
            }
            for stage in Stage
        ],
        "url": reverse("admin:integrations_tenant_change", args=[line.tenant.pk]),
        "todo_url": reverse(_page_of(line), args=[line.tenant.pk]),
    }


def _page_of(line: Line) -> str:
    """Where what is next is done."""
    if Stage.KEY_RECEIVED not in line.reached:
        return "admin:integrations_tenant_invite"
    if line.stage in (Stage.ACCOUNT_MATCHED, Stage.REHEARSED):
        return "admin:integrations_rehearsal_of_tenant"
    return "admin:integrations_tenant_change"
