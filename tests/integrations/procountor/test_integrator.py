"""The integrator's calls and the key login's exchange, as seen on the wire."""

from __future__ import annotations

import json
import pickle
import traceback
from urllib.parse import parse_qs, urlsplit

import pytest

from integrations.procountor import (
    Activation,
    ActivationCompany,
    ActivationKey,
    CredentialRefused,
    Environment,
    IntegrationCustomer,
    IntegratorClient,
    NotSubmitted,
    OutcomeUnknown,
    ProcountorError,
    Rejected,
    api_key_for_code,
    login_address,
)

from .conftest import KEY, SECRET, cut_off, reply, reset

CUSTOMER_KEY = "eyJjdXN0b21lcg.eyJjaWQiOjJ9.c2VjcmV0LXBhcnQ"
CODE = "single/use+code"
ANSWER = {"integrationId": "I-1", "companiesIntegrated": [{"companyId": 7, "apiKey": CUSTOMER_KEY}]}


@pytest.fixture
def integrator(environment, session):
    return IntegratorClient(environment, KEY, session=session)


@pytest.fixture
def exchange(environment, session):
    return lambda: api_key_for_code(environment, CODE, session=session)


# --- Activation requests -----------------------------------------------------------------------


def test_activation_is_read_with_what_was_consented_to(integrator, server):
    company = {
        "companyId": 7,
        "extraInfo": {
            "companyName": "Alfa Oy",
            "country": "FINLAND",
            "accountingOfficeName": "Tilitoimisto Oy",
            "businessIdentifier": {"brnType": "FI", "code": "2077474-0"},
        },
    }
    data = {
        "integrationId": "I-1",
        "expires": "2026-12-01T10:00:00",
        "companiesToIntegrate": [company],
    }
    server.script = [
        reply(200, data | {"initiator": {"email": "m@example.com", "userFullName": "Maija"}}),
        reply(200, {"companiesToIntegrate": [{"companyId": 7}]}),
    ]

    assert integrator.activation(42) == Activation(
        "I-1",
        "2026-12-01T10:00:00",
        "Maija",
        "m@example.com",
        (ActivationCompany(7, "Alfa Oy", "2077474-0", "FINLAND", "Tilitoimisto Oy"),),
    )
    assert integrator.activation(42) == Activation(
        "", "", "", "", (ActivationCompany(7, "", "", "", ""),)
    )
    assert [call.path for call in server.calls] == ["/api/integrations/42"] * 2


@pytest.mark.parametrize(
    "body", ["", "[]", "{}", {"companiesToIntegrate": {}}, {"companiesToIntegrate": [{}]}]
)
def test_activation_without_proper_companies_is_no_answer(integrator, server, body):
    server.script = [reply(200, body)]

    with pytest.raises(OutcomeUnknown):
        integrator.activation(42)


def test_decision_is_one_put_that_names_every_company(integrator, server):
    server.script = [reply(200, ANSWER)]

    answer = integrator.decide_activation(42, approve=[7], reject={8: "Ei sopimusta – vielä"})

    [call] = server.calls
    assert (call.method, call.path) == ("PUT", "/api/integrations/42")
    assert json.loads(call.body.decode()) == {
        "approve": [7],
        "reject": [{"companyId": 8, "reason": "Ei sopimusta – vielä"}],
    }
    assert (answer.integration_id, answer.keys) == ("I-1", (ActivationKey(7, CUSTOMER_KEY),))


def test_reason_that_is_too_long_leaves_no_request(integrator, server):
    with pytest.raises(ValueError, match="255"):
        integrator.decide_activation(42, approve=[], reject={8: "x" * 256})

    assert server.received == []


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (reply(400, {"errors": []}), Rejected),
        (reply(401), CredentialRefused),
        (reply(403), Rejected),
        (reply(404), Rejected),
        (reply(410), Rejected),
        (reply(429), NotSubmitted),
        (reply(500, "<html>"), OutcomeUnknown),
        (reply(200, "<html>"), OutcomeUnknown),
        (reply(200, {"integrationId": "I-1"}), OutcomeUnknown),
        (reset, OutcomeUnknown),
        (cut_off, OutcomeUnknown),
    ],
)
def test_lost_answer_to_a_decision_is_told_apart_from_a_refusal(integrator, server, answer, kind):
    server.script = [answer, answer]

    with pytest.raises(ProcountorError) as caught:
        integrator.decide_activation(42, approve=[7], reject={})

    assert type(caught.value) is kind
    puts = [call for call in server.calls if call.method == "PUT"]
    assert len(puts) == (2 if kind is CredentialRefused else 1)


def test_rejecting_all_needs_no_keys_in_the_answer(integrator, server):
    server.script = [reply(200, {"integrationId": "I-1"})]

    assert integrator.decide_activation(42, approve=[], reject={7: "x"}).keys == ()


