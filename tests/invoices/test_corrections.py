"""Corrected versions: what is submitted and compared, and what can never be corrected."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import ValidationError

from integrations import diagnosis
from invoices import corrections, engine, exports
from invoices.correction_models import Correction
from invoices.document import InvoiceDocument
from invoices.mapping import ExportSettings, ReferenceData, map_invoice
from invoices.models import AuditEvent, Invoice, InvoiceExport, PreparedPayload, SubmissionAttempt
from tests.invoices.correcting import POSTS, correct, run_due
from tests.invoices.mapping import strategies
from tests.rehearsals import rehearsed


@pytest.fixture
def refused(tenant, queued, sandbox):
    """An export that Procountor refused once."""
    (export,) = queued("A-1")
    InvoiceExport.objects.update(status="needs_attention", attention_reason="refused")
    export.refresh_from_db()
    return export


@pytest.mark.django_db(transaction=True)
class TestSubmitting:
    def test_corrected_version_is_what_is_submitted_and_compared(self, tenant, refused, sandbox):
        before = Invoice.objects.values().get()

        correct(refused, date="2026-09-02", buyer__email="osto@example.com")
        engine.run_lane(tenant.pk)

        body = json.loads(SubmissionAttempt.objects.get().request_body)
        assert (body["date"], body["counterParty"]["email"]) == ("2026-09-02", "osto@example.com")
        refused.refresh_from_db()
        assert (refused.status, refused.corrections) == ("reconciled", 1)
        assert Invoice.objects.values().get() == before
        assert len(sandbox.ledger()) == 1

    def test_payload_of_the_old_version_is_never_used(self, tenant, refused):
        correct(refused, date="2026-09-02")
        PreparedPayload.objects.update(corrections=0, body="{}")

        engine.run_lane(tenant.pk)

        assert json.loads(SubmissionAttempt.objects.get().request_body)["date"] == "2026-09-02"

    def test_claim_of_what_was_read_before_the_correction_takes_nothing(self, tenant, refused):
        InvoiceExport.objects.update(status="queued", not_before=refused.created_at)
        held = exports.due(tenant.pk, "queued", 5)
        InvoiceExport.objects.update(status="parked", parked_reason="closed_period")
        refused.refresh_from_db()
        correct(refused, date="2026-09-02")

        assert exports.claim(held) == []
        assert exports.claim(exports.due(tenant.pk, "queued", 5)) != []

    def test_channel_and_rows_of_the_correction_are_submitted(self, tenant, refused):
        correct(
            refused,
            invoice_channel="EMAIL",
            buyer__email="osto@example.com",
            **{"rows[1]__unit": "kpl"},
        )
        engine.run_lane(tenant.pk)

        body = json.loads(SubmissionAttempt.objects.get().request_body)
        assert (body["invoiceChannel"], body["invoiceRows"][0]["unit"]) == ("EMAIL", "PIECE")

    def test_rehearsal_looks_at_the_corrected_version(self, tenant, refused):
        tenant.company.close_period(*_september())
        diagnosis.run_check(tenant)
        assert rehearsed(tenant).passed == 0

        correct(refused, date="2026-10-01", due_date="2026-10-15")

        assert rehearsed(tenant).passed == 1

    def test_period_of_the_corrected_date_releases_it(self, tenant, refused):
        correct(refused, date="2026-10-01", due_date="2026-10-15")
        InvoiceExport.objects.update(status="parked", parked_reason="closed_period")
        september = corrections.dated_between("2026-09-01", "2026-09-30")
        october = corrections.dated_between("2026-10-01", "2026-10-31")

        assert exports.release_parked(tenant, "closed_period", september) == 0
        assert exports.release_parked(tenant, "closed_period", october) == 1

    def test_no_corrections_cost_no_query(self, tenant, queued, django_assert_num_queries):
        (export,) = queued("A-1")
        export = InvoiceExport.objects.select_related("invoice").get()

        with django_assert_num_queries(0):
            corrections.document_of(export)
            corrections.expected_of(export)
            corrections.contents_of([])

    def test_engine_asks_for_corrections_only_where_there_are_any(self, tenant, queued):
        queued(*(f"A-{n}" for n in range(5)))
        with CaptureQueriesContext(connection) as asked:
            engine.run_lane(tenant.pk)

        own = [q for q in asked if 'FROM "invoices_correction"' in q["sql"]]
        assert own == []


def _september():
    return dt.date(2026, 9, 1), dt.date(2026, 9, 30)


@pytest.fixture
def lost_then_held(tenant, queued, sandbox):
    """Its answer was lost although it landed; a person was asked before it was looked for."""
    (export,) = queued("A-1")
    sandbox.fault(kind="html_500", after_effect=True, **POSTS)
    engine.run_lane(tenant.pk)
    InvoiceExport.objects.update(
        status="needs_attention", attention_reason="lookup_blind", not_before=None
    )
    export.refresh_from_db()
    assert len(sandbox.ledger()) == 1
    return export


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "edit",
    [
        {"date": "2026-09-02"},
        {"buyer__address__name": "Toinen Oy"},
        {"buyer__email": "osto@example.com"},
        {"additional_information": "Uusi teksti"},
        {"reference_number": "1232"},
        {"rows[1]__unit": "kpl"},
    ],
)
def test_older_version_that_had_landed_is_a_conflict_and_never_a_second(
    tenant, lost_then_held, sandbox, edit
):
    correct(lost_then_held, **edit)
    run_due(tenant)

    lost_then_held.refresh_from_db()
    assert (lost_then_held.status, lost_then_held.attention_reason) == (
        "needs_attention",
        "conflict",
    )
    assert len(sandbox.ledger()) == 1
    assert SubmissionAttempt.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_corrected_version_that_landed_is_adopted(tenant, refused, sandbox):
    correct(refused, buyer__email="osto@example.com")
    sandbox.fault(kind="html_500", after_effect=True, **POSTS)
    engine.run_lane(tenant.pk)
    run_due(tenant)
    run_due(tenant)

    refused.refresh_from_db()
    assert (refused.status, len(sandbox.ledger())) == ("reconciled", 1)


@pytest.mark.django_db(transaction=True)
class TestRefusals:
    @pytest.mark.parametrize(
        "status", ["queued", "submitting", "submitted", "reconciled", "unknown", "skipped"]
    )
    def test_nothing_is_corrected_while_it_is_on_its_way_or_done(self, refused, status):
        InvoiceExport.objects.update(status=status)

        with pytest.raises(corrections.NotCorrectable):
            correct(refused, date="2026-09-02")

        refused.refresh_from_db()
        assert (refused.status, refused.corrections) == (status, 0)
        assert not Correction.objects.exists()

    def test_second_of_two_people_is_told_and_changes_nothing(self, refused):
        other = InvoiceExport.objects.get()
        correct(refused, date="2026-09-02")
        InvoiceExport.objects.update(status="needs_attention")

        with pytest.raises(corrections.NotCorrectable):
            correct(other, date="2026-09-03")

        assert [c.content["date"] for c in Correction.objects.all()] == ["2026-09-02"]

    def test_queue_that_fails_takes_the_correction_back(self, refused, monkeypatch):
        monkeypatch.setattr("invoices.exports.queue", lambda *args, **kwargs: False)

        with pytest.raises(corrections.NotCorrectable):
            correct(refused, date="2026-09-02")

        refused.refresh_from_db()
        assert (refused.corrections, Correction.objects.count()) == (0, 0)

    def test_another_invoice_is_refused(self, refused, admin_user):
        document = corrections.document_of(refused)
        for change in ({"number": "A-2"}, {"gross_total": "1.00"}, {"currency": "SEK"}):
            content = document.as_json() | change | {"order_reference": "x"}
            with pytest.raises(corrections.AnotherInvoice):
                corrections.correct(
                    refused,
                    InvoiceDocument.model_validate(content),
                    version=0,
                    by=admin_user,
                    reason="no",
                    prepared=("", b""),
                )

    def test_corrections_are_evidence(self, refused):
        correct(refused, date="2026-09-02")
        for statement in (
            "UPDATE invoices_correction SET reason = 'x'",
            "DELETE FROM invoices_correction",
        ):
            with (
                pytest.raises(DatabaseError, match="evidence is never changed"),
                connection.cursor() as cursor,
            ):
                cursor.execute(statement)

    def test_trail_says_who_what_and_why(self, refused):
        made = correct(refused, reason="Wrong day", date="2026-09-02")

        event = AuditEvent.objects.get(action="invoice.corrected")
        assert (event.by, event.export) == (made.by, refused)
        assert event.data == {
            "version": 1,
            "reason": "Wrong day",
            "changes": ["date: 2026-09-01 → 2026-09-02"],
        }


SETTINGS = ExportSettings(
    bank_account=strategies.IBAN, vat_status_by_category=dict.fromkeys(("Z", "E", "G", "O"), 1)
)


@hypothesis_settings(suppress_health_check=list(HealthCheck), deadline=None, max_examples=60)
@given(st.data())
def test_number_and_totals_stay_whatever_is_corrected(data):
    tidy = strategies.documents(strategies.TIDY, st.sampled_from(["25.5", "0"]))
    document = data.draw(tidy)
    places = corrections.places_of(document)
    chosen = data.draw(st.lists(st.sampled_from(sorted(places)), unique=True))
    values = {place: data.draw(st.sampled_from(_values(place))) for place in chosen}
    try:
        new = corrections.corrected(document, values)
    except ValidationError:
        return

    assert corrections.frozen_parts(new) == corrections.frozen_parts(document)
    assert {change["field"] for change in corrections.changes_between(document, new)} <= set(chosen)
    old = map_invoice(document, SETTINGS, ReferenceData())
    mapped = map_invoice(new, SETTINGS, ReferenceData())
    assert mapped.gross_total == old.gross_total
    if old.payload and mapped.payload:
        assert _kept(mapped.payload) == _kept(old.payload)


def _kept(payload):
    rows = [
        [row.get(name) for name in ("product", "quantity", "unitPrice", "vatPercent")]
        + [row.get("discountPercent")]
        for row in payload["invoiceRows"]
    ]
    return payload["originalInvoiceNumber"], payload["paymentInfo"]["currency"], rows


def _values(place):
    name = place.rpartition(".")[2]
    return {
        "date": ["2026-09-01", "2024-01-31"],
        "due_date": ["2026-10-01", ""],
        "invoice_channel": ["", "EMAIL", "MAIL", "FAX"],
        "country": ["FI", "SE", ""],
        "vat_category": ["S", "Z", "E", ""],
        "unit": ["h", "kpl", ""],
    }.get(name, ["", "Uusi", "1232", "0112038-9"])


def test_place_that_is_frozen_cannot_be_named():
    content = {
        "number": "A-1",
        "date": "2026-09-01",
        "buyer": {"address": {"name": "Ostaja Oy"}},
        "rows": [{"name": "Työ", "quantity": "1", "unit_price": "1", "vat_percent": "25.5"}],
    }
    document = InvoiceDocument.model_validate(content)
    for place in ("number", "gross_total", "rows[1].quantity", "rows[2].unit", "currency"):
        with pytest.raises(KeyError):
            corrections.corrected(document, {place: "2"})


@pytest.mark.django_db(transaction=True)
def test_buyer_whose_name_could_be_json_is_shown_as_a_text(refused):
    correct(refused, **{"buyer.address.name": "1001"})

    assert corrections.shown_of([refused])[refused.pk].buyer_name == "1001"
