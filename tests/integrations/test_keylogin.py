"""The key login against the sandbox: the address, and a code turned into a filed key."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from integrations import custody, keylogin
from integrations.procountor import CredentialRefused, OutcomeUnknown, Rejected
from tests import factories

pytestmark = pytest.mark.django_db


def logged_in(address, company):
    """What the browser brings back after the log-in page."""
    query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    page = address.partition("?")[0]
    answer = requests.post(
        page, data=query | {"company": company.id}, allow_redirects=False, timeout=10
    )
    found = parse_qs(urlsplit(answer.headers["Location"]).query)
    return {name: values[0] for name, values in found.items()}


@pytest.fixture
def company(sandbox):
    return sandbox.add_company(name="Acme Oy", business_id="2077474-0")


def test_customer_logs_in_and_the_key_is_filed(sandbox, company):
    tenant = factories.TenantFactory()

    brought = logged_in(keylogin.address("test", "state-1"), company)
    api_key = keylogin.api_key_for("test", brought["code"])

    assert brought["state"] == "state-1"
    credential = custody.file_api_key(tenant, api_key, via="email")
    assert credential.claims["cid"] == str(company.id)


def test_code_works_once(sandbox, company):
    code = sandbox.new_login_code(company)
    keylogin.api_key_for("test", code)

    with pytest.raises(Rejected):
        keylogin.api_key_for("test", code)


def test_code_that_is_too_old_is_refused(sandbox, company):
    sandbox.code_lifetime_seconds = 0

    with pytest.raises(Rejected):
        keylogin.api_key_for("test", sandbox.new_login_code(company))


def test_lost_answer_is_told_apart_from_a_refusal(sandbox, company):
    sandbox.fault("reset", method="POST", path="/oauth/key", after_effect=True)

    with pytest.raises(OutcomeUnknown):
        keylogin.api_key_for("test", sandbox.new_login_code(company))


def test_wrong_client_secret_is_our_credential(sandbox, company):
    sandbox.client_secret = "another"

    with pytest.raises(CredentialRefused):
        keylogin.api_key_for("test", sandbox.new_login_code(company))


def test_log_in_page_can_be_elsewhere_and_is_offered_only_when_set_up(settings):
    config = settings.PROCOUNTOR["test"] | {"key_login_url": "https://login.example/keys"}
    settings.PROCOUNTOR = settings.PROCOUNTOR | {"test": config}

    assert keylogin.address("test", "s").startswith("https://login.example/keys?")
    assert not keylogin.is_offered("test")
    config["redirect_uri"] = "https://flashnode.example/connect/logged-in/"
    assert (keylogin.is_offered("test"), keylogin.is_offered("production")) == (True, False)
