"""Lanes: which tenants have something due, and who works on them.

A lane is taken by a lease on its row, for a short time and again and again. The lease keeps two
workers from working in one another's way; that nothing is submitted twice does not depend on it.
"""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, Min, OuterRef, Q, QuerySet
from django.utils import timezone

from integrations import outages
from integrations.enums import TenantState
from integrations.models import Tenant
from invoices.enums import ExportStatus
from invoices.exports import steps
from invoices.models import InvoiceExport, Lane

#: The states in which the engine does something about an export when its time comes.
DUE = (ExportStatus.QUEUED, ExportStatus.UNKNOWN, ExportStatus.SUBMITTED)


def lease() -> dt.timedelta:
    """How long a lane is somebody's without a sign of life."""
    return dt.timedelta(seconds=settings.EXPORT_LANE_LEASE_SECONDS)


def due_tenants() -> QuerySet[Tenant]:
    """Active tenants with something due that nobody works on, the one served longest ago first;
    none of an environment in an outage, except for a probe."""
    now = timezone.now()
    due = InvoiceExport.objects.filter(tenant=OuterRef("pk"), status__in=DUE, not_before__lte=now)
    # A lease further off than any was written by a clock that has been put right since.
    held = Q(lane__lease_until__gt=now, lane__lease_until__lte=now + lease())
    has_work = Q(Exists(due)) | Q(pk__in=steps.tenants_with_due(now))
    return (
        Tenant.objects.filter(has_work, state=TenantState.ACTIVE)
        .exclude(held)
        .exclude(environment__in=outages.closed_to_requests())
        .order_by(F("lane__served_at").asc(nulls_first=True), "pk")
    )


def available(only: int | None = None) -> QuerySet[Tenant]:
    """`due_tenants`, or `only` one of them."""
    return due_tenants() if only is None else due_tenants().filter(pk=only)


def take(holder: str, limit: int, only: int | None = None) -> list[Tenant]:
    """Lease up to `limit` lanes with something due for `holder`."""
    found = {tenant.pk: tenant for tenant in available(only)[:limit]}
    if not found:
        return []
    Lane.objects.bulk_create([Lane(tenant_id=pk) for pk in found], ignore_conflicts=True)
    now = timezone.now()
    free = Lane.objects.filter(tenant_id__in=found).exclude(
        lease_until__gt=now, lease_until__lte=now + lease()
    )
    with transaction.atomic():
        taken = list(free.select_for_update(skip_locked=True).values_list("pk", flat=True))
        Lane.objects.filter(pk__in=taken).update(
            holder=holder, lease_until=now + lease(), served_at=now
        )
    return [found[pk] for pk in taken]


def renew(holder: str, tenant_pks: list[int]) -> set[int]:
    """Keep the lanes of `holder`; returns those that are still its own."""
    mine = Lane.objects.filter(pk__in=tenant_pks, holder=holder)
    mine.update(lease_until=timezone.now() + lease())
    return set(mine.values_list("pk", flat=True))


def release(holder: str, tenant_pk: int) -> None:
    """Let others have the lane."""
    Lane.objects.filter(pk=tenant_pk, holder=holder).update(
        holder="", lease_until=None, served_at=timezone.now()
    )


def seconds_until_due(tenant_pk: int) -> float:
    """How long until something of the tenant is due; infinite when nothing is waiting."""
    waiting = InvoiceExport.objects.filter(
        tenant_id=tenant_pk, status__in=DUE, not_before__isnull=False
    )
    moments = [waiting.aggregate(at=Min("not_before"))["at"], steps.next_due_at(tenant_pk)]
    known = [moment for moment in moments if moment is not None]
    if not known:
        return float("inf")
    return max(0.0, float((min(known) - timezone.now()).total_seconds()))
