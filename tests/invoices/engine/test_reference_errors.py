"""Every row of the reference's error tables, and every status an answer may have, ends somewhere
known: refused, retried, parked or asked about, and never posted a second time on its own.

Rows: REFERENCE sections 7 (over the limit) and 8 (codes, status codes). What the reference marks
as assumed is marked so in the test's id.
"""

from __future__ import annotations

import pytest
from django.utils import translation

from invoices import engine
from invoices.admin.words import explained
from tests.invoices.engine.test_runner import posts

pytestmark = pytest.mark.django_db(transaction=True)

POSTS = {"method": "POST", "path": "/invoices"}

#: message, field, status and reason the export ends with.
CODES = {
    "due date before invoice date": ("DUE_DATE_BEFORE_BILL_DATE", "", "refused"),
    "closed period": ("CLOSED_FISCAL_PERIOD", "", "closed_period"),
    "business id malformed": ("ERROR_BRN_CODE", "counterParty.identifier", "refused"),
    "VAT status and percentage": (
        "ERROR_VATSTATUS_VATPERC",
        "invoiceRows[0].vatStatus",
        "refused",
    ),
    "account and VAT": (
        "ERROR_LEDGERACCOUNT_VATPERCENTAGE_COMBINATION",
        "transactions[0].account",
        "refused",
    ),
    "dimension removed": (
        "DIMENSION_OR_DIMENSION_ITEM_IDENTIFIERS_DOES_NOT_MATCH_THOSE_STORED_IN_DATABASE",
        "transactions[0].dimensionItemValues",
        "refused",
    ),
    "blank value": (
        "Value of the 'deliveryAddress.country' cannot be blank.",
        "deliveryAddress.country",
        "refused",
    ),
    "invalid value": ("Value of the 'depreciation' field is invalid: ", "depreciation", "refused"),
    "code nobody knows": ("ERROR_NEVER_SEEN_BEFORE", "notes", "refused"),
}


@pytest.fixture
def ended(tenant, queued, sandbox):
    """Submit one invoice while the sandbox answers with `fault`; the export as it ends."""

    def submit(**fault):
        (export,) = queued("A-1")
        sandbox.fault(**fault, **POSTS)
        engine.run_lane(tenant.pk)
        export.refresh_from_db()
        return export

    return submit


@pytest.mark.parametrize("row", CODES)
def test_code_ends_with_a_person_or_a_period_and_is_shown_as_it_came(ended, sandbox, row):
    message, field, reason = CODES[row]

    export = ended(kind="status", status=400, message=message, field=field)

    assert reason in (export.attention_reason, export.parked_reason)
    assert export.attempts.get().errors == [{"status": 400, "field": field, "message": message}]
    assert (export.problems[0]["code"], export.problems[0].get("place", "")) == (message, field)
    for language in ("en", "fi"):
        with translation.override(language):
            (words,) = explained(export.problems)
            assert str(words["cause"]).strip() and str(words["remedy"]).strip()
    assert (len(posts(sandbox)), sandbox.ledger()) == (1, [])


#: What an answer without Procountor's own list of errors means: a gateway gave it.
GATEWAY = dict.fromkeys(
    (400, 402, 404, 405, 406, 408, 409, 410, 413, 415, 422, 451, 500, 501, 502, 503, 504, 507, 599),
    "unknown",
)


@pytest.mark.parametrize("status", GATEWAY)
def test_answer_of_a_gateway_proves_nothing(ended, sandbox, status):
    export = ended(kind="html", status=status)

    assert export.status == GATEWAY[status]
    assert export.attempts.get().http_status == status
    assert export.not_before is not None
    assert len(posts(sandbox)) == 1


@pytest.mark.parametrize("status", [400, 404, 409, 422])
def test_procountor_s_own_refusal_ends_with_a_person(ended, status):
    export = ended(kind="status", status=status, message="ERROR_SOMETHING")

    assert (export.status, export.attention_reason) == ("needs_attention", "refused")


def test_missing_rights_stop_the_lane(ended, tenant):
    export = ended(kind="status", status=403, message="Forbidden")

    tenant.refresh_from_db()
    assert (export.parked_reason, tenant.pause_reason) == ("rights", "rights")


def test_server_error_with_a_list_is_still_no_answer(ended):
    assert ended(kind="status", status=500, message="Internal error").status == "unknown"


@pytest.mark.parametrize("retry_after", [None, 0], ids=["assumed: no header", "assumed: header"])
def test_over_the_limit_is_retried_by_schedule(ended, retry_after):
    export = ended(kind="rate_limited", retry_after=retry_after)

    assert (export.status, export.retries) == ("queued", 1)
    assert export.attempts.get().outcome == "not_submitted"


def test_token_that_expired_midway_is_renewed_and_the_invoice_booked_once(ended, sandbox):
    export = ended(kind="expired_token")

    assert export.status == "reconciled"
    assert len(sandbox.ledger()) == 1


@pytest.mark.parametrize("kind", ["reset", "not_json", "drop_mid_body", "html_500"])
@pytest.mark.parametrize("after_effect", [False, True], ids=["lost request", "lost answer"])
def test_broken_exchange_is_asked_about_and_not_posted_again(ended, sandbox, kind, after_effect):
    export = ended(kind=kind, after_effect=after_effect)

    assert export.status == "unknown"
    assert len(posts(sandbox)) == 1
