"""A financial year goes whole, once its time is over, and what is left still proves itself."""

from __future__ import annotations

import datetime as dt
import io
import json
from io import StringIO

import pytest
import time_machine
from django.core.management import call_command
from django.db import Error, transaction

from invoices import audit, engine, evidence, expiry, filing, pieces, team
from invoices.evidence import heads, signing
from invoices.evidence.kinds import KINDS
from invoices.evidence_models import EvidenceLink
from invoices.expiry import deciding
from invoices.expiry.removing import Removal
from invoices.filing_models import FilingRun, ReceivedPiece
from invoices.models import (
    AuditEvent,
    Invoice,
    InvoiceExport,
    ReceivedFile,
    ReceivedItem,
    SubmissionAttempt,
)
from invoices.report_models import ExportFact, Rollup
from invoices.reports import checking
from invoices.retention import holds
from invoices.retention_models import DeletionCertificate, Expiry
from invoices.triggers import _EXPIRES
from tests import factories
from tests.invoices.evidence.conftest import found
from tests.invoices.expiry.conftest import approved, chain_of, delete, proposed
from tests.tampering import sql

pytestmark = pytest.mark.django_db(transaction=True)

OURS = (InvoiceExport, SubmissionAttempt, ReceivedFile, ReceivedItem, AuditEvent)


def verified(*options):
    """Exit code and findings of the command."""
    out = StringIO()
    code = 0
    try:
        call_command("verify_audit", "--json", *options, stdout=out)
    except SystemExit as left:
        code = left.code
    return code, json.loads(out.getvalue())["findings"]


def numbers():
    return set(Invoice.objects.values_list("number", flat=True))


class TestWhole:
    def test_year_goes_with_all_that_belongs_to_it_and_is_certified(self, tenant, exported, key):
        exported("2016-03-01T10:00", "A-1", "A-2")
        exported("2024-03-01T10:00", "B-1")
        chain = chain_of(tenant, 2016)
        was = deciding.found_in(chain)

        done = delete(chain)

        assert numbers() == {"B-1"}
        assert not EvidenceLink.objects.filter(chain=chain).exists()
        assert not AuditEvent.objects.filter(tenant=tenant, at__year=2016).exists()
        assert [ReceivedFile.objects.count(), ReceivedItem.objects.count()] == [1, 1]
        certificate = DeletionCertificate.objects.get()
        facts = json.loads(certificate.content)
        assert facts["rows"].items() >= was["rows"].items()
        assert (facts["invoices"], facts["sums"]) == (2, {"EUR": "251.00"})
        assert facts["chains"][0]["links"] == sum(was["rows"].values())
        assert facts["proposed"]["by"] == f"person:{done.proposed_by_id}"
        assert facts["approved"]["by"] == f"person:{done.decided_by_id}"
        signing.verify(
            certificate.public_key, bytes(certificate.signature), certificate.content.encode()
        )
        assert found() == []

    def test_heads_published_before_and_after_still_verify(self, tenant, exported, tmp_path):
        file = tmp_path / "heads.txt"
        exported("2016-03-01T10:00", "A-1")
        texts = [heads.text_of_heads()]
        exported("2016-05-01T10:00", "A-2")
        texts.append(heads.text_of_heads())

        delete(chain_of(tenant, 2016))

        file.write_text("\n".join([*texts, heads.text_of_heads()]))
        assert verified("--heads", str(file)) == (0, [])

    def test_head_that_was_never_there_is_told(self, tenant, exported, tmp_path):
        file = tmp_path / "heads.txt"
        exported("2016-03-01T10:00", "A-1")
        chain = chain_of(tenant, 2016)
        delete(chain)

        file.write_text(f"chain {chain.pk} position 3 sha256 {'0' * 64}")

        code, findings = verified("--heads", str(file))
        assert (code, [each["what"] for each in findings]) == (1, ["published head missing"])

    def test_figures_are_those_of_what_is_left(self, tenant, exported):
        exported("2016-03-01T10:00", "A-1", "A-2")
        exported("2024-03-01T10:00", "B-1")

        delete(chain_of(tenant, 2016))

        assert checking.check() == {"exports": 0, "days": 0}
        assert ExportFact.objects.count() == 1
        assert set(Rollup.objects.values_list("day__year", flat=True)) == {2024}

    def test_another_tenant_keeps_its_own(self, tenant, make_tenant, exported):
        other = make_tenant("Beta Oy", "0112038-9")
        exported("2016-03-01T10:00", "A-1")
        dates = {"date": "2016-03-02", "due_date": "2016-03-16"}
        with time_machine.travel("2016-03-02T10:00:00+00:00"):
            content = json.dumps({"invoices": [factories.invoice("A-1", **dates)]})
            filing.file_invoices(other, "b.json", content.encode(), via="command")
            evidence.seal()

        delete(chain_of(tenant, 2016))

        assert Invoice.objects.get().tenant == other
        assert found() == []


