"""What runs by the clock. A sweep makes losing a wake-up harmless; the daily check sees what
customers changed in Procountor before an invoice fails for it."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.utils import timezone

SCHEDULES: list[dict[str, Any]] = [
    # "I" is django-q2's code for minutes, "H" hourly, "D" daily.
    {"name": "sweep", "func": "invoices.tasks.sweep", "schedule_type": "I", "minutes": 1},
    {
        "name": "connection checks",
        "func": "integrations.tasks.check_due_connections",
        "schedule_type": "I",
        "minutes": 1,
    },
    {
        "name": "bulk re-sends",
        "func": "invoices.tasks.follow_plans",
        "schedule_type": "I",
        "minutes": 1,
    },
    {
        "name": "uploads",
        "func": "invoices.tasks.follow_uploads",
        "schedule_type": "I",
        "minutes": 1,
    },
    {
        "name": "taking in of large files",
        "func": "invoices.tasks.follow_filings",
        "schedule_type": "I",
        "minutes": 1,
    },
    {
        "name": "reconciliation by day",
        "func": "invoices.tasks.reconcile_days",
        "schedule_type": "I",
        "minutes": 1,
    },
    {
        "name": "sealing of the evidence",
        "func": "invoices.tasks.seal_audit",
        "schedule_type": "I",
        "minutes": 1,
    },
    {
        "name": "deletion of expired evidence",
        "func": "invoices.tasks.follow_expiries",
        "schedule_type": "I",
        "minutes": 5,
    },
    {
        "name": "verification of the evidence",
        "func": "invoices.tasks.verify_audit",
        "schedule_type": "D",
    },
    {
        "name": "heads of the evidence",
        "func": "invoices.tasks.publish_audit_heads",
        "schedule_type": "D",
    },
    {
        "name": "end of replaced keys",
        "func": "integrations.tasks.destroy_superseded_keys",
        "schedule_type": "D",
    },
    {
        "name": "end of keys nobody filed",
        "func": "integrations.tasks.forget_received_mails",
        "schedule_type": "H",
    },
    {
        "name": "keys of intake links",
        "func": "integrations.tasks.ask_about_intake_keys_again",
        "schedule_type": "I",
        "minutes": 5,
    },
    {
        "name": "reminders of intake links",
        "func": "integrations.tasks.remind_invited",
        "schedule_type": "H",
    },
    {
        "name": "activation requests",
        "func": "integrations.tasks.follow_activations",
        "schedule_type": "I",
        "minutes": 5,
    },
    {"name": "figures", "func": "invoices.tasks.roll_up", "schedule_type": "I", "minutes": 1},
    {"name": "check of figures", "func": "invoices.tasks.check_figures", "schedule_type": "D"},
    {
        "name": "web shops",
        "func": "invoices.tasks.follow_shops",
        "schedule_type": "I",
        "minutes": 1,
    },
    {
        "name": "end of web shops' old webhooks",
        "func": "invoices.tasks.forget_shop_deliveries",
        "schedule_type": "D",
    },
    {
        "name": "webhooks",
        "func": "invoices.tasks.follow_webhooks",
        "schedule_type": "I",
        "minutes": 1,
    },
    {
        "name": "end of first answers and deliveries",
        "func": "invoices.tasks.forget_answers",
        "schedule_type": "H",
    },
    {
        "name": "removed integrations",
        "func": "integrations.tasks.watch_integrations",
        "schedule_type": "D",
    },
]


def create_schedules(schedule: Any) -> None:
    """Create the schedules that are not there; `schedule` is django-q2's model."""
    now = timezone.localtime()
    five_next = now.replace(hour=5, minute=0, second=0, microsecond=0) + dt.timedelta(days=1)
    for values in SCHEDULES:
        first = now if values["schedule_type"] != "D" else five_next
        schedule.objects.get_or_create(
            name=values["name"], defaults=values | {"repeats": -1, "next_run": first}
        )
