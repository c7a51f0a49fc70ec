"""The table of moves, and evidence that nobody can change."""

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from invoices import exports
from invoices.enums import ExportStatus
from invoices.models import AuditEvent, Invoice, InvoiceExport, ReceivedFile, SubmissionAttempt

pytestmark = pytest.mark.django_db


def test_every_status_has_its_moves():
    assert set(exports.ALLOWED_MOVES) == set(ExportStatus)


def test_only_queued_leads_to_submitting():
    sources = {old for old, new in exports.ALLOWED_MOVES.items() if "submitting" in new}

    assert sources == {ExportStatus.QUEUED}


def test_nothing_leaves_the_final_states():
    assert not exports.ALLOWED_MOVES[ExportStatus.RECONCILED]
    assert not exports.ALLOWED_MOVES[ExportStatus.SKIPPED]


def test_submitted_never_leads_back_to_the_queue():
    seen, todo = set(), [ExportStatus.SUBMITTED]
    while todo:
        status = todo.pop()
        seen.add(status)
        todo += exports.ALLOWED_MOVES[status] - seen

    assert ExportStatus.QUEUED not in seen


@pytest.fixture
def export(tenant, queued):
    return queued("A-1")[0]


@hypothesis_settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(moves=st.lists(st.sampled_from(list(ExportStatus)), max_size=6))
def test_any_sequence_of_moves_keeps_to_the_table(export, moves):
    InvoiceExport.objects.filter(pk=export.pk).update(status="draft", claim="")
    export.refresh_from_db()
    for new in moves:
        old = ExportStatus(export.status)
        if new in exports.ALLOWED_MOVES[old]:
            assert exports.change_status(export, old, new) is True
            assert export.status == new
        else:
            with pytest.raises(ValueError, match="not an allowed move"):
                exports.change_status(export, old, new)
            export.refresh_from_db()
            assert export.status == old


def test_second_of_two_simultaneous_moves_changes_nothing(export):
    mine = InvoiceExport.objects.get(pk=export.pk)
    theirs = InvoiceExport.objects.get(pk=export.pk)
    events = AuditEvent.objects.count()

    assert exports.change_status(mine, ExportStatus.QUEUED, ExportStatus.SKIPPED)
    assert not exports.change_status(theirs, ExportStatus.QUEUED, ExportStatus.SUBMITTING)

    assert AuditEvent.objects.count() == events + 1


def test_second_open_attempt_is_refused_by_the_database(tenant, export):
    claimed = exports.claim_next(tenant)
    exports.open_attempt(claimed, b"{}", tenant.active_credential)

    with pytest.raises(IntegrityError), transaction.atomic():
        exports.open_attempt(claimed, b"{}", tenant.active_credential)


@pytest.fixture
def closed_attempt(tenant, export):
    claimed = exports.claim_next(tenant)
    attempt = exports.open_attempt(claimed, b"{}", tenant.active_credential)
    exports.close(attempt, "unknown")
    return attempt


EVIDENCE = ["auditevent", "submissionattempt", "receivedfile", "invoice"]


@pytest.mark.parametrize("table", EVIDENCE)
@pytest.mark.parametrize("statement", ["UPDATE {} SET id = id", "DELETE FROM {}"])
def test_evidence_cannot_be_changed_by_sql(closed_attempt, table, statement):
    with (
        pytest.raises(DatabaseError, match="evidence is never changed or deleted"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement.format(f"invoices_{table}"))


@pytest.mark.parametrize("model", [AuditEvent, SubmissionAttempt, ReceivedFile, Invoice])
def test_evidence_cannot_be_deleted_through_models(closed_attempt, model):
    row = model.objects.first()

    with pytest.raises((DatabaseError, TypeError, IntegrityError)), transaction.atomic():
        row.delete()

    assert model.objects.filter(pk=row.pk).exists()


def test_audit_event_cannot_be_saved_again_or_updated(export):
    event = AuditEvent.objects.first()

    with pytest.raises(TypeError):
        event.save()
    with pytest.raises(TypeError):
        AuditEvent.objects.update(action="x")
    with pytest.raises(TypeError):
        AuditEvent.objects.all().delete()
