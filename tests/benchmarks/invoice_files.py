"""Files of as many invoices as wanted, written piece by piece: each invoice of three rows, as shops
have them, and no two alike."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROWS = 3
_HEADINGS = (
    "Laskunumero;Laskupäivä;Eräpäivä;Asiakas;Katuosoite;Postinumero;Postitoimipaikka;Y-tunnus;"
    "Viitenumero;Tuote;Määrä;Yksikkö;À-hinta;ALV-%;Rivin nettosumma;Yhteensä"
)
_FINVOICE = """<?xml version="1.0" encoding="UTF-8"?>
<Finvoice Version="3.0"><MessageTransmissionDetails><MessageSenderDetails>
<FromIdentifier>003720774740</FromIdentifier><FromIntermediator>003721291126</FromIntermediator>
</MessageSenderDetails><MessageReceiverDetails><ToIdentifier>003701120389</ToIdentifier>
<ToIntermediator>003721291126</ToIntermediator></MessageReceiverDetails><MessageDetails>
<MessageIdentifier>M-{number}</MessageIdentifier>
<MessageTimeStamp>2026-09-16T08:00:00+03:00</MessageTimeStamp></MessageDetails>
</MessageTransmissionDetails>
<SellerPartyDetails><SellerPartyIdentifier>2077474-0</SellerPartyIdentifier>
<SellerOrganisationName>Acme Oy</SellerOrganisationName><SellerPostalAddressDetails>
<SellerStreetName>Myyjäntie 1</SellerStreetName><SellerTownName>Helsinki</SellerTownName>
<SellerPostCodeIdentifier>00100</SellerPostCodeIdentifier><CountryCode>FI</CountryCode>
</SellerPostalAddressDetails></SellerPartyDetails>
<BuyerPartyDetails><BuyerPartyIdentifier>0112038-9</BuyerPartyIdentifier>
<BuyerOrganisationName>Ostaja {number} Oy</BuyerOrganisationName>
<BuyerOrganisationTaxCode>FI01120389</BuyerOrganisationTaxCode><BuyerPostalAddressDetails>
<BuyerStreetName>Testitie {number}</BuyerStreetName><BuyerTownName>Espoo</BuyerTownName>
<BuyerPostCodeIdentifier>02100</BuyerPostCodeIdentifier><CountryCode>FI</CountryCode>
</BuyerPostalAddressDetails></BuyerPartyDetails>
<DeliveryDetails><DeliveryDate Format="CCYYMMDD">20260915</DeliveryDate></DeliveryDetails>
<InvoiceDetails><InvoiceTypeCode>INV01</InvoiceTypeCode>
<InvoiceTypeText>Lasku</InvoiceTypeText><OriginCode>Original</OriginCode>
<InvoiceNumber>{number}</InvoiceNumber><InvoiceDate Format="CCYYMMDD">20260916</InvoiceDate>
<OrderIdentifier>PO {number}</OrderIdentifier>
<InvoiceTotalVatExcludedAmount AmountCurrencyIdentifier="EUR">300,00</InvoiceTotalVatExcludedAmount>
<InvoiceTotalVatAmount AmountCurrencyIdentifier="EUR">76,50</InvoiceTotalVatAmount>
<InvoiceTotalVatIncludedAmount AmountCurrencyIdentifier="EUR">376,50</InvoiceTotalVatIncludedAmount>
<VatSpecificationDetails>
<VatBaseAmount AmountCurrencyIdentifier="EUR">300,00</VatBaseAmount>
<VatRatePercent>25,5</VatRatePercent><VatCode>S</VatCode>
<VatRateAmount AmountCurrencyIdentifier="EUR">76,50</VatRateAmount></VatSpecificationDetails>
<PaymentTermsDetails><PaymentTermsFreeText>14 pv netto</PaymentTermsFreeText>
<InvoiceDueDate Format="CCYYMMDD">20260930</InvoiceDueDate><PaymentOverDueFineDetails>
<PaymentOverDueFinePercent>8,0</PaymentOverDueFinePercent></PaymentOverDueFineDetails>
</PaymentTermsDetails></InvoiceDetails>
{rows}<SpecificationDetails>
<SpecificationFreeText>Toimitus sopimuksen mukaan</SpecificationFreeText></SpecificationDetails>
<EpiDetails><EpiIdentificationDetails><EpiDate Format="CCYYMMDD">20260916</EpiDate>
<EpiReference></EpiReference></EpiIdentificationDetails><EpiPartyDetails><EpiBfiPartyDetails>
<EpiBfiIdentifier IdentificationSchemeName="BIC">NDEAFIHH</EpiBfiIdentifier></EpiBfiPartyDetails>
<EpiBeneficiaryPartyDetails><EpiNameAddressDetails>Acme Oy</EpiNameAddressDetails>
<EpiBei>2077474-0</EpiBei>
<EpiAccountID IdentificationSchemeName="IBAN">FI2112345600000785</EpiAccountID>
</EpiBeneficiaryPartyDetails></EpiPartyDetails><EpiPaymentInstructionDetails>
<EpiRemittanceInfoIdentifier
 IdentificationSchemeName="SPY">{reference}</EpiRemittanceInfoIdentifier>
