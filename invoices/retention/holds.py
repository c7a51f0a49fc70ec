"""Legal holds: while one lasts, nothing of its tenant or financial year is deleted."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from integrations.models import Tenant
from invoices import audit
from invoices.evidence_models import EvidenceChain
from invoices.retention_models import LegalHold


class AlreadyLifted(Exception):
    """Somebody lifted the hold before."""


def place(tenant: Tenant, chain: EvidenceChain | None, *, by: User, reason: str) -> LegalHold:
    """Stop all deletion of a tenant, or of one of its financial years. A deletion that runs is
    stopped before its next rows: when this returns, nothing more goes."""
    with transaction.atomic():
        lock(tenant.pk)
        hold = LegalHold.objects.create(
            tenant=tenant, chain=chain, reason=reason, placed_by=by, placed_at=timezone.now()
        )
        audit.record("hold.placed", tenant=tenant, by=by, data=_facts(hold, reason))
    return hold


def lift(hold: LegalHold, *, by: User, reason: str) -> None:
    """End a hold. Raises AlreadyLifted."""
    with transaction.atomic():
        open_one = LegalHold.objects.filter(pk=hold.pk, lifted_at=None)
        if not open_one.update(lifted_by=by, lifted_at=timezone.now(), lift_reason=reason):
            raise AlreadyLifted
        audit.record("hold.lifted", tenant=hold.tenant, by=by, data=_facts(hold, reason))


def lock(tenant_pk: int) -> Tenant:
    """Inside a transaction: whoever takes in, holds or deletes something of the tenant waits."""
    return Tenant.objects.select_for_update(no_key=True).get(pk=tenant_pk)


def holding(chain: EvidenceChain) -> QuerySet[LegalHold]:
    """The holds that keep a financial year."""
    years = Q(chain=None) | Q(chain=chain)
    return LegalHold.objects.filter(years, tenant=chain.tenant_id, lifted_at=None)


def _facts(hold: LegalHold, reason: str) -> dict[str, object]:
    year = f"{hold.chain.starts_on}–{hold.chain.ends_on}" if hold.chain else ""
    return {"hold": hold.pk, "financial_year": year, "reason": reason}
