"""Team work on open exports, and the accountant's list of it."""

from __future__ import annotations

import datetime as dt

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from invoices import audit, exports, team
from invoices.models import AuditEvent, InvoiceExport
from invoices.team_models import Case, Comment
from tests import factories
from tests.staff import ANONYMOUS, EVERYBODY, NO_RIGHTS, log_in, refusal, said, text, url

pytestmark = pytest.mark.django_db

WORKERS = {"Accountant", "Administrator"}
LIST = "invoices_invoiceexport_needs_action"


@pytest.fixture
def stuck(queued):
    """Open exports: one of each status, and one that is queued."""

    def make(**statuses):
        made = {}
        for number, status in statuses.items():
            (export,) = queued(number.replace("_", "-"))
            problems = []
            if status == "needs_attention":
                problems = [{"code": "buyer_name_missing", "field": "buyer.name", "value": ""}]
            reason = {"needs_attention": "mapping"}.get(status, "")
            parked = "closed_period" if status == "parked" else ""
            InvoiceExport.objects.filter(pk=export.pk).update(
                status=status, problems=problems, attention_reason=reason, parked_reason=parked
            )
            made[number] = InvoiceExport.objects.get(pk=export.pk)
        return made

    return make


def numbers(response):
    return [row["export"].invoice.number for row in response.context["work"]["rows"]]


def work(client, **query):
    return client.get(url(LIST), query)


# --- The list --------------------------------------------------------------------------------


def test_list_has_what_needs_a_person_and_nothing_else(client, stuck):
    stuck(A_1="needs_attention", A_2="unknown", A_3="parked", A_4="queued", A_5="reconciled")
    log_in(client, "Accountant")

    page = work(client)

    assert numbers(page) == ["A-1", "A-2", "A-3"]
    assert [(t["figure"], t["detail"]) for t in page.context["work"]["tiles"]] == [
        (1, "125.50 EUR")
    ] * 3
    assert "The answer was lost" in text(page) and "Closed period" in text(page)


def test_accountants_home_is_the_list(client, stuck):
    stuck(A_1="needs_attention", A_4="queued")
    log_in(client, "Accountant")

    home = client.get(url("index"))

    assert numbers(home) == ["A-1"]
    assert "Submitted in the last" not in text(home)


@pytest.mark.parametrize("role", ["Support", "Management", "Administrator"])
def test_others_keep_their_home(client, stuck, role):
    stuck(A_1="needs_attention")
    log_in(client, role)

    assert "work" not in client.get(url("index")).context


def test_filters_stay_in_the_address_and_come_back(client, stuck, make_tenant):
    stuck(A_1="needs_attention", A_2="unknown")
    log_in(client, "Accountant")

    page = work(client, status="unknown", who="nobody")
    assert numbers(page) == ["A-2"]
    (row,) = page.context["work"]["rows"]
    export_page = client.get(row["url"])

    back = export_page.context["back_to_list"]
    assert numbers(client.get(back)) == ["A-2"]
    assert back.endswith("?status=unknown&who=nobody")


@pytest.mark.parametrize(
    "query",
    [
        {"status": "reconciled"},
        {"status": "x' OR 1=1"},
        {"tenant": "abc"},
        {"tenant": "²"},
        {"who": "root"},
        {"page": "999"},
        {"page": "x"},
        {"snoozed": "maybe"},
    ],
)
def test_odd_filters_show_the_work_and_nothing_else(client, stuck, query):
    stuck(A_1="needs_attention", A_4="queued")
    log_in(client, "Accountant")

    assert numbers(work(client, **query)) == ["A-1"]


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example", "javascript:1", "/x"])
def test_address_to_go_back_to_is_one_of_ours(client, stuck, back):
    export = stuck(A_1="needs_attention")["A_1"]
    log_in(client, "Accountant")

    page = client.get(url("invoices_invoiceexport_change", export.pk), {"back": back})

    assert page.context["back_to_list"] == ""


def test_list_costs_the_same_for_one_and_for_three(client, stuck, django_assert_num_queries):
    log_in(client, "Accountant")
    stuck(A_1="needs_attention")
    work(client)
    with CaptureQueriesContext(connection) as first:
        work(client)
    stuck(A_2="unknown", A_3="parked")
    with django_assert_num_queries(len(first.captured_queries)):
        work(client)


@pytest.mark.parametrize("rung", EVERYBODY)
def test_list_is_for_everybody_with_a_role(client, tenant, rung):
    log_in(client, rung)

    expected = {ANONYMOUS: "log in", NO_RIGHTS: "refused"}.get(rung, "shown")
    assert refusal(work(client)) == expected


# --- Taking, snoozing, commenting ----------------------------------------------------------------


