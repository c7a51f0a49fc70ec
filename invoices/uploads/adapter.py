"""Reading, previewing and filing by what there is for small files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import BinaryIO

from django.contrib.auth.models import User

from integrations.models import Tenant
from invoices import filing
from invoices.document import Problem
from invoices.enums import PreviewOutcome, ReceivedVia
from invoices.intake import ColumnMapping, Reading, ReadItem
from invoices.mapping import map_invoice
from invoices.models import Invoice, ReceivedFile
from invoices.preflight import (
    FIXED_OUTSIDE_THE_INVOICE,
    latest_reference_data,
    reference_of,
    settings_of,
)
from invoices.retention.numbers import ExpiredNumbers


@dataclass(frozen=True)
class Previewed:
    outcome: str
    item: ReadItem
    problems: tuple[Problem, ...]
    total: Decimal | None
    currency: str


def preview(tenant: Tenant, reading: Reading) -> Iterator[Previewed]:
    settings = settings_of(tenant)
    reference = reference_of(latest_reference_data(tenant))
    expired, seen = ExpiredNumbers(tenant.pk), dict[str, str]()
    for item in reading:
        document = item.document
        if document is None:
            yield Previewed(PreviewOutcome.REJECTED, item, item.problems, None, "")
            continue
        content = document.as_json()
        digest = hashlib.sha256(
            json.dumps(content, sort_keys=True, ensure_ascii=False).encode()
        ).hexdigest()
        invoices = Invoice.objects.filter(tenant=tenant, number=document.number)
        before = (
            seen.get(document.number)
            or invoices.values_list("content_sha256", flat=True)[:1].first()
        )
        mapped = map_invoice(document, settings, reference)
        total = document.gross_total if document.gross_total is not None else mapped.gross_total
        if before is not None:
            same = before == digest
            outcome = PreviewOutcome.DUPLICATE if same else PreviewOutcome.CHANGED
            told = () if same else (Problem("changed_duplicate", "number", document.number),)
            yield Previewed(outcome, item, told, total, document.currency)
            continue
        if code := expired.refusal(document.number):
            wrong: tuple[Problem, ...] = (Problem(code, "number", document.number),)
        else:
            wrong = tuple(p for p in mapped.problems if p.code not in FIXED_OUTSIDE_THE_INVOICE)
        if wrong:
            yield Previewed(PreviewOutcome.REJECTED, item, wrong, total, document.currency)
            continue
        seen[document.number] = digest
        yield Previewed(PreviewOutcome.NEW, item, (), total, document.currency)


@dataclass
class Run:
    received: ReceivedFile


def begin(
    tenant: Tenant,
    name: str,
    source: BinaryIO,
    *,
    via: str = ReceivedVia.UPLOAD,
    by: User | None = None,
    queue: bool = False,
    mapping: ColumnMapping | None = None,
) -> Run:
    content = source.read()
    return Run(
        filing.file_invoices(tenant, name, content, via=via, by=by, queue=queue, mapping=mapping)
    )


def go_on(run: Run, *, seconds: float, stop: Callable[[], bool] = lambda: False) -> bool:
    return True
