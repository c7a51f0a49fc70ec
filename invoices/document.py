"""The invoice as we understand it, whatever file it came in: our own documented JSON form.

Every intake format ends here and mapping starts here. Money is `Decimal`, in `currency`;
percentages are `Decimal` (25.5 means 25.5 %); dates are dates. Nothing here reads a
database, a clock or the network. Field by field: `invoices/intake/README.md`.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Text = Annotated[str, StringConstraints(strip_whitespace=True)]
RequiredText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
#: A figure wider than this is damage, not money; it also keeps exponents such as 1E+999 out.
Number = Annotated[Decimal, Field(allow_inf_nan=False, max_digits=18, decimal_places=8)]


@dataclass(frozen=True)
class Problem:
    """One thing wrong with an invoice or a file, as data: `invoices.problems` has the words.

    `place` is a path people can follow (`rows[2].vat_percent`, counted from 1 when shown);
    `value` the offending value, at most 200 characters; `expected` what would have been right,
    where that is known.
    """

    code: str
    place: str = ""
    value: str = ""
    expected: str = ""

    def as_json(self) -> dict[str, str]:
        named = (
            ("code", self.code),
            ("place", self.place),
            ("value", self.value),
            ("expected", self.expected),
        )
        return {key: str(value) for key, value in named if value}

    @classmethod
    def from_json(cls, stored: dict[str, str]) -> Problem:
        return cls(**{key: stored.get(key, "") for key in ("code", "place", "value", "expected")})


class VatCategory(StrEnum):
    """VAT category codes of EN 16931 (UNCL 5305 subset)."""

    STANDARD = "S"
    ZERO = "Z"
    EXEMPT = "E"
    REVERSE_CHARGE = "AE"
    INTRA_COMMUNITY = "K"
    EXPORT = "G"
    OUTSIDE_SCOPE = "O"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Address(_Strict):
    """A postal address; `country` is ISO 3166-1 alpha-2, "" when the source gives none."""

    name: Text = ""
    specifier: Text = ""
    street: Text = ""
    zip: Text = ""
    city: Text = ""
    country: Annotated[str, StringConstraints(pattern=r"^([A-Z]{2})?$")] = ""


class Buyer(_Strict):
    """Who the invoice is to be paid by. `address.name` is the legal name."""

    address: Address
    business_id: Text = ""
    vat_number: Text = ""
    customer_number: Text = ""
    contact_person: Text = ""
    email: Text = ""
    einvoice_address: Text = ""
    einvoice_operator: Text = ""
    edi_id: Text = ""


class Row(_Strict):
    """One invoice row. `unit_price` is before `discount_percent`, and with VAT only when the
    document's `prices_include_vat` says so. `net_amount` is what the source states for the row
    after discount and without VAT, None when it states nothing."""

    name: RequiredText
    code: Text = ""
    quantity: Number
    unit: Text = ""
    unit_price: Number
    discount_percent: Annotated[Number, Field(ge=0, le=100)] = Decimal(0)
    vat_percent: Annotated[Number, Field(ge=0, le=100)]
    vat_category: VatCategory | None = None
    net_amount: Number | None = None
    comment: Text = ""
    start_date: dt.date | None = None
    end_date: dt.date | None = None


class CashDiscount(_Strict):
    days: Annotated[int, Field(ge=0, le=999)]
    percent: Annotated[Number, Field(gt=0, le=100)]


class InvoiceDocument(_Strict):
    """One sales invoice or credit note, as received.

    Credit notes carry negative quantities and negative totals whatever the source's own
    convention. Stated totals are None when the source states none; they are what the buyer
    was told, so mapping compares the rows with them and never the other way round.
    """

    number: Annotated[RequiredText, StringConstraints(max_length=40)]
    kind: Literal["invoice", "credit_note"] = "invoice"
    date: dt.date
    due_date: dt.date | None = None
    delivery_start: dt.date | None = None
    delivery_end: dt.date | None = None
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = "EUR"
    currency_rate: Annotated[Number, Field(gt=0)] | None = None
    buyer: Buyer
    billing_address: Address | None = None
    delivery_address: Address | None = None
    rows: Annotated[tuple[Row, ...], Field(min_length=1, max_length=10_000)]
    prices_include_vat: bool = False
    payment_method: Text = ""
    reference_number: Text = ""
    penalty_percent: Annotated[Number, Field(ge=0, le=100)] | None = None
    cash_discounts: tuple[CashDiscount, ...] = ()
    order_reference: Text = ""
    agreement_number: Text = ""
    buyer_reference: Text = ""
    seller_reference: Text = ""
    language: Annotated[str, StringConstraints(pattern=r"^([A-Z]{2})?$")] = ""
    additional_information: Text = ""
    corrects_number: Text = ""
    invoice_channel: Literal["", "EMAIL", "MAIL", "ELECTRONIC_INVOICE", "NO_SENDING"] = ""
    seller_business_id: Text = ""
    seller_account: Text = ""
    net_total: Number | None = None
    vat_total: Number | None = None
    gross_total: Number | None = None
    prepaid_amount: Number | None = None

    def as_json(self) -> dict[str, Any]:
        """JSON-ready form without empty fields; decimals as strings, so nothing is rounded."""
        return self.model_dump(mode="json", exclude_defaults=True)
