"""Figures equal a full count, whatever happened and however the passes went."""

from __future__ import annotations

import datetime as dt
import itertools
import time

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from hypothesis import HealthCheck, Phase
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from invoices import exports
from invoices.enums import ExportStatus
from invoices.models import AuditEvent, InvoiceExport
from invoices.report_models import ExportFact, Rollup, RollupCursor
from invoices.reports import checking, rolling
from invoices.reports.times import bucket_of
from invoices.watch_models import Alert
from tests import factories, reports

pytestmark = pytest.mark.django_db(transaction=True)
RIGHT = {"exports": 0, "days": 0}


@pytest.fixture
def tenant():
    return factories.TenantFactory(state="active")


class Killed(BaseException):
    """The process ends here."""


def killed_at(write):
    """A wrapper of the database that kills whoever makes that many writes."""
    writes = 0

    def execute(run, sql, params, many, context):
        nonlocal writes
        if sql.lstrip("( ").upper().startswith(("INSERT", "UPDATE", "DELETE", "WITH")):
            writes += 1
            if writes == write:
                raise Killed
        return run(sql, params, many, context)

    return connection.execute_wrapper(execute)


MOMENTS = st.builds(
    lambda hours: dt.datetime(2026, 10, 24, 18, tzinfo=dt.UTC) + dt.timedelta(hours=hours),
    # Over the night in which summer time ends.
    st.integers(0, 48),
)


class Life(RuleBasedStateMachine):
    """Exports of two tenants move at random; passes run, die, and meet each other."""

    def __init__(self):
        super().__init__()
        self.block = transaction.atomic()
        self.block.__enter__()
        self.tenants = [
            factories.TenantFactory(name=name, business_id=number, state="active")
            for name, number in (("One Oy", "2077474-0"), ("Two Oy", "0112038-9"))
        ]

    def teardown(self):
        transaction.set_rollback(True)
        self.block.__exit__(None, None, None)

    def _some(self, data, *statuses):
        found = InvoiceExport.objects.filter(status__in=statuses).order_by("pk")
        return data.draw(st.sampled_from(list(found))) if found else None

    @rule(
        which=st.integers(0, 1),
        total=st.decimals("-999.99", "9999.99", places=2),
        currency=st.sampled_from(["EUR", "SEK"]),
        when=MOMENTS,
        queue=st.booleans(),
    )
    def take_in(self, which, total, currency, when, queue):
        reports.take_in(self.tenants[which], total, currency, when=when, queue=queue)

    @rule(
        data=st.data(),
        move=st.sampled_from([reports.accept, reports.accept, reports.fail, reports.lose]),
        when=MOMENTS,
    )
    def submit(self, data, move, when):
        if export := self._some(data, "queued"):
            move(export, when=when)

    @rule(data=st.data(), when=MOMENTS)
    def queue_again(self, data, when):
        if export := self._some(data, "needs_attention", "parked", "draft"):
            reports.queue_again(export, when=when)

    @rule(data=st.data(), when=MOMENTS)
    def find(self, data, when):
        if export := self._some(data, "unknown"):
            reports.adopt(export, when=when)

    @rule(data=st.data())
    def read_back(self, data):
        if export := self._some(data, "submitted"):
            exports.change_status(export, ExportStatus.SUBMITTED, ExportStatus.RECONCILED)

    @rule(data=st.data())
    def skip(self, data):
        if export := self._some(data, "queued", "needs_attention", "parked", "unknown"):
            assert exports.skip(export, by=factories.UserFactory(), reason="made by hand")

    @rule()
    def roll_up(self):
        assert rolling.roll_up()
        assert reports.figures() == reports.full_count()
        assert checking.check() == RIGHT

    @rule()
    def fall_behind(self):
        """As after years without a pass: so many events that exports are looked at instead."""
        RollupCursor.objects.update(settled=0)

    @rule(write=st.integers(1, 8))
    def roll_up_and_die(self, write):
        try:
            with killed_at(write):
                rolling.roll_up()
        except Killed:
            # What was not in a transaction of the pass's own is not there; the test's goes on.
            transaction.set_rollback(False)

    @rule()
    def count_what_another_has_counted(self):
        """Counted before somebody else's change, written after it: not at all."""
        pks = list(InvoiceExport.objects.values_list("pk", flat=True))
        old = rolling.cursor().version
        rolling.take(pks)
        assert not pks or rolling._take({"pk__in": pks}, old) is None

    @invariant()
    def facts_and_figures_agree(self):
        assert all(rolling.differing(tenant) == 0 for tenant in rolling.owners())


