"""Choosing what to re-send and the plan's page: who may what, and what it says."""

from __future__ import annotations

import datetime as dt

import pytest
import time_machine
from django.utils import timezone
from django_q.models import OrmQ

from invoices import plans, tasks
from invoices.models import InvoiceExport
from invoices.plan_models import BulkPlan
from invoices.plans import making, running
from tests import factories
from tests.bulk import failed, heal, work
from tests.rehearsals import take_in
from tests.staff import ANONYMOUS, EVERYBODY, NO_RIGHTS, log_in, refusal, said, text, url

pytestmark = pytest.mark.django_db

RESEND, PLAN = "invoices_invoiceexport_resend", "invoices_bulkplan_plan"
MAY = {"Accountant", "Administrator"}
ROLES = set(EVERYBODY) - {ANONYMOUS, NO_RIGHTS}


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    """The engine takes its turn after the plan's, not beside it."""
    monkeypatch.setattr(running, "_TURN_SECONDS", 0)


def expected(rung, allowed, answer="shown"):
    if rung == ANONYMOUS:
        return "log in"
    return answer if rung in allowed else "refused"


def held(tenant, count):
    """Exports that wait for a mapping; nothing ran."""
    take_in(tenant, *["unmapped"] * count, queue=True)
    return list(InvoiceExport.objects.order_by("pk"))


def planned(**chosen):
    person = factories.UserFactory(role="Accountant")
    exports = InvoiceExport.objects.filter(**chosen)
    return plans.make(exports, by=person, filter_words="Status: Needs attention")


def items(plan):
    return sorted(plan.items.values_list("export__invoice__number", flat=True))


@pytest.mark.parametrize("rung", EVERYBODY)
def test_plan_is_made_by_its_roles_only(client, tenant, rung):
    held(tenant, 1)
    log_in(client, rung)

    answer = client.post(url(RESEND), {"choose": "all"})

    assert refusal(answer) == expected(rung, MAY, "moved")
    assert BulkPlan.objects.count() == (rung in MAY)


@pytest.mark.parametrize("rung", EVERYBODY)
def test_plan_is_seen_by_every_role(client, tenant, rung):
    held(tenant, 1)
    plan = planned()
    log_in(client, rung)

    assert refusal(client.get(url(PLAN, plan.pk))) == expected(rung, ROLES)
    assert refusal(client.get(url("invoices_bulkplan_changelist"))) == expected(rung, ROLES)


@pytest.mark.parametrize("rung", EVERYBODY)
@pytest.mark.parametrize("act", ["start", "stop", "resume"])
def test_plan_is_driven_by_its_roles_only(client, tenant, rung, act):
    held(tenant, 1)
    plan = planned()
    if act != "start":
        plans.start(plan, by=plan.made_by, reason="x")
    if act == "resume":
        plans.stop(plan, by=plan.made_by)
    before = BulkPlan.objects.get().state
    log_in(client, rung)

    answer = client.post(url(PLAN, plan.pk), {act: "1", "reason": "Corrected"})

    after = {"start": "running", "stop": "stopped", "resume": "running"}[act]
    assert refusal(answer) == expected(rung, MAY, "moved")
    assert BulkPlan.objects.get().state == (after if rung in MAY else before)


@pytest.mark.parametrize("act", ["start", "stop", "resume"])
def test_looking_changes_nothing(client, tenant, act):
    held(tenant, 1)
    plan = planned()
    log_in(client, "Accountant")

    client.get(url(PLAN, plan.pk), {act: "1", "reason": "x"})

    assert BulkPlan.objects.get().state == "frozen"
    assert client.get(url(RESEND), {"choose": "all"}).status_code == 405


def test_rows_page_and_filter_are_three_choices(client, tenant):
    one, two, three = held(tenant, 3)
    InvoiceExport.objects.filter(pk=three.pk).update(status="parked")
    log_in(client, "Accountant")
    filtered = f"{url(RESEND)}?status__exact=needs_attention"

    client.post(filtered, {"choose": "rows", "_selected_action": [two.pk], "page_keys": one.pk})
    client.post(filtered, {"choose": "page", "page_keys": f"{one.pk},{three.pk}"})
    client.post(filtered, {"choose": "all", "_selected_action": [two.pk], "page_keys": one.pk})

    rows, page, everything = BulkPlan.objects.order_by("pk")
    assert (items(rows), items(page), items(everything)) == (
        ["R-2"],
        ["R-1", "R-3"],
        ["R-1", "R-2"],
    )
    assert everything.filter_words == "Everything the filter matches · Status: Needs attention"
    assert everything.filter_url.endswith("?status__exact=needs_attention")


