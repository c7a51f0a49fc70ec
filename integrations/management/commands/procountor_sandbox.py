"""Serve a simulated Procountor on this machine until stopped."""

from __future__ import annotations

import json
import os
import signal
import threading
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from integrations.sandbox import Sandbox, SandboxServer

#: Made up by us; the business IDs pass their check.
_COMPANIES = (
    ("Aurinkopuu Oy", "2345678-0"),
    ("Björkdalens Bageri Ab", "7654321-2"),
    ("Kivilinna Palvelut Oy", "4567890-7"),
    ("Hiljainen Verkkokauppa Oy", "2077474-0"),
)


class Command(BaseCommand):
    help = (
        "Serves a simulated Procountor (not Procountor itself) until Ctrl-C or SIGTERM. Client id, "
        "secret and redirect URI are those of the test environment's settings. API keys of its "
        "made-up companies: GET /_sandbox/companies."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=0, help="default: a free one")
        many = parser.add_mutually_exclusive_group()
        many.add_argument("--companies", type=int, default=2, metavar="N", help="default: 2")
        many.add_argument("--no-companies", action="store_true", help="start empty")
        parser.add_argument(
            "--client-secret-env", metavar="NAME", help="take the secret from this variable"
        )
        parser.add_argument("--latency-ms", type=int, default=0, help="delay of every answer")
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(self, *args: Any, **options: Any) -> None:
        sandbox = self._sandbox(options)
        try:
            server = SandboxServer(sandbox, port=options["port"])
        except (OSError, OverflowError) as error:
            raise CommandError(
                f"The sandbox cannot listen on port {options['port']}: {error}. Is one running "
                "there already? Choose another --port.",
                returncode=1,
            ) from None
        stop = threading.Event()

        def ask_to_stop(number: int, frame: FrameType | None) -> None:
            stop.set()

        earlier = {s: signal.signal(s, ask_to_stop) for s in (signal.SIGINT, signal.SIGTERM)}
        try:
            with server:
                self._announce(server, options["json"])
                stop.wait()
        finally:
            for number, handler in earlier.items():
                signal.signal(number, handler)

    def _sandbox(self, options: dict[str, Any]) -> Sandbox:
        ours = settings.PROCOUNTOR["test"]
        secret = ours["client_secret"]
        if options["client_secret_env"]:
            secret = os.environ.get(options["client_secret_env"], "")
        if not secret:
            name = options["client_secret_env"] or "PROCOUNTOR_TEST_CLIENT_SECRET"
            raise CommandError(f"The client secret is missing: set {name}.", returncode=1)
        count = 0 if options["no_companies"] else options["companies"]
        if count < 0 or options["latency_ms"] < 0:
            raise CommandError("--companies and --latency-ms cannot be negative.", returncode=1)
        sandbox = Sandbox(
            ours["client_id"], secret, ours["redirect_uri"], issuer=ours["key_issuer"]
        )
        sandbox.latency_seconds = options["latency_ms"] / 1000
        for position in range(count):
            name, business_id = _COMPANIES[position % len(_COMPANIES)]
            again = position // len(_COMPANIES)
            sandbox.add_company(f"{name} {again + 1}" if again else name, business_id)
        return sandbox

    def _announce(self, server: SandboxServer, as_json: bool) -> None:
        companies = [
            {
                "id": company.id,
                "name": company.name,
                "business_id": company.business_id,
                "iban": company.bank_accounts[0]["iban"],
                "api_key_last_four": company.api_key[-4:],
            }
            for company in server.sandbox.companies.values()
        ]
        control = f"{server.address}/_sandbox/"
        facts = {"base_url": server.base_url, "control_url": control, "companies": companies}
        if as_json:
            text = json.dumps(facts | {"simulated": True}, ensure_ascii=False)
        else:
            lines = [f"Simulated Procountor at {server.base_url} (control: {control})"]
            for company in companies:
                key = company["api_key_last_four"]
                facts_of = f"{company['name']}, {company['business_id']}, {company['iban']}"
                lines.append(f"  {company['id']}  {facts_of}, API key …{key}")
            text = "\n".join([*lines, "Ctrl-C stops it."])
        self.stdout.write(text)
        self.stdout.flush()
