"""Business ids, VAT numbers and e-invoice addresses of the buyer.

Source: finnish-invoicing, chapter 3. A personal identity code is never passed on nor shown.
"""

from __future__ import annotations

import re

from stdnum.eu import vat as eu_vat
from stdnum.fi import ytunnus

from invoices.document import Buyer
from invoices.mapping.base import Findings
from invoices.mapping.codes import EU_VAT_PREFIXES

_LONGEST = 40
_DOMESTIC = ("", "FI", "AX")
#: DDMMYY, a sign of the century, three digits and a check character, whatever stands before
#: them. Swedish organisation numbers look alike but have no month there.
_PERSONAL = re.compile(
    r"(?<![0-9])(?P<birth>(?:0[1-9]|[12][0-9]|3[01])(?:0[1-9]|1[0-2])[0-9]{2})"
    r"(?P<sign>[-+A-FU-Y]|/?)(?P<serial>[0-9]{3})(?P<check>[0-9A-Y])(?![0-9A-Z])"
)
_PERSONAL_CHECKS = "0123456789ABCDEFHJKLMNPRSTUVWXY"
#: Every dash a word processor puts in place of the sign.
_DASHES = str.maketrans(
    dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe63\uff0d", "-")
)
_FOREIGN = re.compile(r"(?!FI)[A-Z]{2}.+")
_VAT_NUMBER = re.compile(r"[A-Z]{2}[A-Z0-9+*]{2,13}")
_OVT = re.compile(r"0037[0-9]{8}[A-Z0-9]{0,5}")


def is_personal(value: str) -> bool:
    """Whether the value holds what looks like a Finnish personal identity code.

    With its sign the shape is enough; ten characters without one count when the check holds.
    """
    found = _PERSONAL.search(_compact(value).translate(_DASHES))
    return found is not None and (found["sign"] not in ("", "/") or _check_holds(found))


def is_certainly_personal(value: str) -> bool:
    """As `is_personal`, for numbers of every shape: the check has to hold, and ten bare digits,
    which hold it by chance, do not count."""
    found = _PERSONAL.search(_compact(value).translate(_DASHES))
    if found is None or not _check_holds(found):
        return False
    return bool(found["sign"]) or not found["check"].isdigit()


def finnish_business_id(value: str) -> str | None:
    """`NNNNNNN-C` from any of its spellings, FI12345671 too; None when the check digit fails."""
    digits = _compact(value).removeprefix("FI").replace("-", "")
    if not (digits.isascii() and digits.isdigit() and 7 <= len(digits) <= 8):
        return None
    digits = digits.zfill(8)
    return f"{digits[:7]}-{digits[7]}" if ytunnus.is_valid(digits) else None


def is_vat_number(number: str) -> bool:
    """Whether a VAT number with its prefix has the form its EU country gives it."""
    return _VAT_NUMBER.fullmatch(number) is not None and bool(eu_vat.is_valid(number))


def identifier_of(buyer: Buyer, found: Findings) -> str:
    """The buyer's business id as Procountor takes it; "" when there is none.

    A Finnish one whose check fails is left out with a warning: a domestic sale does not need
    it by law, and Procountor would refuse the whole invoice for it (`ERROR_BRN_CODE`).
    """
    place, value = "buyer.business_id", buyer.business_id
    if not value or _refused_as_personal(value, place, found):
        return ""
    compact = _compact(value)
    finnish = buyer.address.country in _DOMESTIC or compact.startswith("FI")
    if not finnish or _FOREIGN.fullmatch(compact):
        return found.text(value, place, _LONGEST)
    known = finnish_business_id(value)
    if known is None:
        found.warn("business_id_left_out", place, value)
    return known or ""


def vat_number_of(buyer: Buyer, found: Findings) -> str:
    """The buyer's VAT number with its prefix; "" when there is none, or a Finnish one is wrong."""
    place, value = "buyer.vat_number", buyer.vat_number
    if not value or _refused_as_personal(value, place, found):
        return ""
    compact = _compact(value).replace("-", "")
    domestic = buyer.address.country in _DOMESTIC and not _FOREIGN.fullmatch(compact)
    if compact.startswith("FI") or domestic:
        known = finnish_business_id(compact)
        if known is None:
            found.warn("vat_number_left_out", place, value)
        return "FI" + known.replace("-", "") if known else ""
    if compact[:2] in EU_VAT_PREFIXES and not is_vat_number(compact):
        found.warn("vat_number_doubtful", place, value)
    return found.text(compact, place, _LONGEST)


def customer_number_of(buyer: Buyer, found: Findings) -> str:
    """Our own number for the buyer. Only a personal code whose check holds is refused here:
    customer numbers have every shape."""
    place, value = "buyer.customer_number", buyer.customer_number
    if is_certainly_personal(value):
        found.stop("personal_id_refused", place)
        return ""
    return found.text(value, place, _LONGEST)


def check_for_goods_to_eu(buyer: Buyer, found: Findings) -> None:
    """EU goods need the VAT number of a buyer in another EU country, by law."""
    _check_required(buyer, "K", found)
    prefix = _compact(buyer.vat_number)[:2]
    if buyer.vat_number and (prefix == "FI" or prefix not in EU_VAT_PREFIXES):
        found.stop("vat_number_not_eu", "buyer.vat_number", buyer.vat_number)


def check_for_reverse_charge(buyer: Buyer, found: Findings) -> None:
    """Reverse charge needs the buyer's VAT number; in Finland its business id serves."""
    if buyer.address.country in _DOMESTIC and finnish_business_id(buyer.business_id):
        return
    _check_required(buyer, "AE", found)


def einvoice_address_of(buyer: Buyer, found: Findings) -> str:
    """The e-invoice address without a scheme in front (0216:…)."""
    place = "buyer.einvoice_address"
    address = re.sub(r"^(0037|0212|0216):", "", found.text(buyer.einvoice_address, place))
    if address.startswith("0037"):
        ovt = _OVT.fullmatch(address)
        if ovt is None or finnish_business_id(address[4:12]) is None:
            found.warn("einvoice_address_doubtful", place, address)
    return address


def _check_required(buyer: Buyer, category: str, found: Findings) -> None:
    place, number = "buyer.vat_number", _compact(buyer.vat_number).replace("-", "")
    if not number:
        found.stop("vat_number_missing", place, category)
    elif number[:2] in EU_VAT_PREFIXES and not is_vat_number(number):
        found.stop("vat_number_invalid", place, buyer.vat_number)


def _refused_as_personal(value: str, place: str, found: Findings) -> bool:
    if not is_personal(value):
        return False
    # Without the value: problems are stored and shown.
    found.stop("personal_id_refused", place)
    return True


def _check_holds(code: re.Match[str]) -> bool:
    return _PERSONAL_CHECKS[int(code["birth"] + code["serial"]) % 31] == code["check"]


def _compact(value: str) -> str:
    return "".join(value.split()).upper()
