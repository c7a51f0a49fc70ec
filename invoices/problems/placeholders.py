"""Which placeholders a text may use: those of the shipped text, because only they are filled."""

from __future__ import annotations

import re

from django.utils import translation

from invoices.problems.customers import CUSTOMER
from invoices.problems.shown import CATALOGUE

_NAME = re.compile(r"\{(\w*)\}")
#: Of a code of Procountor's that has no shipped text.
_RAW = frozenset({"value", "field"})


def allowed_in(code: str, part: str) -> frozenset[str]:
    """Names that a text of `part` (cause, remedy or customer) may use. The field is always
    known; the value only where the shipped words say so, or the code is Procountor's own."""
    with translation.override("en"):
        if part == "customer":
            return frozenset(_NAME.findall(str(CUSTOMER.get(code, "")))) | {"field"}
        if code not in CATALOGUE:
            return _RAW
        return frozenset(_NAME.findall(" ".join(map(str, CATALOGUE[code])))) | {"field"}


def unfit_in(text: str, code: str, part: str) -> list[str]:
    """Whatever stands in braces and would not be filled in, as it is written; [] when all fits."""
    allowed = allowed_in(code, part)
    unknown = [found[0] for found in _NAME.finditer(text) if found[1] not in allowed]
    rest = _NAME.sub("", text)
    return unknown + sorted({brace for brace in rest if brace in "{}"})
