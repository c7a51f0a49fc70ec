"""The control interface for other processes."""

import pytest
import requests

from .conftest import invoice, row


@pytest.fixture
def control(server):
    def ask(method, path, body=None, **more):
        url = f"{server.address}/_sandbox/{path}"
        return requests.request(method, url, json=body, timeout=10, **more)

    return ask


def test_company_made_here_can_log_in_and_submit(control, make_api, sandbox):
    made = control("POST", "companies", {
        "name": "Uusi Oy", "business_id": "2345678-0", "today": "2020-05-01",
        "extra_vat_percents": ["22"], "rights": {"sales.productRegister": "NO_ACCESS"},
    }).json()  # fmt: skip
    api = make_api(sandbox.companies[made["id"]])

    assert api.company.api_key == made["api_key"]
    assert api.get("/company").json()["businessIdentifier"]["code"] == "2345678-0"
    body = invoice(
        paymentInfo__bankAccount__accountNumber=made["bank_accounts"][0]["iban"],
        invoiceRows=[row(vatPercent=22)],
    )
    assert api.complaints(body) == [(None, "CLOSED_FISCAL_PERIOD")]
    assert api.company.rights["sales"]["productRegister"] == "NO_ACCESS"


def test_companies_are_listed_with_their_keys(control, company):
    (found,) = control("GET", "companies").json()

    assert (found["id"], found["api_key"], found["revoked"]) == (
        company.id, company.api_key, False,
    )  # fmt: skip


def test_ledger_and_duplicates_are_shown(control, api, company):
    api.created()
    api.created()

    assert [i["id"] for i in control("GET", "ledger").json()] == [1001, 1002]
    assert control("GET", "ledger?company_id=1").json() == []
    assert control("GET", "duplicates").json() == [[company.id, "2026-000123", 2]]


def test_faults_are_added_listed_and_hit(control, api):
    fault = {"kind": "status", "method": "GET", "path": "/status", "status": 503,
             "delay_seconds": 0.01}  # fmt: skip

    (pending,) = control("POST", "faults", fault).json()

    assert pending["kind"] == "status"
    assert [api.get("/status").status_code for _ in range(2)] == [503, 200]
    assert control("GET", "faults").json() == []


def test_chaos_and_reset_reach_everything(control, api, sandbox):
    control("POST", "chaos", {"rate": 1.0, "seed": 1})
    control("POST", "reset")

    assert (sandbox.companies, sandbox.ledger(), sandbox.requests) == ({}, [], [])
    assert api.get("/status").status_code == 401


def test_revocation_keys_rights_and_periods_change_the_company(control, api, company):
    path = f"companies/{company.id}"
    assert control("POST", f"{path}/revoke").json()["revoked"] is True
    assert api.token().status_code == 401
    assert control("POST", f"{path}/key").json()["revoked"] is False
    assert api.token().status_code == 200

    march = {"start": "2026-03-01", "end": "2026-03-31"}
    control("POST", f"{path}/periods", march | {"action": "close"})
    assert api.create().status_code == 400
    control("POST", f"{path}/periods", march | {"action": "open"})
    assert api.create().status_code == 200

    control("POST", f"{path}/rights", {"sales.salesOrGroupInvoices": "NO_ACCESS"})
    assert api.create().status_code == 403


def test_accounts_vat_and_company_change_what_is_read(control, api, company):
    path = f"companies/{company.id}"
    iban = company.bank_accounts[0]["iban"]
    control("POST", f"{path}/accounts", {"iban": iban, "status": "INACTIVE"})
    control("POST", f"{path}/vat", {"percents": ["25.5"], "statuses": {"1": "Domestic"}})
    control("POST", f"{path}/company", {"operation_type": "TRIAL", "currency": "SEK"})

    (account,) = api.get("/bankaccounts").json()["results"]
    vats = api.get("/vats/default").json()
    told = api.get("/company").json()
    assert account["status"] == "INACTIVE"
    assert [each["vatPercent"] for each in vats["vatInformation"][0]["percentages"]] == [25.5]
    assert [each["vatStatus"] for each in vats["vatStatuses"]] == [1]
    assert (told["operationType"], told["companyCurrency"]) == ("TRIAL", "SEK")

    control("POST", f"{path}/accounts", {"iban": iban, "status": "MISSING"})
    assert api.get("/bankaccounts").json()["results"] == []
    control("POST", f"{path}/accounts", {"iban": iban, "status": "ACTIVE"})
    assert api.get("/bankaccounts").json()["results"][0]["iban"] == iban


def test_requests_are_shown(control, api):
    (logged,) = control("GET", "requests").json()

    assert (logged["method"], logged["path"], logged["status"]) == ("POST", "/oauth/token", 200)


@pytest.mark.parametrize(
    ("path", "body"),
    [("companies", {"colour": "red"}), ("companies", []), ("companies", {"today": "1.1.2026"}),
     ("companies", {"rights": {"sales.nothing": "ALL_RIGHTS"}}),
     ("faults", {}), ("faults", {"kind": "gremlin"}), ("faults", {"kind": "reset", "x": 1}),
     ("chaos", {"rate": 2}), ("companies/10000/periods", {"action": "close"}),
     ("companies/10000/periods", {"action": "burn"}),
     ("companies/10000/rights", {"sales.nothing": True}),
     ("companies/10000/accounts", {"iban": "FI21", "status": "LOST"}),
     ("companies/10000/vat", {"statuses": {"x": "?"}}),
     ("companies/10000/company", {"operation_type": "ASLEEP"}),
     ("companies/10000/company", {"currency": "USD"})],
)  # fmt: skip
def test_unfit_input_is_refused_with_a_reason(control, company, path, body):
    answer = control("POST", path, body)

    assert answer.status_code == 400
    assert answer.json()["error"]


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "nothing"), ("POST", "companies/1/revoke"), ("POST", "companies/x/revoke"),
     ("POST", "companies/10000/nothing"), ("GET", "companies/10000/revoke")],
)  # fmt: skip
def test_unknown_control_path_is_404(control, company, method, path):
    assert control(method, path).status_code == 404


def test_page_of_another_site_cannot_reach_the_keys(control, company):
    answer = control("GET", "companies", headers={"Host": "evil.example"})

    assert (answer.status_code, company.api_key in answer.text) == (403, False)


def test_single_right_and_period_can_be_named_in_the_short_form(control, api, company):
    path = f"companies/{company.id}"
    march = {"start": "2026-03-01", "end": "2026-03-31"}
    control("POST", f"{path}/periods", march | {"open": False})
    assert api.create().status_code == 400
    control("POST", f"{path}/periods", march | {"open": True})
    assert api.create().status_code == 200

    control("POST", f"{path}/rights", {"path": "sales.salesInvoiceSearch", "value": "NO_ACCESS"})
    assert api.get("/invoices").status_code == 403


def test_latency_is_set_and_an_unfit_one_refused(control, sandbox):
    assert control("POST", "latency", {"seconds": 0.05}).status_code == 200
    assert sandbox.latency_seconds == 0.05
    assert control("POST", "latency", {"seconds": -1}).status_code == 400
