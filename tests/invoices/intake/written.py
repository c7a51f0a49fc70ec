"""Invoices as documents, and the same invoices written out in every format that is read.

The writers know the standards, not our readers: what they write is read back and compared.
"""

import csv
import datetime as dt
import io
import zipfile
from decimal import ROUND_HALF_UP, Decimal
from itertools import groupby
from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr

import xlsxwriter
from hypothesis import strategies as st

from invoices.document import InvoiceDocument

CENT = Decimal("0.01")


def money(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)


def texts(max_size: int = 30):
    letters = st.sampled_from("abcxyzåäöÅÄÖßé0123456789 -./&<>\"';,|")
    spaced = st.text(letters, min_size=1, max_size=max_size).map(
        lambda text: " ".join(text.split())
    )
    # Beginnings that make a spreadsheet's formula, or a number, of a text have tests of their own.
    return spaced.map(lambda text: f"x{text}")


VATS = st.sampled_from(
    [("25.5", "S"), ("13.5", "S"), ("10", "S"), ("0", "Z"), ("0", "E"), ("0", "AE"), ("0", "O")]
)
DAYS = st.dates(dt.date(2024, 9, 1), dt.date(2027, 12, 31))


@st.composite
def rows(draw, sign: int) -> dict:
    rate, category = draw(VATS)
    quantity = sign * draw(st.decimals(Decimal("0.01"), 10_000, places=draw(st.integers(0, 3))))
    quantity = quantity or Decimal(sign)
    price = draw(st.decimals(0, 100_000, places=draw(st.integers(0, 4))))
    discount = draw(st.sampled_from(["0", "0", "10", "12.5"]))
    return {
        "name": draw(texts()),
        "code": draw(st.just("") | texts(10)),
        "quantity": quantity,
        "unit": draw(st.sampled_from(["C62", "HUR", "KGM"])),
        "unit_price": price,
        "discount_percent": discount,
        "vat_percent": rate,
        "vat_category": category,
        "net_amount": money(quantity * price * (1 - Decimal(discount) / 100)),
        "comment": draw(st.just("") | texts().map(lambda text: f"c{text}")),
    }


@st.composite
def documents(draw) -> InvoiceDocument:
    kind = draw(st.sampled_from(["invoice", "invoice", "credit_note"]))
    sign = -1 if kind == "credit_note" else 1
    date = draw(DAYS)
    found = draw(st.lists(rows(sign), min_size=1, max_size=6))
    # An invoice of nothing is neither an invoice nor a credit note.
    found.append(draw(rows(sign)) | {"unit_price": "1", "quantity": sign, "net_amount": sign})
    found[-1] |= {"discount_percent": "0"}
    document = {
        "number": draw(texts(20)),
        "kind": kind,
        "date": date,
        "due_date": date + dt.timedelta(days=draw(st.integers(0, 90))),
        "delivery_start": date,
        "delivery_end": date,
        "currency": draw(st.sampled_from(["EUR", "EUR", "SEK"])),
        "buyer": {
            "address": {
                "name": draw(texts()),
                "street": draw(texts()),
                "zip": draw(st.sampled_from(["00100", "04400", "SE-123 45"])),
                "city": draw(texts()),
                "country": draw(st.sampled_from(["FI", "SE", "AX"])),
            },
            "business_id": draw(st.sampled_from(["", "4567890-7"])),
            "vat_number": draw(st.sampled_from(["", "FI45678907"])),
            "customer_number": draw(st.just("") | texts(10)),
            "contact_person": draw(st.just("") | texts()),
            "email": draw(st.sampled_from(["", "osto@kukka.example"])),
            "einvoice_address": draw(st.sampled_from(["", "0007:5567321707"])),
        },
        "rows": found,
        "reference_number": draw(st.sampled_from(["", "1232", "RF181009"])),
        "order_reference": draw(st.just("") | texts(10)),
        "agreement_number": draw(st.just("") | texts(10)),
        "buyer_reference": draw(st.just("") | texts(10)),
        "additional_information": draw(st.just("") | texts()),
        "corrects_number": draw(texts(10)) if kind == "credit_note" else "",
        "seller_account": draw(st.sampled_from(["", "FI2112345600000785"])),
        "prepaid_amount": draw(st.none() | st.just(Decimal("1.50") * sign)),
    }
    return InvoiceDocument.model_validate(document | totals(found))


