"""Publish the heads of the chains of evidence, or print them."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from integrations.management.base import JsonCommand
from invoices.evidence import heads, nightly


class Command(JsonCommand):
    help = (
        "Mails the heads to EVIDENCE_HEADS_EMAILS and appends them to EVIDENCE_HEADS_FILE, as the "
        "schedule does daily; --print only prints them. Exit code 1: not published."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--print", action="store_true", help="print them, publish nothing")

    def run(self, **options: Any) -> tuple[int, dict[str, Any]]:
        if options["print"]:
            return 0, {"text": heads.text_of_heads()}
        places = nightly.publish()
        return int(not places), {"places": places}

    def lines(self, facts: dict[str, Any]) -> list[str]:
        if "text" in facts:
            return [facts["text"]]
        if facts["places"]:
            return ["Published."]
        return ["Not published: set EVIDENCE_HEADS_EMAILS or EVIDENCE_HEADS_FILE, or see the log."]
