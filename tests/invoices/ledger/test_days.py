"""A day compared over real HTTP: what makes it equal, and every way it is not."""

from __future__ import annotations

import datetime as dt

import pytest

from integrations.sandbox import by_hand
from invoices import corrections, ledger
from invoices.ledger_models import DaySeal, LedgerDifference, LedgerRead
from invoices.models import AuditEvent, InvoiceExport
from tests import factories
from tests.invoices.ledger.conftest import DAY, Ledger

pytestmark = pytest.mark.django_db(transaction=True)

NEXT = DAY + dt.timedelta(days=1)


def sums(day):
    return {
        each["currency"]: (each["received"], each["exported"], each["remote"]) for each in day.sums
    }


def test_exported_day_is_equal_and_sealed(books):
    books.exported("A-1", "A-2")

    day = books.read()

    assert day.verdict == "equal"
    assert sums(day) == {"EUR": ([2, "251.00"], [2, "251.00"], [2, "251.00"])}
    assert sorted(line[1:] for line in day.seal.lines) == [
        [number, "2026-09-01", "EUR", "125.50", "live"] for number in ("A-1", "A-2")
    ]
    assert AuditEvent.objects.filter(action="ledger.sealed").count() == 1


def test_day_without_invoices_is_equal_and_needs_no_seal(books):
    day = books.read()

    assert (day.verdict, day.sums, day.seal) == ("equal", [], None)


def test_not_exported_invoice_makes_the_day_different(books):
    books.exported("A-1")
    books.received("A-2", queue=False)

    day = books.read()

    assert (day.verdict, day.seal) == ("different", None)
    assert books.open() == [("not_exported", "A-2")]
    assert sums(day)["EUR"] == ([2, "251.00"], [1, "125.50"], [1, "125.50"])


def test_queued_invoice_is_under_way_and_no_difference(books):
    books.received("A-1")

    assert books.read().verdict == "under_way"
    assert books.open() == []


def test_skipped_invoice_is_explained_by_itself(books):
    (export,) = books.received("A-1", queue=False)
    InvoiceExport.objects.filter(pk=export.pk).update(status="skipped")

    assert books.read().verdict == "equal"


def test_deleted_invoice_is_named(books):
    books.exported("A-1", "A-2")
    books.delete("A-1")

    assert books.read().verdict == "different"
    assert books.open() == [("missing_there", "A-1")]


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"total": "125.00"}, "other_total"),
        ({"status": "INVALIDATED"}, "invalidated"),
        ({"status": "DELETED"}, "invalidated"),
        ({"number": "A-9"}, "other_number"),
    ],
)
def test_changed_invoice_is_told_for_what_it_is(books, change, kind):
    books.exported("A-1")
    books.change("A-1", **change)

    assert books.read().verdict == "different"
    assert books.open() == [(kind, "A-1")]


def test_approved_and_paid_invoices_stay_equal(books):
    books.exported("A-1", "A-2")
    books.change("A-1", status="APPROVED")
    books.change("A-2", status="PAID")

    assert books.read().verdict == "equal"
    statuses = InvoiceExport.objects.values_list("remote_status", flat=True)
    assert set(statuses) == {"APPROVED", "PAID"}


def test_moved_invoice_makes_both_days_different(books):
    books.exported("A-1")
    books.change("A-1", date=NEXT)

    books.read(DAY, NEXT)

    assert [books.day(day).verdict for day in (DAY, NEXT)] == ["different", "different"]
    assert {row.day for row in LedgerDifference.objects.filter(kind="other_date")} == {DAY, NEXT}


def test_second_invoice_with_our_number_is_a_double(books):
    books.exported("A-1")
    books.enter(number="A-1", total="125.50")

    assert books.read().verdict == "different"
    assert books.open() == [("double", "A-1")]


def test_unknown_number_of_our_series_is_an_orphan(books):
    books.exported("A-1", "A-2", "A-3")
    books.enter(number="A-7")

    assert books.read().verdict == "different"
    assert books.open() == [("orphan", "A-7")]


def test_unknown_invoice_of_our_own_user_is_an_orphan(books):
    books.enter(number="X/77", user_id=books.company.user_id)

    books.read()

    assert books.open() == [("orphan", "X/77")]


def test_customers_own_invoices_are_counted_and_no_difference(books):
    books.exported("A-1", "A-2", "A-3")
    books.enter(number="")
    books.enter(number="KASSA/12")

    day = books.read()

    assert (day.verdict, day.others) == ("equal", 2)


