"""An office with at least one row of every kind of evidence, and an attacker with the rights of
the database."""

from __future__ import annotations

import contextlib
import datetime as dt

import pytest
from django.db import connection
from django.utils import timezone

from integrations.models import Tenant
from invoices import audit, engine, triggers
from invoices.evidence import sealing, verifying
from invoices.evidence.chains import Chains
from invoices.evidence_models import EvidenceChain, EvidenceLink
from invoices.models import Invoice, InvoiceExport, LookUp, Restore
from tests import factories

MOMENT = dt.datetime(2026, 9, 1, 12, 0, 0, 123456, tzinfo=dt.UTC)


def add_one_of_each(export: InvoiceExport) -> None:
    """What submitting alone does not write."""
    person, invoice = factories.UserFactory(), export.invoice
    model = {m.__name__: m for m in (*_models(),)}
    common = {"export": export, "by": person, "at": MOMENT}
    LookUp.objects.create(
        export=export, purpose="settle", after_attempt=1, asked_at=MOMENT, answered_at=MOMENT,
        query={"n": 1.5}, hits=[{"id": 7, "total": 0.1}], found={"id": 7}, verdict="equal",
    )  # fmt: skip
    model["Correction"].objects.create(
        **common, number=1, date="2026-09-02", content={"number": "A-1"}, changes=[], reason="Wrong"
    )
    pdf = model["InvoiceAttachment"].objects.create(
        invoice=invoice, name="a.pdf", content=b"%PDF-1.7 \xff", sha256="0" * 64, size=10,
        content_type="application/pdf", added_by=person, added_at=MOMENT,
    )  # fmt: skip
    step = model["ExportStep"].objects.create(
        export=export, tenant=export.tenant, kind="attach", rank=1, attachment=pdf,
        changed_at=MOMENT,
    )  # fmt: skip
    model["StepAttempt"].objects.create(
        step=step, number=1, purpose="act", trigger="automatic", started_at=MOMENT,
        correlation_id="0b1f0f5e-6a0f-4f0e-9a43-3a4f5f2f5f1a", finished_at=MOMENT,
        software_version="1", outcome="accepted", http_status=200, triggered_by=person,
    )  # fmt: skip
    model["WordingVersion"].objects.create(
        code="X", language="fi", number=1, cause="Syy", by=person, at=MOMENT
    )
    model["Comment"].objects.create(**common, text="Äänekoski")
    model["EnteredByHand"].objects.create(
        **common, remote_number=7, reason="By hand", state="different", found={"id": 7},
        finished_at=MOMENT,
    )  # fmt: skip
    model["PeriodMove"].objects.create(
        tenant=export.tenant, month="2026-08-01", new_date="2026-09-01", lines=[], reason="Closed",
        proposed_by=person, state="declined", decided_by=factories.UserFactory(),
        decided_at=MOMENT,
    )  # fmt: skip
    Restore.objects.create(cautious_until=timezone.now())
    model["MappingVersion"].objects.create(
        tenant=export.tenant, table="vat", since="2026-01-01", entries={"K": 5}, reason="Sales",
        created_by=person,
    )  # fmt: skip
    model["DaySeal"].objects.create(
        tenant=export.tenant, day="2026-09-01", digest="0" * 64, lines=[[1, "A-1"]],
        sealed_at=MOMENT,
    )  # fmt: skip
    declined = model["DeletionCertificate"]._meta.get_field("expiry").related_model.objects.create(
        tenant=export.tenant, chain=Chains().of(export.tenant_id, "2026-09-01T12:00:00.123456Z"),
        years=6, over_from="2033-01-01", reason="Not yet", proposed_by=person, proposed_at=MOMENT,
        state="declined", finished_at=MOMENT,
    )  # fmt: skip
    model["DeletionCertificate"].objects.create(
        expiry=declined, tenant=export.tenant, made_at=MOMENT, content="{}", signature=b"x" * 64,
        public_key="x" * 44,
    )  # fmt: skip
    audit.record("user.logged_in", by=person, data={"nested": [{"a": 1}], "text": "ä"})


def _models():
    return [kind.model_class for kind in sealing.KINDS] + [
        InvoiceExport._meta.get_field("steps").related_model
    ]


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


@contextlib.contextmanager
def attacker():
    """The triggers are off, as whoever owns the database can have them."""
    if connection.vendor == "postgresql":
        sql("SET session_replication_role = replica")
        try:
            yield
        finally:
            sql("SET session_replication_role = origin")
        return
    triggers.drop_triggers(connection)
    try:
        yield
    finally:
        triggers.create_triggers(connection)


def sql(statement, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else None


__all__ = ["EvidenceLink", "Invoice", "Tenant", "attacker", "found", "sql"]
