"""What is saved, found and moved."""

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.sandbox.checkdigits import is_fi_reference, is_rf_reference
from integrations.sandbox.sums import sum_info
from integrations.sandbox.validation import validate
from integrations.sandbox.wire import loads

from .conftest import invoice, row


def numbers(answer):
    assert answer.status_code == 200, answer.text
    return [hit["originalInvoiceNumber"] for hit in answer.json()["results"]]


def status_of(api, invoice_id):
    return api.get(f"/invoices/{invoice_id}").json()["status"]


def test_saved_invoice_is_answered_with_what_the_server_adds(api):
    saved = api.created()

    assert validate("Invoice", saved) == []
    assert (saved["id"], saved["invoiceNumber"], saved["status"]) == (1001, 1, "UNFINISHED")
    assert saved["originalInvoiceNumber"] == "2026-000123"
    assert isinstance(saved["ledgerReceiptId"], int)
    assert is_fi_reference(saved["paymentInfo"]["bankReferenceCode"])
    assert loads(api.get("/invoices/1001").content) == saved


def test_numbers_come_back_digit_by_digit(api):
    answer = api.create(invoice(invoiceRows=[row(unitPrice=Decimal("0.100000"), quantity=3)]))

    assert '"unitPrice":0.100000' in answer.text
    assert '"invoiceSumTotal":0.38' in answer.text


def test_left_out_address_is_copied_and_empty_one_stays_empty(api):
    saved = api.created(billingAddress=None)

    assert (saved["billingAddress"], saved["deliveryAddress"]) == ({"name": "Asiakas Oy"}, {})


def test_reference_is_generated_only_when_asked_for(api):
    none = api.created(paymentInfo__bankReferenceCode=None)
    rf = api.created(paymentInfo__bankReferenceCodeType="RF")

    assert "bankReferenceCode" not in none["paymentInfo"]
    assert is_rf_reference(rf["paymentInfo"]["bankReferenceCode"])


def test_server_fields_of_the_request_are_ignored(api):
    saved = api.created(id=7, invoiceNumber=99, status="PAID", version="2020-01-01T00:00:00")

    assert (saved["id"], saved["invoiceNumber"], saved["status"]) == (1001, 1, "UNFINISHED")


@pytest.mark.parametrize(
    ("rows", "header", "gross", "expected"),
    [
        ([row()], 0, False, ("100.00", "25.50", "125.50")),
        ([row(unitPrice=Decimal("125.50"))], 0, True, ("100.00", "25.50", "125.50")),
        ([row(discountPercent=10)], 50, False, ("45.00", "11.48", "56.48")),
        ([row(quantity=-1)], 0, False, ("-100.00", "-25.50", "-125.50")),
        ([row(unitPrice=Decimal("0.02"), vatPercent=Decimal("25.5"))] * 3, 0, False,
         ("0.06", "0.02", "0.08")),
        ([row(), row(vatPercent=14), row(vatPercent=0)], 0, False, ("300.00", "39.50", "339.50")),
        ([row(unitPrice=Decimal("0.10"), vatPercent=Decimal("25.0"))], 0, False,
         ("0.10", "0.03", "0.13")),
    ],
)  # fmt: skip
def test_totals_are_rounded_per_rate_away_from_zero(rows, header, gross, expected):
    body = invoice(invoiceRows=rows, discountPercent=header, extraInfo__unitPricesIncludeVat=gross)

    (entry,) = sum_info(body, "EUR")

    names = ("excludingVatTotal", "vatSumTotal", "invoiceSumTotal")
    assert tuple(str(entry[name]) for name in names) == expected


def test_foreign_currency_has_a_second_sum_in_the_companys(api):
    saved = api.created(paymentInfo__currency="SEK", paymentInfo__currencyRate=Decimal("10"))

    names = ("currency", "inAccountingCurrency", "invoiceSumTotal")
    assert [tuple(entry[name] for name in names) for entry in saved["invoiceSumInfo"]] == [
        ("SEK", False, Decimal("125.50")),
        ("EUR", True, Decimal("12.55")),
    ]


PRICES = st.decimals(-100_000, 100_000, places=4)


@given(st.lists(st.tuples(PRICES, PRICES, st.sampled_from([0, 10, 14])), min_size=1, max_size=5),
       st.booleans())  # fmt: skip
def test_net_and_vat_always_add_up_to_the_total(rows, gross):
    body = invoice(
        invoiceRows=[row(quantity=q, unitPrice=p, vatPercent=v) for q, p, v in rows],
        extraInfo__unitPricesIncludeVat=gross,
    )

    (entry,) = sum_info(body, "EUR")

    total = entry["excludingVatTotal"] + entry["vatSumTotal"]
    assert (entry["invoiceSumTotal"], total.as_tuple().exponent) == (total, -2)


def test_number_used_twice_is_accepted_and_counted(api, company, sandbox):
    for number in ("A", "A", "B"):
        api.created(originalInvoiceNumber=number)
    api.created(originalInvoiceNumber=None)
    api.created(originalInvoiceNumber=None)

    assert sandbox.duplicates() == [(company.id, "A", 2)]
    assert len(sandbox.ledger(company.id)) == 5


