"""Bulk re-sends: planned, frozen, executed in stages, and nothing twice."""

from __future__ import annotations

import contextlib
import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from invoices import engine, entered, exports, plans, tasks
from invoices.models import AuditEvent, InvoiceExport, SubmissionAttempt
from invoices.plan_models import BulkPlan, BulkPlanItem, PlanChoice
from invoices.plans import making, running
from tests import factories
from tests.bulk import failed, heal, states, work

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    """The engine takes its turn after the plan's, not beside it."""
    monkeypatch.setattr(running, "_TURN_SECONDS", 0)


@pytest.fixture
def person():
    return factories.UserFactory(role="Accountant")


@pytest.fixture
def planned(person):
    def plan(**chosen):
        return plans.make(
            InvoiceExport.objects.filter(**chosen), by=person, filter_words="Status: Failed"
        )

    return plan


def begun(plan, person):
    plans.start(plan, by=person, reason="Mapping corrected")
    return plan


@pytest.fixture
def booked(sandbox):
    """The numbers in Procountor's books; one that is there twice would be twice."""
    return lambda: sorted(row["originalInvoiceNumber"] for row in sandbox.ledger())


def test_plan_says_of_each_export_what_will_become_of_it(tenant, planned):
    rows = failed(tenant, *["unmapped"] * 7)
    for export, fields in zip(
        rows[1:],
        (
            {"status": "parked", "parked_reason": "closed_period"},
            {"status": "unknown"},
            {"status": "queued"},
            {"status": "reconciled"},
            {"status": "skipped"},
            {"remote_id": 7},
        ),
        strict=True,
    ):
        InvoiceExport.objects.filter(pk=export.pk).update(**fields)

    plan = planned()

    one = {"count": 1, "euros": "100.00"}
    assert plan.summary == dict.fromkeys(
        ("submit", "period", "unknown", "under_way", "done", "skipped", "look"), one
    )
    assert states(plan) == {"pending": 2, "left_out": 5}
    assert InvoiceExport.objects.filter(status="queued").count() == 1


def test_exports_of_a_paused_tenant_are_not_allowed(tenant, planned):
    failed(tenant, "unmapped")
    tenant.state = "paused"
    tenant.save(update_fields=["state"])

    assert planned().summary["tenant"]["count"] == 1


def test_lost_answer_is_looked_for_and_adopted(tenant, planned, person, sandbox, booked):
    (export,) = failed(tenant, "good")
    assert booked() == ["R-1"]
    InvoiceExport.objects.filter(pk=export.pk).update(
        status="needs_attention", attention_reason="retries_exhausted"
    )

    plan = begun(planned(), person)
    work(plan)

    export.refresh_from_db()
    assert plan.summary["look"]["count"] == 1
    assert (export.status, booked()) == ("reconciled", ["R-1"])
    assert SubmissionAttempt.objects.count() == 1


def test_stages_are_one_five_and_the_rest(tenant, planned, person, booked):
    failed(tenant, *["unmapped"] * 12)
    heal(tenant)
    plan = begun(planned(), person)

    seen = []
    for _stage in range(3):
        tasks.advance_plan(plan.pk)
        seen.append(InvoiceExport.objects.filter(status="queued").count())
        tasks.advance_plan(plan.pk)
        assert InvoiceExport.objects.filter(status="queued").count() == seen[-1]
        engine.run_lanes()
    work(plan)

    assert seen == [1, 5, 6]
    assert (plan.state, states(plan)) == ("finished", {"landed": 12})
    assert len(booked()) == len(set(booked())) == 12
    assert (
        list(plan.items.order_by("pk").values_list("stage", flat=True)) == [1] + [2] * 5 + [3] * 6
    )


