"""Management's figures: each leads to exactly the rows it counts."""

from __future__ import annotations

import re
from urllib.parse import urljoin

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation
from lxml import html

from invoices.reports import rolling
from tests import factories, reports
from tests.staff import ANONYMOUS, EVERYBODY, NO_RIGHTS, log_in, refusal, text, url

pytestmark = pytest.mark.django_db
FIGURES = "invoices_rollup_changelist"
HISTORY = "invoices_exportfact_changelist"
EXPORTS = "invoices_invoiceexport_changelist"


@pytest.fixture
def office():
    """Two tenants with exports of every state, in two currencies, of today and of last year."""
    one = factories.TenantFactory(name="One Oy", business_id="2077474-0", state="active")
    two = factories.TenantFactory(name="Two Oy", business_id="0112038-9", state="active")
    for number in range(7):
        reports.accept(reports.take_in(one, f"{number}1.10"))
    for currency in ("EUR", "SEK"):
        bumpy = reports.take_in(two, "200.20", currency)
        reports.fail(bumpy)
        reports.queue_again(bumpy)
        reports.accept(bumpy)
    for number in range(3):
        reports.fail(reports.take_in(two, f"3{number}.00", "SEK" if number else "EUR"))
    reports.take_in(one, queue=False)
    old = timezone.now().replace(year=timezone.now().year - 1)
    reports.accept(reports.take_in(one, "5.00", when=old), when=old)
    reports.fail(reports.take_in(one, "6.00", when=old), when=old)
    rolling.roll_up()
    return {"one": one, "two": two}


def links(client, address):
    """[(text of a figure, absolute address)] of every link of a page to a list of exports."""
    page = html.fromstring(client.get(address).content)
    lists = (url(HISTORY), url(EXPORTS) + "?cause=")
    found = []
    for link in page.xpath("//main//a | //div[@id='content']//a"):
        target = urljoin(address, link.get("href"))
        if target.startswith(lists) and link.getparent().tag != "svg":
            figure = link.xpath(".//*[contains(@class, 'desk-figure')]") or [link]
            found.append((figure[0].text_content().strip(), target))
    return found


def listed(client, address):
    """(the count a list states, how many rows it has on all of its pages, its sums)."""
    rows, stated, sums, following = 0, None, "", address
    while following:
        page = html.fromstring(client.get(following).content)
        story = page.xpath("//p[contains(@class, 'desk-story')]")[0].text_content()
        stated = int(re.search(r"Invoices: ([\d,]+)", story)[1].replace(",", ""))
        sums = re.findall(r"· ([\d,.\-]+ [A-Z]{3})", story)
        rows += len(page.xpath("//table/tbody/tr"))
        more = page.xpath("//a[@rel='next']")
        following = urljoin(following, more[0].get("href")) if more else None
    return stated, rows, sums


@pytest.mark.parametrize("query", ["", "?period=year", "?period=today&tenant=two"])
def test_every_figure_leads_to_exactly_its_rows(client, office, query):
    log_in(client, "Management")
    query = query.replace("two", str(office["two"].pk))
    found = links(client, url(FIGURES) + query)

    assert len(found) > 20
    for figure, target in found:
        if target.startswith(url(EXPORTS)):
            shown = text(client.get(target))
            assert len(html.fromstring(shown).xpath("//table//tbody//tr//th")) == int(figure)
            continue
        stated, rows, sums = listed(client, target)
        assert stated == rows, target
        if re.fullmatch(r"[\d,]+( in all)?", figure):
            assert stated == int(figure.removesuffix(" in all").replace(",", "")), target
        elif re.fullmatch(r"[\d,]+\.\d\d", figure):
            assert sums in ([], [f"{figure} {target[-3:]}"]), target


def test_first_pass_counts_and_rate_are_of_the_same_rows(client, office):
    log_in(client, "Management")
    page = text(client.get(url(FIGURES), {"period": "today"}))

    assert "7 of 9 accepted at the first attempt" in page
    assert "77.8 %" in page


