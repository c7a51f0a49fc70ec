"""Same number, other content: held with the difference until an accountant decides."""

import json

import pytest

from integrations import offboarding
from invoices import changes, corrections, engine, exports, filing
from invoices.change_models import HeldChange
from invoices.models import AuditEvent, Invoice, InvoiceExport
from tests import factories
from tests.staff import text, url

pytestmark = pytest.mark.django_db(transaction=True)

ROW = factories.invoice()["rows"][0]
BUYER = factories.invoice()["buyer"]
MOVED = BUYER | {"address": BUYER["address"] | {"street": "Uusitie 9"}}


def take_in(tenant, **fields):
    content = json.dumps(factories.invoice("A-1", **fields)).encode()
    received = filing.file_invoices(tenant, "own.json", content, via="command")
    return received.items.get()


@pytest.fixture
def held(tenant):
    take_in(tenant)
    return take_in(tenant, buyer=MOVED).change


@pytest.fixture
def accountant(client):
    user = factories.UserFactory(role="Accountant")
    client.force_login(user)
    return user


def test_changed_invoice_is_held_with_the_difference(tenant):
    take_in(tenant)

    item = take_in(tenant, buyer=MOVED)

    assert item.outcome == "held"
    assert item.change.differences == [
        {"field": "buyer.address.street", "old": "Testitie 2", "new": "Uusitie 9"}
    ]
    assert InvoiceExport.objects.count() == 1
    event = AuditEvent.objects.get(action="change.held")
    assert event.data["fields"] == ["buyer.address.street"]
    assert "Uusitie" not in json.dumps(event.data)


def test_same_change_again_is_held_once(tenant, held):
    again = take_in(tenant, buyer=MOVED)

    assert again.outcome == "held"
    assert HeldChange.objects.get() == held


def test_another_change_is_held_beside(tenant, held):
    take_in(tenant, buyer=MOVED, order_reference="PO-7")

    assert HeldChange.objects.filter(state="open").count() == 2


def test_change_that_was_decided_does_not_come_back(tenant, held):
    changes.keep(held, by=factories.UserFactory(), reason="the old one is right")

    again = take_in(tenant, buyer=MOVED)

    assert again.outcome == "duplicate"
    assert [w["code"] for w in again.warnings] == ["change_decided"]
    assert not HeldChange.objects.filter(state="open").exists()


def test_what_people_corrected_here_and_the_source_now_too_is_a_duplicate(tenant, accountant):
    take_in(tenant)
    export = InvoiceExport.objects.get()
    document = corrections.document_of(export)
    new = corrections.corrected(document, {"buyer.address.street": "Uusitie 9"})
    prepared = ("basis", b"{}")
    corrections.correct(export, new, version=0, by=accountant, reason="moved", prepared=prepared)

    assert take_in(tenant, buyer=MOVED).outcome == "duplicate"


def test_it_is_compared_with_what_counts(tenant, held, accountant):
    export = held.export
    document = corrections.document_of(export)
    new = corrections.corrected(document, {"order_reference": "PO-1"})
    corrections.correct(
        export, new, version=0, by=accountant, reason="x", prepared=("basis", b"{}")
    )

    found = take_in(tenant, buyer=MOVED, due_date="2026-09-20").change.differences

    assert {d["field"] for d in found} == {
        "order_reference",
        "buyer.address.street",
        "due_date",
    }


def test_nothing_of_a_held_change_reaches_procountor(tenant, held, sandbox):
    exports.queue(held.export)
    engine.run_lane(tenant.pk)

    (booked,) = sandbox.ledger()
    assert "Uusitie" not in str(booked)


def test_decided_once(held):
    changes.keep(held, by=factories.UserFactory(), reason="mine")
    stale = HeldChange.objects.get(pk=held.pk)

    with pytest.raises(changes.AlreadyDecided):
        changes.keep(stale, by=factories.UserFactory(), reason="other")
    assert HeldChange.objects.get().reason == "mine"
    assert AuditEvent.objects.filter(action="change.kept").count() == 1


