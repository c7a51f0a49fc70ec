"""The integrator's calls about activation requests (REFERENCE section 4.3)."""

from __future__ import annotations

import datetime as dt
from typing import Any, TypeGuard

from .activations import Activation
from .books import HELSINKI
from .call import Call, needs_json
from .company import SandboxCompany
from .wire import Answer, Json, Refused, answer, error, refused

INTEGRATION_ID = "FLASHNODE-SANDBOX"
LONGEST_REASON = 255


def read(call: Call, request_id: str) -> Answer:
    """GET /integrations/{requestId}. That a decided one is still told is assumed."""
    activation = _asked_for(call, request_id)
    expires = dt.datetime.fromtimestamp(activation.expires_at, HELSINKI)
    body: Json = {
        "integrationId": INTEGRATION_ID,
        "expires": f"{expires:%Y-%m-%dT%H:%M:%S}",
        "companiesToIntegrate": [_company(company, activation) for company in activation.companies],
    }
    if activation.initiator:
        body["initiator"] = activation.initiator
    return answer(body)


def decide(call: Call, request_id: str) -> Answer:
    """PUT /integrations/{requestId}: one key for each approved company, the same one again."""
    activation = _asked_for(call, request_id)
    decisions = _decisions(needs_json(call))
    if set(decisions) != {company.id for company in activation.companies}:
        raise refused(400, "approve and reject must cover exactly the requested companies.")
    known = call.sandbox.activations
    if activation.decisions and (known.is_decided_once or decisions != activation.decisions):
        raise refused(404, "Not found")
    activation.decisions = decisions
    integrated = []
    for company in activation.companies:
        is_approved = not decisions[company.id]
        known.customers[company.id] = "APPROVED" if is_approved else "REJECTED"
        if is_approved:
            integrated.append({"companyId": company.id, "apiKey": company.technical_key()})
    return answer({"integrationId": INTEGRATION_ID, "companiesIntegrated": integrated})


def customers(call: Call, integration_id: str) -> Answer:
    """GET /integrations/{integrationId}/customers. A list, though declared as one object; 403
    for an integration that is not the caller's is assumed."""
    _needs_integrator(call)
    if integration_id != INTEGRATION_ID:
        raise refused(403, "Forbidden")
    known = call.sandbox.activations.customers
    return answer(
        [{"companyId": id_, "integrationVersionStatus": status} for id_, status in known.items()]
    )


def _asked_for(call: Call, request_id: str) -> Activation:
    _needs_integrator(call)
    activation = call.sandbox.activations.requests.get(int(request_id))
    if activation is None:
        raise refused(404, "Not found")
    if activation.is_expired:
        raise refused(410, "Gone")
    return activation


def _needs_integrator(call: Call) -> None:
    if call.company.id != call.sandbox.activations.integrator_id:
        raise refused(403, "Forbidden")


def _company(company: SandboxCompany, activation: Activation) -> Json:
    return {
        "companyId": company.id,
        "extraInfo": {
            "companyName": company.name,
            "country": company.country,
            "accountingOfficeName": activation.accounting_office,
            "businessIdentifier": {"brnType": "FI", "code": company.business_id},
        },
    }


def _decisions(body: object) -> dict[int, str]:
    """Company ids and reasons; the same company twice does not cover exactly."""
    approve, reject = (_listed(body, name) for name in ("approve", "reject"))
    problems = []
    decisions: dict[int, str] = {}
    for company_id in approve:
        if not _is_id(company_id) or company_id in decisions:
            problems.append(error("Value of the 'approve' field is invalid: ", "approve"))
        else:
            decisions[company_id] = ""
    for number, item in enumerate(reject):
        place = f"reject[{number}]"
        fields: dict[str, Any] = item if isinstance(item, dict) else {}
        company_id, reason = fields.get("companyId"), fields.get("reason", "")
        if not _is_id(company_id) or company_id in decisions:
            problems.append(error("Value of the 'companyId' field is invalid: ", place))
        elif not isinstance(reason, str) or len(reason) > LONGEST_REASON:
            problems.append(error("Value of the 'reason' field is invalid: ", f"{place}.reason"))
        else:
            decisions[company_id] = reason or "-"
    if problems:
        raise Refused(400, problems)
    return decisions


def _listed(body: object, name: str) -> list[object]:
    found = body.get(name) if isinstance(body, dict) else None
    if found is None and isinstance(body, dict):
        return []
    if not isinstance(found, list):
        raise refused(400, f"Value of the '{name}' field is invalid: ", name)
    return found


def _is_id(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)
