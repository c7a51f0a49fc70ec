"""Take in invoice files for a tenant."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from django.utils import translation

from integrations.management.base import JsonCommand, refuse, tenant_named
from invoices import filing, problems
from invoices.enums import ItemOutcome, ReceivedVia
from invoices.filing_models import FilingRun, RunState
from invoices.intake import MAX_UPLOAD_BYTES, ColumnMapping, DateOrder, DecimalMark
from invoices.intake.columns import FIELDS

#: A line of progress at most so often, and so many items in full.
_TOLD_SECONDS = 2.0
_TOLD_ITEMS = 1_000


class Command(JsonCommand):
    help = (
        "Takes in files of invoices: Finvoice, UBL, CII, CSV, XLSX, ZIP or JSON. Exit code 0: "
        "every invoice was accepted or already here; 1: some were rejected, the reasons are "
        "printed; 2: a file could not be read."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--tenant", required=True, metavar="SLUG", help="short name")
        parser.add_argument("--queue", action="store_true", help="queue what is accepted")
        parser.add_argument(
            "--column",
            action="append",
            default=[],
            metavar="FIELD=HEADING",
            help="what a table's column is, such as number=Docket; see invoices/intake/README.md",
        )
        parser.add_argument("--decimal-mark", choices=[*DecimalMark], help="of a table's figures")
        parser.add_argument("--date-order", choices=[*DateOrder], help="of dates such as 1/2/2026")
        parser.add_argument("paths", nargs="+", metavar="PATH", type=Path)

    def run(self, **options: Any) -> tuple[int, dict[str, Any]]:
        tenant = tenant_named(options["tenant"])
        mapping = _mapping(options)
        for path in options["paths"]:
            _check(path)
        files = []
        for path in options["paths"]:
            try:
                with path.open("rb") as source:
                    run = filing.begin(
                        tenant,
                        path.name,
                        source,
                        via=ReceivedVia.COMMAND,
                        queue=options["queue"],
                        mapping=mapping,
                    )
            except filing.TenantClosed as error:
                raise refuse(f"--tenant: {error}") from None
            self._take_in(path, run)
            files.append({"path": str(path)} | _facts(run))
        rejected = any(
            file["rejected"] or file["problems"] or file["state"] != RunState.DONE for file in files
        )
        return int(rejected), {"tenant": tenant.slug, "files": files}

    def _take_in(self, path: Path, run: FilingRun) -> None:
        """To its end, also where a worker of the cluster was faster."""
        told = time.monotonic()

        def tell(run: FilingRun) -> None:
            nonlocal told
            if time.monotonic() - told >= _TOLD_SECONDS:
                told = time.monotonic()
                share = 100 * run.bytes_done // max(run.received.size, 1)
                self.stderr.write(f"{path}: {run.items} invoices, {share} %")

        while not filing.go_on(run, seconds=float("inf"), moved=tell):
            time.sleep(1)
            tell(run)

    def lines(self, facts: dict[str, Any]) -> list[str]:
        lines = []
        for file in facts["files"]:
            lines.append(
                f"{file['path']}: {file['accepted']} accepted, {file['duplicate']} duplicate, "
                f"{file['rejected']} rejected"
            )
            if file["state"] != RunState.DONE:
                lines.append(f"  not to its end: {file['state']}")
            lines += [f"  {problem['text']}" for problem in file["problems"]]
            for item in file["items"]:
                lines += [
                    f"  {item['position']} {item['number']}: {problem['text']}"
                    for problem in item["problems"]
                ]
            if file["items_left_out"]:
                lines.append(f"  and {file['items_left_out']} more; see the file's page")
        return lines


def _mapping(options: dict[str, Any]) -> ColumnMapping:
    columns = {}
    for text in options["column"]:
        field, mark, heading = text.partition("=")
        if not mark or field not in FIELDS:
            known = ", ".join(FIELDS)
            raise refuse(f"--column {text}: FIELD=HEADING is needed, FIELD one of: {known}.")
        columns[field] = heading
    mark, order = options["decimal_mark"], options["date_order"]
    return ColumnMapping(columns, mark and DecimalMark(mark), order and DateOrder(order))


def _check(path: Path) -> None:
    try:
        size = path.stat().st_size
        with path.open("rb"):
            pass
    except OSError as error:
        raise refuse(f"{path}: {error.strerror or error}.") from None
    if size > MAX_UPLOAD_BYTES:
        limit = MAX_UPLOAD_BYTES // 1_000_000
        raise refuse(f"{path} is larger than {limit} MB. Export it in smaller parts.")


def _facts(run: FilingRun) -> dict[str, Any]:
    """Every item of a small file; of a large one those with problems, as far as there is room."""
    received, items = run.received, run.received.items.order_by("position")
    if run.items > _TOLD_ITEMS:
        items = items.filter(outcome=ItemOutcome.REJECTED)
    whole = {json.dumps(each): each for each in (*received.problems, *run.problems)}
    return run.counts | {
        "state": run.state,
        "format": received.format,
        "sha256": received.sha256,
        "problems": _explained(list(whole.values())),
        "items_left_out": max(items.count() - _TOLD_ITEMS, 0),
        "items": [
            {
                "position": item.position,
                "number": item.number,
                "outcome": item.outcome,
                "problems": _explained(item.problems),
                "warnings": _explained(item.warnings),
            }
            for item in items[:_TOLD_ITEMS]
        ],
    }


def _explained(stored: list[dict[str, str]]) -> list[dict[str, str]]:
    with translation.override("en"):
        return [
            item | {"text": text}
            for item, text in zip(stored, problems.sentences(stored), strict=True)
        ]
