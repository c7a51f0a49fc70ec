"""The buyer, the addresses and what the invoice channel asks of them.

Source: finnish-invoicing, chapter 11; REFERENCE section 13.
"""

from __future__ import annotations

import re
from typing import Any

from invoices.document import Address, InvoiceDocument
from invoices.mapping.base import ExportSettings, Findings
from invoices.mapping.codes import COUNTRIES
from invoices.mapping.identifiers import (
    customer_number_of,
    einvoice_address_of,
    identifier_of,
    vat_number_of,
)
from invoices.mapping.tables import COUNTRY, key_of
from invoices.mapping.text import one_line, split_at

_LINE = 80
_POSTAL = ("street", "zip", "city")
CHANNELS = ("EMAIL", "MAIL", "ELECTRONIC_INVOICE", "NO_SENDING")


def address_of(
    address: Address, place: str, settings: ExportSettings, found: Findings
) -> dict[str, Any]:
    """One address; a name or street over 80 characters goes on in `specifier`."""
    name, rest_of_name = split_at(one_line(address.name), _LINE)
    street, rest_of_street = split_at(one_line(address.street), _LINE)
    specifier = ", ".join(
        part for part in (rest_of_name, one_line(address.specifier), rest_of_street) if part
    )
    fields = {
        "name": found.text(name, f"{place}.name"),
        "specifier": found.text(specifier, f"{place}.specifier", _LINE),
        "street": found.text(street, f"{place}.street"),
        "zip": _zip_of(address, f"{place}.zip", found),
        "city": found.text(address.city, f"{place}.city", 40),
    }
    filled = {key: value for key, value in fields.items() if value}
    return filled | {"country": _country_of(address, f"{place}.country", settings, found)}


def counterparty_of(
    document: InvoiceDocument, settings: ExportSettings, found: Findings
) -> dict[str, Any]:
    """`counterParty` of the payload."""
    buyer = document.buyer
    if not buyer.address.name:
        found.stop("missing", "buyer.address.name")
    if not all(getattr(buyer.address, field) for field in _POSTAL):
        found.warn("address_incomplete", "buyer.address")
    fields = {
        "contactPersonName": found.text(buyer.contact_person, "buyer.contact_person", 70),
        "identifier": identifier_of(buyer, found),
        "taxCode": vat_number_of(buyer, found),
        "customerNumber": customer_number_of(buyer, found),
        "email": found.text(buyer.email, "buyer.email"),
    }
    party: dict[str, Any] = {key: value for key, value in fields.items() if value}
    party["counterPartyAddress"] = address_of(buyer.address, "buyer.address", settings, found)
    if settings.invoice_channel == "ELECTRONIC_INVOICE":
        party["einvoiceAddress"] = _einvoice_address_of(document, found)
    return party


def billing_address_of(
    document: InvoiceDocument,
    counterparty: dict[str, Any],
    settings: ExportSettings,
    found: Findings,
) -> dict[str, Any]:
    """The billing address, the buyer's own when the document has none."""
    if is_blank(document.billing_address):
        return dict(counterparty["counterPartyAddress"])
    assert document.billing_address is not None
    return address_of(document.billing_address, "billing_address", settings, found)


def delivery_address_of(
    document: InvoiceDocument, settings: ExportSettings, found: Findings
) -> dict[str, Any]:
    """The delivery address; {} tells Procountor that there is none."""
    if is_blank(document.delivery_address):
        return {}
    assert document.delivery_address is not None
    return address_of(document.delivery_address, "delivery_address", settings, found)


def is_blank(address: Address | None) -> bool:
    """Whether there is nothing in the address but perhaps a country."""
    return address is None or not any(
        (address.name, address.specifier, address.street, address.zip, address.city)
    )


def check_channel(
    channel: str, counterparty: dict[str, Any], billing: dict[str, Any], found: Findings
) -> None:
    """Stop when the channel needs what the invoice has not."""
    if channel not in CHANNELS:
        found.stop("channel_not_allowed", "", channel, ", ".join(CHANNELS))
    elif channel == "EMAIL" and "email" not in counterparty:
        found.stop("channel_field_missing", "buyer.email", channel)
    elif channel == "MAIL":
        own = counterparty["counterPartyAddress"]
        if not any(all(field in address for field in _POSTAL) for address in (own, billing)):
            _stop_missing(_POSTAL, own, "buyer.address", channel, found)
    elif channel == "ELECTRONIC_INVOICE":
        _check_einvoice(counterparty, billing, found)


def _check_einvoice(counterparty: dict[str, Any], billing: dict[str, Any], found: Findings) -> None:
    channel, own = "ELECTRONIC_INVOICE", counterparty["counterPartyAddress"]
    _stop_missing(("name", *_POSTAL), own, "buyer.address", channel, found)
    if billing != own:
        _stop_missing(("name", *_POSTAL), billing, "billing_address", channel, found)
    given = counterparty["einvoiceAddress"]
    if "address" not in given:
        found.stop("channel_field_missing", "buyer.einvoice_address", channel)
    if "operator" not in given and own["country"] == "FINLAND":
        found.stop("channel_field_missing", "buyer.einvoice_operator", channel)


def _stop_missing(
    fields: tuple[str, ...], address: dict[str, Any], place: str, channel: str, found: Findings
) -> None:
    for field in fields:
        if field not in address:
            found.stop("channel_field_missing", f"{place}.{field}", channel)


def _einvoice_address_of(document: InvoiceDocument, found: Findings) -> dict[str, str]:
    buyer = document.buyer
    fields = {
        "operator": found.text(buyer.einvoice_operator, "buyer.einvoice_operator"),
        "address": einvoice_address_of(buyer, found),
        "ediId": found.text(buyer.edi_id, "buyer.edi_id"),
    }
    return {key: value for key, value in fields.items() if value}


def _zip_of(address: Address, place: str, found: Findings) -> str:
    code = found.text(address.zip, place, 20)
    # Spreadsheets eat the zeros Finnish postcodes begin with.
    if address.country in ("", "FI") and re.fullmatch("[0-9]{1,4}", code):
        found.warn("zip_padded", place, code, code.zfill(5))
        return code.zfill(5)
    return code


def _country_of(address: Address, place: str, settings: ExportSettings, found: Findings) -> str:
    own = settings.countries.get(key_of(COUNTRY, address.country))
    if own is not None:
        return own
    if not address.country:
        found.warn("country_missing", place, expected="FI")
        return "FINLAND"
    if address.country not in COUNTRIES:
        found.stop("country_not_supported", place, address.country)
    return COUNTRIES.get(address.country, "")
