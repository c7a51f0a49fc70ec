"""A small run with one tenant, for tests that must meet an exact moment.

A moment is held from outside: a fault that makes the sandbox wait with a request, a lock on the
database, a hold on the speed limit. What is held is seen before anything is killed.
"""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import time
from typing import Any

from tests.faults import verdict
from tests.faults.databases import SQLite
from tests.faults.run import Run, RunFailed, kill_group, until

#: Requests may be held for long; a claim ends soon after its holder's death.
TUNING = {
    "EXPORT_LEASE_SECONDS": "2",
    "EXPORT_LOOKUP_SECONDS": "1,1",
    "EXPORT_LINGER_SECONDS": "15",
    "PROCOUNTOR_CONNECT_TIMEOUT_SECONDS": "20",
    "PROCOUNTOR_READ_TIMEOUT_SECONDS": "20",
    "PROCOUNTOR_TOTAL_TIMEOUT_SECONDS": "20",
}
SEEN_SECONDS, RECOVERY_SECONDS = 20, 60


class Scene:
    def __init__(self, run: Run, invoices: int = 1, tenants: int = 1) -> None:
        self.run, self.database, self.sandbox = run, run.database, run.sandbox
        self.tenants = run.open_back_office(tenants)
        for tenant in self.tenants:
            run.hand_in(tenant["slug"], [f"K-{number}" for number in range(invoices)])
        total = invoices * tenants
        until(lambda: self.statuses().get("queued") == total, SEEN_SECONDS, "invoices are queued")
        run.end(run.back_office)

    def statuses(self) -> dict[str, int]:
        query = "SELECT status, count(*) AS n FROM invoices_invoiceexport GROUP BY status"
        return {row["status"]: row["n"] for row in self.database.rows(query)}

    def attempts(self) -> list[dict[str, Any]]:
        return self.database.rows("SELECT * FROM invoices_submissionattempt ORDER BY id")

    def work(self) -> subprocess.Popen[str]:
        """Start a worker on the first tenant's lane."""
        tenant_pk = str(self.tenants[0]["pk"])
        return self.run.start("worker", "lane", tenant_pk, EXPORT_LINGER_SECONDS="5")

    def kill_when(self, worker: subprocess.Popen[str], seen: Any, what: str) -> None:
        """SIGKILL to `worker` once `seen()` is true."""
        until(seen, SEEN_SECONDS, what)
        kill_group(worker)

    def faults_are_taken(self) -> bool:
        """Whether every scripted fault holds, or has met, its request."""
        return not self.sandbox("faults")

    def is_waiting_for_a_lock(self) -> bool:
        """Whether someone waits for the database; SQLite does not tell, and has nobody else."""
        if isinstance(self.database, SQLite):
            return True
        return bool(
            self.database.rows(
                "SELECT 1 AS yes FROM pg_stat_activity WHERE datname = current_database()"
                " AND wait_event_type = 'Lock'"
            )
        )

    def posts(self) -> int:
        """POSTs of invoices that the sandbox has dealt with."""
        posted, refused = verdict.posts(self.run)
        return posted.total() + refused.total()

    def lock(self, table: str) -> Any:
        def locked() -> Any:
            with contextlib.suppress(sqlite3.OperationalError):
                return self.database.lock(table)

        return until(locked, SEEN_SECONDS, "the lock is free")

    def hold_speed(self, seconds: float) -> None:
        """Let nobody have a turn for `seconds`, as if Procountor had asked for it."""
        held_until = time.time() + seconds
        self.database.execute(f"UPDATE integrations_speedlimit SET held_until = {held_until}")

    def forget_token(self) -> None:
        self.database.execute("DELETE FROM cache")

    def recover(self) -> None:
        """What happens after a death: the dead worker's lane and claim run out, others go on."""
        self.sandbox("latency", {"seconds": 0})
        self.hold_speed(0)
        self.forget_token()
        worker = self.run.start("worker", "recover", EXPORT_LINGER_SECONDS="0.5")
        try:
            code = worker.wait(RECOVERY_SECONDS)
        except subprocess.TimeoutExpired:
            raise RunFailed(f"Not settled: {self.statuses()}\n{self.run.log_tail()}") from None
        if code:
            raise RunFailed(f"The worker ended with {code}.\n{self.run.log_tail()}")

    def findings(self) -> list[str]:
        found = verdict.findings(self.run, self.tenants)
        return found + list(verdict.trails(self.run, found))
