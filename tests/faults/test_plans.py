"""Bulk re-sends while their workers are killed: nothing twice, nothing lost, nothing queued that
the plan had not allowed, and the plan ends with counts that are true."""

from __future__ import annotations

import os
import secrets

import pytest

from tests.faults.plans import MAPPED, TUNING, Office, findings, judged
from tests.faults.run import running

SEED = os.environ.get("FAULT_SEED") or secrets.token_hex(4)
EXPORTS, OTHERS = 240, 9
#: So many in each stage; of the rest, until each of two stops, and after.
KILLS, KILLS_OF_REST = {1: 3, 2: 3, 3: 10}, (5, 10)


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("database", "clusters"), [("sqlite", 1), ("postgres", 2)])
def test_plan_whose_workers_are_killed_books_once_and_counts_right(
    database, clusters, servers, tmp_path
):
    servers(database)
    with running(database, tmp_path / "run", **TUNING) as run:
        office = Office(run, clusters, SEED)
        office.fail("PLAN-", EXPORTS)
        office.fail("X-", OTHERS)
        run.end(run.back_office)
        office.desk("map", **MAPPED)

        executed = _executed(office)
        rest = _the_rest(office)

        print(f"FAULT_SEED={SEED} {database}: kills {dict(office.killer.killed)}, ", end="")
        print(f"items {dict(executed)}, restarts {dict(office.supervisor.restarts)}")
        assert executed.total() == EXPORTS
        assert all(office.killer.killed[stage] >= least for stage, least in KILLS.items())
        for cluster in office.supervisor.clusters:
            run.end(cluster.process)
        found = judged(office, {rest - 1, rest})
        assert found == [], "\n".join([f"FAULT_SEED={SEED}", *found, run.log_tail()])


def _executed(office):
    """A plan of the P's, driven through its stages with kills in each; its items' states."""
    pk = office.pk = office.desk("plan", search="PLAN-")
    # Nothing leaves until enough workers died in the stage.
    office.hold_speed(60)
    assert office.desk("act", pk=pk, act="start") == 302
    for stage in (1, 2):
        office.wait(lambda stage=stage: office.stage >= stage, f"stage {stage}")
        office.hold_speed(60)
        _killed(office, KILLS[stage])
        office.hold_speed(0)
    office.wait(lambda: office.stage == 3, "the rest")
    for kills in KILLS_OF_REST:
        _killed(office, kills)
        _stopped(office)
    _finished(office)
    assert list(findings(office, pk)) == []
    assert office.desk("show", pk=pk) == 200
    return office.items(pk)


def _killed(office, kills):
    def enough():
        _resumed(office)
        return office.killer.killed[office.stage] >= kills

    office.wait(enough, f"{kills} killed", kills=kills)


def _resumed(office):
    """As long as it runs: a person resumes what stopped by itself, for a cause she has seen."""
    state = office.plan(office.pk)["state"]
    if state == "stopped":
        office.desk("act", pk=office.pk, act="resume")
    return state


def _stopped(office):
    """A person stops it; while it is stopped it queues nothing, and what was under way is noted."""
    assert office.desk("act", pk=office.pk, act="stop") == 302
    assert office.plan(office.pk)["state"] == "stopped"
    queued = office.queued_by(office.pk)
    office.wait(lambda: not office.items(office.pk)["queued"], "what was under way is noted")
    assert office.queued_by(office.pk) == queued
    assert office.desk("act", pk=office.pk, act="resume") == 302


def _finished(office):
    office.wait(lambda: _resumed(office) == "finished", "the plan is finished")
    office.wait(office.settled, "everything is settled")


def _the_rest(office):
    """What was in no plan was never touched; a second plan, undisturbed, books it and whatever
    was killed too often in the first."""
    others = office.database.rows(
        "SELECT e.status, count(*) AS n FROM invoices_invoiceexport e JOIN invoices_invoice i"
        " ON i.id = e.invoice_id WHERE i.number LIKE 'X-%' GROUP BY e.status"
    )
    assert [(row["status"], row["n"]) for row in others] == [("needs_attention", OTHERS)]
    office.pk = office.desk("plan", search="")
    assert office.desk("act", pk=office.pk, act="start") == 302
    _finished(office)
    assert list(findings(office, office.pk)) == []
    return office.pk
