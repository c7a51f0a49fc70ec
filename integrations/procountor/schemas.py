"""What we read from Procountor's answers, and nothing more.

Unknown fields are ignored, missing ones are None, empty or "". Amounts and percentages are
Decimal; answers come from `simplejson` with use_decimal, so no float is ever made.
Source: contract.json, models of the same names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Self

Json = Mapping[str, Any]
#: A date, where a field is called so.
Day = date

#: `GET /vats/default` declares the country as a plain string: a code or a name may come.
_COUNTRY_CODES = {"FI": "FINLAND", "SE": "SWEDEN", "NO": "NORWAY", "DK": "DENMARK"}


def integer(value: object) -> int | None:
    """An id or number; None for anything else, also for true and false."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def text(value: object) -> str:
    return "" if value is None else str(value)


def amount(value: object) -> Decimal | None:
    """An exact decimal; None for what is not a finite number."""
    if isinstance(value, bool) or not isinstance(value, (int, str, Decimal)):
        return None
    try:
        found = Decimal(value)
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def day(value: object) -> date | None:
    """The date of YYYY-MM-DD, also when a time follows."""
    try:
        return date.fromisoformat(text(value)[:10])
    except ValueError:
        return None


def inside(data: object, *path: str) -> Any:
    """The value at a path of objects, None as soon as a step is missing."""
    for step in path:
        if not isinstance(data, Mapping):
            return None
        data = data.get(step)
    return data


def objects(data: object, *path: str) -> list[dict[str, Any]]:
    """The objects of the list at a path; [] when it is missing."""
    found = inside(data, *path)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


@dataclass(frozen=True)
class SessionInfo:
    """Whom the access token acts for."""

    company_id: int | None
    company_name: str
    product_version: str
    user_id: int | None
    user_name: str

    @classmethod
    def read(cls, data: Json) -> Self:
        return cls(
            company_id=integer(data.get("companyId")),
            company_name=text(data.get("name")),
            product_version=text(data.get("productVersion")),
            user_id=integer(data.get("userId")),
            user_name=text(data.get("userName")),
        )


@dataclass(frozen=True)
class UserRights:
    """The rights of the token's user; which one is needed for what: REFERENCE section 5."""

    role: str
    rights: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, data: Json) -> Self:
        rights = data.get("rights")
        return cls(text(data.get("role")), rights if isinstance(rights, dict) else {})

    def level(self, path: str) -> str:
        """The level at a dotted path such as "sales.salesInvoiceSearch"; "" when not told."""
        return text(inside(self.rights, *path.split(".")))

    def flag(self, path: str) -> bool:
        """Whether the switch at a dotted path is on; a missing switch is off."""
        return inside(self.rights, *path.split(".")) is True

    @property
    def may_create_invoices(self) -> bool:
        return self.level("sales.salesOrGroupInvoices") == "ALL_RIGHTS" and not self.flag(
            "accounting.preventCreatingEditingInvoices"
        )

    @property
    def may_search_invoices(self) -> bool:
        return self.level("sales.salesInvoiceSearch") in {"ALL_RIGHTS", "VIEWING_RIGHTS"}

    @property
    def sees_own_invoices_only(self) -> bool:
        return self.flag("sales.personalSalesInvoicesOnly")


@dataclass(frozen=True)
class Company:
    id: int | None
    name: str
    business_id: str
    operation_type: str
    currency: str

    @classmethod
    def read(cls, data: Json) -> Self:
        return cls(
            id=integer(data.get("id")),
            name=text(data.get("name")),
            business_id=text(inside(data, "businessIdentifier", "code")),
            operation_type=text(data.get("operationType")),
            currency=text(data.get("companyCurrency")),
        )


@dataclass(frozen=True)
class CompanyBankAccount:
    """An account of the tenant's; `iban` without spaces, `status` ACTIVE or INACTIVE."""

    id: int | None
    iban: str
    bic: str
    bank_name: str
    currency: str
    status: str
    default_for_invoice: bool

    @classmethod
    def read(cls, data: Json) -> Self:
        iban = data.get("iban") or data.get("accountNumber")
        return cls(
            id=integer(data.get("id")),
            iban="".join(text(iban).split()),
            bic=text(data.get("bic")),
            bank_name=text(data.get("bankName")),
            currency=text(data.get("currency")),
            status=text(data.get("status")),
            default_for_invoice=data.get("defaultForInvoice") is True,
        )


@dataclass(frozen=True)
class VatDefaults:
    """What the company may use on sales: percentages per country, statuses by number."""

    percents: dict[str, frozenset[Decimal]]
    statuses: dict[int, str]

    @classmethod
    def read(cls, data: Json) -> Self:
        percents = {
            _country(text(item.get("country"))): _sales_percents(item)
            for item in objects(data, "vatInformation")
        }
        statuses = {
            number: text(item.get("description"))
            for item in objects(data, "vatStatuses")
            if item.get("sales") is True and (number := integer(item.get("vatStatus"))) is not None
        }
        return cls(percents, statuses)

    def sales_percents(self, country: str = "FINLAND") -> frozenset[Decimal]:
        """The percentages usable on sales in a country, by name ("FINLAND") or code ("FI")."""
        return self.percents.get(_country(country), frozenset())


