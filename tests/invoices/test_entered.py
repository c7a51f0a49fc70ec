"""An invoice entered by hand: looked up before anything changes, and never POSTed."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from invoices import engine, entered, exports, tasks
from invoices.correction_models import EnteredByHand
from invoices.models import AuditEvent, InvoiceExport
from tests import factories
from tests.invoices.correcting import POSTS
from tests.staff import EVERYBODY, log_in, refusal, said, text, url

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def by():
    return factories.UserFactory(role="Accountant")


@pytest.fixture
def by_hand(tenant, queued):
    """Somebody enters an invoice in Procountor: as it would be of ours, with other fields."""

    def enter(**fields):
        queued("H-1", **fields)
        engine.run_lane(tenant.pk)
        made = InvoiceExport.objects.get(invoice__number="H-1")
        remote = tenant.sandbox_books.invoices[made.remote_id]
        remote["originalInvoiceNumber"] = ""
        InvoiceExport.objects.filter(pk=made.pk).update(remote_id=None, remote_number="")
        return remote

    return enter


@pytest.fixture
def held(tenant, queued, sandbox):
    tenant.sandbox_books = sandbox.books[tenant.company.id]
    (export,) = queued("A-1")
    InvoiceExport.objects.filter(pk=export.pk).update(
        status="needs_attention", attention_reason="refused", not_before=None
    )
    export.refresh_from_db()
    return export


def posts(sandbox):
    return [r for r in sandbox.requests if r[1:3] == ("POST", "/invoices")]


def said_and_looked_up(export, number, by):
    entry = entered.say(export, number, by=by, reason="Entered on Monday")
    state = tasks.look_up_entered(entry.pk)
    export.refresh_from_db()
    return state


def test_no_key_is_told_and_the_look_up_works_once_there_is_one(
    client, tenant, held, by_hand, by, sandbox
):
    remote = by_hand()
    before = len(posts(sandbox))
    keys = list(tenant.credentials.filter(state="active").values_list("pk", flat=True))
    tenant.credentials.filter(pk__in=keys).update(state="superseded")

    assert said_and_looked_up(held, remote["invoiceNumber"], by) == "no_answer"
    assert held.status == "needs_attention"
    assert EnteredByHand.objects.get().cause == "credential_missing"
    log_in(client, "Accountant")
    page = text(client.get(url("invoices_invoiceexport_change", held.pk)))
    assert "The tenant has no active API key." in page

    tenant.credentials.filter(pk__in=keys).update(state="active")
    assert said_and_looked_up(held, remote["invoiceNumber"], by) == "adopted"
    assert held.remote_id == remote["id"]
    assert len(posts(sandbox)) == before


def test_found_and_agreed_is_adopted_without_a_post(held, by_hand, by, sandbox):
    remote = by_hand()
    before = len(posts(sandbox))

    assert said_and_looked_up(held, remote["invoiceNumber"], by) == "adopted"

    assert held.status == "skipped"
    assert (held.remote_id, held.remote_number) == (remote["id"], str(remote["invoiceNumber"]))
    assert len(posts(sandbox)) == before
    event = AuditEvent.objects.get(export=held, action="export.skipped")
    assert (event.by, event.data["remote_id"]) == (by, remote["id"])


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({"gross_total": "251.00", "rows": "two"}, "different"),
        ({"buyer": "other"}, "different"),
    ],
)
def test_other_total_or_buyer_changes_nothing(held, by_hand, by, client, fields, state):
    if "rows" in fields:
        row = factories.invoice()["rows"][0] | {"quantity": "2"}
        fields = fields | {"rows": [row]}
    if "buyer" in fields:
        buyer = factories.invoice()["buyer"]
        fields = {"buyer": buyer | {"address": buyer["address"] | {"name": "Muu Oy"}}}
    remote = by_hand(**fields)

    assert said_and_looked_up(held, remote["invoiceNumber"], by) == state

    assert (held.status, held.remote_id) == ("needs_attention", None)
    client.force_login(by)
    page = text(client.get(url("invoices_invoiceexport_change", held.pk)))
    assert "is another invoice" in page
    assert "Differs" in page


def test_wrong_number_changes_nothing_and_is_told(held, by, client):
    assert said_and_looked_up(held, 999, by) == "absent"

    assert held.status == "needs_attention"
    client.force_login(by)
    page = text(client.get(url("invoices_invoiceexport_change", held.pk)))
    assert "Procountor has no sales invoice with number 999" in page
    assert AuditEvent.objects.get(action="invoice.entry_refused").data["verdict"] == "absent"


def test_purchase_invoice_or_deleted_one_is_not_accepted(held, by_hand, by):
    remote = by_hand()
    remote["status"] = "INVALIDATED"
    assert said_and_looked_up(held, remote["invoiceNumber"], by) == "absent"

    remote |= {"status": "UNFINISHED", "type": "PURCHASE_INVOICE"}
    assert said_and_looked_up(held, remote["invoiceNumber"], by) == "absent"


def test_invoice_of_another_export_is_not_taken(held, by_hand, by):
    remote = by_hand()
    InvoiceExport.objects.filter(invoice__number="H-1").update(remote_id=remote["id"])

    assert said_and_looked_up(held, remote["invoiceNumber"], by) == "taken"
    assert held.status == "needs_attention"


def test_our_own_that_landed_too_is_told(held, by_hand, by, tenant, sandbox):
    remote = by_hand()
    InvoiceExport.objects.filter(pk=held.pk).update(status="queued", not_before=timezone.now())
    sandbox.fault(kind="html_500", after_effect=True, **POSTS)
    engine.run_lane(tenant.pk)
    InvoiceExport.objects.filter(pk=held.pk).update(status="needs_attention", not_before=None)
    held.refresh_from_db()

    assert said_and_looked_up(held, remote["invoiceNumber"], by) == "double"
    assert held.status == "needs_attention"


def test_no_answer_changes_nothing(held, by_hand, by, sandbox):
    remote = by_hand()
    sandbox.fault(kind="html_500", method="GET", path="/invoices")

    assert said_and_looked_up(held, remote["invoiceNumber"], by) == "no_answer"
    assert held.status == "needs_attention"


def test_nobody_queues_while_it_is_looked_up(held, by_hand, by, tenant, sandbox):
    remote = by_hand()
    before = len(posts(sandbox))
    entry = entered.say(held, remote["invoiceNumber"], by=by, reason="x")

    assert not exports.queue(held, by=by)
    engine.run_lane(tenant.pk)

    assert entered.say(held, remote["invoiceNumber"], by=by, reason="again") is None
    assert tasks.look_up_entered(entry.pk) == "adopted"
    assert len(posts(sandbox)) == before


def test_export_queued_just_before_is_adopted_and_never_submitted(
    held, by_hand, by, tenant, sandbox
):
    remote = by_hand()
    before = len(posts(sandbox))
    entry = entered.say(held, remote["invoiceNumber"], by=by, reason="x")
    InvoiceExport.objects.filter(pk=held.pk).update(status="queued", not_before=timezone.now())

    assert tasks.look_up_entered(entry.pk) == "adopted"
    engine.run_lane(tenant.pk)

    assert len(posts(sandbox)) == before


def test_export_on_its_way_is_left_alone_and_told(held, by_hand, by):
    remote = by_hand()
    entry = entered.say(held, remote["invoiceNumber"], by=by, reason="x")
    InvoiceExport.objects.filter(pk=held.pk).update(status="submitting")

    assert tasks.look_up_entered(entry.pk) == "moved_on"
    held.refresh_from_db()
    assert (held.status, held.remote_id) == ("submitting", None)


@pytest.mark.parametrize("status", ["queued", "submitting", "submitted", "unknown", "skipped"])
def test_nothing_is_taken_down_for_what_is_on_its_way_or_done(held, by, status):
    InvoiceExport.objects.filter(pk=held.pk).update(status=status)

    assert entered.say(held, 1, by=by, reason="x") is None


def test_lost_look_up_is_made_again_and_a_doubled_one_does_nothing(held, by_hand, by):
    remote = by_hand()
    entry = entered.say(held, remote["invoiceNumber"], by=by, reason="x")
    assert entered.look_up_overdue() == 0
    EnteredByHand.objects.update(at=timezone.now() - dt.timedelta(minutes=3))

    assert entered.look_up_overdue() == 1
    assert tasks.look_up_entered(entry.pk) == "adopted"
    assert tasks.look_up_entered(entry.pk) == ""


@pytest.mark.parametrize("rung", EVERYBODY)
def test_only_who_may_skip_may_say_so(client, held, rung):
    log_in(client, rung)

    response = client.post(
        url("invoices_export_entered", held.pk), {"number": "12", "reason": "By hand"}
    )

    allowed = rung in ("Accountant", "Administrator")
    assert (refusal(response) == "moved") == allowed
    assert EnteredByHand.objects.exists() == allowed
    if allowed:
        assert said(response) == ["The number is looked up in Procountor."]


@pytest.mark.parametrize("number", ["", "abc", "0", "-1", "9" * 30, "1.5"])
def test_number_that_is_none_is_told_at_the_field(client, held, number):
    log_in(client, "Accountant")

    response = client.post(
        url("invoices_export_entered", held.pk), {"number": number, "reason": "x"}
    )

    assert list(response.context["form"].errors) == ["number"]
    assert not EnteredByHand.objects.exists()
