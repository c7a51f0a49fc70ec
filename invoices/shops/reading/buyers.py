"""Who bought: a company by its name and numbers, else a person."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from invoices.intake.values import Log
from invoices.mapping.identifiers import is_personal
from invoices.shops.reading.fields import Fields
from invoices.shops.reading.settings import ShopSettings

_PUNCTUATION = re.compile(r"[\s.\-]")


def address(party: Fields, names: dict[str, str]) -> dict[str, str]:
    """The `Address` fields; `names` are the shop's own words for them. {} when it has none."""
    get = {field: party.text(key) for field, key in names.items()}
    person = f"{get['first']} {get['last']}".strip()
    fields = {
        "name": get["company"] or person,
        "specifier": get["second_line"],
        "street": get["street"],
        "zip": get["zip"],
        "city": get["city"],
    }
    country = get["country"].upper()
    if re.fullmatch("[A-Z]{2}", country):
        fields["country"] = country
    elif country:
        party.log.warn("country_unknown", party.place(names["country"]), country)
    return {name: text for name, text in fields.items() if text}


def buyer(
    party: Fields, names: dict[str, str], email: str, meta: dict[str, str], settings: ShopSettings
) -> dict[str, Any]:
    """The `Buyer` fields. `meta` has the shop's additional fields by name."""
    where = address(party, names)
    log = party.log
    business_id = _first(meta, settings.business_id_fields)
    vat_number = _PUNCTUATION.sub("", _first(meta, settings.vat_number_fields)).upper()
    if is_personal(business_id) or is_personal(vat_number):
        log.warn("personal_id_dropped", "meta_data")
        business_id = "" if is_personal(business_id) else business_id
        vat_number = "" if is_personal(vat_number) else vat_number
    person = f"{party.text(names['first'])} {party.text(names['last'])}".strip()
    is_company = bool(party.text(names["company"]))
    return {
        "address": where,
        "business_id": business_id,
        "vat_number": vat_number,
        "contact_person": person if is_company else "",
        "email": email,
    }


def meta_of(entries: Iterable[Fields], key: str, value: str) -> dict[str, str]:
    """Additional fields by name; of one that is there twice the first that is not empty."""
    found: dict[str, str] = {}
    for entry in entries:
        name, text = entry.text(key), entry.text(value)
        if name and text:
            found.setdefault(name, text)
    return found


def _first(meta: dict[str, str], names: Iterable[str]) -> str:
    return next((meta[name] for name in names if name in meta), "")


def check_known(where: dict[str, str], log: Log, place: str) -> None:
    if not where.get("name"):
        log.error("missing", place)
