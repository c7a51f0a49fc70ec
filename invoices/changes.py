"""Same number, other content: held with the difference until a person decides.

What was taken in first stays, and nothing is exported a second time. A person keeps it as it is,
or takes over what may be corrected (`corrections`); amounts and rows are another invoice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from invoices import audit, corrections
from invoices.change_models import HeldChange
from invoices.differences import differences
from invoices.document import InvoiceDocument
from invoices.enums import ChangeState
from invoices.models import InvoiceExport, ReceivedItem
from invoices.pdf import Pdf


class AlreadyDecided(Exception):
    """Somebody else has decided it meanwhile; nothing was changed."""


def decided(export: InvoiceExport, digest: str) -> bool:
    """Whether a person has decided about just this content before."""
    done = HeldChange.objects.filter(export=export, content_sha256=digest)
    return done.exclude(state=ChangeState.OPEN).exists()


def hold(
    item: ReceivedItem,
    export: InvoiceExport,
    document: InvoiceDocument,
    digest: str,
    pdfs: Sequence[Pdf] = (),
    *,
    by: User | None,
) -> HeldChange | None:
    """Keep what differs for a person, in the transaction of the item. None when just this
    content waits already. `pdfs` are those that are not here."""
    if HeldChange.objects.filter(
        export=export, content_sha256=digest, state=ChangeState.OPEN
    ).exists():
        return None
    found = differences(corrections.content_of(export), document.as_json())
    found += [{"field": "attachments", "old": "", "new": pdf.name} for pdf in pdfs]
    change = HeldChange.objects.create(
        item=item,
        export=export,
        content_sha256=digest,
        differences=found,
        held_at=timezone.now(),
    )
    _record("change.held", change, by)
    return change


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
