"""Lines, charges and allowances of an EN 16931 invoice as rows. A credit note's are negated:
the standard writes them positive, our documents negative."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from invoices.intake.en16931.node import EnNode
from invoices.intake.en16931.syntax import Syntax
from invoices.intake.en16931.vat import vat_of
from invoices.intake.figures import (
    MAX_ROWS,
    Price,
    RowDraft,
    Rows,
    price_from_net,
    row_of_amount,
    stated_price,
)
from invoices.intake.values import money


def lines_of(invoice: EnNode, syntax: Syntax) -> list[EnNode]:
    return [node for path in syntax.line.at for node in invoice.children(path)]


def signed(amount: Decimal, sign: int) -> Decimal:
    """`amount` with the sign our documents give it; zero has none."""
    return sign * amount + 0


def read_rows(invoice: EnNode, syntax: Syntax, sign: int) -> Rows:
    """Every line, then every charge and allowance of the whole invoice."""
    rows, nodes = Rows(), lines_of(invoice, syntax)
    if len(nodes) > MAX_ROWS:
        invoice.log.error("too_many", syntax.line.at[0], len(nodes), MAX_ROWS)
        return Rows(complete=False)
    if not nodes:
        invoice.missing(syntax.line.at[0])
    for draft in (*_lines(nodes, syntax, sign), *_charges(invoice, syntax, sign)):
        if draft is None:
            rows.complete = False
        else:
            rows.drafts.append(draft)
    return rows


def _lines(nodes: list[EnNode], syntax: Syntax, sign: int) -> Iterator[RowDraft | None]:
    for node in nodes:
        errors = len(node.log.errors)
        draft = _line(node, syntax, sign)
        yield draft if len(node.log.errors) == errors else None


def _line(node: EnNode, syntax: Syntax, sign: int) -> RowDraft | None:
    paths = syntax.line
    net = node.amount(paths.net)
    quantity_path = next((path for path in paths.quantity if node.text(path)), paths.quantity[0])
    quantity, price = node.amount(quantity_path), node.amount(paths.price)
    vat, name = vat_of(node, paths.category, paths.rate), node.required(paths.name)
    start, end = node.date(paths.start), node.date(paths.end)
    base = node.number(paths.base_quantity)
    if base is not None and base <= 0:
        node.log.error("not_allowed", node.place(paths.base_quantity), base, "> 0")
        return None
    if net is None or quantity is None or price is None or vat is None:
        return None
    _sub_lines(node, syntax)
    unit = node.attribute(quantity_path, "unitCode")
    net = signed(money(net), sign)
    figures = _price(node, syntax, signed(quantity, sign), price / (base or 1), unit, net)
    fields = {
        "name": name,
        "code": node.first(paths.codes),
        "quantity": figures.quantity,
        "unit": figures.unit,
        "unit_price": figures.unit_price,
        "discount_percent": figures.discount,
        "vat_percent": vat.rate,
        "vat_category": vat.category,
        "net_amount": net,
        "comment": _comment(node, syntax, name, figures.note),
        "start_date": start or end,
        "end_date": end or start,
    }
    return RowDraft(fields, net)


def _sub_lines(node: EnNode, syntax: Syntax) -> None:
    """Of an extension: they repeat what the line says, and the totals decide."""
    if syntax.line.sub_lines:
        for sub in node.children(syntax.line.sub_lines):
            node.log.warn("sub_row_skipped", sub.path, sub.text(syntax.line.sub_net))


def _price(
    node: EnNode, syntax: Syntax, quantity: Decimal, price: Decimal, unit: str, net: Decimal
) -> Price:
    charges = node.children(syntax.charge.line_at)
    discount = _only_percent(charges, syntax)
    stated = stated_price(quantity, price, discount, unit, net)
    if stated is not None:
        return stated
    note = _figures(node, syntax, charges, unit)
    node.log.warn("row_recomputed", node.path, note, net)
    return price_from_net(quantity, unit, net, note)


def _only_percent(charges: list[EnNode], syntax: Syntax) -> Decimal:
    """The percentage of the only allowance there is, else 0."""
    if len(charges) != 1 or _is_charge(charges[0], syntax):
        return Decimal(0)
    return charges[0].percent(syntax.charge.percent) or Decimal(0)


def _is_charge(node: EnNode, syntax: Syntax) -> bool:
    """Whether it is a charge, else an allowance; an error when it says neither."""
    path = syntax.charge.is_charge
    told = node.required(path).lower()
    if told not in ("", "true", "1", "false", "0"):
        node.log.error("not_allowed", node.place(path), told, "true, false")
    return told in ("true", "1")


def _figures(node: EnNode, syntax: Syntax, charges: list[EnNode], unit: str) -> str:
    """The line's own figures as they stand, for the comment."""
    paths = syntax.line
    base = node.text(paths.base_quantity)
    price = node.text(paths.price) + (f" / {base}" if base else "")
    parts = [f"{node.first(paths.quantity)} {unit}".strip(), "×", price]
    for charge in charges:
        parts.append(
            ("+" if _is_charge(charge, syntax) else "-") + charge.text(syntax.charge.amount)
        )
    return " ".join(parts)


def _comment(node: EnNode, syntax: Syntax, name: str, note: str) -> str:
    paths = syntax.line
    description = node.text(paths.description)
    at, label, value = paths.properties
    told = [f"{each.text(label)}: {each.text(value)}" for each in node.children(at)]
    parts = [note, description if description != name else "", *node.texts(paths.notes), *told]
    return "\n".join(part for part in parts if part)


def _charges(invoice: EnNode, syntax: Syntax, sign: int) -> Iterator[RowDraft | None]:
    paths = syntax.charge
    for node in invoice.children(paths.at):
        amount, vat = node.amount(paths.amount), vat_of(node, paths.category, paths.rate)
        if amount is None or vat is None:
            yield None
            continue
        charged = _is_charge(node, syntax)
        if not amount:
            continue
        name = node.first(paths.reason) or ("Lisä" if charged else "Alennus")
        yield row_of_amount(name, sign * (amount if charged else -amount), *vat)
