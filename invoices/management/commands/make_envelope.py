"""Make an auditor's envelope."""

from __future__ import annotations

import datetime as dt
import os
import tempfile
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from integrations.management.base import JsonCommand, refuse, tenant_named
from integrations.models import Tenant
from invoices import envelope
from invoices.evidence.signing import NoSigningKey


class Command(JsonCommand):
    help = "Writes a signed ZIP with everything known of an invoice, a month or a financial year."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("tenant", metavar="SLUG")
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--invoice", metavar="NUMBER")
        what.add_argument("--month", metavar="YYYY-MM")
        what.add_argument("--year", nargs=2, metavar=("FIRST-DAY", "LAST-DAY"))
        parser.add_argument("--reason", required=True, help="kept in the audit trail")
        parser.add_argument("--folder", type=Path, default=Path(), help="where to write it")

    def run(self, **options: Any) -> tuple[int, dict[str, Any]]:
        scope = _scope(tenant_named(options["tenant"]), options)
        folder: Path = options["folder"]
        if not folder.is_dir():
            raise refuse(f"There is no folder “{folder}”.")
        descriptor, unfinished = tempfile.mkstemp(suffix=".part", dir=folder)
        try:
            with os.fdopen(descriptor, "w+b") as target:
                made = envelope.write(scope, target, by=None, reason=options["reason"])
            path = folder / made.name
            facts = {"invoices": made.invoices, "sums": made.sums, "sha256": made.sha256}
            # Before it has its name: no envelope without its event.
            envelope.note(scope, by=None, reason=options["reason"], **facts)
            Path(unfinished).replace(path)
        except NoSigningKey as error:
            raise refuse(str(error)) from None
        finally:
            Path(unfinished).unlink(missing_ok=True)
        return 0, {
            "path": str(path),
            "invoices": made.invoices,
            "sums": made.sums,
            "bytes": made.size,
            "sha256": made.sha256,
            "fingerprint": made.fingerprint,
        }

    def lines(self, facts: dict[str, Any]) -> list[str]:
        sums = ", ".join(f"{total} {currency}" for currency, total in facts["sums"].items())
        return [
            f"{facts['path']}: {facts['invoices']} invoices, {sums or 'nothing'}",
            f"SHA-256 {facts['sha256']}",
            f"signed with the key {facts['fingerprint']}",
        ]


def _scope(tenant: Tenant, options: dict[str, Any]) -> envelope.Scope:
    if number := options["invoice"]:
        scope = envelope.of_invoice(tenant, number)
        if scope is None:
            raise refuse(f"{tenant.name} has no invoice with the number “{number}”.")
        return scope
    try:
        if month := options["month"]:
            first = dt.date.fromisoformat(f"{month}-01")
            return envelope.of_month(tenant, first.year, first.month)
        start, end = map(dt.date.fromisoformat, options["year"])
        return envelope.of_span(tenant, start, end)
    except ValueError as error:
        raise refuse(f"No span of days: {error}.") from None
