"""Telling a cluster's workers to end: what a whole cluster does is in tests/faults/test_sigterm."""

import multiprocessing
import signal
import threading
import time

from django_q.status import Stat

from invoices.engine import draining

SPAWN = multiprocessing.get_context("fork")


def _deaf_at_first(ready, hear):
    """A worker that was only just started: it ignores signals until it says how it takes them."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    ready.set()
    hear.wait()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    time.sleep(60)


def test_worker_that_was_only_just_started_is_told_again(monkeypatch):
    monkeypatch.setattr(draining._Sentinel.__base__, "stop", lambda self: None)
    monkeypatch.setattr(Stat, "__init__", lambda self, sentinel: None)
    monkeypatch.setattr(Stat, "save", lambda self: None)
    monkeypatch.setattr(draining, "_TELL_SECONDS", 0.2)
    ready, hear = SPAWN.Event(), SPAWN.Event()
    worker = SPAWN.Process(target=_deaf_at_first, args=[ready, hear])
    ended = SPAWN.Process(target=str)
    for process in (worker, ended):
        process.start()
    ready.wait(30)
    sentinel = object.__new__(draining._Sentinel)
    sentinel.event_out, sentinel.pool, sentinel.pusher = SPAWN.Event(), [worker], ended
    threading.Timer(0.5, hear.set).start()
    # Where it is told once only, the end comes from here.
    late = threading.Timer(10, worker.kill)
    late.start()

    sentinel.stop()

    late.cancel()
    assert worker.exitcode == -signal.SIGTERM
