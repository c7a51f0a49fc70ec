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

from integrations import key_uses
from integrations.enums import TenantState
from integrations.key_use_models import KeyUse
from integrations.models import Credential, Tenant
from integrations.signals import evidence_asked

#: What a key was used for.
KINDS: dict[str, Promise] = {
    "token": _("Buying an access token"),
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

    def together_with(self, other: Use) -> Use:
        """Of the same kind, counted from other rows."""
        moments = [at for at in (self.last_at, other.last_at) if at]
        by_key = dict(self.by_key)
        for mark, at in other.by_key.items():
            by_key[mark] = max(at, by_key.get(mark, at))
        count = self.count_after + other.count_after
        return Use(self.kind, max(moments, default=None), count, by_key)


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
    #: When the connection ended; None while it has not, or when that was not noted anywhere.
    ended_at: dt.datetime | None = None

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
    def is_countable(self) -> bool:
        """Whether uses after the end can be told from those before it."""
        return self.ended_at is not None or self.tenant.state != TenantState.CLOSED

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
    evidence = _evidence(tenant, tenant.closed_at)
    ended_at = tenant.closed_at
    if ended_at is None and tenant.state == TenantState.CLOSED:
        # The moment was not kept with the tenant: the audit trail may have it.
        ends = [event.at for event in evidence.events if event.action == "tenant.closed"]
        ended_at = max(ends, default=None)
        evidence = _evidence(tenant, ended_at)
    noted = [_noted(tenant, kind, ended_at) for kind in KeyUse.Kind]
    uses = _merged([*evidence.uses, _checks(tenant, ended_at), *noted])
    keys = [
        (key, _last_of(key, uses))
        for key in tenant.credentials.select_related("received_by").order_by("received_at", "pk")
    ]
    return Proof(tenant, keys, uses, evidence, ended_at)


def _evidence(tenant: Tenant, after: dt.datetime | None) -> Evidence:
    answers: Any = evidence_asked.send(Tenant, tenant=tenant, after=after)
    return next((found for _receiver, found in answers), Evidence())


def _noted(tenant: Tenant, kind: KeyUse.Kind, after: dt.datetime | None) -> Use:
    by_key = key_uses.last_by_key(tenant, kind)
    last_at = max(by_key.values(), default=None)
    return Use(kind, last_at, key_uses.count_after(tenant, kind, after), by_key)


def _merged(uses: list[Use]) -> list[Use]:
    """One of each kind, whichever rows it was counted from."""
    found: dict[str, Use] = {}
    for use in uses:
        known = found.get(use.kind)
        found[use.kind] = use if known is None else known.together_with(use)
    return list(found.values())


def _checks(tenant: Tenant, ended_at: dt.datetime | None) -> Use:
    checks = tenant.checks.filter(credential__isnull=False)
    after = Q(started_at__gt=ended_at) if ended_at else Q(pk=None)
    found = checks.aggregate(last=Max("started_at"), after=Count("pk", filter=after))
    by_key = checks.order_by().values_list("credential__fingerprint").annotate(Max("started_at"))
    return Use("check", found["last"], found["after"], {mark[:12]: at for mark, at in by_key})


def _last_of(key: Credential, uses: list[Use]) -> dt.datetime | None:
    moments = [use.by_key.get(key.short_fingerprint) for use in uses]
    return max((moment for moment in moments if moment), default=None)
