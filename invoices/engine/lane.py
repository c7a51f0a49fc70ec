"""One tenant's lane while a worker holds it: client, settings, and what is under way."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import QuerySet

from integrations.clients import client_for
from integrations.enums import CredentialState, TenantState
from integrations.models import Credential, Tenant
from integrations.procountor import ProcountorClient
from invoices.mapping import ExportSettings, ReferenceData, basis_of
from invoices.preflight import inputs_of, latest_reference_data, reference_of, settings_of

_UNKNOWN_SECONDS = 2.0
_RATE_SECONDS = 0.25
_RATE_KEPT = 0.7


class HeldLane:
    """Belongs to one worker's coordinator; only `client` is used by other threads too."""

    tenant: Tenant
    credential: Credential | None
    client: ProcountorClient
    settings: ExportSettings
    reference: ReferenceData
    basis: str
    blind: bool

    def __init__(self, tenant: Tenant, on_rate_limit: Callable[[], None]) -> None:
        self.pk = tenant.pk
        self.tenant = tenant
        self.environment = tenant.environment
        self.credential = None
        #: Whether a token has been bought or found; until then one export goes ahead alone.
        self.authenticated = False
        #: Whether the last look for exports to submit found as many as it asked for.
        self.has_more = False
        #: Primary keys of exports with a job ready or under way.
        self.busy: set[int] = set()
        #: Jobs that are ready, under way, or answered and not settled yet.
        self.jobs = 0
        self.reading = False
        self.accepted = 0
        self.read_back_at = time.monotonic()
        self.look_at = self.steps_at = self.notes_at = 0.0
        #: Whether credit notes of this turn wait for invoices that may be accepted meanwhile.
        self.notes_wait = False
        self.stopped = False
        self.taken_at = time.monotonic()
        self.last_work_at = time.monotonic()
        self._on_rate_limit = on_rate_limit
        self._known: tuple[dict[str, Any], ExportSettings] | None = None
        self._question: tuple[str, tuple[Any, ...]] | None = None
        self._answer: list[Any] = []
        self.settled = 0
        self._rate = 0.0
        self._rated_at = time.monotonic()
        self._unknown_at = float("-inf")

    def __repr__(self) -> str:
        return f"HeldLane({self.pk})"

    def refresh(self) -> bool:
        """Read again what has changed; False when nothing may be submitted for the tenant.

        Whether anything has is asked with every batch: what was queued after a change of the
        tenant's settings must not leave by the old ones.

        Of credential and tenant at once: an active key of a tenant that is not active has not
        been seen by a check, and is not used.
        """
        answer = _rows(*self._question) if self._question else []
        if answer and answer == self._answer:
            return True
        usable = Credential.objects.filter(
            tenant_id=self.pk, state=CredentialState.ACTIVE, tenant__state=TenantState.ACTIVE
        ).select_related("tenant")
        if self._question is None:
            self._question = _compiled(usable.annotate(**inputs_of(self.tenant)))
            answer = _rows(*self._question)
        credential = usable.first()
        if credential is None:
            self.credential, self._answer = self.tenant.active_credential, []
            return False
        active = credential.tenant
        if self.credential is None or credential.pk != self.credential.pk:
            self.client = client_for(active, credential, on_rate_limit=self._on_rate_limit)
            self.authenticated = self.client.is_authenticated()
        self.credential = credential
        self.tenant = active
        known, chosen = latest_reference_data(active), settings_of(active)
        if (known, chosen) != self._known:
            self._known = (known, chosen)
            self.settings, self.reference = chosen, reference_of(known)
            self.basis = basis_of(self.settings, self.reference)
            self.blind = bool(known.get("lookup_blind"))
        # Read before what it stands for: a change in between is seen the next time.
        self._answer = answer
        return True

    def rate(self) -> float:
        """Jobs settled a second, of late. It falls slowly: answers are settled in batches, and
        a moment without one does not mean that less is to be had ready."""
        now = time.monotonic()
        if now - self._rated_at > _RATE_SECONDS:
            self._rate = max(self.settled / (now - self._rated_at), self._rate * _RATE_KEPT)
            self.settled, self._rated_at = 0, now
        return self._rate

    def ask_for_unknown(self) -> bool:
        """Whether it is time to look for UNKNOWN exports again: not with every batch."""
        if time.monotonic() - self._unknown_at < min(_UNKNOWN_SECONDS, self._patience()):
            return False
        self._unknown_at = time.monotonic()
        return True

    def _patience(self) -> float:
        return 0.0 if settings.EXPORT_LINGER_SECONDS == 0 else _UNKNOWN_SECONDS


def _compiled(rows: QuerySet[Any]) -> tuple[str, tuple[Any, ...]]:
    """A query as SQL, to be asked many times: building it costs ten times what it costs to ask."""
    return rows.query.sql_with_params()


def _rows(sql: str, parameters: tuple[Any, ...]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())
