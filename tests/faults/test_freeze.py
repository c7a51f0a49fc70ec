"""A worker is stopped (SIGSTOP, a paused machine) for longer than its lease and both look-ups.

Another one has submitted the invoice meanwhile; the stopped one must find that out before its
request leaves, wherever it was.
"""

from __future__ import annotations

import os
import signal

import pytest

from tests.faults.processes import state
from tests.faults.run import running, until
from tests.faults.scenes import SEEN_SECONDS, TUNING, Scene

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(params=["sqlite", "postgres"])
def scene(request, servers, tmp_path):
    servers(request.param)
    with running(request.param, tmp_path / "run", **TUNING) as run:
        yield Scene(run)


def waiting_for_its_turn(scene):
    scene.hold_speed(60)
    worker = scene.work()
    until(scene.attempts, SEEN_SECONDS, "an attempt is committed")
    return worker


def renewing_its_token_after_a_401(scene):
    """The POST was not processed and is about to be repeated, with a token yet to come."""
    scene.sandbox("faults", {"kind": "expired_token", "method": "POST", "path": "/invoices"})
    scene.sandbox("faults", {"kind": "slow", "path": "/oauth/token", "delay_seconds": 2})
    worker = scene.work()
    until(scene.faults_are_taken, SEEN_SECONDS, "the token request is held")
    return worker


def waiting_for_the_answer(scene):
    fault = {"kind": "slow", "path": "/invoices", "delay_seconds": 2, "after_effect": True}
    scene.sandbox("faults", fault)
    worker = scene.work()
    until(scene.faults_are_taken, SEEN_SECONDS, "the POST is held")
    return worker


@pytest.mark.parametrize(
    "stopped_while",
    [waiting_for_its_turn, renewing_its_token_after_a_401, waiting_for_the_answer],
)
def test_worker_stopped_beyond_its_lease_submits_nothing_more(scene, stopped_while):
    worker = stopped_while(scene)
    os.kill(worker.pid, signal.SIGSTOP)
    until(lambda: state(worker.pid) == "T", SEEN_SECONDS, "the worker is stopped")
    scene.recover()
    assert scene.statuses() == {"reconciled": 1}

    os.kill(worker.pid, signal.SIGCONT)
    assert worker.wait(timeout=60) == 0

    assert scene.findings() == []
