"""Every trouble that is found or alerted: how bad it is, what it means, what to do. A closed list.

`%(ago)s` and `%(age)s` are made from the fact `seconds`; other placeholders are facts themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

_Text = Promise | str


@dataclass(frozen=True)
class Cause:
    """`watched`: a round of the watch ends its alert when no finding names it any more.
    `alerts`: False for what is only shown; `mailed`: False for what is mailed in another way."""

    title: _Text
    meaning: _Text
    remedy: _Text
    severity: str = "error"
    watched: bool = True
    alerts: bool = True
    mailed: bool = True


CAUSES: dict[str, Cause] = {
    "worker_silent": Cause(
        _("Background tasks do not run"),
        _("No invoice is exported. Last sign of life of a worker: %(ago)s."),
        _(
            "Restart the task cluster (manage.py qcluster) and read its log. Nothing is lost: "
            "exports wait in the database."
        ),
    ),
    "sweep_late": Cause(
        _("The sweep does not run"),
        _("Lost wake-ups and dead claims go unnoticed. Last run of the sweep: %(ago)s."),
        _(
            "If many invoices are being exported, all workers may be busy: wait, or raise "
            "CLUSTER_WORKERS. Otherwise see that the schedule “sweep” exists, and restart the "
            "task cluster."
        ),
    ),
    "clock_ahead": Cause(
        _("A clock is wrong"),
        _("A sign of life (%(names)s) lies %(age)s in the future and proves nothing."),
        _("Correct the clocks of all machines, then restart the task cluster."),
    ),
    "procountor_outage": Cause(
        _("Procountor does not answer"),
        _("Exports to Procountor (%(names)s) wait; nothing is lost. It began %(ago)s."),
        _(
            "Exporting goes on by itself when Procountor answers again; it is asked every few "
            "minutes. If other services cannot be reached either, check our own network."
        ),
        severity="warning",
    ),
    "exports_waiting": Cause(
        _("Exports wait too long"),
        _("Exports that are due and not taken up: %(count)s. The oldest was due %(ago)s."),
        _(
            "If the queue is getting shorter, wait. Otherwise restart the task cluster, and look "
            "at the oldest queued and unknown exports."
        ),
        severity="warning",
    ),
    "claims_expired": Cause(
        _("Exports are stuck in submitting"),
        _("Exports whose submission nobody holds: %(count)s. The oldest claim ended %(ago)s."),
        _(
            "Restart the task cluster: the sweep then asks Procountor what became of them. Do "
            "not enter these invoices by hand meanwhile."
        ),
    ),
    "tasks_waiting": Cause(
        _("Background tasks pile up"),
        _("Tasks that wait for a worker: %(count)s. The oldest was queued %(ago)s."),
        _("See that the task cluster runs; restart it, or raise CLUSTER_WORKERS."),
        severity="warning",
    ),
    "watch_silent": Cause(
        _("The watch does not run"),
        _("Nobody is e-mailed about new trouble. Last look of the watch: %(ago)s."),
        _("Start manage.py watch again."),
        severity="warning",
        alerts=False,
    ),
    "mail_failing": Cause(
        _("Alerts cannot be e-mailed"),
        _("Alerts that wait for the mail server: %(count)s. Its last answer: %(error)s."),
        _("Check EMAIL_URL and the mail server. The alerts are e-mailed as soon as it works."),
        alerts=False,
    ),
    "figures_differ": Cause(
        _("Management's figures are not right"),
        _(
            "Counted wrongly: %(exports)s exports, %(days)s days. The exports themselves are "
            "not touched by it."
        ),
        _("Run manage.py rebuild_reports, and keep its output: it says what was wrong."),
        severity="warning",
        watched=False,
    ),
    "shop_failing": Cause(
        _("A web shop cannot be asked"),
        _("Orders of the shop %(names)s may be missing. Nothing is lost: they are still there."),
        _("Open the shop's page under “Web shops”: it says why, and what to do."),
        severity="warning",
        watched=False,
    ),
    "database_unreachable": Cause(
        _("The database does not answer"),
        _("Nothing can be taken in, exported or shown."),
        _(
            "Check the database server, the network and DATABASE_URL, and that migrations are "
            "applied."
        ),
    ),
    "credential_refused": Cause(
        _("API key refused"),
        _("Procountor refused the tenant's API key. Its exports wait; nothing is lost."),
        _(
            "Open the tenant's connection check: it has the sentence for the customer. Exporting "
            "goes on by itself after a check that passes."
        ),
        watched=False,
    ),
    "key_unreadable": Cause(
        _("An API key cannot be opened"),
        _("FERNET_KEYS lacks the key under which the tenant's API key was sealed. Exports wait."),
        _(
            "Put the missing key back into FERNET_KEYS and restart everything. The customer needs "
            "no new key. Exporting goes on by itself after a check that passes."
        ),
        watched=False,
    ),
    "rights_missing": Cause(
        _("Rights missing in Procountor"),
        _("The tenant's technical user may not export invoices. Its exports wait."),
        _(
            "Open the tenant's connection check: it names the right and has the sentence for the "
            "customer. Exporting goes on by itself after a check that passes."
        ),
        watched=False,
    ),
    "exports_failing": Cause(
        _("Exports fail"),
        _("Exports that wait for a person: %(count)s. %(code)s %(field)s %(value)s"),
        _("Open the list of causes: it says what to do and leads to the right form."),
        watched=False,
        mailed=False,
    ),
    "integration_removed": Cause(
        _("Integration removed in Procountor"),
        _("Procountor says that the tenant's integration has ended there: %(status)s."),
        _(
            "Ask the customer whether that was meant. If not, send the activation link or ask for "
            "a new API key; if so, pause the tenant."
        ),
        watched=False,
    ),
    "evidence_broken": Cause(
        _("The evidence is damaged"),
        _("Rows of the audit trail that are not as they were written: %(count)s. %(first)s"),
        _(
            "Change nothing. Make a copy of the database, open “Chains of evidence”, and find out "
            "who had the rights of the database. manage.py verify_audit names every row."
        ),
        watched=False,
    ),
    "heads_unpublished": Cause(
        _("The heads of the evidence are not published"),
        _("Nobody outside got today's heads: %(error)s."),
        _(
            "Check EVIDENCE_HEADS_FILE, EVIDENCE_HEADS_EMAILS and the mail server, then run "
            "manage.py publish_audit_heads."
        ),
        severity="warning",
        watched=False,
    ),
    "webhook_failing": Cause(
        _("A webhook has been paused"),
        _("%(host)s has taken nothing since %(since)s, or wants nothing more. Events wait."),
        _(
            "Ask the customer to put it right, then resume the webhook on the tenant's page of "
            "the API. Exports are not touched by it."
        ),
        severity="warning",
        watched=False,
    ),
    "radar_warning": Cause(
        _("A connection will soon need the customer"),
        _("What the daily check warns of: %(count)s. Invoices are exported as long as it lasts."),
        _(
            "Open the tenant: the rights radar says what it is and has the sentence for the "
            "customer. This ends by itself when a check does not find it any more."
        ),
        severity="warning",
        watched=False,
        mailed=False,
    ),
}


def explain(cause: str, facts: dict[str, Any]) -> dict[str, str]:
    """Title, meaning and remedy in the language that is active."""
    seconds = facts.get("seconds")
    filled = facts | {
        "age": age(seconds or 0),
        "ago": _t("never") if seconds is None else _t("%(time)s ago") % {"time": age(seconds)},
    }
    words = CAUSES[cause]
    return {
        "title": str(words.title),
        "meaning": str(words.meaning) % filled,
        "remedy": str(words.remedy) % filled,
    }


def age(seconds: float) -> str:
    """A duration in the unit that suits it; the units' signs are the same in our languages."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds)} s"
