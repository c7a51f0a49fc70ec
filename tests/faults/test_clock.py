"""The machine's clock is put right by an hour, in either direction, at the worst moments.

The engine runs in this process, so that time-machine moves its clock; `time.monotonic` goes on,
as it does when a clock is set.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import threading

import pytest
import time_machine
from django.core.cache import cache
from django.db import connection

from invoices import engine
from invoices.enums import ExportStatus
from tests.faults.run import until

pytestmark = pytest.mark.django_db(transaction=True)
POSTS = {"method": "POST", "path": "/invoices"}
FORWARD, BACK = dt.timedelta(hours=1), dt.timedelta(hours=-1)
SETTLED_SECONDS = 20


@pytest.fixture(autouse=True)
def _short_waits(settings):
    settings.EXPORT_LOOKUP_SECONDS = [1, 1]
    settings.EXPORT_RETRY_SECONDS = [1, 1, 1]
    settings.EXPORT_READ_AGAIN_SECONDS = [1, 1, 1]


def clock_set_by(step):
    return time_machine.travel(dt.datetime.now(dt.UTC) + step, tick=True)


@contextlib.contextmanager
def working(tenant):
    """A worker at the lane, in a thread, for the time of the block and until it ends."""

    def work():
        try:
            engine.run_lane(tenant.pk)
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    yield
    thread.join(30)
    assert not thread.is_alive()


def settles(tenant, export):
    """Whether the export is reconciled before long, by sweeps and runs only."""

    def reconciled():
        engine.sweep()
        engine.run_lane(tenant.pk)
        export.refresh_from_db()
        return export.status == ExportStatus.RECONCILED

    return until(reconciled, SETTLED_SECONDS, "the export is reconciled")


def posts(sandbox):
    return sum(1 for r in sandbox.requests if (r[1], r[2]) == ("POST", "/invoices"))


@pytest.mark.parametrize("step", [FORWARD, BACK])
@pytest.mark.parametrize("swept", [True, False])
def test_clock_set_during_a_request_submits_once(tenant, queued, sandbox, step, swept):
    (export,) = queued("A-1")
    sandbox.fault(kind="slow", delay_seconds=1, after_effect=True, **POSTS)

    with working(tenant):
        until(lambda: not sandbox.faults.pending(), SETTLED_SECONDS, "the POST is held")
        clock = clock_set_by(step)
        clock.start()
        if swept:
            engine.sweep()  # forward by an hour: the claim looks dead
    try:
        assert settles(tenant, export)
    finally:
        clock.stop()

    assert (posts(sandbox), sandbox.duplicates(), len(sandbox.ledger())) == (1, [], 1)


@pytest.mark.parametrize("step", [FORWARD, BACK])
def test_clock_set_back_again_leaves_nothing_behind(tenant, queued, sandbox, step):
    """What was written while the clock was wrong holds nobody up once it is right."""
    with clock_set_by(step):
        (first,) = queued("A-1")
        assert settles(tenant, first)

    (second,) = queued("A-2")

    assert settles(tenant, second)
    assert (posts(sandbox), sandbox.duplicates()) == (2, [])


@pytest.mark.parametrize("booked", [True, False])
def test_unknown_is_settled_early_when_the_clock_goes_forward(tenant, queued, sandbox, booked):
    (export,) = queued("A-1")
    sandbox.fault(kind="html_500", after_effect=booked, **POSTS)
    engine.run_lane(tenant.pk)

    with clock_set_by(FORWARD):
        assert settles(tenant, export)

    assert (posts(sandbox), len(sandbox.ledger())) == (1 if booked else 2, 1)


@pytest.mark.parametrize("booked", [True, False])
def test_unknown_waits_for_its_time_when_the_clock_goes_back(tenant, queued, sandbox, booked):
    """It waits by the clock on the wall; when that is right again it goes on."""
    (export,) = queued("A-1")
    sandbox.fault(kind="html_500", after_effect=booked, **POSTS)
    engine.run_lane(tenant.pk)

    with clock_set_by(BACK):
        engine.sweep()
        engine.run_lane(tenant.pk)
        export.refresh_from_db()
        assert (export.status, posts(sandbox)) == (ExportStatus.UNKNOWN, 1)

    assert settles(tenant, export)
    assert (posts(sandbox), len(sandbox.ledger())) == (1 if booked else 2, 1)


def test_submitted_export_is_read_back_though_the_cache_was_lost(tenant, queued, sandbox):
    (export,) = queued("A-1")
    sandbox.fault(kind="html_500", method="GET", path="/invoices/")
    engine.run_lane(tenant.pk)
    export.refresh_from_db()
    assert export.status == ExportStatus.SUBMITTED

    cache.clear()

    assert settles(tenant, export)
