"""Reference numbers: the Finnish viitenumero and the international RF reference.

Source: finnish-invoicing, chapter 4 (Finance Finland's rules; ISO 11649).
"""

from __future__ import annotations

import re
from typing import Literal

from stdnum import iso11649

_WEIGHTS = (7, 3, 1)
_SHORTEST, _LONGEST = 4, 20
_RF = re.compile(r"RF[0-9]{2}[A-Z0-9]{1,21}")
#: What a spreadsheet makes of a long number.
_DAMAGED = re.compile(r"[0-9]+([.,][0-9]*)?E\+?[0-9]+|[0-9]+[.,][0-9]+", re.IGNORECASE)


def finnish_check_digit(base: str) -> int:
    """Check digit of a reference's digits without it: weights 7, 3, 1 from the right.

    Raises ValueError when `base` is not all digits.
    """
    weighted = sum(int(d) * _WEIGHTS[i % 3] for i, d in enumerate(reversed(base)))
    return -weighted % 10


def is_finnish_reference(digits: str) -> bool:
    """Whether `digits`, without spaces and leading zeros, is a viitenumero of 4 to 20 digits."""
    if not (_SHORTEST <= len(digits) <= _LONGEST and digits.isascii() and digits.isdigit()):
        return False
    return not digits.startswith("0") and finnish_check_digit(digits[:-1]) == int(digits[-1])


def normalise(reference: str) -> tuple[str, Literal["FI", "RF"]] | None:
    """The reference as Procountor takes it and its type; None when it fails its check."""
    compact = "".join(reference.split()).upper()
    if _RF.fullmatch(compact):
        return (compact, "RF") if iso11649.is_valid(compact) else None
    digits = compact.lstrip("0")
    return (digits, "FI") if is_finnish_reference(digits) else None


def is_damaged(reference: str) -> bool:
    """Whether a spreadsheet has turned the reference into a decimal or `1,01E+17`."""
    return _DAMAGED.fullmatch("".join(reference.split())) is not None
