"""What goes wrong in a run: each nuisance is asked often, and acts when its time has come.

What and when is drawn from a generator seeded by the run's seed and the nuisance's name, so a
seed repeats the choices, though not how they meet what the clusters are doing.
"""

from __future__ import annotations

import random
import signal
import sqlite3
import time
from collections import Counter
from typing import Any, Protocol

from tests.faults.databases import Database, Postgres, SQLite
from tests.faults.processes import signalled, state
from tests.faults.run import Run, kill_group
from tests.faults.supervisor import Supervisor


class Nuisance(Protocol):
    def tick(self) -> None: ...

    def end(self) -> None:
        """Undo what is still in force."""


class Assassin:
    """SIGKILL, mostly to busy workers. Kills no stopped process: that one is the freezer's."""

    TARGETS = ("busy", "idle", "sentinel", "main", "cluster")
    WEIGHTS = (13, 3, 1, 1, 2)
    WAIT_SECONDS = (1.0, 3.0)
    #: How long it waits for a worker to be busy before it takes any.
    PATIENCE_SECONDS = 2.5

    def __init__(self, supervisor: Supervisor, seed: str, kills: int | None) -> None:
        self._supervisor, self._left = supervisor, kills
        self._dice = random.Random(f"{seed}/assassin")
        self.killed: Counter[str] = Counter()
        self._plan()

    @property
    def is_done(self) -> bool:
        return self._left == 0

    def _plan(self) -> None:
        self._target = self._dice.choices(self.TARGETS, self.WEIGHTS)[0]
        self._at = time.monotonic() + self._dice.uniform(*self.WAIT_SECONDS)

    def tick(self) -> None:
        if self.is_done or time.monotonic() < self._at:
            return
        if self._kill(self._target):
            self.killed[self._target] += 1
        elif self._target == "busy" and time.monotonic() < self._at + self.PATIENCE_SECONDS:
            return
        elif self._target != "idle":
            self._target = "idle"
            return
        else:
            self._plan()  # nobody is there to be killed
            return
        self._left = None if self._left is None else self._left - 1
        self._plan()

    def _kill(self, target: str) -> bool:
        clusters = self._supervisor.clusters
        if target == "cluster":
            kill_group(self._dice.choice(clusters).process)
            return True
        pids = {
            "busy": lambda tree: tree.busy(),
            "idle": lambda tree: tree.idle(),
            "sentinel": lambda tree: [tree.sentinel] if tree.sentinel else [],
            "main": lambda tree: [tree.main],
        }[target]
        found = [pid for cluster in clusters for pid in pids(cluster.tree)]
        running = [pid for pid in found if state(pid) not in ("", "T", "Z")]
        return bool(running) and signalled(self._dice.choice(running), signal.SIGKILL)

    def end(self) -> None:
        self._left = 0


class Freezer:
    """SIGSTOP to a busy worker, for longer than its lease and both look-ups; then SIGCONT."""

    WAIT_SECONDS = (4.0, 12.0)

    def __init__(self, supervisor: Supervisor, seed: str, seconds: float, times: int | None):
        self._supervisor, self._seconds, self._left = supervisor, seconds, times
        self._dice = random.Random(f"{seed}/freezer")
        self._frozen: int | None = None
        self.thawed = 0
        self._at = time.monotonic() + self._dice.uniform(*self.WAIT_SECONDS)

    @property
    def is_done(self) -> bool:
        return self._left == 0 and not self.is_on

    @property
    def is_on(self) -> bool:
        """Whether a worker is stopped just now."""
        return self._frozen is not None

    def tick(self) -> None:
        if self.is_done or time.monotonic() < self._at:
            return
        if self._frozen is None:
            self._freeze()
        else:
            self._thaw()

    def _freeze(self) -> None:
        busy = [pid for cluster in self._supervisor.clusters for pid in cluster.tree.busy()]
        chosen = self._dice.choice(busy) if busy else None
        if chosen and signalled(chosen, signal.SIGSTOP):
            self._frozen = chosen
            self._at = time.monotonic() + self._seconds

    def _thaw(self) -> None:
        # Killed with its cluster meanwhile: that freeze does not count.
        if self._frozen and signalled(self._frozen, signal.SIGCONT):
            self.thawed += 1
            self._left = None if self._left is None else self._left - 1
        self._frozen = None
        self._at = time.monotonic() + self._dice.uniform(*self.WAIT_SECONDS)

    def end(self) -> None:
        self._left = 0
        self._thaw()


class LockHolder:
    """SQLite: holds the write lock for seconds, as a long back-up or a forgotten shell would."""

    WAIT_SECONDS, HOLD_SECONDS = (5.0, 8.0), (2.0, 3.0)

    def __init__(self, database: SQLite, seed: str) -> None:
        self._database, self._dice = database, random.Random(f"{seed}/locks")
        self._lock: Any = None
        self.times = 0
        self._at = time.monotonic() + self._dice.uniform(*self.WAIT_SECONDS)

    def tick(self) -> None:
        if time.monotonic() < self._at:
            return
        if self._lock is None:
            try:
                self._lock, wait = self._database.lock(""), self.HOLD_SECONDS
            except sqlite3.OperationalError:
                return  # taken, perhaps by a stopped worker: at the next tick, then
            self.times += 1
        else:
            self._lock.release()
            self._lock, wait = None, self.WAIT_SECONDS
        self._at = time.monotonic() + self._dice.uniform(*wait)

    def end(self) -> None:
        if self._lock is not None:
            self._lock.release()
        self._lock, self._at = None, float("inf")


class Cutter:
    """PostgreSQL: terminates connections of the clusters, some or all."""

    WAIT_SECONDS = (1.5, 4.0)

    def __init__(self, database: Postgres, seed: str) -> None:
        self._database, self._dice = database, random.Random(f"{seed}/cuts")
        self.times = 0
        self._at = time.monotonic() + self._dice.uniform(*self.WAIT_SECONDS)

    def tick(self) -> None:
        if time.monotonic() < self._at:
            return
        self.times += self._database.cut(self._dice.choice((1, 2, 100)))
        self._at = time.monotonic() + self._dice.uniform(*self.WAIT_SECONDS)

    def end(self) -> None:
        self._at = float("inf")


class Forgetter:
    """Loses what may be lost at any time: the leases of lanes, which only keep workers out of
    one another's way, and the cache with access tokens and the lock on renewing them."""

    WAIT_SECONDS = (3.0, 8.0)

    def __init__(self, database: Database, seed: str) -> None:
        self._database, self._dice = database, random.Random(f"{seed}/forgetter")
        self._at = time.monotonic() + self._dice.uniform(*self.WAIT_SECONDS)

    def tick(self) -> None:
        if time.monotonic() < self._at:
            return
        try:
            self._database.execute("UPDATE invoices_lane SET lease_until = NULL")
            self._database.execute("DELETE FROM cache")
        except sqlite3.OperationalError:
            return  # the lock is held: at the next tick, then
        self._at = time.monotonic() + self._dice.uniform(*self.WAIT_SECONDS)

    def end(self) -> None:
        """Nothing is in force."""


def database_nuisance(run: Run, seed: str) -> LockHolder | Cutter:
    if isinstance(run.database, SQLite):
        return LockHolder(run.database, seed)
    return Cutter(run.database, seed)
