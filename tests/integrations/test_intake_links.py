"""The customer's own way in: a link that takes one key, for one company, and tells nothing else."""

from __future__ import annotations

import datetime as dt
import re

import pytest
import time_machine
from django.core import mail as outbox
from django.db import connection
from django.test import Client
from django.utils import timezone
from django_q.models import OrmQ

from integrations import custody, tasks
from integrations.connect import intake_links, invitations, public_pages
from integrations.connect.models import IntakeLink
from integrations.keydesk import KeyRefused
from integrations.models import Credential
from invoices.models import AuditEvent
from tests import factories
from tests.integrations import mails
from tests.staff import ANONYMOUS, EVERYBODY, log_in, refusal, said, text, url

pytestmark = pytest.mark.django_db

ALLOWED = {"Support", "Administrator"}


@pytest.fixture
def company(sandbox):
    return sandbox.add_company(name="Acme Oy", business_id="2077474-0")


@pytest.fixture
def acme(company):
    return factories.TenantFactory(language="fi")


@pytest.fixture
def link(acme):
    return intake_links.make(acme, by=factories.UserFactory())


@pytest.fixture
def customer(client, link):
    """The customer's browser at the link's page."""
    return Customer(client, link)


class Customer:
    def __init__(self, client, link):
        self.client, self.link = client, link
        self.address = invitations.path_of(link)

    def look(self, **query):
        return self.client.get(self.address, query or {"lang": "en"})

    def press(self, act, **fields):
        answer = self.client.post(f"{self.address}?lang=en", {"act": act} | fields)
        self.link.refresh_from_db()
        return answer

    def hand_over(self, key, account="FI21 1234 5600 0007 85"):
        """Enter a key, and let the background do its work."""
        if self.link.state == "invited":
            self.press("begin")
        self.press("submit", api_key=key, account=account)
        assert self.link.state == "asking"
        tasks.try_intake_key(str(self.link.pk))
        self.link.refresh_from_db()
        return text(self.look())


def everything():
    """All rows that a customer's page could change."""
    return (
        [
            {name: getattr(value, "token", value) for name, value in row.items()}
            for row in IntakeLink.objects.values()
        ],
        list(AuditEvent.objects.values()),
        list(Credential.objects.values_list("pk", "state")),
        OrmQ.objects.count(),
    )


# --- From the link to a checked key --------------------------------------------------------------


def test_customer_connects_its_company_without_anybody_else(
    customer, company, link, django_capture_on_commit_callbacks
):
    account = company.bank_accounts[0]["iban"]
    assert "Begin" in text(customer.look())
    customer.press("begin")
    guide = text(customer.look())
    assert "API client keys" in guide and "flashnodeClient" in guide
    with django_capture_on_commit_callbacks(execute=True):
        customer.press("submit", api_key=mails.wrap(company.api_key, 76), account=account)
    (task,) = OrmQ.objects.all()
    assert company.api_key not in str(task.payload)
    waiting = customer.look()
    assert "being checked" in text(waiting) and b'http-equiv="refresh"' in waiting.content

    tasks.try_intake_key(str(link.pk))
    assert "being checked" in text(customer.look())
    tasks.check_connection(link.tenant.pk)

    assert "The connection works" in text(customer.look())
    link.refresh_from_db()
    assert (link.state, link.api_key, link.token) == ("filed", None, None)
    assert link.tenant.active_credential.received_via == "link"
    assert link.tenant.invoice_account.iban == account
    assert link.tenant.last_check.outcome == "passed"
    assert set(AuditEvent.objects.values_list("action", flat=True)) >= {
        "intake_link.made",
        "intake_link.opened",
        "intake_link.key_filed",
        "credential.filed",
    }


def test_key_is_nowhere_in_clear(customer, company, caplog):
    caplog.set_level("DEBUG")
    key = company.api_key
    customer.press("begin")
    seen = text(customer.look()) + text(customer.press("submit", api_key=key, account="FI00"))
    customer.press("submit", api_key=key, account="")
    seen += text(customer.look())
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM integrations_intakelink")
        kept = str(cursor.fetchall())
    tasks.try_intake_key(str(customer.link.pk))
    seen += text(customer.look())

    assert Credential.objects.count() == 1
    for place in (seen, kept, caplog.text, str(list(AuditEvent.objects.values()))):
        assert key not in place
        assert key.split(".")[2] not in place


