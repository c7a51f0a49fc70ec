"""From a mail to a filed key: Procountor says whose it is, and nothing is filed wrongly."""

from __future__ import annotations

import datetime as dt

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.utils import timezone
from django_q.models import OrmQ

from integrations import mail, received, tasks
from integrations.keydesk import KeyRefused
from integrations.models import Credential, ReceivedKey, ReceivedMail, Tenant
from invoices.models import AuditEvent
from tests import factories
from tests.integrations import mails
from tests.staff import ANONYMOUS, EVERYBODY, log_in, refusal, said, text, url

pytestmark = pytest.mark.django_db

ALLOWED = {"Support", "Administrator"}


@pytest.fixture
def company(sandbox):
    return sandbox.add_company(name="Acme Oy", business_id="2077474-0")


def letter(company, key=None, account=None):
    account = company.bank_accounts[0]["iban"] if account is None else account
    wrapped = mails.wrap(key or company.api_key, 76)
    return f"Hei,\n\nAPI-avain:\n{wrapped}\n\nTilinro: {account}\n\nTerveisin\nMaija\nOstaja Oy"


def taken_in(content, user=None):
    """A mail's keys, of whom Procountor has been asked."""
    user = user or factories.UserFactory()
    kept = received.take_in(mail.find(mail.read_text(content)), via="email", by=user)
    for key in kept.keys.select_related("mail"):
        received.identify(key)
    return list(kept.keys.select_related("mail"))


# --- Whose key it is ---------------------------------------------------------------------------


def test_procountor_says_whose_key_it_is(company):
    (key,) = taken_in(letter(company))

    assert (key.company["name"], key.company["business_id"]) == ("Acme Oy", "2077474-0")
    assert set(key.company["accounts"]) == {a["iban"] for a in company.bank_accounts}
    assert key.finding == {}


def test_key_is_filed_for_the_tenant_of_its_company_whatever_the_mail_says(company, make_tenant):
    beta = make_tenant(name="Beta Oy", business_id="0112038-9")
    acme = factories.TenantFactory(name="Acme Oy", business_id="2077474-0")
    (key,) = taken_in(letter(company) + "\nBeta Oy, 0112038-9")

    credential = received.file(key, "", by=None)

    assert credential.tenant == acme
    assert beta.credentials.count() == 1


def test_new_company_becomes_a_tenant_with_account_and_contact(company, admin_user):
    kept = received.take_in(
        mail.find(mail.read(mails.eml(letter(company)))), via="email", by=admin_user
    )
    (key,) = kept.keys.all()
    received.identify(key)
    key.refresh_from_db()

    credential = received.file(key, company.bank_accounts[0]["iban"], by=admin_user)

    tenant = credential.tenant
    assert (tenant.name, tenant.business_id, tenant.state) == ("Acme Oy", "2077474-0", "pending")
    assert (tenant.contact_name, tenant.contact_email) == ("Maija Ostaja", mails.SENDER)
    assert tenant.invoice_account.iban == company.bank_accounts[0]["iban"]
    assert tasks.check_connection(tenant.pk) == "passed"
    tenant.refresh_from_db()
    assert (tenant.state, tenant.went_live_at) == ("pending", None)
    assert set(AuditEvent.objects.values_list("action", flat=True)) >= {
        "tenant.added",
        "credential.filed",
    }


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (mails.WRONG_CLIENT, "wrong_client"),
        (mails.KEY, "key_refused"),
    ],
)
def test_key_that_cannot_work_is_explained_and_not_filed(sandbox, key, code):
    (found,) = taken_in(f"{key}\n{mails.IBAN}")

    assert (found.finding["code"], found.company) == (code, {})
    with pytest.raises(KeyRefused, match="has not said"):
        received.file(found, "", by=None)
    assert not Credential.objects.exists()


def test_environment_is_the_one_the_key_names(settings, sandbox):
    settings.PROCOUNTOR["production"]["key_issuer"] = "https://api.procountor.com"
    kept = received.take_in(
        mail.find(mail.read_text(mails.PRODUCTION)), via="email", by=factories.UserFactory()
    )

    assert kept.keys.get().environment == "production"


