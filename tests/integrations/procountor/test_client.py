"""The calls, as seen on the wire, and what each status becomes."""

from __future__ import annotations

import json
import pickle
import traceback
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from urllib.parse import parse_qs, quote_plus, urlsplit

import pytest

from integrations.procountor import (
    CredentialRefused,
    NotSubmitted,
    OutcomeUnknown,
    ProcountorClient,
    ProcountorError,
    Rejected,
    RemoteError,
)

from .conftest import KEY, SECRET, reply, reset

INVOICE = {"id": 7, "originalInvoiceNumber": "A-1", "type": "SALES_INVOICE"}


def page(*items, size=200):
    return reply(200, {"results": list(items), "meta": {"pageSize": size}})


def hit(remote_id, number="A-1", **more):
    return {"id": remote_id, "originalInvoiceNumber": number, "type": "SALES_INVOICE"} | more


def query_of(call):
    return {name: values[0] for name, values in parse_qs(urlsplit(call.path).query).items()}


def test_create_invoice_posts_exactly_these_bytes(client, server):
    body = '{"note": "Mäkelä",  "unitPrice": 10.10}'.encode()
    server.script = [reply(200, INVOICE)]
    client.create_invoice(body)

    [call] = server.calls
    assert (call.method, call.path, call.body) == ("POST", "/api/invoices", body)
    assert call.headers["content-type"] == "application/json"


def test_created_invoice_is_read_without_floats(client, server):
    answer = INVOICE | {
        "invoiceNumber": 1007,
        "status": "UNFINISHED",
        "date": "2026-03-02",
        "version": "2026-03-02T10:00:00",
        "ledgerReceiptId": 99,
        "paymentInfo": {"currency": "SEK"},
        "counterParty": {"counterPartyAddress": {"name": "Asiakas Oy"}},
        "invoiceSumInfo": [
            {"currency": "EUR", "inAccountingCurrency": True, "invoiceSumTotal": 1},
            {"currency": "SEK", "inAccountingCurrency": False, "invoiceSumTotal": "TOTAL"},
        ],
    }
    raw = json.dumps(answer).replace('"TOTAL"', "12345678901234567.10")
    server.script = [reply(200, raw)]

    made = client.create_invoice(b"{}")

    assert made.gross_total == Decimal("12345678901234567.10")
    assert (made.id, made.invoice_number, made.original_invoice_number) == (7, 1007, "A-1")
    assert (made.status, made.date, made.currency) == ("UNFINISHED", date(2026, 3, 2), "SEK")
    assert (made.version, made.ledger_receipt_id) == ("2026-03-02T10:00:00", 99)
    assert (made.buyer_name, made.raw["invoiceNumber"]) == ("Asiakas Oy", 1007)


def test_status_201_with_an_id_is_created(client, server):
    server.script = [reply(201, INVOICE)]

    assert client.create_invoice(b"{}").id == 7


def kind_of_status(status):
    if status == 401:
        return CredentialRefused
    if status == 429:
        return NotSubmitted
    if 300 <= status < 500 and status != 408:
        return Rejected
    return OutcomeUnknown


@pytest.mark.parametrize("status", [101, *range(202, 209), *range(300, 600, 1)])
def test_every_status_becomes_one_of_our_errors(client, server, status):
    server.script = [reply(status), reply(status)]

    with pytest.raises(ProcountorError) as caught:
        client.create_invoice(b"{}")

    assert type(caught.value) is kind_of_status(status)
    assert len(server.calls) == (2 if status == 401 else 1)


def test_refusal_carries_status_errors_and_body(client, server):
    errors = [
        {"status": 400, "field": "invoiceRows[3].vatStatus", "message": "ERROR_VATSTATUS_VATPERC"},
        {"message": "DUE_DATE_BEFORE_BILL_DATE"},
        "odd",
    ]
    server.script = [reply(400, {"errors": errors})]

    with pytest.raises(Rejected) as caught:
        client.create_invoice(b"{}")

    assert caught.value.errors == (
        RemoteError(400, "invoiceRows[3].vatStatus", "ERROR_VATSTATUS_VATPERC"),
        RemoteError(None, "", "DUE_DATE_BEFORE_BILL_DATE"),
        RemoteError(None, "", "odd"),
    )
    assert (caught.value.status, caught.value.cause) == (400, "http_400")
    assert json.loads(caught.value.body) == {"errors": errors}


