"""The payload made at intake: used while it is what mapping would make now, and only then."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from decimal import Decimal

import pytest

from integrations import diagnosis
from integrations.models import BankAccount
from invoices import engine, exports
from invoices.mapping import (
    ExportSettings,
    FiscalPeriod,
    ReferenceData,
    TableVersion,
    basis,
    basis_of,
)
from invoices.models import PreparedPayload, SubmissionAttempt

OTHER_IBAN = "FI5810171000000122"


def sent():
    return json.loads(SubmissionAttempt.objects.get().request_body)


@pytest.mark.django_db(transaction=True)
class TestExports:
    def test_what_was_prepared_is_what_is_sent_and_then_goes(self, tenant, queued):
        queued("A-1")
        prepared = PreparedPayload.objects.get().body

        engine.run_lane(tenant.pk)

        attempt = SubmissionAttempt.objects.get()
        assert (attempt.request_body, attempt.outcome) == (prepared, "accepted")
        assert not PreparedPayload.objects.exists()

    def test_what_was_prepared_goes_with_a_skipped_export(self, queued, admin_user):
        (export,) = queued("A-1")

        assert exports.skip(export, by=admin_user, reason="not ours")

        assert not PreparedPayload.objects.exists()

    def test_prepared_payload_is_not_mapped_again(self, tenant, queued, monkeypatch):
        queued("A-1")
        monkeypatch.setattr("invoices.engine.filling.map_invoice", None)

        engine.run_lane(tenant.pk)

        assert SubmissionAttempt.objects.get().outcome == "accepted"

    def test_setting_changed_after_intake_is_what_counts(self, tenant, queued):
        queued("A-1")
        tenant.penalty_percent = Decimal("7.5")
        tenant.save()

        engine.run_lane(tenant.pk)

        assert sent()["penaltyPercent"] == 7.5

    def test_account_changed_after_intake_is_what_counts(self, tenant, queued):
        queued("A-1")
        tenant.company.bank_accounts[0]["iban"] = OTHER_IBAN
        BankAccount.objects.update(iban=OTHER_IBAN)
        diagnosis.run_check(tenant)

        engine.run_lane(tenant.pk)

        assert sent()["paymentInfo"]["bankAccount"] == {"accountNumber": OTHER_IBAN}

    def test_upgraded_mapping_is_what_counts(self, tenant, queued, monkeypatch):
        queued("A-1")
        PreparedPayload.objects.update(body="{}")
        monkeypatch.setattr(basis, "_code", lambda: "another")

        engine.run_lane(tenant.pk)

        assert sent()["originalInvoiceNumber"] == "A-1"

    def test_period_closed_after_intake_stops_it_before_any_call(self, tenant, queued, sandbox):
        (export,) = queued("A-1")
        tenant.company.close_period(dt.date(2026, 9, 1), dt.date(2026, 9, 30))
        diagnosis.run_check(tenant)

        engine.run_lane(tenant.pk)

        export.refresh_from_db()
        assert (export.status, export.parked_reason) == ("parked", "closed_period")
        assert not SubmissionAttempt.objects.exists()

    def test_invoice_that_cannot_be_mapped_yet_has_none(self, tenant, queued):
        row = {"name": "Vienti", "quantity": "1", "unit_price": "100.00", "vat_percent": "0"}
        queued("A-1", rows=[row | {"vat_category": "G"}], gross_total="100.00")

        assert not PreparedPayload.objects.exists()


SETTINGS = ExportSettings(bank_account="FI2112345600000785")
KNOWN = ReferenceData(frozenset({Decimal("25.5")}), frozenset({1}), frozenset({"FI21"}), None)
OTHERS = {
    "invoice_channel": "EMAIL",
    "default_vat_status": 5,
    "vat_status_by_category": {"K": 5},
    "language": "SWEDISH",
    "penalty_percent": Decimal("7"),
    "days_to_pay": 7,
    "bank_account": OTHER_IBAN,
    "drop_invalid_reference": True,
    "accounting_by_row": True,
    "tables": (TableVersion("unit", dt.date(2026, 1, 1), {"tynnyri": "PIECE"}),),
    "units": {"tynnyri": "PIECE"},
    "payment_methods": {"visa": "CLEARING"},
    "countries": {"UK": "UNITED_KINGDOM"},
    "products": {"A": 7},
}


def test_every_setting_is_part_of_the_basis():
    assert set(OTHERS) == {field.name for field in dataclasses.fields(ExportSettings)}
    changed = [dataclasses.replace(SETTINGS, **{name: value}) for name, value in OTHERS.items()]

    found = {basis_of(settings, KNOWN) for settings in [SETTINGS, *changed]}

    assert len(found) == len(OTHERS) + 1


@pytest.mark.parametrize("name", ["vat_percents", "vat_statuses", "active_accounts"])
def test_what_is_known_of_the_company_is_part_of_the_basis(name):
    found = {
        basis_of(SETTINGS, dataclasses.replace(KNOWN, **{name: value}))
        for value in (getattr(KNOWN, name), frozenset(), None)
    }

    assert len(found) == 3


def test_periods_are_looked_at_apart():
    period = FiscalPeriod(dt.date(2026, 1, 1), dt.date(2026, 12, 31), is_open=True)

    assert basis_of(SETTINGS, dataclasses.replace(KNOWN, periods=(period,))) == basis_of(
        SETTINGS, KNOWN
    )
