"""Executes a plan in stages: one export, then five, then the rest, a window at a time; before,
makes on what is not made yet.

Every move is a conditional UPDATE committed with what it stands for, so that a worker may die
anywhere and tasks may come twice or never: whoever comes next goes on from the rows.
"""

from __future__ import annotations

import datetime as dt
import secrets
import time
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Count, F, Min, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext as _

from invoices import audit, engine, exports
from invoices.cause_models import ExportCause
from invoices.enums import ExportStatus
from invoices.models import InvoiceExport
from invoices.plan_models import BulkPlan, BulkPlanItem, ItemState, PlanState
from invoices.plans import making

S = ExportStatus
#: How many exports the first stages are of; the last is all the rest.
STAGES = {1: 1, 2: 5}
REST = 3
EQUAL_ERRORS = 3
#: Of the rest so many are in the queue at once: more would only have to be held back on a stop.
WINDOW = 200
#: One turn of a worker; the next is another task, so that one worker can also export.
_TURN_SECONDS = 2.0
_LOOK_SECONDS = 0.1
#: Without any movement for so long, only the schedule looks again.
_QUIET = dt.timedelta(seconds=30)
_LANDED = (S.SUBMITTED, S.RECONCILED)
_FAILED = (S.NEEDS_ATTENTION, S.PARKED)


class NotPossible(Exception):
    """The plan is not in a state for that; the text is for people."""


def start(plan: BulkPlan, *, by: Any, reason: str) -> None:
    """Begin. Raises NotPossible when it has begun, or is frozen no longer."""
    now = timezone.now()
    with transaction.atomic():
        begun = BulkPlan.objects.filter(
            pk=plan.pk, state=PlanState.FROZEN, expires_at__gt=now
        ).update(
            state=PlanState.RUNNING,
            stage=1,
            reason=reason[:500],
            started_by=by,
            started_at=now,
            resumed_at=now,
            moved_at=now,
        )
        if not begun:
            raise _refusal(plan)
        facts = {"plan": plan.pk, "filter": plan.filter_words, "reason": reason}
        audit.record("bulk.started", by=by, data=facts)


def _refusal(plan: BulkPlan) -> NotPossible:
    plan.refresh_from_db()
    if plan.is_expired:
        return NotPossible(_("The plan was frozen for 15 minutes, which are over: make it again."))
    return NotPossible(_("Nothing changed: somebody else was here first."))


def stop(plan: BulkPlan, *, by: Any) -> None:
    """Queue nothing more, and take back what nobody has taken up. Raises NotPossible."""
    if not _stop(plan, by=by, error={}):
        raise _refusal(plan)


def resume(plan: BulkPlan, *, by: Any) -> None:
    """Go on where it was stopped; the errors until now do not count any more. Raises
    NotPossible."""
    now = timezone.now()
    with transaction.atomic():
        if not BulkPlan.objects.filter(pk=plan.pk, state=PlanState.STOPPED).update(
            state=PlanState.RUNNING, resumed_at=now, moved_at=now, stopped_for={}
        ):
            raise _refusal(plan)
        audit.record("bulk.resumed", by=by, data={"plan": plan.pk})


def _stop(plan: BulkPlan, *, by: Any, error: dict[str, Any]) -> bool:
    now = timezone.now()
    with transaction.atomic():
        if not BulkPlan.objects.filter(pk=plan.pk, state=PlanState.RUNNING).update(
            state=PlanState.STOPPED, stopped_at=now, stopped_by=by, stopped_for=error
        ):
            return False
        held = _hold_back(plan, by)
        audit.record("bulk.stopped", by=by, data={"plan": plan.pk, "held_back": held} | error)
    return True


def _hold_back(plan: BulkPlan, by: Any) -> int:
    """What this plan queued and nobody has taken up waits for the resumption."""
    waiting = InvoiceExport.objects.filter(
        status=S.QUEUED,
        pk__in=plan.items.filter(state=ItemState.QUEUED).values("export"),
    )
    held = exports.hold_back(list(waiting), by=by)
    for export in held:
        plan.items.filter(export=export, state=ItemState.QUEUED).update(
            state=ItemState.PENDING, status=export.status, changed_at=export.changed_at, stage=None
        )
    return len(held)


def unfinished() -> list[int]:
    """Plans that are being made or run and that no worker has at the moment."""
    return list(_nobodys().values_list("pk", flat=True))


def _nobodys() -> QuerySet[BulkPlan]:
    now = timezone.now()
    open_ones = BulkPlan.objects.filter(state__in=(PlanState.MAKING, PlanState.RUNNING))
    return open_ones.filter(Q(lease_until=None) | Q(lease_until__lt=now))


def settle_stopped() -> int:
    """Note what has become of those that were under way when their plan was stopped."""
    stopped = BulkPlan.objects.filter(state=PlanState.STOPPED, items__state=ItemState.QUEUED)
    return sum(_settle(plan) for plan in stopped.distinct())


def advance(pk: int) -> bool:
    """Make or drive a plan for one turn; True when it is worth going on at once. Does nothing
    when another worker has it, or there is nothing to do."""
    holder = secrets.token_hex(16)
    lease_until = timezone.now() + dt.timedelta(seconds=settings.EXPORT_LANE_LEASE_SECONDS)
    if not _nobodys().filter(pk=pk).update(holder=holder, lease_until=lease_until):
        return False
    held = BulkPlan.objects.filter(pk=pk, holder=holder)
    try:
        return making.go_on(pk, _TURN_SECONDS) or _turn(pk)
    finally:
        held.update(holder="", lease_until=None)


