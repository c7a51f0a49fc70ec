"""Members of staff at the admin's door, for the ladders of permission tests."""

from __future__ import annotations

import html
from typing import Any

from django.contrib.messages import get_messages
from django.urls import reverse

from flashnode.roles import ROLES
from tests import factories

#: The rungs of a ladder below the right role.
ANONYMOUS, NO_RIGHTS = "anonymous", "no rights"
EVERYBODY = (ANONYMOUS, NO_RIGHTS, *ROLES)


def log_in(client: Any, rung: str) -> Any:
    """Log `client` in as a member of the role; nobody for ANONYMOUS."""
    if rung == ANONYMOUS:
        return None
    user = factories.UserFactory(role=None if rung == NO_RIGHTS else rung)
    client.force_login(user)
    return user


def url(name: str, *args: Any) -> str:
    return reverse(f"admin:{name}", args=args)


def refusal(response: Any) -> str:
    """How a page answered: "log in", "refused", "shown" or "moved"."""
    if response.status_code == 302:
        return "log in" if "/login/" in response["Location"] else "moved"
    return {200: "shown", 403: "refused"}[response.status_code]


def said(response: Any) -> list[str]:
    """The messages left for the next page."""
    return [str(message) for message in get_messages(response.wsgi_request)]


def text(response: Any) -> str:
    return html.unescape(response.content.decode())
