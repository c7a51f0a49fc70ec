"""A tenant with evidence of years that are long over, written in those years."""

from __future__ import annotations

import base64
import json

import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from integrations.models import Tenant
from invoices import engine, evidence, expiry, filing
from invoices.evidence import signing
from invoices.evidence_models import EvidenceChain
from invoices.expiry import deciding
from invoices.models import InvoiceExport
from invoices.reports import rolling
from tests import factories
from tests.evidence import add_one_of_each
from tests.tampering import attacker, sql


@pytest.fixture(autouse=True)
def key(settings):
    settings.EVIDENCE_SIGNING_KEY, _public = signing.new_key()
    raw = base64.b64decode(settings.EVIDENCE_SIGNING_KEY)
    return Ed25519PrivateKey.from_private_bytes(raw)


@pytest.fixture
def exported(tenant):
    """Export invoices of `tenant` at some moment, dated that day; returns their exports."""

    def export(moment, *numbers, run=True, **fields):
        day = moment[:10]
        fields = {"date": day, "due_date": day} | fields
        content = json.dumps({"invoices": [factories.invoice(n, **fields) for n in numbers]})
        with time_machine.travel(f"{moment}:00+00:00"):
            filing.file_invoices(tenant, f"{day}.json", content.encode(), via="command", queue=True)
            if run:
                engine.run_lanes()
            evidence.seal()
            rolling.roll_up()
        found = InvoiceExport.objects.select_related("invoice").filter(invoice__number__in=numbers)
        by_number = {each.invoice.number: each for each in found}
        return [by_number[number] for number in numbers]

    return export


def chain_of(tenant: Tenant, year: int) -> EvidenceChain:
    return EvidenceChain.objects.get(tenant=tenant, ends_on__year=year)


def proposed(chain, *, by=None):
    by = by or factories.UserFactory(role="Management")
    return deciding.propose(chain, by=by, reason="Six years are over")


def approved(chain):
    found = proposed(chain)
    deciding.approve(found, by=factories.UserFactory(role="Administrator"))
    return found


def delete(chain):
    """The whole way, each piece a turn of its own."""
    found = approved(chain)
    while expiry.advance(found.pk, seconds=0):
        pass
    found.refresh_from_db()
    evidence.seal()
    return found


@pytest.fixture
def attacked():
    """Run statements with all rights of the database."""

    def run(*statements):
        with attacker():
            for statement in statements:
                sql(statement)

    return run


@pytest.fixture
def every_kind():
    """One row of each kind of evidence, of the tenant's first export."""

    def add(tenant):
        add_one_of_each(InvoiceExport.objects.filter(tenant=tenant).first())
        evidence.seal()

    return add
