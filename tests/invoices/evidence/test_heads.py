"""Heads that are published outside, the commands, and what happens every night."""

from __future__ import annotations

import datetime as dt
import hashlib
import json

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.utils import timezone
from django_q.models import OrmQ

from invoices import audit, tasks
from invoices.evidence import heads, nightly, sealing, segments
from invoices.evidence.chains import link_hash
from invoices.evidence_models import EvidenceChain, EvidenceCheck
from invoices.models import AuditEvent
from invoices.watch_models import Alert
from tests import factories
from tests.invoices.evidence.conftest import attacker, sql

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _english(settings):
    settings.ALERT_LANGUAGE = "en"


def run(capsys, *arguments):
    """Exit code and facts of a command."""
    capsys.readouterr()
    try:
        call_command(*arguments, "--json")
        code = 0
    except SystemExit as error:
        code = error.code
    return code, json.loads(capsys.readouterr().out)


def damage():
    """Change an event as whoever owns the database can; returns its number."""
    event = AuditEvent.objects.filter(action="test.event").earliest("pk")
    with attacker():
        sql("UPDATE invoices_auditevent SET action = 'test.forged' WHERE id = %s", event.pk)
    return event.pk


class TestHeads:
    def test_text_says_to_a_stranger_what_it_is_and_can_be_read_back(self, make_rows):
        tenant = factories.TenantFactory(name="Acme\nOy")
        make_rows(2)
        make_rows(3, tenant=tenant)

        text = heads.text_of_heads()

        chains = {chain.tenant: chain for chain in EvidenceChain.objects.all()}
        assert heads.read_published(text) == {
            chains[None].pk: {2: sealing.head_of(chains[None])[1]},
            chains[tenant].pk: {3: sealing.head_of(chains[tenant])[1]},
        }
        assert "Acme Oy 2077474-0" in text
        assert "could contain this hash" in text
        assert "verify_audit --heads FILE" in text

    def test_mail_and_file_carry_the_same_text(self, make_rows, settings, tmp_path):
        settings.EVIDENCE_HEADS_EMAILS = ["auditor@example.com"]
        settings.EVIDENCE_HEADS_FILE = str(tmp_path / "heads.txt")
        make_rows(2)

        assert nightly.publish() == 2

        (sent,) = mail.outbox
        assert sent.to == ["auditor@example.com"]
        assert sent.body.strip() == (tmp_path / "heads.txt").read_text().strip()

    def test_file_of_several_days_keeps_them_all(self, make_rows, settings, tmp_path):
        settings.EVIDENCE_HEADS_FILE = str(tmp_path / "heads.txt")
        for _day in range(3):
            make_rows(2)
            nightly.publish()

        (found,) = heads.read_published((tmp_path / "heads.txt").read_text()).values()
        assert list(found) == [2, 4, 6]

    def test_failure_alerts_until_it_works_again(self, make_rows, settings, tmp_path):
        settings.EVIDENCE_HEADS_FILE = str(tmp_path / "missing" / "heads.txt")
        make_rows(1)

        assert tasks.publish_audit_heads() == 0
        alert = Alert.objects.get(cause="heads_unpublished")
        assert alert.facts["error"] == "EVIDENCE_HEADS_FILE: No such file or directory"

        settings.EVIDENCE_HEADS_FILE = str(tmp_path / "heads.txt")
        assert tasks.publish_audit_heads() == 1
        alert.refresh_from_db()
        assert alert.recovered_at is not None

    def test_nothing_is_published_where_nobody_wants_it(self, make_rows, capsys):
        make_rows(1)

        assert nightly.publish() == 0
        assert run(capsys, "publish_audit_heads") == (1, {"places": 0})

    @pytest.mark.parametrize("text", ["", "chain 1", "chain 1 position 2 sha256 zz"])
    def test_file_without_heads_is_refused(self, text, tmp_path):
        path = tmp_path / "heads.txt"
        path.write_text(text)

        with pytest.raises(CommandError, match="no line begins with"):
            call_command("verify_audit", "--heads", str(path))

    def test_contradicting_heads_are_refused(self):
        lines = [f"chain 1 position 2 sha256 {digit * 64}" for digit in "ab"]

        with pytest.raises(ValueError, match="two heads at position 2"):
            heads.read_published("\n".join(lines))

    @pytest.mark.parametrize("bad", ["nowhere.txt", "."])
    def test_file_that_cannot_be_read_is_refused(self, bad, tmp_path):
        with pytest.raises(CommandError, match="cannot be read"):
            call_command("verify_audit", "--heads", str(tmp_path / bad))


