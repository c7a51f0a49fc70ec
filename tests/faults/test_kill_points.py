"""A worker dies by SIGKILL at exactly the moments that matter; another one takes over.

Whatever the moment, the invoice is in the ledger once and its export is reconciled.
"""

from __future__ import annotations

import pytest

from tests.faults.run import running, until
from tests.faults.scenes import SEEN_SECONDS, TUNING, Scene

pytestmark = pytest.mark.timeout(180)
POST = {"method": "POST", "path": "/invoices"}
LOOK_UP = {"method": "GET", "path": "/invoices"}


@pytest.fixture(params=["sqlite", "postgres"])
def scene(request, servers, tmp_path):
    servers(request.param)
    with running(request.param, tmp_path / "run", **TUNING) as run:
        yield Scene(run)


def judged(scene, posts):
    """Recover, and return what is wrong and how many POSTs there were of how many expected."""
    scene.recover()
    return scene.findings(), scene.posts() == posts


def test_death_between_claim_and_attempt_submits_once(scene):
    scene.forget_token()
    scene.sandbox("faults", {"kind": "slow", "path": "/oauth/token", "delay_seconds": 30})

    scene.kill_when(scene.work(), scene.faults_are_taken, "the token request is held")

    assert (scene.statuses(), scene.attempts()) == ({"submitting": 1}, [])
    assert judged(scene, posts=1) == ([], True)


def test_death_between_attempt_and_request_submits_once(scene):
    scene.hold_speed(60)

    scene.kill_when(scene.work(), scene.attempts, "an attempt is committed")

    assert [attempt["finished_at"] for attempt in scene.attempts()] == [None]
    assert (scene.statuses(), scene.posts()) == ({"submitting": 1}, 0)
    assert judged(scene, posts=1) == ([], True)


@pytest.mark.parametrize(
    ("fault", "posts"),
    [
        ({"kind": "slow", "delay_seconds": 2}, 1),  # booked while nobody listens any more
        ({"kind": "slow", "delay_seconds": 20, "after_effect": True}, 1),
        ({"kind": "reset", "delay_seconds": 2}, 2),  # never booked
    ],
    ids=["booked_later", "booked_before", "never_booked"],
)
def test_death_between_request_and_answer_books_once(scene, fault, posts):
    scene.sandbox("faults", POST | fault)

    scene.kill_when(scene.work(), scene.faults_are_taken, "the POST is held")

    assert [attempt["finished_at"] for attempt in scene.attempts()] == [None]
    # Before the count: that the held request ends is part of what recovery waits for.
    scene.recover()
    until(lambda: scene.posts() == posts or fault.get("after_effect"), SEEN_SECONDS, "it ended")
    assert scene.findings() == []
    assert scene.posts() == posts or fault.get("after_effect")


def test_death_between_answer_and_commit_books_once(scene):
    scene.sandbox("faults", POST | {"kind": "slow", "delay_seconds": 1, "after_effect": True})
    worker = scene.work()
    until(scene.faults_are_taken, SEEN_SECONDS, "the POST is held")

    lock = scene.lock("invoices_submissionattempt")
    until(scene.posts, SEEN_SECONDS, "the POST is answered")
    scene.kill_when(worker, scene.is_waiting_for_a_lock, "the commit waits")
    lock.release()

    assert [attempt["finished_at"] for attempt in scene.attempts()] == [None]
    assert len(scene.sandbox("ledger")) == 1
    assert judged(scene, posts=1) == ([], True)


@pytest.mark.parametrize(("booked", "posts"), [(True, 1), (False, 2)])
def test_death_during_the_look_up_books_once(scene, booked, posts):
    scene.sandbox("faults", POST | {"kind": "html_500", "after_effect": booked})
    scene.sandbox("faults", LOOK_UP | {"kind": "slow", "delay_seconds": 30})

    scene.kill_when(scene.work(), scene.faults_are_taken, "the look-up is held")

    assert scene.statuses() == {"unknown": 1}
    assert judged(scene, posts=posts) == ([], True)
