"""How each shop is asked for orders, page by page, so that nothing is missed while they change.

A page is asked for by what was seen last, never by its number alone: an order that changes while
we read moves to the end and is seen again, and none slips through a border between pages.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from invoices.shop_models import RunKind, ShopConnection, ShopKind, ShopRun
from invoices.shops.asking import Answer, Asker, AskFailed
from invoices.shops.reading import READERS, Unreadable, objects, single
from invoices.shops.taking import Refund

PAGE = 50
#: So many ids of one second are named in a request; a shop where more orders have the same second
#: is asked for numbered pages of it.
_MOST_SEEN = 300
_MOST_STALE = 5
_SECOND = dt.timedelta(seconds=1)
_NEXT = re.compile(r'<([^>]{1,2000})>\s*;\s*rel="?next"?')


@dataclass(frozen=True)
class Page:
    """`cursor` is where to go on from, None at the end; `newest` the latest change seen; `total`
    how many orders there are in all, where the shop tells."""

    orders: list[tuple[str, dict[str, Any]]]
    cursor: dict[str, Any] | None
    newest: dt.datetime | None = None
    total: int | None = None
    wait_seconds: float = 0.0


@dataclass(frozen=True)
class Talk:
    """One shop's way."""

    page: Callable[[Asker, ShopRun], Page]
    refunds: Callable[[Asker, dict[str, Any]], list[Refund]]
    order: Callable[[Asker, str], tuple[str, dict[str, Any]]]
    by_id: Callable[[str, dict[str, Any]], str] = field(default=lambda topic, data: "")


def _listed(answer: Answer, key: str = "") -> list[tuple[str, dict[str, Any]]]:
    try:
        return list(objects(answer.text, key))
    except Unreadable as error:
        raise AskFailed("unreadable", str(error)) from error


def _number(order_id: Any) -> str:
    """An id that may stand in an address."""
    text = str(order_id)
    if not (text.isascii() and text.isdecimal() and len(text) <= 20):
        raise AskFailed("unreadable", "id")
    return text


