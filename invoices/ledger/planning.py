"""When which days are read: daily the recent ones, weekly the older ones that can still change,
and whatever a person asks for. Bounded: so many tenants a minute, one request at a time."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import transaction
from django.utils import timezone

from integrations.enums import CircuitState, CredentialState, TenantState
from integrations.models import Circuit, Tenant
from invoices import audit
from invoices.ledger import following, reading
from invoices.ledger_models import LedgerRead, ReadKind, ReadState
from invoices.preflight import latest_reference_data, reference_of

#: Read daily, today among them.
RECENT_DAYS = 7
#: Readings begin at this hour of Helsinki, when little else is sent.
_HOUR = 2
_TENANTS_A_MINUTE = 10
_SUNDAY = 6
#: The longest financial year.
_LONGEST_YEAR = dt.timedelta(days=550)
_KEPT = dt.timedelta(days=60)
DAILY, WEEKLY = "daily", "weekly"


def plan_due() -> int:
    """Every minute: ask for the readings that are due, of a few tenants; returns how many."""
    now = timezone.localtime()
    today_at = now.replace(hour=_HOUR, minute=0, second=0, microsecond=0)
    count = 0
    if now >= today_at:
        for tenant in _without(DAILY, today_at):
            count += _plan_daily(tenant, now.date())
    sunday_at = today_at - dt.timedelta(days=(now.weekday() - _SUNDAY) % 7)
    if now >= sunday_at:
        for tenant in _without(WEEKLY, sunday_at):
            count += _plan_weekly(tenant, now.date())
    return count


def to_be_driven() -> bool:
    """Whether a reading waits for a worker."""
    return reading.due().exists()


def read_days(
    tenant: Tenant, first: dt.date, last: dt.date, *, by: Any = None, plan: str = ""
) -> list[LedgerRead]:
    """Ask for these days to be read, month by month; what is asked for already is left."""
    found = []
    with transaction.atomic():
        for start, end in _months(first, last):
            wanted = LedgerRead.objects.filter(
                tenant=tenant, kind=ReadKind.DAYS, first_day=start, last_day=end
            )
            waiting = wanted.filter(state=ReadState.READING).first()
            if waiting is None:
                waiting = LedgerRead.objects.create(
                    tenant=tenant,
                    first_day=start,
                    last_day=end,
                    plan=plan,
                    asked_by=by,
                    not_before=timezone.now(),
                )
            elif by is not None:
                LedgerRead.objects.filter(pk=waiting.pk).update(
                    plan="", asked_by=by, not_before=timezone.now()
                )
            found.append(waiting)
        if by is not None:
            data = {"first": first.isoformat(), "last": last.isoformat()}
            audit.record("ledger.asked", tenant=tenant, by=by, data=data)
    return found


def _without(plan: str, since: dt.datetime) -> list[Tenant]:
    """A few tenants that this plan has asked nothing for since the moment."""
    asked = LedgerRead.objects.filter(plan=plan, created_at__gte=since).values("tenant")
    out = Circuit.objects.filter(state=CircuitState.OPEN).values("environment")
    tenants = Tenant.objects.filter(
        state=TenantState.ACTIVE, credentials__state=CredentialState.ACTIVE
    )
    tenants = tenants.exclude(environment__in=out).exclude(pk__in=asked)
    return list(tenants.order_by("pk")[:_TENANTS_A_MINUTE])


def _plan_daily(tenant: Tenant, today: dt.date) -> int:
    LedgerRead.objects.filter(tenant=tenant, finished_at__lt=timezone.now() - _KEPT).delete()
    since = following.since(tenant)
    if since:
        LedgerRead.objects.create(
            tenant=tenant,
            kind=ReadKind.CHANGES,
            since=since,
            plan=DAILY,
            not_before=timezone.now(),
        )
    first = today - dt.timedelta(days=RECENT_DAYS - 1)
    read_days(tenant, first, today, plan=DAILY)
    return 1


def _plan_weekly(tenant: Tenant, today: dt.date) -> int:
    read_days(tenant, _books_open_from(tenant, today), today, plan=WEEKLY)
    return 1


def _books_open_from(tenant: Tenant, today: dt.date) -> dt.date:
    """The first day that can still change, as the newest connection check saw the periods: what
    lies in a closed one cannot be invalidated. Without any, the year's first."""
    periods = reference_of(latest_reference_data(tenant)).periods or ()
    earliest = today - _LONGEST_YEAR
    starts = [max(each.start, earliest) for each in periods if each.is_open and each.end > earliest]
    return min((start for start in starts if start <= today), default=today.replace(month=1, day=1))


def _months(first: dt.date, last: dt.date) -> list[tuple[dt.date, dt.date]]:
    """The range cut at the ends of months, unless it is a short one."""
    if (last - first).days < 2 * RECENT_DAYS:
        return [(first, last)]
    parts = []
    while first <= last:
        following_month = (first.replace(day=28) + dt.timedelta(days=4)).replace(day=1)
        end = min(last, following_month - dt.timedelta(days=1))
        parts.append((first, end))
        first = following_month
    return parts
