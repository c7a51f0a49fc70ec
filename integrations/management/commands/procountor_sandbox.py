"""Serve a simulated Procountor on this machine."""

from __future__ import annotations

import signal
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from integrations.management.base import JsonCommand, refuse
from integrations.sandbox import Sandbox, SandboxServer

_NAMES = (
    ("Aurinkopuu Oy", "2345678-0"),
    ("Björkdalens Bageri Ab", "7654321-2"),
    ("Kivilinna Palvelut Oy", "4567890-7"),
)


class Command(JsonCommand):
    help = (
        "Serves a simulated Procountor over HTTP on 127.0.0.1 until Ctrl-C. It takes the test "
        "environment's client id and secret from the settings. API keys of its companies are "
        "at /_sandbox/companies."
    )
    # It needs no database.
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--port", type=int, default=0, help="default: a free one")
        parser.add_argument("--no-companies", action="store_true", help="start empty")
        parser.add_argument("--latency-ms", type=int, default=0, help="delay of each answer")

    def run(self, **options: Any) -> tuple[int, dict[str, Any]]:
        config = settings.PROCOUNTOR["test"]
        sandbox = Sandbox(
            config["client_id"],
            config["client_secret"],
            config["redirect_uri"],
            config["key_issuer"],
        )
        sandbox.latency_seconds = options["latency_ms"] / 1000
        if not options["no_companies"]:
            for name, business_id in _NAMES:
                sandbox.add_company(name, business_id)
        try:
            server = SandboxServer(sandbox, options["port"])
        except OSError as error:
            raise refuse(f"Port {options['port']}: {error.strerror}. Take another.") from None
        self._serve(server, as_json=options["json"])
        return 0, {"requests": len(sandbox.requests), "invoices": len(sandbox.ledger())}

    def _serve(self, server: SandboxServer, *, as_json: bool) -> None:
        stopped = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: stopped.set())
        with server:
            if not as_json:
                self.stdout.write(f"Simulated Procountor: {server.base_url}")
                for company in server.sandbox.companies.values():
                    key = company.api_key[-4:]
                    self.stdout.write(f"  {company.name} {company.business_id} key …{key}")
                self.stdout.flush()
            try:
                stopped.wait()
            except KeyboardInterrupt:
                self.stdout.write("")

    def lines(self, facts: dict[str, Any]) -> list[str]:
        return [f"Stopped after {facts['requests']} requests, {facts['invoices']} invoices."]
