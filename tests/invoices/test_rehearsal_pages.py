"""The pages of a rehearsal: who may do what on them, and what they say."""

from __future__ import annotations

import datetime as dt

import pytest
import time_machine
from django.core.cache import cache
from django_q.models import OrmQ

from integrations import custody
from integrations.models import Tenant
from integrations.rehearsal_models import Rehearsal
from invoices import rehearsal as runner
from invoices.models import AuditEvent
from tests import factories
from tests.rehearsals import rehearsed, take_in
from tests.staff import ANONYMOUS, EVERYBODY, NO_RIGHTS, log_in, refusal, said, text, url

pytestmark = pytest.mark.django_db

PAGE, SETTINGS = "integrations_rehearsal_of_tenant", "integrations_rehearsal_settings"
REHEARSE = {"Support", "Accountant", "Administrator"}
GO_LIVE = {"Support", "Administrator"}
ROLES = set(EVERYBODY) - {ANONYMOUS, NO_RIGHTS}


@pytest.fixture
def acme(make_tenant):
    return make_tenant(went_live_at=None, contact_name="Maija", language="sv")


def expected(rung, allowed, answer="shown"):
    if rung == ANONYMOUS:
        return "log in"
    return answer if rung in allowed else "refused"


def form(**changes):
    return {
        "invoice_channel": "NO_SENDING",
        "after_submit": "unfinished",
        "default_vat_status": "1",
        "vat_status_by_category": "{}",
        "invoice_language": "FINNISH",
        "penalty_percent": "",
        "days_to_pay": "14",
    } | changes


@pytest.mark.parametrize("rung", EVERYBODY)
def test_page_opens_for_every_role(client, acme, rung):
    log_in(client, rung)

    assert refusal(client.get(url(PAGE, acme.pk))) == expected(rung, ROLES)


@pytest.mark.parametrize("rung", EVERYBODY)
def test_settings_page_opens_for_who_may_rehearse(client, tenant, rung):
    log_in(client, rung)

    assert refusal(client.get(url(SETTINGS, tenant.pk))) == expected(rung, REHEARSE)


@pytest.mark.parametrize("rung", EVERYBODY)
def test_rehearsal_is_asked_for_by_its_roles_only(client, acme, rung):
    log_in(client, rung)

    answer = client.post(url(PAGE, acme.pk), {"rehearse": "1"})

    assert refusal(answer) == expected(rung, REHEARSE, "moved")
    assert Rehearsal.objects.count() == (rung in REHEARSE)


@pytest.mark.parametrize("rung", EVERYBODY)
def test_tenant_goes_live_by_its_roles_only(client, acme, rung):
    user = log_in(client, rung)

    answer = client.post(url(PAGE, acme.pk), {"go_live": "1", "reason": "New company"})

    assert refusal(answer) == expected(rung, GO_LIVE, "moved")
    acme.refresh_from_db()
    assert acme.state == ("active" if rung in GO_LIVE else "pending")
    events = AuditEvent.objects.filter(action="tenant.went_live")
    assert [event.by for event in events] == ([user] if rung in GO_LIVE else [])


@pytest.mark.parametrize("rung", EVERYBODY)
def test_tried_settings_are_saved_by_who_may_change_tenants(client, tenant, rung):
    take_in(tenant, "good")
    found = rehearsed(tenant, days_to_pay=7)
    log_in(client, rung)

    answer = client.post(f"{url(SETTINGS, tenant.pk)}?rehearsal={found.pk}", {"save": "1"})

    assert refusal(answer) == expected(rung, GO_LIVE, "moved")
    assert Tenant.objects.get().days_to_pay == (7 if rung in GO_LIVE else 14)


def test_looking_changes_nothing(client, acme):
    log_in(client, "Support")

    client.get(url(PAGE, acme.pk), {"rehearse": "1", "go_live": "1", "reason": "x"})

    assert (Rehearsal.objects.count(), OrmQ.objects.count()) == (0, 0)
    assert Tenant.objects.get().went_live_at is None


