"""Team work on open exports: who looks after which, what waits until when, what was said.

Nothing here moves an export: whether it is queued or skipped is `exports`' business.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import BigIntegerField, F, Q, QuerySet
from django.db.models.functions import Cast
from django.utils import timezone

from invoices import audit
from invoices.enums import ExportStatus
from invoices.models import AuditEvent, InvoiceExport
from invoices.team_models import Case, Comment

#: What needs a person, or may: the accountant's work.
OPEN = (ExportStatus.NEEDS_ATTENTION, ExportStatus.UNKNOWN, ExportStatus.PARKED)
#: What ends a case when a person does it.
_RESOLVING = ("export.queued", "export.skipped")


def assignable(permission: str = "requeue_invoiceexport") -> QuerySet[User]:
    """Who may be given something to look after: active staff with the right to do it."""
    may = Q(groups__permissions__codename=permission) | Q(is_superuser=True)
    return User.objects.filter(may, is_active=True, is_staff=True).distinct().order_by("username")


def assign(exports: Iterable[InvoiceExport], to: User | None, *, by: User) -> int:
    """Let `to` look after these exports, nobody when None; returns for how many that is new."""
    count = 0
    for export in exports:
        with transaction.atomic():
            case = _case(export)
            if case.assignee_id == (to.pk if to else None):
                continue
            case.assignee = to
            case.save(update_fields=["assignee"])
            name = audit.person(to) if to else ""
            audit.record("case.assigned", export=export, by=by, data={"to": name})
        count += 1
    return count


def snooze(exports: Iterable[InvoiceExport], until: dt.datetime | None, *, by: User) -> int:
    """Take exports out of the list of work until a moment; None brings them back at once."""
    count = 0
    for export in exports:
        with transaction.atomic():
            case = _case(export)
            if case.snoozed_until == until:
                continue
            case.snoozed_until = until
            case.save(update_fields=["snoozed_until"])
            shown = until.isoformat() if until else ""
            audit.record("case.snoozed", export=export, by=by, data={"until": shown})
        count += 1
    return count


def comment(export: InvoiceExport, text: str, *, by: User) -> Comment:
    """Add a comment. Raises ValueError for an empty one or one of more than 2,000 characters."""
    text = text.strip()
    if not 0 < len(text) <= 2000:
        raise ValueError("A comment has 1 to 2,000 characters.")
    with transaction.atomic():
        _case(export)
        said = Comment.objects.create(export=export, by=by, at=timezone.now(), text=text)
        audit.record("case.commented", export=export, by=by, data={"comment": said.pk})
    return said


def resolution(export: InvoiceExport) -> AuditEvent | None:
    """What a person did that ended the export's last trouble; None while it is open."""
    if export.status in OPEN:
        return None
    events = AuditEvent.objects.filter(export=export, action__in=_RESOLVING, by__isnull=False)
    troubled = AuditEvent.objects.filter(
        export=export, action__in=[f"export.{status}" for status in OPEN]
    )
    last = troubled.order_by("-pk").first()
    if last is None:
        return None
    return events.filter(pk__gt=last.pk).select_related("by").order_by("-pk").first()


def work(
    *, status: str = "", tenant: int | None = None, assignee: Any = None, snoozed: bool = False
) -> QuerySet[InvoiceExport]:
    """The open exports, the oldest first. `assignee`: a user, False for nobody's, None for all;
    `snoozed`: those that wait instead of those to be done."""
    found = InvoiceExport.objects.filter(status__in=[status] if status in OPEN else OPEN)
    if tenant is not None:
        # By an expression: the open ones are few, and a tenant may have very many others.
        of_tenant = found.annotate(of_tenant=Cast("tenant", BigIntegerField()))
        found = of_tenant.filter(of_tenant=tenant)
    if assignee is False:
        found = found.filter(Q(case=None) | Q(case__assignee=None))
    elif assignee is not None:
        found = found.filter(case__assignee=assignee)
    waits = Q(case__snoozed_until__gt=timezone.now())
    found = found.filter(waits) if snoozed else found.exclude(waits)
    # By an expression, so that no database looks for the few open ones along the primary key of
    # all: an index has them together.
    return found.order_by(F("pk") + 0)


def _case(export: InvoiceExport) -> Case:
    """The export's case, locked until the transaction ends."""
    Case.objects.get_or_create(export=export)
    return Case.objects.select_for_update().get(export=export)