def test_currencies_are_summed_apart(books, tenant):
    books.exported("A-1")
    books.enter(number="B-1", currency="SEK", total="10.00", user_id=books.company.user_id)

    day = books.read()

    assert sums(day)["EUR"] == ([1, "125.50"], [1, "125.50"], [1, "125.50"])
    assert sums(day)["SEK"][2][0] == 1
    assert sums(day)["SEK"][0] == [0, "0"]


def test_credit_note_is_subtracted(books):
    books.exported("A-1")
    row = factories.invoice()["rows"][0] | {"quantity": "-1"}
    books.exported(
        "A-2", kind="credit_note", corrects_number="A-1", rows=[row], gross_total="-125.50"
    )

    day = books.read()

    assert day.verdict == "equal"
    assert sums(day)["EUR"] == ([2, "0.00"], [2, "0.00"], [2, "0.00"])


def test_corrected_date_is_the_day_that_counts(books):
    (export,) = books.received("A-1", queue=False)
    by = factories.UserFactory(role="Accountant")
    new = corrections.corrected(corrections.document_of(export), {"date": NEXT})
    corrections.correct(
        export, new, version=0, by=by, reason="Wrong day", prepared=("x", b"{}")
    )  # fmt: skip
    books.exported("A-2")

    books.read(DAY, NEXT)

    assert books.day(DAY).verdict == books.day(NEXT).verdict == "equal"
    assert sums(books.day(NEXT))["EUR"][0] == [1, "125.50"]
    assert sums(books.day(DAY))["EUR"][0] == [1, "125.50"]


def test_other_tenants_invoices_are_left_alone(books, make_tenant):
    other = Ledger(make_tenant("Beta Oy", "2345678-0"), books.sandbox)
    other.exported("A-1")
    books.exported("A-1")
    other.delete("A-1")

    assert books.read().verdict == "equal"
    assert other.read().verdict == "different"


def test_later_change_breaks_the_seal_and_names_it(books):
    books.exported("A-1", "A-2")
    first = books.read().seal
    books.change("A-2", total="99.00")

    day = books.read()

    assert (day.verdict, day.seal) == ("different", first)
    assert [(each["number"], each["field"], each["is"]) for each in day.breaks] == [
        ("A-2", "total", "99.00")
    ]
    event = AuditEvent.objects.get(action="ledger.seal_broken")
    assert event.data["differences"] == ["A-2, total: 125.50 → 99.00"]

    books.change("A-2", total="125.50")
    day = books.read()
    assert (day.verdict, day.breaks, day.seal) == ("equal", [], first)
    assert books.open() == []


@pytest.mark.parametrize("shown", [True, False])
def test_deletion_and_invalidation_break_the_seal(books, shown):
    books.sandbox.shows_deleted = shown
    books.exported("A-1", "A-2", "A-3")
    books.read()
    books.delete("A-1")
    books.change("A-3", status="INVALIDATED")

    day = books.read()

    assert {each["number"] for each in day.breaks} == {"A-1", "A-3"}


def test_late_export_of_a_sealed_day_seals_it_anew(books):
    books.exported("A-1")
    books.read()
    books.exported("A-2")

    day = books.read()

    assert (day.verdict, day.breaks, len(day.seal.lines)) == ("equal", [], 2)
    assert DaySeal.objects.count() == 2


def test_explained_difference_seals_the_day_and_is_not_opened_again(books):
    books.exported("A-1", "A-2")
    books.change("A-1", status="INVALIDATED")
    books.read()
    row = LedgerDifference.objects.get()
    by = factories.UserFactory(role="Accountant")

    assert ledger.explain(row, by=by, reason="The order was cancelled")

    assert books.day().verdict == "explained"
    assert books.day().seal is not None
    assert books.read().verdict == "explained"
    assert books.open() == []
    books.change("A-2", total="1.00")
    assert books.read().verdict == "different"
    assert books.open() == [("other_total", "A-2")]


def test_day_is_read_once_however_often_it_is_asked_for(books):
    by = factories.UserFactory(role="Accountant")
    ledger.read_days(books.tenant, DAY, DAY)
    ledger.read_days(books.tenant, DAY, DAY, by=by)

    assert LedgerRead.objects.count() == 1


def test_seal_cannot_be_changed(books):
    books.exported("A-1")
    books.read()

    with pytest.raises(Exception, match="evidence|change"):
        DaySeal.objects.update(digest="")


def test_entered_by_hand_and_adopted_counts_as_ours(books):
    (export,) = books.received("A-1", queue=False)
    entered = books.enter(number="", total="125.50")
    InvoiceExport.objects.filter(pk=export.pk).update(
        status="skipped", remote_id=entered["id"], remote_total="125.50"
    )

    assert books.read().verdict == "equal"
    by_hand.delete(books.sandbox, books.company, entered["id"])
    assert books.read().verdict == "different"
