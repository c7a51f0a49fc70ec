"""The pages of holds and deletions, for whom they are."""

from __future__ import annotations

import datetime as dt
import io
import subprocess
import sys
import zipfile

import pytest
from django.utils.formats import date_format

from invoices import expiry, tasks
from invoices.evidence import heads
from invoices.expiry import verify_certificate
from invoices.models import AuditEvent, Invoice
from invoices.retention import holds
from invoices.retention_models import Expiry, LegalHold
from tests import factories
from tests.invoices.expiry.conftest import chain_of, delete, proposed
from tests.staff import ANONYMOUS, EVERYBODY, log_in, refusal, said, text, url

pytestmark = pytest.mark.django_db(transaction=True)

ALLOWED = {"Management", "Administrator"}
ENDED, PROPOSE, DECIDE, FILE = (
    f"invoices_expiry_{name}" for name in ("ended", "propose", "decide", "certificate")
)
PLACE, LIFT = "invoices_legalhold_place_hold", "invoices_legalhold_lift_hold"
HOLDS, EXPIRIES = "invoices_legalhold_changelist", "invoices_expiry_changelist"
#: The program runs where nothing of ours, and no Django, can be imported.
ALONE = (
    "import runpy, sys; sys.modules.update(django=None, invoices=None, integrations=None); "
    "sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
)


def expected(rung, answer="shown"):
    if rung == ANONYMOUS:
        return "log in"
    return answer if rung in ALLOWED else "refused"


@pytest.mark.parametrize("rung", EVERYBODY)
def test_ladder(client, tenant, exported, rung):
    exported("2015-03-01T10:00", "A-0")
    exported("2016-03-01T10:00", "A-1")
    done = delete(chain_of(tenant, 2015))
    waiting = proposed(chain_of(tenant, 2016))
    hold = holds.place(tenant, None, by=factories.UserFactory(), reason="Court case")
    log_in(client, rung)

    for page in (
        url(ENDED),
        url(EXPIRIES),
        url(HOLDS),
        url(DECIDE, waiting.pk),
        url(FILE, done.pk),
        url(PLACE),
        url(LIFT, hold.pk),
        url("invoices_legalhold_change", hold.pk),
    ):
        assert refusal(client.get(page)) == expected(rung), page
    answer = client.post(url(PLACE), {"tenant": tenant.pk, "reason": "Tax audit"})
    assert refusal(answer) == expected(rung, "moved")
    answer = client.post(url(LIFT, hold.pk), {"confirmed": "1", "reason": "Settled"})
    assert refusal(answer) == expected(rung, "moved")
    LegalHold.objects.filter(lifted_at=None).update(
        lifted_at=hold.placed_at, lifted_by=hold.placed_by
    )
    answer = client.post(url(DECIDE, waiting.pk), {"approve": "1"})
    assert refusal(answer) == expected(rung, "moved")
    waiting.refresh_from_db()
    assert waiting.state == ("running" if rung in ALLOWED else "proposed")


def test_one_proposes_and_another_approves(client, tenant, exported):
    exported("2016-03-01T10:00", "A-1", "A-2")
    chain = chain_of(tenant, 2016)
    log_in(client, "Management")
    page = text(client.get(url(ENDED)))
    assert "Acme Oy" in page and "251.00 EUR" in page and url(PROPOSE, chain.pk) in page
    assert "2 invoices, 251.00 EUR" in text(client.get(url(PROPOSE, chain.pk)))

    client.post(url(PROPOSE, chain.pk), {"confirmed": "1", "reason": "Six years are over"})
    waiting = Expiry.objects.get()
    own = client.post(url(DECIDE, waiting.pk), {"approve": "1"})
    assert said(own)[-1] == "You proposed this: another person has to approve it."
    assert client.get(url(PROPOSE, chain.pk)).status_code == 404

    log_in(client, "Administrator")
    assert "Approve: delete this financial year" in text(client.get(url(DECIDE, waiting.pk)))
    done = client.post(url(DECIDE, waiting.pk), {"approve": "1"})
    assert said(done)[-1] == "Approved: it is being deleted in the background."
    tasks.follow_expiries()
    while expiry.advance(waiting.pk):
        pass
    shown = text(client.get(url(DECIDE, waiting.pk)))
    assert "Deletion certificate" in shown and "Deleted: 2 invoices, 251.00 EUR" in shown
    assert not Invoice.objects.exists()


