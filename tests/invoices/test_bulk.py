"""Writing many rows in one statement, each with values of its own, on either database."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from django.db import IntegrityError
from django.utils import timezone

from invoices.bulk import insert_each, update_each
from invoices.models import AuditEvent, Invoice, InvoiceExport
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def exports():
    tenant = factories.TenantFactory()
    made = []
    for number in range(3):
        invoice = Invoice.objects.create(
            tenant=tenant,
            number=f"A-{number}",
            date=dt.date(2026, 9, 1),
            buyer_name="Ostaja Oy",
            currency="EUR",
            gross_total=Decimal("1.00"),
            content={},
            content_sha256="",
        )
        made.append(InvoiceExport.objects.create(invoice=invoice, tenant=tenant))
    return made


def test_each_row_gets_its_own_values_and_all_get_the_common_ones(exports):
    now = timezone.now()
    rows = [
        {"pk": export.pk, "remote_id": 10**12 + n, "remote_total": total}
        for n, (export, total) in enumerate(
            zip(exports, (None, Decimal("125.50"), Decimal("-0.01")), strict=True)
        )
    ]

    changed = update_each(
        InvoiceExport,
        rows,
        match=(),
        where={"status": "draft"},
        values={"submitted_at": now, "problems": [{"code": "ä"}], "trigger_reason": "it's"},
    )

    assert changed == {export.pk for export in exports}
    stored = InvoiceExport.objects.order_by("pk")
    assert [e.remote_id for e in stored] == [10**12, 10**12 + 1, 10**12 + 2]
    assert [e.remote_total for e in stored] == [None, Decimal("125.50"), Decimal("-0.01")]
    assert {e.submitted_at for e in stored} == {now}
    assert [e.problems for e in stored] == [[{"code": "ä"}]] * 3
    assert stored[0].trigger_reason == "it's"


def test_rows_that_do_not_match_are_left_and_not_told(exports):
    InvoiceExport.objects.filter(pk=exports[0].pk).update(claim="mine")
    InvoiceExport.objects.filter(pk=exports[1].pk).update(claim="theirs")
    rows = [{"pk": export.pk, "claim": "mine", "remote_number": "7"} for export in exports]

    changed = update_each(
        InvoiceExport,
        rows,
        match=("claim",),
        where={"status": "draft", "lease_until": None},
        values={"claim": ""},
    )

    assert changed == {exports[0].pk}
    assert list(InvoiceExport.objects.order_by("pk").values_list("claim", "remote_number")) == [
        ("", "7"),
        ("theirs", ""),
        ("", ""),
    ]


def test_many_rows_at_once_are_all_written(exports):
    missing = range(exports[-1].pk + 1, exports[-1].pk + 300)
    keys = [exports[0].pk, *missing, exports[1].pk, exports[2].pk]
    rows = [{"pk": pk, "claim": ""} for pk in keys]

    changed = update_each(
        InvoiceExport, rows, match=(), where={"status": "draft"}, values={"lookups": 3}
    )

    assert changed == {export.pk for export in exports}


def test_nothing_to_write_is_no_statement(exports, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert update_each(InvoiceExport, [], match=(), where={}, values={"claim": ""}) == set()
        assert insert_each(AuditEvent, []) == []


def test_inserted_rows_have_their_keys_in_order(exports):
    rows = [
        {
            "at": timezone.now(),
            "action": f"export.{number}",
            "tenant_id": export.tenant_id,
            "export_id": export.pk,
            "by_id": None,
            "data": {"n": number},
        }
        for number, export in enumerate(exports)
    ]

    keys = insert_each(AuditEvent, rows)

    found = AuditEvent.objects.in_bulk(keys)
    assert [found[key].data["n"] for key in keys] == [0, 1, 2]
    assert [found[key].export_id for key in keys] == [export.pk for export in exports]


def test_failing_row_inserts_none(exports):
    row = {"at": None, "action": "x", "tenant_id": None, "export_id": None, "by_id": None}

    with pytest.raises(IntegrityError):
        insert_each(AuditEvent, [row | {"at": timezone.now(), "data": {}}, row | {"data": {}}])

    assert AuditEvent.objects.count() == 0
