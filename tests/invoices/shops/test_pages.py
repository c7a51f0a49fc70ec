"""The pages of web shops: who may what, what is said, and what never is."""

from __future__ import annotations

import datetime as dt

import pytest

from invoices import tasks
from invoices.models import AuditEvent, Invoice
from invoices.shop_models import ShopConnection, ShopRun
from invoices.shops import connections, inbox
from invoices.shops.sandbox import Fault
from tests.invoices.shops.conftest import (
    HOOK_SECRET,
    KEY,
    SECRET,
    bring,
    connect,
    order_of,
)
from tests.staff import ANONYMOUS, EVERYBODY, NO_RIGHTS, log_in, refusal, said, text, url

pytestmark = pytest.mark.django_db

SHOP = "invoices_shopconnection"
MANAGERS = {"Support", "Administrator"}
FILLERS = {"Accountant", "Administrator"}
MANAGE = ["settings", "keys", "webhook", "pause", "end"]


def page(name, shop):
    return url(f"{SHOP}_{name}", shop.pk)


def expected(rung, allowed):
    return "log in" if rung == ANONYMOUS else "shown" if rung in allowed else "refused"


@pytest.mark.parametrize("rung", EVERYBODY)
@pytest.mark.parametrize("kind", ["woocommerce"], indirect=True)
def test_pages_open_for_their_roles_only(client, connected, rung):
    log_in(client, rung)
    everybody = set(EVERYBODY) - {ANONYMOUS, NO_RIGHTS}

    assert refusal(client.get(url(f"{SHOP}_changelist"))) == expected(rung, everybody)
    assert refusal(client.get(page("change", connected))) == expected(rung, everybody)
    for name in MANAGE:
        assert refusal(client.get(page(name, connected))) == expected(rung, MANAGERS), name
    assert refusal(client.get(page("backfill", connected))) == expected(rung, FILLERS)
    assert refusal(client.get(page("test", connected))) == expected(rung, MANAGERS | FILLERS)
    assert refusal(client.get(url(f"{SHOP}_connect"))) == expected(rung, MANAGERS)


FORM = {
    "name": "Puoti",
    "prefix": "W-",
    "since": "2026-09-01",
    "api_key": KEY,
    "api_secret": SECRET,
    "webhook_secret": HOOK_SECRET,
}


def test_a_shop_is_connected_tested_and_its_orders_taken_in(
    client, shop, kind, tenant, django_capture_on_commit_callbacks
):
    log_in(client, "Support")
    shop.orders = [order_of(kind)]
    given = FORM | {"tenant": tenant.pk, "kind": kind, "address": shop.server.address + "/"}
    answer = client.post(url(f"{SHOP}_connect"), given)

    connection = ShopConnection.objects.get()
    assert answer["Location"] == page("change", connection)
    assert connection.address == shop.server.address
    run = ShopRun.objects.get()
    assert run.kind == "test"
    tasks.advance_shop_run(run.pk)
    assert not Invoice.objects.exists()

    tasks.follow_shops()
    tasks.advance_shop_run(ShopRun.objects.get(kind="pull").pk)
    assert Invoice.objects.get().number == "W-1001"
    shown = text(client.get(page("change", connection)))
    assert "taken in: 1" in shown
    for secret in (KEY, SECRET, HOOK_SECRET):
        assert secret not in shown
    actions = list(AuditEvent.objects.values_list("action", flat=True))
    assert {"shop.connected", "shop.run_asked", "file.received"} <= set(actions)


@pytest.mark.parametrize("kind", ["woocommerce"], indirect=True)
@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"address": "http://shop.example"}, "This is no address of a shop"),
        ({"address": "https://user:pw@shop.example"}, "This is no address of a shop"),
        ({"api_key": ""}, "WooCommerce needs both"),
        ({"api_secret": "käärme salainen"}, "Only letters, digits and marks"),
        ({"prefix": "W-"}, "Another shop of the tenant has this prefix"),
        ({"since": "soon"}, "Enter a valid date"),
    ],
)
def test_what_is_wrong_is_told_at_the_field_and_no_secret_comes_back(
    client, connected, settings, tenant, given, sentence
):
    settings.SHOPS_ALLOW_LOCAL = False
    log_in(client, "Support")
    whole = FORM | {"tenant": tenant.pk, "kind": "woocommerce", "address": "https://shop.example"}
    answer = client.post(url(f"{SHOP}_connect"), whole | {"prefix": "X-"} | given)

    shown = text(answer)
    assert sentence in shown
    assert ShopConnection.objects.count() == 1
    for secret in (KEY, SECRET, HOOK_SECRET, "käärme salainen"):
        assert secret not in shown


