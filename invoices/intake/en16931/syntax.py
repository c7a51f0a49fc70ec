"""Where each business term of EN 16931 stands in UBL 2.1 and in UN/CEFACT CII.

Paths are local names: `xml_split.parsed` takes namespaces off. Source: EN 16931-1 (terms),
CEN/TS 16931-3-2 (UBL) and -3-3 (CII), Peppol BIS Billing 3.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Address:
    """BG-8, BG-15: paths under the party or the place of delivery."""

    streets: tuple[str, ...]
    zip: str
    city: str
    country: str


@dataclass(frozen=True)
class Party:
    """BG-7, paths under `at`. `ids` may have a scheme; `endpoint` is BT-49."""

    at: str
    name: str
    trading_name: str
    business_id: str
    vat_number: str
    ids: tuple[str, ...]
    endpoint: str
    contact: tuple[str, ...]
    email: str
    address: Address


@dataclass(frozen=True)
class Charge:
    """BG-20, BG-21, BG-27, BG-28: paths under the charge or allowance."""

    at: str
    line_at: str
    is_charge: str
    amount: str
    percent: str
    reason: tuple[str, ...]
    category: str
    rate: str


@dataclass(frozen=True)
class Line:
    """BG-25 and below, paths under the line."""

    at: tuple[str, ...]
    quantity: tuple[str, ...]
    net: str
    price: str
    base_quantity: str
    category: str
    rate: str
    name: str
    description: str
    codes: tuple[str, ...]
    notes: str
    properties: tuple[str, str, str]
    start: str
    end: str
    sub_lines: str
    sub_net: str


@dataclass(frozen=True)
class Totals:
    """BG-22 and BG-23."""

    lines: str
    allowances: str
    charges: str
    net: str
    vat: str
    gross: str
    prepaid: str
    rounding: str
    payable: str
    groups: str
    group_base: str
    group_vat: str
    group_category: str
    group_rate: str
    group_reasons: tuple[str, ...]


@dataclass(frozen=True)
class Attachment:
    """BG-24, paths under `at`."""

    at: str
    content: str
    link: str


@dataclass(frozen=True)
class Syntax:
    """One of the two languages EN 16931 is written in. `roots` are the elements of an invoice,
    `marks` the texts (namespaces) without which a file is of another kind."""

    format: str
    roots: tuple[str, ...]
    marks: tuple[str, ...]
    number: str
    date: str
    kind: str
    is_copy: str
    currency: str
    vat_currency: str
    notes: tuple[str, ...]
    due_dates: tuple[str, ...]
    periods: tuple[tuple[str, str], ...]
    order: str
    contract: str
    buyer_reference: str
    corrected: str
    means: str
    means_code: str
    means_accounts: tuple[str, ...]
    payment_references: tuple[str, ...]
    seller_ids: tuple[str, ...]
    buyer: Party
    delivery_name: str
    delivery_at: str
    delivery: Address
    line: Line
    charge: Charge
    totals: Totals
    attachment: Attachment
