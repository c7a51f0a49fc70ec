"""Finnish working days, with the holidays and the eves on which offices are closed."""

from __future__ import annotations

import datetime as dt

import holidays

_FINLAND = holidays.country_holidays("FI")


def is_working_day(day: dt.date) -> bool:
    return day.weekday() < 5 and day not in _FINLAND


def working_days_before(day: dt.date, count: int) -> dt.date:
    """The latest day from which `count` whole working days have passed before `day` begins."""
    while count:
        day -= dt.timedelta(days=1)
        count -= is_working_day(day)
    return day - dt.timedelta(days=1)