def test_rehearsal_is_asked_for_in_the_background(client, acme, django_capture_on_commit_callbacks):
    user = log_in(client, "Accountant")

    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post(url(PAGE, acme.pk), {"rehearse": "1"})

    asked = Rehearsal.objects.get()
    assert (asked.requested_by, asked.started_at) == (user, None)
    assert OrmQ.objects.get().task["func"] == "invoices.tasks.rehearse"
    assert OrmQ.objects.get().task["args"] == (asked.pk,)
    assert "waits for its turn" in text(client.get(answer["Location"]))


def test_result_is_told_with_causes_links_and_whose_move(client, acme):
    acme.company.close_period(dt.date(2026, 3, 1), dt.date(2026, 3, 31))
    take_in(acme, "good", "unmapped", "closed")
    found = rehearsed(acme)
    log_in(client, "Support")

    shown = text(client.get(url(PAGE, acme.pk)))

    export = found.findings[0]["examples"][0]["export"]
    assert "1 of 3 would pass" in shown
    assert "No VAT status is chosen for the VAT category K." in shown
    assert url("invoices_invoiceexport_change", export) in shown
    assert "33.3 % would pass, and 95 % are needed." in shown
    assert "Go live all the same" in shown


def test_list_for_the_customer_has_only_what_is_theirs(client, acme):
    acme.company.close_period(dt.date(2026, 3, 1), dt.date(2026, 3, 31))
    take_in(acme, "good", "unmapped", "closed")
    found = rehearsed(acme)
    log_in(client, "Support")

    page = client.get(url(PAGE, acme.pk))

    letters = {letter["code"]: letter["text"] for letter in page.context["letters"]}
    assert list(letters) == ["sv", "fi", "en"]
    assert found.passed == 1
    assert "Hello Maija," in letters["en"]
    assert "1 of 3 invoices would pass" in letters["en"]
    assert "(3/2026)" in letters["en"] and "(Invoice: R-3)" in letters["en"]
    assert "R-2" not in letters["en"]
    assert text(page).count("data-copy=") == 3


def test_good_score_asks_for_no_reason(client, acme):
    take_in(acme, "good")
    rehearsed(acme)
    log_in(client, "Support")
    page = url(PAGE, acme.pk)

    shown = text(client.get(page))
    answer = client.post(page, {"go_live": "1"})

    assert "1 of 1 would pass" in shown
    assert 'name="reason"' not in shown
    assert answer["Location"] == url("integrations_tenant_change", acme.pk)
    assert "is live: what is queued is submitted" in said(answer)[0]


def test_missing_reason_is_told_at_its_field(client, acme):
    log_in(client, "Support")

    answer = client.post(url(PAGE, acme.pk), {"go_live": "1", "reason": " "})

    assert answer.status_code == 200
    assert "Nothing has been rehearsed yet. Give a reason." in text(answer)
    assert Tenant.objects.get().went_live_at is None


def test_too_long_a_reason_is_told_not_a_crash(client, acme):
    log_in(client, "Support")

    answer = client.post(url(PAGE, acme.pk), {"go_live": "1", "reason": "x" * 501})

    assert "at most 500 characters" in text(answer)
    assert Tenant.objects.get().went_live_at is None


def test_gate_that_closed_meanwhile_is_told_and_stays_shut(client, acme):
    log_in(client, "Support")
    custody.file_api_key(acme, acme.company.new_api_key(), via="email")

    answer = client.post(url(PAGE, acme.pk), {"go_live": "1", "reason": "x"})

    assert "The API key has changed since the last check" in said(answer)[0]
    assert Tenant.objects.get().went_live_at is None


def test_second_go_live_says_that_nothing_changed(client, acme):
    log_in(client, "Support")
    page = url(PAGE, acme.pk)
    client.post(page, {"go_live": "1", "reason": "x"})

    assert said(client.post(page, {"go_live": "1", "reason": "x"}))[-1].startswith(
        "Nothing changed"
    )


def test_closed_tenant_is_not_rehearsed(client, acme):
    Tenant.objects.update(state="closed")
    log_in(client, "Support")

    answer = client.post(url(PAGE, acme.pk), {"rehearse": "1"})

    assert (said(answer), Rehearsal.objects.count()) == (["The tenant is closed."], 0)


