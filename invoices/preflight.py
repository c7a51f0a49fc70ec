"""Feeds the pure mapping with what the database knows of a tenant: settings, reference data."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from django.db.models import Subquery

from integrations.diagnosis import informed_checks
from integrations.mapping_models import versions_of
from integrations.models import Tenant
from invoices.document import InvoiceDocument, Problem
from invoices.mapping import (
    ExportSettings,
    FiscalPeriod,
    ReferenceData,
    TableVersion,
    map_invoice,
    period_problem,
)

#: Problems that are put right in the tenant's settings or in Procountor, not in the invoice:
#: the invoice is taken in and waits for a person. All others are sent back to the source.
FIXED_OUTSIDE_THE_INVOICE = frozenset(
    {
        "vat_category_unmapped",
        "vat_status_not_in_use",
        "vat_status_not_domestic",
        "vat_percent_not_in_use",
        "payment_method_unmapped",
        "country_not_supported",
        "bank_account_missing",
        "bank_account_not_active",
        "channel_not_allowed",
    }
)


def settings_of(tenant: Tenant, *, table_tried: dict[str, Any] | None = None) -> ExportSettings:
    """The tenant's export settings as mapping takes them, with all versions of its mapping
    tables; `table_tried` ({table, since, entries}) counts as the newest of them."""
    account = tenant.invoice_account
    versions = [TableVersion(v.table, v.since, v.entries) for v in versions_of(tenant)]
    if table_tried:
        since = dt.date.fromisoformat(table_tried["since"])
        versions.append(TableVersion(table_tried["table"], since, table_tried["entries"]))
    return ExportSettings(
        invoice_channel=tenant.invoice_channel,
        default_vat_status=tenant.default_vat_status,
        vat_status_by_category=tenant.vat_status_by_category,
        language=tenant.invoice_language,
        penalty_percent=tenant.penalty_percent,
        days_to_pay=tenant.days_to_pay,
        bank_account=account.iban if account else "",
        drop_invalid_reference=tenant.drop_invalid_reference,
        tables=tuple(versions),
    )


def latest_reference_data(tenant: Tenant) -> dict[str, Any]:
    """What the newest finished connection check learnt; empty before the first one."""
    return informed_checks(tenant).values_list("reference_data", flat=True).first() or {}


def inputs_of(tenant: Tenant) -> dict[str, Subquery]:
    """What changes when something changes that `settings_of` (besides the tenant's own row) or
    `latest_reference_data` reads: columns for any query, so that all is asked at once."""
    accounts = tenant.bank_accounts.order_by("-is_default", "pk")
    return {
        "account_of_invoices": Subquery(accounts.values("iban")[:1]),
        "check_known": Subquery(informed_checks(tenant).values("pk")[:1]),
        "table_known": Subquery(tenant.mapping_versions.order_by("-pk").values("pk")[:1]),
    }


def reference_of(known: dict[str, Any]) -> ReferenceData:
    """What `latest_reference_data` knows, for mapping; what is not known is None, and its check
    is left out."""
    percents, statuses = known.get("vat_percents"), known.get("vat_statuses")
    accounts, periods = known.get("active_accounts"), known.get("periods")
    return ReferenceData(
        vat_percents=None if percents is None else frozenset(Decimal(p) for p in percents),
        vat_statuses=None if statuses is None else frozenset(int(s) for s in statuses),
        active_accounts=None if accounts is None else frozenset(accounts),
        periods=None
        if periods is None
        else tuple(
            FiscalPeriod(dt.date.fromisoformat(start), dt.date.fromisoformat(end), is_open)
            for start, end, is_open in periods
        ),
    )


def verdict(
    document: InvoiceDocument, settings: ExportSettings, reference: ReferenceData
) -> tuple[Problem, ...]:
    """Everything that would keep the engine from submitting the invoice, open periods included;
    empty when it would be submitted."""
    mapped = map_invoice(document, settings, reference)
    closed = period_problem(document.date, reference)
    return (*mapped.problems, closed) if closed else mapped.problems
