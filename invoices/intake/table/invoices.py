"""The invoices of a table: header fields from any row of the invoice, one row of it a row."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal, localcontext
from typing import Any

from invoices.document import Problem
from invoices.intake.columns import ColumnMapping, Understood, usual_headings
from invoices.intake.result import MAX_ITEMS, ReadItem, ReadResult
from invoices.intake.table.groups import Group, Table, groups_of
from invoices.intake.table.rows import read_rows
from invoices.intake.table.sheet import Sheet
from invoices.intake.values import MAX_PROBLEMS, MAX_VALUE_CHARS, problem, validated
from invoices.mapping.identifiers import is_personal

#: Wide enough for any product and quotient of figures that a cell can hold.
_PRECISION = 60
_KINDS = {
    "invoice": "", "lasku": "", "faktura": "", "sales invoice": "", "myyntilasku": "",
    "inv01": "", "380": "", "m": "",
    "credit note": "credit_note", "credit": "credit_note", "credit invoice": "credit_note",
    "hyvityslasku": "credit_note", "hyvitys": "credit_note", "kreditfaktura": "credit_note",
    "kreditnota": "credit_note", "inv02": "credit_note", "381": "credit_note",
}  # fmt: skip
_COUNTRIES = {
    "finland": "FI", "suomi": "FI", "fin": "FI", "sweden": "SE", "ruotsi": "SE", "sverige": "SE",
    "estonia": "EE", "viro": "EE", "estland": "EE", "norway": "NO", "norja": "NO", "norge": "NO",
    "denmark": "DK", "tanska": "DK", "danmark": "DK", "germany": "DE", "saksa": "DE",
    "tyskland": "DE",
}  # fmt: skip
_LANGUAGES = {
    "suomi": "FI", "finnish": "FI", "finska": "FI", "fin": "FI", "ruotsi": "SV", "swedish": "SV",
    "svenska": "SV", "swe": "SV", "englanti": "EN", "english": "EN", "engelska": "EN", "eng": "EN",
}  # fmt: skip
_YES = frozenset({"true", "t", "yes", "y", "1", "kyllä", "k", "x", "ja", "j"})
_NO = frozenset({"", "false", "f", "no", "n", "0", "ei", "e", "nej"})
_DAMAGED = re.compile(r"[0-9]+(?:[.,][0-9]*)?E\+?[0-9]+|[0-9]+[.,][0-9]+", re.IGNORECASE)
_TEXTS = (
    "payment_method", "agreement_number", "buyer_reference", "seller_reference",
    "additional_information", "corrects_number",
)  # fmt: skip
_BUYER_TEXTS = (
    "contact_person", "email", "einvoice_address", "einvoice_operator", "edi_id",
)  # fmt: skip


def read_sheets(
    name: str, found: Iterable[tuple[Sheet, Understood]], mapping: ColumnMapping
) -> ReadResult:
    """The invoices of the sheets whose columns are understood; the others are told. When none
    is, everything that is missing from the likeliest one is."""
    sheets = list(found)
    usable = [(sheet, columns) for sheet, columns in sheets if not is_wrong(columns)]
    if not usable:
        likeliest, known = max(sheets, key=lambda each: len(each[1].places))
        told = told_of(likeliest, known)[:MAX_PROBLEMS]
        return ReadResult(name, (), tuple(told), known.columns)
    columns = tuple(column for __, known in usable for column in known.columns)
    left = [sheet for sheet, known in sheets if is_wrong(known)]
    problems = tuple(problem("sheet_left_out", "", sheet.name) for sheet in left if sheet.rows)
    items: list[ReadItem] = []
    for sheet, known in usable:
        unread = not_read(sheet, known)
        for group in groups_of(Table.of(sheet, known.places, mapping)):
            if len(items) == MAX_ITEMS:
                too_many = problem("too_many", "", "", MAX_ITEMS)
                return ReadResult(name, (), (too_many,), columns)
            items.append(read_group(len(items) + 1, group, unread))
            # Once a sheet: they are the same for every invoice of it.
            unread = []
    if not items and not problems:
        problems = (problem("table_empty"),)
    return ReadResult(name, tuple(items), problems, columns)


def is_wrong(known: Understood) -> bool:
    """Whether something is lacking without which no invoice is read."""
    return bool(known.missing or known.twice or known.unmapped)


def told_of(sheet: Sheet, known: Understood) -> list[Problem]:
    """What is wrong with the columns, and which were understood."""
    told = [problem("column_not_there", sheet.name, heading) for heading in known.unmapped]
    told += [problem("column_twice", sheet.name, heading) for heading in known.twice]
    told += [
        problem("column_missing", sheet.name, name, usual_headings(name)) for name in known.missing
    ]
    read = [column.heading for column in known.columns if column.field]
    told += [problem("columns_read", sheet.name, text) for text in _chunks(read)]
    return told + not_read(sheet, known)


def not_read(sheet: Sheet, known: Understood) -> list[Problem]:
    """The columns that mean nothing to us."""
    unread = [column.heading for column in known.columns if not column.field]
    return [problem("columns_not_read", sheet.name, text) for text in _chunks(unread)]


def _chunks(headings: list[str]) -> list[str]:
    """The headings in texts that are short enough to be kept whole."""
    chunks: list[str] = []
    for heading in headings:
        joined = f"{chunks[-1]}, {heading}" if chunks else heading
        if chunks and len(joined) <= MAX_VALUE_CHARS:
            chunks[-1] = joined
        else:
            chunks.append(heading)
    return chunks


def read_group(position: int, group: Group, unread: list[Problem]) -> ReadItem:
    """One invoice; `unread` goes before its own warnings."""
    with localcontext() as context:
        context.prec = _PRECISION
        item = _read_item(position, group)
    return replace(item, warnings=(*unread, *item.warnings)) if unread else item


def _read_item(position: int, group: Group) -> ReadItem:
    log = group.log
    shifted = next((row for row in group.rows if row.is_shifted), None)
    number = group.required("number")
    if shifted is not None:
        headings = shifted.table.sheet.headings
        log.error("columns_shifted", shifted.place(), len(shifted.cells), len(headings))
        return ReadItem(position, None, tuple(log.errors), (), number[:40])
    data = _document(group, number)
    document = None if log.errors else validated(data, log)
    return ReadItem(
        position,
        document if not log.errors else None,
        tuple(log.errors[:MAX_PROBLEMS]),
        tuple(log.warnings[:MAX_PROBLEMS]),
        number[:40],
    )


def _document(group: Group, number: str) -> dict[str, Any]:
    """The fields of `InvoiceDocument`; what is wrong with them is in the log."""
    if len(number) > 40:
        group.log.error("too_long", group.place("number"), number, 40)
    order = group.text("order_reference")
    date = group.day("date") if group.required("date") else None
    data: dict[str, Any] = {name: group.text(name) for name in _TEXTS}
    data |= {
        "number": number,
        "kind": _kind(group),
        "date": date,
        "due_date": _due_date(group, date),
        **_delivery(group),
        "currency": group.text("currency").upper() or "EUR",
        "currency_rate": _rate(group),
        "buyer": _buyer(group),
        "reference_number": _reference(group),
        "penalty_percent": group.row_with("penalty_percent").percent("penalty_percent"),
        "order_reference": "" if order.upper() == "NA" else order,
        "language": _language(group),
        "prices_include_vat": _prices_include_vat(group),
        "seller_account": group.text("seller_account").replace(" ", "").upper(),
        "prepaid_amount": group.decimal("prepaid_amount"),
    }
    if not re.fullmatch("[A-Z]{3}", data["currency"]):
        group.log.error("not_allowed", group.place("currency"), data["currency"], "EUR")
    if data["currency"] != "EUR":
        _check_euros(group, data["currency"])
    return data | read_rows(group, data)


def _check_euros(group: Group, currency: str) -> None:
    """An amount that says it is in euros is not one of another currency."""
    for row in group.rows:
        for name in row.table.numbers:
            if re.search("€|EUR", row.text(name)):
                row.log.error("currency_mixed", row.place(name), f"{currency}, EUR")


def _kind(group: Group) -> str:
    text = group.text("kind")
    kind = _KINDS.get(text.casefold(), "") if text else ""
    if text and text.casefold() not in _KINDS:
        place = group.place("kind")
        group.log.error("type_refused", place, text, "invoice, credit note, INV01, INV02")
    return kind or "invoice"


def _due_date(group: Group, date: dt.date | None) -> dt.date | None:
    due = group.day("due_date")
    days = group.decimal("payment_days")
    if due is not None or days is None or date is None:
        return due
    if days != days.to_integral_value() or not 0 <= days <= 999:
        group.log.error("not_allowed", group.place("payment_days"), days, "0–999")
        return None
    return date + dt.timedelta(days=int(days))


def _delivery(group: Group) -> dict[str, dt.date | None]:
    start, end = group.day("delivery_start"), group.day("delivery_end")
    if start or end:
        return {"delivery_start": start or end, "delivery_end": end or start}
    day = group.day("delivery_date")
    return {"delivery_start": day, "delivery_end": day}


def _rate(group: Group) -> Decimal | None:
    rate = group.decimal("currency_rate")
    if rate is not None and rate <= 0:
        group.log.error("not_allowed", group.place("currency_rate"), rate, "> 0")
    return rate


def _reference(group: Group) -> str:
    text = group.text("reference_number").replace(" ", "").upper()
    if _DAMAGED.fullmatch(text):
        group.log.error("reference_damaged", group.place("reference_number"), text)
    return text.lstrip("0") if text.isdigit() else text


def _language(group: Group) -> str:
    text = group.text("language")
    code = _LANGUAGES.get(text.casefold(), text.upper())
    return code if re.fullmatch("[A-Z]{2}", code) else ""


def _prices_include_vat(group: Group) -> bool:
    text = group.text("prices_include_vat").casefold()
    if text not in _YES | _NO:
        group.log.error("not_allowed", group.place("prices_include_vat"), text, "true, false")
    with_vat, without = (
        any(row.text(name) for row in group.rows)
        for name in ("row.unit_price_with_vat", "row.unit_price")
    )
    return text in _YES or (with_vat and not without)


def _buyer(group: Group) -> dict[str, Any]:
    where = {name: group.text(f"buyer.{name}") for name in ("street", "zip", "city")}
    where["name"] = group.required("buyer.name")
    country = group.text("buyer.country")
    code = _COUNTRIES.get(country.casefold(), country.upper())
    if code and not re.fullmatch("[A-Z]{2}", code):
        group.log.error("not_allowed", group.place("buyer.country"), country, "FI, SE, EE …")
    buyer: dict[str, Any] = {name: group.text(f"buyer.{name}") for name in _BUYER_TEXTS}
    for name in ("business_id", "vat_number", "customer_number"):
        text = group.text(f"buyer.{name}")
        if is_personal(text):
            group.log.warn("personal_id_dropped", group.place(f"buyer.{name}"))
            text = ""
        buyer[name] = text
    return buyer | {"address": where | {"country": code}}
