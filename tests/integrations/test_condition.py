"""The condition of a connection, from every state a tenant can be in."""

from __future__ import annotations

import datetime as dt

import pytest
import time_machine
from django.core.cache import cache
from django.utils import timezone

from integrations import condition, custody, diagnosis
from integrations.condition import Condition
from integrations.models import ConnectionCheck, Credential, Tenant
from integrations.secrets import seal
from invoices import engine
from invoices.models import Lane, ReceivedFile
from tests import factories
from tests.staff import log_in, text, url

pytestmark = pytest.mark.django_db

WARNING = {"code": "search_right_narrow", "value": ""}


def make(state="active", key="active", age_days=1, **fields):
    tenant = factories.TenantFactory(**fields)
    if key:
        credential = custody.file_api_key(tenant, factories.api_key(), via="email")
        Credential.objects.filter(pk=credential.pk).update(state=key)
    Tenant.objects.filter(pk=tenant.pk).update(state=state, created_at=ago(age_days))
    return Tenant.objects.get(pk=tenant.pk)


def ago(days):
    return timezone.now() - dt.timedelta(days=days)


def check(tenant, outcome="passed", warnings=(), code="", **fields):
    return ConnectionCheck.objects.create(
        **{
            "tenant": tenant,
            "credential": tenant.credentials.first(),
            "outcome": outcome,
            "started_at": timezone.now(),
            "finished_at": timezone.now(),
            "steps": [{"step": "claims", "code": ""}, {"step": "token", "code": code}],
            "warnings": list(warnings),
        }
        | fields
    )


def found(tenant):
    return condition.of(tenant).condition


@pytest.mark.parametrize(
    ("tenant", "expected"),
    [
        ({"state": "pending", "key": ""}, Condition.PENDING),
        ({"state": "pending"}, Condition.PENDING),
        ({"state": "active"}, Condition.ACTIVE),
        ({"state": "paused", "pause_reason": "person"}, Condition.PAUSED),
        ({"state": "paused", "pause_reason": "rights"}, Condition.PAUSED),
        ({"state": "paused", "pause_reason": "credential"}, Condition.PAUSED),
        ({"state": "paused", "pause_reason": "unreadable"}, Condition.PAUSED),
        ({"state": "pending", "key": "revoked"}, Condition.REVOKED),
        ({"state": "pending", "key": "superseded"}, Condition.REVOKED),
        ({"state": "closed"}, Condition.CLOSED),
        ({"state": "closed", "key": "revoked"}, Condition.CLOSED),
        ({"state": "active", "age_days": 31}, Condition.IDLE),
        ({"state": "pending", "age_days": 31}, Condition.PENDING),
    ],
)
def test_condition_of_state_and_key(tenant, expected):
    assert found(make(**tenant)) == expected


@pytest.mark.parametrize(
    ("newest", "expected"),
    [
        ({"outcome": "passed"}, Condition.ACTIVE),
        ({"outcome": "failed"}, Condition.DEGRADED),
        ({"warnings": [WARNING]}, Condition.DEGRADED),
        ({"outcome": "failed", "code": "key_refused"}, Condition.REVOKED),
        ({"outcome": "failed", "code": "not_answering"}, Condition.DEGRADED),
        ({"outcome": "running", "finished_at": None}, Condition.ACTIVE),
        ({"outcome": "failed", "of_candidate": True, "code": "key_refused"}, Condition.ACTIVE),
    ],
)
def test_condition_of_a_live_tenant_by_its_newest_finished_check(newest, expected):
    tenant = make()
    check(tenant, started_at=ago(1))
    check(tenant, **newest)

    assert found(tenant) == expected


def test_check_that_passes_again_ends_the_degradation():
    tenant = make()
    check(tenant, "failed", started_at=ago(1))
    check(tenant)

    assert found(tenant) == Condition.ACTIVE


def test_warning_of_an_idle_tenant_comes_first():
    tenant = make(age_days=90)
    check(tenant, warnings=[WARNING])

    assert found(tenant) == Condition.DEGRADED


def test_key_that_procountor_refuses_is_revoked_until_a_new_one_is_filed(make_tenant):
    tenant = make_tenant(check=False)
    tenant.company.revoke()
    diagnosis.run_check(tenant)
    assert found(tenant) == Condition.REVOKED

    custody.file_api_key(tenant, tenant.company.new_api_key(), via="email")

    assert found(tenant) == Condition.PENDING
    diagnosis.run_check(tenant)
    assert found(tenant) == Condition.ACTIVE


@pytest.mark.parametrize(
    ("files", "served", "expected"),
    [
        ([], None, Condition.IDLE),
        ([40], 40, Condition.IDLE),
        ([40, 29], None, Condition.ACTIVE),
        ([40], 29, Condition.ACTIVE),
    ],
)
def test_idle_is_who_neither_sent_nor_was_served_for_thirty_days(files, served, expected):
    tenant = make(age_days=90)
    for days in files:
        ReceivedFile.objects.create(tenant=tenant, content=b"", size=0, received_at=ago(days))
    if served:
        Lane.objects.create(tenant=tenant, served_at=ago(served))

    assert found(tenant) == expected


def test_days_until_idle_are_a_setting(settings):
    settings.IDLE_DAYS = 100

    assert found(make(age_days=90)) == Condition.ACTIVE


@pytest.mark.django_db(transaction=True)
def test_exporting_ends_idleness(tenant, queued):
    with time_machine.travel(ago(60)):
        queued("A-1")
    Tenant.objects.update(created_at=ago(90))
    assert found(tenant) == Condition.IDLE

    engine.run_lane(tenant.pk)

    assert found(tenant) == Condition.ACTIVE


