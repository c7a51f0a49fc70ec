"""Buyer and place of delivery of an EN 16931 invoice (BG-7, BG-13)."""

from __future__ import annotations

import re
from typing import Any

from invoices.intake.en16931.node import EnNode
from invoices.intake.en16931.syntax import Address, Party, Syntax
from invoices.mapping.identifiers import is_personal

#: ISO 6523 codes of Finnish addresses: known without their scheme (finnish-invoicing, chapter 3).
_FINNISH = frozenset({"0037", "0212", "0213", "0215", "0216"})
#: Whose identifiers are an organisation's EDI code: OVT and GLN.
_EDI = frozenset({"0037", "0216", "0088"})


def buyer(invoice: EnNode, syntax: Syntax) -> dict[str, Any]:
    """The `Buyer` fields. A personal identity code is dropped: we have no ground to keep it."""
    paths = syntax.buyer
    party = invoice.child(paths.at)
    if party is None:
        invoice.missing(f"{paths.at}/{paths.name}")
        return {"address": {}}
    legal, trading = party.text(paths.name), party.text(paths.trading_name)
    where = _address(party, paths.address) | {"name": legal or trading}
    if not where["name"]:
        party.missing(paths.name)
    if legal and trading and trading != legal:
        where["specifier"] = trading
    return {
        "address": where,
        "contact_person": party.first(paths.contact),
        **_identifiers(party, paths),
        **_endpoint(party, paths),
    }


def delivery_address(invoice: EnNode, syntax: Syntax) -> dict[str, str] | None:
    place = invoice.child(syntax.delivery_at)
    fields = _address(place, syntax.delivery) if place is not None else {}
    if name := invoice.text(syntax.delivery_name):
        fields["name"] = name
    return fields or None


def _address(party: EnNode, paths: Address) -> dict[str, str]:
    streets = [text for path in paths.streets for text in party.texts(path)]
    fields = {
        "street": ", ".join(streets),
        "zip": party.text(paths.zip),
        "city": party.text(paths.city),
    }
    country = party.text(paths.country).upper()
    if re.fullmatch("[A-Z]{2}", country):
        fields["country"] = country
    elif country:
        party.log.warn("country_unknown", party.place(paths.country), country)
    return {name: text for name, text in fields.items() if text}


def _identifiers(party: EnNode, paths: Party) -> dict[str, str]:
    found = {
        "business_id": party.text(paths.business_id),
        "vat_number": party.text(paths.vat_number),
    }
    places = {"business_id": paths.business_id, "vat_number": paths.vat_number}
    for path in paths.ids:
        text, scheme = party.text(path), party.attribute(path, "schemeID")
        kinds = {"0212": "business_id", "0213": "vat_number"} | dict.fromkeys(_EDI, "edi_id")
        kind = kinds.get(scheme, "customer_number")
        if text and not found.get(kind):
            found[kind], places[kind] = text, path
    for kind, text in found.items():
        if is_personal(text):
            party.log.warn("personal_id_dropped", party.place(places[kind]))
            found[kind] = ""
    return found


def _endpoint(party: EnNode, paths: Party) -> dict[str, str]:
    """BT-49: an address in a network, its scheme in front unless it is Finnish; or an e-mail."""
    address, scheme = party.text(paths.endpoint), party.attribute(paths.endpoint, "schemeID")
    email = party.text(paths.email)
    if scheme == "EM":
        return {"email": email or address}
    if scheme and address and scheme not in _FINNISH:
        address = f"{scheme}:{address}"
    fields = {"email": email, "einvoice_address": address}
    if scheme in ("0037", "0216"):
        fields["edi_id"] = address
    return fields
