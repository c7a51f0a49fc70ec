"""What an adversary, a bad moment or a bad mail server can do to customers' pages."""

from __future__ import annotations

import datetime as dt
import re
import time
from smtplib import SMTPRecipientsRefused, SMTPServerDisconnected
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import time_machine
from django.core import mail as outbox
from django.core.cache import cache
from django.core.mail.backends.locmem import EmailBackend
from django.db import IntegrityError
from django.test import Client
from django.utils import timezone
from django_q.models import OrmQ

from flashnode.logs import masked
from integrations import limits, offboarding, tasks
from integrations.activation import activations
from integrations.activation.models import ActivationRequest
from integrations.connect import intake_links, invitations, public_pages
from integrations.models import ConnectionCheck, Credential
from tests import factories
from tests.staff import log_in as staff_log_in
from tests.staff import text, url

pytestmark = pytest.mark.django_db
CALLBACK = "/connect/logged-in/"
ACCOUNT = "FI21 1234 5600 0007 85"


@pytest.fixture(autouse=True)
def _clear():
    cache.clear()


@pytest.fixture
def login_set_up(sandbox, settings):
    sandbox.redirect_uri = f"https://flashnode.example{CALLBACK}"
    config = settings.PROCOUNTOR["test"] | {"redirect_uri": sandbox.redirect_uri}
    settings.PROCOUNTOR = settings.PROCOUNTOR | {"test": config}


@pytest.fixture
def company(sandbox):
    return sandbox.add_company(name="Acme Oy", business_id="2077474-0")


@pytest.fixture
def acme(company):
    return factories.TenantFactory(language="fi", contact_email="maija@acme.example")


@pytest.fixture
def link(acme):
    made = intake_links.make(acme, by=factories.UserFactory())
    intake_links.begin(made)
    made.refresh_from_db()
    return made


def path(link):
    return invitations.path_of(link)


def press(client, link, act, **fields):
    address = f"/connect/{intake_links.token_of(link)}/" if link.token else link.address
    return client.post(f"{address}?lang=en", {"act": act} | fields)


def address_in(answer):
    found = re.search(r'content="0; url=([^"]+)"', text(answer))
    return found[1] if found else ""


def procountor_login(answer, company):
    page, _, query = address_in(answer).partition("?")
    fields = {n: v[0] for n, v in parse_qs(query).items()}
    back = requests.post(
        page, data=fields | {"company": company.id}, allow_redirects=False, timeout=10
    )
    return {n: v[0] for n, v in parse_qs(urlsplit(back.headers["Location"]).query).items()}


def exchanges(sandbox):
    return [r for r in sandbox.requests if r[2] == "/oauth/key"]


def token_requests(sandbox):
    return [r for r in sandbox.requests if r[2] == "/oauth/token"]


@pytest.fixture
def mailing(settings):
    settings.SUPPORT_FROM_EMAIL = "tuki@flashnode.example"
    settings.PUBLIC_URL = "https://desk.flashnode.example"


def in_days(days):
    return time_machine.travel(timezone.now() + dt.timedelta(days=days))


def test_limit_on_guessing_ends_after_its_minute(client, link):
    now = timezone.now()
    with time_machine.travel(now, tick=False):
        for n in range(public_pages.MOST_MISSES_A_MINUTE + 1):
            client.get(f"/connect/{n:043}/")
        assert client.get("/connect/unknown/").status_code == 429
        assert client.get(path(link)).status_code == 200
    with time_machine.travel(now + dt.timedelta(seconds=61), tick=False):
        assert client.get("/connect/unknown/").status_code == 404


def test_looking_at_a_good_link_does_not_prolong_the_lock(client, link):
    now = timezone.now()
    with time_machine.travel(now, tick=False):
        for n in range(public_pages.MOST_MISSES_A_MINUTE + 1):
            client.get(f"/connect/{n:043}/")
    for minutes in range(0, 60, 4):  # the customer looks at its own link every four minutes
        with time_machine.travel(now + dt.timedelta(minutes=minutes), tick=False):
            last = client.get(path(link)).status_code
    assert last == 200


def test_slow_misses_are_not_many_in_a_minute(client, link):
    now = timezone.now()
    for n in range(public_pages.MOST_MISSES_A_MINUTE + 1):  # one every four minutes, two hours
        with time_machine.travel(now + dt.timedelta(minutes=4 * n), tick=False):
            client.get(f"/connect/{n:043}/")
    with time_machine.travel(now + dt.timedelta(minutes=4 * n, seconds=30), tick=False):
        assert client.get(path(link)).status_code == 200


def test_closed_tenant_is_not_reminded(mailing, acme):
    intake_links.make(acme, by=factories.UserFactory())
    offboarding.close(acme, by=factories.UserFactory(), reason="x", destroy_on=timezone.localdate())
    with in_days(4):
        assert tasks.remind_invited() == 0
    assert outbox.outbox == []


