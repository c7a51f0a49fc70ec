"""One invoice by its number, whatever is in it, and exports page by page while rows change."""

import datetime as dt
import json
import random
import threading
import urllib.parse

import pytest
from django.db import connection, transaction
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from invoices import exports, filing
from invoices.api.numbers import address_of, number_at
from invoices.models import InvoiceExport
from tests import factories
from tests.invoices.api.conftest import BATCH, EXPORTS, INVOICES

pytestmark = pytest.mark.django_db

NUMBERS = st.text(min_size=1, max_size=40).filter(str.isprintable)


@given(NUMBERS)
def test_every_number_has_an_address_that_leads_to_it(number):
    address = address_of(number)

    assert number_at(address) == number
    assert urllib.parse.quote(address, safe="~") == address
    assert reverse("api:invoice", args=[address]) == f"{INVOICES}/{address}"


@given(st.text(max_size=80))
def test_any_address_is_read_without_an_error(address):
    number = number_at(address)

    assert number is None or (0 < len(number) <= 40 and number.isprintable())


@pytest.mark.parametrize(
    "number",
    ["A-1", "2026/701", "2026 701", "a//b", "..", ".", "A/../B", "Ä-ö/å", "~", "~QQ", "batch",
     "%2F", "A?b=c#d", "+1", "100%", "1&2", "a/"],
)  # fmt: skip
def test_invoice_is_found_at_the_address_it_was_given(source, number):
    receipt = source.post(INVOICES, factories.invoice(number)).json()

    answer = source.get(receipt["href"])

    assert (answer.status_code, answer.json()["number"]) == (200, number)


@pytest.mark.parametrize("number", ["2026/701", "2026 701", "Ä-ö/å", "100%"])
def test_percent_encoded_number_is_found_too(source, number):
    source.post(INVOICES, factories.invoice(number))

    answer = source.get(f"{INVOICES}/{urllib.parse.quote(number, safe='')}")

    assert answer.json()["number"] == number


@pytest.mark.parametrize(
    "address", ["A-2", "a%0Ab", "~", "~!", "~gA", "x" * 200, "%00", "~AA", "a%ff"]
)
def test_number_that_is_not_there_is_a_problem(source, address):
    answer = source.get(f"{INVOICES}/{address}")

    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")


def test_invoice_is_shown_as_we_have_it_with_its_export(source, tenant):
    sent = factories.invoice("A-1")
    source.post(INVOICES, sent)
    InvoiceExport.objects.update(
        status="submitted", remote_id=4711, remote_number="10023", remote_status="UNFINISHED"
    )

    told = source.get(f"{INVOICES}/A-1").json()

    assert told["invoice"] == sent
    assert told["corrections"] == 0
    export = told["export"]
    assert export["procountor"] == {"id": 4711, "number": "10023", "status": "UNFINISHED"}
    assert (export["status"], export["status_text"]) == ("submitted", "Submitted")


def test_causes_are_told_in_words_of_the_readers_language(source):
    row = factories.invoice()["rows"][0] | {"vat_percent": "0", "vat_category": "E"}
    fields = {"gross_total": "100.00", "additional_information": "Veroton 34 §"}
    source.post(INVOICES, factories.invoice("A-1", rows=[row], **fields))

    told = source.get(f"{INVOICES}/A-1", **{"accept-language": "fi"}).json()["export"]

    (cause,) = told["causes"]
    assert (told["status"], told["reason"]) == ("needs_attention", "mapping")
    assert cause["code"] and cause["detail"] and cause["next_step"]
    assert told["status_text"] != "Needs attention"


def numbers_of(page):
    return [each["number"] for each in page["exports"]]


def walk(source, query, between=lambda: None):
    """Every number of all pages, in order."""
    page = source.get(EXPORTS, query).json()
    found = numbers_of(page)
    while page["next"]:
        between()
        page = source.get(page["next"]).json()
        found += numbers_of(page)
    return found


def take_in(source, *numbers):
    source.post(BATCH, {"invoices": [factories.invoice(number) for number in numbers]})


def test_pages_follow_each_other_to_the_end(source):
    take_in(source, *"ABCDE")

    assert walk(source, {"limit": 2}) == list("ABCDE")
    assert walk(source, {"limit": 5}) == list("ABCDE")
    assert walk(source, {}) == list("ABCDE")


