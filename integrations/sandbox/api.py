"""The simulated endpoints: one function a call, from request to (status, body)."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from integrations.sandbox.rules import check_invoice, finnish_check_digit, sums_of
from integrations.sandbox.state import SandboxCompany
from integrations.sandbox.validation import error, validate

Answer = tuple[int, Any]
_MAX_PAGE = 200
_MAX_ATTACHMENT_BYTES = 10_000_000
_OPEN_STATUSES = ("NOT_SENT", "APPROVED")


@dataclass(frozen=True)
class Call:
    """One authorised request. `query` has every value of a name as a list."""

    company: SandboxCompany
    query: dict[str, list[str]]
    body: Any
    parts: dict[str, tuple[str, bytes]]
    match: re.Match[str]

    @property
    def invoices(self) -> dict[int, dict[str, Any]]:
        return self.company.sandbox.invoices[self.company.id]

    def one(self, name: str, default: str = "") -> str:
        return self.query.get(name, [default])[0]


def errors(status: int, *found: dict[str, Any]) -> Answer:
    return status, {"errors": list(found)}


def refused(status: int, message: str) -> Answer:
    return errors(status, error("", message, status))


def _status(call: Call) -> Answer:
    return 200, {"name": "Procountor sandbox", "version": "26.04", "status": "OK"}


def _session(call: Call) -> Answer:
    company = call.company
    return 200, {
        "companyId": company.id,
        "name": company.name,
        "country": "FINLAND",
        "productVersion": company.product_version,
        "userId": company.user_id,
        "userName": "API user",
    }


def _rights(call: Call) -> Answer:
    return 200, {"role": "Sale", "rights": call.company.rights}


def _company(call: Call) -> Answer:
    return 200, {
        "id": call.company.id,
        "name": call.company.name,
        "country": "FINLAND",
        "productVersion": call.company.product_version,
        "operationType": call.company.operation_type,
        "businessIdentifier": {"brnType": "FI", "code": call.company.business_id},
        "companyCurrency": "EUR",
    }


def _bank_accounts(call: Call) -> Answer:
    return 200, _page(call, [dict(account) for account in call.company.bank_accounts])


def _vats(call: Call) -> Answer:
    return 200, {
        "vatInformation": [
            {
                "country": "FINLAND",
                "percentages": [
                    {"vatPercent": percent, "sales": True, "purchase": True}
                    for percent in sorted(call.company.vat_percents, reverse=True)
                ],
            }
        ],
        "vatStatuses": [
            {"vatStatus": number, "description": text, "sales": True, "purchase": True}
            for number, text in call.company.vat_statuses.items()
        ],
    }


def _fiscal_years(call: Call) -> Answer:
    return 200, {"fiscalYears": call.company.fiscal_years()}


def _currencies(call: Call) -> Answer:
    return 200, {"currency": "EUR"}


def _page(call: Call, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """One page of a search: `previousId` with `orderById`, or `page` from 0."""
    size = min(int(call.one("size", "50") or 50), _MAX_PAGE)
    page = int(call.one("page", "0") or 0)
    descending = call.one("orderById") == "DESC"
    rows = sorted(rows, key=lambda row: row["id"], reverse=descending)
    if call.one("previousId"):
        last = int(call.one("previousId"))
        rows = [row for row in rows if (row["id"] < last if descending else row["id"] > last)]
    shown = rows[page * size : (page + 1) * size]
    meta = {
        "pageNumber": page,
        "pageSize": size,
        "resultCount": len(shown),
        "totalCount": len(rows),
    }
    return {"results": shown, "meta": meta}


_SEARCHED = (
    "id", "type", "status", "invoiceNumber", "originalInvoiceNumber", "invoiceChannel", "date",
    "created", "version", "invoiceSumInfo", "counterParty",
)  # fmt: skip


def _search(call: Call) -> Answer:
    if _may(call, "salesInvoiceSearch") not in ("ALL_RIGHTS", "VIEWING_RIGHTS"):
        return refused(403, "No rights")
    found = [invoice for invoice in call.invoices.values() if _matches(call, invoice)]
    rows = [
        {name: invoice[name] for name in _SEARCHED if name in invoice}
        | {"dueDate": invoice["paymentInfo"]["dueDate"]}
        for invoice in found
    ]
    return 200, _page(call, rows)


def _matches(call: Call, invoice: dict[str, Any]) -> bool:
    # Exact or partial search by number is not documented: exact here.
    number = call.one("originalInvoiceNumber")
    ranges = (
        ("startDate", "endDate", invoice["date"]),
        ("createdStartDate", "createdEndDate", invoice["created"]),
        ("versionStartDate", "versionEndDate", invoice["version"]),
    )
    return (
        (not number or invoice.get("originalInvoiceNumber") == number)
        and _listed(call, "types", invoice["type"])
        and _listed(call, "status", invoice["status"])
        and all(
            (not call.one(low) or value >= call.one(low))
            and (not call.one(high) or value <= call.one(high))
            for low, high, value in ranges
        )
    )


def _listed(call: Call, name: str, value: str) -> bool:
    wanted = {part for item in call.query.get(name, []) for part in item.split(",")}
    return not wanted or value in wanted


def _may(call: Call, right: str) -> str:
    return str(call.company.rights["sales"].get(right, ""))


def _create(call: Call) -> Answer:
    rights = call.company.rights
    if (
        _may(call, "salesOrGroupInvoices") != "ALL_RIGHTS"
        or rights["accounting"]["preventCreatingEditingInvoices"]
    ):
        return refused(403, "No rights")
    found = _faults_of(call)
    if found:
        return errors(400, *found)
    sandbox = call.company.sandbox
    with sandbox.lock:
        invoice = _saved(call, sandbox.next_id(), number=len(call.invoices) + 1)
        call.invoices[invoice["id"]] = invoice
    return 200, invoice


def _faults_of(call: Call) -> list[dict[str, Any]]:
    found = validate("Invoice", call.body)
    return found or check_invoice(call.body, call.company)


def _saved(call: Call, remote_id: int, number: int) -> dict[str, Any]:
    now, sums = _now(), sums_of(call.body)
    invoice = {
        name: value
        for name, value in call.body.items()
        if name not in ("id", "invoiceNumber", "version", "created")
    }
    payment = dict(invoice["paymentInfo"])
    if payment.get("bankReferenceCode") == "":
        base = str(100 + number)
        payment |= {
            "bankReferenceCode": base + finnish_check_digit(base),
            "bankReferenceCodeType": "FI",
        }
    return invoice | {
        "id": remote_id,
        "invoiceNumber": number,
        "status": "UNFINISHED",
        "paymentInfo": payment,
        "version": now,
        "created": now,
        "creatorId": call.company.user_id,
        "ledgerReceiptId": remote_id + 1_000_000,
        "attachments": [],
        "history": [],
        "invoiceSumInfo": [
            {
                "currency": payment["currency"],
                "inAccountingCurrency": payment["currency"] == "EUR",
                "excludingVatTotal": sums["net"],
                "vatSumTotal": sums["vat"],
                "invoiceSumTotal": sums["gross"],
            }
        ],
    }


def _now() -> str:
    return dt.datetime.now().isoformat(timespec="microseconds")


def _shown(invoice: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in invoice.items() if name not in ("history", "created")}


def _read(call: Call) -> Answer:
    texts = call.match["id"].split(",")
    if len(texts) > _MAX_PAGE:
        return refused(400, "Too many ids")
    ids = sorted({int(text) for text in texts if text.isdecimal()})
    found = [_shown(call.invoices[i]) for i in ids if i in call.invoices]
    if not found:
        return refused(404, "Invoice not found")
    return 200, found if len(texts) > 1 else found[0]


def _update(call: Call) -> Answer:
    invoice = call.invoices.get(int(call.match["id"]))
    if invoice is None:
        return refused(404, "Invoice not found")
    if invoice["status"] != "UNFINISHED":
        return refused(403, "Invalid invoice status")
    found = _faults_of(call)
    if call.body.get("version") != invoice["version"]:
        found.append(error("version", "Value of the 'version' field is invalid: "))
    if found:
        return errors(400, *found)
    saved = _saved(call, invoice["id"], invoice["invoiceNumber"])
    call.invoices[invoice["id"]] = saved | {"created": invoice["created"]}
    return 200, _shown(saved)


def _move(allowed: tuple[str, ...], new: str, action: str) -> Callable[[Call], Answer]:
    """A call that moves an invoice's status (REFERENCE section 11)."""

    def moved(call: Call) -> Answer:
        invoice = call.invoices.get(int(call.match["id"]))
        if invoice is None:
            return refused(404, "Invoice not found")
        if _may(call, "salesOrGroupInvoices") != "ALL_RIGHTS":
            return refused(403, "No rights")
        if invoice["status"] not in allowed:
            return refused(403, "Invalid invoice status")
        target = new
        if new == "NOT_SENT" and invoice["invoiceChannel"] == "NO_SENDING":
            target = "APPROVED"
        with call.company.sandbox.lock:
            invoice |= {"status": target, "version": _now()}
            invoice["history"] = [*invoice["history"], {"action": action, "date": _now()}]
        return 200, _shown(invoice)

    return moved


