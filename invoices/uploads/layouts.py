"""What the columns of a tenant's tables mean, as people said: found again by the headings.

Two tables have the same layout when they have the same headings, whatever their order, case, spaces
and marks. The column of errors that we add to rejected rows does not count.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from integrations.models import Tenant
from invoices import audit
from invoices.intake.columns import plain
from invoices.upload_models import ColumnLayout
from invoices.uploads import refuse_closed

#: What the heading of our own column of errors begins with, in every language.
OURS = "Flashnode: "
_OURS = re.compile(r"(?i)flashnode: ")


def is_ours(heading: str) -> bool:
    return _OURS.match(heading.strip()) is not None


def key_of(headings: Iterable[str]) -> str:
    """The digest by which tables of the same headings find their layout."""
    known = sorted({plain(heading) for heading in headings if heading and not is_ours(heading)})
    return hashlib.sha256("\x1f".join(known).encode()).hexdigest()


def find(tenant: Tenant, headings: Sequence[str]) -> ColumnLayout | None:
    return ColumnLayout.objects.filter(tenant=tenant, key=key_of(headings)).first()


def applied(layout: ColumnLayout, headings: Sequence[str]) -> dict[str, Any]:
    """The layout in the words of this table's own headings, as `StagedFile.mapping` has it."""
    here = {plain(heading): heading for heading in reversed(headings)}
    return {
        "columns": {
            field: here[plain(heading)]
            for field, heading in layout.columns.items()
            if plain(heading) in here
        },
        "unread": [here[plain(each)] for each in layout.unread if plain(each) in here],
        "decimal_mark": layout.decimal_mark,
        "date_order": layout.date_order,
    }


def save(
    tenant: Tenant, headings: Sequence[str], mapping: Mapping[str, Any], *, by: User
) -> ColumnLayout:
    """Keep what the columns of these headings mean, in place of what was known of them; raises
    TenantClosed."""
    known = [heading for heading in headings if heading and not is_ours(heading)]
    with transaction.atomic():
        locked = Tenant.objects.select_for_update(no_key=True).get(pk=tenant.pk)
        refuse_closed(locked)
        before = ColumnLayout.objects.filter(tenant=tenant, key=key_of(known)).first()
        values = {
            "columns": dict(mapping["columns"]),
            "unread": list(mapping["unread"]),
            "decimal_mark": mapping["decimal_mark"],
            "date_order": mapping["date_order"],
        }
        layout, _made = ColumnLayout.objects.update_or_create(
            tenant=tenant,
            key=key_of(known),
            defaults=values | {"headings": known, "saved_by": by, "saved_at": timezone.now()},
        )
        facts = {"layout": layout.pk, **values}
        if before is not None:
            facts["before"] = {name: getattr(before, name) for name in values}
        audit.record("columns.saved", tenant=tenant, by=by, data=facts)
    return layout


def delete(layout: ColumnLayout, *, by: User) -> None:
    """Forget it; files that were read by it keep what they were read as."""
    with transaction.atomic():
        facts = {"layout": layout.pk, "headings": layout.headings, "columns": layout.columns}
        audit.record("columns.deleted", tenant=layout.tenant, by=by, data=facts)
        layout.delete()


def used(layout: ColumnLayout) -> None:
    ColumnLayout.objects.filter(pk=layout.pk).update(used_at=timezone.now())