def _country(name: str) -> str:
    return _COUNTRY_CODES.get(name.upper(), name.upper())


def _sales_percents(country: Json) -> frozenset[Decimal]:
    found = (
        amount(item.get("vatPercent"))
        for item in objects(country, "percentages")
        if item.get("sales") is True
    )
    return frozenset(percent for percent in found if percent is not None)


@dataclass(frozen=True)
class TrackingPeriod:
    """A part of a year; `status` is OPEN, PENDING or CLOSED."""

    start: date | None
    end: date | None
    status: str


@dataclass(frozen=True)
class FiscalYear:
    start: date | None
    end: date | None
    is_open: bool
    periods: tuple[TrackingPeriod, ...] = ()

    @classmethod
    def read(cls, data: Json) -> Self:
        periods = tuple(
            TrackingPeriod(
                day(item.get("startDate")), day(item.get("endDate")), text(item.get("status"))
            )
            for item in objects(data, "trackingPeriods")
        )
        return cls(
            start=day(data.get("startDate")),
            end=day(data.get("endDate")),
            is_open=data.get("isOpen") is True,
            periods=periods,
        )


@dataclass(frozen=True)
class ServiceStatus:
    """Procountor's own health: `status` is OK, DEGRADED or FAILING."""

    status: str
    version: str
    procountor_version: str

    @classmethod
    def read(cls, data: Json) -> Self:
        return cls(
            status=text(data.get("status")),
            version=text(data.get("version")),
            procountor_version=text(data.get("procountorVersion")),
        )

    @property
    def is_ok(self) -> bool:
        return self.status == "OK"


@dataclass(frozen=True)
class RemoteInvoice:
    """An invoice as Procountor has it; `raw` is the whole answer.

    `gross_total` is in `currency`, the invoice's own: `invoiceSumInfo` has a second entry in
    the accounting currency when the two differ.
    """

    id: int
    invoice_number: int | None
    original_invoice_number: str
    invoice_type: str
    status: str
    date: date | None
    due_date: Day | None
    version: str
    ledger_receipt_id: int | None
    currency: str
    gross_total: Decimal | None
    buyer_name: str
    #: The user who created it.
    creator_id: int | None
    raw: dict[str, Any] = field(repr=False, hash=False)
    #: The answer as it came, when it was about this invoice alone.
    answered: str = field(default="", repr=False, hash=False)

    @classmethod
    def read(cls, data: dict[str, Any], answered: str = "") -> Self:
        """Raises ValueError when there is no integer id."""
        remote_id = integer(data.get("id"))
        if remote_id is None:
            raise ValueError("an invoice without an integer id")
        currency, gross_total = _total(data)
        return cls(
            id=remote_id,
            invoice_number=integer(data.get("invoiceNumber")),
            original_invoice_number=text(data.get("originalInvoiceNumber")),
            invoice_type=text(data.get("type")),
            status=text(data.get("status")),
            date=day(data.get("date")),
            due_date=day(inside(data, "paymentInfo", "dueDate") or data.get("dueDate")),
            version=text(data.get("version")),
            ledger_receipt_id=integer(data.get("ledgerReceiptId")),
            currency=currency,
            gross_total=gross_total,
            buyer_name=text(inside(data, "counterParty", "counterPartyAddress", "name")),
            creator_id=integer(data.get("creatorId")),
            raw=data,
            answered=answered,
        )


class CreatedInvoice(RemoteInvoice):
    """The answer to `POST /invoices`."""


class FoundInvoice(RemoteInvoice):
    """One hit of `GET /invoices`; carries less than the invoice itself."""


def _total(data: Json) -> tuple[str, Decimal | None]:
    sums = objects(data, "invoiceSumInfo")
    currency = text(inside(data, "paymentInfo", "currency"))
    if currency:
        fitting = [item for item in sums if item.get("currency") == currency]
    elif len(sums) == 1:
        fitting = sums
    else:
        fitting = [item for item in sums if item.get("inAccountingCurrency") is False]
    if len(fitting) != 1:
        return currency, None
    return currency or text(fitting[0].get("currency")), amount(fitting[0].get("invoiceSumTotal"))


@dataclass(frozen=True)
class InvoiceTransaction:
    """One event in an invoice's life, such as SEND or SENDING_ERROR_RECEIVED."""

    action: str
    name: str
    date: str
    details: str

    @classmethod
    def read(cls, data: Json) -> Self:
        return cls(*(text(data.get(name)) for name in ("action", "name", "date", "details")))
