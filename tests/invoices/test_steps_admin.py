"""Who may add PDFs, confirm a send and skip a step, on the export's page."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from invoices.models import AuditEvent
from invoices.step_models import ExportStep
from tests.invoices.steps_driver import PDF, client_of, drive_to_the_end, reconcile
from tests.staff import EVERYBODY, log_in, refusal, text, url

pytestmark = pytest.mark.django_db

MAY = {"Accountant", "Administrator"}


@pytest.fixture
def send(make_tenant, queued, tenant, sandbox):
    """A send that needs attention: its answer was lost, without effect."""
    tenant.after_submit, tenant.invoice_channel = "approve_and_send", "MAIL"
    tenant.save()
    export = reconcile(queued("A-1")[0], client_of(tenant))
    sandbox.fault("reset", method="PUT", path=f"/invoices/{export.remote_id}/send")
    drive_to_the_end(tenant, client_of(tenant))
    return ExportStep.objects.get(kind="send", status="needs_attention")


@pytest.mark.parametrize("rung", EVERYBODY)
@pytest.mark.parametrize("page", ["invoices_step_again", "invoices_step_skip"])
def test_only_accountants_decide_about_a_step(client, send, rung, page):
    log_in(client, rung)
    answer = client.get(url(page, send.export_id, send.pk))

    expected = "shown" if rung in MAY else "log in" if rung == "anonymous" else "refused"
    assert refusal(answer) == expected


@pytest.mark.parametrize("rung", EVERYBODY)
def test_only_accountants_add_a_pdf(client, send, rung):
    log_in(client, rung)
    file = SimpleUploadedFile("lasku.pdf", PDF, "application/pdf")
    answer = client.post(url("invoices_export_add_pdf", send.export_id), {"file": file})

    added = send.export.invoice.attachments.count()
    assert (refusal(answer) == "moved", added) == (rung in MAY, int(rung in MAY))


def test_confirming_needs_a_reason_and_is_recorded(client, send):
    person = log_in(client, "Accountant")
    page = url("invoices_step_again", send.export_id, send.pk)
    assert refusal(client.post(page, {"confirmed": "1", "reason": ""})) == "shown"
    client.post(page, {"confirmed": "1", "reason": "The buyer called"})

    send.refresh_from_db()
    event = AuditEvent.objects.get(action="step.waiting", export=send.export)
    assert (send.status, event.by, event.data["reason"]) == (
        "waiting",
        person,
        "The buyer called",
    )


def test_file_that_is_no_pdf_is_told_at_the_field(client, send):
    log_in(client, "Accountant")
    file = SimpleUploadedFile("lasku.pdf", b"PK", "application/pdf")
    answer = client.post(url("invoices_export_add_pdf", send.export_id), {"file": file})

    assert "The file lasku.pdf is not a PDF." in text(answer)


def test_page_shows_steps_with_attempts_and_words(client, send):
    log_in(client, "Accountant")
    page = text(client.get(url("invoices_invoiceexport_change", send.export_id)))

    assert "Procountor does not show the invoice as sent" in page
    assert "Confirm sending again" in page