def test_states_of_a_rehearsal_have_words(client, acme):
    log_in(client, "Support")
    page = url(PAGE, acme.pk)
    asked = runner.ask_for(acme, by=None)

    with time_machine.travel(asked.requested_at + dt.timedelta(minutes=1)):
        late = text(client.get(page))
    Rehearsal.objects.update(started_at=asked.requested_at, seen_at=asked.requested_at)
    checking = text(client.get(page))
    Rehearsal.objects.update(expected=97, total=40)
    counting = text(client.get(page))
    with time_machine.travel(asked.requested_at + dt.timedelta(minutes=20)):
        lost = text(client.get(page))

    assert "has not begun yet" in late
    assert "The connection is being checked" in checking
    assert "40 of 97 invoices looked at" in counting
    assert "was interrupted" in lost
    assert 'name="go_live"' not in counting


def test_red_check_is_shown_where_it_ended_the_rehearsal(client, acme):
    acme.company.revoke()
    cache.clear()
    rehearsed(acme)
    log_in(client, "Support")

    shown = text(client.get(url(PAGE, acme.pk)))

    assert "ended with the connection check" in shown
    assert "Procountor did not accept the API key." in shown


def test_no_invoices_is_said_and_a_reason_asked_for(client, acme):
    rehearsed(acme)
    log_in(client, "Support")

    shown = text(client.get(url(PAGE, acme.pk)))

    assert "There are no invoices to rehearse with" in shown
    assert 'name="reason"' in shown


def test_tenants_page_tells_the_newest_rehearsal_and_that_it_is_outdated(client, acme):
    take_in(acme, "good", "unmapped")
    rehearsed(acme)
    log_in(client, "Accountant")
    page = url("integrations_tenant_change", acme.pk)

    before = text(client.get(page))
    Tenant.objects.update(days_to_pay=30)
    after = text(client.get(page))

    assert "1 of 2 would pass (50.0 %)" in before
    assert url(PAGE, acme.pk) in before
    assert "something has changed since" not in before
    assert "something has changed since" in after
    assert "have changed since: rehearse again" in text(client.get(url(PAGE, acme.pk)))


def test_live_tenants_settings_are_read_only_on_its_form(client, tenant):
    log_in(client, "Support")

    shown = text(client.get(url("integrations_tenant_change", tenant.pk)))

    assert 'name="days_to_pay"' not in shown
    assert 'name="name"' in shown
    assert url(SETTINGS, tenant.pk) in shown


def test_settings_of_a_tenant_that_is_not_live_are_on_its_form(client, acme):
    log_in(client, "Support")

    assert 'name="days_to_pay"' in text(client.get(url("integrations_tenant_change", acme.pk)))


def test_only_what_differs_is_tried(client, tenant):
    log_in(client, "Accountant")
    posted = form(**{"try": "1", "vat_status_by_category": '{"K": 5}', "penalty_percent": "8.50"})

    answer = client.post(url(SETTINGS, tenant.pk), posted)

    asked = Rehearsal.objects.get()
    assert asked.settings_tried == {
        "vat_status_by_category": {"K": 5},
        "penalty_percent": "8.5",
    }
    assert answer["Location"] == f"{url(SETTINGS, tenant.pk)}?rehearsal={asked.pk}"
    assert Tenant.objects.get().vat_status_by_category == {}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "Nothing differs from the present settings."),
        ({"vat_status_by_category": "[1]"}, "Write categories and numbers"),
        ({"after_submit": "approve_and_send"}, "cannot be sent: choose another channel"),
        ({"days_to_pay": "1000"}, "999"),
        ({"days_to_pay": ""}, "required"),
    ],
)
def test_wrong_settings_are_told_at_the_form(client, tenant, changes, words):
    log_in(client, "Support")

    answer = client.post(url(SETTINGS, tenant.pk), form(**{"try": "1"} | changes))

    assert (answer.status_code, Rehearsal.objects.count()) == (200, 0)
    assert words in text(answer)


def test_settings_are_compared_side_by_side(client, tenant):
    take_in(tenant, "good", "unmapped", "unmapped")
    found = rehearsed(tenant, vat_status_by_category={"K": 5})
    log_in(client, "Support")

    shown = text(client.get(url(SETTINGS, tenant.pk), {"rehearsal": found.pk}))

    assert "1 of 3" in shown and "3 of 3" in shown
    assert "2 invoices would newly pass" in shown
    assert "K = 5" in shown
    assert 'name="reason"' not in shown


