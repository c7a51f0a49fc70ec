"""Compares what is here with what Procountor has, day by day. Pure: no query, request or clock.

A day is equal when Procountor has exactly the invoices we exported for it: each live, once, with
its number, date, currency and total. `ours` may hold invoices of other days too, so that one that
was moved, or a second one with a known number, is told for what it is.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum

from invoices.ledger.series import Shape, shape_of
from invoices.ledger_models import DifferenceKind as K
from invoices.reconciliation import GONE

ZERO = Decimal(0)
#: The status of an invoice of which Procountor told none.
UNTOLD = "?"


class Stage(Enum):
    """How far one of our invoices is on its way to Procountor."""

    THERE = "there"
    UNDER_WAY = "under way"
    HELD = "held"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Ours:
    """One invoice here. `day` is the date that counts, `total` what we were given, `expected`
    what Procountor showed when its copy was found equal."""

    export: int
    number: str
    day: dt.date
    currency: str
    total: Decimal
    expected: Decimal
    stage: Stage
    remote_id: int | None = None
    #: Entered by a person, who need not have given it our number.
    by_hand: bool = False


@dataclass(frozen=True)
class Theirs:
    """One sales invoice of Procountor's; `status` "" is one that was asked for and is not there."""

    id: int
    number: str
    date: dt.date | None
    currency: str
    total: Decimal | None
    status: str
    creator: int | None = None
    remote_number: str = ""
    buyer: str = ""

    @property
    def is_there(self) -> bool:
        return self.status != ""

    @property
    def is_live(self) -> bool:
        return self.is_there and self.status not in GONE


@dataclass(frozen=True)
class Difference:
    kind: K
    day: dt.date
    number: str
    export: int | None = None
    remote_id: int | None = None
    currency: str = ""
    total: Decimal | None = None
    theirs: str = ""
    ours: str = ""

    @property
    def facts(self) -> dict[str, str]:
        return {"theirs": self.theirs, "ours": self.ours}


@dataclass(frozen=True)
class Marks:
    """How an invoice that is unknown here shows that it may be ours: its number runs in a series
    of the tenant's, or our own user made it and gave it a number of a source."""

    shapes: frozenset[Shape] = frozenset()
    own_user: int | None = None

    def fit(self, found: Theirs) -> bool:
        if not found.number:
            return False
        made_by_us = self.own_user is not None and found.creator == self.own_user
        return made_by_us or shape_of(found.number) in self.shapes


@dataclass
class DayResult:
    """What one day came to. `entries`: what Procountor has of ours, `others` counts the rest."""

    differences: list[Difference] = field(default_factory=list)
    entries: list[Theirs] = field(default_factory=list)
    others: int = 0
    under_way: int = 0
    received: list[Ours] = field(default_factory=list)

    @property
    def is_equal(self) -> bool:
        return not self.differences and not self.under_way

    def sums(self) -> list[dict[str, object]]:
        """[{currency, received, exported, remote}], each [count, sum as text]."""
        exported = [each for each in self.received if each.stage == Stage.THERE]
        live = [each for each in self.entries if each.is_live]
        currencies = {each.currency for each in self.received}
        currencies |= {each.currency for each in live}
        return [
            {
                "currency": currency,
                "received": _sum(self.received, currency),
                "exported": _sum(exported, currency),
                "remote": _sum(live, currency),
            }
            for currency in sorted(currencies)
        ]


def _sum(invoices: Iterable[Ours | Theirs], currency: str) -> list[object]:
    amounts = [each.total or ZERO for each in invoices if each.currency == currency]
    return [len(amounts), str(sum(amounts, ZERO))]


