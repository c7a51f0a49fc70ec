"""The pages of reconciliation by day: who may see and do what, and what they cost."""

from __future__ import annotations

import datetime as dt

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from invoices.ledger_models import LedgerDay, LedgerDifference, LedgerRead
from tests import factories
from tests.invoices.ledger.conftest import DAY, drive
from tests.staff import EVERYBODY, log_in, refusal, said, text, url

pytestmark = pytest.mark.django_db(transaction=True)

MAY_SEE = ("Accountant", "Management", "Administrator")
MAY_ACT = ("Accountant", "Administrator")


def pages(tenant):
    return {
        "months": url("invoices_ledgerday_months") + "?month=2026-09",
        "month": url("invoices_ledger_month", tenant.pk, 2026, "09"),
        "day": url("invoices_ledger_day", tenant.pk, 2026, "09", "01"),
        "list": url("invoices_ledgerdifference_changelist"),
    }


def ladder(allowed, shown):
    return {
        rung: shown if rung in allowed else "log in" if rung == "anonymous" else "refused"
        for rung in EVERYBODY
    }


@pytest.mark.parametrize("page", ["months", "month", "day", "list"])
def test_management_and_accountants_see(client, tenant, page):
    found = {}
    for rung in EVERYBODY:
        client.logout()
        log_in(client, rung)
        found[rung] = refusal(client.get(pages(tenant)[page]))

    assert found == ladder(MAY_SEE, "shown")


@pytest.mark.parametrize("page", ["month", "day"])
def test_accountants_ask_for_a_reading(client, tenant, page):
    found = {}
    for rung in EVERYBODY:
        client.logout()
        log_in(client, rung)
        found[rung] = refusal(client.post(pages(tenant)[page]))

    assert found == ladder(MAY_ACT, "moved")
    assert LedgerRead.objects.count() == 1


@pytest.fixture
def different(books):
    """A day with an orphan, a deleted and an equal invoice."""
    books.exported("A-1", "A-2", "A-3")
    books.delete("A-1")
    books.enter(number="A-7", total="10.00")
    books.read()
    return books


def test_day_shows_its_lists_and_differences(client, different):
    log_in(client, "Management")

    page = text(client.get(pages(different.tenant)["day"]))

    assert "✗ Different" in page
    assert "No longer in Procountor" in page
    assert "In Procountor, unknown here" in page
    assert "3 invoices, 376.50 EUR" in page
    assert "Read this day in Procountor now" not in page


def test_calendar_says_by_words_and_signs_what_a_day_is(client, different):
    different.read(DAY + dt.timedelta(days=1))
    log_in(client, "Accountant")

    page = text(client.get(pages(different.tenant)["month"]))

    assert "✗ Different" in page
    assert "✓ Equal" in page
    assert "· Not read" in page
    assert "Between A-" not in page


def test_button_reads_the_month_and_a_reload_shows_it(client, books):
    books.exported("A-1")
    log_in(client, "Accountant")

    answer = client.post(pages(books.tenant)["month"])
    assert "Procountor is being read" in text(client.get(answer["Location"]))
    drive()

    page = text(client.get(pages(books.tenant)["month"]))
    assert "being read; load" not in page
    assert "sealed" in page
    assert LedgerDay.objects.count() == 30


def test_blind_key_is_said_in_words(client, different):
    different.company.set_right("sales.personalSalesInvoicesOnly", True)
    different.read()
    log_in(client, "Accountant")

    page = text(client.get(pages(different.tenant)["day"]))

    assert "? Not comparable" in page
    assert "own sales invoices only" in page


def test_difference_is_assigned_and_settled(client, different):
    user = log_in(client, "Accountant")
    row = LedgerDifference.objects.get(kind="orphan")
    page = url("invoices_ledgerdifference_settle", row.pk)

    client.post(page, {"assign": "1", "assignee": user.pk})
    row.refresh_from_db()
    assert row.assignee == user
    client.post(page, {"explain": "1", "reason": ""})
    row.refresh_from_db()
    assert row.ended_at is None
    answer = client.post(page, {"explain": "1", "reason": "Entered by the shop"})
    row.refresh_from_db()

    assert (row.ended_by, row.reason) == (user, "Entered by the shop")
    assert said(answer)[-1] == "Noted: this counts as settled."
    assert "Entered by the shop" in text(client.get(page))
    answer = client.post(page, {"explain": "1", "reason": "Twice"})
    assert said(answer)[-1] == "Nothing changed: it had moved on by itself."


