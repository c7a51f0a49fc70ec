"""Deletes what may be deleted, in turns that may be killed anywhere.

Every piece is one transaction: rows, their links, the number's tombstone and the counts together.
So a link is there exactly while its row is, and whoever comes next goes on from the rows.
"""

from __future__ import annotations

import datetime as dt
import secrets
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from invoices.evidence import verifying
from invoices.evidence.chains import link_hash
from invoices.evidence.expired import Hashes
from invoices.evidence.kinds import BY_NUMBER
from invoices.evidence_models import EvidenceLink
from invoices.expiry import certifying, choosing, deciding
from invoices.expiry.removing import Removal
from invoices.retention import holds
from invoices.retention_models import (
    ExpiredHashes,
    ExpiringInvoice,
    Expiry,
    ExpiryStage,
    ExpiryState,
)

_TURN_SECONDS = 10.0
_INVOICES = 50
_LINKS = 200
S = ExpiryStage


def unfinished() -> list[int]:
    """Deletions that go on and that no worker has at the moment."""
    return list(_nobodys().values_list("pk", flat=True))


def _nobodys() -> QuerySet[Expiry]:
    running = Expiry.objects.filter(state=ExpiryState.RUNNING)
    return running.filter(Q(lease_until=None) | Q(lease_until__lt=timezone.now()))


def advance(pk: int, seconds: float = _TURN_SECONDS) -> bool:
    """Go on with a deletion for a turn; True when it is worth going on at once. Does nothing when
    another worker has it."""
    holder = secrets.token_hex(16)
    lease = dt.timedelta(seconds=settings.EXPORT_LANE_LEASE_SECONDS)
    if not _nobodys().filter(pk=pk).update(holder=holder, lease_until=timezone.now() + lease):
        return False
    held = Expiry.objects.filter(pk=pk, holder=holder, state=ExpiryState.RUNNING)
    end = time.monotonic() + seconds
    try:
        while _piece(pk, holder):
            held.update(lease_until=timezone.now() + lease)
            if time.monotonic() >= end:
                return True
        return False
    finally:
        held.update(holder="", lease_until=None)


def _piece(pk: int, holder: str) -> bool:
    """One transaction's work. False when there is nothing to do, or something is in the way."""
    with transaction.atomic():
        tenant = Expiry.objects.values_list("tenant", flat=True).get(pk=pk)
        holds.lock(tenant)
        rows = Expiry.objects.select_for_update(of=("self",)).select_related("tenant", "chain")
        expiry = rows.filter(pk=pk, holder=holder, state=ExpiryState.RUNNING).first()
        if expiry is None:
            return False
        expiry.waits_for = deciding.obstacle(expiry)
        if not expiry.waits_for:
            _STAGES[ExpiryStage(expiry.stage)](expiry)
        if expiry.state == ExpiryState.DONE:
            return False
        expiry.save(update_fields=_WRITTEN)
        return not expiry.waits_for


_WRITTEN = (
    *("stage", "position", "links", "head", "removed", "invoices", "sums"),
    "waits_for",
)


def _to(expiry: Expiry, stage: ExpiryStage) -> None:
    expiry.stage, expiry.position = stage, 0


def _keep_hashes(expiry: Expiry) -> None:
    """A page of the chain, verified: nothing is deleted of a chain that does not hold."""
    chain = expiry.chain
    page = next(verifying.pages(chain.pk, expiry.position), [])
    if not page:
        hashes = Hashes(chain)
        expiry.links, expiry.head = hashes.count, hashes[hashes.count].hex()
        _to(expiry, S.CHOICE)
        return
    result = verifying.Result()
    verifying.compare_rows(chain.pk, page, result)
    before, kept = Hashes(chain).get(expiry.position), []
    for at, (position, number, row, digest, stored) in enumerate(page, expiry.position + 1):
        kind = BY_NUMBER.get(number)
        expected = link_hash(before, position, kind.table, row, digest) if kind else b""
        if position != at or stored != expected:
            result.problems += 1
        before = stored
        kept.append(stored)
    if result.problems:
        expiry.waits_for = "damaged"
        return
    ExpiredHashes.objects.create(chain=chain, first=expiry.position + 1, hashes=b"".join(kept))
    expiry.position = page[-1][0]


def _choose(expiry: Expiry) -> None:
    rows = [ExpiringInvoice(expiry=expiry, invoice=pk) for pk in choosing.doomed(expiry)]
    ExpiringInvoice.objects.bulk_create(rows, batch_size=1000)
    _to(expiry, S.INVOICES)


def _delete_invoices(expiry: Expiry) -> None:
    waiting = ExpiringInvoice.objects.filter(expiry=expiry).order_by("pk")[:_INVOICES]
    pks = [row.invoice for row in waiting]
    if not pks:
        _to(expiry, S.REST)
        return
    # Somebody may have added something since they were chosen.
    chains = [chain.pk for chain in choosing.chains_of(expiry)]
    kept = choosing.blocked(pks, chains, expiry)
    Removal(expiry).of_invoices([pk for pk in pks if pk not in kept])
    ExpiringInvoice.objects.filter(expiry=expiry, invoice__in=pks).delete()


def _delete_rest(expiry: Expiry) -> None:
    links = EvidenceLink.objects.filter(
        chain__in=choosing.chains_of(expiry), kind__in=Removal.ALONE, pk__gt=expiry.position
    )
    found = list(links.order_by("pk").values_list("pk", "kind", "row")[:_LINKS])
    removal = Removal(expiry)
    if not found:
        removal.of_days()
        _to(expiry, S.CERTIFICATE)
        return
    removal.of_rows([(kind, row) for _pk, kind, row in found])
    expiry.position = found[-1][0]


_STAGES: dict[ExpiryStage, Callable[[Expiry], Any]] = {
    S.HASHES: _keep_hashes,
    S.CHOICE: _choose,
    S.INVOICES: _delete_invoices,
    S.REST: _delete_rest,
    S.CERTIFICATE: certifying.certify,
}
