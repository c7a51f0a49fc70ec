"""Notes uses of a key that leave no row of their own: every request for an access token, which is
where the key itself is sent, and reading back that failed. Asked by `proof`."""

from __future__ import annotations

import datetime as dt

from django.db.models import F, Max, Sum
from django.utils import timezone

from integrations.enums import TenantState
from integrations.key_use_models import KeyUse
from integrations.models import Credential, Tenant


def note(credential: Credential, kind: KeyUse.Kind) -> None:
    """One use, now: noted before the request leaves, so that none is denied later."""
    now = timezone.now()
    state, ended_at = Tenant.objects.values_list("state", "closed_at").get(pk=credential.tenant_id)
    if state == TenantState.CLOSED and ended_at is None:
        ended_at = now
    same = {"credential": credential, "kind": kind, "ended_at": ended_at}
    known = KeyUse.objects.filter(**same).order_by("pk").values("pk")[:1]
    # Two at once may both make a row: they are summed.
    if not KeyUse.objects.filter(pk__in=list(known.values_list("pk", flat=True))).update(
        count=F("count") + 1, last_at=now
    ):
        KeyUse.objects.create(**same, count=1, last_at=now)


def last_by_key(tenant: Tenant, kind: KeyUse.Kind) -> dict[str, dt.datetime]:
    """The newest noted use of each key, by the first 12 characters of its fingerprint."""
    noted = KeyUse.objects.filter(credential__tenant=tenant, kind=kind).order_by()
    found = noted.values_list("credential__fingerprint").annotate(Max("last_at"))
    return {mark[:12]: at for mark, at in found}


def count_after(tenant: Tenant, kind: KeyUse.Kind, after: dt.datetime | None) -> int:
    """How many were noted after the end of the connection; 0 without one."""
    if after is None:
        return 0
    noted = KeyUse.objects.filter(credential__tenant=tenant, kind=kind, ended_at__isnull=False)
    return noted.filter(last_at__gt=after).aggregate(sum=Sum("count"))["sum"] or 0
