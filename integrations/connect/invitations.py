"""The letters that go with an intake link, and mailing them where that is set up."""

from __future__ import annotations

import datetime as dt
import logging
import smtplib
import socket
from enum import Enum
from typing import Any

from django.conf import settings
from django.core.mail import BadHeaderError, send_mail
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.timezone import localtime

from integrations import replies
from integrations.connect import intake_links
from integrations.connect.models import IntakeLink
from integrations.enums import TenantState
from integrations.replies import Reply
from integrations.signals import acted

logger = logging.getLogger(__name__)

#: States in which a reminder helps.
_UNUSED = (IntakeLink.State.INVITED, IntakeLink.State.OPENED)


def path_of(link: IntakeLink) -> str:
    """The path of the link's page; "" when its token has been destroyed."""
    token = intake_links.token_of(link)
    return reverse("connect", args=[token]) if token else ""


def letter(link: IntakeLink, code: str, address: str, language: str) -> Reply:
    """The text `invite` or `remind` for a link whose page is at `address`."""
    with translation.override(language):
        until = date_format(localtime(link.expires_at), "SHORT_DATE_FORMAT")
    further = {"link": address, "until": until}
    return replies.fill(code, link.tenant, "", None, language, further)


def can_mail(link: IntakeLink) -> bool:
    """Whether the program itself can write to the customer."""
    return bool(settings.SUPPORT_FROM_EMAIL and link.tenant.contact_email)


class Delivery(Enum):
    """How mailing a letter ended. UNCLEAR: the server may have taken it, so it is not repeated."""

    SENT = "sent"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    UNCLEAR = "unclear"


#: Nothing was taken, and the next letter would fare the same.
_UNREACHABLE = (
    ConnectionRefusedError,
    socket.gaierror,
    smtplib.SMTPConnectError,
    smtplib.SMTPHeloError,
    smtplib.SMTPAuthenticationError,
    smtplib.SMTPNotSupportedError,
    smtplib.SMTPSenderRefused,
)
#: This letter was not taken; another one may be.
_REFUSED = (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError, BadHeaderError)


def mail(link: IntakeLink, code: str) -> Delivery:
    """Mail a letter to the tenant's contact."""
    text = letter(link, code, settings.PUBLIC_URL + path_of(link), link.tenant.language)
    try:
        send_mail(text.subject, text.body, settings.SUPPORT_FROM_EMAIL, [link.tenant.contact_email])
    except (OSError, smtplib.SMTPException, BadHeaderError) as error:
        # The server's words may repeat the letter, and with it the link.
        logger.warning("Mail of intake link %s not sent: %s", link.pk, type(error).__name__)
        if isinstance(error, _UNREACHABLE):
            return Delivery.UNREACHABLE
        return Delivery.REFUSED if isinstance(error, _REFUSED) else Delivery.UNCLEAR
    return Delivery.SENT


def due_for_reminder() -> list[IntakeLink]:
    """Links that nobody has used in INTAKE_REMINDER_DAYS and nobody was reminded of."""
    now = timezone.now()
    due = IntakeLink.objects.select_related("tenant").filter(
        state__in=_UNUSED,
        reminded_at=None,
        created_at__lte=now - dt.timedelta(days=settings.INTAKE_REMINDER_DAYS),
        expires_at__gt=now,
    )
    return list(due)


def note_reminder(link: IntakeLink, *, by: Any = None) -> bool:
    """Note that a person has reminded the customer; False when that was noted before."""
    done = _claim_reminder(link)
    if done:
        _record(link, "intake_link.reminded", by)
    return done


def mail_reminder(link: IntakeLink, *, by: Any = None) -> Delivery | None:
    """Mail the one reminder of a link; None when it was reminded of, used or ended meanwhile.
    Only what was certainly not taken may be mailed again."""
    if not _claim_reminder(link):
        return None
    ended = mail(link, "remind")
    if ended in (Delivery.REFUSED, Delivery.UNREACHABLE):
        IntakeLink.objects.filter(pk=link.pk).update(reminded_at=None)
    else:
        _record(link, "intake_link.reminded", by)
    return ended


def note_invitation(link: IntakeLink, *, by: Any) -> None:
    """Note that the customer has been sent the link."""
    _record(link, "intake_link.sent", by)


def remind_due() -> int:
    """Mail the reminders that are due, one each; returns how many left. Without a sender, or the
    customer's address, the board lists them for a person. Stops when no server answers."""
    sent = 0
    for link in filter(can_mail, due_for_reminder()):
        ended = mail_reminder(link)
        sent += ended is Delivery.SENT
        if ended is Delivery.UNREACHABLE:
            break
    return sent


def _claim_reminder(link: IntakeLink) -> bool:
    """Claimed before it leaves: a crash costs one reminder, and nobody gets two."""
    due = IntakeLink.objects.filter(
        pk=link.pk, reminded_at=None, state__in=_UNUSED, expires_at__gt=timezone.now()
    ).exclude(tenant__state=TenantState.CLOSED)
    return bool(due.update(reminded_at=timezone.now()))


def _record(link: IntakeLink, action: str, by: Any) -> None:
    data = {"link": str(link.pk)}
    acted.send(IntakeLink, action=action, tenant=link.tenant, by=by, data=data)
