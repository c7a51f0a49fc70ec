"""Activation requests, over the wire."""

import pytest
import requests

from integrations.sandbox.activation_calls import INTEGRATION_ID


@pytest.fixture
def integrator(sandbox, company):
    sandbox.activations.integrator_id = company.id
    return company


@pytest.fixture
def customers(sandbox, integrator):
    return [
        sandbox.add_company(name="Alfa Oy", business_id="2077474-0"),
        sandbox.add_company(name="Beta Oy", business_id="0112038-9"),
    ]


@pytest.fixture
def activation(sandbox, customers):
    return sandbox.activate(
        *customers,
        initiator={"email": "maija@example.com", "userFullName": "Maija Mallikas"},
        accounting_office="Tilitoimisto Oy",
    )


def decide(api, activation, approve=(), reject=()):
    body = {
        "approve": list(approve),
        "reject": [{"companyId": id_, "reason": reason} for id_, reason in reject],
    }
    return api.call("PUT", f"/integrations/{activation.id}", body)


def test_request_names_companies_office_and_initiator(api, activation, customers):
    found = api.get(f"/integrations/{activation.id}").json()

    assert (found["integrationId"], found["initiator"]["userFullName"]) == (
        INTEGRATION_ID, "Maija Mallikas",
    )  # fmt: skip
    assert [item["companyId"] for item in found["companiesToIntegrate"]] == [
        company.id for company in customers
    ]
    assert found["companiesToIntegrate"][0]["extraInfo"] == {
        "companyName": "Alfa Oy",
        "country": "FINLAND",
        "accountingOfficeName": "Tilitoimisto Oy",
        "businessIdentifier": {"brnType": "FI", "code": "2077474-0"},
    }


def test_approval_gives_a_working_key_and_the_same_one_again(api, make_api, activation, customers):
    alfa, beta = customers
    first = decide(api, activation, [alfa.id], [(beta.id, "Ei sopimusta")]).json()
    again = decide(api, activation, [alfa.id], [(beta.id, "Ei sopimusta")]).json()

    assert first == again
    ((company_id, key),) = [tuple(item.values()) for item in first["companiesIntegrated"]]
    assert (company_id, key != alfa.api_key) == (alfa.id, True)
    assert make_api(alfa, log_in=False).token(api_key=key).status_code == 200


def test_another_decision_after_the_first_is_not_taken(api, activation, customers):
    ids = [company.id for company in customers]
    decide(api, activation, ids)

    assert decide(api, activation, reject=[(id_, "x") for id_ in ids]).status_code == 404


def test_decision_is_taken_once_where_the_sandbox_says_so(api, sandbox, activation, customers):
    sandbox.activations.is_decided_once = True
    ids = [company.id for company in customers]

    assert [decide(api, activation, ids).status_code for _ in range(2)] == [200, 404]


@pytest.mark.parametrize(
    ("approve", "reject"),
    [
        ([], []),
        ([0], []),
        ([0, 1, 99], []),
        ([0, 0, 1], []),
        ([0, 1], [(1, "both")]),
        ([0], [(1, "x" * 256)]),
        ([0, True], []),
    ],
)
def test_decision_that_does_not_cover_exactly_has_no_effect(
    api, sandbox, activation, customers, approve, reject
):
    ids = {0: customers[0].id, 1: customers[1].id}
    approve = [id_ if id_ is True else ids.get(id_, id_) for id_ in approve]

    answer = decide(api, activation, approve, [(ids[n], reason) for n, reason in reject])

    assert (answer.status_code, activation.decisions) == (400, {})


def test_only_the_integrators_own_company_may_ask(make_api, activation, customers):
    stranger = make_api(customers[0])

    asked = [
        stranger.get(f"/integrations/{activation.id}"),
        decide(stranger, activation, [company.id for company in customers]),
        stranger.get(f"/integrations/{INTEGRATION_ID}/customers"),
    ]

    assert [answer.status_code for answer in asked] == [403, 403, 403]


def test_unknown_request_is_404_and_an_expired_one_410(api, sandbox, activation, customers):
    assert api.get("/integrations/1").status_code == 404
    sandbox.activations.expire(activation.id)

    assert api.get(f"/integrations/{activation.id}").status_code == 410
    assert decide(api, activation, [company.id for company in customers]).status_code == 410


def test_customers_show_what_became_of_the_integration(api, sandbox, activation, customers):
    alfa, beta = customers
    decide(api, activation, [alfa.id], [(beta.id, "Ei sopimusta")])
    sandbox.activations.set_status(alfa.id, "DELETED")

    found = api.get(f"/integrations/{INTEGRATION_ID}/customers").json()

    assert {item["companyId"]: item["integrationVersionStatus"] for item in found} == {
        alfa.id: "DELETED",
        beta.id: "REJECTED",
    }
    assert api.get("/integrations/another/customers").status_code == 403


def test_control_interface_plays_the_customers_part(server, api, sandbox, customers):
    def ask(path, body):
        url = f"{server.address}/_sandbox/{path}"
        return requests.post(url, json=body, timeout=10)

    integrator = ask("integrator", {"company_id": api.company.id}).json()
    made = ask("activations", {"companies": [customers[0].id], "lifetime_seconds": 60.5}).json()
    assert integrator["id"] == api.company.id
    assert api.get(f"/integrations/{made['requestId']}").status_code == 200
    assert ask("customers", {"company_id": customers[0].id, "status": "DELETED"}).ok
    assert ask(f"activations/{made['requestId']}/expire", {}).ok
    assert api.get(f"/integrations/{made['requestId']}").status_code == 410

    for path, body in (
        ("activations", {}),
        ("activations", {"companies": [1]}),
        ("activations", {"companies": [customers[0].id], "colour": "red"}),
        ("activations/x/expire", {}),
        ("activations/1/expire", {}),
        ("integrator", {}),
        ("customers", {"company_id": customers[0].id, "status": "GONE"}),
    ):
        assert ask(path, body).status_code == 400, path
