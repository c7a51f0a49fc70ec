"""One case in a process of its own: reads its description as JSON, prints its result as JSON."""

from __future__ import annotations

import contextlib
import json
import random
import sys
import time
from collections.abc import Iterator
from typing import Any

from tests.benchmarks import contenders, history
from tests.benchmarks import office as offices
from tests.benchmarks.office import REDIS
from tests.benchmarks.processes import cpu_seconds, running, until


def throughput(case: dict[str, Any]) -> dict[str, Any]:
    """Exports a second and what they cost, of one contender."""
    count, in_flight = case["exports"], case["in_flight"]
    settings = {"REDIS_URL": REDIS} if case.get("broker") == "redis" else {}
    tenants = case.get("tenants", 3)
    with offices.opened(
        case["database"], tenants=tenants, latency_seconds=case["latency_ms"] / 1000, **settings
    ) as office:
        if case.get("history"):
            history.fill(office.tenants[0], case["history"])
        for number, tenant in enumerate(office.tenants):
            offices.take_in(tenant, count // tenants + (number < count % tenants), f"T{number}")
        before = cpu_seconds(office.sandbox_pid)
        with _sealing(office, case) as sealer:
            figures = contenders.CONTENDERS[case["contender"]](
                office, in_flight, *case.get("arguments", [])
            )
            sealing_cpu = cpu_seconds(sealer.pid) if sealer else 0.0
        sandbox_cpu = cpu_seconds(office.sandbox_pid) - before
        booked = [row["originalInvoiceNumber"] for row in office.control("ledger")]
    result = {
        "per_second": count / figures.seconds,
        "cpu_ms": 1000 * figures.cpu_seconds / count,
        "sandbox_cpu_ms": 1000 * sandbox_cpu / count,
        "peak_mb": figures.peak_megabytes,
        "sealing_cpu_ms": 1000 * sealing_cpu / count,
        # A number is unique within a tenant, and the prefix names the tenant.
        "missing": count - len(set(booked)),
        "twice": len(booked) - len(set(booked)),
    }
    if figures.until_reconciled_seconds and figures.cpu_until_reconciled_seconds:
        result["per_second_reconciled"] = count / figures.until_reconciled_seconds
        result["cpu_ms_reconciled"] = 1000 * figures.cpu_until_reconciled_seconds / count
    return result


@contextlib.contextmanager
def _sealing(office: offices.Office, case: dict[str, Any]) -> Iterator[Any]:
    """The sealer beside the run, where the case wants one."""
    if not case.get("sealing_seconds"):
        yield None
        return
    arguments = ["-m", "tests.benchmarks.sealer", str(case["sealing_seconds"])]
    with running(arguments, office.environment) as sealer:
        yield sealer


def queue_again(case: dict[str, Any]) -> dict[str, Any]:
    """Seconds from "queue again" to accepted, on the embedded default."""
    from_seconds: list[float] = []
    with offices.opened(
        case["database"], tenants=1, latency_seconds=case["latency_ms"] / 1000
    ) as office:
        from invoices import engine, exports
        from invoices.models import InvoiceExport, SubmissionAttempt

        offices.take_in(office.tenants[0], case["exports"], "Q")
        dice = random.Random(1)
        with running(["manage.py", "qcluster"], office.environment) as cluster:
            contenders.warm([cluster])
            for number, export in enumerate(InvoiceExport.objects.order_by("pk")):
                pause = case["idle_seconds"] if number % 2 else dice.uniform(0.2, 1.5)
                time.sleep(pause)
                began = time.time()
                exports.queue(export, reason="benchmark")
                engine.wake(export.tenant_id)
                attempts = SubmissionAttempt.objects.filter(
                    export=export, finished_at__isnull=False
                )
                until(attempts.exists, "an export was not accepted", 60)
                assert attempts.get().outcome == "accepted"
                from_seconds.append(attempts.get().finished_at.timestamp() - began)
    above = sorted(1000 * seconds - case["latency_ms"] for seconds in from_seconds)
    return {
        "count": len(above),
        "p50_ms": above[len(above) // 2],
        "p95_ms": above[int(len(above) * 0.95)],
        "worst_ms": above[-1],
    }


def speed_limit(case: dict[str, Any]) -> dict[str, Any]:
    """The greatest number of requests in any second, with several clusters at a limit."""
    with offices.opened(case["database"], latency_seconds=0.05) as office:
        from django_q.tasks import async_task

        from invoices.models import SubmissionAttempt

        for number, tenant in enumerate(office.tenants):
            offices.take_in(tenant, case["exports"], f"T{number}")
        environment = office.environment | {
            "PROCOUNTOR_REQUESTS_PER_SECOND": str(case["limit"]),
            "CLUSTER_WORKERS": "1",
            "EXPORT_REQUESTS_IN_FLIGHT": "2",
        }
        clusters = [running(["manage.py", "qcluster"], environment) for _ in range(3)]
        with clusters[0] as first, clusters[1] as second, clusters[2] as third:
            contenders.warm([first, second, third])
            began = offices.queue_all()
            for _ in range(3):
                async_task("invoices.tasks.run_lanes")
            done = SubmissionAttempt.objects.filter(outcome="accepted")
            until(
                lambda: (
                    time.time() - began > case["seconds"] or done.count() >= 3 * case["exports"]
                ),
                "the run did not end",
            )
            moments = sorted(float(r["time"]) for r in office.control("requests"))
    moments = [moment for moment in moments if moment >= began]
    most = max(sum(1 for m in moments[i:] if m < start + 1) for i, start in enumerate(moments))
    span = moments[-1] - moments[0]
    return {
        "requests": len(moments),
        "per_second": (len(moments) - 1) / span,
        "most_in_a_second": most,
    }


def fairness(case: dict[str, Any]) -> dict[str, Any]:
    """How long 3 invoices of one tenant take while another has very many waiting."""
    with offices.opened(case["database"], tenants=2, latency_seconds=0.05) as office:
        from django.utils import timezone

        from invoices import engine
        from invoices.models import InvoiceExport, SubmissionAttempt

        many, few = office.tenants
        offices.take_in(many, case["exports"], "A")
        offices.take_in(few, 3, "B")
        with running(["manage.py", "qcluster"], office.environment) as cluster:
            contenders.warm([cluster])
            now = timezone.now()
            mine = InvoiceExport.objects.filter(tenant=many)
            mine.update(status="queued", not_before=now, queued_at=now)
            engine.wake(many.pk)
            done = SubmissionAttempt.objects.filter(outcome="accepted")
            until(lambda: done.count() >= 20, "nothing was submitted", 60)
            began = timezone.now()
            theirs = InvoiceExport.objects.filter(tenant=few)
            theirs.update(status="queued", not_before=began, queued_at=began)
            engine.wake(few.pk)
            few_done = done.filter(export__tenant=few)
            until(lambda: few_done.count() == 3, "the few were not submitted", 300)
            ended = max(few_done.values_list("finished_at", flat=True))
    return {"waiting_before": case["exports"], "seconds": (ended - began).total_seconds()}


_KINDS = {
    "throughput": throughput,
    "queue_again": queue_again,
    "speed_limit": speed_limit,
    "fairness": fairness,
}


if __name__ == "__main__":
    description = json.loads(sys.argv[1])
    print(json.dumps(_KINDS[description["kind"]](description)))
