"""How far each customer has come on its way to a live connection, since when, and who must move.

Nothing is stored for it: the stages are read from links, keys, checks and rehearsals.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from integrations import advice
from integrations.connect.models import IntakeLink
from integrations.enums import CredentialState, Mover, TenantState
from integrations.models import ConnectionCheck, Credential, Tenant
from integrations.rehearsal_models import Rehearsal

#: Live tenants stay on the board for so long.
LIVE_SHOWN = dt.timedelta(days=30)
_IDENTIFIED = ("claims", "token", "session", "rights", "company")


class Stage(models.TextChoices):
    """Each is reached once what it names has happened."""

    INVITED = "invited", _("Invited")
    OPENED = "opened", _("Opened")
    KEY_RECEIVED = "key_received", _("Key received")
    VERIFIED = "verified", _("Verified")
    ACCOUNT_MATCHED = "account_matched", _("Account matched")
    REHEARSED = "rehearsed", _("Rehearsed")
    LIVE = "live", _("Live")


@dataclass(frozen=True)
class Line:
    """One customer. `reached` has the moment of each stage that was reached, in their order;
    `todo` says what is next and `mover` whose move that is, None when it is nobody's."""

    tenant: Tenant
    reached: dict[Stage, dt.datetime]
    mover: Mover | None
    todo: Promise | str
    never_finished: bool

    @property
    def stage(self) -> Stage | None:
        return next(reversed(self.reached), None)

    @property
    def since(self) -> dt.datetime:
        """Since when it has been in its stage."""
        return self.reached[self.stage] if self.stage else self.tenant.created_at

    def days(self, now: dt.datetime) -> dict[Stage, int]:
        """Whole days in each stage that was reached, the last one's until now; none when live."""
        moments = [*self.reached.values(), now]
        spent = {
            stage: (moments[place + 1] - moments[place]).days
            for place, stage in enumerate(self.reached)
        }
        return {stage: max(0, days) for stage, days in spent.items() if stage != Stage.LIVE}


@dataclass
class _Facts:
    tenant: Tenant
    link: IntakeLink | None = None
    credential: Credential | None = None
    checks: tuple[ConnectionCheck, ...] = ()
    rehearsal: Rehearsal | None = None


def lines() -> list[Line]:
    """Every customer on its way, and those live since a short while; the longest waiting first."""
    lately = timezone.now() - LIVE_SHOWN
    shown = Tenant.objects.exclude(state=TenantState.CLOSED).filter(
        Q(went_live_at=None) | Q(went_live_at__gte=lately)
    )
    return sorted(map(_line, _facts(list(shown))), key=lambda line: line.since)


def _facts(tenants: list[Tenant]) -> Iterable[_Facts]:
    """What the stages are read from, in a few queries for all tenants together."""
    found = {tenant.pk: _Facts(tenant) for tenant in tenants}
    for link in IntakeLink.objects.filter(tenant__in=found).order_by("created_at"):
        found[link.tenant_id].link = link
    keys = Credential.objects.filter(
        tenant__in=found, state__in=[CredentialState.ACTIVE, CredentialState.CANDIDATE]
    )
    for key in keys.order_by("received_at"):
        found[key.tenant_id].credential = key
    newest = {facts.credential.pk: pk for pk, facts in found.items() if facts.credential}
    checks = defaultdict(list)
    finished = ConnectionCheck.objects.filter(credential__in=newest, finished_at__isnull=False)
    for check in finished.defer("reference_data").order_by("started_at"):
        checks[newest[check.credential_id or 0]].append(check)
    for pk, of_tenant in checks.items():
        found[pk].checks = tuple(of_tenant)
    done = Rehearsal.objects.filter(tenant__in=found, finished_at__isnull=False, settings_tried={})
    for rehearsal in done.filter(check_failed=False).order_by("finished_at"):
        found[rehearsal.tenant_id].rehearsal = rehearsal
    return found.values()


def _line(facts: _Facts) -> Line:
    reached = dict(_reached(facts))
    over = facts.link is not None and not facts.link.is_open
    never = over and facts.credential is None
    mover, todo = _next(facts, reached)
    return Line(facts.tenant, reached, mover, todo, never)


def _reached(facts: _Facts) -> Iterable[tuple[Stage, dt.datetime]]:
    link, key, rehearsal = facts.link, facts.credential, facts.rehearsal
    moments: dict[Stage, Any] = {
        Stage.INVITED: link.created_at if link else None,
        Stage.OPENED: link.opened_at if link else None,
        Stage.KEY_RECEIVED: key.received_at if key else None,
        Stage.VERIFIED: _green_since(facts.checks, _IDENTIFIED),
        Stage.ACCOUNT_MATCHED: _green_since(facts.checks, (*_IDENTIFIED, "bank_accounts")),
        Stage.REHEARSED: rehearsal.finished_at if rehearsal and facts.checks else None,
        Stage.LIVE: facts.tenant.went_live_at,
    }
    return [(stage, moment) for stage, moment in moments.items() if moment is not None]


def _green_since(checks: tuple[ConnectionCheck, ...], names: tuple[str, ...]) -> Any:
    """Since when these steps have been green in every check; None when they are not now."""
    since = None
    for check in checks:
        green = {step["step"] for step in check.steps if step["ok"]} >= set(names)
        since = (since or check.finished_at) if green else None
    return since


def _next(facts: _Facts, reached: dict[Stage, dt.datetime]) -> tuple[Mover | None, Promise | str]:
    if Stage.LIVE in reached and facts.tenant.state == TenantState.ACTIVE:
        return None, _("Nothing: invoices are exported.")
    if facts.credential is None:
        return _next_of_link(facts.link)
    if not facts.checks:
        return Mover.US, _("The connection check waits for its turn.")
    red = next((step for step in facts.checks[-1].steps if step["code"]), None)
    if red is not None:
        known = advice.ADVICE.get(red["code"])
        return (known.mover if known else Mover.US), advice.cause_of(red)
    if Stage.REHEARSED not in reached:
        return Mover.US, _("Rehearse, then go live.")
    if Stage.LIVE in reached:
        return Mover.US, _("Resume it: it is live and does not export.")
    if facts.rehearsal is None or not facts.rehearsal.is_enough:
        return Mover.US, _("Rehearse again when it is put right, or go live with a reason.")
    return Mover.US, _("Go live.")


def _next_of_link(link: IntakeLink | None) -> tuple[Mover, Promise | str]:
    if link is None:
        return Mover.US, _("Invite the customer, or read its mail.")
    if not link.is_open:
        return Mover.US, _("No key came by the link: call the customer, make a new link.")
    if link.state == IntakeLink.State.HELD:
        return Mover.CUSTOMER, advice.cause_of(link.finding)
    if link.state == IntakeLink.State.ASKING:
        return Mover.US, _("Procountor is being asked about the key.")
    waits = timezone.now() - link.created_at
    if link.reminded_at is None and waits >= dt.timedelta(days=settings.INTAKE_REMINDER_DAYS):
        return Mover.US, _("Remind the customer.")
    if link.state == IntakeLink.State.INVITED:
        return Mover.CUSTOMER, _("Open the link.")
    return Mover.CUSTOMER, _("Enter the API key.")
