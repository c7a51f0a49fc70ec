"""Alerts: one open row per cause and tenant; mail once a day, its end once, over a real socket."""

import datetime as dt
import threading

import pytest
import time_machine
from django.core.cache import cache
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from integrations import custody, diagnosis
from integrations.enums import PauseReason
from integrations.models import Tenant
from invoices import engine
from invoices.watch import alerts, beat, raise_alert, recover
from invoices.watch.findings import Finding, Signs, evaluate
from invoices.watch.notices import deliver
from invoices.watch.tenants import follow_tenants
from invoices.watch_models import Alert
from tests import factories
from tests.mail_server import MailServer

pytestmark = pytest.mark.django_db(transaction=True)

SILENT = [Finding("worker_silent", {"seconds": 200})]
OPENED = "[Flashnode] Background tasks do not run"
OVER = "[Flashnode] Over: Background tasks do not run"


@pytest.fixture
def clock():
    with time_machine.travel(timezone.now(), tick=False) as traveller:
        yield traveller


@pytest.fixture
def refusing(settings):
    """A mail server that is down, and the settings that lead to it."""
    server = MailServer()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
    settings.ALERT_EMAILS = ["watch@example.com"]
    settings.ALERT_LANGUAGE = "en"
    yield server
    server.stop()


@pytest.fixture
def mail(refusing):
    refusing.start()
    return refusing


def test_new_cause_is_mailed_at_once(mail):
    raise_alert("worker_silent", facts={"seconds": 200})

    (message,) = mail.inbox
    assert (message["Subject"], message["To"]) == (OPENED, "watch@example.com")
    assert "Last sign of life of a worker: 3 min ago." in message.get_content()
    assert "Restart the task cluster" in message.get_content()


def test_cause_that_lasts_is_mailed_once_a_day(mail, clock):
    for _ in range(47):
        alerts.follow(SILENT)
        clock.shift(dt.timedelta(hours=1))

    assert mail.subjects == [OPENED, OPENED]
    assert Alert.objects.count() == 1


def test_end_is_mailed_once(mail, clock):
    alerts.follow(SILENT)
    for _ in range(3):
        clock.shift(60)
        alerts.follow([])

    assert mail.subjects == [OPENED, OVER]
    assert "only the start page says so until then" in mail.inbox[1].get_content()


def test_cause_that_comes_and_goes_is_mailed_once_a_day(mail, clock):
    for _ in range(10):
        alerts.follow(SILENT)
        clock.shift(60)
        alerts.follow([])
        clock.shift(60)
    assert mail.subjects == [OPENED, OVER]

    clock.shift(dt.timedelta(days=1))
    alerts.follow(SILENT)

    assert mail.subjects == [OPENED, OVER, OPENED]


def test_cause_that_came_back_and_stays_is_mailed_a_day_after_the_last(mail, clock):
    alerts.follow(SILENT)
    alerts.follow([])
    for _ in range(25):
        clock.shift(dt.timedelta(hours=1))
        alerts.follow(SILENT)

    assert mail.subjects == [OPENED, OVER, OPENED]


def test_mail_server_down_fails_no_caller_and_is_tried_again(refusing):
    assert raise_alert("worker_silent", facts={"seconds": 200})
    alert = Alert.objects.get()
    assert (alert.notified_at, alert.mail_error) == (None, "ConnectionRefusedError")

    refusing.start()
    alerts.follow(SILENT)
    alerts.follow(SILENT)

    assert refusing.subjects == [OPENED]
    assert Alert.objects.get().mail_error == ""


def test_mail_server_down_is_a_finding_until_the_mail_has_left(refusing):
    beat("worker")
    beat("sweep")
    raise_alert("claims_expired", facts={"count": 1, "seconds": 900})
    assert [f.code for f in evaluate(Signs.read())] == ["mail_failing"]

    refusing.start()
    deliver()

    assert evaluate(Signs.read()) == []


def test_trouble_that_came_and_went_while_mail_was_down_is_told_once(refusing):
    alerts.follow(SILENT)
    alerts.follow([])
    refusing.start()

    alerts.follow([])
    alerts.follow([])

    assert refusing.subjects == [OVER]


def test_nothing_is_mailed_before_the_commit_and_nothing_after_a_rollback(mail):
    with transaction.atomic():
        raise_alert("worker_silent", facts={"seconds": 200})
        assert mail.subjects == []
    assert mail.subjects == [OPENED]

    with pytest.raises(RuntimeError), transaction.atomic():
        raise_alert("sweep_late", facts={"seconds": 200})
        raise RuntimeError
    assert mail.subjects == [OPENED]
    assert Alert.objects.count() == 1


