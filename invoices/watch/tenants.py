"""Alerts of single tenants: a refused key, one that we cannot open or missing rights pause a lane,
an integration is removed in Procountor, and what the rights radar warns of; each alerts once."""

from __future__ import annotations

from typing import Any

from django.db.models import Q

from integrations.enums import CheckOutcome, PauseReason, TenantState
from integrations.models import ConnectionCheck, Tenant
from integrations.signals import acted, connection_checked
from invoices.watch.alerts import raise_alert, recover
from invoices.watch_models import Alert

_CAUSES: dict[str, str] = {
    PauseReason.CREDENTIAL: "credential_refused",
    PauseReason.UNREADABLE: "key_unreadable",
    PauseReason.RIGHTS: "rights_missing",
}
RADAR = "radar_warning"


def listen() -> None:
    """Hear of tenants that are paused, opened, checked or closed."""
    acted.connect(_on_acted, dispatch_uid="watch.tenants")
    connection_checked.connect(_on_checked, dispatch_uid="watch.radar")


def follow_tenants() -> None:
    """Bring the alerts in line with the tenants' states: for a pause that nobody was told of,
    and for a tenant that was closed instead of put in order."""
    for reason, cause in _CAUSES.items():
        told = Alert.objects.filter(cause=cause, recovered_at=None)
        for tenant in Tenant.objects.filter(state=TenantState.PAUSED, pause_reason=reason).exclude(
            pk__in=told.values("tenant")
        ):
            raise_alert(cause, tenant)
        solved = Q(tenant__state__in=[TenantState.ACTIVE, TenantState.CLOSED]) | (
            Q(tenant__state=TenantState.PAUSED) & ~Q(tenant__pause_reason=reason)
        )
        for alert in told.filter(solved).select_related("tenant"):
            recover(cause, alert.tenant)
    ended = Alert.objects.filter(
        cause=RADAR, recovered_at=None, tenant__state=TenantState.CLOSED
    ).select_related("tenant")
    for alert in ended:
        recover(RADAR, alert.tenant)


def _on_acted(
    sender: Any, action: str, tenant: Tenant | None, data: dict[str, Any], **kwargs: Any
) -> None:
    if action == "tenant.paused" and data.get("reason") in _CAUSES:
        raise_alert(_CAUSES[data["reason"]], tenant)
    elif action == "tenant.activated":
        for cause in (*_CAUSES.values(), "integration_removed"):
            recover(cause, tenant)
    elif action == "integration.removed":
        raise_alert("integration_removed", tenant, {"status": data["status"]})
    elif action == "integration.approved":
        recover("integration_removed", tenant)
    elif action == "tenant.closed":
        for cause in (*_CAUSES.values(), RADAR, "integration_removed"):
            recover(cause, tenant)


def _on_checked(sender: Any, tenant: Tenant, check: ConnectionCheck, **kwargs: Any) -> None:
    """A warning of a live tenant alerts. A check that could not see everything ends nothing."""
    if check.warnings and tenant.state == TenantState.ACTIVE:
        raise_alert(RADAR, tenant, {"count": len(check.warnings), "warnings": check.warnings})
    elif not check.warnings and check.outcome == CheckOutcome.PASSED:
        recover(RADAR, tenant)
