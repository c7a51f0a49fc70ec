"""Same number, other content: held with the difference until a person decides.

What was taken in first stays, and nothing is exported a second time. A person keeps it as it is,
or takes over what may be corrected (`corrections`); amounts and rows are another invoice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from invoices import audit, corrections
from invoices.change_models import HeldChange
from invoices.differences import differences
from invoices.document import InvoiceDocument
from invoices.enums import ChangeState
from invoices.models import InvoiceExport


class AlreadyDecided(Exception):
    """Somebody else has decided it meanwhile; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Changed:
    """An item whose number is here with other content: its document, the digest that a decision
    is about, and the names of PDFs that are not here."""

    item_pk: int
    invoice_pk: int
    document: InvoiceDocument
    digest: str
    new_pdfs: Sequence[str] = ()


def decided(invoice_pks: Sequence[int]) -> dict[int, set[str]]:
    """By invoice, the digests of other contents about which a person has decided: one query, none
    for no keys."""
    found: dict[int, set[str]] = defaultdict(set)
    if invoice_pks:
        rows = HeldChange.objects.filter(export__invoice__in=invoice_pks)
        rows = rows.exclude(state=ChangeState.OPEN)
        for invoice_pk, digest in rows.values_list("export__invoice", "content_sha256"):
            found[invoice_pk].add(digest)
    return found


def hold(changed: Sequence[Changed], *, by: User | None) -> None:
    """Keep what differs for a person, in the transaction of the items; just the same content
    waits once."""
    if not changed:
        return
    pks = [each.invoice_pk for each in changed]
    found = InvoiceExport.objects.filter(invoice__in=pks).select_related("invoice")
    exports = {export.invoice_id: export for export in found}
    newer = corrections.contents_of(e.pk for e in exports.values() if e.corrections)
    waiting = HeldChange.objects.filter(export__invoice__in=pks, state=ChangeState.OPEN)
    seen = set(waiting.values_list("export__invoice", "content_sha256"))
    for each in changed:
        if (key := (each.invoice_pk, each.digest)) in seen:
            continue
        seen.add(key)
        export = exports[each.invoice_pk]
        present = newer.get(export.pk, export.invoice.content)
        told = differences(InvoiceDocument.model_validate(present), each.document)
        change = HeldChange.objects.create(
            item_id=each.item_pk,
            export=export,
            content_sha256=each.digest,
            differences=[
                *told,
                *({"field": "attachments", "old": "", "new": name} for name in each.new_pdfs),
            ],
            held_at=timezone.now(),
        )
        _record("change.held", change, by)


def keep(change: HeldChange, *, by: User, reason: str) -> None:
    """The invoice stays as it is. Raises AlreadyDecided."""
    _decide(change, ChangeState.KEPT, by, reason)


def taken_over(change: HeldChange, *, by: User, reason: str, version: int) -> None:
    """A correction with this number has what could be taken over. Raises AlreadyDecided."""
    _decide(change, ChangeState.CORRECTED, by, reason, version=version)


def correctable(change: HeldChange) -> dict[str, str]:
    """The new values at the places that a correction may change; the places of the others are in
    `fixed`."""
    places = corrections.places_of(corrections.document_of(change.export))
    return {each["field"]: each["new"] for each in change.differences if each["field"] in places}


def fixed(change: HeldChange) -> list[str]:
    """The places that no correction may change."""
    possible = correctable(change)
    return [each["field"] for each in change.differences if each["field"] not in possible]


def _decide(change: HeldChange, state: ChangeState, by: User, reason: str, **facts: Any) -> None:
    values = {"state": state, "decided_by": by, "decided_at": timezone.now(), "reason": reason}
    with transaction.atomic():
        open_one = HeldChange.objects.filter(pk=change.pk, state=ChangeState.OPEN)
        if not open_one.update(**values):
            raise AlreadyDecided(f"change {change.pk}")
        _record(f"change.{state}", change, by, reason=reason, **facts)
    change.refresh_from_db()


def _record(action: str, change: HeldChange, by: User | None, **facts: Any) -> None:
    data = {"change": change.pk, "file": change.item.file_id, "position": change.item.position}
    fields = [each["field"] for each in change.differences]
    audit.record(action, export=change.export, by=by, data=data | {"fields": fields} | facts)
