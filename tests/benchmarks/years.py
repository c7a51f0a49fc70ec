"""Two years of exports of several tenants, made by the database itself from one real invoice.

98.5 % are reconciled; what needs somebody is mostly of the last ten weeks. Every export has its
received item, attempt and audit events; some have corrections, look-ups, cases and causes.
"""

from __future__ import annotations

import itertools
import json
import time
from typing import Any

from django.db import connection

from invoices import finding
from invoices.exports.causes import key_of
from tests import factories

TENANTS = 20
_BUYERS = 5000
_CAUSES = (
    ("vat_category_unmapped", "rows[].vat_category", "K"),
    ("vat_category_unmapped", "rows[].vat_category", "E"),
    ("ERROR_VATSTATUS_VATPERC", "", ""),
    ("buyer_country_missing", "buyer.address.country", ""),
    ("bank_account_missing", "seller_account", ""),
    ("retries_exhausted", "", ""),
)
_FIRST_WORDS = ("Suomen", "Helsingin", "Oy", "Asunto Oy", "Tampereen", "Kiinteistö Oy", "Nordic")
_SECOND_WORDS = ("Rakennus", "Kukka", "Metalli", "Öljy", "Kirja", "Leipomo", "Sähkö", "Ääni")


def fill(tenants: list[Any], count: int, *, first: int, content: dict[str, Any], user: Any) -> None:
    """`count` exports with primary keys from `first` + 1. The keys of `tenants` follow each
    other."""
    with connection.cursor() as cursor:
        _quickly(cursor)
        _scratch(cursor, tenants, count, first)
        for statement in _statements(tenants[0].pk, first, content, user.pk):
            # Nothing is a parameter: percent signs are arithmetic.
            cursor.execute(statement)
        cursor.execute("DROP TABLE made")
        cursor.execute("DROP TABLE buyers")
        cursor.execute("DROP TABLE tails")
        cursor.execute("DROP TABLE reasons")
        _settle(cursor)


def compare(tenants: list[Any]) -> None:
    """A day compared for each day with invoices, all equal but for some; differences of two per
    cent of the exports, most of them done; and a chain of evidence for each tenant and year."""
    entry, sums = (
        ("json_group_array({})", "json_array(json_object({}))")
        if connection.vendor == "sqlite"
        else ("jsonb_agg({})", "jsonb_build_array(jsonb_build_object({}))")
    )
    array = "json_array" if connection.vendor == "sqlite" else "jsonb_build_array"
    line = (
        f"{array}(remote_id, number, date, currency, CAST(gross_total AS text), remote_status, "
        "remote_number, buyer_name)"
    )
    pair = f"{array}(count(*), CAST(sum(gross_total) AS text))"
    parts = f"'currency', 'EUR', 'received', {pair}, 'exported', {pair}, 'remote', {pair}"
    both = "invoices_invoiceexport e JOIN invoices_invoice i ON i.id = e.invoice_id"
    with connection.cursor() as cursor:
        _quickly(cursor)
        cursor.execute(
            "INSERT INTO invoices_ledgerday (tenant_id, day, verdict, cause, sums, entries, "
            f"others, read_at, breaks) SELECT e.tenant_id, date, CASE WHEN count(*) % 9 = 0 THEN "
            f"'different' ELSE 'equal' END, '', {sums.format(parts)}, {entry.format(line)}, 0, "
            f"max(e.created_at), {_json('[]')} FROM {both} GROUP BY e.tenant_id, date"
        )
        cursor.execute(
            "INSERT INTO invoices_ledgerdifference (tenant_id, day, kind, export_id, remote_id, "
            "number, currency, total, facts, since, ended_at, reason) SELECT e.tenant_id, date, "
            "CASE WHEN e.id % 3 = 0 THEN 'missing_there' ELSE 'other_total' END, e.id, remote_id, "
            f"number, currency, gross_total, {_json('{}')}, e.created_at, CASE WHEN e.id % 1000 > "
            f"0 THEN e.created_at END, '' FROM {both} WHERE e.id % 50 = 0"
        )
        for tenant in tenants:
            cursor.execute(
                "INSERT INTO invoices_evidencechain (tenant_id, starts_on, ends_on, made_at, "
                f"genesis) SELECT {tenant.pk}, min(date), max(date), min(created_at), {_bytes()} "
                f"FROM invoices_invoice WHERE tenant_id = {tenant.pk}"
            )
        _settle(cursor)


