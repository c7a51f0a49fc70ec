"""Finds what is due in a lane, claims it, commits its attempts and makes it ready to leave."""

from __future__ import annotations

import collections
import logging
import time

from django.conf import settings

from integrations.enums import PauseReason
from integrations.procountor import NotSubmitted, now
from invoices import credit_notes, exports, reconciliation
from invoices.document import InvoiceDocument, Problem
from invoices.engine.jobs import Job, Prepare, ReadBack, Settle, Step, Submit
from invoices.engine.lane import HeldLane
from invoices.engine.outbox import Outbox
from invoices.enums import AttentionReason, ExportStatus, ParkedReason
from invoices.exports import Due, steps
from invoices.mapping import map_invoice, period_problem, to_bytes
from invoices.models import InvoiceExport, SubmissionAttempt

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 0.1
_STEPS_SECONDS = 1.0
_NOTES_SECONDS = 0.5
#: As much is ready as leaves in this time, up to a number. What is ready when a worker is killed
#: has to be looked for in Procountor, so it is not more.
_AHEAD_SECONDS = 1.5
_MOST_AHEAD = 48
#: How many are read back with one request (REFERENCE section 7, batch get), and how long the
#: first of them waits for the others while more is being submitted.
_READ_BACK_AT_ONCE = 200
_READ_BACK_SECONDS = 5.0


