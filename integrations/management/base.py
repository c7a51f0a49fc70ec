"""What our commands share: `--json` prints one document; exit codes 0, 1 and 2.

0: done; 1: done, but something needs a person; 2: not done, the input was wrong.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from integrations.models import Tenant


class JsonCommand(BaseCommand):
    """`run()` returns (exit code, facts); `lines(facts)` puts them into words."""

    requires_migrations_checks = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def run(self, **options: Any) -> tuple[int, dict[str, Any]]:
        raise NotImplementedError

    def lines(self, facts: dict[str, Any]) -> list[str]:
        raise NotImplementedError

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            code, facts = self.run(**options)
        except CommandError as error:
            if options["json"]:
                self.stdout.write(json.dumps({"error": str(error)}, ensure_ascii=False))
            raise
        if options["json"]:
            self.stdout.write(json.dumps(facts, ensure_ascii=False, default=str))
        else:
            self.stdout.write("\n".join(self.lines(facts)))
        if code:
            self.stdout.flush()
            sys.exit(code)


def refuse(message: str) -> CommandError:
    """Wrong input: exit code 2 and a message that names it."""
    return CommandError(message, returncode=2)


def tenant_named(slug: str) -> Tenant:
    """The tenant with this short name; refuses with the ones there are."""
    tenant = Tenant.objects.filter(slug=slug).first()
    if tenant is None:
        known = ", ".join(Tenant.objects.values_list("slug", flat=True)[:20]) or "none yet"
        raise refuse(f"No tenant has the short name “{slug}”. There are: {known}.")
    return tenant