def test_body_is_kept_to_twenty_thousand_characters(client, server):
    server.script = [reply(500, "ä" * 30_000)]

    with pytest.raises(OutcomeUnknown) as caught:
        client.create_invoice(b"{}")

    assert caught.value.body == "ä" * 20_000


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("Retry-After: 7\r\n", 7.0), ("Retry-After: soon\r\n", None), ("", None)],
)
def test_rate_limit_is_not_submitted_and_told(environment, server, session, header, seconds):
    told = []
    client = ProcountorClient(environment, KEY, session=session, on_rate_limit=told.append)
    server.script = [reply(429, "", header)]

    with pytest.raises(NotSubmitted) as caught:
        client.create_invoice(b"{}")

    assert (caught.value.cause, caught.value.retry_after_seconds) == ("rate_limited", seconds)
    assert (told, len(server.calls)) == ([seconds or 0.0], 1)


def test_retry_after_may_be_a_date(client, server):
    moment = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    server.script = [reply(503, "", f"Retry-After: {moment}\r\n")]

    with pytest.raises(OutcomeUnknown) as caught:
        client.create_invoice(b"{}")

    assert 90 < caught.value.retry_after_seconds <= 100


def test_rate_limit_on_the_token_is_told_too(environment, server, session):
    told = []
    client = ProcountorClient(environment, KEY, session=session, on_rate_limit=told.append)
    server.token_script = [reply(429, "", "Retry-After: 3\r\n")]

    with pytest.raises(NotSubmitted):
        client.authenticate()

    assert told == [3.0]


ECHO = f"{KEY} {SECRET} {quote_plus(SECRET)} Bearer token-1 token-2 eyJhbGci.eyJzdWIi.c2ln"


@pytest.mark.parametrize("status", [200, 302, 400, 401, 429, 500])
def test_echoed_secrets_never_show_in_an_api_error(client, server, status):
    errors = {"errors": [{"field": SECRET, "message": ECHO}], "access_token": "opaque"}
    server.script = [reply(401, errors), reply(status, errors)]

    with pytest.raises(ProcountorError) as caught:
        client.create_invoice(b"{}")

    shown = everything_shown(caught.value)
    # token-1 was given up for token-2 before the last answer came.
    secrets = (KEY, SECRET, quote_plus(SECRET), "token-2", "eyJhbGci", "opaque")
    assert [it for it in secrets if it in shown] == []
    assert caught.value.errors[0].field == "[redacted]"


@pytest.mark.parametrize("status", [200, 302, 400, 401, 404, 429, 500])
def test_echoed_secrets_never_show_in_a_token_error(client, server, status):
    server.token_script = [reply(status, {"error": "invalid_client", "error_description": ECHO})]

    with pytest.raises(ProcountorError) as caught:
        client.authenticate()

    shown = everything_shown(caught.value)
    assert [it for it in (KEY, SECRET, quote_plus(SECRET), "eyJhbGci") if it in shown] == []


def test_echoed_key_without_the_form_of_a_jwt_never_shows(environment, server, session):
    client = ProcountorClient(environment, "plain/key", session=session)
    server.script = [reply(400, "plain/key and plain%2Fkey")]

    with pytest.raises(Rejected) as caught:
        client.create_invoice(b"{}")

    assert caught.value.body == "[redacted] and [redacted]"


def test_secrets_do_not_show_when_the_connection_breaks(client, server):
    server.token_script = [reset]

    with pytest.raises(NotSubmitted) as caught:
        client.authenticate()

    assert [it for it in (KEY, SECRET) if it in everything_shown(caught.value)] == []


def everything_shown(error):
    assert (error.__cause__, error.__context__) == (None, None)
    lines = traceback.TracebackException.from_exception(error).format()
    return "".join([*lines, str(error), repr(error), repr(vars(error))])


def test_errors_survive_pickling(client, server):
    server.script = [reply(400, {"errors": [{"message": "X"}]})]
    with pytest.raises(Rejected) as caught:
        client.create_invoice(b"{}")

    again = pickle.loads(pickle.dumps(caught.value))

    assert (type(again), vars(again)) == (Rejected, vars(caught.value))


def test_approve_and_send_are_one_put_each(client, server):
    client.approve(7)
    client.send(7)

    assert [(it.method, it.path, it.body) for it in server.calls] == [
        ("PUT", "/api/invoices/7/approve", b"{}"),
        ("PUT", "/api/invoices/7/send", b""),
    ]


@pytest.mark.parametrize("name", ["approve", "send"])
def test_waiting_for_a_confirmation_is_not_done(client, server, name):
    server.script = [reply(202, {"transactionIdentifier": "x"})]

    with pytest.raises(OutcomeUnknown):
        getattr(client, name)(7)


