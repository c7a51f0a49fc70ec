"""Logging in to Procountor by an intake link, instead of pasting a key."""

from __future__ import annotations

import datetime as dt
import re
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import time_machine
from django.core.cache import cache
from django.db import connection
from django.utils import timezone
from django_q.models import OrmQ

from integrations import tasks
from integrations.connect import intake_links, invitations
from integrations.models import Credential
from tests import factories
from tests.staff import text

pytestmark = pytest.mark.django_db

CALLBACK = "/connect/logged-in/"
ACCOUNT = "FI21 1234 5600 0007 85"


@pytest.fixture(autouse=True)
def _login_is_set_up(sandbox, settings):
    cache.clear()
    sandbox.redirect_uri = f"https://flashnode.example{CALLBACK}"
    config = settings.PROCOUNTOR["test"] | {"redirect_uri": sandbox.redirect_uri}
    settings.PROCOUNTOR = settings.PROCOUNTOR | {"test": config}


@pytest.fixture
def company(sandbox):
    return sandbox.add_company(name="Acme Oy", business_id="2077474-0")


@pytest.fixture
def link(company):
    made = intake_links.make(factories.TenantFactory(language="fi"), by=factories.UserFactory())
    intake_links.begin(made)
    return made


def press(client, link, account=ACCOUNT):
    return client.post(f"{invitations.path_of(link)}?lang=en", {"act": "login", "account": account})


def address_in(answer):
    """Where the page leads on to."""
    return re.search(r'content="0; url=([^"]+)"', text(answer))[1]


def log_in(answer, company, **more):
    """The log-in page's part; what it brings back."""
    page, _, query = address_in(answer).partition("?")
    fields = {name: values[0] for name, values in parse_qs(query).items()}
    back = requests.post(
        page, data=fields | {"company": company.id} | more, allow_redirects=False, timeout=10
    )
    found = parse_qs(urlsplit(back.headers["Location"]).query)
    return {name: values[0] for name, values in found.items()}


def exchanges(sandbox):
    return [r for r in sandbox.requests if r[2] == "/oauth/key"]


def test_customer_logs_in_and_its_company_is_connected(
    client, sandbox, company, link, django_capture_on_commit_callbacks
):
    page = client.get(invitations.path_of(link), {"lang": "en"})
    assert "Log in to Procountor instead" in text(page)
    answer = press(client, link)
    assert "form-action 'self';" in answer["Content-Security-Policy"]
    assert "/keylogin?" in address_in(answer)
    brought = log_in(answer, company)

    with django_capture_on_commit_callbacks(execute=True):
        back = client.get(CALLBACK, brought)

    assert back["Location"] == invitations.path_of(link)
    (task,) = OrmQ.objects.all()
    assert task.task["args"] == (str(link.pk),)
    assert tasks.try_intake_key(str(link.pk)) == "filed"
    credential = Credential.objects.get()
    assert (credential.tenant, credential.received_via) == (link.tenant, "link")
    assert credential.last_four == company.api_key[-4:]
    assert link.tenant.invoice_account.iban == ACCOUNT.replace(" ", "")


@pytest.mark.parametrize("state", ["", "x", "x" * 300])
def test_state_that_is_not_ours_leads_nowhere_and_asks_nothing(
    client, sandbox, link, company, state
):
    press(client, link)
    code = sandbox.new_login_code(company)

    answer = client.get(CALLBACK, {"state": state, "code": code})

    assert answer.status_code == 404
    assert "This log-in has ended" in text(answer)
    assert "Acme" not in text(answer)
    assert exchanges(sandbox) == []


def test_state_works_once(client, sandbox, link, company):
    brought = log_in(press(client, link), company)
    client.get(CALLBACK, brought)
    more = sandbox.new_login_code(company)

    assert client.get(CALLBACK, brought | {"code": more}).status_code == 404
    for _ in range(2):
        tasks.try_intake_key(str(link.pk))
    assert len(exchanges(sandbox)) == 1


