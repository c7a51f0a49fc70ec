"""WooCommerce orders and refunds (REST API v3, and webhooks of the same shape) as documents.

Pure: no Django, no clock, no network. Which facts are documented and which assumed: README of
`invoices.shops`.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from invoices.intake.node import trimmed
from invoices.intake.values import Log
from invoices.shops.reading import vat
from invoices.shops.reading.building import day_of, new_log, nothing, read_of
from invoices.shops.reading.buyers import address, buyer, check_known, meta_of
from invoices.shops.reading.differences import with_difference
from invoices.shops.reading.fields import Fields
from invoices.shops.reading.lines import Line, Sum
from invoices.shops.reading.settings import LeftOut, OrderFacts, Read, ShopSettings
from invoices.shops.reading.words import word

_ZERO = Decimal(0)
_PARTY = {
    "first": "first_name",
    "last": "last_name",
    "company": "company",
    "street": "address_1",
    "second_line": "address_2",
    "zip": "postcode",
    "city": "city",
    "country": "country",
}
#: Orders in the making, and orders in the bin.
_CANCELLED = frozenset({"cancelled", "failed", "trash"})
_PICKED_UP = frozenset({"local_pickup", "pickup_location"})


def facts_of(data: dict[str, Any]) -> OrderFacts:
    """What the order says of itself. Never raises."""
    order = Fields(data, new_log())
    status = order.text("status")
    return OrderFacts(
        remote_id=order.text("id"),
        number=order.text("number") or order.text("id"),
        created=order.moment("date_created_gmt"),
        modified=order.moment("date_modified_gmt") or order.moment("date_created_gmt"),
        status=status,
        is_paid=bool(order.text("date_paid_gmt")),
        total=order.money("total", _ZERO),
        currency=order.text("currency"),
        is_cancelled=status in _CANCELLED,
        refund_ids=tuple(refund.text("id") for refund in order.items("refunds")),
    )


def read_order(data: dict[str, Any], settings: ShopSettings) -> Read:
    """The order as an invoice, or every problem."""
    order = Fields(data, new_log())
    fields = _header(order, settings) | {"date": day_of(order.moment("date_created_gmt"))}
    inclusive = order.flag("prices_include_tax")
    stated = Sum(order.money("total"), order.money("total_tax"))
    lines = _lines(order, _rates(order), inclusive, settings)
    vat.judge(lines, _sale(order, fields, settings), order.log)
    return read_of(
        fields,
        lines,
        stated,
        inclusive=inclusive,
        settings=settings,
        log=order.log,
        place="total",
    )


def read_refund(data: dict[str, Any], refunded: dict[str, Any], settings: ShopSettings) -> Read:
    """A refund of the order `data` as a credit note, or every problem. `refunded` is as the
    order's refunds are listed by the API: amounts of lines below zero, `amount` above."""
    log = new_log()
    order, refund = Fields(data, log), Fields(refunded, log)
    order_number = order.text("number") or order.text("id")
    number = settings.refund_number_of(order_number, refund.text("id"))
    amount = -refund.money("amount", _ZERO)
    if not amount:
        return nothing(number, LeftOut.NOTHING)
    fields = _header(order, settings) | {
        "kind": "credit_note",
        "number": number,
        "corrects_number": settings.number_of(order_number),
        "date": day_of(refund.moment("date_created_gmt")),
    }
    inclusive = order.flag("prices_include_tax")
    rates = _rates(order)
    sold = _lines(order, rates, inclusive, settings)
    back = _lines(refund, rates, inclusive, settings)
    sale = _sale(order, fields, settings)
    vat.judge(sold, sale, Log())
    vat.judge(back, sale, log)
    back, stated = with_difference(back, sold, amount, inclusive, settings, log, "amount")
    return read_of(
        fields, back, stated, inclusive=inclusive, settings=settings, log=log, place="amount"
    )


