"""What each answer, or its absence, means for a step. Database only."""

from __future__ import annotations

import datetime as dt
import random
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from integrations.procountor import (
    CredentialRefused,
    NotSubmitted,
    OutcomeUnknown,
    ProcountorError,
)
from invoices import audit, wording
from invoices.document import Problem
from invoices.enums import AttemptOutcome, StepCallPurpose, StepKind, StepStatus
from invoices.exports.answers import evidence_of
from invoices.exports.attempts import next_lookup
from invoices.exports.steps.calls import StepAnswer, StepCall
from invoices.exports.steps.moves import move_step, postpone
from invoices.exports.steps.reading import DONE_STATUSES, Sight, facts, judged, unready
from invoices.models import InvoiceExport
from invoices.step_models import ExportStep, StepAttempt

S = StepStatus
#: A person is asked after this many lost answers of one step that had no effect.
_MAX_LOSSES = 3
#: A refused key is a matter for the lane; the step itself is not tried sooner than this.
_CREDENTIAL_WAIT = dt.timedelta(minutes=5)
#: Readings that must not show a step as done before it counts as not done.
_READS_NEEDED = 2


class Settled(StrEnum):
    """What the caller should know about its lane."""

    OK = "ok"
    LATE = "late"
    NOT_REACHED = "not_reached"
    CREDENTIAL_REFUSED = "credential_refused"


def settle(call: StepCall, answer: object | ProcountorError) -> Settled:
    """Close the attempt, once, and move the step, in one transaction.

    CREDENTIAL_REFUSED asks the caller to pause the lane, NOT_REACHED says that Procountor was
    not reached; the step waits then. LATE: the lease had run out, nothing was moved.
    Raises TypeError for what `ask` never gives.
    """
    with transaction.atomic():
        if not _close(call, answer):
            return Settled.LATE
        step = call.step
        if isinstance(answer, CredentialRefused):
            wait = timezone.now() + _CREDENTIAL_WAIT
            is_ours = answer.cause == "key_unreadable"
            code = "key_unreadable" if is_ours else "step_credential_refused"
            _wait_again(call, Problem(code), not_before=wait)
            return Settled.CREDENTIAL_REFUSED
        if isinstance(answer, ProcountorError):
            _failed(call, answer)
            reached = not isinstance(answer, NotSubmitted)
            return Settled.OK if reached else Settled.NOT_REACHED
        assert isinstance(answer, StepAnswer)
        _mirror(step, answer)
        if call.purpose == StepCallPurpose.ACT:
            _acted(call, answer)
        else:
            _seen(call, answer)
        return Settled.OK


def _close(call: StepCall, answer: object) -> bool:
    if isinstance(answer, ProcountorError):
        outcome, fields = _outcome(answer), evidence_of(answer)
    elif isinstance(answer, StepAnswer):
        fields = {"http_status": 200, "found": facts(answer)}
        outcome = AttemptOutcome.ACCEPTED
    else:
        raise TypeError(f"not an answer of a step: {type(answer).__name__}")
    if close_step_attempt(call.attempt_pk, outcome, **fields):
        wording.collect(call.step.export_id, fields.get("errors", ()))
        return True
    data = {
        "step": call.step.kind,
        "attempt": call.attempt_number,
        "outcome": str(outcome),
        "http_status": fields.get("http_status"),
    }
    audit.record("step.late_answer", export=call.step.export, data=data)
    return False


def close_step_attempt(pk: int, outcome: AttemptOutcome, **fields: Any) -> bool:
    """Close an attempt once; False when it was closed before."""
    still_open = StepAttempt.objects.filter(pk=pk, finished_at__isnull=True)
    return bool(still_open.update(finished_at=timezone.now(), outcome=outcome, **fields))


def _outcome(error: ProcountorError) -> AttemptOutcome:
    if isinstance(error, CredentialRefused):
        return AttemptOutcome.CREDENTIAL_REFUSED
    if isinstance(error, NotSubmitted):
        return AttemptOutcome.NOT_SUBMITTED
    unknown = isinstance(error, OutcomeUnknown)
    return AttemptOutcome.UNKNOWN if unknown else AttemptOutcome.REFUSED


def _mirror(step: ExportStep, answer: StepAnswer) -> None:
    if answer.invoice is not None:
        same = InvoiceExport.objects.filter(pk=step.export_id)
        same.update(remote_status=answer.invoice.status[:40])


def _acted(call: StepCall, answer: StepAnswer) -> None:
    """Answered with success. It is done when Procountor's copy shows it too: a page with status
    200 of a gateway in between would otherwise pass for the answer, and the invoice be lost."""
    shown = answer.invoice is not None and answer.invoice.status in DONE_STATUSES[call.kind]
    if shown or answer.attachment_id is not None:
        _done(call, answer)
    else:
        _in_doubt(call, Problem("step_not_seen"))


