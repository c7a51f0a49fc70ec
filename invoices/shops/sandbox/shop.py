"""What the simulated shop has and answers: orders, keys, faults and a log of requests."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode

SIMULATED = "This shop is simulated."
_OF_A_DAY = "shpat_simulated_for_a_day"


@dataclass
class Fault:
    """What the next answer to a path that has `path` in it is like. `kind`: status, slow, cut,
    redirect, again (the page before once more), html, huge or drip; `then` runs beforehand."""

    kind: str = ""
    path: str = "orders"
    status: int = 500
    seconds: float = 0.0
    retry_after: str = ""
    times: int = 1
    then: Callable[[], None] | None = None


@dataclass(frozen=True)
class Shown:
    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


class SandboxShop:
    """`kind` is woocommerce or shopify; `orders` are as the shop's API has them, and what is
    changed in them is what it answers from then on."""

    def __init__(self, kind: str, *, key: str = "ck_sandbox", secret: str = "cs_sandbox") -> None:
        self.kind, self.key, self.secret = kind, key, secret
        self.lock = threading.RLock()
        self.orders: list[dict[str, Any]] = []
        self.refunds: dict[str, list[dict[str, Any]]] = {}
        self.faults: list[Fault] = []
        self.requests: list[tuple[str, str, dict[str, list[str]]]] = []
        self.most_a_page = 100
        self.used = 1
        self._last: Shown | None = None
        self.before: Shown | None = None

    def fault_for(self, path: str) -> Fault | None:
        with self.lock:
            found = next((each for each in self.faults if each.path in path), None)
            if found is not None:
                found.times -= 1
                if found.times <= 0:
                    self.faults.remove(found)
        if found is not None and found.then is not None:
            found.then()
        return found

    def answer(self, method: str, path: str, query: str, headers: Any, body: bytes) -> Shown:
        asked = parse_qs(query)
        with self.lock:
            self.requests.append((method, path, asked))
            shown = self._answer(method, path, asked, headers, body)
            if path.endswith(("orders", "orders.json")):
                before, self._last = self._last, shown
                self.before = before
            return shown

    def again(self) -> Shown | None:
        """The page before the last one, once more."""
        return self.before

    def _answer(
        self, method: str, path: str, asked: dict[str, list[str]], headers: Any, body: bytes
    ) -> Shown:
        if path == "/admin/oauth/access_token" and method == "POST":
            return self._token(body)
        if not self._may(headers):
            return _json({"code": "unauthorized", "message": SIMULATED}, status=401)
        if self.kind == "woocommerce":
            return self._woocommerce(path, asked)
        return self._shopify(path, asked)

    def _token(self, body: bytes) -> Shown:
        given = parse_qs(body.decode())
        wanted = {"client_id": [self.key], "client_secret": [self.secret]}
        if {name: given.get(name) for name in wanted} != wanted:
            return _json({"error": "invalid_client"}, status=400)
        return _json({"access_token": _OF_A_DAY, "scope": "read_orders", "expires_in": 86399})

    def _may(self, headers: Any) -> bool:
        if self.kind == "woocommerce":
            own = base64.b64encode(f"{self.key}:{self.secret}".encode()).decode()
            return bool(headers.get("Authorization", "") == f"Basic {own}")
        return headers.get("X-Shopify-Access-Token", "") in (self.secret, _OF_A_DAY)

    # --- WooCommerce: filters on the moment, an order, ids left out, numbered pages ------------

    def _woocommerce(self, path: str, asked: dict[str, list[str]]) -> Shown:
        parts = path.removeprefix("/wp-json/wc/v3/").split("/")
        if parts == ["orders"]:
            return self._woocommerce_list(asked)
        if len(parts) == 3 and parts[0] == "orders" and parts[2] == "refunds":
            return _json(self.refunds.get(parts[1], []))
        found = next((o for o in self.orders if parts == ["orders", str(o["id"])]), None)
        return _json(found) if found else _json({"code": "not_found"}, status=404)

    def _woocommerce_list(self, asked: dict[str, list[str]]) -> Shown:
        by = {"modified": "date_modified_gmt", "date": "date_created_gmt"}[_one(asked, "orderby")]
        left_out = set(_one(asked, "exclude").split(","))
        found = [o for o in self.orders if str(o["id"]) not in left_out]
        for name, column, later in (
            ("modified_after", "date_modified_gmt", True),
            ("after", "date_created_gmt", True),
            ("before", "date_created_gmt", False),
        ):
            if limit := _one(asked, name):
                found = [o for o in found if (o[column] > limit if later else o[column] < limit)]
        found.sort(key=lambda order: (order[by], order["id"]))
        size = min(int(_one(asked, "per_page") or 10), self.most_a_page)
        start = (int(_one(asked, "page") or 1) - 1) * size
        pages = -(-len(found) // size)
        headers = {"X-WP-Total": str(len(found)), "X-WP-TotalPages": str(pages)}
        return _json(found[start : start + size], headers=headers)

    # --- Shopify: a cursor that stands for a moment and an id ----------------------------------

    def _shopify(self, path: str, asked: dict[str, list[str]]) -> Shown:
        name = path.split("/")[-1]
        if name == "orders.json":
            return self._shopify_list(path, asked)
        found = next((o for o in self.orders if name == f"{o['id']}.json"), None)
        return _json({"order": found}) if found else _json({"errors": "Not Found"}, status=404)

    def _shopify_list(self, path: str, asked: dict[str, list[str]]) -> Shown:
        if token := _one(asked, "page_info"):
            if set(asked) - {"page_info", "limit"}:
                return _json({"errors": "no filter beside page_info"}, status=400)
            try:
                state = json.loads(base64.urlsafe_b64decode(token))
            except ValueError:
                return _json({"errors": "page_info"}, status=400)
        else:
            state = {name: _one(asked, name) for name in asked if name != "limit"}
        by = "updated_at" if state.get("order", "").startswith("updated_at") else "created_at"
        found = [o for o in self.orders if _within(o, state)]
        found.sort(key=lambda order: (_moment(order[by]), order["id"]))
        if after := state.get("after"):
            found = [o for o in found if [_moment(o[by]).isoformat(), o["id"]] > after]
        size = min(int(_one(asked, "limit") or 50), self.most_a_page)
        headers = {"X-Shopify-Shop-Api-Call-Limit": f"{self.used}/40"}
        if len(found) > size:
            last = found[size - 1]
            state["after"] = [_moment(last[by]).isoformat(), last["id"]]
            token = base64.urlsafe_b64encode(json.dumps(state).encode()).decode()
            query = urlencode({"limit": size, "page_info": token})
            # Another host on purpose: only the cursor counts.
            headers["Link"] = f'<https://shop.invalid{path}?{query}>; rel="next"'
        return _json({"orders": found[:size]}, headers=headers)


def touched(order: dict[str, Any], seconds: int = 60) -> None:
    """The order has changed now, so many seconds after its last change."""
    for column in ("date_modified_gmt", "updated_at"):
        if column in order:
            later = _moment(order[column]) + timedelta(seconds=seconds)
            order[column] = later.strftime("%Y-%m-%dT%H:%M:%S") + (
                "" if column == "date_modified_gmt" else "Z"
            )


def _one(asked: dict[str, list[str]], name: str) -> str:
    return asked.get(name, [""])[0]


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)


def _within(order: dict[str, Any], state: dict[str, str]) -> bool:
    for column in ("updated_at", "created_at"):
        moment = _moment(order[column])
        if (least := state.get(f"{column}_min")) and moment < _moment(least):
            return False
        if (most := state.get(f"{column}_max")) and moment > _moment(most):
            return False
    return True


def _json(data: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> Shown:
    return Shown(status, json.dumps(data).encode(), dict(headers or {}))
