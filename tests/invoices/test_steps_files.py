"""PDFs: their limits, and the JSON form that carries them."""

import base64
import json

import pytest

from invoices import filing, pdf
from invoices.exports import steps
from invoices.models import Invoice, ReceivedItem
from tests import factories
from tests.invoices.steps_driver import PDF

pytestmark = pytest.mark.django_db


def codes(name, content):
    return [problem.code for problem in pdf.checked(name, content)[1]]


@pytest.mark.parametrize(
    ("size", "found"), [(10_000_000, []), (10_000_001, ["attachment_too_large"])]
)
def test_largest_file(size, found):
    assert codes("a.pdf", b"%PDF-".ljust(size, b"x")) == found


@pytest.mark.parametrize(
    ("content", "found"), [(b"", ["attachment_empty"]), (b"PK\x03", ["attachment_not_pdf"])]
)
def test_what_is_no_pdf_is_refused(content, found):
    assert codes("a.pdf", content) == found


@pytest.mark.parametrize(
    ("name", "cleaned"),
    [
        ("../../etc/lasku.pdf", "lasku.pdf"),
        ("C:\\tiedostot\\Työ €.PDF", "Työ €.pdf"),
        ("a\x00\r\nb.pdf", "ab.pdf"),
        ("漢字", "__.pdf"),
        ("x" * 300, "x" * 116 + ".pdf"),
        (".pdf", ""),
    ],
)
def test_file_name_is_cleaned(name, cleaned):
    assert pdf.cleaned(name) == cleaned


def take(tenant, *attachments):
    data = factories.invoice("A-1", attachments=list(attachments))
    received = filing.file_invoices(
        tenant, "own.json", json.dumps({"invoices": [data]}).encode(), via="command"
    )
    return ReceivedItem.objects.get(file=received)


def attachment(name="lasku.pdf", content=PDF):
    return {"name": name, "content_base64": base64.b64encode(content).decode()}


def test_json_form_carries_pdfs_beside_the_content(tenant):
    item = take(tenant, attachment())

    kept = item.invoice.attachments.get()
    assert (kept.name, bytes(kept.content), kept.size) == ("lasku.pdf", PDF, len(PDF))
    assert "attachments" not in item.invoice.content


@pytest.mark.parametrize(
    ("found", "code", "place"),
    [
        ({"name": "a.pdf", "content_base64": "*"}, "attachment_base64", ".content_base64"),
        ({"name": "a.pdf"}, "missing", ".content_base64"),
        (attachment(content=b"x"), "attachment_not_pdf", ""),
        (attachment() | {"size": 1}, "unknown_field", ".size"),
        ("x", "not_an_object", ""),
    ],
)
def test_wrong_attachment_is_told_with_its_place(tenant, found, code, place):
    item = take(tenant, found)

    assert (item.outcome, Invoice.objects.count()) == ("rejected", 0)
    assert (item.problems[0]["code"], item.problems[0]["place"]) == (
        code,
        f"attachments[1]{place}",
    )


def test_same_file_again_is_a_duplicate_and_other_pdfs_are_not(tenant):
    take(tenant, attachment())

    assert take(tenant, attachment()).outcome == "duplicate"
    assert take(tenant, attachment(content=PDF + b"changed")).outcome == "held"


def test_one_name_twice_in_one_invoice_is_refused(tenant):
    item = take(tenant, attachment(), attachment("LASKU.pdf"))

    assert [problem["code"] for problem in item.problems] == ["attachment_twice"]


def test_every_status_of_a_step_has_its_moves():
    seen = set(steps.ALLOWED_STEP_MOVES)
    assert seen == set().union(*steps.ALLOWED_STEP_MOVES.values()) | {"waiting"}
    assert [s for s, news in steps.ALLOWED_STEP_MOVES.items() if not news] == ["done", "skipped"]
    assert [s for s, news in steps.ALLOWED_STEP_MOVES.items() if "running" in news] == ["waiting"]