def test_neither_token_nor_key_is_kept_in_clear(link):
    token = intake_links.token_of(link)
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM integrations_intakelink")
        row = str(cursor.fetchall())

    assert len(token) >= 43
    assert token not in row
    assert intake_links.found(token) == link


@pytest.mark.parametrize("state", ["invited", "opened", "asking", "held", "filed"])
@pytest.mark.parametrize("method", ["get", "head", "options", "put", "delete"])
def test_mail_scanner_changes_nothing(customer, company, sandbox, state, method):
    if state != "invited":
        customer.press("begin")
    if state == "asking":
        customer.press("submit", api_key=company.api_key, account="")
    elif state == "held":
        sandbox.fault("status", path="/oauth/token", status=401)
        customer.hand_over(company.api_key)
    elif state == "filed":
        customer.hand_over(company.api_key)
    assert customer.link.state == state
    before = everything()

    getattr(customer.client, method)(customer.address)

    assert everything() == before


def test_second_key_is_not_taken(customer, company):
    customer.hand_over(company.api_key)
    other = company.new_api_key()
    before = everything()

    customer.press("submit", api_key=other, account="")
    customer.press("begin")
    customer.press("again")

    assert everything() == before
    assert Credential.objects.count() == 1


def test_second_key_while_the_first_is_asked_about_waits(customer, company):
    customer.press("begin")
    customer.press("submit", api_key=company.api_key, account="")

    first = company.api_key
    answer = customer.press("submit", api_key=company.new_api_key(), account="")

    assert "being checked" in text(answer)
    tasks.try_intake_key(str(customer.link.pk))
    assert Credential.objects.get().last_four == first[-4:]


def test_task_that_runs_twice_files_one_key(customer, company, link):
    customer.press("begin")
    customer.press("submit", api_key=company.api_key, account="")
    both = [IntakeLink.objects.select_related("tenant").get(pk=link.pk) for _ in range(2)]

    assert [intake_links.try_key(one) for one in both] == [True, False]

    assert Credential.objects.count() == 1
    assert AuditEvent.objects.filter(action="credential.filed").count() == 1


# --- What is wrong with a key --------------------------------------------------------------------


def test_key_of_another_company_is_refused_and_not_told(customer, sandbox, make_tenant):
    beta = make_tenant(name="Beta Oy", business_id="0112038-9")

    unfiled = customer.hand_over(beta.company.new_api_key())
    filed = customer.hand_over(beta.company.api_key)

    for shown in (unfiled, filed):
        assert "opens another company than Acme Oy (2077474-0)" in shown
        assert "Beta" not in shown and "0112038-9" not in shown
    assert (customer.link.state, customer.link.wrong_tries) == ("opened", 2)
    assert customer.link.api_key is None
    assert customer.link.tenant.credentials.count() == 0


def test_key_filed_before_is_refused_without_naming_anybody(customer, company, settings):
    issuer = settings.PROCOUNTOR["test"]["key_issuer"]
    settings.PROCOUNTOR["production"]["key_issuer"] = issuer
    production = factories.TenantFactory(name="Toinen Oy", environment="production")
    custody.file_api_key(production, company.api_key, via="email")

    shown = customer.hand_over(company.api_key)

    assert "cannot be used here" in shown
    assert "Toinen" not in shown


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        (mails.WRONG_CLIENT, "for the client id flashnodeClient"),
        (mails.PRODUCTION, "another Procountor environment"),
        ("not a key at all", "does not accept the key"),
    ],
)
def test_wrong_key_is_explained(customer, settings, key, sentence):
    settings.PROCOUNTOR["production"]["key_issuer"] = "https://api.procountor.com"

    shown = customer.hand_over(key)

    assert sentence in shown
    assert "4 tries are left" in shown
    assert customer.link.wrong_tries == 1


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://[x"},
        {"aud": "a\x00b"},
        {"aud": "\ud800"},
        {"iat": 253_402_300_799},
        {"iat": -1},
        {"sub": {"a": 1}, "cid": [1, 2]},
    ],
)
def test_key_with_odd_claims_does_not_hang_the_link(customer, company, claims):
    customer.hand_over(factories.api_key(**claims))
    assert customer.link.state in ("opened", "held")

    customer.hand_over(company.api_key)

    assert customer.link.state == "filed"


