"""What people do in Procountor's own interface, as an API client sees it."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
import requests

from integrations.sandbox import by_hand


def found(api, **query):
    answer = api.get("/invoices?" + urlencode({"size": 200, "orderById": "ASC"} | query))
    return {hit["id"]: hit for hit in answer.json()["results"]}


def test_entered_invoice_is_another_users_and_found_by_date(api, sandbox, company):
    entered = by_hand.enter(
        sandbox, company, number="K-1", date="2026-03-05", total="10.00", currency="SEK"
    )

    hit = found(api, startDate="2026-03-05", endDate="2026-03-05")[entered["id"]]

    assert (hit["originalInvoiceNumber"], hit["date"]) == ("K-1", "2026-03-05")
    assert hit["creatorId"] == company.user_id + 1
    assert [entry["currency"] for entry in hit["invoiceSumInfo"]] == ["SEK", "EUR"]


def test_changed_invoice_is_found_by_its_version(api, sandbox, company):
    first = api.created()
    by_hand.change(sandbox, company, first["id"], total="99.00", date="2026-03-09")
    version = api.get(f"/invoices/{first['id']}").json()["version"]

    changed = found(api, versionStartDate=version)

    assert version > first["version"]
    assert changed[first["id"]]["date"] == "2026-03-09"
    assert changed[first["id"]]["invoiceSumInfo"][0]["invoiceSumTotal"] == 99


@pytest.mark.parametrize("shown", [False, True])
def test_deleted_invoice_is_gone_or_called_deleted(api, sandbox, company, shown):
    sandbox.shows_deleted = shown
    saved = api.created()

    by_hand.delete(sandbox, company, saved["id"])

    hit = found(api).get(saved["id"])
    assert (hit["status"] if hit else None) == ("DELETED" if shown else None)
    assert api.created()["id"] == saved["id"] + 1


def test_other_processes_enter_change_and_delete(server, company, sandbox):
    def act(**fields):
        url = f"{server.address}/_sandbox/companies/{company.id}/invoices"
        return requests.post(url, json=fields, timeout=10)

    made = act(action="enter", number="X-1", total="5.00").json()
    assert act(action="change", id=made["id"], status="INVALIDATED").status_code == 200
    assert sandbox.ledger()[0]["status"] == "INVALIDATED"
    assert act(action="delete", id=made["id"]).status_code == 200
    assert sandbox.ledger() == []

    assert act(action="delete", id=made["id"]).status_code == 400
    assert act(action="paint").status_code == 400