def test_key_of_a_closed_tenants_link_is_not_used(link, company, sandbox, acme):
    intake_links.submit(link, company.api_key, "")
    offboarding.close(acme, by=factories.UserFactory(), reason="x", destroy_on=timezone.localdate())
    tasks.try_intake_key(str(link.pk))
    assert token_requests(sandbox) == []


def test_secrets_of_a_closed_tenants_link_go_with_the_others(link, company, sandbox, acme):
    by = factories.UserFactory()
    sandbox.fault("status", path="/oauth/token", status=401)
    intake_links.submit(link, company.api_key, "")
    tasks.try_intake_key(str(link.pk))
    offboarding.close(acme, by=by, reason="x", destroy_on=timezone.localdate())
    offboarding.destroy_now(acme, by=by, reason="x")
    tasks.destroy_superseded_keys()
    tasks.forget_received_mails()
    link.refresh_from_db()
    assert (link.api_key, link.token) == (None, None)


def test_log_in_for_a_closed_tenant_makes_no_key(
    client, login_set_up, link, company, sandbox, acme
):
    brought = procountor_login(press(client, link, "login", account=ACCOUNT), company)
    offboarding.close(acme, by=factories.UserFactory(), reason="x", destroy_on=timezone.localdate())
    answer = client.get(CALLBACK, brought)
    assert exchanges(sandbox) == []
    assert answer.status_code == 404


def test_head_of_the_callback_has_no_effect(client, login_set_up, link, company, sandbox):
    brought = procountor_login(press(client, link, "login", account=ACCOUNT), company)
    client.head(CALLBACK, brought)
    link.refresh_from_db()
    assert exchanges(sandbox) == []
    assert link.login_hash != ""


def test_head_of_the_activation_callback_has_no_effect(client, sandbox, settings):
    config = settings.PROCOUNTOR["test"] | {"activation_parameter": "requestId"}
    settings.PROCOUNTOR = settings.PROCOUNTOR | {"test": config}
    client.head("/connect/activated/test/", {"requestId": "5"})
    assert not ActivationRequest.objects.exists()


def test_state_alone_does_not_open_the_link_for_another_browser(
    client, login_set_up, link, company
):
    brought = procountor_login(press(client, link, "login", account=ACCOUNT), company)
    stranger = Client()
    answer = stranger.get(CALLBACK, {"state": brought["state"]})
    assert intake_links.token_of(link) not in answer.get("Location", "")


def test_wrong_codes_are_wrong_tries(client, login_set_up, link, company, sandbox):
    for n in range(12):
        answer = press(client, link, "login", account=ACCOUNT)
        if answer.status_code != 302:
            break
        state = parse_qs(urlsplit(address_in(answer)).query)["state"][0]
        client.get(CALLBACK, {"state": state, "code": f"guess{n}"})
    assert len(exchanges(sandbox)) <= 5


def test_callback_does_not_wait_for_a_hold(client, login_set_up, link, company, sandbox):
    brought = procountor_login(press(client, link, "login", account=ACCOUNT), company)
    limits.hold_back("test", 6)
    began = time.monotonic()
    client.get(CALLBACK, brought)
    assert time.monotonic() - began < 3


def test_api_key_of_invisible_characters_is_no_500(
    client, login_set_up, link, company, sandbox, monkeypatch
):
    for key in ("\u200b", "a\ud800"):
        monkeypatch.setattr("integrations.keylogin.api_key_for_code", lambda *a, key=key, **k: key)
        brought = procountor_login(press(client, link, "login", account=ACCOUNT), company)
        strict = Client(raise_request_exception=False)
        assert strict.get(CALLBACK, brought).status_code < 500


def test_one_key_is_one_try_although_procountor_falls_silent_in_between(link, company, sandbox):
    key = factories.api_key()
    intake_links.submit(link, key, "")
    tasks.try_intake_key(str(link.pk))
    for _n in range(2):
        link.refresh_from_db()
        sandbox.fault("html_500", path="/oauth/token")
        assert intake_links.ask_again(link)
        tasks.try_intake_key(str(link.pk))  # silence
        link.refresh_from_db()
        assert intake_links.ask_again(link)
        tasks.try_intake_key(str(link.pk))  # refused, as before
    link.refresh_from_db()
    assert (link.state, link.wrong_tries) == ("held", 1)


def test_simultaneous_filing_is_no_wrong_try_and_keeps_the_key(link, company, monkeypatch):

    def lost(*a, **k):
        raise IntegrityError

    intake_links.submit(link, company.api_key, "")
    monkeypatch.setattr(Credential.objects, "create", lost)
    tasks.try_intake_key(str(link.pk))
    link.refresh_from_db()
    assert link.wrong_tries == 0
    assert link.api_key is not None