def test_three_equal_errors_stop_it_and_it_can_be_resumed(tenant, planned, person, booked):
    rows = failed(tenant, *["unmapped"] * 12)
    plan = begun(planned(), person)

    work(plan)

    assert (plan.state, plan.stage, plan.stopped_by) == ("stopped", 2, None)
    assert plan.stopped_for["code"] == "vat_category_unmapped"
    assert states(plan) == {"failed": 6, "pending": 6}
    heal(tenant)
    plans.resume(plan, by=person)
    work(plan)
    assert (plan.state, states(plan)) == ("finished", {"failed": 6, "landed": 6})
    assert len(booked()) == 6
    assert len(rows) == 12


def test_different_errors_do_not_stop_it(tenant, planned, person):
    tenant.company.close_period(dt.date(2026, 3, 1), dt.date(2026, 3, 31))
    failed(tenant, "unmapped", "unmapped", "rate", "rate")

    plan = work(begun(planned(), person))

    assert (plan.state, sum(states(plan).values())) == ("finished", 4)


def test_person_stops_it_and_what_waits_is_taken_back(tenant, planned, person, booked):
    failed(tenant, *["unmapped"] * 12)
    heal(tenant)
    plan = begun(planned(), person)
    for _stage in range(2):
        tasks.advance_plan(plan.pk)
        engine.run_lanes()
    tasks.advance_plan(plan.pk)
    assert InvoiceExport.objects.filter(status="queued").count() == 6

    plans.stop(BulkPlan.objects.get(), by=person)

    assert states(plan) == {"landed": 6, "pending": 6}
    held = InvoiceExport.objects.filter(status="parked", parked_reason="person")
    assert held.count() == 6
    engine.run_lanes()
    assert len(booked()) == 6
    plans.resume(plan, by=person)
    work(plan)
    assert (states(plan), len(booked())) == ({"landed": 12}, 12)


def test_errors_from_before_a_stop_do_not_stop_it_again(tenant, planned, person):
    failed(tenant, *["unmapped"] * 12)
    plan = begun(planned(), person)
    tasks.advance_plan(plan.pk)
    engine.run_lanes()
    tasks.advance_plan(plan.pk)
    engine.run_lanes()
    plans.stop(BulkPlan.objects.get(), by=person)
    assert states(plan) == {"failed": 1, "queued": 5, "pending": 6}

    heal(tenant)
    plans.resume(plan, by=person)
    work(plan)

    assert (plan.state, states(plan)) == ("finished", {"failed": 6, "landed": 6})


def test_what_was_under_way_at_a_stop_is_settled_all_the_same(tenant, planned, person):
    failed(tenant, *["unmapped"] * 12)
    plan = begun(planned(), person)
    tasks.advance_plan(plan.pk)
    engine.run_lanes()
    plans.stop(BulkPlan.objects.get(), by=person)

    tasks.follow_plans()

    assert states(plan) == {"failed": 1, "pending": 11}


def test_plan_is_frozen_for_fifteen_minutes(tenant, planned, person):
    failed(tenant, "unmapped")
    plan = planned()

    with (
        time_machine.travel(timezone.now() + dt.timedelta(minutes=15, seconds=1)),
        pytest.raises(plans.NotPossible, match="15 minutes"),
    ):
        plans.start(plan, by=person, reason="x")

    assert BulkPlan.objects.get().state == "frozen"


def test_what_changed_since_is_left_out(tenant, planned, person, booked):
    one, two, three = failed(tenant, *["unmapped"] * 3)
    heal(tenant)
    plan = planned()
    exports.queue(one, by=person)
    exports.skip(two, by=person, reason="Entered by hand")

    work(begun(plan, person))

    assert states(plan) == {"changed": 2, "landed": 1}
    assert booked() == ["R-1", "R-3"]


def test_what_was_said_to_be_entered_by_hand_is_left_out(tenant, planned, person):
    one, two = failed(tenant, "unmapped", "unmapped")
    heal(tenant)
    plan = planned()
    assert entered.say(one, 4711, by=person, reason="Typed in")

    work(begun(plan, person))

    assert states(plan) == {"changed": 1, "landed": 1}
    one.refresh_from_db()
    assert one.status == "needs_attention"


