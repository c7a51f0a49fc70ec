"""Look at the engine from outside the task cluster, and alert."""

from __future__ import annotations

import contextlib
import logging
import signal
import threading
from typing import Any

from django.core.management.base import CommandParser
from django.db import Error as AnyDatabaseError
from django.db import close_old_connections
from django.utils import translation

from integrations.management.base import JsonCommand, refuse
from invoices import failure_mails
from invoices.watch import alerts, beat, radar_mails, tenants
from invoices.watch.findings import Finding, Signs, evaluate
from invoices.watch_models import Alert

logger = logging.getLogger(__name__)


class Command(JsonCommand):
    help = (
        "Looks for what is wrong, raises and ends alerts, e-mails them. Runs until it is stopped; "
        "--once looks once, for a timer. Exit code 0: all is well; 1: something was found."
    )
    # A database that is down is what this is for; the check would end in a traceback.
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--once", action="store_true", help="look once and end")
        parser.add_argument(
            "--every", type=float, default=60.0, metavar="SECONDS", help="between looks (60)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["once"]:
            super().handle(*args, **options)
            return
        if options["every"] <= 0:
            raise refuse("--every: a number of seconds above 0.")
        stopped = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopped.set())
        while not stopped.is_set():
            close_old_connections()
            # The exit code of one look; a service goes on looking.
            with contextlib.suppress(SystemExit):
                super().handle(*args, **options)
            self.stdout.flush()
            stopped.wait(options["every"])

    def run(self, **options: Any) -> tuple[int, dict[str, Any]]:
        with translation.override("en"):
            facts = _look()
        return int(bool(facts["findings"])), facts

    def lines(self, facts: dict[str, Any]) -> list[str]:
        found = [
            f"{f['severity']}: {f['title']}. {f['meaning']} {f['remedy']}"
            for f in facts["findings"]
        ]
        return found or [f"All is well; last sign of life {facts['last_sign_seconds']} s ago."]


def _look() -> dict[str, Any]:
    try:
        signs = Signs.read()
        found = evaluate(signs)
        beat("watch")
        alerts.follow(found)
        tenants.follow_tenants()
        radar_mails.deliver_radar()
        failure_mails.follow_failures()
        open_alerts = Alert.objects.filter(recovered_at=None).count()
    except AnyDatabaseError as error:
        # Alerts live in the database: this one can only be logged, printed and exited with.
        logger.error("the database does not answer: %s", type(error).__name__)
        unreachable = _told(Finding("database_unreachable"))
        return {"findings": [unreachable], "last_sign_seconds": None, "open_alerts": None}
    return {
        "findings": [_told(finding) for finding in found],
        "last_sign_seconds": signs.last_seconds,
        "open_alerts": open_alerts,
    }


def _told(finding: Finding) -> dict[str, Any]:
    return {**finding.explained(), "facts": finding.facts}