def totals(found: list[dict]) -> dict[str, Decimal]:
    groups = vat_groups(found)
    net = sum(Decimal(row["net_amount"]) for row in found)
    vat = sum(vat for __, __, __, vat in groups)
    return {"net_total": money(net), "vat_total": money(vat), "gross_total": money(net + vat)}


def vat_groups(found: list[dict]) -> list[tuple[str, str, Decimal, Decimal]]:
    """(category, rate, base, VAT) of each pair, VAT counted once a pair as EN 16931 does."""

    def key(row: dict) -> tuple[str, str]:
        return row["vat_category"], str(row["vat_percent"])

    groups = []
    for (category, rate), members in groupby(sorted(found, key=key), key):
        base = sum(Decimal(row["net_amount"]) for row in members)
        groups.append((category, rate, base, money(base * Decimal(rate) / 100)))
    return groups


def element(name: str, text: object, **attributes: str) -> str:
    """One element, or nothing for an empty text."""
    if text in ("", None):
        return ""
    told = "".join(f" {key}={quoteattr(value)}" for key, value in attributes.items())
    return f"<{name}{told}>{escape(str(text))}</{name}>"


class _Figures:
    """What both XML languages write of a document, a credit note's figures positive."""

    def __init__(self, document: InvoiceDocument) -> None:
        self.document = document
        self.sign = -1 if document.kind == "credit_note" else 1
        dumped = [row.model_dump() for row in document.rows]
        self.groups = [(c, r, self.up(b), self.up(v)) for c, r, b, v in vat_groups(dumped)]

    def up(self, amount: Decimal | None) -> Decimal:
        return self.sign * (amount or Decimal(0)) + 0

    @property
    def payable(self) -> Decimal:
        return self.up(self.document.gross_total) - self.up(self.document.prepaid_amount)


def ubl(document: InvoiceDocument) -> bytes:
    figures, d = _Figures(document), document
    credit, currency = d.kind == "credit_note", d.currency
    root, line = ("CreditNote", "Credit") if credit else ("Invoice", "Invoice")
    lines = "".join(_ubl_line(row, figures, root, line, currency) for row in d.rows)
    space = "urn:oasis:names:specification:ubl:schema:xsd:"
    due = element("cbc:DueDate", "" if credit else d.due_date)
    due_of_means = element("cbc:PaymentDueDate", d.due_date if credit else "")
    account = element("cbc:ID", d.seller_account)
    subtotals = "".join(
        "<cac:TaxSubtotal>"
        + element("cbc:TaxableAmount", base, currencyID=currency)
        + element("cbc:TaxAmount", vat, currencyID=currency)
        + f"<cac:TaxCategory><cbc:ID>{category}</cbc:ID><cbc:Percent>{rate}</cbc:Percent>"
        "<cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme></cac:TaxCategory></cac:TaxSubtotal>"
        for category, rate, base, vat in figures.groups
    )
    corrected = element("cbc:ID", d.corrects_number)
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<{root} xmlns="{space}{root}-2" xmlns:cac="{space}CommonAggregateComponents-2"
 xmlns:cbc="{space}CommonBasicComponents-2"><cbc:CustomizationID>urn:cen.eu:en16931:2017
