"""The gate: who goes live when, and how a live tenant's settings change."""

from __future__ import annotations

import datetime as dt
import threading
from importlib import import_module

import pytest
from django.apps import apps
from django.core.cache import cache
from django.db import close_old_connections, connections
from django.utils import timezone
from django_q.models import OrmQ

from integrations import custody, diagnosis, going_live
from integrations.going_live import NotReady
from integrations.models import BankAccount, ConnectionCheck, Tenant
from invoices.models import AuditEvent
from tests import factories
from tests.rehearsals import rehearsed, take_in

db = pytest.mark.django_db


@pytest.fixture
def acme(make_tenant):
    return make_tenant(went_live_at=None)


def went_live():
    return [event.data for event in AuditEvent.objects.filter(action="tenant.went_live")]


def state(tenant):
    tenant.refresh_from_db()
    return tenant.state


@db
def test_passing_check_leaves_a_tenant_that_never_went_live_pending(acme):
    assert (acme.last_check.outcome, state(acme)) == ("passed", "pending")
    assert going_live.gate_of(acme).barred == ""
    assert not AuditEvent.objects.filter(action="tenant.activated").exists()


@db
def test_live_tenant_is_resumed_by_a_passing_check(tenant):
    diagnosis.pause(tenant, "person")
    diagnosis.resume(tenant)

    diagnosis.run_check(tenant)

    assert state(tenant) == "active"


@db
def test_good_rehearsal_opens_the_gate(acme, admin_user):
    take_in(acme, "good", "good")
    found = rehearsed(acme)

    assert going_live.go_live(acme, by=admin_user) is True

    assert state(acme) == "active"
    assert acme.went_live_at <= timezone.now()
    assert went_live() == [
        {
            "rehearsal": found.pk,
            "passed": 2,
            "total": 2,
            "score": "100.0",
            "lacking": False,
            "reason": "",
        }
    ]