def test_get_invoice_that_is_not_there_is_rejected_with_404(client, server):
    server.script = [reply(404, {"errors": [{"message": "gone"}]})]

    with pytest.raises(Rejected) as caught:
        client.get_invoice(7)

    assert caught.value.status == 404


def test_get_invoices_asks_in_batches_of_200(client, server):
    server.script = [reply(200, [{"id": it} for it in range(1, 201)]), reply(200, {"id": 201})]

    found = client.get_invoices([*range(201, 0, -1), 5])

    assert [it.id for it in found] == list(range(1, 202))
    assert server.calls[0].path == "/api/invoices/" + ",".join(map(str, range(1, 201)))
    assert server.calls[1].path == "/api/invoices/201"


def test_get_invoices_of_unknown_ids_is_empty_only_on_procountors_word(client, server):
    server.script = [reply(404, {"errors": [{"message": "none"}]}), reply(404, "<html>")]

    assert client.get_invoices([7, 8]) == []
    with pytest.raises(Rejected):
        client.get_invoices([7, 8])


def test_get_invoices_of_no_ids_asks_nothing(client, server):
    assert client.get_invoices([]) == []
    assert server.received == []


def test_find_invoices_compares_the_number_exactly(client, server):
    server.script = [
        page(
            hit(1, "A-1"),
            hit(2, "A-11"),
            hit(3, "a-1"),
            hit(4, "A-1 "),
            hit(5, None),
            hit(6, "A-1", type="SALES_ORDER"),
            hit(7, "A-1", status="INVALIDATED"),
        )
    ]

    found = client.find_invoices(original_invoice_number="A-1")

    assert [it.id for it in found] == [1, 7]
    assert query_of(server.calls[0]) == {
        "types": "SALES_INVOICE",
        "originalInvoiceNumber": "A-1",
        "size": "200",
        "orderById": "ASC",
    }


def test_find_invoices_escapes_the_number(client, server):
    server.script = [page()]
    client.find_invoices(original_invoice_number="A&types=X#ä /1")

    assert query_of(server.calls[0])["originalInvoiceNumber"] == "A&types=X#ä /1"


def test_find_invoices_reads_every_page(client, server):
    server.script = [page(hit(1), hit(2), size=2), page(hit(3), hit(9), size=2), page(size=2)]

    found = client.find_invoices(original_invoice_number="A-1")

    assert [it.id for it in found] == [1, 2, 3, 9]
    assert [query_of(it).get("previousId") for it in server.calls] == [None, "2", "9"]


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (reply(200, {}), "no_results"),
        (reply(200, []), "no_results"),
        (reply(200, {"results": None}), "no_results"),
        (reply(200, {"results": {}}), "no_results"),
        (reply(200, {"results": [{"number": 1}]}), "no_id"),
        (reply(200, {"results": [1]}), "no_id"),
        (reply(200, "<html>"), "not_json"),
        (reply(500), "http_500"),
    ],
)
def test_answer_that_is_no_list_is_never_nothing_found(client, server, answer, cause):
    server.script = [answer]

    with pytest.raises(OutcomeUnknown) as caught:
        client.find_invoices(original_invoice_number="A-1")

    assert caught.value.cause == cause


def test_paging_that_does_not_move_on_is_an_error_not_a_loop(client, server):
    server.script = [page(hit(1), size=1), page(hit(1), size=1)]

    with pytest.raises(OutcomeUnknown) as caught:
        client.find_invoices(original_invoice_number="A-1")

    assert (caught.value.cause, len(server.calls)) == ("paging", 2)


def test_search_invoices_writes_dates_lists_and_flags(client, server):
    server.script = [page(hit(1, invoiceSumInfo=[{"currency": "EUR", "invoiceSumTotal": 12.10}]))]

    found = list(
        client.search_invoices(startDate=date(2026, 3, 1), status=["SENT", "PAID"], isOffer=False)
    )

    query = query_of(server.calls[0])
    assert (query["startDate"], query["status"], query["isOffer"]) == (
        "2026-03-01",
        "SENT,PAID",
        "false",
    )
    assert [(it.id, it.currency, it.gross_total) for it in found] == [(1, "EUR", Decimal("12.1"))]


def test_transactions_are_read(client, server):
    item = {"action": "SEND", "name": "Api", "date": "2026-03-02T10:00:00", "details": None}
    server.script = [reply(200, {"transactions": [item]})]

    [found] = client.transactions(7)

    assert (found.action, found.name, found.details) == ("SEND", "Api", "")


