"""The two databases a fault run can have: made for it, disturbed during it, read after it.

Everything here looks at the database from outside (sqlite3, psycopg): Django's models are what
is being tested.
"""

from __future__ import annotations

import os
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row

POSTGRES_URL = os.environ.get(
    "FAULT_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres"
).replace("postgresql://", "postgres://")
#: The clusters' connections carry this name, so that only they are cut.
CLUSTER_NAME = "fault_cluster"

Row = dict[str, Any]


class SQLite:
    """One file in the run's folder. What disturbs it: another process that holds its lock."""

    name = "sqlite"

    def __init__(self, folder: Path) -> None:
        self.path = folder / "faults.sqlite3"
        self.url = f"sqlite:///{self.path}"

    def rows(self, query: str) -> list[Row]:
        with closing(sqlite3.connect(self.path, timeout=30)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(query)]

    def execute(self, statement: str) -> None:
        """Raises sqlite3.OperationalError when somebody holds the lock."""
        with closing(sqlite3.connect(self.path, timeout=0.2)) as connection, connection:
            connection.execute(statement)

    def tables(self) -> list[str]:
        return [r["name"] for r in self.rows("SELECT name FROM sqlite_master WHERE type='table'")]

    def lock(self, table: str) -> SQLiteLock:
        """Hold the one write lock there is; `table` matters on PostgreSQL only.

        Raises sqlite3.OperationalError when somebody else holds it just now."""
        return SQLiteLock(self.path)

    def drop(self) -> None:
        """The folder goes with the run."""


class SQLiteLock:
    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, timeout=0.2, isolation_level=None)
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            self._connection.close()
            raise

    def release(self) -> None:
        self._connection.execute("ROLLBACK")
        self._connection.close()


class Postgres:
    """A database of its own on the server of FAULT_POSTGRES_URL, dropped at the end."""

    name = "postgres"

    def __init__(self, folder: Path) -> None:
        self._name = f"flashnode_faults_{uuid.uuid4().hex[:12]}"
        with self._admin() as admin:
            admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(self._name)))
        self.url = POSTGRES_URL.rpartition("/")[0] + f"/{self._name}"

    def rows(self, query: str) -> list[Row]:
        with psycopg.connect(self.url, row_factory=dict_row) as connection:
            return connection.execute(query).fetchall()

    def execute(self, statement: str) -> None:
        with psycopg.connect(self.url) as connection:
            connection.execute(statement)

    def tables(self) -> list[str]:
        names = "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'"
        return [row["name"] for row in self.rows(names)]

    def lock(self, table: str) -> PostgresLock:
        """Let nobody write to `table` until released."""
        return PostgresLock(self.url, table)

    def cut(self, limit: int) -> int:
        """Terminate up to `limit` of the clusters' connections; returns how many."""
        return len(
            self.rows(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname ="
                f" current_database() AND application_name = '{CLUSTER_NAME}'"
                f" ORDER BY random() LIMIT {limit}"
            )
        )

    def drop(self) -> None:
        with self._admin() as admin:
            name = sql.Identifier(self._name)
            admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))

    @staticmethod
    def _admin() -> psycopg.Connection[Any]:
        return psycopg.connect(make_conninfo(POSTGRES_URL, connect_timeout=5), autocommit=True)


class PostgresLock:
    def __init__(self, url: str, table: str) -> None:
        self._connection = psycopg.connect(url)
        self._connection.execute(
            sql.SQL("LOCK TABLE {} IN EXCLUSIVE MODE").format(sql.Identifier(table))
        )

    def release(self) -> None:
        self._connection.rollback()
        self._connection.close()


Database = SQLite | Postgres


def open_database(name: str, folder: Path) -> Database:
    """A fresh database. Raises psycopg.OperationalError when PostgreSQL is not there."""
    return SQLite(folder) if name == "sqlite" else Postgres(folder)


def texts(database: Database) -> Iterator[tuple[str, str]]:
    """(table, text) of every row of every table; bytes as the text they hold."""
    for table in database.tables():
        for row in database.rows(f'SELECT * FROM "{table}"'):
            yield table, "\n".join(_text(value) for value in row.values() if value is not None)


def _text(value: Any) -> str:
    if isinstance(value, bytes | memoryview):
        return bytes(value).decode("utf-8", "replace")
    return str(value)
