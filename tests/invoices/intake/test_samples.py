"""Files other people wrote, read where they lie beside the project; skipped when they do not."""

from decimal import Decimal
from pathlib import Path

import pytest
from lxml import etree

from invoices.intake import read

SAMPLES = Path(__file__).parents[3].parent / "shared/samples/finvoice"
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


@pytest.mark.parametrize(("name", "codes"), TABLE.items())
def test_sample_is_accepted_or_refused_for_its_reason(name, codes):
    content = (SAMPLES / name).read_bytes()
    (item,) = read(content, name=name).items
    reasons = "; ".join(f"{p.code} {p.place} {p.value} {p.expected}" for p in item.problems)
    print(f"{name:52} {'accepted' if item.document else 'refused':9} {reasons}")
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
    assert {path.name for path in SAMPLES.glob("*.xml")} == TABLE.keys()