</cbc:CustomizationID>{element("cbc:ID", d.number)}{element("cbc:IssueDate", d.date)}{due}
<cbc:{root}TypeCode>{381 if credit else 380}</cbc:{root}TypeCode>
{element("cbc:Note", d.additional_information)}
<cbc:DocumentCurrencyCode>{currency}</cbc:DocumentCurrencyCode>
{element("cbc:BuyerReference", d.buyer_reference)}
<cac:OrderReference>{element("cbc:ID", d.order_reference)}</cac:OrderReference>
<cac:BillingReference><cac:InvoiceDocumentReference>{corrected}</cac:InvoiceDocumentReference>
</cac:BillingReference><cac:ContractDocumentReference>{element("cbc:ID", d.agreement_number)}
</cac:ContractDocumentReference>{_ubl_buyer(d)}<cac:Delivery>
{element("cbc:ActualDeliveryDate", d.delivery_end)}</cac:Delivery><cac:PaymentMeans>
<cbc:PaymentMeansCode>30</cbc:PaymentMeansCode>{due_of_means}
{element("cbc:PaymentID", d.reference_number)}
<cac:PayeeFinancialAccount>{account}</cac:PayeeFinancialAccount></cac:PaymentMeans>
<cac:TaxTotal>{element("cbc:TaxAmount", figures.up(d.vat_total), currencyID=currency)}
{subtotals}</cac:TaxTotal><cac:LegalMonetaryTotal>
{element("cbc:LineExtensionAmount", figures.up(d.net_total), currencyID=currency)}
{element("cbc:TaxExclusiveAmount", figures.up(d.net_total), currencyID=currency)}
{element("cbc:TaxInclusiveAmount", figures.up(d.gross_total), currencyID=currency)}
{_prepaid("cbc:PrepaidAmount", figures, currencyID=currency)}
{element("cbc:PayableAmount", figures.payable, currencyID=currency)}
</cac:LegalMonetaryTotal>{lines}</{root}>""".encode()


def _prepaid(name: str, figures: _Figures, **attributes: str) -> str:
    paid = figures.document.prepaid_amount
    return "" if paid is None else element(name, figures.up(paid), **attributes)


def _ubl_buyer(d: InvoiceDocument) -> str:
    buyer, where = d.buyer, d.buyer.address
    scheme, __, endpoint = buyer.einvoice_address.rpartition(":")
    return f"""<cac:AccountingCustomerParty><cac:Party>
{element("cbc:EndpointID", endpoint, schemeID=scheme)}<cac:PartyIdentification>
{element("cbc:ID", buyer.customer_number)}</cac:PartyIdentification><cac:PostalAddress>
{element("cbc:StreetName", where.street)}{element("cbc:CityName", where.city)}
{element("cbc:PostalZone", where.zip)}<cac:Country>
{element("cbc:IdentificationCode", where.country)}</cac:Country></cac:PostalAddress>
<cac:PartyTaxScheme>{element("cbc:CompanyID", buyer.vat_number)}</cac:PartyTaxScheme>
<cac:PartyLegalEntity>{element("cbc:RegistrationName", where.name)}
{element("cbc:CompanyID", buyer.business_id)}</cac:PartyLegalEntity><cac:Contact>
{element("cbc:Name", buyer.contact_person)}{element("cbc:ElectronicMail", buyer.email)}
</cac:Contact></cac:Party></cac:AccountingCustomerParty>"""


def _allowance(row) -> Decimal:
    """What the row's discount takes off, so that the line gives its net exactly."""
    return row.quantity * row.unit_price - row.net_amount


def _ubl_line(row, figures: _Figures, root: str, kind: str, currency: str) -> str:
    net, taken = figures.up(row.net_amount), figures.up(_allowance(row))
    quantity = {"Invoice": "InvoicedQuantity", "Credit": "CreditedQuantity"}[kind]
    allowance = (
        "<cac:AllowanceCharge><cbc:ChargeIndicator>false</cbc:ChargeIndicator>"
        + element("cbc:MultiplierFactorNumeric", row.discount_percent)
        + element("cbc:Amount", taken, currencyID=currency)
        + "</cac:AllowanceCharge>"
    )
    return f"""<cac:{root}Line><cbc:ID>1</cbc:ID>
{element(f"cbc:{quantity}", figures.up(row.quantity), unitCode=row.unit)}
{element("cbc:LineExtensionAmount", net, currencyID=currency)}
{allowance if row.discount_percent else ""}<cac:Item>
{element("cbc:Description", row.comment)}{element("cbc:Name", row.name)}
<cac:SellersItemIdentification>{element("cbc:ID", row.code)}</cac:SellersItemIdentification>
<cac:ClassifiedTaxCategory><cbc:ID>{row.vat_category}</cbc:ID>
<cbc:Percent>{row.vat_percent}</cbc:Percent></cac:ClassifiedTaxCategory></cac:Item><cac:Price>
{element("cbc:PriceAmount", row.unit_price, currencyID=currency)}</cac:Price></cac:{root}Line>"""


def _day(name: str, day: dt.date | None) -> str:
    stamp = element("udt:DateTimeString", day and day.strftime("%Y%m%d"), format="102")
    return f"<ram:{name}>{stamp}</ram:{name}>" if stamp else ""


