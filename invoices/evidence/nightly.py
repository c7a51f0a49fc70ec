"""Verifies everything each night and publishes the heads; what is wrong is alerted."""

from __future__ import annotations

import datetime as dt
import logging
import time

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from integrations.models import Tenant
from invoices import audit
from invoices.evidence import heads, verifying
from invoices.evidence.verifying import Heads, Result
from invoices.evidence_models import EvidenceChain, EvidenceCheck
from invoices.watch import raise_alert, recover

logger = logging.getLogger(__name__)

BROKEN, UNPUBLISHED = "evidence_broken", "heads_unpublished"
#: Findings that are kept and shown.
_SHOWN = 20


def verify_due(since: dt.datetime, seconds: float) -> bool:
    """Verify the chains that were not verified since a moment, longest ago first, for about as
    many seconds, and then the rows in no chain. True when some are left."""
    end = time.monotonic() + seconds
    due = EvidenceChain.objects.filter(Q(check_result=None) | Q(check_result__at__lt=since))
    for chain in due.select_related("tenant").order_by("check_result__at", "pk"):
        if time.monotonic() >= end:
            return True
        note(chain, verifying.verify_chain(chain))
    note(None, verifying.verify_unsealed())
    follow()
    return False


def verify(chain: EvidenceChain, published: Heads | None = None) -> Result:
    """Verify one chain and keep what came of it."""
    result = verifying.verify_chain(chain, published)
    note(chain, result)
    return result


def note(chain: EvidenceChain | None, result: Result) -> None:
    """Keep what the newest verification of a chain found; damage is an audit event."""
    shown = [finding.as_json() for finding in result.findings[:_SHOWN]]
    values = {
        "at": timezone.now(),
        "rows": result.rows,
        "problems": result.problems,
        "findings": shown,
    }
    with transaction.atomic():
        EvidenceCheck.objects.update_or_create(chain=chain, defaults=values)
        if result.problems:
            audit.record(
                "evidence.broken",
                tenant=chain.tenant if chain else None,
                data={
                    "chain": chain.pk if chain else None,
                    "damaged": result.problems,
                    "found": [told(finding) for finding in shown],
                },
            )


def told(finding: dict[str, object]) -> str:
    """A stored finding on one line, as the command prints it."""
    where = f", chain {finding['chain']} position {finding['position']}" if finding["chain"] else ""
    return f"{finding['what']}: {finding['table']} {finding['row']}{where}"


def follow() -> None:
    """Bring the alerts in line with the newest verifications: one a tenant, one of the office."""
    checks = EvidenceCheck.objects.select_related("chain__tenant").order_by("pk")
    worst: dict[Tenant | None, list[EvidenceCheck]] = {}
    for check in checks:
        tenant = check.chain.tenant if check.chain else None
        worst.setdefault(tenant, []).append(check)
    for tenant, found in worst.items():
        broken = [check for check in found if check.problems]
        if broken:
            facts = {
                "count": sum(check.problems for check in broken),
                "first": told(broken[0].findings[0]),
            }
            raise_alert(BROKEN, tenant, facts)
        else:
            recover(BROKEN, tenant)


def publish() -> int:
    """Publish the heads; returns to how many places. A failure is an alert."""
    try:
        places = heads.publish()
    except heads.NotPublished as error:
        logger.error("heads of the evidence not published: %s", error)
        raise_alert(UNPUBLISHED, None, {"error": str(error)})
        return 0
    recover(UNPUBLISHED)
    return places