def test_sums_are_by_currency_and_never_added(client, office):
    log_in(client, "Management")
    page = text(client.get(url(FIGURES), {"period": "today", "tenant": office["two"].pk}))

    assert page.count("200.20") >= 2
    assert "400.40" not in page


def test_period_before_is_compared_with(client, office):
    log_in(client, "Management")
    page = text(client.get(url(FIGURES), {"period": "year"}))

    assert "+8 · before: 1" in page


@pytest.mark.parametrize("name", [FIGURES, HISTORY])
def test_every_role_reads_the_figures_and_nobody_else(client, name):
    found = {}
    for rung in EVERYBODY:
        client.logout()
        log_in(client, rung)
        found[rung] = refusal(client.get(url(name)))

    refused = {ANONYMOUS: "log in", NO_RIGHTS: "refused"}
    assert found == {rung: refused.get(rung, "shown") for rung in EVERYBODY}


def test_home_of_management_is_its_figures(client, office):
    log_in(client, "Management")

    assert "Invoices exported by day" in text(client.get("/admin/"))


@pytest.mark.parametrize("name", [FIGURES, HISTORY])
def test_queries_do_not_grow_with_exports(client, office, name):
    log_in(client, "Management")
    client.get(url(name))
    few = len(_queries(client, url(name)))
    for _number in range(20):
        reports.accept(reports.take_in(office["one"]))
        reports.fail(reports.take_in(office["two"]))
    rolling.roll_up()

    assert len(_queries(client, url(name))) == few


def _queries(client, address):
    with CaptureQueriesContext(connection) as caught:
        assert client.get(address).status_code == 200
    return caught.captured_queries


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("?from=31.2.2026", "First day: “31.2.2026” is not a day. Write it like 1.9.2026."),
        ("?from=2026-09-02&to=2026-09-01", "First day: it is after the last day."),
        ("?tenant=999", "Tenant: there is none with the number “999”."),
        ("?tenant=%00", "Tenant: there is none"),
        ("?period=decade", "Period: “decade” is none of the choices."),
        ("?currency=E1", "Currency: “E1” is not a code of three letters."),
        ("?state=lost", "State: “lost” is none of the choices."),
        ("?after=x.y&shown=-1", None),
        ("?q=%00", None),
    ],
)
def test_what_an_address_says_wrongly_is_told(client, query, sentence):
    log_in(client, "Management")
    answer = client.get(url(HISTORY) + query)

    assert answer.status_code == 200
    assert sentence is None or sentence in text(answer)


@pytest.mark.parametrize("language", ["en", "fi"])
def test_chart_has_words_for_those_who_do_not_see_it(client, office, language):
    log_in(client, "Management")
    with translation.override(language):
        answer = client.get(url(FIGURES), headers={"accept-language": language})
    page = html.fromstring(answer.content)
    [chart] = page.xpath("//*[@role='img'][local-name()='svg']")
    named = chart.get("aria-labelledby").split()

    assert [page.get_element_by_id(name).text for name in named] != [None, None]
    assert not page.xpath("//div[contains(@class, 'desk-home')]//@style")
    assert not page.xpath("//div[contains(@class, 'desk-home')]//script")


def test_history_finds_by_either_number_and_by_buyer(client, office):
    log_in(client, "Management")
    export = reports.take_in(office["one"], buyer="Ääkkönen Oy")
    reports.accept(export)
    rolling.roll_up()
    export.refresh_from_db()

    for q in (export.invoice.number, export.remote_number, "ääkkö"):
        stated, rows, _sums = listed(client, f"{url(HISTORY)}?q={q}&period=all")
        assert stated == rows == 1, q


def test_columns_are_chosen_by_the_address(client, office):
    log_in(client, "Management")
    page = html.fromstring(client.get(f"{url(HISTORY)}?col=remote_id&col=number").content)

    assert [head.text for head in page.xpath("//th")] == ["Invoice number", "Procountor id"]