def cii(document: InvoiceDocument) -> bytes:
    figures, d = _Figures(document), document
    credit = d.kind == "credit_note"
    space = "urn:un:unece:uncefact:data:standard:"
    issued = _day("IssueDateTime", d.date)
    due = _day("DueDateDateTime", d.due_date)
    event = _day("OccurrenceDateTime", d.delivery_end)
    lines = "".join(_cii_line(row, figures) for row in d.rows)
    groups = "".join(
        "<ram:ApplicableTradeTax>"
        + element("ram:CalculatedAmount", vat)
        + "<ram:TypeCode>VAT</ram:TypeCode>"
        + element("ram:BasisAmount", base)
        + f"<ram:CategoryCode>{category}</ram:CategoryCode>"
        + element("ram:RateApplicablePercent", rate)
        + "</ram:ApplicableTradeTax>"
        for category, rate, base, vat in figures.groups
    )

    def referenced(name: str, text: str) -> str:
        inner = element("ram:IssuerAssignedID", text)
        return f"<ram:{name}>{inner}</ram:{name}>" if inner else ""

    return f"""<?xml version="1.0" encoding="UTF-8"?>
<rsm:CrossIndustryInvoice xmlns:rsm="{space}CrossIndustryInvoice:100"
 xmlns:ram="{space}ReusableAggregateBusinessInformationEntity:100"
 xmlns:udt="{space}UnqualifiedDataType:100"><rsm:ExchangedDocument>
{element("ram:ID", d.number)}<ram:TypeCode>{381 if credit else 380}</ram:TypeCode>{issued}
<ram:IncludedNote>{element("ram:Content", d.additional_information)}</ram:IncludedNote>
</rsm:ExchangedDocument><rsm:SupplyChainTradeTransaction>{lines}
<ram:ApplicableHeaderTradeAgreement>{element("ram:BuyerReference", d.buyer_reference)}
{_cii_buyer(d)}{referenced("BuyerOrderReferencedDocument", d.order_reference)}
{referenced("ContractReferencedDocument", d.agreement_number)}
</ram:ApplicableHeaderTradeAgreement><ram:ApplicableHeaderTradeDelivery>
<ram:ActualDeliverySupplyChainEvent>{event}</ram:ActualDeliverySupplyChainEvent>
</ram:ApplicableHeaderTradeDelivery><ram:ApplicableHeaderTradeSettlement>
{element("ram:PaymentReference", d.reference_number)}
{element("ram:InvoiceCurrencyCode", d.currency)}<ram:SpecifiedTradeSettlementPaymentMeans>
<ram:TypeCode>58</ram:TypeCode><ram:PayeePartyCreditorFinancialAccount>
{element("ram:IBANID", d.seller_account)}</ram:PayeePartyCreditorFinancialAccount>
</ram:SpecifiedTradeSettlementPaymentMeans>{groups}<ram:SpecifiedTradePaymentTerms>{due}
</ram:SpecifiedTradePaymentTerms><ram:SpecifiedTradeSettlementHeaderMonetarySummation>
{element("ram:LineTotalAmount", figures.up(d.net_total))}
{element("ram:TaxBasisTotalAmount", figures.up(d.net_total))}
{element("ram:TaxTotalAmount", figures.up(d.vat_total), currencyID=d.currency)}
{element("ram:GrandTotalAmount", figures.up(d.gross_total))}
{_prepaid("ram:TotalPrepaidAmount", figures)}{element("ram:DuePayableAmount", figures.payable)}
</ram:SpecifiedTradeSettlementHeaderMonetarySummation>
{referenced("InvoiceReferencedDocument", d.corrects_number)}
</ram:ApplicableHeaderTradeSettlement></rsm:SupplyChainTradeTransaction>
</rsm:CrossIndustryInvoice>""".encode()


def _cii_buyer(d: InvoiceDocument) -> str:
    buyer, where = d.buyer, d.buyer.address
    scheme, __, endpoint = buyer.einvoice_address.rpartition(":")
    return f"""<ram:BuyerTradeParty>{element("ram:ID", buyer.customer_number)}
{element("ram:Name", where.name)}<ram:SpecifiedLegalOrganization>
{element("ram:ID", buyer.business_id)}</ram:SpecifiedLegalOrganization><ram:DefinedTradeContact>
{element("ram:PersonName", buyer.contact_person)}<ram:EmailURIUniversalCommunication>
{element("ram:URIID", buyer.email)}</ram:EmailURIUniversalCommunication>
</ram:DefinedTradeContact><ram:PostalTradeAddress>{element("ram:PostcodeCode", where.zip)}
{element("ram:LineOne", where.street)}{element("ram:CityName", where.city)}
{element("ram:CountryID", where.country)}</ram:PostalTradeAddress>
<ram:URIUniversalCommunication>{element("ram:URIID", endpoint, schemeID=scheme)}
</ram:URIUniversalCommunication><ram:SpecifiedTaxRegistration>
{element("ram:ID", buyer.vat_number, schemeID="VA")}</ram:SpecifiedTaxRegistration>
</ram:BuyerTradeParty>"""


