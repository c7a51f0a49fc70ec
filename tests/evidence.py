"""Evidence of every kind: one row of each, and as many as a year has."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.apps import apps
from django.db import connection
from django.utils import timezone

from invoices import audit
from invoices.evidence.chains import Chains
from invoices.models import InvoiceExport, LookUp, Restore
from tests import factories
from tests.tampering import attacker, sql

MOMENT = dt.datetime(2026, 9, 1, 12, 0, 0, 123456, tzinfo=dt.UTC)


def add_one_of_each(export: InvoiceExport) -> None:
    """What submitting alone does not write."""
    person, invoice = factories.UserFactory(), export.invoice
    ours = apps.get_app_config("invoices"), apps.get_app_config("integrations")
    model = {m.__name__: m for app in ours for m in app.get_models()}
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
    declined = model["Expiry"].objects.create(
        tenant=export.tenant, chain=Chains().of(export.tenant_id, "2026-09-01T12:00:00.123456Z"),
        years=6, over_from="2033-01-01", reason="Not yet", proposed_by=person, proposed_at=MOMENT,
        state="declined", finished_at=MOMENT,
    )  # fmt: skip
    model["DeletionCertificate"].objects.create(
        expiry=declined, tenant=export.tenant, made_at=MOMENT, content="{}", signature=b"x" * 64,
        public_key="x" * 44,
    )  # fmt: skip
    model["ReceivedPiece"].objects.create(
        file=model["ReceivedFile"].objects.earliest("pk"), number=0, content=b"\x00\xff"
    )
    audit.record("user.logged_in", by=person, data={"nested": [{"a": 1}], "text": "ä"})


#: Of what submitting alone does not write, there is one row for so many exports.
_EXPORTS_OF = {
    "invoices.LookUp": 20,
    "invoices.Correction": 100,
    "invoices.InvoiceAttachment": 20,
    "invoices.ExportStep": 20,
    "invoices.StepAttempt": 20,
    "invoices.WordingVersion": 2_000,
    "invoices.Comment": 100,
    "invoices.EnteredByHand": 500,
    "invoices.PeriodMove": 5_000,
    "invoices.Restore": 20_000,
    "integrations.MappingVersion": 2_000,
    "invoices.DaySeal": 300,
    "invoices.Expiry": 5_000,
    "invoices.DeletionCertificate": 5_000,
    "invoices.ReceivedFile": 250,
    "invoices.ReceivedPiece": 250,
}


_TAKEN_IN_TODAY = {
    "invoices_receivedfile": "received_at",
    "invoices_restore": "at",
    "integrations_mappingversion": "created_at",
}


def fill_the_rest(first: int, count: int) -> None:
    """After `tests.benchmarks.evidence.fill`, whose exports have the primary keys from `first` + 1:
    copies of the one row that each other table has. Nothing is of today: what is too young to be
    missed in a chain would not show when it is put in."""
    with attacker():
        for table, column in _TAKEN_IN_TODAY.items():
            sql(f"UPDATE {table} SET {column} = %s", MOMENT)
    for label, each in _EXPORTS_OF.items():
        model = apps.get_model(label)
        example = model._default_manager.order_by("pk").values_list("pk", flat=True).first()
        _copies(model, example, first, max(3, count // each), min(each, max(1, count // 3)))


def _copies(model: Any, example: int, first: int, count: int, step: int) -> None:
    """`count` copies with primary keys from `first` + 1, each of another export, moment and so on:
    no two have the same content."""
    sqlite = connection.vendor == "sqlite"
    export = f"{first} + i * {step}"
    other = {
        "id": f"{first} + i",
        "export_id": export,
        "invoice_id": export,
        "step_id": f"{first} + i",
        "file_id": f"{first} + i",
        "attachment_id": f"{first} + i",
        "expiry_id": f"{first} + i",
        "number": "r.number + i" if model.__name__ == "WordingVersion" else "r.number",
        "remote_number": "i",
        "reason": "r.reason || i",
        "cautious_until": _later("r.cautious_until", sqlite),
        "day": "date(r.day, i || ' days')" if sqlite else "r.day + i",
        "name": "i || r.name",
    }
    names = [column.column for column in model._meta.concrete_fields]
    values = ", ".join(other.get(name, f'r."{name}"') for name in names)
    quoted = ", ".join(f'"{name}"' for name in names)
    numbers = (
        f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})"
        if sqlite
        else f"WITH n(i) AS (SELECT generate_series(1, {count}))"
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {model._meta.db_table} ({quoted}) {numbers} "
            f"SELECT {values} FROM {model._meta.db_table} r, n WHERE r.id = {example}"
        )


def _later(column: str, sqlite: bool) -> str:
    return f"datetime({column}, i || ' seconds')" if sqlite else f"{column} + i * interval '1 s'"
