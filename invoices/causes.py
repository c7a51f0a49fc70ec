"""One cause, one fix: failed exports folded by cause, all of a cause checked again without
sending, and a record of which change healed which invoices.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import Count, Max, Min, QuerySet, Sum
from django.utils import timezone
from django_q.tasks import async_task

from integrations.enums import Mover
from integrations.models import Tenant
from invoices import audit, problems
from invoices.cause_models import ExportCause, Fix, FixKind, Recheck
from invoices.enums import ExportStatus
from invoices.models import AuditEvent, InvoiceExport
from invoices.preflight import latest_reference_data, reference_of, settings_of
from invoices.rehearsal import cases

_CHUNK = 200
#: Without a sign of life for so long a check is taken to be lost.
_LOST_AFTER = dt.timedelta(minutes=5)
_SETTLED_AT_ONCE = 500
#: Audit codes of what may heal an invoice, the most telling kind first.
_OF_INVOICE = ("invoice.corrected", "invoice.entered_by_hand", "period_move.approved")
_OF_TENANT = ("tenant.changed", "tenant.mapping_changed")
_OF_PROCOUNTOR = ("connection.passed",)
_FIX_FOR = {
    "vat_category_unmapped": "tables",
    "payment_method_unmapped": "tables",
    "country_not_supported": "tables",
    "vat_status_not_in_use": "settings",
    "vat_status_not_domestic": "settings",
    "vat_percent_not_in_use": "settings",
    "ERROR_VATSTATUS_VATPERC": "settings",
    "channel_not_allowed": "settings",
    "channel_field_missing": "settings",
    "bank_account_missing": "account",
    "bank_account_not_active": "account",
    "period_closed": "period",
    "CLOSED_FISCAL_PERIOD": "period",
    "credential_refused": "connection",
    "credential_missing": "connection",
    "rights_refused": "connection",
    "lookup_blind": "connection",
    "retries_exhausted": "connection",
    "bulk_stopped": "plan",
}


def open_causes() -> QuerySet[ExportCause]:
    """What still fails; an index holds no others."""
    return ExportCause.objects.filter(ended_at=None)


def folded(causes: QuerySet[ExportCause]) -> Any:
    """One row for each cause, the most frequent first: {key, tenant, tenant__name, code, field,
    value, expected, count, euros, oldest}."""
    return (
        causes.order_by()
        .values("key", "tenant", "tenant__name", "code", "field", "value")
        .annotate(
            count=Count("pk"),
            euros=Sum("euros"),
            oldest=Min("began_at"),
            expected=Max("expected"),
        )
        .order_by("-count", "oldest", "key")
    )


def fix_for(code: str) -> str:
    """Where the cause is put right: tables, settings, account, period, connection, plan
    or invoice."""
    return _FIX_FOR.get(code, "invoice")


def mover_of(code: str) -> Mover:
    """Whose move it is, as the export's own page says it."""
    return problems.mover_of(code)


def ask_for_recheck(tenant: Tenant, key: str, *, by: Any) -> Recheck:
    """Have all of a cause checked again in the background, or the check under way already."""
    for under_way in Recheck.objects.filter(key=key, finished_at=None).order_by("-pk")[:1]:
        if not is_lost(under_way):
            return under_way
    with transaction.atomic():
        recheck = Recheck.objects.create(tenant=tenant, key=key, requested_by=by)
        transaction.on_commit(partial(async_task, "invoices.tasks.recheck_cause", recheck.pk))
    return recheck


def is_lost(recheck: Recheck) -> bool:
    seen_at = recheck.seen_at or recheck.requested_at
    return recheck.finished_at is None and timezone.now() - seen_at > _LOST_AFTER


def run_recheck(pk: int) -> bool:
    """Judge every export of the cause as the engine would, by the present settings and what
    Procountor last told of the company. False when another run has it. Nothing is sent."""
    now = timezone.now()
    if not Recheck.objects.filter(pk=pk, started_at=None).update(started_at=now, seen_at=now):
        return False
    recheck = Recheck.objects.select_related("tenant", "requested_by").get(pk=pk)
    tenant = recheck.tenant
    settings, reference = settings_of(tenant), reference_of(latest_reference_data(tenant))
    chosen = InvoiceExport.objects.filter(causes__key=recheck.key, causes__ended_at=None)
    recheck.expected = chosen.count()
    chunk: dict[int, bool] = {}
    for case in cases(chosen):
        chunk[case.export] = not case.problems(settings, reference)
        if len(chunk) == _CHUNK:
            _note(recheck, chunk)
            chunk = {}
    _note(recheck, chunk)
    recheck.finished_at = timezone.now()
    with transaction.atomic():
        recheck.save()
        facts = {"code": _code_of(recheck), "passed": recheck.passed, "total": recheck.total}
        audit.record("cause.rechecked", tenant=tenant, by=recheck.requested_by, data=facts)
    return True


