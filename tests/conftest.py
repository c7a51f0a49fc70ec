"""Fixtures every test may use: the sandbox as Procountor, tenants, and a database that lets
its evidence be emptied between tests."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import TransactionTestCase

from flashnode import roles
from invoices import triggers


@pytest.fixture(autouse=True, scope="session")
def _evidence_can_be_emptied_between_tests():
    """Emptying the database after a transactional test is what the triggers exist to refuse."""
    teardown = TransactionTestCase._fixture_teardown

    def without_triggers(self):
        triggers.drop_triggers(connection)
        try:
            teardown(self)
        finally:
            triggers.create_triggers(connection)
            roles.create_groups()

    TransactionTestCase._fixture_teardown = without_triggers
    yield
    TransactionTestCase._fixture_teardown = teardown
