"""Database triggers that keep evidence as it was written, on SQLite and PostgreSQL.

Audit events: no UPDATE, no DELETE. Attempts: no DELETE; an UPDATE only while the attempt is
open. Received files and invoices: no UPDATE, no DELETE. On PostgreSQL TRUNCATE is refused too.
"""

from __future__ import annotations

from typing import Any

_FROZEN = ("invoices_auditevent", "invoices_invoice", "invoices_receivedfile")
_ATTEMPTS = "invoices_submissionattempt"
_TABLES = (*_FROZEN, _ATTEMPTS)


def create_triggers(connection: Any) -> None:
    """Create the triggers for the connection's database."""
    _run(connection, _sqlite() if connection.vendor == "sqlite" else _postgresql())


def drop_triggers(connection: Any) -> None:
    """Remove them: for migrating backwards and for emptying a test database."""
    if connection.vendor == "sqlite":
        statements = [
            f"DROP TRIGGER IF EXISTS {table}_{event}"
            for table in _TABLES
            for event in ("update", "delete")
        ]
    else:
        statements = [
            f"DROP TRIGGER IF EXISTS {table}_{event} ON {table}"
            for table in _TABLES
            for event in ("update", "delete", "truncate")
        ]
        statements.append("DROP FUNCTION IF EXISTS refuse_change_of_evidence()")
    _run(connection, statements)


def _run(connection: Any, statements: list[str]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def _sqlite() -> list[str]:
    def trigger(table: str, event: str, condition: str = "") -> str:
        return (
            f"CREATE TRIGGER {table}_{event} BEFORE {event.upper()} ON {table} {condition} "
            "BEGIN SELECT RAISE(ABORT, 'evidence is never changed or deleted'); END"
        )

    return [
        *(trigger(table, event) for table in _FROZEN for event in ("update", "delete")),
        trigger(_ATTEMPTS, "update", "WHEN OLD.finished_at IS NOT NULL"),
        trigger(_ATTEMPTS, "delete"),
    ]


def _postgresql() -> list[str]:
    def trigger(table: str, event: str, condition: str = "") -> str:
        level = "STATEMENT" if event == "truncate" else "ROW"
        return (
            f"CREATE TRIGGER {table}_{event} BEFORE {event.upper()} ON {table} "
            f"FOR EACH {level} {condition} EXECUTE FUNCTION refuse_change_of_evidence()"
        )

    return [
        "CREATE FUNCTION refuse_change_of_evidence() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'evidence is never changed or deleted'; END $$",
        *(trigger(t, e) for t in _FROZEN for e in ("update", "delete", "truncate")),
        trigger(_ATTEMPTS, "update", "WHEN (OLD.finished_at IS NOT NULL)"),
        trigger(_ATTEMPTS, "delete"),
        trigger(_ATTEMPTS, "truncate"),
    ]
