"""Made-up orders in the shapes that the shops document; amounts as the shops would count them."""

from __future__ import annotations

import json
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from hypothesis import strategies as st

from invoices.shops.reading import Payments, ShopSettings

CENT = Decimal("0.01")
RATES = ["25.5", "14", "13.5", "10"]
BILLING = {
    "first_name": "Maija",
    "last_name": "Meikäläinen",
    "company": "",
    "address_1": "Testitie 1",
    "address_2": "A 2",
    "city": "Espoo",
    "postcode": "02100",
    "country": "FI",
    "email": "maija@example.com",
    "phone": "+358401234567",
}
ADDRESS = {
    "first_name": "Maija",
    "last_name": "Meikäläinen",
    "company": None,
    "address1": "Testitie 1",
    "address2": None,
    "city": "Espoo",
    "zip": "02100",
    "country_code": "FI",
}


def cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)


def settings(**fields: Any) -> ShopSettings:
    words = frozenset({"processing", "completed", "paid", "partially_refunded"})
    given = {
        "prefix": "W-",
        "statuses": words,
        "payments": Payments.ALL,
        "business_id_fields": ("_billing_y_tunnus", "Y-tunnus"),
        "vat_number_fields": ("_billing_vat", "VAT"),
    }
    return ShopSettings(**given | fields)


def loaded(order: dict[str, Any]) -> dict[str, Any]:
    """As our own decoder reads it: figures that are numbers in JSON become Decimal."""
    from invoices.shops.reading import objects  # noqa: PLC0415 - as the readers get it

    return next(objects(json.dumps(order)))[1]


# --- WooCommerce -----------------------------------------------------------------------------


def wc_line(
    number: int,
    price: str = "10.00",
    quantity: int = 1,
    rate: str | None = "25.5",
    off: str = "0",
    **fields: Any,
) -> dict[str, Any]:
    """A line of `quantity` × `price` without VAT, `off` its discount without VAT."""
    before = cents(Decimal(price) * quantity)
    net = before - Decimal(off)
    percent = Decimal(rate or 0)
    tax, tax_before = cents(net * percent / 100), cents(before * percent / 100)
    taxes = [{"id": _tax_id(rate), "total": str(tax), "subtotal": str(tax_before)}] if rate else []
    return {
        "id": 100 + number,
        "name": f"Tuote {number}",
        "product_id": 10 + number,
        "quantity": quantity,
        "subtotal": str(before),
        "subtotal_tax": str(tax_before),
        "total": str(net),
        "total_tax": str(tax),
        "taxes": taxes,
        "sku": f"SKU-{number}",
        "meta_data": [],
    } | fields


def _tax_id(rate: str | None) -> int:
    return int(Decimal(rate or 0) * 10) + 1