def _header(order: Fields, settings: ShopSettings) -> dict[str, Any]:
    number = order.text("number") or order.text("id")
    if not number:
        order.log.error("missing", "number")
    meta = meta_of(order.items("meta_data"), "key", "value")
    billing = order.child("billing")
    who = buyer(billing, _PARTY, billing.text("email"), meta, settings)
    check_known(who["address"], order.log, "billing")
    return {
        "number": settings.number_of(number),
        "currency": order.text("currency").upper(),
        "buyer": who,
        "delivery_address": address(order.child("shipping"), _PARTY) or None,
        "payment_method": order.text("payment_method"),
        "order_reference": number,
    }


def _sale(order: Fields, fields: dict[str, Any], settings: ShopSettings) -> vat.Sale:
    delivery = fields["delivery_address"] or {}
    billed = fields["buyer"]["address"].get("country", "")
    picked_up = any(line.text("method_id") in _PICKED_UP for line in order.items("shipping_lines"))
    destination = "FI" if picked_up else delivery.get("country") or billed
    return vat.Sale(destination, fields["buyer"]["vat_number"], settings.goods_only)


def _rates(order: Fields) -> dict[str, tuple[Decimal | None, str]]:
    """Percent and country of each tax of the order, by the id that its lines name."""
    found: dict[str, tuple[Decimal | None, str]] = {}
    for tax in order.items("tax_lines"):
        has_rate = tax.data.get("rate_percent") not in (None, "")
        rate = trimmed(tax.number("rate_percent")) if has_rate else None
        country = tax.text("rate_code").split("-")[0].upper()
        found[tax.text("rate_id")] = (rate, country if len(country) == 2 else "")
    return found


def _lines(
    owner: Fields,
    rates: dict[str, tuple[Decimal | None, str]],
    inclusive: bool,
    settings: ShopSettings,
) -> list[Line]:
    language = settings.language
    found = [
        _line(each, rates, inclusive, each.text("name") or word("product", language), language)
        for each in owner.items("line_items")
        if each.money("total", _ZERO) or each.number("quantity", _ZERO)
    ]
    others = (("shipping_lines", "method_title", "shipping"), ("fee_lines", "name", "fee"))
    for key, title, name in others:
        found += [
            _line(each, rates, inclusive, each.text(title) or word(name, language), language)
            for each in owner.items(key)
            if each.money("total", _ZERO)
        ]
    return found


def _line(
    line: Fields,
    rates: dict[str, tuple[Decimal | None, str]],
    inclusive: bool,
    name: str,
    language: str,
) -> Line:
    net, tax = line.money("total"), line.money("total_tax", _ZERO)
    rate, country = _rate(line, rates)
    return Line(
        name=name,
        code=line.text("sku"),
        quantity=line.number("quantity", Decimal(1)),
        amount=net + tax if inclusive else net,
        tax=tax,
        rate=rate,
        country=country,
        place=line.path,
        comment=_discount(line, net + tax if inclusive else net, inclusive, language),
    )


def _rate(line: Fields, rates: dict[str, tuple[Decimal | None, str]]) -> tuple[Decimal | None, str]:
    """The one tax of the line. Taxes of nothing beside one of something do not count."""
    taxes = [tax for tax in line.items("taxes") if tax.text("total") or tax.text("subtotal")]
    charged = [tax for tax in taxes if tax.number("total", _ZERO)] or taxes[:1]
    if not charged:
        if line.money("total_tax", _ZERO):
            line.log.error("shop_rate_missing", line.place("taxes"), "–")
        return None, ""
    if len(charged) > 1:
        line.log.error("shop_several_taxes", line.place("taxes"), len(charged))
        return None, ""
    rate, country = rates.get(charged[0].text("id"), (None, ""))
    if rate is None and line.money("total_tax", _ZERO):
        line.log.error("shop_rate_missing", line.place("taxes"), charged[0].text("id"))
    return rate, country


def _discount(line: Fields, amount: Decimal, inclusive: bool, language: str) -> str:
    """What the discount was, which the shop has taken off the line already."""
    if line.data.get("subtotal") in (None, ""):
        return ""
    before = line.money("subtotal")
    if inclusive:
        before += line.money("subtotal_tax", _ZERO)
    off = before - amount
    return f"{word('discount', language)}: {off:f}" if off > 0 and amount >= 0 else ""
