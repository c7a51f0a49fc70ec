"""What the tenant's page shows of rehearsals, and which of its fields are fixed once it is live.

The pages of a rehearsal are in `invoices.admin.rehearsals`: they know the invoices.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from integrations import going_live
from integrations.admin.desk import RecordAdmin
from integrations.enums import CheckOutcome
from integrations.mapping_models import MappingTable
from integrations.models import Tenant


class GoingLiveDesk(RecordAdmin):
    """Mixed into the tenants' admin."""

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """A live tenant's export settings change after a rehearsal only."""
        fixed = list(going_live.EXPORT_SETTINGS) if obj and obj.went_live_at else []
        if obj and not fixed and obj.mapping_versions.filter(table=MappingTable.VAT).exists():
            fixed = ["vat_status_by_category"]  # its versions have taken the setting's place
        return [*super().get_readonly_fields(request, obj), *fixed]

    def context_of(self, request: HttpRequest, object_id: str) -> dict[str, Any]:
        tenant = Tenant.objects.filter(pk=object_id).first()
        extra = {"going_live": going_live_context(tenant)} if tenant else {}
        return super().context_of(request, object_id) | extra


def going_live_context(tenant: Tenant) -> dict[str, Any]:
    """Context of `desk/going_live.html`: the newest rehearsal in one line, and what is next."""
    gate = going_live.gate_of(tenant)
    rehearsal = gate.rehearsal
    outdated = bool(
        rehearsal and rehearsal.is_done and rehearsal.basis != going_live.basis_of(tenant)
    )
    return {
        "gate": gate,
        "rehearsal": rehearsal,
        "outdated": outdated,
        "verified": gate.check is not None and gate.check.outcome == CheckOutcome.PASSED,
        "page": reverse("admin:integrations_rehearsal_of_tenant", args=[tenant.pk]),
        "settings_page": reverse("admin:integrations_rehearsal_settings", args=[tenant.pk]),
    }
