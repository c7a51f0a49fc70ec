"""Makes deliveries of audit events, behind the engine's back.

Each pass reads, for each tenant that has an endpoint, the events after the last one that is
certainly settled; which those are, management's figures find out (`reports.rolling`). What was
collected before meets a unique key, so a pass that is killed, doubled or late loses and doubles
nothing. For a tenant without an endpoint nothing is read and nothing written.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from integrations.enums import TenantState
from invoices import problems
from invoices.api import shapes
from invoices.models import AuditEvent, InvoiceExport
from invoices.report_models import RollupCursor
from invoices.webhook_models import KINDS, WebhookDelivery, WebhookEndpoint

_EVENTS = 500


def listening() -> QuerySet[WebhookEndpoint]:
    """The endpoints that are told something: paused ones later."""
    in_use = WebhookEndpoint.objects.exclude(state=WebhookEndpoint.State.REMOVED)
    return in_use.exclude(tenant__state=TenantState.CLOSED).order_by("pk")


def collect(*, budget_seconds: float = 20) -> int:
    """Make the deliveries that are missing; returns how many may be new."""
    until = time.monotonic() + budget_seconds
    made = 0
    for endpoint in listening():
        made += _collect(endpoint, until)
        if time.monotonic() > until:
            break
    return made


def _collect(endpoint: WebhookEndpoint, until: float) -> int:
    cursor = RollupCursor.objects.filter(pk=1).first()
    settled = cursor.settled if cursor else 0
    position, made = endpoint.settled, 0
    events = AuditEvent.objects.filter(
        tenant=endpoint.tenant_id, action__in=KINDS, at__gte=endpoint.created_at
    )
    while time.monotonic() < until:
        read = list(events.filter(pk__gt=position).order_by("pk")[:_EVENTS])
        made += _make(endpoint, read)
        if len(read) < _EVENTS:
            _settle(endpoint, settled)
            return made
        position = read[-1].pk
        _settle(endpoint, min(position, settled))
    return made


def _settle(endpoint: WebhookEndpoint, event: int) -> None:
    WebhookEndpoint.objects.filter(pk=endpoint.pk, settled__lt=event).update(settled=event)


def _make(endpoint: WebhookEndpoint, events: list[AuditEvent]) -> int:
    known = set(
        WebhookDelivery.objects.filter(
            endpoint=endpoint, event__in=[event.pk for event in events]
        ).values_list("event", flat=True)
    )
    fresh = [event for event in events if event.pk not in known]
    exports = _exports_of(fresh)
    now = timezone.now()
    rows = [
        WebhookDelivery(
            endpoint=endpoint,
            event=event.pk,
            export=export.pk,
            kind=event.action,
            number=export.invoice.number,
            body=json.dumps(_content(event, export), ensure_ascii=False, separators=(",", ":")),
            created_at=now,
            due_at=now,
        )
        for event in fresh
        if (export := exports.get(event.export_id)) is not None
    ]
    WebhookDelivery.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def _exports_of(events: Iterable[AuditEvent]) -> dict[int | None, InvoiceExport]:
    pks = {event.export_id for event in events if event.export_id is not None}
    found = InvoiceExport.objects.select_related("invoice").filter(pk__in=pks)
    return {export.pk: export for export in found}


def _content(event: AuditEvent, export: InvoiceExport) -> dict[str, Any]:
    """Numbers and statuses only. Procountor's own sentences may name people: of codes, those of
    our catalogue."""
    status = event.action.removeprefix("export.")
    codes = [str(code) for code in event.data.get("codes", [])]
    data: dict[str, Any] = {
        "number": export.invoice.number,
        "status": status,
        "href": shapes.href_of(export.invoice.number),
        "procountor": None,
    }
    if export.remote_id is not None and status != "needs_attention":
        data["procountor"] = {"id": export.remote_id, "number": export.remote_number}
    if status == "needs_attention":
        data["reason"] = event.data.get("attention_reason", "")
        data["codes"] = [code for code in codes if code in problems.CATALOGUE]
    return {"type": event.action, "timestamp": shapes.moment(event.at), "data": data}
