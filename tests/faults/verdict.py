"""Everything that must hold after a run, whatever happened in it, as a list of findings.

A finding is a sentence that names the invoice; no finding is the only good result.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import urllib.parse
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from invoices.enums import AttemptOutcome, ExportStatus
from invoices.exports import ALLOWED_MOVES
from tests.faults.databases import Database, Row, texts
from tests.faults.run import Run

#: API keys and access tokens are both JWTs; a made-up header would do as well.
_JWT = re.compile(r"eyJ[\w-]{5,}\.eyJ[\w-]+\.[\w-]+")
_EXPORTS = (
    "SELECT e.id, e.status, e.attention_reason, e.problems, i.number, i.gross_total, t.slug"
    " FROM invoices_invoiceexport e JOIN invoices_invoice i ON i.id = e.invoice_id"
    " JOIN integrations_tenant t ON t.id = e.tenant_id ORDER BY e.id"
)
_ATTEMPTS = (
    "SELECT export_id, number, finished_at, outcome, request_body, request_sha256"
    " FROM invoices_submissionattempt ORDER BY export_id, number"
)
_EVENTS = (
    "SELECT export_id, action, data FROM invoices_auditevent"
    " WHERE export_id IS NOT NULL ORDER BY id"
)
_TRAIL = (
    ("invoices_invoiceexport", "id"),
    ("invoices_submissionattempt", "export_id"),
    ("invoices_lookup", "export_id"),
    ("invoices_auditevent", "export_id"),
)
_LONG = ("request_body", "request_sha256", "response_body", "mapping_version", "software_version")


def findings(run: Run, tenants: list[Row]) -> list[str]:
    """All that is wrong with the run's database, ledger, request log, tables and logs."""
    exports = run.database.rows(_EXPORTS)
    names = {row["id"]: f"{row['slug']} {row['number']}" for row in exports}
    attempts: dict[int, list[Row]] = defaultdict(list)
    for row in run.database.rows(_ATTEMPTS):
        attempts[row["export_id"]].append(row)
    return [
        *_ledger_findings(run, tenants),
        *_export_findings(run, exports),
        *_attempt_findings(exports, attempts, names),
        *_post_findings(run, tenants, exports, attempts),
        *_walk_findings(run.database, exports, names),
        *leak_findings(run),
    ]


def _ledger_findings(run: Run, tenants: list[Row]) -> Iterator[str]:
    """Every invoice is in Procountor's ledger exactly once, with its sum."""
    slugs = {tenant["company_id"]: tenant["slug"] for tenant in tenants}
    booked: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for invoice in run.sandbox("ledger"):
        key = (slugs[invoice["companyId"]], invoice["originalInvoiceNumber"])
        booked[key].append(invoice["invoiceSumInfo"][0]["invoiceSumTotal"])
    for key, gross in run.expected.items():
        sums = booked.pop(key, [])
        if sums != [gross]:
            yield f"{' '.join(key)}: in the ledger {len(sums)} times, {sums} instead of {gross}"
    yield from (f"{' '.join(key)}: in the ledger, but nobody handed it in" for key in booked)


def _export_findings(run: Run, exports: list[Row]) -> Iterator[str]:
    """Every invoice has an export, and every export is reconciled."""
    known = {(row["slug"], row["number"]) for row in exports}
    yield from (f"{' '.join(key)}: has no export" for key in run.expected.keys() - known)
    for row in exports:
        if row["status"] != ExportStatus.RECONCILED:
            why = f"{row['attention_reason']} {row['problems']}"
            yield f"{row['slug']} {row['number']}: ended as {row['status']} {why}"


def _attempt_findings(
    exports: list[Row], attempts: dict[int, list[Row]], names: dict[int, str]
) -> Iterator[str]:
    """Attempts are numbered 1 to n, closed, at most one accepted, and hold what was sent."""
    for export in exports:
        rows, name = attempts[export["id"]], names[export["id"]]
        if [row["number"] for row in rows] != list(range(1, len(rows) + 1)):
            yield f"{name}: attempts numbered {[row['number'] for row in rows]}"
        for row in rows:
            if row["finished_at"] is None or row["outcome"] not in AttemptOutcome.values:
                yield f"{name}: attempt {row['number']} is open"
            if hashlib.sha256(row["request_body"].encode()).hexdigest() != row["request_sha256"]:
                yield f"{name}: attempt {row['number']} does not match its checksum"
            sent = json.loads(row["request_body"])["originalInvoiceNumber"]
            if sent != export["number"]:
                yield f"{name}: attempt {row['number']} submitted {sent}"
        outcomes = Counter(row["outcome"] for row in rows)
        if not rows or outcomes[AttemptOutcome.ACCEPTED] > 1:
            yield f"{name}: {len(rows)} attempts, outcomes {dict(outcomes)}"


