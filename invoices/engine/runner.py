"""A worker at its exports: one coordinator does all database work, threads make the requests.

The coordinator takes lanes, claims due exports in batches, commits their attempts, and settles
answers in batches; the threads only send. So the database sees one connection and few, large
transactions, and a request never waits for one. Why this shape: README, "The worker's shape".
"""

from __future__ import annotations

import collections.abc
import contextlib
import logging
import queue
import secrets
import sys
import time
from math import ceil

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection

from integrations import diagnosis, outages
from integrations.enums import PauseReason
from invoices.engine import draining, lanes, settling, waking
from invoices.engine.filling import Filler
from invoices.engine.jobs import Job, Prepare, Probe, ReadBack, Settle, Step, Submit
from invoices.engine.lane import HeldLane
from invoices.engine.outbox import Outbox
from invoices.engine.senders import Senders

logger = logging.getLogger(__name__)

#: After this a worker gives its lanes up and asks for another turn, so that other tasks have one.
_SLICE_SECONDS = 60.0
_LOOK_SECONDS = 0.1
_PACE_SECONDS = 0.05
_BUSY_SECONDS = 0.5
_CIRCUIT_SECONDS = 0.5
_HELP_SECONDS = 1.0
_GATHER_SECONDS = 0.4
_LOOK_FOR_ANSWERS_SECONDS = 0.05
_SWITCH_SECONDS = 0.0005


