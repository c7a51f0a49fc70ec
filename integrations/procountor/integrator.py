"""The calls only the integrator's own company may make: activation requests of its customers.

Source: REFERENCE section 4.3; contract.json, group "integrations".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import quote

import simplejson

from .activation import Activation, ActivationAnswer, IntegrationCustomer
from .answers import data_of, unusable
from .client import ProcountorClient
from .schemas import objects

#: Procountor's limit for the reason of a rejection.
LONGEST_REASON_CHARACTERS = 255


class IntegratorClient(ProcountorClient):
    """Acts with the API key of our own company, which owns the integration."""

    def activation(self, request_id: int) -> Activation:
        """`GET /integrations/{requestId}`.

        Raises Rejected with status 403 (not our company's integration), 404 (unknown, or of the
        other environment) or 410 (expired).
        """
        path = f"/integrations/{int(request_id)}"
        answer = self._call("GET", path)
        data = data_of(answer, f"GET {path}")
        if not isinstance(data, dict) or not isinstance(data.get("companiesToIntegrate"), list):
            raise unusable(answer, "no_companies", f"GET {path}")
        try:
            return Activation.read(data)
        except ValueError:
            error = unusable(answer, "no_id", f"GET {path}")
        raise error

    def decide_activation(
        self, request_id: int, *, approve: Iterable[int], reject: Mapping[int, str]
    ) -> ActivationAnswer:
        """`PUT /integrations/{requestId}`: approve companies, reject others with a reason each.

        Together they must be exactly the requested companies, else Rejected with status 400. A
        200 that does not list the companies is OutcomeUnknown. Repeating a decision whose answer
        was lost brings the same keys again: Procountor answers with the existing key of a
        technical user that is there already. Raises ValueError for a reason beyond 255
        characters, before any request.
        """
        if any(len(reason) > LONGEST_REASON_CHARACTERS for reason in reject.values()):
            raise ValueError(f"a reason may have at most {LONGEST_REASON_CHARACTERS} characters")
        approved = sorted(approve)
        body = {
            "approve": approved,
            "reject": [{"companyId": id_, "reason": reason} for id_, reason in reject.items()],
        }
        path = f"/integrations/{int(request_id)}"
        content = simplejson.dumps(body, ensure_ascii=False).encode()
        answer = self._call("PUT", path, data=content, content_type="application/json")
        data = data_of(answer, f"PUT {path}")
        listed = isinstance(data, dict) and isinstance(data.get("companiesIntegrated"), list)
        if not isinstance(data, dict) or (approved and not listed):
            raise unusable(answer, "no_companies", f"PUT {path}")
        return ActivationAnswer.read(data)

    def integration_customers(self, integration_id: str) -> list[IntegrationCustomer]:
        """`GET /integrations/{integrationId}/customers`.

        Declared as one object and described as a list: both are accepted.
        """
        path = f"/integrations/{quote(integration_id, safe='')}/customers"
        answer = self._call("GET", path)
        during = "GET /integrations/{integrationId}/customers"
        data = data_of(answer, during)
        if not isinstance(data, (list, dict)):
            raise unusable(answer, "not_json", during)
        items = objects({"customers": data if isinstance(data, list) else [data]}, "customers")
        try:
            return [IntegrationCustomer.read(item) for item in items]
        except ValueError:
            error = unusable(answer, "no_id", during)
        raise error
