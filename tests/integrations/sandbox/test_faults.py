"""Faults on the wire, before and after the effect."""

import threading
import time

import pytest
import requests

from integrations.sandbox import SandboxServer
from integrations.sandbox.faults import KINDS, Fault, FaultBook

from .conftest import invoice

CUT = (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)
GARBLED = requests.exceptions.ContentDecodingError
#: kind, what the client sees: a status, or an exception
SEEN = {
    "html_500": 500,
    "html": 503,
    "reset": CUT,
    "slow": 200,
    "rate_limited": 429,
    "status": 503,
    "expired_token": 401,
    "not_json": 200,
    "drop_mid_body": CUT,
    "no_id": 200,
    "redirect": 404,  # what the redirection leads to
    "bad_gzip": GARBLED,
}


def seen_by(api):
    try:
        return api.create().status_code
    except GARBLED:
        return GARBLED
    except CUT:
        return CUT


@pytest.mark.parametrize("after_effect", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_fault_shows_once_and_the_effect_is_as_asked(api, sandbox, kind, after_effect):
    sandbox.fault(kind, after_effect=after_effect, status=503)

    assert seen_by(api) == SEEN[kind]
    assert len(sandbox.ledger()) == (1 if after_effect or kind == "slow" else 0)
    assert seen_by(api) == 200


def test_html_and_json_faults_look_like_what_they_are(api, sandbox):
    for kind in ("html_500", "not_json", "rate_limited", "status"):
        sandbox.fault(
            kind, status=400, message="ERROR_BRN_CODE", field="counterParty", retry_after=7
        )

    html, not_json, limited, refusal = (api.create() for _ in range(4))

    assert html.headers["Content-Type"] == not_json.headers["Content-Type"] == "text/html"
    assert limited.headers["Retry-After"] == "7"
    assert limited.json()["errors"][0]["status"] == 429
    assert refusal.json() == {
        "errors": [{"status": 400, "field": "counterParty", "message": "ERROR_BRN_CODE"}]
    }


def test_rate_limit_without_retry_after_has_no_such_header(api, sandbox):
    sandbox.fault("rate_limited")

    assert "Retry-After" not in api.create().headers


def test_reset_is_a_reset_and_not_a_polite_end(api, sandbox):
    sandbox.fault("reset")

    with pytest.raises(requests.ConnectionError, match="ConnectionResetError|reset by peer"):
        api.create()


def test_times_and_skip_count_matching_requests_only(api, sandbox):
    sandbox.fault("html_500", skip=1, times=2)

    seen = []
    for _ in range(4):
        api.get("/invoices")
        seen.append(seen_by(api))

    assert seen == [200, 500, 500, 200]


def test_two_faults_count_their_skips_side_by_side(api, sandbox):
    sandbox.fault("html_500", skip=1)
    sandbox.fault("rate_limited", skip=2)

    assert [seen_by(api) for _ in range(4)] == [200, 500, 429, 200]


def test_fault_hits_its_method_path_and_company_only(api, make_api, sandbox):
    other = make_api(sandbox.add_company())
    sandbox.fault("html_500", method="GET", path="/company", company_id=other.company.id)

    assert api.get("/company").status_code == 200
    assert other.get("/sessioninfo").status_code == 200
    assert other.get("/company").status_code == 500


def test_token_request_can_be_hit_by_company(api, sandbox, company):
    sandbox.fault("html_500", path="/oauth/token", company_id=company.id)

    assert [api.token().status_code for _ in range(2)] == [500, 200]


def test_slow_answer_after_the_effect_times_out_with_the_invoice_saved(api, sandbox):
    sandbox.fault("slow", after_effect=True, delay_seconds=30)

    with pytest.raises(requests.ReadTimeout):
        api.call("POST", "/invoices", invoice(), timeout=0.3)

    assert len(sandbox.ledger()) == 1


def test_closing_the_server_does_not_wait_for_a_slow_answer(sandbox, company, make_api, server):
    api = make_api(company)
    sandbox.fault("slow", after_effect=True, delay_seconds=60)
    failed = []

    def post():
        try:
            api.create()
        except CUT as error:
            failed.append(error)

    waiting = threading.Thread(target=post)
    waiting.start()
    while not sandbox.ledger():
        time.sleep(0.01)
    started = time.monotonic()
    server.close()
    waiting.join(10)

    assert not waiting.is_alive()
    assert time.monotonic() - started < 5


def test_closed_server_answers_no_kept_connection(sandbox, company, make_api, server):
    api = make_api(company)
    server.close()

    with pytest.raises(requests.ConnectionError):
        api.get("/status")


def test_latency_delays_every_answer(api, sandbox):
    sandbox.latency_seconds = 0.2
    started = time.monotonic()
    api.get("/status")

    assert time.monotonic() - started >= 0.2


def test_chaos_repeats_itself_by_its_seed():
    def taken(seed):
        book = FaultBook()
        book.chaos(0.3, seed)
        return [book.take("POST", "/invoices", 1) for _ in range(200)]

    first = taken(1)

    assert first == taken(1) != taken(2)
    assert 30 < sum(fault is not None for fault in first) < 90
    promises = [f for f in first if f and f.kind in ("rate_limited", "expired_token")]
    assert not any(fault.after_effect for fault in promises)


def test_chaos_ends_with_a_rate_of_zero(api, sandbox):
    sandbox.chaos(1.0, seed=1)
    sandbox.chaos(0)

    assert seen_by(api) == 200


def test_chaos_never_loses_an_invoice_that_was_answered(api, sandbox):
    sandbox.chaos(0.4, seed=3)
    answered = []
    for number in range(60):
        try:
            answer = api.create(invoice(originalInvoiceNumber=str(number)))
            answered.append(answer.json()["originalInvoiceNumber"])
        except (*CUT, ValueError, KeyError):
            continue

    booked = [row["originalInvoiceNumber"] for row in sandbox.ledger()]
    assert 0 < len(answered) < 60
    assert set(answered) <= set(booked)
    assert sandbox.duplicates() == []


@pytest.mark.parametrize(
    "unfit",
    [{"kind": "gremlin"}, {"times": 0}, {"skip": -1}, {"delay_seconds": -1}, {"status": 200}],
)
def test_unfit_fault_is_a_value_error(unfit):
    with pytest.raises(ValueError):
        Fault(**{"kind": "reset"} | unfit)


def test_requests_are_logged_with_path_status_and_company(api, company, sandbox):
    sandbox.fault("reset")
    seen_by(api)
    api.get("/invoices?size=1")

    assert [logged[1:] for logged in sandbox.requests] == [
        ("POST", "/oauth/token", 200, company.id),
        ("POST", "/invoices", 0, company.id),
        ("GET", "/invoices", 200, company.id),
    ]


def test_many_at_once_get_ids_of_their_own(sandbox, company, make_api):
    apis = [make_api(company) for _ in range(8)]
    start = threading.Barrier(8)

    def post(api):
        start.wait()
        for _ in range(10):
            assert api.create().status_code == 200

    threads = [threading.Thread(target=post, args=[api]) for api in apis]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert sorted(row["invoiceNumber"] for row in sandbox.ledger()) == list(range(1, 81))
    assert len({row["id"] for row in sandbox.ledger()}) == 80


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"Content-Length": "x"}, 411), ({"Content-Length": "99999999999"}, 413),
     ({"Transfer-Encoding": "chunked"}, 411)],
)  # fmt: skip
def test_body_without_a_fit_length_is_refused(api, headers, status):
    request = requests.Request("POST", f"{api.server.base_url}/invoices").prepare()
    del request.headers["Content-Length"]
    request.headers.update(headers)

    assert api.session.send(request, timeout=10).status_code == status


def test_port_that_is_taken_is_an_os_error(sandbox, server):
    with pytest.raises(OSError):
        SandboxServer(sandbox, port=server.port)