def test_buttons_of_the_list_have_their_counts(client, tenant):
    held(tenant, 3)
    log_in(client, "Accountant")
    page = url("invoices_invoiceexport_changelist")

    shown = text(client.get(page, {"q": "R-2"}))
    assert "Re-send the 1 of this page" in shown
    assert "Re-send all 1 that the filter matches" in shown
    assert "Re-send all 3 there are" in text(client.get(page))
    assert "resend-rows" not in text(client.get(page, {"q": "nothing"}))


def test_buttons_are_not_shown_to_who_may_not(client, tenant):
    held(tenant, 1)
    log_in(client, "Support")

    assert "resend-rows" not in text(client.get(url("invoices_invoiceexport_changelist")))


def test_search_and_filters_are_told_in_words(client, tenant):
    held(tenant, 2)
    log_in(client, "Accountant")
    query = f"?tenant__id__exact={tenant.pk}&q=R-2&invoice__date_from=2026-01-01"

    client.post(url(RESEND) + query, {"choose": "all"})

    plan = BulkPlan.objects.get()
    assert items(plan) == ["R-2"]
    for words in (f"tenant__id__exact: {tenant.pk}", "search: R-2", "from 2026-01-01"):
        assert words in plan.filter_words


@pytest.mark.parametrize(
    "posted",
    [{}, {"choose": "x"}, {"choose": "rows"}, {"choose": "page", "page_keys": "x,²,-1,9" * 9}],
)
def test_nothing_chosen_is_said_and_makes_no_plan(client, tenant, posted):
    held(tenant, 1)
    log_in(client, "Accountant")

    answer = client.post(url(RESEND), posted)

    assert (said(answer), BulkPlan.objects.count()) == (["Nothing was chosen."], 0)


def test_plan_says_counts_and_euros_of_each_part(client, tenant):
    one, two, *_rest = held(tenant, 4)
    InvoiceExport.objects.filter(pk=one.pk).update(status="unknown")
    plan = planned()
    InvoiceExport.objects.filter(pk=two.pk).update(changed_at=timezone.now())
    log_in(client, "Accountant")

    shown = client.get(url(PLAN, plan.pk))

    counted = {p["value"]: (p["count"], p["euros"]) for p in shown.context["parts"]}
    assert counted == {"submit": (3, "300.00 EUR"), "unknown": (1, "100.00 EUR")}
    assert shown.context["changed"] == 1
    assert "Re-send 3 invoices, 300.00 EUR" in text(shown)
    assert url("invoices_invoiceexport_change", one.pk) in text(shown)


def test_start_needs_a_reason_and_leaves_a_task(client, tenant, django_capture_on_commit_callbacks):
    held(tenant, 1)
    plan = planned()
    user = log_in(client, "Accountant")
    OrmQ.objects.all().delete()

    refused = client.post(url(PLAN, plan.pk), {"start": "1", "reason": " "})
    assert (refused.status_code, BulkPlan.objects.get().state) == (200, "frozen")
    with django_capture_on_commit_callbacks(execute=True):
        client.post(url(PLAN, plan.pk), {"start": "1", "reason": "Corrected"})

    plan.refresh_from_db()
    assert (plan.state, plan.started_by, plan.reason) == ("running", user, "Corrected")
    (task,) = OrmQ.objects.all()
    assert (task.task["func"], task.task["args"]) == ("invoices.tasks.advance_plan", (plan.pk,))