def test_attachment_is_two_parts_with_json_meta(client, server):
    server.script = [reply(200, {"id": 31})]

    assert client.add_attachment(7, "lasku.pdf", b"%PDF\r\n--x", "application/pdf", True) == 31

    [call] = server.calls
    kind, _, boundary = call.headers["content-type"].partition("; boundary=")
    meta, file = [it.strip(b"\r\n") for it in call.body.split(b"--" + boundary.encode())[1:-1]]
    assert (call.path, kind) == ("/api/attachments", "multipart/form-data")
    assert meta == (
        b'Content-Disposition: form-data; name="meta"\r\nContent-Type: application/json\r\n\r\n'
        b'{"name": "lasku.pdf", "referenceType": "INVOICE", "referenceId": 7, '
        b'"sendWithInvoice": true}'
    )
    assert file == (
        b'Content-Disposition: form-data; name="file"; filename="lasku.pdf"\r\n'
        b"Content-Type: application/pdf\r\n\r\n%PDF\r\n--x"
    )


def test_attachment_too_large_is_refused_before_any_request(client, server):
    with pytest.raises(ValueError, match="10000000"):
        client.add_attachment(7, "a.pdf", b"x" * 10_000_001, "application/pdf", False)

    assert server.received == []


def test_attachment_answer_without_id_is_outcome_unknown(client, server):
    server.script = [reply(200, {"name": "a.pdf"})]

    with pytest.raises(OutcomeUnknown) as caught:
        client.add_attachment(7, "a.pdf", b"x", "application/pdf", False)

    assert caught.value.cause == "no_id"


def test_company_session_status_and_rights_are_read(client, server):
    rights = {
        "sales": {"salesOrGroupInvoices": "ALL_RIGHTS", "personalSalesInvoicesOnly": True},
        "accounting": {"preventCreatingEditingInvoices": False},
    }
    server.script = [
        reply(200, {"companyId": 5, "name": "Oy", "userId": 8, "userName": "api", "new": 1}),
        reply(200, {"id": 5, "name": "Oy", "businessIdentifier": {"code": "1234567-1"}}),
        reply(200, {"status": "DEGRADED", "version": "26.04"}),
        reply(200, {"role": "Sale", "rights": rights}),
    ]

    session, company, status = client.session_info(), client.company(), client.status()
    user = client.user_rights()

    assert (session.company_id, session.user_id, session.product_version) == (5, 8, "")
    assert (company.business_id, company.operation_type) == ("1234567-1", "")
    assert (status.status, status.is_ok) == ("DEGRADED", False)
    assert user.level("sales.salesOrGroupInvoices") == "ALL_RIGHTS"
    assert (user.level("sales.salesInvoiceSearch"), user.level("no.such")) == ("", "")
    assert (user.may_create_invoices, user.may_search_invoices) == (True, False)
    assert user.sees_own_invoices_only is True


def test_settings_of_the_company_are_read(client, server):
    account = {"id": 1, "iban": "FI21 1234 5600 0007 85", "status": "ACTIVE", "currency": "EUR"}
    vats = {
        "vatInformation": [
            {
                "country": "FI",
                "percentages": [
                    {"vatPercent": 25.5, "sales": True},
                    {"vatPercent": 0, "sales": True},
                    {"vatPercent": 14, "sales": False},
                ],
            }
        ],
        "vatStatuses": [
            {"vatStatus": 1, "description": "Domestic", "sales": True},
            {"vatStatus": 2, "description": "Purchase", "sales": False},
        ],
    }
    period = {"startDate": "2026-01-01", "endDate": "2026-01-31", "status": "CLOSED"}
    year = {"startDate": "2026-01-01", "isOpen": True, "trackingPeriods": [period]}
    server.script = [
        page(account),
        reply(200, vats),
        reply(200, {"fiscalYears": [year]}),
    ]

    [bank], defaults, [fiscal] = (
        client.bank_accounts(),
        client.default_vats(),
        client.fiscal_years(),
    )

    assert (bank.iban, bank.default_for_invoice) == ("FI2112345600000785", False)
    assert defaults.sales_percents("FINLAND") == {Decimal("25.5"), Decimal(0)}
    assert (defaults.sales_percents("SWEDEN"), defaults.statuses) == (frozenset(), {1: "Domestic"})
    assert (fiscal.start, fiscal.end, fiscal.is_open) == (date(2026, 1, 1), None, True)
    assert fiscal.periods[0].status == "CLOSED"
