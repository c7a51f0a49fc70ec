"""The onboarding board: where each customer is, since when, and who must move."""

from __future__ import annotations

import datetime as dt

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from integrations import custody, diagnosis, onboarding, tasks
from integrations.connect import intake_links
from integrations.onboarding import Stage
from integrations.rehearsal_models import Rehearsal
from tests import factories
from tests.staff import ANONYMOUS, EVERYBODY, NO_RIGHTS, log_in, refusal, text, url

pytestmark = pytest.mark.django_db


@pytest.fixture
def company(sandbox):
    return sandbox.add_company(name="Acme Oy", business_id="2077474-0")


@pytest.fixture
def acme(company):
    return factories.TenantFactory(went_live_at=None)


def line_of(tenant):
    return next(line for line in onboarding.lines() if line.tenant == tenant)


def facts(tenant):
    line = line_of(tenant)
    return line.stage, line.mover, str(line.todo)


def in_days(days):
    return time_machine.travel(timezone.now() + dt.timedelta(days=days))


def hand_over(link, key, account):
    intake_links.begin(link)
    intake_links.submit(link, key, account)
    tasks.try_intake_key(str(link.pk))


def test_whole_way_from_the_invitation_to_live(acme, company):
    assert facts(acme) == (None, "us", "Invite the customer, or read its mail.")
    link = intake_links.make(acme, by=factories.UserFactory())
    assert facts(acme) == (Stage.INVITED, "customer", "Open the link.")
    intake_links.begin(link)
    assert facts(acme) == (Stage.OPENED, "customer", "Enter the API key.")
    hand_over(link, company.api_key, "")
    assert facts(acme) == (Stage.KEY_RECEIVED, "us", "The connection check waits for its turn.")
    diagnosis.run_check(acme)
    stage, mover, todo = facts(acme)
    assert (stage, mover) == (Stage.VERIFIED, "customer")
    assert "No bank account has been filed" in todo
    custody.file_account(acme, company.bank_accounts[0]["iban"])
    diagnosis.run_check(acme)
    assert facts(acme) == (Stage.ACCOUNT_MATCHED, "us", "Rehearse, then go live.")
    now = timezone.now()
    Rehearsal.objects.create(tenant=acme, started_at=now, finished_at=now, total=3, passed=3)
    assert facts(acme) == (Stage.REHEARSED, "us", "Go live.")
    acme.went_live_at, acme.state = timezone.now(), "active"
    acme.save()
    assert facts(acme) == (Stage.LIVE, None, "Nothing: invoices are exported.")
    assert list(line_of(acme).reached) == list(Stage)


def test_days_in_each_stage_are_counted(acme, company):
    link = intake_links.make(acme, by=factories.UserFactory())
    with in_days(2):
        intake_links.begin(link)
    with in_days(5):
        hand_over(link, company.api_key, company.bank_accounts[0]["iban"])

    with in_days(9):
        days = line_of(acme).days(timezone.now())

    assert days == {Stage.INVITED: 2, Stage.OPENED: 3, Stage.KEY_RECEIVED: 4}


def test_customer_is_to_be_reminded_on_the_third_day(acme):
    intake_links.make(acme, by=factories.UserFactory())

    with in_days(3.1):
        assert facts(acme) == (Stage.INVITED, "us", "Remind the customer.")


@pytest.mark.parametrize("begun", [True, False])
def test_link_that_nobody_finished_is_listed_on_the_seventh_day(acme, client, begun):
    link = intake_links.make(acme, by=factories.UserFactory())
    if begun:
        intake_links.begin(link)
    assert not line_of(acme).never_finished

    with in_days(7.1):
        line = line_of(acme)
        assert line.never_finished and line.mover == "us"
        log_in(client, "Support")
        page = text(client.get(url("integrations_tenant_onboarding"), {"never": "1"}))
    assert "Acme Oy" in page and "Never finished" in page


def test_red_check_says_whose_move_it_is(acme, company):
    company.set_right("sales.salesInvoiceSearch", "NO_ACCESS")
    custody.file_with_account(acme, company.api_key, company.bank_accounts[0]["iban"], via="email")
    diagnosis.run_check(acme)

    stage, mover, todo = facts(acme)

    assert (stage, mover) == (Stage.KEY_RECEIVED, "customer")
    assert "A right is missing" in todo


def test_stage_that_turned_red_again_is_not_reached(acme, company):
    custody.file_with_account(acme, company.api_key, company.bank_accounts[0]["iban"], via="email")
    diagnosis.run_check(acme)
    assert line_of(acme).stage == Stage.ACCOUNT_MATCHED
    company.set_right("sales.salesInvoiceSearch", "NO_ACCESS")

    diagnosis.run_check(acme)

    assert line_of(acme).stage == Stage.KEY_RECEIVED


def test_who_is_closed_or_live_for_long_is_not_on_the_board(acme):
    factories.TenantFactory(business_id="0112038-9", state="closed", went_live_at=None)
    long_ago = timezone.now() - dt.timedelta(days=31)
    factories.TenantFactory(business_id="1572860-0", went_live_at=long_ago)

    assert [line.tenant for line in onboarding.lines()] == [acme]


@pytest.mark.parametrize("rung", EVERYBODY)
def test_board_is_for_everybody_with_a_role(client, acme, rung):
    log_in(client, rung)

    expected = {ANONYMOUS: "log in", NO_RIGHTS: "refused"}.get(rung, "shown")
    assert refusal(client.get(url("integrations_tenant_onboarding"))) == expected


def test_filters_show_what_their_counts_say(client, acme, company):
    invited = factories.TenantFactory(name="Beta Oy", business_id="0112038-9", went_live_at=None)
    intake_links.make(invited, by=factories.UserFactory())
    live = factories.TenantFactory(
        name="Gamma Oy", business_id="1572860-0", went_live_at=timezone.now()
    )
    log_in(client, "Management")

    def shown(**query):
        answer = client.get(url("integrations_tenant_onboarding"), query)
        return [line["tenant"] for line in answer.context["lines"]], answer

    everybody, answer = shown()
    assert set(everybody) == {acme, invited}
    for name, links in answer.context["filters"]:
        for link in links:
            found, _answer = shown(**dict(part.split("=") for part in link["query"].split("&")))
            assert len(found) == link["count"], (name, link)
    assert shown(stage="live")[0] == [live]
    assert shown(stage="invited", mover="customer")[0] == [invited]
    assert shown(stage="nonsense")[0] == []


def test_board_costs_the_same_for_one_and_for_three(client, make_tenant, django_assert_num_queries):
    log_in(client, "Support")
    make_tenant()
    page = url("integrations_tenant_onboarding")
    client.get(page)
    with CaptureQueriesContext(connection) as first:
        client.get(page)
    make_tenant(name="Beta Oy", business_id="0112038-9")
    make_tenant(name="Gamma Oy", business_id="1572860-0")

    with django_assert_num_queries(len(first.captured_queries)):
        client.get(page)