def _note(recheck: Recheck, chunk: dict[int, bool]) -> None:
    for passes in (True, False):
        keys = [pk for pk, passed in chunk.items() if passed == passes]
        causes = open_causes().filter(key=recheck.key, export__in=keys)
        causes.update(recheck=recheck, passes=passes)
    recheck.total += len(chunk)
    recheck.passed += sum(chunk.values())
    recheck.seen_at = timezone.now()
    recheck.save(update_fields=["total", "passed", "expected", "seen_at"])


def _code_of(recheck: Recheck) -> str:
    return str(recheck.causes.values_list("code", flat=True).first() or "")


def passing(recheck: Recheck) -> QuerySet[InvoiceExport]:
    """The exports that passed it and still wait."""
    return InvoiceExport.objects.filter(
        pk__in=open_causes().filter(recheck=recheck, passes=True).values("export")
    )


def note_healed() -> int:
    """Say of causes that ended what healed them, once the export is in Procountor; returns of how
    many it is known now. Those that failed again, or were skipped, were not healed."""
    ended = ExportCause.objects.filter(ended_at__isnull=False, settled=False)
    known = 0
    last = 0
    while chunk := list(
        ended.filter(pk__gt=last)
        .select_related("export", "tenant")
        .order_by("pk")[:_SETTLED_AT_ONCE]
    ):
        known += _settle(chunk)
        last = chunk[-1].pk
    return known


_DONE = (ExportStatus.SUBMITTED, ExportStatus.RECONCILED)
_NOT_HEALED = (ExportStatus.NEEDS_ATTENTION, ExportStatus.PARKED, ExportStatus.SKIPPED)


def _settle(chunk: Sequence[ExportCause]) -> int:
    done = [cause for cause in chunk if cause.export.status in _DONE]
    over = [cause.pk for cause in chunk if cause.export.status in _NOT_HEALED]
    groups: dict[tuple[Any, ...], list[ExportCause]] = {}
    changes = _Changes(done)
    for cause in done:
        kind, event = changes.before(cause)
        groups.setdefault((cause.key, kind, event), []).append(cause)
    for (_key, kind, event), causes in groups.items():
        with transaction.atomic():
            fix = _fix(causes[0], kind, event)
            ExportCause.objects.filter(pk__in=[cause.pk for cause in causes], settled=False).update(
                settled=True, fix=fix, healed_at=timezone.now()
            )
    ExportCause.objects.filter(pk__in=over).update(settled=True)
    return len(done) + len(over)


class _Changes:
    """What was changed while causes stood; two queries for each chunk."""

    def __init__(self, causes: Sequence[ExportCause]) -> None:
        since = min((cause.began_at for cause in causes), default=timezone.now())
        events = AuditEvent.objects.filter(at__gte=since).order_by("-pk")
        of_exports = events.filter(
            export__in=[cause.export_id for cause in causes], action__in=_OF_INVOICE
        )
        tenants = {cause.tenant_id for cause in causes}
        of_tenants = events.filter(
            tenant__in=tenants, export=None, action__in=_OF_TENANT + _OF_PROCOUNTOR
        )
        self._of_exports, self._of_tenants = list(of_exports), list(of_tenants)

    def before(self, cause: ExportCause) -> tuple[FixKind, AuditEvent | None]:
        """The last change between the cause's beginning and the export's success: of the
        invoice, else of the tenant's settings, else of what Procountor knows."""
        until = cause.export.submitted_at or timezone.now()

        def last(events: list[AuditEvent], actions: tuple[str, ...]) -> AuditEvent | None:
            fitting = (
                event
                for event in events
                if event.action in actions and cause.began_at <= event.at <= until
            )
            return next(fitting, None)

        own = [event for event in self._of_exports if event.export_id == cause.export_id]
        theirs = [event for event in self._of_tenants if event.tenant_id == cause.tenant_id]
        for kind, events, actions in (
            (FixKind.INVOICE, own, _OF_INVOICE),
            (FixKind.SETTINGS, theirs, _OF_TENANT),
            (FixKind.PROCOUNTOR, theirs, _OF_PROCOUNTOR),
        ):
            event = last(events, actions)
            if event is not None:
                return kind, event
        return FixKind.NOTHING, None


def _fix(cause: ExportCause, kind: FixKind, event: AuditEvent | None) -> Fix:
    """The numbered rule of that change; its next number when it is new."""
    # One at a time for each tenant, so that no number is given twice.
    Tenant.objects.select_for_update().get(pk=cause.tenant_id)
    fixes = Fix.objects.filter(tenant=cause.tenant_id)
    same = fixes.filter(key=cause.key, kind=kind, event=event)
    if event is None:
        same = same.filter(made_at__gte=cause.began_at)
    found = same.first()
    if found is not None:
        return found
    newest = fixes.aggregate(newest=Max("version"))["newest"] or 0
    return Fix.objects.create(
        tenant_id=cause.tenant_id,
        version=newest + 1,
        key=cause.key,
        code=cause.code,
        field=cause.field,
        value=cause.value,
        kind=kind,
        event=event,
        made_at=event.at if event else cause.ended_at or timezone.now(),
        made_by_id=event.by_id if event else cause.export.triggered_by_id,
    )
