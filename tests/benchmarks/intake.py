"""Intake of many invoices beside a bare loop: `python -m tests.benchmarks.intake [--invoices
100000] [--database sqlite postgres] [--format csv finvoice json]`.

The bare loop parses with the same library (csv, lxml, simplejson), picks a few fields, and stores
Invoice and InvoiceExport rows by `bulk_create`, 500 in a transaction: no validation, no mapping,
no look for duplicates, no items, keys, payloads, audit trail nor the received file. Ours is what
the command (CSV, Finvoice) and the API (JSON, bodies of 500) do. Both store into one database,
each in a process of its own, so that time of the processor and peak of memory are its own.
Ends with 1 when ours is slower than `--least` percent of the bare loop, or an invoice is missing.
"""

from __future__ import annotations

import argparse
import datetime as dt
import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import groupby, islice
from pathlib import Path
from typing import Any

from tests.benchmarks import invoice_files
from tests.benchmarks import office as offices
from tests.benchmarks.processes import ROOT

_BATCH = 500
_OUT = ROOT / "var" / "benchmarks-intake.json"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.intake", description=__doc__)
    parser.add_argument("--invoices", type=int, default=100_000)
    parser.add_argument(
        "--database", nargs="+", choices=["sqlite", "postgres"], default=["sqlite", "postgres"]
    )
    formats = [*invoice_files.WRITERS]
    parser.add_argument("--format", nargs="+", choices=formats, default=formats)
    parser.add_argument("--kilobytes", type=int, default=0, help="of each Finvoice, filled up")
    parser.add_argument("--only", choices=["bare", "ours"])
    parser.add_argument("--least", type=float, default=40.0)
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.child:
        print(json.dumps(_child(*options.child)))
        return 0
    if len(options.database) > 1:
        return max(_again(options, database) for database in options.database)
    (database,) = options.database
    results = []
    with (
        offices.opened(database, tenants=2) as office,
        tempfile.TemporaryDirectory(prefix="flashnode-intake-") as folder,
    ):
        for name in options.format:
            path = Path(folder) / name
            more = (options.kilobytes,) if name == "finvoice" else ()
            size = invoice_files.write(path, invoice_files.WRITERS[name](options.invoices, *more))
            figures = {
                who: _measure(office, who, name, tenant.pk, path)
                for who, tenant in zip(("bare", "ours"), office.tenants, strict=True)
                if options.only in (None, who)
            }
            path.unlink()
            results.append(_told(database, name, options.invoices, size, figures))
    _keep(results)
    return int(any(each["missing"] or each["percent"] < options.least for each in results))


def _again(options: argparse.Namespace, database: str) -> int:
    """A database is chosen once a process."""
    more = ["--only", options.only] if options.only else []
    command = [
        *("-m", "tests.benchmarks.intake", "--invoices", str(options.invoices)),
        *("--database", database, "--format", *options.format, "--least", str(options.least)),
        *("--kilobytes", str(options.kilobytes), *more),
    ]
    return subprocess.run([sys.executable, *command], cwd=ROOT, check=False).returncode


def _measure(office: Any, who: str, name: str, tenant_pk: int, path: Path) -> dict[str, Any]:
    command = ["-m", "tests.benchmarks.intake", "--child", who, name, str(tenant_pk), str(path)]
    done = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=os.environ | office.environment,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def _told(
    database: str, name: str, count: int, size: int, figures: dict[str, Any]
) -> dict[str, Any]:
    result: dict[str, Any] = {"database": database, "format": name, "invoices": count}
    result |= {"megabytes": round(size / 1e6, 1), **figures}
    result["missing"] = sum(count - each["stored"] for each in figures.values())
    result["percent"] = 100.0
    if len(figures) == 2:
        both = [figures[who]["seconds"] for who in ("bare", "ours")]
        result["percent"] = round(100 * both[0] / both[1], 1)
    for who, each in figures.items():
        print(
            f"{database:9} {name:9} {who:5} {count / each['seconds']:8.0f} invoices/s "
            f"{each['cpu_seconds']:8.1f} s CPU {each['peak_mb']:6.0f} MB peak "
            f"(+{each['peak_mb'] - each['idle_mb']:.0f})"
            + (f"  {result['percent']:5.1f} %" if who == "ours" else ""),
            flush=True,
        )
    return result


def _keep(results: list[dict[str, Any]]) -> None:
    _OUT.parent.mkdir(exist_ok=True)
    known = json.loads(_OUT.read_text()) if _OUT.exists() else []
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True
    )
    at = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    told = [each | {"at": at, "commit": commit.stdout.strip()} for each in results]
    _OUT.write_text(json.dumps(known + told, indent=1))


