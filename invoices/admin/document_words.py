"""Every field of an invoice in words, by the place at which problems and differences name it."""

from __future__ import annotations

import datetime as dt
import re

from django.utils.formats import date_format
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from invoices.admin import correction_form

_FIELDS = correction_form.LABELS | {
    "number": _("Invoice number"),
    "kind": _("Kind"),
    "delivery_start": _("Delivery from"),
    "delivery_end": _("Delivery until"),
    "currency": _("Currency"),
    "currency_rate": _("Currency rate"),
    "prices_include_vat": _("Prices include VAT"),
    "payment_method": _("Payment method"),
    "penalty_percent": _("Late interest, %"),
    "days": _("Days"),
    "percent": _("Percent"),
    "agreement_number": _("Agreement number"),
    "seller_reference": _("Seller's reference"),
    "language": _("Language"),
    "corrects_number": _("Corrects invoice"),
    "seller_business_id": _("Seller's business ID"),
    "seller_account": _("Seller's bank account"),
    "net_total": _("Total without VAT"),
    "vat_total": _("VAT in all"),
    "gross_total": _("Total with VAT"),
    "prepaid_amount": _("Paid already"),
    "edi_id": _("EDI code"),
    "code": _("Product code"),
    "quantity": _("Quantity"),
    "unit_price": _("Unit price"),
    "discount_percent": _("Discount, %"),
    "vat_percent": _("VAT, %"),
    "net_amount": _("Net amount"),
    "comment": _("Comment"),
    "start_date": _("From"),
    "end_date": _("Until"),
    "attachments": _("PDF"),
}
_GROUPS = {
    "buyer": _("Buyer"),
    "billing_address": _("Billing address"),
    "delivery_address": _("Delivery address"),
    "cash_discounts": _("Cash discount"),
}
_DATES = ("delivery_start", "delivery_end", "start_date", "end_date")
_NUMBERED = re.compile(r"(\w+)\[(\d+)\]")


def place_words(place: str) -> str:
    """`rows[2].unit` as "Row 2 · Unit"; a place without words stands as it is."""
    head, _dot, _rest = place.partition(".")
    name = place.rpartition(".")[2]
    numbered = _NUMBERED.fullmatch(head)
    if numbered and numbered[1] == "rows":
        row = _t("Row %(number)s") % {"number": numbered[2]}
        return row if name == head else f"{row} · {_FIELDS.get(name, name)}"
    group = _GROUPS.get(numbered[1] if numbered else head)
    words = str(_FIELDS.get(name, name))
    return f"{group} · {words}" if group and name != head else words


def value_words(place: str, value: str) -> str:
    """A value of a document's JSON as the reader writes it."""
    if value and place.rpartition(".")[2] in _DATES:
        return date_format(dt.date.fromisoformat(value), "SHORT_DATE_FORMAT")
    return correction_form.value_words(place, value)