def test_five_wrong_tries_end_the_link(customer, company):
    for _ in range(5):
        customer.hand_over(factories.api_key())

    assert (customer.link.state, customer.link.close_reason) == ("closed", "wrong_tries")
    assert (customer.link.api_key, customer.link.token) == (None, None)
    assert customer.look().status_code == 404
    customer.press("submit", api_key=company.api_key, account="")
    assert not Credential.objects.exists()


def test_key_that_procountor_refuses_is_kept_and_tried_again(customer, company, sandbox):
    sandbox.fault("status", path="/oauth/token", status=401)
    shown = customer.hand_over(company.api_key)
    assert "allows invoiceable API clients" in shown and "Try again" in shown
    assert (customer.link.state, customer.link.wrong_tries) == ("held", 1)

    assert "just checked" in text(customer.press("again"))
    with time_machine.travel(timezone.now() + dt.timedelta(seconds=20)):
        customer.press("again")
        tasks.try_intake_key(str(customer.link.pk))

    customer.link.refresh_from_db()
    assert (customer.link.state, customer.link.wrong_tries) == ("filed", 1)


def test_trying_the_same_key_again_is_not_one_more_wrong_try(customer):
    customer.hand_over(factories.api_key())
    for minutes in range(1, 7):
        with time_machine.travel(timezone.now() + dt.timedelta(minutes=minutes)):
            customer.press("again")
            tasks.try_intake_key(str(customer.link.pk))

    customer.link.refresh_from_db()
    assert (customer.link.state, customer.link.wrong_tries) == ("held", 1)


def test_silence_of_procountor_costs_no_try_and_is_asked_again(
    customer, company, sandbox, django_capture_on_commit_callbacks
):
    sandbox.fault("html_500", path="/oauth/token")
    shown = customer.hand_over(company.api_key)
    assert "kept safe and we try again ourselves" in shown
    assert (customer.link.state, customer.link.wrong_tries) == ("held", 0)
    assert tasks.ask_about_intake_keys_again() == 0

    with time_machine.travel(timezone.now() + dt.timedelta(minutes=2)):
        assert tasks.ask_about_intake_keys_again() == 1
        assert tasks.ask_about_intake_keys_again() == 0
        tasks.try_intake_key(str(customer.link.pk))

    customer.link.refresh_from_db()
    assert customer.link.state == "filed"


def test_lost_task_is_made_up_for(customer, company):
    customer.press("begin")
    customer.press("submit", api_key=company.api_key, account="")

    with time_machine.travel(timezone.now() + dt.timedelta(minutes=2)):
        assert "It takes longer than usual" in text(customer.look())
        assert tasks.ask_about_intake_keys_again() == 1


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"api_key": " \u200b ", "account": ""}, "Paste the API key"),
        ({"api_key": "x", "account": "FI00"}, "“FI00” is not a valid account number"),
    ],
)
def test_form_that_is_not_filled_in_costs_nothing(customer, fields, sentence):
    customer.press("begin")
    before = everything()

    answer = customer.press("submit", **fields)

    assert sentence in text(answer)
    assert everything() == before


# --- After the key has come ----------------------------------------------------------------------


def test_what_is_to_fix_is_told_in_the_customers_language(customer, company):
    company.set_right("sales.salesInvoiceSearch", "NO_ACCESS")
    customer.hand_over(company.api_key, account="")
    tasks.check_connection(customer.link.tenant.pk)

    english, swedish = text(customer.look()), text(customer.look(lang="sv"))

    assert "needs all rights to sales invoices" in english
    assert "Please send us the bank account number" in english
    assert "Kontrollera igen" in swedish and "needs" not in swedish


