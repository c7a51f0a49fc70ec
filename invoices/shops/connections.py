"""The only writer of `ShopConnection`: connecting, keys, pausing, the end. Each act is audited."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from integrations.enums import InvoiceLanguage
from integrations.secrets import SecretUnreadable, seal
from integrations.signals import acted
from invoices import audit
from invoices.shop_models import ShopConnection, ShopDelivery, ShopKind, ShopRun, ShopState
from invoices.shops.asking import Asker, AskFailed, base_of
from invoices.shops.reading import Payments, ShopSettings, Unreadable, single
from invoices.watch.alerts import raise_alert, recover

#: What an open connection may be changed in; address and kind are the shop itself.
CHANGEABLE = (
    *("name", "statuses", "payments", "free_orders", "rounding_row", "amount_only_row"),
    *("goods_only", "business_id_fields", "vat_number_fields", "queue", "since"),
)
DEFAULT_STATUSES = {
    ShopKind.WOOCOMMERCE: "processing, completed",
    ShopKind.SHOPIFY: "paid, partially_paid, partially_refunded",
}
DEFAULT_BUSINESS_ID_FIELDS = "_billing_y_tunnus, billing_y_tunnus, y_tunnus, Y-tunnus"
DEFAULT_VAT_NUMBER_FIELDS = "_billing_vat_number, _vat_number, vat_number, VAT"
#: Shopify's versions are supported for a year; a newer one needs the readers looked at.
SHOPIFY_VERSION = "2026-10"
_LANGUAGES = {InvoiceLanguage.FINNISH: "FI", InvoiceLanguage.SWEDISH: "SV"}
#: How long to leave a shop alone after so many failures in a row.
_BACKOFF_SECONDS = (60, 300, 900, 3600, 3 * 3600, 6 * 3600)


_FAILURES_TO_ALERT = 3
ALERT = "shop_failing"
#: What does not get better by itself.
HOPELESS = frozenset({"unauthorized", "no_secret", "address"})


class NotPossible(Exception):
    """The connection is not in a state for that."""


def words_in(text: str) -> tuple[str, ...]:
    """What stands between commas."""
    return tuple(word for each in text.split(",") if (word := each.strip()))


def settings_of(shop: ShopConnection) -> ShopSettings:
    """The connection's settings as the readers take them."""
    return ShopSettings(
        prefix=shop.prefix,
        statuses=frozenset(words_in(shop.statuses)),
        payments=Payments(shop.payments),
        free_orders=shop.free_orders,
        rounding_row=shop.rounding_row,
        amount_only_row=shop.amount_only_row,
        goods_only=shop.goods_only,
        business_id_fields=words_in(shop.business_id_fields),
        vat_number_fields=words_in(shop.vat_number_fields),
        language=_LANGUAGES.get(InvoiceLanguage(shop.tenant.invoice_language), "EN"),
        since=shop.since,
    )


def connect(
    shop: ShopConnection, *, api_key: str, api_secret: str, webhook_secret: str, by: Any
) -> ShopConnection:
    """Save a new connection with its secrets sealed for its tenant. Raises IntegrityError when
    another shop of the tenant has the prefix."""
    secrets = {
        "api_key": api_key,
        "api_secret": api_secret,
        "webhook_secret": webhook_secret,
    }
    for name, secret in secrets.items():
        setattr(shop, name, seal(secret, shop.tenant_id) if secret else None)
    shop.created_by = by
    shop.pull_after = timezone.now()
    with transaction.atomic():
        shop.save()
        _told(shop, "connected", by, kind=shop.kind, address=shop.address, prefix=shop.prefix)
    return shop


def change(shop: ShopConnection, fields: dict[str, Any], *, by: Any) -> list[str]:
    """Change settings; returns the names of those that differ."""
    with transaction.atomic():
        locked = _open(shop)
        names = [n for n in CHANGEABLE if n in fields and getattr(locked, n) != fields[n]]
        if names:
            _update(locked, **{name: fields[name] for name in names})
            _told(locked, "changed", by, fields=names)
    return names


