"""Alerts of single tenants: a refused key or missing rights pause a lane, an integration is removed
in Procountor; each alerts once."""

from __future__ import annotations

from typing import Any

from django.db.models import Q

from integrations.enums import PauseReason, TenantState
from integrations.models import Tenant
from integrations.signals import acted
from invoices.watch.alerts import raise_alert, recover
from invoices.watch_models import Alert

_CAUSES: dict[str, str] = {
    PauseReason.CREDENTIAL: "credential_refused",
    PauseReason.RIGHTS: "rights_missing",
}


def listen() -> None:
    """Hear of tenants that are paused or opened."""
    acted.connect(_on_acted, dispatch_uid="watch.tenants")


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