class TestCommand:
    def test_whole_evidence_ends_with_0(self, office, capsys):
        code, facts = run(capsys, "verify_audit")

        assert (code, facts["problems"], facts["findings"]) == (0, 0, [])
        assert facts["rows"] == facts["links"] > 30

    def test_damage_ends_with_1_and_names_the_row(self, make_rows, capsys):
        make_rows(3)
        pk = damage()

        code, facts = run(capsys, "verify_audit")

        assert code == 1
        (found,) = facts["findings"]
        assert (found["what"], found["table"], found["row"], found["position"]) == (
            "row changed",
            "invoices_auditevent",
            pk,
            1,
        )

    def test_words_name_the_row_too(self, make_rows, capsys):
        make_rows(2)
        pk = damage()
        with pytest.raises(SystemExit):
            call_command("verify_audit")

        assert f"row changed: invoices_auditevent {pk}, chain" in capsys.readouterr().out

    def test_tenant_and_year_choose_the_chains(self, make_rows, capsys):
        acme = factories.TenantFactory()
        other = factories.TenantFactory(name="Beta Oy", business_id="0112038-9")
        make_rows(2, tenant=acme)
        make_rows(3, tenant=other)
        year = str(timezone.localdate().year)

        assert run(capsys, "verify_audit", "--tenant", acme.slug)[1]["rows"] == 2
        assert run(capsys, "verify_audit", "--tenant", other.slug, "--year", year)[1]["rows"] == 3
        with pytest.raises(CommandError, match="no chain ends in 1999"):
            call_command("verify_audit", "--year", "1999")

    def test_chain_that_is_gone_is_missed_by_its_published_head(self, make_rows, capsys, tmp_path):
        make_rows(2)
        path = tmp_path / "heads.txt"
        path.write_text(heads.text_of_heads())
        with attacker():
            sql("DELETE FROM invoices_evidencelink")
            sql("DELETE FROM invoices_evidencechain")
            sql("DELETE FROM invoices_auditevent")

        code, facts = run(capsys, "verify_audit", "--heads", str(path))

        assert code == 1
        assert [found["what"] for found in facts["findings"]] == ["published head missing"]

    def test_row_that_is_not_sealed_counts_after_an_hour(self, make_rows, capsys):
        make_rows(1)
        now = timezone.now()
        _young, old = (
            AuditEvent.objects.create(at=now - dt.timedelta(minutes=minutes), action="test.event")
            for minutes in (59, 61)
        )

        code, facts = run(capsys, "verify_audit")

        assert code == 1
        assert [(f["what"], f["row"]) for f in facts["findings"]] == [("row not sealed", old.pk)]

    def test_sealing_tells_how_many(self, capsys):
        audit.record("test.event")

        code, facts = run(capsys, "seal_audit")

        assert (code, facts["sealed"], facts["late"]) == (0, 1, 0)
        with pytest.raises(CommandError, match="needs a reason"):
            call_command("seal_audit", "--late", " ")


class TestNight:
    def test_all_chains_are_verified_and_damage_alerts_until_it_is_gone(self, make_rows):
        tenant = factories.TenantFactory()
        make_rows(2)
        make_rows(2, tenant=tenant)
        pk = damage()

        assert tasks.verify_audit() is False

        assert EvidenceCheck.objects.count() == 3
        alert = Alert.objects.get(cause="evidence_broken")
        assert (alert.tenant, alert.facts["count"]) == (None, 1)
        assert f"invoices_auditevent {pk}" in alert.facts["first"]
        assert AuditEvent.objects.get(action="evidence.broken").data["damaged"] == 1

        with attacker():
            sql("UPDATE invoices_auditevent SET action = 'test.event' WHERE id = %s", pk)
        tasks.verify_audit()
        alert.refresh_from_db()
        assert alert.recovered_at is not None

    def test_alert_of_a_tenants_chain_names_the_tenant(self, make_rows):
        tenant = factories.TenantFactory()
        make_rows(1, tenant=tenant)
        damage()

        tasks.verify_audit()

        assert Alert.objects.get(cause="evidence_broken").tenant == tenant

    def test_what_one_task_has_no_time_for_the_next_one_does(self, make_rows, monkeypatch):
        make_rows(1)
        make_rows(1, tenant=factories.TenantFactory())
        began = timezone.now()
        assert nightly.verify_due(began, seconds=0) is True
        monkeypatch.setattr(nightly, "verify_due", lambda since, seconds: True)

        tasks.verify_audit(began.isoformat())

        (queued,) = [row.task for row in OrmQ.objects.all()]
        assert (queued["func"], queued["args"]) == (
            "invoices.tasks.verify_audit",
            (began.isoformat(),),
        )

    def test_chain_verified_since_is_not_verified_again(self, make_rows):
        make_rows(1)
        began = timezone.now()
        nightly.verify_due(began, seconds=60)
        at = EvidenceCheck.objects.get(chain__isnull=False).at

        nightly.verify_due(began, seconds=60)

        assert EvidenceCheck.objects.get(chain__isnull=False).at == at


def test_a_stranger_can_recompute_a_segment_with_nothing_but_sha256(office):
    """What `segments` gives is enough: no query, no model, no code of ours but the formula."""

    for chain in EvidenceChain.objects.all():
        before = bytes(chain.genesis)
        for entry in segments.entries(chain):
            assert hashlib.sha256(entry.canonical).digest() == entry.digest
            text = f"{before.hex()}:{entry.position}:{entry.table}:{entry.row}:{entry.digest.hex()}"
            assert hashlib.sha256(text.encode()).digest() == entry.hash
            assert json.loads(entry.canonical)["row"]["id"] == entry.row
            before = entry.hash
        assert before == sealing.head_of(chain)[1]


def test_segment_begins_and_ends_where_it_is_asked_to(make_rows):
    make_rows(5)
    (chain,) = EvidenceChain.objects.all()

    part = list(segments.entries(chain, after=2, to=4))

    assert [entry.position for entry in part] == [3, 4]
    before = list(segments.entries(chain, after=1, to=2))[0].hash
    first = part[0]
    assert first.hash == link_hash(before, 3, first.table, first.row, first.digest)
