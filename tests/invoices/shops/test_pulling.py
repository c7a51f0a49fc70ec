"""Asking shops over real HTTP: page by page, through faults and changes, each order once."""

from __future__ import annotations

import datetime as dt

import pytest
import time_machine
from django.utils import timezone

from invoices import tasks
from invoices.models import AuditEvent, Invoice, ReceivedFile
from invoices.shop_models import ShopConnection, ShopDelivery, ShopRun
from invoices.shops import asking, connections, inbox, pulling, talking
from invoices.shops.sandbox import Fault
from invoices.shops.sandbox.shop import touched
from invoices.shops.taking import Taking
from invoices.watch_models import Alert
from tests import factories
from tests.invoices.shops.conftest import HOOK_SECRET, KEY, SECRET, bring, order_of, refunded

pytestmark = pytest.mark.django_db

NIGHT = dt.datetime(2026, 10, 1, tzinfo=dt.UTC)


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch):
    monkeypatch.setattr(talking, "PAGE", 3)


def many(kind, count, *, same_second=False, step=60):
    step = 0 if same_second else step
    moments = [NIGHT + dt.timedelta(seconds=step * n) for n in range(count)]
    return [order_of(kind, 100 + n, at=f"{m:%Y-%m-%dT%H:%M:%S}") for n, m in enumerate(moments)]


def pull(connection, kind="pull", *, rounds=60, **fields):
    """Begin a run and drive it to its end, as if every wait were over."""
    run = pulling.begin(connection, kind, **fields)
    return drive(run, rounds)


def drive(run, rounds=60):
    for _round in range(rounds):
        pulling.advance(run.pk)
        run.refresh_from_db()
        if run.state != "running":
            break
        ShopRun.objects.filter(pk=run.pk).update(not_before=timezone.now())
    return run


def numbers():
    return sorted(Invoice.objects.values_list("number", flat=True))


def asked_for_orders(shop):
    return [path for _method, path, _query in shop.requests if "orders" in path]


def expected(count):
    return [f"W-{100 + n}" for n in range(count)]


@pytest.mark.parametrize("same_second", [False, True])
def test_every_order_comes_however_many_pages_there_are(shop, kind, connected, same_second):
    shop.orders = many(kind, 10, same_second=same_second)

    run = pull(connected)

    assert (run.state, run.counts["orders"], run.counts["accepted"]) == ("done", 10, 10)
    assert numbers() == expected(10)
    assert ReceivedFile.objects.count() == 10


def test_the_next_time_only_what_changed_since_is_asked_for(shop, kind, connected):
    shop.orders = many(kind, 6, step=3600)
    pull(connected)
    connected.refresh_from_db()
    shop.orders.append(order_of(kind, 200, at="2026-10-01T05:30:00"))

    run = pull(connected)

    # The last one again, because its moment may have had more.
    assert (run.counts["orders"], run.counts["here"], run.counts["accepted"]) == (2, 1, 1)
    assert "W-200" in numbers()


def test_orders_that_change_while_pages_are_read_are_not_missed(shop, kind, connected):
    shop.orders = many(kind, 9)

    def change():
        """The first of all changes, so that everything after it moves up by one."""
        touched(shop.orders[0], 60 * 60)
        touched(shop.orders[1], 60 * 61)

    shop.faults = [Fault(then=lambda: None, kind="slow"), Fault(then=change, kind="slow")]

    pull(connected)

    assert numbers() == expected(9)
    assert ReceivedFile.objects.count() == 9


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500},
        {"status": 503, "times": 3},
        {"status": 429, "retry_after": "1"},
        {"kind": "cut"},
        {"kind": "again"},
        {"kind": "html"},
        {"status": 404},
    ],
    ids=str,
)
def test_a_shop_that_stumbles_is_gone_on_with(shop, kind, connected, fault):
    shop.orders = many(kind, 7)
    shop.faults = [Fault(), Fault(**{"kind": "status"} | fault)]
    shop.faults[0].kind = "slow"

    run = pull(connected)

    assert run.state == "done"
    assert numbers() == expected(7)
    connected.refresh_from_db()
    assert (connected.state, connected.cause) == ("active", "")