class TestWhatGoesOn:
    def test_record_that_goes_on_in_a_later_year_ends_with_that_one(self, tenant, exported):
        exported("2016-12-30T10:00", "A-1", run=False)
        exported("2016-12-29T10:00", "A-0", run=False)
        with time_machine.travel("2017-01-02T10:00:00+00:00"):
            engine.run_lanes()
            evidence.seal()

        delete(chain_of(tenant, 2016))
        assert numbers() == {"A-0", "A-1"}
        assert found() == []

        delete(chain_of(tenant, 2017))
        assert numbers() == set()
        assert found() == []
        assert not EvidenceLink.objects.filter(chain__ends_on__year__lt=2018).exists()

    def test_invoice_dated_in_a_later_year_is_kept_for_that_one(self, tenant, exported):
        exported("2016-12-30T10:00", "A-1", date="2017-01-05", due_date="2017-01-20")

        delete(chain_of(tenant, 2016))

        assert numbers() == {"A-1"}
        assert found() == []

    def test_what_came_in_one_file_stays_together(self, tenant, exported):
        first, _second = exported("2016-03-01T10:00", "A-1", "A-2")
        exported("2016-03-02T10:00", "A-3")
        person = factories.UserFactory(role="Accountant")
        team.comment(first, "Asked again", by=person)
        evidence.seal()

        delete(chain_of(tenant, 2016))

        assert numbers() == {"A-1", "A-2"}
        assert found() == []

    def test_open_export_is_kept(self, tenant, exported):
        exported("2016-03-01T10:00", "A-1", run=False)

        delete(chain_of(tenant, 2016))

        assert InvoiceExport.objects.get().status == "queued"
        assert found() == []

    def test_what_is_added_while_it_runs_is_kept(self, tenant, exported):
        first, second = exported("2016-03-01T10:00", "A-1", "A-2")
        running = approved(chain_of(tenant, 2016))
        while Expiry.objects.get().stage != "invoices":
            expiry.advance(running.pk, seconds=0)
        team.comment(first, "Wait", by=factories.UserFactory(role="Accountant"))

        while expiry.advance(running.pk, seconds=0):
            pass
        evidence.seal()

        assert numbers() == {"A-1"}
        assert found() == []


class TestNeverTwice:
    def test_number_that_expired_is_refused(self, tenant, exported):
        exported("2016-03-01T10:00", "A-1")
        delete(chain_of(tenant, 2016))

        content = json.dumps({"invoices": [factories.invoice(n) for n in ("A-1", "A-2")]})
        received = filing.file_invoices(tenant, "a.json", content.encode(), via="command")

        outcomes = [(i.number, i.outcome, [p["code"] for p in i.problems]) for i in items(received)]
        assert outcomes == [("A-1", "rejected", ["number_expired"]), ("A-2", "accepted", [])]
        assert numbers() == {"A-2"}

    def test_with_another_key_nothing_new_is_taken_in(self, tenant, exported, settings):
        exported("2016-03-01T10:00", "A-1")
        delete(chain_of(tenant, 2016))
        settings.FINGERPRINT_KEY = "another"

        content = json.dumps({"invoices": [factories.invoice("A-1")]})
        received = filing.file_invoices(tenant, "a.json", content.encode(), via="command")

        assert [p["code"] for p in items(received)[0].problems] == ["numbers_unreadable"]

    def test_the_same_number_of_another_tenant_is_taken_in(self, tenant, make_tenant, exported):
        other = make_tenant("Beta Oy", "0112038-9")
        exported("2016-03-01T10:00", "A-1")
        delete(chain_of(tenant, 2016))

        content = json.dumps({"invoices": [factories.invoice("A-1")]})
        received = filing.file_invoices(other, "a.json", content.encode(), via="command")

        assert items(received)[0].outcome == "accepted"


