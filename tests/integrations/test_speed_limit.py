"""The speed limit, asked by threads and by processes, with clocks that jump."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.db import connection, connections

from integrations import limits
from integrations.models import SpeedLimit

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).resolve().parents[2]
#: What a second process does: takes turns as fast as it is let, and prints when it had them.
_OTHER = """
import os, sys, time, django
django.setup()
from django.conf import settings
from django.db import connection
settings.DATABASES["default"]["NAME"] = connection.settings_dict["NAME"] = sys.argv[1]
settings.PROCOUNTOR_REQUESTS_PER_SECOND = float(sys.argv[2])
from integrations import limits
for turn in range(int(sys.argv[3])):
    limits.wait_for_turn("test")
    print(time.time(), flush=True)
"""


def most_in_any_second(moments):
    moments = sorted(moments)
    return max(sum(1 for other in moments if moment <= other < moment + 1.0) for moment in moments)


def test_three_processes_together_stay_within_the_limit_in_any_second():
    database = str(connection.settings_dict["NAME"])
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings"}
    command = [sys.executable, "-c", _OTHER, database, "15", "20"]
    processes = [
        subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    outputs = [process.communicate(timeout=100)[0] for process in processes]

    moments = [float(line) for output in outputs for line in output.split()]
    assert len(moments) == 60
    assert most_in_any_second(moments) <= 15


def test_turns_held_ahead_are_an_interval_apart_too(settings):
    settings.PROCOUNTOR_REQUESTS_PER_SECOND = 50
    taken = []

    def take():
        turns = limits.Turns("test")
        for _turn in range(30):
            while True:
                turns.refill(3)
                turn = turns.take()
                if turn is not None:
                    break
                time.sleep(0.002)
            time.sleep(max(0.0, turn - time.monotonic()))
            taken.append(turn)
        connections.close_all()

    threads = [threading.Thread(target=take) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(taken) == 90
    assert most_in_any_second(taken) <= 50


def test_worker_that_is_busy_for_a_moment_does_not_run_out_of_plenty_of_turns(
    settings, monkeypatch
):
    settings.PROCOUNTOR_REQUESTS_PER_SECOND = 2000
    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + clock.ahead, ahead=0.0)
    monkeypatch.setattr(limits, "time", clock)
    turns = limits.Turns("test")
    turns.refill(100)

    clock.ahead = 0.2
    assert turns.refill(100) > 0
    clock.ahead = 0.36

    assert turns.take() is not None


def test_turn_that_leaves_too_late_is_taken_anew(settings):
    settings.PROCOUNTOR_REQUESTS_PER_SECOND = 20
    limits.wait_for_turn("test")
    before = SpeedLimit.objects.get().next_at

    with limits.granted(time.monotonic() - limits.late_seconds() - 1):
        limits.wait_for_turn("test")

    assert SpeedLimit.objects.get().next_at > before


def test_granted_turn_needs_no_second_one(settings, django_assert_num_queries):
    with limits.granted(time.monotonic()), django_assert_num_queries(0):
        limits.wait_for_turn("test")


def test_two_requests_in_one_job_take_two_turns(settings):
    settings.PROCOUNTOR_REQUESTS_PER_SECOND = 20
    with limits.granted(time.monotonic()):
        limits.wait_for_turn("test")
        limits.wait_for_turn("test")

    assert SpeedLimit.objects.get().next_at > 0


@pytest.mark.parametrize("hours", [5, 10_000])
def test_clock_that_was_put_back_makes_nobody_wait_for_hours(hours):
    far = time.time() + hours * 3600
    SpeedLimit.objects.create(name="test", next_at=far, held_until=far)

    turn = limits.reserve("test", 1)

    assert turn - time.monotonic() < 1
    assert limits.held_seconds("test") == 0


def test_environments_have_limits_of_their_own(settings):
    settings.PROCOUNTOR_REQUESTS_PER_SECOND = 1
    limits.wait_for_turn("test")

    assert limits.reserve("production", 1) - time.monotonic() < 0.5


def test_hold_is_never_longer_than_the_longest_wait():
    limits.hold_back("test", 100_000)

    assert 0 < limits.held_seconds("test") <= limits.MAX_WAIT_SECONDS
