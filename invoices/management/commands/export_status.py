"""Count exports by status."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.db.models import Count, Min
from django.utils import timezone

from integrations.management.base import JsonCommand, tenant_named
from invoices.enums import ExportStatus
from invoices.models import InvoiceExport, SubmissionAttempt


class Command(JsonCommand):
    help = "Prints how many exports are in each status, the attempts, and the oldest waiting."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--tenant", metavar="SLUG", help="this tenant only")

    def run(self, **options: Any) -> tuple[int, dict[str, Any]]:
        exports = InvoiceExport.objects.order_by()
        attempts = SubmissionAttempt.objects.order_by()
        if options["tenant"]:
            tenant = tenant_named(options["tenant"])
            exports = exports.filter(tenant=tenant)
            attempts = attempts.filter(export__tenant=tenant)
        counted = dict(exports.values_list("status").annotate(Count("pk")))
        oldest = exports.filter(status=ExportStatus.QUEUED).aggregate(at=Min("queued_at"))["at"]
        return 0, {
            "tenant": options["tenant"],
            "statuses": {status: counted.get(status, 0) for status in ExportStatus.values},
            "attempts": attempts.count(),
            "open_attempts": attempts.filter(finished_at__isnull=True).count(),
            "oldest_waiting_seconds": int((timezone.now() - oldest).total_seconds())
            if oldest
            else 0,
        }

    def lines(self, facts: dict[str, Any]) -> list[str]:
        lines = [f"{status:16} {count:8}" for status, count in facts["statuses"].items()]
        return [
            *lines,
            f"{'attempts':16} {facts['attempts']:8}  ({facts['open_attempts']} open)",
            f"oldest waiting   {facts['oldest_waiting_seconds']:8} s",
        ]