def test_large_file_goes_with_its_pieces_and_its_run(tenant, monkeypatch):
    monkeypatch.setattr(pieces, "INLINE_BYTES", 10)
    day = {"date": "2016-03-01", "due_date": "2016-03-01"}
    content = json.dumps({"invoices": [factories.invoice("A-1", rows=[], **day)]}).encode()
    with time_machine.travel("2016-03-01T10:00:00+00:00"):
        run = filing.begin(tenant, "large.json", io.BytesIO(content), via="command")
        assert filing.go_on(run)
        evidence.seal()
    assert ReceivedPiece.objects.count() == 1

    found = delete(chain_of(tenant, 2016))

    assert found.state == "done"
    left = [model.objects.count() for model in (ReceivedFile, ReceivedPiece, FilingRun)]
    assert left == [0, 0, 0]


def items(received):
    return list(received.items.order_by("position"))


class TestDecision:
    def test_nobody_approves_an_own_proposal(self, tenant, exported):
        exported("2016-03-01T10:00", "A-1")
        person = factories.UserFactory(role="Administrator")
        waiting = proposed(chain_of(tenant, 2016), by=person)

        with pytest.raises(deciding.NotPossible, match="own"):
            deciding.approve(waiting, by=person)
        with pytest.raises(Error), transaction.atomic():
            sql("UPDATE invoices_expiry SET state = 'running', decided_by_id = proposed_by_id")

    def test_year_that_is_not_over_is_neither_listed_nor_proposed(self, tenant, exported):
        exported("2016-03-01T10:00", "A-1")
        exported("2024-03-01T10:00", "B-1")
        assert [each.chain.ends_on.year for each in deciding.ended()] == [2016]

        with pytest.raises(deciding.NotPossible, match="not_over"):
            proposed(chain_of(tenant, 2024))
        type(tenant).objects.update(retention_years=10)
        assert [each.chain.ends_on.year for each in deciding.ended()] == []

    def test_more_years_after_the_approval_stop_it(self, tenant, exported):
        exported("2018-03-01T10:00", "A-1")
        running = approved(chain_of(tenant, 2018))
        type(tenant).objects.update(retention_years=10)

        assert not expiry.advance(running.pk)

        running.refresh_from_db()
        assert (running.state, running.waits_for, numbers()) == ("running", "not_over", {"A-1"})

    def test_declined_proposal_can_be_made_again(self, tenant, exported):
        exported("2016-03-01T10:00", "A-1")
        chain = chain_of(tenant, 2016)
        waiting = proposed(chain)
        with pytest.raises(deciding.NotPossible, match="proposed"):
            proposed(chain)

        deciding.decline(waiting, by=factories.UserFactory(), reason="Not yet")

        with pytest.raises(deciding.NotPossible, match="decided"):
            deciding.approve(waiting, by=factories.UserFactory())
        assert proposed(chain).state == "proposed"


