"""Files other people wrote, read where they lie beside the project; skipped when they do not."""

from decimal import Decimal
from pathlib import Path

import pytest
from lxml import etree

from invoices.intake import read

SAMPLES = Path(__file__).parents[3].parent / "shared/samples"
pytestmark = [
    pytest.mark.samples,
    pytest.mark.skipif(not SAMPLES.is_dir(), reason=f"no sample files in {SAMPLES}"),
]

#: Refused ones with their codes; checked by hand against the figures in the files.
TABLE: dict[str, set[str]] = {
    "fv11-tieke-test.xml": set(),
    "fv12-bank-sample-wide.xml": {"missing", "totals_differ"},
    "fv13-credit-note-no-vatcode.xml": set(),
    "fv13-operator-converted-one-line.xml": set(),
    "fv13-procountor-assignment-short.xml": {"missing", "totals_differ"},
    "fv13-short-inconsistent-total.xml": {"missing", "totals_differ"},
    "fv13-zero-rated-sender-system.xml": set(),
    "fv201-no-street.xml": set(),
    "fv30-invoice-two-vat-rates-charge-row-discount.xml": set(),
    "fv30-soap-framed-exempt-and-standard.xml": set(),
}


#: Nothing in a UBL sample breaks a rule of EN 16931. What is told beside that, where it is more
#: than an attachment or a payment reference that is text: lines whose quantity and price do not
#: give their net (no rule of EN 16931 asks it), a corrected invoice, an extension's sub lines.
UBL_WARNINGS: dict[str, set[str]] = {
    "en16931-guide-example3.xml": {"row_recomputed"},
    "en16931-ubl-tc434-example2.xml": {"row_recomputed"},
    "en16931-ubl-tc434-example3.xml": {"row_recomputed"},
    "peppol-Allowance-example.xml": {"row_recomputed"},
    "se-Elnat.xml": {"row_recomputed"},
    "se-Kreditering_med_kreditnota.xml": {"row_recomputed"},
    "se-Kreditering_urspr_faktura.xml": {"row_recomputed"},
    "se-Rabatter_och_avgifter.xml": {"row_recomputed"},
    "se-Resor_Taxi.xml": {"row_recomputed"},
    "se-Telefoni.xml": {"row_recomputed"},
    "xrechnung-01.18a.xml": {"corrected_invoice"},
    "xrechnung-04.02a.xml": {"sub_row_skipped"},
}
UBL_CREDIT_NOTES = {
    "en16931-ubl-tc434-creditnote1.xml",
    "peppol-base-creditnote-correction.xml",
    "se-CreditNote-Min_content_with_VAT.xml",
    "se-Kreditering_med_kreditnota.xml",
}
#: What is missing, checked by hand: no table gives a VAT rate, and of linked sheets or of three
#: kinds of records in one file no table has everything. Payment lists are no invoices.
TABLES: dict[str, set[str]] = {
    "csv-invoices/heeros-sales-invoices.csv": {
        "buyer.name", "row.name", "row.vat_percent", "row.unit_price",
    },
    "csv-invoices/ninja-freshbooks_invoices.csv": {"row.vat_percent"},
    "csv-invoices/ninja-invoice.csv": {"row.vat_percent"},
    "csv-invoices/ninja-zoho_invoices.csv": {"row.vat_percent"},
    "csv-payments/csv-test.csv": {
        "number", "date", "buyer.name", "row.name", "row.vat_percent", "row.unit_price",
    },
    "csv-payments/procountor-csv-duplicate.csv": {
        "number", "date", "buyer.name", "row.name", "row.vat_percent", "row.unit_price",
    },
    "csv-payments/procountor-csv-test.csv": {
        "number", "date", "buyer.name", "row.name", "row.vat_percent", "row.unit_price",
    },
    "xlsx/akaunting-invoices.xlsx": {
        "date", "buyer.name", "row.name", "row.vat_percent", "row.unit_price",
    },
}  # fmt: skip
UBL_FILES = sorted(path.name for path in SAMPLES.glob("ubl/*.xml"))