@db
def test_queue_is_woken_when_the_tenant_goes_live(acme, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        going_live.go_live(acme, by=None, reason="asked for")

    assert [task.task["func"] for task in OrmQ.objects.all()] == ["invoices.tasks.run_lanes"]


@db
@pytest.mark.parametrize("reason", ["", "   "])
def test_low_score_needs_a_reason(acme, reason):
    take_in(acme, "good", "unmapped")
    rehearsed(acme)

    with pytest.raises(NotReady, match="50.0 % would pass, and 95 % are needed") as refused:
        going_live.go_live(acme, by=None, reason=reason)

    assert refused.value.reason_opens
    assert (state(acme), acme.went_live_at, went_live()) == ("pending", None, [])


@db
@pytest.mark.parametrize("other", ["running", "failed"])
def test_check_that_contradicts_the_newest_bars_the_gate(acme, other):
    """It began earlier, and what it finds comes later: a tenant that is not live is not stopped."""
    newest = acme.last_check
    older = ConnectionCheck.objects.create(
        tenant=acme,
        credential=acme.active_credential,
        started_at=newest.started_at - dt.timedelta(seconds=30),
        outcome=other,
        finished_at=timezone.now() if other == "failed" else None,
    )

    with pytest.raises(NotReady, match="is running or has failed since"):
        going_live.go_live(acme, by=None, reason="asked for")
    assert (state(acme), acme.went_live_at) == ("pending", None)

    older.delete()
    assert going_live.go_live(acme, by=None, reason="asked for")


@db
@pytest.mark.parametrize(
    "fields",
    [
        {"outcome": "failed", "finished_at": dt.timedelta(minutes=-30)},
        {"outcome": "running", "started_at": dt.timedelta(minutes=-30)},
        {"outcome": "failed", "finished_at": dt.timedelta(0), "of_candidate": True},
    ],
)
def test_check_that_is_over_dead_or_of_another_key_bars_nothing(acme, fields):
    now = timezone.now()
    times = {name: now + value for name, value in fields.items() if name.endswith("_at")}
    started = {"started_at": now - dt.timedelta(minutes=31)}
    ConnectionCheck.objects.create(tenant=acme, **{**started, **fields, **times})

    assert going_live.go_live(acme, by=None, reason="asked for")


@db
def test_reason_opens_the_gate_and_is_kept(acme):
    take_in(acme, "good", "unmapped")
    rehearsed(acme)

    assert going_live.go_live(acme, by=None, reason=" The customer agrees ")

    (event,) = went_live()
    assert (event["reason"], event["score"], event["lacking"]) == (
        "The customer agrees",
        "50.0",
        True,
    )


@db
def test_chosen_score_is_what_counts(acme, settings):
    settings.GO_LIVE_SCORE = 50
    take_in(acme, "good", "unmapped")
    rehearsed(acme)

    assert going_live.go_live(acme, by=None)


@db
def test_without_invoices_a_reason_is_needed(acme):
    rehearsed(acme)

    with pytest.raises(NotReady, match="no invoices"):
        going_live.go_live(acme, by=None)
    assert going_live.go_live(acme, by=None, reason="New company")


@db
def test_without_a_rehearsal_a_reason_is_needed(acme):
    with pytest.raises(NotReady, match="Nothing has been rehearsed"):
        going_live.go_live(acme, by=None)


def _change_settings(tenant):
    Tenant.objects.filter(pk=tenant.pk).update(days_to_pay=7)


def _change_account(tenant):
    BankAccount.objects.update(iban="FI5810171000000122")


def _change_key(tenant):
    custody.file_api_key(tenant, tenant.company.new_api_key(), via="email")
    diagnosis.run_check(tenant)


def _change_procountor(tenant):
    tenant.company.vat_percents = tenant.company.vat_percents[:-2]
    diagnosis.run_check(tenant)


@db
@pytest.mark.parametrize(
    "change", [_change_settings, _change_account, _change_key, _change_procountor]
)
def test_rehearsal_of_other_circumstances_does_not_open_the_gate(acme, change):
    take_in(acme, "good")
    rehearsed(acme)

    change(acme)

    with pytest.raises(NotReady, match="have changed since the rehearsal"):
        going_live.go_live(acme, by=None)
    assert state(acme) == "pending"


@db
def test_another_check_that_learns_the_same_leaves_the_gate_open(acme):
    take_in(acme, "good")
    rehearsed(acme)
    diagnosis.run_check(acme)

    assert going_live.go_live(acme, by=None)


@db
def test_rehearsal_of_proposed_settings_does_not_open_the_gate(acme):
    take_in(acme, "unmapped")
    assert rehearsed(acme, vat_status_by_category={"K": 5}).is_enough

    with pytest.raises(NotReady, match="Nothing has been rehearsed"):
        going_live.go_live(acme, by=None)


def _revoke(tenant):
    tenant.company.revoke()
    cache.clear()
    diagnosis.run_check(tenant)


def _new_key_unchecked(tenant):
    custody.file_api_key(tenant, tenant.company.new_api_key(), via="email")


def _close(tenant):
    Tenant.objects.filter(pk=tenant.pk).update(state="closed")


def _check_running(tenant):
    ConnectionCheck.objects.create(
        tenant=tenant, credential=tenant.active_credential, started_at=timezone.now()
    )


@db
@pytest.mark.parametrize("bar", [_revoke, _new_key_unchecked, _close, _check_running])
def test_no_reason_opens_what_is_barred(acme, bar):
    bar(acme)
    before = state(acme)

    with pytest.raises(NotReady) as refused:
        going_live.go_live(acme, by=None, reason="I want to")

    assert not refused.value.reason_opens
    assert (state(acme), acme.went_live_at) == (before, None)


@db
def test_tenant_without_a_key_cannot_go_live():
    with pytest.raises(NotReady, match="No API key"):
        going_live.go_live(factories.TenantFactory(went_live_at=None), by=None, reason="x")


@db
def test_second_time_changes_nothing(acme):
    assert going_live.go_live(acme, by=None, reason="x") is True
    since = Tenant.objects.get().went_live_at
    assert going_live.go_live(acme, by=None, reason="x") is False

    assert (Tenant.objects.get().went_live_at, len(went_live())) == (since, 1)


def at_once(count, work):
    """What `work` returned or raised in each of `count` threads that begin together."""
    start, results = threading.Barrier(count), []

    def run():
        start.wait()
        try:
            results.append(work())
        except NotReady as error:
            results.append(error)
        finally:
            close_old_connections()
            connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.django_db(transaction=True)
def test_two_people_at_once_make_one_event(acme):
    results = at_once(4, lambda: going_live.go_live(acme, by=None, reason="x"))

    assert sorted(results) == [False, False, False, True]
    assert len(went_live()) == 1


@pytest.mark.django_db(transaction=True)
def test_two_people_at_once_save_settings_once(tenant):
    take_in(tenant, "good")
    found = rehearsed(tenant, days_to_pay=7)

    results = at_once(4, lambda: going_live.save_settings(found, by=None))

    assert [result for result in results if result is True] == [True]
    assert AuditEvent.objects.filter(action="tenant.changed").count() == 1


@db
def test_tried_settings_are_saved_with_their_names_and_the_score(tenant, admin_user):
    take_in(tenant, "good", "unmapped")
    found = rehearsed(tenant, vat_status_by_category={"K": 5}, penalty_percent="8.5")

    assert going_live.save_settings(found, by=admin_user)

    tenant.refresh_from_db()
    assert (tenant.vat_status_by_category, str(tenant.penalty_percent)) == ({"K": 5}, "8.50")
    event = AuditEvent.objects.get(action="tenant.changed")
    assert (event.by, event.data["fields"], event.data["score"], event.data["reason"]) == (
        admin_user,
        ["penalty_percent", "vat_status_by_category"],
        "100.0",
        "",
    )


@db
@pytest.mark.parametrize("kinds", [["unmapped", "good"], []])
def test_low_score_or_none_needs_a_reason_to_save(tenant, kinds):
    take_in(tenant, *kinds)
    found = rehearsed(tenant, days_to_pay=7)

    with pytest.raises(NotReady) as refused:
        going_live.save_settings(found, by=None)

    assert refused.value.reason_opens
    assert going_live.save_settings(found, by=None, reason="Agreed with the accountant")
    assert Tenant.objects.get().days_to_pay == 7


@db
def test_invoice_that_newly_fails_needs_a_reason_at_any_score(tenant, settings):
    settings.GO_LIVE_SCORE = 0
    take_in(tenant, "good")
    found = rehearsed(tenant, invoice_channel="EMAIL")

    with pytest.raises(NotReady, match="would not pass any more"):
        going_live.save_settings(found, by=None)


@db
def test_settings_changed_in_between_are_not_overwritten(tenant):
    take_in(tenant, "good")
    found = rehearsed(tenant, days_to_pay=7)
    Tenant.objects.update(days_to_pay=30)

    with pytest.raises(NotReady, match="have changed since") as refused:
        going_live.save_settings(found, by=None, reason="x")

    assert not refused.value.reason_opens
    assert Tenant.objects.get().days_to_pay == 30


@db
def test_rehearsal_of_present_settings_saves_nothing(tenant):
    take_in(tenant, "good")

    with pytest.raises(NotReady):
        going_live.save_settings(rehearsed(tenant), by=None, reason="x")


@db
def test_only_export_settings_can_be_tried(tenant):
    with pytest.raises(KeyError, match="state"):
        going_live.proposed(tenant, {"state": "closed"})


@db
def test_migration_lets_tenants_in_use_be_live():
    migration = import_module("integrations.migrations.0006_tenants_in_use_are_live")
    tenants = {
        name: factories.TenantFactory(
            name=name, business_id=number, state=name.split()[0], went_live_at=None
        )
        for name, number in {
            "active": "2077474-0",
            "paused": "0112038-9",
            "pending": "2345678-0",
            "pending once": "7654321-2",
            "closed": "4567890-7",
        }.items()
    }
    ConnectionCheck.objects.create(
        tenant=tenants["pending once"], outcome="passed", started_at=timezone.now()
    )

    migration.forwards(apps, None)

    live = set(Tenant.objects.filter(went_live_at__isnull=False).values_list("name", flat=True))
    assert live == {"active", "paused", "pending once"}
    one = Tenant.objects.get(name="active")
    assert one.went_live_at == one.created_at
