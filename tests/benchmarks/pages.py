"""How fast the accountant's pages are over a long history: `python -m tests.benchmarks.pages`.

Server time of one request in this process, by Django's test client, with templates; no network.
The database is made anew: `DATABASE_URL` names an empty PostgreSQL database, else SQLite is used.
"""

from __future__ import annotations

import argparse
import os
import secrets
import statistics
import tempfile
import time

from cryptography.fernet import Fernet


def set_up() -> None:
    """Settings of an installation of its own, before Django is asked for anything."""
    folder = tempfile.mkdtemp(prefix="flashnode-pages-")
    os.environ.setdefault("DATABASE_URL", f"sqlite:///{folder}/pages.sqlite3")
    os.environ |= {
        "ENV_FILE": os.devnull,
        "DJANGO_SETTINGS_MODULE": "flashnode.settings",
        "SECRET_KEY": secrets.token_hex(),
        "FERNET_KEYS": Fernet.generate_key().decode(),
        "FINGERPRINT_KEY": secrets.token_hex(),
        "PROCOUNTOR_TEST_CLIENT_SECRET": "x",
        "SECURE": "false",
        "ALLOWED_HOSTS": "testserver",
        "STATIC_FROM_SOURCE": "true",
        "LOG_LEVEL": "ERROR",
    }
    import django

    django.setup()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.pages")
    parser.add_argument("--exports", type=int, default=1_000_000)
    parser.add_argument("--failed", type=int, default=2_000)
    parser.add_argument("--requests", type=int, default=40)
    options = parser.parse_args()
    set_up()
    from django.core.management import call_command
    from django.db import connection
    from django.test import Client

    from invoices.models import InvoiceExport
    from tests.benchmarks import history

    call_command("migrate", verbosity=0)
    user, tenant, key = _people(options.failed)
    started = time.monotonic()
    history.fill(tenant, options.exports)
    total = InvoiceExport.objects.count()
    print(f"{connection.vendor}: {total:,} exports, {time.monotonic() - started:.0f} s to make")
    client = Client()
    client.force_login(user)
    exports = "/admin/invoices/invoiceexport/"
    some = InvoiceExport.objects.filter(tenant=tenant, submitted_at=None).first()
    pages = {
        "list": exports,
        "list, page 15": f"{exports}?p=15",
        "filter by status": f"{exports}?status__exact=needs_attention",
        "filter by tenant": f"{exports}?tenant__id__exact={tenant.pk}",
        "search by our number": f"{exports}?q=H-77",
        "search by their number": f"{exports}?q=R500000",
        "needs action": f"{exports}needs-action/",
        "needs action, one tenant": f"{exports}needs-action/?tenant={tenant.pk}",
        "causes": "/admin/invoices/exportcause/",
        "one cause": f"/admin/invoices/exportcause/group/{key}/",
        "one export": f"{exports}{some.pk}/change/",
        "home": "/admin/",
    }
    print(f"{'page':32} {'p50 ms':>8} {'p95 ms':>8}")
    for name, address in pages.items():
        answer = client.get(address)
        assert answer.status_code == 200, (name, answer.status_code)
        spent = sorted(_milliseconds(client, address) for _ in range(options.requests))
        p95 = spent[int(0.95 * (len(spent) - 1))]
        print(f"{name:32} {statistics.median(spent):8.0f} {p95:8.0f}", flush=True)
    return 0


def _milliseconds(client: object, address: str) -> float:
    began = time.perf_counter()
    client.get(address)  # type: ignore[attr-defined]
    return 1000 * (time.perf_counter() - began)


def _people(failed_count: int) -> tuple[object, object, str]:
    """An administrator, a tenant with failed invoices, and the key of one cause."""
    import json

    from invoices import causes, filing
    from tests import factories
    from tests.rehearsals import KINDS

    user = factories.UserFactory(role="Administrator")
    tenant = factories.TenantFactory(vat_status_by_category={})
    invoices = [
        factories.invoice(f"F-{number}", **KINDS["unmapped"]) for number in range(failed_count)
    ]
    for first in range(0, failed_count, 500):
        part = json.dumps({"invoices": invoices[first : first + 500]}).encode()
        filing.file_invoices(tenant, f"part-{first}.json", part, via="command", queue=True)
    rows = list(causes.folded(causes.open_causes()))
    return user, tenant, rows[0]["key"]


if __name__ == "__main__":
    raise SystemExit(main())