def compare(
    days: Iterable[dt.date], ours: Iterable[Ours], theirs: Mapping[int, Theirs], marks: Marks
) -> dict[dt.date, DayResult]:
    """What each of `days` comes to. `theirs`, by id, is all that was read of them, and whatever
    else was asked for by the ids of `ours`."""
    results = {day: DayResult() for day in days}
    known = list(ours)
    by_remote = {each.remote_id: each for each in known if each.remote_id is not None}
    by_number = {each.number: each for each in known}
    for each in known:
        if each.day in results:
            _expected(results[each.day], each, theirs)
    for found in theirs.values():
        result = results.get(found.date) if found.date else None
        if result is None or not found.is_there:
            continue
        owner = by_remote.get(found.id)
        if owner is not None:
            result.entries.append(found)
            if found.is_live and owner.day != found.date:
                result.differences.append(_differ(K.OTHER_DATE, found.date, owner, found))
        elif found.is_live:
            _unowned(result, found, by_number.get(found.number), theirs, marks)
    for result in results.values():
        result.entries.sort(key=lambda each: each.id)
        result.differences.sort(key=lambda each: (each.kind, each.number, each.remote_id or 0))
    return results


def of_one(ours: Ours, found: Theirs | None) -> list[Difference]:
    """What differs between one invoice that is believed to be in Procountor and its copy there."""
    if found is None or not found.is_there:
        return [_differ(K.MISSING_THERE, ours.day, ours, found)]
    if not found.is_live:
        return [_differ(K.INVALIDATED, ours.day, ours, found)]
    differences = []
    if found.date != ours.day:
        differences.append(_differ(K.OTHER_DATE, ours.day, ours, found))
    if (found.currency, found.total) != (ours.currency, ours.expected):
        differences.append(_differ(K.OTHER_TOTAL, ours.day, ours, found))
    if not ours.by_hand and found.number != ours.number:
        differences.append(_differ(K.OTHER_NUMBER, ours.day, ours, found))
    return differences


def _expected(result: DayResult, ours: Ours, theirs: Mapping[int, Theirs]) -> None:
    result.received.append(ours)
    if ours.remote_id is not None:
        result.differences += of_one(ours, theirs.get(ours.remote_id))
    elif ours.stage == Stage.UNDER_WAY:
        result.under_way += 1
    elif ours.stage == Stage.HELD:
        result.differences.append(_differ(K.NOT_EXPORTED, ours.day, ours, None))


def _unowned(
    result: DayResult,
    found: Theirs,
    namesake: Ours | None,
    theirs: Mapping[int, Theirs],
    marks: Marks,
) -> None:
    """An invoice that no export of ours is known to have become."""
    if found.number and namesake is not None:
        if namesake.remote_id is None and namesake.stage == Stage.UNDER_WAY:
            return  # its answer is not settled yet
        first = theirs.get(namesake.remote_id or 0)
        is_second = namesake.remote_id is not None and (first is None or first.is_live)
        kind = K.DOUBLE if is_second else K.ORPHAN
    elif marks.fit(found):
        kind = K.ORPHAN
    else:
        result.others += 1
        return
    result.entries.append(found)
    assert found.date is not None
    export = namesake.export if found.number and namesake is not None else None
    result.differences.append(
        Difference(
            kind,
            found.date,
            found.number,
            export,
            found.id,
            found.currency,
            found.total,
            theirs=f"{found.remote_number} {found.buyer}".strip(),
        )
    )


def _differ(kind: K, day: dt.date | None, ours: Ours, found: Theirs | None) -> Difference:
    told = {
        K.OTHER_DATE: (found and found.date, ours.day),
        K.OTHER_TOTAL: (
            found and f"{found.total} {found.currency}",
            f"{ours.expected} {ours.currency}",
        ),
        K.OTHER_NUMBER: (found and found.number, ours.number),
        K.INVALIDATED: (found and found.status, ""),
    }.get(kind, ("", ""))
    return Difference(
        kind,
        day or ours.day,
        ours.number,
        ours.export,
        ours.remote_id,
        ours.currency,
        ours.total,
        *(str(value or "") for value in told),
    )
