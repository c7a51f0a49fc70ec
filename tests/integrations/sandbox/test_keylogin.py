"""The simulated log-in page, and its code turned into an API key."""

import html
import re
from urllib.parse import parse_qs

import pytest

from .conftest import REDIRECT_URI, SECRET

ADDRESS = {
    "response_type": "code",
    "client_id": "flashnodeClient",
    "redirect_uri": REDIRECT_URI,
    "state": "s-<1>",
}


@pytest.fixture
def log_in_page(api, server):
    def ask(method="GET", **fields):
        more = {"params": fields} if method == "GET" else {"data": fields}
        address = f"{server.address}/keylogin"
        return api.session.request(method, address, timeout=10, allow_redirects=False, **more)

    return ask


@pytest.fixture
def exchange(api, server):
    def ask(**changes):
        form = {
            "grant_type": "authorization_code",
            "client_id": "flashnodeClient",
            "client_secret": SECRET,
            "redirect_uri": REDIRECT_URI,
        } | changes
        return api.session.post(f"{server.base_url}/oauth/key", data=form, timeout=10)

    return ask


def brought_back(answer):
    address, _, query = answer.headers["Location"].partition("?")
    assert (answer.status_code, address) == (302, REDIRECT_URI)
    return {name: values[0] for name, values in parse_qs(query).items()}


def test_page_says_that_it_is_simulated_and_asks_for_no_password(log_in_page):
    shown = log_in_page(**ADDRESS)

    assert (shown.status_code, shown.headers["Server"]) == (200, "FlashnodeSandbox")
    assert "This is not Procountor" in shown.text
    assert "password" not in re.sub("(?s)<p>.*?</p>", "", shown.text)
    assert html.escape("s-<1>") in shown.text


@pytest.mark.parametrize("change", ["response_type", "client_id", "redirect_uri"])
def test_wrong_address_leads_nowhere(log_in_page, company, change):
    wrong = ADDRESS | {change: "https://elsewhere.example"}

    for method in ("GET", "POST"):
        answer = log_in_page(method, **wrong, company=company.id)
        assert (answer.status_code, answer.headers.get("Location")) == (400, None)


def test_log_in_leads_back_with_a_code_that_gives_a_working_key_once(
    log_in_page, exchange, api, company
):
    found = brought_back(log_in_page("POST", **ADDRESS, company=company.id))
    assert (found["state"], found["expires_in"]) == ("s-<1>", "300")

    key = exchange(code=found["code"]).json()["api_key"]

    assert api.token(api_key=key).status_code == 200
    assert exchange(code=found["code"]).status_code == 400


def test_giving_up_leads_back_without_a_code(log_in_page):
    found = brought_back(log_in_page("POST", **ADDRESS, give_up="1"))

    assert found == {"error": "access_denied", "state": "s-<1>"}


def test_company_must_be_chosen(log_in_page):
    for chosen in ("", "1", "x", "²"):
        assert log_in_page("POST", **ADDRESS, company=chosen).status_code == 400


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"code": "unknown"}, 400),
        ({"grant_type": "client_credentials"}, 400),
        ({"client_secret": "wrong"}, 401),
        ({"redirect_uri": "https://elsewhere.example"}, 401),
    ],
)
def test_exchange_with_one_change_gets_its_status(exchange, sandbox, company, change, status):
    code = sandbox.new_login_code(company)

    assert exchange(**{"code": code} | change).status_code == status


def test_code_ends(exchange, sandbox, company):
    sandbox.code_lifetime_seconds = 0

    assert exchange(code=sandbox.new_login_code(company)).status_code == 400
