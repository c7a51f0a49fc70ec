"""Drives one run: hands in work, lets things go wrong, waits until all is settled, judges."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults import closed_books, verdict
from tests.faults.nuisances import Assassin, Forgetter, Freezer, Nuisance, database_nuisance
from tests.faults.run import Run, RunFailed, running
from tests.faults.supervisor import Supervisor

#: Longer than the lease and both look-ups (run.TUNING), so that whatever the stopped worker was
#: about to submit has been submitted by another when it goes on.
FREEZE_SECONDS = 13.0
_STATUSES = "SELECT status, count(*) AS n FROM invoices_invoiceexport GROUP BY status"
_LAST_EVENT = "SELECT max(id) AS last FROM invoices_auditevent"
_TICK_SECONDS = 0.1
_LOOK_SECONDS = 0.5


@dataclass
class Plan:
    """One run. `kills` and `freezes` of None: without end, for `minutes`."""

    database: str
    clusters: int
    seed: str
    exports: int
    kills: int | None
    freezes: int | None
    fault_rate: float = 0.2
    minutes: float = 0
    #: A safety net, not an expectation.
    timeout_seconds: float = 240
    tuning: dict[str, str] = field(default_factory=dict)
    #: Told, with each look, how far the run is.
    progress: Callable[[dict[str, Any]], None] = lambda facts: None


@dataclass
class Report:
    plan: Plan
    findings: list[str]
    facts: dict[str, Any]
    logs: str

    def __str__(self) -> str:
        shown = self.findings[:40]
        more = [f"… and {len(self.findings) - 40} more"] if len(self.findings) > 40 else []
        head = f"FAULT_SEED={self.plan.seed} {self.plan.database}: {self.facts}"
        return "\n".join([head, *shown, *more, *([self.logs] if shown else [])])


def drive(plan: Plan, folder: Path) -> Report:
    """Run `plan` in `folder` and judge it. What did not settle in time is a finding."""
    with running(plan.database, folder, **plan.tuning) as run:
        tenants = run.open_back_office(3)
        supervisor = Supervisor(run, plan.clusters)
        driver = _Driver(plan, run, tenants, supervisor)
        run.sandbox("chaos", {"rate": plan.fault_rate, "seed": plan.seed})
        unsettled = driver.run()
        for cluster in supervisor.clusters:
            run.end(cluster.process)
        run.end(run.back_office)
        found = unsettled + closed_books.findings(run) + verdict.findings(run, tenants)
        shown = "\n".join([*verdict.trails(run, found), run.log_tail()])
        return Report(plan, found, driver.facts(), shown)


class _Driver:
    def __init__(
        self, plan: Plan, run: Run, tenants: list[dict[str, Any]], supervisor: Supervisor
    ) -> None:
        self.plan, self.run_, self.supervisor = plan, run, supervisor
        self.tenants = tenants
        self.assassin = Assassin(supervisor, plan.seed, plan.kills)
        self.freezer = Freezer(supervisor, plan.seed, FREEZE_SECONDS, plan.freezes)
        self.cuts = database_nuisance(run, plan.seed)
        self.forgetter = Forgetter(run.database, plan.seed)
        self.started = time.monotonic()
        self.feed = _feed(plan, [tenant["slug"] for tenant in tenants])
        self.statuses: Counter[str] = Counter()
        self._looked_at = 0.0

    def run(self) -> list[str]:
        """Until everything is handed in, done and settled; a finding when time ran out first."""
        nuisances: list[Nuisance] = [self.assassin, self.freezer, self.cuts, self.forgetter]
        with contextlib.ExitStack() as stack:
            for nuisance in nuisances:
                stack.callback(nuisance.end)
            while time.monotonic() < self.started + self.plan.timeout_seconds:
                if self._is_over:
                    return []
                for nuisance in nuisances:
                    nuisance.tick()
                self._look()
                time.sleep(_TICK_SECONDS)
        left = {name: n for name, n in self.statuses.items() if name != "reconciled"}
        killed, thawed = self.assassin.killed.total(), self.freezer.thawed
        return [f"not settled in time: {left}; {killed} kills, {thawed} freezes"]

    def _look(self) -> None:
        """See how far the work is, hand in more, and let the supervisor judge."""
        if time.monotonic() < self._looked_at + _LOOK_SECONDS:
            return
        self._looked_at = time.monotonic()
        rows = self.run_.database.rows
        self.statuses = Counter({row["status"]: row["n"] for row in rows(_STATUSES)})
        self._hand_in()
        if self.run_.back_office.poll() is not None:
            raise RunFailed(f"The people's process ended.\n{self.run_.log_tail()}")
        # With nothing to do, or a stopped worker's lock on all of SQLite, standing still is no
        # sign of being stuck.
        self.plan.progress(dict(self.statuses) | self._done())
        excused = self.freezer.is_on or not self._waiting
        self.supervisor.tick(object() if excused else rows(_LAST_EVENT)[0]["last"])

    @property
    def _waiting(self) -> int:
        """How many exports are not where they can stay."""
        return len(self.run_.expected) - self.statuses["reconciled"]

    def _hand_in(self) -> None:
        """Never let the clusters run dry before the kills are done."""
        if self._waiting < self.plan.exports // 5 and not self._time_is_up:
            for slug, numbers in next(self.feed, []):
                self.run_.hand_in(slug, numbers)

    @property
    def _time_is_up(self) -> bool:
        """Of a run by the clock: now what was handed in must settle."""
        minutes = self.plan.minutes
        return bool(minutes) and time.monotonic() > self.started + 60 * minutes

    @property
    def _is_over(self) -> bool:
        if self.plan.minutes and not self._time_is_up:
            return False
        if self.plan.minutes:
            self.assassin.end()
            self.freezer.end()
        handed_in = self.plan.minutes or len(self.run_.expected) >= self.plan.exports
        done = self.assassin.is_done and self.freezer.is_done
        return bool(handed_in and done and not self._waiting)

    def _done(self) -> dict[str, Any]:
        """What went wrong so far."""
        return {
            "kills": dict(self.assassin.killed),
            "freezes": self.freezer.thawed,
            "cuts or locks": self.cuts.times,
            "restarts": dict(self.supervisor.restarts),
        }

    def facts(self) -> dict[str, Any]:
        posted, refused = verdict.posts(self.run_)
        return self._done() | {
            "exports": len(self.run_.expected),
            "seconds": round(time.monotonic() - self.started),
            "posts": posted.total() + refused.total(),
            "requests": len(self.run_.sandbox("requests")),
        }


def _feed(plan: Plan, slugs: list[str]) -> Iterator[list[tuple[str, list[str]]]]:
    """Files to hand in, a tenth of the exports at a time, in equal parts for each tenant; for a
    run by the clock without end."""
    size, position = plan.exports // 10 // len(slugs) + 1, 0
    while plan.minutes or position * len(slugs) < plan.exports:
        numbers = [f"F-{position + step:06}" for step in range(size)]
        yield [(slug, numbers) for slug in slugs]
        position += size
