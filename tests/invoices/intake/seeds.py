"""One sound file or more in every format that is read, to be damaged by the tests."""

import datetime as dt
from decimal import Decimal

from invoices.document import InvoiceDocument
from tests.invoices.intake import written
from tests.invoices.intake.builders import DATA


def sound(number: str = "2026-1", kind: str = "invoice", *, exempt: bool = True) -> InvoiceDocument:
    """Two rows of 25.5 % and, when `exempt`, one of 0 %."""
    sign = -1 if kind == "credit_note" else 1
    rows = [
        {
            "name": name, "quantity": sign * Decimal(quantity), "unit": "C62",
            "unit_price": Decimal(price), "discount_percent": Decimal(discount),
            "vat_percent": Decimal(rate), "vat_category": category,
            "net_amount": sign * Decimal(net), "code": "T1", "comment": "",
        }
        for name, quantity, price, discount, rate, category, net in (
            ("Hitsaus", "2.5", "80.00", "0", "25.5", "S", "200.00"),
            ("Takorauta", "4", "25.00", "10", "25.5", "S", "90.00"),
            ("Koulutus", "1", "100.00", "0", "0", "E", "100.00"),
        )[: 3 if exempt else 2]
    ]  # fmt: skip
    buyer = {
        "address": {"name": "Järvenpään Kukka Oy", "street": "Puistotie 7", "zip": "04400",
                    "city": "Järvenpää", "country": "FI"},
        "business_id": "4567890-7", "email": "osto@kukka.example",
    }  # fmt: skip
    return InvoiceDocument.model_validate(
        {
            "number": number, "kind": kind, "date": dt.date(2026, 9, 16), "buyer": buyer,
            "due_date": dt.date(2026, 9, 30), "delivery_start": dt.date(2026, 9, 16),
            "delivery_end": dt.date(2026, 9, 16), "rows": rows, "reference_number": "1232",
            "additional_information": "AVL 39 §",
            "corrects_number": "2026-0" if kind == "credit_note" else "",
        }
        | written.totals(rows)
    )  # fmt: skip


def seeds() -> dict[str, list[bytes]]:
    """Sound files by format."""
    invoice, credit = sound(), sound("2026-2", "credit_note")
    lines = [*written.table(invoice), *written.table(credit)]
    finvoices = [path.read_bytes() for path in sorted(DATA.glob("finvoice/*.xml"))]
    found = {
        "finvoice": finvoices,
        "json": [path.read_bytes() for path in sorted(DATA.glob("json/*.json"))],
        "ubl": [written.ubl(invoice), written.ubl(credit)],
        "cii": [written.cii(invoice), written.cii(credit)],
        "csv": [
            written.csv_text(lines).encode(),
            written.csv_text(lines, separator="\t", mark=".", day="%d/%m/%Y").encode("utf-16"),
            written.csv_text(lines, separator=",", day="%Y-%m-%d", language=2).encode("cp1252"),
        ],
        "xlsx": [written.xlsx(lines)],
    }
    found["zip"] = [
        written.zipped({f"{name}.dat": files[0] for name, files in found.items()}),
        written.zipped({"inner.zip": written.zipped({"a.xml": found["ubl"][0]})}),
    ]
    return found