def test_same_number_in_two_companies_is_no_duplicate(api, make_api, sandbox):
    other = make_api(sandbox.add_company())
    api.created()
    other.created(paymentInfo__bankAccount__accountNumber=other.company.bank_accounts[0]["iban"])

    assert sandbox.duplicates() == []
    assert [(i["companyId"], i["id"]) for i in sandbox.ledger()] == [(10000, 1001), (10001, 1001)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("originalInvoiceNumber=A-1", ["A-1"]),
        ("originalInvoiceNumber=A", []),
        ("orderById=ASC", ["A-1", "A-2", "B-1"]),
        ("", ["B-1", "A-2", "A-1"]),
        ("types=SALES_INVOICE&orderById=ASC", ["A-1", "A-2", "B-1"]),
        ("types=SALES_ORDER,PURCHASE_INVOICE", []),
        ("status=NOT_SENT,APPROVED", ["A-2"]),
        ("status=NOT_SENT&status=APPROVED", ["A-2"]),
        ("startDate=2026-03-03", ["B-1"]),
        ("endDate=2026-03-02&orderById=ASC", ["A-1", "A-2"]),
        ("startDate=2026-03-04&endDate=2026-03-04", ["B-1"]),
        ("createdStartDate=2000-01-01T00:00:00&size=1", ["B-1"]),
        ("createdStartDate=2999-01-01T00:00:00", []),
        ("invoiceNumber=2", ["A-2"]),
        ("searchTerm=asiakas&size=1&page=1", ["A-2"]),
        ("previousId=1001&orderById=ASC", ["A-2", "B-1"]),
        ("previousId=1003&size=1", ["A-2"]),
        ("size=2&page=1&orderById=ASC", ["B-1"]),
        ("size=2&page=5", []),
    ],
)
def test_search_finds_by_filter_order_and_page(api, query, expected):
    api.created(originalInvoiceNumber="A-1")
    second = api.created(originalInvoiceNumber="A-2")
    api.created(originalInvoiceNumber="B-1", date="2026-03-04")
    api.call("PUT", f"/invoices/{second['id']}/approve", {})

    assert numbers(api.get(f"/invoices?{query}")) == expected


@pytest.mark.parametrize(
    "query",
    ["size=201", "size=0", "size=x", "page=-1", "status=NEW", "types=BILL", "startDate=1.1.2026",
     "createdStartDate=2026-01-01", "orderById=UP", "previousId=1e3"],
)  # fmt: skip
def test_unfit_search_is_refused(api, query):
    api.created()

    assert api.get(f"/invoices?{query}").status_code == 400


def test_page_tells_its_size_and_count(api):
    for _ in range(3):
        api.created()

    assert api.get("/invoices?size=2").json()["meta"] == {
        "pageNumber": 0, "pageSize": 2, "resultCount": 2, "totalCount": 3,
    }  # fmt: skip


def test_search_can_be_made_slow_to_see_and_inexact(api, sandbox):
    api.created(originalInvoiceNumber="AB-1")
    sandbox.matches_part_of_number = True
    assert numbers(api.get("/invoices?originalInvoiceNumber=ab")) == ["AB-1"]

    sandbox.search_delay_seconds = 60
    assert numbers(api.get("/invoices")) == []
    assert api.get("/invoices/1001").status_code == 200


def test_several_ids_give_a_sorted_list_without_unknown_ones(api):
    for _ in range(3):
        api.created()

    assert [i["id"] for i in api.get("/invoices/1003,1001,1001,9").json()] == [1001, 1003]
    assert [i["id"] for i in api.get("/invoices/1002,9").json()] == [1002]
    assert api.get("/invoices/8,9").status_code == 404
    assert api.get("/invoices/" + ",".join(["1001"] * 201)).status_code == 400


@pytest.mark.parametrize(
    ("channel", "approved"), [("NO_SENDING", "APPROVED"), ("EMAIL", "NOT_SENT")]
)
def test_approval_leads_to_the_status_of_the_channel(api, channel, approved):
    saved = api.created(invoiceChannel=channel, counterParty__email="a@b.example")

    assert api.call("PUT", f"/invoices/{saved['id']}/approve", {}).status_code == 200
    assert status_of(api, saved["id"]) == approved


#: From a status, what each call answers; the order is that of MOVES.
MOVES = ("approve", "send", "unfinished", "invalidate", "notes")
ANSWERS = {
    "UNFINISHED": (200, 403, 400, 200, 200),
    "NOT_SENT": (403, 200, 200, 200, 200),
    "APPROVED": (403, 403, 200, 200, 200),
    "SENT": (403, 200, 400, 400, 200),
    "PAID": (403, 403, 400, 400, 200),
    "INVALIDATED": (403, 403, 400, 400, 200),
}