def test_large_plan_is_made_by_a_task_and_its_page_tells(
    client, tenant, monkeypatch, django_capture_on_commit_callbacks
):
    monkeypatch.setattr(making, "AT_ONCE", 2)
    held(tenant, 5)
    log_in(client, "Accountant")
    OrmQ.objects.all().delete()

    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post(url(RESEND), {"choose": "all"})

    (task,) = OrmQ.objects.all()
    plan = BulkPlan.objects.get()
    assert answer["Location"] == url(PLAN, plan.pk)
    assert (task.task["func"], task.task["args"]) == ("invoices.tasks.advance_plan", (plan.pk,))
    assert tasks.advance_plan(plan.pk)
    shown = text(client.get(url(PLAN, plan.pk)))
    assert "The plan is being made: 2 of 5 invoices looked at." in shown
    assert 'http-equiv="refresh"' in shown and 'name="start"' not in shown
    assert "5" in text(client.get(url("invoices_bulkplan_changelist")))
    client.post(url(PLAN, plan.pk), {"start": "1", "reason": "x"})
    plan.refresh_from_db()
    assert plan.state == "making"

    while tasks.advance_plan(plan.pk):
        pass

    ready = text(client.get(url(PLAN, plan.pk)))
    assert "Re-send 5 invoices" in ready and 'http-equiv="refresh"' not in ready


def test_expired_plan_says_so_and_does_not_start(client, tenant):
    held(tenant, 1)
    plan = planned()
    log_in(client, "Accountant")

    with time_machine.travel(timezone.now() + dt.timedelta(minutes=16)):
        log_in(client, "Accountant")
        shown = text(client.get(url(PLAN, plan.pk)))
        answer = client.post(url(PLAN, plan.pk), {"start": "1", "reason": "x"})
        assert "make it again" in said(answer)[0]

    assert "make it again" in shown
    assert 'name="start"' not in shown
    assert BulkPlan.objects.get().state == "frozen"


def test_second_click_says_that_nothing_changed(client, tenant):
    held(tenant, 1)
    plan = planned()
    log_in(client, "Accountant")
    client.post(url(PLAN, plan.pk), {"start": "1", "reason": "x"})

    answer = client.post(url(PLAN, plan.pk), {"start": "1", "reason": "x"})

    assert said(answer)[-1].startswith("Nothing changed")


@pytest.mark.django_db(transaction=True)
def test_progress_stop_by_itself_and_result_are_told(client, tenant):
    failed(tenant, *["unmapped"] * 8)
    plan = planned()
    log_in(client, "Accountant")
    page = url(PLAN, plan.pk)
    client.post(page, {"start": "1", "reason": "Mapping corrected"})
    tasks.advance_plan(plan.pk)
    assert "Stage 1 of 3" in text(client.get(page))
    assert 'http-equiv="refresh"' in text(client.get(page))

    work(plan)
    stopped = text(client.get(page))
    heal(tenant)
    client.post(page, {"resume": "1"})
    work(plan)
    result = client.get(page)

    assert "the same error came three times" in stopped
    assert "No VAT status is chosen for the VAT category K." in stopped
    counted = {s["value"]: (s["count"], s["euros"]) for s in result.context["states"]}
    assert counted == {"failed": (6, "600.00 EUR"), "landed": (2, "200.00 EUR")}
    assert "Mapping corrected" in text(result)
    assert 'http-equiv="refresh"' not in text(result)
    landed = client.get(page, {"state": "landed"})
    assert [item["number"] for item in landed.context["items"]] == ["R-7", "R-8"]


def test_page_costs_the_same_at_one_and_three_items(client, tenant, django_assert_num_queries):
    held(tenant, 3)
    one, three = planned(invoice__number="R-1"), planned()
    log_in(client, "Accountant")
    client.get(url(PLAN, one.pk))

    with django_assert_num_queries(9):
        client.get(url(PLAN, one.pk))
    with django_assert_num_queries(9):
        client.get(url(PLAN, three.pk))


@pytest.mark.parametrize("query", [{"page": "x"}, {"state": "x"}, {"part": "²"}, {"page": "999"}])
def test_odd_address_is_no_error_page(client, tenant, query):
    held(tenant, 1)
    plan = planned()
    log_in(client, "Accountant")

    assert client.get(url(PLAN, plan.pk), query).status_code == 200
    assert client.get(url(PLAN, 999)).status_code == 404


@pytest.mark.parametrize("verb", ["change", "delete"])
def test_plans_are_evidence(client, tenant, verb):
    held(tenant, 1)
    plan = planned()
    client.force_login(factories.UserFactory(is_superuser=True))

    client.post(url(f"invoices_bulkplan_{verb}", plan.pk), {"post": "yes", "reason": "x"})

    assert BulkPlan.objects.get().reason == ""
