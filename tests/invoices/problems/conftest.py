"""A desk with one queued invoice; a test's parameter is the invoice's fields."""

from __future__ import annotations

import pytest

from tests.invoices.problems.desk import Desk


@pytest.fixture
def desk(request, tenant, queued, sandbox, settings, client):
    return Desk(tenant, queued, sandbox, settings, client, getattr(request, "param", {}))
