"""What the upload pages say: our fields in words, and why an upload failed."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

#: Our fields, as a person knows them, in the groups in which they are offered.
GROUPS: tuple[tuple[object, tuple[str, ...]], ...] = (
    (
        _("Invoice"),
        (
            "number", "kind", "date", "due_date", "payment_days", "currency", "currency_rate",
            "reference_number", "corrects_number", "order_reference", "agreement_number",
            "buyer_reference", "seller_reference", "delivery_date", "delivery_start",
            "delivery_end", "payment_method", "penalty_percent", "language", "seller_account",
            "additional_information",
        ),
    ),
    (
        _("Buyer"),
        (
            "buyer.name", "buyer.street", "buyer.zip", "buyer.city", "buyer.country",
            "buyer.business_id", "buyer.vat_number", "buyer.customer_number",
            "buyer.contact_person", "buyer.email", "buyer.einvoice_address",
            "buyer.einvoice_operator", "buyer.edi_id",
        ),
    ),
    (
        _("Row of the invoice"),
        (
            "row.name", "row.comment", "row.code", "row.quantity", "row.unit", "row.unit_price",
            "row.unit_price_with_vat", "row.discount_percent", "row.vat_percent",
            "row.vat_category", "row.net_amount", "row.gross_amount", "row.start_date",
            "row.end_date",
        ),
    ),
    (
        _("Totals of the invoice"),
        ("prices_include_vat", "net_total", "vat_total", "gross_total", "prepaid_amount"),
    ),
)  # fmt: skip
FIELDS = {
    "number": _("Invoice number"),
    "kind": _("Invoice or credit note"),
    "date": _("Invoice date"),
    "due_date": _("Due date"),
    "payment_days": _("Days to pay"),
    "delivery_date": _("Delivery date"),
    "delivery_start": _("Delivery from"),
    "delivery_end": _("Delivery until"),
    "currency": _("Currency"),
    "currency_rate": _("Exchange rate"),
    "buyer.name": _("Buyer's name"),
    "buyer.street": _("Buyer's street address"),
    "buyer.zip": _("Buyer's postal code"),
    "buyer.city": _("Buyer's town"),
    "buyer.country": _("Buyer's country"),
    "buyer.business_id": _("Buyer's business ID"),
    "buyer.vat_number": _("Buyer's VAT number"),
    "buyer.customer_number": _("Buyer's customer number"),
    "buyer.contact_person": _("Buyer's contact person"),
    "buyer.email": _("Buyer's e-mail"),
    "buyer.einvoice_address": _("Buyer's e-invoice address"),
    "buyer.einvoice_operator": _("Buyer's e-invoice operator"),
    "buyer.edi_id": _("Buyer's EDI ID (OVT)"),
    "reference_number": _("Reference number of the payment"),
    "payment_method": _("Payment method"),
    "penalty_percent": _("Late interest, %"),
    "order_reference": _("Order number"),
    "agreement_number": _("Agreement number"),
    "buyer_reference": _("Buyer's reference"),
    "seller_reference": _("Seller's reference"),
    "language": _("Language"),
    "additional_information": _("Additional information"),
    "corrects_number": _("Number of the credited invoice"),
    "seller_account": _("Bank account (IBAN)"),
    "prices_include_vat": _("Whether prices include VAT"),
    "net_total": _("Invoice total without VAT"),
    "vat_total": _("VAT of the invoice"),
    "gross_total": _("Invoice total with VAT"),
    "prepaid_amount": _("Amount paid already"),
    "row.name": _("Product or description"),
    "row.comment": _("Comment on the row"),
    "row.code": _("Product code"),
    "row.quantity": _("Quantity"),
    "row.unit": _("Unit"),
    "row.unit_price": _("Unit price without VAT"),
    "row.unit_price_with_vat": _("Unit price with VAT"),
    "row.discount_percent": _("Discount, %"),
    "row.vat_percent": _("VAT, %"),
    "row.vat_category": _("VAT category"),
    "row.net_amount": _("Row total without VAT"),
    "row.gross_amount": _("Row total with VAT"),
    "row.start_date": _("Row's first day"),
    "row.end_date": _("Row's last day"),
}
#: What a row costs may be told in several ways.
A_PRICE = _("A price: unit price, row total or invoice total")

DECIMAL_MARKS = [
    ("", _("As the file itself shows")),
    ("comma", _("Decimal comma: 1 234,50")),
    ("point", _("Decimal point: 1,234.50")),
]
DATE_ORDERS = [
    ("", _("As the file itself shows")),
    ("day_first", _("Day first: 31/12/2026")),
    ("month_first", _("Month first: 12/31/2026")),
]
FAILURES = {
    "too_often": _(
        "Work on it was interrupted again and again. What was taken in stays; the rest is not "
        "taken in. Upload smaller parts, and tell your administrator if it happens again."
    ),
    "tenant_closed": _(
        "The tenant was closed meanwhile: nothing more is taken in for it. Reopen the connection "
        "first, if it was ended by mistake."
    ),
}
OUTCOMES_MANY = {
    "new": _("New ones"),
    "duplicate": _("Already here, the same"),
    "changed": _("Already here, with other content"),
    "rejected": _("Rejected ones"),
}
OUTCOMES_ONE = {
    "new": _("New"),
    "duplicate": _("Already here"),
    "changed": _("Changed"),
    "rejected": _("Rejected"),
}
STATE_COLOURS = {
    "previewing": "info",
    "previewed": "warning",
    "taking_in": "info",
    "done": "success",
    "cancelled": "warning",
    "failed": "danger",
}
OUTCOME_COLOURS = {
    "new": "success",
    "duplicate": "info",
    "changed": "warning",
    "rejected": "danger",
}