def _cii_line(row, figures: _Figures) -> str:
    allowance = (
        "<ram:SpecifiedTradeAllowanceCharge><ram:ChargeIndicator><udt:Indicator>false"
        "</udt:Indicator></ram:ChargeIndicator>"
        + element("ram:CalculationPercent", row.discount_percent)
        + element("ram:ActualAmount", figures.up(_allowance(row)))
        + "</ram:SpecifiedTradeAllowanceCharge>"
    )
    return f"""<ram:IncludedSupplyChainTradeLineItem><ram:SpecifiedTradeProduct>
{element("ram:SellerAssignedID", row.code)}{element("ram:Name", row.name)}
{element("ram:Description", row.comment)}</ram:SpecifiedTradeProduct>
<ram:SpecifiedLineTradeAgreement><ram:NetPriceProductTradePrice>
{element("ram:ChargeAmount", row.unit_price)}</ram:NetPriceProductTradePrice>
</ram:SpecifiedLineTradeAgreement><ram:SpecifiedLineTradeDelivery>
{element("ram:BilledQuantity", figures.up(row.quantity), unitCode=row.unit)}
</ram:SpecifiedLineTradeDelivery><ram:SpecifiedLineTradeSettlement><ram:ApplicableTradeTax>
<ram:TypeCode>VAT</ram:TypeCode><ram:CategoryCode>{row.vat_category}</ram:CategoryCode>
{element("ram:RateApplicablePercent", row.vat_percent)}</ram:ApplicableTradeTax>
{allowance if row.discount_percent else ""}<ram:SpecifiedTradeSettlementLineMonetarySummation>
{element("ram:LineTotalAmount", figures.up(row.net_amount))}
</ram:SpecifiedTradeSettlementLineMonetarySummation></ram:SpecifiedLineTradeSettlement>
</ram:IncludedSupplyChainTradeLineItem>"""


#: Heading by field, in the three languages that headings are known in.
HEADINGS = {
    "number": ("Invoice number", "Laskunumero", "Fakturanummer"),
    "kind": ("Invoice type", "Laskun tyyppi", "Fakturatyp"),
    "date": ("Invoice date", "Laskupäivä", "Fakturadatum"),
    "due_date": ("Due date", "Eräpäivä", "Förfallodatum"),
    "delivery_date": ("Delivery date", "Toimituspäivä", "Leveransdatum"),
    "currency": ("Currency", "Valuutta", "Valuta"),
    "buyer.name": ("Customer", "Asiakas", "Kund"),
    "buyer.street": ("Street", "Katuosoite", "Gatuadress"),
    "buyer.zip": ("Postcode", "Postinumero", "Postnummer"),
    "buyer.city": ("City", "Postitoimipaikka", "Ort"),
    "buyer.country": ("Country", "Maa", "Land"),
    "buyer.business_id": ("Business ID", "Y-tunnus", "FO-nummer"),
    "buyer.vat_number": ("VAT number", "ALV-numero", "Momsnummer"),
    "buyer.customer_number": ("Customer number", "Asiakasnumero", "Kundnummer"),
    "buyer.contact_person": ("Contact person", "Yhteyshenkilö", "Kontaktperson"),
    "buyer.email": ("Email", "Sähköposti", "E-post"),
    "buyer.einvoice_address": ("E-invoice address", "Verkkolaskuosoite", "E-fakturaadress"),
    "reference_number": ("Reference number", "Viitenumero", "Referensnummer"),
    "order_reference": ("Order number", "Tilausnumero", "Ordernummer"),
    "agreement_number": ("Contract number", "Sopimusnumero", "Avtalsnummer"),
    "buyer_reference": ("Your reference", "Viitteenne", "Er referens"),
    "additional_information": ("Notes", "Lisätiedot", "Tilläggsuppgifter"),
    "corrects_number": ("Credited invoice", "Hyvitettävä lasku", "Krediterad faktura"),
    "seller_account": ("Bank account", "Tilinumero", "Bankkonto"),
    "net_total": ("Net total", "Veroton yhteensä", "Totalt exkl. moms"),
    "vat_total": ("VAT total", "ALV yhteensä", "Moms totalt"),
    "gross_total": ("Gross total", "Loppusumma", "Totalt inkl. moms"),
    "prepaid_amount": ("Paid amount", "Maksettu määrä", "Betalt belopp"),
    "row.name": ("Product", "Tuote", "Produkt"),
    "row.code": ("Product code", "Tuotekoodi", "Artikelnummer"),
    "row.comment": ("Comment", "Kommentti", "Kommentar"),
    "row.quantity": ("Quantity", "Määrä", "Antal"),
    "row.unit": ("Unit", "Yksikkö", "Enhet"),
    "row.unit_price": ("Unit price", "Yksikköhinta", "À-pris"),
    "row.discount_percent": ("Discount %", "Alennus-%", "Rabatt %"),
    "row.vat_percent": ("VAT %", "ALV-%", "Moms %"),
    "row.vat_category": ("VAT category", "ALV-luokka", "Momskategori"),
    "row.net_amount": ("Net amount", "Rivisumma veroton", "Radbelopp exkl. moms"),
}
_KINDS = {"invoice": "Lasku", "credit_note": "Hyvityslasku"}


