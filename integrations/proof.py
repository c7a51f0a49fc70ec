"""Proof of last use: what the rows say about a tenant's keys, from the first to after the end.

Nothing is asserted that is not counted. Uses that leave rows elsewhere are asked by
`signals.evidence_asked`.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.db.models import Count, Max, Q
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from integrations.models import Credential, Tenant
from integrations.signals import evidence_asked

#: What a key was used for.
KINDS: dict[str, Promise] = {
    "submit": _("Submitting an invoice"),
    "step": _("A step after submitting"),
    "look_up": _("Looking for an invoice"),
    "read_back": _("Reading an invoice back"),
    "ledger": _("Reconciling days"),
    "check": _("Connection check"),
}
#: Audit codes of a connection's beginning and end, in words.
EVENTS: dict[str, Promise] = {
    "credential.filed": _("API key filed"),
    "credential.replaced": _("API key in use, the older one replaced"),
    "credential.destroyed": _("Secret of an API key destroyed"),
    "tenant.closed": _("Connection ended"),
    "tenant.reopened": _("Connection reopened"),
    "tenant.secrets_destroyed": _("Secrets destroyed before their day"),
}


class Use(NamedTuple):
    """One kind of use: its newest moment, how many there are after the end of the connection, and
    the newest moment of each key it can be told of, by the first 12 characters of its
    fingerprint."""

    kind: str
    last_at: dt.datetime | None
    count_after: int
    by_key: dict[str, dt.datetime] = {}


class Event(NamedTuple):
    """An event of the audit trail: its number, moment and code."""

    number: int
    at: dt.datetime
    action: str


@dataclass(frozen=True)
class Evidence:
    """What one keeper of rows knows. `exported` counts the invoices that are in Procountor by our
    hand; `first_at` and `last_at` are when the first and the last of them were submitted."""

    uses: tuple[Use, ...] = ()
    exported: int = 0
    first_at: dt.datetime | None = None
    last_at: dt.datetime | None = None
    events: tuple[Event, ...] = ()


@dataclass(frozen=True)
class Proof:
    tenant: Tenant
    keys: list[tuple[Credential, dt.datetime | None]]
    uses: list[Use]
    evidence: Evidence = field(default_factory=Evidence)

    @property
    def last_use(self) -> Use | None:
        """The newest use of any key."""
        dated = [use for use in self.uses if use.last_at is not None]
        return max(dated, key=lambda use: use.last_at or dt.datetime.min) if dated else None

    @property
    def last_kind(self) -> Promise | str:
        """What the newest use was for, in words; "" without one."""
        return KINDS[self.last_use.kind] if self.last_use else ""

    @property
    def uses_after(self) -> int:
        return sum(use.count_after for use in self.uses)

    @property
    def held(self) -> list[Credential]:
        """Keys whose secret is still here."""
        return [key for key, _last in self.keys if key.api_key is not None]

    @property
    def destroyed_at(self) -> dt.datetime | None:
        """When the last secret was destroyed; None while one is held, or before it was noted."""
        moments = [key.destroyed_at for key, _last in self.keys if key.destroyed_at]
        return None if self.held or not moments else max(moments)


def proof_of(tenant: Tenant) -> Proof:
    """What the rows say, about a closed tenant or another."""
    answers: Any = evidence_asked.send(Tenant, tenant=tenant, after=tenant.closed_at)
    evidence: Evidence = next((found for _receiver, found in answers), Evidence())
    uses = [*evidence.uses, _checks(tenant)]
    keys = [
        (key, _last_of(key, uses))
        for key in tenant.credentials.select_related("received_by").order_by("received_at", "pk")
    ]
    return Proof(tenant, keys, uses, evidence)


def _checks(tenant: Tenant) -> Use:
    checks = tenant.checks.filter(credential__isnull=False)
    after = Q(started_at__gt=tenant.closed_at) if tenant.closed_at else Q(pk=None)
    found = checks.aggregate(last=Max("started_at"), after=Count("pk", filter=after))
    by_key = checks.order_by().values_list("credential__fingerprint").annotate(Max("started_at"))
    return Use("check", found["last"], found["after"], {mark[:12]: at for mark, at in by_key})


def _last_of(key: Credential, uses: list[Use]) -> dt.datetime | None:
    moments = [use.by_key.get(key.short_fingerprint) for use in uses]
    return max((moment for moment in moments if moment), default=None)
