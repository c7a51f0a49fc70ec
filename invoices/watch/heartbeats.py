"""Signs of life: who moved last, and when."""

from __future__ import annotations

import datetime as dt
import logging
import os
import socket
from typing import Any

from django.db import DatabaseError
from django.db.models import Q
from django.utils import timezone
from django_q.signals import pre_execute

from invoices.watch_models import Heartbeat

logger = logging.getLogger(__name__)

_EVERY = dt.timedelta(seconds=5)


def beat(name: str) -> None:
    """Leave a sign of life. Writes at most once in five seconds per name, whoever calls; one
    that lies in the future, left by a clock that was ahead, is put right."""
    now = timezone.now()
    at = Heartbeat.objects.filter(name=name).values_list("at", flat=True).first()
    if at is not None and now - _EVERY < at <= now:
        return
    values = {"at": now, "where": f"{socket.gethostname()[:80]}:{os.getpid()}"}
    if at is None:
        Heartbeat.objects.bulk_create([Heartbeat(name=name, **values)], ignore_conflicts=True)
    else:
        stale = Q(at__lte=now - _EVERY) | Q(at__gt=now)
        Heartbeat.objects.filter(stale, name=name).update(**values)


def listen() -> None:
    """A worker that starts a task, whichever it is, is alive."""
    pre_execute.connect(_on_task, dispatch_uid="watch.heartbeat")


def _on_task(sender: Any, **kwargs: Any) -> None:
    try:
        beat("worker")
    except DatabaseError as error:
        # Outside the task runner's own guard: an error here would end the worker.
        logger.warning("no heartbeat written: %s", type(error).__name__)
