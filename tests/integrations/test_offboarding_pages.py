"""The pages of the radar and of off-boarding: who may see and do what, and what they say."""

from __future__ import annotations

import datetime as dt

import pytest
from django.core.cache import cache
from django.utils import timezone
from django.utils.formats import date_format
from django_q.models import OrmQ

from integrations import diagnosis, offboarding
from integrations.models import ConnectionCheck
from invoices import engine, exports
from invoices.models import InvoiceExport
from tests import factories
from tests.staff import ANONYMOUS, EVERYBODY, NO_RIGHTS, log_in, refusal, said, text, url

pytestmark = pytest.mark.django_db

CLOSERS = {"Support", "Administrator"}
READERS = set(EVERYBODY) - {ANONYMOUS, NO_RIGHTS}
REASON = "The customer changes software"


def day(number):
    return (timezone.localdate() + dt.timedelta(days=number)).isoformat()


def expected(rung, allowed, shown="shown"):
    if rung == ANONYMOUS:
        return "log in"
    return shown if rung in allowed else "refused"


@pytest.fixture
def closed(tenant):
    by = factories.UserFactory(username="maija")
    offboarding.close(tenant, by=by, reason=REASON, destroy_on=timezone.localdate())
    return tenant


def page(name, tenant):
    return url(f"integrations_tenant_{name}", tenant.pk)


def closing(client, tenant, **fields):
    values = {"reason": REASON, "destroy_on": day(30)} | fields
    return client.post(page("end_connection", tenant), values)


# --- Who may what ------------------------------------------------------------------------------


@pytest.mark.parametrize("rung", EVERYBODY)
def test_ending_is_for_support_and_administrators(client, tenant, rung):
    log_in(client, rung)

    seen = refusal(client.get(page("end_connection", tenant)))
    done = refusal(closing(client, tenant))

    tenant.refresh_from_db()
    assert seen == expected(rung, CLOSERS)
    assert done == expected(rung, CLOSERS, "moved")
    assert (tenant.state == "closed") == (rung in CLOSERS)


@pytest.mark.parametrize("rung", EVERYBODY)
@pytest.mark.parametrize("name", ["reopen_connection", "destroy_secrets"])
def test_reopening_and_destroying_are_theirs_too(client, closed, name, rung):
    log_in(client, rung)

    response = client.post(page(name, closed), {"confirmed": "1", "reason": REASON})

    assert refusal(response) == expected(rung, CLOSERS, "moved")
    closed.refresh_from_db()
    reopened, destroyed = closed.state != "closed", closed.credentials.get().api_key is None
    assert (reopened or destroyed) == (rung in CLOSERS)


@pytest.mark.parametrize("rung", EVERYBODY)
@pytest.mark.parametrize("name", ["proof", "proof_letter"])
def test_proof_is_shown_to_every_role(client, closed, name, rung):
    log_in(client, rung)

    assert refusal(client.get(page(name, closed))) == expected(rung, READERS)


@pytest.mark.parametrize("name", ["end_connection", "reopen_connection", "destroy_secrets"])
def test_looking_changes_nothing(client, closed, name):
    log_in(client, "Support")

    client.get(page(name, closed))

    closed.refresh_from_db()
    assert (closed.state, closed.credentials.get().api_key is None) == ("closed", False)


@pytest.mark.parametrize("name", ["proof", "proof_letter"])
def test_there_is_no_proof_of_a_connection_that_has_not_ended(client, tenant, name):
    log_in(client, "Support")

    assert client.get(page(name, tenant)).status_code == 404


# --- Ending ------------------------------------------------------------------------------------


def test_page_tells_what_is_open_and_when_the_key_was_used_last(client, tenant, queued):
    for export, status in zip(queued("A", "B", "C"), ("queued", "parked", "unknown"), strict=True):
        InvoiceExport.objects.filter(pk=export.pk).update(status=status)
    log_in(client, "Support")

    shown = text(client.get(page("end_connection", tenant)))

    exports_of = f"?tenant__id__exact={tenant.pk}&status__exact="
    assert all(f"{exports_of}{s}" in shown for s in ("queued", "parked", "unknown"))
    assert "Settle what is in doubt first" in shown
    assert f'value="{day(30)}"' in shown
    assert "Never used." not in shown
    assert "· Buying an access token" in shown


