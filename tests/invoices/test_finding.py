"""What exports are found by, and that it is the same whatever is found one by one or by a query."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoices import filing, finding
from invoices.models import Invoice, InvoiceExport
from tests import factories
from tests.invoices.correcting import correct


def found(text, **kwargs):
    exports = finding.found_by(text, InvoiceExport.objects.filter(**kwargs))
    return sorted(export.invoice.number for export in exports.select_related("invoice"))


def named(name):
    return {"buyer": factories.invoice()["buyer"] | {"address": _address(name)}}


def _address(name):
    return factories.invoice()["buyer"]["address"] | {"name": name}


@pytest.fixture
def three(queued):
    (fazer,) = queued("2026-77", **named("Oy Karl Fazer Ab"))
    (oil,) = queued("AB-1", **named("Äänekosken Öljy-talo Oy"))
    (other,) = queued("9", **named("Ostaja Oy"))
    InvoiceExport.objects.filter(pk=other.pk).update(remote_number="5001")
    return fazer, oil, other


@pytest.mark.django_db
@pytest.mark.parametrize(
    "bounds",
    [(1000, 20_000), (0, 20_000), (0, 0), (2, 0)],
    ids=["one by one", "by keys", "in the list", "row by row"],
)
@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("2026-77", ["2026-77"]),
        ("2026", ["2026-77"]),
        ("ab-1", ["AB-1"]),
        ("9", ["9"]),
        ("5001", ["9"]),
        ("500", []),
        ("fazer", ["2026-77"]),
        ("Karl  FAZ", ["2026-77"]),
        ("azer", []),
        ("äänek", ["AB-1"]),
        ("ÖLJY", ["AB-1"]),
        ("talo", ["AB-1"]),
        ("ostaja oy", ["9"]),
        ("acme", ["2026-77", "9", "AB-1"]),
        ("", ["2026-77", "9", "AB-1"]),
        ("%", []),
        ("___", []),
    ],
)
def test_what_is_typed_finds(three, monkeypatch, bounds, text, numbers):
    monkeypatch.setattr(finding, "_FEW", bounds[0])
    monkeypatch.setattr(finding, "_MANY", bounds[1])

    assert found(text) == numbers


@pytest.mark.django_db
@pytest.mark.parametrize(
    "bounds",
    [(1000, 20_000), (0, 20_000), (0, 0), (2, 0)],
    ids=["one by one", "by keys", "in the list", "row by row"],
)
def test_filters_hold_beside_a_search(three, monkeypatch, bounds):
    monkeypatch.setattr(finding, "_FEW", bounds[0])
    monkeypatch.setattr(finding, "_MANY", bounds[1])
    InvoiceExport.objects.filter(pk=three[0].pk).update(status="unknown")

    assert found("acme", status="unknown") == ["2026-77"]
    assert found("fazer", status="queued") == []


@pytest.mark.django_db
def test_another_tenant_is_not_found_by_a_tenants_name(three, make_tenant):
    other = make_tenant(name="Toinen Oy", business_id="0112038-9")
    content = factories.invoice("B-1")
    filing.file_invoices(other, "b.json", json.dumps(content).encode(), via="command")

    assert found("toinen") == ["B-1"]


@pytest.mark.django_db
def test_corrected_buyer_is_found_and_the_received_one_too(three):
    InvoiceExport.objects.filter(pk=three[2].pk).update(status="needs_attention")
    three[2].refresh_from_db()
    correct(three[2], buyer__address__name="Oikaistu Ostaja Oy")

    assert found("oikaistu") == ["9"]
    assert found("ostaja") == ["9"]


@pytest.mark.django_db
def test_a_taken_in_export_is_found_at_once_and_its_invoice_too(three):
    invoices = finding.found_by("fazer", Invoice.objects.all(), export="export")

    assert [invoice.number for invoice in invoices] == ["2026-77"]


@given(st.text(max_size=200), st.text(max_size=80))
def test_keys_are_short_and_an_export_is_found_by_all_it_is_called(number, buyer):
    keys = finding.keys_of(number, buyer)

    assert all(0 < len(key) <= 60 and key == finding.folded(key) for key in keys)
    assert len(keys) == len(set(keys))
    for called in (number, buyer):
        whole = finding.folded(called)
        assert not whole or whole in keys


@given(st.text(min_size=1), st.text())
def test_what_begins_so_lies_between_the_two_ends(beginning, rest):
    folded = finding.folded(beginning)
    if folded:
        assert folded <= folded + rest < finding._after(folded)