def table(document: InvoiceDocument) -> list[dict]:
    """The document's values by field, one dict a row; only the first has the header's."""
    header = document.model_dump()
    header |= {"kind": _KINDS[document.kind], "delivery_date": document.delivery_end}
    buyer = header["buyer"] | header["buyer"]["address"]
    lines = []
    for row in document.rows:
        line = {f"row.{name}": value for name, value in row.model_dump().items()}
        line |= {f"buyer.{name}": value for name, value in buyer.items()} | header
        lines.append({field: line[field] for field in HEADINGS})
    return lines


def csv_text(
    lines: list[dict], *, language: int = 0, separator: str = ";", mark: str = ",",
    day: str = "%d.%m.%Y",
) -> str:  # fmt: skip
    def shown(value: object) -> str:
        if isinstance(value, Decimal):
            return format(value, "f").replace(".", mark)
        if isinstance(value, dt.date):
            return value.strftime(day)
        return "" if value is None else str(value)

    out = io.StringIO()
    writer = csv.writer(out, delimiter=separator)
    writer.writerow([names[language] for names in HEADINGS.values()])
    writer.writerows([shown(value) for value in line.values()] for line in lines)
    return out.getvalue()


def xlsx(lines: list[dict], *, language: int = 0) -> bytes:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_numbers": False}) as book:
        sheet = book.add_worksheet("Laskut")
        dated = book.add_format({"num_format": "d.m.yyyy"})
        percent = book.add_format({"num_format": "0.0%"})
        sheet.write_row(0, 0, [names[language] for names in HEADINGS.values()])
        for at, line in enumerate(lines, start=1):
            for column, (field, value) in enumerate(line.items()):
                if isinstance(value, dt.date):
                    sheet.write_datetime(at, column, dt.datetime.combine(value, dt.time()), dated)
                elif field == "row.vat_percent":
                    sheet.write_number(at, column, float(value / 100), percent)
                elif isinstance(value, Decimal):
                    sheet.write_number(at, column, float(value))
                elif value not in ("", None):
                    sheet.write_string(at, column, str(value))
    return out.getvalue()


class Formatted(NamedTuple):
    """A number with the format of its cell."""

    value: float
    form: str


def workbook(sheets: dict[str, list]) -> bytes:
    """A workbook of these sheets, cell by cell as Excel would keep them."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        dated = book.add_format({"num_format": "d.m.yyyy"})
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for at, cells in enumerate(rows):
                for column, value in enumerate(cells):
                    if isinstance(value, dt.date):
                        day = dt.datetime.combine(value, dt.time())
                        sheet.write_datetime(at, column, day, dated)
                    elif isinstance(value, Formatted):
                        form = book.add_format({"num_format": value.form})
                        sheet.write_number(at, column, value.value, form)
                    elif value is not None:
                        sheet.write(at, column, value)
    return out.getvalue()


def zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in files.items():
            package.writestr(name, content)
    return out.getvalue()
