"""Exports of the past, many and fast: made by the database itself from one that was made."""

from __future__ import annotations

from typing import Any

from django.db import connection


def fill(tenant: Any, count: int) -> None:
    """Give `tenant` `count` finished exports, each with its attempt and three audit events."""
    numbers = {
        "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %s)",
        "postgresql": "WITH n(i) AS (SELECT generate_series(1, %s))",
    }[connection.vendor]
    with connection.cursor() as cursor:
        first = _FIRST
        cursor.execute(
            f"{numbers} INSERT INTO invoices_invoice (id, tenant_id, number, is_credit_note, date, "
            "due_date, buyer_name, currency, gross_total, content, content_sha256, created_at) "
            f"SELECT {first} + i, %s, 'H-' || i, "
            "false, '2026-01-01', '2026-01-15', 'Ostaja Oy', 'EUR', 376.50, "
            f"{_json(_CONTENT)}, '', CURRENT_TIMESTAMP FROM n",
            [count, tenant.pk],
        )
        cursor.execute(
            f"{numbers} INSERT INTO invoices_invoiceexport (id, invoice_id, tenant_id, status, "
            "attention_reason, parked_reason, problems, warnings, trigger_reason, retries, "
            "lookups, look_first, claim, remote_id, remote_number, remote_status, remote_total, "
            "submitted_at, changed_at, created_at, queued_at, corrections) "
            f"SELECT {first} + i, {first} + i, %s, 'reconciled', '', '', {_json('[]')}, "
            f"{_json('[]')}, '', 0, 0, false, '', i, 'R' || i, 'UNFINISHED', 376.50, "
            "CURRENT_TIMESTAMP, CURRENT_TIMESTAMP, CURRENT_TIMESTAMP, CURRENT_TIMESTAMP, 0 FROM n",
            [count, tenant.pk],
        )
        cursor.execute(
            f"{numbers} INSERT INTO invoices_submissionattempt (id, export_id, number, trigger, "
            "reason, correlation_id, key_fingerprint, mapping_version, software_version, "
            "started_at, request_body, request_sha256, finished_at, outcome, cause, http_status, "
            f"response_body, errors) SELECT {first} + i, {first} + i, 1, 'automatic', '', {_UUID}, "
            "'', '1', '', CURRENT_TIMESTAMP, %s, '', CURRENT_TIMESTAMP, 'accepted', '', 200, "
            f"'', {_json('[]')} FROM n",
            [count, _CONTENT],
        )
        for action in ("export.queued", "export.submitting", "export.submitted"):
            cursor.execute(
                f"{numbers} INSERT INTO invoices_auditevent (at, action, tenant_id, export_id, "
                f"data) SELECT CURRENT_TIMESTAMP, '{action}', %s, {first} + i, {_json('{}')} "
                "FROM n",
                [count, tenant.pk],
            )
        if connection.vendor == "postgresql":
            for table in ("invoice", "invoiceexport", "submissionattempt"):
                name = f"invoices_{table}"
                cursor.execute(
                    f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), max(id)) FROM {name}"
                )
        # The planner's knowledge of the tables, as a database in use has it.
        cursor.execute("ANALYZE")


_FIRST = 1000
_CONTENT = '{"rows": [' + ", ".join(['{"name": "Konsultointi", "quantity": "1"}'] * 12) + "]}"
_UUID = "'00000000000000000000000000000000'"


def _json(text: str) -> str:
    return f"'{text}'" + ("::jsonb" if connection.vendor == "postgresql" else "")
