"""Buyer, billing and delivery addresses of a Finvoice."""

from __future__ import annotations

import re
from typing import Any

from invoices.intake.node import Node
from invoices.intake.xml_split import Receiver
from invoices.mapping.identifiers import is_personal

_SCHEME = re.compile(r"^[0-9]{4}:")


def address(party: Node | None, prefix: str) -> dict[str, str]:
    """The `Address` fields of a party; {} when it gives none. `prefix` is the party's word in
    the element names: Buyer, InvoiceRecipient or Delivery."""
    if party is None:
        return {}
    postal = f"{prefix}PostalAddressDetails"
    names = party.texts(f"{prefix}OrganisationName")
    extra = party.texts(f"{prefix}OrganisationDepartment") + party.texts(f"{prefix}Department")
    streets = party.texts(f"{postal}/{prefix}StreetName")
    boxes = party.texts(f"{postal}/{prefix}PostOfficeBoxIdentifier")
    boxes += party.texts(f"{postal}/{prefix}PostofficeBoxIdentifier")
    fields = {
        "name": names[0] if names else "",
        "specifier": ", ".join(names[1:] + extra),
        "street": ", ".join(streets + boxes),
        "zip": party.text(f"{postal}/{prefix}PostCodeIdentifier"),
        "city": party.text(f"{postal}/{prefix}TownName"),
    }
    country = party.text(f"{postal}/CountryCode").upper()
    if re.fullmatch("[A-Z]{2}", country):
        fields["country"] = country
    elif country:
        party.log.warn("country_unknown", party.place(f"{postal}/CountryCode"), country)
    return {name: text for name, text in fields.items() if text}


def buyer(finvoice: Node, receiver: Receiver | None) -> dict[str, Any]:
    """The `Buyer` fields. A personal identity code is dropped: we have no ground to keep it."""
    party = finvoice.child("BuyerPartyDetails")
    where = address(party, "Buyer")
    if not where.get("name"):
        finvoice.missing("BuyerPartyDetails/BuyerOrganisationName")
    business_id = finvoice.text("BuyerPartyDetails/BuyerPartyIdentifier")
    vat_number = finvoice.text("BuyerPartyDetails/BuyerOrganisationTaxCode")
    if is_personal(business_id):
        finvoice.log.warn("personal_id_dropped", "BuyerPartyDetails/BuyerPartyIdentifier")
        business_id = ""
    to = "MessageTransmissionDetails/MessageReceiverDetails"
    soap = receiver or Receiver()
    return {
        "address": where,
        "business_id": business_id,
        "vat_number": vat_number,
        "customer_number": finvoice.text("InvoiceDetails/SellersBuyerIdentifier"),
        "contact_person": finvoice.text("BuyerContactPersonName"),
        "email": finvoice.text("BuyerCommunicationDetails/BuyerEmailaddressIdentifier"),
        "einvoice_address": _SCHEME.sub("", finvoice.text(f"{to}/ToIdentifier") or soap.address),
        "einvoice_operator": finvoice.text(f"{to}/ToIntermediator") or soap.operator,
        "edi_id": _SCHEME.sub("", finvoice.text("BuyerOrganisationUnitNumber")),
    }
