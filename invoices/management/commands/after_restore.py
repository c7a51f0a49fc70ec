"""Make a restored database safe to submit from."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from integrations.management.base import JsonCommand, refuse
from invoices import audit, exports


class Command(JsonCommand):
    help = (
        "Run this after a backup was put back and before qcluster is started. What was submitted "
        "after the backup was made is unknown to it: everything queued or in flight becomes "
        "unknown and is looked for in Procountor, and so is everything else, and for some days "
        "everything new, before its first attempt."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--days",
            type=int,
            default=30,
            metavar="N",
            help="how long new invoices are looked for first (30): sources may give the same "
            "invoices once more",
        )

    def run(self, **options: Any) -> tuple[int, dict[str, Any]]:
        days = options["days"]
        if not 1 <= days <= 3650:
            raise refuse(f"--days must be from 1 to 3650, not {days}.")
        until = timezone.now() + dt.timedelta(days=days)
        facts: dict[str, Any] = exports.distrust_all(cautious_until=until)
        facts["steps_unknown"] = exports.steps.after_restore("after_restore")
        facts["cautious_until"] = until.isoformat()
        audit.record("database.restored", data=facts)
        return 0, facts

    def lines(self, facts: dict[str, Any]) -> list[str]:
        until = dt.datetime.fromisoformat(facts["cautious_until"])
        return [
            f"{facts['unknown']} exports were queued or in flight: unknown now, and looked for.",
            f"{facts['look_first']} others are looked for before they are submitted.",
            f"So are new invoices until {timezone.localtime(until):%d.%m.%Y}.",
            f"{facts['steps_unknown']} steps after submitting are read before they go on.",
            "qcluster may be started.",
        ]
