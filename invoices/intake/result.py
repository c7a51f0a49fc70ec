"""What reading a file gives: the same shape for every format."""

from __future__ import annotations

from dataclasses import dataclass

from invoices.document import InvoiceDocument, Problem
from invoices.intake.columns import Column
from invoices.pdf import Pdf

#: A larger file is refused unread. Twenty megabytes hold some five thousand invoices.
MAX_FILE_BYTES = 20_000_000
#: What `reading` takes of the formats that it reads piece by piece: Finvoice, UBL, CII and CSV.
MAX_UPLOAD_BYTES = 1 << 30
#: More invoices than this are not read of such a file.
MAX_STREAMED_ITEMS = 1_000_000
#: What a `ReadResult` can say it was.
FORMATS = (
    *("finvoice", "ubl", "cii", "csv", "xlsx", "zip", "json", "woocommerce", "shopify"),
    "unknown",
)
#: More invoices than this in one file are refused: split the file at the source.
MAX_ITEMS = 10_000


@dataclass(frozen=True)
class ReadItem:
    """One invoice of a file, read or refused.

    `position` counts from 1 in the file. `document` is None exactly when `problems` (errors)
    is not empty. `number` is the invoice number as far as it could be read, else "".
    `attachments` are its PDFs, checked.
    """

    position: int
    document: InvoiceDocument | None
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    number: str = ""
    attachments: tuple[Pdf, ...] = ()


@dataclass(frozen=True)
class ReadResult:
    """A whole file. `format` is one of FORMATS; `problems` are about the file as a whole, and
    then `items` may be empty. `columns` are a table's, with what each is read as."""

    format: str
    items: tuple[ReadItem, ...] = ()
    problems: tuple[Problem, ...] = ()
    columns: tuple[Column, ...] = ()