class Filler:
    """Used by a worker's coordinator."""

    def __init__(self, outbox: Outbox, per_lane: int) -> None:
        self.outbox = outbox
        self.per_lane = per_lane
        #: Exports that were taken up and ended before any request.
        self.refused = 0
        self._returns: collections.deque[tuple[Job, str]] = collections.deque()

    def fill(self, lane: HeldLane) -> PauseReason | None:
        """Have enough ready that no sender waits for the database, and ask it for many at once.
        Returns why the lane must stop, if it must; a tenant that is not active just stops."""
        under_way = self.outbox.ready(lane) + self.outbox.in_flight(lane)
        ahead = max(2 * self.per_lane, min(_MOST_AHEAD, int(lane.rate() * _AHEAD_SECONDS)))
        room = self.per_lane + ahead - under_way
        if room < max(1, ahead // 2) or time.monotonic() < lane.look_at:
            return None
        if not lane.refresh():
            lane.stopped = True
            return PauseReason.CREDENTIAL if lane.credential is None else None
        if not lane.authenticated:
            if under_way:
                return None
            room = 1
        found = self._steps(lane, max(1, room // 2))
        found += self._look_for_lost(lane, room - found) if found < room else 0
        if found < room:
            found += self._queued(lane, room - found)
        if not found:
            found += self._release_notes(lane)
        self._read_back(lane, idle=not found)
        if not found:
            lane.look_at = time.monotonic() + _LOOK_SECONDS
        return None

    def _steps(self, lane: HeldLane, room: int) -> int:
        """Calls of what follows submitting: not looked for with every batch."""
        if time.monotonic() < lane.steps_at:
            return 0
        calls = steps.due(lane.pk, room) if steps.any_due(lane.pk) else []
        for call in calls:
            self.put(Step(lane=lane, call=call))
        idle_seconds = _LOOK_SECONDS if not lane.jobs else _STEPS_SECONDS
        lane.steps_at = time.monotonic() + (0.0 if calls else idle_seconds)
        return len(calls)

    def _look_for_lost(self, lane: HeldLane, room: int) -> int:
        if not lane.ask_for_unknown() or not exports.any_due(lane.pk, ExportStatus.UNKNOWN):
            return 0
        lost = exports.due(lane.pk, ExportStatus.UNKNOWN, room, but=lane.busy)
        for export in lost:
            if lane.blind:
                reconciliation.cannot_look(export)
                self.refused += 1
            else:
                self.put(Settle(lane=lane, export=export))
        return len(lost)

    def _queued(self, lane: HeldLane, room: int) -> int:
        if lane.credential is None:
            return 0
        found = exports.due_to_submit(lane.pk, lane.credential.pk, lane.basis, room)
        lane.has_more = len(found) == room
        notes = [due.export.pk for due in found if due.is_credit_note]
        waiting = credit_notes.waiting(lane.pk, notes) if notes else {}
        ready: list[tuple[InvoiceExport, bytes]] = []
        for due in found:
            if number := waiting.get(due.export.pk):
                self._let_wait(lane, due.export, number)
                continue
            body = self._body(lane, due)
            if body is None:
                self.refused += 1
            elif lane.authenticated and not due.tried:
                ready.append((due.export, body))
            else:
                self._prepare(lane, due.export, body, due.tried)
        if ready:
            for export, attempt in exports.claim_and_open(ready, lane.credential):
                self._submit(lane, export, attempt)
        return len(found)

    def _let_wait(self, lane: HeldLane, export: InvoiceExport, number: str) -> None:
        for taken in exports.claim([export]):
            lane.notes_wait |= credit_notes.park(taken, number)
        self.refused += 1

    def _release_notes(self, lane: HeldLane) -> int:
        """What was parked in this turn for an invoice that was on its way, before the sweep."""
        if not lane.notes_wait or time.monotonic() < lane.notes_at:
            return 0
        lane.notes_at = time.monotonic() + _NOTES_SECONDS
        lane.notes_wait = bool(lane.jobs)
        return credit_notes.release(lane.pk)

    def _body(self, lane: HeldLane, due: Due) -> bytes | None:
        """The bytes to POST; None when the export was moved on without any request."""
        try:
            body, problems = _mapped(lane, due)
            closed = period_problem(due.date, lane.reference)
            if body is not None and closed is None:
                return body
        except Exception as error:
            # One invoice that no rule foresaw must not stop its lane, and must not be lost.
            logger.exception("export %s cannot be mapped", due.export.pk)
            problems = (Problem("engine_failed", value=type(error).__name__),)
        for taken in exports.claim([due.export]):
            if problems:
                exports.cannot_be_mapped(taken, problems)
            elif closed is not None:
                exports.park(taken, ParkedReason.CLOSED_PERIOD, [closed])
        return None

    def _prepare(self, lane: HeldLane, export: InvoiceExport, body: bytes, tried: bool) -> None:
        for taken in exports.claim([export]):
            if tried and lane.blind:
                problem = Problem("lookup_blind")
                exports.conflict(taken, AttentionReason.LOOKUP_BLIND, problem)
                self.refused += 1
            else:
                self.put(Prepare(lane=lane, export=taken, body=body, look=tried))

    def post(self, job: Prepare) -> None:
        """Commit the attempt of an export that was prepared, and let it leave next."""
        credential = job.lane.credential
        if credential is None or job.lane.stopped:
            exports.give_back(job.export, None, "lane_stopped")
            return
        try:
            attempt = exports.open_attempt(job.export, job.body, credential)
        except exports.ClaimLost:
            logger.warning("claim of export %s was lost before its request left", job.export.pk)
            return
        self._submit(job.lane, job.export, attempt, first=True)

    def _submit(
        self,
        lane: HeldLane,
        export: InvoiceExport,
        attempt: SubmissionAttempt,
        *,
        first: bool = False,
    ) -> None:
        job = Submit(lane=lane, export=export, attempt=attempt, leave_by=now() + leave_seconds())
        self.put(job, first=first)

    def _read_back(self, lane: HeldLane, *, idle: bool) -> None:
        if lane.reading or (not lane.authenticated and (lane.jobs or not idle)):
            return  # one job buys the access token, not several at once
        waited = time.monotonic() - lane.read_back_at
        enough = lane.accepted >= _READ_BACK_AT_ONCE or waited > _READ_BACK_SECONDS
        if not (enough or (idle and not self.outbox.in_flight(lane))):
            return
        lane.accepted, lane.read_back_at = 0, time.monotonic()
        submitted = exports.due(lane.pk, ExportStatus.SUBMITTED, _READ_BACK_AT_ONCE)
        if submitted:
            lane.reading = True
            self.put(ReadBack(lane=lane, submitted=submitted))

    def put(self, job: Job, *, first: bool = False) -> None:
        """Make a job ready."""
        job.lane.jobs += 1
        job.lane.busy.update(export.pk for export in job.exports)
        job.lane.last_work_at = time.monotonic()
        self.outbox.put(job, first=first)

    def give_back(self, jobs: list[Job], why: str) -> None:
        """What was ready and did not leave is as it was before."""
        self._returns.extend((job, why) for job in jobs)
        self.finish_returns()

    def finish_returns(self) -> None:
        """Go on where a failing database ended it."""
        while self._returns:
            job, why = self._returns[0]
            if isinstance(job, Submit):
                exports.give_back(job.export, job.attempt, why)
            elif isinstance(job, Prepare):
                exports.give_back(job.export, None, why)
            elif isinstance(job, Step):
                steps.settle(job.call, NotSubmitted(why))
            self._returns.popleft()
            job.lane.jobs -= 1
            job.lane.reading = job.lane.reading and not isinstance(job, ReadBack)
            job.lane.busy.difference_update(export.pk for export in job.exports)


def _mapped(lane: HeldLane, due: Due) -> tuple[bytes | None, tuple[Problem, ...]]:
    """The payload that was prepared at intake, or else a new one, or what is wrong."""
    if due.body is not None:
        return due.body, ()
    document = InvoiceDocument.model_validate(due.content)
    mapped = map_invoice(document, lane.settings, lane.reference)
    return to_bytes(mapped.payload) if mapped.payload else None, mapped.problems


def leave_seconds() -> float:
    """How long after its claim a request may still leave: it must be over, with all its parts
    (a POST and its repeat after a 401, each with a token request), before the claim is."""
    lease = float(settings.EXPORT_LEASE_SECONDS)
    return max(lease - 4 * float(settings.PROCOUNTOR_TOTAL_TIMEOUT_SECONDS), lease / 4)