def test_same_status_after_another_try_has_changed_too(tenant, planned, person):
    (export,) = failed(tenant, "unmapped")
    plan = planned()
    exports.queue(export, by=person)
    engine.run_lanes()
    export.refresh_from_db()
    assert export.status == "needs_attention"

    work(begun(plan, person))

    assert states(plan) == {"changed": 1}


def test_two_people_start_it_and_one_does(tenant, planned, person):
    failed(tenant, "unmapped")
    plan = planned()
    begun(plan, person)

    with pytest.raises(plans.NotPossible, match="somebody else"):
        plans.start(plan, by=factories.UserFactory(), reason="x")

    assert AuditEvent.objects.filter(action="bulk.started").count() == 1


def test_two_workers_at_once_queue_each_export_once(tenant, planned, person, booked):
    failed(tenant, *["unmapped"] * 30)
    heal(tenant)
    plan = begun(planned(), person)

    def drive(_number):
        try:
            return tasks.advance_plan(plan.pk)
        finally:
            connection.close()

    for _round in range(40):
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(drive, range(3)))
        # As if the one who had it had died with it.
        BulkPlan.objects.update(lease_until=None)
        engine.run_lanes()
        plan.refresh_from_db()
        if plan.state != "running":
            break

    assert states(plan) == {"landed": 30}
    queued = AuditEvent.objects.filter(action="export.queued", data__plan=plan.pk)
    assert (queued.count(), len(booked())) == (30, 30)


def test_two_plans_of_the_same_exports_queue_each_once(tenant, planned, person, booked):
    failed(tenant, *["unmapped"] * 9)
    heal(tenant)
    first, second = begun(planned(), person), begun(planned(), person)

    for _round in range(10):
        tasks.advance_plan(first.pk)
        tasks.advance_plan(second.pk)
        engine.run_lanes()

    assert len(booked()) == 9
    both = BulkPlanItem.objects.filter(state="landed").count()
    assert (both, BulkPlanItem.objects.filter(state="changed").count()) == (9, 9)


@pytest.mark.parametrize("step", ["_settle", "_feed", "_queue", "_finish"])
def test_worker_that_dies_leaves_nothing_half_done(
    tenant, planned, person, monkeypatch, step, booked
):
    failed(tenant, *["unmapped"] * 8)
    heal(tenant)
    plan = begun(planned(), person)
    real = getattr(running, step)
    deaths = []

    def dying(*arguments):
        if len(deaths) < 3:
            real(*arguments)
            deaths.append(step)
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(running, step, dying)
    for _round in range(40):
        with contextlib.suppress(KeyboardInterrupt):
            tasks.advance_plan(plan.pk)
        BulkPlan.objects.update(lease_until=None)
        engine.run_lanes()
        plan.refresh_from_db()
        if plan.state != "running":
            break

    assert deaths
    assert states(plan) == {"landed": 8}
    assert len(booked()) == 8


def test_lease_of_a_dead_worker_ends_and_the_schedule_drives_on(tenant, planned, person):
    failed(tenant, "unmapped")
    heal(tenant)
    plan = begun(planned(), person)
    BulkPlan.objects.update(holder="dead", lease_until=timezone.now() + dt.timedelta(seconds=60))

    assert (tasks.advance_plan(plan.pk), tasks.follow_plans()) == (False, 0)
    with time_machine.travel(timezone.now() + dt.timedelta(seconds=61)):
        assert tasks.follow_plans() == 1


def test_making_costs_the_same_for_few_and_many(tenant, planned, django_assert_num_queries):
    failed(tenant, *["unmapped"] * 40)

    with django_assert_num_queries(19):
        planned(invoice__number="R-1")
    with django_assert_num_queries(19):
        planned()


