"""A year of exports sealed and verified: `python -m tests.benchmarks.evidence [--exports 100000]
[--database sqlite|postgres]`.

The rows are made by SQL: of each export an invoice of its own, the item of its file, the export,
its attempt, and the five audit events of one that passes at once. Sealing and verifying are
processes of their own, so that what they used comes from the kernel. Ends with 1 when a row is
not sealed, or verifying does not find the one that was changed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.benchmarks import office as offices
from tests.benchmarks.processes import ROOT

_EVENTS = {
    "export.created": {},
    "export.queued": {"from": "draft"},
    "export.submitting": {"from": "queued"},
    "export.submitted": {"from": "submitting", "remote_id": 123456},
    "export.reconciled": {"from": "submitted"},
}
FIRST = 1000


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.evidence")
    parser.add_argument("--exports", type=int, default=100_000)
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    options = parser.parse_args()
    with offices.opened(options.database, tenants=1) as office:
        result = measure(office, options.exports)
    print(json.dumps(result, indent=1))
    return 1 if result["wrong"] else 0


def measure(office: offices.Office, count: int) -> dict[str, Any]:
    from django.db import connection

    from invoices.evidence_models import EvidenceLink

    (tenant,) = office.tenants
    offices.take_in(tenant, 1, "T")
    fill(tenant, count)
    empty = _bytes()
    sealed = _run(office, "seal_audit")
    links = EvidenceLink.objects.count()
    again = _run(office, "seal_audit")
    full = _bytes()
    verified = _run(office, "verify_audit")
    with connection.cursor() as cursor:
        _change_one(cursor, count)
    found = _run(office, "verify_audit")
    return {
        "exports": count,
        "database": office.database,
        "rows": links,
        "sealing_rows_per_second": sealed["facts"]["rows_per_second"],
        "sealing_seconds": sealed["facts"]["seconds"],
        "sealing_cpu_seconds": sealed["cpu_seconds"],
        "sealing_peak_mb": sealed["peak_mb"],
        "idle_pass_seconds": again["facts"]["seconds"],
        "verifying_rows_per_second": verified["facts"]["rows_per_second"],
        "verifying_seconds": verified["facts"]["seconds"],
        "verifying_cpu_seconds": verified["cpu_seconds"],
        "verifying_peak_mb": verified["peak_mb"],
        "bytes_per_export": round((full - empty) / count),
        "bytes_per_link": round((full - empty) / links),
        "found": found["facts"]["findings"],
        "wrong": verified["code"] != 0
        or again["facts"]["sealed"] != 0
        or [f["what"] for f in found["facts"]["findings"]] != ["row changed"],
    }


def _run(office: offices.Office, command: str) -> dict[str, Any]:
    """One of our commands: its facts and exit code, and what it used."""
    arguments = [sys.executable, "-c", _MEASURED, "manage.py", command, "--json"]
    done = subprocess.run(
        arguments, cwd=ROOT, env=os.environ | office.environment, capture_output=True, text=True
    )
    # Warnings of Python's own may stand around it.
    facts = next(json.loads(line) for line in done.stdout.splitlines() if line.startswith("{"))
    used = json.loads(done.stderr.strip().splitlines()[-1])
    return {"facts": facts, "code": done.returncode} | used


#: Runs a program and tells what it used on the last line of its errors.
_MEASURED = """
import json, resource, runpy, sys
sys.argv = sys.argv[1:]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
finally:
    used = resource.getrusage(resource.RUSAGE_SELF)
    facts = {
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 2),
        "peak_mb": round(used.ru_maxrss / 1024, 1),
    }
    print(json.dumps(facts), file=sys.stderr)
