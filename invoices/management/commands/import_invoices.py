"""Take in invoice files for a tenant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from django.utils import translation

from integrations.management.base import JsonCommand, refuse, tenant_named
from invoices import filing, problems
from invoices.enums import ReceivedVia
from invoices.intake import MAX_FILE_BYTES, ColumnMapping, DateOrder, DecimalMark
from invoices.intake.columns import FIELDS
from invoices.models import ReceivedFile


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
        contents = [(path, _read(path)) for path in options["paths"]]
        files = []
        for path, content in contents:
            try:
                received = filing.file_invoices(
                    tenant,
                    path.name,
                    content,
                    via=ReceivedVia.COMMAND,
                    queue=options["queue"],
                    mapping=mapping,
                )
            except filing.TenantClosed as error:
                raise refuse(f"--tenant: {error}") from None
            files.append({"path": str(path)} | _facts(received))
        rejected = any(file["rejected"] or file["problems"] for file in files)
        return int(rejected), {"tenant": tenant.slug, "files": files}

    def lines(self, facts: dict[str, Any]) -> list[str]:
        lines = []
        for file in facts["files"]:
            lines.append(
                f"{file['path']}: {file['accepted']} accepted, {file['duplicate']} duplicate, "
                f"{file['rejected']} rejected"
            )
            lines += [f"  {problem['text']}" for problem in file["problems"]]
            for item in file["items"]:
                lines += [
                    f"  {item['position']} {item['number']}: {problem['text']}"
                    for problem in item["problems"]
                ]
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


def _read(path: Path) -> bytes:
    """One byte more than the limit is enough for intake to say that the file is too large."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise refuse(f"{path}: {error.strerror or error}.") from None


def _facts(received: ReceivedFile) -> dict[str, Any]:
    return filing.counts(received) | {
        "format": received.format,
        "sha256": received.sha256,
        "problems": _explained(received.problems),
        "items": [
            {
                "position": item.position,
                "number": item.number,
                "outcome": item.outcome,
                "problems": _explained(item.problems),
                "warnings": _explained(item.warnings),
            }
            for item in received.items.all()
        ],
    }


def _explained(stored: list[dict[str, str]]) -> list[dict[str, str]]:
    with translation.override("en"):
        return [
            item | {"text": text}
            for item, text in zip(stored, problems.sentences(stored), strict=True)
        ]
