"""Small Finvoices for the tests: one row of 100,00 + 25,5 %, and what a test changes in it."""

from pathlib import Path

from invoices.document import InvoiceDocument
from invoices.intake import ReadItem, read

DATA = Path(__file__).parents[2] / "data"

ROW = """<InvoiceRow><ArticleName>Takorauta</ArticleName>
<InvoicedQuantity QuantityUnitCode="kpl">4</InvoicedQuantity>
<UnitPriceAmount AmountCurrencyIdentifier="EUR">25,00</UnitPriceAmount>
<RowVatRatePercent>25,5</RowVatRatePercent><RowVatCode>S</RowVatCode>
<RowVatExcludedAmount AmountCurrencyIdentifier="EUR">100,00</RowVatExcludedAmount></InvoiceRow>"""

TOTALS = """<InvoiceTotalVatExcludedAmount AmountCurrencyIdentifier="EUR">{}
</InvoiceTotalVatExcludedAmount><InvoiceTotalVatAmount AmountCurrencyIdentifier="EUR">{}
</InvoiceTotalVatAmount><InvoiceTotalVatIncludedAmount AmountCurrencyIdentifier="EUR">{}
</InvoiceTotalVatIncludedAmount>"""


def finvoice(
    *,
    rows: str = ROW,
    totals: tuple[str, str, str] | None = ("100,00", "25,50", "125,50"),
    details: str = "",
    after: str = "",
    version: str = "3.0",
    kind: str = "INV01",
    number: str = "77",
    country: str = "FI",
) -> str:
    stated = TOTALS.format(*totals) if totals else ""
    return f"""<Finvoice Version="{version}"><BuyerPartyDetails>
<BuyerOrganisationName>Kukka Oy</BuyerOrganisationName><BuyerPostalAddressDetails>
<CountryCode>{country}</CountryCode></BuyerPostalAddressDetails></BuyerPartyDetails>
<InvoiceDetails><InvoiceTypeCode>{kind}</InvoiceTypeCode><InvoiceNumber>{number}</InvoiceNumber>
<InvoiceDate Format="CCYYMMDD">20260916</InvoiceDate>{stated}{details}</InvoiceDetails>
{rows}{after}</Finvoice>"""


def read_text(text: str) -> ReadItem:
    (item,) = read(text.encode()).items
    return item


def read_one(**changes) -> ReadItem:
    return read_text(finvoice(**changes))


def document(**changes) -> InvoiceDocument:
    item = read_one(**changes)
    assert item.problems == ()
    assert item.document is not None
    return item.document


def error_codes(item: ReadItem) -> set[str]:
    return {found.code for found in item.problems}


def warning_codes(item: ReadItem) -> set[str]:
    return {found.code for found in item.warnings}


def read_file(name: str):
    return read((DATA / name).read_bytes(), name=name)
