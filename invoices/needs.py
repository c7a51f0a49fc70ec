"""What a tenant's recent invoices need of its company, for the rights radar."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from django.utils import timezone

from integrations.models import Tenant
from integrations.radar import Needs
from integrations.signals import needs_asked
from invoices.enums import ExportStatus
from invoices.models import Invoice

RECENT = dt.timedelta(days=60)
#: The newest are enough to know what is in use, and are read quickly every day.
_MOST = 2000


def listen() -> None:
    needs_asked.connect(_on_asked, dispatch_uid="invoices.needs")


def needs_of_invoices(tenant: Tenant) -> Needs:
    """VAT percentages and stated accounts of what came in lately and is not skipped. The statuses
    of its VAT categories are in the tenant's settings."""
    recent = Invoice.objects.filter(tenant=tenant, created_at__gte=timezone.now() - RECENT)
    recent = recent.exclude(export__status=ExportStatus.SKIPPED).order_by("-pk")
    percents: set[Decimal] = set()
    accounts: set[str] = set()
    for content in recent.values_list("content", flat=True)[:_MOST].iterator():
        percents |= {Decimal(row["vat_percent"]) for row in content.get("rows", ())}
        accounts.add("".join(content.get("seller_account", "").split()).upper())
    return Needs(vat_percents=frozenset(percents), accounts=frozenset(accounts - {""}))


def _on_asked(sender: Any, tenant: Tenant, **kwargs: Any) -> Needs:
    return needs_of_invoices(tenant)