def _quickly(cursor: Any) -> None:
    """A crash would lose the database, and nothing checks foreign keys: it can be made again."""
    if connection.vendor == "sqlite":
        for pragma in ("synchronous=OFF", "foreign_keys=OFF", "cache_size=-500000"):
            cursor.execute(f"PRAGMA {pragma}")
    else:
        cursor.execute("SET synchronous_commit = off")
        cursor.execute("SET session_replication_role = replica")


def _settle(cursor: Any) -> None:
    """As a database in use: sequences go on after the rows, and the planner knows the tables."""
    if connection.vendor == "postgresql":
        cursor.execute("SET session_replication_role = DEFAULT")
        for table in ("receivedfile", "invoice", "invoiceexport", "submissionattempt"):
            name = f"invoices_{table}"
            cursor.execute(
                f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), max(id)) FROM {name}"
            )
        cursor.execute("VACUUM ANALYZE")
    else:
        cursor.execute("ANALYZE")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA cache_size=-2000")


def _scratch(cursor: Any, tenants: list[Any], count: int, first: int) -> None:
    """Tables for the statements to join: `buyers`, their `tails`, `reasons`, and `made` with one
    row an export."""
    cursor.execute("CREATE TEMPORARY TABLE buyers (n integer PRIMARY KEY, name text)")
    pairs = itertools.product(_FIRST_WORDS, _SECOND_WORDS)
    named = [f"{one} {two}" for one, two in pairs]
    rows = [(n, f"{named[n % len(named)]} {n // len(named) + 1} Oy") for n in range(_BUYERS)]
    cursor.executemany("INSERT INTO buyers VALUES (%s, %s)", rows)
    cursor.execute("CREATE TEMPORARY TABLE tails (n integer, key text)")
    tails = [(n, key) for n, name in rows for key in finding.keys_of("", name)]
    cursor.executemany("INSERT INTO tails VALUES (%s, %s)", tails)
    cursor.execute("CREATE INDEX tails_of ON tails (n)")
    cursor.execute(
        "CREATE TEMPORARY TABLE reasons (tenant integer, n integer, key text, code text, "
        "field text, value text, problems text, PRIMARY KEY (tenant, n))"
    )
    reasons = [
        (tenant.pk, n, key_of(tenant.pk, *cause), *cause, json.dumps([_problem(*cause)]))
        for tenant in tenants
        for n, cause in enumerate(_CAUSES)
    ]
    cursor.executemany("INSERT INTO reasons VALUES (%s, %s, %s, %s, %s, %s, %s)", reasons)
    numbers = {
        "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {})",
        "postgresql": "WITH n(i) AS (SELECT generate_series(1, {}))",
    }[connection.vendor].format(count)
    new = f"i > {9 * count // 10}"
    began, span = int(time.time()) - 730 * 86400, 730 * 86400 - 7200
    cursor.execute(
        f"CREATE TEMPORARY TABLE made AS {numbers} SELECT i, {first} + i AS id, "
        f"{tenants[0].pk} + CASE WHEN i % 5 < 2 THEN 0 ELSE 1 + i % {len(tenants) - 1} END "
        f"AS tenant, (CAST(i AS bigint) * 7919) % {_BUYERS} AS buyer, "
        f"i % {len(_CAUSES)} AS reason, "
        f"{began} + CAST({span} * (i * 1.0 / {count}) AS bigint) AS at, "
        f"CASE WHEN {new} AND i % 200 < 11 OR i % 10000 < 5 THEN 'needs_attention' "
        f"WHEN {new} AND i % 200 < 16 THEN 'parked' WHEN {new} AND i % 200 < 18 THEN 'unknown' "
        f"WHEN {new} AND i % 200 < 24 THEN 'queued' "
        f"WHEN {new} AND i % 200 < 26 THEN 'submitted' WHEN i % 1000 = 999 THEN 'skipped' "
        "ELSE 'reconciled' END AS status FROM n"
    )