class TestHold:
    def test_hold_stops_approval_and_a_deletion_that_runs(self, tenant, exported):
        exported("2016-03-01T10:00", "A-1")
        chain, person = chain_of(tenant, 2016), factories.UserFactory(role="Management")
        first = holds.place(tenant, None, by=person, reason="Court case")
        waiting = proposed(chain)
        with pytest.raises(deciding.NotPossible, match="hold"):
            deciding.approve(waiting, by=factories.UserFactory())
        holds.lift(first, by=person, reason="Settled")
        deciding.approve(waiting, by=factories.UserFactory())
        while Expiry.objects.get().stage != "invoices":
            expiry.advance(waiting.pk, seconds=0)

        second = holds.place(tenant, chain, by=person, reason="Another case")
        assert not expiry.advance(waiting.pk)
        waiting.refresh_from_db()
        assert (waiting.waits_for, numbers()) == ("hold", {"A-1"})
        with pytest.raises(Error, match="never changed or deleted"), transaction.atomic():
            sql("DELETE FROM invoices_receiveditem")

        holds.lift(second, by=person, reason="Settled too")
        expiry.advance(waiting.pk)
        waiting.refresh_from_db()
        assert (waiting.state, numbers()) == ("done", set())
        with pytest.raises(holds.AlreadyLifted):
            holds.lift(second, by=person, reason="Again")

    def test_hold_of_one_year_keeps_that_year_only(self, tenant, exported):
        exported("2015-03-01T10:00", "A-1")
        exported("2016-03-01T10:00", "B-1", date="2015-12-31")
        exported("2016-03-02T10:00", "C-1")
        person = factories.UserFactory(role="Management")
        holds.place(tenant, chain_of(tenant, 2015), by=person, reason="Tax audit")

        delete(chain_of(tenant, 2016))

        assert numbers() == {"A-1", "B-1"}
        assert found() == []

    def test_lifted_hold_is_never_changed_and_no_hold_is_deleted(self, tenant):
        person = factories.UserFactory(role="Management")
        hold = holds.place(tenant, None, by=person, reason="Court case")
        holds.lift(hold, by=person, reason="Settled")

        for statement in (
            "UPDATE invoices_legalhold SET reason = 'x'",
            "DELETE FROM invoices_legalhold",
        ):
            with pytest.raises(Error, match="never changed or deleted"), transaction.atomic():
                sql(statement)
        actions = AuditEvent.objects.filter(action__startswith="hold.").order_by("pk")
        assert [each.action for each in actions] == ["hold.placed", "hold.lifted"]


class TestInterrupted:
    def test_each_state_on_the_way_verifies_and_the_next_worker_goes_on(self, tenant, exported):
        for day in range(1, 4):
            exported(f"2016-03-0{day}T10:00", f"A-{day}")
        running = approved(chain_of(tenant, 2016))
        stages = []

        while expiry.advance(running.pk, seconds=0):
            running.refresh_from_db()
            stages.append(running.stage)
            assert found() == []

        assert sorted(set(stages)) == ["certificate", "choice", "hashes", "invoices", "rest"]

    @pytest.mark.parametrize("step", ["_count_and_bury", "_evidence", "_beside"])
    def test_killed_in_the_middle_nothing_half_done_stays(
        self, tenant, exported, monkeypatch, step
    ):
        exported("2016-03-01T10:00", "A-1", "A-2")
        running = approved(chain_of(tenant, 2016))
        real, calls = getattr(Removal, step), []

        def dies(self, *args):
            calls.append(1)
            if len(calls) == 1:
                real(self, *args)
                raise KeyboardInterrupt
            return real(self, *args)

        monkeypatch.setattr(Removal, step, dies)
        with pytest.raises(KeyboardInterrupt):
            expiry.advance(running.pk)
        assert numbers() == {"A-1", "A-2"}
        assert found() == []

        assert expiry.unfinished() == [running.pk]
        expiry.advance(running.pk)
        assert Expiry.objects.get().state == "done"
        assert numbers() == set() and found() == []

    def test_one_worker_at_a_time(self, tenant, exported):
        exported("2016-03-01T10:00", "A-1")
        running = approved(chain_of(tenant, 2016))
        now = dt.datetime.now(dt.UTC)
        Expiry.objects.update(holder="another", lease_until=now + dt.timedelta(minutes=1))

        assert not expiry.advance(running.pk)
        assert expiry.unfinished() == []
        assert Expiry.objects.get().stage == "hashes"

    def test_damaged_chain_is_not_deleted(self, tenant, exported, attacked):
        exported("2016-03-01T10:00", "A-1")
        running = approved(chain_of(tenant, 2016))
        attacked("UPDATE invoices_invoice SET gross_total = 1")

        assert not expiry.advance(running.pk)

        running.refresh_from_db()
        assert (running.waits_for, numbers()) == ("damaged", {"A-1"})

    def test_without_a_signing_key_nothing_begins(self, tenant, exported, settings):
        exported("2016-03-01T10:00", "A-1")
        settings.EVIDENCE_SIGNING_KEY = ""

        with pytest.raises(deciding.NotPossible, match="no_key"):
            approved(chain_of(tenant, 2016))


