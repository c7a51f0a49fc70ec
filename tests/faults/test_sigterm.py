"""SIGTERM to a cluster with requests under way: what is under way ends, nothing new begins."""

from __future__ import annotations

import os
import signal
import subprocess
import time

import pytest

from tests.faults.databases import CLUSTER_NAME
from tests.faults.processes import children, state
from tests.faults.run import running, until
from tests.faults.scenes import SEEN_SECONDS, Scene

pytestmark = pytest.mark.timeout(180)
LATENCY_SECONDS = 1.0
#: The longest request, and what a cluster needs to notice, to settle and to end.
EXIT_SECONDS = 15.0
TUNING = {
    "EXPORT_LEASE_SECONDS": "60",
    "EXPORT_LINGER_SECONDS": "3",
    "PROCOUNTOR_READ_TIMEOUT_SECONDS": "10",
    "PROCOUNTOR_TOTAL_TIMEOUT_SECONDS": "10",
}
LEFT = "SELECT count(*) AS n FROM invoices_submissionattempt WHERE finished_at IS NULL"


@pytest.fixture(params=["sqlite", "postgres"])
def scene(request, servers, tmp_path):
    servers(request.param)
    with running(request.param, tmp_path / "run", **TUNING) as run:
        scene = Scene(run, invoices=150, tenants=3)
        scene.sandbox("latency", {"seconds": LATENCY_SECONDS})
        yield scene


@pytest.fixture(params=["main process", "process group"])
def stop(request):
    """Send SIGTERM as an operator's `kill` does, or as systemd and Ctrl-C's kin do."""
    return {"main process": os.kill, "process group": os.killpg}[request.param]


def everyone(process):
    sentinel = children(process.pid)
    return [process.pid, *sentinel, *(pid for main in sentinel for pid in children(main))]


def start(scene):
    """A cluster with requests under way."""
    cluster = scene.run.launch("cluster", ["manage.py", "qcluster"], PGAPPNAME=CLUSTER_NAME)
    until(lambda: scene.posts() > 5, 2 * SEEN_SECONDS, "requests are under way")
    return cluster


def stopped(scene, cluster, stop):
    """Stop the cluster; returns who of it is left, and whether it ended soon enough."""
    pids, told_at = everyone(cluster), time.monotonic()
    stop(cluster.pid, signal.SIGTERM)
    try:
        cluster.wait(timeout=60)
    except subprocess.TimeoutExpired:
        pytest.fail(f"no exit within 60 s; {scene.statuses()}\n{scene.run.log_tail()}")
    in_time = time.monotonic() - told_at < EXIT_SECONDS
    return [pid for pid in pids if state(pid) not in ("", "Z")], in_time


def test_sigterm_ends_what_is_under_way_and_begins_nothing(scene, stop):
    cluster = start(scene)

    assert stopped(scene, cluster, stop) == ([], True)

    statuses = scene.statuses()
    assert set(statuses) <= {"queued", "submitted", "reconciled"}, statuses
    assert statuses.get("queued", 0) > 0
    assert scene.database.rows(LEFT) == [{"n": 0}]
    booked = len(scene.sandbox("ledger"))
    assert booked == statuses.get("submitted", 0) + statuses.get("reconciled", 0)


def test_sigterm_ends_a_cluster_whose_queue_a_dead_worker_left_shut(scene, stop):
    cluster = start(scene)
    workers = children(children(cluster.pid)[0])[: int(scene.run.env["CLUSTER_WORKERS"])]
    for pid in workers:  # an idle one waits with the queue's lock in its hand
        os.kill(pid, signal.SIGKILL)
    until(lambda: not set(workers) & set(everyone(cluster)), SEEN_SECONDS, "others took over")

    assert stopped(scene, cluster, stop) == ([], True)
