"""The gate before a tenant's invoices are submitted, and before its export settings change.

It opens by a rehearsal (`Rehearsal`, run by `invoices.rehearsal`) whose score is high enough, or
by a reason that a person gives. Writes `Tenant.went_live_at` and a live tenant's export settings.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from integrations import diagnosis
from integrations.diagnosis import MAPPING_FACTS, informed_checks
from integrations.enums import CheckOutcome, CredentialState, TenantState
from integrations.models import ConnectionCheck, Tenant
from integrations.rehearsal_models import Rehearsal
from integrations.signals import acted, lane_opened

#: The fields of Tenant that decide what is submitted and what follows. Once the tenant is live
#: they change by `save_settings` only.
EXPORT_SETTINGS = (
    "invoice_channel",
    "after_submit",
    "default_vat_status",
    "vat_status_by_category",
    "invoice_language",
    "penalty_percent",
    "days_to_pay",
    "drop_invalid_reference",
)


#: In `Rehearsal.settings_tried`: no field of Tenant, but a mapping table that was tried
#: (`integrations.mapping_tables`).
MAPPING_TABLE = "mapping_table"


class NotReady(Exception):
    """The gate stays shut. `reason_opens` tells whether a reason would open it; the text is for
    people."""

    def __init__(self, text: str, *, reason_opens: bool = False) -> None:
        super().__init__(text)
        self.reason_opens = reason_opens


@dataclass(frozen=True)
class Gate:
    """Whether it may be gone through: `barred` says why not at all, `lacking` why a reason is
    needed; both empty when it is open. `check` is the one that counts, `rehearsal` the newest."""

    barred: str
    lacking: str
    check: ConnectionCheck | None
    rehearsal: Rehearsal | None

    def pass_through(self, reason: str) -> None:
        """Raises NotReady unless the gate is open, or opened by `reason`."""
        if self.barred:
            raise NotReady(self.barred)
        if self.lacking and not reason.strip():
            raise NotReady(self.lacking, reason_opens=True)

    @property
    def facts(self) -> dict[str, Any]:
        """For the audit trail."""
        if self.rehearsal is None or not self.rehearsal.is_done:
            return {"rehearsal": None}
        found = self.rehearsal
        score = None if found.score is None else str(found.score)
        facts = {"rehearsal": found.pk, "passed": found.passed, "total": found.total}
        return facts | {"score": score, "lacking": bool(self.lacking)}


def basis_of(tenant: Tenant, check: ConnectionCheck | None = None) -> str:
    """A digest of what a rehearsal's result depends on besides the invoices: export settings,
    mapping tables, account, key, this program's version and what `check` (default: the newest
    that learnt something) knows of the company."""
    check = check or informed_checks(tenant).first()
    credential, account = tenant.active_credential, tenant.invoice_account
    facts = [
        settings.SOFTWARE_VERSION,
        tenant.business_id,
        {name: _plain(getattr(tenant, name)) for name in EXPORT_SETTINGS},
        list(tenant.mapping_versions.order_by("pk").values_list("pk", flat=True)),
        account.iban if account else "",
        credential.pk if credential else None,
        {name: check.reference_data.get(name) for name in MAPPING_FACTS} if check else {},
    ]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _plain(value: Any) -> Any:
    """JSON-ready and the same for 8 and 8.00."""
    return format(value.normalize(), "f") if isinstance(value, Decimal) else value


def newest_rehearsal(tenant: Tenant) -> Rehearsal | None:
    """The newest of the settings as they are, finished or not."""
    return tenant.rehearsals.filter(settings_tried={}).order_by("-pk").first()


def gate_of(tenant: Tenant) -> Gate:
    """What stands between `tenant` and going live."""
    check = tenant.last_check
    rehearsal = newest_rehearsal(tenant)
    barred = _barred(tenant, check)
    return Gate(barred, "" if barred else _lacking(tenant, rehearsal), check, rehearsal)


def _barred(tenant: Tenant, check: ConnectionCheck | None) -> str:
    if tenant.state == TenantState.CLOSED:
        return _("The tenant is closed.")
    if tenant.went_live_at is not None:
        return _("The tenant is live already.")
    credential = tenant.active_credential
    if credential is None:
        return _("No API key has been filed.")
    if check is None or check.outcome == CheckOutcome.RUNNING:
        return _("The connection has not been checked yet.")
    if check.outcome != CheckOutcome.PASSED:
        return _("The connection check is red: put that right first.")
    if tenant.checks_after is not None and check.started_at <= tenant.checks_after:
        return _("The connection has not been checked since it was reopened or resumed.")
    if _is_contradicted(tenant, check):
        return _("Another connection check is running or has failed since: check it once more.")
    if check.credential_id != credential.pk:
        return _("The API key has changed since the last check: check the connection first.")
    return ""


def _is_contradicted(tenant: Tenant, check: ConnectionCheck) -> bool:
    """Whether a check that began before `check` has no result yet, or failed after it: what it
    finds would stop a live tenant, and finds none to stop yet."""
    others = tenant.checks.filter(of_candidate=False).exclude(pk=check.pk)
    running = Q(
        outcome=CheckOutcome.RUNNING, started_at__gt=timezone.now() - diagnosis.LONGEST_CHECK
    )
    failed = Q(outcome=CheckOutcome.FAILED, finished_at__gt=check.finished_at)
    return others.filter(running | failed).exists()


def _lacking(tenant: Tenant, rehearsal: Rehearsal | None) -> str:
    """Why the rehearsal does not open the gate; empty when it does."""
    if rehearsal is None:
        return _("Nothing has been rehearsed yet.")
    if not rehearsal.is_done:
        return _("The newest rehearsal has no result.")
    if rehearsal.basis != basis_of(tenant):
        return _("Settings, key or Procountor's data have changed since the rehearsal.")
    if not rehearsal.total:
        return _("There were no invoices to rehearse with.")
    return "" if rehearsal.is_enough else low_score(rehearsal)


def low_score(rehearsal: Rehearsal) -> str:
    """That the score is not enough, with both figures."""
    return _("%(score)s %% would pass, and %(needed)s %% are needed.") % {
        "score": number_format(rehearsal.score or 0),
        "needed": number_format(f"{settings.GO_LIVE_SCORE:g}"),
    }


def go_live(tenant: Tenant, *, by: Any, reason: str = "") -> bool:
    """Let the tenant's invoices be submitted from now on. False when somebody else did at the
    same moment; raises NotReady."""
    with transaction.atomic():
        # Whoever saves settings meanwhile waits for the row, or was here before.
        tenant = Tenant.objects.select_for_update().get(pk=tenant.pk)
        if tenant.went_live_at is not None:
            return False
        gate = gate_of(tenant)
        gate.pass_through(reason)
        assert gate.check is not None and gate.check.credential_id is not None  # else barred
        opened = Tenant.objects.filter(
            pk=tenant.pk,
            went_live_at__isnull=True,
            state=TenantState.PENDING,
            credentials__pk=gate.check.credential_id,
            credentials__state=CredentialState.ACTIVE,
        ).update(went_live_at=timezone.now(), state=TenantState.ACTIVE)
        if not opened:
            return False
        acted.send(
            Tenant,
            action="tenant.went_live",
            tenant=tenant,
            by=by,
            data=gate.facts | {"reason": reason.strip()},
        )
        lane_opened.send(Tenant, tenant=tenant)
    return True


def proposed(tenant: Tenant, tried: dict[str, Any]) -> Tenant:
    """A copy of the tenant with proposed settings, not saved; a mapping table that is tried is
    no setting of it. Raises KeyError for a field that is no export setting."""
    copy = Tenant.objects.get(pk=tenant.pk)
    for name, value in tried.items():
        if name == MAPPING_TABLE:
            continue
        if name not in EXPORT_SETTINGS:
            raise KeyError(name)
        field: Any = Tenant._meta.get_field(name)
        setattr(copy, name, field.to_python(value))
    return copy


def differing(present: Tenant, wanted: Tenant) -> dict[str, Any]:
    """The export settings of `wanted` that differ, as `Rehearsal.settings_tried` keeps them."""
    return {
        name: _plain(getattr(wanted, name))
        for name in EXPORT_SETTINGS
        if _plain(getattr(wanted, name)) != _plain(getattr(present, name))
    }


def settings_gate(tenant: Tenant, rehearsal: Rehearsal) -> Gate:
    """What stands between the settings that were tried and the tenant."""
    barred = _settings_barred(tenant, rehearsal)
    return Gate(barred, "" if barred else _settings_lacking(rehearsal), None, rehearsal)


def _settings_barred(tenant: Tenant, rehearsal: Rehearsal) -> str:
    if tenant.state == TenantState.CLOSED:
        return _("The tenant is closed.")
    if rehearsal.saved_at is not None or not rehearsal.settings_tried:
        return _("These settings have been saved already.")
    if not rehearsal.is_done:
        return _("The rehearsal has no result.")
    if rehearsal.basis != basis_of(tenant):
        return _("The settings have changed since this rehearsal, or Procountor's data: try again.")
    return ""


def _settings_lacking(rehearsal: Rehearsal) -> str:
    if not rehearsal.total:
        return _("There were no invoices to rehearse with.")
    if rehearsal.newly_failing.get("count"):
        return _("Invoices that pass with the present settings would not pass any more.")
    return "" if rehearsal.is_enough else low_score(rehearsal)


def save_settings(rehearsal: Rehearsal, *, by: Any, reason: str = "") -> bool:
    """Give the tenant the settings that `rehearsal` tried. False when somebody else did at the
    same moment; raises NotReady, also when anything the rehearsal went by has changed since."""
    tried = rehearsal.settings_tried
    with transaction.atomic():
        tenant = Tenant.objects.select_for_update().get(pk=rehearsal.tenant_id)
        rehearsal.refresh_from_db()
        gate = settings_gate(tenant, rehearsal)
        gate.pass_through(reason)
        first = Rehearsal.objects.filter(pk=rehearsal.pk, saved_at=None)
        if not first.update(saved_at=timezone.now()):
            return False
        wanted = proposed(tenant, tried)
        wanted.save(update_fields=list(tried))
        acted.send(
            Tenant,
            action="tenant.changed",
            tenant=tenant,
            by=by,
            data={"fields": sorted(tried), "reason": reason.strip()} | gate.facts,
        )
    return True
