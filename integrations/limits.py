"""One speed limit for all requests to Procountor, shared by every process and machine.

A row holds the next free moment; a request takes it by one conditional UPDATE and sleeps until
it comes. Procountor may suspend a client that goes over its limit (REFERENCE section 7), which
would stop every tenant at once.
"""

from __future__ import annotations

import time

from django.conf import settings
from django.db import IntegrityError

from integrations.models import SpeedLimit


def wait_for_turn(name: str) -> None:
    """Block until this caller may send one request to environment `name`."""
    interval_seconds = 1 / settings.PROCOUNTOR_REQUESTS_PER_SECOND
    while True:
        next_at = _next_at(name)
        turn = max(next_at, time.time())
        if SpeedLimit.objects.filter(name=name, next_at=next_at).update(
            next_at=turn + interval_seconds
        ):
            time.sleep(max(0.0, turn - time.time()))
            return


def hold_back(name: str, seconds: float) -> None:
    """Let nobody send to environment `name` for `seconds`: Procountor asked us to slow down."""
    until = time.time() + seconds
    _next_at(name)
    SpeedLimit.objects.filter(name=name, next_at__lt=until).update(next_at=until)


def _next_at(name: str) -> float:
    row = SpeedLimit.objects.filter(name=name).values_list("next_at", flat=True).first()
    if row is not None:
        return row
    try:
        SpeedLimit.objects.create(name=name)
    except IntegrityError:
        return _next_at(name)  # another process made it first
    return 0.0