def test_account_is_changed_to_one_that_procountor_has(customer, company):
    right = company.bank_accounts[0]["iban"]
    customer.hand_over(company.api_key, account="FI49 5000 9420 0287 30")
    tenant = customer.link.tenant
    tasks.check_connection(tenant.pk)
    assert "is not in your Procountor" in text(customer.look())

    unknown = customer.press("account", account="FI13 5000 1520 0000 81")
    assert "was not active in your Procountor" in text(unknown)
    assert tenant.invoice_account.iban == "FI4950009420028730"
    customer.press("account", account=right)
    with time_machine.travel(timezone.now() + dt.timedelta(seconds=1)):
        tasks.check_connection(tenant.pk)
        assert "The connection works" in text(customer.look())
    assert tenant.invoice_account.iban == right


def test_check_is_asked_for_again_but_not_all_the_time(
    customer, company, django_capture_on_commit_callbacks
):
    customer.hand_over(company.api_key, account="")
    tasks.check_connection(customer.link.tenant.pk)
    later = timezone.now() + dt.timedelta(minutes=1)
    with time_machine.travel(later), django_capture_on_commit_callbacks(execute=True):
        queued = OrmQ.objects.count()
        customer.press("check")
        assert "being checked" in text(customer.press("check"))
    assert OrmQ.objects.count() == queued + 1
    with time_machine.travel(later + dt.timedelta(seconds=5)):
        tasks.check_connection(customer.link.tenant.pk)
        assert "just checked" in text(customer.press("check"))


def test_live_tenant_gets_a_candidate_by_the_link(client, tenant):
    older = tenant.active_credential
    link = intake_links.make(tenant, by=factories.UserFactory())

    Customer(client, link).hand_over(tenant.company.new_api_key(), account="")

    tenant.refresh_from_db()
    assert (tenant.state, tenant.active_credential) == ("active", older)
    assert tenant.candidate == link.credential or tenant.candidate.received_via == "link"
    tasks.check_connection(tenant.pk)
    assert tenant.active_credential.received_via == "link"


# --- Links that lead nowhere ---------------------------------------------------------------------


def test_every_useless_link_looks_the_same(client, acme):
    by = factories.UserFactory()
    paths = {"unknown": "/connect/" + "x" * 43 + "/"}
    replaced = intake_links.make(acme, by=by)
    paths["replaced"] = invitations.path_of(replaced)
    withdrawn = intake_links.make(acme, by=by)
    paths["withdrawn"] = invitations.path_of(withdrawn)
    intake_links.close(withdrawn, "withdrawn", by=by)
    closed = intake_links.make(factories.TenantFactory(business_id="0112038-9"), by=by)
    paths["closed tenant"] = invitations.path_of(closed)
    closed.tenant.state = "closed"
    closed.tenant.save()
    expired = intake_links.make(acme, by=by)
    paths["expired"] = invitations.path_of(expired)

    with time_machine.travel(timezone.now() + dt.timedelta(days=7, minutes=1)):
        answers = {name: client.get(path) for name, path in paths.items()}
        posts = {name: client.post(path, {"act": "begin"}) for name, path in paths.items()}

    assert {answer.status_code for answer in [*answers.values(), *posts.values()]} == {404}
    assert len({answer.content for answer in [*answers.values(), *posts.values()]}) == 1
    page = text(answers["unknown"])
    assert all(f'lang="{code}"' in page for code in ("fi", "sv", "en"))
    assert "Acme" not in page


def test_link_works_for_seven_days(customer):
    with time_machine.travel(timezone.now() + dt.timedelta(days=6, hours=23)):
        assert customer.look().status_code == 200


def test_secrets_of_an_expired_link_are_destroyed_and_the_rest_stays(customer, company, sandbox):
    sandbox.fault("status", path="/oauth/token", status=401)
    customer.hand_over(company.api_key)
    assert customer.link.api_key and customer.link.token

    assert intake_links.destroy_expired() == 0
    with time_machine.travel(timezone.now() + dt.timedelta(days=8)):
        assert tasks.forget_received_mails() == 1
    customer.link.refresh_from_db()
    assert (customer.link.api_key, customer.link.token) == (None, None)
    assert customer.link.opened_at and customer.link.finding["code"] == "key_refused"


def test_guessing_is_slowed_down_and_only_for_the_guesser(client, customer):
    for number in range(public_pages.MOST_MISSES_A_MINUTE):
        assert client.get(f"/connect/{number:043}/").status_code == 404

    assert client.get(f"/connect/{'y' * 43}/").status_code == 429
    assert customer.look().status_code == 200
    elsewhere = client.get(customer.address, REMOTE_ADDR="192.0.2.7")
    assert elsewhere.status_code == 200


