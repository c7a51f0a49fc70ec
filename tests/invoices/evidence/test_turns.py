"""A chain that does not fit one task of the night is verified over several."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from invoices import tasks
from invoices.evidence import nightly, verifying
from invoices.evidence_models import EvidenceChain, EvidenceCheck, EvidenceLink, UnfinishedCheck
from invoices.models import AuditEvent
from invoices.watch_models import Alert
from tests.invoices.evidence.conftest import attacker, sql

pytestmark = pytest.mark.django_db

LINKS, PAGE = 7, 2


@pytest.fixture
def chain(make_rows, monkeypatch):
    """Seven links, which are read two at a time."""
    make_rows(LINKS)
    monkeypatch.setattr(verifying, "_PAGE", PAGE)
    return EvidenceChain.objects.get()


def turn(since):
    """A task that has time for one page."""
    return nightly.verify_due(since, seconds=0)


def turns_to_the_end(since):
    count = 1
    while turn(since):
        count += 1
        assert count < 20
    return count


def change(position, action="test.forged"):
    pk = EvidenceLink.objects.get(position=position).row
    with attacker():
        sql("UPDATE invoices_auditevent SET action = %s WHERE id = %s", action, pk)
    return pk


def result():
    return EvidenceCheck.objects.filter(chain__isnull=False).values("rows", "problems").first()


def test_each_turn_goes_on_and_only_the_last_pronounces(chain):
    since, seen = timezone.now(), []
    while turn(since):
        seen.append(UnfinishedCheck.objects.get(chain=chain).position)
        assert result() is None

    assert seen == [2, 4, 6, 7]
    assert result() == {"rows": LINKS, "problems": 0}
    assert not UnfinishedCheck.objects.exists()


@pytest.mark.parametrize("position", [1, 2, 3, 6, 7])
def test_damage_before_the_first_turn_is_told_when_all_is_read(chain, position):
    pk, since = change(position), timezone.now()
    for _page in range(4):
        assert turn(since) is True
        assert not AuditEvent.objects.filter(action="evidence.broken").exists()

    assert turn(since) is False

    assert result() == {"rows": LINKS, "problems": 1}
    told = AuditEvent.objects.get(action="evidence.broken").data["found"]
    assert told == [f"row changed: invoices_auditevent {pk}, chain {chain.pk} position {position}"]
    assert Alert.objects.get(cause="evidence_broken").facts["count"] == 1


@pytest.mark.parametrize("column", ["hash", "digest"])
def test_link_changed_at_the_seam_of_two_turns_is_found(chain, column):
    since = timezone.now()
    turn(since)
    with attacker():
        sql(f"UPDATE invoices_evidencelink SET {column} = %s WHERE position = 3", b"x" * 32)

    turns_to_the_end(since)

    found = EvidenceCheck.objects.get(chain=chain).findings
    assert ("invoices_evidencelink", 3) in {(f["table"], f["row"]) for f in found}


def test_link_removed_at_the_seam_of_two_turns_is_found(chain):
    since = timezone.now()
    turn(since)
    with attacker():
        sql("DELETE FROM invoices_evidencelink WHERE position = 3")

    turns_to_the_end(since)

    (found,) = EvidenceCheck.objects.get(chain=chain).findings
    assert (found["what"], found["position"]) == ("link removed", 3)


def test_part_that_was_read_already_is_verified_again_the_next_night(chain):
    since = timezone.now()
    turn(since)
    pk = change(1)
    turns_to_the_end(since)
    assert result()["problems"] == 0

    turns_to_the_end(timezone.now())

    assert result()["problems"] == 1
    assert f"invoices_auditevent {pk}" in Alert.objects.get(cause="evidence_broken").facts["first"]


def test_links_added_between_turns_are_read_too(chain, make_rows):
    since = timezone.now()
    turn(since)
    make_rows(3)

    turns_to_the_end(since)

    assert result() == {"rows": LINKS + 3, "problems": 0}


def test_two_tasks_at_one_chain_count_nothing_twice(chain, monkeypatch):
    """The other task has done a turn while this one was reading."""
    since, walk_on = timezone.now(), verifying.walk_on
    turn(since)

    def slowly(*arguments, **options):
        monkeypatch.setattr(verifying, "walk_on", walk_on)
        turn(since)
        return walk_on(*arguments, **options)

    monkeypatch.setattr(verifying, "walk_on", slowly)
    turn(since)

    assert UnfinishedCheck.objects.get().position == 2 * PAGE
    turns_to_the_end(since)
    assert result() == {"rows": LINKS, "problems": 0}


def test_task_that_was_killed_is_gone_on_with_the_next_night(chain):
    turn(timezone.now() - dt.timedelta(hours=20))
    kept = UnfinishedCheck.objects.get()

    turn(timezone.now())

    assert UnfinishedCheck.objects.get().pk == kept.pk
    assert UnfinishedCheck.objects.get().position == 2 * PAGE


def test_part_of_long_ago_is_read_anew(chain):
    turn(timezone.now())
    UnfinishedCheck.objects.update(begun_at=timezone.now() - dt.timedelta(days=2))

    turn(timezone.now())

    assert UnfinishedCheck.objects.get().position == PAGE


def test_command_reads_all_at_once_and_ends_what_was_begun(chain, capsys):
    turn(timezone.now())

    nightly.verify(chain)

    assert result() == {"rows": LINKS, "problems": 0}
    assert not UnfinishedCheck.objects.exists()


def test_task_goes_on_with_a_task_of_its_own_until_all_is_whole(chain, monkeypatch):
    verify_due = nightly.verify_due
    monkeypatch.setattr(nightly, "verify_due", lambda since, seconds: verify_due(since, 0))
    since, count = timezone.now().isoformat(), 1

    while tasks.verify_audit(since):
        count += 1

    assert count == 5
    assert result() == {"rows": LINKS, "problems": 0}


def test_segment_is_verified_by_itself(chain):
    before = bytes(EvidenceLink.objects.get(position=3).hash)
    change(2)
    pk = change(5)
    walk = verifying.Walk(3, before)

    assert verifying.walk_on(chain, walk, to=6) is True

    assert [(f.what, f.row) for f in walk.result.findings] == [("row changed", pk)]
    assert (walk.position, walk.result.links) == (6, 3)


def test_segment_that_lacks_its_end_is_found(chain):
    before = bytes(EvidenceLink.objects.get(position=3).hash)
    with attacker():
        sql("DELETE FROM invoices_evidencelink WHERE position > 5")
    walk = verifying.Walk(3, before)

    verifying.walk_on(chain, walk, to=7)

    assert [(f.what, f.row) for f in walk.result.findings] == [
        ("link removed", 6),
        ("link removed", 7),
    ]
