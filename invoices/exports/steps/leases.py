"""Steps whose holder died, and steps after a restored backup: what may have happened is read."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from invoices.document import Problem
from invoices.enums import AttemptOutcome, StepStatus
from invoices.exports.attempts import next_lookup
from invoices.exports.steps.moves import move_step, postpone
from invoices.exports.steps.settling import close_step_attempt
from invoices.step_models import ExportStep

S = StepStatus


def expire_leases() -> int:
    """Take back what dead workers held: a running step becomes UNKNOWN, a reading is repeated.
    Returns how many."""
    overdue = ExportStep.objects.filter(lease_until__lt=timezone.now()).select_related("export")
    return sum(_give_up(step, "step_crashed", {}) for step in overdue)


def after_restore(by_note: str) -> int:
    """For a database that was put back to an earlier moment: whatever may have been done since
    becomes UNKNOWN, and is read before anything else. `by_note` says on whose word, for the
    audit trail. Returns how many became UNKNOWN."""
    in_doubt = 0
    with transaction.atomic():
        open_steps = ExportStep.objects.filter(status__in=(S.WAITING, S.RUNNING))
        for step in open_steps.select_related("export"):
            in_doubt += _give_up(step, "step_restored", {"note": by_note}, always=True)
        # Readings from before the restore do not count, nor do the claims of the past.
        in_question = ExportStep.objects.filter(status=S.UNKNOWN)
        for step in in_question.exclude(claim=""):
            _close_open(step, "step_restored")
        in_question.update(reads=0, claim="", lease_until=None)
    return in_doubt


def _give_up(step: ExportStep, why: str, note: dict[str, str], *, always: bool = False) -> bool:
    with transaction.atomic():
        if always or step.status == S.RUNNING:
            moved = move_step(
                step,
                S.UNKNOWN,
                problems=(Problem(why),),
                note=note,
                not_before=next_lookup(0),
                checked_at=None,
                reads=0,
                losses=step.losses + (step.status == S.RUNNING),
            )
        else:
            moved = postpone(step, not_before=timezone.now())
        if moved:
            _close_open(step, why)
        return moved


def _close_open(step: ExportStep, why: str) -> None:
    for pk in step.attempts.filter(finished_at__isnull=True).values_list("pk", flat=True):
        close_step_attempt(pk, AttemptOutcome.UNKNOWN, cause=why)
