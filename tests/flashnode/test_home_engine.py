"""The start page says to every role whether the engine runs, above everything else."""

import datetime as dt

import pytest
import time_machine
from django.utils import timezone

from flashnode.roles import ROLES
from invoices.watch import beat, raise_alert
from tests.staff import NO_RIGHTS, log_in, text, url

pytestmark = pytest.mark.django_db

WELL = "The engine runs; last sign of life 12 s ago."
SILENT = "Background tasks do not run"


def home(client):
    return text(client.get(url("index")))


@pytest.fixture
def alive():
    now = timezone.now()
    with time_machine.travel(now - dt.timedelta(seconds=12), tick=False) as clock:
        beat("worker")
        beat("sweep")
        clock.move_to(now)
        yield


@pytest.mark.parametrize("role", ROLES)
def test_every_role_sees_that_the_engine_runs(client, alive, role):
    log_in(client, role)

    page = home(client)

    assert WELL in page
    assert SILENT not in page
    assert page.index(WELL) < page.index("desk-heading")


@pytest.mark.parametrize("role", ROLES)
def test_every_role_sees_what_is_wrong_and_what_to_do(client, role):
    log_in(client, role)

    page = home(client)

    assert page.index(SILENT) < page.index("Restart the task cluster") < page.index("desk-heading")
    assert "The engine runs" not in page


def test_staff_without_rights_are_told_nothing_of_the_engine(client):
    log_in(client, NO_RIGHTS)

    assert SILENT not in home(client)


@pytest.mark.parametrize(
    ("role", "shown"),
    [("Support", True), ("Management", True), ("Administrator", True), ("Accountant", False)],
)
def test_open_alerts_are_linked_for_those_who_may_read_them(client, alive, role, shown):
    raise_alert("rights_missing")
    log_in(client, role)

    page = home(client)

    assert ("Open alerts: 1" in page) == shown
    assert ("/invoices/alert/" in page) == shown
