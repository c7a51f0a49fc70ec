"""Seal what is evidence by now into its chains."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from integrations.management.base import JsonCommand, refuse
from invoices import evidence


class Command(JsonCommand):
    help = (
        "Links all evidence that is committed and not sealed yet into the chains of hashes. The "
        "schedule does it every minute; two at once do no harm. With --late also the rows that "
        "verify_audit finds not sealed: only after a person has judged where they come from."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--late", metavar="REASON", help="seal also rows that no pass looks for any more"
        )

    def run(self, **options: Any) -> tuple[int, dict[str, Any]]:
        if options["late"] is not None and not options["late"].strip():
            raise refuse("--late needs a reason: it is kept in the audit trail.")
        late = evidence.seal_late(options["late"].strip()) if options["late"] else 0
        return 0, {"sealed": evidence.seal(seconds=float("inf")), "late": late}

    def lines(self, facts: dict[str, Any]) -> list[str]:
        late = [f"{facts['late']} rows sealed late."] if facts["late"] else []
        return [*late, f"{facts['sealed']} rows sealed."]
