"""The page that asks for an envelope, and what comes of it."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import sys
import zipfile

import pytest
import time_machine
from django.utils import timezone

from invoices import envelope, tasks
from invoices.evidence import signing
from invoices.models import AuditEvent
from invoices.report_models import HistoryFile
from invoices.reports import files
from tests.staff import EVERYBODY, log_in, refusal, text, url

pytestmark = pytest.mark.django_db(transaction=True)

PAGE = "invoices_historyfile_envelope"


@pytest.fixture(autouse=True)
def key(settings):
    settings.EVIDENCE_SIGNING_KEY, _public = signing.new_key()


def asked(client, **fields):
    return client.post(url(PAGE), {"reason": "The tax office asked"} | fields)


def test_envelope_of_days_is_made_in_the_background_and_opened_on_its_page(client, tenant, queued):
    queued("A-1", "A-2")
    user = log_in(client, "Management")

    answer = asked(client, tenant=tenant.pk, start="2026-09-01", end="2026-09-30")

    file = HistoryFile.objects.get()
    assert answer["Location"] == url("invoices_historyfile_change", file.pk)
    assert (file.expected, file.expected_sums) == (2, {"EUR": "251.00"})
    assert tasks.make_history_file(file.pk)
    page = text(client.get(answer["Location"]))
    assert "The tax office asked" in page and "251.00" in page
    answer = client.get(url("invoices_historyfile_download", file.pk))
    content = b"".join(answer.streaming_content)
    assert f"envelope-{tenant.slug}-2026-09-01-2026-09-30" in answer["Content-Disposition"]
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.read("cover.pdf").startswith(b"%PDF-")
        assert len(archive.read("invoices.jsonl").splitlines()) == 2
    made = AuditEvent.objects.filter(action__startswith="envelope.").order_by("pk")
    assert [(event.action, event.by) for event in made] == [
        ("envelope.requested", user),
        ("envelope.made", user),
    ]
    assert made[1].data["sha256"] == hashlib.sha256(content).hexdigest()
    assert (made[1].data["file"], made[1].data["invoices"]) == (file.pk, 2)
    assert not AuditEvent.objects.filter(action__startswith="history.exp").exists()


def test_worker_that_dies_with_an_envelope_is_followed_within_minutes(
    client, tenant, queued, monkeypatch
):
    queued("A-1")
    log_in(client, "Management")
    asked(client, tenant=tenant.pk, number="A-1")
    file = HistoryFile.objects.get()
    with monkeypatch.context() as dying:
        dying.setattr(envelope, "write", lambda *args, **options: sys.exit("killed"))
        with pytest.raises(SystemExit):
            files.make(file.pk)

    assert files.follow() == 0  # it may live
    with time_machine.travel(timezone.now() + dt.timedelta(minutes=4)):
        assert files.follow() == 1
        assert files.make(file.pk) is True


def test_envelope_tells_how_far_it_is_and_is_stopped_when_nobody_wants_it(
    client, tenant, queued, monkeypatch
):
    queued("A-1", "A-2")
    user = log_in(client, "Management")
    asked(client, tenant=tenant.pk, start="2026-09-01", end="2026-09-30")
    file, told, note = HistoryFile.objects.get(), [], files._note
    monkeypatch.setattr(files, "_SIGN_SECONDS", 0)

    def cancel_after_two(file, count):
        note(file, count)
        told.append(HistoryFile.objects.get().done)
        if count == 2:
            assert files.cancel(file, by=user)

    monkeypatch.setattr(files, "_note", cancel_after_two)

    assert files.make(file.pk) is False

    file.refresh_from_db()
    assert (file.state, told) == ("cancelled", [1, 2])
    assert not AuditEvent.objects.filter(action="envelope.made").exists()


def test_envelope_of_one_invoice_is_asked_for_from_its_page(client, tenant, queued):
    (export,) = queued("A/1")
    log_in(client, "Management")
    link = f"{url(PAGE)}?tenant={tenant.pk}&number=A/1"

    assert link.replace("&", "&amp;") in text(
        client.get(url("invoices_invoiceexport_change", export.pk))
    ) or link in text(client.get(url("invoices_invoiceexport_change", export.pk)))
    assert 'value="A/1"' in text(client.get(link))
    asked(client, tenant=tenant.pk, number="A/1")

    file = HistoryFile.objects.get()
    assert tasks.make_history_file(file.pk)
    file.refresh_from_db()
    assert (file.state, file.done) == ("ready", 1)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"number": "none"}, "has no invoice “none”"),
        ({}, "Give a day, or the number"),
        ({"start": "2026-09-01"}, "Give a day, or the number"),
        ({"start": "2026-09-02", "end": "2026-09-01"}, "The last day is before the first one"),
        ({"start": "2020-09-02", "end": "2026-09-01"}, "at most 18 months"),
        ({"start": "x", "end": "2026-09-01"}, "Enter a valid date"),
        ({"number": "A-1", "reason": " "}, "Say who asked for it and why"),
        ({"number": "A-1", "tenant": "77"}, "Select a valid choice"),
    ],
)
def test_what_cannot_be_is_refused_at_its_field(client, tenant, queued, fields, words):
    queued("A-1")
    log_in(client, "Management")

    answer = asked(client, **({"tenant": tenant.pk} | fields))

    assert answer.status_code == 200
    assert words in text(answer)
    assert not HistoryFile.objects.exists()


def test_without_a_key_the_page_says_what_to_do(client, tenant, settings):
    settings.EVIDENCE_SIGNING_KEY = ""
    log_in(client, "Management")

    page = text(client.get(url(PAGE)))

    assert "make_signing_key" in page and "Make the envelope" not in page
    assert asked(client, tenant=tenant.pk, start="2026-09-01", end="2026-09-30").status_code == 200
    assert not HistoryFile.objects.exists()


def test_worker_that_died_leaves_it_to_the_next_after_an_hour(client, tenant, queued):
    queued("A-1")
    user = log_in(client, "Management")
    asked(client, tenant=tenant.pk, number="A-1")
    file = HistoryFile.objects.get()
    assert tasks.make_history_file(file.pk)
    HistoryFile.objects.update(state="running")

    assert not tasks.make_history_file(file.pk)  # within the hour it may still be at work
    assert files.cancel(file, by=user)


@pytest.mark.parametrize("rung", EVERYBODY)
def test_management_and_administrators_may_ask(client, tenant, rung):
    log_in(client, rung)

    outcome = refusal(client.get(url(PAGE)))

    if rung in ("Management", "Administrator"):
        assert outcome == "shown"
    else:
        assert outcome == ("log in" if rung == "anonymous" else "refused")
