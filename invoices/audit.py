"""The only writer of AuditEvent. Who did what, when; never a secret, never changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.utils import timezone

from integrations.models import Tenant
from integrations.signals import acted
from invoices.bulk import insert_each
from invoices.models import AuditEvent, InvoiceExport


def record(
    action: str,
    *,
    export: InvoiceExport | None = None,
    tenant: Tenant | None = None,
    by: User | None = None,
    data: dict[str, Any] | None = None,
) -> AuditEvent:
    """Append one event. `action` is a dotted, stable code; `data` is JSON-ready facts."""
    return AuditEvent.objects.create(
        at=timezone.now(),
        action=action,
        tenant_id=export.tenant_id if export else tenant.pk if tenant else None,
        export=export,
        by_id=by.pk if by else None,
        data=data or {},
    )


def record_each(
    action: str, facts: Mapping[InvoiceExport, dict[str, Any]], *, by: User | None = None
) -> None:
    """Append one event of the same action for each export, with its own facts."""
    record_rows(action, ((one.tenant_id, one.pk, data) for one, data in facts.items()), by=by)


def record_rows(
    action: str, facts: Iterable[tuple[int, int, dict[str, Any]]], *, by: User | None = None
) -> None:
    """As `record_each`, of (tenant's key, export's key, facts)."""
    common = {"at": timezone.now(), "action": action, "by_id": by.pk if by else None}
    insert_each(
        AuditEvent,
        [
            common | {"tenant_id": tenant_pk, "export_id": export_pk, "data": data}
            for tenant_pk, export_pk, data in facts
        ],
    )


def person(user: User) -> str:
    """How an event's data names a member of staff: by a number, which says nothing once the
    person is erased. Pages put the name in its place."""
    return f"person:{user.pk}"


def listen() -> None:
    """Record what integrations and the log-in page report."""
    acted.connect(_on_acted, dispatch_uid="audit.acted")
    user_logged_in.connect(_on_login, dispatch_uid="audit.login")
    user_logged_out.connect(_on_logout, dispatch_uid="audit.logout")
    user_login_failed.connect(_on_login_failed, dispatch_uid="audit.login_failed")


def _on_acted(
    sender: Any, action: str, tenant: Tenant | None, by: Any, data: dict[str, Any], **kwargs: Any
) -> None:
    record(action, tenant=tenant, by=by, data=data)


def _on_login(sender: Any, user: User, **kwargs: Any) -> None:
    record("user.logged_in", by=user)


def _on_logout(sender: Any, user: User | None, **kwargs: Any) -> None:
    if user is not None:
        record("user.logged_out", by=user)


def _on_login_failed(sender: Any, credentials: dict[str, Any], **kwargs: Any) -> None:
    # A name that nobody has may be a password in the wrong box: then only that it failed is kept.
    name = str(credentials.get("username", ""))[:150]
    user = None if "\x00" in name else User.objects.filter(username=name).first()
    record("user.login_failed", data={"user": person(user)} if user else {})
