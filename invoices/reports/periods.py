"""The periods management asks for, and the one before each. Pure: today is given."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

PRESETS = {
    "today": _("Today"),
    "yesterday": _("Yesterday"),
    "week": _("This week"),
    "month": _("This month"),
    "last_month": _("Last month"),
    "year": _("This year"),
}
_DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Period:
    """Whole days, the last one included."""

    first: dt.date
    last: dt.date

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1


def preset(name: str, today: dt.date) -> Period:
    """The period of that name up to today, weeks from Monday. Raises KeyError for another."""
    month = today.replace(day=1)
    return {
        "today": Period(today, today),
        "yesterday": Period(today - _DAY, today - _DAY),
        "week": Period(today - today.weekday() * _DAY, today),
        "month": Period(month, today),
        "last_month": Period((month - _DAY).replace(day=1), month - _DAY),
        "year": Period(today.replace(month=1, day=1), today),
    }[name]


def before(period: Period, name: str = "") -> Period:
    """What to compare with: the same part of the week, month or year before for those presets,
    else as many days directly before."""
    if name == "week":
        return Period(period.first - 7 * _DAY, period.last - 7 * _DAY)
    if name == "month":
        first = (period.first - _DAY).replace(day=1)
        return Period(first, min(first + (period.days - 1) * _DAY, period.first - _DAY))
    if name == "last_month":
        return Period((period.first - _DAY).replace(day=1), period.first - _DAY)
    if name == "year":
        first = period.first.replace(year=period.first.year - 1)
        return Period(first, min(first + (period.days - 1) * _DAY, period.first - _DAY))
    return Period(period.first - period.days * _DAY, period.first - _DAY)
