"""The second way to hand over a key by an intake link: log in to Procountor (REFERENCE 4.2).

A log-in's `state` works once, for ten minutes, and only its hash is kept. The code
that comes is exchanged in the background, and its key goes the way of a pasted one: it is filed
only when it opens the link's company, so a log-in that somebody else's browser was lured into
files nothing.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets

from django.utils import timezone

from integrations import accounts, keylogin
from integrations.connect import intake_links
from integrations.connect.models import IntakeLink
from integrations.enums import TenantState

LOGIN_LASTS = dt.timedelta(minutes=10)
#: Names the link whose log-in this browser began; signed, and of no use without the state.
COOKIE = "login"
State = IntakeLink.State


def begin(link: IntakeLink, account: str) -> str:
    """Where to send the customer's browser; "" when no key can come by the link now. Raises
    AccountInvalid; an empty account keeps the one that was entered before."""
    iban = accounts.parse(account).iban if account.strip() else link.account
    state = secrets.token_urlsafe(32)
    begun = IntakeLink.objects.filter(
        pk=link.pk, state__in=[State.OPENED, State.HELD], expires_at__gt=timezone.now()
    ).update(login_hash=_hash(state), login_until=timezone.now() + LOGIN_LASTS, account=iban)
    return keylogin.address(link.tenant.environment, state) if begun else ""


def take(state: str, browser: str) -> IntakeLink | None:
    """The link whose log-in has come back, once, to the browser it began in (`browser` is the
    link's number from its cookie); None for a state that is used, old or not ours."""
    if not state or not browser:
        return None
    waiting = IntakeLink.objects.filter(login_hash=_hash(state))
    link = waiting.select_related("tenant").first()
    if link is None or str(link.pk) != browser:
        return None
    in_time = link.login_until is not None and link.login_until > timezone.now()
    taken = waiting.filter(pk=link.pk).update(login_hash="", login_until=None)
    usable = link.is_open and link.tenant.state != TenantState.CLOSED
    return link if taken and in_time and usable else None


def finish(link: IntakeLink, code: str) -> str:
    """Keep the code to be exchanged and asked about; "" or why not, a code of
    `connect_words`."""
    if not code:
        return "login_given_up"
    return "" if intake_links.submit_code(link, code) else "busy"


def _hash(state: str) -> str:
    return hashlib.sha256(state.encode()).hexdigest()