def _child(who: str, name: str, tenant_pk: str, path: str) -> dict[str, Any]:
    import django

    django.setup()
    from integrations.models import Tenant
    from invoices.models import Invoice

    tenant = Tenant.objects.get(pk=int(tenant_pk))
    before = Invoice.objects.filter(tenant=tenant).count()
    idle, cpu, began = _peak(), time.process_time(), time.perf_counter()
    (_bare if who == "bare" else _ours)(tenant, name, Path(path))
    seconds = time.perf_counter() - began
    return {
        "seconds": seconds,
        "cpu_seconds": time.process_time() - cpu,
        "peak_mb": _peak(),
        "idle_mb": idle,
        "stored": Invoice.objects.filter(tenant=tenant).count() - before,
    }


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _ours(tenant: Any, name: str, path: Path) -> None:
    from invoices import filing

    if name == "json":
        with path.open("rb") as file:
            for body in file:
                filing.file_invoices(tenant, "body.json", body, via="api")
        return
    with path.open("rb") as file:
        run = filing.begin(tenant, path.name, file, via="command")
    assert filing.go_on(run, seconds=float("inf")), run.state
    assert run.state == "done" and not run.rejected, run.counts


def _bare(tenant: Any, name: str, path: Path) -> None:
    from django.db import transaction

    from invoices.models import Invoice, InvoiceExport

    found = _PARSERS[name](path)
    while batch := list(islice(found, _BATCH)):
        with transaction.atomic():
            invoices = Invoice.objects.bulk_create(
                Invoice(tenant=tenant, content_sha256="", **fields) for fields in batch
            )
            InvoiceExport.objects.bulk_create(
                InvoiceExport(tenant=tenant, invoice=invoice) for invoice in invoices
            )


def _from_csv(path: Path) -> Iterator[dict[str, Any]]:
    import csv

    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file, delimiter=";")
        for number, rows in groupby(reader, key=lambda row: row["Laskunumero"]):
            lines = list(rows)
            yield {
                "number": number,
                "date": dt.datetime.strptime(lines[0]["Laskupäivä"], "%d.%m.%Y").date(),
                "buyer_name": lines[0]["Asiakas"],
                "currency": "EUR",
                "gross_total": Decimal(lines[0]["Yhteensä"].replace(",", ".")),
                "content": {"rows": lines},
            }


def _from_finvoice(path: Path) -> Iterator[dict[str, Any]]:
    from lxml import etree

    # One document after another is what banks' files are; one parser is for one document.
    for document in _documents(path):
        root = etree.fromstring(document)
        total = root.findtext("InvoiceDetails/InvoiceTotalVatIncludedAmount")
        day = root.findtext("InvoiceDetails/InvoiceDate")
        yield {
            "number": root.findtext("InvoiceDetails/InvoiceNumber"),
            "date": dt.datetime.strptime(day, "%Y%m%d").date(),
            "buyer_name": root.findtext("BuyerPartyDetails/BuyerOrganisationName"),
            "currency": "EUR",
            "gross_total": Decimal(total.replace(",", ".")),
            "content": {
                "buyer": _texts(root.find("BuyerPartyDetails")),
                "details": _texts(root.find("InvoiceDetails")),
                "rows": [_texts(row) for row in root.iterfind("InvoiceRow")],
            },
        }


def _texts(element: Any) -> dict[str, str]:
    return {each.tag: each.text for each in element.iter() if each.text and each.text.strip()}


def _documents(path: Path) -> Iterable[bytes]:
    with path.open("rb") as file:
        document = io.BytesIO()
        for line in file:
            if line.startswith(b"<?xml") and document.tell():
                yield document.getvalue()
                document = io.BytesIO()
            document.write(line)
        yield document.getvalue()


def _from_json(path: Path) -> Iterator[dict[str, Any]]:
    import simplejson

    with path.open("rb") as file:
        for body in file:
            for found in simplejson.loads(body, use_decimal=True)["invoices"]:
                yield {
                    "number": found["number"],
                    "date": dt.date.fromisoformat(found["date"]),
                    "due_date": dt.date.fromisoformat(found["due_date"]),
                    "buyer_name": found["buyer"]["address"]["name"],
                    "currency": "EUR",
                    "gross_total": Decimal(found["gross_total"]),
                    "content": found,
                }


_PARSERS = {"csv": _from_csv, "finvoice": _from_finvoice, "json": _from_json}


if __name__ == "__main__":
    sys.exit(main())
