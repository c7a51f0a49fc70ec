"""A run with failed exports of three causes, an accountant who re-sends them with a plan, and
what must hold of the plan afterwards."""

from __future__ import annotations

import json
import random
import signal
import sqlite3
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from typing import Any

from tests.faults import verdict
from tests.faults.processes import cpu_ticks, signalled
from tests.faults.run import Run, until
from tests.faults.supervisor import Supervisor

#: As in `run`, but what a dead worker had is another's sooner.
TUNING = {
    "EXPORT_LEASE_SECONDS": "2",
    "EXPORT_LOOKUP_SECONDS": "1,1",
    "EXPORT_LINGER_SECONDS": "1",
    "EXPORT_LANE_LEASE_SECONDS": "1",
    "PROCOUNTOR_CONNECT_TIMEOUT_SECONDS": "0.5",
    "PROCOUNTOR_READ_TIMEOUT_SECONDS": "0.5",
    "PROCOUNTOR_TOTAL_TIMEOUT_SECONDS": "0.5",
    "PROCOUNTOR_REQUESTS_PER_SECOND": "60",
}
SEEN_SECONDS = 120
#: The causes of failure: refused by Procountor, and two categories that are not mapped.
CAUSES = ("", "K", "E")
MAPPED = {"K": 5, "E": 12}
_REFUSED = {"kind": "status", "status": 400, "message": "ERROR_VATSTATUS_VATPERC"}


class Rows:
    """The rows of a run, as the questions about plans need them."""

    def __init__(self, run: Run) -> None:
        self.run, self.database = run, run.database

    def statuses(self) -> dict[str, int]:
        query = "SELECT status, count(*) AS n FROM invoices_invoiceexport GROUP BY status"
        return {row["status"]: row["n"] for row in self.database.rows(query)}

    def plan(self, pk: int) -> dict[str, Any]:
        return self.database.rows(f"SELECT * FROM invoices_bulkplan WHERE id = {pk}")[0]

    def items(self, pk: int) -> Counter[str]:
        """{state: count} of the plan's items."""
        query = f"SELECT state FROM invoices_bulkplanitem WHERE plan_id = {pk}"
        return Counter(row["state"] for row in self.database.rows(query))

    def queued_by(self, pk: int) -> int:
        """How often the plan has queued an export, by the audit trail."""
        return sum(event["data"].get("plan") == pk for event in self.events("export.queued"))

    def events(self, action: str) -> list[dict[str, Any]]:
        query = f"SELECT * FROM invoices_auditevent WHERE action = '{action}' ORDER BY id"
        found = self.database.rows(query)
        for row in found:
            row["data"] = row["data"] if isinstance(row["data"], dict) else json.loads(row["data"])
        return found

    def execute(self, statement: str) -> None:
        """Once nobody holds SQLite's lock."""

        def done() -> bool:
            try:
                self.database.execute(statement)
            except sqlite3.OperationalError:
                return False
            return True

        until(done, SEEN_SECONDS, "the database's lock is free")

    def hold_speed(self, seconds: float) -> None:
        """Let no request leave for `seconds`, as if Procountor had asked for it."""
        held_until = time.time() + seconds
        self.execute(f"UPDATE integrations_speedlimit SET held_until = {held_until}")


class Killer:
    """SIGKILL at random moments to a worker that was doing something, exporting or driving."""

    WAIT_SECONDS = (0.2, 1.0)

    def __init__(self, supervisor: Supervisor, seed: str) -> None:
        self._supervisor = supervisor
        self._dice = random.Random(f"{seed}/killer")
        self._ticks: dict[int, int] = {}
        #: By the stage of the plan.
        self.killed: Counter[int] = Counter()
        self._at = 0.0

    def tick(self, stage: int, most: int) -> None:
        """Kill one when it is time, unless `most` have been killed in this stage."""
        used = {pid: cpu_ticks(pid) for pid in self._workers()}
        busy = [pid for pid, ticks in used.items() if ticks > self._ticks.get(pid, ticks)]
        self._ticks = used
        if time.monotonic() < self._at or not busy or self.killed[stage] >= most:
            return
        if signalled(self._dice.choice(busy), signal.SIGKILL):
            self.killed[stage] += 1
            self._at = time.monotonic() + self._dice.uniform(*self.WAIT_SECONDS)

    def _workers(self) -> list[int]:
        # The last two below a sentinel are its monitor and its pusher.
        return [pid for each in self._supervisor.clusters for pid in each.tree.below[:-2]]