class TestDatabase:
    def test_triggers_and_kinds_agree(self):
        kept = {"invoices.WordingVersion", "invoices.Restore", "integrations.MappingVersion"}
        kept |= {"invoices.DeletionCertificate", "invoices.InvoiceExport"}

        expires = {kind.table: kind.number for kind in KINDS if kind.model not in kept}

        assert expires == _EXPIRES

    @pytest.mark.parametrize("table", [*_EXPIRES, "invoices_evidencelink"])
    def test_nothing_goes_without_a_running_deletion(self, tenant, exported, every_kind, table):
        exported("2016-03-01T10:00", "A-1")
        every_kind(tenant)
        approved_later = proposed(chain_of(tenant, 2016))
        assert approved_later.state == "proposed"

        with pytest.raises(Error, match="never changed or deleted"), transaction.atomic():
            sql(f"DELETE FROM {table}")

    def test_a_deletion_lets_nothing_of_another_year_or_tenant_go(
        self, tenant, make_tenant, exported
    ):
        exported("2016-03-01T10:00", "A-1")
        exported("2017-03-01T10:00", "B-1")
        other = make_tenant("Beta Oy", "0112038-9")
        with time_machine.travel("2016-03-02T10:00:00+00:00"):
            audit.record("test.event", tenant=other)
            evidence.seal()
        running = approved(chain_of(tenant, 2016))
        expiry.advance(running.pk, seconds=0)

        for statement in (
            "DELETE FROM invoices_invoice WHERE number = 'B-1'",
            f"DELETE FROM invoices_auditevent WHERE tenant_id = {other.pk}",
            f"DELETE FROM invoices_evidencelink WHERE chain_id = {chain_of(tenant, 2017).pk}",
            "UPDATE invoices_invoice SET number = 'x' WHERE number = 'A-1'",
            "DELETE FROM invoices_evidencechain",
        ):
            with pytest.raises(Error, match="never changed or deleted"), transaction.atomic():
                sql(statement)

    def test_before_its_day_the_database_refuses_even_an_approved_one(self, tenant, exported):
        exported("2016-03-01T10:00", "A-1")
        running = approved(chain_of(tenant, 2016))
        today = dt.datetime.now(dt.UTC).date()
        Expiry.objects.filter(pk=running.pk).update(over_from=today + dt.timedelta(days=1))

        with pytest.raises(Error, match="never changed or deleted"), transaction.atomic():
            sql("DELETE FROM invoices_receiveditem")
        Expiry.objects.filter(pk=running.pk).update(over_from=today)
        with transaction.atomic():
            sql("DELETE FROM invoices_receiveditem")
            transaction.set_rollback(True)

    @pytest.mark.parametrize(
        "table",
        ["invoices_deletioncertificate", "invoices_expiredhashes", "invoices_expirednumber"],
    )
    @pytest.mark.parametrize("verb", ["DELETE FROM {0}", "UPDATE {0} SET id = id"])
    def test_what_is_left_is_never_changed_or_deleted(self, tenant, exported, table, verb):
        exported("2016-03-01T10:00", "A-1")
        delete(chain_of(tenant, 2016))

        with pytest.raises(Error, match="never changed or deleted"), transaction.atomic():
            sql(verb.format(table))