def test_silence_of_procountor_is_told_and_asked_again(company, sandbox):
    sandbox.fault("html_500", path="/oauth/token", method="POST")

    (key,) = taken_in(letter(company))
    assert key.finding["code"] == "not_answering"
    received.identify(key)

    key.refresh_from_db()
    assert key.company["name"] == "Acme Oy"


def test_account_that_is_none_files_nothing(company):
    (key,) = taken_in(letter(company))

    with pytest.raises(Exception, match="not a valid account"):
        received.file(key, "FI00", by=None)

    assert not Tenant.objects.exists() and not Credential.objects.exists()
    assert ReceivedMail.objects.exists()


def test_key_is_filed_once_from_a_mail(company):
    (key,) = taken_in(letter(company))
    received.file(key, "", by=None)

    with pytest.raises(KeyRefused, match="meanwhile"):
        received.file(key, "", by=None)

    assert Credential.objects.count() == 1


def test_closed_tenant_gets_no_key(company):
    factories.TenantFactory(name="Acme Oy", business_id="2077474-0", state="closed")
    (key,) = taken_in(letter(company))

    with pytest.raises(KeyRefused, match="closed"):
        received.file(key, "", by=None)


def test_mail_goes_when_a_key_is_filed_or_after_a_day(company, settings):
    first, second = taken_in(letter(company) + "\n\n" + mails.OTHER_KEY)
    received.file(first, "", by=None)
    assert not ReceivedKey.objects.exists()

    taken_in(mails.OTHER_KEY)
    assert tasks.forget_received_mails() == 0
    with time_machine.travel(timezone.now() + dt.timedelta(hours=settings.RECEIVED_KEY_HOURS + 1)):
        assert tasks.forget_received_mails() == 1
    assert not ReceivedMail.objects.exists()


def test_task_of_a_forgotten_key_does_nothing():
    assert tasks.identify_key(12345) is False


def test_neither_key_nor_text_of_the_mail_is_in_the_database(company):
    taken_in(letter(company) + "\nTämä lause ei tallennu.")

    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM integrations_receivedmail")
        rows = str(cursor.fetchall())
        cursor.execute("SELECT * FROM integrations_receivedkey")
        rows += str(cursor.fetchall())
    assert company.api_key not in rows
    assert company.api_key.split(".")[2] not in rows
    assert "lause" not in rows


# --- The pages ---------------------------------------------------------------------------------


def posted(client, content, **fields):
    data = {"text": content, "received_via": "email"} | fields
    return client.post(url("integrations_tenant_read_mail"), data)


@pytest.mark.parametrize("rung", EVERYBODY)
def test_pages_open_for_those_who_file_keys(client, company, rung):
    kept = taken_in(letter(company))[0].mail
    log_in(client, rung)

    for page in (
        url("integrations_tenant_read_mail"),
        url("integrations_tenant_received_mail", kept.pk),
    ):
        expected = "log in" if rung == ANONYMOUS else "shown" if rung in ALLOWED else "refused"
        assert refusal(client.get(page)) == expected


def test_from_the_mail_to_the_tenant(client, company, django_capture_on_commit_callbacks):
    log_in(client, "Support")
    with django_capture_on_commit_callbacks(execute=True):
        answer = posted(client, letter(company))
    (task,) = OrmQ.objects.all()
    assert company.api_key not in str(task.payload)
    page = answer["Location"]
    waiting = text(client.get(page))
    assert "Procountor is being asked" in waiting and "location.replace" in waiting
    tasks.identify_key(ReceivedKey.objects.get().pk)

    shown = text(client.get(page))
    assert "<strong>Acme Oy</strong> (2077474-0)" in shown
    assert "Make the tenant Acme Oy and file it" in shown
    assert company.api_key not in client.get(page).content.decode()
    key = ReceivedKey.objects.get()
    with django_capture_on_commit_callbacks(execute=True):
        done = client.post(page, {"key": key.pk, "account": company.bank_accounts[0]["iban"]})

    tenant = Tenant.objects.get()
    assert str(tenant.pk) in done["Location"]
    assert f"…{company.api_key[-4:]} is filed for Acme Oy" in said(done)[0]
    assert refusal(client.get(page)) == "moved"


