"""The accountant's home in a browser: filter, open, take, come back to the same list."""

import pytest

from invoices.models import InvoiceExport
from invoices.team_models import Case
from tests.browser.pictures import shot, width_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def stuck(queued):
    found = [
        {"code": "buyer_name_missing", "field": "buyer.name", "value": ""},
        {"code": "vat_category_unmapped", "field": "rows.vat_category", "value": "K"},
    ]
    for number, status, reason in [
        ("A-1", "needs_attention", {"attention_reason": "mapping", "problems": found}),
        ("A-2", "unknown", {}),
        ("A-3", "parked", {"parked_reason": "closed_period"}),
        ("A-4", "reconciled", {}),
    ]:
        (export,) = queued(number)
        InvoiceExport.objects.filter(pk=export.pk).update(status=status, **reason)


@pytest.mark.parametrize(
    ("language", "width", "dark"),
    [("fi", 1280, False), ("fi", 390, True), ("en", 1280, True), ("en", 390, False)],
)
def test_accountant_takes_an_export_and_comes_back_to_the_list(
    log_in, stuck, language, width, dark
):
    page = log_in("Accountant", language=language, width=width, dark=dark)
    name = f"work-{language}-{width}"
    shot(page, f"{name}-1-home")
    numbers = page.locator(".desk-work tbody a.desk-strong")
    assert numbers.all_inner_texts() == ["A-1", "A-2", "A-3"]
    assert width_of(page) <= width
    tile = page.locator(".desk-tile").first
    tile.click()
    page.wait_for_function("document.querySelectorAll('.desk-work tbody tr').length === 1")
    numbers.first.click()
    page.wait_for_url("**/change/**")
    comment = page.locator("textarea[name=comment]")
    comment.fill("Kysyin asiakkaalta.")
    shot(page, f"{name}-2-export")
    assert width_of(page) <= width
    comment.locator("xpath=ancestor::form").locator("button[type=submit]").click()
    page.get_by_text("Kysyin asiakkaalta.").wait_for()
    with page.expect_navigation():
        page.locator(".desk-links a").first.click()

    assert numbers.all_inner_texts() == ["A-1"]
    page.locator(".desk-work input[type=checkbox]").first.check()
    with page.expect_navigation():
        page.locator("button[value=mine]").click()
    shot(page, f"{name}-3-taken")
    assert Case.objects.get().assignee is not None
    assert page.errors == []