def test_state_ends_after_ten_minutes_and_with_a_newer_one(client, sandbox, link, company):
    first = log_in(press(client, link), company)
    second = log_in(press(client, link), company)
    assert client.get(CALLBACK, first).status_code == 404

    with time_machine.travel(timezone.now() + dt.timedelta(minutes=10, seconds=1), tick=False):
        assert client.get(CALLBACK, second).status_code == 404
    assert exchanges(sandbox) == []


def test_link_that_ended_meanwhile_takes_no_log_in(client, sandbox, link, company):
    brought = log_in(press(client, link), company)
    intake_links.close(link, "withdrawn")

    assert client.get(CALLBACK, brought).status_code == 404
    assert exchanges(sandbox) == []


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"kind": "reset", "after_effect": True}, "did not answer clearly"),
        ({"kind": "status", "status": 400}, "did not give us a key"),
        ({"kind": "rate_limited"}, "did not answer clearly"),
    ],
)
def test_exchange_that_brings_no_key_is_explained_and_can_be_tried_anew(
    client, sandbox, link, company, fault, words
):
    sandbox.fault(method="POST", path="/oauth/key", **fault)
    brought = log_in(press(client, link), company)

    client.get(CALLBACK, brought)

    assert tasks.try_intake_key(str(link.pk)) == "opened"
    assert words in text(client.get(invitations.path_of(link), {"lang": "en"}))
    client.get(CALLBACK, log_in(press(client, link), company))
    assert tasks.try_intake_key(str(link.pk)) == "filed"


def test_giving_up_leads_back_with_a_word(client, sandbox, link, company):
    brought = log_in(press(client, link), company, give_up="1")

    back = client.get(CALLBACK, brought)

    assert "without logging in" in text(client.get(back["Location"] + "&lang=en"))
    assert exchanges(sandbox) == []


def test_log_in_to_another_company_files_nothing(client, sandbox, link):
    other = sandbox.add_company(name="Beta Oy", business_id="0112038-9")
    client.get(CALLBACK, log_in(press(client, link), other))

    assert tasks.try_intake_key(str(link.pk)) == "opened"
    page = text(client.get(invitations.path_of(link), {"lang": "en"}))
    assert "The key opens another company than Acme Oy" in page and "Beta" not in page
    assert Credential.objects.count() == 0


def test_account_of_a_wrong_form_is_told_at_its_field(client, link):
    page = text(press(client, link, account="FI00 1"))

    assert 'id="login_account_problem"' in page
    link.refresh_from_db()
    assert (link.login_hash, link.account) == ("", "")


def test_log_in_is_not_offered_where_the_redirect_leads_elsewhere(client, link, settings):
    config = settings.PROCOUNTOR["test"] | {"redirect_uri": "https://flashnode.example/callback"}
    settings.PROCOUNTOR = settings.PROCOUNTOR | {"test": config}

    page = client.get(invitations.path_of(link), {"lang": "en"})

    assert "Log in to Procountor instead" not in text(page)
    assert "form-action 'self';" in page["Content-Security-Policy"]
    press(client, link)
    link.refresh_from_db()
    assert link.login_hash == ""


def test_wrong_states_are_counted_like_wrong_links(client, link, monkeypatch):
    monkeypatch.setattr("integrations.connect.public_pages.MOST_MISSES_A_MINUTE", 3)

    statuses = [client.get(CALLBACK, {"state": "x"}).status_code for _try in range(5)]

    assert statuses == [404, 404, 404, 429, 429]


def test_callback_only_reads_and_is_kept_by_nobody(client, link):
    assert client.post(CALLBACK, {}).status_code == 405
    assert client.get(CALLBACK)["Cache-Control"] == "no-store"


def test_neither_state_nor_code_nor_key_is_kept_in_clear(
    client, sandbox, link, company, caplog, django_capture_on_commit_callbacks
):
    caplog.set_level(0)
    brought = log_in(press(client, link), company)

    with django_capture_on_commit_callbacks(execute=True):
        back = client.get(CALLBACK, brought)
    shown = caplog.text + text(client.get(back["Location"])) + back["Location"]
    shown += str([task.task for task in OrmQ.objects.all()])
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            cursor.execute(f'SELECT * FROM "{table}"')
            shown += str(cursor.fetchall())

    for secret in (brought["state"], brought["code"], company.api_key):
        assert secret not in shown
