"""The reads about company and user: session, rights, company, accounts, VAT, years, currency."""

from __future__ import annotations

from .call import Call
from .paging import Query, page_of
from .validation import blank
from .wire import Answer, Refused, answer

_BASICS = "management.basicCompanyInfo"


def status(call: Call) -> Answer:
    return answer(
        {"name": "FlashnodeSandbox", "version": "26.04", "status": "OK", "procountorVersion": "-"}
    )


def session_info(call: Call) -> Answer:
    company = call.company
    return answer(
        {
            "companyId": company.id,
            "name": company.name,
            "country": company.country,
            "productVersion": "FINANCIALS_PREMIUM",
            "userId": company.user_id,
            "userName": f"{company.name} API",
            "companySettings": {"invoiceDiscussionEnabled": False},
        }
    )


def user_rights(call: Call) -> Answer:
    return answer({"role": "API technical user", "rights": call.company.rights})


def company(call: Call) -> Answer:
    call.needs_right(_BASICS, reading=True)
    found = call.company
    return answer(
        {
            "id": found.id,
            "name": found.name,
            "country": found.country,
            "productVersion": "FINANCIALS_PREMIUM",
            "operationType": found.operation_type,
            "businessIdentifier": {"brnType": "FI", "code": found.business_id},
            "companyCurrency": found.currency,
        }
    )


def bank_accounts(call: Call) -> Answer:
    call.needs_right(_BASICS, reading=True)
    return answer(page_of(call.company.bank_accounts, Query(call.request.query), order="ASC"))


def default_vats(call: Call) -> Answer:
    company = call.company
    percentages = [
        {"vatPercent": percent, "sales": True, "purchase": True} for percent in company.vat_percents
    ]
    statuses = [
        {"vatStatus": number, "description": text, "sales": True, "purchase": number != 3}
        for number, text in company.vat_statuses.items()
    ]
    return answer(
        {
            "vatInformation": [{"country": company.country, "percentages": percentages}],
            "vatStatuses": statuses,
        }
    )


def country_vats(call: Call) -> Answer:
    """GET /vats/country; the sandbox knows FI only and answers an empty list for others."""
    code = Query(call.request.query).text("countryCode")
    if not code:
        raise Refused(400, [blank("countryCode")])
    return answer({"vatPercentages": call.company.vat_percents if code == "FI" else []})


def fiscal_years(call: Call) -> Answer:
    return answer({"fiscalYears": call.company.fiscal_years})


def company_currency(call: Call) -> Answer:
    return answer({"companyCurrency": call.company.currency})
