"""Takes in a small file at once: all of it or, when something comes in between, nothing."""

from __future__ import annotations

import hashlib

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Count
from django.utils import timezone

from integrations.models import Tenant
from invoices import audit, engine
from invoices.enums import ItemOutcome
from invoices.filing.batches import batches, drafts_of, lock, take, uncollected
from invoices.filing.judging import Terms
from invoices.intake import ColumnMapping, ReadResult, read
from invoices.intake.values import storable
from invoices.models import ReceivedFile


def file_invoices(
    tenant: Tenant,
    name: str,
    content: bytes,
    *,
    via: str,
    by: User | None = None,
    queue: bool = False,
    mapping: ColumnMapping | None = None,
    result: ReadResult | None = None,
) -> ReceivedFile:
    """Take in one file for `tenant`; with `queue` its accepted invoices are queued at once.
    `mapping` tells what a table's columns are; `result` is what the caller has read from
    `content` already. Raises TenantClosed, and keeps nothing then."""
    if result is None:
        result = read(content, name=name, mapping=mapping)
    with uncollected(), transaction.atomic():
        lock(tenant)
        received = ReceivedFile.objects.create(
            tenant=tenant,
            name=storable(name[-200:]),
            content=content,
            sha256=hashlib.sha256(content).hexdigest(),
            size=len(content),
            format=result.format,
            problems=[problem.as_json() for problem in result.problems],
            received_at=timezone.now(),
            received_via=via,
            received_by=by,
        )
        terms = Terms.of(tenant)
        counted = dict.fromkeys([*ItemOutcome.values, "queued"], 0)
        for batch in batches(result.items):
            taken = take(tenant, received.pk, drafts_of(batch, terms), by=by, queue=queue)
            counted = {name: count + taken[name] for name, count in counted.items()}
        queued = counted.pop("queued")
        facts = {"file": received.pk, "name": received.name, "sha256": received.sha256}
        facts |= {"items": len(result.items)} | counted
        audit.record("file.received", tenant=tenant, by=by, data=facts)
    if queued:
        engine.wake(tenant.pk)
    return received


def counts(received: ReceivedFile) -> dict[str, int]:
    """How many items ended in each outcome."""
    found = received.items.order_by().values_list("outcome").annotate(count=Count("pk"))
    return dict.fromkeys(ItemOutcome.values, 0) | dict(found)
