"""Fixtures every test may use: the sandbox as Procountor, tenants, and a database that lets
its evidence be emptied between tests."""

from __future__ import annotations

import copy
import json
from collections import Counter

import pytest
from django.core.cache import caches
from django.db import connection
from django.test import TransactionTestCase
from django.utils import translation
from django_q.models import Schedule

from flashnode import roles, schedules
from integrations import custody, diagnosis
from integrations.models import BankAccount
from integrations.sandbox import Sandbox, SandboxServer
from invoices import filing, problems, triggers, wording
from invoices.models import InvoiceExport
from tests import factories


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    """What takes longest starts first, so that no worker waits for it at the end: fault tests,
    then the browser's, then the larger files. Without workers the order stays random."""
    if not hasattr(config, "workerinput"):
        return
    sizes = Counter(item.path for item in items)

    def place(item):
        folder = item.path.parent.name
        if folder == "faults":
            return 0, 0, item.path
        return (1 if folder == "browser" else 2), -sizes[item.path], item.path

    items.sort(key=place)


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
            schedules.create_schedules(Schedule)

    TransactionTestCase._fixture_teardown = without_triggers
    yield
    TransactionTestCase._fixture_teardown = teardown


@pytest.fixture(autouse=True)
def _language():
    """Requests of the test client leave theirs behind."""
    with translation.override("en"):
        yield


@pytest.fixture(autouse=True)
def _own_environments(settings):
    """Tests change what is in the environments' settings; the next one has its own."""
    settings.PROCOUNTOR = copy.deepcopy(settings.PROCOUNTOR)


@pytest.fixture(autouse=True)
def _nobody_has_guessed():
    """What strangers have tried is counted for each process."""
    caches["strangers"].clear()


@pytest.fixture(autouse=True)
def _words(request):
    """The office's words are read anew in each test, and only where there is a database."""
    wording.forget()
    has_database = request.node.get_closest_marker("django_db") or (
        {"db", "transactional_db", "live_server"} & set(request.fixturenames)
    )
    problems.use_edited(wording.current if has_database else dict)


@pytest.fixture
def sandbox(settings):
    """A simulated Procountor on a free port, and the settings that lead to it."""
    config = settings.PROCOUNTOR["test"]
    stand_in = Sandbox(
        client_id=config["client_id"],
        client_secret=config["client_secret"],
        redirect_uri=config["redirect_uri"],
    )
    with SandboxServer(stand_in) as server:
        settings.PROCOUNTOR = settings.PROCOUNTOR | {"test": config | {"base_url": server.base_url}}
        yield stand_in


@pytest.fixture
def make_tenant(sandbox):
    """Make a company in the sandbox and its tenant here, with key, account and a green check."""

    def make(name="Acme Oy", business_id="2077474-0", *, check=True, **fields):
        company = sandbox.add_company(name=name, business_id=business_id)
        tenant = factories.TenantFactory(name=name, business_id=business_id, **fields)
        account = BankAccount(tenant=tenant)
        account.set_number(company.bank_accounts[0]["iban"])
        account.save()
        custody.file_api_key(tenant, company.api_key, via="email")
        if check:
            outcome = diagnosis.run_check(tenant)
            assert outcome.outcome == "passed", outcome.steps
        tenant.company = company
        return tenant

    return make


@pytest.fixture
def tenant(make_tenant):
    return make_tenant()


@pytest.fixture
def queued(tenant):
    """Take in and queue invoices for `tenant`; returns their exports."""

    def queue(*numbers, **fields):
        content = json.dumps({"invoices": [factories.invoice(n, **fields) for n in numbers]})
        filing.file_invoices(tenant, "own.json", content.encode(), via="command", queue=True)
        exports = {e.invoice.number: e for e in InvoiceExport.objects.select_related("invoice")}
        return [exports[number] for number in numbers]

    return queue
