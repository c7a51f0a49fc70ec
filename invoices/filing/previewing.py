"""What taking in a file would do, item by item. Writes nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal

from integrations.models import Tenant
from invoices.document import Problem
from invoices.filing.batches import batches, drafts_of
from invoices.filing.judging import Draft, Judged, Known, Terms, Verdict, judge, known_of
from invoices.intake import Reading, ReadItem, ReadResult
from invoices.retention.numbers import ExpiredNumbers


@dataclass(frozen=True, slots=True)
class Previewed:
    """`problems` stop the item; those of mapping that a person can put right are in `waits_for`:
    it would be taken in and wait for that. `known` is the primary key of the invoice that is
    there already; None also for one that stands earlier in the same file. `gross_total` in
    `currency`, None and "" where there is no document."""

    item: ReadItem
    verdict: Verdict
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    waits_for: tuple[Problem, ...]
    known: int | None
    gross_total: Decimal | None
    currency: str


def preview(tenant: Tenant, reading: Reading | ReadResult) -> Iterator[Previewed]:
    """Each item in order with what would become of it now. Three queries for each batch."""
    items = reading.items if isinstance(reading, ReadResult) else reading
    with closing(_Seen()) as seen:
        for batch in batches(items):
            drafts = drafts_of(batch, Terms.of(tenant))
            known = seen.among(drafts) | known_of(tenant, drafts)
            judged = judge(drafts, known, ExpiredNumbers(tenant.pk))
            seen.add([one.draft for one in judged if one.verdict is Verdict.NEW])
            yield from map(_previewed, judged)


def _previewed(one: Judged) -> Previewed:
    item, mapped = one.draft.item, one.draft.mapped
    return Previewed(
        item,
        one.verdict,
        one.problems,
        (*item.warnings, *(mapped.warnings if mapped else ())),
        mapped.problems if mapped and one.verdict is Verdict.NEW else (),
        one.known.pk if one.known else None,
        one.draft.gross_total,
        item.document.currency if item.document else "",
    )


class _Seen:
    """The invoices of the file that would be taken in so far, in a temporary database on disk."""

    def __init__(self) -> None:
        self._rows = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._rows.execute(
            "CREATE TABLE seen (number TEXT PRIMARY KEY, same TEXT, files TEXT) WITHOUT ROWID"
        )

    def close(self) -> None:
        self._rows.close()

    def add(self, drafts: Sequence[Draft]) -> None:
        self._rows.execute("BEGIN")
        self._rows.executemany(
            "INSERT INTO seen VALUES (?, ?, ?)",
            (
                (
                    draft.number,
                    draft.item.document.sameness() if draft.item.document else "",
                    "\n".join(f"{pdf.sha256}{pdf.name}" for pdf in draft.item.attachments),
                )
                for draft in drafts
            ),
        )
        self._rows.execute("COMMIT")

    def among(self, drafts: Sequence[Draft]) -> dict[str, Known]:
        numbers = sorted({draft.number for draft in drafts if draft.item.document})
        marks = ", ".join("?" * len(numbers))
        found = self._rows.execute(
            f"SELECT number, same, files FROM seen WHERE number IN ({marks})",  # nosec B608
            numbers,
        )
        return {
            number: Known(
                None,
                "",
                frozenset((line[64:], line[:64]) for line in files.split("\n") if line),
                frozenset({same}),
            )
            for number, same, files in found
        }