def replace_keys(
    shop: ShopConnection, *, api_key: str, api_secret: str, by: Any, address: str = ""
) -> None:
    """File another key, and another address with it: an address alone would lead the key that is
    on file to whomever it names."""
    with transaction.atomic():
        locked = _open(shop)
        _update(
            locked,
            api_key=seal(api_key, shop.tenant_id) if api_key else None,
            api_secret=seal(api_secret, shop.tenant_id),
            address=address or locked.address,
            pull_after=timezone.now(),
            failures=0,
        )
        _told(locked, "keys_replaced", by, address=locked.address)


def replace_webhook_secret(shop: ShopConnection, secret: str, *, by: Any) -> None:
    """What the shop signs with from now on. The one before counts too until somebody ends it."""
    with transaction.atomic():
        locked = _open(shop)
        _update(
            locked,
            webhook_secret=seal(secret, shop.tenant_id),
            webhook_secret_old=locked.webhook_secret,
            webhook_secret_changed_at=timezone.now(),
        )
        _told(locked, "webhook_secret_replaced", by)


def end_old_webhook_secret(shop: ShopConnection, *, by: Any) -> bool:
    """From now on only the newest secret counts. False when there was no older one."""
    with transaction.atomic():
        locked = _open(shop)
        if locked.webhook_secret_old is None:
            return False
        _update(locked, webhook_secret_old=None)
        _told(locked, "webhook_secret_ended", by)
    return True


def pause(shop: ShopConnection, *, by: Any) -> bool:
    """Ask nothing and take nothing in; webhooks are kept meanwhile. False when it was paused."""
    return _move(shop, (ShopState.ACTIVE, ShopState.FAILING), ShopState.PAUSED, "paused", by)


def resume(shop: ShopConnection, *, by: Any) -> bool:
    return _move(shop, (ShopState.PAUSED,), ShopState.ACTIVE, "resumed", by)


def end(shop: ShopConnection, *, by: Any) -> bool:
    """For good: its secrets and what waits of it are destroyed; orders and files stay."""
    with transaction.atomic():
        open_states = (ShopState.ACTIVE, ShopState.FAILING, ShopState.PAUSED)
        if not _move(shop, open_states, ShopState.ENDED, "ended", by):
            return False
        secrets = ("api_key", "api_secret", "webhook_secret", "webhook_secret_old")
        _update(shop, **dict.fromkeys(secrets))
        ShopDelivery.objects.filter(shop=shop).delete()
        now = timezone.now()
        ShopRun.objects.filter(shop=shop, state="running").update(
            state="cancelled", finished_at=now
        )
    return True


def end_all(tenant: Any, *, by: Any) -> int:
    """The tenant's connection has ended."""
    return sum(end(shop, by=by) for shop in ShopConnection.objects.filter(tenant=tenant))


def listen() -> None:
    """A tenant's connection that ends takes its shops with it."""
    acted.connect(_on_acted, dispatch_uid="shops.ended")


def _on_acted(sender: Any, action: str, tenant: Any, by: Any, **kwargs: Any) -> None:
    if action == "tenant.closed":
        end_all(tenant, by=by)


def succeeded(shop: ShopConnection) -> None:
    """The shop answered as it should."""
    healed = ShopConnection.objects.filter(pk=shop.pk, state=ShopState.FAILING)
    healed.update(state=ShopState.ACTIVE)
    ShopConnection.objects.filter(pk=shop.pk).update(
        failures=0, cause="", cause_detail="", last_pull_at=timezone.now()
    )
    recover(ALERT, shop.tenant, detail=str(shop.pk))


def failed(shop: ShopConnection, error: AskFailed) -> dt.datetime:
    """The shop could not be asked; returns when it is asked again."""
    tries = ShopConnection.objects.values_list("failures", flat=True).get(pk=shop.pk)
    wait = max(_BACKOFF_SECONDS[min(tries, len(_BACKOFF_SECONDS) - 1)], error.retry_after)
    again = timezone.now() + dt.timedelta(seconds=wait)
    open_shop = ShopConnection.objects.filter(pk=shop.pk)
    open_shop.filter(state=ShopState.ACTIVE).update(state=ShopState.FAILING)
    open_shop.update(
        failures=min(tries + 1, 1000),
        cause=error.code,
        cause_detail=error.detail,
        pull_after=again,
    )
    if tries + 1 >= _FAILURES_TO_ALERT or error.code in HOPELESS:
        facts = {"names": shop.name, "cause": error.code}
        raise_alert(ALERT, shop.tenant, facts, detail=str(shop.pk))
    return again


