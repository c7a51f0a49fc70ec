"""Fidelity: the public package `Procountor`, written against the real API, works here too."""

import warnings

import pytest

from .conftest import REDIRECT_URI, SECRET, invoice

with warnings.catch_warnings():
    # Compiling the package's old regular expressions warns, and warnings are errors here.
    warnings.simplefilter("ignore", DeprecationWarning)
    from procountor.client import Client


@pytest.fixture
def client_of(server, monkeypatch):
    hosts = Client._endpoints["hosts"]
    monkeypatch.setitem(hosts, "test", server.address)

    def log_in(company, **changes):
        wanted = {"client_id": "flashnodeClient", "client_secret": SECRET} | changes
        return Client(api_key=company.api_key, redirect_uri=REDIRECT_URI, **wanted)

    return log_in


@pytest.mark.parametrize("version", ["latest", "supported", "24.08"])
def test_public_client_logs_in_and_reads_the_company(client_of, company, version):
    client = client_of(company, api_version=version)

    assert client.get_session_info()["content"]["companyId"] == company.id
    assert client.get_company()["content"]["name"] == "Acme Oy"
    (account,) = client.get_bank_accounts()["content"]["results"]
    assert account["iban"] == "FI2112345600000785"


def test_public_client_creates_finds_and_approves_an_invoice(client_of, company, sandbox):
    client = client_of(company)
    body = invoice()
    body["invoiceRows"][0] |= {"unitPrice": 100.0, "vatPercent": 25.5}

    saved = client.post_invoice(**body)
    found = client.get_invoices(originalInvoiceNumber="2026-000123", types="SALES_INVOICE")
    approved = client.approve_invoice(saved["content"]["id"])

    assert (saved["status"], approved["status"]) == (200, 200)
    assert [hit["id"] for hit in found["content"]["results"]] == [saved["content"]["id"]]
    assert client.get_invoice(saved["content"]["id"])["content"]["status"] == "APPROVED"
    assert len(sandbox.ledger()) == 1


def test_public_client_renews_its_token_after_a_401(client_of, company, sandbox):
    client = client_of(company)
    sandbox.fault("expired_token", method="GET", path="/sessioninfo")

    assert client.get_session_info()["content"]["companyId"] == company.id


def test_public_client_reads_our_refusal_as_bad_credentials(client_of, company):
    with pytest.raises(RuntimeError, match="check your credentials"):
        client_of(company, client_secret="wrong")


def test_public_client_ends_its_token(client_of, company, sandbox):
    client = client_of(company)

    assert client.invalidate_token()["status"] == 200
    assert sandbox.company_of_token(client.access_token) is None
