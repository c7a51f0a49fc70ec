"""Whoever changes, removes, adds or reorders anything, with all rights of the database, shows."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from django.apps import apps
from django.utils import timezone

from invoices import audit
from invoices.evidence import heads, sealing, verifying
from invoices.evidence.kinds import KINDS, NOT_EVIDENCE
from invoices.evidence_models import EvidenceChain, EvidenceLink
from invoices.models import AuditEvent, InvoiceExport
from tests import factories
from tests.benchmarks.office import take_in
from tests.benchmarks.tampering import measure
from tests.invoices.evidence.conftest import MOMENT, attacker, found, sql

pytestmark = pytest.mark.django_db

BY_MODEL = {kind.model: kind for kind in KINDS}


def test_every_table_is_evidence_or_says_why_not():
    ours = {
        model._meta.label
        for app in ("integrations", "invoices")
        for model in apps.get_app_config(app).get_models()
    }

    assert set(BY_MODEL) | set(NOT_EVIDENCE) == ours
    assert not set(BY_MODEL) & set(NOT_EVIDENCE)


def test_every_column_left_out_exists_and_no_number_is_used_twice():
    for kind in KINDS:
        names = {field.name for field in kind.model_class._meta.concrete_fields}
        assert set(kind.without) <= names
    assert len({kind.number for kind in KINDS}) == len(KINDS)


def test_whatever_is_changed_in_a_year_of_exports_is_found(tenant):
    """The same at its full size: `python -m tests.benchmarks.tampering`."""
    take_in(tenant, 1, "T")

    result = measure(tenant, exports=300, samples=1, seed=1)

    assert result["not_found"] == []
    assert result["sealed_rows"] > 2700
    covered = {f"{kind.table}.{field.column}" for kind in KINDS for field in kind.fields}
    assert covered <= result["changed"].keys()
    assert result["changes"] > 2 * len(covered)


def test_what_verifying_would_overlook_is_told(tenant, monkeypatch):
    take_in(tenant, 1, "T")
    monkeypatch.setattr(verifying, "compare_rows", lambda chain_pk, page, result: None)

    missed = measure(tenant, exports=30, samples=0, seed=1)["not_found"]

    assert len(missed) > 200
    assert any(line.startswith("invoices_lookup.verdict: [('row changed'") for line in missed)


@pytest.mark.parametrize("model", ["invoices.AuditEvent", "invoices.SubmissionAttempt"])
def test_deleted_row_is_found(office, model):
    kind = BY_MODEL[model]
    pk = EvidenceLink.objects.filter(kind=kind.number).latest("pk").row
    with attacker():
        sql(f"DELETE FROM {kind.table} WHERE id = %s", pk)

        assert found() == [("row removed", kind.table, pk)]


def test_row_put_in_between_is_found(office, make_rows):
    """Its number was free, because a transaction was rolled back, say."""
    make_rows(2)
    first = AuditEvent.objects.latest("pk")
    with attacker():
        sql("UPDATE invoices_auditevent SET id = id + 1000 WHERE id = %s", first.pk)
        sql(
            "UPDATE invoices_evidencelink SET row = row + 1000 WHERE kind = 1 AND row = %s",
            first.pk,
        )
        forged_one = AuditEvent(
            pk=first.pk, at=first.at - dt.timedelta(hours=2), action="user.logged_in", data={}
        )
        AuditEvent.objects.bulk_create([forged_one])
    sealing.seal()

    assert ("row not sealed", "invoices_auditevent", first.pk) in found()


def forge(pk, at):
    """An event under a number that no pass of the sealer looks at any more."""
    with attacker():
        sql("UPDATE invoices_sealcursor SET done_to = %s WHERE kind = 1", pk)
        AuditEvent.objects.bulk_create([AuditEvent(pk=pk, at=at, action="x", data={})])
    sealing.seal()


def test_row_put_in_with_a_date_in_the_future_is_found(make_rows):
    make_rows(2)
    pk = AuditEvent.objects.latest("pk").pk + 1000
    forge(pk, timezone.now() + dt.timedelta(days=400))

    assert found() == [("row not sealed", "invoices_auditevent", pk)]


def test_row_linked_below_the_first_position_is_found(make_rows):
    """With the chain's beginning as that link's hash, the first link would still follow it."""
    make_rows(3)
    pk = AuditEvent.objects.latest("pk").pk + 1000
    forge(pk, MOMENT)
    kind, chain = BY_MODEL["invoices.AuditEvent"], EvidenceChain.objects.get()
    (values,) = sealing.canonical.rows(kind, [pk])
    with attacker():
        EvidenceLink.objects.bulk_create(
            [
                EvidenceLink(
                    chain=chain,
                    position=0,
                    kind=kind.number,
                    row=pk,
                    digest=sealing.canonical.digest(kind, values),
                    hash=chain.genesis,
                )
            ]
        )

    assert found() == [("link changed", "invoices_evidencelink", 0)]


def test_chain_removed_from_above_its_links_is_found(make_rows):
    make_rows(2)
    chain = EvidenceChain.objects.get()
    with attacker():
        sql("DELETE FROM invoices_evidencechain WHERE id = %s", chain.pk)
        shown = found()
        # The database would complain at the test's end.
        sql("DELETE FROM invoices_evidencelink")

    assert shown == [("chain removed", "invoices_evidencechain", chain.pk)]


def test_two_rows_whose_contents_are_swapped_are_found(make_rows):
    make_rows(4)
    a, b = AuditEvent.objects.order_by("pk")[1:3]
    with attacker():
        for to, source in ((a, b), (b, a)):
            sql("UPDATE invoices_auditevent SET at = %s WHERE id = %s", source.at, to.pk)
            data = json.dumps(source.data)
            sql("UPDATE invoices_auditevent SET data = %s WHERE id = %s", data, to.pk)

    assert found() == [("row changed", "invoices_auditevent", pk) for pk in (a.pk, b.pk)]


LINK_COLUMNS = {"position": 900, "kind": 3, "row": 777_777, "digest": b"x" * 32, "hash": b"y" * 32}


@pytest.mark.parametrize("column", LINK_COLUMNS)
@pytest.mark.parametrize("place", [1, 3, 5])
def test_one_value_changed_in_any_link_is_found(make_rows, column, place):
    make_rows(5)
    with attacker():
        sql(
            f"UPDATE invoices_evidencelink SET {column} = %s WHERE position = %s",
            LINK_COLUMNS[column],
            place,
        )

    assert any(what.startswith(("link", "row")) for what, _table, _row in found())


def test_link_moved_to_another_chain_is_found(office, make_rows):
    make_rows(2)
    ours, theirs = EvidenceChain.objects.order_by("pk")
    position = ours.links.count()
    with attacker():
        sql(
            "UPDATE invoices_evidencelink SET chain_id = %s, position = 1000 "
            "WHERE chain_id = %s AND position = 3",
            theirs.pk,
            ours.pk,
        )

    assert position > 3
    assert ("link removed", "invoices_evidencelink", 3) in found()


def test_removed_link_is_found_with_its_row(make_rows):
    make_rows(5)
    link = EvidenceLink.objects.get(position=3)
    with attacker():
        sql("DELETE FROM invoices_evidencelink WHERE id = %s", link.pk)
        sql("DELETE FROM invoices_auditevent WHERE id = %s", link.row)

    assert found() == [("link removed", "invoices_evidencelink", 3)]


def test_swapped_links_are_found(make_rows):
    make_rows(5)
    with attacker():
        for old, new in ((2, 1000), (3, 2), (1000, 3)):
            sql("UPDATE invoices_evidencelink SET position = %s WHERE position = %s", new, old)

    whats = {(what, row) for what, _table, row in found()}
    assert {("link changed", 2), ("link changed", 3)} <= whats


@pytest.mark.parametrize("column", ["tenant_id", "starts_on", "ends_on", "made_at", "genesis"])
def test_changed_description_of_a_chain_is_found(office, column):
    chain = EvidenceChain.objects.get(tenant=office)
    factories.TenantFactory(pk=office.pk + 1, business_id="0112038-9")
    value = {
        "tenant_id": office.pk + 1,
        "starts_on": "2020-01-01",
        "ends_on": "2030-01-01",
        "made_at": "2026-01-01 00:00:00",
        "genesis": b"x" * 32,
    }[column]
    with attacker():
        sql(f"UPDATE invoices_evidencechain SET {column} = %s WHERE id = %s", value, chain.pk)

    assert ("chain changed", "invoices_evidencechain", chain.pk) in found()


def test_cut_tail_is_found_with_published_heads_and_only_then(make_rows):
    make_rows(5)
    published = heads.read_published(heads.text_of_heads())
    with attacker():
        cut = [link.row for link in EvidenceLink.objects.filter(position__gt=3)]
        sql("DELETE FROM invoices_evidencelink WHERE position > 3")
        for pk in cut:
            sql("DELETE FROM invoices_auditevent WHERE id = %s", pk)

    assert found() == []
    assert found(published) == [("published head missing", "invoices_evidencelink", 5)]


def test_cut_tail_whose_rows_are_kept_is_found_without_heads(make_rows):
    make_rows(5)
    with attacker():
        sql("DELETE FROM invoices_evidencelink WHERE position > 3")
        sql("UPDATE invoices_auditevent SET at = '2026-01-02 00:00:00'")

    assert sum(what == "row not sealed" for what, _table, _row in found()) == 2


def test_rewritten_chain_is_found_with_published_heads(office):
    published = heads.read_published(heads.text_of_heads())
    with attacker():
        sql("UPDATE invoices_auditevent SET action = 'export.skipped' WHERE action LIKE '%%queued'")
        sql("DELETE FROM invoices_evidencelink")
        sql("UPDATE invoices_sealcursor SET done_to = 0, pending_to = 0")
        sealing.seal()

    assert found() == []
    assert {what for what, _table, _row in found(published)} == {"published head missing"}


def test_later_rows_leave_published_heads_in_place(make_rows):
    make_rows(3)
    published = heads.read_published(heads.text_of_heads())
    make_rows(3)

    assert found(published) == []


def test_working_columns_may_change_without_damage(office):
    export = InvoiceExport.objects.filter(status="reconciled").first()
    InvoiceExport.objects.filter(pk=export.pk).update(remote_status="PAID", retries=3)

    assert found() == []


def test_a_number_beyond_what_floats_hold_still_counts(make_rows):
    event = audit.record("test.exact", data={})
    with attacker():
        text = '{"n": 0.1000000000000000055511151231257827}'
        sql("UPDATE invoices_auditevent SET data = %s WHERE id = %s", text, event.pk)
        sealing.seal()
        changed = text.replace("7827", "7828")
        sql("UPDATE invoices_auditevent SET data = %s WHERE id = %s", changed, event.pk)

    assert found() == [("row changed", "invoices_auditevent", event.pk)]


def test_the_same_row_has_the_same_canonical_form_on_both_databases(office):
    """What PostgreSQL and SQLite make of one row is compared with what is written here."""
    kind = BY_MODEL["invoices.Correction"]
    row = next(
        iter(sealing.canonical.rows(kind, [sql("SELECT id FROM invoices_correction")[0][0]]))
    )
    text = sealing.canonical.canonical(kind, row).decode()
    by, export, pk = sql("SELECT by_id, export_id, id FROM invoices_correction")[0]

    assert text == (
        f'{{"row":{{"at":"2026-09-01T12:00:00.123456Z","by_id":{by},"changes":[],'
        f'"content":{{"number":"A-1"}},"date":"2026-09-02","export_id":{export},"id":{pk},'
        '"number":1,"reason":"Wrong"},"table":"invoices_correction"}'
    )