def test_file_of_a_mail_is_read(client, company):
    log_in(client, "Support")
    upload = SimpleUploadedFile("mail.eml", mails.eml(letter(company)))

    assert refusal(posted(client, "", file=upload)) == "moved"
    assert ReceivedMail.objects.get().facts["sender"] == mails.SENDER


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "Paste the mail, or choose a file."),
        ("Hei, avain tulee myöhemmin.", "No API key was found."),
        (mails.KEY[:-9], "is not whole"),
    ],
)
def test_mail_without_a_whole_key_is_explained_and_not_rendered_back(client, content, sentence):
    log_in(client, "Support")

    answer = posted(client, content)

    assert sentence in text(answer)
    assert content == "" or content not in answer.content.decode()
    assert not ReceivedMail.objects.exists()


def test_outlook_s_own_format_is_told_at_the_file(client):
    log_in(client, "Support")
    upload = SimpleUploadedFile("mail.msg", b"\xd0\xcf\x11\xe0" + b"\0" * 100)

    assert "Save the mail as .eml" in text(posted(client, "", file=upload))


def test_key_filed_already_is_told_with_its_tenant(client, make_tenant):
    tenant = make_tenant()
    (key,) = taken_in(letter(tenant.company))
    log_in(client, "Support")

    shown = text(client.get(url("integrations_tenant_received_mail", key.mail.pk)))

    assert "This key is filed already, for Acme Oy" in shown
    assert "File it for" not in shown


def test_mail_that_names_another_company_is_pointed_out(client, company):
    (key,) = taken_in(letter(company) + "\nY-tunnus 0112038-9")
    log_in(client, "Support")

    shown = text(client.get(url("integrations_tenant_received_mail", key.mail.pk)))

    assert "The mail names business ID 0112038-9, and the key opens 2077474-0." in shown


def test_replacement_says_that_the_older_key_stays(
    client, make_tenant, django_capture_on_commit_callbacks
):
    tenant = make_tenant()
    (key,) = taken_in(letter(tenant.company, key=tenant.company.new_api_key()))
    log_in(client, "Support")

    with django_capture_on_commit_callbacks(execute=True):
        done = client.post(
            url("integrations_tenant_received_mail", key.mail.pk), {"key": key.pk, "account": ""}
        )

    assert "the older key stays in use" in said(done)[0]
    shown = text(client.get(url("integrations_tenant_change", tenant.pk)))
    assert "takes over when every check of it is green" in shown


@pytest.mark.parametrize("fields", [{}, {"key": "x"}, {"key": "99999"}, {"key": "²"}])
def test_odd_post_is_told_not_a_crash(client, company, fields):
    (key,) = taken_in(letter(company))
    log_in(client, "Support")

    answer = client.post(url("integrations_tenant_received_mail", key.mail.pk), fields)

    assert "Choose which key to file." in text(answer)


def test_forget_and_ask_again(client, company, django_capture_on_commit_callbacks):
    (key,) = taken_in(letter(company))
    log_in(client, "Support")
    page = url("integrations_tenant_received_mail", key.mail.pk)

    with django_capture_on_commit_callbacks(execute=True):
        client.post(page, {"ask_again": "1"})
    key.refresh_from_db()
    assert (key.answered_at, OrmQ.objects.count()) == (None, 1)

    client.post(page, {"forget": "1"})
    assert not ReceivedMail.objects.exists() and not Credential.objects.exists()


def test_page_of_a_mail_that_is_gone_leads_on(client):
    log_in(client, "Support")

    page = url("integrations_tenant_received_mail", "00000000-0000-4000-8000-000000000000")

    assert refusal(client.get(page)) == "moved"
