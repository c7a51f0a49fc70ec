"""Radar warnings: one mail in the morning for all tenants and all warnings."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from invoices.watch import raise_alert, recover
from invoices.watch.notices import deliver
from invoices.watch.radar_mails import deliver_radar
from invoices.watch_models import Alert
from tests import factories
from tests.mail_server import MailServer

pytestmark = pytest.mark.django_db(transaction=True)
HELSINKI = ZoneInfo("Europe/Helsinki")
NOON = dt.datetime(2026, 12, 18, 12, 0, tzinfo=HELSINKI)
DAY = dt.timedelta(days=1)
ENDS = {"code": "open_period_ends", "value": "31.12.2026"}
GONE = {"code": "vat_percent_gone", "value": "13.5 %"}
NUMBERS = ["0112038-9", "1572860-0", "2077474-0", "4567890-7", "7654321-2"]


@pytest.fixture
def mail(settings):
    server = MailServer()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
    settings.ALERT_EMAILS = ["watch@example.com"]
    settings.ALERT_LANGUAGE = "en"
    settings.PUBLIC_URL = "https://desk.flashnode.example"
    yield server
    server.stop()


@pytest.fixture
def clock():
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def tenants(count):
    return [
        factories.TenantFactory(name=f"Tenant {number} Oy", business_id=number)
        for number in NUMBERS[:count]
    ]


def warn(tenant, *warnings):
    raise_alert("radar_warning", tenant, {"count": len(warnings), "warnings": list(warnings)})


def test_year_end_is_one_mail_for_all_tenants_and_warnings(mail, clock):
    mail.start()
    for tenant in tenants(3):
        warn(tenant, ENDS)
    warn(tenant, ENDS, GONE)
    with pytest.raises(SystemExit):  # something was found
        call_command("watch", "--once")

    message = mail.inbox[-1]
    body = message.get_content()
    assert message["Subject"] == "[Flashnode] 3 connections will soon need the customer"
    assert body.count("The books are open until 31.12.2026 only") == 1
    assert f"3 tenants: {', '.join(f'Tenant {number} Oy' for number in NUMBERS[:3])}" in body
    assert "VAT 13.5 % is on recent invoices" in body and f"1 tenant: {tenant}" in body
    assert "https://desk.flashnode.example/admin/integrations/tenant/?connection=degraded" in body


def test_warning_after_the_morning_waits_for_the_next(mail, clock):
    mail.start()
    one, other = tenants(2)
    warn(one, ENDS)
    assert deliver_radar()
    warn(other, ENDS)
    assert not deliver_radar()

    clock.move_to(NOON.replace(hour=7, minute=29) + DAY)
    assert not deliver_radar()
    clock.shift(dt.timedelta(minutes=1))

    assert deliver_radar()
    assert "1 tenant: Tenant 1572860-0 Oy" in mail.inbox[-1].get_content()


def test_warning_that_lasts_is_told_every_morning_and_its_end_once(mail, clock):
    mail.start()
    (tenant,) = tenants(1)
    for _day in range(3):
        warn(tenant, ENDS)
        deliver_radar()
        deliver_radar()
        clock.shift(DAY)
    recover("radar_warning", tenant)
    for _day in range(3):
        deliver_radar()
        clock.shift(DAY)

    warned = "[Flashnode] 1 connection will soon need the customer"
    assert mail.subjects == [warned] * 3 + ["[Flashnode] Over: what the rights radar warned of"]


def test_warning_that_nobody_was_told_of_ends_without_a_mail(mail, clock):
    mail.start()
    (tenant,) = tenants(1)
    warn(tenant, ENDS)
    recover("radar_warning", tenant)

    assert not deliver_radar()
    assert mail.inbox == []


def test_mail_that_the_server_refused_leaves_in_the_next_round(mail, clock):
    (tenant,) = tenants(1)
    warn(tenant, ENDS)
    assert not deliver_radar()
    assert Alert.objects.get().mail_error == "ConnectionRefusedError"

    mail.start()
    assert deliver_radar()

    assert (len(mail.inbox), Alert.objects.get().mail_error) == (1, "")


def test_mail_that_another_process_is_sending_is_left_to_it(mail, clock):
    mail.start()
    (tenant,) = tenants(1)
    warn(tenant, ENDS)
    Alert.objects.update(mailing_until=NOON + dt.timedelta(minutes=1))

    assert not deliver_radar()


def test_alert_of_an_older_version_names_no_warning(mail, clock):
    mail.start()
    (tenant,) = tenants(1)
    raise_alert("radar_warning", tenant, {"count": 1})

    assert deliver_radar()
    assert "Open the tenant: the radar says what it is." in mail.inbox[0].get_content()


def test_finnish_mail_is_finnish(mail, clock, settings):
    settings.ALERT_LANGUAGE = "fi"
    mail.start()
    (tenant,) = tenants(1)
    warn(tenant, GONE)
    deliver_radar()

    assert "Alv 13,5 %" in mail.inbox[0].get_content()


def _queries_of(act):
    with CaptureQueriesContext(
        connection,
    ) as captured:
        act()
    return len(captured)


def test_mails_cost_the_same_for_one_tenant_and_for_five(mail, clock):
    mail.start()
    first, *rest = tenants(5)
    warn(first, ENDS)
    one = _queries_of(deliver_radar)
    clock.shift(DAY)
    for tenant in rest:
        warn(tenant, ENDS)

    assert _queries_of(deliver_radar) == one


def test_alerts_that_are_not_due_cost_no_query_each(mail, clock):
    """A cause that came back within a day is not told again, and is asked about all the same."""
    mail.start()
    first, *rest = tenants(5)

    def comes_back(tenant):
        for _time in range(2):
            raise_alert("credential_refused", tenant)
            recover("credential_refused", tenant)
        raise_alert("credential_refused", tenant)

    comes_back(first)
    one = _queries_of(deliver)
    for tenant in rest:
        comes_back(tenant)

    assert _queries_of(deliver) == one
