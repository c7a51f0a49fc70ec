"""Looks at staged files: what would become of each invoice if they were taken in now.

Writes nothing but what the upload's page shows. A file is looked at from its beginning to its end
by one worker; one whose worker died is begun anew. Of invoices only the first are kept, of problems
only so many; counts, sums and causes are of all.
"""

from __future__ import annotations

import io
import re
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone

from integrations.enums import TenantState
from integrations.models import Tenant
from invoices.document import Problem
from invoices.filing import Previewed, Verdict, preview
from invoices.intake import ColumnMapping, Reading, reading
from invoices.intake.values import storable
from invoices.mapping.identifiers import is_personal
from invoices.upload_models import (
    StagedFile,
    StagedInvoice,
    StagedProblem,
    StagedState,
    UploadState,
)
from invoices.uploads import layouts, staging, tables
from invoices.uploads.work import MOST_TRIES, Stopped, Work

SHOWN_INVOICES = 20
KEPT_PROBLEMS = 20_000
_MOST_CAUSES = 200
_SAMPLE_ROWS = 100
#: Less than a background task may take; what is not looked at by then is told.
_MOST_SECONDS = 600.0
_NOTED_EVERY = 200
#: What a person can put right by saying what the columns are.
OF_COLUMNS = frozenset(
    {
        "column_missing", "column_twice", "column_not_there", "number_ambiguous",
        "date_ambiguous",
    }
)  # fmt: skip
_POSITION = re.compile(r"\[\d+\]")
_ROW = re.compile(r"(?:.* )?row \d+(?:, (?P<heading>.+))?", re.DOTALL)
_LINE = re.compile(r"(?:.*: )?line \d+")


def run(pk: int) -> bool:
    """Look at every file of the upload that nobody has looked at; False when there was nothing to
    do, or a person decided otherwise meanwhile."""
    work = Work.take(pk, UploadState.PREVIEWING)
    if work is None:
        return False
    try:
        if work.upload.tries > MOST_TRIES:
            work.move(UploadState.FAILED, failure="too_often", finished_at=timezone.now())
            return False
        if work.tenant.state == TenantState.CLOSED:
            work.move(UploadState.FAILED, failure="tenant_closed", finished_at=timezone.now())
            return False
        _look_at_all(work, time.monotonic() + _MOST_SECONDS)
        work.move(UploadState.PREVIEWED)
    except (Stopped, staging.ContentGone):
        return False
    return True


def _look_at_all(work: Work, ends_at: float) -> None:
    """The files in their order: what an earlier one brings is no news in a later one."""
    files = list(work.upload.files.order_by("position"))
    seen: dict[str, str] | None = {} if len(files) > 1 else None
    if seen is not None:
        # What the first ones brought is known only by looking at them again.
        for file in files:
            if file.received_id is None:
                file.state = StagedState.WAITING
    for file in files:
        if file.state == StagedState.WAITING:
            _Look(work, file, ends_at, seen).look()


def field_of(problem: Problem) -> str:
    """The field or column of a problem, without what tells one invoice of many apart."""
    if found := _ROW.fullmatch(problem.place):
        return found["heading"] or ""
    if _LINE.fullmatch(problem.place):
        return ""
    return _POSITION.sub("", problem.place)