"""


def _bytes() -> int:
    """The size of the links with their indexes; on SQLite of the whole file."""
    from django.db import connection

    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT pg_total_relation_size('invoices_evidencelink')")
            return int(cursor.fetchone()[0])
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return Path(connection.settings_dict["NAME"]).stat().st_size


def _change_one(cursor: Any, count: int) -> None:
    """As somebody with the rights of the database would."""
    from django.db import connection

    if connection.vendor == "postgresql":
        cursor.execute("SET session_replication_role = replica")
    else:
        cursor.execute("DROP TRIGGER invoices_submissionattempt_update")
    cursor.execute(
        "UPDATE invoices_submissionattempt SET http_status = 201 WHERE id = %s",
        [FIRST + count // 2],
    )


def fill(tenant: Any, count: int) -> None:
    """Give `tenant` finished exports with all that belongs to them, spread over one year."""
    from django.db import connection

    from invoices.models import Invoice, ReceivedFile

    postgres = connection.vendor == "postgresql"
    numbers = (
        "WITH n(i) AS (SELECT generate_series(1, %s)) "
        if postgres
        else "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %s) "
    )
    at = (
        f"timestamptz '2026-01-01 10:00+00' + i * interval '{330 * 86_400 / count} s'"
        if postgres
        else "strftime('%%Y-%%m-%%d %%H:%%M:%%f', '2026-01-01 10:00:00', "
        f"(i * {330 * 86_400 / count}) || ' seconds')"
    )
    example, file = Invoice.objects.get(), ReceivedFile.objects.get()
    content = json.dumps(example.content, ensure_ascii=False)
    as_json = "%s::jsonb" if postgres else "%s"
    uuid = "gen_random_uuid()" if postgres else "lower(hex(randomblob(16)))"
    key = f"{FIRST} + i"
    statements: list[tuple[str, list[Any]]] = [
        (
            "INSERT INTO invoices_invoice (id, tenant_id, number, is_credit_note, date, due_date, "
            "buyer_name, currency, gross_total, content, content_sha256, created_at) "
            f"{numbers} SELECT {key}, %s, 'H-' || i, false, '2026-01-01', '2026-01-15', "
            f"'Ostaja Oy', 'EUR', 376.50, {as_json}, %s, {at} FROM n",
            [count, tenant.pk, content, example.content_sha256],
        ),
        (
            "INSERT INTO invoices_receiveditem (id, file_id, position, number, outcome, "
            f"invoice_id, problems, warnings) {numbers} SELECT {key}, %s, {key}, 'H-' || i, "
            f"'accepted', {key}, {as_json}, {as_json} FROM n",
            [count, file.pk, "[]", "[]"],
        ),
        (
            "INSERT INTO invoices_invoiceexport (id, invoice_id, tenant_id, status, "
            "attention_reason, parked_reason, problems, warnings, trigger_reason, retries, "
            "lookups, look_first, claim, remote_id, remote_number, remote_status, remote_total, "
            f"submitted_at, changed_at, created_at, queued_at, corrections) {numbers} "
            f"SELECT {key}, {key}, %s, 'reconciled', '', '', {as_json}, {as_json}, '', 0, 0, "
            f"false, '', i, 'R' || i, 'UNFINISHED', 376.50, {at}, {at}, {at}, {at}, 0 FROM n",
            [count, tenant.pk, "[]", "[]"],
        ),
        (
            "INSERT INTO invoices_submissionattempt (id, export_id, number, trigger, reason, "
            "correlation_id, key_fingerprint, mapping_version, software_version, started_at, "
            "request_body, request_sha256, finished_at, outcome, cause, http_status, "
            f"response_body, errors) {numbers} SELECT {key}, {key}, 1, 'automatic', '', {uuid}, "
            f"'0123456789ab', '1', '0.1.0', {at}, p.body, '{'0' * 64}', {at}, 'accepted', '', 200, "
            f"p.body, {as_json} FROM n, (SELECT body FROM invoices_preparedpayload) p",
            [count, "[]"],
        ),
    ]
    statements += [
        (
            f"INSERT INTO invoices_auditevent (at, action, tenant_id, export_id, data) {numbers} "
            f"SELECT {at}, '{action}', %s, {key}, {as_json} FROM n",
            [count, tenant.pk, json.dumps(data)],
        )
        for action, data in _EVENTS.items()
    ]
    with connection.cursor() as cursor:
        for statement, parameters in statements:
            cursor.execute(statement, parameters)
        cursor.execute("ANALYZE")


if __name__ == "__main__":
    sys.exit(main())
