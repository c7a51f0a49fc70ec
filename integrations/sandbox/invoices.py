"""The calls under /invoices: create, search, read, change, and the moves of REFERENCE 11."""

from __future__ import annotations

from typing import Any

from .call import Call, needs_json
from .paging import LARGEST_SIZE, Query, page_of
from .rules import check_invoice
from .validation import blank, invalid, parse_date, parse_date_time, validate
from .wire import Answer, Json, Refused, answer, error, refused

WRITE, SEARCH = "sales.salesOrGroupInvoices", "sales.salesInvoiceSearch"
#: From these a sales invoice can be invalidated; only that SENT cannot is documented.
_INVALIDATED_FROM = ("UNFINISHED", "NOT_SENT", "APPROVED")
_BASIC = (
    "id",
    "partnerId",
    "type",
    "status",
    "invoiceNumber",
    "originalInvoiceNumber",
    "invoiceChannel",
    "date",
    "version",
    "invoiceSumInfo",
    "creatorId",
    "counterParty",
)


def create(call: Call) -> Answer:
    """POST /invoices. A number used before is accepted: no uniqueness is documented (12.4)."""
    _may_edit(call)
    body = needs_json(call)
    errors = check_invoice(body, call.company)
    if errors:
        raise Refused(400, errors)
    return answer(call.books.create(body, call.company))


def search(call: Call) -> Answer:
    """GET /invoices with the filters we use; date bounds are taken as inclusive (assumed)."""
    call.needs_right(SEARCH, reading=True)
    query = Query(call.request.query)
    found = [
        _basic(invoice, created)
        for invoice, created in call.books.searchable(call.sandbox.search_delay_seconds)
        if _visible(call, invoice) and _fits(call, query, invoice, created)
    ]
    return answer(page_of(found, query))


def read(call: Call, ids: str) -> Answer:
    """GET /invoices/{id} or up to 200 ids; several give a list, by id, without unknown ones."""
    call.needs_right(SEARCH, reading=True)
    wanted = [text for text in ids.split(",") if text]
    if len(wanted) > LARGEST_SIZE:
        raise Refused(400, [invalid("invoiceId", f"more than {LARGEST_SIZE} ids")])
    known = {int(text) for text in wanted if text.isascii() and text.isdecimal()}
    found = [
        call.books.invoices[invoice_id]
        for invoice_id in sorted(known)
        if invoice_id in call.books.invoices and _visible(call, call.books.invoices[invoice_id])
    ]
    if not found:
        raise refused(404, "Invoice not found.")
    return answer(found if len(wanted) > 1 else found[0])


def update(call: Call, invoice_id: str) -> Answer:
    """PUT /invoices/{id}: UNFINISHED only, the latest version required."""
    _may_edit(call)
    invoice = _invoice(call, invoice_id)
    if invoice["status"] != "UNFINISHED":
        raise refused(403, "Invalid invoice status.")
    body = needs_json(call)
    errors = check_invoice(body, call.company)
    version = body.get("version") if isinstance(body, dict) else None
    if version is None:
        errors.append(blank("version"))
    elif version != invoice["version"]:
        errors.append(invalid("version", "not the latest"))
    if errors:
        raise Refused(400, errors)
    return answer(call.books.replace(invoice["id"], body, call.company))


def notes(call: Call, invoice_id: str) -> Answer:
    """PUT .../notes, in every status; without the right 404, as documented."""
    call.needs_right(WRITE, status=404)
    invoice = _invoice(call, invoice_id)
    body = needs_json(call)
    errors = validate("InvoiceNotes", body)
    if errors:
        raise Refused(400, errors)
    invoice["notes"] = body["notes"]
    call.books.touch(invoice["id"])
    return _done("Notes saved.")


def approve(call: Call, invoice_id: str) -> Answer:
    invoice = _to_move(call, invoice_id, ("UNFINISHED",), 403)
    status = "APPROVED" if invoice["invoiceChannel"] == "NO_SENDING" else "NOT_SENT"
    return _moved(call, invoice, status, "APPROVAL")


def send(call: Call, invoice_id: str) -> Answer:
    """PUT .../send; SENT is allowed too and delivers again."""
    return _moved(call, _to_move(call, invoice_id, ("NOT_SENT", "SENT"), 403), "SENT", "SEND")