def test_a_shop_that_asks_for_patience_gets_it_and_has_not_failed(shop, connected):
    shop.faults = [Fault("status", status=429, retry_after="120")]
    run = pulling.begin(connected, "pull")

    pulling.advance(run.pk)

    run.refresh_from_db()
    assert run.state == "running" and run.cause == "limited"
    waits = (run.not_before - timezone.now()).total_seconds()
    assert 110 < waits <= 120
    asked = len(shop.requests)
    assert pulling.advance(run.pk) is False
    assert len(shop.requests) == asked
    connected.refresh_from_db()
    assert connected.state == "active"


@pytest.mark.parametrize("kind", ["shopify"], indirect=True)
def test_a_bucket_that_is_nearly_full_is_left_to_leak(shop, kind, connected):
    shop.orders, shop.used = many(kind, 7), 38
    run = pulling.begin(connected, "pull")

    pulling.advance(run.pk)

    run.refresh_from_db()
    assert run.state == "running"
    assert 5 < (run.not_before - timezone.now()).total_seconds() <= 9
    assert len(asked_for_orders(shop)) == 1


@pytest.mark.parametrize("kind", ["shopify"], indirect=True)
def test_a_cursor_that_the_shop_has_forgotten_is_done_without(shop, kind, connected):
    shop.orders = many(kind, 8)
    run = pulling.begin(connected, "pull")
    ShopRun.objects.filter(pk=run.pk).update(cursor=run.cursor | {"page_info": "gone"})

    assert drive(run).state == "done"
    assert numbers() == expected(8)


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        ({"kind": "redirect"}, "redirect"),
        ({"kind": "huge"}, "too_large"),
        ({"kind": "html"}, "unreadable"),
        ({"kind": "cut"}, "connection"),
        ({"status": 500}, "server"),
        ({"status": 401}, "unauthorized"),
        ({"status": 418}, "refused"),
    ],
)
def test_why_a_shop_cannot_be_asked_is_told_in_words(shop, connected, fault, cause):
    shop.faults = [Fault(**{"kind": "status"} | fault)]
    run = pulling.begin(connected, "test")

    pulling.advance(run.pk)

    run.refresh_from_db()
    connected.refresh_from_db()
    assert (run.state, run.cause) == ("failed", cause)
    assert (connected.state, connected.cause) == ("failing", cause)
    assert len(asked_for_orders(shop)) == 1


def test_an_answer_that_drips_has_an_end(shop, connected, monkeypatch):
    monkeypatch.setattr(asking, "TOTAL_SECONDS", 0.5)
    shop.orders = many(connected.kind, 3)
    shop.faults = [Fault("drip")]

    run = pull(connected, "test")

    assert (run.state, run.cause) == ("failed", "timeout")


def test_a_refused_key_is_not_tried_again_and_again(shop, kind, connected):
    shop.secret = "another"
    run = pull(connected)

    assert (run.state, run.cause) == ("failed", "unauthorized")
    assert len(shop.requests) == 1
    connected.refresh_from_db()
    assert connected.pull_after > timezone.now()
    alert = Alert.objects.get(cause="shop_failing", tenant=connected.tenant)
    assert alert.facts == {"names": "Puoti", "cause": "unauthorized"}

    connections.replace_keys(connected, api_key=KEY, api_secret="another", by=None)
    connected.refresh_from_db()
    if kind == "shopify":
        shop.key = KEY
    assert pull(connected).state == "done"
    connected.refresh_from_db()
    assert (connected.state, connected.failures) == ("active", 0)
    alert.refresh_from_db()
    assert alert.recovered_at is not None


@pytest.mark.parametrize("kind", ["shopify"], indirect=True)
def test_shopify_gives_a_token_for_id_and_secret_or_takes_one(shop, kind, connected):
    shop.orders = many(kind, 1)
    assert pull(connected).state == "done"
    assert ("POST", "/admin/oauth/access_token") in [each[:2] for each in shop.requests]

    shop.requests.clear()
    connections.replace_keys(connected, api_key="", api_secret=SECRET, by=None)
    connected.refresh_from_db()
    assert pull(connected).state == "done"
    assert {each[0] for each in shop.requests} == {"GET"}


