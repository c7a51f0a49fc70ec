"""Gaps in a tenant's running invoice numbers. Pure.

A number is a prefix and running digits at its end. Procountor's own numbers are not looked at:
only the source's, which is where an invoice that never reached us would be missing.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

_DIGITS = "0123456789"
_LONGEST = 15
#: Fewer numbers than this are no series.
_FEWEST = 3
#: A jump further than this is the beginning of another series.
_FURTHEST = 1000
#: And between two years this one.
_FURTHEST_YEAR = 100

#: A prefix and how many digits follow it.
Shape = tuple[str, int]


@dataclass(frozen=True)
class Gap:
    """The numbers `first` to `last` that nobody has seen, between two that are there. `day` is
    the date of the number after them."""

    first: str
    last: str
    count: int
    before: str
    after: str
    day: dt.date

    def numbers(self) -> list[str]:
        prefix, digits = split(self.first) or ("", "0")
        return [f"{prefix}{int(digits) + step:0{len(digits)}d}" for step in range(self.count)]


def split(number: str) -> tuple[str, str] | None:
    """Prefix and digits; None for a number that does not end in digits."""
    digits = number[len(number.rstrip(_DIGITS)) :][-_LONGEST:]
    return (number[: -len(digits)], digits) if digits else None


def shape_of(number: str) -> Shape | None:
    parts = split(number)
    return (parts[0], len(parts[1])) if parts else None


def running_shapes(numbers: Iterable[str]) -> frozenset[Shape]:
    """The shapes that at least three of the numbers have."""
    counts: dict[Shape, int] = defaultdict(int)
    for number in numbers:
        shape = shape_of(number)
        if shape is not None:
            counts[shape] += 1
    return frozenset(shape for shape, count in counts.items() if count >= _FEWEST)


def gaps(numbers: Iterable[tuple[str, dt.date]]) -> list[Gap]:
    """The gaps in (number, invoice date), the earliest first.

    A year's first number that goes back or leaps is a restart and no gap. Numbers of which more
    are missing than there (such with a check digit, or of a source that gives most of its numbers
    to something else) are no running series.
    """
    series: dict[str, dict[int, tuple[str, dt.date]]] = defaultdict(dict)
    for number, day in numbers:
        parts = split(number)
        if parts is not None:
            series[parts[0]].setdefault(int(parts[1]), (number, day))
    found = [gap for prefix, known in series.items() for gap in _gaps_of(prefix, known)]
    return sorted(found, key=lambda gap: (gap.day, gap.first))


def _gaps_of(prefix: str, known: dict[int, tuple[str, dt.date]]) -> list[Gap]:
    found = []
    for run in _runs(known):
        missing = run[-1] - run[0] + 1 - len(run)
        if len(run) >= _FEWEST and 0 < missing <= len(run):
            found += [
                _gap(prefix, before, after, known)
                for before, after in pairwise(run)
                if after - before > 1
            ]
    return found


def _runs(known: dict[int, tuple[str, dt.date]]) -> Iterator[list[int]]:
    """Ascending numbers of one series each."""
    run: list[int] = []
    for value in sorted(known):
        if run and _is_restart(run[-1], value, known):
            yield run
            run = []
        run.append(value)
    if run:
        yield run


def _is_restart(before: int, after: int, known: dict[int, tuple[str, dt.date]]) -> bool:
    """Whether the two belong to different series: the lower number is of a later year, or the
    higher one lies too far off."""
    if after - before == 1:
        return False
    first, second = known[before][1].year, known[after][1].year
    return first > second or after - before > (_FURTHEST if first == second else _FURTHEST_YEAR)


def _gap(prefix: str, before: int, after: int, known: dict[int, tuple[str, dt.date]]) -> Gap:
    (earlier, _day), (later, day) = known[before], known[after]
    width = len(earlier) - len(prefix)
    return Gap(
        first=f"{prefix}{before + 1:0{width}d}",
        last=f"{prefix}{after - 1:0{width}d}",
        count=after - before - 1,
        before=earlier,
        after=later,
        day=day,
    )
