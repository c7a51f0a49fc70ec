"""One worker without a cluster around it, for tests that must know which process to kill.

`python -m tests.faults.worker lane TENANT_PK` works one lane once; `… recover` sweeps and works
every lane until nothing is open.
"""

from __future__ import annotations

import sys
import time

import django

django.setup()

from invoices import engine, tasks  # noqa: E402 - needs the settings
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


if __name__ == "__main__":
    if sys.argv[1] == "lane":
        engine.run_lane(int(sys.argv[2]))
    else:
        recover()
