"""Management's pages and files over a long history: rows a second, peak memory, times of pages.

python -m tests.benchmarks.history_export --rows 1000000
DATABASE_URL=postgres://… python -m tests.benchmarks.history_export    # an empty database
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import time

from tests.benchmarks import pages

_DAYS = 365
#: In the order in which they were taken in, as exports come.
_SPREAD = {
    "sqlite": "UPDATE invoices_invoiceexport SET "
    "created_at = datetime('now', '-' || {age} || ' days', '-' || (id % 90) || ' minutes'), "
    "submitted_at = datetime('now', '-' || {age} || ' days')",
    "postgresql": "UPDATE invoices_invoiceexport SET "
    "created_at = now() - {age} * interval '1 day' - (id % 90) * interval '1 minute', "
    "submitted_at = now() - {age} * interval '1 day'",
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.history_export")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--requests", type=int, default=15)
    parser.add_argument("--make", type=int, help="only write this file: a process of its own")
    options = parser.parse_args()
    pages.set_up()
    if options.make:
        return _make(options.make)
    _fill(options.rows)
    _count()
    _pages(options.requests)
    _files()
    return 0


def _fill(rows: int) -> None:
    from django.core.management import call_command
    from django.db import connection

    from invoices.models import InvoiceExport
    from tests import factories
    from tests.benchmarks import history

    call_command("migrate", verbosity=0)
    began = time.monotonic()
    history.fill(factories.TenantFactory(state="active"), rows)
    with connection.cursor() as cursor:
        last = InvoiceExport.objects.latest("pk").pk
        age = f"(({last} - id) * {_DAYS} / {rows})"
        cursor.execute(_SPREAD[connection.vendor].format(age=age))
        cursor.execute("ANALYZE")
    print(f"{connection.vendor}: {rows:,} exports, {time.monotonic() - began:.0f} s to make")


def _count() -> None:
    from invoices.models import InvoiceExport
    from invoices.reports import checking, rolling

    exports = InvoiceExport.objects.count()
    for name, work in (
        ("pass over everything", _catch_up),
        ("pass with nothing new", rolling.roll_up),
        ("full check", checking.check),
    ):
        began = time.monotonic()
        found = work()
        spent = time.monotonic() - began
        print(f"{name:32} {spent:8.1f} s {exports / spent:10,.0f} exports/s  {found}", flush=True)


def _catch_up() -> bool:
    from invoices.reports import rolling

    while not rolling.roll_up():
        pass
    return True


def _pages(requests: int) -> None:
    from django.test import Client

    from integrations.models import Tenant
    from tests import factories

    client = Client()
    client.force_login(factories.UserFactory(role="Management"))
    tenant = Tenant.objects.get().pk
    figures, history = "/admin/invoices/rollup/", "/admin/invoices/exportfact/"
    addresses = {
        "home of management": "/admin/",
        "figures, this year": f"{figures}?period=year",
        "figures, year of one tenant": f"{figures}?period=year&tenant={tenant}",
        "history, this month": history,
        "history, all days": f"{history}?period=all",
        "history, all taken in": f"{history}?period=all&day=taken",
        "history, year, first pass": f"{history}?period=year&first_try=yes",
        "history, year, not first pass": f"{history}?period=year&first_try=no",
        "history, open failures": f"{history}?period=all&state=failed",
        "history, number and month": f"{history}?q=H-777",
        "history, number, all days": f"{history}?period=all&q=H-777",
    }
    print(f"{'page':32} {'p50 ms':>8} {'p95 ms':>8}")
    for name, address in addresses.items():
        assert client.get(address).status_code == 200, name
        spent = sorted(pages._milliseconds(client, address) for _ in range(requests))
        p95 = spent[int(0.95 * (len(spent) - 1))]
        print(f"{name:32} {statistics.median(spent):8.0f} {p95:8.0f}", flush=True)


def _files() -> None:
    """Each in a process of its own, so that its peak of memory is its own too."""
    from django.contrib.auth import get_user_model
    from django.db import connection

    from invoices.report_models import FileFormat, HistoryFile
    from invoices.reports.columns import USUAL

    for file_format in FileFormat.values:
        file = HistoryFile.objects.create(
            requested_by=get_user_model().objects.get(),
            query="period=all",
            columns=list(USUAL),
            format=file_format,
            language="fi",
        )
        environment = os.environ | {"DATABASE_URL": _address(connection.settings_dict)}
        command = [sys.executable, "-m", "tests.benchmarks.history_export", "--make", str(file.pk)]
        subprocess.run(command, env=environment, check=True)


def _address(database: dict[str, object]) -> str:
    if database["ENGINE"].endswith("sqlite3"):  # type: ignore[attr-defined]
        return f"sqlite:///{database['NAME']}"
    return os.environ["DATABASE_URL"]


def _make(pk: int) -> int:
    from invoices.report_models import HistoryFile
    from invoices.reports import files

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    began, used = time.monotonic(), time.process_time()
    assert files.make(pk)
    spent, cpu = time.monotonic() - began, time.process_time() - used
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    file = HistoryFile.objects.get(pk=pk)
    print(
        f"{file.format:8} {file.done:10,} rows {spent:7.1f} s {file.done / spent:9,.0f} rows/s "
        f"{cpu:7.1f} s CPU {file.size / 1e6:7.1f} MB, peak {after:.0f} MB ({before:.0f} before)",
        flush=True,
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