def test_alert_raised_by_many_at_once_is_one_row_and_one_mail(mail):
    start = threading.Barrier(6)

    def work():
        try:
            start.wait()
            raise_alert("worker_silent", facts={"seconds": 200})
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    deliver()

    assert Alert.objects.count() == 1
    assert mail.subjects == [OPENED]


@pytest.mark.parametrize("tenant", [True, False])
def test_database_keeps_a_second_open_alert_out(tenant):
    now = timezone.now()
    fields = {
        "cause": "worker_silent",
        "tenant": factories.TenantFactory() if tenant else None,
        "first_seen_at": now,
        "last_seen_at": now,
    }
    Alert.objects.create(**fields, recovered_at=now)
    Alert.objects.create(**fields)

    with pytest.raises(IntegrityError), transaction.atomic():
        Alert.objects.create(**fields)


def test_mail_that_another_process_has_in_hand_is_left_to_it_for_a_while(refusing, clock):
    raise_alert("worker_silent", facts={"seconds": 200})
    Alert.objects.update(mailing_until=timezone.now() + dt.timedelta(minutes=3))
    refusing.start()

    assert deliver() == 0
    clock.shift(181)
    assert deliver() == 1


def test_without_addresses_an_alert_is_logged_as_an_error(settings, caplog, mail):
    settings.ALERT_EMAILS = []

    raise_alert("worker_silent", facts={"seconds": 200})

    assert [(r.levelname, r.message.split(",")[0]) for r in caplog.records] == [
        ("ERROR", "alert: worker_silent")
    ]
    assert mail.subjects == []
    assert Alert.objects.get().notified_at is None


def test_language_of_mails_is_a_setting(mail, settings):
    settings.ALERT_LANGUAGE = "fi"

    raise_alert("credential_refused", factories.TenantFactory(name="Acme Oy"))

    assert "Asiakasyritys: Acme Oy" in mail.inbox[0].get_content()


def test_tenant_s_name_cannot_add_a_header(mail):
    raise_alert("credential_refused", factories.TenantFactory(name="Acme\r\nBcc: x@example.com"))

    (message,) = mail.inbox
    assert message["Subject"] == "[Flashnode] API key refused: Acme Bcc: x@example.com"
    assert message["Bcc"] is None


def test_unknown_cause_is_refused():
    with pytest.raises(ValueError, match="nonsense"):
        raise_alert("nonsense")


def test_alerts_of_two_tenants_and_of_none_are_apart(mail):
    one = factories.TenantFactory()
    other = factories.TenantFactory(name="Beta Oy", business_id="0112038-9")
    for tenant in (one, other, None, one):
        raise_alert("credential_refused", tenant)

    assert recover("credential_refused", one)

    assert not recover("credential_refused", one)
    still_open = Alert.objects.filter(recovered_at=None).values_list("tenant", flat=True)
    assert set(still_open) == {other.pk, None}
    assert len(mail.inbox) == 4


def test_refused_key_alerts_once_and_a_passed_check_ends_it(tenant, queued, mail):
    queued("A-1", "A-2")
    tenant.company.revoke()
    cache.clear()  # the access token that was bought with the key
    engine.run_lane(tenant.pk)
    diagnosis.run_check(tenant)
    assert mail.subjects == ["[Flashnode] API key refused: Acme Oy"]
    assert tenant.company.api_key not in mail.inbox[0].as_string()

    custody.file_api_key(tenant, tenant.company.new_api_key(), via="email")
    assert len(mail.inbox) == 1
    diagnosis.run_check(tenant)

    assert mail.subjects[1:] == ["[Flashnode] Over: API key refused: Acme Oy"]


def test_pause_by_a_person_alerts_nobody(tenant, mail):
    diagnosis.pause(tenant, PauseReason.PERSON)
    follow_tenants()

    assert Alert.objects.count() == 0


def test_pause_that_nobody_was_told_of_is_alerted_by_the_next_round(tenant, mail):
    Tenant.objects.update(state="paused", pause_reason="rights")
    follow_tenants()
    follow_tenants()
    assert mail.subjects == ["[Flashnode] Rights missing in Procountor: Acme Oy"]

    Tenant.objects.update(state="closed")
    follow_tenants()
    assert Alert.objects.filter(recovered_at=None).count() == 0


def test_round_leaves_alerts_of_tenants_and_of_other_modules_open(tenant):
    raise_alert("credential_refused", tenant)
    raise_alert("rights_missing")

    alerts.follow([])

    assert Alert.objects.filter(recovered_at=None).count() == 2


def test_alert_of_a_cause_that_no_longer_exists_is_ended(mail):
    now = timezone.now()
    Alert.objects.create(cause="of_old", first_seen_at=now, last_seen_at=now)

    alerts.follow([])

    assert Alert.objects.get().recovered_at is not None
    assert mail.subjects == []
