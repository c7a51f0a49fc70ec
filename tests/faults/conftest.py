"""PostgreSQL or the reason why not."""

from __future__ import annotations

import os

import psycopg
import pytest

from tests.faults.databases import Postgres


@pytest.fixture
def servers():
    """Call with a database's name: skips when its server cannot be reached, unless
    REQUIRE_POSTGRES=1, which makes that a failure."""

    def need(database):
        if database != "postgres":
            return
        try:
            Postgres._admin().close()
        except psycopg.OperationalError as error:
            if os.environ.get("REQUIRE_POSTGRES") == "1":
                raise
            pytest.skip(f"PostgreSQL (FAULT_POSTGRES_URL) cannot be reached: {error}")

    return need
