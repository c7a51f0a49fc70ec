"""One speed limit for all requests to Procountor, shared by every process and machine.

A row holds the next free moment. Turns are taken from it by one UPDATE, by the database server's
clock, so that neither a second process nor a machine whose clock is wrong can add to the speed.
Procountor may suspend a client that goes over its limit (REFERENCE section 7), which would stop
every tenant at once.
"""

from __future__ import annotations

import collections
import contextlib
import threading
import time
from collections.abc import Iterator

from django.conf import settings
from django.db import connection, transaction

from integrations.models import SpeedLimit

#: Turns are dealt so that N + 1 requests need at least a second and this: what is lost between
#: a turn and its request's arrival (half of it here, and as much for the network) cannot put more
#: than N into any second.
_MARGIN_SECONDS = 0.1
#: A limit beyond Procountor's own: half of it is given for asking the database less often.
_PLENTY_PER_SECOND = 200
_MARGIN_OF_PLENTY_SECONDS = 1.0
#: How far ahead a process may hold turns when many are to be had.
_AHEAD_SECONDS = 0.2
_FEWEST_AHEAD = 2
#: Where turns are plenty, those count that last for as long as a refill may be away: a worker
#: that settles a batch must not run out of them meanwhile.
_LASTING_SECONDS = 0.1
#: How often a process that holds turns looks whether they may still be used.
_LOOK_SECONDS = 0.1
#: Nobody waits longer than this for a turn, and no hold lasts longer: a value beyond it was
#: written by a clock that has been put right since.
MAX_WAIT_SECONDS = 300.0
#: Whoever reads at low priority looks so often for a turn that nobody wants, and takes one in
#: line after so long.
_SPARE_LOOK_SECONDS = 0.1
_PATIENCE_SECONDS = 10.0

_NOW = {
    "postgresql": "EXTRACT(EPOCH FROM clock_timestamp())::double precision",
    "sqlite": "((julianday('now') - 2440587.5) * 86400.0)",
}


def are_plenty() -> bool:
    """Whether more requests are allowed than one worker is likely to make."""
    return float(settings.PROCOUNTOR_REQUESTS_PER_SECOND) > _PLENTY_PER_SECOND


def _margin_seconds() -> float:
    return _MARGIN_OF_PLENTY_SECONDS if are_plenty() else _MARGIN_SECONDS


def interval_seconds() -> float:
    """The time between two turns."""
    return (1 + _margin_seconds()) / float(settings.PROCOUNTOR_REQUESTS_PER_SECOND)


def late_seconds() -> float:
    """How much later than its turn a request may leave. One that is later takes a new turn,
    because late ones would bunch up."""
    return _margin_seconds() / 2


def reserve(name: str, count: int) -> float:
    """Take `count` turns of environment `name`, an interval apart, and return the first as a
    value of `time.monotonic()`."""
    interval = interval_seconds()
    while True:
        before = time.monotonic()
        wait_seconds = _take(name, count * interval)
        after = time.monotonic()
        # The turns were dealt somewhere in between; when that is wide they are not exact.
        if wait_seconds > 0 or after - before <= late_seconds():
            return after + wait_seconds


def _take(name: str, seconds: float) -> float:
    """Move the row's next moment on; returns how long the moment before was away."""
    now, cap = _NOW[connection.vendor], MAX_WAIT_SECONDS
    floor = f"CASE WHEN held_until BETWEEN {now} AND {now} + {cap} THEN held_until ELSE {now} END"
    start = f"CASE WHEN next_at BETWEEN {floor} AND {now} + {cap} THEN next_at ELSE {floor} END"
    # Only the constants above are put into the statement; values are parameters.
    statement = (
        f"UPDATE integrations_speedlimit SET next_at = {start} + %s "  # nosec B608
        f"WHERE name = %s RETURNING next_at - %s - {now}"
    )
    while True:
        with connection.cursor() as cursor:
            cursor.execute(statement, [seconds, name, seconds])
            row = cursor.fetchone()
        if row is not None:
            return max(0.0, float(row[0]))
        SpeedLimit.objects.bulk_create([SpeedLimit(name=name)], ignore_conflicts=True)


def held_seconds(name: str) -> float:
    """For how long nobody may send to `name`; 0 when nobody is held back."""
    statement = (
        f"SELECT held_until - {_NOW[connection.vendor]} "  # nosec B608
        "FROM integrations_speedlimit WHERE name = %s"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [name])
        row = cursor.fetchone()
    seconds = float(row[0]) if row else 0.0
    return seconds if 0 < seconds <= MAX_WAIT_SECONDS else 0.0