def _turn(pk: int) -> bool:
    ends_at = time.monotonic() + _TURN_SECONDS
    while True:
        plan = BulkPlan.objects.select_related("started_by").get(pk=pk)
        if plan.state != PlanState.RUNNING:
            return False
        moved = _settle(plan)
        if error := repeated_error(plan):
            _stop(plan, by=None, error=error)
            return False
        moved = _feed(plan) or moved
        if moved:
            BulkPlan.objects.filter(pk=pk).update(moved_at=timezone.now())
        elif time.monotonic() >= ends_at:
            return plan.moved_at is None or timezone.now() - plan.moved_at < _QUIET
        else:
            time.sleep(_LOOK_SECONDS)


def _settle(plan: BulkPlan) -> int:
    """Note what has become of those under way; returns of how many something has."""
    under_way = plan.items.filter(state=ItemState.QUEUED)
    values: dict[str, Any] = {"settled_at": timezone.now()}
    landed = under_way.filter(export__status__in=_LANDED)
    count = _update(plan, landed, state=ItemState.LANDED, **values)
    skipped = under_way.filter(export__status=S.SKIPPED)
    count += _update(plan, skipped, state=ItemState.SKIPPED, **values)
    cause = ExportCause.objects.filter(export=OuterRef("export"), ended_at=None).order_by("pk")

    def of_cause(name: str) -> Any:
        return Coalesce(Subquery(cause.values(name)[:1]), Value(""))

    failed = under_way.filter(export__status__in=_FAILED)
    return count + _update(
        plan,
        failed,
        state=ItemState.FAILED,
        code=of_cause("code"),
        field=of_cause("field"),
        value=of_cause("value"),
        **values,
    )


def _update(plan: BulkPlan, items: Any, **values: Any) -> int:
    # By primary key: an UPDATE with a condition on another table joins it again for each row.
    keys = list(items.values_list("pk", flat=True))
    if not keys:
        return 0
    return plan.items.filter(pk__in=keys, state=ItemState.QUEUED).update(**values)


def repeated_error(plan: BulkPlan) -> dict[str, Any]:
    """The error that came `EQUAL_ERRORS` times since a person last started or resumed the plan;
    {} when none did."""
    counted = (
        # Not by when it is known: what was under way at a stop may be settled after resuming.
        plan.items.filter(state=ItemState.FAILED, queued_at__gte=plan.resumed_at)
        .order_by()
        .values("code", "field", "value")
        .annotate(count=Count("pk"), first=Min("pk"))
        .filter(count__gte=EQUAL_ERRORS)
        .order_by("first")
    )
    found = counted.first()
    if found is None:
        return {}
    return {name: found[name] for name in ("code", "field", "value")}


def _feed(plan: BulkPlan) -> bool:
    """Queue what is next; True when anything moved. A stage begins when nothing of the one
    before is under way."""
    with transaction.atomic():
        # Whoever stops the plan waits for the row, or was here before.
        plan = BulkPlan.objects.select_for_update(of=("self",)).get(pk=plan.pk)
        if plan.state != PlanState.RUNNING:
            return False
        under_way = plan.items.filter(state=ItemState.QUEUED).count()
        if plan.stage < REST:
            done = plan.items.filter(stage=plan.stage).exclude(state=ItemState.CHANGED).count()
            room = STAGES[plan.stage] - done
        else:
            room = WINDOW - under_way
            if room < WINDOW // 4:
                return False
        if room <= 0 and under_way:
            return False
        if room <= 0:
            BulkPlan.objects.filter(pk=plan.pk).update(stage=F("stage") + 1)
            return True
        items = list(plan.items.filter(state=ItemState.PENDING).order_by("pk")[:room])
        if not items:
            return _finish(plan) if not under_way else False
        _queue(plan, items)
    return True


def _queue(plan: BulkPlan, items: list[BulkPlanItem]) -> None:
    chosen = InvoiceExport.objects.filter(pk__in=[item.export_id for item in items])
    known = {item.export_id: item for item in items}
    planned = []
    for export in chosen.only("pk", "tenant_id", "invoice_id", "status", "changed_at"):
        item = known[export.pk]
        export.status, export.changed_at = item.status, item.changed_at
        planned.append(export)
    person = plan.started_by
    assert person is not None  # it runs
    moved = exports.queue_unchanged(planned, by=person, reason=plan.reason, note={"plan": plan.pk})
    keys = {export.pk for export in moved}
    now = timezone.now()
    pending = plan.items.filter(state=ItemState.PENDING)
    pending.filter(export__in=keys, pk__in=[item.pk for item in items]).update(
        state=ItemState.QUEUED, stage=plan.stage, queued_at=now
    )
    left = [item.pk for item in items if item.export_id not in keys]
    pending.filter(pk__in=left).update(state=ItemState.CHANGED, stage=plan.stage, settled_at=now)
    for tenant_pk in {export.tenant_id for export in moved}:
        engine.wake(tenant_pk)


def _finish(plan: BulkPlan) -> bool:
    if BulkPlan.objects.filter(pk=plan.pk, state=PlanState.RUNNING).update(
        state=PlanState.FINISHED, finished_at=timezone.now()
    ):
        counts = dict(plan.items.order_by().values_list("state").annotate(count=Count("pk")))
        audit.record("bulk.finished", by=plan.started_by, data={"plan": plan.pk} | counts)
    return True
