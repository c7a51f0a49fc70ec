"""What people do in Procountor's own interface, behind the API's back: enter, change, delete.

That the interface lets them, and what an API client sees of it afterwards, is assumed: the
contract knows the status DELETED, but not whether a deleted invoice can still be found.
"""

from __future__ import annotations

import copy
from decimal import Decimal
from typing import Any

from .company import SandboxCompany
from .state import Sandbox
from .sums import sum_info
from .wire import Json

#: The person at the keyboard: another user than the API's.
PERSON_OFFSET = 1


def enter(sandbox: Sandbox, company: SandboxCompany, **fields: Any) -> Json:
    """Enter a sales invoice by hand: `number` (ours to be), `date`, `total`, `currency`, `buyer`,
    `user_id`, `status`. Returns a copy of what was saved."""
    date = str(fields.get("date", "2026-09-01"))
    body = {
        "type": "SALES_INVOICE",
        "date": date,
        "originalInvoiceNumber": str(fields.get("number", "")),
        "counterParty": {"counterPartyAddress": {"name": str(fields.get("buyer", "Ostaja Oy"))}},
        "paymentInfo": {
            "paymentMethod": "BANK_TRANSFER",
            "currency": str(fields.get("currency", company.currency)),
            "currencyRate": 1,
            "dueDate": date,
        },
        "extraInfo": {"accountingByRow": False, "unitPricesIncludeVat": False},
        "discountPercent": 0,
        "vatStatus": 1,
        "invoiceChannel": "NO_SENDING",
        "language": "FINNISH",
        "invoiceRows": [_row(fields.get("total", "125.50"))],
    }
    with sandbox.lock:
        saved = sandbox.books[company.id].create(body, company)
        saved["creatorId"] = int(fields.get("user_id", company.user_id + PERSON_OFFSET))
        saved["status"] = str(fields.get("status", "UNFINISHED"))
        return copy.deepcopy(saved)


def change(sandbox: Sandbox, company: SandboxCompany, invoice_id: int, **fields: Any) -> None:
    """Change `number`, `date`, `total` or `status` of an invoice; it gets a later version. Raises
    KeyError for an unknown id."""
    with sandbox.lock:
        books = sandbox.books[company.id]
        invoice = books.invoices[invoice_id]
        if "number" in fields:
            invoice["originalInvoiceNumber"] = str(fields["number"])
        if "date" in fields:
            invoice["date"] = str(fields["date"])
        if "total" in fields:
            invoice["invoiceRows"] = [_row(fields["total"])]
            invoice["invoiceSumInfo"] = sum_info(invoice, company.currency)
        if "status" in fields:
            invoice["status"] = str(fields["status"])
        books.touch(invoice_id)


def delete(sandbox: Sandbox, company: SandboxCompany, invoice_id: int) -> None:
    """Delete an invoice: gone from every answer, or there with status DELETED when
    `sandbox.shows_deleted`. Raises KeyError for an unknown id."""
    with sandbox.lock:
        books = sandbox.books[company.id]
        if sandbox.shows_deleted:
            change(sandbox, company, invoice_id, status="DELETED")
        else:
            del books.invoices[invoice_id]


def _row(total: Any) -> Json:
    return {
        "product": "Käsin syötetty",
        "quantity": 1,
        "unit": "NO_UNIT",
        "unitPrice": Decimal(str(total)),
        "discountPercent": 0,
        "vatPercent": 0,
    }