def test_behind_the_proxy_the_guesser_is_the_last_address_it_names(client, customer, settings):
    settings.SECURE = True
    settings.SECURE_SSL_REDIRECT = False
    for number in range(public_pages.MOST_MISSES_A_MINUTE + 1):
        last = client.get(
            f"/connect/{number:043}/", headers={"x-forwarded-for": f"10.0.0.{number}, 192.0.2.7"}
        )
    assert last.status_code == 429
    other = client.get(customer.address, headers={"x-forwarded-for": "192.0.2.7, 192.0.2.8"})
    assert other.status_code == 200


# --- The page itself -----------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["landing", "form", "waiting", "outcome", "over"])
def test_page_is_strict(customer, company, state):
    if state != "landing":
        customer.press("begin")
    if state == "waiting":
        customer.press("submit", api_key=company.api_key, account="")
    if state == "outcome":
        customer.hand_over(company.api_key, account="")
        tasks.check_connection(customer.link.tenant.pk)
    answer = customer.client.get("/connect/zzz/") if state == "over" else customer.look()
    page = answer.content.decode()

    policy = answer["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'") and "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy and "base-uri 'none'" in policy
    assert answer["Cache-Control"] == "no-store"
    assert "noindex" in answer["X-Robots-Tag"]
    assert answer["Referrer-Policy"] == "same-origin"
    assert not re.findall(r"<script(?![^>]*src=)|<style|\son\w+=|\sstyle=|javascript:", page)
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', page)


def test_forged_form_is_refused(link):
    strict = Client(enforce_csrf_checks=True)

    assert strict.post(invitations.path_of(link), {"act": "begin"}).status_code == 403
    link.refresh_from_db()
    assert link.state == "invited"


@pytest.mark.parametrize("language", ["fi", "sv", "en"])
def test_page_speaks_the_customers_language(customer, language):
    customer.press("begin")

    answer = customer.look(lang=language)

    assert answer["Content-Language"] == language
    said_by_language = {"fi": "API-avain", "sv": "API-nyckel", "en": "API key"}
    assert said_by_language[language] in text(answer)
    assert f'<html lang="{language}">' in text(answer)
    assert f'<html lang="{language}">' in text(customer.look(lang=language, other="1"))


def test_page_is_in_the_tenants_language_unless_told(customer):
    assert '<html lang="fi">' in text(customer.client.get(customer.address))
    assert '<html lang="fi">' in text(customer.look(lang="de"))


# --- Making links --------------------------------------------------------------------------------


def test_newer_link_replaces_the_older(acme):
    by = factories.UserFactory()
    first, second = intake_links.make(acme, by=by), intake_links.make(acme, by=by)

    first.refresh_from_db()
    assert (first.state, first.close_reason, first.token) == ("closed", "replaced", None)
    assert second.is_open


def test_closed_tenant_gets_no_link(acme):
    acme.state = "closed"
    acme.save()

    with pytest.raises(KeyRefused, match="Acme Oy is closed"):
        intake_links.make(acme, by=None)


@pytest.mark.parametrize("rung", EVERYBODY)
def test_pages_open_for_those_who_file_keys(client, acme, rung):
    log_in(client, rung)

    for page in (
        url("integrations_tenant_invite_customer"),
        url("integrations_tenant_invite", acme.pk),
    ):
        expected = "log in" if rung == ANONYMOUS else "shown" if rung in ALLOWED else "refused"
        assert refusal(client.get(page)) == expected


def test_support_invites_a_company_we_do_not_act_for_yet(client, sandbox):
    user = log_in(client, "Support")
    fields = {
        "name": "Acme Oy",
        "business_id": "20774740",
        "environment": "test",
        "contact_name": "Maija",
        "contact_email": "maija@acme.example",
        "language": "sv",
    }

    page = client.post(url("integrations_tenant_invite_customer"), fields)["Location"]

    link = IntakeLink.objects.get()
    assert (link.tenant.business_id, link.created_by) == ("2077474-0", user)
    letter = text(client.get(page))
    assert f"http://testserver{invitations.path_of(link)}" in letter
    assert "Hej Maija," in letter
    assert "Begin" in text(client.get(invitations.path_of(link), {"lang": "en"}))