<EpiInstructedAmount AmountCurrencyIdentifier="EUR">376,50</EpiInstructedAmount>
<EpiCharge ChargeOption="SHA">SHA</EpiCharge>
<EpiDateOptionDate Format="CCYYMMDD">20260930</EpiDateOptionDate></EpiPaymentInstructionDetails>
</EpiDetails></Finvoice>
"""
_ROW = """<InvoiceRow><ArticleIdentifier>A-{row}</ArticleIdentifier>
<ArticleName>Konsultointi {row}</ArticleName>
<InvoicedQuantity QuantityUnitCode="h">2</InvoicedQuantity>
<UnitPriceAmount AmountCurrencyIdentifier="EUR">50,00</UnitPriceAmount>
<RowIdentifier>{row}</RowIdentifier><RowVatRatePercent>25,5</RowVatRatePercent>
<RowVatCode>S</RowVatCode><RowVatAmount AmountCurrencyIdentifier="EUR">25,50</RowVatAmount>
<RowVatExcludedAmount AmountCurrencyIdentifier="EUR">100,00</RowVatExcludedAmount>
<RowAmount AmountCurrencyIdentifier="EUR">125,50</RowAmount></InvoiceRow>
"""


def _reference(number: int) -> str:
    """A Finnish reference of the number."""
    digits = str(100 + number)
    weighed = sum(int(d) * (7, 3, 1)[at % 3] for at, d in enumerate(reversed(digits)))
    return f"{digits}{-weighed % 10}"


def csv(count: int) -> Iterator[bytes]:
    yield f"{_HEADINGS}\n".encode()
    for n in range(count):
        head = (
            f"C-{n};16.9.2026;30.9.2026;Ostaja {n} Oy;Testitie {n};02100;Espoo;0112038-9;"
            f"{_reference(n)}"
        )
        for row in range(1, ROWS + 1):
            total = "376,50" if row == 1 else ""
            yield f"{head};Konsultointi {row};2;h;50,00;25,5;100,00;{total}\n".encode()


def finvoice(count: int, each_kilobytes: int = 0) -> Iterator[bytes]:
    """With `each_kilobytes` every document is filled up with a comment."""
    rows = "".join(_ROW.format(row=row) for row in range(1, ROWS + 1))
    for n in range(count):
        text = _FINVOICE.format(number=f"F-{n}", reference=_reference(n), rows=rows)
        more = each_kilobytes * 1000 - len(text)
        yield f"{text}<!-- {'x' * more} -->\n".encode() if more > 0 else text.encode()


def json_bodies(count: int, at_once: int = 500) -> Iterator[bytes]:
    """Bodies as the API's callers send them, a line each."""
    for start in range(0, count, at_once):
        invoices = [_json(n) for n in range(start, min(start + at_once, count))]
        yield json.dumps({"invoices": invoices}).encode() + b"\n"


def _json(n: int) -> dict[str, Any]:
    address = {"name": f"Ostaja {n} Oy", "street": f"Testitie {n}", "zip": "02100"}
    return {
        "number": f"J-{n}",
        "date": "2026-09-16",
        "due_date": "2026-09-30",
        "buyer": {
            "address": address | {"city": "Espoo", "country": "FI"},
            "business_id": "0112038-9",
        },
        "rows": [
            {
                "name": f"Konsultointi {row}",
                "code": f"A-{row}",
                "quantity": "2",
                "unit": "h",
                "unit_price": "50.00",
                "vat_percent": "25.5",
                "vat_category": "S",
                "net_amount": "100.00",
            }
            for row in range(1, ROWS + 1)
        ],
        "reference_number": _reference(n),
        "order_reference": f"PO {n}",
        "net_total": "300.00",
        "vat_total": "76.50",
        "gross_total": "376.50",
    }


WRITERS = {"csv": csv, "finvoice": finvoice, "json": json_bodies}


def write(path: Path, pieces: Iterator[bytes]) -> int:
    """Returns the size in bytes."""
    with path.open("wb") as file:
        for piece in pieces:
            file.write(piece)
    return path.stat().st_size
