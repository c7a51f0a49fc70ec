"""POST /invoices over HTTP: one refusal per rule, and what passes beside it."""

import copy
import datetime as dt
from decimal import Decimal

import pytest

from .conftest import invoice, row

BUYER = "counterParty.counterPartyAddress"
ADDRESS = {"name": "A", "street": "Katu 1", "zip": "00100", "city": "HELSINKI"}
ELECTRONIC = {
    "invoiceChannel": "ELECTRONIC_INVOICE",
    "counterParty": {
        "counterPartyAddress": ADDRESS | {"country": "FINLAND"},
        "einvoiceAddress": {"operator": "E204503", "address": "003712345671"},
    },
    "billingAddress": ADDRESS,
}


def blank(field):
    return (field, f"Value of the '{field}' cannot be blank.")


def invalid(field, why):
    return (field, f"Value of the '{field}' field is invalid: {why}")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"paymentInfo__dueDate": "2026-03-01"}, (None, "DUE_DATE_BEFORE_BILL_DATE")),
        ({"paymentInfo__dueDate": "2028-11-26"},
         invalid("paymentInfo.dueDate", "payment term over 999 days")),
        ({"date": "2003-12-31", "paymentInfo__dueDate": "2003-12-31"},
         (None, "CLOSED_FISCAL_PERIOD")),
        ({"type": "PURCHASE_INVOICE"}, invalid("type", "the sandbox keeps sales invoices only")),
        ({"language": None}, blank("language")),
        ({"vatStatus": None}, blank("vatStatus")),
        ({"vatStatus": 2}, [invalid("vatStatus", "not in use in the company"),
                            ("invoiceRows[0].vatStatus", "ERROR_VATSTATUS_VATPERC")]),
        ({"vatStatus": 5}, ("invoiceRows[0].vatStatus", "ERROR_VATSTATUS_VATPERC")),
        ({"invoiceRows": [row(), row(vatStatus=3)]},
         ("invoiceRows[1].vatStatus", "ERROR_VATSTATUS_VATPERC")),
        ({"invoiceRows": [row(vatStatus=99, vatPercent=0)]},
         invalid("invoiceRows[0].vatStatus", "not in use in the company")),
        ({"invoiceRows": [row(vatPercent=22)]},
         invalid("invoiceRows[0].vatPercent", "not in use in the company")),
        ({"invoiceRows": []}, blank("invoiceRows")),
        ({"vatCountry": "SWEDEN"}, invalid("vatCountry", "the company does not use foreign VAT")),
        ({"deliveryMethod": "OTHER"},
         invalid("deliveryMethod", "OTHER is not supported on sales invoices")),
        ({"paymentInfo__bankAccount": None}, blank("paymentInfo.bankAccount")),
        ({"paymentInfo__bankAccount__accountNumber": "FI21 1234 5600 0007 85"},
         invalid("paymentInfo.bankAccount.accountNumber", "not a valid IBAN without spaces")),
        ({"paymentInfo__bankAccount__accountNumber": "FI4950009420028730"},
         invalid("paymentInfo.bankAccount.accountNumber", "not an active account of the company")),
        ({"paymentInfo__bankAccount__bic": "NDEAFIHH"},
         invalid("paymentInfo.bankAccount.bic", "not supported on sales invoices")),
        ({"paymentInfo__currencyRate": 2},
         invalid("paymentInfo.currencyRate", "does not fit the currency")),
        ({"paymentInfo__currency": "SEK"},
         invalid("paymentInfo.currencyRate", "does not fit the currency")),
        ({"paymentInfo__cashDiscount": {"cashDiscountsTermType": "FROM_END_OF_MONTH"}},
         invalid("paymentInfo.cashDiscount.cashDiscountsTermType", "in Danish environments only")),
        ({"paymentInfo__bankReferenceCode": "1231"},
         invalid("paymentInfo.bankReferenceCode", "check digit or form is wrong")),
        ({"paymentInfo__bankReferenceCode": "RF19539007547034"},
         invalid("paymentInfo.bankReferenceCode", "check digit or form is wrong")),
        ({"paymentInfo__bankReferenceCode": "1232", "paymentInfo__bankReferenceCodeType": "RF"},
         invalid("paymentInfo.bankReferenceCode", "check digit or form is wrong")),
        ({"paymentInfo__bankReferenceCodeType": "OCR"},
         invalid("paymentInfo.bankReferenceCodeType", "not allowed in the company's country")),
        ({"invoiceChannel": "EDIFACT"}, invalid("invoiceChannel", "EDIFACT is not allowed")),
        ({"invoiceChannel": "PAPER_INVOICE"},
         invalid("invoiceChannel", "PAPER_INVOICE is not allowed")),
        ({"invoiceChannel": "EMAIL"}, blank("counterParty.email")),
        ({"invoiceChannel": "MAIL"},
         [blank(f"{BUYER}.street"), blank(f"{BUYER}.zip"), blank(f"{BUYER}.city")]),
        ({"counterParty__identifier": "2077474-1"}, ("counterParty.identifier", "ERROR_BRN_CODE")),
        ({"deliveryAddress": {"name": "Varasto"}}, blank("deliveryAddress.country")),
        ({"counterParty__bccAddresses": ["a@b.example"] * 5},
         invalid("counterParty.bccAddresses", "more than 4 addresses")),
        ({"counterParty__bccAddresses": ["a" * 257]},
         invalid("counterParty.bccAddresses[0]", "longer than 256 characters")),
        ({"counterParty__email": "a@b.example", "counterParty__bccAddresses": ["a@b.example"]},
         invalid("counterParty.bccAddresses[0]", "equal to the main address")),
        ({"notes": "Привет"}, invalid("notes", "characters outside Windows-1252")),
        ({"invoiceRows": [row(product="Ŕ")]},
         invalid("invoiceRows[0].product", "characters outside Windows-1252")),
        ({"invoiceRows": [row(unitPrice=Decimal("1E+15"))]},
         invalid("invoiceRows[0].unitPrice", "too many digits")),
    ],
)  # fmt: skip
def test_invoice_with_one_fault_is_refused_by_its_rule(api, sandbox, change, complaint):
    expected = complaint if isinstance(complaint, list) else [complaint]

    assert api.complaints(invoice(**change)) == expected
    assert sandbox.ledger() == []


