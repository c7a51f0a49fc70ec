"""Sealing behind the writers: nothing is missed, nothing twice, whoever else is at it."""

from __future__ import annotations

import contextlib
import datetime as dt
import threading

import pytest
from django.core.management import call_command
from django.db import DatabaseError, close_old_connections, connection, transaction
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from invoices import audit
from invoices.evidence import sealing, verifying
from invoices.evidence.kinds import KINDS
from invoices.evidence_models import EvidenceChain, EvidenceLink, SealCursor
from invoices.models import AuditEvent, SubmissionAttempt
from tests import factories
from tests.invoices.evidence.conftest import found, sql

pytestmark = pytest.mark.django_db(transaction=True)

postgres_only = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="SQLite has one writer at a time"
)


def sealed_events():
    rows = EvidenceLink.objects.filter(kind=1).values_list("row", flat=True)
    return sorted(rows)


@contextlib.contextmanager
def writer():
    """A connection of its own, in a transaction."""
    other = connection.copy()
    other.set_autocommit(False)
    try:
        yield other
    finally:
        other.close()


def insert(other):
    """One audit event, not committed yet; returns its number."""
    with other.cursor() as cursor:
        cursor.execute(
            "INSERT INTO invoices_auditevent (at, action, data) "
            "VALUES (%s, 'test.event', '{}') RETURNING id",
            [dt.datetime.now(dt.UTC)],
        )
        return cursor.fetchone()[0]


@postgres_only
def test_row_committed_after_a_later_one_was_sealed_is_not_missed():
    with writer() as slow, writer() as fast:
        first, second = insert(slow), insert(fast)
        fast.commit()
        for _minute in range(3):
            sealing.seal()
        assert (first < second, sealed_events()) == (True, [second])
        slow.commit()

    sealing.seal()

    assert sealed_events() == [first, second]
    assert found() == []


@postgres_only
def test_cursor_waits_for_those_who_wrote_when_it_was_read_and_for_nobody_else():
    with writer() as first, writer() as second:
        one = insert(first)
        audit.record("test.event")
        sealing.seal()
        two = insert(second)
        audit.record("test.event")
        first.commit()
        sealing.seal()
        cursor = SealCursor.objects.get(kind=1)
        assert one < cursor.done_to < two
        second.commit()
        sealing.seal()
        sealing.seal()

    assert SealCursor.objects.get(kind=1).done_to == AuditEvent.objects.latest("pk").pk
    assert len(sealed_events()) == 4


@postgres_only
@hypothesis_settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    acts=st.lists(
        st.tuples(st.integers(0, 2), st.sampled_from(["insert", "commit", "rollback", "seal"])),
        max_size=30,
    )
)
def test_no_order_of_commits_and_passes_misses_a_row(acts):
    with writer() as a, writer() as b, writer() as c:
        for number, act in acts:
            other = (a, b, c)[number]
            if act == "insert":
                insert(other)
            elif act == "seal":
                sealing.seal()
            else:
                getattr(other, act)()
        for other in (a, b, c):
            other.commit()
    sealing.seal()

    assert sealed_events() == sorted(AuditEvent.objects.values_list("pk", flat=True))
    assert found() == []


def test_rolled_back_rows_hold_nothing_up():
    with contextlib.suppress(ZeroDivisionError), transaction.atomic():
        audit.record("test.event")
        raise ZeroDivisionError
    event = audit.record("test.event")

    assert [sealing.seal(), sealing.seal()] == [1, 0]
    assert SealCursor.objects.get(kind=1).done_to == event.pk


