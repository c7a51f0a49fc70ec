"""What is wrong now, seen from the database alone: no task, no cluster, no lock is asked.

To add a finding: a cause with its words in `causes`, a function here, its place in `LOOKS`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.conf import settings
from django.db.models import Count, Max, Min, Q, QuerySet
from django.utils import timezone
from django_q.models import OrmQ

from integrations.enums import CircuitState, TenantState
from integrations.models import Circuit
from invoices.enums import ExportStatus
from invoices.models import InvoiceExport, Lane
from invoices.watch.causes import CAUSES, explain
from invoices.watch_models import Alert, Heartbeat

#: Two runs of the minutely sweep may fail to come before it means something.
SILENCE = dt.timedelta(seconds=150)
#: While workers are busy: two of their turns, and the minute until the next sweep is due.
BUSY_SILENCE = dt.timedelta(minutes=10)
#: A lease further off than any was written by a clock that was ahead.
LONGEST_LEASE = dt.timedelta(minutes=5)
#: Clocks of machines in order differ by less.
CLOCK_TOLERANCE = dt.timedelta(seconds=60)
#: The sweep settles dead claims every minute; what is left after this, it does not see.
CLAIM_GRACE = dt.timedelta(minutes=5)
TASK_WAIT = dt.timedelta(minutes=10)
#: Several looks of a watch that a timer starts.
WATCH_SILENCE = dt.timedelta(minutes=15)
UNPROBED = dt.timedelta(minutes=10)


@dataclass(frozen=True)
class Finding:
    """One trouble. `facts` are JSON-ready and name no tenant and no person."""

    code: str
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def severity(self) -> str:
        return CAUSES[self.code].severity

    def explained(self) -> dict[str, str]:
        """Code, severity and the words in the language that is active."""
        return {"code": self.code, "severity": self.severity} | explain(self.code, self.facts)


@dataclass(frozen=True)
class Signs:
    """The moment of a look, and the last sign of life of each name."""

    now: dt.datetime
    beats: dict[str, dt.datetime]

    @classmethod
    def read(cls) -> Signs:
        return cls(timezone.now(), dict(Heartbeat.objects.values_list("name", "at")))

    @property
    def last_seconds(self) -> int:
        """Age of the newest sign of a worker; 0 when there is none."""
        at = self.beats.get("worker", self.now)
        return max(0, int((self.now - at).total_seconds()))

    def silent(self, name: str, limit: dt.timedelta = SILENCE) -> dict[str, Any] | None:
        """The facts when `name` has been silent for longer than `limit`."""
        at = self.beats.get(name)
        if at is None:
            return {"seconds": None}
        return _since(at, self.now) if self.now - at > limit else None

    @cached_property
    def draining(self) -> bool:
        """Whether a worker is at a lane: it renews its lease all the time, and starts no task
        for as long as its turn lasts."""
        running = (self.now, self.now + LONGEST_LEASE)
        return Lane.objects.filter(lease_until__range=running).exists()


def worker_silent(signs: Signs) -> Iterator[Finding]:
    facts = signs.silent("worker")
    if facts and not signs.draining:
        yield Finding("worker_silent", facts)


def sweep_late(signs: Signs) -> Iterator[Finding]:
    """The sweep is a task too: when every worker is at a lane, it waits for the end of a turn."""
    facts = signs.silent("sweep")
    if facts and not (signs.draining and not signs.silent("sweep", BUSY_SILENCE)):
        yield Finding("sweep_late", facts)


def clock_ahead(signs: Signs) -> Iterator[Finding]:
    ahead = {n: at for n, at in signs.beats.items() if at - signs.now > CLOCK_TOLERANCE}
    if ahead:
        seconds = int((max(ahead.values()) - signs.now).total_seconds())
        yield Finding("clock_ahead", {"names": ", ".join(sorted(ahead)), "seconds": seconds})


def watch_silent(signs: Signs) -> Iterator[Finding]:
    """Only where the watch has run before: an installation may do without it."""
    at = signs.beats.get("watch")
    if at is not None and signs.now - at > WATCH_SILENCE:
        yield Finding("watch_silent", _since(at, signs.now))


def _outages(signs: Signs) -> QuerySet[Circuit]:
    """Open circuits that are being probed. One that nobody probes has nothing due behind it, or
    no worker, and then something else says so."""
    return Circuit.objects.filter(state=CircuitState.OPEN, probe_at__gt=signs.now - UNPROBED)


def procountor_outage(signs: Signs) -> Iterator[Finding]:
    found = list(_outages(signs).order_by("since").values_list("environment", "since"))
    if found:
        names = ", ".join(sorted(environment for environment, _at in found))
        since = found[0][1] or signs.now
        yield Finding("procountor_outage", {"names": names} | _since(since, signs.now))


def exports_waiting(signs: Signs) -> Iterator[Finding]:
    limit = signs.now - dt.timedelta(seconds=settings.WATCH_EXPORT_WAIT_SECONDS)
    late = (
        InvoiceExport.objects.order_by()
        .filter(
            Q(status__in=[ExportStatus.QUEUED, ExportStatus.UNKNOWN]),
            not_before__lt=limit,
            tenant__state=TenantState.ACTIVE,
        )
        .exclude(tenant__environment__in=_outages(signs).values("environment"))
    )
    found = late.aggregate(count=Count("pk"), oldest=Min("not_before"))
    yield from _counted("exports_waiting", found, signs.now)


def claims_expired(signs: Signs) -> Iterator[Finding]:
    dead = InvoiceExport.objects.order_by().filter(
        status=ExportStatus.SUBMITTING, lease_until__lt=signs.now - CLAIM_GRACE
    )
    found = dead.aggregate(count=Count("pk"), oldest=Min("lease_until"))
    yield from _counted("claims_expired", found, signs.now)


def tasks_waiting(signs: Signs) -> Iterator[Finding]:
    """Only the database broker shows how old a task is: `lock` is when it became free to take."""
    if not settings.Q_CLUSTER.get("orm"):
        return
    found = OrmQ.objects.filter(lock__lt=signs.now - TASK_WAIT).aggregate(
        count=Count("pk"), oldest=Min("lock")
    )
    yield from _counted("tasks_waiting", found, signs.now)


def mail_failing(signs: Signs) -> Iterator[Finding]:
    wanted = Q(recovered_at__isnull=True) | Q(recovered_at__gt=signs.now - dt.timedelta(days=1))
    found = Alert.objects.order_by().filter(wanted).exclude(mail_error="")
    counted = found.aggregate(count=Count("pk"), error=Max("mail_error"))
    if counted["count"]:
        yield Finding("mail_failing", counted)


Look = Callable[[Signs], Iterable[Finding]]

#: What `/readyz` asks too: the rest is about work that waits, which no restart of the web helps.
SIGNS_OF_LIFE: tuple[Look, ...] = (worker_silent, sweep_late, clock_ahead)
LOOKS: tuple[Look, ...] = (
    *SIGNS_OF_LIFE,
    claims_expired,
    mail_failing,
    procountor_outage,
    exports_waiting,
    tasks_waiting,
    watch_silent,
)


def evaluate(signs: Signs, looks: Iterable[Look] = LOOKS) -> list[Finding]:
    """Everything that is wrong now, the worst first. Reads only; one query a look at most."""
    found = [finding for look in looks for finding in look(signs)]
    return sorted(found, key=lambda finding: finding.severity != "error")


def _since(at: dt.datetime, now: dt.datetime) -> dict[str, Any]:
    return {"seconds": int((now - at).total_seconds())}


def _counted(code: str, found: dict[str, Any], now: dt.datetime) -> Iterator[Finding]:
    if found["count"]:
        yield Finding(code, {"count": found["count"]} | _since(found["oldest"], now))