def test_every_act_is_in_the_trail(tenant, planned, person):
    failed(tenant, *["unmapped"] * 2)
    heal(tenant)
    plan = begun(planned(), person)
    plans.stop(plan, by=person)
    plans.resume(plan, by=person)
    work(plan)

    acts = AuditEvent.objects.filter(action__startswith="bulk.").order_by("pk")
    assert [event.action for event in acts] == [
        "bulk.planned", "bulk.started", "bulk.stopped", "bulk.resumed", "bulk.finished",
    ]  # fmt: skip
    assert {event.by for event in acts} == {person}
    queued = AuditEvent.objects.filter(action="export.queued").latest("pk")
    assert (queued.by, queued.data["reason"]) == (person, "Mapping corrected")


@pytest.fixture
def of_two(monkeypatch):
    """A plan of more than two is a large one."""
    monkeypatch.setattr(making, "AT_ONCE", 2)


def test_large_plan_is_made_in_the_background(tenant, planned, person, booked, of_two):
    failed(tenant, *["unmapped"] * 5)
    heal(tenant)

    plan = planned()
    assert (plan.state, plan.chosen, states(plan)) == ("making", 5, {})
    with pytest.raises(plans.NotPossible):
        begun(plan, person)
    seen = []
    while tasks.advance_plan(plan.pk):
        seen.append(states(plan))

    plan.refresh_from_db()
    assert seen == [{"pending": 2}, {"pending": 4}]
    assert (plan.state, plan.summary) == ("frozen", {"submit": {"count": 5, "euros": "500.00"}})
    assert plan.expires_at > timezone.now() + dt.timedelta(minutes=14)
    assert not PlanChoice.objects.exists()
    assert states(work(begun(plan, person))) == {"landed": 5}
    assert len(booked()) == 5


def test_what_was_chosen_for_a_large_plan_stays_what_it_was(tenant, planned, of_two):
    one, *_rest = failed(tenant, *["unmapped"] * 3)
    plan = planned(status="needs_attention")
    InvoiceExport.objects.filter(pk=one.pk).update(status="skipped")

    while tasks.advance_plan(plan.pk):
        pass

    assert states(plan) == {"left_out": 1, "pending": 2}


@pytest.mark.parametrize("step", ["_make_part", "_look_at", "_freeze"])
def test_worker_that_dies_making_a_plan_loses_nothing(tenant, planned, monkeypatch, step, of_two):
    failed(tenant, *["unmapped"] * 5)
    plan = planned()
    real, deaths = getattr(making, step), []

    def dying(*arguments):
        done = real(*arguments)
        if len(deaths) < 2:
            deaths.append(step)
            raise KeyboardInterrupt
        return done

    monkeypatch.setattr(making, step, dying)
    for _round in range(8):
        # Its lease dies with it; the schedule drives on.
        BulkPlan.objects.update(lease_until=None)
        for unfinished in plans.unfinished():
            with contextlib.suppress(KeyboardInterrupt):
                tasks.advance_plan(unfinished)

    plan.refresh_from_db()
    assert len(deaths) == 2
    assert (plan.state, states(plan)) == ("frozen", {"pending": 5})
    assert plan.summary == {"submit": {"count": 5, "euros": "500.00"}}
    assert AuditEvent.objects.filter(action="bulk.planned").count() == 1


def test_two_workers_making_one_plan_look_at_each_export_once(tenant, planned, of_two):
    failed(tenant, *["unmapped"] * 9)
    plan = planned()

    def make(_number):
        try:
            return making.go_on(plan.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(make, range(3)))

    plan.refresh_from_db()
    assert (plan.state, states(plan), plan.summary["submit"]["count"]) == (
        "frozen",
        {"pending": 9},
        9,
    )


def test_plan_of_nothing_is_frozen_and_empty(tenant, planned):
    assert (planned().state, planned().summary) == ("frozen", {})
