"""Shopify orders and refunds (REST Admin API, and webhooks of the same shape) as documents.

Pure: no Django, no clock, no network. Which facts are documented and which assumed: README of
`invoices.shops`.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from invoices.intake.node import trimmed
from invoices.intake.values import Log, money
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
    "street": "address1",
    "second_line": "address2",
    "zip": "zip",
    "city": "city",
    "country": "country_code",
}
_PAID = frozenset({"paid", "partially_refunded", "refunded"})
_GIFT_CARD = "gift_card"


def facts_of(data: dict[str, Any]) -> OrderFacts:
    """What the order says of itself. Never raises."""
    order = Fields(data, new_log())
    status = order.text("financial_status")
    return OrderFacts(
        remote_id=order.text("id"),
        number=_number(order),
        created=order.moment("created_at"),
        modified=order.moment("updated_at") or order.moment("created_at"),
        status=status,
        is_paid=status in _PAID,
        total=order.money("total_price", _ZERO),
        currency=order.text("currency"),
        is_test=order.flag("test"),
        is_cancelled=bool(order.text("cancelled_at")) or status == "voided",
        refund_ids=tuple(refund.text("id") for refund in order.items("refunds")),
    )


def read_order(data: dict[str, Any], settings: ShopSettings) -> Read:
    """The order as an invoice, or every problem."""
    order = Fields(data, new_log())
    fields = _header(order, settings) | {"date": day_of(order.moment("created_at"))}
    inclusive = order.flag("taxes_included")
    stated = Sum(order.money("total_price"), order.money("total_tax", _ZERO))
    lines = _lines(order, settings)
    vat.judge(lines, _sale(fields, settings), order.log)
    _refuse_duties(order)
    if order.text("presentment_currency") not in ("", order.text("currency")):
        order.log.warn(
            "shop_other_currency",
            "presentment_currency",
            order.text("presentment_currency"),
            order.text("currency"),
        )
    return read_of(
        fields,
        lines,
        stated,
        inclusive=inclusive,
        settings=settings,
        log=order.log,
        place="total_price",
    )


def read_refund(data: dict[str, Any], refunded: dict[str, Any], settings: ShopSettings) -> Read:
    """A refund of the order `data` as a credit note, or every problem. Its total is what was paid
    back, or what its lines give where no money moved (an edited order)."""
    log = Log()
    order, refund = Fields(data, log), Fields(refunded, log)
    number = settings.refund_number_of(_number(order), refund.text("id"))
    transactions = [t for t in refund.items("transactions") if t.text("kind") == "refund"]
    if any(t.text("status") in ("pending", "") for t in transactions):
        return nothing(number, LeftOut.NOT_SETTLED)
    inclusive = order.flag("taxes_included")
    sold, sale_log = _lines(order, settings), Log()
    back = _back(order, refund, settings)
    fields = _header(order, settings)
    sale = _sale(fields, settings)
    vat.judge(sold, sale, sale_log)
    vat.judge(back, sale, log)
    amount = _amount(refund, transactions, back, inclusive)
    if not amount:
        return nothing(number, LeftOut.NOTHING)
    fields |= {
        "kind": "credit_note",
        "number": number,
        "corrects_number": fields["number"],
        "date": day_of(refund.moment("created_at")),
    }
    back, stated = with_difference(back, sold, amount, inclusive, settings, log, "transactions")
    return read_of(
        fields, back, stated, inclusive=inclusive, settings=settings, log=log, place="transactions"
    )


def _number(order: Fields) -> str:
    return order.text("name").removeprefix("#") or order.text("order_number") or order.text("id")


def _header(order: Fields, settings: ShopSettings) -> dict[str, Any]:
    number = _number(order)
    if not number:
        order.log.error("missing", "name")
    billing = order.child("billing_address")
    if not billing.data:
        billing = order.child("customer").child("default_address")
    shipping = order.child("shipping_address")
    meta = meta_of(order.items("note_attributes"), "name", "value")
    who = buyer(billing, _PARTY, order.text("email"), meta, settings)
    if not who["address"].get("name"):
        customer = order.child("customer")
        name = f"{customer.text('first_name')} {customer.text('last_name')}".strip()
        who["address"] |= {"name": name} if name else {}
    check_known(who["address"], order.log, "billing_address")
    return {
        "number": settings.number_of(number),
        "currency": order.text("currency").upper(),
        "buyer": who,
        "delivery_address": address(shipping, _PARTY) or None,
        "payment_method": _payment_method(order),
        "order_reference": number,
        "language": _language(order),
    }


def _language(order: Fields) -> str:
    locale = order.text("customer_locale")[:2].upper()
    return locale if locale in ("FI", "SV", "EN") else ""


def _payment_method(order: Fields) -> str:
    """The gateway's word; a gift card only where it paid all. Several are one word of their own,
    which the tenant's table may know."""
    given = order.data.get("payment_gateway_names")
    names = [name for name in given if isinstance(name, str)] if isinstance(given, list) else []
    others = [name for name in dict.fromkeys(names) if name != _GIFT_CARD]
    return " + ".join(others or names[:1])[:100]


def _sale(fields: dict[str, Any], settings: ShopSettings) -> vat.Sale:
    delivery = fields["delivery_address"] or {}
    billed = fields["buyer"]["address"].get("country", "")
    return vat.Sale(
        delivery.get("country") or billed, fields["buyer"]["vat_number"], settings.goods_only
    )


