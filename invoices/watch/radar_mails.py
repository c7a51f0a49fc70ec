"""One mail in the morning about what the rights radar warns of: all tenants, all warnings.

At the turn of the year a warning is of nearly every tenant, and none of them is urgent. Each
warning is told once with the tenants it is of, and what is over; while it lasts, every morning.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections import defaultdict

from django.conf import settings
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from integrations import advice
from invoices.watch.notices import DAY, LEASE, send
from invoices.watch.tenants import RADAR
from invoices.watch_models import Alert

logger = logging.getLogger(__name__)

#: In Helsinki.
_MORNING = dt.time(7, 30)
#: Tenants named of one warning; the list of tenants has them all.
_MOST = 30


def deliver_radar() -> bool:
    """Mail what is new, lasts or ended since the last morning; False when nothing is due or the
    server refused it. The next round tries again."""
    if not settings.ALERT_EMAILS:
        return False
    due = _take()
    if not due:
        return False
    begun = [alert for alert in due if alert.recovered_at is None]
    ended = [alert for alert in due if alert.recovered_at is not None]
    with translation.override(settings.ALERT_LANGUAGE):
        error = _send(_subject(begun), _body(begun, ended))
    freed = {"mailing_until": None, "mail_error": error}
    for alerts, name in ((begun, "notified_at"), (ended, "recovery_notified_at")):
        told = {} if error else {name: timezone.now()}
        Alert.objects.filter(pk__in=[alert.pk for alert in alerts]).update(**freed, **told)
    return not error


def _take() -> list[Alert]:
    """What is due, leased by this process; empty when this morning's mail has left."""
    now, morning = timezone.now(), _last_morning()
    radar = Alert.objects.filter(cause=RADAR)
    if radar.filter(Q(notified_at__gte=morning) | Q(recovery_notified_at__gte=morning)).exists():
        return []
    lasts = Q(notified_at=None) | Q(last_seen_at__gt=F("notified_at"))
    ended = Q(notified_at__isnull=False, recovery_notified_at=None, recovered_at__gt=now - 2 * DAY)
    free = Q(mailing_until=None) | Q(mailing_until__lt=now)
    due = radar.filter(free).filter((Q(recovered_at=None) & lasts) | ended)
    until = now + LEASE
    if not due.update(mailing_until=until):
        return []
    return list(radar.filter(mailing_until=until).select_related("tenant").order_by("pk"))


def _last_morning() -> dt.datetime:
    now = timezone.localtime()
    morning = now.replace(hour=_MORNING.hour, minute=_MORNING.minute, second=0, microsecond=0)
    return morning if morning <= now else morning - DAY


def _send(subject: str, body: str) -> str:
    """What the server's refusal was; "" when the mail left."""
    if error := send(subject, body, settings.ALERT_EMAILS):
        logger.error("mail about radar warnings not sent: %s", error)
    return error


def _subject(begun: list[Alert]) -> str:
    if not begun:
        return _("Over: what the rights radar warned of")
    text = ngettext(
        "%(count)d connection will soon need the customer",
        "%(count)d connections will soon need the customer",
        len(begun),
    )
    return text % {"count": len(begun)}


def _body(begun: list[Alert], ended: list[Alert]) -> str:
    found: dict[str, list[str]] = defaultdict(list)
    for alert in begun:
        for warning in alert.facts.get("warnings") or [{}]:
            found[_sentence(warning)].append(str(alert.tenant))
    widest = sorted(found.items(), key=lambda each: -len(each[1]))
    parts = [f"{sentence}\n{_named(tenants)}" for sentence, tenants in widest]
    if ended:
        over = _named([str(alert.tenant) for alert in ended])
        parts.append("\n".join([_("Over, nothing is warned of any more:"), over]))
    address = reverse("admin:integrations_tenant_changelist")
    parts.append(f"{settings.PUBLIC_URL}{address}?connection=degraded")
    parts.append(_("While it lasts, this is e-mailed every morning, and once when it is over."))
    return "\n\n".join(parts) + "\n"


def _sentence(warning: dict[str, str]) -> str:
    return advice.cause_of(warning) if warning else _("Open the tenant: the radar says what it is.")


def _named(tenants: list[str]) -> str:
    counted = ngettext("%(count)d tenant", "%(count)d tenants", len(tenants))
    shown = ", ".join(" ".join(name.split()) for name in tenants[:_MOST])
    more = len(tenants) - _MOST
    rest = " " + _("… and %(count)d more.") % {"count": more} if more > 0 else ""
    return f"{counted % {'count': len(tenants)}}: {shown}{rest}"