@pytest.mark.parametrize(
    "change",
    [
        {"paymentInfo__dueDate": "2026-03-02"},
        {"paymentInfo__dueDate": "2028-11-25"},
        {"paymentInfo__paymentMethod": "CASH", "paymentInfo__bankAccount": None},
        {"paymentInfo__currency": "SEK", "paymentInfo__currencyRate": Decimal("11.25")},
        {"paymentInfo__bankReferenceCode": "RF18539007547034"},
        {"paymentInfo__bankReferenceCode": "1232", "paymentInfo__bankReferenceCodeType": "FI"},
        {"vatStatus": 5, "invoiceRows": [row(vatPercent=0)]},
        {"vatStatus": 5, "invoiceRows": [row(vatStatus=1)]},
        {"invoiceChannel": "EMAIL", "counterParty__email": "a@b.example"},
        {"invoiceChannel": "MAIL", "billingAddress": ADDRESS},
        {"counterParty__identifier": "2077474-0"},
        {"counterParty__identifier": "SE556677889901"},
        {"notes": "äöå € œ – „lainaus”\nrivi"},
        ELECTRONIC,
        ELECTRONIC | {"billingAddress": None},
    ],
)
def test_invoice_that_keeps_the_rules_is_saved(api, change):
    assert api.create(invoice(**change)).status_code == 200


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"counterParty__einvoiceAddress": {"operator": "E204503"}},
         "counterParty.einvoiceAddress.address"),
        ({"counterParty__einvoiceAddress": {"address": "003712345671"}},
         "counterParty.einvoiceAddress.operator"),
        ({"billingAddress": {**ADDRESS, "name": ""}}, "billingAddress.name"),
        ({"billingAddress": {**ADDRESS, "city": " "}}, "billingAddress.city"),
        ({"counterParty__counterPartyAddress": {"name": "A", "street": "K", "zip": "1"}},
         f"{BUYER}.city"),
        ({"paymentInfo__bankReferenceCode": None}, "paymentInfo.bankReferenceCode"),
    ],
)  # fmt: skip
def test_electronic_invoice_needs_addresses_and_reference(api, change, field):
    body = invoice(**copy.deepcopy(ELECTRONIC))
    target, *names = body, *field_of(change).split("__")
    for name in names[:-1]:
        target = target[name]
    target[names[-1]] = change[field_of(change)]

    assert api.complaints(body) == [blank(field)]


def field_of(change):
    return next(iter(change))


def test_rules_and_contract_complain_in_one_answer(api):
    body = invoice(date=None, paymentInfo__bankReferenceCode="1231", notes="Ŕ")

    assert [field for field, _message in api.complaints(body)] == [
        "date", "notes", "paymentInfo.bankReferenceCode",
    ]  # fmt: skip


def test_inactive_account_cannot_be_used(make_api, sandbox):
    account = {"iban": "FI2112345600000785", "status": "INACTIVE"}
    api = make_api(sandbox.add_company(bank_accounts=[account, "FI4950009420028730"]))

    assert [field for field, _ in api.complaints(invoice())] == [
        "paymentInfo.bankAccount.accountNumber"
    ]


def test_month_that_is_closed_refuses_until_it_is_opened(api, company):
    march = dt.date(2026, 3, 1), dt.date(2026, 3, 31)
    company.close_period(*march)
    assert api.complaints(invoice()) == [(None, "CLOSED_FISCAL_PERIOD")]

    company.open_period(*march)
    assert api.create().status_code == 200


def test_extra_percents_of_a_company_are_its_own(make_api, api, sandbox):
    other = make_api(sandbox.add_company(extra_vat_percents=["22"]))
    iban = other.company.bank_accounts[0]["iban"]
    body = invoice(invoiceRows=[row(vatPercent=22)])
    assert api.create(body).status_code == 400

    body["paymentInfo"]["bankAccount"]["accountNumber"] = iban
    assert other.create(body).status_code == 200


@pytest.mark.parametrize(
    ("data", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"[]", "application/json; charset=utf-8", 400),
        (b"null", "application/json", 400),
        (b"{}", "text/plain", 415),
        (b'{"x":' + b"[" * 900 + b"]" * 900 + b"}", "application/json", 400),
        (rb'{"notes": "\ud800", "\ud800": 1}', "application/json", 400),
    ],
)
def test_body_that_is_no_invoice_is_refused(api, data, content_type, status):
    answer = api.call("POST", "/invoices", data=data, headers={"Content-Type": content_type})

    assert (answer.status_code, bool(answer.json()["errors"])) == (status, True)