def test_attempt_is_sealed_once_it_is_closed_and_holds_its_cursor_until_then(tenant, queued):
    exports = queued("A-1", "A-2")
    attempts = [
        SubmissionAttempt.objects.create(
            export=export,
            number=1,
            trigger="automatic",
            correlation_id="0b1f0f5e-6a0f-4f0e-9a43-3a4f5f2f5f1a",
            started_at=dt.datetime.now(dt.UTC),
        )
        for export in exports
    ]
    close = SubmissionAttempt.objects.filter
    close(pk=attempts[1].pk).update(finished_at=dt.datetime.now(dt.UTC))
    sealing.seal()
    of_attempts = EvidenceLink.objects.filter(kind=2)
    assert list(of_attempts.values_list("row", flat=True)) == [attempts[1].pk]

    close(pk=attempts[0].pk).update(finished_at=dt.datetime.now(dt.UTC))
    sealing.seal()

    assert of_attempts.count() == 2
    assert SealCursor.objects.get(kind=2).done_to == attempts[1].pk


def test_row_that_is_closed_while_a_pass_reads_is_not_missed(tenant, queued):
    (export,) = queued("A-1")
    attempt = SubmissionAttempt.objects.create(
        export=export,
        number=1,
        trigger="automatic",
        correlation_id="0b1f0f5e-6a0f-4f0e-9a43-3a4f5f2f5f1a",
        started_at=dt.datetime.now(dt.UTC),
    )
    now = dt.datetime.now(dt.UTC)
    rows = SubmissionAttempt.objects.filter(pk=attempt.pk)

    sealing.seal(after_read=lambda: rows.filter(finished_at=None).update(finished_at=now))
    sealing.seal()

    assert EvidenceLink.objects.filter(kind=2).count() == 1


def test_two_sealers_at_once_make_one_chain():
    for _ in range(300):
        audit.record("test.event")
    barrier = threading.Barrier(3)

    def work():
        try:
            sealing.seal(after_read=lambda: _meet(barrier))
        finally:
            close_old_connections()
            connection.close()

    sealers = [threading.Thread(target=work) for _ in range(3)]
    for each in sealers:
        each.start()
    for each in sealers:
        each.join()
    sealing.seal()

    assert EvidenceLink.objects.count() == 300
    assert sorted(EvidenceLink.objects.values_list("position", flat=True)) == [*range(1, 301)]
    assert found() == []


def _meet(barrier):
    with contextlib.suppress(threading.BrokenBarrierError):
        barrier.wait(10)


def test_sealer_that_dies_between_reading_and_writing_leaves_nothing_behind():
    audit.record("test.event")

    def die():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sealing.seal(after_read=die)
    assert (EvidenceLink.objects.count(), SealCursor.objects.count()) == (0, 0)

    assert sealing.seal() == 1
    assert found() == []


@pytest.mark.parametrize("broken_at", [1, 2])
def test_sealer_that_dies_while_writing_leaves_nothing_behind(monkeypatch, broken_at):
    """Half of the links are in when the database goes away."""
    monkeypatch.setattr(sealing, "_AT_ONCE", 2)
    for _ in range(5):
        audit.record("test.event")
    statements = []

    def cut(execute, statement, parameters, many, context):
        if statement.startswith("INSERT INTO") and "evidencelink" in statement:
            statements.append(statement)
            if len(statements) > broken_at:
                raise DatabaseError("the connection is gone")
        return execute(statement, parameters, many, context)

    with connection.execute_wrapper(cut), pytest.raises(DatabaseError):
        sealing.seal()
    assert (EvidenceLink.objects.count(), EvidenceChain.objects.count()) == (0, 0)

    assert sealing.seal() == 5
    assert found() == []


def test_rows_are_linked_by_moment_then_table_then_number(tenant, queued):
    queued("A-1", "A-2")

    sealing.seal()

    kinds = {kind.number: kind for kind in KINDS}
    linked = []
    for number, pk in EvidenceLink.objects.order_by("position").values_list("kind", "row"):
        kind = kinds[number]
        moment = sql(f"SELECT {kind.moment} FROM {kind.source} WHERE r.id = %s", pk)[0][0]
        linked.append((moment, number, pk))
    assert linked == sorted(linked)
    assert len({number for _moment, number, _pk in linked}) >= 3