def _done(call: StepCall, answer: StepAnswer, **note: Any) -> None:
    move_step(call.step, S.DONE, note={"attempt": call.attempt_number} | note)
    if call.kind != StepKind.APPROVE or answer.invoice is None:
        return
    # The reading after approval is the one before sending, when it shows what sending needs.
    following = ExportStep.objects.filter(
        export_id=call.export_pk, kind=StepKind.SEND, status=S.WAITING, claim=""
    ).select_related("export")
    for send in following:
        if unready(send, answer.invoice)[0] == Sight.NOT_DONE:
            ExportStep.objects.filter(pk=send.pk, status=S.WAITING, claim="").update(
                checked_at=timezone.now()
            )


def _seen(call: StepCall, answer: StepAnswer) -> None:
    """Procountor's copy was read, before the step or to settle it."""
    step, settling = call.step, call.purpose == StepCallPurpose.SETTLE
    sight, problems = judged(step, answer, _last_act(step) if settling else None)
    if sight == Sight.DONE:
        _done(call, answer, seen=str(answer.invoice.status) if answer.invoice else "")
    elif sight == Sight.WRONG:
        _ask_a_person(step, *problems)
    elif settling:
        _not_shown(call)
    else:
        now = timezone.now()
        postpone(step, checked_at=now, not_before=now)


def _last_act(step: ExportStep) -> dt.datetime | None:
    """When the last call that may have had its effect began. The step's creation after a
    restored backup, whose attempts may be missing here."""
    acts = step.attempts.filter(purpose=StepCallPurpose.ACT).order_by("-number")
    last = acts.exclude(outcome=AttemptOutcome.NOT_SUBMITTED).first()
    return last.started_at if last else step.export.submitted_at


def _not_shown(call: StepCall) -> None:
    """In doubt, and Procountor does not show it as done."""
    step, last = call.step, call.step.attempts.filter(purpose=StepCallPurpose.ACT).last()
    if last is not None and last.outcome == AttemptOutcome.REFUSED:
        # Refused although the status is right: then it was the right that was missing.
        _ask_a_person(step, Problem(f"{call.kind}_rights"))
    elif step.reads + 1 < _READS_NEEDED:
        reads = step.reads + 1
        postpone(step, reads=reads, not_before=next_lookup(reads))
    elif call.kind == StepKind.SEND:
        _ask_a_person(step, Problem("send_not_shown"))
    elif step.losses >= _MAX_LOSSES:
        _ask_a_person(step, Problem("step_never_answered", value=str(step.losses)))
    else:
        # Reading twice showed that it had no effect. Approving delivers nothing to anybody, and
        # a file that is not listed is not there.
        now = timezone.now()
        move_step(step, S.WAITING, not_before=now, checked_at=now, reads=0)


def _failed(call: StepCall, error: ProcountorError) -> None:
    step = call.step
    if isinstance(error, NotSubmitted):
        _retry(call, error)
    elif isinstance(error, OutcomeUnknown):
        if call.purpose == StepCallPurpose.ACT:
            _in_doubt(call, Problem("step_no_answer", value=error.cause), losses=step.losses + 1)
        else:
            _retry(call, error)  # a reading changes nothing there, however it ended
    elif error.status == 404:
        _ask_a_person(step, Problem("step_invoice_gone", value=str(call.remote_id)))
    elif error.status == 403 and call.purpose == StepCallPurpose.ACT:
        # Rights or a wrong status, and Procountor does not say which: its copy does.
        _in_doubt(call, Problem("step_refused_403"), not_before=timezone.now())
    elif error.status == 403:
        _ask_a_person(step, Problem("step_read_refused"))
    else:
        listed = tuple(Problem(item.message[:200], place=item.field or "") for item in error.errors)
        _ask_a_person(
            step, *(listed or (Problem("step_refused", value=str(error.status or error.cause)),))
        )


def _in_doubt(call: StepCall, problem: Problem, **fields: Any) -> None:
    fields.setdefault("not_before", next_lookup(0))
    fields["reads"] = 0
    note = {"attempt": call.attempt_number}
    move_step(call.step, S.UNKNOWN, problems=(problem,), note=note, **fields)


def _retry(call: StepCall, error: ProcountorError) -> None:
    """Certainly not processed: again by the retry schedule, at its end a person is asked. A
    reading of something in doubt goes on for ever, at the schedule's longest wait."""
    step, schedule = call.step, settings.EXPORT_RETRY_SECONDS
    if step.retries >= len(schedule) and step.status != S.UNKNOWN:
        _ask_a_person(step, Problem("step_retries_exhausted", value=error.cause))
        return
    seconds = schedule[min(step.retries, len(schedule) - 1)] * random.uniform(0.9, 1.1)
    seconds = max(seconds, error.retry_after_seconds or 0)
    _wait_again(
        call,
        Problem("step_not_reached", value=error.cause),
        not_before=timezone.now() + dt.timedelta(seconds=seconds),
        retries=step.retries + 1,
    )


def _wait_again(call: StepCall, problem: Problem, **fields: Any) -> None:
    """The step waits as before; certainly nothing was changed in Procountor."""
    if call.purpose == StepCallPurpose.ACT:
        # What was read before is that much older: read it again.
        move_step(call.step, S.WAITING, problems=(problem,), checked_at=None, **fields)
    else:
        postpone(call.step, problems=[problem.as_json()], **fields)


def _ask_a_person(step: ExportStep, *problems: Problem) -> None:
    move_step(step, S.NEEDS_ATTENTION, problems=problems)
