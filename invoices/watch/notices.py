"""E-mails about alerts: a new cause at once, the same cause at most once a day, its end once.

Never inside a database transaction. A mail is leased before it leaves, so that two processes do
not send it twice, and marked after, so that a crash repeats it rather than loses it.
"""

from __future__ import annotations

import datetime as dt
import logging

from django.conf import settings
from django.core.mail import BadHeaderError, send_mail
from django.db.models import Q
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from invoices.watch.causes import CAUSES, explain
from invoices.watch_models import Alert

logger = logging.getLogger(__name__)

DAY = dt.timedelta(days=1)
#: Longer than any mail server is waited for (EMAIL_TIMEOUT, for each of a few steps).
LEASE = dt.timedelta(minutes=3)


def deliver() -> int:
    """Mail what is due to ALERT_EMAILS; returns how many mails left. Without addresses alerts
    are only logged and shown. Stops at the first refusal: the next round tries again."""
    if not settings.ALERT_EMAILS:
        return 0
    now = timezone.now()
    # An end that could not be told within a day is no news any more.
    recent = Q(recovered_at__gt=now - DAY, recovery_notified_at__isnull=True)
    mailed = [cause for cause, words in CAUSES.items() if words.mailed]
    told: set[tuple[str, int | None]] = set(
        Alert.objects.filter(cause__in=mailed, notified_at__gt=now - DAY).values_list(
            "cause", "tenant"
        )
    )
    sent = 0
    for alert in (
        Alert.objects.filter(Q(recovered_at__isnull=True) | recent, cause__in=mailed)
        .select_related("tenant")
        .order_by("pk")
    ):
        if _is_due(alert, told) and _lease(alert, now):
            if not _send(alert):
                break
            told.add((alert.cause, alert.tenant_id))
            sent += 1
    return sent


def _is_due(alert: Alert, told: set[tuple[str, int | None]]) -> bool:
    """`told`: of which causes and tenants the beginning was told within the last day."""
    if alert.notified_at is None:
        return (alert.cause, alert.tenant_id) not in told
    # One that is told ends with a notice; one that lasts is told again when it is seen again.
    return alert.recovered_at is not None or alert.last_seen_at - alert.notified_at >= DAY


def _lease(alert: Alert, now: dt.datetime) -> bool:
    """Take the mail for this process; False when another has it or has sent it since."""
    free = Q(mailing_until__isnull=True) | Q(mailing_until__lt=now)
    unchanged = Alert.objects.filter(
        free,
        pk=alert.pk,
        notified_at=alert.notified_at,
        recovered_at=alert.recovered_at,
        recovery_notified_at__isnull=True,
    )
    return bool(unchanged.update(mailing_until=now + LEASE))


def send(subject: str, body: str, to: list[str]) -> str:
    """Mail as Flashnode; returns the type of the error that kept it from leaving, "" for none."""
    try:
        send_mail(f"[Flashnode] {subject}", body, settings.DEFAULT_FROM_EMAIL, to)
    except (OSError, UnicodeError, BadHeaderError) as error:
        # smtplib's errors are OSErrors; their texts may name the account, so the type must do.
        return type(error).__name__
    return ""


def _send(alert: Alert) -> bool:
    subject, body = text_of(alert)
    mine = Alert.objects.filter(pk=alert.pk)
    if error := send(subject, body, settings.ALERT_EMAILS):
        logger.error("alert %s could not be mailed: %s", alert.cause, error)
        mine.update(mailing_until=None, mail_error=error)
        return False
    told = "recovery_notified_at" if alert.recovered_at else "notified_at"
    mine.update(**{told: timezone.now(), "mailing_until": None, "mail_error": ""})
    return True


def text_of(alert: Alert) -> tuple[str, str]:
    """Subject and body in the language of ALERT_LANGUAGE; times are Helsinki's."""
    with translation.override(settings.ALERT_LANGUAGE):
        words = explain(alert.cause, alert.facts)
        subject = words["title"]
        lines = [words["title"]]
        if alert.tenant:
            subject = f"{subject}: {' '.join(alert.tenant.name.split())}"
            lines.append(f"{_('Tenant')}: {alert.tenant.name}")
        lines += ["", *(_ending(alert) if alert.recovered_at else _beginning(alert, words))]
        if alert.recovered_at:
            subject = _("Over: %(title)s") % {"title": subject}
        return subject, "\n".join(lines) + "\n"


def _beginning(alert: Alert, words: dict[str, str]) -> list[str]:
    return [
        words["meaning"],
        words["remedy"],
        "",
        _("First seen %(time)s.") % {"time": _shown(alert.first_seen_at)},
        _("While it lasts, this is e-mailed at most once a day. Its end is e-mailed too."),
    ]


def _ending(alert: Alert) -> list[str]:
    lasted = {"start": _shown(alert.first_seen_at), "end": _shown(alert.recovered_at)}
    lines = [_("It was so from %(start)s to %(end)s and is over.") % lasted]
    if alert.notified_at:
        silent = {"time": _shown(alert.notified_at + DAY)}
        lines.append(
            _("If it comes back before %(time)s, only the start page says so until then.") % silent
        )
    return lines


def _shown(moment: dt.datetime | None) -> str:
    return date_format(timezone.localtime(moment), "DATETIME_FORMAT") if moment else ""
