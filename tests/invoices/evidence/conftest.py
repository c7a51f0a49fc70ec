"""An office with at least one row of every kind of evidence, and an attacker with the rights of
the database."""

from __future__ import annotations

import pytest

from invoices import audit, engine
from invoices.evidence import sealing, verifying
from invoices.evidence_models import EvidenceChain
from tests.evidence import MOMENT, add_one_of_each
from tests.tampering import attacker, sql


@pytest.fixture
def office(tenant, queued):
    """Three submitted invoices, everything else once, all of it sealed. Returns the tenant."""
    export, *_others = queued("A-1", "A-2", "A-3")
    engine.run_lanes()
    export.refresh_from_db()
    assert export.status == "reconciled"
    add_one_of_each(export)
    sealing.seal()
    assert found() == []
    return tenant


@pytest.fixture
def make_rows():
    """Make `count` audit events, sealed one pass after the other."""

    def make(count, tenant=None):
        for number in range(count):
            audit.record("test.event", tenant=tenant, data={"number": number})
            sealing.seal()

    return make


def found(heads=None):
    """[(what, table, row)] of everything that verifying finds."""
    results = [
        verifying.verify_chain(chain, (heads or {}).get(chain.pk))
        for chain in EvidenceChain.objects.all()
    ]
    results.append(verifying.verify_unsealed())
    return [(f.what, f.table, f.row) for result in results for f in result.findings]


__all__ = ["MOMENT", "attacker", "found", "sql"]
