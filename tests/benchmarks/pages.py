"""How fast the pages of the admin are over a long history: `python -m tests.benchmarks.pages
[--database sqlite|postgres] [--exports 1000000] [--only WORD…]`.

Server time of one request in this process, by Django's test client with a logged-in role, with
templates; no network. Every page's number of queries is compared with that over a small history
of the same kind. Ends with 1 when a page's p95 is over the limit or its number of queries grows.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet

from tests.benchmarks.addresses import addresses
from tests.benchmarks.office import POSTGRES, _psql

LIMIT_MILLISECONDS = 200
#: Large enough for no list of the pages to be empty.
_SMALL = 30_000
_NAME = "flashnode_pages"
#: Of one page; so the whole stays bounded when a page is slow.
_PATIENCE_SECONDS = 3.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.pages")
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--exports", type=int, default=1_000_000)
    parser.add_argument("--requests", type=int, default=20, help="of each page")
    parser.add_argument("--only", nargs="+", help="pages whose name has one of these words")
    parser.add_argument("--keep", action="store_true", help="keep the database, or use the kept")
    parser.add_argument("--queries-only", action="store_true", help="print a JSON document")
    options = parser.parse_args()
    with ExitStack() as stack:
        made = _open(options, stack)
        if options.queries_only:
            print(json.dumps({page.name: _loads(page, 1)[0].queries for page in _pages(options)}))
            return 0
        small = _of_small_history(options)
        return _report(options, small, made)


def _open(options: argparse.Namespace, stack: ExitStack) -> float:
    """Set Django up on a database with the history; returns the seconds that making it took."""
    name = f"{_NAME}_{options.exports}" if options.keep else f"{_NAME}_{os.getpid()}"
    path = Path(tempfile.gettempdir()) / f"{name}.sqlite3"
    if options.database == "sqlite":
        is_there = path.exists()
        url = f"sqlite:///{path}"
        if not options.keep:
            for each in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
                stack.callback(each.unlink, missing_ok=True)
    else:
        found = subprocess.run(
            ["psql", "-Atc", f"SELECT 1 FROM pg_database WHERE datname = '{name}'", POSTGRES],
            check=True,
            capture_output=True,
        )
        is_there = bool(found.stdout.strip())
        url = f"{POSTGRES.rpartition('/')[0]}/{name}"
        if not is_there:
            _psql(f"CREATE DATABASE {name}")
        if not options.keep:
            stack.callback(_psql, f"DROP DATABASE {name} WITH (FORCE)")
    os.environ |= {
        "DATABASE_URL": url,
        "ENV_FILE": os.devnull,
        "DJANGO_SETTINGS_MODULE": "flashnode.settings",
        "SECRET_KEY": "benchmark-" * 6,
        "FERNET_KEYS": Fernet.generate_key().decode(),
        "FINGERPRINT_KEY": "benchmark",
        "PROCOUNTOR_TEST_CLIENT_SECRET": "benchmark",
        "SECURE": "false",
        "ALLOWED_HOSTS": "testserver",
        "STATIC_FROM_SOURCE": "true",
        "LOG_LEVEL": "ERROR",
    }
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    stack.callback(connection.close)
    began = time.monotonic()
    call_command("migrate", verbosity=0)
    if not is_there:
        _make(options.exports)
    _complete()
    return time.monotonic() - began


def _make(count: int) -> None:
    from invoices import plans
    from invoices.models import InvoiceExport
    from tests import factories
    from tests.benchmarks import years

    user = factories.UserFactory(username="accountant", role="Accountant")
    for role in ("Support", "Management", "Administrator"):
        factories.UserFactory(username=role.lower(), role=role)
    tenants = [
        factories.TenantFactory(name=f"Yritys {n} Oy", business_id=f"{n:07}-0", state="active")
        for n in range(years.TENANTS)
    ]
    years.fill(tenants, count, first=1000, content=years.content_of_one(), user=user)
    failed = InvoiceExport.objects.filter(status="needs_attention")
    plan = plans.make(failed, by=user, filter_words="failed")
    while plans.advance(plan.pk):
        pass


def _complete() -> None:
    """What is counted and compared of the exports, where a kept database has none of it yet."""
    from integrations.models import Tenant
    from invoices.ledger_models import LedgerDay
    from invoices.reports import rolling
    from tests.benchmarks import years

    while not rolling.roll_up():
        pass
    if not LedgerDay.objects.exists():
        years.compare(list(Tenant.objects.order_by("pk")))


def _of_small_history(options: argparse.Namespace) -> dict[str, int]:
    """The number of queries of each page over a small history, from a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.pages", "--queries-only"]
    command += ["--database", options.database, "--exports", str(_SMALL)]
    environment = {k: v for k, v in os.environ.items() if k != "DATABASE_URL"}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment)
    found: dict[str, int] = json.loads(done.stdout)
    return found


