"""Every received item is accounted for."""

import hashlib
import json

import pytest

from invoices import filing
from invoices.models import Invoice, InvoiceExport, ReceivedFile
from tests import factories

pytestmark = pytest.mark.django_db


def take(tenant, *invoices, queue=False, name="own.json"):
    content = json.dumps({"invoices": list(invoices)}).encode()
    received = filing.file_invoices(tenant, name, content, via="command", queue=queue)
    return received, [item.outcome for item in received.items.all()]


def test_original_is_kept_byte_for_byte_with_its_hash(tenant):
    content = b'  {"invoices": []}\r\n'

    filing.file_invoices(tenant, "x.json", content, via="upload")

    kept = ReceivedFile.objects.get()
    assert (bytes(kept.content), kept.sha256) == (content, hashlib.sha256(content).hexdigest())


def test_accepted_duplicate_and_rejected_are_told_apart(tenant):
    good, bad = factories.invoice("A-1"), factories.invoice("A-2", rows=[])

    _received, outcomes = take(tenant, good, good, bad)

    assert outcomes == ["accepted", "duplicate", "rejected"]
    assert Invoice.objects.count() == 1


def test_same_file_again_is_all_duplicates(tenant):
    take(tenant, factories.invoice("A-1"), queue=True)

    _received, outcomes = take(tenant, factories.invoice("A-1"), queue=True)

    assert outcomes == ["duplicate"]
    assert InvoiceExport.objects.count() == 1


def test_same_number_with_other_content_is_held_and_the_first_kept(tenant):
    take(tenant, factories.invoice("A-1"))

    received, outcomes = take(tenant, factories.invoice("A-1", order_reference="PO 7"))

    assert outcomes == ["held"]
    assert received.items.get().problems[0]["code"] == "changed_duplicate"
    assert Invoice.objects.get().content.get("order_reference") is None


def test_same_number_of_another_tenant_is_not_a_duplicate(make_tenant):
    acme, beta = make_tenant(), make_tenant(name="Beta Oy", business_id="0112038-9")
    take(acme, factories.invoice("A-1"))

    assert take(beta, factories.invoice("A-1"))[1] == ["accepted"]


def test_rejected_item_names_all_its_problems_at_once(tenant):
    broken = factories.invoice("A-1", due_date="2026-08-01", reference_number="1234562")

    received, _outcomes = take(tenant, broken)

    codes = {problem["code"] for problem in received.items.get().problems}
    assert len(codes) == 2


def test_problem_of_the_tenant_s_settings_is_taken_in_and_waits_for_a_person(tenant):
    row = factories.invoice()["rows"][0] | {"vat_percent": "0", "vat_category": "E"}
    exempt = factories.invoice(
        "A-1", rows=[row], gross_total="100.00", additional_information="Veroton 34 §"
    )

    _received, outcomes = take(tenant, exempt, queue=True)

    export = InvoiceExport.objects.get()
    assert outcomes == ["accepted"]
    assert (export.status, export.attention_reason) == ("needs_attention", "mapping")


def test_draft_is_not_submitted_until_queued(tenant):
    take(tenant, factories.invoice("A-1"), queue=False)

    assert InvoiceExport.objects.get().status == "draft"


@pytest.mark.parametrize("content", [b"", b"\x00\xff" * 50, b"<a>", b"{", b"%PDF-1.7"])
def test_unreadable_file_is_kept_and_explained(tenant, content):
    received = filing.file_invoices(tenant, "x", content, via="upload")

    assert received.problems
    assert bytes(ReceivedFile.objects.get().content) == content


@pytest.mark.parametrize("text", ["A\\u0000B", "A\\ud800B", "A\\u0007B", "Ж", "🎉"])
@pytest.mark.parametrize("field", ["number", "order_reference", "currency", "seller_account"])
def test_text_no_database_can_store_is_accounted_for(tenant, field, text):
    content = json.dumps(factories.invoice("A-1") | {field: "@"}).replace('"@"', f'"{text}"')

    received = filing.file_invoices(tenant, "a\x00b.json", content.encode(), via="upload")

    assert received.items.count() + len(received.problems) >= 1