@pytest.mark.parametrize(
    "address",
    ["10.0.0.1", "127.0.0.1", "[::1]", "169.254.169.254", "192.168.1.1", "localhost.example"],
)
def test_no_private_address_is_asked(connected, settings, address):
    settings.SHOPS_ALLOW_LOCAL = False
    ShopConnection.objects.filter(pk=connected.pk).update(address=f"https://{address}")
    connected.refresh_from_db()

    run = pull(connected, "test")

    assert (run.state, run.cause) == ("failed", "address")


@pytest.mark.parametrize(
    "address",
    ["http://shop.example", "https://user@shop.example", "https://shop.example?x=1", "shop",
     "ftp://shop.example", "https://shop.example:8443", "https://"],
)  # fmt: skip
def test_what_is_no_address_of_a_shop_is_refused(settings, address):
    settings.SHOPS_ALLOW_LOCAL = False
    with pytest.raises(ValueError):
        asking.base_of(address)


def test_a_name_that_leads_to_this_machine_is_not_connected_to(shop, settings, monkeypatch):
    """Whatever it led to when it was saved."""
    settings.SHOPS_ALLOW_LOCAL = False
    port = int(shop.server.address.rsplit(":", 1)[1])
    found = [(2, 1, 6, "", ("127.0.0.1", port))]
    monkeypatch.setattr(asking.socket, "getaddrinfo", lambda *args, **kw: found)

    with asking.Asker("http://shop.example") as asker, pytest.raises(asking.AskFailed) as caught:
        asker.get("orders")

    assert caught.value.code == "address"
    assert shop.requests == []


def test_a_refund_found_by_asking_is_credited_once(shop, kind, connected):
    shop.orders = many(kind, 2)
    refunded(shop, shop.orders[1])

    run = pull(connected)
    again = pull(connected)

    assert run.counts["refunds"] == 1
    assert Invoice.objects.get(is_credit_note=True).number == "W-101-R2001"
    assert again.counts.get("accepted", 0) == 0
    assert ReceivedFile.objects.count() == 3


def test_a_range_of_days_is_counted_first_and_then_taken_in(shop, kind, connected):
    person = factories.UserFactory()
    shop.orders = [order_of(kind, 90 + n, at=f"2026-08-{10 + n}T10:00:00") for n in range(10)]
    shop.orders[2] |= {"status": "pending", "financial_status": "pending"}
    days = {"first_day": dt.date(2026, 8, 11), "last_day": dt.date(2026, 8, 17)}

    run = pull(connected, "count", by=person, **days)

    assert run.state == "counted"
    assert run.counts["orders"] == 7
    assert (run.counts["accepted"], run.counts["left_out"]) == (6, {"status": 1})
    assert run.counts["sums"] == {"EUR": "75.30"}
    assert not ReceivedFile.objects.exists()

    assert pulling.take_in(run, by=person)
    assert not pulling.take_in(run, by=person)
    run.refresh_from_db()
    run = drive(run)
    assert (run.state, run.kind, run.counts["accepted"]) == ("done", "backfill", 6)
    assert run.expected == run.counts["orders"] == 7
    assert Invoice.objects.count() == 6

    twice = pull(connected, "count", by=person, **days)
    assert (twice.counts["here"], twice.counts.get("accepted", 0)) == (6, 0)
    actions = set(AuditEvent.objects.values_list("action", flat=True))
    assert {"shop.run_asked", "shop.run_taken_in"} <= actions


def test_a_back_fill_that_is_cancelled_keeps_what_was_taken_in(shop, kind, connected):
    shop.orders = many(kind, 9)
    run = pull(connected, "count", first_day=NIGHT.date(), last_day=NIGHT.date())
    pulling.take_in(run, by=None)
    assert pulling.advance(run.pk, seconds=0)
    assert pulling.cancel(run, by=None)

    assert drive(run).state == "cancelled"
    assert Invoice.objects.count() == 3
    assert not pulling.cancel(run, by=None)