@pytest.mark.parametrize("item", [{}, {"companyId": 7}, {"companyId": 7, "apiKey": ""}, "x"])
def test_company_without_a_key_is_left_out(integrator, server, item):
    server.script = [reply(200, {"companiesIntegrated": [item]})]

    assert integrator.decide_activation(42, approve=[7], reject={}).keys == ()


@pytest.mark.parametrize("as_list", [True, False])
def test_customers_come_as_a_list_or_as_one(integrator, server, as_list):
    item = {"companyId": 7, "integrationVersionStatus": "DELETED"}
    server.script = [reply(200, [item] if as_list else item)]

    assert integrator.integration_customers("a/b") == [IntegrationCustomer(7, "DELETED")]
    assert server.calls[0].path == "/api/integrations/a%2Fb/customers"


@pytest.mark.parametrize("body", ["5", [{}], {"results": []}])
def test_customers_in_another_form_are_no_answer(integrator, server, body):
    server.script = [reply(200, body)]

    with pytest.raises(OutcomeUnknown):
        integrator.integration_customers("I-1")


@pytest.mark.parametrize(
    "body",
    [
        json.dumps(ANSWER)[:-1],
        json.dumps(ANSWER)[: json.dumps(ANSWER).index(".eyJ")],
        '{"companiesIntegrated": [{"companyId": 7, "apiKey": "not-a-jwt-but-secret"',
    ],
)
def test_keys_of_a_broken_answer_are_blotted_out(integrator, server, body):
    server.script = [reply(200, body)]

    with pytest.raises(OutcomeUnknown) as caught:
        integrator.decide_activation(42, approve=[7], reject={})

    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value.__dict__)
    for secret in (CUSTOMER_KEY, CUSTOMER_KEY[:14], "not-a-jwt-but-secret", KEY, SECRET):
        assert secret not in shown


def test_answer_shows_no_key_when_printed(integrator, server):
    server.script = [reply(200, ANSWER)]

    answer = integrator.decide_activation(42, approve=[7], reject={})

    assert CUSTOMER_KEY not in f"{answer!r} {answer} {answer.keys[0]!r}"


# --- Key login ---------------------------------------------------------------------------------


def test_login_address_carries_client_redirect_and_state():
    environment = Environment("t", "https://host.example/api", "our-client", SECRET, "https://us/x")

    address = login_address(environment, "s&1")

    assert address.partition("?")[0] == "https://host.example/keylogin"
    assert parse_qs(urlsplit(address).query) == {
        "response_type": ["code"],
        "client_id": ["our-client"],
        "redirect_uri": ["https://us/x"],
        "state": ["s&1"],
    }
    assert SECRET not in address
    elsewhere = login_address(environment, "s", page="https://login.example/in")
    assert elsewhere.startswith("https://login.example/in?")


def test_code_is_exchanged_in_the_body_and_for_a_key(exchange, server):
    server.script = [reply(200, {"api_key": CUSTOMER_KEY})]

    assert exchange() == CUSTOMER_KEY

    [call] = server.received
    assert (call.method, call.path) == ("POST", "/api/oauth/key")
    assert call.headers["content-type"] == "application/x-www-form-urlencoded"
    assert parse_qs(call.body.decode()) == {
        "grant_type": ["authorization_code"],
        "client_id": ["our-client"],
        "client_secret": [SECRET],
        "redirect_uri": ["https://example.invalid/back"],
        "code": [CODE],
    }


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (reply(400), Rejected),
        (reply(401), CredentialRefused),
        (reply(302, "", "Location: https://elsewhere.example\r\n"), Rejected),
        (reply(429), NotSubmitted),
        (reply(500), OutcomeUnknown),
        (reply(200, "<html>"), OutcomeUnknown),
        (reply(200, {"api_key": ""}), OutcomeUnknown),
        (reply(200, {"api_key": 5}), OutcomeUnknown),
        (reply(200, []), OutcomeUnknown),
        (reset, OutcomeUnknown),
    ],
)
def test_each_answer_to_an_exchange_becomes_one_of_our_errors(exchange, server, answer, kind):
    server.script = [answer]

    with pytest.raises(ProcountorError) as caught:
        exchange()

    assert (type(caught.value), len(server.received)) == (kind, 1)


def test_error_of_an_exchange_shows_neither_code_nor_key_nor_secret(exchange, server):
    body = f"<html>{CODE} {SECRET} code=single%2Fuse%2Bcode {CUSTOMER_KEY}</html>"
    server.script = [reply(400, body)]

    with pytest.raises(Rejected) as caught:
        exchange()

    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value.__dict__)
    shown += repr(pickle.loads(pickle.dumps(caught.value)).__dict__)
    for secret in (CODE, SECRET, CUSTOMER_KEY, "single%2Fuse%2Bcode"):
        assert secret not in shown


def test_before_request_runs_before_the_exchange(environment, server, session):
    server.script = [reply(200, {"api_key": CUSTOMER_KEY})]
    seen = []

    api_key_for_code(
        environment, CODE, session=session, before_request=lambda: seen.append(len(server.received))
    )

    assert seen == [0]
