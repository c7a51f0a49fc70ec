"""What may leave next: jobs ready in each lane, handed to the threads that make the requests.

Takes turns between lanes, keeps each lane and the whole worker within their numbers of requests
under way, and hands out nothing without a turn of the speed limit. In memory only: what lies here
has its attempt committed already, and is given back when it does not leave.
"""

from __future__ import annotations

import collections
import threading

from integrations.limits import Turns, are_plenty
from invoices.engine.jobs import Job
from invoices.engine.lane import HeldLane

_LOOK_SECONDS = 0.25


class Outbox:
    """Thread-safe."""

    def __init__(self, *, per_lane: int) -> None:
        self.per_lane = per_lane
        self.turns: dict[str, Turns] = {}
        #: Requests under way at most, by environment; missing is without a bound.
        self.allowed: dict[str, int | None] = {}
        self._ready: dict[HeldLane, collections.deque[Job]] = {}
        self._in_flight: collections.Counter[HeldLane] = collections.Counter()
        self._in_flight_by_environment: collections.Counter[str] = collections.Counter()
        self._changed = threading.Condition()
        self._closed = False

    def put(self, job: Job, *, first: bool = False) -> None:
        """Make a job ready; `first` puts it before its lane's others."""
        with self._changed:
            lane = self._ready.setdefault(job.lane, collections.deque())
            if first:
                lane.appendleft(job)
            else:
                lane.append(job)
            self._changed.notify()

    def take(self) -> Job | None:
        """The next job that may leave, with its turn; waits for one. None once closed."""
        with self._changed:
            while not self._closed:
                job = self._next()
                if job is not None:
                    return job
                self._changed.wait(_LOOK_SECONDS)
            return None

    def done(self, job: Job) -> None:
        """A job taken has ended."""
        with self._changed:
            self._in_flight[job.lane] -= 1
            self._in_flight_by_environment[job.environment] -= 1
            self._changed.notify()

    def refill_turns(self) -> None:
        """Get turns for what could leave now. The one method that asks the database."""
        for environment, wanted in self._leavable().items():
            if wanted:
                turns = self.turns.setdefault(environment, Turns(environment))
                if turns.refill(wanted):
                    with self._changed:
                        self._changed.notify(wanted)

    def withdraw(self, lane: HeldLane) -> list[Job]:
        """Take back what is ready in a lane and has not left."""
        with self._changed:
            self._in_flight += collections.Counter()  # without lanes that have nothing
            return list(self._ready.pop(lane, ()))

    def ready(self, lane: HeldLane) -> int:
        with self._changed:
            return len(self._ready.get(lane, ()))

    def in_flight(self, lane: HeldLane | None = None) -> int:
        with self._changed:
            return sum(self._in_flight.values()) if lane is None else self._in_flight[lane]

    def close(self) -> None:
        """Hand out nothing more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _next(self) -> Job | None:
        for lane in list(self._ready):
            jobs = self._ready[lane]
            if not jobs or self._in_flight[lane] >= self.per_lane:
                continue
            environment = jobs[0].environment
            if self._bounded(environment):
                continue
            turns = self.turns.get(environment)
            turn = turns.take() if turns else None
            if turn is None:
                continue
            job = jobs.popleft()
            job.turn = turn
            self._in_flight[lane] += 1
            self._in_flight_by_environment[environment] += 1
            # To the end of the row of lanes: the others come before it is served again.
            self._ready[lane] = self._ready.pop(lane)
            return job
        return None

    def _bounded(self, environment: str) -> bool:
        allowed = self.allowed.get(environment)
        return allowed is not None and self._in_flight_by_environment[environment] >= allowed

    def _leavable(self) -> dict[str, int]:
        """How many requests could leave if they had a turn, by environment."""
        found: collections.Counter[str] = collections.Counter()
        plenty = are_plenty()
        with self._changed:
            for lane, jobs in self._ready.items():
                if jobs:
                    # Where turns are plenty they are held for what becomes free meanwhile too.
                    free = len(jobs) if plenty else self.per_lane - self._in_flight[lane]
                    found[jobs[0].environment] += max(0, min(len(jobs), free))
            for environment in found:
                allowed = self.allowed.get(environment)
                if allowed is not None:
                    free = allowed - self._in_flight_by_environment[environment]
                    found[environment] = max(0, min(found[environment], free))
        return dict(found)
