"""Database triggers that keep evidence as it was written, on SQLite and PostgreSQL.

Rows of the first list: no UPDATE, no DELETE. Of the second: no DELETE; an UPDATE only while the
row is open, which its column says. On PostgreSQL TRUNCATE is refused too.

The one way through: a row of `_EXPIRES` may be deleted while an approved deletion of its tenant
runs, if the chain that the row is linked in has ended its time and nothing holds it. The triggers
themselves ask for it, so no code above them can widen it. On SQLite a migration that makes
`invoices_expiry`, `invoices_legalhold` or `invoices_evidencelink` anew has to drop the triggers
first and create them afterwards.
"""

from __future__ import annotations

from typing import Any

_FROZEN = (
    "integrations_mappingversion",
    "invoices_auditevent",
    "invoices_comment",
    "invoices_correction",
    "invoices_dayseal",
    "invoices_deletioncertificate",
    "invoices_evidencechain",
    "invoices_evidencelink",
    "invoices_expiredhashes",
    "invoices_expirednumber",
    "invoices_invoice",
    "invoices_invoiceattachment",
    "invoices_lookup",
    "invoices_receivedfile",
    "invoices_receiveditem",
    "invoices_receivedpiece",
    "invoices_restore",
    "invoices_wordingversion",
)
#: Table, and the column that is filled when a row is closed.
_CLOSED = {
    "invoices_enteredbyhand": "finished_at",
    "invoices_expiry": "finished_at",
    "invoices_legalhold": "lifted_at",
    "invoices_periodmove": "decided_at",
    "invoices_stepattempt": "finished_at",
    "invoices_submissionattempt": "finished_at",
}
_TABLES = (*_FROZEN, *_CLOSED)
_LINKS = "invoices_evidencelink"
#: What expires, by its number in `evidence.kinds`. A test compares the two.
_EXPIRES = {
    "invoices_auditevent": 1,
    "invoices_submissionattempt": 2,
    "invoices_lookup": 3,
    "invoices_correction": 4,
    "invoices_invoice": 5,
    "invoices_receivedfile": 7,
    "invoices_receiveditem": 8,
    "invoices_invoiceattachment": 9,
    "invoices_stepattempt": 10,
    "invoices_comment": 12,
    "invoices_enteredbyhand": 13,
    "invoices_periodmove": 14,
    "invoices_dayseal": 17,
    "invoices_receivedpiece": 19,
}
#: Whether rows of a chain may be deleted now. Days by UTC: a little late, never early.
_EXPIRING = """
    EXISTS (
        SELECT 1 FROM invoices_expiry own
        JOIN invoices_expiry running ON running.tenant_id = own.tenant_id
        WHERE own.chain_id = {chain}
            AND own.state IN ('running', 'done') AND running.state = 'running'
            AND own.over_from <= {today} AND running.over_from <= {today}
            AND NOT EXISTS (
                SELECT 1 FROM invoices_legalhold h
                WHERE h.tenant_id = own.tenant_id AND h.lifted_at IS NULL
                    AND (h.chain_id IS NULL OR h.chain_id IN (own.chain_id, running.chain_id))
            )
    )
"""
_CHAIN_OF_ROW = (
    "(SELECT l.chain_id FROM invoices_evidencelink l WHERE l.kind = {} AND l.row = OLD.id)"
)


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
        statements += [
            "DROP FUNCTION IF EXISTS refuse_change_of_evidence()",
            "DROP FUNCTION IF EXISTS refuse_early_deletion()",
            "DROP FUNCTION IF EXISTS refuse_early_deletion_of_link()",
        ]
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


def _expiring(tables: set[str], chain: str, today: str) -> str:
    """The condition of the one way through; "false" before its tables are there."""
    if not {"invoices_expiry", "invoices_legalhold"} <= tables:
        return "1 = 0"
    return _EXPIRING.format(chain=chain, today=today)


def _sqlite(tables: set[str]) -> list[str]:
    made = []
    for table, event, condition in _wanted(tables, ("update", "delete")):
        if event == "delete" and (table in _EXPIRES or table == _LINKS):
            chain = "OLD.chain_id" if table == _LINKS else _CHAIN_OF_ROW.format(_EXPIRES[table])
            condition = f"NOT {_expiring(tables, chain, 'date()')}"
        made.append(
            f"CREATE TRIGGER IF NOT EXISTS {table}_{event} BEFORE {event.upper()} ON {table} "
            + (f"WHEN {condition} " if condition else "")
            + "BEGIN SELECT RAISE(ABORT, 'evidence is never changed or deleted'); END"
        )
    return made


def _postgresql(tables: set[str]) -> list[str]:
    refuse = "RAISE EXCEPTION 'evidence is never changed or deleted';"
    made = [
        "CREATE OR REPLACE FUNCTION refuse_change_of_evidence() RETURNS trigger LANGUAGE plpgsql "
        f"AS $$ BEGIN {refuse} END $$",
    ]
    today = "(now() AT TIME ZONE 'UTC')::date"
    # A trigger's argument is a text.
    for name, chain in (
        ("refuse_early_deletion", _CHAIN_OF_ROW.format("TG_ARGV[0]::int")),
        ("refuse_early_deletion_of_link", "OLD.chain_id"),
    ):
        made.append(
            f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"IF {_expiring(tables, chain, today)} THEN RETURN OLD; END IF; {refuse} END $$"
        )
    for table, event, condition in _wanted(tables, ("update", "delete", "truncate")):
        function = "refuse_change_of_evidence()"
        if event == "delete" and table in _EXPIRES:
            function = f"refuse_early_deletion({_EXPIRES[table]})"
        elif event == "delete" and table == _LINKS:
            function = "refuse_early_deletion_of_link()"
        made.append(
            f"CREATE OR REPLACE TRIGGER {table}_{event} BEFORE {event.upper()} ON {table} "
            f"FOR EACH {'STATEMENT' if event == 'truncate' else 'ROW'} "
            + (f"WHEN ({condition}) " if condition else "")
            + f"EXECUTE FUNCTION {function}"
        )
    return made
