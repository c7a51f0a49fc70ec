"""The invoice as it is to be submitted: as received, or as people corrected it since.

An invoice is never changed. A correction is a whole new version of its document, kept in order
with who, when and why; `InvoiceExport.corrections` says which version counts. What would make
another invoice of it (number, kind, currency, totals, the rows' figures, the seller) cannot be
corrected: `frozen_parts` of both versions have to be equal. No requests, no mapping of its own.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.fields.json import KT
from django.db.models.functions import Coalesce
from django.utils import timezone

from integrations.models import Tenant
from invoices import audit, exports, finding
from invoices.correction_models import Correction
from invoices.document import InvoiceDocument, Problem
from invoices.models import InvoiceExport, PreparedPayload

#: From here a person may correct: certainly nothing is on its way.
CORRECTABLE = exports.QUEUEABLE
#: What may differ between two versions, by place; everything else is frozen.
HEADER = (
    *("date", "due_date", "reference_number", "invoice_channel"),
    *("order_reference", "buyer_reference", "additional_information"),
)
BUYER = (
    *("business_id", "vat_number", "customer_number", "contact_person", "email"),
    *("einvoice_address", "einvoice_operator"),
)
ADDRESS = ("name", "specifier", "street", "zip", "city", "country")
ROW = ("unit", "vat_category")


class NotCorrectable(Exception):
    """The export has moved on, or somebody else corrected it meanwhile; nothing was changed."""

    def __init__(self, status: str, version: int) -> None:
        super().__init__(f"{status}, version {version}")
        self.status, self.version = status, version


class AnotherInvoice(ValueError):
    """The new version would be another invoice."""


@dataclass(frozen=True)
class Expected:
    """What a look-up compares by."""

    date: dt.date
    due_date: dt.date | None
    buyer_name: str


def content_of(export: InvoiceExport) -> dict[str, Any]:
    """The document that counts, JSON-ready. Asks the database only for a corrected export."""
    content: dict[str, Any] = export.invoice.content
    if export.corrections:
        content = Correction.objects.get(export=export.pk, number=export.corrections).content
    return content


def document_of(export: InvoiceExport) -> InvoiceDocument:
    """The document that counts."""
    return InvoiceDocument.model_validate(content_of(export))


def expected_of(export: InvoiceExport) -> Expected:
    """What Procountor's copy is compared with, of the version that counts."""
    if not export.corrections:
        invoice = export.invoice
        return Expected(invoice.date, invoice.due_date, invoice.buyer_name)
    document = document_of(export)
    return Expected(document.date, document.due_date, document.buyer.address.name)


def contents_of(pks: Iterable[int]) -> dict[int, dict[str, Any]]:
    """The corrected content of those exports that were corrected, by primary key: one query,
    none for no keys."""
    wanted = list(pks)
    if not wanted:
        return {}
    latest = Correction.objects.filter(export__in=wanted, number=F("export__corrections"))
    return dict(latest.values_list("export", "content"))


def contents_by_invoice(pks: Iterable[int]) -> list[tuple[int, dict[str, Any]]]:
    """[(invoice's primary key, corrected content)] of those that were corrected: one query, none
    for no keys."""
    wanted = list(pks)
    if not wanted:
        return []
    latest = Correction.objects.filter(export__invoice__in=wanted, number=F("export__corrections"))
    return list(latest.values_list("export__invoice", "content"))


def shown_of(exports: Iterable[InvoiceExport]) -> dict[int, Expected]:
    """What counts now of each export, by primary key: one query for all of them."""
    shown = {
        export.pk: Expected(export.invoice.date, export.invoice.due_date, export.invoice.buyer_name)
        for export in exports
    }
    return shown | latest_of(shown)


def latest_of(pks: Iterable[int]) -> dict[int, Expected]:
    """What counts now of those exports that were corrected, by primary key: one query."""
    latest = Correction.objects.filter(export__in=list(pks), number=F("export__corrections"))
    found = latest.values_list(
        "export", "date", KT("content__due_date"), KT("content__buyer__address__name")
    )
    return {
        pk: Expected(date, dt.date.fromisoformat(due_date) if due_date else None, buyer)
        for pk, date, due_date, buyer in found
    }


def _latest() -> QuerySet[Correction]:
    return Correction.objects.filter(export=OuterRef("pk"), number=OuterRef("corrections"))


def day_that_counts() -> Coalesce:
    """Of an export: the invoice's date in the version that counts."""
    return Coalesce(Subquery(_latest().values("date")[:1]), "invoice__date")


def dated_between(start: str, end: str) -> Q:
    """Exports whose date that counts is in these days: a condition on few of them. To find them
    among all, `dated` is faster."""
    moved = Exists(_latest().filter(date__range=(start, end)))
    return Q(corrections=0, invoice__date__range=(start, end)) | Q(moved, corrections__gt=0)


def dated(tenant: Tenant, first: dt.date, last: dt.date) -> QuerySet[InvoiceExport]:
    """The tenant's exports whose date that counts is in these days. Two index scans: most
    invoices were never corrected."""
    mine: QuerySet[InvoiceExport] = InvoiceExport.objects.filter(tenant=tenant)
    as_received = mine.filter(
        corrections=0, invoice__tenant=tenant, invoice__date__range=(first, last)
    )
    corrected = mine.filter(
        corrections__gt=0,
        versions__number=F("corrections"),
        versions__date__range=(first, last),
    )
    pks = as_received.order_by().values("pk").union(corrected.order_by().values("pk"))
    return InvoiceExport.objects.filter(pk__in=pks)


