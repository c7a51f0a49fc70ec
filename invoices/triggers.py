"""Database triggers that keep evidence as it was written, on SQLite and PostgreSQL.

Rows of the first list: no UPDATE, no DELETE. Of the second: no DELETE; an UPDATE only while the
row is open, which its column says. On PostgreSQL TRUNCATE is refused too.
"""

from __future__ import annotations

from typing import Any

_FROZEN = (
    "integrations_mappingversion",
    "invoices_auditevent",
    "invoices_comment",
    "invoices_correction",
    "invoices_evidencechain",
    "invoices_evidencelink",
    "invoices_invoice",
    "invoices_invoiceattachment",
    "invoices_lookup",
    "invoices_receivedfile",
    "invoices_receiveditem",
    "invoices_restore",
    "invoices_wordingversion",
)
#: Table, and the column that is filled when a row is closed.
_CLOSED = {
    "invoices_enteredbyhand": "finished_at",
    "invoices_periodmove": "decided_at",
    "invoices_stepattempt": "finished_at",
    "invoices_submissionattempt": "finished_at",
}
_TABLES = (*_FROZEN, *_CLOSED)


def create_triggers(connection: Any) -> None:
    """Create the triggers of every table that exists by now; those that exist stay."""
    tables = set(connection.introspection.table_names())
    make = _sqlite if connection.vendor == "sqlite" else _postgresql
    _run(connection, make(tables))


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


def _wanted(tables: set[str], events: tuple[str, ...]) -> list[tuple[str, str, str]]:
    """(table, event, condition) of each trigger."""
    frozen = [(table, event, "") for table in _FROZEN for event in events]
    closed = [
        (table, event, f"OLD.{column} IS NOT NULL" if event == "update" else "")
        for table, column in _CLOSED.items()
        for event in events
    ]
    return [trigger for trigger in frozen + closed if trigger[0] in tables]


def _sqlite(tables: set[str]) -> list[str]:
    return [
        f"CREATE TRIGGER IF NOT EXISTS {table}_{event} BEFORE {event.upper()} ON {table} "
        + (f"WHEN {condition} " if condition else "")
        + "BEGIN SELECT RAISE(ABORT, 'evidence is never changed or deleted'); END"
        for table, event, condition in _wanted(tables, ("update", "delete"))
    ]


def _postgresql(tables: set[str]) -> list[str]:
    return [
        "CREATE OR REPLACE FUNCTION refuse_change_of_evidence() RETURNS trigger LANGUAGE plpgsql "
        "AS $$ BEGIN RAISE EXCEPTION 'evidence is never changed or deleted'; END $$",
        *(
            f"CREATE OR REPLACE TRIGGER {table}_{event} BEFORE {event.upper()} ON {table} "
            f"FOR EACH {'STATEMENT' if event == 'truncate' else 'ROW'} "
            + (f"WHEN ({condition}) " if condition else "")
            + "EXECUTE FUNCTION refuse_change_of_evidence()"
            for table, event, condition in _wanted(tables, ("update", "delete", "truncate"))
        ),
    ]
