"""What is wrong since when: one open alert per cause and tenant, ended once.

The row comes first, in the caller's transaction; mail leaves after the commit (`notices`).
"""

from __future__ import annotations

import logging
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from integrations.models import Tenant
from invoices.watch import notices
from invoices.watch.causes import CAUSES
from invoices.watch.findings import Finding
from invoices.watch_models import Alert

logger = logging.getLogger(__name__)


def raise_alert(
    cause: str,
    tenant: Tenant | None = None,
    facts: dict[str, Any] | None = None,
    *,
    detail: str = "",
) -> bool:
    """Open an alert, or note that an open one still holds. True when it is new.

    Safe to call again and from several processes at once. `facts` are JSON-ready, without
    secrets. A mail server that fails does not reach the caller; the next round of the watch
    tries again. Raises ValueError for a cause that `causes` does not list.
    """
    new = note(cause, tenant, facts or {}, detail)
    transaction.on_commit(notices.deliver, robust=True)
    return new


def recover(cause: str, tenant: Tenant | None = None, *, detail: str = "") -> bool:
    """End the open alert, if there is one; its end is mailed once. True when this call did."""
    now = timezone.now()
    ended = Alert.objects.filter(
        cause=cause, tenant=tenant, detail=detail, recovered_at__isnull=True
    ).update(recovered_at=now)
    if ended:
        logger.info("alert over: %s, tenant %s", cause, tenant.pk if tenant else "-")
        transaction.on_commit(notices.deliver, robust=True)
    return bool(ended)


def follow(findings: list[Finding]) -> None:
    """Bring the alerts without a tenant in line with `findings`, and mail whatever is due."""
    for finding in findings:
        if CAUSES[finding.code].alerts:
            note(finding.code, None, finding.facts)
    found = {finding.code for finding in findings}
    for cause in Alert.objects.filter(tenant=None, recovered_at=None).values_list(
        "cause", flat=True
    ):
        # A cause that a later version dropped can never be found again.
        if cause not in CAUSES or (CAUSES[cause].watched and cause not in found):
            recover(cause)
    transaction.on_commit(notices.deliver, robust=True)


def note(cause: str, tenant: Tenant | None, facts: dict[str, Any], detail: str = "") -> bool:
    """Open an alert or note that it holds, without mailing. True when it is new."""
    if cause not in CAUSES:
        raise ValueError(f"{cause} is not a cause that watch.causes lists")
    now = timezone.now()
    still = Alert.objects.filter(
        cause=cause, tenant=tenant, detail=detail, recovered_at__isnull=True
    )
    if still.update(last_seen_at=now, facts=facts):
        return False
    try:
        with transaction.atomic():
            Alert.objects.create(
                cause=cause,
                tenant=tenant,
                detail=detail,
                facts=facts,
                first_seen_at=now,
                last_seen_at=now,
            )
    except IntegrityError:
        # Another process opened it between the two statements.
        return False
    tenant_pk = tenant.pk if tenant else "-"
    # Warnings may name bank accounts, which logs need not.
    told = {name: fact for name, fact in facts.items() if name != "warnings"}
    transaction.on_commit(
        lambda: logger.error("alert: %s, tenant %s, %s", cause, tenant_pk, told), robust=True
    )
    return True