def test_newly_failing_invoices_ask_for_a_reason(client, tenant):
    take_in(tenant, "good")
    found = rehearsed(tenant, invoice_channel="EMAIL")
    log_in(client, "Support")
    page = f"{url(SETTINGS, tenant.pk)}?rehearsal={found.pk}"

    shown = text(client.get(page))
    refused = client.post(page, {"save": "1"})
    done = client.post(page, {"save": "1", "reason": "The customer sends the addresses"})

    assert "1 invoice would not pass any more" in shown
    assert "Give a reason." in text(refused)
    assert refusal(done) == "moved"
    assert Tenant.objects.get().invoice_channel == "EMAIL"
    event = AuditEvent.objects.get(action="tenant.changed")
    assert event.data["reason"] == "The customer sends the addresses"


def test_settings_changed_meanwhile_are_told(client, tenant):
    take_in(tenant, "good")
    found = rehearsed(tenant, days_to_pay=7)
    Tenant.objects.update(days_to_pay=30)
    log_in(client, "Support")
    page = f"{url(SETTINGS, tenant.pk)}?rehearsal={found.pk}"

    answer = client.post(page, {"save": "1"})

    assert "have changed since this rehearsal" in said(answer)[0]
    assert 'name="save"' not in text(client.get(page))
    assert Tenant.objects.get().days_to_pay == 30


@pytest.mark.parametrize("rehearsal", ["x", "", "9" * 40, "-1", "²", "999"])
def test_odd_address_is_no_error_page(client, tenant, rehearsal):
    log_in(client, "Support")

    answer = client.get(url(SETTINGS, tenant.pk), {"rehearsal": rehearsal})

    assert answer.status_code == 200


def test_another_tenants_rehearsal_is_not_saved_here(client, tenant, make_tenant):
    other = make_tenant(name="Beta Oy", business_id="0112038-9")
    found = rehearsed(other, days_to_pay=7)
    log_in(client, "Support")

    client.post(f"{url(SETTINGS, tenant.pk)}?rehearsal={found.pk}", {"save": "1", "reason": "x"})

    assert set(Tenant.objects.values_list("days_to_pay", flat=True)) == {14}


@pytest.mark.parametrize("rung", EVERYBODY)
def test_list_opens_for_every_role(client, acme, rung):
    log_in(client, rung)

    answer = client.get(url("integrations_rehearsal_changelist"))
    assert refusal(answer) == expected(rung, ROLES)


def test_list_costs_the_same_at_one_and_three_rows(client, acme, django_assert_num_queries):
    log_in(client, "Support")
    address = url("integrations_rehearsal_changelist")
    rehearsed(acme)
    client.get(address)

    with django_assert_num_queries(7):
        client.get(address)
    rehearsed(acme, days_to_pay=7)
    rehearsed(acme, days_to_pay=8)
    with django_assert_num_queries(7):
        client.get(address)


@pytest.mark.parametrize("verb", ["change", "delete"])
def test_rehearsals_are_evidence(client, acme, verb):
    found = rehearsed(acme)
    client.force_login(factories.UserFactory(is_superuser=True))

    answer = client.post(url(f"integrations_rehearsal_{verb}", found.pk), {"post": "yes"})

    assert (answer.status_code, Rehearsal.objects.count()) == (403, 1)


def test_keys_are_on_no_page(client, acme):
    take_in(acme, "good", "unmapped")
    rehearsed(acme)
    log_in(client, "Administrator")

    for address in (url(PAGE, acme.pk), url(SETTINGS, acme.pk)):
        shown = text(client.get(address))
        assert acme.company.api_key not in shown
        assert acme.company.api_key[-20:] not in shown


def test_settings_tried_tell_which_fields_of_the_payload_would_change(client, tenant):
    take_in(tenant, "good", "good")
    found = rehearsed(tenant, days_to_pay=7, invoice_language="SWEDISH")
    log_in(client, "Support")

    shown = text(client.get(f"{url(SETTINGS, tenant.pk)}?rehearsal={found.pk}"))

    # The invoices state their own due dates.
    assert [f["field"] for f in found.payload_changes["fields"]] == ["language"]
    assert "2 of the last 2 invoices would change" in shown
    assert "FINNISH → SWEDISH" in shown
