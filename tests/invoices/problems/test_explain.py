"""What a panel says: the raw code, the value that was sent, and never a guess."""

import pytest

from invoices import problems
from invoices.document import Problem

BODY = """{"date": "2026-03-31", "vatStatus": 1, "paymentInfo": {"dueDate": "2026-03-01"},
"counterParty": {"identifier": "0112038-8"},
"invoiceRows": [{"vatPercent": 25.50}, {"vatPercent": 0, "vatStatus": 5}]}"""


@pytest.mark.parametrize(
    ("code", "field", "values"),
    [
        (
            "ERROR_VATSTATUS_VATPERC",
            "invoiceRows[1].vatStatus",
            [("invoiceRows[1].vatStatus", "5"), ("invoiceRows[1].vatPercent", "0")],
        ),
        (
            "ERROR_VATSTATUS_VATPERC",
            "invoiceRows[0].vatStatus",
            [("vatStatus", "1"), ("invoiceRows[0].vatPercent", "25.50")],
        ),
        (
            "DUE_DATE_BEFORE_BILL_DATE",
            "",
            [("date", "2026-03-31"), ("paymentInfo.dueDate", "2026-03-01")],
        ),
        ("CLOSED_FISCAL_PERIOD", "", [("date", "2026-03-31")]),
        ("ERROR_BRN_CODE", "counterParty.identifier", [("counterParty.identifier", "0112038-8")]),
        ("X", "invoiceRows[7].unit", [("invoiceRows[7].unit", "")]),
        ("X", "invoiceRows[x]..[", [("invoiceRows[x]..[", "")]),
        ("X", "", []),
    ],
)
def test_values_are_those_that_were_sent(code, field, values):
    assert list(problems.explain(Problem(code, field), BODY).values) == values


@pytest.mark.parametrize("body", ["", "no JSON", "[]", "null", "[" * 5000])
def test_odd_payload_is_no_error(body):
    found = problems.explain(Problem("X", "invoiceRows[0].unit"), body)

    assert [value for _path, value in found.values] in ([], [""])


def test_value_of_the_payload_is_in_the_words():
    found = problems.explain(Problem("Value of the 'date' field is invalid: too old", "date"), BODY)

    assert found.key == "Value of the '<field>' field is invalid: "
    assert found.cause.endswith("in the field date. Its own explanation: too old")
    assert ("English", "Procountor does not accept “2026-03-31” in date. Please correct it.") in (
        found.customer
    )


def test_unknown_code_is_shown_raw_and_not_translated():
    found = problems.explain(Problem("ERROR_NEVER_SEEN", "notes"), '{"notes": "abc"}')

    assert (found.known, found.code, found.field) == (False, "ERROR_NEVER_SEEN", "notes")
    assert found.cause == "Unknown code: ERROR_NEVER_SEEN"
    assert (list(found.values), found.customer) == ([("notes", "abc")], [])


def test_a_status_that_proves_nothing_is_explained_beside_the_list():
    entry = {"status": 500, "field": "", "message": "Internal error"}

    found = problems.explain_attempt(cause="http_500", http_status=500, errors=[entry], body="")

    assert [each.code for each in found] == ["http_500", "Internal error"]
    assert [each.known for each in found] == [True, False]


def test_a_refusal_with_a_list_is_explained_by_the_list():
    entry = {"status": 400, "field": "", "message": "CLOSED_FISCAL_PERIOD"}

    found = problems.explain_attempt(cause="http_400", http_status=400, errors=[entry], body=BODY)

    assert [each.code for each in found] == ["CLOSED_FISCAL_PERIOD"]
