"""Whether the figures are right: every export against its fact, every day against its facts.

Locks nothing and may run while exports move. What has moved since the last pass is left out: its
audit event is newer than the cursor.
"""

from __future__ import annotations

from invoices.models import AuditEvent
from invoices.reports.facts import present, stored
from invoices.reports.rolling import chunks_of_exports, cursor, differing, owners, roll_up
from invoices.watch import raise_alert, recover

ALERT = "figures_differ"
_AT_ONCE = 1000


def check() -> dict[str, int]:
    """How many {exports, days} are counted wrongly. Reads only."""
    exports = sum(_wrong(pks) for pks in chunks_of_exports(_AT_ONCE))
    return {"exports": exports, "days": sum(differing(tenant) for tenant in owners())}


def check_and_alert() -> dict[str, int]:
    """Every night: count what there is to count, check all of it, and say when it differs."""
    roll_up()
    found = check()
    if any(found.values()):
        raise_alert(ALERT, facts=found)
    else:
        recover(ALERT)
    return found


def _wrong(export_pks: list[int]) -> int:
    settled = cursor().settled
    old, new = stored(export_pks), present(export_pks)
    wrong = {pk for pk, fact in new.items() if old.get(pk) != fact}
    if not wrong:
        return 0
    later = AuditEvent.objects.filter(export__in=wrong, pk__gt=settled)
    return len(wrong - set(later.values_list("export", flat=True)))