def test_page_says_what_closing_means_for_what_is_not_read_back(client, tenant, queued):
    queued("A-1")
    log_in(client, "Support")
    before = text(client.get(page("end_connection", tenant)))
    InvoiceExport.objects.update(status="submitted")

    shown = text(client.get(page("end_connection", tenant)))

    assert f"?tenant__id__exact={tenant.pk}&status__exact=submitted" in shown
    assert "nobody compares it with what was sent" in shown
    assert "nobody compares it" not in before


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"reason": ""}, "This field is required."),
        ({"reason": "x" * 501}, "at most 500 characters"),
        ({"destroy_on": "yesterday"}, "Enter a valid date."),
        ({"destroy_on": day(-1)}, "from today on, and within 365 days"),
        ({"destroy_on": day(366)}, "from today on, and within 365 days"),
    ],
)
def test_unfit_input_is_told_at_its_field_and_ends_nothing(client, tenant, fields, sentence):
    log_in(client, "Support")

    response = closing(client, tenant, **fields)

    tenant.refresh_from_db()
    assert (response.status_code, tenant.state) == (200, "active")
    assert sentence in text(response)


def test_doubt_must_be_confirmed_on_the_page(client, tenant, queued):
    queued("A-1")
    InvoiceExport.objects.update(status="unknown")
    log_in(client, "Support")

    unconfirmed = closing(client, tenant)
    confirmed = closing(client, tenant, doubt_accepted="on")

    assert "Nobody knows yet what became of exports or steps in doubt (1)" in text(unconfirmed)
    assert refusal(confirmed) == "moved"


def test_request_under_way_is_told_and_ends_nothing(client, tenant, queued):
    exports.claim(queued("A-1"))
    log_in(client, "Support")

    response = closing(client, tenant, doubt_accepted="on")

    tenant.refresh_from_db()
    assert "A request may be under way (1)" in text(response)
    assert tenant.state == "active"


def test_ending_twice_says_so(client, closed):
    log_in(client, "Support")

    response = closing(client, closed, reason="again")

    assert said(response) == ["The connection has been ended already."]
    closed.refresh_from_db()
    assert closed.close_reason == REASON


def test_buttons_are_those_that_do_something(client, tenant):
    log_in(client, "Support")
    change = url("integrations_tenant_change", tenant.pk)
    names = ("end", "check", "file-key", "reopen", "destroy-secrets", "proof")

    def buttons():
        shown = text(client.get(change))
        return [name for name in names if f"/{tenant.pk}/{name}/" in shown]

    assert buttons() == ["end", "check", "file-key"]
    closing(client, tenant)
    assert buttons() == ["reopen", "destroy-secrets", "proof"]
    client.post(page("destroy_secrets", tenant), {"confirmed": "1", "reason": REASON})
    assert buttons() == ["reopen", "proof"]


def test_closed_tenant_is_not_checked_from_its_page_or_the_list(client, closed):
    log_in(client, "Support")
    OrmQ.objects.all().delete()

    one = client.get(page("check_now", closed))
    many = client.post(
        url("integrations_tenant_changelist"),
        {"action": "check_selected", "_selected_action": closed.pk, "confirmed": "1"},
    )

    assert "is closed: its keys are not used" in text(one)
    assert OrmQ.objects.count() == 0
    assert many.status_code in (200, 302)


def test_reopening_asks_for_a_reason_and_checks_the_key(client, closed):
    log_in(client, "Support")
    OrmQ.objects.all().delete()

    without = client.post(page("reopen_connection", closed), {"confirmed": "1", "reason": ""})
    assert without.status_code == 200
    client.post(page("reopen_connection", closed), {"confirmed": "1", "reason": "A mistake"})

    closed.refresh_from_db()
    assert closed.state == "pending"


