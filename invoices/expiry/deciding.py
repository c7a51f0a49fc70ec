"""What has reached its end, and that two people decide about its deletion."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Count, Sum
from django.utils import timezone

from invoices import audit
from invoices.evidence import signing
from invoices.evidence.kinds import BY_NUMBER
from invoices.evidence_models import EvidenceChain, EvidenceLink
from invoices.models import Invoice
from invoices.retention import holds, years
from invoices.retention_models import Expiry, ExpiryState, LegalHold


class NotPossible(Exception):
    """`why` is "decided", "own", "hold", "not_over", "no_key", "running" or "proposed"."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True)
class Ended:
    """A financial year that has reached its end. `found` is what its chain has, {rows, invoices,
    sums by currency}; what is deleted may be less, as some of it goes on in a later year."""

    chain: EvidenceChain
    last_day: dt.date
    found: dict[str, Any]
    holds: list[LegalHold]


def ended() -> Iterator[Ended]:
    """The financial years past their end that nobody has proposed yet, the oldest first."""
    open_ones = EvidenceChain.objects.exclude(tenant=None).exclude(
        expiries__state__in=(ExpiryState.PROPOSED, ExpiryState.RUNNING, ExpiryState.DONE)
    )
    for chain in open_ones.select_related("tenant").order_by("ends_on", "tenant__name"):
        assert chain.tenant is not None  # asked for so
        kept = chain.tenant.retention_years
        if years.is_over(chain.ends_on, kept):
            last = years.last_day(chain.ends_on, kept)
            yield Ended(chain, last, found_in(chain), list(holds.holding(chain)))


def found_in(chain: EvidenceChain) -> dict[str, Any]:
    """{rows by table, invoices, sums by currency as texts} of a chain as it is now."""
    links = EvidenceLink.objects.filter(chain=chain).order_by()
    counts = links.values_list("kind").annotate(count=Count("pk"))
    sums = (
        Invoice.objects.filter(pk__in=links.filter(kind=5).values("row"))
        .order_by("currency")
        .values_list("currency")
        .annotate(count=Count("pk"), total=Sum("gross_total"))
    )
    found = list(sums)
    return {
        "rows": {BY_NUMBER[kind].table: count for kind, count in counts.order_by("kind")},
        "invoices": sum(count for _currency, count, _total in found),
        "sums": {currency: f"{total:.2f}" for currency, _count, total in found},
    }


def propose(chain: EvidenceChain, *, by: User, reason: str) -> Expiry:
    """Ask for a financial year's deletion. Raises NotPossible."""
    tenant = chain.tenant
    if tenant is None or not years.is_over(chain.ends_on, tenant.retention_years):
        raise NotPossible("not_over")
    last = years.last_day(chain.ends_on, tenant.retention_years)
    try:
        with transaction.atomic():
            expiry = Expiry.objects.create(
                tenant=tenant,
                chain=chain,
                years=tenant.retention_years,
                over_from=last + dt.timedelta(days=1),
                found=found_in(chain),
                reason=reason,
                proposed_by=by,
                proposed_at=timezone.now(),
            )
            audit.record("expiry.proposed", tenant=tenant, by=by, data=facts_of(expiry, reason))
    except IntegrityError:
        raise NotPossible("proposed") from None
    return expiry


def approve(expiry: Expiry, *, by: User) -> None:
    """Let it begin. Raises NotPossible; nothing has changed then."""
    if by.pk == expiry.proposed_by_id:
        raise NotPossible("own")
    try:
        with transaction.atomic():
            holds.lock(expiry.tenant_id)
            if why := obstacle(expiry):
                raise NotPossible(why)
            values = {"decided_by": by, "decided_at": timezone.now()}
            _move(expiry, state=ExpiryState.RUNNING, **values)
            audit.record("expiry.approved", tenant=expiry.tenant, by=by, data=facts_of(expiry))
    except IntegrityError:
        raise NotPossible("running") from None


def decline(expiry: Expiry, *, by: User, reason: str) -> None:
    """End a proposal; the proposer withdraws it. Raises NotPossible."""
    now = timezone.now()
    values = {"decided_by": by, "decided_at": now, "decision_reason": reason, "finished_at": now}
    with transaction.atomic():
        _move(expiry, state=ExpiryState.DECLINED, **values)
        data = facts_of(expiry, reason)
        audit.record("expiry.declined", tenant=expiry.tenant, by=by, data=data)


def obstacle(expiry: Expiry) -> str:
    """Why nothing of it may be deleted now: "hold", "not_over" or "no_key"; "" when it may."""
    if holds.holding(expiry.chain).exists():
        return "hold"
    kept = type(expiry.tenant).objects.values_list("retention_years", flat=True)
    if not years.is_over(expiry.chain.ends_on, kept.get(pk=expiry.tenant_id)):
        return "not_over"
    return "" if signing.public_key() else "no_key"


def facts_of(expiry: Expiry, reason: str = "") -> dict[str, Any]:
    """What an audit event says of it."""
    chain = expiry.chain
    facts = {"expiry": expiry.pk, "financial_year": f"{chain.starts_on}–{chain.ends_on}"}
    return facts | ({"reason": reason} if reason else {})


def _move(expiry: Expiry, **values: Any) -> None:
    if not Expiry.objects.filter(pk=expiry.pk, state=ExpiryState.PROPOSED).update(**values):
        raise NotPossible("decided")
    expiry.refresh_from_db()
