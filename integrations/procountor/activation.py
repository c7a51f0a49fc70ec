"""What we read from Procountor's answers about activation requests.

Source: REFERENCE section 4.3; contract.json, the models whose names begin with ApiIntegration.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from .schemas import inside, integer, objects, text

Json = Mapping[str, Any]


@dataclass(frozen=True)
class ActivationCompany:
    """A company in which the customer wants the integration."""

    id: int
    name: str
    business_id: str
    country: str
    accounting_office: str

    @classmethod
    def read(cls, data: Json) -> Self:
        """Raises ValueError when there is no integer id."""
        return cls(
            id=_id(data),
            name=text(inside(data, "extraInfo", "companyName")),
            business_id=text(inside(data, "extraInfo", "businessIdentifier", "code")),
            country=text(inside(data, "extraInfo", "country")),
            accounting_office=text(inside(data, "extraInfo", "accountingOfficeName")),
        )


@dataclass(frozen=True)
class Activation:
    """An activation request. `expires` is as Procountor writes it: its form is not documented;
    name and e-mail of the initiator are "" without the person's consent."""

    integration_id: str
    expires: str
    initiator_name: str
    initiator_email: str
    companies: tuple[ActivationCompany, ...]

    @classmethod
    def read(cls, data: Json) -> Self:
        """Raises ValueError for a company without an integer id."""
        companies = objects(data, "companiesToIntegrate")
        return cls(
            integration_id=text(data.get("integrationId")),
            expires=text(data.get("expires")),
            initiator_name=text(inside(data, "initiator", "userFullName")),
            initiator_email=text(inside(data, "initiator", "email")),
            companies=tuple(ActivationCompany.read(item) for item in companies),
        )


@dataclass(frozen=True)
class ActivationKey:
    """The key that an approval brought: the existing one where the technical user was there."""

    company_id: int
    api_key: str = field(repr=False)


@dataclass(frozen=True)
class ActivationAnswer:
    """The answer to a decision; what has no company id or no key is left out."""

    integration_id: str
    keys: tuple[ActivationKey, ...]

    @classmethod
    def read(cls, data: Json) -> Self:
        keys = (
            ActivationKey(company_id, api_key)
            for item in objects(data, "companiesIntegrated")
            if (company_id := integer(item.get("companyId"))) is not None
            and isinstance(api_key := item.get("apiKey"), str)
            and api_key
        )
        return cls(text(data.get("integrationId")), tuple(keys))


@dataclass(frozen=True)
class IntegrationCustomer:
    """What became of the integration in a company, such as APPROVED or DELETED."""

    company_id: int
    status: str

    @classmethod
    def read(cls, data: Json) -> Self:
        """Raises ValueError when there is no integer id."""
        return cls(_id(data), text(data.get("integrationVersionStatus")))


def _id(data: Json) -> int:
    company_id = integer(data.get("companyId"))
    if company_id is None:
        raise ValueError("a company without an integer id")
    return company_id
