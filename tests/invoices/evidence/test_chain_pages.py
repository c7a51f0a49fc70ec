"""The page of the chains: for management and auditors, in their language, at a steady price."""

from __future__ import annotations

import pytest
from django.utils import translation

from invoices import tasks
from invoices.evidence import sealing
from invoices.evidence_models import EvidenceChain
from invoices.models import AuditEvent
from tests import factories
from tests.invoices.evidence.conftest import attacker, sql
from tests.staff import ANONYMOUS, NO_RIGHTS, log_in, refusal, text, url

pytestmark = pytest.mark.django_db

LADDER = {
    ANONYMOUS: "log in",
    NO_RIGHTS: "refused",
    "Accountant": "refused",
    "Support": "refused",
    "Management": "shown",
    "Administrator": "shown",
}
LIST = "invoices_evidencechain_changelist"


@pytest.fixture
def chain(make_rows):
    tenant = factories.TenantFactory(name="Beta Oy")
    make_rows(3, tenant=tenant)
    return EvidenceChain.objects.get(tenant=tenant)


@pytest.mark.parametrize(("rung", "answer"), list(LADDER.items()))
def test_chains_are_for_management(client, chain, rung, answer):
    log_in(client, rung)

    for page in (url(LIST), url("invoices_evidencechain_change", chain.pk)):
        response = client.get(page)
        assert refusal(response) == answer
        assert ("Beta Oy" in text(response)) == (answer == "shown")


@pytest.mark.parametrize("role", ["Management", "Administrator"])
def test_nobody_adds_changes_or_deletes_a_chain(client, chain, role):
    log_in(client, role)

    assert refusal(client.get(url("invoices_evidencechain_add"))) == "refused"
    assert refusal(client.get(url("invoices_evidencechain_delete", chain.pk))) == "refused"
    change = client.post(
        url("invoices_evidencechain_change", chain.pk), {"starts_on": "2020-01-01"}
    )
    assert refusal(change) == "refused"


def test_page_shows_the_head_and_how_to_verify(client, chain):
    log_in(client, "Management")

    page = text(client.get(url("invoices_evidencechain_change", chain.pk)))

    assert sealing.head_of(chain)[1].hex() in page
    assert f"verify_audit --tenant {chain.tenant.slug} --year {chain.ends_on.year}" in page
    assert "Not verified yet" in page


def test_damage_is_named_on_the_page_and_its_list(client, chain):
    log_in(client, "Management")
    event = AuditEvent.objects.filter(tenant=chain.tenant).first()
    with attacker():
        sql("UPDATE invoices_auditevent SET action = 'x' WHERE id = %s", event.pk)
    tasks.verify_audit()

    assert "Damaged: 1" in text(client.get(url(LIST)))
    page = text(client.get(url("invoices_evidencechain_change", chain.pk)))
    assert f"row changed: invoices_auditevent {event.pk}" in page
    assert "1 record does not fit" in page


def test_rows_in_no_chain_are_told_above_the_list(client, chain):
    log_in(client, "Management")
    AuditEvent.objects.create(at="2026-01-02T00:00:00Z", action="test.event")
    tasks.verify_audit()

    assert "row not sealed: invoices_auditevent" in text(client.get(url(LIST)))


def test_whole_chains_say_so(client, chain):
    tasks.verify_audit()
    log_in(client, "Management")

    page = text(client.get(url(LIST)))

    assert "As it was written" in page
    assert "Not verified yet" not in page


@pytest.mark.parametrize("language", ["en", "fi"])
def test_page_of_a_chain_words_result_and_moment_as_the_list_does(client, chain, language):
    tasks.verify_audit()
    log_in(client, "Management")
    client.cookies["django_language"] = language
    headers = {"Accept-Language": language}

    page = text(client.get(url("invoices_evidencechain_change", chain.pk), headers=headers))

    assert ("As it was written" if language == "en" else "Niin kuin kirjoitettiin") in page
    assert "whole" not in page
    assert "+00:00" not in page


def test_list_costs_the_same_for_one_chain_and_for_many(
    client, make_rows, django_assert_num_queries
):
    log_in(client, "Management")
    make_rows(1, tenant=factories.TenantFactory())
    client.get(url(LIST))
    with django_assert_num_queries(8):
        client.get(url(LIST))
    for number in range(3):
        make_rows(1, tenant=factories.TenantFactory(business_id=f"{number}"))
    with django_assert_num_queries(8):
        client.get(url(LIST))


def test_pages_speak_finnish(client, chain):
    log_in(client, "Management")
    tasks.verify_audit()
    client.cookies["django_language"] = "fi"

    with translation.override("fi"):
        page = text(client.get(url(LIST)))
        detail = text(client.get(url("invoices_evidencechain_change", chain.pk)))

    assert "Todisteketjut" in page
    assert "Niin kuin kirjoitettiin" in page
    assert "Näin tämä ketju tarkistetaan nyt" in detail