def _post_findings(
    run: Run, tenants: list[Row], exports: list[Row], attempts: dict[int, list[Row]]
) -> Iterator[str]:
    """At most one POST per attempt. A 401 was certainly not processed, so the client repeats
    that request once: an attempt may be one 401 and one more POST, or two 401s."""
    made: Counter[str] = Counter()
    for export in exports:
        made[export["slug"]] += len(attempts[export["id"]])
    posted, refused = posts(run)
    for tenant in tenants:
        slug, company_id = tenant["slug"], tenant["company_id"]
        counted = (posted[company_id], refused[company_id], made[slug])
        if counted[0] > counted[2] or counted[0] + counted[1] > 2 * counted[2]:
            yield f"{slug}: {counted[0]} POSTs and {counted[1]} with 401 for {counted[2]} attempts"


def posts(run: Run) -> tuple[Counter[int], Counter[int]]:
    """POSTs of invoices that reached the sandbox per company: answered 401, and all others."""
    posted: Counter[int] = Counter()
    refused: Counter[int] = Counter()
    for request in run.sandbox("requests"):
        if (request["method"], request["path"]) == ("POST", "/invoices"):
            (refused if request["status"] == 401 else posted)[request["company_id"]] += 1
    return posted, refused


def _walk_findings(database: Database, exports: list[Row], names: dict[int, str]) -> Iterator[str]:
    """The audit events of each export are a walk along ALLOWED_MOVES, one event a move, that
    begins with its creation and ends at its present status."""
    walks: dict[int, list[Row]] = defaultdict(list)
    for event in database.rows(_EVENTS):
        walks[event["export_id"]].append(event)
    for export in exports:
        broken = _broken_at(walks[export["id"]], ExportStatus(export["status"]))
        if broken:
            yield f"{names[export['id']]}: {broken}"


def _broken_at(events: Iterable[Row], last: ExportStatus) -> str:
    at: ExportStatus | None = None
    for event in events:
        word = event["action"].removeprefix("export.")
        if word == "created":
            if at is not None:
                return f"created again while {at}"
            at = ExportStatus.DRAFT
        elif event["action"] == f"export.{word}" and word in ExportStatus.values:
            data = event["data"] if isinstance(event["data"], dict) else json.loads(event["data"])
            new = ExportStatus(word)
            if at is None or data["from"] != at or new not in ALLOWED_MOVES[at]:
                return f"the audit trail goes from {data['from']} to {new} while at {at}"
            at = new
    return "" if at == last else f"the audit trail ends at {at}, the export is {last}"


def trails(run: Run, found: Iterable[str], most: int = 5) -> Iterator[str]:
    """What the database knows of the first exports that `found` names: to see how it came."""
    named = dict.fromkeys(finding.partition(":")[0] for finding in found)
    for row in run.database.rows(_EXPORTS):
        name = f"{row['slug']} {row['number']}"
        if name not in named or most <= 0:
            continue
        most -= 1
        yield f"=== {name}"
        for table, key in _TRAIL:
            for entry in run.database.rows(f"SELECT * FROM {table} WHERE {key} = {row['id']}"):
                shown = {k: v for k, v in entry.items() if k not in _LONG and v not in ("", None)}
                yield f"{table.partition('_')[2]}: {shown}"


def leak_findings(run: Run) -> Iterator[str]:
    """No secret of ours, no API key and no access token in a table, a file or a log."""
    keys = {f"API key {c['id']}": c["api_key"] for c in run.sandbox("companies")}
    needles = {
        form: name for name, value in (run.hidden | keys).items() for form in _disguises(value)
    }
    for place, text in _everything(run):
        found = {name for form, name in needles.items() if form in text}
        if _JWT.search(text):
            found.add("a JWT")
        yield from (f"{name} stands in {place}" for name in sorted(found))


def _disguises(secret: str) -> Iterator[str]:
    yield secret
    yield urllib.parse.quote(secret, safe="")
    yield base64.b64encode(secret.encode()).decode()
    # Where a key is cut decides nothing: a third of its signature is as bad as the whole.
    yield secret[-max(12, len(secret) // 3) :]


def _everything(run: Run) -> Iterator[tuple[str, str]]:
    for table, text in texts(run.database):
        yield f"table {table}", text
    for path in sorted(run.folder.rglob("*")):
        if path.is_file():
            yield f"file {path.name}", path.read_bytes().decode("utf-8", "replace")
