"""Endpoints: added, paused, their secret changed, removed; each act by a person, and recorded."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from integrations.models import Tenant
from integrations.secrets import seal
from invoices import audit
from invoices.report_models import RollupCursor
from invoices.watch import recover
from invoices.webhook_models import WebhookDelivery, WebhookEndpoint
from invoices.webhooks import signing
from invoices.webhooks.addresses import checked

#: How long the older secret signs beside a new one.
OVERLAP = dt.timedelta(hours=24)
_S = WebhookEndpoint.State


def owner_of(tenant: Tenant) -> str:
    """For whom the secrets of its endpoints are sealed."""
    return f"webhook {tenant.pk}"


class AddressTaken(Exception):
    """The tenant has this address already."""


def add(tenant: Tenant, url: str, *, by: User) -> tuple[WebhookEndpoint, str]:
    """Tell `url` of the tenant's exports from now on; returns the row and the secret in clear,
    which is not shown again. Raises AddressRefused and AddressTaken."""
    checked(url)
    clear = signing.new_secret()
    # Later events may still become visible below the newest one.
    cursor = RollupCursor.objects.filter(pk=1).first()
    endpoint = WebhookEndpoint(
        tenant=tenant,
        url=url,
        secret=seal(clear, owner_of(tenant)),
        settled=cursor.settled if cursor else 0,
        created_at=timezone.now(),
        created_by=by,
    )
    try:
        with transaction.atomic():
            endpoint.save(force_insert=True)
            _record("webhook.added", endpoint, by)
    except IntegrityError:
        raise AddressTaken(url) from None
    return endpoint, clear


def change_secret(endpoint: WebhookEndpoint, *, by: User) -> str | None:
    """A new secret in clear; the one before signs too for OVERLAP. None when it was removed."""
    clear = signing.new_secret()
    with transaction.atomic():
        mine = WebhookEndpoint.objects.select_for_update().exclude(state=_S.REMOVED)
        locked = mine.filter(pk=endpoint.pk).first()
        if locked is None:
            return None
        WebhookEndpoint.objects.filter(pk=locked.pk).update(
            secret=seal(clear, owner_of(locked.tenant)),
            previous_secret=locked.secret,
            previous_until=timezone.now() + OVERLAP,
        )
        _record("webhook.secret_changed", locked, by)
    return clear


def pause(endpoint: WebhookEndpoint, *, by: User) -> bool:
    """Post nothing until it is resumed; what happens meanwhile waits."""
    return _move(endpoint, (_S.ACTIVE, _S.FAILING), _S.PAUSED, "webhook.paused", by)


def resume(endpoint: WebhookEndpoint, *, by: User) -> bool:
    """Post again, what waits at once."""
    moved = _move(
        endpoint, (_S.PAUSED, _S.FAILING), _S.ACTIVE, "webhook.resumed", by, failing_since=None
    )
    if moved:
        waiting = WebhookDelivery.objects.filter(endpoint=endpoint, due_at__isnull=False)
        waiting.update(due_at=timezone.now())
        recover("webhook_failing", endpoint.tenant, detail=str(endpoint.pk))
    return moved


def remove(endpoint: WebhookEndpoint, *, by: User) -> bool:
    """End it for good and destroy its secrets; its deliveries stay to be read."""
    states = (_S.ACTIVE, _S.PAUSED, _S.FAILING)
    with transaction.atomic():
        moved = _move(endpoint, states, _S.REMOVED, "webhook.removed", by)
        if moved:
            mine = WebhookEndpoint.objects.filter(pk=endpoint.pk)
            mine.update(secret=None, previous_secret=None)
            waiting = WebhookDelivery.objects.filter(endpoint=endpoint, due_at__isnull=False)
            waiting.update(
                due_at=None, state=WebhookDelivery.State.GIVEN_UP, finished_at=timezone.now()
            )
            recover("webhook_failing", endpoint.tenant, detail=str(endpoint.pk))
    return moved


def replay(delivery: WebhookDelivery, *, by: User) -> bool:
    """Have it posted again, with the same id, and with all its tries. False while it waits
    anyway, or when the endpoint is removed."""
    with transaction.atomic():
        over = WebhookDelivery.objects.filter(pk=delivery.pk, due_at=None)
        over = over.exclude(endpoint__state=_S.REMOVED)
        again = {"state": WebhookDelivery.State.WAITING, "tries": 0, "finished_at": None}
        if not over.update(due_at=timezone.now(), **again):
            return False
        facts = {"delivery": delivery.pk, "number": delivery.number}
        _record("webhook.replayed", delivery.endpoint, by, **facts)
    return True


def _move(
    endpoint: WebhookEndpoint,
    old: tuple[_S, ...],
    new: _S,
    action: str,
    by: User | None,
    **fields: Any,
) -> bool:
    with transaction.atomic():
        mine = WebhookEndpoint.objects.filter(pk=endpoint.pk, state__in=old)
        if not mine.update(state=new, **fields):
            return False
        _record(action, endpoint, by)
    endpoint.refresh_from_db()
    return True


def _record(action: str, endpoint: WebhookEndpoint, by: User | None, **facts: Any) -> None:
    data = {"webhook": endpoint.pk, "host": endpoint.host} | facts
    audit.record(action, tenant=endpoint.tenant, by=by, data=data)