def earlier_documents(export: InvoiceExport) -> list[InvoiceDocument]:
    """The versions before the one that counts, the invoice as received among them."""
    before = export.versions.filter(number__lt=export.corrections).values_list("content", flat=True)
    contents = [export.invoice.content, *before] if export.corrections else []
    return [InvoiceDocument.model_validate(content) for content in contents]


def frozen_parts(document: InvoiceDocument) -> dict[str, Any]:
    """Everything of the document that no correction may change."""
    parts = document.model_dump(mode="json", exclude={*HEADER, "buyer", "billing_address", "rows"})
    parts["buyer"] = document.buyer.model_dump(exclude={*BUYER, "address"})
    # A billing address can be corrected, but neither added nor taken away.
    parts["billing_address"] = document.billing_address is not None
    parts["rows"] = [row.model_dump(mode="json", exclude=set(ROW)) for row in document.rows]
    return parts


def places_of(document: InvoiceDocument) -> dict[str, str]:
    """Every place that may be corrected and its value as text, in the order of the form."""
    found = {name: _text(getattr(document, name)) for name in HEADER}
    buyer, billing = document.buyer, document.billing_address
    found |= {f"buyer.address.{name}": getattr(buyer.address, name) for name in ADDRESS}
    found |= {f"buyer.{name}": getattr(buyer, name) for name in BUYER}
    if billing is not None:
        found |= {f"billing_address.{name}": getattr(billing, name) for name in ADDRESS}
    for position, row in enumerate(document.rows, 1):
        found |= {f"rows[{position}].{name}": _text(getattr(row, name)) for name in ROW}
    return found


def corrected(document: InvoiceDocument, values: dict[str, Any]) -> InvoiceDocument:
    """A new version with the values at these places. Raises KeyError for a place that may not
    be corrected, and pydantic's ValidationError for a value the document does not take."""
    unknown = values.keys() - places_of(document).keys()
    if unknown:
        raise KeyError(", ".join(sorted(unknown)))
    content = document.model_dump()
    for place, value in values.items():
        _put(content, place, value)
    return InvoiceDocument.model_validate(content)


def changes_between(old: InvoiceDocument, new: InvoiceDocument) -> list[dict[str, str]]:
    """[{field, old, new}] as texts, in the order of the form."""
    before, after = places_of(old), places_of(new)
    return [
        {"field": place, "old": before[place], "new": after[place]}
        for place in before
        if before[place] != after[place]
    ]


def correct(
    export: InvoiceExport,
    document: InvoiceDocument,
    *,
    version: int,
    by: User,
    reason: str,
    prepared: tuple[str, bytes],
    warnings: Sequence[Problem] = (),
) -> Correction:
    """Keep `document` as the next version and queue the export, or change nothing at all.

    `version` is the one that the person saw, `prepared` the new payload after the basis that it
    was made on, `warnings` what mapping says of it beside. Raises NotCorrectable, and
    AnotherInvoice when more than what may be corrected differs or nothing does.
    """
    old = document_of(export)
    changes = changes_between(old, document)
    if frozen_parts(old) != frozen_parts(document) or not changes:
        raise AnotherInvoice(f"export {export.pk}")
    if export.corrections != version:
        raise NotCorrectable(export.status, export.corrections)
    try:
        with transaction.atomic():
            return _keep(export, document, changes, by, reason, prepared, warnings)
    except NotCorrectable:
        export.refresh_from_db()  # what was read inside has been rolled back
        raise


def _keep(
    export: InvoiceExport,
    document: InvoiceDocument,
    changes: list[dict[str, str]],
    by: User,
    reason: str,
    prepared: tuple[str, bytes],
    warnings: Sequence[Problem],
) -> Correction:
    """Everything of `correct` that has to happen together."""
    version = export.corrections
    mine = InvoiceExport.objects.filter(pk=export.pk, status__in=CORRECTABLE, corrections=version)
    told = [warning.as_json() for warning in warnings]
    if not mine.update(corrections=version + 1, warnings=told):
        raise NotCorrectable(export.status, version)
    export.refresh_from_db()
    made = Correction.objects.create(
        export=export,
        number=version + 1,
        date=document.date,
        content=document.as_json(),
        changes=changes,
        reason=reason,
        by=by,
        at=timezone.now(),
    )
    _prepare(export, prepared)
    if any(each["field"] == "buyer.address.name" for each in changes):
        finding.add(export.pk, "", document.buyer.address.name)
    lines = [f"{each['field']}: {each['old'] or '–'} → {each['new'] or '–'}" for each in changes]
    data = {"version": made.number, "reason": reason, "changes": lines}
    audit.record("invoice.corrected", export=export, by=by, data=data)
    if not exports.queue(export, by=by, reason=reason):
        raise NotCorrectable(export.status, version)
    return made


def _prepare(export: InvoiceExport, prepared: tuple[str, bytes]) -> None:
    basis, body = prepared
    values = {"basis": basis, "body": body.decode(), "corrections": export.corrections}
    PreparedPayload.objects.update_or_create(export=export, defaults=values)


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _put(content: dict[str, Any], place: str, value: Any) -> None:
    """`place` is one of `places_of`: header, buyer.x, buyer.address.x, rows[n].x …"""
    *path, name = place.split(".")
    spot: Any = content
    for step in path:
        key, _bracket, position = step.partition("[")
        spot = spot[key][int(position[:-1]) - 1] if position else spot[key]
    empty = None if name in ("due_date", "vat_category") else ""
    spot[name] = empty if value in ("", None) else value