def _problem(code: str, field: str, value: str) -> dict[str, str]:
    return {"code": code, "place": field, "value": value, "expected": ""}


def _statements(tenant: int, first: int, content: dict[str, Any], user: int) -> list[str]:
    """In the order of their foreign keys."""
    at, day, due = _moment("at"), _day("at"), _day("at + 1209600")
    # Three of four invoices come in files of 500, the others alone.
    file = f"{first} + CASE WHEN i % 4 = 0 THEN i ELSE i / 500 * 4 + 1 END"
    body = json.dumps(content).replace("'", "''")
    in_procountor = "status IN ('reconciled', 'submitted')"
    corrected = "status <> 'skipped' AND i % 100 = 7"
    address = content["buyer"]["address"] | {"name": "Oikaistu Oy"}
    renamed = content | {"buyer": content["buyer"] | {"address": address}}
    attempted = "status NOT IN ('queued', 'skipped')"
    return [
        "INSERT INTO invoices_receivedfile (id, tenant_id, name, content, sha256, size, format, "
        f"problems, received_at, received_via) SELECT {file}, min(tenant), 'lasku-' || min(i) || "
        f"'.xml', {_bytes()}, 'd' || min(i), 1000, 'finvoice', {_json('[]')}, "
        f"{_moment('min(at)')}, 'upload' FROM made GROUP BY 1",
        "INSERT INTO invoices_invoice (id, tenant_id, number, is_credit_note, date, due_date, "
        "buyer_name, currency, gross_total, content, content_sha256, created_at) SELECT id, "
        f"tenant, 'H-' || id, i % 50 = 0, {day}, {due}, name, 'EUR', 100 + i % 900, "
        f"{_json(body)}, '', {at} FROM made JOIN buyers ON buyers.n = buyer",
        "INSERT INTO invoices_receiveditem (file_id, position, number, outcome, invoice_id, "
        f"problems, warnings) SELECT {file}, i, 'H-' || id, 'accepted', id, {_json('[]')}, "
        f"{_json('[]')} FROM made",
        "INSERT INTO invoices_invoiceexport (id, invoice_id, tenant_id, status, attention_reason, "
        "parked_reason, problems, warnings, trigger_reason, retries, lookups, look_first, claim, "
        "remote_id, remote_number, remote_status, remote_total, submitted_at, changed_at, "
        "created_at, queued_at, not_before, corrections) SELECT id, id, made.tenant, status, "
        "CASE status WHEN 'needs_attention' THEN 'refused' ELSE '' END, "
        "CASE status WHEN 'parked' THEN 'closed_period' ELSE '' END, "
        f"CASE WHEN status IN ('needs_attention', 'parked') THEN {_as_json('problems')} "
        f"ELSE {_json('[]')} END, {_json('[]')}, '', 0, 0, false, '', "
        f"CASE WHEN {in_procountor} THEN id END, "
        f"CASE WHEN {in_procountor} THEN '5' || id ELSE '' END, "
        f"CASE WHEN {in_procountor} THEN 'UNFINISHED' ELSE '' END, NULL, "
        f"CASE WHEN {in_procountor} THEN {at} END, {at}, {at}, {at}, "
        f"CASE WHEN status IN ('queued', 'unknown', 'submitted') THEN {_moment('at + 86400000')} "
        f"END, CASE WHEN {corrected} THEN 1 ELSE 0 END "
        "FROM made JOIN reasons ON reasons.tenant = made.tenant AND reasons.n = made.reason",
        "INSERT INTO invoices_searchkey (export_id, key) SELECT id, 'h ' || id FROM made "
        "UNION ALL SELECT id, key FROM made JOIN tails ON tails.n = buyer "
        f"UNION ALL SELECT id, 'oikaistu oy' FROM made WHERE {corrected}",
        "INSERT INTO invoices_submissionattempt (export_id, number, trigger, reason, "
        "correlation_id, key_fingerprint, mapping_version, software_version, started_at, "
        "request_body, request_sha256, finished_at, outcome, cause, http_status, response_body, "
        f"errors) SELECT id, 1, 'automatic', '', {_UUID}, '', '1', '', {at}, '{body}', '', {at}, "
        f"CASE WHEN {in_procountor} THEN 'accepted' WHEN status = 'unknown' THEN 'unknown' "
        f"ELSE 'refused' END, '', 200, '', {_json('[]')} FROM made WHERE {attempted}",
        *(
            "INSERT INTO invoices_auditevent (at, action, tenant_id, export_id, data) "
            f"SELECT {at}, {action}, tenant, id, {_json('{}')} FROM made"
            for action in ("'export.queued'", "'export.submitting'", "'export.' || status")
        ),
        "INSERT INTO invoices_lookup (export_id, purpose, after_attempt, asked_at, answered_at, "
        f"query, hits, found, verdict, cause) SELECT id, 'unknown', 1, {at}, {at}, {_json('{}')}, "
        f"{_json('[]')}, {_json('{}')}, 'absent', '' FROM made "
        "WHERE status = 'unknown' OR i % 50 = 3",
        "INSERT INTO invoices_correction (export_id, number, date, content, changes, reason, by_id,"
        f" at) SELECT id, 1, {day}, {_json(json.dumps(renamed))}, {_json('[]')}, 'x', {user}, {at} "
        f"FROM made WHERE {corrected}",
        "INSERT INTO invoices_exportcause (export_id, tenant_id, key, code, field, value, expected,"
        " euros, began_at, ended_at, settled) SELECT made.id, made.tenant, key, code, field, "
        f"value, '', 100 + i % 900, {at}, CASE WHEN status IN ('needs_attention', 'parked') "
        f"THEN NULL ELSE {at} END, status NOT IN ('needs_attention', 'parked') FROM made "
        "JOIN reasons ON reasons.tenant = made.tenant AND reasons.n = made.reason "
        "WHERE status IN ('needs_attention', 'parked') OR i % 50 = 9",
        "INSERT INTO invoices_case (export_id, assignee_id, snoozed_until) SELECT id, "
        f"CASE WHEN i % 2 = 0 THEN {user} END, CASE WHEN i % 20 = 0 THEN "
        f"{_moment('at + 86400000')} END FROM made WHERE status = 'needs_attention' AND i % 4 = 0",
        "INSERT INTO invoices_alert (cause, tenant_id, detail, facts, first_seen_at, last_seen_at, "
        f"recovered_at, mail_error) SELECT 'export_waits', tenant, '', {_json('{}')}, {at}, {at}, "
        f"{at}, '' FROM made WHERE i % 500 = 1",
    ]


_UUID = "'00000000000000000000000000000000'"


def _json(text: str) -> str:
    return f"'{text}'" + ("::jsonb" if connection.vendor == "postgresql" else "")


def _as_json(column: str) -> str:
    return f"{column}::jsonb" if connection.vendor == "postgresql" else column


def _bytes() -> str:
    return "'\\x3c'::bytea" if connection.vendor == "postgresql" else "x'3c'"


def _moment(seconds: str) -> str:
    """A moment from seconds since 1970."""
    if connection.vendor == "postgresql":
        return f"to_timestamp({seconds})"
    return f"datetime({seconds}, 'unixepoch')"


def _day(seconds: str) -> str:
    if connection.vendor == "postgresql":
        return f"CAST(to_timestamp({seconds}) AS date)"
    return f"date({seconds}, 'unixepoch')"


def content_of_one() -> dict[str, Any]:
    """The document of an invoice of three rows, as intake keeps it."""
    from invoices.document import InvoiceDocument

    one = factories.invoice()
    rows = [one["rows"][0] | {"name": f"Konsultointi {n}"} for n in range(3)]
    return InvoiceDocument.model_validate(one | {"rows": rows, "gross_total": None}).as_json()