@dataclass
class Load:
    """One request: its time, its number of queries, and its slowest statement."""

    milliseconds: float = 0
    cpu: float = 0
    queries: int = 0
    slowest: float = 0
    statement: str = ""

    def wrap(self, execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        began = time.perf_counter()
        try:
            return execute(sql, *rest)
        finally:
            spent = 1000 * (time.perf_counter() - began)
            self.queries += 1
            if spent > self.slowest:
                self.slowest, self.statement = spent, sql


@dataclass
class Page:
    name: str
    role: str
    address: str
    clients: dict[str, Any] = field(repr=False)

    def load(self) -> Load:
        from django.db import connection

        found = Load()
        began, cpu = time.perf_counter(), time.process_time()
        with connection.execute_wrapper(found.wrap):
            answer = self.clients[self.role].get(self.address)
        found.milliseconds = 1000 * (time.perf_counter() - began)
        found.cpu = 1000 * (time.process_time() - cpu)
        assert answer.status_code == 200, (self.name, answer.status_code, answer.headers)
        return found


def _pages(options: argparse.Namespace) -> list[Page]:
    from django.contrib.auth import get_user_model
    from django.test import Client

    clients = {}
    for user in get_user_model().objects.exclude(username=""):
        clients[user.username] = Client()
        clients[user.username].force_login(user)
    pages = [Page(*each, clients) for each in addresses()]
    wanted = options.only or [""]
    return [page for page in pages if any(word in page.name for word in wanted)]


def _report(options: argparse.Namespace, small: dict[str, int], made: float) -> int:
    from django.db import connection

    from flashnode import wsgi
    from invoices.models import InvoiceExport

    wsgi.settled()  # as a server begins
    began = time.monotonic()
    load = os.getloadavg()[0]
    count = InvoiceExport.objects.count()
    print(f"{connection.vendor}, {count:,} exports, made in {made:.0f} s, load {load:.1f}")
    print(f"{'page':30} {'p50 ms':>7} {'p95 ms':>7} {'CPU ms':>7} {'queries':>9}  slowest, ms")
    wrong = 0
    for page in _pages(options):
        loads = _loads(page, options.requests)
        spent = sorted(load.milliseconds for load in loads)
        p95 = spent[round(0.95 * (len(spent) - 1))]
        worst = max(loads, key=lambda load: load.slowest)
        queries = sorted({load.queries for load in loads} | {small[page.name]})
        # Fewer are no matter: a list that is empty here asks less.
        bad = p95 > LIMIT_MILLISECONDS or queries[-1] > small[page.name]
        wrong += bad
        shown = "/".join(map(str, queries)) + ("!" if bad else " ")
        cpu = statistics.median(load.cpu for load in loads)
        # The whole statement of a page that somebody looks into.
        statement = worst.statement[: 4000 if bad and options.only else 80]
        figures = f"{statistics.median(spent):7.0f} {p95:7.0f} {cpu:7.0f} {shown:>9}"
        print(f"{page.name:30} {figures} {worst.slowest:5.0f}  {statement}", flush=True)
    load = os.getloadavg()[0]
    print(f"{wrong} pages out of bounds; {time.monotonic() - began:.0f} s, load {load:.1f}")
    return 1 if wrong else 0


def _loads(page: Page, requests: int) -> list[Load]:
    page.load()  # what is cached is cached
    until = time.monotonic() + _PATIENCE_SECONDS
    loads = [page.load()]
    while len(loads) < requests and time.monotonic() < until:
        loads.append(page.load())
    return loads


if __name__ == "__main__":
    raise SystemExit(main())
