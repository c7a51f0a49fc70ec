"""Invoices of closed periods: what waits, what a move would do, and that two people decide it."""

from __future__ import annotations

import datetime as dt
import json
import threading
from decimal import Decimal

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from integrations import diagnosis
from invoices import corrections, engine, exports, period_moves
from invoices.mapping import FiscalPeriod
from invoices.models import AuditEvent, InvoiceExport
from invoices.move_models import MoveState, PeriodMove
from tests import factories
from tests.staff import ANONYMOUS, EVERYBODY, NO_RIGHTS, log_in, refusal, said, text, url

WAITING, PERIOD, DECIDE = (
    "invoices_periods_waiting",
    "invoices_period_waiting",
    "invoices_periodmove_decide",
)
MARCH, APRIL = dt.date(2026, 3, 1), dt.date(2026, 4, 1)
CLOSED = {"date": "2026-03-10", "due_date": "2026-03-24", "delivery_end": "2026-03-10"}
ROLES = set(EVERYBODY) - {ANONYMOUS, NO_RIGHTS}
TWO_PEOPLE = {"Accountant", "Administrator"}

pytestmark = pytest.mark.django_db(transaction=True)


def expected(rung, allowed, answer="shown"):
    if rung == ANONYMOUS:
        return "log in"
    return answer if rung in allowed else "refused"


@pytest.fixture
def parked(tenant, queued):
    """Invoices of March, which is closed: the engine has parked them before any call."""

    def park(*numbers, **fields):
        tenant.company.close_period(MARCH, dt.date(2026, 3, 31))
        diagnosis.run_check(tenant)
        found = queued(*numbers, **(CLOSED | fields))
        engine.run_lane(tenant.pk)
        for export in found:
            export.refresh_from_db()
            assert (export.status, export.parked_reason) == ("parked", "closed_period")
        assert not InvoiceExport.objects.filter(attempts__isnull=False).exists()
        return found

    return park


@pytest.fixture
def proposed(tenant, parked):
    """A proposal to move one invoice or more to the first open day."""

    def propose(*numbers, by=None, keep_days=True, **fields):
        parked(*numbers, **fields)
        waiting = list(period_moves.of_month(tenant, MARCH))
        found = period_moves.plan(tenant, waiting, APRIL, keep_days=keep_days)
        assert not found.left_out
        move = period_moves.propose(
            tenant,
            MARCH,
            APRIL,
            keep_days=keep_days,
            lines=found.lines,
            by=by or factories.UserFactory(role="Accountant"),
            reason="March is filed",
        )
        assert move is not None
        return move

    return propose


def second_person():
    return factories.UserFactory(role="Accountant")