class Runner:
    """One drain of due exports, of all tenants or `only` of one."""

    def __init__(self, only: int | None = None) -> None:
        self.holder = secrets.token_hex(16)
        self.only = only
        self.most = settings.EXPORT_REQUESTS_IN_FLIGHT
        self.per_lane = min(self.most, settings.EXPORT_REQUESTS_IN_FLIGHT_PER_TENANT)
        self.outbox = Outbox(per_lane=self.per_lane)
        self.senders = Senders(self.outbox, self.most)
        self.filler = Filler(self.outbox, self.per_lane)
        self.lanes: dict[int, HeldLane] = {}
        self.tallies: dict[str, outages.Tally] = {}
        #: Environments in an outage, and those of them that this worker probes.
        self.closed: set[str] = set()
        self.probing: set[str] = set()
        self._answered: collections.deque[Job] = collections.deque()
        self._worked = 0
        self._started_at = self._last_work_at = time.monotonic()
        self._take_at = self._renew_at = self._circuits_at = self._help_at = 0.0
        self._failing_since = 0.0

    def run(self) -> int:
        """Work until nothing is due, the worker is to stop, or its time is over; returns how
        many exports were taken up."""
        interval = sys.getswitchinterval()
        # Else every thread with an answer may wait 5 ms for the coordinator at each of its steps.
        sys.setswitchinterval(_SWITCH_SECONDS)
        try:
            while self._survive(self._step):
                pass
        finally:
            try:
                self._end()
            finally:
                sys.setswitchinterval(interval)
        return self._worked + self.filler.refused

    @property
    def is_over(self) -> bool:
        """Whether its time was over before its work was."""
        return time.monotonic() - self._started_at > _SLICE_SECONDS

    def _step(self) -> bool:
        if draining.is_wanted() or self.is_over:
            return False
        self.filler.finish_returns()
        self._renew_lanes()
        self._take_lanes()
        self._look_at_circuits()
        for lane in list(self.lanes.values()):
            self._fill(lane)
            # Not only once in each round: turns that are not used in time are lost, and what is
            # ready must not wait for one while the database is at work.
            self.outbox.refill_turns()
            self.senders.grow(self._under_way())
        under_way = self._under_way()
        now = time.monotonic()
        if under_way:
            self._last_work_at = now
        elif self._has_lingered(now) and not self._is_due():
            return False
        self._collect(_PACE_SECONDS if under_way else _LOOK_SECONDS)
        self.outbox.refill_turns()
        self._settle()
        return True

    def _survive(self, step: collections.abc.Callable[[], bool]) -> bool:
        """One step; a database that fails is waited for, because answers are in hand that must
        not be lost. Raises what it failed with when it does not come back within a lease."""
        try:
            goes_on = step()
        except (OperationalError, InterfaceError) as error:
            now = time.monotonic()
            self._failing_since = self._failing_since or now
            if now - self._failing_since > settings.EXPORT_LEASE_SECONDS:
                raise
            logger.warning("the database failed: %s", type(error).__name__)
            connection.close()
            time.sleep(_LOOK_SECONDS)
            return True
        self._failing_since = 0.0
        return goes_on

    # Lanes

    def _under_way(self) -> int:
        return sum(lane.jobs for lane in self.lanes.values())

    def _has_lingered(self, now: float) -> bool:
        """Who has no lane does not wait for more work: another has them all."""
        return not self.lanes or now - self._last_work_at >= settings.EXPORT_LINGER_SECONDS

    def _is_due(self) -> bool:
        """Whether something can be worked on at once, here or in a lane that nobody has."""
        now = time.monotonic()
        for lane in self.lanes.values():
            blocked = lane.stopped or lane.environment in self.closed
            if not blocked and lane.look_at <= now:
                return True
        self._take_at = 0.0
        return lanes.available(self.only).exists()

    def _usage(self) -> int:
        """How many requests the lanes in hand can keep under way."""
        return sum(
            self.per_lane
            if lane.has_more and not lane.stopped
            else min(self.per_lane, self.outbox.ready(lane) + self.outbox.in_flight(lane))
            for lane in self.lanes.values()
        )

    def _take_lanes(self) -> None:
        now = time.monotonic()
        if now < self._take_at:
            return
        self._take_at = now + (_LOOK_SECONDS if not self._under_way() else _BUSY_SECONDS)
        self._release_idle(now)
        room = ceil((self.most - self._usage()) / self.per_lane)
        if room <= 0:
            self._make_room(now)
            return
        for tenant in lanes.take(self.holder, room, self.only):
            if tenant.pk in self.lanes:
                continue
            held = HeldLane(tenant, on_rate_limit=self._drop_turns)
            self.lanes[tenant.pk] = held
            self._circuits_at = 0.0

    def _release_idle(self, now: float) -> None:
        for lane in list(self.lanes.values()):
            if lane.jobs:
                continue
            if lane.stopped or now - lane.last_work_at > settings.EXPORT_LINGER_SECONDS:
                self._release(lane)

    def _make_room(self, now: float) -> None:
        """All hands are full: when other lanes wait, another worker is called, and the lane
        served longest ends its turn."""
        if now < self._help_at:
            return
        self._help_at = now + _HELP_SECONDS
        if not lanes.due_tenants().exists():
            return
        waking.call_for_help()
        longest = min(self.lanes.values(), key=lambda lane: lane.taken_at)
        if now - longest.taken_at >= settings.EXPORT_LANE_SLICE_SECONDS:
            # What is ready still leaves; only nothing more is claimed.
            longest.stopped = True

    def _release(self, lane: HeldLane) -> None:
        lanes.release(self.holder, lane.pk)
        self.lanes.pop(lane.pk, None)

    def _renew_lanes(self) -> None:
        now = time.monotonic()
        if now < self._renew_at or not self.lanes:
            return
        self._renew_at = now + lanes.lease().total_seconds() / 4
        mine = lanes.renew(self.holder, list(self.lanes))
        for pk, lane in self.lanes.items():
            if pk not in mine:
                # Stopped for longer than its lease: another worker may have the lane.
                lane.stopped = True

    def _fill(self, lane: HeldLane) -> None:
        if lane.stopped or lane.environment in self.closed:
            return
        reason = self.filler.fill(lane)
        if reason is not None:
            self._stop(lane, reason)

    def _stop(self, lane: HeldLane, reason: PauseReason | None) -> None:
        """Submit nothing more of this tenant, and pause it when there is a reason to."""
        if reason:
            diagnosis.pause(lane.tenant, reason)
        lane.stopped = True
        self._give_back(lane, "lane_stopped")

    def _give_back(self, lane: HeldLane, why: str) -> None:
        self.filler.give_back(self.outbox.withdraw(lane), why)

    # Outages and limits

    def _drop_turns(self) -> None:
        for turns in list(self.outbox.turns.values()):
            turns.drop()

    def _look_at_circuits(self) -> None:
        now = time.monotonic()
        if now < self._circuits_at:
            return
        self._circuits_at = now + _CIRCUIT_SECONDS
        for environment in {lane.environment for lane in self.lanes.values()}:
            allowed = outages.allowed_in_flight(environment)
            if allowed == 0:
                self.closed.add(environment)
                self._wait_out(environment)
                allowed = 1 if environment in self.probing else 0
            else:
                self.closed.discard(environment)
            self.outbox.allowed[environment] = allowed

    def _wait_out(self, environment: str) -> None:
        """An outage: what has not left is given back, and one worker probes now and then."""
        if environment in self.probing:
            return
        held = [lane for lane in self.lanes.values() if lane.environment == environment]
        for lane in held:
            self._give_back(lane, "outage")
        ready = [lane for lane in held if not lane.stopped and lane.refresh()]
        if ready and outages.claim_probe(environment):
            self.probing.add(environment)
            self.filler.put(Probe(lane=ready[0]))

    # Answers

    def _collect(self, timeout_seconds: float) -> None:
        """Take the answers that are there; while much is ready to leave, wait a moment for more
        of them, because one transaction for many costs little more than for one."""
        until, enough = time.monotonic() + _GATHER_SECONDS, self._enough()
        with contextlib.suppress(queue.Empty):
            self._answered.append(self.senders.done.get(timeout=timeout_seconds))
            self._take_answered()
            # Asleep, and not woken by each answer: with every waking a sender waits.
            while len(self._answered) < enough and (left := until - time.monotonic()) > 0:
                time.sleep(min(_LOOK_FOR_ANSWERS_SECONDS, left))
                self._take_answered()
                self.outbox.refill_turns()

    def _take_answered(self) -> None:
        while not self.senders.done.empty():
            self._answered.append(self.senders.done.get_nowait())

    def _enough(self) -> int:
        """How many answers are settled without waiting for more: half of what can leave without
        the coordinator's help."""
        return sum(self.outbox.ready(lane) for lane in self.lanes.values()) // 2

    def _settle(self) -> None:
        accepted = [job for job in self._answered if isinstance(job, Submit) and job.is_accepted]
        if accepted:
            settling.accepted(accepted)
            for job in accepted:
                self._answered.remove(job)
                job.lane.accepted += 1
                self._settled(job)
        self._settle_others()
        for environment, tally in self.tallies.items():
            if tally.flush(at_once=self.outbox.allowed.get(environment) is not None):
                self._circuits_at = 0.0

    def _settle_others(self) -> None:
        while self._answered:
            job, reason = self._answered[0], None
            try:
                reason = self._settle_one(job)
            except (OperationalError, InterfaceError):
                raise
            except Exception:
                # The others' answers are not to be lost for one that no rule foresaw: its claim
                # runs out, and Procountor is asked.
                logger.exception("the answer to %s cannot be settled", type(job).__name__)
                settling.set_aside(job)
            self._answered.popleft()
            self._settled(job)
            if reason is not None:
                self._stop(job.lane, reason)

    def _settle_one(self, job: Job) -> PauseReason | None:
        if isinstance(job, Submit):
            return settling.submitted(job)
        if isinstance(job, Settle):
            return settling.settled(job)
        if isinstance(job, ReadBack):
            return settling.read_back(job)
        if isinstance(job, Step):
            return settling.stepped(job)
        if isinstance(job, Probe):
            outages.probed(job.environment, bool(job.answer))
            self.probing.discard(job.environment)
            self._circuits_at = 0.0
            return None
        if isinstance(job, Prepare):
            go_on, reason = settling.prepared(job)
            if go_on:
                self.filler.post(job)
            return reason
        raise TypeError(f"no rule for {job!r}")

    def _settled(self, job: Job) -> None:
        """After an answer is in the database: free its exports, count it."""
        job.lane.jobs -= 1
        job.lane.settled += 1
        job.lane.last_work_at, job.lane.look_at = time.monotonic(), 0.0
        job.lane.busy.difference_update(export.pk for export in job.exports)
        if isinstance(job, ReadBack):
            job.lane.reading = False
        elif not isinstance(job, Probe):
            self._worked += not isinstance(job, Prepare)
            if isinstance(job, Prepare) and job.error is None:
                job.lane.authenticated = True
        if not isinstance(job, Probe):
            tally = self.tallies.setdefault(job.environment, outages.Tally(job.environment))
            tally.count(job.error)

    # The end

    def _end(self) -> None:
        """Give back what has not left, wait for what has, settle it, release the lanes."""
        waiting = [job for lane in self.lanes.values() for job in self.outbox.withdraw(lane)]
        self.senders.close()
        self._collect(0)

        def rest() -> bool:
            self.filler.give_back([waiting.pop() for _job in list(waiting)], "drained")
            self._settle()
            for tally in self.tallies.values():
                tally.flush(at_once=True)
            for lane in self.lanes.values():
                self._give_back(lane, "drained")
                lanes.release(self.holder, lane.pk)
            return False

        while self._survive(rest):
            pass
