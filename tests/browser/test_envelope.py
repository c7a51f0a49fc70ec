"""An auditor's envelope, asked for and opened by management in a real browser."""

import os
import pathlib
import zipfile

import pytest
from django.utils import timezone

from invoices import tasks
from invoices.evidence import signing
from invoices.report_models import HistoryFile
from tests import factories, reports
from tests.browser.pictures import shot, width_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def office(settings):
    settings.EVIDENCE_SIGNING_KEY, _public = signing.new_key()
    tenant = factories.TenantFactory(
        name="Rakennus Öljymäki Ky", business_id="2077474-0", state="active"
    )
    for total in ("217.30", "1207.30"):
        reports.accept(reports.take_in(tenant, total, when=timezone.now()))
    return tenant


@pytest.mark.parametrize(
    ("language", "width", "dark", "words"),
    [
        ("en", 1280, False, ("Auditor's envelope", "Make the envelope", "Download")),
        ("fi", 390, True, ("Tilintarkastajan aineisto", "Tee aineisto", "Lataa")),
    ],
)
def test_envelope_is_asked_for_and_opened(office, log_in, tmp_path, language, width, dark, words):
    title, make, download = words
    page = log_in("Management", language=language, width=width, dark=dark)
    page.goto(page.url.split("/admin/")[0] + "/admin/invoices/historyfile/envelope/")
    page.locator("h1", has_text=title).first.wait_for()
    shot(page, f"envelope-{language}-form")
    assert width_of(page) <= width
    page.locator("select[name=tenant]").select_option(str(office.pk))
    page.locator("textarea[name=reason]").fill("Audit")
    page.get_by_role("button", name=make).click()
    page.locator(".desk-error").nth(1).wait_for()
    assert page.locator(".desk-error").count() == 2
    shot(page, f"envelope-{language}-refused")
    page.locator("input[name=start]").fill("2026-01-01")
    page.locator("input[name=end]").fill("2026-12-31")
    page.get_by_role("button", name=make).click()
    page.locator("h1", has_text="envelope-").first.wait_for()
    shot(page, f"envelope-{language}-waiting")

    assert tasks.make_history_file(HistoryFile.objects.get().pk)

    page.reload()
    shot(page, f"envelope-{language}-ready")
    with page.expect_download() as got:
        page.get_by_role("link", name=download).click()
    got.value.save_as(tmp_path / "envelope.zip")
    with zipfile.ZipFile(tmp_path / "envelope.zip") as archive:
        assert len(archive.read("invoices.jsonl").splitlines()) == 2
        if folder := os.environ.get("SCREENSHOTS"):
            pathlib.Path(folder, f"cover-{language}.pdf").write_bytes(archive.read("cover.pdf"))
    assert width_of(page) <= width
    assert page.errors == []
