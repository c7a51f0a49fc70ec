"""Real Finvoice files that nobody here wrote, from the folder beside the project to the ledger."""

import re
from decimal import Decimal
from pathlib import Path

import pytest

from integrations import diagnosis
from invoices import engine, filing, problems
from invoices.models import InvoiceExport, ReceivedItem

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "samples" / "finvoice"
OLD_RATES = ["22", "23"]

pytestmark = [pytest.mark.samples, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def exported(make_tenant, sandbox):
    """Every sample taken in and run through the engine; the tenant drops invalid references."""
    if not FOLDER.is_dir():
        pytest.skip(f"no sample files at {FOLDER}")
    tenant = make_tenant(
        drop_invalid_reference=True, vat_status_by_category={"Z": 1, "E": 12, "O": 12}
    )
    tenant.company.vat_percents += [Decimal(rate) for rate in OLD_RATES]
    diagnosis.run_check(tenant)
    for path in sorted(FOLDER.glob("*.xml")):
        filing.file_invoices(tenant, path.name, path.read_bytes(), via="command", queue=True)
    engine.run_lane(tenant.pk)
    return tenant


def stated_total(path):
    """The file's own total, found without our reader."""
    found = re.search(rb"<InvoiceTotalVatIncludedAmount[^>]*>([^<]+)<", path.read_bytes())
    return Decimal(found[1].decode().replace(",", "."))


def test_each_accepted_sample_is_in_the_ledger_once_with_its_own_total(exported, sandbox):
    ledger = {row["originalInvoiceNumber"]: row for row in sandbox.ledger()}
    accepted = ReceivedItem.objects.filter(outcome="accepted").select_related("file", "invoice")
    print()
    for item in ReceivedItem.objects.select_related("file").order_by("file__name"):
        reasons = "; ".join(problems.sentences(item.problems))[:150]
        print(f"{item.file.name:55} {item.outcome:9} {reasons}")

    assert len(accepted) >= 7
    assert len(ledger) == len(sandbox.ledger()) == len(accepted)
    for item in accepted:
        booked = ledger[item.number]["invoiceSumInfo"][0]["invoiceSumTotal"]
        assert booked == stated_total(FOLDER / item.file.name), item.file.name
    assert set(InvoiceExport.objects.values_list("status", flat=True)) == {"reconciled"}


def test_every_rejected_sample_says_why(exported):
    rejected = ReceivedItem.objects.filter(outcome="rejected")

    assert {item.file.name for item in rejected} == {
        "fv12-bank-sample-wide.xml",
        "fv13-procountor-assignment-short.xml",
        "fv13-short-inconsistent-total.xml",
    }
    assert all("totals_differ" in {p["code"] for p in item.problems} for item in rejected)
