"""Watches the clusters from outside, as production does: restarts what died or stopped moving.

django-q2 can wedge when a worker dies with a lock in its hand; nothing inside it notices.
"""

from __future__ import annotations

import subprocess
import time
from collections import Counter
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.faults.processes import ClusterProcesses
from tests.faults.run import Run, kill_group

_LOOK_SECONDS = 0.5


@dataclass
class Cluster:
    process: subprocess.Popen[str]
    tree: ClusterProcesses


class Supervisor:
    """Keeps `count` clusters running. `restarts` counts by cause: "dead", "stuck"."""

    #: Longer than the lease and the linger: a lane may rightly stand still that long.
    PATIENCE_SECONDS = 12.0

    def __init__(self, run: Run, count: int) -> None:
        self._run = run
        self._port = urlsplit(run.sandbox.address).port or 0
        self.clusters = [self._start() for _ in range(count)]
        self.restarts: Counter[str] = Counter()
        self._mark: object = None
        self._moved_at = self._looked_at = time.monotonic()

    def _start(self) -> Cluster:
        process = self._run.start_cluster()
        return Cluster(process, ClusterProcesses(process.pid, self._port))

    def restart(self, cluster: Cluster, cause: str) -> None:
        kill_group(cluster.process)
        self.clusters[self.clusters.index(cluster)] = self._start()
        self.restarts[cause] += 1

    def tick(self, progress: object) -> None:
        """Look after the clusters; `progress` is anything that differs once work was done."""
        now = time.monotonic()
        if now < self._looked_at + _LOOK_SECONDS:
            return
        self._looked_at = now
        for cluster in list(self.clusters):
            if cluster.process.poll() is not None:
                self.restart(cluster, "dead")
        if progress != self._mark:
            self._mark, self._moved_at = progress, now
        elif now > self._moved_at + self.PATIENCE_SECONDS:
            self._moved_at = now
            for cluster in list(self.clusters):
                self.restart(cluster, "stuck")
