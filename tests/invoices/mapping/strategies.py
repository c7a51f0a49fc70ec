"""Documents as hypothesis makes them: valid for the model, often wrong for Procountor."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from hypothesis import strategies as st

from invoices.document import InvoiceDocument, VatCategory
from invoices.mapping import ExportSettings, FiscalPeriod, ReferenceData

IBAN = "FI2112345600000785"
DATES = st.dates(dt.date(2009, 1, 1), dt.date(2027, 12, 31)) | st.dates()
ENCODABLE = st.characters(exclude_categories=("Cs",))
NASTY = st.text(ENCODABLE, max_size=120) | st.sampled_from(
    [
        "",
        "1,01E+17",
        "131052-308T",
        "x" * 600,
        "a\x00b",
        "\x1c",
        "A\u0308",
        "ﬁ",
        "\u202e",
        "{value}",
        "%s",
    ]
)
TIDY = st.text("abcdefghijklmnopqrstuvwxyzåäöÅÄÖ0123456789 -/&", max_size=90)
COUNTRIES = st.sampled_from(["", "FI", "SE", "EE", "AX", "NO", "XI", "ZZ"])
FIGURES = st.decimals(-(10**6), 10**6, places=2) | st.decimals(-(10**9), 10**9, places=8)
PERCENTS = st.decimals(0, 100, places=2) | st.decimals(0, 100, places=8)
RATES = st.sampled_from([Decimal(r) for r in ("25.5", "25.50", "13.5", "10", "14", "24", "0")])


def required(text):
    return text.map(str.strip).filter(bool)


def addresses(text):
    return st.fixed_dictionaries(
        {"name": text, "street": text, "zip": text, "city": text, "country": COUNTRIES},
        optional={"specifier": text},
    )


def buyers(text):
    identifiers = st.sampled_from(["", "0112038-9", "FI01120389", "SE123456789701", "EL12"]) | text
    return st.fixed_dictionaries(
        {"address": addresses(text)},
        optional={
            "business_id": identifiers,
            "vat_number": identifiers,
            "customer_number": text,
            "contact_person": text,
            "email": text,
            "einvoice_address": text | st.just("003701120389"),
            "einvoice_operator": text,
            "edi_id": text,
        },
    )


def rows(text, rates):
    return st.fixed_dictionaries(
        {
            "name": required(text),
            "quantity": FIGURES,
            "unit_price": FIGURES,
            "vat_percent": rates,
        },
        optional={
            "code": text,
            "unit": st.sampled_from(["kpl", "h", "t", "tynnyri"]) | text,
            "discount_percent": PERCENTS,
            "vat_category": st.sampled_from(list(VatCategory)) | st.none(),
            "net_amount": FIGURES,
            "comment": text,
            "start_date": DATES,
            "end_date": DATES,
        },
    )


def documents(text=NASTY, rates=RATES | PERCENTS):
    """Anything the document model takes."""
    return st.fixed_dictionaries(
        {
            "number": required(text).filter(lambda number: len(number) <= 40),
            "date": DATES,
            "buyer": buyers(text),
            "rows": st.lists(rows(text, rates), min_size=1, max_size=4),
        },
        optional={
            "kind": st.sampled_from(["invoice", "credit_note"]),
            "due_date": DATES,
            "delivery_start": DATES,
            "delivery_end": DATES,
            "currency": st.sampled_from(["EUR", "SEK", "ZZZ"]),
            "currency_rate": st.decimals("0.00000001", 10**9, places=8),
            "billing_address": addresses(text),
            "delivery_address": addresses(text),
            "prices_include_vat": st.booleans(),
            "reference_number": st.sampled_from(["1232", "RF111232", "1,01E+17"]) | text,
            "penalty_percent": PERCENTS,
            "cash_discounts": st.lists(
                st.fixed_dictionaries(
                    {"days": st.integers(0, 999), "percent": st.decimals("0.01", 100, places=4)}
                ),
                max_size=4,
            ),
            "order_reference": text,
            "agreement_number": text,
            "buyer_reference": text,
            "seller_reference": text,
            "language": st.sampled_from(["", "FI", "SV", "EN", "DE"]),
            "additional_information": text,
            "corrects_number": text,
            "seller_account": text,
            "net_total": FIGURES,
            "vat_total": FIGURES,
            "gross_total": FIGURES,
            "prepaid_amount": FIGURES,
        },
    ).map(InvoiceDocument.model_validate)


@st.composite
def good_documents(draw):
    """Documents that map: tidy texts, dates and categories that fit together."""
    text = TIDY.map(lambda value: f"A{value.strip()}"[:40].strip())
    credit = draw(st.booleans())
    quantities = st.decimals("0.001", 10**4, places=3)
    prices = st.decimals("1", 10**5, places=2) | st.decimals("1", 10**3, places=8)
    row = st.fixed_dictionaries(
        {
            "name": TIDY.map(lambda value: f"Työ {value}"),
            "quantity": quantities.map(lambda value: -value if credit else value),
            "unit_price": prices,
            "vat_percent": st.sampled_from([Decimal("25.5"), Decimal("13.50"), Decimal(10)]),
            "unit": st.sampled_from(["kpl", "h", "", "tynnyri"]),
            "discount_percent": st.decimals(0, 99, places=2) | st.decimals(0, 99, places=8),
            "comment": text,
        }
    )
    date = draw(st.dates(dt.date(2026, 1, 1), dt.date(2026, 12, 31)))
    address = {
        "name": draw(text),
        "street": "Tie 1",
        "zip": "00100",
        "city": "Åbo",
        "country": "FI",
    }
    return InvoiceDocument.model_validate(
        {
            "number": f"N-{draw(st.integers(1, 10**9))}",
            "kind": "credit_note" if credit else "invoice",
            "corrects_number": "N-0" if credit else "",
            "date": date,
            "due_date": date + dt.timedelta(days=draw(st.integers(0, 999))),
            "buyer": {"address": address, "contact_person": draw(text)},
            # A first row worth having, so that discounts and fine figures cannot make it zero.
            "rows": [
                draw(row) | {"quantity": -1 if credit else 1, "discount_percent": 0},
                *draw(st.lists(row, max_size=3)),
            ],
            "prices_include_vat": draw(st.booleans()),
            "reference_number": draw(st.sampled_from(["", "1232", "RF111232"])),
            "language": draw(st.sampled_from(["", "FI", "SV", "EN"])),
            "additional_information": draw(text),
        }
    )


def settings():
    return st.builds(
        ExportSettings,
        invoice_channel=st.sampled_from(
            ["NO_SENDING", "EMAIL", "MAIL", "ELECTRONIC_INVOICE", "EDIFACT", ""]
        ),
        default_vat_status=st.sampled_from([1, None]),
        vat_status_by_category=st.dictionaries(
            st.sampled_from([str(category) for category in VatCategory]), st.integers(1, 30)
        ),
        language=st.sampled_from(["FINNISH", "SWEDISH", "", "KLINGON"]),
        penalty_percent=st.none() | PERCENTS,
        days_to_pay=st.integers(-5, 1200),
        bank_account=st.sampled_from([IBAN, "", "FI21 1234 5600 0007 85"]),
        drop_invalid_reference=st.booleans(),
        accounting_by_row=st.booleans(),
    )


def references():
    periods = st.builds(FiscalPeriod, start=DATES, end=DATES, is_open=st.booleans())
    return st.builds(
        ReferenceData,
        vat_percents=st.none() | st.frozensets(RATES),
        vat_statuses=st.none() | st.frozensets(st.integers(1, 12)),
        active_accounts=st.none() | st.frozensets(st.just(IBAN)),
        periods=st.none() | st.lists(periods, max_size=3).map(tuple),
    )
