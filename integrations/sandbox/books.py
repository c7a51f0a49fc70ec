"""The invoices and attachments of one simulated company, and how they come to be.

Ids start at the same number in every company: they are unique only inside one (REFERENCE 7).
"""

from __future__ import annotations

import copy
import datetime as dt
import time
from collections.abc import Iterator
from zoneinfo import ZoneInfo

from .checkdigits import fi_reference, rf_reference
from .company import SandboxCompany
from .sums import sum_info
from .wire import Json

FIRST_ID = 1001
FIRST_RECEIPT_ID = 500_001
#: The zone of Procountor's timestamps is not documented; this is assumed.
HELSINKI = ZoneInfo("Europe/Helsinki")

#: Set by the server, whatever a request says.
_SERVER_FIELDS = (
    "id",
    "status",
    "invoiceNumber",
    "version",
    "created",
    "creatorId",
    "ledgerReceiptId",
    "invoiceSumInfo",
    "attachments",
    "paymentDate",
    "sum",
    "invoiceOperatorInfo",
    "isOffer",
)


class Books:
    """Not thread-safe by itself: the sandbox's lock is held around every call."""

    def __init__(self) -> None:
        self.invoices: dict[int, Json] = {}
        self.created_at: dict[int, str] = {}
        self.saved_at: dict[int, float] = {}
        self.events: dict[int, list[Json]] = {}
        self.attachments: dict[int, tuple[Json, bytes, str]] = {}
        self._receipts = FIRST_RECEIPT_ID

    def create(self, body: Json, company: SandboxCompany) -> Json:
        """Save a checked invoice body, UNFINISHED, and return what was saved."""
        # Numbers of deleted invoices are not given again.
        number = len(self.created_at) + 1
        invoice_id = FIRST_ID + number - 1
        moment = now()
        invoice = self._filled(body, company, number) | {
            "id": invoice_id,
            "status": "UNFINISHED",
            "invoiceNumber": number,
            "ledgerReceiptId": self._next_receipt(),
            "version": moment,
            "creatorId": company.user_id,
            "attachments": [],
        }
        self.invoices[invoice_id] = invoice
        self.created_at[invoice_id] = moment
        self.saved_at[invoice_id] = time.monotonic()
        self.events[invoice_id] = []
        self.note_event(invoice_id, "UNFINISHED", company)
        return invoice

    def replace(self, invoice_id: int, body: Json, company: SandboxCompany) -> Json:
        """Overwrite an invoice with a checked body; what the server sets stays, the accounting
        page gets a new id (REFERENCE 11)."""
        old = self.invoices[invoice_id]
        kept = {name: old[name] for name in (*_SERVER_FIELDS, "partnerId") if name in old}
        fresh = self._filled(body, company, old["invoiceNumber"])
        sums = {"invoiceSumInfo": fresh["invoiceSumInfo"]}
        self.invoices[invoice_id] = fresh | kept | sums | {"ledgerReceiptId": self._next_receipt()}
        self.touch(invoice_id)
        return self.invoices[invoice_id]

    def touch(self, invoice_id: int) -> None:
        """Give the invoice a version later than its last one; versions have whole seconds."""
        invoice = self.invoices[invoice_id]
        last = dt.datetime.fromisoformat(invoice["version"])
        invoice["version"] = max(now(), (last + dt.timedelta(seconds=1)).isoformat())

    def move(self, invoice_id: int, status: str, action: str, company: SandboxCompany) -> None:
        self.invoices[invoice_id]["status"] = status
        self.touch(invoice_id)
        if action:
            self.note_event(invoice_id, action, company)

    def note_event(self, invoice_id: int, action: str, company: SandboxCompany) -> None:
        event = {"action": action, "name": f"{company.name} API", "date": now(), "details": ""}
        self.events[invoice_id].append(event)

    def searchable(self, delay_seconds: float) -> Iterator[tuple[Json, str]]:
        """(invoice, created) of what a search may see by now."""
        latest = time.monotonic() - delay_seconds
        for invoice_id, invoice in self.invoices.items():
            if self.saved_at[invoice_id] <= latest:
                yield invoice, self.created_at[invoice_id]

    def _filled(self, body: Json, company: SandboxCompany, number: int) -> Json:
        invoice: Json = _without_nulls(copy.deepcopy(body))
        for name in _SERVER_FIELDS:
            invoice.pop(name, None)
        buyer = invoice["counterParty"]["counterPartyAddress"]
        for name in ("billingAddress", "deliveryAddress"):
            invoice.setdefault(name, dict(buyer))
        payment = invoice["paymentInfo"]
        if payment.get("bankReferenceCode") == "":
            code = fi_reference(str(1000 + number))
            kind = payment.setdefault("bankReferenceCodeType", "FI")
            payment["bankReferenceCode"] = rf_reference(code) if kind == "RF" else code
        invoice["invoiceSumInfo"] = sum_info(invoice, company.currency)
        for position, row in enumerate(invoice["invoiceRows"]):
            row["id"] = number * 1000 + position
        return invoice

    def _next_receipt(self) -> int:
        self._receipts += 1
        return self._receipts


def now() -> str:
    """This second as Procountor writes it, without a zone."""
    return dt.datetime.now(HELSINKI).strftime("%Y-%m-%dT%H:%M:%S")


def _without_nulls(value: Json) -> Json:
    cleaned: Json = {}
    for name, item in value.items():
        if isinstance(item, dict):
            cleaned[name] = _without_nulls(item)
        elif isinstance(item, list):
            cleaned[name] = [_without_nulls(i) if isinstance(i, dict) else i for i in item]
        elif item is not None:
            cleaned[name] = item
    return cleaned
