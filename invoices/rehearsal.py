"""Runs a rehearsal: every waiting invoice of a tenant through mapping and pre-flight, with what
Procountor says of the company at that moment.

Nothing is exported by it: no export or attempt is written, and of Procountor only the connection
check reads. Memory is bounded: invoices are read in chunks, and of each cause only some are named.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django_q.tasks import async_task

from integrations import diagnosis, going_live
from integrations.enums import Mover
from integrations.models import ConnectionCheck, Tenant
from integrations.rehearsal_models import Rehearsal, RehearsedInvoices
from integrations.signals import acted
from invoices import corrections
from invoices.document import InvoiceDocument, Problem
from invoices.enums import ExportStatus, ItemOutcome
from invoices.exports.causes import cause_of
from invoices.mapping import ExportSettings, ReferenceData, map_invoice
from invoices.mapping.comparing import Comparison
from invoices.models import Invoice, InvoiceExport, ReceivedItem
from invoices.preflight import reference_of, settings_of, verdict
from invoices.problems import CUSTOMER

logger = logging.getLogger(__name__)

WAITING = (
    ExportStatus.DRAFT,
    ExportStatus.QUEUED,
    ExportStatus.PARKED,
    ExportStatus.NEEDS_ATTENTION,
)
#: Without these a rehearsal would leave out what Procountor is going to refuse.
_NEEDED = ("vat_percents", "vat_statuses", "active_accounts", "periods")
_RECENT = dt.timedelta(days=31)
_CHUNK = 200
_NAMED = 50
#: Of how many invoices the payloads are compared.
_COMPARED = 100
#: Different values of one code and field that are told apart; all others are counted together.
_VALUES = 10


def ask_for(tenant: Tenant, *, by: Any, tried: dict[str, Any] | None = None) -> Rehearsal:
    """Have a rehearsal run in the background, of the settings as they are or of `tried` (see
    `Rehearsal.settings_tried`); the one that is under way already, where it is the same."""
    for under_way in tenant.rehearsals.filter(finished_at=None, settings_tried=tried or {}):
        if under_way.is_under_way:
            return under_way
    rehearsal = Rehearsal.objects.create(tenant=tenant, requested_by=by, settings_tried=tried or {})
    transaction.on_commit(partial(async_task, "invoices.tasks.rehearse", rehearsal.pk))
    return rehearsal


def run(pk: int) -> bool:
    """Check the connection, then look at every invoice. False when another run has it."""
    now = timezone.now()
    mine = Rehearsal.objects.filter(pk=pk, started_at=None).update(started_at=now, seen_at=now)
    if not mine:
        return False
    rehearsal = Rehearsal.objects.select_related("tenant", "requested_by").get(pk=pk)
    try:
        check = diagnosis.run_check(rehearsal.tenant, rehearsal.requested_by)
    except diagnosis.ConnectionEnded:
        rehearsal.check_failed = True
        _finish(rehearsal)
        return True
    rehearsal.connection_check = check
    rehearsal.check_failed = any(check.reference_data.get(name) is None for name in _NEEDED)
    if not rehearsal.check_failed:
        _look_at_all(rehearsal, check)
    _finish(rehearsal)
    return True


@dataclass(frozen=True)
class Case:
    """One invoice to look at."""

    export: int
    number: str
    date: dt.date
    content: dict[str, Any]

    def problems(self, settings: ExportSettings, reference: ReferenceData) -> tuple[Problem, ...]:
        """As the engine would judge it, a fault of this program's included."""
        try:
            return verdict(InvoiceDocument.model_validate(self.content), settings, reference)
        except Exception as error:
            # One invoice that no rule foresaw must not end the rehearsal of the others.
            logger.exception("export %s cannot be rehearsed", self.export)
            return (Problem("engine_failed", value=type(error).__name__),)


@dataclass
class _Named:
    """How many invoices, and which: some of them."""

    count: int = 0
    examples: list[dict[str, Any]] = field(default_factory=list)

    def add(self, case: Case) -> None:
        self.count += 1
        if len(self.examples) < _NAMED:
            self.examples.append({"number": case.number, "export": case.export})

    def as_json(self) -> dict[str, Any]:
        return {"count": self.count, "examples": self.examples}


@dataclass
class _Tally:
    """Counts verdicts, and folds what is wrong by cause."""

    total: int = 0
    passed: int = 0
    found: dict[tuple[str, str, str, str], _Named] = field(default_factory=dict)
    values: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, case: Case, problems: tuple[Problem, ...]) -> None:
        self.total += 1
        self.passed += not problems
        # An invoice with the same fault in ten rows is one invoice.
        for cause in dict.fromkeys(cause_of(problem) for problem in problems):
            self._place_for(cause).add(case)

    def _place_for(self, cause: tuple[str, str, str, str]) -> _Named:
        if cause not in self.found:
            code, place, _value, _expected = cause
            if self.values[code, place] >= _VALUES:
                cause = (code, place, "…", "…")
            else:
                self.values[code, place] += 1
        return self.found.setdefault(cause, _Named())

    def findings(self) -> list[dict[str, Any]]:
        folded = [
            {
                "code": code,
                "field": place,
                "value": value,
                "expected": expected,
                "mover": str(Mover.CUSTOMER if code in CUSTOMER else Mover.US),
                **named.as_json(),
            }
            for (code, place, value, expected), named in self.found.items()
        ]
        return sorted(folded, key=lambda finding: -finding["count"])


