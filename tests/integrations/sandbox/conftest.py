"""A sandbox on a free port and a plain HTTP session that is logged in to it."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
import requests

from integrations.sandbox import Sandbox, SandboxServer
from integrations.sandbox.wire import dumps, loads

SECRET = "sandbox-test-secret"
REDIRECT_URI = "https://flashnode.example/callback"


class Api:
    """Speaks to the sandbox as one company; answers are `requests` responses."""

    def __init__(self, server, company):
        self.server, self.company = server, company
        self.session = requests.Session()
        self.session.trust_env = False

    def token(self, **changes):
        form = {
            "grant_type": "client_credentials",
            "client_id": "flashnodeClient",
            "client_secret": SECRET,
            "redirect_uri": REDIRECT_URI,
            "api_key": self.company.api_key,
        } | changes
        form = {name: value for name, value in form.items() if value is not None}
        return self.session.post(f"{self.server.base_url}/oauth/token", data=form, timeout=10)

    def log_in(self):
        token = self.token().json()["access_token"]
        self.session.headers["Authorization"] = f"Bearer {token}"
        return self

    def call(self, method, path, body=None, **more):
        if body is not None:
            more["data"] = dumps(body).encode()
            more["headers"] = {"Content-Type": "application/json"}
        more.setdefault("timeout", 10)
        return self.session.request(method, self.server.base_url + path, **more)

    def get(self, path):
        return self.call("GET", path)

    def create(self, body=None):
        return self.call("POST", "/invoices", invoice() if body is None else body)

    def created(self, **changes):
        answer = self.create(invoice(**changes))
        assert answer.status_code == 200, answer.text
        return loads(answer.content)

    def complaints(self, body):
        """(field, message) of every error of a refused invoice."""
        answer = self.create(body)
        assert answer.status_code == 400, answer.text
        return [(e.get("field"), e["message"]) for e in answer.json()["errors"]]


def invoice(**changes):
    """The minimal example of the reference; keys of `changes` are paths with __ for a dot."""
    body = {
        "type": "SALES_INVOICE",
        "date": "2026-03-02",
        "originalInvoiceNumber": "2026-000123",
        "counterParty": {"counterPartyAddress": {"name": "Asiakas Oy"}},
        "billingAddress": {},
        "deliveryAddress": {},
        "paymentInfo": {
            "paymentMethod": "BANK_TRANSFER",
            "currency": "EUR",
            "currencyRate": 1,
            "dueDate": "2026-03-16",
            "bankAccount": {"accountNumber": "FI2112345600000785"},
            "bankReferenceCode": "",
        },
        "extraInfo": {"accountingByRow": False, "unitPricesIncludeVat": False},
        "discountPercent": 0,
        "vatStatus": 1,
        "invoiceChannel": "NO_SENDING",
        "language": "FINNISH",
        "invoiceRows": [row()],
    }
    for path, value in changes.items():
        target, *names = body, *path.split("__")
        for name in names[:-1]:
            target = target.setdefault(name, {})
        target[names[-1]] = value
        if value is None:
            del target[names[-1]]
    return body


def row(**changes):
    return {
        "product": "Palvelumaksu",
        "quantity": 1,
        "unit": "NO_UNIT",
        "unitPrice": Decimal("100.00"),
        "discountPercent": 0,
        "vatPercent": Decimal("25.5"),
    } | changes


@pytest.fixture
def sandbox():
    return Sandbox(client_secret=SECRET, redirect_uri=REDIRECT_URI)


@pytest.fixture
def server(sandbox):
    with SandboxServer(sandbox) as running:
        yield running


@pytest.fixture
def company(sandbox):
    return sandbox.add_company(today=dt.date(2026, 3, 2))


@pytest.fixture
def api(server, company):
    client = Api(server, company).log_in()
    yield client
    client.session.close()


@pytest.fixture
def make_api(server):
    """Log in as another company; sessions are closed after the test."""
    made = []

    def make(company, log_in=True):
        made.append(Api(server, company))
        return made[-1].log_in() if log_in else made[-1]

    yield make
    for client in made:
        client.session.close()
