"""The only way to a new version of a tenant's mapping table.

A new version is rehearsed first: `Rehearsal.settings_tried` has it under TRIED, as {table, since,
entries}. Writes MappingVersion.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from integrations import going_live
from integrations.mapping_models import MappingVersion, entries_on
from integrations.models import Tenant
from integrations.rehearsal_models import Rehearsal
from integrations.signals import acted

TRIED = going_live.MAPPING_TABLE


def difference(before: dict[str, Any], after: dict[str, Any]) -> list[dict[str, Any]]:
    """What one table has and the other has not: [{word, before, after}]."""
    return [
        {"word": word, "before": before.get(word), "after": after.get(word)}
        for word in sorted(before.keys() | after.keys())
        if before.get(word) != after.get(word)
    ]


def save_version(rehearsal: Rehearsal, *, by: Any, reason: str) -> MappingVersion | None:
    """Keep the table that `rehearsal` tried as a new version. None when somebody else did at the
    same moment; raises NotReady, also without a reason and when anything the rehearsal went by
    has changed since."""
    tried = rehearsal.settings_tried[TRIED]
    with transaction.atomic():
        tenant = Tenant.objects.select_for_update().get(pk=rehearsal.tenant_id)
        rehearsal.refresh_from_db()
        gate = going_live.settings_gate(tenant, rehearsal)
        gate.pass_through(reason)
        if not reason.strip():
            raise going_live.NotReady(_("A change of a table needs a reason."), reason_opens=True)
        if not Rehearsal.objects.filter(pk=rehearsal.pk, saved_at=None).update(
            saved_at=timezone.now()
        ):
            return None
        since = dt.date.fromisoformat(tried["since"])
        found = difference(entries_on(tenant, tried["table"], since), tried["entries"])
        version = MappingVersion.objects.create(
            tenant=tenant,
            table=tried["table"],
            since=since,
            entries=tried["entries"],
            difference=found,
            reason=reason.strip(),
            created_by=by,
            rehearsal=rehearsal,
        )
        facts = {"version": version.pk, "table": version.table, "since": tried["since"]}
        acted.send(
            Tenant,
            action="tenant.mapping_changed",
            tenant=tenant,
            by=by,
            data=facts | {"difference": found, "reason": reason.strip()} | gate.facts,
        )
    return version
