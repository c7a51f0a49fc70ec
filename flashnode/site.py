"""The admin's start page and the badge that names the environment."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext as _


def environment_badge(request: HttpRequest) -> tuple[str, str] | None:
    """What the header says of where we are: the demo speaks to a simulated Procountor."""
    if "127.0.0.1" in settings.PROCOUNTOR["test"]["base_url"]:
        return (_("Simulated Procountor"), "warning")
    return None


def home(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Context of the start page."""
    return context
