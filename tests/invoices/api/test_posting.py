"""One invoice or many by HTTP: taken in once, answered the same, refused with every error."""

import hashlib
import json

import pytest

from invoices import filing
from invoices.api_models import ApiToken
from invoices.models import Invoice, InvoiceExport, ReceivedFile
from tests import factories
from tests.invoices.api.conftest import BATCH, INVOICES

pytestmark = pytest.mark.django_db


def codes(answer):
    return sorted(error["code"] for error in answer.json()["errors"])


def test_invoice_is_taken_in_and_kept_byte_for_byte(source, tenant):
    body = json.dumps(factories.invoice("A-1"), indent=3).encode()

    answer = source.post(INVOICES, body)

    kept = ReceivedFile.objects.get()
    assert (answer.status_code, answer["Content-Type"]) == (201, "application/json")
    assert answer["Location"] == answer.json()["href"] == "/api/v1/invoices/A-1"
    assert (bytes(kept.content), kept.sha256) == (body, hashlib.sha256(body).hexdigest())
    assert (kept.tenant, kept.received_via, kept.name[:8]) == (tenant, "api", "Web shop")
    assert answer.json()["gross_total"] == "125.50"
    assert not answer.cookies


@pytest.mark.parametrize(("queue", "status"), [(True, "queued"), (False, "draft")])
def test_the_token_says_whether_invoices_are_queued_at_once(source, queue, status):
    ApiToken.objects.update(queue=queue)

    source.post(INVOICES, factories.invoice("A-1"))

    assert InvoiceExport.objects.get().status == status


def test_equal_repeat_gets_the_same_body_and_200(source):
    first = source.post(INVOICES, factories.invoice("A-1"))
    InvoiceExport.objects.update(status="reconciled")

    again = source.post(INVOICES, factories.invoice("A-1"))

    assert (first.status_code, again.status_code) == (201, 200)
    assert again.content == first.content
    assert InvoiceExport.objects.count() == 1


def test_invoice_that_came_as_a_file_before_is_a_repeat(source, tenant):
    filing.file_invoices(
        tenant, "x.json", json.dumps(factories.invoice("A-1")).encode(), via="upload"
    )

    answer = source.post(INVOICES, factories.invoice("A-1"))

    assert (answer.status_code, answer.json()["number"]) == (200, "A-1")


def test_changed_repeat_is_told_every_difference_and_changes_nothing(source):
    source.post(INVOICES, factories.invoice("A-1"))
    rows = factories.invoice()["rows"]
    changed = factories.invoice(
        "A-1",
        due_date="2026-09-20",
        rows=[rows[0] | {"quantity": "2"}, rows[0]],
        gross_total="376.50",
    )

    answer = source.post(INVOICES, changed)

    differences = {
        each["field"]: (each["old"], each["new"]) for each in answer.json()["differences"]
    }
    assert (answer.status_code, answer["Content-Type"]) == (409, "application/problem+json")
    assert differences["due_date"] == ("2026-09-15", "2026-09-20")
    assert differences["rows[1].quantity"] == ("1", "2")
    assert differences["rows[2]"] == ("", "Konsultointi · 1 × 100.00")
    assert Invoice.objects.get().content["due_date"] == "2026-09-15"


def test_repeat_with_another_pdf_is_a_changed_one(source):
    pdf = {"name": "a.pdf", "content_base64": "JVBERi0xLjcKJSVFT0YK"}
    source.post(INVOICES, factories.invoice("A-1"))

    answer = source.post(INVOICES, factories.invoice("A-1", attachments=[pdf]))

    assert answer.status_code == 409
    assert [each["field"] for each in answer.json()["differences"]] == ["attachments"]


def test_all_errors_of_an_invoice_are_told_at_once_with_their_pointers(source):
    broken = factories.invoice("A-1", date="1.9.2026", typo="x", currency="euro")
    broken["rows"][0]["vat_percent"] = "much"
    broken["buyer"]["address"].pop("name")

    answer = source.post(INVOICES, broken)

    told = {error["pointer"]: error for error in answer.json()["errors"]}
    assert answer.status_code == 422
    assert {"/date", "/typo", "/currency", "/rows/0/vat_percent"} <= told.keys()
    assert told["/rows/0/vat_percent"]["value"] == "much"
    assert told["/rows/0/vat_percent"]["place"] == "rows[1].vat_percent"
    assert all(error["detail"] and error["next_step"] for error in told.values())
    assert ReceivedFile.objects.get().pk == answer.json()["received_file"]
    assert not Invoice.objects.exists()