def _notes(call: Call) -> Answer:
    invoice = call.invoices.get(int(call.match["id"]))
    if invoice is None:
        return refused(404, "Invoice not found")
    invoice |= {"notes": (call.body or {}).get("notes", ""), "version": _now()}
    return 200, {"notes": invoice["notes"]}


def _transactions(call: Call) -> Answer:
    invoice = call.invoices.get(int(call.match["id"]))
    if invoice is None:
        return refused(404, "Invoice not found")
    return 200, {"transactions": invoice["history"]}


def _attach(call: Call) -> Answer:
    meta, (_type, content) = call.body, call.parts.get("file", ("", b""))
    found = validate("Attachment", meta)
    if "file" not in call.parts or len(content) > _MAX_ATTACHMENT_BYTES:
        found.append(error("file", "Value of the 'file' field is invalid: "))
    if found:
        return errors(400, *found)
    invoice = call.invoices.get(meta["referenceId"])
    if invoice is None:
        return errors(400, error("referenceId", "Value of the 'referenceId' field is invalid: "))
    saved = meta | {"id": call.company.sandbox.next_id()}
    invoice["attachments"] = [*invoice["attachments"], saved]
    return 200, saved


def _attachments(call: Call) -> Answer:
    return 200, _page(call, [a for i in call.invoices.values() for a in i["attachments"]])