def _refuse_duties(order: Fields) -> None:
    """Import duties that the shop collected: neither sale nor VAT."""
    for key in ("original_total_duties_set", "current_total_duties_set"):
        amount = order.child(key).child("shop_money").money("amount", _ZERO)
        if amount:
            order.log.error("shop_duties", key, amount)
            return


def _lines(order: Fields, settings: ShopSettings) -> list[Line]:
    language = settings.language
    found = [_item(item, settings) for item in order.items("line_items")]
    tips = any(item.text("tip_payment_gateway") for item in order.items("line_items"))
    for shipping in order.items("shipping_lines"):
        amount = shipping.money("price", _ZERO) - _allocated(shipping)
        if amount and not shipping.flag("is_removed"):
            name = shipping.text("title") or word("shipping", language)
            found.append(_line(shipping, name, Decimal(1), amount))
    tip = order.money("total_tip_received", _ZERO)
    if tip and not tips:
        name = word("tip", language)
        found.append(Line(name, Decimal(1), tip, _ZERO, None, "total_tip_received"))
    return found


def _item(item: Fields, settings: ShopSettings) -> Line:
    quantity, price = item.number("quantity"), item.number("price")
    off = _allocated(item)
    name = item.text("name") or item.text("title") or word("product", settings.language)
    line = _line(item, name, quantity, money(quantity * price - off))
    line.code = item.text("sku")
    if not item.flag(_GIFT_CARD) and not item.text("tip_payment_gateway"):
        line.is_goods = item.flag("requires_shipping")
    if off > 0:
        line.comment = f"{word('discount', settings.language)}: {off:f}"
    return line


def _allocated(owner: Fields) -> Decimal:
    """All discounts, those of the order among them: Shopify has shared them out to the lines."""
    allocations = owner.items("discount_allocations")
    return sum((each.money("amount", _ZERO) for each in allocations), _ZERO)


def _line(owner: Fields, name: str, quantity: Decimal, amount: Decimal) -> Line:
    taxes = owner.items("tax_lines")
    charged = [tax for tax in taxes if tax.money("price", _ZERO)] or taxes[:1]
    rate, country, tax_amount = None, "", _ZERO
    if len(charged) > 1:
        owner.log.error("shop_several_taxes", owner.place("tax_lines"), len(charged))
    elif charged:
        rate, country, tax_amount = _tax(charged[0])
    return Line(name, quantity, amount, tax_amount, rate, owner.path, country=country)


def _tax(tax: Fields) -> tuple[Decimal, str, Decimal]:
    """Percent (the API has 0.255), whose tax it says it is, and its amount."""
    country = tax.text("title").split(" ")[0].upper()
    known = country if country in vat.EU else ""
    return trimmed(tax.number("rate") * 100), known, tax.money("price", _ZERO)


def _back(order: Fields, refund: Fields, settings: ShopSettings) -> list[Line]:
    """What was given back, below zero."""
    sold = {item.text("id"): item for item in order.items("line_items")}
    found = []
    for each in refund.items("refund_line_items"):
        item = sold.get(each.text("line_item_id")) or each.child("line_item")
        line = _item(item, settings)
        line.quantity, line.place, line.comment = -each.number("quantity"), each.path, ""
        line.amount, line.tax = -each.money("subtotal"), -each.money("total_tax", _ZERO)
        if line.amount:
            found.append(line)
    return found + _shipping_back(order, refund, settings)


def _shipping_back(order: Fields, refund: Fields, settings: ShopSettings) -> list[Line]:
    """Of API versions since 2024-10 as lines, of earlier ones as adjustments below zero."""
    found = []
    for each in refund.items("refund_shipping_lines"):
        amount = each.child("subtotal_amount_set").child("shop_money").money("amount", _ZERO)
        tax = each.child("tax_amount_set").child("shop_money").money("amount", _ZERO)
        found.append((each.child("shipping_line"), each.path, amount, tax))
    if not found:
        shipped = next(iter(order.items("shipping_lines")), Fields({}, order.log))
        for each in refund.items("order_adjustments"):
            if each.text("kind") == "shipping_refund":
                amount, tax = each.money("amount"), each.money("tax_amount", _ZERO)
                if order.flag("taxes_included"):
                    amount += tax
                found.append((shipped, each.path, abs(amount), abs(tax)))
    lines = []
    for shipping, place, amount, tax in found:
        name = shipping.text("title") or word("shipping", settings.language)
        line = _line(shipping, name, Decimal(-1), -amount)
        line.tax, line.place = -tax, place
        if amount:
            lines.append(line)
    return lines


def _amount(
    refund: Fields, transactions: list[Fields], back: list[Line], inclusive: bool
) -> Decimal:
    """What the credit note comes to, below zero."""
    paid = [t.money("amount") for t in transactions if t.text("status") == "success"]
    if paid:
        return -sum(paid, _ZERO)
    counted = sum((line.amount + (_ZERO if inclusive else line.tax) for line in back), _ZERO)
    kept = [a for a in refund.items("order_adjustments") if a.text("kind") != "shipping_refund"]
    return min(_ZERO, counted + sum((a.money("amount", _ZERO) for a in kept), _ZERO))