def test_year_is_the_calendar_year_here_where_procountor_says_nothing():
    tenant = factories.TenantFactory()
    for moment in ("2025-12-31 21:59:59+00:00", "2025-12-31 22:00:01+00:00"):
        for of in (tenant, None):
            AuditEvent.objects.create(
                at=dt.datetime.fromisoformat(moment), action="test.event", tenant=of
            )

    sealing.seal()

    years = EvidenceChain.objects.order_by("starts_on", "tenant")
    assert {(c.tenant_id, c.starts_on.year, c.ends_on.isoformat()) for c in years} == {
        (tenant.pk, 2025, "2025-12-31"),
        (tenant.pk, 2026, "2026-12-31"),
        (None, 2025, "2025-12-31"),
        (None, 2026, "2026-12-31"),
    }
    assert found() == []


def test_year_is_the_tenants_financial_year_as_procountor_tells_it(make_tenant):
    tenant = make_tenant()
    check = tenant.last_check
    years = [["2025-07-01", "2026-06-30"], ["2026-07-01", "2027-12-31"]]
    check.reference_data = check.reference_data | {"fiscal_years": years}
    check.save(update_fields=["reference_data"])
    for day in ("2026-06-30", "2026-07-01", "2027-12-31", "2028-02-01"):
        moment = dt.datetime.fromisoformat(f"{day} 12:00:00+00:00")
        AuditEvent.objects.create(at=moment, action="test.event", tenant=tenant)

    sealing.seal()

    spans = [(c.starts_on.isoformat(), c.ends_on.isoformat()) for c in _of(tenant)]
    assert spans == [
        ("2025-07-01", "2026-06-30"),
        ("2026-07-01", "2027-12-31"),
        ("2028-01-01", "2028-12-31"),
    ]


def test_check_reads_the_financial_years_of_the_company(make_tenant):
    years = make_tenant().last_check.reference_data["fiscal_years"]

    assert all(start < end for start, end in years)
    assert len(years) > 3


def test_a_year_that_is_told_otherwise_later_does_not_overlap_an_older_chain(make_tenant):
    tenant = make_tenant()
    check = tenant.last_check
    for years, day in (
        ([["2026-01-01", "2026-12-31"]], "2026-05-01"),
        ([["2026-07-01", "2027-06-30"]], "2027-03-01"),
    ):
        check.reference_data = check.reference_data | {"fiscal_years": years}
        check.save(update_fields=["reference_data"])
        moment = dt.datetime.fromisoformat(f"{day} 12:00:00+00:00")
        AuditEvent.objects.create(at=moment, action="test.event", tenant=tenant)
        sealing.seal()

    spans = [(c.starts_on.isoformat(), c.ends_on.isoformat()) for c in _of(tenant)]
    assert spans == [("2026-01-01", "2026-12-31"), ("2027-01-01", "2027-06-30")]


def _of(tenant):
    return EvidenceChain.objects.filter(tenant=tenant).order_by("starts_on")


def test_rows_below_the_cursor_are_sealed_by_a_person_only(capsys):
    first, _second = audit.record("test.event"), audit.record("test.event")
    sealing.seal()
    SealCursor.objects.filter(kind=1).update(done_to=first.pk + 50)
    old = dt.datetime.now(dt.UTC) - dt.timedelta(hours=2)
    AuditEvent.objects.bulk_create(
        [AuditEvent(pk=first.pk + 20, at=old, action="test.late", data={})]
    )
    sealing.seal()
    assert found() == [("row not sealed", "invoices_auditevent", first.pk + 20)]

    call_command("seal_audit", "--late", "An import that was cut off")

    event = AuditEvent.objects.get(action="evidence.sealed_late")
    assert event.data == {
        "table": "invoices_auditevent",
        "rows": [first.pk + 20],
        "reason": "An import that was cut off",
    }
    assert found() == []


def test_large_backlog_is_sealed_in_passes():
    AuditEvent.objects.bulk_create(
        [
            AuditEvent(at=dt.datetime.now(dt.UTC), action="test.event", data={"n": n})
            for n in range(2500)
        ]
    )

    assert sealing.seal() == 2500
    assert found() == []
    (chain,) = EvidenceChain.objects.all()
    assert verifying.verify_chain(chain).rows == 2500