def _iso(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _moments(run: ShopRun, orders: list[tuple[str, dict[str, Any]]]) -> list[dt.datetime | None]:
    """By what the run goes: creation for a range of days, change for what is new."""
    facts = [READERS[run.shop.kind].facts_of(data) for __, data in orders]
    by_change = run.kind == RunKind.PULL
    return [each.modified if by_change else each.created for each in facts]


def _newest(moments: list[dt.datetime | None]) -> dt.datetime | None:
    return max((moment for moment in moments if moment), default=None)


# --- WooCommerce: modified_after, and the ids seen at that second excluded ----------------------


def _woocommerce_page(asker: Asker, run: ShopRun) -> Page:
    cursor = run.cursor
    since = dt.datetime.fromisoformat(cursor["since"])
    pull = run.kind == RunKind.PULL
    params = {
        "per_page": str(PAGE),
        "page": str(cursor.get("page", 1)),
        "order": "asc",
        "orderby": "modified" if pull else "date",
        "modified_after" if pull else "after": _iso(since - _SECOND),
        "dates_are_gmt": "true",
    }
    if "until" in cursor:
        params["before"] = _iso(dt.datetime.fromisoformat(cursor["until"]))
    if cursor.get("seen"):
        params["exclude"] = ",".join(cursor["seen"])
    answer = asker.get("orders", params)
    orders = _listed(answer)
    total = answer.headers.get("X-WP-Total", "")
    pages = answer.headers.get("X-WP-TotalPages", "")
    more = int(pages) > int(params["page"]) if pages.isdecimal() else len(orders) == PAGE
    moments = _moments(run, orders)
    return Page(
        orders,
        _woocommerce_next(cursor, orders, moments) if more and orders else None,
        _newest(moments),
        int(total) if total.isdecimal() and not cursor.get("seen") else None,
        answer.wait_seconds,
    )


def _woocommerce_next(
    cursor: dict[str, Any],
    orders: list[tuple[str, dict[str, Any]]],
    moments: list[dt.datetime | None],
) -> dict[str, Any]:
    since = dt.datetime.fromisoformat(cursor["since"])
    newest = max(_newest(moments) or since, since)
    here = [
        str(data.get("id"))
        for (__, data), moment in zip(orders, moments, strict=True)
        if moment is None or moment >= newest
    ]
    before = cursor.get("seen", []) if newest == since else []
    fresh = [each for each in here if each not in before]
    if newest == since and not fresh and len(here) < len(orders):
        # A page from before, out of some cache: asked for once more.
        stale = cursor.get("stale", 0) + 1
        if stale > _MOST_STALE:
            raise AskFailed("unreadable", "X-WP-TotalPages")
        return cursor | {"stale": stale}
    if newest == since and (not fresh or len(before) + len(fresh) > _MOST_SEEN):
        return cursor | {"page": cursor.get("page", 1) + 1}
    kept = {key: cursor[key] for key in ("until",) if key in cursor}
    return kept | {"since": newest.isoformat(), "seen": before + fresh, "page": 1}


def _woocommerce_refunds(asker: Asker, data: dict[str, Any]) -> list[Refund]:
    """The order names its refunds only: their lines are asked for."""
    answer = asker.get(f"orders/{_number(data.get('id'))}/refunds", {"per_page": "100"})
    return [Refund(refund, raw) for raw, refund in _listed(answer)]


def _woocommerce_order(asker: Asker, order_id: str) -> tuple[str, dict[str, Any]]:
    answer = asker.get(f"orders/{_number(order_id)}")
    try:
        return answer.text.strip(), single(answer.text)
    except Unreadable as error:
        raise AskFailed("unreadable", str(error)) from error


# --- Shopify: its own cursor, page_info ---------------------------------------------------------


def _shopify_page(asker: Asker, run: ShopRun) -> Page:
    cursor = run.cursor
    pull = run.kind == RunKind.PULL
    if "page_info" in cursor:
        # Nothing else may stand beside it.
        params = {"limit": str(PAGE), "page_info": cursor["page_info"]}
    else:
        word = "updated_at" if pull else "created_at"
        params = {
            "limit": str(PAGE),
            "status": "any",
            "order": f"{word} asc",
            f"{word}_min": f"{_iso(dt.datetime.fromisoformat(cursor['since']))}Z",
        }
        if "until" in cursor:
            params["created_at_max"] = f"{_iso(dt.datetime.fromisoformat(cursor['until']))}Z"
    try:
        answer = asker.get("orders.json", params)
    except AskFailed as error:
        if error.code != "refused" or "page_info" not in cursor:
            raise
        # A cursor of Shopify's that is too old: on from what was seen last.
        kept = {key: value for key, value in cursor.items() if key != "page_info"}
        return Page([], kept)
    orders = _listed(answer, "orders")
    newest = _newest(_moments(run, orders))
    following = _page_info(answer)
    since = max(filter(None, (newest, dt.datetime.fromisoformat(cursor["since"]))))
    return Page(
        orders,
        cursor | {"page_info": following, "since": since.isoformat()} if following else None,
        newest,
        None,
        answer.wait_seconds,
    )


def _page_info(answer: Answer) -> str:
    """Only the cursor of the link: where it leads is ours to say."""
    found = _NEXT.search(answer.headers.get("Link", ""))
    values = parse_qs(urlsplit(found[1]).query).get("page_info", []) if found else []
    return values[0][:1000] if values else ""


def _shopify_refunds(asker: Asker, data: dict[str, Any]) -> list[Refund]:
    """The order has them in it."""
    listed = data.get("refunds")
    found = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    return [Refund(each, "") for each in found]


def _shopify_order(asker: Asker, order_id: str) -> tuple[str, dict[str, Any]]:
    answer = asker.get(f"orders/{_number(order_id)}.json")
    try:
        return answer.text.strip(), single(answer.text, "order")
    except Unreadable as error:
        raise AskFailed("unreadable", str(error)) from error


def _shopify_by_id(topic: str, data: dict[str, Any]) -> str:
    """A refund's webhook has no order in it."""
    order_id = data.get("order_id")
    return str(order_id) if topic.startswith("refunds/") and isinstance(order_id, int) else ""


TALKS = {
    ShopKind.WOOCOMMERCE: Talk(_woocommerce_page, _woocommerce_refunds, _woocommerce_order),
    ShopKind.SHOPIFY: Talk(_shopify_page, _shopify_refunds, _shopify_order, _shopify_by_id),
}


def talk_of(shop: ShopConnection) -> Talk:
    return TALKS[ShopKind(shop.kind)]
