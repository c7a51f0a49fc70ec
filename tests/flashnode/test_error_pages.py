"""Pages for what is refused or missing: in the reader's language, with the way back."""

from __future__ import annotations

import pytest
from django.template.loader import render_to_string

from tests.staff import log_in, text, url

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("language", "words", "back"),
    [
        ("en", "You have no right to this", "To the start page"),
        ("fi", "Sinulla ei ole oikeutta tähän", "Etusivulle"),
    ],
)
def test_refusal_says_whom_to_ask_and_leads_back(client, language, words, back):
    log_in(client, "Accountant")

    answer = client.get(url("invoices_alert_changelist"), headers={"Accept-Language": language})

    assert answer.status_code == 403
    shown = text(answer)
    assert words in shown and back in shown
    assert f'href="{url("index")}"' in shown and f'lang="{language}"' in shown


def test_missing_page_is_told_to_staff_and_leads_strangers_nowhere(client):
    stranger = client.get("/nothing/here/")
    log_in(client, "Support")
    staff = client.get("/nothing/here/")

    assert (stranger.status_code, staff.status_code) == (404, 404)
    assert "There is no such page" in text(stranger)
    assert url("index") not in text(stranger)
    assert url("index") in text(staff)


def test_page_of_a_fault_needs_no_request():
    assert "the fault is ours" in render_to_string("500.html")


@pytest.mark.parametrize(
    ("page", "marked"),
    [
        ("invoices_invoiceexport_needs_action", ["What needs action"]),
        ("invoices_invoiceexport_changelist", ["Exports"]),
    ],
)
def test_menu_marks_one_entry(client, page, marked):
    log_in(client, "Accountant")

    context = client.get(url(page)).context

    items = [item for group in context["sidebar_navigation"] for item in group["items"]]
    assert [str(item["title"]) for item in items if item["active"]] == marked


def test_lists_count_without_a_plural_after_the_figure(client):
    log_in(client, "Support")

    assert "Tenants: 0" in " ".join(text(client.get(url("integrations_tenant_changelist"))).split())
