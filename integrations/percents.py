"""Percentages as the active language writes them: 13.5 % is 13,5 % in Finnish and Swedish.

Values are kept with a point; this is asked when they are shown.
"""

from __future__ import annotations

import re
from decimal import Decimal

from django.utils.formats import number_format

# A date or a version has more than one point.
_DECIMAL = r"(?<![\d.])\d+\.\d+(?![\d.])"
_BEFORE_SIGN = re.compile(rf"{_DECIMAL}(?=\s?%)")


def localised(text: str) -> str:
    """Every decimal number in `text`, which holds percentages and nothing else."""
    return re.sub(_DECIMAL, _shown, text)


def in_sentence(text: str) -> str:
    """The numbers that stand before a percent sign; any others may be names."""
    return _BEFORE_SIGN.sub(_shown, text)


def _shown(number: re.Match[str]) -> str:
    return number_format(Decimal(number[0]))
