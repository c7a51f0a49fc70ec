"""An invoice's rows and totals as a page shows them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.utils.formats import number_format

from invoices.admin.words import money
from invoices.document import InvoiceDocument, Row
from invoices.mapping.totals import row_amount, totals_of, without_vat
from invoices.models import Invoice

_SHOWN_ROWS = 200


def rows_context(invoice: Invoice, document: InvoiceDocument | None = None) -> dict[str, Any]:
    """Context of `desk/rows.html`, of the invoice as received or as `document` has it. What the
    source states goes before what we count."""
    document = document or invoice.document
    counted = totals_of(
        (
            {
                "vatPercent": row.vat_percent,
                "quantity": row.quantity,
                "unitPrice": row.unit_price,
                "discountPercent": row.discount_percent,
            }
            for row in document.rows
        ),
        prices_include_vat=document.prices_include_vat,
    )
    net = counted.net if document.net_total is None else document.net_total
    vat = counted.vat if document.vat_total is None else document.vat_total
    return {
        "invoice": invoice,
        "invoice_rows": [_shown(document, row) for row in document.rows[:_SHOWN_ROWS]],
        "invoice_more_rows": max(0, len(document.rows) - _SHOWN_ROWS),
        "invoice_net": money(net, invoice.currency),
        "invoice_vat": money(vat, invoice.currency),
        "invoice_total": money(invoice.gross_total, invoice.currency),
    }


def _shown(document: InvoiceDocument, row: Row) -> dict[str, Any]:
    return {
        "name": row.name,
        "comment": row.comment,
        "unit": row.unit,
        "quantity": _number(row.quantity),
        "unit_price": _number(row.unit_price),
        "discount_percent": _number(row.discount_percent) if row.discount_percent else "",
        "vat_percent": _number(row.vat_percent),
        "vat_category": row.vat_category or "",
        "net": money(_net(document, row)),
    }


def _net(document: InvoiceDocument, row: Row) -> Decimal:
    if row.net_amount is not None:
        return row.net_amount
    amount = row_amount(row.quantity, row.unit_price, row.discount_percent)
    return without_vat(amount, row.vat_percent) if document.prices_include_vat else amount


def _number(value: Decimal) -> str:
    return number_format(value, use_l10n=True, force_grouping=True)
