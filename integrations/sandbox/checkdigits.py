"""Check digits: reference numbers, IBANs, Finnish business IDs. Pure functions.

Sources: viitenumero weights 7-3-1, ISO 11649 (RF), ISO 13616 (IBAN), the business ID's weights.
"""

from __future__ import annotations

import re
from itertools import cycle

_FI_REFERENCE = re.compile(r"\d{4,20}", re.ASCII)
_RF_REFERENCE = re.compile(r"RF\d{2}[0-9A-Z]{1,21}", re.ASCII)
_IBAN = re.compile(r"[A-Z]{2}\d{2}[0-9A-Z]{8,30}", re.ASCII)
_BUSINESS_ID = re.compile(r"(\d{7})-(\d)", re.ASCII)


def is_fi_reference(code: str) -> bool:
    return bool(_FI_REFERENCE.fullmatch(code)) and fi_reference(code[:-1]) == code


def fi_reference(base: str) -> str:
    """The viitenumero of 3 to 19 digits: the base and its check digit."""
    total = sum(
        int(digit) * weight for digit, weight in zip(reversed(base), cycle((7, 3, 1)), strict=False)
    )
    return f"{base}{-total % 10}"


def is_rf_reference(code: str) -> bool:
    return bool(_RF_REFERENCE.fullmatch(code)) and _mod97(code) == 1


def rf_reference(base: str) -> str:
    """The RF creditor reference over `base`, letters in capitals."""
    return f"RF{98 - _mod97('RF00' + base):02d}{base}"


def is_iban(number: str) -> bool:
    return bool(_IBAN.fullmatch(number)) and _mod97(number) == 1


def finnish_iban(serial: int) -> str:
    """An IBAN in Finnish form for a simulated account; `serial` counts from 0."""
    base = f"{1234560000078 + serial:013d}"
    bban = f"{base}{_luhn(base)}"
    return f"FI{98 - _mod97('FI00' + bban):02d}{bban}"


def has_wrong_check_digit(code: str) -> bool:
    """True for a text in the form of a Finnish business ID whose last digit cannot be right."""
    found = _BUSINESS_ID.fullmatch(code)
    if not found:
        return False
    weights = (7, 9, 10, 5, 8, 4, 2)
    remainder = sum(int(d) * w for d, w in zip(found[1], weights, strict=True)) % 11
    return remainder == 1 or int(found[2]) != (11 - remainder if remainder else 0)


def _mod97(code: str) -> int:
    return int("".join(str(int(char, 36)) for char in code[4:] + code[:4])) % 97


def _luhn(base: str) -> int:
    doubled = (int(d) * w for d, w in zip(reversed(base), cycle((2, 1)), strict=False))
    return -sum(number // 10 + number % 10 for number in doubled) % 10