# --- The proof ---------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_proof_page_has_the_figures_of_the_rows(client, tenant, queued):
    queued("A-1", "A-2", "A-3")
    engine.run_lane(tenant.pk)
    log_in(client, "Support")
    closing(client, tenant)
    key = tenant.active_credential

    response = client.get(page("proof", tenant))

    shown = text(response)
    assert f"…{key.last_four}" in shown
    assert key.short_fingerprint in shown
    assert key.fingerprint not in shown
    assert REASON in shown
    assert '<dd class="desk-strong" id="uses-after">0</dd>' in shown
    assert response.context["proof"].evidence.exported == 3
    assert "API key filed" in shown
    assert "Connection ended" in shown
    assert f"?tenant__id__exact={tenant.pk}" in shown


def test_letter_is_in_the_tenants_language_unless_asked(client, closed):
    log_in(client, "Management")
    address = page("proof_letter", closed)

    languages = [
        client.get(address, {"language": asked}).context["language"] for asked in ("", "sv", "xx")
    ]

    assert languages == ["fi", "sv", "fi"]
    assert "Your connection to Procountor has ended" in text(
        client.get(address, {"language": "en"})
    )


def test_closed_tenants_texts_are_how_to_revoke_the_key_even_without_one(client, closed):
    offboarding.destroy_now(closed, by=None, reason="x")
    log_in(client, "Support")

    response = client.get(page("write_to_customer", closed))

    assert [reply.code for reply in response.context["replies"]] == ["revoke"]


# --- The radar ---------------------------------------------------------------------------------


def warned(tenant):
    cache.clear()
    tenant.company.set_right("sales.salesInvoiceSearch", "VIEWING_RIGHTS")
    return diagnosis.run_check(tenant)


@pytest.mark.parametrize("rung", sorted(READERS))
def test_warning_and_its_sentence_are_on_the_page_of_tenant_and_check(client, tenant, rung):
    check = warned(tenant)
    log_in(client, rung)

    for address in (
        url("integrations_tenant_change", tenant.pk),
        url("integrations_connectioncheck_change", check.pk),
    ):
        shown = text(client.get(address))
        assert "The user may only view in the search of sales invoices" in shown
        assert "should have all rights to searching sales invoices" in shown
        assert shown.count("data-copy=") == 3
        assert "deskCopy" in shown


def test_what_has_changed_since_the_last_snapshot_is_told(client, tenant):
    ConnectionCheck.objects.update(started_at=timezone.now() - dt.timedelta(days=1))
    warned(tenant)
    log_in(client, "Support")

    shown = text(client.get(url("integrations_tenant_change", tenant.pk)))

    assert "Right “searching sales invoices”: all rights → viewing" in shown


def test_strip_names_each_day_and_links_to_its_check(client, tenant):
    check = warned(tenant)
    log_in(client, "Support")

    shown = text(client.get(url("integrations_tenant_change", tenant.pk)))

    today = timezone.localdate()
    assert shown.count('class="desk-day ') == 30
    assert shown.count("no check") == 2 * 29
    link = url("integrations_connectioncheck_change", check.pk)
    assert f'class="desk-day desk-day-amber" href="{link}"' in shown
    shown_day = date_format(today, "SHORT_DATE_FORMAT")
    assert f'aria-label="{shown_day}: green, with warnings"' in shown


def test_condition_and_its_sentence_are_on_the_page(client, tenant):
    log_in(client, "Accountant")
    change = url("integrations_tenant_change", tenant.pk)

    active = text(client.get(change))
    diagnosis.pause(tenant, "person")
    paused = text(client.get(change))

    assert "Active: invoices are exported. Nobody has to do anything." in active
    assert "Our move: resume it when the reason is gone." in paused


def test_warning_of_a_code_without_words_is_left_out(client, tenant):
    ConnectionCheck.objects.update(warnings=[{"code": "of_another_version", "value": ""}])
    log_in(client, "Support")

    assert client.get(url("integrations_tenant_change", tenant.pk)).status_code == 200
