"""Mails about failed exports, over a real SMTP connection to this machine."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.core.management import call_command
from django.utils import timezone

from invoices import causes, failure_mails
from invoices.models import InvoiceExport
from invoices.watch_models import Alert, Digest
from tests.bulk import failed
from tests.mail_server import MailServer

pytestmark = pytest.mark.django_db(transaction=True)
HELSINKI = ZoneInfo("Europe/Helsinki")
#: A Tuesday, so that no weekly mail is due.
TUESDAY = dt.datetime(2026, 12, 1, 12, 0, tzinfo=HELSINKI)


@pytest.fixture
def mail(settings):
    server = MailServer()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    settings.FAILURE_EMAILS = ["kirjanpito@flashnode.example"]
    settings.ALERT_LANGUAGE = "en"
    settings.PUBLIC_URL = "https://desk.flashnode.example"
    server.start()
    yield server
    server.stop()


@pytest.fixture
def clock():
    """Noon of a Tuesday, to be moved."""
    with time_machine.travel(TUESDAY, tick=False) as traveller:
        yield traveller


def test_new_cause_is_mailed_at_once_with_what_to_do(make_tenant, mail, clock):
    failed(make_tenant(), "unmapped", "unmapped")

    failure_mails.follow_failures()

    (message,) = mail.inbox
    body = message.get_content()
    assert message["To"] == "kirjanpito@flashnode.example"
    assert message["Subject"].startswith("[Flashnode] Acme Oy: ")
    assert "Acme Oy: 2 invoices, 200.00 EUR" in body
    assert "https://desk.flashnode.example/admin/invoices/exportcause/group/" in body
    (row,) = causes.folded(causes.open_causes())
    assert row["key"] in body


def test_same_cause_is_mailed_once_a_day_at_most(make_tenant, mail, clock):
    tenant = make_tenant()
    failed(tenant, "unmapped")
    for _round in range(3):
        failure_mails.follow_failures()
    assert len(mail.inbox) == 1

    clock.shift(dt.timedelta(hours=23))
    failure_mails.follow_failures()
    assert len(mail.inbox) == 1
    clock.shift(dt.timedelta(hours=2))
    failure_mails.follow_failures()
    failure_mails.follow_failures()
    assert len(mail.inbox) == 2


def test_other_cause_is_new_and_many_are_one_mail(make_tenant, mail, clock):
    acme, beta = make_tenant(), make_tenant(name="Beta Oy", business_id="0112038-9")
    failed(acme, "unmapped")
    failure_mails.follow_failures()
    failed(beta, "unmapped")
    acme.company.close_period(dt.date(2026, 3, 1), dt.date(2026, 3, 31))

    failure_mails.follow_failures()

    assert [("Acme" in m["Subject"], "Beta" in m["Subject"]) for m in mail.inbox] == [
        (True, False),
        (False, True),
    ]


def test_end_is_mailed_once(make_tenant, mail, clock):
    tenant = make_tenant()
    failed(tenant, "unmapped")
    failure_mails.follow_failures()
    InvoiceExport.objects.update(status="skipped")
    causes.open_causes().update(ended_at=timezone.now())

    failure_mails.follow_failures()
    failure_mails.follow_failures()

    assert len(mail.inbox) == 2
    assert mail.subjects[1] == "[Flashnode] Over: failed exports"
    assert not Alert.objects.filter(cause="exports_failing", recovered_at=None).exists()


def test_server_that_refuses_is_tried_again(make_tenant, mail, clock, settings):
    failed(make_tenant(), "unmapped")
    mail.stop()
    failure_mails.follow_failures()
    assert Alert.objects.get(cause="exports_failing").mail_error == "refused"

    again = MailServer()
    settings.EMAIL_PORT = again.port
    again.start()
    failure_mails.follow_failures()
    again.stop()

    assert len(again.inbox) == 1
    assert Alert.objects.get(cause="exports_failing").mail_error == ""


def test_nobody_to_tell_is_no_error(make_tenant, settings, clock):
    settings.FAILURE_EMAILS = []
    failed(make_tenant(), "unmapped")

    failure_mails.follow_failures()

    assert Alert.objects.filter(cause="exports_failing").count() == 1


@pytest.mark.parametrize(
    ("moment", "is_due"),
    [
        (dt.datetime(2026, 11, 30, 7, 29, tzinfo=HELSINKI), False),
        (dt.datetime(2026, 11, 30, 7, 30, tzinfo=HELSINKI), True),
        (dt.datetime(2026, 11, 30, 23, 59, tzinfo=HELSINKI), True),
        (dt.datetime(2026, 12, 1, 7, 30, tzinfo=HELSINKI), False),
        # Summer time: half past seven is an hour earlier in UTC.
        (dt.datetime(2026, 6, 29, 7, 30, tzinfo=HELSINKI), True),
        (dt.datetime(2026, 6, 29, 7, 29, tzinfo=HELSINKI), False),
    ],
)
def test_weekly_mail_leaves_on_monday_at_half_past_seven(tenant, mail, moment, is_due):
    with time_machine.travel(moment, tick=False):
        assert failure_mails.deliver_digest() is is_due
        assert failure_mails.deliver_digest() is False

    assert len(mail.inbox) == int(is_due)


def test_weekly_mail_lists_what_is_open(make_tenant, mail):
    failed(make_tenant(), "unmapped", "unmapped")
    with time_machine.travel(dt.datetime(2026, 11, 30, 8, 0, tzinfo=HELSINKI), tick=False):
        assert failure_mails.deliver_digest()
    with time_machine.travel(dt.datetime(2026, 12, 7, 8, 0, tzinfo=HELSINKI), tick=False):
        assert failure_mails.deliver_digest()

    assert mail.subjects[0] == "[Flashnode] This week: 2 failed exports"
    assert "Acme Oy: 2 invoices" in mail.inbox[0].get_content()
    assert Digest.objects.count() == 2


def test_weekly_mail_that_is_refused_is_tried_again(tenant, mail):
    with time_machine.travel(dt.datetime(2026, 11, 30, 8, 0, tzinfo=HELSINKI), tick=False):
        mail.stop()
        assert failure_mails.deliver_digest() is False
        assert Digest.objects.get().sent_at is None


def test_watch_sends_them(make_tenant, mail, clock, capsys):
    failed(make_tenant(), "unmapped")

    with pytest.raises(SystemExit):
        call_command("watch", "--once")

    assert len(mail.inbox) == 1


def test_mail_speaks_finnish_when_told(make_tenant, mail, clock, settings):
    settings.ALERT_LANGUAGE = "fi"
    failed(make_tenant(), "unmapped", "unmapped")

    failure_mails.follow_failures()

    assert "2 laskua, 200,00 EUR" in mail.inbox[0].get_content()
