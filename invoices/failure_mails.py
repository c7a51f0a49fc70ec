"""Mails about failed exports: a new cause at once, the same one at most once a day, its end once,
and every Monday morning what is open.

A cause is what one fix answers for: tenant, code, field and value (`invoices.causes`). All that is
due in a round leaves in one mail: a hundred new causes are no hundred mails.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from integrations.models import Tenant
from invoices import causes, problems
from invoices.document import Problem
from invoices.watch.alerts import note, recover
from invoices.watch.notices import DAY, LEASE, send
from invoices.watch_models import Alert, Digest

logger = logging.getLogger(__name__)

CAUSE = "exports_failing"
#: More than anybody reads; the page has them all.
_MOST = 20
#: The most frequent causes that a round looks at.
_MOST_AT_ONCE = 500
_DIGEST_AT = dt.time(7, 30)


def follow_failures() -> None:
    """Bring the alerts in line with the causes that are open now, and mail what is due."""
    rows = list(causes.folded(causes.open_causes())[:_MOST_AT_ONCE])
    tenants = Tenant.objects.in_bulk({row["tenant"] for row in rows})
    for row in rows:
        note(CAUSE, tenants[row["tenant"]], _facts(row), row["key"])
    still = causes.open_causes().values("key")
    for alert in Alert.objects.filter(cause=CAUSE, recovered_at=None).exclude(detail__in=still):
        recover(CAUSE, alert.tenant, detail=alert.detail)
    deliver()
    deliver_digest()


def _facts(row: dict[str, Any]) -> dict[str, Any]:
    names = ("code", "field", "value", "expected", "count")
    return {name: row[name] for name in names} | {"euros": str(row["euros"] or 0)}


def deliver() -> bool:
    """Mail the causes that are new, that last, or that ended; False when nothing was due or the
    server refused it. The next round tries again."""
    if not settings.FAILURE_EMAILS:
        return False
    now = timezone.now()
    due = [alert for alert in _due(now) if _lease(alert, now)]
    if not due:
        return False
    with translation.override(settings.ALERT_LANGUAGE):
        begun = [alert for alert in due if alert.recovered_at is None]
        ended = [alert for alert in due if alert.recovered_at is not None]
        sent = _send(_subject(begun, ended), _body(begun, ended))
    _note(begun, ended, sent)
    return sent


def _due(now: dt.datetime) -> QuerySet[Alert]:
    alerts = Alert.objects.filter(cause=CAUSE).select_related("tenant")
    # One that nobody was told of, or was told a day ago, and not again under the same key since.
    told_lately = Alert.objects.filter(cause=CAUSE, notified_at__gt=now - DAY).values("detail")
    begun = Q(recovered_at=None) & ~Q(detail__in=told_lately)
    ended = Q(
        recovered_at__gt=now - DAY, notified_at__isnull=False, recovery_notified_at__isnull=True
    )
    return alerts.filter(begun | ended).order_by("pk")


def _lease(alert: Alert, now: dt.datetime) -> bool:
    """Take the mail for this process."""
    free = Q(mailing_until=None) | Q(mailing_until__lt=now)
    return bool(Alert.objects.filter(free, pk=alert.pk).update(mailing_until=now + LEASE))


def _note(begun: list[Alert], ended: list[Alert], sent: bool) -> None:
    now = timezone.now()
    for alerts, name in ((begun, "notified_at"), (ended, "recovery_notified_at")):
        changes: dict[str, Any] = {"mailing_until": None, "mail_error": "" if sent else "refused"}
        if sent:
            changes[name] = now
        Alert.objects.filter(pk__in=[alert.pk for alert in alerts]).update(**changes)


def _send(subject: str, body: str) -> bool:
    if error := send(subject, body, settings.FAILURE_EMAILS):
        logger.error("mail about failed exports not sent: %s", error)
    return not error


def _subject(begun: list[Alert], ended: list[Alert]) -> str:
    if len(begun) == 1:
        (alert,) = begun
        return f"{alert.tenant}: {_cause(alert.facts)}"[:200]
    if begun:
        text = ngettext(
            "%(count)d cause of failed exports", "%(count)d causes of failed exports", len(begun)
        )
        return text % {"count": len(begun)}
    return _("Over: failed exports")


def _body(begun: list[Alert], ended: list[Alert]) -> str:
    lines = [_line(str(a.tenant), a.detail, a.facts) for a in begun[:_MOST]]
    if len(begun) > _MOST:
        lines.append(_("… and %(count)d more.") % {"count": len(begun) - _MOST})
    over = [f"{alert.tenant}: {_cause(alert.facts)}" for alert in ended[:_MOST]]
    if over:
        lines.append("\n".join([_("Over, nothing fails for it any more:"), *over]))
    lines.append(_("While a cause lasts, it is e-mailed at most once a day."))
    return "\n\n".join(lines) + "\n"


def _line(tenant: str, key: str, facts: dict[str, Any]) -> str:
    """One cause: tenant, how many and how much, cause, next step, link."""
    invoices = ngettext("%(count)d invoice", "%(count)d invoices", facts["count"])
    words = problems.words_for(_problem(facts))
    return "\n".join(
        [
            f"{tenant}: {invoices % {'count': facts['count']}}, {_euros(facts)}",
            str(words.cause),
            str(words.remedy),
            settings.PUBLIC_URL + reverse("admin:invoices_exportcause_group", args=[key]),
        ]
    )


def _euros(facts: dict[str, Any]) -> str:
    shown = number_format(
        Decimal(facts["euros"]), decimal_pos=2, use_l10n=True, force_grouping=True
    )
    return f"{shown} EUR"


def _cause(facts: dict[str, Any]) -> str:
    return str(problems.words_for(_problem(facts)).cause)


def _problem(facts: dict[str, Any]) -> Problem:
    named = {name: facts.get(name, "") for name in ("code", "field", "value", "expected")}
    return Problem.from_json(named)


def deliver_digest() -> bool:
    """On Monday from 07:30 in Helsinki: one mail of everything that is open. Once a week."""
    now = timezone.localtime()
    if not settings.FAILURE_EMAILS or now.weekday() != 0 or now.time() < _DIGEST_AT:
        return False
    moment = timezone.now()
    Digest.objects.get_or_create(week=now.date())
    free = Q(mailing_until=None) | Q(mailing_until__lt=moment)
    mine = Digest.objects.filter(free, week=now.date(), sent_at=None)
    if not mine.update(mailing_until=moment + LEASE):
        return False
    with translation.override(settings.ALERT_LANGUAGE):
        rows = list(causes.folded(causes.open_causes()))
        sent = _send(_digest_subject(rows), _digest_body(rows))
    Digest.objects.filter(week=now.date()).update(
        mailing_until=None, sent_at=timezone.now() if sent else None
    )
    return sent


def _digest_subject(rows: list[dict[str, Any]]) -> str:
    count = sum(row["count"] for row in rows)
    text = ngettext(
        "This week: %(count)d failed export", "This week: %(count)d failed exports", count
    )
    return text % {"count": count}


def _digest_body(rows: Iterable[dict[str, Any]]) -> str:
    rows = list(rows)
    if not rows:
        return _("Nothing fails: no export waits for a person.") + "\n"
    lines = [_line(row["tenant__name"], row["key"], _facts(row)) for row in rows[:_MOST]]
    if len(rows) > _MOST:
        lines.append(_("… and %(count)d more.") % {"count": len(rows) - _MOST})
    return "\n\n".join(lines) + "\n"