def test_company_that_is_there_already_is_told(client, acme):
    log_in(client, "Support")
    fields = {"name": "Acme", "business_id": "2077474-0", "environment": "test", "language": "fi"}

    answer = client.post(url("integrations_tenant_invite_customer"), fields)

    assert "already" in text(answer)
    assert not IntakeLink.objects.exists()


def test_staff_makes_replaces_and_withdraws(client, acme):
    log_in(client, "Support")
    page = url("integrations_tenant_invite", acme.pk)
    assert "Make a link" in text(client.get(page))

    client.post(page, {"act": "make"})
    client.post(page, {"act": "make"})
    assert [link.state for link in IntakeLink.objects.all()] == ["invited", "closed"]
    assert "Make a new link instead" in text(client.get(page))
    client.post(page, {"act": "withdraw"})
    assert IntakeLink.objects.first().close_reason == "withdrawn"
    late = client.post(page, {"act": "invite"})
    assert said(late)[-1] == "The link has ended meanwhile."


# --- Reminders -----------------------------------------------------------------------------------


@pytest.fixture
def mailing(settings):
    settings.SUPPORT_FROM_EMAIL = "tuki@flashnode.example"
    settings.PUBLIC_URL = "https://desk.flashnode.example"


def in_days(days):
    return time_machine.travel(timezone.now() + dt.timedelta(days=days))


def test_customer_is_reminded_once_on_the_third_day(mailing, acme):
    acme.contact_email = "maija@acme.example"
    acme.save()
    link = intake_links.make(acme, by=factories.UserFactory())

    with in_days(2.9):
        assert tasks.remind_invited() == 0
    with in_days(3.1):
        assert [tasks.remind_invited(), tasks.remind_invited()] == [1, 0]

    (letter,) = outbox.outbox
    assert letter.to == ["maija@acme.example"]
    assert f"https://desk.flashnode.example{invitations.path_of(link)}" in letter.body
    assert AuditEvent.objects.filter(action="intake_link.reminded").count() == 1


def test_who_has_sent_a_key_or_is_over_is_not_reminded(mailing, customer, company):
    customer.link.tenant.contact_email = "maija@acme.example"
    customer.link.tenant.save()
    customer.hand_over(company.api_key)

    with in_days(4):
        assert tasks.remind_invited() == 0
    intake_links.make(customer.link.tenant, by=None)
    with in_days(8):
        assert tasks.remind_invited() == 0
    assert outbox.outbox == []


def test_without_a_sender_a_person_reminds(client, acme, link):
    acme.contact_email = "maija@acme.example"
    acme.save()
    page = url("integrations_tenant_invite", acme.pk)

    with in_days(3.5):
        log_in(client, "Support")
        assert tasks.remind_invited() == 0
        assert [due.pk for due in invitations.due_for_reminder()] == [link.pk]
        client.post(page, {"act": "remind"})
        assert invitations.due_for_reminder() == []
    assert outbox.outbox == []
    assert AuditEvent.objects.filter(action="intake_link.reminded").count() == 1


def test_refused_reminder_is_sent_the_next_time(mailing, acme, settings, caplog):
    acme.contact_email = "maija@acme.example"
    acme.save()
    link = intake_links.make(acme, by=factories.UserFactory())
    good, settings.EMAIL_BACKEND = (
        settings.EMAIL_BACKEND,
        "django.core.mail.backends.smtp.EmailBackend",
    )
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9

    with in_days(4):
        assert tasks.remind_invited() == 0
        settings.EMAIL_BACKEND = good
        assert tasks.remind_invited() == 1
    assert intake_links.token_of(link) not in caplog.text


def test_support_mails_the_letter(mailing, client, acme):
    acme.contact_email = "maija@acme.example"
    acme.save()
    link = intake_links.make(acme, by=factories.UserFactory())
    log_in(client, "Support")

    client.post(url("integrations_tenant_invite", acme.pk), {"act": "invite", "mail": "1"})

    (letter,) = outbox.outbox
    assert invitations.path_of(link) in letter.body
    assert AuditEvent.objects.filter(action="intake_link.sent").count() == 1
