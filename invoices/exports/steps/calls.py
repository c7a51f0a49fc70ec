"""Claims of steps, and the calls they lead to: the request belongs to a sender thread, all
database work around it to the coordinator."""

from __future__ import annotations

import datetime as dt
import secrets
import uuid
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from integrations.enums import TenantState
from integrations.models import Tenant
from integrations.procountor import (
    InvoiceTransaction,
    ProcountorClient,
    ProcountorError,
    RemoteInvoice,
    now,
)
from invoices import audit
from invoices.enums import AttemptTrigger, StepCallPurpose, StepKind, StepStatus
from invoices.exports.attempts import lease_end
from invoices.exports.steps.planning import callable_steps
from invoices.models import InvoiceExport
from invoices.pdf import CONTENT_TYPE
from invoices.step_models import ExportStep, StepAttempt

#: Before a step Procountor's copy must have been read and found right within this time.
FRESH = dt.timedelta(minutes=10)
#: Files held in memory by the calls of one claim.
_MAX_BYTES_AT_ONCE = 30_000_000


@dataclass(frozen=True)
class StepAnswer:
    """What Procountor said. `invoice` is None when it was not read, or when the reading that
    follows a successful step failed (`read_error`)."""

    invoice: RemoteInvoice | None = None
    transactions: tuple[InvoiceTransaction, ...] = ()
    attachment_id: int | None = None
    read_error: str = ""


@dataclass(frozen=True)
class StepCall:
    """One claimed call. `attempt_pk` is committed; `ask` makes its requests and nothing else."""

    step: ExportStep
    attempt_pk: int
    attempt_number: int
    purpose: StepCallPurpose
    remote_id: int
    #: By `transport.now()`: after this the claim may soon be somebody else's.
    leave_by: float
    name: str = ""
    content: bytes = b""

    @property
    def export_pk(self) -> int:
        return self.step.export_id

    @property
    def kind(self) -> StepKind:
        return StepKind(self.step.kind)

    def ask(self, client: ProcountorClient) -> StepAnswer:
        """Make the call. HTTP only, in any thread. Raises ProcountorError; a step that went
        through is never an error because the reading after it failed."""
        if self.purpose != StepCallPurpose.ACT:
            return self._read(client)
        if self.kind == StepKind.ATTACH:
            attachment_id = client.add_attachment(
                self.remote_id,
                self.name,
                self.content,
                CONTENT_TYPE,
                send_with_invoice=True,
                leave_by=self.leave_by,
            )
            return StepAnswer(attachment_id=attachment_id)
        if self.kind == StepKind.APPROVE:
            client.approve(self.remote_id, leave_by=self.leave_by)
        else:
            client.send(self.remote_id, leave_by=self.leave_by)
        try:
            return StepAnswer(client.get_invoice(self.remote_id))
        except ProcountorError as error:
            return StepAnswer(read_error=error.cause)

    def _read(self, client: ProcountorClient) -> StepAnswer:
        invoice = client.get_invoice(self.remote_id)
        if self.kind != StepKind.SEND:
            return StepAnswer(invoice)
        return StepAnswer(invoice, tuple(client.transactions(self.remote_id)))


def due(tenant_pk: int, limit: int) -> list[StepCall]:
    """Claim the tenant's due steps, longest due first, and commit an attempt for each.

    A step is taken by a conditional UPDATE. What is in doubt, or was not read lately, is only
    read. Not to be called inside a transaction: the attempts must be committed on return.
    """
    moment = timezone.now()
    with transaction.atomic():
        # Whoever ends the connection waits for this lock, and then counts what was claimed.
        active = Tenant.objects.filter(pk=tenant_pk, state=TenantState.ACTIVE)
        if not list(active.select_for_update(no_key=True).values_list("pk")):
            return []
        ready = callable_steps().filter(tenant_id=tenant_pk, not_before__lte=moment)
        pks = list(ready.order_by("not_before", "pk").values_list("export_id", flat=True)[:limit])
        # The export's row is what adding an attachment locks too.
        free = InvoiceExport.objects.filter(pk__in=pks).select_for_update(skip_locked=True)
        locked = set(free.values_list("pk", flat=True))
        steps = (
            ready.filter(export_id__in=locked)
            .select_related("export", "attachment")
            .defer("attachment__content")
            .order_by("not_before", "pk")[:limit]
        )
        calls: list[StepCall] = []
        held_bytes = 0
        for step in steps:
            size = step.attachment.size if step.attachment and _purpose(step) == "act" else 0
            if calls and held_bytes + size > _MAX_BYTES_AT_ONCE:
                continue
            held_bytes += size
            call = _claimed(step)
            if call is not None:
                calls.append(call)
        return calls


def _purpose(step: ExportStep) -> StepCallPurpose:
    if step.status == StepStatus.UNKNOWN:
        return StepCallPurpose.SETTLE
    if step.checked_at is None or step.checked_at < timezone.now() - FRESH:
        return StepCallPurpose.CHECK
    return StepCallPurpose.ACT


def _leave_seconds() -> float:
    """How long after its claim a request may still leave: it must be over, with the repeat after
    a 401 and the token requests, before the claim is."""
    lease = float(settings.EXPORT_LEASE_SECONDS)
    return max(lease - 4 * float(settings.PROCOUNTOR_TOTAL_TIMEOUT_SECONDS), lease / 4)


def _claimed(step: ExportStep) -> StepCall | None:
    # Taken before the lease begins, so that it never outlasts it.
    leave_by = now() + _leave_seconds()
    purpose, token, lease_until = _purpose(step), secrets.token_hex(16), lease_end()
    status = StepStatus.RUNNING if purpose == StepCallPurpose.ACT else StepStatus(step.status)
    taken = ExportStep.objects.filter(pk=step.pk, status=step.status, claim="").update(
        status=status, claim=token, lease_until=lease_until, changed_at=timezone.now()
    )
    if not taken:
        return None
    old, step.status, step.claim, step.lease_until = step.status, status, token, lease_until
    attempt = _attempt(step, purpose)
    if status != old:
        data = {"step": step.kind, "from": str(old), "attempt": attempt.number}
        audit.record("step.running", export=step.export, data=data)
    file = step.attachment if purpose == StepCallPurpose.ACT else None
    return StepCall(
        step=step,
        attempt_pk=attempt.pk,
        attempt_number=attempt.number,
        purpose=purpose,
        remote_id=step.export.remote_id or 0,
        leave_by=leave_by,
        name=file.name if file else "",
        content=bytes(file.content) if file else b"",
    )


def _attempt(step: ExportStep, purpose: StepCallPurpose) -> StepAttempt:
    person = step.triggered_by_id
    return StepAttempt.objects.create(
        step=step,
        number=step.attempts.count() + 1,
        purpose=purpose,
        trigger=AttemptTrigger.PERSON if person else AttemptTrigger.AUTOMATIC,
        triggered_by_id=person,
        reason=step.trigger_reason,
        correlation_id=uuid.uuid4(),
        software_version=settings.SOFTWARE_VERSION,
        started_at=timezone.now(),
    )
