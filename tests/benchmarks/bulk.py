"""A bulk re-send of failed invoices of three causes, by a real cluster: `python -m
tests.benchmarks.bulk [--exports 5000] [--database sqlite|postgres]`.

Two causes are mappings, of which one is put right before the plan starts; the third is a refusal
of Procountor's. The plan stops by itself at the second, is resumed after that is put right too,
stopped by a person in the middle and resumed. Ends with 1 when the ledger misses an invoice or
has one twice.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import Any

from tests.benchmarks import office as offices
from tests.benchmarks.processes import peak_megabytes, running, until

_PATIENCE_SECONDS = 900


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.bulk")
    parser.add_argument("--exports", type=int, default=5000)
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--workers", type=int, default=4)
    options = parser.parse_args()
    fast = {"PROCOUNTOR_REQUESTS_PER_SECOND": 2000, "CLUSTER_WORKERS": options.workers}
    with offices.opened(options.database, tenants=1, **fast) as office:
        result = measure(office, options.exports)
    print(json.dumps(result, indent=1))
    return 1 if result["missing"] or result["twice"] else 0


def measure(office: offices.Office, count: int) -> dict[str, Any]:
    from django.contrib.auth import get_user_model

    from invoices import causes, plans, tasks
    from invoices.models import InvoiceExport
    from invoices.plan_models import BulkPlan

    (tenant,) = office.tenants
    person = get_user_model().objects.create(username="accountant")
    seconds: dict[str, float] = {}
    last = time.monotonic()

    def took(what: str) -> None:
        nonlocal last
        seconds[what] = round(time.monotonic() - last, 2)
        last = time.monotonic()
        print(f"{what:40} {seconds[what]:8.2f} s", file=sys.stderr, flush=True)

    with running(["manage.py", "qcluster"], office.environment) as cluster:
        _fail(office, tenant, count)
        took("taken in and failed")
        folded = [(row["code"], row["count"]) for row in causes.folded(causes.open_causes())]
        took("folded")
        _map(tenant, K=5)
        plan = plans.make(InvoiceExport.objects.all(), by=person, filter_words="All")
        took("chosen")

        def until_state(*states: str) -> None:
            def reached() -> bool:
                plan.refresh_from_db()
                return plan.state in states

            until(reached, f"the plan is {plan.state}", _PATIENCE_SECONDS)

        if plan.state == "making":
            tasks.advance_plan_soon(plan.pk)
            until_state("frozen")
        took("planned")
        plans.start(plan, by=person, reason="Mapping corrected")
        tasks.advance_plan_soon(plan.pk)
        until_state("stopped")
        assert plan.stopped_for["code"] == "vat_category_unmapped", plan.stopped_for
        took("stopped by itself")
        _map(tenant, K=5, E=12)
        plans.resume(plan, by=person)
        tasks.advance_plan_soon(plan.pk)

        def half() -> bool:
            return plan.items.filter(state="landed").count() > count // 2

        until(half, "half of it never landed", _PATIENCE_SECONDS)
        plans.stop(BulkPlan.objects.get(pk=plan.pk), by=person)
        took("half landed, stopped by a person")
        plan.refresh_from_db()
        plans.resume(plan, by=person)
        tasks.advance_plan_soon(plan.pk)
        until_state("finished", "stopped")
        took("resumed and finished")
        peak = peak_megabytes(cluster.pid)
    states: dict[str, int] = {}
    for state in plan.items.values_list("state", flat=True):
        states[state] = states.get(state, 0) + 1
    booked = [row["originalInvoiceNumber"] for row in office.control("ledger")]
    return {
        "exports": count,
        "causes": folded,
        "seconds": seconds,
        "states": states,
        "state": plan.state,
        "peak_mb": peak,
        "healed": causes.note_healed(),
        "missing": states.get("landed", 0) - len(set(booked)),
        "twice": len(booked) - len(set(booked)),
    }


def _map(tenant: Any, **statuses: int) -> None:
    tenant.vat_status_by_category = statuses
    tenant.save(update_fields=["vat_status_by_category"])


def _fail(office: offices.Office, tenant: Any, count: int) -> None:
    """Take in a third each: refused by Procountor, and of two categories that are not mapped."""
    from invoices import engine, filing
    from invoices.models import InvoiceExport
    from tests import factories

    row = factories.invoice()["rows"][0]
    buyer = factories.invoice()["buyer"] | {"vat_number": "SE123456789701"}
    zero = {"gross_total": "100.00", "additional_information": "VAT 0 %", "buyer": buyer}
    kinds: list[dict[str, Any]] = [
        {},
        zero | {"rows": [row | {"vat_percent": "0", "vat_category": "K"}]},
        zero | {"rows": [row | {"vat_percent": "0", "vat_category": "E"}]},
    ]
    # Neighbours have different causes, as they would.
    refused = len(range(0, count, 3))
    fault = {"kind": "status", "status": 400, "message": "ERROR_VATSTATUS_VATPERC"}
    office.control("faults", fault | {"times": refused})
    for start in range(0, count, 500):
        invoices = [
            factories.invoice(f"B-{number}", **kinds[number % 3])
            for number in range(start, min(start + 500, count))
        ]
        content = json.dumps({"invoices": invoices}).encode()
        filing.file_invoices(tenant, "bulk.json", content, via="command", queue=True)
    engine.wake(tenant.pk)
    waiting = InvoiceExport.objects.exclude(status="needs_attention")
    until(lambda: not waiting.exists(), "not everything failed", _PATIENCE_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
