"""A tenant's scorecard: its own figures, in the customer's language, on paper too."""

from __future__ import annotations

import hashlib
import shutil
import subprocess

import pytest

from invoices.models import AuditEvent
from invoices.reports import rolling
from tests import factories, reports
from tests.staff import EVERYBODY, log_in, refusal, text, url

pytestmark = pytest.mark.django_db
DAYS = "?from=2026-10-01&to=2026-10-31"


@pytest.fixture
def tenant():
    """Of its customer: four exported, one of them at the second attempt, two that wait."""
    tenant = factories.TenantFactory(name="Kahvila Ärjy & Pöyry Oy", state="active")
    other = factories.TenantFactory(name="Salainen Oy", business_id="0112038-9", state="active")
    day = reports.at("2026-10-05")
    for total in ("100.50", "200.00", "300.00"):
        reports.accept(reports.take_in(tenant, total, when=day), when=day)
    again = reports.take_in(tenant, "7.00", "SEK", when=day)
    reports.fail(again, when=day, parked=True)
    reports.queue_again(again, when=day)
    reports.accept(again, when=day)
    for owner in (tenant, tenant, other):
        reports.fail(reports.take_in(owner, when=day), when=day)
    rolling.roll_up()
    return tenant


def page_of(client, tenant, language):
    return text(client.get(url("invoices_scorecard", tenant.pk) + DAYS + f"&language={language}"))


@pytest.mark.parametrize("language", ["fi", "sv", "en"])
def test_scorecard_has_the_figures_of_the_tenant_alone(client, tenant, language):
    log_in(client, "Support")
    page = page_of(client, tenant, language)

    assert "Salainen" not in page
    total = {"en": "600.50", "fi": "600,50", "sv": "600,50"}[language]
    assert total in page and {"en": "75.0 %"}.get(language, "75,0 %") in page
    assert "1.10.2026 – 31.10.2026" in page


def test_failures_of_the_period_are_counted_by_cause(client, tenant):
    log_in(client, "Support")
    page = page_of(client, tenant, "en")

    # Three were stopped for it, two still wait.
    row = page[page.index("<tbody>", page.index("What stopped invoices")) :].split("</tr>")[0]
    assert [cell.split("<")[0] for cell in row.split('desk-number">')[1:]] == ["3", "2"]


@pytest.mark.parametrize("language", ["fi", "sv", "en"])
def test_pdf_says_the_same_with_every_letter(client, tenant, language, tmp_path):
    user = log_in(client, "Management")
    answer = client.get(url("invoices_scorecard", tenant.pk) + DAYS + f"&language={language}&pdf=1")

    assert answer["Content-Type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF-")
    event = AuditEvent.objects.get(action="scorecard.made")
    assert (event.by, event.tenant) == (user, tenant)
    assert event.data["sha256"] == hashlib.sha256(answer.content).hexdigest()
    if shutil.which("pdftotext"):
        (tmp_path / "card.pdf").write_bytes(answer.content)
        words = subprocess.run(
            ["pdftotext", "-layout", tmp_path / "card.pdf", "-"], capture_output=True, check=True
        ).stdout.decode()
        assert "Kahvila Ärjy & Pöyry Oy" in words
        assert {"en": "600.50"}.get(language, "600,50") in words


def test_who_may_see_a_scorecard(client, tenant):
    found = {}
    for rung in EVERYBODY:
        client.logout()
        log_in(client, rung)
        found[rung] = refusal(client.get(url("invoices_scorecard", tenant.pk)))

    assert found == dict.fromkeys(EVERYBODY, "shown") | {
        "anonymous": "log in",
        "no rights": "refused",
    }


def test_unknown_language_and_day_are_no_error(client, tenant):
    log_in(client, "Support")
    answer = client.get(url("invoices_scorecard", tenant.pk) + "?language=xx&from=x")

    assert answer.status_code == 200
