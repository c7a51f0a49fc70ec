"""Whether management's figures are what a full count gives, and all evidence is sealed and whole,
after a run: counted here from the plain rows, with nothing of `invoices.reports` but the limits
of its buckets.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from invoices.reports.times import bucket_of
from tests.faults.databases import Database, Row
from tests.faults.run import Run

_HERE = ZoneInfo("Europe/Helsinki")
_COUNTED = ("taken", "failed", "waiting", "skipped", "exported", "first_pass")
_EXPORTS = (
    "SELECT e.tenant_id, e.status, e.created_at, e.submitted_at, i.currency, i.gross_total, "
    "e.corrections = 0 AND EXISTS (SELECT 1 FROM invoices_submissionattempt a WHERE "
    "a.export_id = e.id AND a.number = 1 AND a.outcome = 'accepted') AND NOT EXISTS (SELECT 1 "
    "FROM invoices_exportcause c WHERE c.export_id = e.id) AS first_pass "
    "FROM invoices_invoiceexport e JOIN invoices_invoice i ON i.id = e.invoice_id"
)
_STATES = {
    "needs_attention": "failed",
    "parked": "failed",
    "submitted": "exported",
    "reconciled": "exported",
    "skipped": "skipped",
}
#: Evidence that every export has: its creation and its moves are events, its invoice and its
#: attempts are rows.
_SEALED = (
    "SELECT (SELECT count(*) FROM invoices_auditevent) + (SELECT count(*) FROM invoices_invoice)"
    " + (SELECT count(*) FROM invoices_submissionattempt WHERE finished_at IS NOT NULL)"
    " + (SELECT count(*) FROM invoices_invoiceexport WHERE status = 'reconciled') AS least"
)

#: (tenant or None for all, day, currency) and its figures.
Books = dict[tuple[int | None, dt.date, str], Counter[Any]]


def findings(run: Run) -> list[str]:
    """Closes the books in a process of their own and compares."""
    told = run.finished("closing")
    found = []
    if any(told["counted_wrongly"].values()):
        found.append(f"figures: the back office itself finds {told['counted_wrongly']} wrong")
    found += [f"evidence: {damage}" for damage in told["damaged"]]
    least = run.database.rows(_SEALED)[0]["least"]
    if told["links"] < least or told["rows"] != told["links"]:
        found.append(f"evidence: {told['rows']} rows in {told['links']} links of {least} or more")
    return found + list(_figures(run.database))


def _figures(database: Database) -> Iterator[str]:
    kept, counted = _kept(database), _counted(database)
    for key in sorted(kept.keys() | counted.keys(), key=str):
        if kept.get(key) != counted.get(key):
            yield f"figures of {key}: {kept.get(key)} were kept, a full count is {counted.get(key)}"


def _kept(database: Database) -> Books:
    found: Books = {}
    for row in database.rows("SELECT * FROM invoices_rollup"):
        times = row["times"] if isinstance(row["times"], dict) else json.loads(row["times"])
        figures: Counter[Any] = Counter({int(bucket): n for bucket, n in times.items()})
        for name in _COUNTED:
            figures[name] = row[name]
            figures[f"{name}_total"] = _cents(row[f"{name}_total"])
        found[row["tenant_id"], _date(row["day"]), row["currency"]] = +figures
    return found


def _counted(database: Database) -> Books:
    found: Books = defaultdict(Counter)
    for row in database.rows(_EXPORTS):
        for tenant in (row["tenant_id"], None):
            _count(found, tenant, row)
    return dict(found)


def _count(found: Books, tenant: int | None, row: Row) -> None:
    cents, state = _cents(row["gross_total"]), _STATES.get(row["status"], "waiting")
    created = _moment(row["created_at"])

    def add(day: dt.date, name: str) -> Counter[Any]:
        figures = found[tenant, day, row["currency"]]
        figures[name] += 1
        figures[f"{name}_total"] += cents
        return figures

    add(created.date(), "taken")
    if state != "exported":
        add(created.date(), state)
        return
    submitted = _moment(row["submitted_at"])
    figures = add(submitted.date(), "exported")
    figures[bucket_of(submitted - created)] += 1
    if row["first_pass"]:
        add(submitted.date(), "first_pass")


def _cents(amount: Any) -> int:
    return int((Decimal(str(amount)) * 100).to_integral_value())


def _date(day: Any) -> dt.date:
    return dt.date.fromisoformat(str(day))


def _moment(value: Any) -> dt.datetime:
    """SQLite keeps moments as texts, in UTC."""
    moment = dt.datetime.fromisoformat(value) if isinstance(value, str) else value
    return (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).astimezone(_HERE)
