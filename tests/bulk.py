"""Bulk re-sends in tests: failed invoices of three causes, and a cluster's work without one."""

from __future__ import annotations

from invoices import engine, tasks
from invoices.models import InvoiceExport
from invoices.plan_models import BulkPlan
from tests.rehearsals import take_in

#: Settings that heal every "unmapped" of `tests.rehearsals`.
HEALED = {"vat_status_by_category": {"K": 5}}


def failed(tenant, *kinds):
    """Take in invoices, queue them and let the engine fail those that fail; returns exports."""
    numbers = take_in(tenant, *kinds, queue=True)
    engine.run_lane(tenant.pk)
    found = {
        export.invoice.number: export
        for export in InvoiceExport.objects.filter(tenant=tenant).select_related("invoice")
    }
    return [found[number] for number in numbers]


def heal(tenant):
    """What a person saves on the settings' page."""
    for name, value in HEALED.items():
        setattr(tenant, name, value)
    tenant.save(update_fields=list(HEALED))


def work(plan, rounds=50):
    """Let plan and engine take turns until the plan runs no longer."""
    for _round in range(rounds):
        tasks.advance_plan(plan.pk)
        plan.refresh_from_db()
        if plan.state != "running":
            return plan
        engine.run_lanes()
    raise AssertionError(f"the plan is still {plan.state} in stage {plan.stage}")


def states(plan):
    """{state: count} of the plan's items."""
    found: dict[str, int] = {}
    for state in BulkPlan.objects.get(pk=plan.pk).items.values_list("state", flat=True):
        found[state] = found.get(state, 0) + 1
    return found
