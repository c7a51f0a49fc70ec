"""The reads: contract-valid, the caller's own company only, rights kept."""

import datetime as dt

import pytest

from integrations.sandbox.validation import contract, validate
from integrations.sandbox.wire import loads

MODELS = {
    "/status": "Status",
    "/sessioninfo": "SessionInfo",
    "/users/rights": "UserPrivileges",
    "/company": "Company",
    "/bankaccounts": "CompanyBankAccountSearchResult",
    "/vats/default": "VatInformation",
    "/vats/country?countryCode=FI": "VatPercentages",
    "/fiscalyears": "FiscalYears",
    "/currencies/company": "CompanyCurrency",
    "/invoices": "InvoiceSearchResult",
    "/attachments": "AttachmentSearchResult",
}


@pytest.mark.parametrize(("path", "model"), MODELS.items())
def test_read_answers_as_the_contract_says(api, path, model):
    api.created()

    answer = api.get(path)

    assert answer.status_code == 200
    assert validate(model, loads(answer.content)) == []
    known = {endpoint["path"]: endpoint for endpoint in contract()["endpoints"]
             if endpoint["method"] == "GET"}  # fmt: skip
    assert known[path.partition("?")[0]]["responses"]["200"]["model"] == model


@pytest.mark.parametrize("base", ["/api", "/latest/api", "/supported/api", "/v2408/api"])
def test_every_base_path_leads_to_the_same_api(api, server, base):
    answer = api.session.get(f"{server.address}{base}/sessioninfo", timeout=10)

    assert answer.json()["companyId"] == api.company.id


@pytest.mark.parametrize("path", ["/api/nothing", "/api", "/v24/api/status", "/apiary", "/"])
def test_unknown_path_is_404_with_errors(api, server, path):
    answer = api.session.get(server.address + path, timeout=10)

    assert answer.status_code == 404
    assert validate("ErrorMessages", answer.json()) == []


def test_every_answer_says_that_it_is_the_sandbox(api):
    assert api.get("/status").headers["Server"] == "FlashnodeSandbox"


def test_connection_is_kept_alive(api):
    first = api.get("/status")

    assert first.raw.version == 11
    assert "close" not in first.headers.get("Connection", "").lower()


def test_get_with_a_body_is_refused(api):
    assert api.call("GET", "/sessioninfo", {}).status_code == 400


def test_company_sees_its_own_data_only(api, make_api, sandbox):
    other = make_api(sandbox.add_company("Toinen Oy", "2345678-0"))
    api.created()

    assert other.get("/sessioninfo").json()["companyId"] == other.company.id
    assert other.get("/invoices").json()["results"] == []
    assert other.get("/invoices/1001").status_code == 404
    assert other.call("PUT", "/invoices/1001/approve", {}).status_code == 404


def test_companies_get_different_valid_accounts(sandbox):
    ibans = {sandbox.add_company().bank_accounts[0]["iban"] for _ in range(30)}

    assert len(ibans) == 30
    assert "FI2112345600000785" in ibans


@pytest.mark.parametrize(
    ("right", "method", "path", "status"),
    [
        ("sales.salesOrGroupInvoices", "POST", "/invoices", 403),
        ("sales.salesOrGroupInvoices", "PUT", "/invoices/1001/approve", 403),
        ("sales.salesOrGroupInvoices", "PUT", "/invoices/1001/notes", 404),
        ("sales.salesInvoiceSearch", "GET", "/invoices", 403),
        ("sales.salesInvoiceSearch", "GET", "/invoices/1001", 403),
        ("management.basicCompanyInfo", "GET", "/company", 403),
        ("management.basicCompanyInfo", "GET", "/bankaccounts", 403),
    ],
)
def test_missing_right_is_refused(api, company, right, method, path, status):
    api.created()
    company.set_right(right, "NO_ACCESS")

    answer = api.call(method, path, {} if method != "GET" else None)

    assert (answer.status_code, len(answer.json()["errors"])) == (status, 1)


def test_viewing_rights_read_but_do_not_write(api, company):
    company.set_right("sales.salesOrGroupInvoices", "VIEWING_RIGHTS")
    company.set_right("sales.salesInvoiceSearch", "VIEWING_RIGHTS")

    assert api.get("/invoices").status_code == 200
    assert api.create().status_code == 403


def test_flag_that_prevents_creating_refuses_the_post(api, company):
    company.set_right("accounting.preventCreatingEditingInvoices", True)

    assert api.create().status_code == 403


def test_own_invoices_only_hides_those_of_others(api, company, sandbox):
    created = api.created()
    company.set_right("sales.personalSalesInvoicesOnly", True)
    sandbox.books[company.id].invoices[created["id"]]["creatorId"] = 1

    assert api.get("/invoices").json()["results"] == []


@pytest.mark.parametrize(
    ("path", "level"),
    [("sales.nothing", "ALL_RIGHTS"), ("nothing", True), ("sales.productRegister", "SOME"),
     ("sales.productRegister", True), ("sales.personalSalesInvoicesOnly", "ALL_RIGHTS")],
)  # fmt: skip
def test_unknown_right_or_level_is_a_value_error(company, path, level):
    with pytest.raises(ValueError):
        company.set_right(path, level)


def test_closed_month_shows_in_the_fiscal_years(api, company):
    company.close_period(dt.date(2026, 3, 5), dt.date(2026, 3, 6))

    periods = [
        period["startDate"]
        for year in api.get("/fiscalyears").json()["fiscalYears"]
        for period in year["trackingPeriods"]
        if period["status"] == "CLOSED"
    ]

    assert periods == ["2026-03-01"]


def test_year_without_an_open_month_is_closed_and_opens_again(company):
    company.close_period(dt.date(2025, 1, 1), dt.date(2025, 12, 31))
    assert not company.is_open(dt.date(2025, 6, 1))
    assert [y["id"] for y in company.fiscal_years if not y["isOpen"]] == [2025]

    company.open_period(dt.date(2025, 6, 1), dt.date(2025, 6, 1))
    assert company.is_open(dt.date(2025, 6, 30))
    assert not company.is_open(dt.date(2025, 7, 1))
