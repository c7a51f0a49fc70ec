"""Figures in the notation of the language that is active."""

from __future__ import annotations

from decimal import Decimal

from django.utils.formats import number_format
from django.utils.translation import gettext as _t
from django.utils.translation import ngettext


def count(value: int) -> str:
    return number_format(value, use_l10n=True, force_grouping=True)


def percent(value: float | None) -> str:
    return "–" if value is None else f"{_tenths(value)} %"


def _tenths(value: float) -> str:
    # `number_format` cuts what it does not show.
    return number_format(Decimal(value).quantize(Decimal("0.1")), decimal_pos=1)


def points(value: float) -> str:
    return _t("%(number)s points") % {"number": _tenths(value)}


def duration(seconds: float | None) -> str:
    """A time as short as people say it; of its two largest units at most."""
    if seconds is None:
        return "–"
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min"
    days, hours = divmod(round(seconds / 3600), 24)
    return ngettext("%(days)d day %(hours)d h", "%(days)d days %(hours)d h", days) % {
        "days": days,
        "hours": hours,
    }