def hold_back(name: str, seconds: float) -> None:
    """Let nobody send to environment `name` for `seconds`: Procountor asked us to slow down."""
    now, seconds = _NOW[connection.vendor], min(seconds, MAX_WAIT_SECONDS - 1)
    statement = (
        f"UPDATE integrations_speedlimit SET held_until = {now} + %s "  # nosec B608
        f"WHERE name = %s AND held_until NOT BETWEEN {now} + %s AND {now} + {MAX_WAIT_SECONDS}"
    )
    with transaction.atomic():
        SpeedLimit.objects.bulk_create([SpeedLimit(name=name)], ignore_conflicts=True)
        with connection.cursor() as cursor:
            cursor.execute(statement, [seconds, name, seconds])


def wait_for_turn(name: str) -> None:
    """Block until this caller may send one request to environment `name`."""
    turn = getattr(_granted, "turn", None)
    _granted.turn = None
    if turn is not None and time.monotonic() <= turn + late_seconds():
        return
    while True:
        turn = reserve(name, 1)
        time.sleep(max(0.0, turn - time.monotonic()))
        # Someone may have been told to slow down while this one slept.
        if time.monotonic() <= turn + late_seconds() and not held_seconds(name):
            return


def wait_for_spare_turn(name: str, patience_seconds: float = _PATIENCE_SECONDS) -> None:
    """Block until a request may be sent that is to delay nobody's: a turn is taken only while
    nobody else has taken a later one. Who has been patient for so long waits in line like the
    others once, so that reading goes on, slowly, beside a full load."""
    until = time.monotonic() + patience_seconds
    while time.monotonic() < until:
        if _take_spare(name):
            return
        time.sleep(_SPARE_LOOK_SECONDS)
    wait_for_turn(name)


def _take_spare(name: str) -> bool:
    """Take the turn of this moment, if it is free and nobody is held back."""
    now, cap = _NOW[connection.vendor], MAX_WAIT_SECONDS
    statement = (
        f"UPDATE integrations_speedlimit SET next_at = {now} + %s WHERE name = %s "  # nosec B608
        f"AND next_at NOT BETWEEN {now} AND {now} + {cap} "
        f"AND held_until NOT BETWEEN {now} AND {now} + {cap}"
    )
    before = time.monotonic()
    with connection.cursor() as cursor:
        cursor.execute(statement, [interval_seconds(), name])
        taken = cursor.rowcount > 0
    if not taken:
        SpeedLimit.objects.bulk_create([SpeedLimit(name=name)], ignore_conflicts=True)
    # Where dealing it took too long the moment has passed.
    return taken and time.monotonic() - before <= late_seconds()


_granted = threading.local()


@contextlib.contextmanager
def granted(turn: float) -> Iterator[None]:
    """This thread's next request has its turn already, unless it leaves too late for it."""
    _granted.turn = turn
    try:
        yield
    finally:
        _granted.turn = None


class Turns:
    """Turns of one environment that this process holds for the next moments.

    One thread refills them from the database, others take them; a turn that nobody took in time
    is lost. Thread-safe.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._turns: collections.deque[float] = collections.deque()
        self._lock = threading.Lock()
        self._looked_at = 0.0

    def refill(self, wanted: int) -> int:
        """Hold turns for up to `wanted` requests, but only for the next moments; returns how
        many were added."""
        self._drop_late()
        wanted = min(wanted, max(_FEWEST_AHEAD, int(_AHEAD_SECONDS / interval_seconds())))
        lasting = self._lasting()
        # While half of them are held, the rest is not worth a write.
        is_enough = 2 * lasting > wanted
        if is_enough and time.monotonic() <= self._looked_at + _LOOK_SECONDS:
            return 0
        self._looked_at = time.monotonic()
        if held_seconds(self.name):
            self.drop()
            return 0
        if is_enough:
            return 0
        interval, missing = interval_seconds(), wanted - lasting
        first = reserve(self.name, missing)
        with self._lock:
            self._turns.extend(first + number * interval for number in range(missing))
        return missing

    def take(self) -> float | None:
        """The next turn as a value of `time.monotonic()`, with time left to leave; None when
        there is none in hand."""
        self._drop_late()
        with self._lock:
            return self._turns.popleft() if self._turns else None

    def drop(self) -> None:
        """Give up what is held: someone was told to slow down."""
        with self._lock:
            self._turns.clear()

    def _lasting(self) -> int:
        until = time.monotonic() + (_LASTING_SECONDS if are_plenty() else 0.0)
        with self._lock:
            return sum(turn >= until - late_seconds() / 2 for turn in self._turns)

    def _drop_late(self) -> None:
        late = time.monotonic() - late_seconds() / 2
        with self._lock:
            while self._turns and self._turns[0] < late:
                self._turns.popleft()
