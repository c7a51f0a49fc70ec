"""An element of an EN 16931 invoice: figures as XML Schema writes them, never guessed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from invoices.intake.node import Node
from invoices.intake.values import UnreadableValue

_DECIMAL = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
_MOST_DIGITS = 32


@dataclass(frozen=True)
class EnNode(Node):
    """`number` reads xs:decimal: a point is the decimal mark, "1.234" is a little over one."""

    def parsed_number(self, text: str) -> Decimal:
        if not _DECIMAL.fullmatch(text) or len(text) > _MOST_DIGITS:
            raise UnreadableValue("not_a_number")
        number = Decimal(text)
        if abs(number) >= 10**12:
            raise UnreadableValue("not_a_number")
        return number

    def first(self, paths: tuple[str, ...]) -> str:
        return next((text for path in paths if (text := self.text(path))), "")

    def required(self, path: str) -> str:
        """The text at `path`; an error when there is none."""
        text = self.text(path)
        if not text:
            self.missing(path)
        return text

    def amount(self, path: str) -> Decimal | None:
        """A figure that has to be there."""
        return self.number(path) if self.required(path) else None
