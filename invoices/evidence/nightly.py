"""Verifies everything each night and publishes the heads; what is wrong is alerted.

A chain that does not fit one task is verified over several: how far it came is kept, and what was
found is told only once all of it was read. What is changed in a part that was read already is
found the next night. `manage.py verify_audit` keeps nothing and reads all at once.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from integrations.models import Tenant
from invoices import audit
from invoices.evidence import heads, verifying
from invoices.evidence.verifying import Finding, Heads, Result, Walk
from invoices.evidence_models import EvidenceChain, EvidenceCheck, UnfinishedCheck
from invoices.watch import raise_alert, recover

logger = logging.getLogger(__name__)

BROKEN, UNPUBLISHED = "evidence_broken", "heads_unpublished"
#: Findings that are kept and shown.
_SHOWN = 20
#: What a task of the night before left behind, because it was killed, is gone on with; what is
#: older says too little of today.
_GOES_ON_FOR = dt.timedelta(days=1)


def verify_due(since: dt.datetime, seconds: float) -> bool:
    """Verify the chains that were not verified since a moment, longest ago first, for about as
    many seconds, and then the rows in no chain. True when some are left, or a part of one."""
    end = time.monotonic() + seconds
    due = EvidenceChain.objects.filter(Q(check_result=None) | Q(check_result__at__lt=since))
    for chain in due.select_related("tenant").order_by("check_result__at", "pk"):
        if not _go_on(chain, since - _GOES_ON_FOR, end - time.monotonic()):
            return True
    note(None, verifying.verify_unsealed())
    follow()
    return False


def _go_on(chain: EvidenceChain, not_before: dt.datetime, seconds: float) -> bool:
    """Verify a chain from where the last turn came, for about as many seconds and a page at
    least. True when it is whole: only then is told what was found."""
    began = timezone.now()
    UnfinishedCheck.objects.filter(chain=chain, begun_at__lt=not_before).delete()
    kept = UnfinishedCheck.objects.filter(chain=chain).first()
    walk = _walk(kept) if kept else verifying.begin(chain)
    is_whole = verifying.walk_on(chain, walk, seconds=seconds)
    # Two tasks may be at the same chain: the slower one's work counts for nothing.
    mine = UnfinishedCheck.objects.filter(pk=kept.pk, position=kept.position) if kept else None
    if not is_whole:
        if mine is None:
            facts = _facts(walk) | {"begun_at": began}
            UnfinishedCheck.objects.get_or_create(chain=chain, defaults=facts)
        else:
            mine.update(**_facts(walk))
    elif mine is None or mine.exists():
        note(chain, walk.result)
    return is_whole


def _walk(kept: UnfinishedCheck) -> Walk:
    found = [Finding(**finding) for finding in kept.findings]
    return Walk(kept.position, bytes(kept.head), Result(kept.rows, 0, kept.problems, found))


def _facts(walk: Walk) -> dict[str, Any]:
    return {
        "position": walk.position,
        "head": walk.head,
        "rows": walk.result.rows,
        "problems": walk.result.problems,
        "findings": _shown(walk.result),
    }


def _shown(result: Result) -> list[dict[str, Any]]:
    return [finding.as_json() for finding in result.findings[:_SHOWN]]


def verify(chain: EvidenceChain, published: Heads | None = None) -> Result:
    """Verify one chain and keep what came of it."""
    result = verifying.verify_chain(chain, published)
    note(chain, result)
    return result


def note(chain: EvidenceChain | None, result: Result) -> None:
    """Keep what the newest verification of a chain found; damage is an audit event."""
    shown = _shown(result)
    values = {
        "at": timezone.now(),
        "rows": result.rows,
        "problems": result.problems,
        "findings": shown,
    }
    with transaction.atomic():
        EvidenceCheck.objects.update_or_create(chain=chain, defaults=values)
        UnfinishedCheck.objects.filter(chain=chain).delete()
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
