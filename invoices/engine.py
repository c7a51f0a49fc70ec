"""Claims due exports and runs them, lane by lane.

A lane is one tenant's queue; whoever holds its lease is the only one who submits from it.
Losing, doubling or delaying the wake-up of a lane changes nothing: the rows are the queue.
No database transaction is open while a request is on its way.
"""

from __future__ import annotations

import datetime as dt
import logging
import secrets
import time
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Min, Q
from django.utils import timezone
from django_q.tasks import async_task

from integrations import diagnosis
from integrations.clients import CredentialMissing, client_for
from integrations.enums import PauseReason, TenantState
from integrations.models import ConnectionCheck, Credential, Tenant
from integrations.procountor import (
    CredentialRefused,
    NotSubmitted,
    OutcomeUnknown,
    ProcountorClient,
    ProcountorError,
    Rejected,
)
from integrations.secrets import SecretUnreadable
from integrations.signals import connection_checked
from invoices import exports, reconciliation
from invoices.document import Problem
from invoices.enums import AttemptOutcome, AttentionReason, ExportStatus, ParkedReason
from invoices.mapping import map_invoice, period_problem, to_bytes
from invoices.models import InvoiceExport, Lane
from invoices.preflight import latest_reference_data, reference_of, settings_of

logger = logging.getLogger(__name__)

_DUE = Q(status__in=[ExportStatus.QUEUED, ExportStatus.UNKNOWN])
_POLL_SECONDS = 0.25


def wake(tenant_pk: int) -> None:
    """Ask for a run of the tenant's lane, once what was queued is committed."""
    transaction.on_commit(lambda: async_task("invoices.tasks.run_lane", tenant_pk))


def sweep() -> int:
    """Expire dead claims and wake every lane with something due that nobody runs: exports to
    submit or to ask about, and submitted ones whose reading back failed within the last day."""
    exports.expire_leases()
    now = timezone.now()
    unread = Q(
        status=ExportStatus.SUBMITTED,
        problems=[],
        submitted_at__range=(now - dt.timedelta(days=1), now - dt.timedelta(minutes=1)),
    )
    due = (
        InvoiceExport.objects.filter(
            (_DUE & Q(not_before__lte=now)) | unread, tenant__state=TenantState.ACTIVE
        )
        .exclude(tenant__lane__lease_until__gt=now)
        .values_list("tenant_id", flat=True)
        .distinct()
        .order_by()
    )
    for tenant_pk in due:
        wake(tenant_pk)
    return len(due)


def run_lane(tenant_pk: int) -> int:
    """Work through one tenant's due exports; returns how many were taken up. Does nothing when
    the tenant is not active or another worker holds the lane."""
    worked, holder = 0, secrets.token_hex(16)
    while _take_lane(tenant_pk, holder):
        try:
            worked += _work(tenant_pk, holder)
        finally:
            Lane.objects.filter(tenant_id=tenant_pk, holder=holder).update(lease_until=None)
        # Something queued between the last look and the release would wait for the sweep.
        if _next_due_in_seconds(tenant_pk) > 0:
            break
    return worked


def _take_lane(tenant_pk: int, holder: str) -> bool:
    if not Tenant.objects.filter(pk=tenant_pk, state=TenantState.ACTIVE).exists():
        return False
    Lane.objects.get_or_create(tenant_id=tenant_pk)
    now = timezone.now()
    free = Q(lease_until__isnull=True) | Q(lease_until__lt=now) | Q(holder=holder)
    return bool(
        Lane.objects.filter(free, tenant_id=tenant_pk).update(
            holder=holder, lease_until=now + dt.timedelta(seconds=settings.EXPORT_LEASE_SECONDS)
        )
    )


def _work(tenant_pk: int, holder: str) -> int:
    worked, read_back = 0, False
    deadline = time.monotonic() + settings.EXPORT_LINGER_SECONDS
    while _take_lane(tenant_pk, holder):
        tenant = Tenant.objects.get(pk=tenant_pk)
        if _run_one(tenant):
            worked, read_back = worked + 1, False
            deadline = time.monotonic() + settings.EXPORT_LINGER_SECONDS
            continue
        if not read_back:
            _read_back(tenant)
            read_back = True
        wait_seconds = _next_due_in_seconds(tenant_pk)
        if time.monotonic() + wait_seconds > deadline:
            break
        time.sleep(min(wait_seconds, _POLL_SECONDS) or _POLL_SECONDS)
    return worked


def _next_due(tenant_pk: int) -> dt.datetime | None:
    moment: dt.datetime | None = InvoiceExport.objects.filter(_DUE, tenant_id=tenant_pk).aggregate(
        at=Min("not_before")
    )["at"]
    return moment


def _next_due_in_seconds(tenant_pk: int) -> float:
    moment = _next_due(tenant_pk)
    if moment is None:
        return float("inf")
    return max(0.0, (moment - timezone.now()).total_seconds())


def _run_one(tenant: Tenant) -> bool:
    """Take up the lane's next due export. False when none is due or the lane stopped."""
    credential = tenant.active_credential
    if credential is None:
        diagnosis.pause(tenant, PauseReason.CREDENTIAL)
        return False
    # Filing a key makes its tenant pending, so asking in this order never meets a key unchecked.
    if not Tenant.objects.filter(pk=tenant.pk, state=TenantState.ACTIVE).exists():
        return False
    client = client_for(tenant, credential)
    unknown = (
        InvoiceExport.objects.filter(
            tenant=tenant, status=ExportStatus.UNKNOWN, not_before__lte=timezone.now()
        )
        .select_related("invoice", "tenant")
        .order_by("not_before", "pk")
        .first()
    )
    if unknown is not None:
        return _settle(tenant, unknown, client)
    export = exports.claim_next(tenant)
    if export is None:
        return False
    submit(export, client, credential)
    return True


