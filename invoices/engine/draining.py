"""When a worker is to stop taking up work: its cluster is stopping, or it has lost its cluster.

django-q2 tells a worker to end by a message behind the tasks in its queue. A worker that drains
exports for minutes does not read it, and one whose neighbour was killed with the queue's lock in
its hand never can. So workers are told by SIGTERM, whoever sends it: their cluster, an operator,
the end of the session. One with a task ends what is under way first.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from typing import Any

from django_q import cluster
from django_q.signals import post_execute_in_worker, post_spawn, pre_execute
from django_q.status import Stat

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 0.1
_TELL_SECONDS = 1.0
#: What the pusher needs at most to end its present look into the broker.
_PUSHER_SECONDS = 3.0
#: What a worker needs at most to hand its task's result over, so that it is acknowledged.
_HAND_OVER_SECONDS = 0.3


class _Worker:
    """This process as a worker of a cluster; `cluster_pid` is 0 in any other process."""

    cluster_pid = 0
    busy = False
    told_to_stop = False


class _Sentinel(cluster.Sentinel):  # type: ignore[misc]
    pool: list[Any]

    def start(self) -> None:
        # django-q2's own dies of a SIGTERM to the process group while its parent waits for it to
        # say that it woke, for ever. It needs no signal: its parent tells it to stop.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        super().start()

    def stop(self) -> None:
        """End the workers and the pusher; django-q2 does the rest. Its own way through the task
        queue waits for ever when nobody takes anything out of it."""
        self.event_out.set()
        told_at = float("-inf")
        while self._live(self.pool):
            # Again and again: a worker that was only just started ignores what comes before it has
            # said how it takes a signal. Not often: one that ends must not be disturbed.
            if time.monotonic() - told_at > _TELL_SECONDS:
                told_at = time.monotonic()
                for worker in self.pool:
                    worker.terminate()
            self._look()
        self.pool = []
        patience = time.monotonic() + _PUSHER_SECONDS
        while self._live([self.pusher]):
            if time.monotonic() > patience:
                self.pusher.kill()  # it holds a task for which there is no room; a hint, no more
            self._look()
        super().stop()

    @staticmethod
    def _live(processes: list[Any]) -> bool:
        return any(process.is_alive() for process in processes)

    def _look(self) -> None:
        time.sleep(_LOOK_SECONDS)
        Stat(self).save()


def listen() -> None:
    """Hear of being started as a cluster's worker, and of its tasks."""
    post_spawn.connect(_on_spawn, dispatch_uid="engine.draining")
    pre_execute.connect(_on_task, dispatch_uid="engine.draining")
    post_execute_in_worker.connect(_on_task_done, dispatch_uid="engine.draining")
    cluster.Sentinel = _Sentinel


def _on_spawn(sender: Any, **kwargs: Any) -> None:
    _Worker.cluster_pid = os.getppid()
    _Worker.told_to_stop = _Worker.busy = False
    signal.signal(signal.SIGTERM, _on_sigterm)


def _on_sigterm(signum: int, frame: Any) -> None:
    _Worker.told_to_stop = True
    if not _Worker.busy:
        # An exception, unlike the default action, lets go of the queue's lock.
        raise SystemExit(0)


def _on_task(sender: Any, **kwargs: Any) -> None:
    _Worker.busy = True


def _on_task_done(sender: Any, **kwargs: Any) -> None:
    _Worker.busy = False
    if _Worker.told_to_stop and _Worker.cluster_pid:
        # The result is handed over after this; then the worker waits for its next task, and a
        # signal is what it can be reached by.
        again = threading.Timer(_HAND_OVER_SECONDS, os.kill, (os.getpid(), signal.SIGTERM))
        again.daemon = True
        again.start()


def is_wanted() -> bool:
    """Whether this worker is to end what is under way and take up nothing more."""
    if _Worker.cluster_pid and os.getppid() != _Worker.cluster_pid and not _Worker.told_to_stop:
        logger.warning("this worker's cluster is gone; it stops")
        _Worker.told_to_stop = True
    return _Worker.told_to_stop