def unfinished(call: Call, invoice_id: str) -> Answer:
    invoice = _to_move(call, invoice_id, ("NOT_SENT", "APPROVED"), 400)
    _needs_open_period(call, invoice)
    return _moved(call, invoice, "UNFINISHED", "RESTORED_UNFINISHED")


def invalidate(call: Call, invoice_id: str) -> Answer:
    invoice = _to_move(call, invoice_id, _INVALIDATED_FROM, 400)
    _needs_open_period(call, invoice)
    return _moved(call, invoice, "INVALIDATED", "")  # the contract lists no action for it


def transactions(call: Call, invoice_id: str) -> Answer:
    call.needs_right(SEARCH, reading=True)
    invoice = _invoice(call, invoice_id)
    return answer({"transactions": call.books.events[invoice["id"]]})


def _may_edit(call: Call) -> None:
    call.needs_right(WRITE)
    if call.company.rights["accounting"]["preventCreatingEditingInvoices"]:
        raise refused(403, "Forbidden")


def _invoice(call: Call, invoice_id: str) -> Json:
    invoice = call.books.invoices.get(int(invoice_id))
    if invoice is None or not _visible(call, invoice):
        raise refused(404, "Invoice not found.")
    return invoice


def _to_move(call: Call, invoice_id: str, allowed: tuple[str, ...], otherwise: int) -> Json:
    call.needs_right(WRITE)
    invoice = _invoice(call, invoice_id)
    if invoice["status"] not in allowed:
        raise refused(otherwise, "Invalid invoice status.")
    return invoice


def _moved(call: Call, invoice: Json, status: str, action: str) -> Answer:
    call.books.move(invoice["id"], status, action, call.company)
    return _done(f"Invoice status is {status}.")


def _needs_open_period(call: Call, invoice: Json) -> None:
    day = parse_date(invoice["date"])
    if day is None or not call.company.is_open(day):
        raise Refused(403, [error("CLOSED_FISCAL_PERIOD", status=403)])


def _done(message: str) -> Answer:
    return answer({"message": message})


def _visible(call: Call, invoice: Json) -> bool:
    own_only = call.company.rights["sales"]["personalSalesInvoicesOnly"]
    return not own_only or invoice["creatorId"] == call.company.user_id


def _basic(invoice: Json, created: str) -> Json:
    basic = {name: invoice[name] for name in _BASIC if name in invoice}
    return basic | {"dueDate": invoice["paymentInfo"]["dueDate"], "created": created}


def _fits(call: Call, query: Query, invoice: Json, created: str) -> bool:
    number = invoice.get("originalInvoiceNumber", "")
    wanted = query.text("originalInvoiceNumber")
    if wanted and number != wanted:
        part = wanted.casefold() in number.casefold()
        if not (call.sandbox.matches_part_of_number and part):
            return False
    for name, enum, field in _LISTS:
        allowed = query.choices(name, enum)
        if allowed and invoice[field] not in allowed:
            return False
    remote_number = query.integer("invoiceNumber")
    if remote_number is not None and invoice["invoiceNumber"] != remote_number:
        return False
    term = query.text("searchTerm").casefold()
    return (not term or term in _searched(invoice)) and _in_time(query, invoice, created)


_LISTS = (
    ("types", "InvoiceType", "type"),
    ("status", "InvoiceStatus", "status"),
    ("invoiceChannel", "InvoiceChannel", "invoiceChannel"),
)


def _searched(invoice: Json) -> str:
    buyer = invoice["counterParty"]["counterPartyAddress"]["name"]
    more = invoice.get("additionalInformation", "")
    return f"{buyer}\n{invoice['invoiceNumber']}\n{more}".casefold()


def _in_time(query: Query, invoice: Json, created: str) -> bool:
    day = parse_date(invoice["date"])
    due = parse_date(invoice["paymentInfo"]["dueDate"])
    moments: list[tuple[Any, Any, Any]] = [
        (query.date("startDate"), day, query.date("endDate")),
        (query.date("dueStartDate"), due, query.date("dueEndDate")),
    ]
    for name, text in (("created", created), ("version", invoice["version"])):
        first, last = query.date_time(f"{name}StartDate"), query.date_time(f"{name}EndDate")
        moments.append((first, parse_date_time(text), last))
    return all(
        (first is None or first <= found) and (last is None or found <= last)
        for first, found, last in moments
    )