class TestPages:
    def page(self, change):
        return url("invoices_heldchange_decide", change.pk)

    def test_list_and_start_page_tell_of_it(self, client, accountant, held):
        page = text(client.get(url("invoices_heldchange_changelist")))
        home = text(client.get(url("invoices_invoiceexport_needs_action")))

        assert "A-1" in page and "Buyer · Street" in page
        assert "1 invoice came again with other content" in home

    def test_both_values_stand_side_by_side(self, client, accountant, held):
        page = text(client.get(self.page(held)))

        assert "Testitie 2" in page and "Uusitie 9" in page
        assert "Take over as a correction" in page

    def test_dates_are_shown_as_the_reader_writes_them(self, client, accountant, tenant):
        take_in(tenant)
        item = take_in(tenant, due_date="2026-09-20")

        page = text(client.get(self.page(item.change), headers={"Accept-Language": "fi"}))

        assert "15.9.2026" in page and "20.9.2026" in page

    def test_left_as_it_was_with_a_reason(self, client, accountant, held):
        client.post(self.page(held), {"reason": ""})
        held.refresh_from_db()
        assert held.state == "open"

        client.post(self.page(held), {"reason": "the old address is right"})

        held.refresh_from_db()
        assert (held.state, held.decided_by) == ("kept", accountant)
        assert "Nothing is exported anew" in text(client.get(url("invoices_heldchange_changelist")))

    def test_taken_over_as_a_correction(self, client, accountant, held, tenant, sandbox):
        page = url("invoices_export_correct", held.export_id) + f"?change={held.pk}"
        form = client.get(page).context["form"]
        values = {name: form[name].value() or "" for name in form.fields}
        assert values["buyer.address.street"] == "Uusitie 9"
        values |= {"reason": "moved", "version": "0"}
        shown = client.post(page, values | {"check": "1"})
        saved = client.post(page, values | {"seen": shown.context["seen"], "save": "1"})
        assert saved.status_code == 302, saved.context["form"].errors

        held.refresh_from_db()
        assert held.state == "corrected"
        engine.run_lane(tenant.pk)
        assert "Uusitie 9" in str(sandbox.ledger())
        assert len(sandbox.ledger()) == 1
        assert take_in(tenant, buyer=MOVED).outcome == "duplicate"

    def test_nothing_is_saved_when_somebody_decided_meanwhile(self, client, accountant, held):
        page = url("invoices_export_correct", held.export_id) + f"?change={held.pk}"
        form = client.get(page).context["form"]
        values = {name: form[name].value() or "" for name in form.fields}
        values |= {"reason": "moved", "version": "0"}
        shown = client.post(page, values | {"check": "1"})

        decide = changes.taken_over

        def meanwhile(change, **facts):
            other = HeldChange.objects.get(pk=change.pk)
            changes.keep(other, by=factories.UserFactory(), reason="no")
            decide(change, **facts)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(changes, "taken_over", meanwhile)
            answer = client.post(page, values | {"seen": shown.context["seen"], "save": "1"})

        assert "Somebody else has decided it meanwhile" in text(answer)
        held.export.refresh_from_db()
        assert (held.export.corrections, held.export.status) == (0, "draft")

    def test_other_amount_cannot_be_taken_over(self, client, accountant, tenant):
        take_in(tenant)
        item = take_in(tenant, rows=[ROW | {"quantity": "2"}], gross_total="251.00")

        page = text(client.get(self.page(item.change)))

        assert "Take over as a correction" not in page
        assert "credit the earlier invoice at the source" in page
        assert "Row 1 · Quantity" in page

    def test_what_is_in_procountor_is_told_with_its_number(
        self, client, accountant, tenant, queued, sandbox
    ):
        (export,) = queued("A-1")
        engine.run_lane(tenant.pk)
        change = take_in(tenant, buyer=MOVED).change

        page = text(client.get(self.page(change)))

        export.refresh_from_db()
        assert export.remote_number and str(export.remote_number) in page
        assert "Take over as a correction" not in page
        assert "is not corrected any more" in page

    def test_page_of_the_export_and_of_the_file_lead_to_it(self, client, accountant, held):
        address = self.page(held)

        of_export = client.get(url("invoices_invoiceexport_change", held.export_id))
        of_file = client.get(url("invoices_receivedfile_change", held.item.file_id))

        assert address in of_export.content.decode()
        assert address in of_file.content.decode()

    def test_many_fields_are_folded_in_the_list(self, client, accountant, tenant):
        take_in(tenant)
        take_in(
            tenant, buyer=MOVED, order_reference="1", buyer_reference="2", due_date="2026-10-01"
        )

        assert "and 1 more" in text(client.get(url("invoices_heldchange_changelist")))

    @pytest.mark.parametrize(
        ("role", "sees", "decides"),
        [("Support", 403, 403), ("Management", 200, 403), ("Administrator", 200, 302)],
    )
    def test_roles(self, client, held, role, sees, decides):
        client.force_login(factories.UserFactory(role=role))

        assert client.get(self.page(held)).status_code == sees
        assert client.post(self.page(held), {"reason": "x"}).status_code == decides

    def test_support_is_not_led_to_it(self, client, held):
        client.force_login(factories.UserFactory(role="Support"))

        for page in (
            url("invoices_invoiceexport_needs_action"),
            url("invoices_invoiceexport_change", held.export_id),
        ):
            assert "heldchange" not in client.get(page).content.decode()


def test_invoice_of_a_closed_tenant_brings_no_change(tenant):
    take_in(tenant)
    offboarding.close(
        tenant, by=factories.UserFactory(), reason="over", destroy_on=offboarding.default_date()
    )
    tenant.refresh_from_db()

    with pytest.raises(filing.TenantClosed):
        take_in(tenant, buyer=MOVED)
    assert not HeldChange.objects.exists()
    assert Invoice.objects.count() == 1
