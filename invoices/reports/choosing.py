"""What a reader has chosen to see, as an address carries it: period, tenant, and which exports.

An address says everything, so that it can be kept and passed on; what it says wrongly is told
and left aside.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any
from urllib.parse import urlencode

from django.utils import timezone
from django.utils.translation import gettext as _t

from integrations.models import Tenant
from invoices.report_models import FactState
from invoices.reports.periods import PRESETS, Period, preset

#: By which day the period counts.
DAYS = ("exported", "taken")


@dataclass(frozen=True)
class Chosen:
    """`period` is "" for free days, a name of PRESETS or "all"; empty texts choose everything.
    By the day of export only what is exported is chosen."""

    period: str = ""
    first: dt.date | None = None
    last: dt.date | None = None
    day: str = "exported"
    tenant: int | None = None
    state: str = ""
    first_try: str = ""
    currency: str = ""
    q: str = ""
    #: "yes" for readers who may not find people by their names.
    no_people: str = ""

    @property
    def days(self) -> Period | None:
        """None for all days there are."""
        if self.first is None or self.last is None:
            return None
        return Period(self.first, self.last)

    def params(self) -> dict[str, str]:
        """What an address says of it: a preset by its name, so that it moves on with the days."""
        found: dict[str, str] = {}
        for name in (field.name for field in fields(self)):
            value: Any = getattr(self, name)
            if name in ("first", "last"):
                if value is not None and not self.period:
                    found["from" if name == "first" else "to"] = value.isoformat()
            elif value not in ("", None) and not (name == "day" and value == "exported"):
                found[name] = str(value)
        return found

    def query(self) -> str:
        return urlencode(self.params())

    def fixed(self) -> Chosen:
        """The same with days that stay."""
        return replace(self, period="") if self.days else self


def today() -> dt.date:
    return timezone.localdate(timezone=timezone.get_default_timezone())


def preset_days(name: str) -> Period:
    return preset(name, today())


def read(params: Mapping[str, str], *, default: str = "month") -> tuple[Chosen, list[str]]:
    """What an address chooses, and sentences about what in it cannot be."""
    wrong: list[str] = []
    period, first, last = _days(params, default, wrong)

    def one_of(name: str, allowed: Any, label: str) -> str:
        value = params.get(name, "")
        if value and value not in allowed:
            wrong.append(
                _t("%(field)s: “%(value)s” is none of the choices.")
                % {
                    "field": label,
                    "value": value[:40],
                }
            )
            return ""
        return value

    state = one_of("state", FactState.values, _t("State"))
    day = one_of("day", DAYS, _t("Day")) or "exported"
    return Chosen(
        period,
        first,
        last,
        # What is not exported has no other day than that of intake.
        "taken" if state not in ("", FactState.EXPORTED) else day,
        _tenant(params.get("tenant", ""), wrong),
        state,
        one_of("first_try", ("yes", "no"), _t("First pass")),
        _currency(params.get("currency", ""), wrong),
        params.get("q", "").strip()[:100].replace("\x00", ""),
        "yes" if params.get("no_people") == "yes" else "",
    ), wrong


def _days(
    params: Mapping[str, str], default: str, wrong: list[str]
) -> tuple[str, dt.date | None, dt.date | None]:
    first = _day(params.get("from", ""), _t("First day"), wrong)
    last = _day(params.get("to", ""), _t("Last day"), wrong)
    name = params.get("period", "")
    if name == "all" and not (first or last):
        return "all", None, None
    if name not in PRESETS:
        if name not in ("", "all"):
            wrong.append(_t("Period: “%(value)s” is none of the choices.") % {"value": name[:40]})
        if first and last and first > last:
            wrong.append(_t("First day: it is after the last day. Give the earlier day first."))
            first = last = None
        if first or last:
            return "", first or last, last or max(today(), first or today())
        name = default
        if name == "all":
            return "all", None, None
    found = preset(name, today())
    return name, found.first, found.last


def _day(typed: str, label: str, wrong: list[str]) -> dt.date | None:
    """A day as the form writes it (ISO) or as people do (1.9.2026)."""
    if not typed:
        return None
    for form in ("%Y-%m-%d", "%d.%m.%Y"):
        try:
            found = dt.datetime.strptime(typed, form).date()
        except ValueError:
            continue
        if 2000 <= found.year <= 2200:
            return found
    wrong.append(
        _t("%(field)s: “%(value)s” is not a day. Write it like 1.9.2026.")
        % {"field": label, "value": typed[:40]}
    )
    return None


def _tenant(typed: str, wrong: list[str]) -> int | None:
    if not typed:
        return None
    is_number = typed.isascii() and typed.isdecimal() and len(typed) < 19
    if is_number and Tenant.objects.filter(pk=int(typed)).exists():
        return int(typed)
    wrong.append(_t("Tenant: there is none with the number “%(value)s”.") % {"value": typed[:40]})
    return None


def _currency(typed: str, wrong: list[str]) -> str:
    if not typed or (len(typed) == 3 and typed.isascii() and typed.isalpha()):
        return typed.upper()
    wrong.append(
        _t("Currency: “%(value)s” is not a code of three letters.") % {"value": typed[:40]}
    )
    return ""