@dataclass
class _Look:
    """Looks at one file."""

    work: Work
    file: StagedFile
    ends_at: float
    #: {number: digest of the content} of the new invoices of the files before; None: not asked.
    seen: dict[str, str] | None
    new: dict[str, str] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    sums: dict[str, dict[str, Decimal]] = field(default_factory=dict)
    causes: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    invoices: list[StagedInvoice] = field(default_factory=list)
    problems: list[StagedProblem] = field(default_factory=list)
    kept: int = 0
    shown: int = 0

    def look(self) -> None:
        file = self.file
        file.item_problems.all().delete()
        file.invoices.all().delete()
        found = self._begin()
        complete = True
        for number, one in enumerate(preview(self.work.tenant, found), start=1):
            self._add(one)
            if number % _NOTED_EVERY == 0 or self.work.is_due():
                self._note(found)
                if time.monotonic() > self.ends_at:
                    complete = False
                    break
        file.state, file.complete = StagedState.LOOKED_AT, complete
        file.format = found.format
        file.problems = [each.as_json() for each in found.problems]
        self._note(found, "state", "complete", "format", "problems")
        if self.seen is not None:
            self.seen |= self.new

    def _begin(self) -> Reading:
        """The reading, by what a person has said of the columns of such tables."""
        file, tenant = self.file, self.work.tenant
        found = self._reading()
        self.work.sign()
        if found.format in tables.FORMATS and found.columns:
            headings = [column.heading for column in found.columns]
            if not file.layout_key:
                file.layout_key = layouts.key_of(headings)
                file.sample = _sample(file, found)
            layout = layouts.find(tenant, headings)
            if layout is not None:
                file.mapping = layouts.applied(layout, headings)
                layouts.used(layout)
                found = self._reading()
            file.layout = layout
            file.columns = [[each.heading, each.field, each.sheet] for each in found.columns]
        fields = ["layout_key", "sample", "mapping", "layout", "columns"]
        file.save(update_fields=fields)
        return found

    def _reading(self) -> Reading:
        mapping = ColumnMapping.from_json(self.file.mapping) if self.file.mapping else None
        return reading(staging.source_of(self.file), name=self.file.name, mapping=mapping)

    def _known(self, one: Previewed) -> Previewed:
        """As it is after the files before."""
        if self.seen is None or one.item.document is None or one.verdict != Verdict.NEW:
            return one
        number, digest = one.item.document.number, one.item.document.sameness()
        if number not in self.seen:
            self.new[number] = digest
            return one
        if self.seen[number] == digest:
            return replace(one, verdict=Verdict.DUPLICATE)
        told = (Problem("changed_duplicate", place="number", value=number),)
        return replace(one, verdict=Verdict.CHANGED, problems=told)

    def _add(self, found: Previewed) -> None:
        one = self._known(found)
        outcome = str(one.verdict)
        self.counts[outcome] += 1
        if one.gross_total is not None and one.currency:
            sums = self.sums.setdefault(outcome, {})
            sums[one.currency] = sums.get(one.currency, Decimal()) + one.gross_total
        if self.shown < SHOWN_INVOICES and one.item.document is not None:
            self.shown += 1
            self.invoices.append(self._invoice(one, outcome))
        for problem in one.problems:
            self._fold(problem, waits=False)
            self._list(one, problem)
        for problem in one.waits_for:
            self._fold(problem, waits=True)

    def _invoice(self, one: Previewed, outcome: str) -> StagedInvoice:
        document = one.item.document
        assert document is not None
        buyer = document.buyer
        return StagedInvoice(
            file=self.file,
            position=one.item.position,
            outcome=outcome,
            number=document.number,
            date=document.date,
            buyer_name=buyer.address.name[:255],
            is_person=not (buyer.business_id or buyer.vat_number),
            total=one.gross_total,
            currency=one.currency,
        )

    def _fold(self, problem: Problem, *, waits: bool) -> None:
        key = (problem.code, field_of(problem)[:200])
        cause = self.causes.get(key)
        if cause is None and len(self.causes) < _MOST_CAUSES:
            cause = self.causes[key] = {
                "code": key[0],
                "field": key[1],
                "count": 0,
                "value": "" if is_personal(problem.value) else problem.value,
                "expected": problem.expected,
                "waits": waits,
            }
        if cause is not None:
            cause["count"] += 1

    def _list(self, one: Previewed, problem: Problem) -> None:
        if self.kept < KEPT_PROBLEMS:
            self.kept += 1
            self.problems.append(
                StagedProblem(
                    file=self.file,
                    position=one.item.position,
                    number=storable(one.item.number)[:100],
                    code=problem.code[:60],
                    field=field_of(problem)[:200],
                    problem=problem.as_json(),
                )
            )

    def _note(self, found: Reading, *fields: str) -> None:
        """Commit what was found so far, if it is still ours to look at."""
        file = self.file
        file.done_bytes = min(found.done_bytes, file.size)
        file.counts = dict(self.counts)
        file.sums = {
            outcome: {currency: f"{sums[currency]:.2f}" for currency in sorted(sums)}
            for outcome, sums in self.sums.items()
        }
        file.causes = sorted(self.causes.values(), key=lambda each: -each["count"])
        with transaction.atomic():
            self.work.sign()
            file.save(update_fields=["done_bytes", "counts", "sums", "causes", *fields])
            StagedInvoice.objects.bulk_create(self.invoices)
            StagedProblem.objects.bulk_create(self.problems, batch_size=500)
        self.invoices, self.problems = [], []


def _sample(file: StagedFile, found: Reading) -> bytes | None:
    """The first rows of the table, in its own format; None where they cannot be cut out."""
    out = io.BytesIO()
    headings = [(column.sheet, column.heading) for column in found.columns]
    try:
        tables.copy(
            staging.source_of(file),
            found.format,
            headings,
            lambda row: "",
            out,
            most=_SAMPLE_ROWS,
        )
    except tables.NotATable:
        return None
    return out.getvalue()


@dataclass(frozen=True)
class Tried:
    """The first invoices of a table as they would be read by other columns, and what is wrong with
    the table as a whole."""

    invoices: list[Previewed]
    problems: list[Problem]


def try_columns(tenant: Tenant, file: StagedFile, mapping: dict[str, Any], most: int) -> Tried:
    """What the sample of `file` would be under `mapping`; nothing of it is kept."""
    if file.sample is None:
        return Tried([], [])
    source = io.BytesIO(bytes(file.sample))
    found = reading(source, name=file.name, mapping=ColumnMapping.from_json(mapping))
    invoices = list(preview(tenant, found))
    told = [each for each in found.problems if not each.code.startswith("columns_")]
    return Tried(invoices[:most], told)


def counts_of(files: list[StagedFile]) -> dict[str, int]:
    """{verdict: invoices} of several files together."""
    totals = dict.fromkeys(map(str, Verdict), 0)
    for file in files:
        for outcome, count in file.counts.items():
            totals[outcome] = totals.get(outcome, 0) + count
    return totals


def sums_of(files: list[StagedFile]) -> dict[str, dict[str, Decimal]]:
    """{verdict: {currency: total}} of several files together."""
    totals: dict[str, dict[str, Decimal]] = {}
    for file in files:
        for outcome, sums in file.sums.items():
            mine = totals.setdefault(outcome, {})
            for currency, total in sums.items():
                mine[currency] = mine.get(currency, Decimal()) + Decimal(total)
    return totals
