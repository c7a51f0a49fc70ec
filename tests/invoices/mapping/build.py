"""Documents for the mapping's tests: one plain invoice, changed by dotted field names."""

from __future__ import annotations

import copy
from typing import Any

from invoices.document import InvoiceDocument, Problem
from invoices.mapping import ExportSettings, Mapped, ReferenceData, map_invoice

IBAN = "FI2112345600000785"
SETTINGS = ExportSettings(
    bank_account=IBAN, vat_status_by_category={"K": 5, "AE": 7, "G": 3, "E": 12, "O": 12, "Z": 1}
)

_PLAIN: dict[str, Any] = {
    "number": "2026-1001",
    "date": "2026-03-02",
    "due_date": "2026-03-16",
    "delivery_end": "2026-02-28",
    "buyer": {
        "address": {
            "name": "Ostaja Oy",
            "street": "Testitie 2",
            "zip": "02100",
            "city": "Espoo",
            "country": "FI",
        },
        "business_id": "0112038-9",
    },
    "rows": [
        {
            "name": "Konsultointi",
            "quantity": "2",
            "unit": "h",
            "unit_price": "50.00",
            "vat_percent": "25.5",
            "vat_category": "S",
        }
    ],
    "gross_total": "125.50",
}


def document(**changes: Any) -> InvoiceDocument:
    """The plain invoice with changes: `row__unit="kpl"` changes its only row, other names reach
    down with two underscores (`buyer__address__zip="100"`)."""
    data = copy.deepcopy(_PLAIN)
    for name, value in changes.items():
        *path, last = name.split("__")
        target: Any = data
        for step in path:
            target = target["rows"][0] if step == "row" else target.setdefault(step, {})
        target[last] = value
    return InvoiceDocument.model_validate(data)


def credit_note(**changes: Any) -> InvoiceDocument:
    """The plain invoice taken back."""
    fields = {
        "kind": "credit_note",
        "corrects_number": "2026-1000",
        "row__quantity": "-2",
        "gross_total": "-125.50",
    }
    return document(**(fields | changes))


def eu_goods(**changes: Any) -> InvoiceDocument:
    """Goods sold to a business in Sweden."""
    fields = {
        "buyer__address__country": "SE",
        "buyer__business_id": "556677-8899",
        "buyer__vat_number": "SE123456789701",
        "row__vat_category": "K",
        "row__vat_percent": "0",
        "gross_total": "100.00",
        "additional_information": "Intra-Community supply, AVL 72 a §",
    }
    return document(**(fields | changes))


def mapped(
    invoice: InvoiceDocument,
    settings: ExportSettings = SETTINGS,
    reference: ReferenceData | None = None,
) -> Mapped:
    return map_invoice(invoice, settings, reference or ReferenceData())


def payload(
    invoice: InvoiceDocument,
    settings: ExportSettings = SETTINGS,
    reference: ReferenceData | None = None,
) -> dict[str, Any]:
    """The payload of an invoice that has to map."""
    result = mapped(invoice, settings, reference)
    assert result.problems == ()
    assert result.payload is not None
    return result.payload


def told(problems: tuple[Problem, ...]) -> list[tuple[str, str]]:
    return [(problem.code, problem.place) for problem in problems]