def test_nothing_is_lost_or_repeated_while_rows_change_and_come_in(source):
    take_in(source, *[f"A-{n}" for n in range(20)])
    chance, fresh = random.Random(1), iter(range(100))

    def between():
        for export in InvoiceExport.objects.order_by("?")[:5]:
            InvoiceExport.objects.filter(pk=export.pk).update(
                changed_at=timezone.now() + dt.timedelta(seconds=chance.randint(-500, 500))
            )
        take_in(source, f"B-{next(fresh)}")

    found = walk(source, {"limit": 3}, between)

    assert len(found) == len(set(found))
    assert {f"A-{n}" for n in range(20)} <= set(found)


def test_filters_are_combined_and_carried_along(source):
    take_in(source, *"ABCDEF")
    long_ago = timezone.now() - dt.timedelta(days=3)
    InvoiceExport.objects.filter(invoice__number__in="AB").update(changed_at=long_ago)
    InvoiceExport.objects.filter(invoice__number__in="BCDE").update(status="queued")
    since = (timezone.now() - dt.timedelta(days=1)).isoformat()

    assert walk(source, {"status": "queued", "limit": 1}) == list("BCDE")
    assert walk(source, {"status": "queued", "changed_since": since, "limit": 1}) == list("CDE")
    assert walk(source, {"status": ["queued", "draft"]}) == list("ABCDEF")


def test_next_walk_from_as_of_misses_nothing_that_changed_meanwhile(source):
    take_in(source, *"ABC")
    as_of = source.get(EXPORTS).json()["as_of"]
    InvoiceExport.objects.update(changed_at=timezone.now() - dt.timedelta(days=1))

    exports.skip(
        InvoiceExport.objects.get(invoice__number="B"), by=factories.UserFactory(), reason="x"
    )

    assert walk(source, {"changed_since": as_of}) == ["B"]


@pytest.mark.parametrize(
    ("query", "parameters"),
    [
        ({"limit": "0"}, ["limit"]),
        ({"limit": "201"}, ["limit"]),
        ({"limit": "٣"}, ["limit"]),
        ({"limit": "9" * 5000}, ["limit"]),
        ({"status": "failed"}, ["status"]),
        ({"changed_since": "2026-09-01"}, ["changed_since"]),
        ({"changed_since": "2026-09-01T08:00:00"}, ["changed_since"]),
        ({"changed_since": "9999-12-31T23:59:59-14:00"}, ["changed_since"]),
        ({"changed_since": "2026-13-01T08:00:00Z"}, ["changed_since"]),
        ({"stauts": "queued"}, ["stauts"]),
        ({"limit": ["1", "2"]}, ["limit"]),
        ({"cursor": "x"}, ["cursor"]),
        ({"cursor": "\x00"}, ["cursor"]),
        ({"cursor": "x", "status": "queued"}, ["cursor", "status"]),
        ({"limit": "x", "status": "y", "changed_since": "z"}, ["changed_since", "limit", "status"]),
    ],
)
def test_every_wrong_parameter_is_named_at_once(source, query, parameters):
    answer = source.get(EXPORTS, query)

    assert answer.status_code == 422
    assert sorted(error["parameter"] for error in answer.json()["errors"]) == parameters


def test_cursor_of_another_tenant_leads_nowhere(client, make_tenant, make_token, source):
    take_in(source, *"ABC")
    following = source.get(EXPORTS, {"limit": 1}).json()["next"]
    beta = make_tenant(name="Beta Oy", business_id="0112038-9")
    source.token = make_token(beta)

    assert source.get(following).status_code == 422


@pytest.mark.parametrize("count", [1, 3])
def test_page_takes_the_same_queries_however_many_exports(source, count, django_assert_num_queries):
    take_in(source, *"ABC"[:count])
    source.get(EXPORTS)

    with django_assert_num_queries(3 if connection.vendor == "sqlite" else 4):
        source.get(EXPORTS)


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
def test_keys_of_a_tenant_become_visible_in_their_order(source, tenant):
    """What pages rely on: while one takes in, another of the same tenant gets no keys yet."""
    take_in(source, "A")
    begun, go_on = threading.Event(), threading.Event()

    def slow():
        with transaction.atomic():
            file_one(tenant, "B")
            begun.set()
            assert go_on.wait(30)
        connection.close()

    def quick():
        file_one(tenant, "C")
        connection.close()

    workers = [threading.Thread(target=slow), threading.Thread(target=quick)]
    workers[0].start()
    assert begun.wait(30)
    workers[1].start()
    workers[1].join(1)
    while_it_runs = walk(source, {"limit": 1})
    go_on.set()
    for worker in workers:
        worker.join()

    assert while_it_runs == ["A"]
    assert walk(source, {}) == ["A", "B", "C"]


def file_one(tenant, number):
    content = json.dumps(factories.invoice(number)).encode()
    filing.file_invoices(tenant, "x.json", content, via="upload")
