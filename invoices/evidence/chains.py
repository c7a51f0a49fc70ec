"""Which chain a row belongs to, and what a link's hash is of."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone

from integrations.models import ConnectionCheck
from invoices.evidence_models import EvidenceChain

#: An extended financial year has at most 18 months.
_LONGEST = dt.timedelta(days=550)


def link_hash(before: bytes, position: int, table: str, row: int, digest: bytes) -> bytes:
    """SHA-256 of "HASH OF THE LINK BEFORE:POSITION:TABLE:PRIMARY KEY:DIGEST", hashes in hex."""
    text = f"{before.hex()}:{position}:{table}:{row}:{digest.hex()}"
    return hashlib.sha256(text.encode()).digest()


def genesis(
    tenant_pk: int | None, starts_on: dt.date, ends_on: dt.date, made_at: dt.datetime
) -> bytes:
    """SHA-256 of the chain's description, as JSON with sorted keys and no spaces."""
    facts = {
        "tenant": tenant_pk,
        "starts_on": starts_on.isoformat(),
        "ends_on": ends_on.isoformat(),
        "made_at": made_at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    }
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).digest()


@lru_cache(maxsize=10_000)
def _local_day(hour: str) -> dt.date:
    """The day here of a canonical moment cut to its hour: our offset is whole hours."""
    there = dt.datetime.strptime(hour, "%Y-%m-%dT%H").replace(tzinfo=dt.UTC)
    return there.astimezone(ZoneInfo(settings.TIME_ZONE)).date()


class Chains:
    """Finds and begins chains; remembers those it has seen. For one pass: a transaction that
    was rolled back took its new chains with it."""

    def __init__(self) -> None:
        self._known: dict[int | None, list[EvidenceChain]] = {}
        self._years: dict[int, list[list[str]]] = {}

    def of(self, tenant_pk: int | None, moment: str) -> EvidenceChain:
        """The chain of a tenant's row of that canonical moment; a new one is written."""
        day = _local_day(moment[:13])
        if tenant_pk not in self._known:
            self._known[tenant_pk] = list(EvidenceChain.objects.filter(tenant=tenant_pk))
        known = self._known[tenant_pk]
        for chain in known:
            if chain.starts_on <= day <= chain.ends_on:
                return chain
        known.append(self._begin(tenant_pk, day, known))
        return known[-1]

    def _begin(
        self, tenant_pk: int | None, day: dt.date, known: list[EvidenceChain]
    ) -> EvidenceChain:
        """The financial year of `day`, as far as no chain has its days already: what Procountor
        says of a year may have changed since."""
        starts_on, ends_on = self._year(tenant_pk, day)
        starts_on = max([starts_on, *(c.ends_on + _DAY for c in known if c.ends_on < day)])
        ends_on = min([ends_on, *(c.starts_on - _DAY for c in known if c.starts_on > day)])
        # To the microsecond of the database.
        made_at = timezone.now()
        return EvidenceChain.objects.create(
            tenant_id=tenant_pk,
            starts_on=starts_on,
            ends_on=ends_on,
            made_at=made_at,
            genesis=genesis(tenant_pk, starts_on, ends_on, made_at),
        )

    def _year(self, tenant_pk: int | None, day: dt.date) -> tuple[dt.date, dt.date]:
        if tenant_pk is not None:
            if tenant_pk not in self._years:
                self._years[tenant_pk] = _financial_years(tenant_pk)
            for start, end in self._years[tenant_pk]:
                if start <= day.isoformat() <= end:
                    first, last = dt.date.fromisoformat(start), dt.date.fromisoformat(end)
                    if last - first <= _LONGEST:
                        return first, last
        return dt.date(day.year, 1, 1), dt.date(day.year, 12, 31)


def financial_year(tenant_pk: int, day: dt.date) -> tuple[dt.date, dt.date]:
    """First and last day of the tenant's financial year that a day is in: the chain's, if there
    is one, as what Procountor says of a year may have changed since."""
    found = EvidenceChain.objects.filter(tenant=tenant_pk, starts_on__lte=day, ends_on__gte=day)
    chain = found.first()
    return (chain.starts_on, chain.ends_on) if chain else Chains()._year(tenant_pk, day)


_DAY = dt.timedelta(days=1)


def _financial_years(tenant_pk: int) -> list[list[str]]:
    """The years that the tenant's newest check read from Procountor; [] when none did."""
    checks = ConnectionCheck.objects.filter(tenant=tenant_pk, finished_at__isnull=False)
    newest = checks.exclude(reference_data={}).order_by("-started_at")
    found: Any = newest.values_list("reference_data", flat=True).first() or {}
    return list(found.get("fiscal_years", []))
