"""The rights radar: what one snapshot of a company says against what the tenant's flow needs, and
what differs between two snapshots. Pure: asks no database, no clock and no network.

A snapshot is the `reference_data` of a connection check. A part that is missing was not seen, and
nothing is said about it. Which right is needed for what: REFERENCE section 5.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from integrations.accounts import formatted

Snapshot = Mapping[str, Any]
#: {code, value} as `integrations.advice` puts it into words.
Warning = dict[str, str]

#: Without these levels the check is red. That viewing is enough to search is assumed; Procountor's
#: own guide gives all rights.
NEEDED_RIGHTS = {
    "sales.salesOrGroupInvoices": ("ALL_RIGHTS",),
    "sales.salesInvoiceSearch": ("ALL_RIGHTS", "VIEWING_RIGHTS"),
}
#: Kept beside these, so that a change is seen. Registers, accounting page and circulation are
#: nothing our flow is known to need, so the radar tells of changes and does not warn.
WATCHED_RIGHTS = (
    *NEEDED_RIGHTS,
    "sales.customerRegister",
    "sales.productRegister",
    "management.basicCompanyInfo",
    "invoiceCirculation.approval",
)
WATCHED_FLAGS = (
    "accounting.preventCreatingEditingInvoices",
    "sales.personalSalesInvoicesOnly",
    "accounting.preventEditingAccountingPage",
)
#: How long before the last open period ends the customer is told.
PERIOD_NOTICE_DAYS = 14
#: What a check has to have seen before it can say that a warning is gone.
_PARTS = ("rights", "accounts", "vat_percents", "vat_statuses", "periods", "operation_type")


@dataclass(frozen=True)
class Needs:
    """What a tenant's flow uses: percentages, numbers of VAT statuses and IBANs, besides the
    default status and the invoice account, whose absence makes the check red. The invoices'
    currencies are not in it: a company has no list of currencies that could lose one."""

    vat_percents: frozenset[Decimal] = frozenset()
    vat_statuses: frozenset[int] = frozenset()
    accounts: frozenset[str] = frozenset()
    is_production: bool = False

    def __or__(self, other: Needs) -> Needs:
        return Needs(
            self.vat_percents | other.vat_percents,
            self.vat_statuses | other.vat_statuses,
            self.accounts | other.accounts,
            self.is_production or other.is_production,
        )


class Change(NamedTuple):
    """One difference of two snapshots: `kind` and `name` say of what, the rest from what to
    what; "" is absent."""

    kind: str
    name: str
    old: str
    new: str


def warnings(needs: Needs, snapshot: Snapshot, today: dt.date) -> list[Warning]:
    """What will stop the tenant's exports and has not yet, each once, in the order of the steps.

    May tell what the check already shows as red: the caller leaves that out.
    """
    looks = (_rights(snapshot), _company(needs, snapshot), _accounts(needs, snapshot))
    found = [*(each for look in looks for each in look), *_vat(needs, snapshot)]
    return [{"code": code, "value": value} for code, value in [*found, *_periods(snapshot, today)]]


def is_complete(snapshot: Snapshot) -> bool:
    """Whether every part was seen, so that the absence of a warning means something."""
    return all(part in snapshot for part in _PARTS)


_Finding = tuple[str, str]


def _rights(snapshot: Snapshot) -> Iterator[_Finding]:
    rights = snapshot.get("rights")
    if rights is None:
        return
    for path, enough in NEEDED_RIGHTS.items():
        level = rights.get(path) or ""
        if level not in enough:
            yield "right_missing", f"{path} = {level or '–'}"
    if rights.get("sales.salesInvoiceSearch") == "VIEWING_RIGHTS":
        yield "search_right_narrow", ""
    if rights.get("accounting.preventCreatingEditingInvoices") is True:
        yield "creating_prevented", ""
    if rights.get("sales.personalSalesInvoicesOnly") is True:
        yield "sees_own_invoices_only", ""


def _company(needs: Needs, snapshot: Snapshot) -> Iterator[_Finding]:
    # That a trial ends by itself is assumed (REFERENCE section 6); in the test environment
    # companies may be trials for ever.
    if needs.is_production and snapshot.get("operation_type") == "TRIAL":
        yield "company_on_trial", ""
    currency = snapshot.get("currency")
    # `currencyRate` is 1 in the company's own currency only (REFERENCE section 13), and our
    # mapping takes that to be the euro.
    if currency and currency != "EUR":
        yield "company_currency", currency


def _accounts(needs: Needs, snapshot: Snapshot) -> Iterator[_Finding]:
    accounts = snapshot.get("accounts")
    if accounts is not None:
        for iban in sorted(needs.accounts):
            if accounts.get(iban) != "ACTIVE":
                yield "used_account_gone", formatted(iban)


def _vat(needs: Needs, snapshot: Snapshot) -> Iterator[_Finding]:
    percents, statuses = snapshot.get("vat_percents"), snapshot.get("vat_statuses")
    if percents is not None:
        in_use = {Decimal(percent) for percent in percents}
        # 0 % belongs to a status rather than to the company's rates, as in mapping.
        for percent in sorted(needs.vat_percents - in_use - {Decimal(0)}, reverse=True):
            yield "vat_percent_gone", f"{_plain(percent)} %"
    if statuses is not None:
        for status in sorted(needs.vat_statuses - {int(number) for number in statuses}):
            yield "used_vat_status_gone", str(status)


def _periods(snapshot: Snapshot, today: dt.date) -> Iterator[_Finding]:
    """The last day before the first one, of those to come soon, that no open period covers; a
    gap counts as well as the end of the books."""
    periods = snapshot.get("periods")
    if periods is None or not _is_open(periods, today):
        return
    for days in range(PERIOD_NOTICE_DAYS + 1):
        day = today + dt.timedelta(days=days)
        if not _is_open(periods, day + dt.timedelta(days=1)):
            yield "open_period_ends", f"{day.day}.{day.month}.{day.year}"
            return


def _is_open(periods: Iterable[Any], day: dt.date) -> bool:
    shown = day.isoformat()
    return any(is_open and start <= shown <= end for start, end, is_open in periods)


def changes(older: Snapshot, newer: Snapshot) -> list[Change]:
    """What differs; parts that one of the two has not seen are left out."""
    found = _differing("right", older.get("rights"), newer.get("rights"))
    for name in ("role", "operation_type", "product_version", "currency"):
        if name in older and name in newer:
            found += _differing(name, {"": older[name]}, {"": newer[name]})
    found += _differing("account", older.get("accounts"), newer.get("accounts"))
    found += _differing("vat_percent", _listed(older), _listed(newer))
    found += _differing("vat_status", older.get("vat_statuses"), newer.get("vat_statuses"))
    return found + _period_changes(older.get("periods"), newer.get("periods"))


def _differing(kind: str, older: Snapshot | None, newer: Snapshot | None) -> list[Change]:
    if older is None or newer is None:
        return []
    return [
        Change(kind, name, _word(older.get(name)), _word(newer.get(name)))
        for name in sorted({*older, *newer})
        if older.get(name) != newer.get(name)
    ]


def _listed(snapshot: Snapshot) -> dict[str, str] | None:
    percents = snapshot.get("vat_percents")
    if percents is None:
        return None
    return {f"{_plain(Decimal(percent))} %": "in_use" for percent in percents}


def _period_changes(older: Any, newer: Any) -> list[Change]:
    """Neighbouring periods with the same change are told as one."""
    if older is None or newer is None:
        return []
    before, after = ({(start, end): _state(o) for start, end, o in each} for each in (older, newer))
    spans: list[_Span] = []
    for start, end in sorted({*before, *after}):
        old, new = before.get((start, end), ""), after.get((start, end), "")
        if old == new:
            continue
        last = spans[-1] if spans else None
        if last and (last.old, last.new) == (old, new) and _next_day(last.end) == start:
            last.end = end
        else:
            spans.append(_Span(start, end, old, new))
    return [Change("period", f"{span.start}/{span.end}", span.old, span.new) for span in spans]


@dataclass
class _Span:
    start: str
    end: str
    old: str = field(default="")
    new: str = field(default="")


def _state(is_open: object) -> str:
    return "open" if is_open else "closed"


def _next_day(day: str) -> str:
    return (dt.date.fromisoformat(day) + dt.timedelta(days=1)).isoformat()


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return "" if value is None else str(value)


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"
