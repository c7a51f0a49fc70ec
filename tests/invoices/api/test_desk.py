"""The tenant's desk of tokens and webhooks, and who may do what there."""

import re

import pytest

from invoices import exports
from invoices.api import tokens
from invoices.api_models import ApiToken
from invoices.models import AuditEvent
from invoices.webhook_models import WebhookDelivery, WebhookEndpoint
from invoices.webhooks import collecting, endpoints
from tests import factories
from tests.staff import ANONYMOUS, EVERYBODY, NO_RIGHTS, log_in, refusal, text, url

pytestmark = pytest.mark.django_db

DESK = "invoices_apitoken_desk"
SEES = set(EVERYBODY) - {ANONYMOUS, NO_RIGHTS}
MANAGES = {"Support", "Administrator"}
TOKEN = {"act": "token", "name": "Web shop", "can_write": "on", "can_read": "on", "queue": "on"}


def expected(rung, allowed):
    return "log in" if rung == ANONYMOUS else "shown" if rung in allowed else "refused"


@pytest.fixture
def endpoint(tenant, boss):
    return endpoints.add(tenant, "https://shop.example/hooks/s3cret", by=boss)[0]


@pytest.fixture
def delivery(endpoint, queued):
    (export,) = queued("A-1")
    exports.skip(export, by=factories.UserFactory(), reason="x")
    collecting.collect()
    WebhookDelivery.objects.update(state="given_up", due_at=None)
    return WebhookDelivery.objects.get()


@pytest.mark.parametrize("rung", EVERYBODY)
def test_desk_is_for_all_roles_and_its_forms_for_those_who_manage(client, tenant, rung):
    log_in(client, rung)

    shown = client.get(url(DESK, tenant.pk))
    made = client.post(url(DESK, tenant.pk), TOKEN)
    added = client.post(url(DESK, tenant.pk), {"act": "webhook", "url": "https://x.example/"})

    assert refusal(shown) == expected(rung, SEES)
    assert refusal(made) == refusal(added) == expected(rung, MANAGES)
    if rung in SEES:
        assert ("Make a token" in text(shown)) == (rung in MANAGES)
    assert ApiToken.objects.count() == WebhookEndpoint.objects.count() == (rung in MANAGES)


def test_token_is_shown_once_and_works(client, tenant):
    log_in(client, "Support")

    page = client.post(url(DESK, tenant.pk), TOKEN | {"expires_on": "2099-12-31"})

    clear = re.search(r"fnk_[0-9A-Za-z]{46}", text(page))[0]
    row = tokens.find(clear)
    assert (row.tenant, row.name, row.queue, row.expires_at.year) == (
        tenant,
        "Web shop",
        True,
        2099,
    )
    assert "no-store" in page["Cache-Control"]
    for name, args in [
        (DESK, [tenant.pk]),
        ("invoices_apitoken_changelist", []),
        ("invoices_apitoken_change", [row.pk]),
        ("invoices_auditevent_changelist", []),
        ("integrations_tenant_change", [tenant.pk]),
    ]:
        assert clear not in text(client.get(url(name, *args)))


def test_sending_the_form_again_makes_no_second_token(client, tenant):
    log_in(client, "Support")
    client.post(url(DESK, tenant.pk), TOKEN)

    again = client.post(url(DESK, tenant.pk), TOKEN)

    assert "is in use" in text(again)
    assert ApiToken.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": ""}, "required"),
        ({"can_write": "", "can_read": ""}, "Choose what the token may do"),
        ({"expires_on": "2020-01-01"}, "This day is over"),
        ({"expires_on": "x"}, "valid date"),
    ],
)
def test_wrong_token_form_says_what_is_wrong(client, tenant, change, words):
    log_in(client, "Support")

    assert words in text(client.post(url(DESK, tenant.pk), TOKEN | change))
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize("rung", EVERYBODY)
def test_revoking_asks_first_and_is_for_those_who_manage(client, tenant, boss, rung):
    row, clear = tokens.make(tenant, by=boss, name="x")
    user = log_in(client, rung)
    page = url("invoices_apitoken_revoke", row.pk)

    asked = client.get(page)
    assert tokens.find(clear)
    client.post(page, {"confirmed": "1"})

    assert refusal(asked) == expected(rung, MANAGES)
    assert (tokens.find(clear) is None) == (rung in MANAGES)
    if rung in MANAGES:
        assert AuditEvent.objects.get(action="api_token.revoked").by == user


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("http://shop.example/", "has to begin with"),
        ("https://10.0.0.7/", "not public"),
        ("https://u:p@shop.example/", "password"),
        ("nonsense", "not the address"),
        ("https://", "not the address"),
        ("https://shop.example/hooks/s3cret", "told already"),
    ],
)
def test_address_that_cannot_be_told_says_why(client, tenant, endpoint, address, words):
    log_in(client, "Support")

    page = client.post(url(DESK, tenant.pk), {"act": "webhook", "url": address})

    assert words in text(page)
    assert WebhookEndpoint.objects.count() == 1


