"""The table of a step's moves, and the one place that changes its status."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from invoices import audit
from invoices.document import Problem
from invoices.enums import StepKind, StepStatus
from invoices.step_models import ExportStep

S = StepStatus
ALLOWED_STEP_MOVES: dict[StepStatus, frozenset[StepStatus]] = {
    # Without running when a reading shows that it is done, or cannot be done; to UNKNOWN only
    # after a restored backup.
    S.WAITING: frozenset({S.RUNNING, S.DONE, S.NEEDS_ATTENTION, S.SKIPPED, S.UNKNOWN}),
    S.RUNNING: frozenset({S.DONE, S.WAITING, S.UNKNOWN, S.NEEDS_ATTENTION}),
    S.UNKNOWN: frozenset({S.DONE, S.WAITING, S.NEEDS_ATTENTION, S.SKIPPED}),
    S.NEEDS_ATTENTION: frozenset({S.WAITING, S.SKIPPED}),
    S.DONE: frozenset(),
    S.SKIPPED: frozenset(),
}
FINISHED = (S.DONE, S.SKIPPED)
#: In doubt, a person may leave a step; a running one is waited for.
SKIPPABLE_STEPS = (S.WAITING, S.UNKNOWN, S.NEEDS_ATTENTION)


def allowed(kind: StepKind, old: StepStatus, new: StepStatus) -> bool:
    """Sending that may have happened is never repeated by the program: only a person leads it
    from in doubt back to waiting."""
    if kind == StepKind.SEND and (old, new) == (S.UNKNOWN, S.WAITING):
        return False
    return new in ALLOWED_STEP_MOVES[old]


def move_step(
    step: ExportStep,
    new: StepStatus,
    *,
    by: User | None = None,
    note: dict[str, Any] | None = None,
    problems: tuple[Problem, ...] = (),
    **fields: Any,
) -> bool:
    """Move a step from the status and claim that `step` has to `new`, with its audit event, in
    one transaction.

    False, having changed nothing, when the row is no longer so: somebody else got there first.
    Raises ValueError for a move that is not allowed. Times are aware.
    """
    old, kind = StepStatus(step.status), StepKind(step.kind)
    if not allowed(kind, old, new):
        raise ValueError(f"{old} -> {new} is not an allowed move of a step to {kind}")
    now = timezone.now()
    values = {
        "status": new,
        "problems": [problem.as_json() for problem in problems],
        "not_before": None,
        "claim": "",
        "lease_until": None,
        "changed_at": now,
    } | fields
    data: dict[str, Any] = {"step": step.kind, "from": str(old)}
    if problems:
        data["codes"] = [problem.code for problem in problems]
    with transaction.atomic():
        same = ExportStep.objects.filter(pk=step.pk, status=old, claim=step.claim)
        if not same.update(**values):
            return False
        audit.record(f"step.{new}", export=step.export, by=by, data=data | (note or {}))
    for name, value in values.items():
        setattr(step, name, value)
    return True


def postpone(step: ExportStep, **fields: Any) -> bool:
    """Give back a claim without a move: the step is as before, and due again at `not_before`."""
    same = ExportStep.objects.filter(pk=step.pk, status=step.status, claim=step.claim)
    return bool(same.update(claim="", lease_until=None, changed_at=timezone.now(), **fields))