@pytest.mark.parametrize("state", Condition.values)
def test_every_condition_has_a_sentence_that_says_whose_move_it_is(state):
    tenant = Tenant(pause_reason="")
    tenant.condition, tenant.finished_outcome = state, None
    tenant.is_key_unchecked, tenant.claims_code = False, ""

    said = condition.sentence(tenant)

    assert said
    assert any(mover in said for mover in ("move", "Nobody has to do anything"))


@pytest.mark.parametrize(
    ("fields", "outcome", "expected"),
    [
        ({"state": "paused", "pause_reason": "person"}, "passed", "Our move: resume it"),
        ({"state": "paused", "pause_reason": "rights"}, "failed", "Customer's move: give the"),
        ({"state": "pending"}, "failed", "because the last check is red"),
        ({"state": "pending", "key": "", "went_live_at": None}, "", "file the API key, or invite"),
        ({"state": "pending", "went_live_at": None}, "", "the check runs by itself"),
        ({"state": "paused", "pause_reason": "unreadable"}, "passed", "needs no new key"),
        ({"state": "paused", "pause_reason": "credential"}, "", "the check runs by itself"),
        ({"state": "pending", "went_live_at": None}, "passed", "Our move: rehearse, then go live"),
        ({"state": "pending"}, "passed", "when the next connection check passes"),
    ],
)
def test_sentence_says_why(fields, outcome, expected):
    tenant = make(**fields)
    if outcome:
        check(tenant, outcome)

    assert expected in condition.sentence(condition.of(tenant))


def refused_tenant(make_tenant, **fields):
    tenant = make_tenant(**fields)
    revoke(tenant)
    assert found(tenant) == Condition.REVOKED
    return tenant


def revoke(tenant):
    tenant.company.revoke()
    cache.clear()  # of access tokens
    diagnosis.run_check(tenant)


def test_new_key_of_a_paused_tenant_is_not_asked_for_again(make_tenant):
    tenant = refused_tenant(make_tenant)

    # The mail it came in is older than the pause.
    custody.file_api_key(tenant, tenant.company.new_api_key(), via="email", received_at=ago(1))

    assert found(tenant) == Condition.PAUSED
    assert "has been filed and not been checked yet" in condition.sentence(condition.of(tenant))
    diagnosis.run_check(tenant)
    assert found(tenant) == Condition.ACTIVE


def test_key_that_is_refused_too_is_asked_for_again(make_tenant):
    tenant = refused_tenant(make_tenant)
    other = tenant.company.new_api_key()
    custody.file_api_key(tenant, other, via="email")

    revoke(tenant)

    assert found(tenant) == Condition.REVOKED


@pytest.mark.parametrize("state", ["pending", "active"])
def test_key_that_we_cannot_open_is_our_move(make_tenant, state):
    tenant = make_tenant()
    Tenant.objects.update(state=state)
    Credential.objects.update(api_key=seal("key", "another owner"))

    diagnosis.run_check(tenant)

    shown = condition.of(tenant)
    assert shown.condition != Condition.REVOKED
    assert "The customer has nothing to do and needs no new key" in condition.sentence(shown)


def test_pause_by_a_refusal_is_not_the_customers_while_we_cannot_open_the_key(make_tenant):
    """Older versions paused for a key they could not open as for one that was refused."""
    tenant = make_tenant()
    Tenant.objects.update(state="paused", pause_reason="credential")
    Credential.objects.update(api_key=seal("key", "another owner"))

    diagnosis.run_check(tenant)

    assert "needs no new key" in condition.sentence(condition.of(tenant))


# --- In the list and on the home page ----------------------------------------------------------


def three():
    idle = make(name="Alfa Oy", age_days=90)
    warned = make(name="Beta Oy", business_id="0112038-9")
    check(warned, warnings=[WARNING, WARNING])
    closed = make(name="Gamma Oy", business_id="1572860-0", state="closed")
    return idle, warned, closed


@pytest.mark.parametrize(
    ("chosen", "names"),
    [
        ("", {"Alfa Oy", "Beta Oy", "Gamma Oy"}),
        ("idle", {"Alfa Oy"}),
        ("degraded", {"Beta Oy"}),
        ("closed", {"Gamma Oy"}),
        ("not_in_order", {"Beta Oy"}),
        ("active", set()),
    ],
)
def test_list_is_filtered_by_condition(client, chosen, names):
    three()
    log_in(client, "Management")

    page = client.get(url("integrations_tenant_changelist"), {"connection": chosen})

    assert {tenant.name for tenant in page.context["cl"].result_list} == names


def test_list_shows_condition_and_number_of_warnings(client):
    three()
    log_in(client, "Management")

    shown = text(client.get(url("integrations_tenant_changelist")))

    assert all(word in shown for word in ("Idle", "Degraded", "Closed", "2 warnings"))


def test_list_costs_the_same_at_one_and_three_rows(client, django_assert_num_queries):
    log_in(client, "Management")
    address = url("integrations_tenant_changelist")
    check(make(name="Delta Oy"), warnings=[WARNING])
    client.get(address)

    with django_assert_num_queries(8):
        client.get(address)
    for name, business_id in (("Beta Oy", "0112038-9"), ("Gamma Oy", "1572860-0")):
        check(make(name=name, business_id=business_id), warnings=[WARNING])
    with django_assert_num_queries(8):
        client.get(address)


def test_home_names_what_a_live_connection_is_warned_of(client):
    three()
    log_in(client, "Support")

    shown = text(client.get(url("index")))

    assert "Beta Oy" in shown
    assert "The user may only view in the search of sales invoices" in shown
    assert "Gamma Oy" not in shown