def test_secret_of_a_webhook_is_shown_once(client, tenant):
    log_in(client, "Support")
    page = client.post(url(DESK, tenant.pk), {"act": "webhook", "url": "https://x.example/h"})
    row = WebhookEndpoint.objects.get()
    clear = re.search(r"whsec_[\w+/=]{20,}", text(page))[0]
    assert row.secret.open(endpoints.owner_of(tenant)) == clear

    changed = client.post(url("invoices_webhookendpoint_change_secret", row.pk), {"confirmed": "1"})

    fresh = re.search(r"whsec_[\w+/=]{20,}", text(changed))[0]
    assert fresh != clear
    for name, args in [
        (DESK, [tenant.pk]),
        ("invoices_webhookendpoint_change", [row.pk]),
        ("invoices_webhookendpoint_changelist", []),
        ("invoices_auditevent_changelist", []),
    ]:
        shown = text(client.get(url(name, *args)))
        assert clear not in shown and fresh not in shown


@pytest.mark.parametrize("rung", EVERYBODY)
@pytest.mark.parametrize(
    ("act", "state"), [("pause", "paused"), ("remove", "removed"), ("change_secret", "active")]
)
def test_acts_on_a_webhook_are_for_those_who_manage(client, endpoint, rung, act, state):
    log_in(client, rung)

    page = client.get(url(f"invoices_webhookendpoint_{act}", endpoint.pk))
    client.post(url(f"invoices_webhookendpoint_{act}", endpoint.pk), {"confirmed": "1"})

    endpoint.refresh_from_db()
    assert refusal(page) == expected(rung, MANAGES)
    assert endpoint.state == (state if rung in MANAGES else "active")


@pytest.mark.parametrize("rung", EVERYBODY)
def test_path_of_an_address_is_for_those_who_manage(client, endpoint, rung):
    log_in(client, rung)

    page = client.get(url("invoices_webhookendpoint_change", endpoint.pk))

    assert refusal(page) == expected(rung, SEES)
    if rung in SEES:
        assert "shop.example" in text(page)
        assert ("s3cret" in text(page)) == (rung in MANAGES)


@pytest.mark.parametrize("rung", EVERYBODY)
def test_delivery_is_posted_again_by_those_who_manage(client, delivery, rung):
    log_in(client, rung)
    page = url("invoices_webhookdelivery_replay", delivery.pk)

    asked = client.get(page)
    client.post(page, {"confirmed": "1"})

    delivery.refresh_from_db()
    assert refusal(asked) == expected(rung, MANAGES)
    assert delivery.state == ("waiting" if rung in MANAGES else "given_up")


def test_delivery_shows_its_tries_and_what_came_back(client, delivery):
    delivery.all_tries.create(
        at=delivery.created_at, milliseconds=12, http_status=502, answer="<b>bad gateway</b>"
    )
    delivery.all_tries.create(at=delivery.created_at, milliseconds=5000, error="timeout")
    log_in(client, "Support")

    page = text(client.get(url("invoices_webhookdelivery_change", delivery.pk)))

    assert "502" in page and "No answer in time" in page
    assert f"msg_{delivery.message.hex}" in page


@pytest.mark.parametrize("count", [1, 3])
def test_lists_take_the_same_queries_however_long(
    client, tenant, boss, count, django_assert_max_num_queries
):
    for number in range(count):
        tokens.make(tenant, by=boss, name=f"t{number}")
        endpoints.add(tenant, f"https://x.example/{number}", by=boss)
    log_in(client, "Support")

    for name in ("invoices_apitoken_changelist", "invoices_webhookendpoint_changelist"):
        with django_assert_max_num_queries(9):
            assert client.get(url(name)).status_code == 200


def test_tenants_page_leads_to_the_desk(client, tenant):
    log_in(client, "Accountant")

    page = text(client.get(url("integrations_tenant_change", tenant.pk)))

    assert url(DESK, tenant.pk) in page
