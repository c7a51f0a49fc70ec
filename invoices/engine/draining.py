"""When a worker is to stop taking up work: its cluster is stopping, or it has lost its cluster.

django-q2 lets a worker finish its task, however long it takes, and tells it nothing. A worker that
drains exports for minutes has to look for itself.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import time
from typing import Any

from django_q import cluster
from django_q.conf import Conf
from django_q.signals import post_spawn
from django_q.status import Stat

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 1.0


class _Worker:
    """This process as a worker of a cluster; `cluster_pid` is 0 in any other process."""

    cluster_pid = 0
    busy = False
    told_to_stop = False
    looked_at = float("-inf")


class _Sentinel(cluster.Sentinel):  # type: ignore[misc]
    """django-q2's own dies of a SIGTERM to the process group while its parent waits for it to
    say that it woke, for ever. It needs no signal: its parent tells it to stop."""

    def start(self) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        super().start()


def listen() -> None:
    """Hear of being started as a cluster's worker."""
    post_spawn.connect(_on_spawn, dispatch_uid="engine.draining")
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


def begin() -> None:
    """A drain of exports begins: SIGTERM waits for its end."""
    _Worker.busy = True


def end() -> None:
    """It has ended; the process leaves too if it was told to stop meanwhile."""
    _Worker.busy = False
    if _Worker.told_to_stop and _Worker.cluster_pid:
        raise SystemExit(0)


def is_wanted() -> bool:
    """Whether this worker is to end what is under way and take up nothing more."""
    if _Worker.told_to_stop or not _Worker.cluster_pid:
        return _Worker.told_to_stop
    if os.getppid() != _Worker.cluster_pid:
        logger.warning("this worker's cluster is gone; it stops")
        _Worker.told_to_stop = True
        return True
    if time.monotonic() < _Worker.looked_at + _LOOK_SECONDS:
        return False
    _Worker.looked_at = time.monotonic()
    return any(
        stat.sentinel == _Worker.cluster_pid
        and stat.host == socket.gethostname()
        and stat.status in (Conf.STOPPING, Conf.STOPPED)
        for stat in Stat.get_all()
    )