def show(name, item) -> None:
    reasons = "; ".join(f"{p.code} {p.place} {p.value} {p.expected}" for p in item.problems)
    print(f"{name:52} {'accepted' if item.document else 'refused':9} {reasons}")


@pytest.mark.parametrize(("name", "codes"), TABLE.items())
def test_sample_is_accepted_or_refused_for_its_reason(name, codes):
    content = (SAMPLES / "finvoice" / name).read_bytes()
    (item,) = read(content, name=name).items
    show(name, item)
    assert {found.code for found in item.problems} == codes
    if item.document is not None:
        assert totals(item.document) == stated(content)


def totals(document) -> list[Decimal]:
    return [document.net_total, document.vat_total, document.gross_total]


def stated(content: bytes) -> list[Decimal]:
    """The file's own totals, read without any of our code."""
    start = max(content.rfind(b"<?xml "), 0)
    root = etree.fromstring(content[start:])
    names = ("VatExcludedAmount", "VatAmount", "VatIncludedAmount")
    texts = [root.findtext(f"InvoiceDetails/InvoiceTotal{name}") for name in names]
    return [Decimal(text.replace(",", ".")) for text in texts]


def test_every_sample_is_in_the_table():
    assert {path.name for path in SAMPLES.glob("finvoice/*.xml")} == TABLE.keys()
    tables = [*SAMPLES.glob("csv-*/*"), *SAMPLES.glob("xlsx/*")]
    assert {str(path.relative_to(SAMPLES)) for path in tables} == TABLES.keys()
    assert {*UBL_WARNINGS, *UBL_CREDIT_NOTES} <= {*UBL_FILES}


@pytest.mark.parametrize("name", UBL_FILES)
def test_ubl_sample_is_accepted_with_its_own_totals(name):
    content = (SAMPLES / "ubl" / name).read_bytes()
    (item,) = read(content, name=name).items
    show(name, item)
    assert item.problems == ()
    told = {found.code for found in item.warnings}
    told -= {"attachment_left_out", "payment_reference_is_text"}
    assert told == UBL_WARNINGS.get(name, set())
    assert (item.document.kind == "credit_note") == (name in UBL_CREDIT_NOTES)
    assert totals(item.document) == stated_ubl(content, -1 if name in UBL_CREDIT_NOTES else 1)


def stated_ubl(content: bytes, sign: int) -> list[Decimal]:
    """The file's own totals with its rounding in them, read without any of our code."""
    root = etree.fromstring(content)
    spaces = {key: uri for key, uri in root.nsmap.items() if key} | {
        "cac": "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2",
        "cbc": "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2",
    }

    def figure(path: str) -> Decimal:
        return Decimal(root.findtext(path, "0", spaces))

    rounding = figure("cac:LegalMonetaryTotal/cbc:PayableRoundingAmount")
    net = figure("cac:LegalMonetaryTotal/cbc:TaxExclusiveAmount")
    gross = figure("cac:LegalMonetaryTotal/cbc:TaxInclusiveAmount")
    currency = root.findtext("cbc:DocumentCurrencyCode", "", spaces)
    vat = figure(f"cac:TaxTotal/cbc:TaxAmount[@currencyID='{currency}']")
    return [sign * (net + rounding), sign * vat, sign * (gross + rounding)]


@pytest.mark.parametrize(("name", "missing"), TABLES.items())
def test_table_that_is_not_understood_names_what_is_missing(name, missing):
    result = read((SAMPLES / name).read_bytes(), name=name)
    print(f"{name:52} refused   missing {', '.join(sorted(missing))}")
    assert result.items == ()
    found = {each.value for each in result.problems if each.code == "column_missing"}
    assert found == missing
    listed = ", ".join(p.value for p in result.problems if p.code.startswith("columns_"))
    assert {column.heading for column in result.columns} <= {*listed.split(", ")}


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("netvisor/*.xml")), ids=lambda p: p.name)
def test_netvisor_is_not_read(path):
    result = read(path.read_bytes(), name=path.name)
    assert [each.code for each in result.problems] == ["format_unknown"]
