"""The back office of one case: a database of its own, a sandbox, tenants, invoices to export."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import requests
from cryptography.fernet import Fernet

from tests.benchmarks.processes import ROOT, free_port, running, until

POSTGRES = os.environ.get("BENCHMARK_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres")
REDIS = os.environ.get("BENCHMARK_REDIS_URL", "redis://127.0.0.1:6379/12")
_BUSINESS_IDS = ("2077474-0", "0112038-9", "2345678-0", "7654321-2", "4567890-7")
#: For the file, not for the run: one invoice of three rows, as shops have them.
ROWS = 3


@dataclass
class Office:
    database: str
    sandbox_pid: int
    sandbox_url: str
    environment: dict[str, str] = field(repr=False)
    tenants: list[Any] = field(default_factory=list)

    def control(self, what: str, body: Any = None) -> Any:
        """The sandbox's own interface."""
        url = f"{self.sandbox_url}/_sandbox/{what}"
        answer = requests.get(url) if body is None else requests.post(url, json=body)
        answer.raise_for_status()
        return answer.json()


@contextlib.contextmanager
def opened(
    database: str, *, tenants: int = 3, latency_seconds: float = 0, **settings: object
) -> Iterator[Office]:
    """An office in this process: Django is set up here, once a process."""
    port = free_port()
    with _database(database) as url:
        environment = {
            "ENV_FILE": os.devnull,
            "DATABASE_URL": url,
            "DJANGO_SETTINGS_MODULE": "flashnode.settings",
            "SECRET_KEY": "benchmark-" * 6,
            "FERNET_KEYS": Fernet.generate_key().decode(),
            "FINGERPRINT_KEY": "benchmark",
            "PROCOUNTOR_TEST_CLIENT_SECRET": "benchmark",
            "PROCOUNTOR_TEST_REDIRECT_URI": "https://flashnode.example/callback",
            "PROCOUNTOR_TEST_BASE_URL": f"http://127.0.0.1:{port}/api",
            "LOG_LEVEL": "WARNING",
        } | {name: str(value) for name, value in settings.items()}
        os.environ.update(environment)
        arguments = ["manage.py", "procountor_sandbox", "--port", str(port), "--no-companies"]
        with running(arguments, environment) as sandbox:
            address = f"http://127.0.0.1:{port}"
            office = Office(database, sandbox.pid, address, environment)
            until(lambda: _answers(address), "the sandbox did not start", 30)
            _set_up(office, tenants)
            office.control("latency", {"seconds": latency_seconds})
            yield office


@contextlib.contextmanager
def _database(kind: str) -> Iterator[str]:
    if kind == "sqlite":
        with tempfile.TemporaryDirectory(prefix="flashnode-benchmark-") as folder:
            yield f"sqlite:///{folder}/database.sqlite3"
        return
    name = f"flashnode_bench_{os.getpid()}"
    _psql(f"CREATE DATABASE {name}")
    try:
        yield POSTGRES.rpartition("/")[0] + f"/{name}"
    finally:
        _psql(f"DROP DATABASE {name} WITH (FORCE)")


def _psql(statement: str) -> None:
    subprocess.run(["psql", "-q", POSTGRES, "-c", statement], check=True, cwd=ROOT)


def _answers(address: str) -> bool:
    try:
        return requests.get(f"{address}/_sandbox/companies").ok
    except requests.ConnectionError:
        return False


def _set_up(office: Office, tenants: int) -> None:
    # Models can only be imported once the settings are known.
    import django

    django.setup()
    from django.core.management import call_command

    from integrations import custody, diagnosis, going_live
    from integrations.models import BankAccount, Tenant

    call_command("migrate", verbosity=0)
    for business_id in _BUSINESS_IDS[:tenants]:
        name = f"Company {business_id}"
        company = office.control("companies", {"name": name, "business_id": business_id})
        tenant = Tenant.objects.create(name=name, business_id=business_id, environment="test")
        account = BankAccount(tenant=tenant)
        account.set_number(company["bank_accounts"][0]["iban"])
        account.save()
        custody.file_api_key(tenant, company["api_key"], via="email")
        check = diagnosis.run_check(tenant)
        assert check.outcome == "passed", check.steps
        going_live.go_live(tenant, by=None, reason="a benchmark")
        tenant.refresh_from_db()
        tenant.sandbox_api_key = company["api_key"]
        office.tenants.append(tenant)


def take_in(tenant: Any, count: int, prefix: str) -> None:
    """Take in `count` invoices as drafts: nothing is queued yet."""
    from invoices import filing
    from tests import factories

    row = factories.invoice()["rows"][0]
    rows = [row | {"name": f"{row['name']} {number}"} for number in range(ROWS)]
    for start in range(0, count, 500):
        invoices = [
            factories.invoice(f"{prefix}-{n}", rows=rows, gross_total="376.50")
            for n in range(start, min(start + 500, count))
        ]
        content = json.dumps({"invoices": invoices}).encode()
        received = filing.file_invoices(tenant, "benchmark.json", content, via="command")
        assert filing.counts(received)["accepted"] == len(invoices), received.problems


def queue_all() -> float:
    """Queue every draft at once, as a bulk act would; returns when."""
    from django.utils import timezone

    from invoices.models import InvoiceExport

    now = timezone.now()
    InvoiceExport.objects.filter(status="draft").update(
        status="queued", not_before=now, queued_at=now
    )
    return time.time()


def payloads(tenant: Any, pks: tuple[int, int] | None = None) -> list[tuple[int, bytes]]:
    """(primary key of the export, the bytes the engine would POST) of a tenant's invoices, or of
    those of its exports between `pks`."""
    from invoices.mapping import map_invoice, to_bytes
    from invoices.models import InvoiceExport
    from invoices.preflight import latest_reference_data, reference_of, settings_of

    reference, settings = reference_of(latest_reference_data(tenant)), settings_of(tenant)
    found = []
    exports = InvoiceExport.objects.filter(tenant=tenant)
    if pks:
        exports = exports.filter(pk__range=pks)
    for export in exports.select_related("invoice"):
        mapped = map_invoice(export.invoice.document, settings, reference)
        assert mapped.payload is not None, mapped.problems
        found.append((export.pk, to_bytes(mapped.payload)))
    return found


def token_of(tenant: Any) -> str:
    from integrations.clients import CachedTokens, client_for

    client = client_for(tenant)
    client.authenticate()
    token = CachedTokens(tenant.active_credential).get()
    assert token is not None
    return token.value