def filed(link, company, account=""):
    link.address = path(link)
    intake_links.submit(link, company.api_key, account)
    tasks.try_intake_key(str(link.pk))
    link.refresh_from_db()
    assert link.state == "filed"


def test_link_changes_no_account_after_the_check_has_passed(client, link, company, acme):
    first = company.bank_accounts[0]["iban"]
    filed(link, company, first)
    company.bank_accounts.append(company.bank_accounts[0] | {"iban": "FI4950009420028730"})
    tasks.check_connection(acme.pk)
    assert acme.last_check.outcome == "passed", acme.last_check.steps
    press(client, link, "account", account="FI49 5000 9420 0287 30")
    assert acme.invoice_account.iban == first


def test_account_button_does_not_flood_checks(
    client, link, company, acme, django_capture_on_commit_callbacks
):
    first = company.bank_accounts[0]["iban"]
    filed(link, company, "")
    tasks.check_connection(acme.pk)
    before = OrmQ.objects.count()
    with django_capture_on_commit_callbacks(execute=True):
        for _ in range(20):
            press(client, link, "account", account=first)
    assert OrmQ.objects.count() - before <= 1


def test_live_tenants_account_waits_for_the_check_of_the_new_key(client, tenant):
    before = tenant.invoice_account.iban
    link = intake_links.make(tenant, by=factories.UserFactory())
    intake_links.begin(link)
    intake_links.submit(link, tenant.company.new_api_key(), "FI49 5000 9420 0287 30")
    tasks.try_intake_key(str(link.pk))
    tasks.check_connection(tenant.pk)
    tenant.refresh_from_db()
    assert tenant.state == "active"
    assert tenant.invoice_account.iban == before


def test_kill_between_filing_and_check_is_made_up_for(link, company, acme):
    intake_links.submit(link, company.api_key, "")
    link.refresh_from_db()
    assert intake_links.try_key(link)  # and the worker dies before check_soon
    with time_machine.travel(timezone.now() + dt.timedelta(minutes=10)):
        before = OrmQ.objects.count()
        tasks.ask_about_intake_keys_again()
        tasks.try_intake_key(str(link.pk))
        assert OrmQ.objects.count() > before


def test_check_that_died_does_not_keep_the_customer_waiting(client, link, company, acme):

    filed(link, company, "")
    link.refresh_from_db()
    ConnectionCheck.objects.create(
        tenant=acme, credential=link.credential, started_at=timezone.now()
    )
    with in_days(1):
        assert "Check again" in text(client.get(link.address, {"lang": "en"}))


def test_key_of_a_link_that_expired_meanwhile_is_not_filed(link, company):
    intake_links.submit(link, company.api_key, "")
    with in_days(9):
        tasks.try_intake_key(str(link.pk))
    assert not Credential.objects.exists()


class Slow(EmailBackend):
    hook = None

    def send_messages(self, messages):
        sent = super().send_messages(messages)
        if Slow.hook:
            Slow.hook(messages)
        return sent


class Picky(EmailBackend):
    def send_messages(self, messages):
        if any("bad@" in to for m in messages for to in m.to):
            raise SMTPRecipientsRefused({"bad@acme.example": (550, b"no such user")})
        return super().send_messages(messages)


class TakesAndDrops(EmailBackend):
    def send_messages(self, messages):
        super().send_messages(messages)
        raise SMTPServerDisconnected("Connection unexpectedly closed")


def test_who_succeeds_while_reminders_go_out_is_not_reminded(mailing, acme, company, settings):
    beta = factories.TenantFactory(
        name="Beta Oy", business_id="0112038-9", contact_email="b@beta.example"
    )
    mine = intake_links.make(acme, by=factories.UserFactory())
    intake_links.make(beta, by=factories.UserFactory())  # newest: reminded first
    settings.EMAIL_BACKEND = f"{__name__}.Slow"

    def customer_finishes(_messages):
        Slow.hook = None
        intake_links.begin(mine)
        intake_links.submit(mine, company.api_key, "")
        tasks.try_intake_key(str(mine.pk))

    Slow.hook = customer_finishes
    with in_days(4):
        tasks.remind_invited()
    mine.refresh_from_db()
    assert mine.state == "filed"
    assert [m.to for m in outbox.outbox] == [["b@beta.example"]]


