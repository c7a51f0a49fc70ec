"""What a tenant's flow needs of its company: from its settings, and from whoever knows its
invoices (`signals.needs_asked`)."""

from __future__ import annotations

from functools import reduce
from operator import or_

from django.utils import timezone

from integrations.enums import Environment
from integrations.mapping_models import MappingTable, entries_on
from integrations.models import Tenant
from integrations.radar import Needs
from integrations.signals import needs_asked


def _mapped_statuses(tenant: Tenant) -> frozenset[int]:
    today = entries_on(tenant, MappingTable.VAT, timezone.localdate())
    return frozenset(today.values())


def needs_of(tenant: Tenant) -> Needs:
    """Settings and recent use together, without what makes the check red by itself.

    An account that invoices mention counts only when it is on file: a factoring company's, say,
    was never the tenant's own.
    """
    used = reduce(or_, (n for _r, n in needs_asked.send(Tenant, tenant=tenant)), Needs())
    own = tenant.invoice_account
    others = tenant.bank_accounts.exclude(pk=own.pk if own else 0)
    return Needs(
        vat_percents=used.vat_percents,
        vat_statuses=used.vat_statuses | (_mapped_statuses(tenant) - {tenant.default_vat_status}),
        accounts=used.accounts & frozenset(others.values_list("iban", flat=True)),
        is_production=tenant.environment == Environment.PRODUCTION,
    )
