"""The schedules that make a lost wake-up harmless."""

import datetime as dt

import pytest
import time_machine
from django.core.cache import cache
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.models import OrmQ, Schedule

from integrations import custody, tasks
from integrations.models import Circuit
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_waits():
    cache.clear()


def test_what_runs_by_the_clock_is_scheduled_for_ever():
    schedules = {row.func: row for row in Schedule.objects.all()}

    assert {func: row.schedule_type for func, row in schedules.items()} == {
        "invoices.tasks.sweep": "I",
        "integrations.tasks.check_due_connections": "I",
        "invoices.tasks.follow_plans": "I",
        "invoices.tasks.follow_filings": "I",
        "invoices.tasks.follow_expiries": "I",
        "invoices.tasks.follow_uploads": "I",
        "invoices.tasks.reconcile_days": "I",
        "invoices.tasks.seal_audit": "I",
        "invoices.tasks.verify_audit": "D",
        "invoices.tasks.publish_audit_heads": "D",
        "invoices.tasks.roll_up": "I",
        "invoices.tasks.check_figures": "D",
        "invoices.tasks.follow_shops": "I",
        "invoices.tasks.forget_shop_deliveries": "D",
        "integrations.tasks.destroy_superseded_keys": "D",
        "integrations.tasks.forget_received_mails": "H",
        "integrations.tasks.follow_activations": "I",
        "integrations.tasks.watch_integrations": "D",
        "integrations.tasks.ask_about_intake_keys_again": "I",
        "integrations.tasks.remind_invited": "H",
        "invoices.tasks.follow_webhooks": "I",
        "invoices.tasks.forget_answers": "H",
    }
    assert all(row.repeats == -1 for row in schedules.values())
    assert all(callable(import_string(func)) for func in schedules)


def test_daily_check_queues_one_task_a_tenant_with_a_key(make_tenant):
    make_tenant()
    closed = make_tenant(name="Beta Oy", business_id="0112038-9")
    closed.state = "closed"
    closed.save(update_fields=["state"])
    OrmQ.objects.all().delete()

    assert tasks.check_due_connections() == 0
    with time_machine.travel(timezone.now() + dt.timedelta(hours=25)):
        assert [tasks.check_due_connections(), tasks.check_due_connections()] == [1, 0]
    assert OrmQ.objects.count() == 1


def test_no_connection_is_checked_in_an_outage(make_tenant):
    make_tenant()
    Circuit.objects.update_or_create(environment="test", defaults={"state": "open"})
    with time_machine.travel(timezone.now() + dt.timedelta(hours=25)):
        assert tasks.check_due_connections() == 0


def test_many_connections_are_checked_a_few_at_a_time(sandbox):
    for number in range(25):
        tenant = factories.TenantFactory(business_id=f"{number}", environment="test")
        custody.file_api_key(tenant, factories.api_key(), via="email")

    counts = [tasks.check_due_connections() for _minute in range(3)]

    assert counts == [20, 5, 0]


def test_check_task_runs_the_check_for_the_person_who_asked(tenant, admin_user):
    assert tasks.check_connection(tenant.pk, admin_user.pk) == "passed"
    assert tenant.last_check.requested_by == admin_user