def test_figures_equal_a_full_count_after_random_moves(monkeypatch):
    monkeypatch.setattr(rolling, "_MANY", 0)
    monkeypatch.setattr(rolling, "_PAUSE_SECONDS", 0)
    run_state_machine_as_test(
        Life,
        settings=hypothesis_settings(
            max_examples=12,
            stateful_step_count=25,
            deadline=None,
            # Shrinking costs more than reading twenty steps.
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_evening_in_helsinki_counts_on_its_own_day(tenant):
    export = reports.take_in(tenant, when=reports.at("2026-11-20", "23:59"))
    reports.accept(export, when=reports.at("2026-11-21", "00:01"))

    rolling.roll_up()

    assert Rollup.objects.get(tenant=tenant, day="2026-11-20").taken == 1
    assert Rollup.objects.get(tenant=tenant, day="2026-11-21").exported == 1


def test_one_that_failed_before_is_exported_but_no_first_pass(tenant):
    smooth, bumpy, tried_twice = (reports.take_in(tenant) for _ in range(3))
    reports.accept(smooth)
    reports.fail(bumpy)
    reports.queue_again(bumpy)
    reports.accept(bumpy)
    reports.lose(tried_twice)
    reports.adopt(tried_twice)

    rolling.roll_up()

    row = Rollup.objects.get(tenant=tenant)
    assert (row.exported, row.first_pass, row.failed) == (3, 1, 0)


def test_check_says_nothing_of_what_has_moved_since_the_last_pass(tenant):
    export = reports.take_in(tenant)
    rolling.roll_up()
    reports.accept(export)

    assert checking.check() == RIGHT


def test_wrong_figures_raise_an_alert_that_a_rebuild_ends(tenant):
    exports_made = [reports.take_in(tenant) for _ in range(3)]
    while rolling.cursor().settled < AuditEvent.objects.latest("pk").pk:
        rolling.roll_up()
    Rollup.objects.filter(tenant=tenant).update(taken=7)
    ExportFact.objects.filter(pk=exports_made[0].pk).update(state="failed")

    found = checking.check_and_alert()

    assert found["exports"] == 1 and found["days"] == 2
    alert = Alert.objects.get(cause="figures_differ")
    assert alert.recovered_at is None and alert.facts == found
    call_command("rebuild_reports")
    assert reports.figures() == reports.full_count()
    assert checking.check_and_alert() == RIGHT
    alert.refresh_from_db()
    assert alert.recovered_at is not None


def test_check_command_tells_by_its_exit_code(tenant, capsys):
    reports.take_in(tenant)
    rolling.roll_up()
    call_command("rebuild_reports", "--check", "--json")
    Rollup.objects.filter(tenant=tenant).update(taken=7)

    with pytest.raises(SystemExit) as ended:
        call_command("rebuild_reports", "--check")

    assert ended.value.code == 1


def test_restored_backup_goes_on_from_its_own_cursor(tenant):
    """What the database forgets, facts, figures and cursor forget with it."""
    first = reports.take_in(tenant)
    rolling.roll_up()
    try:
        with transaction.atomic():
            reports.accept(first)
            reports.take_in(tenant)
            rolling.roll_up()
            raise Killed
    except Killed:
        pass
    reports.take_in(tenant)
    exports.distrust_all(cautious_until=reports.at("2030-01-01"))

    rolling.roll_up()

    assert reports.figures() == reports.full_count()
    assert Rollup.objects.get(tenant=tenant).waiting == 2


def test_pass_that_runs_out_of_time_is_gone_on_with(tenant, monkeypatch):
    monkeypatch.setattr(rolling, "_EVENTS", 3)
    for _number in range(5):
        reports.take_in(tenant)

    assert rolling.roll_up(budget_seconds=-1) is False
    assert RollupCursor.objects.get().counted_at is None
    assert rolling.roll_up() is True
    assert reports.figures() == reports.full_count()


def test_look_at_exports_tells_how_many_had_changed(tenant):
    made = [reports.take_in(tenant) for _ in range(3)]
    pks = [export.pk for export in made]

    first, again = rolling.take(pks), rolling.take(pks)
    reports.accept(made[0])
    after_a_move = rolling.take(pks)

    assert (first, again, after_a_move) == (3, 0, 1)


@pytest.fixture
def far_behind(tenant, monkeypatch):
    """Six exports with more events than exports, none of them counted; two are looked at at
    once."""
    made = [reports.take_in(tenant) for _ in range(6)]
    for export in made:
        reports.accept(export)
    monkeypatch.setattr(rolling, "_MANY", 0)
    monkeypatch.setattr(rolling, "_EXPORTS", 2)
    monkeypatch.setattr(rolling, "_PAUSE_SECONDS", 0)
    _know_what_is_final()
    return made


def _know_what_is_final():
    """On PostgreSQL that is known once no transaction of anybody's is older."""
    newest = AuditEvent.objects.latest("pk").pk
    while rolling._final(rolling.cursor(), newest) < newest:
        time.sleep(0.01)


def _in_turns(monkeypatch, between):
    """A pass whose time runs out after each two exports, and what happens between."""
    clock = itertools.count()
    monkeypatch.setattr(rolling.time, "monotonic", lambda: next(clock))
    passes = 1
    while not rolling.roll_up(budget_seconds=3):
        assert RollupCursor.objects.get().counted_at is None
        between(passes)
        passes += 1
    return passes


def test_years_of_events_are_counted_by_the_exports_in_turns(far_behind, tenant, monkeypatch):
    def move_on(passes):
        reports.take_in(tenant, f"{passes}.00")
        exports.change_status(far_behind[0], "submitted", "reconciled")

    assert _in_turns(monkeypatch, move_on) > 2
    cursor = RollupCursor.objects.get()
    assert cursor.filled is None and cursor.settled > 0
    assert rolling.roll_up()
    assert reports.figures() == reports.full_count()
    assert checking.check() == RIGHT


def test_pass_that_another_has_overtaken_leaves_the_place_alone(far_behind, monkeypatch):
    slow = rolling.cursor()
    final = rolling._final(slow, AuditEvent.objects.latest("pk").pk)
    RollupCursor.objects.update(filled=0, seen=final)
    slow.refresh_from_db()
    assert rolling.roll_up()

    assert rolling._fill(slow, final, until=float("inf")) is False

    assert RollupCursor.objects.get().filled is None
    assert reports.figures() == reports.full_count()


@pytest.mark.parametrize("seconds", [-5, 0, 0.5, 1, 1.000001, 1.1, 2, 59.9, 86400, 10**7, 10**10])
def test_database_puts_a_duration_into_its_bucket(tenant, seconds):
    when = reports.at("2026-11-20")
    export = reports.take_in(tenant, when=when)
    reports.accept(export, when=when + dt.timedelta(hours=1))
    took = dt.timedelta(seconds=seconds)
    InvoiceExport.objects.filter(pk=export.pk).update(created_at=when, submitted_at=when + took)

    rolling.take([export.pk])

    assert ExportFact.objects.get().bucket == bucket_of(took)
