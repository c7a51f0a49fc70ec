"""Orders to look at in the demo: made up by us, as the shops document them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

_PEOPLE = (
    ("Maija", "Mallikas", "", "FI", "Testitie 1", "02100", "Espoo"),
    ("Kalle", "Koekäyttäjä", "Koekäyttö Oy", "FI", "Mallikatu 2", "33100", "Tampere"),
    ("Anna", "Exempel", "", "FI", "Provvägen 3", "65100", "Vasa"),
    ("Erika", "Mustermann", "", "DE", "Musterweg 4", "10115", "Berlin"),
)
#: Name, price with VAT, rate, how many.
_GOODS = (
    ("Villasukat", "24.90", "25.5", 2),
    ("Kahvi 500 g", "8.95", "13.5", 4),
    ("Teemuki", "15.50", "25.5", 1),
)


def sample_orders(kind: str) -> list[dict[str, Any]]:
    """A dozen orders of the last twelve days; one to Germany with German VAT, one unpaid."""
    now = datetime.now(UTC).replace(microsecond=0)
    make = _woocommerce if kind == "woocommerce" else _shopify
    return [make(number, now - timedelta(days=12 - number, hours=1)) for number in range(12)]


def _bought(number: int) -> list[tuple[str, Decimal, Decimal, int]]:
    chosen = _GOODS[: number % len(_GOODS) + 1]
    return [(name, Decimal(price), Decimal(rate), count) for name, price, rate, count in chosen]


def _tax(gross: Decimal, rate: Decimal) -> Decimal:
    return (gross * rate / (100 + rate)).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)


def _woocommerce(number: int, at: datetime) -> dict[str, Any]:
    first, last, company, country, street, code, city = _PEOPLE[number % len(_PEOPLE)]
    who = {
        "first_name": first,
        "last_name": last,
        "company": company,
        "address_1": street,
        "postcode": code,
        "city": city,
        "country": country,
        "email": f"{first.lower()}@example.com",
    }
    lines, total, taxes = [], Decimal(0), Decimal(0)
    for position, (name, price, rate, count) in enumerate(_bought(number)):
        gross = price * count
        tax = _tax(gross, rate)
        total, taxes = total + gross, taxes + tax
        net = str(gross - tax)
        lines.append(
            {
                "id": position + 1,
                "name": name,
                "sku": f"T-{position + 1}",
                "quantity": count,
                "subtotal": net,
                "subtotal_tax": str(tax),
                "total": net,
                "total_tax": str(tax),
                "taxes": [{"id": int(rate * 10), "total": str(tax), "subtotal": str(tax)}],
            }
        )
    code_of = "DE-MWST-1" if country == "DE" else "FI-ALV-1"
    rates = [
        {"rate_id": int(rate * 10), "rate_code": code_of, "rate_percent": float(rate)}
        for rate in sorted({each[2] for each in _bought(number)})
    ]
    moment = at.strftime("%Y-%m-%dT%H:%M:%S")
    return {
        "id": 1000 + number,
        "number": str(1000 + number),
        "status": "pending" if number == 5 else "processing",
        "currency": "EUR",
        "date_created_gmt": moment,
        "date_modified_gmt": moment,
        "date_paid_gmt": None if number == 5 else moment,
        "prices_include_tax": True,
        "total": str(total),
        "total_tax": str(taxes),
        "billing": who,
        "shipping": who,
        "payment_method": "bank_transfer",
        "meta_data": [{"key": "_billing_y_tunnus", "value": "0112038-9"}] if company else [],
        "line_items": lines,
        "tax_lines": rates,
        "shipping_lines": [],
        "fee_lines": [],
        "refunds": [],
    }


def _shopify(number: int, at: datetime) -> dict[str, Any]:
    first, last, company, country, street, code, city = _PEOPLE[number % len(_PEOPLE)]
    where = {
        "first_name": first,
        "last_name": last,
        "company": company or None,
        "address1": street,
        "zip": code,
        "city": city,
        "country_code": country,
    }
    title = "DE VAT" if country == "DE" else "FI VAT"
    lines, total, taxes = [], Decimal(0), Decimal(0)
    for position, (name, price, rate, count) in enumerate(_bought(number)):
        gross = price * count
        tax = _tax(gross, rate)
        total, taxes = total + gross, taxes + tax
        lines.append(
            {
                "id": position + 1,
                "name": name,
                "sku": f"T-{position + 1}",
                "quantity": count,
                "price": str(price),
                "discount_allocations": [],
                "requires_shipping": True,
                "gift_card": False,
                "tax_lines": [{"title": title, "rate": float(rate / 100), "price": str(tax)}],
            }
        )
    return {
        "id": 4000 + number,
        "name": f"#{1000 + number}",
        "test": False,
        "email": f"{first.lower()}@example.com",
        "created_at": at.isoformat(),
        "updated_at": at.isoformat(),
        "cancelled_at": None,
        "financial_status": "pending" if number == 5 else "paid",
        "currency": "EUR",
        "presentment_currency": "EUR",
        "taxes_included": True,
        "total_price": str(total),
        "total_tax": str(taxes),
        "customer_locale": "fi",
        "payment_gateway_names": ["bank_transfer"],
        "note_attributes": [{"name": "Y-tunnus", "value": "0112038-9"}] if company else [],
        "billing_address": where,
        "shipping_address": where,
        "line_items": lines,
        "shipping_lines": [],
        "refunds": [],
    }
