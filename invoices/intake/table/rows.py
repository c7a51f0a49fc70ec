"""What the rows of a table sell, and for how much."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import Any

from invoices.document import VatCategory
from invoices.intake.figures import MAX_ROWS, price_from_net, stated_price, tolerance
from invoices.intake.table.groups import Group, TableRow
from invoices.intake.values import money

ZERO = Decimal(0)
_PRICES = (
    "row.unit_price",
    "row.unit_price_with_vat",
    "row.net_amount",
    "row.gross_amount",
)
_TOTALS = ("net_total", "vat_total", "gross_total")


def read_rows(group: Group, header: dict[str, Any]) -> dict[str, Any]:
    """`rows` and the stated totals, compared; `kind`, when the total is below zero."""
    if group.count > MAX_ROWS:
        group.log.error("too_many", group.rows[0].place(), group.count, MAX_ROWS)
        return {"rows": []}
    errors = len(group.log.errors)
    stated = {name: group.decimal(name) for name in _TOTALS}
    with_vat = header["prices_include_vat"]
    rows = [_row(row, group, stated, with_vat) for row in group.rows]
    if len(group.log.errors) > errors:
        return {"rows": []}
    counted = _counted(rows, with_vat)
    if all(total is None for total in stated.values()):
        group.log.warn("totals_missing", group.rows[0].place("number"))
    for name, total in stated.items():
        if total is not None and abs(total - counted[name]) > tolerance(len(rows)):
            group.log.error("totals_differ", group.place(name), money(total), counted[name])
    return {"rows": rows, **stated, "kind": _kind(group, header["kind"], counted["gross_total"])}


def _kind(group: Group, kind: str, gross: Decimal) -> str:
    place = group.place("gross_total")
    if kind == "credit_note" and gross > 0:
        group.log.error("credit_note_positive", place, gross)
    elif kind == "invoice" and gross < 0:
        group.log.warn("negative_invoice", place, gross)
        return "credit_note"
    return kind


def _row(
    row: TableRow, group: Group, stated: dict[str, Decimal | None], with_vat: bool
) -> dict[str, Any]:
    name, rate = row.text("row.name"), row.percent("row.vat_percent")
    if not name:
        row.missing("row.name")
    if not row.text("row.vat_percent"):
        row.missing("row.vat_percent")
    start, end = row.day("row.start_date"), row.day("row.end_date")
    fields: dict[str, Any] = {
        "name": name,
        "code": row.text("row.code"),
        "comment": row.text("row.comment"),
        "vat_percent": rate,
        "vat_category": _category(row, rate),
        "start_date": start or end,
        "end_date": end or start,
    }
    if rate is None:
        return fields
    figures = _figures(row, group, stated, with_vat, rate)
    note = figures.pop("note", "")
    fields["comment"] = "\n".join(text for text in (note, fields["comment"]) if text)
    return fields | figures


def _category(row: TableRow, rate: Decimal | None) -> VatCategory | None:
    code, place = row.text("row.vat_category").upper(), row.place("row.vat_category")
    if code and code not in set(VatCategory):
        row.log.error("not_allowed", place, code, ", ".join(VatCategory))
        return None
    if rate is None:
        return None
    if rate > 0:
        if code not in ("", "S"):
            row.log.error("vat_code_conflict", place, f"{code} {rate} %", "S")
        return VatCategory.STANDARD
    if code in ("", "S"):
        row.log.warn("vat_code_doubtful" if code else "vat_code_missing", place, code)
        return None
    return VatCategory(code)


def _figures(
    row: TableRow,
    group: Group,
    stated: dict[str, Decimal | None],
    with_vat: bool,
    rate: Decimal,
) -> dict[str, Any]:
    """Quantity, price, discount and the stated net; the net wins over the others."""
    quantity = row.decimal("row.quantity")
    if quantity is None:
        quantity = Decimal(1)
    discount = row.percent("row.discount_percent") or ZERO
    price, unit = _price(row, with_vat), row.text("row.unit")
    net = None if with_vat else _net(row, group, stated, rate, price)
    if price is None and net is None:
        if not any(row.text(name) for name in _PRICES):
            row.missing("row.unit_price")
        return {}
    if net is None:
        assert price is not None
        if price < 0:
            quantity, price = -quantity, -price
        figures = (quantity, unit, price, discount)
        return dict(
            zip(("quantity", "unit", "unit_price", "discount_percent"), figures, strict=True)
        )
    fitting = stated_price(quantity, price, discount, unit, net)
    if fitting is None:
        note = _told(row) if price is not None else ""
        if note:
            row.log.warn("row_recomputed", row.place(), note, net)
        fitting = price_from_net(quantity, unit, net, note)
    return {
        "quantity": fitting.quantity,
        "unit": fitting.unit,
        "unit_price": fitting.unit_price,
        "discount_percent": fitting.discount,
        "net_amount": net,
        "note": fitting.note,
    }


def _price(row: TableRow, with_vat: bool) -> Decimal | None:
    """Without VAT, unless the invoice's prices are with it."""
    price = row.decimal("row.unit_price")
    if price is None and with_vat:
        return row.decimal("row.unit_price_with_vat")
    return price


def _net(
    row: TableRow,
    group: Group,
    stated: dict[str, Decimal | None],
    rate: Decimal,
    price: Decimal | None,
) -> Decimal | None:
    """As the row states it; else, without a price, from what it says with VAT, or from the totals
    when the row is the whole invoice."""
    net, gross = row.decimal("row.net_amount"), row.decimal("row.gross_amount")
    if net is not None:
        return money(net)
    if price is not None:
        return None
    if gross is None and (each := row.decimal("row.unit_price_with_vat")) is not None:
        quantity, discount = row.decimal("row.quantity"), row.percent("row.discount_percent")
        gross = (1 if quantity is None else quantity) * each * (1 - (discount or ZERO) / 100)
    if gross is None and len(group.rows) == 1:
        if stated["net_total"] is not None:
            return money(stated["net_total"])
        gross = stated["gross_total"]
    if gross is None:
        return None
    row.log.warn("net_computed", row.place("row.net_amount"), gross)
    return money(gross / (1 + rate / 100))


def _told(row: TableRow) -> str:
    """The row's own figures as they stand, for the comment."""
    price = row.text("row.unit_price_with_vat") or row.text("row.unit_price")
    discount = row.text("row.discount_percent")
    quantity = f"{row.text('row.quantity') or '1'} {row.text('row.unit')}".strip()
    return f"{quantity} × {price}" + (f" -{discount} %" if discount else "")


def _counted(rows: list[dict[str, Any]], with_vat: bool) -> dict[str, Decimal]:
    """The totals the rows give, VAT counted once a rate."""
    bases: dict[Decimal, Decimal] = defaultdict(Decimal)
    for row in rows:
        share = 1 - row["discount_percent"] / 100
        amount = row.get("net_amount")
        if amount is None:
            amount = money(row["quantity"] * row["unit_price"] * share)
            if with_vat:
                amount = money(amount / (1 + row["vat_percent"] / 100))
        bases[row["vat_percent"]] += amount
    net = sum(bases.values(), ZERO)
    vat = sum((money(base * rate / 100) for rate, base in bases.items()), ZERO)
    return {"net_total": money(net), "vat_total": money(vat), "gross_total": money(net + vat)}