def _settle(tenant: Tenant, export: InvoiceExport, client: ProcountorClient) -> bool:
    blind = bool(latest_reference_data(tenant).get("lookup_blind"))
    try:
        reconciliation.settle_unknown(export, client, blind=blind)
    except (CredentialRefused, SecretUnreadable):
        exports.look_again(export, counted=False)
        diagnosis.pause(tenant, PauseReason.CREDENTIAL)
        return False
    return True


def submit(export: InvoiceExport, client: ProcountorClient, credential: Credential) -> None:
    """Run one claimed export to its next state: map, look up when tried before, POST once."""
    tenant = export.tenant
    document = export.invoice.document
    reference = reference_of(tenant)
    mapped = map_invoice(document, settings_of(tenant), reference)
    if mapped.payload is None:
        exports.cannot_be_mapped(export, mapped.problems)
        return
    closed = period_problem(document.date, reference)
    if closed is not None:
        exports.park(export, ParkedReason.CLOSED_PERIOD, [closed])
        return
    try:
        client.authenticate()
        if export.attempts.exists() and _found(export, client, tenant):
            return
    except SecretUnreadable:
        exports.park(export, ParkedReason.CREDENTIAL, [Problem("credential_refused")])
        diagnosis.pause(tenant, PauseReason.CREDENTIAL)
        return
    except ProcountorError as error:
        _failed_before_post(export, tenant, error)
        return
    _post(export, client, credential, to_bytes(mapped.payload))


def _found(export: InvoiceExport, client: ProcountorClient, tenant: Tenant) -> bool:
    """Every attempt after the first looks up first. True when that settled the export."""
    if latest_reference_data(tenant).get("lookup_blind"):
        return exports.conflict(export, AttentionReason.LOOKUP_BLIND, Problem("lookup_blind"))
    return reconciliation.settle_finding(export, reconciliation.look_up(export, client))


def _failed_before_post(export: InvoiceExport, tenant: Tenant, error: ProcountorError) -> None:
    """Token or look-up failed; the invoice itself was not on its way."""
    if isinstance(error, CredentialRefused):
        exports.credential_refused(export, None, error)
        diagnosis.pause(tenant, PauseReason.CREDENTIAL)
    elif isinstance(error, Rejected):
        problem = Problem("lookup_refused", value=str(error.status or error.cause))
        exports.conflict(export, AttentionReason.LOOKUP_BLIND, problem)
    else:
        exports.not_submitted(export, None, error)


def _post(
    export: InvoiceExport, client: ProcountorClient, credential: Credential, body: bytes
) -> None:
    try:
        attempt = exports.open_attempt(export, body, credential)
    except exports.ClaimLost:
        logger.warning("claim of export %s was lost before its request left", export.pk)
        return
    try:
        created = client.create_invoice(body)
    except NotSubmitted as error:
        exports.not_submitted(export, attempt, error)
    except OutcomeUnknown as error:
        exports.unknown(export, attempt, error)
    except CredentialRefused as error:
        exports.credential_refused(export, attempt, error)
        diagnosis.pause(export.tenant, PauseReason.CREDENTIAL)
    except Rejected as error:
        _rejected(export, attempt, error)
    else:
        exports.accepted(export, attempt, created)


def _rejected(export: InvoiceExport, attempt: Any, error: Rejected) -> None:
    """403 on a POST means missing rights: it stops the lane once, and a second refusal of the
    same invoice, after a check found the rights in order, is the invoice's own problem. Without
    Procountor's list of errors the answer came from a gateway and proves nothing."""
    if not error.errors:
        exports.unknown(export, attempt, error)
        return
    before = export.attempts.filter(outcome=AttemptOutcome.CREDENTIAL_REFUSED, http_status=403)
    if error.status == 403 and not before.exists():
        exports.credential_refused(export, attempt, error)
        diagnosis.pause(export.tenant, PauseReason.RIGHTS)
    else:
        exports.refused(export, attempt, error)


def _read_back(tenant: Tenant) -> None:
    try:
        reconciliation.read_back(tenant.pk, client_for(tenant))
    except (ProcountorError, CredentialMissing, SecretUnreadable) as error:
        # Reading back proves what is already booked; it is tried again by the next run.
        logger.warning("reading back tenant %s failed: %s", tenant.pk, type(error).__name__)


def release_after_check(tenant: Tenant, check: ConnectionCheck) -> None:
    """A check that passed releases what waited for key or rights; one that saw the period open
    releases what waited for that."""
    if tenant.state == TenantState.ACTIVE:
        for reason in (ParkedReason.CREDENTIAL, ParkedReason.RIGHTS):
            exports.release_parked(tenant, reason)
    for start, end, is_open in check.reference_data.get("periods", []):
        if is_open:
            exports.release_parked(
                tenant, ParkedReason.CLOSED_PERIOD, invoice__date__range=(start, end)
            )
    if tenant.state == TenantState.ACTIVE and _next_due(tenant.pk) is not None:
        wake(tenant.pk)


def listen() -> None:
    """Hear of connection checks."""
    connection_checked.connect(_on_check, dispatch_uid="engine.connection_checked")


def _on_check(sender: Any, tenant: Tenant, check: ConnectionCheck, **kwargs: Any) -> None:
    release_after_check(tenant, check)
