"""One worker without a cluster around it, for tests that must know which process to kill.

`python -m tests.faults.worker lane TENANT_PK` works one lane once; `… recover` sweeps and works
every lane until nothing is open. `… plan PLAN_PK` drives a bulk re-send for one turn as soon as
nobody has it; `… plan PLAN_PK MODULE FUNCTION before|after` dies by SIGKILL when it gets there.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import time
from typing import Any

import django

django.setup()

from invoices import engine, plans, tasks  # noqa: E402 - needs the settings
from invoices.enums import ExportStatus  # noqa: E402
from invoices.models import InvoiceExport  # noqa: E402

_OPEN = (
    ExportStatus.QUEUED,
    ExportStatus.SUBMITTING,
    ExportStatus.SUBMITTED,
    ExportStatus.UNKNOWN,
)


def recover() -> None:
    while InvoiceExport.objects.filter(status__in=_OPEN).exists():
        tasks.sweep()
        tasks.run_lanes()
        time.sleep(0.2)


def die_at(module: str, function: str, when: str) -> None:
    """Kill this process at one moment: no `finally` runs, nothing is committed or rolled back by
    us."""
    place = importlib.import_module(module)
    real = getattr(place, function)

    def deadly(*arguments: Any) -> None:
        if when == "after":
            real(*arguments)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(place, function, deadly)


def drive(plan_pk: int) -> None:
    while plan_pk not in plans.unfinished():
        time.sleep(0.05)
    tasks.advance_plan(plan_pk)


if __name__ == "__main__":
    if sys.argv[1] == "lane":
        engine.run_lane(int(sys.argv[2]))
    elif sys.argv[1] == "plan":
        if sys.argv[3:]:
            die_at(*sys.argv[3:])
        drive(int(sys.argv[2]))
    else:
        recover()