def test_errors_that_mapping_finds_are_told_too(source):
    answer = source.post(INVOICES, factories.invoice("A-1", due_date="2026-08-01"))

    assert (answer.status_code, codes(answer)) == (422, ["due_date_before_date"])


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b" \n", 400, "file_empty"),
        (b"{", 400, "json_broken"),
        (b"\xff\xfe{}", 400, "encoding_wrong"),
        (b"[" * 100_000, 400, "too_deep"),
        (b"5", 422, "not_an_object"),
        (b"[]", 422, "not_an_object"),
        (b"null", 422, "not_an_object"),
        (b'{"invoices": []}', 422, "missing"),
    ],
)
def test_what_is_no_invoice_is_kept_and_explained(source, body, status, code):
    answer = source.post(INVOICES, body)

    assert answer.status_code == status
    assert code in codes(answer)
    assert bytes(ReceivedFile.objects.get().content) == body


def test_finvoice_is_not_read_as_json(source):
    answer = source.post(INVOICES, b"<Finvoice Version='3.0'></Finvoice>")

    assert (answer.status_code, codes(answer)) == (400, ["json_broken"])


def test_a_byte_order_mark_is_passed_over(source):
    body = b"\xef\xbb\xbf" + json.dumps(factories.invoice("A-1")).encode()

    assert source.post(INVOICES, body).status_code == 201


def test_figures_pass_through_no_float(source):
    body = json.dumps(factories.invoice("A-1")).replace('"100.00"', "100.00000001")

    source.post(INVOICES, body.encode())

    assert Invoice.objects.get().content["rows"][0]["unit_price"] == "100.00000001"


def test_batch_has_a_result_for_each_invoice_in_order(source):
    source.post(INVOICES, factories.invoice("A-1"))
    source.post(INVOICES, factories.invoice("A-2"))
    batch = [
        factories.invoice("A-1"),
        factories.invoice("A-2", order_reference="PO 7"),
        factories.invoice("A-3"),
        factories.invoice("A-4", rows=[]),
        7,
    ]

    answer = source.post(BATCH, {"invoices": batch})

    told = answer.json()
    assert answer.status_code == 200
    assert [each["outcome"] for each in told["results"]] == [
        "duplicate", "held", "accepted", "rejected", "rejected",
    ]  # fmt: skip
    assert told["counts"] == {"accepted": 1, "duplicate": 1, "held": 1, "rejected": 2}
    assert [each["field"] for each in told["results"][1]["differences"]] == ["order_reference"]
    assert told["results"][2]["invoice"]["number"] == "A-3"
    assert [error["pointer"] for error in told["results"][3]["errors"]] == ["/invoices/3/rows"]


def test_receipt_in_a_batch_is_that_of_the_invoice_alone(source):
    alone = source.post(INVOICES, factories.invoice("A-1")).json()

    batch = source.post(BATCH, {"invoices": [factories.invoice("A-1")]}).json()

    assert batch["results"][0]["invoice"] == alone


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ({"invoices": [{}] * 501}, "too_many"),
        ({"invoices": []}, "missing"),
        ({"invoices": {}}, "not_a_list"),
        ({}, "missing"),
        ([], "not_an_object"),
    ],
)
def test_what_is_no_batch_is_refused(source, content, code):
    answer = source.post(BATCH, content)

    assert answer.status_code == 422
    assert codes(answer) == [code]


def test_batch_costs_the_same_queries_for_its_answer_however_long(
    source, django_assert_max_num_queries
):
    ones = [factories.invoice(f"A-{n}") for n in range(30)]
    source.post(BATCH, {"invoices": ones})

    # Each item of a repeated batch is looked for and kept; the answer adds nothing for each.
    with django_assert_max_num_queries(30 * 4 + 25):
        source.post(BATCH, {"invoices": ones})
