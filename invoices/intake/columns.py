"""What the columns of a table are called, and how a person says what they are.

`FIELDS` are our fields with the usual headings in English, Finnish and Swedish. Headings that mean
one thing in one program and another in the next ("Amount", "VAT", "Rate", "Total") are left out on
purpose: a person maps them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple, Self


class DecimalMark(StrEnum):
    COMMA = "comma"
    POINT = "point"


class DateOrder(StrEnum):
    """How 1/2/2026 is meant. Dates with points, and year first, need no order."""

    DAY_FIRST = "day_first"
    MONTH_FIRST = "month_first"


@dataclass(frozen=True)
class ColumnMapping:
    """What a person says of a table: our field → its heading in the file (compared without case
    and spaces around it), and how figures and dates are written where they could be read in two
    ways. A field that is not mapped is found by its usual headings, but not in a column whose
    heading is among `unread`."""

    columns: Mapping[str, str] = field(default_factory=dict)
    decimal_mark: DecimalMark | None = None
    date_order: DateOrder | None = None
    unread: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """As it is kept beside a file."""
        return {
            "columns": dict(self.columns),
            "decimal_mark": self.decimal_mark,
            "date_order": self.date_order,
            "unread": list(self.unread),
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Self:
        """From `as_json`; what is left out or empty says nothing."""
        mark, order = kept.get("decimal_mark"), kept.get("date_order")
        return cls(
            dict(kept.get("columns", {})),
            DecimalMark(mark) if mark else None,
            DateOrder(order) if order else None,
            tuple(kept.get("unread", ())),
        )


@dataclass(frozen=True)
class Column:
    """A column of the file and the field it is read as; "" when it is not read."""

    heading: str
    field: str = ""
    sheet: str = ""


FIELDS: dict[str, tuple[str, ...]] = {
    "number": (
        "Invoice number", "Invoice no", "Invoice #", "Laskunumero", "Laskun numero", "Lasku nro",
        "Laskun nro", "Laskunro", "Fakturanummer", "Fakturanr", "Faktura nr",
    ),
    "kind": ("Invoice type", "Laskun tyyppi", "Laskutyyppi", "Fakturatyp"),
    "date": (
        "Invoice date", "Date issued", "Issue date", "Date", "Laskun päivä", "Laskun päivämäärä",
        "Laskupäivä", "Laskun pvm", "Laskupvm", "Laskun päiväys", "Laskutuspäivä", "Päiväys",
        "Päivämäärä", "Pvm", "Fakturadatum", "Datum",
    ),
    "due_date": (
        "Due date", "Invoice due date", "Eräpäivä", "Eräpvm", "Laskun eräpäivä", "Förfallodatum",
        "Förfallodag",
    ),
    "payment_days": (
        "Payment days", "Days to pay", "Maksuaika pv", "Maksuaika päivää", "Betalningsdagar",
    ),
    "delivery_date": (
        "Delivery date", "Toimituspäivä", "Toimituspvm", "Toimitettu", "Leveransdatum",
        "Leveransdag",
    ),
    "delivery_start": (
        "Delivery start", "Period start", "Toimitusjakson alku", "Laskutuskauden alku",
        "Leveransperiod start", "Periodens början",
    ),
    "delivery_end": (
        "Delivery end", "Period end", "Toimitusjakson loppu", "Laskutuskauden loppu",
        "Leveransperiod slut", "Periodens slut",
    ),
    "currency": (
        "Currency", "Currency code", "Valuutta", "Valuuttakoodi", "Valuta", "Valutakod",
    ),
    "currency_rate": ("Currency rate", "Exchange rate", "Valuuttakurssi", "Valutakurs"),
    "buyer.name": (
        "Customer", "Customer name", "Client", "Client name", "Buyer", "Buyer name", "Asiakas",
        "Asiakkaan nimi", "Asiakasnimi", "Ostaja", "Ostajan nimi", "Kund", "Kundnamn",
        "Kundens namn", "Köpare",
    ),
    "buyer.street": (
        "Street", "Street address", "Address", "Billing address", "Customer address", "Katuosoite",
        "Lähiosoite", "Osoite", "Laskutusosoite", "Asiakkaan osoite", "Gatuadress", "Adress",
        "Faktureringsadress",
    ),
    "buyer.zip": (
        "Postcode", "Postal code", "Zip", "Zip code", "Billing code", "Postinumero", "Postinro",
        "Postnummer", "Postnr",
    ),
    "buyer.city": (
        "City", "Town", "Billing city", "Postitoimipaikka", "Kaupunki", "Paikkakunta", "Ort",
        "Postort", "Stad",
    ),
    "buyer.country": (
        "Country", "Country code", "Billing country", "Maa", "Maakoodi", "Land", "Landskod",
    ),
    "buyer.business_id": (
        "Business ID", "Customer business ID", "Y-tunnus", "Asiakkaan y-tunnus", "FO-nummer",
        "Organisationsnummer", "Org.nr",
    ),
    "buyer.vat_number": (
        "VAT number", "VAT ID", "Customer VAT number", "ALV-numero", "ALV-tunnus", "ALV-nro",
        "Momsnummer", "VAT-nummer", "Momsregistreringsnummer",
    ),
    "buyer.customer_number": (
        "Customer number", "Customer no", "Customer ID", "Asiakasnumero", "Asiakasnro",
        "Asiakastunnus", "Kundnummer", "Kundnr",
    ),
    "buyer.contact_person": ("Contact", "Contact person", "Yhteyshenkilö", "Kontaktperson"),
    "buyer.email": (
        "Email", "E-mail", "Customer email", "Sähköposti", "Sähköpostiosoite",
        "Asiakkaan sähköposti", "E-post", "E-postadress",
    ),
    "buyer.einvoice_address": (
        "E-invoice address", "Verkkolaskuosoite", "E-fakturaadress", "Nätfakturaadress",
    ),
    "buyer.einvoice_operator": (
        "E-invoice operator", "Operator", "Välittäjätunnus", "Välittäjä",
        "Verkkolaskuoperaattori", "Förmedlarkod", "Operatör",
    ),
    "buyer.edi_id": ("OVT", "OVT code", "EDI ID", "OVT-tunnus", "OVT-kod"),
    "reference_number": (
        "Reference number", "Payment reference", "Viitenumero", "Maksuviite", "Referensnummer",
        "OCR",
    ),
    "payment_method": ("Payment method", "Maksutapa", "Betalningssätt"),
    "penalty_percent": (
        "Late interest", "Late interest %", "Viivästyskorko", "Viivästyskorko-%",
        "Dröjsmålsränta", "Dröjsmålsränta %",
    ),
    "order_reference": (
        "Order number", "Order reference", "PO number", "Purchase order", "Purchaseorder",
        "Tilausnumero", "Tilausviite", "Ordernummer", "Beställningsnummer",
    ),
    "agreement_number": (
        "Contract number", "Agreement number", "Sopimusnumero", "Avtalsnummer",
    ),
    "buyer_reference": (
        "Buyer reference", "Your reference", "Viitteenne", "Ostajan viite", "Er referens",
    ),
    "seller_reference": (
        "Seller reference", "Our reference", "Viitteemme", "Myyjän viite", "Vår referens",
    ),
    "language": ("Language", "Kieli", "Språk"),
    "additional_information": (
        "Notes", "Public notes", "Additional information", "Lisätiedot", "Lisätieto",
        "Tilläggsuppgifter",
    ),
    "corrects_number": (
        "Credited invoice", "Original invoice number", "Hyvitettävä lasku",
        "Alkuperäinen laskunumero", "Krediterad faktura", "Ursprungligt fakturanummer",
    ),
    "seller_account": ("Bank account", "IBAN", "Tilinumero", "Pankkitili", "Bankkonto"),
    "prices_include_vat": (
        "Prices include VAT", "Hinnat sisältävät ALV:n", "Hinnat sis. ALV", "Priser inkl. moms",
    ),
    "net_total": (
        "Net total", "Total without VAT", "Total excl. VAT", "Invoice net total",
        "Veroton yhteensä", "Yhteensä veroton", "Laskun veroton summa", "Totalt exkl. moms",
        "Summa exkl. moms",
    ),
    "vat_total": (
        "VAT total", "Total VAT", "Invoice VAT total", "ALV yhteensä", "Arvonlisävero yhteensä",
        "Moms totalt", "Moms sammanlagt",
    ),
    "gross_total": (
        "Gross total", "Grand total", "Total with VAT", "Total incl. VAT", "Invoice gross total",
        "Verollinen yhteensä", "Yhteensä verollinen", "Laskun verollinen summa", "Loppusumma",
        "Totalt inkl. moms", "Summa inkl. moms",
    ),
    "prepaid_amount": ("Paid amount", "Amount paid", "Maksettu määrä", "Betalt belopp"),
    "row.name": (
        "Product", "Product name", "Item", "Item name", "Item product", "Tuote",
        "Tuotteen nimi", "Tuotenimi", "Nimike", "Produkt", "Produktnamn", "Artikel", "Benämning",
    ),
    "row.comment": (
        "Comment", "Row comment", "Item description", "Item desc", "Item notes", "Kommentti",
        "Rivin kommentti", "Kommentar", "Radkommentar",
    ),
    "row.code": (
        "Product code", "Item code", "SKU", "Tuotekoodi", "Tuotenumero", "Tuotenro",
        "Produktkod", "Artikelnummer", "Artikelnr",
    ),
    "row.quantity": (
        "Quantity", "Qty", "Item quantity", "Määrä", "Lukumäärä", "Kpl", "Antal", "Kvantitet",
    ),
    "row.unit": ("Unit", "Usage unit", "Yksikkö", "Enhet"),
    "row.unit_price": (
        "Unit price", "Unit price excl. VAT", "Price", "Item price", "Item cost", "Yksikköhinta",
        "Yksikköhinta veroton", "Veroton yksikköhinta", "Veroton hinta", "Hinta", "A-hinta",
        "À-hinta", "Á-hinta", "À-pris", "Á-pris", "Pris", "Enhetspris", "Pris exkl. moms",
    ),
    "row.unit_price_with_vat": (
        "Unit price incl. VAT", "Unit price with VAT", "Price incl. VAT", "Yksikköhinta verollinen",
        "Verollinen yksikköhinta", "Verollinen hinta", "Pris inkl. moms", "Enhetspris inkl. moms",
    ),
    "row.discount_percent": (
        "Discount %", "Discount percent", "Discount percentage", "Alennus-%", "Alennusprosentti",
        "Ale-%", "Rabatt %", "Rabattprocent",
    ),
    "row.vat_percent": (
        "VAT %", "VAT percent", "VAT rate", "VAT rate %", "ALV-%", "ALV-prosentti", "ALV-kanta",
        "Verokanta", "Moms %", "Momssats", "Momsprocent",
    ),
    "row.vat_category": ("VAT category", "ALV-luokka", "Momskategori"),
    "row.net_amount": (
        "Net amount", "Row net", "Line net", "Line subtotal", "Row total excl. VAT",
        "Line total excl. VAT", "Rivisumma veroton", "Veroton rivisumma", "Radbelopp exkl. moms",
    ),
    "row.gross_amount": (
        "Row total incl. VAT", "Line total incl. VAT", "Rivisumma verollinen",
        "Verollinen rivisumma", "Radbelopp inkl. moms",
    ),
    "row.start_date": ("Row start date", "Rivin alkupäivä", "Radens startdatum"),
    "row.end_date": ("Row end date", "Rivin loppupäivä", "Radens slutdatum"),
}  # fmt: skip
#: The row's name where nothing else is, else its comment.
_DESCRIPTIONS = ("Description", "Row description", "Kuvaus", "Selite", "Beskrivning", "Radtext")

DATES = frozenset(name for name in FIELDS if name.endswith("date")) | {
    "delivery_start",
    "delivery_end",
}
NUMBERS = frozenset(
    [
        "payment_days", "currency_rate", "penalty_percent", "net_total", "vat_total",
        "gross_total", "prepaid_amount", "row.quantity", "row.unit_price",
        "row.unit_price_with_vat", "row.discount_percent", "row.vat_percent", "row.net_amount",
        "row.gross_amount",
    ]
)  # fmt: skip
#: Any one of these tells what a row costs.
PRICES = (
    "row.unit_price", "row.unit_price_with_vat", "row.net_amount", "row.gross_amount",
    "net_total", "gross_total",
)  # fmt: skip
_LONGEST = 80
REQUIRED = ("number", "date", "buyer.name", "row.name", "row.vat_percent")


def plain(heading: str) -> str:
    """The heading without case, spaces and marks; "#" is a number and "%" a percentage. Longer
    ones than any that is known are cut."""
    return _plain(heading[:_LONGEST])


@lru_cache(maxsize=2048)
def _plain(heading: str) -> str:
    told = heading.casefold().replace("#", "number").replace("%", "percent")
    return re.sub(r"[\W_]+", "", told)


_KNOWN = {plain(name): field for field, names in FIELDS.items() for name in names}
_DESCRIBING = frozenset(plain(name) for name in _DESCRIPTIONS)


class Understood(NamedTuple):
    """`places` are the positions of the columns by field. `twice` are headings of a field that
    another column is read as already, `unmapped` mapped headings that the file does not have."""

    columns: tuple[Column, ...]
    places: dict[str, int]
    twice: tuple[str, ...]
    unmapped: tuple[str, ...]

    @property
    def missing(self) -> tuple[str, ...]:
        """Fields without which nothing is read; of the prices one is named for all."""
        lacking = tuple(name for name in REQUIRED if name not in self.places)
        priced = any(name in self.places for name in PRICES)
        return lacking if priced else (*lacking, PRICES[0])


def understood(headings: Iterable[str], mapping: ColumnMapping, sheet: str = "") -> Understood:
    """Which column is which field: as mapped, else by its heading."""
    titles = [heading.strip() for heading in headings]
    places: dict[str, int] = {}
    unmapped = []
    for name, heading in mapping.columns.items():
        wanted = heading.strip().casefold()
        at = next((n for n, title in enumerate(titles) if title.casefold() == wanted), None)
        if at is None:
            unmapped.append(heading)
        else:
            places[name] = at
    unread = {heading.strip().casefold() for heading in mapping.unread}
    taken, twice = set(places.values()), []
    taken |= {at for at, title in enumerate(titles) if title.casefold() in unread}
    for at, title in enumerate(titles):
        name = _KNOWN.get(plain(title), "")
        if at in taken or not name:
            continue
        if name not in places:
            places[name] = at
        elif name not in mapping.columns:
            twice.append(title)
    _describe(titles, places, taken)
    fields = {at: name for name, at in places.items()}
    columns = (Column(title, fields.get(at, ""), sheet) for at, title in enumerate(titles))
    found = tuple(column for column in columns if column.heading or column.field)
    return Understood(found, places, tuple(twice), tuple(unmapped))


def _describe(titles: list[str], places: dict[str, int], taken: set[int]) -> None:
    for at, title in enumerate(titles):
        if plain(title) in _DESCRIBING and at not in taken:
            for name in ("row.name", "row.comment"):
                if name not in places:
                    places[name] = at
                    break


def usual_headings(name: str) -> str:
    """Examples of what a column of the field is called."""
    return ", ".join(FIELDS[name][index] for index in (0, len(FIELDS[name]) // 2, -1))