def test_withdrawn_while_reminders_go_out(mailing, acme, company, settings):
    beta = factories.TenantFactory(
        name="Beta Oy", business_id="0112038-9", contact_email="b@beta.example"
    )
    mine = intake_links.make(acme, by=factories.UserFactory())
    intake_links.make(beta, by=factories.UserFactory())
    settings.EMAIL_BACKEND = f"{__name__}.Slow"

    def hook(_m):
        Slow.hook = None
        intake_links.close(mine, "withdrawn")

    Slow.hook = hook
    with in_days(4):
        tasks.remind_invited()
    assert [m.to for m in outbox.outbox] == [["b@beta.example"]]


def test_address_that_is_refused_does_not_keep_others_from_their_reminder(mailing, acme, settings):
    acme.contact_email = "good@acme.example"
    acme.save()
    intake_links.make(acme, by=factories.UserFactory())
    beta = factories.TenantFactory(
        name="Beta Oy", business_id="0112038-9", contact_email="bad@acme.example"
    )
    intake_links.make(beta, by=factories.UserFactory())
    settings.EMAIL_BACKEND = f"{__name__}.Picky"
    with in_days(4):
        tasks.remind_invited()
        tasks.remind_invited()
    assert [m.to for m in outbox.outbox] == [["good@acme.example"]]


def test_reminder_whose_answer_is_lost_is_not_sent_twice(mailing, acme, settings):
    intake_links.make(acme, by=factories.UserFactory())
    settings.EMAIL_BACKEND = f"{__name__}.TakesAndDrops"
    with in_days(4):
        for _ in range(5):
            tasks.remind_invited()
    assert len(outbox.outbox) == 1


def test_staffs_reminder_and_the_programs_are_one(mailing, client, acme, settings):
    intake_links.make(acme, by=factories.UserFactory())
    with in_days(4):
        staff_log_in(client, "Support")
        page = url("integrations_tenant_invite", acme.pk)
        client.post(page, {"act": "remind", "mail": "1"})
        client.post(page, {"act": "remind", "mail": "1"})  # a double click
        tasks.remind_invited()
    assert len(outbox.outbox) == 1


@pytest.fixture
def activation_set_up(sandbox, settings):
    ours = sandbox.add_company(name="Flashnode Oy", business_id="5678901-2")
    sandbox.activations.integrator_id = ours.id
    config = settings.PROCOUNTOR["test"] | {
        "integrator_api_key": ours.api_key,
        "activation_parameter": "requestId",
    }
    settings.PROCOUNTOR = settings.PROCOUNTOR | {"test": config}


def test_stranger_does_not_keep_a_customers_request_out(client, activation_set_up):
    stranger = Client(REMOTE_ADDR="192.0.2.66")
    for n in range(activations.MOST_UNKNOWN + 5):
        stranger.get("/connect/activated/test/", {"requestId": str(10**9 + n)})
    assert (
        client.get(
            "/connect/activated/test/", {"requestId": "77"}, REMOTE_ADDR="192.0.2.7"
        ).status_code
        == 200
    )


def test_stranger_does_not_push_out_what_may_be_a_customers(client, activation_set_up):
    real = ActivationRequest.objects.create(
        environment="test",
        number=77,
        state="refused",
        received_at=timezone.now(),
        asked_at=timezone.now(),
    )
    ActivationRequest.objects.bulk_create(
        [
            ActivationRequest(
                environment="test", number=10**9 + n, state="unknown", received_at=timezone.now()
            )
            for n in range(activations.MOST_UNKNOWN - 1)
        ]
    )
    client.get("/connect/activated/test/", {"requestId": "123456"}, REMOTE_ADDR="192.0.2.66")
    assert ActivationRequest.objects.filter(pk=real.pk).exists()


@pytest.mark.parametrize(
    "where",
    [
        "/connect/abcdefgh%2Dabcdefghijklmnopqrstuvwxyz0123456/",
        "/connect%2FabcdefghAabcdefghijklmnopqrstuvwxyz0123456/",
        "https://safelinks.example/?url=https%3A%2F%2Fx%2Fconnect%2FabcdefghAabcdefghijklmnopqrstuvwxyz0123456%2F",
        "/connect/logged-in/?st%61te=abcdefghijklmnopqrstuvwxyz0123456",
    ],
)
def test_masked(where):
    assert "abcdefghijklmnopqrstuvwxyz0123456" not in masked(where)


def test_refusal_of_a_forged_form_carries_the_policy(link):
    strict = Client(enforce_csrf_checks=True)
    answer = strict.post(path(link), {"act": "begin"})
    assert answer.status_code == 403
    assert "Content-Security-Policy" in answer and answer["Cache-Control"] == "no-store"


def test_business_id_in_another_form_is_the_same_company(link, sandbox):
    company = sandbox.add_company(name="Acme2 Oy", business_id="20774740")
    intake_links.submit(link, company.api_key, "")
    tasks.try_intake_key(str(link.pk))
    link.refresh_from_db()
    assert link.state == "filed"
