"""What becomes of invoices after they were exported."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
import time_machine
from django.utils import timezone

from integrations.models import Tenant
from invoices import ledger, tasks
from invoices.ledger import days, following, planning
from invoices.ledger.working_days import is_working_day, working_days_before
from invoices.ledger_models import ChangesSeen, LedgerDifference, LedgerRead
from invoices.models import AuditEvent, InvoiceExport
from tests import factories
from tests.invoices.ledger.conftest import DAY, Ledger, drive

pytestmark = pytest.mark.django_db(transaction=True)


def ago(number_of_days):
    return timezone.now() - dt.timedelta(days=number_of_days)


def follow(books):
    """A round of changes, and the days it asks for."""
    LedgerRead.objects.create(
        tenant=books.tenant, kind="changes", since=following.since(books.tenant),
        plan="daily", not_before=timezone.now(),
    )  # fmt: skip
    drive()


@pytest.mark.parametrize(
    ("day", "open_"),
    [
        ("2026-12-24", False),  # Christmas Eve
        ("2026-12-06", False),  # Independence Day, a Sunday
        ("2026-06-19", False),  # Midsummer Eve
        ("2026-05-14", False),  # Ascension Day
        ("2026-05-15", True),
        ("2026-05-16", False),  # Saturday
    ],
)
def test_finnish_working_days(day, open_):
    assert is_working_day(dt.date.fromisoformat(day)) is open_


def test_three_working_days_jump_over_christmas():
    # Wed 23, (Thu 24, Fri 25, weekend), Mon 28, Tue 29 have passed when Wed 30 begins.
    assert working_days_before(dt.date(2026, 12, 30), 3) == dt.date(2026, 12, 22)
    assert working_days_before(dt.date(2026, 9, 11), 3) == dt.date(2026, 9, 7)


def test_unfinished_invoice_is_listed_after_three_working_days(books):
    (late, fresh) = books.exported("A-1", "A-2")
    InvoiceExport.objects.filter(pk=late.pk).update(submitted_at=ago(10))

    follow(books)

    assert books.open() == [("unfinished", "A-1")]
    row = LedgerDifference.objects.get()
    assert (row.total, row.since.date()) == (Decimal("125.50"), ago(10).date())
    assert fresh.remote_status == "UNFINISHED"


def test_it_is_done_when_it_moves_on(books):
    (late,) = books.exported("A-1")
    InvoiceExport.objects.filter(pk=late.pk).update(submitted_at=ago(10))
    follow(books)
    books.change("A-1", status="APPROVED")

    follow(books)

    assert books.open() == []
    late.refresh_from_db()
    assert late.remote_status == "APPROVED"


def test_unfinished_is_confirmed_before_it_is_said(books):
    """Approved unseen: its version does not tell, so it is asked for by its id."""
    (late,) = books.exported("A-1")
    InvoiceExport.objects.filter(pk=late.pk).update(submitted_at=ago(10))
    remote = books.sandbox.books[books.company.id].invoices[late.remote_id]
    remote["status"] = "APPROVED"
    remote["version"] = "2020-01-01T00:00:00"

    follow(books)

    assert books.open() == []


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"status": "INVALIDATED"}, "invalidated"),
        ({"total": "1.00"}, "other_total"),
        ({"date": DAY + dt.timedelta(days=40)}, "other_date"),
    ],
)
def test_change_is_found_by_its_version_and_its_day_read_anew(books, change, kind):
    books.exported("A-1", "A-2")
    books.read()
    follow(books)
    books.change("A-1", **change)

    follow(books)

    assert (kind, "A-1") in books.open()
    assert books.day().verdict == "different"
    assert books.day().breaks


def test_change_without_a_difference_asks_for_no_day(books):
    books.exported("A-1")
    books.change("A-1", status="SENT")
    before = len(books.sandbox.requests)

    follow(books)

    assert books.asked(before) == [("GET", "/sessioninfo"), ("GET", "/invoices")]
    assert LedgerRead.objects.filter(kind="days").count() == 0


def test_orphan_is_found_by_its_version(books):
    books.exported("A-1", "A-2", "A-3")
    books.enter(number="A-9")

    follow(books)

    assert books.open() == [("orphan", "A-9")]


def test_versions_are_procountors_own_clock_and_overlap(books):
    books.exported("A-1")
    version = books.sandbox.ledger()[0]["version"]

    follow(books)

    seen = ChangesSeen.objects.get()
    assert seen.version == version
    expected = dt.datetime.fromisoformat(version) - dt.timedelta(hours=2)
    assert following.since(books.tenant) == expected.isoformat()


def test_nothing_exported_is_nothing_to_follow(books):
    assert following.since(books.tenant) == ""


def test_deleted_unfinished_invoice_becomes_a_missing_one(books):
    (late,) = books.exported("A-1")
    InvoiceExport.objects.filter(pk=late.pk).update(submitted_at=ago(10))
    books.delete("A-1")
    books.read()

    follow(books)

    assert books.open() == [("missing_there", "A-1")]


def test_work_is_assigned_counted_and_explained(books):
    (late,) = books.exported("A-1")
    InvoiceExport.objects.filter(pk=late.pk).update(submitted_at=ago(10))
    follow(books)
    row, by = LedgerDifference.objects.get(), factories.UserFactory(role="Accountant")

    counts = ledger.open_counts()["unfinished"]
    assert (counts["count"], counts["euros"], counts["nobodys"]) == (1, Decimal("125.50"), 1)
    assert ledger.assign([row], by, by=by) == 1
    assert ledger.assign([row], by, by=by) == 0
    assert ledger.open_counts(books.tenant)["unfinished"]["nobodys"] == 0

    assert days.explain(row, by=by, reason="The customer approves on the 15th")
    assert not days.explain(row, by=by, reason="again")
    follow(books)
    assert ledger.open_counts() == {}
    actions = AuditEvent.objects.filter(action__startswith="difference.").values_list(
        "action", flat=True
    )
    assert sorted(actions) == ["difference.assigned", "difference.explained"]


def test_recent_days_are_read_daily_and_older_ones_weekly(books):
    books.exported("A-1", date=dt.date(2026, 10, 1))
    with time_machine.travel(dt.datetime(2026, 10, 7, 1, 0, tzinfo=dt.UTC), tick=False):
        # 04:00 in Helsinki, a Wednesday.
        assert planning.plan_due() == 2
        assert planning.plan_due() == 0
    plans = LedgerRead.objects.order_by("pk").values_list("plan", "kind", "first_day", "last_day")
    recent = (dt.date(2026, 10, 1), dt.date(2026, 10, 7))
    assert list(plans)[:2] == [("daily", "changes", None, None), ("daily", "days", *recent)]
    months = [row[2:] for row in plans if row[0] == "weekly"]
    # October's days so far are those that are read daily.
    assert months[-1] == (dt.date(2026, 9, 1), dt.date(2026, 9, 30))
    assert all(first.day == 1 for first, _last in months[1:])

    with time_machine.travel(dt.datetime(2026, 10, 8, 1, 0, tzinfo=dt.UTC), tick=False):
        LedgerRead.objects.update(state="done")
        assert planning.plan_due() == 1


def test_today_is_helsinkis(books):
    # 23:30 UTC is 02:30 of the next day there, which belongs to the next month.
    with time_machine.travel(dt.datetime(2026, 9, 30, 23, 30, tzinfo=dt.UTC), tick=False):
        planning.plan_due()

    assert LedgerRead.objects.get(plan="daily").last_day == dt.date(2026, 10, 1)


def test_day_is_sealed_only_when_it_is_over_in_helsinki(books):
    books.exported("A-1")
    late = dt.datetime(2026, 9, 1, 20, 59, tzinfo=dt.UTC)
    with time_machine.travel(late):
        assert (books.read().verdict, books.day().seal) == ("equal", None)
    with time_machine.travel(late + dt.timedelta(minutes=2)):
        assert books.read().seal is not None


def test_only_active_tenants_with_a_key_are_planned(books, make_tenant):
    idle = make_tenant("Beta Oy", "2345678-0")
    Tenant.objects.filter(pk=idle.pk).update(state="paused")

    with time_machine.travel(dt.datetime(2026, 10, 7, 1, 0, tzinfo=dt.UTC), tick=False):
        planning.plan_due()

    assert set(LedgerRead.objects.values_list("tenant", flat=True)) == {books.tenant.pk}


def test_schedule_drives_what_no_worker_has(books, monkeypatch):
    books.exported("A-1")
    ledger.read_days(books.tenant, DAY, DAY)
    queued = []
    monkeypatch.setattr(tasks, "async_task", lambda name, *args: queued.append(name))

    tasks.reconcile_days()
    while queued:
        queued.pop()
        tasks.read_ledgers()

    assert books.day().verdict == "equal"


def test_daily_load_of_a_tenant_is_what_the_readme_says(books, make_tenant):
    other = Ledger(make_tenant("Beta Oy", "2345678-0"), books.sandbox)
    books.exported("A-1", date=dt.date(2026, 10, 5))
    before = len(books.sandbox.requests)
    with time_machine.travel(dt.datetime(2026, 10, 7, 1, 0, tzinfo=dt.UTC)):
        planning._plan_daily(books.tenant, dt.date(2026, 10, 7))
        drive()

    # Changes: session and one page; days: rights twice, session and one page.
    assert len(books.asked(before)) == 6
    assert other.day(dt.date(2026, 10, 7)) is None
