"""Pages of exports that lose nothing and repeat nothing while rows change and come in.

Exports stand in the order of their primary keys, which never change, and a page begins after the
last key of the one before. Exports of a tenant are made under its lock (`filing`), so none with an
older key becomes visible later.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.core import signing
from django.db import connection
from django.utils import timezone

from integrations.models import Tenant
from invoices.models import InvoiceExport

_SALT = "invoices.api.exports"
#: Clocks of machines in order differ by less, and nobody waits longer between noting the moment of
#: a change and writing it.
_OVERLAP = dt.timedelta(seconds=60)
#: Writing transactions: those that only read hold nothing up.
_OLDEST_WRITER = (
    "SELECT min(xact_start) FROM pg_stat_activity "
    "WHERE datname = current_database() AND backend_xid IS NOT NULL AND pid <> pg_backend_pid()"
)


class CursorWrong(ValueError):
    """The text is no cursor of this tenant."""


@dataclass(frozen=True)
class Walk:
    """What is walked through, and how far: `statuses` empty means all; `as_of` is the moment
    from which the next walk has to begin."""

    tenant: int
    statuses: tuple[str, ...]
    changed_since: dt.datetime | None
    as_of: dt.datetime
    after: int = 0

    def cursor(self, after: int) -> str:
        since = self.changed_since.isoformat() if self.changed_since else ""
        parts = [self.tenant, list(self.statuses), since, self.as_of.isoformat(), after]
        return signing.dumps(parts, salt=_SALT, compress=True)


def begin(tenant: Tenant, statuses: tuple[str, ...], changed_since: dt.datetime | None) -> Walk:
    """A walk from the first page on."""
    return Walk(tenant.pk, statuses, changed_since, _settled_before() - _OVERLAP)


def go_on(tenant: Tenant, cursor: str) -> Walk:
    """The walk that `cursor` belongs to. Raises CursorWrong."""
    try:
        owner, statuses, since, as_of, after = signing.loads(cursor, salt=_SALT)
    except signing.BadSignature:
        raise CursorWrong from None
    if owner != tenant.pk:
        raise CursorWrong
    changed_since = dt.datetime.fromisoformat(since) if since else None
    return Walk(owner, tuple(statuses), changed_since, dt.datetime.fromisoformat(as_of), after)


def page_of(walk: Walk, limit: int) -> tuple[list[InvoiceExport], str | None]:
    """The next `limit` exports at most, and the cursor of the page after them."""
    exports = InvoiceExport.objects.filter(tenant=walk.tenant, pk__gt=walk.after)
    if walk.statuses:
        exports = exports.filter(status__in=walk.statuses)
    if walk.changed_since is not None:
        exports = exports.filter(changed_at__gte=walk.changed_since)
    page = list(exports.select_related("invoice").order_by("pk")[: limit + 1])
    more = len(page) > limit
    return page[:limit], walk.cursor(page[limit - 1].pk) if more else None


def _settled_before() -> dt.datetime:
    """Whoever writes now began after this moment, so changes before it are visible by now."""
    oldest = timezone.now()
    if connection.vendor == "postgresql":
        with connection.cursor() as sql:
            sql.execute(_OLDEST_WRITER)
            (started,) = sql.fetchone()
        oldest = min(oldest, started or oldest)
    return oldest
