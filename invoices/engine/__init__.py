"""Runs due exports. The rows are the queue; a task is only a hint that one is due.

Losing, doubling or delaying a wake-up changes nothing: whoever runs takes what is due, and the
sweep finds what nobody was told of. No database transaction is open while a request is under way.
"""

from __future__ import annotations

from math import ceil
from typing import Any

from django.conf import settings

from integrations import outages
from integrations.enums import TenantState
from integrations.models import ConnectionCheck, Tenant
from integrations.signals import connection_checked, lane_opened
from invoices import corrections, credit_notes, exports
from invoices.engine import draining, lanes
from invoices.engine.runner import Runner
from invoices.engine.waking import wake, wake_one_worker
from invoices.enums import ParkedReason

__all__ = ["listen", "release_after_check", "run_lane", "run_lanes", "sweep", "wake"]

_WORKERS_AT_ONCE = 4


def sweep() -> int:
    """Expire dead claims, release the credit notes that waited, and ask for workers for the lanes
    with something due that nobody runs; returns how many lanes these are."""
    exports.expire_leases()
    exports.steps.expire_leases()
    outages.end_quiet_ramps()
    credit_notes.release()
    waiting = lanes.due_tenants().count()
    per_worker = max(
        1, settings.EXPORT_REQUESTS_IN_FLIGHT // settings.EXPORT_REQUESTS_IN_FLIGHT_PER_TENANT
    )
    for _worker in range(min(_WORKERS_AT_ONCE, ceil(waiting / per_worker))):
        wake_one_worker()
    return waiting


def run_lanes() -> int:
    """Work through what is due, of all tenants; returns how many exports were taken up."""
    runner = Runner()
    worked = runner.run()
    if runner.is_over and lanes.due_tenants().exists():
        wake_one_worker()
    return worked


def run_lane(tenant_pk: int) -> int:
    """Work through one tenant's due exports. Does nothing when the tenant is not active or
    another worker holds its lane."""
    return Runner(only=tenant_pk).run()


def release_after_check(tenant: Tenant, check: ConnectionCheck) -> None:
    """A check that passed releases what waited for key or rights; one that saw the period open
    releases what waited for that."""
    if tenant.state == TenantState.ACTIVE:
        for reason in (ParkedReason.CREDENTIAL, ParkedReason.RIGHTS):
            exports.release_parked(tenant, reason)
    for start, end, is_open in check.reference_data.get("periods", []):
        if is_open:
            dated = corrections.dated_between(start, end)
            exports.release_parked(tenant, ParkedReason.CLOSED_PERIOD, dated)
    if tenant.state == TenantState.ACTIVE and lanes.seconds_until_due(tenant.pk) == 0:
        wake(tenant.pk)


def listen() -> None:
    """Hear of connection checks, of tenants that go live, and of being a cluster's worker."""
    connection_checked.connect(_on_check, dispatch_uid="engine.connection_checked")
    lane_opened.connect(_on_opened, dispatch_uid="engine.lane_opened")
    draining.listen()


def _on_check(sender: Any, tenant: Tenant, check: ConnectionCheck, **kwargs: Any) -> None:
    release_after_check(tenant, check)


def _on_opened(sender: Any, tenant: Tenant, **kwargs: Any) -> None:
    wake(tenant.pk)