def test_proposer_withdraws(client, tenant, exported):
    exported("2016-03-01T10:00", "A-1")
    person = log_in(client, "Management")
    waiting = proposed(chain_of(tenant, 2016), by=person)

    assert "This field is required" in text(client.post(url(DECIDE, waiting.pk), {"decline": "1"}))
    answer = client.post(url(DECIDE, waiting.pk), {"decline": "1", "reason": "Not yet"})

    assert said(answer) == ["The proposal is ended; nothing was deleted."]
    waiting.refresh_from_db()
    assert (waiting.state, waiting.decision_reason) == ("declined", "Not yet")


def test_hold_is_told_where_it_stops_something(client, tenant, exported):
    exported("2016-03-01T10:00", "A-1")
    chain = chain_of(tenant, 2016)
    waiting = proposed(chain)
    holds.place(tenant, chain, by=factories.UserFactory(), reason="Court case 12")
    log_in(client, "Administrator")

    answer = client.post(url(DECIDE, waiting.pk), {"approve": "1"})

    assert said(answer)[-1] == "A legal hold keeps this year: lift the hold first."
    assert "Court case 12" in text(client.get(url(DECIDE, waiting.pk)))


def test_hold_of_another_tenants_year_is_refused(client, tenant, make_tenant, exported):
    exported("2016-03-01T10:00", "A-1")
    other = make_tenant("Beta Oy", "0112038-9")
    log_in(client, "Management")

    chain = chain_of(tenant, 2016)
    fields = {"tenant": other.pk, "chain": chain.pk, "reason": "Tax audit"}
    answer = client.post(url(PLACE), fields)

    assert "This is another tenant's year" in text(answer)
    assert not LegalHold.objects.exists()


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({}, 0, "OK     1 invoices of Acme Oy"),
        ({"certificate.json": (b'"invoices": 1', b'"invoices": 2')}, 1, "is not the signature"),
        ({"hashes/{chain}.bin": (b"", b"x")}, 1, "are not those of the certificate"),
    ],
)
def test_stranger_checks_a_downloaded_certificate(
    client, tenant, exported, tmp_path, change, code, words
):
    exported("2016-03-01T10:00", "A-1")
    chain = chain_of(tenant, 2016)
    published = tmp_path / "heads.txt"
    published.write_text(heads.text_of_heads())
    done = delete(chain)
    log_in(client, "Management")
    answer = client.get(url(FILE, done.pk))
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    for name, (old, new) in change.items():
        place = name.format(chain=chain.pk)
        files[place] = files[place].replace(old, new, 1)
    path = tmp_path / "certificate.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)

    program = [sys.executable, "-I", "-c", ALONE, verify_certificate.__file__, str(path)]
    checked = subprocess.run(
        [*program, "--heads", str(published)], capture_output=True, text=True, timeout=60
    )

    assert (checked.returncode, words in checked.stdout) == (code, True), checked
    assert AuditEvent.objects.filter(action="expiry.certificate_downloaded").count() == 1


def test_chain_and_export_say_until_when_they_are_kept(client, tenant, exported):
    exported("2016-03-01T10:00", "A-1")
    (export,) = exported("2024-03-01T10:00", "B-1")
    chain = chain_of(tenant, 2016)
    delete(chain)
    log_in(client, "Management")

    page = text(client.get(url("invoices_evidencechain_change", chain.pk)))
    last = [date_format(dt.date(year, 12, 31), "SHORT_DATE_FORMAT") for year in (2022, 2030)]
    assert last[0] in page and "Deleted" in page
    page = text(client.get(url("invoices_invoiceexport_change", export.pk)))
    assert f"Kept until {last[1]} at least." in page