class Office(Rows):
    """The run's people and clusters."""

    def __init__(self, run: Run, clusters: int, seed: str) -> None:
        super().__init__(run)
        self.tenants = run.open_back_office(1)
        (tenant,) = self.tenants
        self.slug: str = tenant["slug"]
        self.desk = run.open_desk()
        self.supervisor = Supervisor(run, clusters)
        self.killer = Killer(self.supervisor, seed)
        self._looked_at = 0.0

    def fail(self, prefix: str, count: int) -> None:
        """Take in invoices that fail, a third for each cause, and wait until they have."""
        numbers = [f"{prefix}{number:04}" for number in range(count)]
        self.run.sandbox("faults", _REFUSED | {"times": len(numbers[::3])})
        before = self.statuses().get("needs_attention", 0)
        self.run.hand_in(self.slug, numbers, CAUSES)
        failed = {"needs_attention": before + count}
        self.wait(lambda: self.statuses() == failed, "everything failed")

    def wait(self, condition: Callable[[], Any], what: str, *, kills: int = 0) -> None:
        """Until `condition()`; meanwhile clusters are looked after, and workers killed until
        it have been `kills` in the plan's stage."""

        def looked() -> Any:
            if kills:
                self.killer.tick(self.stage, kills)
            if time.monotonic() > self._looked_at + 0.5:
                self._looked_at = time.monotonic()
                self.supervisor.tick(self._mark())
            return condition()

        until(looked, SEEN_SECONDS, what)

    pk = 0

    @property
    def stage(self) -> int:
        return int(self.plan(self.pk)["stage"]) if self.pk else 0

    def _mark(self) -> Any:
        last = self.database.rows("SELECT max(id) AS last FROM invoices_auditevent")[0]["last"]
        # Nothing to do is no sign of being stuck; what a stopped plan left under way is to do.
        return last if self.pk and self._is_busy() else object()

    def _is_busy(self) -> bool:
        driven = self.plan(self.pk)["state"] in ("making", "running")
        return driven or bool(self.items(self.pk)["queued"]) or not self.settled()

    def settled(self) -> bool:
        """Whether nothing is under way any more."""
        moving = {"queued", "submitting", "submitted", "unknown"}
        return not moving & self.statuses().keys()


def findings(rows: Rows, pk: int) -> Iterator[str]:
    """What is wrong with a finished plan: its counts beside the trail's, and what it did."""
    plan, counted = rows.plan(pk), rows.items(pk)
    if plan["state"] != "finished":
        yield f"plan {pk}: {plan['state']}"
    if left := counted.keys() & {"pending", "queued"}:
        yield f"plan {pk}: items still {left}"
    query = (
        "SELECT i.export_id, i.state, e.status FROM invoices_bulkplanitem i JOIN"
        f" invoices_invoiceexport e ON e.id = i.export_id WHERE i.plan_id = {pk}"
    )
    for item in rows.database.rows(query):
        landed = item["status"] in ("submitted", "reconciled")
        if (item["state"] == "landed") != landed and item["state"] != "left_out":
            yield f"plan {pk}: item {item['export_id']} {item['state']}, export {item['status']}"
    (finished,) = rows.events("bulk.finished")[-1:]
    told = {state: n for state, n in finished["data"].items() if state != "plan"}
    if finished["data"]["plan"] != pk or told != dict(counted):
        yield f"plan {pk}: finished was told as {finished['data']}, the items are {counted}"


def strays(rows: Rows, pks: set[int]) -> Iterator[str]:
    """Exports that a person's act queued, though none of the plans allowed it; and such as were
    queued again though nothing had taken the plan's queueing back."""
    allowed = defaultdict(set)
    for row in rows.database.rows("SELECT plan_id, export_id FROM invoices_bulkplanitem"):
        allowed[row["plan_id"]].add(row["export_id"])
    first = min(event["id"] for event in rows.events("bulk.started"))
    for event in rows.events("export.queued"):
        # From "unknown" or "submitting" the engine gives back what was not processed.
        if event["id"] < first or event["data"]["from"] in ("unknown", "submitting"):
            continue
        plan = event["data"].get("plan")
        if plan not in pks or event["export_id"] not in allowed[plan]:
            yield f"export {event['export_id']} was queued by {event['data']}"


def judged(office: Office, pks: set[int]) -> list[str]:
    found = [*strays(office, pks), *verdict.findings(office.run, office.tenants)]
    for pk in sorted(pks):
        query = f"SELECT count(*) AS n FROM invoices_bulkplanitem WHERE plan_id = {pk}"
        if not office.database.rows(query)[0]["n"]:
            found.append(f"plan {pk}: has no items")
    return found + list(verdict.trails(office.run, found))
