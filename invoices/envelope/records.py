"""What is known of an export as JSON: every row that belongs to it, in plain columns.

Never a key, a token or a client secret: none of the tables read here holds one. Values are
written as in a row's canonical form (`evidence.canonical`), except for totals, which keep their
cents, and people.
"""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.db import models
from django.db.models import Prefetch

from integrations.mapping_models import MappingVersion
from invoices.envelope.scope import Scope
from invoices.models import InvoiceExport, ReceivedItem
from invoices.step_models import InvoiceAttachment

_AT_ONCE = 200

_INVOICE = ("number", "is_credit_note", "date", "currency", "gross_total", "created_at")
_EXPORT = (
    *("status", "attention_reason", "parked_reason", "problems", "warnings", "corrections"),
    *("remote_id", "remote_number", "remote_status", "remote_total", "submitted_at"),
)
_FILE = ("name", "sha256", "size", "format", "received_at", "received_via", "received_by")
_ITEM = ("position", "number", "outcome", "problems", "warnings")
_ATTACHMENT = ("name", "sha256", "size", "content_type", "added_by", "added_at")
_VERSION = ("number", "changes", "content", "reason", "by", "at")
_ENTRY = ("remote_number", "reason", "by", "at", "state", "found", "cause", "finished_at")
_ANSWER = ("outcome", "cause", "http_status", "response_body", "errors")
_CALL = ("trigger", "triggered_by", "reason", "correlation_id", "key_fingerprint")
_ATTEMPT = (
    *("number", "started_at", "finished_at", *_CALL, "mapping_version", "software_version"),
    *("request_body", "request_sha256", *_ANSWER),
)
_LOOK_UP = (
    *("purpose", "after_attempt", "asked_at", "answered_at", "query", "hits", "found"),
    *("verdict", "cause", "http_status"),
)
_STEP = ("kind", "status", "problems", "triggered_by", "trigger_reason")
_STEP_ATTEMPT = (
    *("number", "purpose", "trigger", "triggered_by", "reason", "correlation_id"),
    *("key_fingerprint", "started_at", "finished_at", *_ANSWER, "found"),
)
_EVENT = ("at", "action", "by", "data")
_MAPPING = ("table", "since", "entries", "difference", "reason", "created_at", "created_by")

Record = dict[str, Any]


def records(scope: Scope) -> Iterator[Record]:
    """One record for each export of `scope`, in the order of their invoices' dates and numbers;
    a person is "person:<number>". Reads a few hundred at a time."""
    files = ReceivedItem.objects.select_related("file").defer("file__content").order_by("pk")
    attachments = InvoiceAttachment.objects.defer("content").order_by("pk")
    exports = (
        scope.exports.select_related("invoice")
        .order_by("invoice__date", "invoice__number", "pk")
        .prefetch_related(
            Prefetch("invoice__received_items", queryset=files),
            Prefetch("invoice__attachments", queryset=attachments),
            *("versions", "entries", "attempts", "look_ups", "steps__attempts", "audit_events"),
        )
    )
    for export in exports.iterator(chunk_size=_AT_ONCE):
        yield _record(export)


def mapping_tables(scope: Scope) -> Iterator[Record]:
    """Every version of the tenant's mapping tables, the oldest first."""
    for version in MappingVersion.objects.filter(tenant=scope.tenant).order_by("pk"):
        yield _columns(version, _MAPPING)


def people(pks: Iterable[int]) -> dict[str, Record]:
    """Who the records name."""
    known = User.objects.filter(pk__in=set(pks)).order_by("pk")
    return {
        f"person:{user.pk}": {"username": user.username, "name": user.get_full_name()}
        for user in known
    }


def person_pks(record: Record) -> set[int]:
    """The people that a record names."""
    found: set[int] = set()
    left: list[Any] = [record]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            for name, inner in value.items():
                if name == "data":
                    texts = map(str, inner.values())
                    found.update(int(t[7:]) for t in texts if _PERSON.fullmatch(t))
                elif name in _PEOPLE and inner:
                    found.add(int(inner.removeprefix("person:")))
                elif name not in _AS_IT_IS:
                    left.append(inner)
        elif isinstance(value, list):
            left.extend(value)
    return found


_PERSON = re.compile("person:[0-9]+")
_PEOPLE = ("by", "triggered_by", "received_by", "added_by", "created_by")
#: What Procountor or a source wrote: nothing in it is one of our people.
_AS_IT_IS = (
    *("document", "content", "data", "found", "hits", "query", "errors", "problems"),
    *("entries", "difference"),
)


def _record(export: InvoiceExport) -> Record:
    invoice = export.invoice
    events = sorted(export.audit_events.all(), key=lambda event: event.pk)
    return {
        **_columns(invoice, _INVOICE),
        "document": invoice.content,
        "document_sha256": invoice.content_sha256,
        "received": [
            {**_columns(item.file, _FILE), "item": _columns(item, _ITEM)}
            for item in invoice.received_items.all()
        ],
        "attachments": _each(invoice.attachments.all(), _ATTACHMENT),
        "export": _columns(export, _EXPORT),
        "corrections": _each(export.versions.all(), _VERSION),
        "entered_by_hand": _each(export.entries.all(), _ENTRY),
        "attempts": _each(export.attempts.all(), _ATTEMPT),
        "look_ups": _each(export.look_ups.all(), _LOOK_UP),
        "steps": [
            {**_columns(step, _STEP), "attempts": _each(step.attempts.all(), _STEP_ATTEMPT)}
            for step in export.steps.all()
        ],
        "events": _each(events, _EVENT),
    }


def _each(rows: Iterable[models.Model], names: tuple[str, ...]) -> list[Record]:
    return [_columns(row, names) for row in rows]


def _columns(row: models.Model, names: tuple[str, ...]) -> Record:
    return {"id": row.pk} | {name: _value(row, name) for name in names}


def _value(row: models.Model, name: str) -> Any:
    field = row._meta.get_field(name)
    if isinstance(field, models.ForeignKey):
        person = getattr(row, field.attname)
        return None if person is None else f"person:{person}"
    value = getattr(row, name)
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, uuid.UUID):
        return value.hex
    if isinstance(value, Decimal):
        return str(value)
    return value
