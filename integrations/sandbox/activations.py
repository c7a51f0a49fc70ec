"""Activation requests and what became of them (REFERENCE section 4.3).

What the customer does in Procountor's own pages (terms, choice of companies) is
`Sandbox.activate`, or the control interface's `activations`.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from .company import SandboxCompany
from .validation import contract
from .wire import Json

FIRST_REQUEST_ID = 500_001
#: The true one is not known.
LIFETIME_SECONDS = 7 * 24 * 3600


@dataclass
class Activation:
    """One activation request; `decisions` maps company ids to "" (approved) or a reason."""

    id: int
    companies: list[SandboxCompany]
    expires_at: float
    initiator: Json | None
    accounting_office: str
    decisions: dict[int, str] = field(default_factory=dict)

    @property
    def is_expired(self) -> bool:
        return time.time() >= self.expires_at


class Activations:
    """All requests, and what became of the integration in each company.

    `integrator_id` is the company that owns the integration: the only one that may ask. A
    decision may be repeated unless `is_decided_once` (whether Procountor lets it is unknown).
    """

    def __init__(self, lock: threading.RLock) -> None:
        self._lock = lock
        self.is_decided_once = False
        self.clear()

    def clear(self) -> None:
        with self._lock:
            self.integrator_id: int | None = None
            self.requests: dict[int, Activation] = {}
            self.customers: dict[int, str] = {}

    def add(
        self,
        companies: list[SandboxCompany],
        initiator: Json | None,
        accounting_office: str,
        lifetime_seconds: float,
    ) -> Activation:
        with self._lock:
            made = Activation(
                FIRST_REQUEST_ID + len(self.requests),
                companies,
                time.time() + lifetime_seconds,
                initiator,
                accounting_office,
            )
            self.requests[made.id] = made
            self.customers |= {company.id: "PENDING_APPROVAL" for company in companies}
        return made

    def expire(self, request_id: int) -> None:
        """Raises ValueError when there is no such request."""
        with self._lock:
            self.found(request_id).expires_at = time.time()

    def set_status(self, company_id: int, status: str) -> None:
        """What the customer or Procountor does with the integration later, such as DELETED.

        Raises ValueError for a status that the contract does not have.
        """
        model = contract()["models"]["ApiIntegrationCustomer"]
        if status not in model["fields"]["integrationVersionStatus"]["enum"]:
            raise ValueError(f"There is no status {status}.")
        with self._lock:
            self.customers[company_id] = status

    def found(self, request_id: int) -> Activation:
        activation = self.requests.get(request_id)
        if activation is None:
            raise ValueError(f"There is no activation request {request_id}.")
        return activation
