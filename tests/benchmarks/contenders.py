"""Who posts the invoices: the project's engine, and what it is compared with.

Every contender gets the same invoices, the same number of requests under way and the same
sandbox, and is a process tree of its own, so that what it used can be read from the kernel.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks import office as offices
from tests.benchmarks.office import REDIS, Office
from tests.benchmarks.processes import cpu_seconds, peak_megabytes, running, until

#: The looker shares the machine's cores with what it looks at; the times come from the rows.
_LOOK_SECONDS = 0.5


@dataclass
class Figures:
    """Of one run: `seconds` from the first POST until the last was accepted."""

    seconds: float
    cpu_seconds: float
    peak_megabytes: float
    until_reconciled_seconds: float | None = None
    cpu_until_reconciled_seconds: float | None = None


def environment_of(office: Office, in_flight: int, clusters: int) -> dict[str, str]:
    """Of clusters of one worker each that have `in_flight` requests under way together."""
    each = max(1, in_flight // clusters)
    per_tenant = max(1, -(-each * clusters // len(office.tenants)))
    return office.environment | {
        "CLUSTER_WORKERS": "1",
        "EXPORT_REQUESTS_IN_FLIGHT": str(each),
        "EXPORT_REQUESTS_IN_FLIGHT_PER_TENANT": str(min(each, per_tenant)),
        "PROCOUNTOR_REQUESTS_PER_SECOND": "2000",
    }


def ours(office: Office, in_flight: int, clusters: int, broker: str = "database") -> Figures:
    """The project's engine in django-q2 clusters of one worker each."""
    from django_q.tasks import async_task

    environment = environment_of(office, in_flight, clusters)
    with ExitStack() as stack:
        started = [
            stack.enter_context(running(["manage.py", "qcluster"], environment))
            for _ in range(clusters)
        ]
        warm(started)
        before = sum(cpu_seconds(process.pid) for process in started)
        offices.queue_all()
        for _ in range(clusters):
            async_task("invoices.tasks.run_lanes")
        until(_all_accepted, "not everything was accepted", look_seconds=_LOOK_SECONDS)
        at_accepted = sum(cpu_seconds(process.pid) for process in started) - before
        until(_all_reconciled, "not everything was read back", 120)
        at_end = sum(cpu_seconds(process.pid) for process in started) - before
        peak = max(peak_megabytes(process.pid) for process in started)
    first, accepted, last = _times()
    return Figures(accepted - first, at_accepted, peak, last - first, at_end)


def bare(office: Office, in_flight: int, pks: tuple[int, int] | None = None) -> Figures:
    """The floor: threads that post ready-made bytes, each with a `requests.Session`; of the
    exports between `pks`, when given."""
    return _loop(office, in_flight, "tests.benchmarks.loops", "bare", pks)


def public_client(office: Office, in_flight: int) -> Figures:
    """The PyPI package `Procountor`, one client a thread."""
    return _loop(office, in_flight, "tests.benchmarks.loops", "public_client")


def naive(office: Office, in_flight: int, broker: str) -> Figures:
    """One django-q2 task an invoice, which posts it and marks it done."""
    from django_q.tasks import async_task

    from invoices.models import InvoiceExport

    environment = office.environment | {
        "CLUSTER_WORKERS": str(in_flight),
        "DJANGO_SETTINGS_MODULE": "tests.benchmarks.naive_settings",
    }
    with running(["manage.py", "qcluster"], environment) as cluster:
        warm([cluster])
        before = cpu_seconds(cluster.pid)
        for pk in InvoiceExport.objects.values_list("pk", flat=True):
            async_task("tests.benchmarks.naive.submit", pk)
        until(_all_accepted, "not everything was accepted", look_seconds=_LOOK_SECONDS)
        used, peak = cpu_seconds(cluster.pid) - before, peak_megabytes(cluster.pid)
    first, accepted, _last = _times()
    return Figures(accepted - first, used, peak)


def celery(office: Office, in_flight: int, pool: str, python: str) -> Figures:
    """The same task in Celery with Redis."""
    from invoices.models import InvoiceExport

    environment = office.environment | {"BENCHMARK_REDIS_URL": REDIS}
    worker = ["-m", "celery", "-A", "tests.benchmarks.celery_app", "worker", "-l", "ERROR"]
    arguments = [*worker, "-P", pool, "-c", str(in_flight), "--without-gossip", "--without-mingle"]
    pks = list(InvoiceExport.objects.values_list("pk", flat=True))
    with running(arguments, environment, python=python) as process:
        _celery("warm", environment, python, pks)
        before = cpu_seconds(process.pid)
        _celery("submit", environment, python, pks)
        until(_all_accepted, "not everything was accepted", look_seconds=_LOOK_SECONDS)
        used, peak = cpu_seconds(process.pid) - before, peak_megabytes(process.pid)
    first, accepted, _last = _times()
    return Figures(accepted - first, used, peak)


def _celery(what: str, environment: dict[str, str], python: str, pks: list[int]) -> None:
    arguments = ["-m", "tests.benchmarks.celery_app", what, json.dumps(pks)]
    with running(arguments, environment, python=python) as process:
        if process.wait(120):
            raise RuntimeError(f"celery: {what} failed")


def _loop(
    office: Office, in_flight: int, module: str, what: str, pks: tuple[int, int] | None = None
) -> Figures:
    work = [
        {
            "token": offices.token_of(tenant),
            "api_key": tenant.sandbox_api_key,
            "bodies": [body.decode() for _pk, body in offices.payloads(tenant, pks)],
        }
        for tenant in office.tenants
    ]
    with tempfile.TemporaryDirectory() as folder:
        path, result = Path(folder, "work.json"), Path(folder, "result.json")
        path.write_text(json.dumps({"url": office.sandbox_url, "tenants": work}))
        arguments = ["-m", module, what, str(in_flight), str(path), str(result)]
        with running(arguments, office.environment) as process:
            until(lambda: process.poll() is not None, f"{what} did not end")
        return Figures(**json.loads(result.read_text()))


def warm(clusters: list[Any]) -> None:
    """Wait until every cluster has its worker, and Django's imports are over."""
    from django_q.status import Stat

    wanted = {process.pid for process in clusters}

    def idle() -> bool:
        return wanted <= {stat.pid for stat in Stat.get_all() if stat.workers}

    until(idle, "the clusters did not start", 60)


def _all_accepted() -> bool:
    return not _any("draft", "queued", "submitting", "unknown", "needs_attention", "parked")


def _all_reconciled() -> bool:
    return _all_accepted() and not _any("submitted")


def _any(*statuses: str) -> bool:
    """By names and not by exclusion: looking must not read the history with every look."""
    from invoices.models import InvoiceExport

    return any(InvoiceExport.objects.filter(status=status).exists() for status in statuses)


def _times() -> tuple[float, float, float]:
    """When the first attempt began, the last was accepted, and the last change was; without the
    history, whose numbers begin with another letter."""
    from django.db.models import Max, Min

    from invoices.models import InvoiceExport, SubmissionAttempt

    ours = InvoiceExport.objects.filter(invoice__number__startswith="T")
    attempts = SubmissionAttempt.objects.filter(export__in=ours)
    found = attempts.aggregate(first=Min("started_at"), last=Max("finished_at"))
    changed = ours.aggregate(last=Max("changed_at"))["last"]
    return found["first"].timestamp(), found["last"].timestamp(), changed.timestamp()


#: What a case may name as its contender.
CONTENDERS: dict[str, Callable[..., Figures]] = {
    "ours": ours,
    "bare": bare,
    "public_client": public_client,
    "naive": naive,
    "celery": celery,
}
