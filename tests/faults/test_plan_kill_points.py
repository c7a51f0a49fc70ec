"""The worker that makes and drives a bulk re-send dies at exactly one moment after the other:
between looking and writing, before and after each commit, before the wake-up. Whoever comes next
goes on from the rows."""

from __future__ import annotations

import signal

import pytest

from tests.faults import verdict
from tests.faults.plans import MAPPED, SEEN_SECONDS, TUNING, Rows, findings, strays
from tests.faults.run import running, until

EXPORTS = 9
MAKING, RUNNING = "invoices.plans.making", "invoices.plans.running"
#: Where a worker dies, and what must be in the database then: state, items of the plan, and how
#: often it has queued an export.
DEATHS_MAKING = [
    ((MAKING, "_look_at", "after"), ("making", {}, 0)),
    ((MAKING, "_make_part", "after"), ("making", {"pending": 4}, 0)),
    ((MAKING, "_freeze", "after"), ("making", {"pending": 8}, 0)),
]
DEATHS_RUNNING = [
    ((RUNNING, "_queue", "after"), ("running", {"pending": 9}, 0)),
    (("invoices.engine.waking", "wake_one_worker", "before"), None),
    ((RUNNING, "_settle", "after"), ("running", {"landed": 1, "pending": 8}, 1)),
    ((RUNNING, "_feed", "after"), ("running", {"landed": 1, "pending": 8}, 1)),
]


@pytest.mark.timeout(240)
@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_worker_that_dies_between_steps_leaves_what_the_next_goes_on_from(
    database, servers, tmp_path
):
    servers(database)
    with running(database, tmp_path / "run", **TUNING) as run:
        rows = Rows(run)
        tenants = run.open_back_office(1)
        desk = run.open_desk(PLAN_AT_ONCE="4")
        run.hand_in(tenants[0]["slug"], [f"PLAN-{n}" for n in range(EXPORTS)], ("K", "E"))
        failed = {"needs_attention": EXPORTS}
        until(lambda: rows.statuses() == failed, SEEN_SECONDS, "mapping failed")
        run.end(run.back_office)
        desk("map", **MAPPED)

        pk = desk("plan", search="PLAN-")
        for moment, left in DEATHS_MAKING:
            _dies(rows, pk, moment, left)
        _works(run, "plan", pk)
        assert desk("act", pk=pk, act="start") == 302
        for moment, left in DEATHS_RUNNING:
            _dies(rows, pk, moment, left)
            _works(run, "lane", tenants[0]["pk"])
        while rows.plan(pk)["state"] == "running":
            _works(run, "plan", pk)
            _works(run, "lane", tenants[0]["pk"])

        assert rows.items(pk) == {"landed": EXPORTS}
        assert rows.queued_by(pk) == EXPORTS
        found = [*findings(rows, pk), *strays(rows, {pk}), *verdict.findings(run, tenants)]
        assert found == [], "\n".join([*found, run.log_tail()])


def _dies(rows, pk, moment, left):
    worker = rows.run.start("worker", "plan", str(pk), *moment)
    assert worker.wait(SEEN_SECONDS) == -signal.SIGKILL, rows.run.log_tail()
    if left is not None:
        found = (rows.plan(pk)["state"], dict(rows.items(pk)), rows.queued_by(pk))
        assert found == left, moment


def _works(run, what, pk):
    worker = run.start("worker", what, str(pk), EXPORT_LINGER_SECONDS="0.2")
    assert worker.wait(SEEN_SECONDS) == 0, run.log_tail()