@pytest.mark.parametrize("rung", EVERYBODY)
def test_working_is_for_accountants(client, stuck, rung):
    export = stuck(A_1="needs_attention")["A_1"]
    log_in(client, rung)

    one = client.post(url("invoices_invoiceexport_team", export.pk), {"comment": "Selvitän"})
    many = client.post(url(LIST), {"export": export.pk, "act": "mine"})

    expected = "log in" if rung == ANONYMOUS else "moved" if rung in WORKERS else "refused"
    assert [refusal(one), refusal(many)] == [expected, expected]
    assert Comment.objects.exists() == Case.objects.exists() == (rung in WORKERS)


def test_chosen_rows_are_taken_and_given_back(client, stuck):
    made = stuck(A_1="needs_attention", A_2="unknown", A_3="parked")
    me = log_in(client, "Accountant")
    chosen = [made["A_1"].pk, made["A_2"].pk]

    taken = client.post(f"{url(LIST)}?status=", {"export": chosen, "act": "mine"})
    assert said(taken) == ["Changed: 2."]
    assert numbers(work(client, who="me")) == ["A-1", "A-2"]
    assert numbers(work(client, who="nobody")) == ["A-3"]
    again = client.post(url(LIST), {"export": chosen, "act": "mine"})
    assert said(again)[-1] == "Changed: 0."

    client.post(url(LIST), {"export": chosen, "act": "nobody"})
    assert numbers(work(client, who="me")) == []
    assert Case.objects.filter(assignee=me).count() == 0
    assert AuditEvent.objects.filter(action="case.assigned").count() == 4


def test_snoozed_export_comes_back_on_its_morning(client, stuck):
    export = stuck(A_1="needs_attention", A_2="unknown")["A_1"]
    log_in(client, "Accountant")
    day = timezone.localdate() + dt.timedelta(days=3)

    client.post(
        url("invoices_invoiceexport_team", export.pk), {"snoozed_until": day.strftime("%d.%m.%Y")}
    )

    assert numbers(work(client)) == ["A-2"]
    assert numbers(work(client, snoozed="1")) == ["A-1"]
    morning = timezone.make_aware(dt.datetime.combine(day, dt.time(0, 1)))
    with time_machine.travel(morning):
        assert [e.invoice.number for e in team.work()] == ["A-1", "A-2"]


@pytest.mark.parametrize("days", [-1, 0, 366])
def test_day_that_cannot_be_waited_for_is_told(client, stuck, days):
    export = stuck(A_1="needs_attention")["A_1"]
    log_in(client, "Accountant")
    day = timezone.localdate() + dt.timedelta(days=days)

    answer = client.post(
        url("invoices_invoiceexport_team", export.pk),
        {"snoozed_until": day.isoformat(), "comment": "ei jää talteen"},
    )

    assert "Choose a day after today" in said(answer)[0]
    assert not Case.objects.exists() and not Comment.objects.exists()


def test_comments_stay_in_order_with_their_writers(client, stuck):
    export = stuck(A_1="needs_attention")["A_1"]
    first = log_in(client, "Accountant")
    page = url("invoices_invoiceexport_team", export.pk)
    client.post(page, {"comment": "Kysyin asiakkaalta <b>"})
    second = log_in(client, "Administrator")
    client.post(page, {"comment": "Vastaus tuli"})

    shown = client.get(url("invoices_invoiceexport_change", export.pk))

    assert [(c.by, c.text) for c in export.comments.all()] == [
        (first, "Kysyin asiakkaalta <b>"),
        (second, "Vastaus tuli"),
    ]
    assert b"Kysyin asiakkaalta &lt;b&gt;" in shown.content
    assert AuditEvent.objects.filter(action="case.commented", export=export).count() == 2


@pytest.mark.parametrize("length", [0, 2001])
def test_comment_has_a_length(stuck, length):
    export = stuck(A_1="needs_attention")["A_1"]

    with pytest.raises(ValueError, match="1 to 2,000"):
        team.comment(export, "x" * length, by=factories.UserFactory())


def test_who_resolved_it_is_said_when_it_is_over(client, stuck):
    export = stuck(A_1="needs_attention")["A_1"]
    audit.record("export.needs_attention", export=export, data={})
    me = log_in(client, "Accountant")
    assert team.resolution(export) is None

    exports.queue(export, by=me, reason="Korjattu")
    export.refresh_from_db()

    assert team.resolution(export).by == me
    assert f"Resolved by {me}" in text(client.get(url("invoices_invoiceexport_change", export.pk)))


def test_only_who_may_re_send_can_be_given_work(client, stuck):
    export = stuck(A_1="needs_attention")["A_1"]
    manager = factories.UserFactory(role="Management")
    colleague = factories.UserFactory(role="Accountant")
    gone = factories.UserFactory(role="Accountant", is_active=False)
    log_in(client, "Accountant")
    page = url("invoices_invoiceexport_team", export.pk)

    for user in (manager, gone):
        client.post(page, {"assignee": user.pk})
        assert not Case.objects.exclude(assignee=None).exists()
    client.post(page, {"assignee": colleague.pk})

    assert Case.objects.get().assignee == colleague