def test_nobody_else_settles_or_assigns(client, different):
    row = LedgerDifference.objects.get(kind="orphan")
    page = url("invoices_ledgerdifference_settle", row.pk)
    found = {}
    for rung in [rung for rung in EVERYBODY if rung not in MAY_ACT]:
        client.logout()
        log_in(client, rung)
        found[rung] = refusal(client.post(page, {"explain": "1", "reason": "No"}))

    assert set(found.values()) == {"log in", "refused"}
    row.refresh_from_db()
    assert row.ended_at is None


def test_list_has_what_is_open_and_takes_it(client, different):
    user = log_in(client, "Accountant")
    listed = pages(different.tenant)["list"]
    rows = LedgerDifference.objects.all()
    assert "A-7" in text(client.get(listed))

    client.post(listed, {"action": "take", "_selected_action": [row.pk for row in rows]})

    assert set(rows.values_list("assignee", flat=True)) == {user.pk}
    client.post(listed, {"action": "give_back", "_selected_action": [row.pk for row in rows]})
    assert set(rows.values_list("assignee", flat=True)) == {None}
    rows.update(ended_at=dt.datetime(2026, 9, 2, tzinfo=dt.UTC))
    assert "A-7" not in text(client.get(listed))
    assert "A-7" in text(client.get(f"{listed}?open=no"))


def test_one_who_only_sees_cannot_take(client, different):
    user = factories.UserFactory()
    user.user_permissions.add(Permission.objects.get(codename="view_ledgerdifference"))
    client.force_login(user)
    row = LedgerDifference.objects.first()

    client.post(pages(different.tenant)["list"], {"action": "take", "_selected_action": [row.pk]})

    row.refresh_from_db()
    assert row.assignee is None


@pytest.mark.parametrize("page", ["2026/13", "1999-01", "2026-02-30", "2026-13"])
def test_days_that_do_not_exist_are_not_found(client, tenant, page):
    log_in(client, "Accountant")
    start = url("invoices_ledgerday_changelist")

    assert client.get(f"{start}{tenant.pk}/{page}/").status_code in (302, 404)


def test_odd_months_show_this_one(client, tenant):
    log_in(client, "Accountant")
    page = url("invoices_ledgerday_months")

    for month in ("", "x", "2026-99", "9999-01"):
        assert client.get(f"{page}?month={month}").status_code == 200


def queries(client, page):
    client.get(page)
    with CaptureQueriesContext(
        connection,
    ) as caught:
        assert client.get(page).status_code == 200
    return len(caught)


@pytest.mark.parametrize("page", ["months", "month", "day", "list"])
def test_pages_cost_the_same_for_one_and_for_many(client, books, make_tenant, page):
    log_in(client, "Accountant")
    books.exported("A-1", "A-2", "A-4")
    books.delete("A-1")
    books.read()
    one = queries(client, pages(books.tenant)[page])

    books.exported("A-5", "A-6", "A-7")
    books.exported("A-9", date=DAY + dt.timedelta(days=1))
    books.delete("A-6")
    make_tenant("Beta Oy", "2345678-0")
    books.read(DAY, DAY + dt.timedelta(days=2))

    assert queries(client, pages(books.tenant)[page]) == one


@pytest.mark.parametrize("language", ["fi", "en"])
@pytest.mark.parametrize("page", ["months", "month", "day", "list"])
def test_pages_work_in_both_languages(client, different, page, language):
    log_in(client, "Accountant")
    with translation.override(language):
        answer = client.get(pages(different.tenant)[page], headers={"accept-language": language})

    assert answer.status_code == 200
    assert ("Täsmäytys päivittäin" in text(answer)) == (language == "fi")
