"""The people of a run, as one process: they file keys, take in files, and act where the
programme says that a person must. They do nothing that the admin does not offer.

`python -m tests.faults.backoffice TENANTS INBOX`, after which it prints the tenants as JSON.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import django

django.setup()

from django.contrib.auth.models import User  # noqa: E402 - needs the settings
from django.core.management import call_command  # noqa: E402
from django.db import DatabaseError, close_old_connections  # noqa: E402
from django.utils import timezone  # noqa: E402
from django_q.models import OrmQ  # noqa: E402
from django_q.tasks import async_task  # noqa: E402

from integrations import custody, diagnosis, going_live  # noqa: E402
from integrations.enums import TenantState  # noqa: E402
from integrations.models import BankAccount, Tenant  # noqa: E402
from invoices import engine, exports, filing  # noqa: E402
from invoices.enums import AttentionReason, ExportStatus  # noqa: E402
from invoices.models import InvoiceExport  # noqa: E402
from tests.faults.sandbox_process import SandboxControl  # noqa: E402

COMPANIES = [
    ("Aurinkopuu Oy", "2345678-0"),
    ("Björkdalens Bageri Ab", "7654321-2"),
    ("Kivilinna Palvelut Oy", "4567890-7"),
]
_ROUND_SECONDS = 0.5
_MAX_WAITING_TASKS = 10


def file_key(sandbox: SandboxControl, name: str, business_id: str) -> dict[str, Any]:
    company = sandbox("companies", {"name": name, "business_id": business_id})
    tenant = Tenant.objects.create(name=name, business_id=business_id, environment="test")
    account = BankAccount(tenant=tenant)
    account.set_number(company["bank_accounts"][0]["iban"])
    account.save()
    custody.file_api_key(tenant, company["api_key"], via="email")
    check = diagnosis.run_check(tenant)
    if check.outcome != "passed":
        raise SystemExit(f"The connection check did not pass: {check.steps}")
    going_live.go_live(tenant, by=None, reason="a fault test")
    return {"pk": tenant.pk, "slug": tenant.slug, "company_id": company["id"]}


def take_in(inbox: Path) -> None:
    """Take in what was handed in; a file taken in twice is all duplicates."""
    for file in sorted(inbox.glob("*.json")):
        tenant = Tenant.objects.get(slug=file.name.partition("~")[0])
        filing.file_invoices(tenant, file.name, file.read_bytes(), via="command", queue=True)
        file.rename(file.with_suffix(".done"))


def check_paused() -> None:
    """Someone at the support desk asks for a new check of each tenant that was paused."""
    for tenant in Tenant.objects.exclude(state=TenantState.ACTIVE):
        diagnosis.run_check(tenant)


def queue_again(person: User) -> None:
    """An accountant queues again what Procountor did not answer; a conflict she leaves alone."""
    waiting = InvoiceExport.objects.filter(
        status=ExportStatus.NEEDS_ATTENTION, attention_reason=AttentionReason.RETRIES_EXHAUSTED
    )
    for export in waiting:
        if exports.queue(export, by=person, reason="Procountor answers again"):
            engine.wake(export.tenant_id)


def remind(number: int) -> None:
    """What the clock does every minute in production, oftener; more wake-ups change nothing."""
    # A task that died with its cluster stays locked in the queue; it is not waiting.
    if OrmQ.objects.filter(lock__lte=timezone.now()).count() > _MAX_WAITING_TASKS:
        return
    async_task("invoices.tasks.sweep")
    async_task("invoices.tasks.run_lanes")
    if number % 8 == 0:
        async_task("invoices.tasks.roll_up")
        async_task("invoices.tasks.seal_audit")


def main(tenants: int, inbox: Path) -> None:
    call_command("migrate", verbosity=0)
    sandbox = SandboxControl(os.environ["PROCOUNTOR_TEST_BASE_URL"].removesuffix("/api"))
    made = [file_key(sandbox, *company) for company in COMPANIES[:tenants]]
    person = User.objects.create_user("accountant")
    print(json.dumps(made), flush=True)
    for number in itertools.count():
        close_old_connections()
        try:
            take_in(inbox)
            check_paused()
            queue_again(person)
            remind(number)
        except DatabaseError as error:
            print(f"again, after {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        time.sleep(_ROUND_SECONDS)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