def test_why_a_shop_fails_is_told_with_the_next_step(client, shop, connected):
    log_in(client, "Accountant")
    shop.faults = [Fault("status", status=401)]
    client.post(page("test", connected), {"confirmed": "1"})
    tasks.advance_shop_run(ShopRun.objects.get().pk)

    shown = text(client.get(page("change", connected)))
    assert "Failing" in shown
    assert "The shop refuses the key. (HTTP 401) Make a new key" in shown


def test_what_could_not_be_taken_in_is_listed_with_its_cause(client, kind, connected):
    key = "billing" if kind == "woocommerce" else "billing_address"
    bring(client, connected, order_of(kind) | {key: {}, "customer": {}})
    bring(client, connected, order_of(kind, 1002))
    inbox.take_up()
    log_in(client, "Accountant")

    shown = text(client.get(page("change", connected)))

    assert "W-1001" in shown and "W-1002" not in shown
    assert "The value is missing." in shown or "missing" in shown
    assert "W-1002" in text(client.get(page("change", connected) + "?orders=accepted"))


def test_settings_are_changed_and_the_change_is_in_the_trail(client, connected):
    log_in(client, "Support")
    form = {name: getattr(connected, name) for name in connections.CHANGEABLE}
    form = {name: value for name, value in form.items() if value not in (False, "")}
    given = form | {"statuses": "completed", "amount_only_row": "on"}
    answer = client.post(page("settings", connected), given)

    assert said(answer) == ["Saved."]
    connected.refresh_from_db()
    assert (connected.statuses, connected.amount_only_row) == ("completed", True)
    event = AuditEvent.objects.get(action="shop.changed")
    assert set(event.data["fields"]) == {"statuses", "amount_only_row"}


def test_a_new_secret_and_the_end_of_the_older_one(client, kind, connected):
    log_in(client, "Support")
    client.post(page("webhook", connected), {"webhook_secret": "another-1"})
    assert "Two webhook secrets count." in text(client.get(page("change", connected)))

    client.post(page("end_old_secret", connected), {"confirmed": "1"})

    assert bring(client, connected, order_of(kind)).status_code == 401
    assert bring(client, connected, order_of(kind), secret="another-1").status_code == 200


def test_a_back_fill_is_counted_and_taken_in_from_the_page(client, shop, kind, connected):
    shop.orders = [order_of(kind, 90 + n, at=f"2026-08-1{n}T10:00:00") for n in range(3)]
    log_in(client, "Accountant")
    client.post(page("backfill", connected), {"first_day": "2026-08-01", "last_day": "2026-08-31"})
    run = ShopRun.objects.get(kind="count")
    tasks.advance_shop_run(run.pk)
    shown = text(client.get(page("change", connected)))
    assert "to be taken in: 3" in shown and "37.65" in shown

    client.post(url(f"{SHOP}_run", run.pk), {"take_in": "1"})
    tasks.advance_shop_run(run.pk)

    assert Invoice.objects.count() == 3
    assert "taken in: 3" in text(client.get(page("change", connected)))


@pytest.mark.parametrize("rung", ["Support", "Management"])
def test_a_back_fill_is_not_taken_in_by_others(client, connected, rung):
    run = ShopRun.objects.create(
        shop=connected, kind="count", state="counted", not_before=dt.datetime.now(dt.UTC)
    )
    log_in(client, rung)

    assert client.post(url(f"{SHOP}_run", run.pk), {"take_in": "1"}).status_code == 403
    run.refresh_from_db()
    assert run.state == "counted"


def test_an_ended_shop_has_no_buttons(client, connected):
    log_in(client, "Support")
    client.post(page("end", connected), {"confirmed": "1"})

    connected.refresh_from_db()
    assert connected.state == "ended"
    assert client.get(page("keys", connected)).status_code == 404
    assert "Webhook address" not in text(client.get(page("change", connected)))


@pytest.mark.parametrize("kind", ["woocommerce"], indirect=True)
def test_lists_cost_the_same_at_one_and_three_shops(
    client, shop, connected, tenant, django_assert_num_queries
):
    from django.db import connection as database  # noqa: PLC0415
    from django.test.utils import CaptureQueriesContext  # noqa: PLC0415

    log_in(client, "Support")
    client.get(url(f"{SHOP}_changelist"))
    with CaptureQueriesContext(
        database,
    ) as one:
        client.get(url(f"{SHOP}_changelist"))
    connect(shop, tenant, prefix="A-")
    connect(shop, tenant, prefix="B-")

    with django_assert_num_queries(len(one)):
        client.get(url(f"{SHOP}_changelist"))