@given(
    st.lists(st.tuples(st.integers(0, 23), st.booleans()), max_size=12, unique_by=lambda p: p[0]),
    st.dates(dt.date(2026, 1, 1), dt.date(2027, 12, 31)),
)
def test_first_open_date_is_later_in_an_open_period_and_the_first(made, after):
    periods = tuple(
        FiscalPeriod(
            dt.date(2026 + n // 12, n % 12 + 1, 1),
            dt.date(2026 + (n + 1) // 12, (n + 1) % 12 + 1, 1) - dt.timedelta(days=1),
            is_open,
        )
        for n, is_open in made
    )

    found = period_moves.first_open_date(periods, after)

    day = after + dt.timedelta(days=1)
    while day <= dt.date(2027, 12, 31):
        if any(p.is_open and p.start <= day <= p.end for p in periods):
            break
        day += dt.timedelta(days=1)
    else:
        day = None
    assert found == day


class TestWaiting:
    def test_is_told_by_tenant_and_month_with_count_sum_and_oldest(self, tenant, parked):
        parked("P-1", "P-2")

        assert period_moves.waiting_periods() == [
            {
                "tenant": tenant.pk,
                "name": "Acme Oy",
                "month": MARCH,
                "count": 2,
                "total": Decimal("251.00"),
                "oldest": dt.date(2026, 3, 10),
            }
        ]

    def test_is_released_and_submitted_when_the_period_opens(self, tenant, parked):
        parked("P-1")
        tenant.company.open_period(MARCH, dt.date(2026, 3, 31))

        diagnosis.run_check(tenant)
        assert InvoiceExport.objects.get().status == "queued"
        engine.run_lane(tenant.pk)

        export = InvoiceExport.objects.get()
        assert export.status in ("submitted", "reconciled")
        assert export.attempts.count() == 1
        assert period_moves.waiting_periods() == []


class TestMoving:
    def test_moved_date_is_what_is_submitted_and_compared(self, tenant, proposed):
        move = proposed("P-1", "P-2")
        received = {e.pk: e.invoice.content for e in InvoiceExport.objects.all()}
        second = second_person()

        assert period_moves.approve(move, by=second) == 2
        engine.run_lane(tenant.pk)

        for export in InvoiceExport.objects.all():
            sent = json.loads(export.attempts.get().request_body)
            assert (sent["date"], sent["paymentInfo"]["dueDate"]) == ("2026-04-01", "2026-04-15")
            assert export.invoice.content == received[export.pk]
            assert export.invoice.date == dt.date(2026, 3, 10)
            assert export.status == "reconciled"
        move.refresh_from_db()
        assert (move.state, move.decided_by) == (MoveState.APPROVED, second)
        event = AuditEvent.objects.get(action="period_move.approved")
        assert (event.by, event.data["invoices"]) == (second, 2)

    def test_due_dates_stay_when_the_person_says_so(self, tenant, proposed):
        move = proposed("P-1", keep_days=False, due_date="2026-04-09")

        period_moves.approve(move, by=second_person())

        document = corrections.document_of(InvoiceExport.objects.get())
        assert (document.date, document.due_date) == (APRIL, dt.date(2026, 4, 9))

    def test_invoice_that_would_not_pass_with_the_new_date_is_left_alone(self, tenant, parked):
        parked("P-1")

        found = period_moves.plan(
            tenant, list(period_moves.of_month(tenant, MARCH)), APRIL, keep_days=False
        )

        assert found.planned == []
        assert [p.code for p in found.left_out[0][1]] == ["due_date_before_date"]

    def test_date_in_a_closed_period_moves_nothing(self, tenant, parked):
        parked("P-1")

        waiting = list(period_moves.of_month(tenant, MARCH))
        found = period_moves.plan(tenant, waiting, dt.date(2026, 3, 31), keep_days=True)

        assert [p.code for p in found.left_out[0][1]] == ["period_closed"]

    def test_effect_is_told_by_vat_period(self, proposed):
        move = proposed("P-1", "P-2")

        assert period_moves.effect(move.lines) == [
            {
                "from": "2026-03",
                "to": "2026-04",
                "currency": "EUR",
                "count": 2,
                "net": Decimal("200.00"),
                "vat": Decimal("51.00"),
            }
        ]

    def test_moved_into_a_month_that_closes_waits_for_that_month(self, tenant, proposed):
        period_moves.approve(proposed("P-1"), by=second_person())
        tenant.company.close_period(APRIL, dt.date(2026, 4, 30))
        diagnosis.run_check(tenant)
        engine.run_lane(tenant.pk)
        assert [found["month"] for found in period_moves.waiting_periods()] == [APRIL]

        tenant.company.open_period(MARCH, dt.date(2026, 3, 31))
        diagnosis.run_check(tenant)
        assert InvoiceExport.objects.get().status == "parked"
        tenant.company.open_period(APRIL, dt.date(2026, 4, 30))
        diagnosis.run_check(tenant)

        assert InvoiceExport.objects.get().status == "queued"


class TestFourEyes:
    def test_nobody_approves_what_they_proposed(self, proposed):
        first = factories.UserFactory(role="Administrator")
        move = proposed("P-1", by=first)

        with pytest.raises(period_moves.OwnProposal):
            period_moves.approve(move, by=first)

        move.refresh_from_db()
        assert move.state == MoveState.WAITING
        assert InvoiceExport.objects.get().status == "parked"

    def test_period_that_opened_meanwhile_ends_the_proposal(self, tenant, proposed):
        move = proposed("P-1", "P-2")
        tenant.company.open_period(MARCH, dt.date(2026, 3, 31))
        diagnosis.run_check(tenant)

        with pytest.raises(period_moves.Overtaken):
            period_moves.approve(move, by=second_person())

        move.refresh_from_db()
        assert move.state == MoveState.OVERTAKEN
        assert {e.corrections for e in InvoiceExport.objects.all()} == {0}
        assert AuditEvent.objects.filter(action="period_move.overtaken").count() == 1

    @pytest.mark.parametrize("change", ["skipped", "target closed", "corrected"])
    def test_any_change_ends_it_and_moves_nothing(self, tenant, proposed, admin_user, change):
        move = proposed("P-1", "P-2")
        changed = InvoiceExport.objects.get(invoice__number="P-2")
        if change == "skipped":
            exports.skip(changed, by=admin_user, reason="by hand")
        elif change == "target closed":
            tenant.company.close_period(APRIL, dt.date(2026, 4, 30))
            diagnosis.run_check(tenant)
        else:
            InvoiceExport.objects.filter(pk=changed.pk).update(corrections=0)
            made = period_moves.plan(
                tenant,
                list(period_moves.of_month(tenant, MARCH).filter(pk=changed.pk)),
                dt.date(2026, 4, 2),
                keep_days=True,
            ).planned[0]
            corrections.correct(
                made.export,
                made.document,
                version=0,
                by=admin_user,
                reason="x",
                prepared=made.prepared,
            )

        with pytest.raises(period_moves.Overtaken):
            period_moves.approve(move, by=second_person())

        assert InvoiceExport.objects.get(invoice__number="P-1").corrections == 0

    def test_two_approvals_at_once_move_once(self, proposed):
        move = proposed("P-1", "P-2")
        people = [second_person(), second_person()]
        results, start = [], threading.Barrier(2)

        def approve(person):
            try:
                start.wait()
                mine = PeriodMove.objects.get(pk=move.pk)
                results.append(period_moves.approve(mine, by=person))
            except period_moves.Decided:
                results.append("decided")
            finally:
                connection.close()

        threads = [threading.Thread(target=approve, args=[person]) for person in people]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert sorted(results, key=str) == [2, "decided"]
        assert {e.corrections for e in InvoiceExport.objects.all()} == {1}
        assert AuditEvent.objects.filter(action="period_move.approved").count() == 1

    def test_one_proposal_waits_for_a_month(self, tenant, proposed):
        move = proposed("P-1")

        again = period_moves.propose(
            tenant,
            MARCH,
            APRIL,
            keep_days=True,
            lines=move.lines,
            by=second_person(),
            reason="again",
        )

        assert again is None
        assert PeriodMove.objects.count() == 1


class TestPages:
    @pytest.mark.parametrize("rung", EVERYBODY)
    def test_ladder(self, client, tenant, proposed, rung):
        move = proposed("P-1")
        log_in(client, rung)
        page = url(PERIOD, tenant.pk, 2026, 3)

        assert refusal(client.get(url(WAITING))) == expected(rung, ROLES)
        assert refusal(client.get(page)) == expected(rung, ROLES)
        assert refusal(client.get(url(DECIDE, move.pk))) == expected(rung, ROLES)
        assert refusal(client.post(page, {"reason": "x"})) == expected(rung, TWO_PEOPLE)
        answer = client.post(url(DECIDE, move.pk), {"approve": "1"})
        assert refusal(answer) == expected(rung, TWO_PEOPLE, "moved")
        assert InvoiceExport.objects.get().status == ("queued" if rung in TWO_PEOPLE else "parked")

    def test_one_proposes_and_another_approves(self, client, tenant, parked):
        parked("P-1", "P-2")
        log_in(client, "Accountant")
        page = url(PERIOD, tenant.pk, 2026, 3)

        assert "2 invoices, 251.00 EUR, wait for March 2026 of Acme Oy" in text(
            client.get(url(WAITING))
        )
        shown = client.get(page)
        assert "51.00 EUR" in text(shown) and shown.context["first_open"] == APRIL
        fields = {"date": "2026-04-01", "due": "move", "seen": shown.context["seen"]}
        assert "This field is required" in text(client.post(page, fields))
        assert not PeriodMove.objects.exists()
        answer = client.post(page, fields | {"reason": "March is filed"})
        move = PeriodMove.objects.get()
        assert answer["Location"] == url(DECIDE, move.pk)
        assert "another person has to approve it" in text(client.get(answer["Location"]))
        own = client.post(url(DECIDE, move.pk), {"approve": "1"})
        assert said(own)[-1] == "You proposed this: another person has to approve it."
        assert InvoiceExport.objects.filter(status="parked").count() == 2

        log_in(client, "Accountant")
        assert "Approve: move 2 invoices and queue them" in text(client.get(url(DECIDE, move.pk)))
        done = client.post(url(DECIDE, move.pk), {"approve": "1"})
        assert said(done)[-1] == "Approved: 2 invoices have a new date and are queued."
        assert InvoiceExport.objects.filter(status="queued").count() == 2
        again = client.post(url(DECIDE, move.pk), {"approve": "1"})
        assert "somebody has decided already" in said(again)[-1]

    def test_what_changed_since_it_was_shown_is_not_proposed(self, client, tenant, parked, queued):
        parked("P-1")
        log_in(client, "Accountant")
        page = url(PERIOD, tenant.pk, 2026, 3)
        seen = client.get(page).context["seen"]
        queued("P-2", **CLOSED)
        engine.run_lane(tenant.pk)

        fields = {"date": "2026-04-01", "due": "move", "seen": seen, "reason": "x"}
        answer = client.post(page, fields)

        assert "Something has changed since you looked" in text(answer)
        assert not PeriodMove.objects.exists()

    def test_proposer_withdraws_and_another_declines(self, client, tenant, proposed):
        first = factories.UserFactory(role="Accountant")
        move = proposed("P-1", by=first)
        client.force_login(first)

        answer = client.post(url(DECIDE, move.pk), {"decline": "1", "reason": "Wrong month"})

        assert said(answer) == ["The proposal is ended; nothing was moved."]
        move.refresh_from_db()
        assert (move.state, move.decision_reason) == (MoveState.DECLINED, "Wrong month")
        assert InvoiceExport.objects.get().status == "parked"

    @pytest.mark.parametrize(
        "query", ["?date=no", "?date=0001-01-01", "?date=9999-12-31", "?due=x"]
    )
    def test_damaged_queries_are_told(self, client, tenant, parked, query):
        parked("P-1")
        log_in(client, "Accountant")

        answer = client.get(url(PERIOD, tenant.pk, 2026, 3) + query)

        assert answer.status_code == 200 and answer.context["plan"] is None

    def test_month_that_is_none_is_not_found(self, client, tenant):
        log_in(client, "Accountant")

        assert client.get(url(PERIOD, tenant.pk, 2026, 13)).status_code == 404
        assert client.get(url(PERIOD, tenant.pk, 2026, 5)).status_code == 200