@pytest.mark.parametrize("status", ANSWERS)
@pytest.mark.parametrize("position", range(len(MOVES)), ids=MOVES)
def test_every_move_from_every_status(api, company, sandbox, status, position):
    saved = api.created()
    sandbox.books[company.id].invoices[saved["id"]]["status"] = status

    answer = api.call("PUT", f"/invoices/{saved['id']}/{MOVES[position]}", {"notes": "x"})

    assert answer.status_code == ANSWERS[status][position]
    model = "InfoMessage" if answer.ok else "ErrorMessages"
    assert validate(model, answer.json()) == []


def test_sent_invoice_shows_what_happened_to_it(api):
    saved = api.created(invoiceChannel="EMAIL", counterParty__email="a@b.example")
    for move in ("approve", "unfinished", "approve", "send", "send"):
        assert api.call("PUT", f"/invoices/{saved['id']}/{move}", {}).status_code == 200

    events = api.get(f"/invoices/{saved['id']}/transactions").json()

    assert validate("InvoiceTransactions", events) == []
    assert [event["action"] for event in events["transactions"]] == [
        "UNFINISHED", "APPROVAL", "RESTORED_UNFINISHED", "APPROVAL", "SEND", "SEND",
    ]  # fmt: skip
    assert status_of(api, saved["id"]) == "SENT"


@pytest.mark.parametrize("move", ["unfinished", "invalidate"])
def test_closed_period_holds_the_invoice_where_it_is(api, company, move):
    saved = api.created()
    api.call("PUT", f"/invoices/{saved['id']}/approve", {})
    company.close_period(dt.date(2026, 3, 2), dt.date(2026, 3, 2))

    answer = api.call("PUT", f"/invoices/{saved['id']}/{move}", {})

    assert (answer.status_code, status_of(api, saved["id"])) == (403, "APPROVED")


def test_update_replaces_and_gives_a_new_version_and_receipt(api):
    saved = api.created(partnerId=5)
    body = invoice(invoiceRows=[row(quantity=2)], version=saved["version"], partnerId=6)

    updated = loads(api.call("PUT", f"/invoices/{saved['id']}", body).content)

    assert validate("Invoice", updated) == []
    assert updated["version"] > saved["version"]
    assert updated["ledgerReceiptId"] != saved["ledgerReceiptId"]
    assert (updated["partnerId"], updated["status"]) == (5, "UNFINISHED")
    assert str(updated["invoiceSumInfo"][0]["invoiceSumTotal"]) == "251.00"


@pytest.mark.parametrize("version", [None, "2020-01-01T00:00:00"])
def test_update_without_the_latest_version_is_refused(api, version):
    saved = api.created()

    answer = api.call("PUT", f"/invoices/{saved['id']}", invoice(version=version))

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "version")


def test_approved_invoice_cannot_be_updated(api):
    saved = api.created()
    api.call("PUT", f"/invoices/{saved['id']}/approve", {})
    version = api.get(f"/invoices/{saved['id']}").json()["version"]

    answer = api.call("PUT", f"/invoices/{saved['id']}", invoice(version=version))

    assert answer.status_code == 403


def test_notes_are_saved_and_too_long_ones_refused(api):
    saved = api.created()

    assert api.call("PUT", "/invoices/1001/notes", {"notes": "uusi"}).status_code == 200
    assert api.get("/invoices/1001").json()["notes"] == "uusi"
    assert api.call("PUT", "/invoices/1001/notes", {"notes": "x" * 10_001}).status_code == 400
    assert api.get(f"/invoices/{saved['id']}").json()["version"] > saved["version"]


META = (
    '{"name": "lasku.pdf", "referenceType": "INVOICE", "referenceId": %s, "sendWithInvoice": true}'
)


def attach(api, content, reference=1001, meta_type="application/json"):
    parts = {
        "meta": (None, META % reference, meta_type),
        "file": ("lasku.pdf", content, "application/pdf"),
    }
    return api.call("POST", "/attachments", files=parts)


def test_attachment_is_kept_byte_by_byte_and_listed(api, company, sandbox):
    api.created()
    content = b"\r\n--\x00\xff\r\n\r\n--x--\r\n"

    answer = attach(api, content)

    assert (answer.status_code, validate("Attachment", answer.json())) == (200, [])
    assert answer.json()["mimeType"] == "application/pdf"
    assert sandbox.books[company.id].attachments[9001][1] == content
    assert [a["id"] for a in api.get("/invoices/1001").json()["attachments"]] == [9001]
    found = api.get("/attachments?referenceId=1001").json()
    assert validate("AttachmentSearchResult", found) == []
    assert [(d["name"], d["size"]) for d in found["results"]] == [("lasku.pdf", len(content))]


def test_unfit_attachments_are_refused(api, company):
    api.created()

    assert attach(api, b"x", reference=9).status_code == 400
    assert attach(api, b"x", meta_type="text/plain").status_code == 400
    assert attach(api, b"x" * 10_000_001).status_code == 400
    assert api.call("POST", "/attachments", {}).status_code == 400
    assert api.call("POST", "/attachments", files={"file": b"x"}).status_code == 400
    assert api.get("/attachments").json()["results"] == []
    company.documents_enabled = False
    assert api.get("/attachments").status_code == 403