ROUTES: list[tuple[str, re.Pattern[str], Callable[[Call], Answer]]] = [
    (method, re.compile(pattern), function)
    for method, pattern, function in (
        ("GET", r"/status", _status),
        ("GET", r"/sessioninfo", _session),
        ("GET", r"/users/rights", _rights),
        ("GET", r"/company", _company),
        ("GET", r"/bankaccounts", _bank_accounts),
        ("GET", r"/vats/default", _vats),
        ("GET", r"/vats/country", _vats),
        ("GET", r"/fiscalyears", _fiscal_years),
        ("GET", r"/currencies/company", _currencies),
        ("GET", r"/invoices", _search),
        ("POST", r"/invoices", _create),
        ("GET", r"/invoices/(?P<id>[\d,]+)", _read),
        ("PUT", r"/invoices/(?P<id>\d+)", _update),
        ("PUT", r"/invoices/(?P<id>\d+)/notes", _notes),
        (
            "PUT",
            r"/invoices/(?P<id>\d+)/approve",
            _move(("UNFINISHED",), "NOT_SENT", "APPROVAL"),
        ),
        ("PUT", r"/invoices/(?P<id>\d+)/send", _move(("NOT_SENT", "SENT"), "SENT", "SEND")),
        (
            "PUT",
            r"/invoices/(?P<id>\d+)/unfinished",
            _move(_OPEN_STATUSES, "UNFINISHED", "RESTORED_UNFINISHED"),
        ),
        (
            "PUT",
            r"/invoices/(?P<id>\d+)/invalidate",
            _move(("UNFINISHED", *_OPEN_STATUSES), "INVALIDATED", "UNFINISHED"),
        ),
        ("GET", r"/invoices/(?P<id>\d+)/transactions", _transactions),
        ("POST", r"/attachments", _attach),
        ("GET", r"/attachments", _attachments),
    )
]


def route(method: str, path: str) -> tuple[Callable[[Call], Answer], re.Match[str]] | int:
    """The function for a path, or 404 / 405."""
    status = 404
    for known, pattern, function in ROUTES:
        match = pattern.fullmatch(path)
        if match and known == method:
            return function, match
        if match:
            status = 405
    return status


def ledger_row(row: dict[str, Any]) -> dict[str, Any]:
    """A created invoice as the control interface tells it."""
    total: Decimal = row["invoiceSumInfo"][0]["invoiceSumTotal"]
    return {
        "companyId": row["companyId"],
        "id": row["id"],
        "invoiceNumber": row["invoiceNumber"],
        "originalInvoiceNumber": row.get("originalInvoiceNumber"),
        "status": row["status"],
        "date": row["date"],
        "currency": row["paymentInfo"]["currency"],
        "total": total,
    }
