"""What the shops send, read into documents: pure functions, one module a shop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from invoices.shops.reading import shopify, woocommerce
from invoices.shops.reading.fields import Unreadable, objects, single
from invoices.shops.reading.settings import (
    LeftOut,
    OrderFacts,
    Payments,
    Read,
    ShopSettings,
    left_out,
)

__all__ = [
    "READERS",
    "LeftOut",
    "OrderFacts",
    "Payments",
    "Read",
    "Reader",
    "ShopSettings",
    "Unreadable",
    "left_out",
    "objects",
    "single",
]


@dataclass(frozen=True)
class Reader:
    facts_of: Callable[[dict[str, Any]], OrderFacts]
    read_order: Callable[[dict[str, Any], ShopSettings], Read]
    read_refund: Callable[[dict[str, Any], dict[str, Any], ShopSettings], Read]


#: By the kind of the shop, which is also the format of the received file.
READERS = {
    "woocommerce": Reader(woocommerce.facts_of, woocommerce.read_order, woocommerce.read_refund),
    "shopify": Reader(shopify.facts_of, shopify.read_order, shopify.read_refund),
}
