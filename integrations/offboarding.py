"""The end of a connection: stop, destroy the secrets on a date, and keep the evidence.

The only writer of `TenantState.CLOSED` and of the fields that go with it. Knows nothing of
exports: what would be left undone is asked by `signals.open_work_asked`.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django_q.tasks import async_task

from integrations import custody
from integrations.activation.models import ActivationCompany
from integrations.clients import forget_tokens
from integrations.connect import intake_links
from integrations.diagnosis import LONGEST_CHECK
from integrations.enums import CheckOutcome, TenantState
from integrations.models import Credential, ReceivedMail, Tenant
from integrations.signals import acted, open_work_asked

#: The longest time a secret is kept after the connection has ended.
LONGEST_DAYS = 365


class CannotClose(Exception):
    """Nothing was changed; the message says what to do first. `code` is one of closed, date,
    in_flight, in_doubt."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class OpenWork:
    """Exports, and steps that follow submitting, by what they wait for. `in_flight`: a request
    may be under way, or a worker or a check is at work with the key; `in_doubt`: only the key can
    tell what became of it; `unread`: accepted, and not read back yet."""

    queued: int = 0
    needs_attention: int = 0
    parked: int = 0
    drafts: int = 0
    steps_waiting: int = 0
    in_flight: int = 0
    in_doubt: int = 0
    unread: int = 0

    def __add__(self, other: OpenWork) -> OpenWork:
        return OpenWork(*map(add, self._counts(), other._counts()))

    def _counts(self) -> list[int]:
        return list(vars(self).values())

    def as_json(self) -> dict[str, int]:
        return {name: count for name, count in vars(self).items() if count}


def open_work(tenant: Tenant, *, lock: bool = False) -> OpenWork:
    """What would be left undone. With `lock`, in a transaction: nobody begins to work for the
    tenant before its end."""
    answers = open_work_asked.send(Tenant, tenant=tenant, lock=lock)
    checking = tenant.checks.filter(
        outcome=CheckOutcome.RUNNING, started_at__gt=timezone.now() - LONGEST_CHECK
    ).count()
    return reduce(add, (work for _r, work in answers), OpenWork(in_flight=checking))


def default_date() -> dt.date:
    """When the secrets are destroyed unless somebody says otherwise."""
    days = min(settings.SUPERSEDED_KEY_DAYS, LONGEST_DAYS)
    return timezone.localdate() + dt.timedelta(days=days)


def close(
    tenant: Tenant, *, by: Any, reason: str, destroy_on: dt.date, doubt_accepted: bool = False
) -> None:
    """End the connection: nothing new is submitted, no key is used or filed, access tokens are
    dropped at once, the secrets are destroyed on `destroy_on`, a day in Helsinki.

    Raises CannotClose while a request may be under way, and for exports in doubt, unless
    `doubt_accepted`: once the secret is gone, nobody can ask Procountor about them.
    """
    today = timezone.localdate()
    if not today <= destroy_on <= today + dt.timedelta(days=LONGEST_DAYS):
        raise CannotClose(
            "date",
            _("The secret can be destroyed from today on, and within %(days)d days.")
            % {"days": LONGEST_DAYS},
        )
    with transaction.atomic():
        # The row first: whoever looks at the tenant from now on waits, or sees it closed.
        closed = Tenant.objects.filter(pk=tenant.pk).exclude(state=TenantState.CLOSED)
        if not closed.update(
            state=TenantState.CLOSED,
            pause_reason="",
            paused_at=None,
            closed_at=timezone.now(),
            closed_by=by,
            close_reason=reason[:500],
            destroy_secrets_on=destroy_on,
        ):
            raise CannotClose("closed", _("The connection has been ended already."))
        work = open_work(tenant, lock=True)
        _refuse_what_cannot_wait(work, doubt_accepted)
        acted.send(
            Tenant,
            action="tenant.closed",
            tenant=tenant,
            by=by,
            data={"reason": reason, "destroy_on": destroy_on.isoformat(), "open": work.as_json()},
        )
        intake_links.close_all(tenant, by=by)
        ReceivedMail.objects.filter(meant_for=tenant).delete()
    forget_tokens(tenant)
    if destroy_on <= today:
        async_task("integrations.tasks.destroy_superseded_keys")
    tenant.refresh_from_db()


def _refuse_what_cannot_wait(work: OpenWork, doubt_accepted: bool) -> None:
    if work.in_flight:
        raise CannotClose(
            "in_flight",
            _(
                "A request may be under way (%(count)d). Pause the tenant, wait a moment until it "
                "is settled, then end the connection."
            )
            % {"count": work.in_flight},
        )
    if work.in_doubt and not doubt_accepted:
        raise CannotClose(
            "in_doubt",
            _(
                "Nobody knows yet what became of exports or steps in doubt (%(count)d), and only "
                "the key can tell. Settle them first, or confirm that you end the connection all "
                "the same."
            )
            % {"count": work.in_doubt},
        )


def reopen(tenant: Tenant, *, by: Any, reason: str) -> bool:
    """Take the ending back: PENDING, so that a check has to pass first. A secret that has been
    destroyed stays so, and a new key has to be filed. False when it was not closed."""
    with transaction.atomic():
        reopened = Tenant.objects.filter(pk=tenant.pk, state=TenantState.CLOSED).update(
            state=TenantState.PENDING,
            checks_after=timezone.now(),
            closed_at=None,
            closed_by=None,
            close_reason="",
            destroy_secrets_on=None,
        )
        if reopened:
            acted.send(
                Tenant, action="tenant.reopened", tenant=tenant, by=by, data={"reason": reason}
            )
    tenant.refresh_from_db()
    return bool(reopened)


def destroy_now(tenant: Tenant, *, by: Any, reason: str) -> int:
    """Destroy the secrets of a closed tenant before their date; returns how many."""
    with transaction.atomic():
        closed = Tenant.objects.filter(pk=tenant.pk, state=TenantState.CLOSED)
        if not closed.update(destroy_secrets_on=timezone.localdate()):
            return 0
        count = custody.revoke_all(tenant, by)
        _forget_unfiled(tenant)
        if count:
            acted.send(
                Tenant,
                action="tenant.secrets_destroyed",
                tenant=tenant,
                by=by,
                data={"reason": reason, "count": count},
            )
    forget_tokens(tenant)
    tenant.refresh_from_db()
    return count


def destroy_due() -> int:
    """Daily: destroy the secrets of closed tenants whose day has come; returns how many."""
    count = 0
    for tenant in _due():
        with transaction.atomic():
            # Somebody may have reopened it since.
            if _due().select_for_update().filter(pk=tenant.pk).exists():
                count += custody.revoke_all(tenant)
                _forget_unfiled(tenant)
        forget_tokens(tenant)
    return count


def _forget_unfiled(tenant: Tenant) -> None:
    """Keys of an activation that could not be filed for this company."""
    ActivationCompany.objects.filter(
        request__environment=tenant.environment,
        business_id=tenant.business_id,
        api_key__isnull=False,
    ).update(api_key=None)


def _due() -> QuerySet[Tenant]:
    held = Credential.objects.filter(tenant=OuterRef("pk"), api_key__isnull=False)
    return Tenant.objects.filter(
        Exists(held), state=TenantState.CLOSED, destroy_secrets_on__lte=timezone.localdate()
    )