def asker_for(shop: ShopConnection) -> Asker:
    """Requests with the shop's key. Raises AskFailed when there is none that can be used."""
    try:
        base = base_of(shop.address)
    except ValueError as error:
        raise AskFailed("address") from error
    key, secret = _opened(shop.api_key, shop), _opened(shop.api_secret, shop)
    if not secret:
        raise AskFailed("no_secret")
    if shop.kind == ShopKind.WOOCOMMERCE:
        return Asker(f"{base}/wp-json/wc/v3", auth=(key, secret))
    token = secret
    if key:
        token = _shopify_token(base, key, secret)
    headers = {"X-Shopify-Access-Token": token}
    return Asker(f"{base}/admin/api/{SHOPIFY_VERSION}", headers=headers)


def _shopify_token(base: str, key: str, secret: str) -> str:
    """A token of a day, asked for anew each turn: kept nowhere."""
    given = {"grant_type": "client_credentials", "client_id": key, "client_secret": secret}
    try:
        with Asker(base) as asker:
            answer = asker.post("admin/oauth/access_token", given)
    except AskFailed as error:
        # A wrong client is answered with 400.
        code = "unauthorized" if error.code == "refused" else error.code
        raise AskFailed(code, error.detail, error.retry_after) from error
    try:
        token = single(answer.text).get("access_token")
    except Unreadable as error:
        raise AskFailed("unreadable") from error
    if not isinstance(token, str) or not token.isascii() or not token.isprintable():
        raise AskFailed("unreadable")
    return token


def webhook_secrets(shop: ShopConnection) -> list[str]:
    """What the shop may sign with, the newest first. Raises SecretUnreadable."""
    held = (shop.webhook_secret, shop.webhook_secret_old)
    return [str(sealed.open(shop.tenant_id)) for sealed in held if sealed is not None]


def count(shop: ShopConnection, **fields: Any) -> None:
    """Add one to a counter and note the moment: count(shop, refused="last_refused_at")."""
    changes: dict[str, Any] = {name: F(name) + 1 for name in fields}
    changes |= {moment: timezone.now() for moment in fields.values() if moment}
    ShopConnection.objects.filter(pk=shop.pk).update(**changes)


def _opened(sealed: Any, shop: ShopConnection) -> str:
    if sealed is None:
        return ""
    try:
        return str(sealed.open(shop.tenant_id))
    except SecretUnreadable as error:
        raise AskFailed("no_secret") from error


def _open(shop: ShopConnection) -> ShopConnection:
    """The connection, locked. Raises NotPossible when it has ended."""
    locked = ShopConnection.objects.select_for_update(no_key=True).get(pk=shop.pk)
    if locked.state == ShopState.ENDED:
        raise NotPossible
    return locked


def _update(shop: ShopConnection, **fields: Any) -> None:
    """One row at a time, and only these columns: sealed fields take nothing else."""
    for name, value in fields.items():
        setattr(shop, name, value)
    shop.save(update_fields=list(fields))


def _move(
    shop: ShopConnection, before: tuple[ShopState, ...], after: ShopState, action: str, by: Any
) -> bool:
    with transaction.atomic():
        moved = ShopConnection.objects.filter(pk=shop.pk, state__in=before).update(
            state=after, failures=0, cause="", cause_detail="", pull_after=timezone.now()
        )
        if moved:
            _told(shop, action, by)
            recover(ALERT, shop.tenant, detail=str(shop.pk))
    shop.refresh_from_db(fields=["state", "cause", "cause_detail", "failures", "pull_after"])
    return bool(moved)


def _told(shop: ShopConnection, action: str, by: Any, **facts: Any) -> None:
    data = {"shop": shop.pk, "name": shop.name} | facts
    audit.record(f"shop.{action}", tenant=shop.tenant, by=by, data=data)