def wc_tax_lines(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    ids = {tax["id"] for line in lines for tax in line["taxes"]}
    return [
        {
            "id": 900 + each,
            "rate_code": f"FI-ALV {Decimal(each - 1) / 10}-1",
            "rate_id": each,
            "label": "ALV",
            "compound": False,
            "rate_percent": float(Decimal(each - 1) / 10),
        }
        for each in sorted(ids)
    ]


def wc_order(
    lines: list[dict[str, Any]] | None = None,
    ships: list[dict[str, Any]] | None = None,
    fees: list[dict[str, Any]] | None = None,
    *,
    inclusive: bool = True,
    rounding: str = "0",
    **fields: Any,
) -> dict[str, Any]:
    lines = [wc_line(1)] if lines is None else lines
    ships, fees = ships or [], fees or []
    parts = [*lines, *ships, *fees]
    tax = sum((Decimal(part["total_tax"]) for part in parts), Decimal(0))
    total = sum((Decimal(part["total"]) for part in parts), Decimal(0)) + tax + Decimal(rounding)
    return {
        "id": 1001,
        "number": "1001",
        "status": "processing",
        "currency": "EUR",
        "date_created_gmt": "2026-09-30T22:30:00",
        "date_modified_gmt": "2026-10-01T08:00:00",
        "date_paid_gmt": "2026-09-30T22:31:00",
        "prices_include_tax": inclusive,
        "total": str(total),
        "total_tax": str(tax),
        "billing": BILLING,
        "shipping": {key: BILLING[key] for key in BILLING if key not in ("email", "phone")},
        "payment_method": "bacs",
        "payment_method_title": "Tilisiirto",
        "meta_data": [],
        "line_items": lines,
        "tax_lines": wc_tax_lines(parts),
        "shipping_lines": ships,
        "fee_lines": fees,
        "coupon_lines": [],
        "refunds": [],
    } | fields


def wc_shipping(price: str = "5.00", rate: str | None = "25.5") -> dict[str, Any]:
    line = wc_line(50, price, rate=rate)
    return {
        "id": 150,
        "method_title": "Posti",
        "method_id": "flat_rate",
        "total": line["total"],
        "total_tax": line["total_tax"],
        "taxes": line["taxes"],
    }


def wc_fee(price: str = "2.00", rate: str | None = "25.5") -> dict[str, Any]:
    line = wc_line(60, price, rate=rate)
    return {
        "id": 160,
        "name": "Pientoimituslisä",
        "total": line["total"],
        "total_tax": line["total_tax"],
        "taxes": line["taxes"],
    }


def _negative(part: dict[str, Any]) -> dict[str, Any]:
    turned = {"total": str(-Decimal(part["total"])), "total_tax": str(-Decimal(part["total_tax"]))}
    taxes = [tax | {"total": str(-Decimal(tax["total"]))} for tax in part["taxes"]]
    quantity = {"quantity": -part["quantity"]} if "quantity" in part else {}
    return part | turned | quantity | {"taxes": taxes}


def wc_refund(
    order: dict[str, Any],
    lines: list[dict[str, Any]] | None = None,
    *,
    amount: str | None = None,
    number: int = 2001,
    everything: bool = False,
) -> dict[str, Any]:
    """A refund as the API lists it: lines below zero, the amount above."""
    if everything:
        lines, shipping, fees = (order[k] for k in ("line_items", "shipping_lines", "fee_lines"))
        amount = order["total"]
    else:
        lines, shipping, fees = lines or [], [], []
    given = sum((Decimal(x["total"]) + Decimal(x["total_tax"]) for x in lines), Decimal(0))
    return {
        "id": number,
        "date_created_gmt": "2026-10-05T09:00:00",
        "amount": amount if amount is not None else str(given),
        "reason": "Palautus",
        "line_items": [_negative(line) for line in lines],
        "shipping_lines": [_negative(line) for line in shipping],
        "fee_lines": [_negative(line) for line in fees],
    }


# --- Shopify ---------------------------------------------------------------------------------


def sh_tax(amount: Decimal, rate: str | None, inclusive: bool) -> list[dict[str, Any]]:
    if rate is None:
        return []
    percent = Decimal(rate)
    tax = amount * percent / (100 + percent) if inclusive else amount * percent / 100
    return [{"title": "FI VAT", "rate": float(percent / 100), "price": str(cents(tax))}]


def sh_line(
    number: int,
    price: str = "12.55",
    quantity: int = 1,
    rate: str | None = "25.5",
    off: str = "0",
    *,
    inclusive: bool = True,
    **fields: Any,
) -> dict[str, Any]:
    amount = Decimal(price) * quantity - Decimal(off)
    allocations = [{"amount": off, "discount_application_index": 0}] if Decimal(off) else []
    return {
        "id": 500 + number,
        "title": f"Tuote {number}",
        "name": f"Tuote {number} - sininen",
        "sku": f"SKU-{number}",
        "quantity": quantity,
        "current_quantity": quantity,
        "price": price,
        "total_discount": "0.00",
        "discount_allocations": allocations,
        "gift_card": False,
        "requires_shipping": True,
        "taxable": rate is not None,
        "tax_lines": sh_tax(amount, rate, inclusive),
    } | fields


def sh_shipping(
    price: str = "5.90", rate: str | None = "25.5", off: str = "0", *, inclusive: bool = True
) -> dict[str, Any]:
    amount = Decimal(price) - Decimal(off)
    return {
        "id": 700,
        "title": "Posti",
        "price": price,
        "discounted_price": str(amount),
        "discount_allocations": [{"amount": off}] if Decimal(off) else [],
        "tax_lines": sh_tax(amount, rate, inclusive),
    }


def sh_amount(part: dict[str, Any]) -> Decimal:
    off = sum((Decimal(x["amount"]) for x in part["discount_allocations"]), Decimal(0))
    return Decimal(part["price"]) * part.get("quantity", 1) - off


def sh_tax_of(part: dict[str, Any]) -> Decimal:
    return sum((Decimal(tax["price"]) for tax in part["tax_lines"]), Decimal(0))


def sh_order(
    lines: list[dict[str, Any]] | None = None,
    shipping: list[dict[str, Any]] | None = None,
    *,
    inclusive: bool = True,
    **fields: Any,
) -> dict[str, Any]:
    lines = [sh_line(1, inclusive=inclusive)] if lines is None else lines
    parts = [*lines, *(shipping or [])]
    tax = sum((sh_tax_of(part) for part in parts), Decimal(0))
    total = sum((sh_amount(part) for part in parts), Decimal(0)) + (0 if inclusive else tax)
    return {
        "id": 4001,
        "name": "#1001",
        "order_number": 1001,
        "test": False,
        "email": "maija@example.com",
        "created_at": "2026-10-01T01:30:00+03:00",
        "updated_at": "2026-10-01T11:00:00+03:00",
        "cancelled_at": None,
        "financial_status": "paid",
        "currency": "EUR",
        "presentment_currency": "EUR",
        "taxes_included": inclusive,
        "total_price": str(total),
        "total_tax": str(tax),
        "total_tip_received": "0.00",
        "customer_locale": "fi-FI",
        "payment_gateway_names": ["shopify_payments"],
        "note_attributes": [],
        "billing_address": ADDRESS,
        "shipping_address": ADDRESS,
        "customer": {"first_name": "Maija", "last_name": "Meikäläinen"},
        "line_items": lines,
        "shipping_lines": shipping or [],
        "refunds": [],
    } | fields


def sh_refund(
    order: dict[str, Any],
    lines: list[dict[str, Any]] | None = None,
    *,
    amount: str | None = None,
    number: int = 8001,
    everything: bool = False,
    status: str = "success",
) -> dict[str, Any]:
    """A refund as an order of API version 2024-10 or later embeds it."""
    lines = order["line_items"] if everything else lines or []
    shipping = order["shipping_lines"] if everything else []
    own = [*lines, *shipping]
    tax = Decimal(0) if order["taxes_included"] else sum(map(sh_tax_of, own), Decimal(0))
    total = sum(map(sh_amount, own), Decimal(0)) + tax if amount is None else Decimal(amount)
    return {
        "id": number,
        "order_id": order["id"],
        "created_at": "2026-10-05T12:00:00+03:00",
        "refund_line_items": [
            {
                "id": 80 + position,
                "line_item_id": line["id"],
                "quantity": line["quantity"],
                "subtotal": float(sh_amount(line)),
                "total_tax": float(sh_tax_of(line)),
                "line_item": line,
            }
            for position, line in enumerate(lines)
        ],
        "refund_shipping_lines": [
            {
                "id": 90,
                "shipping_line": line,
                "subtotal_amount_set": {"shop_money": {"amount": str(sh_amount(line))}},
                "tax_amount_set": {"shop_money": {"amount": str(sh_tax_of(line))}},
            }
            for line in shipping
        ],
        "order_adjustments": [],
        "transactions": [{"kind": "refund", "status": status, "amount": str(total)}]
        if total
        else [],
    }


# --- Any order -------------------------------------------------------------------------------

_prices = st.integers(0, 500_00).map(lambda n: str(Decimal(n) / 100))
_rates = st.sampled_from([*RATES, None])


@st.composite
def wc_orders(draw: Any) -> dict[str, Any]:
    """Orders with a few lines, discounts, shipping, fees below zero among them, and rounding as a
    shop that rounds the whole order has it."""
    inclusive = draw(st.booleans())
    lines = []
    for number in range(draw(st.integers(1, 5))):
        price, quantity = draw(_prices), draw(st.integers(1, 12))
        whole = int(Decimal(price) * quantity * 100)
        off = str(Decimal(draw(st.integers(0, whole))) / 100)
        lines.append(wc_line(number, price, quantity, draw(_rates), off))
    shipping = [wc_shipping(draw(_prices), draw(_rates))] if draw(st.booleans()) else []
    total = sum(Decimal(x["total"]) for x in (*lines, *shipping))
    least = -min(500, int(total / 2))
    fee = st.integers(least, 50_00).map(lambda n: str(Decimal(n) / 100))
    fees = [wc_fee(draw(fee), draw(_rates))] if draw(st.booleans()) else []
    total += sum(Decimal(x["total"]) for x in fees)
    rounding = str(draw(st.sampled_from([0, 1, -1, 2, -2]))) if total > 1 else "0"
    rounding = str(Decimal(rounding) / 100)
    order = wc_order(lines, shipping, fees, inclusive=inclusive, rounding=rounding)
    return order


@st.composite
def sh_orders(draw: Any) -> dict[str, Any]:
    inclusive = draw(st.booleans())
    lines = []
    for number in range(draw(st.integers(1, 5))):
        price, quantity = draw(_prices), draw(st.integers(1, 12))
        whole = int(Decimal(price) * quantity * 100)
        off = str(Decimal(draw(st.integers(0, whole))) / 100)
        lines.append(sh_line(number, price, quantity, draw(_rates), off, inclusive=inclusive))
    shipping = []
    if draw(st.booleans()):
        shipping = [sh_shipping(draw(_prices), draw(_rates), inclusive=inclusive)]
    return sh_order(lines, shipping, inclusive=inclusive)
