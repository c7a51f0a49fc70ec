"""What a shop's connection sets for reading its orders, what an order says of itself, and which
orders become invoices."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from invoices.document import InvoiceDocument, Problem

LONGEST_NUMBER = 40


class Payments(StrEnum):
    """Which orders become invoices, by whether they are paid."""

    ALL = "all"
    PAID = "paid"
    UNPAID = "unpaid"


class LeftOut(StrEnum):
    """Why an order becomes no invoice: a closed list, in the order they are asked."""

    TEST = "test"
    CANCELLED = "cancelled"
    STATUS = "status"
    EARLIER = "earlier"
    PAID = "paid"
    UNPAID = "unpaid"
    FREE = "free"
    NOT_SETTLED = "not_settled"
    NOTHING = "nothing"
    ORDER = "order"


@dataclass(frozen=True)
class ShopSettings:
    """`statuses` are the shop's own words. `rounding_row`: whether a difference of some cents
    becomes a row, else it refuses. `amount_only_row`: whether a refund of an amount without lines
    becomes one row where all of the order has one rate, else it is refused. `goods_only`: all that
    is sold is shipped. `language` (FI, SV, EN) is that of the rows we name."""

    prefix: str = ""
    statuses: frozenset[str] = frozenset()
    payments: Payments = Payments.ALL
    free_orders: bool = False
    rounding_row: bool = True
    amount_only_row: bool = False
    goods_only: bool = False
    business_id_fields: tuple[str, ...] = ()
    vat_number_fields: tuple[str, ...] = ()
    language: str = "FI"
    since: dt.date | None = None

    def number_of(self, order_number: str) -> str:
        return f"{self.prefix}{order_number}"

    def refund_number_of(self, order_number: str, refund_id: str) -> str:
        return f"{self.number_of(order_number)}-R{refund_id}"


@dataclass(frozen=True)
class OrderFacts:
    """What an order says of itself besides its lines. `number` is without the prefix."""

    remote_id: str
    number: str
    created: dt.datetime | None
    modified: dt.datetime | None
    status: str
    is_paid: bool
    total: Decimal
    currency: str
    is_test: bool = False
    is_cancelled: bool = False
    refund_ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Read:
    """An order or a refund, read or refused: `document` is None exactly when there are problems,
    or when there is nothing to be invoiced (`left_out`)."""

    number: str
    document: InvoiceDocument | None
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    left_out: LeftOut | None = None


def left_out(facts: OrderFacts, day: dt.date | None, settings: ShopSettings) -> LeftOut | None:
    """Why the order becomes no invoice; None when it does. `day` is the order's, in Helsinki."""
    if facts.is_test:
        return LeftOut.TEST
    if facts.is_cancelled:
        return LeftOut.CANCELLED
    if facts.status not in settings.statuses:
        return LeftOut.STATUS
    if settings.since and day and day < settings.since:
        return LeftOut.EARLIER
    if settings.payments == Payments.UNPAID and facts.is_paid:
        return LeftOut.PAID
    if settings.payments == Payments.PAID and not facts.is_paid:
        return LeftOut.UNPAID
    if facts.total == 0 and not settings.free_orders:
        return LeftOut.FREE
    return None
