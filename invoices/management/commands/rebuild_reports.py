"""Count management's figures anew, or check them."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from integrations.management.base import JsonCommand
from invoices.reports import checking, rolling


class Command(JsonCommand):
    help = (
        "Counts management's figures anew from the exports and prints how many had been wrong. "
        "Exporting may go on meanwhile."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--check",
            action="store_true",
            help="change nothing: only count what is wrong; exit code 1 when something is",
        )

    def run(self, **options: Any) -> tuple[int, dict[str, Any]]:
        if options["check"]:
            found = checking.check()
            return (1 if any(found.values()) else 0), found
        while not rolling.roll_up():
            pass
        return 0, rolling.rebuild()

    def lines(self, facts: dict[str, Any]) -> list[str]:
        return [f"counted wrongly: {facts['exports']} exports, {facts['days']} days"]