def _look_at_all(rehearsal: Rehearsal, check: ConnectionCheck) -> None:
    tenant = Tenant.objects.get(pk=rehearsal.tenant_id)
    rehearsal.basis = going_live.basis_of(tenant, check)
    reference = reference_of(check.reference_data)
    present = settings_of(tenant)
    tried = rehearsal.settings_tried
    settings = present
    if tried:
        table = tried.get(going_live.MAPPING_TABLE)
        settings = settings_of(going_live.proposed(tenant, tried), table_tried=table)
    rehearsal.invoices, chosen = _chosen(tenant)
    rehearsal.expected = chosen.count()
    tally, before = _Tally(), _Tally()
    newly_passing, newly_failing = _Named(), _Named()
    for number, case in enumerate(cases(chosen)):
        if number % _CHUNK == 0:
            _show_progress(rehearsal, tally)
        problems = case.problems(settings, reference)
        tally.add(case, problems)
        if tried:
            problems_before = case.problems(present, reference)
            before.add(case, problems_before)
            if problems_before and not problems:
                newly_passing.add(case)
            elif problems and not problems_before:
                newly_failing.add(case)
    rehearsal.total, rehearsal.passed = tally.total, tally.passed
    rehearsal.findings = tally.findings()
    rehearsal.rejected = _rejected(tenant)
    if tried:
        rehearsal.passed_before = before.passed
        rehearsal.newly_passing = newly_passing.as_json()
        rehearsal.newly_failing = newly_failing.as_json()
        rehearsal.payload_changes = _changes(tenant, present, settings, reference)


def _changes(
    tenant: Tenant, present: ExportSettings, tried: ExportSettings, reference: ReferenceData
) -> dict[str, Any]:
    """What would differ in the payloads of the newest invoices: see `payload_changes`."""
    newest = InvoiceExport.objects.filter(tenant=tenant).order_by("-pk")[:_COMPARED]
    found = Comparison()
    for case in _read(newest):
        try:
            document = InvoiceDocument.model_validate(case.content)
            payloads = [map_invoice(document, s, reference).payload for s in (present, tried)]
        except Exception:
            # As in `_Case.problems`: where it is counted among the findings.
            logger.exception("export %s cannot be compared", case.export)
            continue
        found.add(case.number, case.export, *payloads)
    return found.as_json()


def _chosen(tenant: Tenant) -> tuple[RehearsedInvoices, QuerySet[InvoiceExport]]:
    """What waits; if nothing does, the last month's, whatever became of them."""
    exports = InvoiceExport.objects.filter(tenant=tenant)
    waiting = exports.filter(status__in=WAITING)
    if waiting.exists():
        return RehearsedInvoices.WAITING, waiting
    since = timezone.localdate() - _RECENT
    recent = exports.exclude(status=ExportStatus.SKIPPED).filter(invoice__date__gte=since)
    return RehearsedInvoices.RECENT, recent


def cases(chosen: QuerySet[InvoiceExport]) -> Iterator[Case]:
    """In chunks by primary key: no query stays open while thousands are mapped."""
    last = 0
    while chunk := _read(chosen.order_by("pk").filter(pk__gt=last)[:_CHUNK]):
        yield from chunk
        last = chunk[-1].export


def _read(rows: QuerySet[InvoiceExport]) -> list[Case]:
    """Each with the document that counts."""
    found = rows.values_list(
        "pk", "invoice__number", "invoice__date", "invoice__content", "corrections"
    )
    newer = corrections.contents_of(row[0] for row in found if row[-1])
    return [
        Case(pk, number, date, newer.get(pk, content))
        for pk, number, date, content, _version in found
    ]


def _rejected(tenant: Tenant) -> int:
    """Invoices that were refused at intake lately and have not come again since."""
    since = timezone.now() - _RECENT
    taken_in = Invoice.objects.filter(tenant=tenant).values("number")
    refused = ReceivedItem.objects.filter(
        Q(file__tenant=tenant, file__received_at__gte=since, outcome=ItemOutcome.REJECTED)
    ).exclude(number__in=taken_in)
    named = refused.exclude(number="").values("number").distinct().count()
    return named + refused.filter(number="").count()


def _show_progress(rehearsal: Rehearsal, tally: _Tally) -> None:
    Rehearsal.objects.filter(pk=rehearsal.pk).update(
        seen_at=timezone.now(),
        connection_check=rehearsal.connection_check,
        expected=rehearsal.expected,
        total=tally.total,
        passed=tally.passed,
    )


def _finish(rehearsal: Rehearsal) -> None:
    """Store the result and tell the trail, at once or not at all."""
    rehearsal.finished_at = rehearsal.seen_at = timezone.now()
    with transaction.atomic():
        rehearsal.save()
        data: dict[str, Any] = {"rehearsal": rehearsal.pk, "check_failed": rehearsal.check_failed}
        if rehearsal.is_done:
            data |= {"passed": rehearsal.passed, "total": rehearsal.total}
        acted.send(
            Rehearsal,
            action="tenant.rehearsed",
            tenant=rehearsal.tenant,
            by=rehearsal.requested_by,
            data=data | {"fields": sorted(rehearsal.settings_tried)},
        )
