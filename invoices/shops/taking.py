"""One order of a shop, however it came and however often: filed once, told once.

The row of the order is locked while it is decided about, so that a webhook and a pull of the same
order wait for each other. An order that was taken in is never filed anew unless it has changed;
then filing says what becomes of a changed duplicate.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from django.db import transaction

from invoices import filing
from invoices.document import Problem
from invoices.enums import ItemOutcome, ReceivedVia
from invoices.intake import ReadItem, ReadResult
from invoices.models import Invoice, ReceivedItem
from invoices.shop_models import OrderState, ShopConnection, ShopOrder
from invoices.shops.connections import settings_of
from invoices.shops.reading import (
    READERS,
    LeftOut,
    OrderFacts,
    Read,
    Reader,
    ShopSettings,
    left_out,
)
from invoices.shops.reading.building import day_of

#: What an order says by itself, whatever the connection's settings: only that may change it.
_NEUTRAL = ShopSettings(amount_only_row=True)
_LONGEST_ID = 40
_HERE = "here"
_OLD = "old"
_CANCELLED = "cancelled"


@dataclass(frozen=True)
class Taken:
    """What became of an order or a refund: `outcome` is a word of OrderState, "here" (known, and
    unchanged) or "old" (older than what is known). `total` is with VAT, in `currency`."""

    outcome: str
    number: str
    reason: str = ""
    total: Decimal = Decimal(0)
    currency: str = ""


@dataclass(frozen=True)
class Refund:
    """A refund of an order, with its own text where it came apart from the order."""

    data: dict[str, Any]
    raw: str


class Taking:
    """Takes orders of one shop. `again`: also what was rejected before and has not changed;
    `backfill`: also what is earlier than the connection's first day."""

    def __init__(
        self, shop: ShopConnection, *, again: bool = False, backfill: bool = False
    ) -> None:
        self.shop, self.again = shop, again
        self.reader: Reader = READERS[shop.kind]
        self.settings = settings_of(shop)
        if backfill:
            self.settings = replace(self.settings, since=None)

    def take(self, raw: str, data: dict[str, Any], refunds: Iterable[Refund]) -> list[Taken]:
        """File what is new of an order and of its refunds, each once. Raises TenantClosed."""
        facts = self.reader.facts_of(data)
        if not facts.remote_id or len(facts.remote_id) > _LONGEST_ID:
            return [self._unreadable(raw, facts)]
        with transaction.atomic():
            order = self._locked(facts.remote_id)
            if order.modified_at and facts.modified and facts.modified < order.modified_at:
                return [Taken(_OLD, order.number)]
            taken = [self._take_order(order, raw, data, facts)]
            order.modified_at = facts.modified or order.modified_at
            order.save()
            taken += [self._take_refund(order, each, raw, data, facts) for each in refunds]
        return taken

    def gone(self, raw: str, remote_id: str) -> None:
        """An order that was deleted in the shop; told once if it had become an invoice."""
        with transaction.atomic():
            rows = ShopOrder.objects.select_for_update().filter(shop=self.shop, refund_id="")
            order = rows.filter(remote_id=remote_id, state=OrderState.ACCEPTED).first()
            if order is not None and order.reason != _CANCELLED:
                self._tell_cancelled(order, raw)
                order.save()

    def preview(self, data: dict[str, Any]) -> Taken:
        """What would become of an order; nothing is written."""
        facts = self.reader.facts_of(data)
        number = self.settings.number_of(facts.number)[:40]
        if Invoice.objects.filter(tenant=self.shop.tenant_id, number=number).exists():
            return Taken(_HERE, number)
        why = left_out(facts, day_of(facts.created), self.settings)
        if why:
            return Taken(OrderState.LEFT_OUT, number, why)
        read = self.reader.read_order(data, self.settings)
        outcome = OrderState.ACCEPTED if read.document else OrderState.REJECTED
        return Taken(outcome, number, "", facts.total, facts.currency)

    def refunds_to_read(self, data: dict[str, Any]) -> bool:
        """Whether the order names refunds that are not settled here yet."""
        facts = self.reader.facts_of(data)
        if not facts.refund_ids:
            return False
        known = ShopOrder.objects.filter(
            shop=self.shop, remote_id=facts.remote_id, refund_id__in=facts.refund_ids
        )
        settled = (
            {OrderState.ACCEPTED} if self.again else {OrderState.ACCEPTED, OrderState.REJECTED}
        )
        return known.filter(state__in=settled).count() < len(set(facts.refund_ids))

    def _locked(self, remote_id: str, refund_id: str = "") -> ShopOrder:
        ShopOrder.objects.get_or_create(
            shop=self.shop,
            remote_id=remote_id,
            refund_id=refund_id,
            defaults={"state": OrderState.LEFT_OUT},
        )
        rows = ShopOrder.objects.select_for_update()
        return rows.get(shop=self.shop, remote_id=remote_id, refund_id=refund_id)

    def _take_order(
        self, order: ShopOrder, raw: str, data: dict[str, Any], facts: OrderFacts
    ) -> Taken:
        order.number = self.settings.number_of(facts.number)[:40]
        if order.state == OrderState.ACCEPTED:
            return self._look_again(order, raw, data, facts)
        why = left_out(facts, day_of(facts.created), self.settings)
        if why:
            order.state, order.reason = OrderState.LEFT_OUT, why
            return Taken(OrderState.LEFT_OUT, order.number, why)
        read = self.reader.read_order(data, self.settings)
        if read.document and self._is_taken(order):
            problem = Problem("shop_number_taken", place="number", value=order.number)
            read = replace(read, document=None, problems=(problem,))
        return self._file(order, raw, data, read, facts)

    def _look_again(
        self, order: ShopOrder, raw: str, data: dict[str, Any], facts: OrderFacts
    ) -> Taken:
        """An order that was taken in: told when it was cancelled or has changed since, once."""
        if facts.is_cancelled:
            if order.reason == _CANCELLED or facts.refund_ids:
                return Taken(_HERE, order.number)
            self._tell_cancelled(order, raw)
            return Taken(OrderState.REJECTED, order.number)
        digest = _digest(self.reader.read_order(data, _NEUTRAL))
        if digest == order.digest:
            return Taken(_HERE, order.number)
        outcome = self._keep(order, raw, self.reader.read_order(data, self.settings)).outcome
        order.digest, order.reason = digest, ""
        changed = outcome != ItemOutcome.DUPLICATE
        return Taken(OrderState.REJECTED if changed else _HERE, order.number)

    def _tell_cancelled(self, order: ShopOrder, raw: str) -> None:
        problem = Problem("shop_order_cancelled", place="status", value=order.number)
        self._keep(order, raw, Read(order.number, None, (problem,)))
        order.reason = _CANCELLED

    def _take_refund(
        self, order: ShopOrder, refund: Refund, raw: str, data: dict[str, Any], facts: OrderFacts
    ) -> Taken:
        remote_id = str(refund.data.get("id", ""))[:40]
        row = self._locked(order.remote_id, remote_id)
        row.number = self.settings.refund_number_of(facts.number, remote_id)[:40]
        if row.state == OrderState.ACCEPTED:
            return Taken(_HERE, row.number)
        read = self._read_refund(order, refund, data, row.number)
        if read.left_out:
            row.state, row.reason = OrderState.LEFT_OUT, read.left_out
            row.save()
            return Taken(OrderState.LEFT_OUT, row.number, read.left_out)
        facts = replace(facts, total=_total_of(read))
        taken = self._file(row, refund.raw or raw, refund.data | {"order": data}, read, facts)
        row.save()
        return taken

    def _read_refund(
        self, order: ShopOrder, refund: Refund, data: dict[str, Any], number: str
    ) -> Read:
        """A refund of what was invoiced here; of what was invoiced before, a problem."""
        if order.state == OrderState.ACCEPTED:
            return self.reader.read_refund(data, refund.data, self.settings)
        if order.reason != LeftOut.EARLIER:
            return Read(number, None, left_out=LeftOut.ORDER)
        read = self.reader.read_refund(data, refund.data, self.settings)
        made = read.document.date if read.document else None
        if read.left_out or (made and self.settings.since and made < self.settings.since):
            return Read(number, None, left_out=LeftOut.EARLIER)
        problem = Problem("shop_refund_unknown_order", place="number", value=order.number)
        return Read(number, None, (problem,))

    def _is_taken(self, order: ShopOrder) -> bool:
        """Whether another order of this shop has the number."""
        same = ShopOrder.objects.filter(
            shop=self.shop, number=order.number, state=OrderState.ACCEPTED
        )
        return same.exclude(pk=order.pk).exists()

    def _file(
        self, row: ShopOrder, raw: str, data: dict[str, Any], read: Read, facts: OrderFacts
    ) -> Taken:
        """File an order or a refund that is not here yet, unless the same was rejected before."""
        own = data if row.refund_id else None
        neutral = read if own else self.reader.read_order(data, _NEUTRAL)
        digest = _digest(neutral, read.problems)
        if row.state == OrderState.REJECTED and row.digest == digest and not self.again:
            return Taken(_HERE, row.number)
        item = self._keep(row, raw, read)
        is_here = item.outcome != ItemOutcome.REJECTED
        row.state = OrderState.ACCEPTED if is_here else OrderState.REJECTED
        row.reason = ""
        row.digest = _digest(neutral) if is_here else digest
        outcome = _HERE if item.outcome == ItemOutcome.DUPLICATE else row.state
        return Taken(outcome, row.number, "", facts.total, facts.currency)

    def _keep(self, row: ShopOrder, raw: str, read: Read) -> ReceivedItem:
        """The shop's own text as a received file with one item."""
        item = ReadItem(1, read.document, read.problems, read.warnings, read.number or row.number)
        received = filing.file_invoices(
            self.shop.tenant,
            f"{self.shop.kind}-{row.number or row.remote_id}.json",
            raw.encode("utf-8", "replace"),
            via=ReceivedVia.SHOP,
            queue=self.shop.queue,
            result=ReadResult(self.shop.kind, (item,)),
        )
        kept = received.items.get()
        row.file = received.pk
        row.is_told = kept.outcome == ItemOutcome.REJECTED
        return kept

    def _unreadable(self, raw: str, facts: OrderFacts) -> Taken:
        """No order at all: kept once for each text."""
        digest = hashlib.sha256(raw.encode("utf-8", "replace")).hexdigest()
        with transaction.atomic():
            row = self._locked(f"?{digest[:32]}")
            if row.state == OrderState.REJECTED:
                return Taken(_HERE, row.number)
            problem = Problem("shop_unreadable", place="id", value=facts.number or "–")
            self._keep(row, raw, Read(facts.number, None, (problem,)))
            row.state = OrderState.REJECTED
            row.save()
        return Taken(OrderState.REJECTED, row.number)


def _digest(read: Read, problems: tuple[Problem, ...] = ()) -> str:
    """Of what a document says, without how it was paid, which comes later than the order."""
    said: Any = [problem.as_json() for problem in read.problems]
    if read.document:
        said = {k: v for k, v in read.document.as_json().items() if k != "payment_method"}
    told = [said, [problem.as_json() for problem in problems]]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _total_of(read: Read) -> Decimal:
    total = read.document.gross_total if read.document else None
    return total if total is not None else Decimal(0)
