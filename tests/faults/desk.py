"""An accountant at the admin's pages, as one process: each line of JSON asks for one act, and its
answer is one line. Between acts the clock's tasks are enqueued, oftener than the clock does.

`python -m tests.faults.desk`, with PLAN_AT_ONCE for large plans that are small enough for a test.
"""

from __future__ import annotations

import json
import os
import select
import sys
from typing import Any

import django

django.setup()

from django.db import close_old_connections  # noqa: E402 - needs the settings
from django.test import Client  # noqa: E402
from django.urls import reverse  # noqa: E402
from django.utils import timezone  # noqa: E402
from django_q.models import OrmQ  # noqa: E402
from django_q.tasks import async_task  # noqa: E402

from integrations.models import Tenant  # noqa: E402
from invoices.plans import making  # noqa: E402
from tests import factories  # noqa: E402

_ROUND_SECONDS = 1.0
_MAX_WAITING_TASKS = 3
_CLOCK = ("invoices.tasks.sweep", "invoices.tasks.run_lanes", "invoices.tasks.follow_plans")
_LIST = "admin:invoices_invoiceexport_resend"


class Desk:
    def __init__(self) -> None:
        self.client = Client(SERVER_NAME="localhost")
        self.client.force_login(factories.UserFactory(username="accountant2", role="Accountant"))

    def plan(self, search: str) -> int:
        """Choose everything the search matches; returns the plan's primary key."""
        page = f"{reverse(_LIST)}?q={search}"
        answer = self.client.post(page, {"choose": "all"})
        return int(answer["Location"].strip("/").split("/")[-2])

    def act(self, pk: int, act: str) -> int:
        """Start, stop or resume; returns the page's status."""
        page = reverse("admin:invoices_bulkplan_plan", args=[pk])
        return self.client.post(page, {act: "1", "reason": "Mapping corrected"}).status_code

    def show(self, pk: int) -> int:
        return self.client.get(reverse("admin:invoices_bulkplan_plan", args=[pk])).status_code

    def map(self, **statuses: int) -> None:
        """Put the VAT categories right, as saving the settings does."""
        Tenant.objects.update(vat_status_by_category=statuses)


def strike() -> None:
    """What the clock does every minute, unless it would only pile up."""
    # A task that died with its worker stays locked in the queue; it is not waiting.
    if OrmQ.objects.filter(lock__lte=timezone.now()).count() <= _MAX_WAITING_TASKS:
        for task in _CLOCK:
            async_task(task)


def main() -> None:
    making.AT_ONCE = int(os.environ.get("PLAN_AT_ONCE", making.AT_ONCE))
    desk = Desk()
    print(json.dumps("ready"), flush=True)
    while True:
        close_old_connections()
        if select.select([sys.stdin], [], [], _ROUND_SECONDS)[0]:
            line = sys.stdin.readline()
            if not line:
                return
            name, arguments = json.loads(line)
            found: Any = getattr(desk, name)(**arguments)
            print(json.dumps(found), flush=True)
        else:
            strike()


if __name__ == "__main__":
    main()