def test_one_run_of_a_kind_at_a_time(connected):
    pulling.begin(connected, "pull")
    with pytest.raises(pulling.Busy):
        pulling.begin(connected, "pull")


def test_the_schedule_begins_what_is_due_and_drives_it(shop, kind, connected):
    shop.orders = many(kind, 2)

    assert tasks.follow_shops() == 1
    run = ShopRun.objects.get()
    tasks.advance_shop_run(run.pk)
    assert numbers() == expected(2)
    assert tasks.follow_shops() == 0

    connections.pause(connected, by=None)
    ShopConnection.objects.update(pull_after=None)
    assert tasks.follow_shops() == 0


def test_a_shop_whose_clock_is_ahead_hides_nothing(shop, kind, connected):
    shop.orders = [order_of(kind, 100, at="2090-01-01T00:00:00")]
    pull(connected)
    connected.refresh_from_db()

    assert connected.changed_since <= timezone.now()


def test_an_order_that_breaks_our_code_is_told_and_stops_nothing_else(
    shop, kind, connected, client, monkeypatch
):
    shop.orders = many(kind, 2)
    bring(client, connected, shop.orders[0])
    connected.refresh_from_db()

    def broken(self, raw, data, refunds):
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(Taking, "take", broken)
        with pytest.raises(ZeroDivisionError):
            pull(connected)
        with pytest.raises(ZeroDivisionError):
            inbox.take_up()
    connected.refresh_from_db()
    assert (connected.state, connected.cause) == ("failing", "crashed")

    ShopRun.objects.update(not_before=timezone.now())
    ShopDelivery.objects.update(not_before=timezone.now())
    assert drive(ShopRun.objects.get()).state == "done"
    inbox.take_up()
    assert numbers() == expected(2)


def test_a_webhook_that_kills_whoever_takes_it_up_is_given_up(
    shop, kind, connected, client, monkeypatch
):
    bring(client, connected, order_of(kind))

    def broken(self, raw, data, refunds):
        raise ZeroDivisionError

    monkeypatch.setattr(Taking, "take", broken)
    for _time in range(6):
        with pytest.raises(ZeroDivisionError):
            inbox.take_up()
        ShopDelivery.objects.update(not_before=timezone.now())

    assert inbox.take_up() == 1
    delivery = ShopDelivery.objects.get()
    assert (delivery.cause, bytes(delivery.body), delivery.not_before) == ("crashed", b"", None)


def test_what_is_over_is_forgotten_after_a_month(shop, kind, connected, client):
    shop.orders = many(kind, 1)
    pull(connected)
    bring(client, connected, shop.orders[0])
    connections.pause(connected, by=None)

    assert tasks.forget_shop_deliveries() == 0
    with time_machine.travel(timezone.now() + dt.timedelta(days=31)):
        assert tasks.forget_shop_deliveries() == 2
    assert not ShopDelivery.objects.exists() and not ShopRun.objects.exists()
    assert numbers() == expected(1)


def test_no_credential_leaves(shop, kind, connected, client, caplog, capsys):
    """In no row but the sealed columns, no log, no address that is asked, no trail."""
    shop.orders = many(kind, 4)
    refunded(shop, shop.orders[0])
    shop.faults = [Fault("status", status=500), Fault("status", status=401)]
    pull(connected)
    connections.replace_keys(connected, api_key=KEY, api_secret=SECRET, by=None)
    connections.replace_webhook_secret(connected, HOOK_SECRET, by=None)
    connections.change(connected, {"name": "Uusi"}, by=None)
    connected.refresh_from_db()
    pull(connected)

    written = caplog.text + "".join(capsys.readouterr())
    asked = str([(path, query) for _method, path, query in shop.requests])
    for secret in (KEY, SECRET, HOOK_SECRET):
        assert secret not in written + asked + _everything() + repr(vars(connected))


def _everything():
    """Every text of the database."""
    from django.db import connection  # noqa: PLC0415

    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            cursor.execute(f'SELECT * FROM "{table}"')
            for row in cursor.fetchall():
                found += [
                    bytes(v).decode("utf-8", "replace")
                    if isinstance(v, bytes | memoryview)
                    else str(v)
                    for v in row
                ]
    return "\n".join(found)
