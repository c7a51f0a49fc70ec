"""What the answers of the requests mean: in the coordinator, database work only.

Every function is repeatable: when the database fails in the middle, the same answer is settled
again, and what was settled already is left as it is.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from integrations import key_uses
from integrations.enums import PauseReason
from integrations.key_use_models import KeyUse
from integrations.procountor import (
    CredentialRefused,
    NotSubmitted,
    OutcomeUnknown,
    ProcountorError,
    Rejected,
)
from integrations.secrets import SecretUnreadable
from invoices import exports, reconciliation
from invoices.document import Problem
from invoices.engine.jobs import Job, Prepare, ReadBack, Settle, Step, Submit
from invoices.enums import (
    AttemptOutcome,
    AttentionReason,
    LookUpPurpose,
    LookUpVerdict,
    ParkedReason,
)
from invoices.exports import steps
from invoices.models import InvoiceExport

logger = logging.getLogger(__name__)


def accepted(jobs: Sequence[Submit]) -> None:
    """Many POSTs that were answered with an id."""
    exports.accepted([(job.export, job.attempt, job.answer) for job in jobs])


def submitted(job: Submit) -> PauseReason | None:
    """One POST that was not accepted; returns why the tenant's lane must stop, if it must."""
    export, attempt, answer = job.export, job.attempt, job.answer
    if isinstance(answer, NotSubmitted) and answer.cause == "too_late":
        exports.give_back(export, attempt, answer.cause)
    elif isinstance(answer, SecretUnreadable):
        exports.give_back(export, attempt, "key_unreadable")
        return PauseReason.UNREADABLE
    elif isinstance(answer, NotSubmitted):
        exports.not_submitted(export, attempt, answer)
    elif isinstance(answer, OutcomeUnknown):
        exports.unknown(export, attempt, answer)
    elif isinstance(answer, CredentialRefused):
        exports.credential_refused(export, attempt, answer)
        return PauseReason.CREDENTIAL
    elif isinstance(answer, Rejected):
        return _rejected(job, answer)
    else:
        raise TypeError(f"no rule for {answer!r}")
    return None


def _rejected(job: Submit, error: Rejected) -> PauseReason | None:
    """403 on a POST means missing rights: it stops the lane once, and a second refusal of the
    same invoice, after a check found the rights in order, is the invoice's own problem. Without
    Procountor's list of errors the answer came from a gateway and proves nothing."""
    if not error.errors:
        exports.unknown(job.export, job.attempt, error)
        return None
    before = job.export.attempts.filter(outcome=AttemptOutcome.CREDENTIAL_REFUSED, http_status=403)
    if error.status == 403 and not before.exists():
        exports.credential_refused(job.export, job.attempt, error)
        return PauseReason.RIGHTS
    exports.refused(job.export, job.attempt, error)
    return None


def prepared(job: Prepare) -> tuple[bool, PauseReason | None]:
    """Whether the POST may follow, and why the lane must stop, if it must. An invoice that was
    tried before was looked for: what is found is adopted or held."""
    export, answer = job.export, job.answer
    if isinstance(answer, reconciliation.Reply):
        finding = reconciliation.record(export, LookUpPurpose.BEFORE_SUBMIT, answer, job.body)
        if answer.error is None:
            absent = finding.verdict == LookUpVerdict.ABSENT
            if not absent:
                reconciliation.settle_finding(export, finding, answer)
            return absent, None
        answer = answer.error
    if answer is None:
        return True, None
    return False, _failed_before_post(export, answer)


def _failed_before_post(
    export: InvoiceExport, error: ProcountorError | SecretUnreadable
) -> PauseReason | None:
    """Token or look-up failed; the invoice itself was not on its way."""
    if isinstance(error, SecretUnreadable):
        exports.park(export, ParkedReason.CREDENTIAL, [Problem("key_unreadable")])
        return PauseReason.UNREADABLE
    if isinstance(error, CredentialRefused):
        exports.credential_refused(export, None, error)
        return PauseReason.CREDENTIAL
    if isinstance(error, Rejected):
        problem = Problem("lookup_refused", value=str(error.status or error.cause))
        exports.conflict(export, AttentionReason.LOOKUP_BLIND, problem)
    else:
        exports.not_submitted(export, None, error)
    return None


def settled(job: Settle) -> PauseReason | None:
    """A look-up of an export whose answer was lost. One with a refused key proves nothing: the
    export stays as it is, and the lane stops."""
    if isinstance(job.answer, SecretUnreadable):
        exports.look_again(job.export, counted=False)
        return PauseReason.UNREADABLE
    reconciliation.settle_unknown(job.export, job.answer)
    return PauseReason.CREDENTIAL if isinstance(job.error, CredentialRefused) else None


def stepped(job: Step) -> PauseReason | None:
    """A call of what follows submitting."""
    answer = job.answer
    if isinstance(answer, SecretUnreadable):
        answer = CredentialRefused("key_unreadable")
    settled = steps.settle(job.call, answer)
    if settled != steps.Settled.CREDENTIAL_REFUSED:
        return None
    is_ours = isinstance(job.answer, SecretUnreadable)
    return PauseReason.UNREADABLE if is_ours else PauseReason.CREDENTIAL


def set_aside(job: Job) -> None:
    """An answer that no rule foresaw: what has no claim that runs out is asked again later."""
    if isinstance(job, ReadBack):
        exports.read_later(job.submitted)
    elif isinstance(job, Settle):
        exports.look_again(job.export, counted=False)


def read_back(job: ReadBack) -> PauseReason | None:
    """Procountor's own copies of what was submitted, or that they could not be read."""
    if not isinstance(job.answer, list):
        # Reading back proves what is already booked, so nothing hangs on it: later again.
        logger.warning("reading back lane %s failed: %r", job.lane.pk, job.answer)
        exports.read_later(job.submitted)
        if isinstance(job.answer, SecretUnreadable):
            return PauseReason.UNREADABLE
        if job.lane.credential is not None:
            # One that succeeds is in the audit trail.
            key_uses.note(job.lane.credential, KeyUse.Kind.READ_BACK)
        return PauseReason.CREDENTIAL if isinstance(job.answer, CredentialRefused) else None
    reconciliation.read_back(job.submitted, job.answer)
    return None
