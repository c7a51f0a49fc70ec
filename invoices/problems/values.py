"""The values of a problem as people read them: percentages and days in their own language."""

from __future__ import annotations

import datetime as dt

from django.utils.formats import date_format

from integrations import percents

#: Value and what was expected are percentages without their sign.
_OF_PERCENTS = {
    "vat_rate_not_finnish",
    "vat_rate_other_date",
    "vat_percent_not_in_use",
    "cash_discount_too_high",
}
#: The values are days; of a cause that many invoices share, the month.
_OF_DAYS = {"period_closed", "due_date_before_date"}


def shown_value(code: str, value: str) -> str:
    """A value of a problem with this code in the active language."""
    if code in _OF_PERCENTS:
        return percents.localised(value)
    return _day(value) if code in _OF_DAYS else percents.in_sentence(value)


def _day(value: str) -> str:
    """Also a month, YYYY-MM; anything else as it is."""
    try:
        if len(value) == 7:
            return date_format(dt.date.fromisoformat(f"{value}-01"), "n/Y")
        return date_format(dt.date.fromisoformat(value), "SHORT_DATE_FORMAT")
    except ValueError:
        return value
