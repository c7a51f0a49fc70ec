"""What shops bring: kept as it came once its signature holds, and taken up in the background.

Signatures cover the body and nothing else, so the body's digest is what tells a replay: the ids in
the headers are another's to choose. Digests are kept for a time; what is replayed later is older
than the order that is known, and has no effect either.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Mapping

from django.db.models import F, Q
from django.utils import timezone

from integrations.enums import TenantState
from integrations.secrets import SecretUnreadable
from invoices import filing
from invoices.shop_models import (
    RunKind,
    ShopConnection,
    ShopDelivery,
    ShopKind,
    ShopRun,
    ShopState,
)
from invoices.shops import connections
from invoices.shops.asking import Asker, AskFailed, base_of
from invoices.shops.reading import Unreadable, single
from invoices.shops.signing import is_signed
from invoices.shops.taking import Taking
from invoices.shops.talking import talk_of

#: The largest order that a shop may bring.
LONGEST_BODY_BYTES = 2_000_000
KEPT_DAYS = 30
#: More than this wait of one shop: it is asked to come again later.
_MOST_WAITING = 5_000
_LEASE = dt.timedelta(minutes=5)
_MOST_TRIES = 6
_TRY_AGAIN_SECONDS = (30, 120, 600, 1800, 3600, 3600)
_PING = re.compile(rb"webhook_id=[0-9]{1,20}")
_GONE = ("order.deleted", "orders/delete")
_ORDERS = ("order.", "orders/", "refunds/")


def receive(shop: ShopConnection, body: bytes, headers: Mapping[str, str]) -> int:
    """Verify and keep one webhook; returns the HTTP status. Nothing of a wrong one is kept but a
    count; a replay is counted and has no effect."""
    if shop.state == ShopState.ENDED or shop.tenant.state == TenantState.CLOSED:
        return 410
    if shop.kind == ShopKind.WOOCOMMERCE and _PING.fullmatch(body):
        # Unsigned, and nothing but a number: the shop makes sure that somebody is here.
        return 200
    if not _is_genuine(shop, body, headers):
        connections.count(shop, refused="last_refused_at")
        return 401
    topic = headers.get("X-WC-Webhook-Topic" if _is_woo(shop) else "X-Shopify-Topic", "")[:60]
    if not topic.startswith(_ORDERS):
        return 200
    if shop.inbox.filter(not_before__isnull=False).count() >= _MOST_WAITING:
        return 503
    return _keep(shop, body, topic, headers)


def _is_woo(shop: ShopConnection) -> bool:
    return shop.kind == ShopKind.WOOCOMMERCE


def _is_genuine(shop: ShopConnection, body: bytes, headers: Mapping[str, str]) -> bool:
    name = "X-WC-Webhook-Signature" if _is_woo(shop) else "X-Shopify-Hmac-Sha256"
    try:
        secrets = connections.webhook_secrets(shop)
    except SecretUnreadable:
        return False
    if not is_signed(body, headers.get(name, ""), secrets):
        return False
    if _is_woo(shop):
        return True
    # One secret signs for all shops that have the app.
    try:
        own = base_of(shop.address).split("//")[1]
    except ValueError:
        return False
    return headers.get("X-Shopify-Shop-Domain", "").lower() == own.split(":")[0]


def _keep(shop: ShopConnection, body: bytes, topic: str, headers: Mapping[str, str]) -> int:
    digest = hashlib.sha256(body).hexdigest()
    name = "X-WC-Webhook-Delivery-ID" if _is_woo(shop) else "X-Shopify-Webhook-Id"
    delivery_id = headers.get(name, "")[:100]
    now = timezone.now()
    known = Q(sha256=digest)
    if not _is_woo(shop) and delivery_id:
        # WooCommerce gives all deliveries of one second the same id: it tells nothing.
        known |= Q(delivery_id=delivery_id)
    is_new = False
    if not shop.inbox.filter(known).exists():
        __, is_new = ShopDelivery.objects.get_or_create(
            shop=shop,
            sha256=digest,
            defaults={
                "delivery_id": delivery_id,
                "topic": topic,
                "body": body,
                "received_at": now,
                "not_before": now,
            },
        )
    if is_new:
        connections.count(shop, deliveries="last_delivery_at")
    else:
        connections.count(shop, replays="")
    return 200


def take_up(limit: int = 200) -> int:
    """Take up what waits, the oldest first; returns how many. Nothing of paused shops."""
    count = 0
    open_states = (ShopState.ACTIVE, ShopState.FAILING)
    waiting = ShopDelivery.objects.filter(shop__state__in=open_states).order_by("not_before", "pk")
    for _each in range(limit):
        pk = waiting.filter(not_before__lte=timezone.now()).values_list("pk", flat=True).first()
        if pk is None:
            break
        count += _take_up(pk)
    return count


def _take_up(pk: int) -> bool:
    """One delivery: claimed by moving its moment, so that a worker's death only delays it."""
    now = timezone.now()
    mine = now + _LEASE
    claimed = ShopDelivery.objects.filter(pk=pk, not_before__lte=now)
    if not claimed.update(not_before=mine, tries=F("tries") + 1):
        return False
    held = ShopDelivery.objects.filter(pk=pk, not_before=mine)
    delivery = held.select_related("shop__tenant").first()
    if delivery is None:
        return False
    if delivery.tries > _MOST_TRIES:
        # Somebody died of it each time. The next pull asks for the order anyway.
        held.update(not_before=None, body=b"", cause="crashed")
        return True
    try:
        _take(delivery)
    except AskFailed as error:
        wait = max(_TRY_AGAIN_SECONDS[delivery.tries - 1], error.retry_after)
        again = timezone.now() + dt.timedelta(seconds=wait)
        if delivery.tries < _MOST_TRIES:
            held.update(not_before=again, cause=error.code)
        else:
            held.update(not_before=None, body=b"", cause=error.code)
        return True
    except filing.TenantClosed:
        connections.end(delivery.shop, by=None)
        return True
    held.update(not_before=None, body=b"", cause="")
    return True


def _take(delivery: ShopDelivery) -> None:
    shop, body = delivery.shop, bytes(delivery.body)
    taking, talk = Taking(shop), talk_of(shop)
    try:
        raw = body.decode("utf-8")
        data = single(raw)
    except (UnicodeDecodeError, Unreadable):
        taking.take(body.decode("utf-8", "replace"), {}, [])
        return
    if delivery.topic in _GONE:
        # Nothing but the order's id is left of it.
        taking.gone(raw, str(data.get("id", "")))
        return
    asker: Asker | None = None
    try:
        if order_id := talk.by_id(delivery.topic, data):
            asker = connections.asker_for(shop)
            raw, data = talk.order(asker, order_id)
        refunds = []
        if taking.refunds_to_read(data):
            asker = asker or connections.asker_for(shop)
            refunds = talk.refunds(asker, data)
        taking.take(raw, data, refunds)
    finally:
        if asker is not None:
            asker.__exit__()


def forget() -> int:
    """Daily: digests of what was taken up long ago, what nobody took up (a shop that is paused: the
    next pull finds it), and runs that are over; returns how many."""
    until = timezone.now() - dt.timedelta(days=KEPT_DAYS)
    old = ShopDelivery.objects.filter(received_at__lt=until)
    over = ShopRun.objects.filter(kind__in=(RunKind.PULL, RunKind.TEST), finished_at__lt=until)
    return int(old.delete()[0]) + int(over.delete()[0])
