"""Whoever changes what a deletion left, with all rights of the database, shows."""

from __future__ import annotations

import pytest
import time_machine
from django.db import connection

from invoices import engine, evidence, expiry
from invoices.evidence_models import EvidenceLink
from invoices.models import Invoice
from invoices.retention_models import Expiry
from tests.invoices.evidence.conftest import found
from tests.invoices.expiry.conftest import approved, chain_of, delete

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def left(tenant, exported):
    """2016 has expired, but for one record that goes on in 2017. Returns 2016's chain."""
    exported("2016-03-01T10:00", "A-1")
    exported("2016-12-30T10:00", "A-2", run=False)
    with time_machine.travel("2017-01-02T10:00:00+00:00"):
        engine.run_lanes()
        evidence.seal()
    chain = chain_of(tenant, 2016)
    delete(chain)
    assert found() == []
    assert Invoice.objects.get().number == "A-2"
    return chain


INVOICE_LINK = "kind = 5 AND chain_id = {chain}"
ATTACKS = {
    "row changed": "UPDATE invoices_invoice SET gross_total = 1",
    "row removed": "DELETE FROM invoices_receiveditem",
    "link removed": f"DELETE FROM invoices_evidencelink WHERE {INVOICE_LINK}",
    "link changed": f"UPDATE invoices_evidencelink SET position = 1 WHERE {INVOICE_LINK}",
    "hashes changed": "DELETE FROM invoices_expiredhashes",
    "certificate changed": "UPDATE invoices_deletioncertificate "
    "SET content = replace(content, '125.50', '25.50')",
    "expired numbers changed": "DELETE FROM invoices_expirednumber",
    "chain changed": "UPDATE invoices_evidencechain SET ends_on = '2016-12-30' WHERE id = {chain}",
}


@pytest.mark.parametrize("what", ATTACKS)
def test_any_change_of_what_is_left_is_named(left, attacked, what):
    attacked(ATTACKS[what].format(chain=left.pk))

    assert what in {each[0] for each in found()}


def test_missing_certificate_is_named(left, attacked):
    attacked(
        "DELETE FROM invoices_evidencelink WHERE kind = 18",
        "DELETE FROM invoices_deletioncertificate",
    )

    assert "certificate missing" in {each[0] for each in found()}


def test_hash_that_was_forged_is_named(left, attacked):
    hashes = bytes(left.expired_hashes.get().hashes)
    forged = bytes([hashes[0] ^ 1]) + hashes[1:]
    literal = f"X'{forged.hex()}'" if connection.vendor == "sqlite" else (f"'\\x{forged.hex()}'")
    attacked(f"UPDATE invoices_expiredhashes SET hashes = {literal}")

    assert "hashes changed" in {each[0] for each in found()}


def test_row_that_goes_beside_a_running_deletion_is_named(tenant, exported, attacked):
    exported("2016-03-01T10:00", "A-1")
    running = approved(chain_of(tenant, 2016))
    while Expiry.objects.get().stage != "invoices":
        expiry.advance(running.pk, seconds=0)
    event = EvidenceLink.objects.filter(kind=1).order_by("-row").first()
    attacked(
        f"DELETE FROM invoices_auditevent WHERE id = {event.row}",
        f"DELETE FROM invoices_evidencelink WHERE id = {event.pk}",
    )

    assert "more deleted than recorded" in {each[0] for each in found()}


def test_deletion_made_out_of_nothing_has_no_certificate(tenant, exported, attacked):
    exported("2016-03-01T10:00", "A-1")
    running = approved(chain_of(tenant, 2016))
    attacked(
        "DELETE FROM invoices_evidencelink WHERE kind = 1",
        f"UPDATE invoices_expiry SET state = 'done', stage = 'certificate' WHERE id = {running.pk}",
    )

    assert "certificate missing" in {each[0] for each in found()}
